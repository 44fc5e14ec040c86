/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/epoll.h>

#include "fd-util.h"
#include "input-data.h"

struct InputData {
        char *data;
        size_t size, written;
        bool end;

        /* While it waits. The run may be gone: then so is the pipe's other end, which is an event. */
        int fd;
        sd_event_source *source;
        input_done_t done;
        void *userdata;
};

int input_data_new(char *data, size_t size, bool end, InputData **ret) {
        InputData *d;

        assert(ret);

        d = new(InputData, 1);
        if (!d)
                return -ENOMEM;

        *d = (InputData) { .data = data, .size = size, .end = end, .fd = -EBADF };
        *ret = d;
        return 0;
}

InputData *input_data_free(InputData *d) {
        if (!d)
                return NULL;

        (void) sd_event_source_disable_unref(d->source);
        (void) safe_close(d->fd);
        free(d->data);
        return mfree(d);
}

bool input_data_is_waiting(const InputData *d) {
        assert(d);

        return d->source;
}

/* 1: all is written; 0: the pipe is full; -EPIPE. */
static int write_some(InputData *d, int fd) {
        while (d->written < d->size) {
                ssize_t n;

                n = write(fd, d->data + d->written, d->size - d->written);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? 0 : -errno;
                d->written += (size_t) n;
        }

        return 1;
}

static int on_room(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        InputData *d = ASSERT_PTR(userdata);
        int r;

        r = write_some(d, fd);
        if (r == 0)
                return 0;

        d->source = sd_event_source_disable_unref(d->source);
        d->fd = safe_close(d->fd);
        d->done(d, r < 0, d->userdata);
        return 0;
}

int input_data_send(InputData *d, sd_event *event, int *fd, input_done_t done, void *userdata) {
        int r, q;

        assert(d);
        assert(event);
        assert(fd && *fd >= 0);
        assert(done);

        r = write_some(d, *fd);
        if (r == 0) {
                d->fd = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
                if (d->fd < 0)
                        return -errno;

                q = sd_event_add_io(event, &d->source, d->fd, EPOLLOUT, on_room, d);
                if (q < 0)
                        return q;
                (void) sd_event_source_set_description(d->source, "run-input");
                d->done = done;
                d->userdata = userdata;
        }

        if (d->end)
                *fd = safe_close(*fd);
        if (r != 0)
                done(d, r < 0, userdata);
        return 0;
}
