/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a method is asked to do, and to which box. What a box is to be like is read in request-settings.c, what is to run
 * in request-run.c. */

#include "base64.h"
#include "manager.h"
#include "request-field.h"
#include "request-group.h"
#include "request.h"

/* The defaults, but for those that were given. */
static int add_default_environment(char ***environment) {
        static const char *const defaults[] = {
                "PATH=/usr/local/bin:/usr/bin:/bin",
                "HOME=/box",
                "LANG=C.UTF-8",
                "TMPDIR=/tmp",
        };
        bool given[ELEMENTSOF(defaults)] = {};
        int r;

        STRV_FOREACH(e, *environment)
                for (size_t i = 0; i < ELEMENTSOF(defaults); i++)
                        given[i] = given[i] || strncmp(*e, defaults[i], strcspn(defaults[i], "=") + 1) == 0;

        for (size_t i = 0; i < ELEMENTSOF(defaults); i++)
                if (!given[i]) {
                        r = strv_extend(environment, defaults[i]);
                        if (r < 0)
                                return r;
                }

        return 0;
}

/* There is such a profile; and whether it is for everyone. */
static int check_profile(Operation *o, const char *name, const char *field, Failure *f) {
        const StoredProfile *p;
        int r;

        if (!name)
                return 0;

        r = profile_store_get(o->manager->profiles, name, field, &p, f);
        if (r == 0)
                o->admin_profile = o->admin_profile || profile_is_admin_only(p->profile);
        return r;
}

/* Which box: for all methods alike. */
static int parse_target(Operation *o, json_object *p, Failure *f) {
        uint64_t owner;
        int r;

        r = field_get_string(p, "box", &o->box);
        if (r < 0)
                return r;
        if (o->box) {
                r = check_box_id(o->box, f);
                if (r != 0)
                        return r;
        }

        if (field_get_uint64(p, "owner", &owner)) {
                /* (uid_t) -1 is nobody's: it means "no change" to the kernel. */
                if (owner >= UINT32_MAX)
                        return failure_set_field(f, "owner", "Not a uid.");
                if (!o->box && o->type == OPERATION_RUN)
                        return failure_set_field(f, "owner", "Without a box there is no owner to name.");
                o->owner = (uid_t) owner;
        }

        return 0;
}

static int parse_path(Operation *o, json_object *p, Failure *f) {
        int r;

        r = field_get_path(p, "", &o->path, f);
        if (r != 0)
                return r;
        if (o->path)
                return check_box_path(o->path, "path", f);

        if (IN_SET(o->type, OPERATION_OPEN_FILE, OPERATION_MAKE_DIRECTORY, OPERATION_REMOVE_FILE))
                return failure_set_field(f, "path", "path is missing.");
        return o->type == OPERATION_LIST_FILES ? free_and_strdup(&o->path, ".") : 0;
}

static int parse_run_number(Operation *o, json_object *p, Failure *f) {
        o->has_run_number = field_get_uint64(p, "run", &o->run_number);
        if (o->has_run_number && (o->run_number < 1 || o->run_number > INT64_MAX))
                return failure_set_field(f, "run", "Runs are numbered from 1.");

        return 0;
}

static int parse_settings(Operation *o, json_object *p, const RequestFds *fds, Failure *f) {
        json_object *settings = field_get(p, "settings");
        int r;

        if (!settings)
                return 0;
        if (o->type == OPERATION_RUN && o->box)
                return failure_set_field(f, "settings", "The box has its settings already.");

        r = request_parse_settings(settings, "settings", fds, &o->settings, f);
        if (r != 0)
                return r;

        r = check_settings(&o->settings, "settings", &o->caller, &o->manager->cpus, f);
        return r != 0 ? r : check_profile(o, o->settings.profile, "settings.profile", f);
}

static int parse_run(Operation *o, json_object *p, const RequestFds *fds, Failure *f) {
        int r;

        r = request_parse_run(p, fds, &o->request, f);
        if (r == 0)
                r = check_run_request(&o->request, &o->manager->cpus, f);
        if (r == 0)
                r = check_profile(o, o->request.profile, "profile", f);
        if (r == 0 && !o->request.no_defaults)
                r = add_default_environment(&o->request.spec.environment);
        return r;
}

static int parse_input(Operation *o, json_object *p, Failure *f) {
        _cleanup_free_ char *data = NULL;
        json_object *encoded = field_get(p, "dataBase64");
        size_t size = 0;
        int r;

        r = parse_run_number(o, p, f);
        if (r != 0)
                return r;

        if (encoded) {
                r = base64_decode(json_object_get_string(encoded), &data, &size);
                if (r == -EBADMSG)
                        return failure_set_field(f, "dataBase64", "Not base64.");
                if (r < 0)
                        return r;
        }

        r = input_data_new(data, size, field_get_boolean(p, "end"), &o->input);
        if (r >= 0)
                TAKE_PTR(data);
        return r;
}

static int parse_collect(Operation *o, json_object *p, Failure *f) {
        int r;

        r = parse_run_number(o, p, f);
        if (r == 0)
                r = request_parse_out_files(p, &o->request, f);
        return r != 0 ? r : check_out_files(&o->request, f);
}

int request_parse(Operation *o, json_object *parameters, const RequestFds *fds, Failure *f) {
        int r;

        assert(o);
        assert(parameters);
        assert(fds);

        r = parse_target(o, parameters, f);
        if (r == 0)
                r = parse_path(o, parameters, f);
        if (r == 0)
                r = parse_settings(o, parameters, fds, f);
        if (r != 0)
                return r;

        if (o->type == OPERATION_RUN)
                return parse_run(o, parameters, fds, f);
        if (o->type == OPERATION_RUN_GROUP)
                return request_parse_group(o, parameters, fds, f);
        if (o->type == OPERATION_SEND_INPUT)
                return parse_input(o, parameters, f);
        if (o->type == OPERATION_COLLECT)
                return parse_collect(o, parameters, f);
        if (o->type == OPERATION_GET_PROFILE)
                return field_get_string(parameters, "profile", &o->profile);
        if (o->type == OPERATION_KILL)
                return parse_run_number(o, parameters, f);

        if (field_get_uint64(parameters, "offset", &o->offset) && o->offset > INT64_MAX)
                return failure_set_field(f, "offset", "offset cannot be negative.");

        o->all = field_get_boolean(parameters, "all");
        o->until_disconnect = field_get_boolean(parameters, "untilDisconnect");
        o->flags = (field_get_boolean(parameters, "create") ? FILE_CREATE : 0) |
                        (field_get_boolean(parameters, "executable") ? FILE_EXECUTABLE : 0) |
                        (field_get_boolean(parameters, "recursive") ? FILE_RECURSIVE : 0);
        return 0;
}
