/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "box-varlink.h"
#include "failure-varlink.h"
#include "fd-util.h"
#include "json-build.h"
#include "log.h"
#include "operation.h"
#include "request.h"
#include "result-json.h"
#include "varlink-interfaces.h"

#define INTERFACE "org.judgebox.Manager"

static int reply_or_fail(VarlinkCall *c, int r, json_object *o) {
        if (r >= 0)
                return varlink_call_reply(c, o);

        (void) json_object_put(o);
        return varlink_call_error_errno(c, r);
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

                json_add_string(&r, o, "path", run->request.out_files[i]);
                add_fd(&r, o, "fileDescriptor", run->out_fds[i], fds, n_fds);
                json_append(&r, array, o);
        }

        if (r >= 0)
                *ret = TAKE_PTR(array);
        return r;
}

static int reply_run(VarlinkCall *c, const Operation *op) {
        _cleanup_json_ json_object *o = json_object_new_object();
        json_object *result = NULL, *out_files = NULL;
        int fds[VARLINK_FDS_MAX], r = o ? 0 : -ENOMEM;
        const Run *run = op->run;
        size_t n_fds = 0;

        if (run_to_json(run, &result) < 0)
                return varlink_call_error_errno(c, -ENOMEM);
        json_add(&r, o, "result", result);

        add_fd(&r, o, "stdoutFileDescriptor", run->output_fds[0], fds, &n_fds);
        add_fd(&r, o, "stderrFileDescriptor", run->output_fds[1], fds, &n_fds);
        if (run->request.n_out_files > 0 && r >= 0) {
                r = out_files_to_json(run, fds, &n_fds, &out_files);
                if (r >= 0)
                        json_add(&r, o, "outFileDescriptors", out_files);
        }

        if (r < 0)
                return varlink_call_error_errno(c, r);

        return varlink_call_reply_with_fds(c, TAKE_PTR(o), fds, n_fds);
}

static int reply_create(VarlinkCall *c, const Operation *op) {
        json_object *o = json_object_new_object();
        int r = o ? 0 : -ENOMEM;

        json_add_string(&r, o, "box", op->result_box->id);
        json_add_uint64(&r, o, "owner", op->result_box->owner);
        return reply_or_fail(c, r, o);
}

static int reply_list(VarlinkCall *c, const Operation *op) {
        json_object *o = json_object_new_object(), *boxes = json_object_new_array();
        int r = o && boxes ? 0 : -ENOMEM;
        Box *b, *next;

        HASH_ITER(hh, op->manager->boxes, b, next) {
                json_object *status = NULL;

                if (!op->all && b->owner != op->owner)
                        continue;

                if (r >= 0)
                        r = box_to_json(b, RESULT_UNKNOWN, RESULT_UNKNOWN, &status);
                json_append(&r, boxes, status);
        }

        json_add(&r, o, "boxes", boxes);
        return reply_or_fail(c, r, o);
}

static int reply_get(VarlinkCall *c, const Operation *op) {
        json_object *o = json_object_new_object(), *status = NULL;
        int r = o ? 0 : -ENOMEM;

        if (r >= 0)
                r = box_to_json(op->result_box, op->value, op->value2, &status);
        json_add(&r, o, "status", status);
        return reply_or_fail(c, r, o);
}

static int reply_kill(VarlinkCall *c, const Operation *op) {
        json_object *o = json_object_new_object();
        int r = o ? 0 : -ENOMEM;

        json_add_uint64(&r, o, "killed", op->value);
        return reply_or_fail(c, r, o);
}

static int reply_open_file(VarlinkCall *c, const Operation *op) {
        _cleanup_json_ json_object *o = json_object_new_object();
        int r = o ? 0 : -ENOMEM;

        json_add_uint64(&r, o, "fileDescriptor", 0);
        json_add_uint64(&r, o, "sizeBytes", op->value);
        if (r < 0)
                return varlink_call_error_errno(c, r);

        return varlink_call_reply_with_fds(c, TAKE_PTR(o), &op->fd, 1);
}

static int reply_list_files(VarlinkCall *c, const Operation *op) {
        json_object *o = json_object_new_object(), *entries = NULL;
        int r = o ? 0 : -ENOMEM;

        if (r >= 0)
                r = entries_to_json(op->entries->tail, op->entries->tail_size, &entries);
        json_add(&r, o, "entries", entries);
        return reply_or_fail(c, r, o);
}

static int reply_empty(VarlinkCall *c, const Operation *op) {
        return varlink_call_reply(c, NULL);
}

static const struct {
        const char *method;
        int (*reply)(VarlinkCall *c, const Operation *op);
} method_table[_OPERATION_TYPE_MAX] = {
        [OPERATION_RUN] = { INTERFACE ".Run", reply_run },
        [OPERATION_CREATE] = { INTERFACE ".CreateBox", reply_create },
        [OPERATION_DESTROY] = { INTERFACE ".DestroyBox", reply_empty },
        [OPERATION_RESET] = { INTERFACE ".ResetBox", reply_empty },
        [OPERATION_LIST] = { INTERFACE ".ListBoxes", reply_list },
        [OPERATION_GET] = { INTERFACE ".GetBox", reply_get },
        [OPERATION_KILL] = { INTERFACE ".Kill", reply_kill },
        [OPERATION_OPEN_FILE] = { INTERFACE ".OpenFile", reply_open_file },
        [OPERATION_MAKE_DIRECTORY] = { INTERFACE ".MakeDirectory", reply_empty },
        [OPERATION_LIST_FILES] = { INTERFACE ".ListFiles", reply_list_files },
        [OPERATION_REMOVE_FILE] = { INTERFACE ".RemoveFile", reply_empty },
};

static void on_done(Operation *op, const Failure *failure, void *userdata) {
        VarlinkCall *c = ASSERT_PTR(userdata);
        int r;

        /* The call is over: its caller's going away means nothing to this operation any more. */
        varlink_call_set_userdata(c, NULL);

        r = failure ? failure_reply_varlink(failure, c) : method_table[op->type].reply(c, op);
        if (r < 0 && r != -ECONNRESET)
                log_debug_errno(r, "Failed to answer %s: %m", method_table[op->type].method);

        (void) varlink_call_unref(c);
}

static void on_disconnect(VarlinkCall *c, void *userdata) {
        if (userdata)
                operation_cancel(userdata);
}

static int take_fd(int64_t index, void *userdata) {
        return varlink_call_take_fd(userdata, index);
}

static int start(Manager *m, OperationType type, VarlinkCall *c, json_object *parameters) {
        _cleanup_(operation_freep) Operation *op = NULL;
        _cleanup_(failure_done) Failure f = FAILURE_NULL;
        const VarlinkPeer *peer = varlink_call_get_peer(c);
        Caller caller = { .uid = peer->uid, .gid = peer->gid, .pid = peer->pid, .pidfd = peer->pidfd };
        int r;

        r = operation_new(m, type, &caller, on_done, c, &op);
        if (r < 0)
                return r;

        r = request_parse(op, parameters, &(RequestFds) { .take = take_fd, .userdata = c }, &f);
        if (r < 0)
                return r;
        if (r > 0)
                return failure_reply_varlink(&f, c);

        (void) varlink_call_ref(c);
        varlink_call_set_userdata(c, op);
        varlink_call_set_disconnect_handler(c, on_disconnect);
        operation_start(TAKE_PTR(op));
        return 0;
}

static int on_method(VarlinkCall *c, json_object *parameters, void *userdata) {
        const char *method = varlink_call_get_method(c);

        for (OperationType t = 0; t < _OPERATION_TYPE_MAX; t++)
                if (streq(method, method_table[t].method))
                        return start(ASSERT_PTR(userdata), t, c, parameters);

        return -EOPNOTSUPP;
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

/* What this service is, to whoever can connect to it. */
static int on_get_status(VarlinkCall *c, json_object *parameters, void *userdata) {
        Manager *m = ASSERT_PTR(userdata);
        json_object *o = json_object_new_object(), *controllers = NULL, *degraded = NULL;
        int r = o ? 0 : -ENOMEM;

        if (r >= 0)
                r = controllers_to_json(manager_get_controllers(m), &controllers);
        json_add_string(&r, o, "version", PROJECT_VERSION);
        json_add_string(&r, o, "manager", m->cgroups ? cgroup_manager_get_name(m->cgroups) : "none");
        json_add(&r, o, "controllers", controllers);
        if (r >= 0)
                r = degraded_to_json(manager_get_degraded(m), &degraded);
        json_add(&r, o, "degraded", degraded);
        json_add_uint64(&r, o, "boxes", HASH_COUNT(m->boxes));
        json_add_uint64(&r, o, "activeRuns", manager_count_active_runs(m));
        return reply_or_fail(c, r, o);
}

int manager_serve_varlink(Manager *m, VarlinkServer *server) {
        int r;

        assert(m);
        assert(server);

        r = varlink_server_add_interface(server, varlink_interface_org_judgebox_Manager);
        if (r < 0)
                return r;

        for (OperationType t = 0; t < _OPERATION_TYPE_MAX; t++) {
                r = varlink_server_bind_method(server, method_table[t].method, on_method, m);
                if (r < 0)
                        return r;
        }

        return varlink_server_bind_method(server, INTERFACE ".GetStatus", on_get_status, m);
}
