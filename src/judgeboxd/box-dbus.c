/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus-call.h"
#include "bus-service.h"
#include "cgroup.h"
#include "hash.h"
#include "json-build.h"
#include "reply-json.h"

/* org.judgebox1.Box. Each method is the one of org.judgebox.Manager for the box that the object's path names. */

/* The parameters say which box is meant. */
static int add_box(BusParameters *p, uid_t owner, const char *id) {
        int r;

        r = bus_parameters_add(p, "box", json_object_new_string(id));
        if (r < 0)
                return r;

        return bus_parameters_add(p, "owner", json_object_new_int64((int64_t) owner));
}

static int path_to_box(sd_bus_message *m, uid_t *ret_owner, char ret_id[static BOX_ID_SIZE]) {
        return bus_path_to_box(sd_bus_message_get_path(m), ret_owner, ret_id);
}

/* A method with an a{sv} last, and before it a string or a number that the parameters have under this name, if any. */
static int start(
                BusService *s,
                sd_bus_message *m,
                OperationType type,
                char argument_type,
                const char *argument,
                bus_reply_t reply) {

        _cleanup_(bus_parameters_done) BusParameters p = {};
        _cleanup_json_ json_object *value = NULL;
        const char *text = NULL;
        char id[BOX_ID_SIZE];
        uid_t owner;
        int r;

        if (argument_type == 's') {
                r = sd_bus_message_read_basic(m, 's', &text);
                if (r < 0)
                        return r;
                value = json_object_new_string(text);
        } else if (argument_type == 't') {
                uint64_t number;

                r = sd_bus_message_read_basic(m, 't', &number);
                if (r < 0)
                        return r;
                if (number > INT64_MAX)
                        return -EINVAL;
                /* 0 is no run: all are meant. */
                value = number > 0 ? json_object_new_int64((int64_t) number) : NULL;
        }

        r = bus_parameters_read(&p, m);
        if (r < 0)
                return r;

        /* An empty path stands for that of the options. */
        if (text && isempty(text) && json_object_object_get_ex(p.object, "pathBase64", NULL)) {
                (void) json_object_put(value);
                value = NULL;
        }

        r = path_to_box(m, &owner, id);
        if (r < 0)
                return r;

        r = add_box(&p, owner, id);
        if (r >= 0 && value)
                r = bus_parameters_add(&p, argument, TAKE_PTR(value));
        if (r < 0)
                return r;

        return bus_call_start(s, m, type, &p, reply);
}

static int method_destroy(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return start(ASSERT_PTR(userdata), m, OPERATION_DESTROY, 0, NULL, bus_reply_empty);
}

static int method_reset(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return start(ASSERT_PTR(userdata), m, OPERATION_RESET, 0, NULL, bus_reply_empty);
}

/* Run(as arguments, a{sv} options) -> (a{sv} result, a{sv} files) */
static int method_run(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        char id[BOX_ID_SIZE];
        uid_t owner;
        int r;

        r = path_to_box(m, &owner, id);
        if (r < 0)
                return r;

        return bus_run_start(ASSERT_PTR(userdata), m, owner, id);
}

/* CollectRun(t run, a{sv} options) -> (a{sv} result, a{sv} files) */
static int method_collect_run(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return start(ASSERT_PTR(userdata), m, OPERATION_COLLECT, 't', "run", bus_reply_run);
}

static int reply_killed(sd_bus_message *reply, const Operation *op, json_object *o, const int *fds, size_t n_fds) {
        return sd_bus_message_append(reply, "u", (uint32_t) op->value);
}

/* Kill(t run, a{sv} options) -> (u killed); run 0: all */
static int method_kill(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return start(ASSERT_PTR(userdata), m, OPERATION_KILL, 't', "run", reply_killed);
}

static int reply_opened(sd_bus_message *reply, const Operation *op, json_object *o, const int *fds, size_t n_fds) {
        return sd_bus_message_append(reply, "ht", op->fd, op->value);
}

/* OpenFile(s path, a{sv} options) -> (h fd, t size) */
static int method_open_file(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return start(ASSERT_PTR(userdata), m, OPERATION_OPEN_FILE, 's', "path", reply_opened);
}

static int method_make_directory(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return start(ASSERT_PTR(userdata), m, OPERATION_MAKE_DIRECTORY, 's', "path", bus_reply_empty);
}

static int reply_entries(sd_bus_message *reply, const Operation *op, json_object *o, const int *fds, size_t n_fds) {
        json_object *entries;

        if (!json_object_object_get_ex(o, "entries", &entries))
                return -EBADMSG;

        return bus_json_append_array(reply, entries, NULL, 0);
}

/* ListFiles(s path, a{sv} options) -> (aa{sv} entries) */
static int method_list_files(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return start(ASSERT_PTR(userdata), m, OPERATION_LIST_FILES, 's', "path", reply_entries);
}

static int method_remove_file(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return start(ASSERT_PTR(userdata), m, OPERATION_REMOVE_FILE, 's', "path", bus_reply_empty);
}

static int reply_status(sd_bus_message *reply, const Operation *op, json_object *o, const int *fds, size_t n_fds) {
        json_object *status;

        if (!json_object_object_get_ex(o, "status", &status))
                return -EBADMSG;

        return bus_json_append(reply, status, NULL, 0);
}

/* GetStatus(a{sv} options) -> (a{sv} status): what is too much work for a property */
static int method_get_status(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return start(ASSERT_PTR(userdata), m, OPERATION_GET, 0, NULL, reply_status);
}

static int append_directory(sd_bus_message *reply, const Box *b) {
        _cleanup_free_ char *path = box_get_directory(b);

        return sd_bus_message_append(reply, "s", strempty(path));
}

static int property_get(
                sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error) {

        BusService *s = ASSERT_PTR(userdata);
        char id[BOX_ID_SIZE];
        uid_t owner;
        Box *b;
        int r;

        r = bus_path_to_box(path, &owner, id);
        if (r < 0)
                return r;

        b = manager_find_box(bus_service_get_manager(s), owner, id);
        if (!b)
                return -ENOENT;

        if (streq(property, "Id"))
                return sd_bus_message_append(reply, "s", b->id);
        if (streq(property, "Owner"))
                return sd_bus_message_append(reply, "u", (uint32_t) b->owner);
        if (streq(property, "State"))
                return sd_bus_message_append(reply, "s", box_state_to_string(b->state));
        if (streq(property, "Runs"))
                return sd_bus_message_append(reply, "t", b->n_executed);
        if (streq(property, "ActiveRuns"))
                return sd_bus_message_append(reply, "u", (uint32_t) b->n_active_runs);
        if (streq(property, "Created"))
                return sd_bus_message_append(reply, "t", b->created_usec);
        if (streq(property, "UIDBase"))
                return sd_bus_message_append(reply, "u", (uint32_t) b->uid_base);

        if (streq(property, "Directory"))
                return append_directory(reply, b);

        assert(streq(property, "ControlGroup"));
        return sd_bus_message_append(reply, "s", b->cgroup ? strempty(box_cgroup_get_path(b->cgroup)) : "");
}

const sd_bus_vtable bus_box_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Id", "s", property_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Owner", "u", property_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("State", "s", property_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Runs", "t", property_get, 0, 0),
        SD_BUS_PROPERTY("ActiveRuns", "u", property_get, 0, 0),
        SD_BUS_PROPERTY("Created", "t", property_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("UIDBase", "u", property_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Directory", "s", property_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("ControlGroup", "s", property_get, 0, 0),
        SD_BUS_METHOD_WITH_ARGS("Destroy",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_NO_RESULT,
                                method_destroy,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Reset",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_NO_RESULT,
                                method_reset,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Run",
                                SD_BUS_ARGS("as", arguments, "a{sv}", options),
                                SD_BUS_RESULT("a{sv}", result, "a{sv}", files),
                                method_run,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CollectRun",
                                SD_BUS_ARGS("t", run, "a{sv}", options),
                                SD_BUS_RESULT("a{sv}", result, "a{sv}", files),
                                method_collect_run,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Kill",
                                SD_BUS_ARGS("t", run, "a{sv}", options),
                                SD_BUS_RESULT("u", killed),
                                method_kill,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("OpenFile",
                                SD_BUS_ARGS("s", path, "a{sv}", options),
                                SD_BUS_RESULT("h", fd, "t", size),
                                method_open_file,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("MakeDirectory",
                                SD_BUS_ARGS("s", path, "a{sv}", options),
                                SD_BUS_NO_RESULT,
                                method_make_directory,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListFiles",
                                SD_BUS_ARGS("s", path, "a{sv}", options),
                                SD_BUS_RESULT("aa{sv}", entries),
                                method_list_files,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RemoveFile",
                                SD_BUS_ARGS("s", path, "a{sv}", options),
                                SD_BUS_NO_RESULT,
                                method_remove_file,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetStatus",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a{sv}", status),
                                method_get_status,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("RunStarted", SD_BUS_ARGS("t", run), 0),
        SD_BUS_SIGNAL_WITH_ARGS("RunFinished", SD_BUS_ARGS("t", run, "a{sv}", result), 0),
        SD_BUS_VTABLE_END,
};
