/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "failure-varlink.h"
#include "json-build.h"
#include "log.h"
#include "result-json.h"

#define ERROR(name) "org.judgebox.Manager." name

static const char *const error_table[_FAILURE_TYPE_MAX] = {
        [FAILURE_NO_SUCH_BOX] = ERROR("NoSuchBox"),
        [FAILURE_BOX_EXISTS] = ERROR("BoxExists"),
        [FAILURE_BOX_BUSY] = ERROR("BoxBusy"),
        [FAILURE_NO_SUCH_RUN] = ERROR("NoSuchRun"),
        [FAILURE_NO_SUCH_FILE] = ERROR("NoSuchFile"),
        [FAILURE_FILE_ERROR] = ERROR("FileError"),
        [FAILURE_LIMIT_OUT_OF_RANGE] = ERROR("LimitOutOfRange"),
        [FAILURE_QUOTA_EXCEEDED] = ERROR("QuotaExceeded"),
        [FAILURE_NOT_SUPPORTED] = ERROR("NotSupported"),
        [FAILURE_INTERNAL] = ERROR("InternalError"),
        [FAILURE_PERMISSION_DENIED] = VARLINK_ERROR_PERMISSION_DENIED,
        [FAILURE_ASK_BUS] = ERROR("AskOverBus"),
        [FAILURE_INVALID_PARAMETER] = VARLINK_ERROR_INVALID_PARAMETER,
};

static void add_message(int *r, json_object *o, const Failure *f) {
        json_add_string(r, o, "message", strempty(f->message));
}

static void add_error(int *r, json_object *o, const Failure *f) {
        json_add_string(r, o, "error", strerrorname_np(f->error) ?: "EIO");
}

static void add_missing(int *r, json_object *o, const Failure *f) {
        json_object *array = NULL;

        if (*r >= 0)
                *r = strv_to_json(f->missing, &array);
        json_add(r, o, "missing", array);
}

static void add_fields(int *r, json_object *o, const Failure *f) {
        switch (f->type) {
        case FAILURE_NO_SUCH_BOX:
        case FAILURE_BOX_EXISTS:
        case FAILURE_BOX_BUSY:
                json_add_string(r, o, "box", strempty(f->name));
                break;
        case FAILURE_NO_SUCH_RUN:
                json_add_uint64(r, o, "run", f->number);
                break;
        case FAILURE_NO_SUCH_FILE:
                json_add_path(r, o, strempty(f->name));
                break;
        case FAILURE_FILE_ERROR:
                json_add_path(r, o, strempty(f->name));
                add_error(r, o, f);
                add_message(r, o, f);
                break;
        case FAILURE_LIMIT_OUT_OF_RANGE:
                json_add_string(r, o, "field", strempty(f->name));
                add_message(r, o, f);
                break;
        case FAILURE_QUOTA_EXCEEDED:
                json_add_string(r, o, "resource", strempty(f->name));
                json_add_uint64(r, o, "limit", f->number);
                break;
        case FAILURE_NOT_SUPPORTED:
                add_missing(r, o, f);
                add_message(r, o, f);
                break;
        case FAILURE_ASK_BUS:
                add_message(r, o, f);
                break;
        case FAILURE_INVALID_PARAMETER:
                json_add_string(r, o, "parameter", strempty(f->name));
                break;
        case FAILURE_INTERNAL:
                json_add_string(r, o, "step", strna(step_to_string(f->step)));
                add_error(r, o, f);
                add_message(r, o, f);
                break;
        default:
                break;
        }
}

int failure_reply_varlink(const Failure *f, VarlinkCall *c) {
        _cleanup_json_ json_object *o = json_object_new_object();
        int r = o ? 0 : -ENOMEM;

        assert(f);
        assert(f->type > FAILURE_NONE && f->type < _FAILURE_TYPE_MAX);
        assert(c);

        log_debug("%s: %s %s.", varlink_call_get_method(c), error_table[f->type], f->message ?: strempty(f->name));

        add_fields(&r, o, f);
        if (r < 0)
                return varlink_call_error_errno(c, r);

        return varlink_call_error(c, error_table[f->type], TAKE_PTR(o));
}
