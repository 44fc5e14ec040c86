/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "group.h"
#include "json-build.h"
#include "manager.h"
#include "profile-json.h"
#include "reply-json.h"
#include "result-json.h"

static const char *const operation_type_method_table[_OPERATION_TYPE_MAX] = {
        [OPERATION_RUN] = "Run",
        [OPERATION_RUN_GROUP] = "RunGroup",
        [OPERATION_SEND_INPUT] = "SendInput",
        [OPERATION_COLLECT] = "CollectRun",
        [OPERATION_CREATE] = "CreateBox",
        [OPERATION_DESTROY] = "DestroyBox",
        [OPERATION_RESET] = "ResetBox",
        [OPERATION_LIST] = "ListBoxes",
        [OPERATION_GET] = "GetBox",
        [OPERATION_KILL] = "Kill",
        [OPERATION_OPEN_FILE] = "OpenFile",
        [OPERATION_MAKE_DIRECTORY] = "MakeDirectory",
        [OPERATION_LIST_FILES] = "ListFiles",
        [OPERATION_REMOVE_FILE] = "RemoveFile",
        [OPERATION_LIST_PROFILES] = "ListProfiles",
        [OPERATION_GET_PROFILE] = "GetProfile",
        [OPERATION_MONITOR] = "Monitor",
};

const char *operation_type_to_method(OperationType t) {
        return t >= 0 && t < _OPERATION_TYPE_MAX ? operation_type_method_table[t] : NULL;
}

OperationType operation_type_from_method(const char *s) {
        for (OperationType t = 0; t < _OPERATION_TYPE_MAX; t++)
                if (streq(operation_type_method_table[t], s))
                        return t;

        return _OPERATION_TYPE_INVALID;
}

/* A descriptor goes along, and its index into the object. */
static void add_fd(int *r, json_object *o, const char *name, int fd, int *fds, size_t *n_fds) {
        if (fd < 0)
                return;

        json_add_uint64(r, o, name, *n_fds);
        fds[(*n_fds)++] = fd;
}

static int out_files_to_json(const Run *run, int *fds, size_t *n_fds, json_object **ret) {
        _cleanup_json_ json_object *array = json_object_new_array();
        int r = array ? 0 : -ENOMEM;

        for (size_t i = 0; i < run->request.n_out_files; i++) {
                json_object *o = json_object_new_object();

                if (!o)
                        return -ENOMEM;

                json_add_path(&r, o, run->request.out_files[i]);
                add_fd(&r, o, "fileDescriptor", run->out_fds[i], fds, n_fds);
                json_append(&r, array, o);
        }

        if (r >= 0)
                *ret = TAKE_PTR(array);
        return r;
}

static void add_run(int *r, json_object *o, const Operation *op, int *fds, size_t *n_fds) {
        json_object *result = NULL, *out_files = NULL;
        const Run *run = op->run;

        if (*r >= 0)
                *r = run_to_json(run, &result);
        json_add(r, o, "result", result);

        add_fd(r, o, "stdoutFileDescriptor", run->output_fds[0], fds, n_fds);
        add_fd(r, o, "stderrFileDescriptor", run->output_fds[1], fds, n_fds);
        if (run->request.n_out_files > 0 && *r >= 0) {
                *r = out_files_to_json(run, fds, n_fds, &out_files);
                json_add(r, o, "outFileDescriptors", out_files);
        }
}

static void add_boxes(int *r, json_object *o, const Operation *op) {
        json_object *boxes = json_object_new_array();
        Box *b, *next;

        HASH_ITER(hh, op->manager->boxes, b, next) {
                json_object *status = NULL;

                if (!op->all && b->owner != op->owner)
                        continue;

                if (*r >= 0)
                        *r = box_to_json(b, RESULT_UNKNOWN, RESULT_UNKNOWN, &status);
                if (boxes)
                        json_append(r, boxes, status);
        }

        json_add(r, o, "boxes", boxes);
}

static void add_status(int *r, json_object *o, const Operation *op) {
        json_object *status = NULL;

        if (*r >= 0)
                *r = box_to_json(op->result_box, op->value, op->value2, &status);
        json_add(r, o, "status", status);
}

static void add_profiles(int *r, json_object *o, const Operation *op) {
        json_object *profiles = NULL;

        if (*r >= 0)
                *r = profiles_to_json(op->manager->profiles, &profiles);
        json_add(r, o, "profiles", profiles);
}

static void add_entries(int *r, json_object *o, const Operation *op) {
        json_object *entries = NULL;

        if (*r >= 0)
                *r = listing_read(op->listing, &entries);
        json_add(r, o, "entries", entries);
}

static void add_directory(int *r, json_object *o, const Box *b) {
        _cleanup_free_ char *path = box_get_directory(b);

        if (path)
                json_add_string(r, o, "directory", path);
}

int run_reply_to_json(const Operation *op, json_object **ret, int *fds, size_t *n_fds) {
        _cleanup_json_ json_object *o = json_object_new_object();
        int r = o ? 0 : -ENOMEM;

        assert(op);
        assert(ret);
        assert(fds);
        assert(n_fds);

        add_run(&r, o, op, fds, n_fds);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(o);
        return 0;
}

/* Each member's reply, which is there already, and its name. */
static void add_results(int *r, json_object *o, const Group *g, int *fds, size_t *n_fds) {
        json_object *results = json_object_new_array();

        for (size_t i = 0; i < g->n_members && results; i++) {
                json_object *reply = json_object_get(g->members[i].reply);

                json_add_string(r, reply, "name", g->members[i].name);
                json_append(r, results, reply);
        }
        json_add(r, o, "results", results);

        memcpy(fds, g->fds, g->n_fds * sizeof(*fds));
        *n_fds = g->n_fds;
}

static int run_started_to_json(const Run *run, const char *name, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        int r = o ? 0 : -ENOMEM;

        if (name)
                json_add_string(&r, o, "name", name);
        json_add_string(&r, o, "box", run->box->id);
        json_add_uint64(&r, o, "owner", run->box->owner);
        json_add_uint64(&r, o, "run", run->number);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(o);
        return 0;
}

static int group_started_to_json(const Group *g, json_object **ret) {
        _cleanup_json_ json_object *array = json_object_new_array();
        int r = array ? 0 : -ENOMEM;

        for (size_t i = 0; i < g->n_members && r >= 0; i++) {
                json_object *started = NULL;

                r = run_started_to_json(g->members[i].run, g->members[i].name, &started);
                json_append(&r, array, started);
        }
        if (r < 0)
                return r;

        *ret = TAKE_PTR(array);
        return 0;
}

int started_to_json(const Operation *op, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        json_object *started = NULL;
        int r = o ? 0 : -ENOMEM;

        assert(op);
        assert(op->group || (op->run && op->run->box));
        assert(ret);

        if (r >= 0)
                r = op->group ? group_started_to_json(op->group, &started) : run_started_to_json(op->run, NULL, &started);
        json_add(&r, o, "started", started);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(o);
        return 0;
}

int operation_to_json(const Operation *op, json_object **ret, int *ret_fds, size_t *ret_n_fds) {
        _cleanup_json_ json_object *o = json_object_new_object();
        int r = o ? 0 : -ENOMEM;
        size_t n_fds = 0;

        assert(op);
        assert(ret);
        assert(ret_fds);
        assert(ret_n_fds);

        switch (op->type) {
        case OPERATION_RUN:
        case OPERATION_COLLECT:
                add_run(&r, o, op, ret_fds, &n_fds);
                break;
        case OPERATION_RUN_GROUP:
                add_results(&r, o, op->group, ret_fds, &n_fds);
                break;
        case OPERATION_CREATE:
                json_add_string(&r, o, "box", op->result_box->id);
                json_add_uint64(&r, o, "owner", op->result_box->owner);
                add_directory(&r, o, op->result_box);
                break;
        case OPERATION_LIST:
                add_boxes(&r, o, op);
                break;
        case OPERATION_GET:
                add_status(&r, o, op);
                break;
        case OPERATION_SEND_INPUT:
                json_add(&r, o, "closed", json_object_new_boolean(op->value > 0));
                break;
        case OPERATION_KILL:
                json_add_uint64(&r, o, "killed", op->value);
                break;
        case OPERATION_OPEN_FILE:
                add_fd(&r, o, "fileDescriptor", op->fd, ret_fds, &n_fds);
                json_add_uint64(&r, o, "sizeBytes", op->value);
                break;
        case OPERATION_LIST_PROFILES:
                add_profiles(&r, o, op);
                break;
        case OPERATION_GET_PROFILE:
                if (r >= 0)
                        r = profile_add_json(o, op->result_profile);
                break;
        case OPERATION_LIST_FILES:
                add_entries(&r, o, op);
                break;
        default:
                break;
        }
        if (r < 0)
                return r;

        *ret = TAKE_PTR(o);
        *ret_n_fds = n_fds;
        return 0;
}

static int controllers_to_json(CgroupController controllers, json_object **ret) {
        _cleanup_strv_free_ char **l = NULL;
        int r;

        r = cgroup_controllers_to_strv(controllers, &l);
        return r < 0 ? r : strv_to_json(l, ret);
}

static int degraded_to_json(Degraded degraded, json_object **ret) {
        _cleanup_strv_free_ char **l = NULL;
        int r;

        r = degraded_to_strv(degraded, &l);
        return r < 0 ? r : strv_to_json(l, ret);
}

int manager_to_json(Manager *m, uid_t uid, json_object **ret) {
        uint64_t n_boxes = 0, n_runs = 0;
        Box *b, *next;
        _cleanup_json_ json_object *o = json_object_new_object();
        json_object *controllers = NULL, *degraded = NULL;
        int r = o ? 0 : -ENOMEM;

        HASH_ITER(hh, m->boxes, b, next)
                if (uid == 0 || b->owner == uid) {
                        n_boxes++;
                        n_runs += b->n_active_runs;
                }

        if (r >= 0)
                r = controllers_to_json(manager_get_controllers(m), &controllers);
        json_add_string(&r, o, "version", PROJECT_VERSION);
        json_add_string(&r, o, "manager", m->cgroups ? cgroup_manager_get_name(m->cgroups) : "none");
        json_add(&r, o, "controllers", controllers);
        if (r >= 0)
                r = degraded_to_json(manager_get_degraded(m), &degraded);
        json_add(&r, o, "degraded", degraded);
        json_add_uint64(&r, o, "boxes", n_boxes);
        json_add_uint64(&r, o, "activeRuns", n_runs);
        json_add_uint64(&r, o, "waitingRuns",
                        uid == 0 ? admission_get_n_waiting(m->admission)
                                 : admission_get_tenant_n_waiting(m->admission, uid));
        if (r < 0)
                return r;

        *ret = TAKE_PTR(o);
        return 0;
}
