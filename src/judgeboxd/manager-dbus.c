/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus-call.h"
#include "bus-service.h"
#include "cgroup.h"
#include "json-build.h"
#include "reply-json.h"
#include "result-json.h"

/* org.judgebox1.Manager. What its methods do is in org.judgebox1(5), what their options mean in
 * org.judgebox.Manager.varlink: each is the method of the same name there. */

/* Run(as arguments, a{sv} options) -> (a{sv} result, a{sv} files) */
static int method_run(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return bus_run_start(ASSERT_PTR(userdata), m, /* owner= */ 0, /* box= */ NULL);
}

static int reply_results(sd_bus_message *reply, const Operation *op, json_object *o, const int *fds, size_t n_fds) {
        json_object *results;

        if (!json_object_object_get_ex(o, "results", &results))
                return -EBADMSG;

        return bus_json_append_array(reply, results, fds, n_fds);
}

/* RunGroup(aa{sv} members, aa{sv} pipes, a{sv} options) -> (aa{sv} results) */
static int method_run_group(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_json_ json_object *members = NULL, *pipes = NULL;
        _cleanup_(bus_parameters_done) BusParameters p = {};
        int r;

        r = bus_json_read_array(m, "a{sv}", &p.fds, &members);
        if (r >= 0)
                r = bus_json_read_array(m, "a{sv}", &p.fds, &pipes);
        if (r < 0)
                return r == -E2BIG ? -EINVAL : r;

        r = bus_parameters_read(&p, m);
        if (r < 0)
                return r;

        r = bus_parameters_add(&p, "members", TAKE_PTR(members));
        if (r >= 0)
                r = bus_parameters_add(&p, "pipes", TAKE_PTR(pipes));
        if (r < 0)
                return r;

        return bus_call_start(ASSERT_PTR(userdata), m, OPERATION_RUN_GROUP, &p, reply_results);
}

static int reply_path(sd_bus_message *reply, const Operation *op, json_object *o, const int *fds, size_t n_fds) {
        _cleanup_free_ char *path = NULL;

        path = bus_path_of_box(op->result_box->owner, op->result_box->id);
        return path ? sd_bus_message_append(reply, "o", path) : -ENOMEM;
}

/* CreateBox(s id, a{sv} settings) -> (o box) */
static int method_create_box(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(bus_parameters_done) BusParameters settings = {}, p = {};
        json_object *until_disconnect;
        const char *id;
        int r;

        r = sd_bus_message_read(m, "s", &id);
        if (r < 0)
                return r;

        r = bus_parameters_read(&settings, m);
        if (r < 0)
                return r;

        p.object = json_object_new_object();
        if (!p.object)
                return -ENOMEM;

        /* The descriptors are where the operation looks for them. */
        p.fds = settings.fds;
        settings.fds.n_fds = 0;

        r = 0;
        if (json_object_object_get_ex(settings.object, "untilDisconnect", &until_disconnect)) {
                r = bus_parameters_add(&p, "untilDisconnect", json_object_get(until_disconnect));
                json_object_object_del(settings.object, "untilDisconnect");
        }
        if (r >= 0)
                r = bus_parameters_add(&p, "settings", TAKE_PTR(settings.object));
        if (r >= 0 && !isempty(id))
                r = bus_parameters_add(&p, "box", json_object_new_string(id));
        if (r < 0)
                return r;

        return bus_call_start(ASSERT_PTR(userdata), m, OPERATION_CREATE, &p, reply_path);
}

/* GetBox(s id) -> (o box): the caller's own; an admin's way to others is their path. */
static int method_get_box(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(bus_parameters_done) BusParameters p = {};
        const char *id;
        int r;

        r = sd_bus_message_read(m, "s", &id);
        if (r < 0)
                return r;

        p.object = json_object_new_object();
        if (!p.object)
                return -ENOMEM;

        r = bus_parameters_add(&p, "box", json_object_new_string(id));
        if (r < 0)
                return r;

        return bus_call_start(ASSERT_PTR(userdata), m, OPERATION_GET, &p, reply_path);
}

static int reply_boxes(sd_bus_message *reply, const Operation *op, json_object *o, const int *fds, size_t n_fds) {
        Box *b, *next;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(suso)");
        if (r < 0)
                return r;

        HASH_ITER(hh, op->manager->boxes, b, next) {
                _cleanup_free_ char *path = NULL;

                if (!op->all && b->owner != op->owner)
                        continue;

                path = bus_path_of_box(b->owner, b->id);
                if (!path)
                        return -ENOMEM;

                r = sd_bus_message_append(reply, "(suso)", b->id, (uint32_t) b->owner, box_state_to_string(b->state),
                                          path);
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(reply);
}

static int reply_profiles(sd_bus_message *reply, const Operation *op, json_object *o, const int *fds, size_t n_fds) {
        json_object *profiles;

        if (!json_object_object_get_ex(o, "profiles", &profiles))
                return -EBADMSG;

        return bus_json_append_array(reply, profiles, NULL, 0);
}

static int reply_profile(sd_bus_message *reply, const Operation *op, json_object *o, const int *fds, size_t n_fds) {
        return bus_json_append(reply, o, NULL, 0);
}

/* ListBoxes(a{sv} options) -> (a(suso) boxes) */
static int method_list_boxes(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(bus_parameters_done) BusParameters p = {};
        int r;

        r = bus_parameters_read(&p, m);
        if (r < 0)
                return r;

        return bus_call_start(ASSERT_PTR(userdata), m, OPERATION_LIST, &p, reply_boxes);
}

/* ListProfiles() -> (aa{sv} profiles) */
static int method_list_profiles(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(bus_parameters_done) BusParameters p = { .object = json_object_new_object() };

        if (!p.object)
                return -ENOMEM;

        return bus_call_start(ASSERT_PTR(userdata), m, OPERATION_LIST_PROFILES, &p, reply_profiles);
}

/* GetProfile(s name) -> (a{sv} profile) */
static int method_get_profile(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(bus_parameters_done) BusParameters p = { .object = json_object_new_object() };
        const char *name;
        int r;

        if (!p.object)
                return -ENOMEM;

        r = sd_bus_message_read(m, "s", &name);
        if (r >= 0)
                r = bus_parameters_add(&p, "profile", json_object_new_string(name));
        if (r < 0)
                return r;

        return bus_call_start(ASSERT_PTR(userdata), m, OPERATION_GET_PROFILE, &p, reply_profile);
}

/* GetStatus() -> (a{sv} status) */
static int method_get_status(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_json_ json_object *o = NULL;
        BusService *s = ASSERT_PTR(userdata);
        Caller caller;
        int r;

        r = bus_callers_get(bus_service_get_callers(s), m, &caller);
        if (r < 0)
                return r;

        r = manager_to_json(bus_service_get_manager(s), caller.uid, &o);
        if (r < 0)
                return r;

        r = sd_bus_message_new_method_return(m, &reply);
        if (r < 0)
                return r;

        r = bus_json_append(reply, o, NULL, 0);
        if (r < 0)
                return r;

        return sd_bus_send(NULL, reply, NULL);
}

static int method_subscribe(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        int r;

        r = bus_service_subscribe(ASSERT_PTR(userdata), m);
        if (r == -EUSERS)
                return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_LIMITS_EXCEEDED, "No more than %u subscribers at a time.",
                                                  BUS_SUBSCRIBERS_PER_UID_MAX);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int method_unsubscribe(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        int r;

        r = bus_service_unsubscribe(ASSERT_PTR(userdata), m);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int property_get(
                sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error) {

        Manager *m = bus_service_get_manager(ASSERT_PTR(userdata));

        if (streq(property, "Version"))
                return sd_bus_message_append(reply, "s", PROJECT_VERSION);

        assert(streq(property, "CgroupManager"));
        return sd_bus_message_append(reply, "s", m->cgroups ? cgroup_manager_get_name(m->cgroups) : "none");
}

const sd_bus_vtable bus_manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Version", "s", property_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("CgroupManager", "s", property_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_METHOD_WITH_ARGS("Run",
                                SD_BUS_ARGS("as", arguments, "a{sv}", options),
                                SD_BUS_RESULT("a{sv}", result, "a{sv}", files),
                                method_run,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RunGroup",
                                SD_BUS_ARGS("aa{sv}", members, "aa{sv}", pipes, "a{sv}", options),
                                SD_BUS_RESULT("aa{sv}", results),
                                method_run_group,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CreateBox",
                                SD_BUS_ARGS("s", id, "a{sv}", settings),
                                SD_BUS_RESULT("o", box),
                                method_create_box,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetBox",
                                SD_BUS_ARGS("s", id),
                                SD_BUS_RESULT("o", box),
                                method_get_box,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListBoxes",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a(suso)", boxes),
                                method_list_boxes,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListProfiles",
                                SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("aa{sv}", profiles),
                                method_list_profiles,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetProfile",
                                SD_BUS_ARGS("s", name),
                                SD_BUS_RESULT("a{sv}", profile),
                                method_get_profile,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetStatus",
                                SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a{sv}", status),
                                method_get_status,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Subscribe",
                                SD_BUS_NO_ARGS,
                                SD_BUS_NO_RESULT,
                                method_subscribe,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Unsubscribe",
                                SD_BUS_NO_ARGS,
                                SD_BUS_NO_RESULT,
                                method_unsubscribe,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("BoxNew", SD_BUS_ARGS("s", id, "u", owner, "o", box), 0),
        SD_BUS_SIGNAL_WITH_ARGS("BoxRemoved", SD_BUS_ARGS("s", id, "u", owner, "o", box), 0),
        SD_BUS_VTABLE_END,
};
