/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>

#include "error.h"
#include "isolate.h"
#include "log.h"
#include "string-util.h"

int isolate_fail(Isolate *i, const char *format, ...) {
        _cleanup_free_ char *message = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&message, format, ap);
        va_end(ap);
        if (n < 0) {
                message = NULL;
                return log_oom();
        }

        (void) fprintf(stderr, "%s\n", message);
        if (i->meta_fd >= 0)
                (void) dprintf(i->meta_fd, "status:XX\nmessage:%s\n", message);
        return -ECANCELED;
}

/* What isolate calls a limit, or NULL. */
static const char *field_to_option(const char *field) {
        static const struct {
                const char *field, *option;
        } table[] = {
                { "limits.addressSpaceBytes", "--mem" }, { "limits.coreBytes", "--core" },
                { "limits.cpuTimeUSec", "--time" },      { "limits.extraTimeUSec", "--extra-time" },
                { "limits.fileSizeBytes", "--fsize" },   { "limits.memoryBytes", "--cg-mem" },
                { "limits.openFiles", "--open-files" },  { "limits.processes", "--processes" },
                { "limits.stackBytes", "--stack" },      { "limits.wallTimeUSec", "--wall-time" },
        };

        for (size_t k = 0; k < ELEMENTSOF(table); k++)
                if (streq(table[k].field, field))
                        return table[k].option;

        return NULL;
}

int isolate_fail_refused(Isolate *i, const VarlinkReply *reply) {
        const char *option = field_to_option(strempty(json_get_string(reply->parameters, "field")));
        _cleanup_free_ char *sentence = NULL;

        if (option && streq_ptr(error_short_name(reply->error), "LimitOutOfRange"))
                return isolate_fail(i, "%s is out of range: %s", option,
                                    strempty(json_get_string(reply->parameters, "message")));

        sentence = error_to_sentence(reply->error, reply->parameters);
        return isolate_fail(i, "%s", strna(sentence));
}

void isolate_tell(const Isolate *i, const char *format, ...) {
        va_list ap;

        if (i->options.verbose == 0)
                return;

        va_start(ap, format);
        (void) vfprintf(stderr, format, ap);
        va_end(ap);
}
