/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a function writes to standard output or standard error. */

#include <stdio.h>
#include <sys/mman.h>

#include "fd-util.h"

typedef struct Capture {
        FILE *stream;
        int saved_fd;
        int memfd;
} Capture;

static inline Capture capture_begin(FILE *stream) {
        Capture c = { .stream = stream };

        (void) fflush(stream);
        c.saved_fd = fcntl(fileno(stream), F_DUPFD_CLOEXEC, 3);
        c.memfd = memfd_create("capture", MFD_CLOEXEC);
        assert(c.saved_fd >= 0 && c.memfd >= 0);
        assert(dup2(c.memfd, fileno(stream)) >= 0);
        return c;
}

/* The text, which is the caller's. */
static inline char *capture_end(Capture *c) {
        char *text = NULL;

        (void) fflush(c->stream);
        assert(dup2(c->saved_fd, fileno(c->stream)) >= 0);
        (void) safe_close(c->saved_fd);

        assert(lseek(c->memfd, 0, SEEK_SET) == 0);
        assert(fd_read_full(c->memfd, 1 << 20, &text, NULL) >= 0);
        (void) safe_close(c->memfd);
        return text;
}
