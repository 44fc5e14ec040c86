/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "request.h"

int request_init(Request *q) {
        assert(q);

        *q = REQUEST_NULL;
        q->parameters = json_object_new_object();
        return q->parameters ? 0 : -ENOMEM;
}

void request_done(Request *q) {
        assert(q);

        json_putp(&q->parameters);
        close_many(q->fds, q->n_fds);
        *q = REQUEST_NULL;
}

/* Returns its index. */
static int add_fd(Request *q, int fd) {
        _cleanup_close_ int owned = fd;

        assert(q);
        assert(fd >= 0);

        if (q->n_fds >= VARLINK_FDS_MAX)
                return -E2BIG;

        q->fds[q->n_fds] = TAKE_FD(owned);
        return (int) q->n_fds++;
}

int request_set_fd(Request *q, json_object *o, const char *key, int fd) {
        int i;

        i = add_fd(q, fd);
        if (i < 0)
                return i;

        return json_add(o, key, json_object_new_int(i));
}

int request_init_box(Request *q, const char *box, const uid_t *owner) {
        int r;

        assert(box);

        r = request_init(q);
        if (r < 0)
                return r;

        r = json_add_string(q->parameters, "box", box);
        if (r < 0)
                return r;

        return owner ? json_add_uint64(q->parameters, "owner", *owner) : 0;
}
