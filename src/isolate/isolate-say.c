/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>

#include "isolate.h"
#include "log.h"

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

void isolate_tell(const Isolate *i, const char *format, ...) {
        va_list ap;

        if (i->options.verbose == 0)
                return;

        va_start(ap, format);
        (void) vfprintf(stderr, format, ap);
        va_end(ap);
}
