/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "failure-dbus.h"
#include "log.h"
#include "utf8.h"

#define ERROR(name) "org.judgebox1.Error." name

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
        [FAILURE_PERMISSION_DENIED] = SD_BUS_ERROR_ACCESS_DENIED,
        [FAILURE_ASK_BUS] = SD_BUS_ERROR_ACCESS_DENIED,
        [FAILURE_INVALID_PARAMETER] = SD_BUS_ERROR_INVALID_ARGS,
};

static char *failure_to_sentence(const Failure *f) {
        const char *name = strempty(f->name), *message = strempty(f->message);

        switch (f->type) {
        case FAILURE_NO_SUCH_BOX:
                return strprintf("There is no box %s.", name);
        case FAILURE_BOX_EXISTS:
                return strprintf("There is a box %s already.", name);
        case FAILURE_BOX_BUSY:
                return strprintf("Box %s is busy.", name);
        case FAILURE_NO_SUCH_RUN:
                return strprintf("There is no run %" PRIu64 ".", f->number);
        case FAILURE_NO_SUCH_FILE:
                return strprintf("There is no file %s.", name);
        case FAILURE_QUOTA_EXCEEDED:
                return strprintf("No more than %" PRIu64 " %s for this owner.", f->number, name);
        case FAILURE_NOT_SUPPORTED:
        case FAILURE_ASK_BUS:
        case FAILURE_INTERNAL:
                return strdup(message);
        case FAILURE_PERMISSION_DENIED:
                return strdup(f->message ?: "Permission denied.");
        default: /* FILE_ERROR, LIMIT_OUT_OF_RANGE, INVALID_PARAMETER */
                if (isempty(message))
                        return strdup(name);
                return startswith(message, name) ? strdup(message) : strprintf("%s: %s", name, message);
        }
}

int failure_reply_dbus(const Failure *f, sd_bus_message *call) {
        _cleanup_free_ char *sentence = NULL;

        assert(f);
        assert(f->type > FAILURE_NONE && f->type < _FAILURE_TYPE_MAX);
        assert(call);

        sentence = failure_to_sentence(f);
        /* The bus takes nothing else, and a path may have any bytes. */
        if (sentence)
                utf8_mask(sentence);
        log_debug("%s: %s: %s", strna(sd_bus_message_get_member(call)), error_table[f->type], strna(sentence));

        return sd_bus_reply_method_errorf(call, error_table[f->type], "%s", strempty(sentence));
}
