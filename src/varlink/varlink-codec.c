/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fd-util.h"
#include "varlink-codec.h"

#define READ_SIZE_MIN 4096U

/* What an idle connection may keep. */
#define BUFFER_KEEP_MAX (64U * 1024U)

typedef struct VarlinkOutput VarlinkOutput;

/* A message, or what is left of it. Each is sent by itself, so that its descriptors go with its own first
 * byte and no message before it is read together with them. */
struct VarlinkOutput {
        VarlinkOutput *next;
        size_t size, written;
        size_t n_fds;
        int fds[VARLINK_FDS_MAX];
        char data[];
};

static VarlinkOutput *varlink_output_free(VarlinkOutput *o) {
        if (!o)
                return NULL;

        close_many(o->fds, o->n_fds);
        return mfree(o);
}
DEFINE_TRIVIAL_CLEANUP_FUNC(VarlinkOutput *, varlink_output_free);

void varlink_codec_init(VarlinkCodec *c, int fd, size_t message_max, size_t out_max) {
        *c = (VarlinkCodec) {
                .fd = fd,
                .message_max = message_max,
                .out_max = out_max,
        };
        c->out_tail = &c->out;
}

void varlink_codec_done(VarlinkCodec *c) {
        close_many(c->in_fds, c->n_in_fds);

        while (c->out) {
                VarlinkOutput *o = c->out;

                c->out = o->next;
                varlink_output_free(o);
        }

        free(c->in);
        free(c->scratch);
        *c = VARLINK_CODEC_NULL;
}

/* Where the message that begins at in_start ends, or NULL. */
static char *find_end(VarlinkCodec *c) {
        char *e;

        if (c->in_scanned >= c->in_end)
                return NULL;

        e = memchr(c->in + c->in_scanned, 0, c->in_end - c->in_scanned);
        c->in_scanned = e ? (size_t) (e - c->in) : c->in_end;
        return e;
}

bool varlink_codec_has_message(VarlinkCodec *c) {
        return find_end(c);
}

bool varlink_codec_has_partial(VarlinkCodec *c) {
        return c->in_end > c->in_start && !find_end(c);
}

/* Room for at least n more bytes behind in_end. */
static int reserve(VarlinkCodec *c, size_t n) {
        size_t used = c->in_end - c->in_start, want;
        char *grown;

        if (c->in_allocated - c->in_end >= n)
                return 0;

        if (c->in_start > 0) {
                memmove(c->in, c->in + c->in_start, used);
                c->in_scanned -= c->in_start;
                c->in_end = used;
                c->in_start = 0;
                if (c->in_allocated - c->in_end >= n)
                        return 0;
        }

        want = MAX(c->in_allocated * 2, used + n);
        grown = realloc(c->in, want);
        if (!grown)
                return -ENOMEM;

        c->in = grown;
        c->in_allocated = want;
        return 0;
}

static int check_size(VarlinkCodec *c) {
        char *e = find_end(c);
        size_t size = e ? (size_t) (e - c->in) - c->in_start : c->in_end - c->in_start;

        return size > c->message_max ? -EMSGSIZE : 0;
}

int varlink_codec_feed(VarlinkCodec *c, const void *data, size_t size) {
        int r;

        r = reserve(c, size);
        if (r < 0)
                return r;

        if (size > 0)
                memcpy(c->in + c->in_end, data, size);
        c->in_end += size;
        return check_size(c);
}

/* Takes `size` bytes that are there, no descriptor among them allowed. */
static int take_bytes(VarlinkCodec *c, size_t size) {
        size_t n_fds;
        ssize_t n;

        if (size == 0)
                return 0;

        n = recv_with_foreign_fds(c->fd, c->in + c->in_end, size, NULL, 0, &n_fds, MSG_DONTWAIT);
        if (n < 0)
                return (int) n;

        c->in_end += (size_t) n;
        return 0;
}

/* Reads the first of the bytes that are there: up to the end of a message and no farther. */
static int take_message(VarlinkCodec *c, size_t available) {
        char *e = memchr(c->in + c->in_end, 0, available);
        size_t size = e ? (size_t) (e - (c->in + c->in_end)) + 1 : available;

        if (c->in_end == c->in_start) {
                char *p = c->in + c->in_end;
                ssize_t n;

                n = recv_with_foreign_fds(c->fd, p, 1, c->in_fds, VARLINK_FDS_MAX, &c->n_in_fds, MSG_DONTWAIT);
                if (n < 0)
                        return (int) n;

                c->in_end++;
                size--;
        }

        return take_bytes(c, size);
}

int varlink_codec_read(VarlinkCodec *c, int flags) {
        struct iovec iov;
        struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
        ssize_t n;
        int r;

        /* All that is there has been looked through, and has no end. */
        assert(c->in_scanned == c->in_end);

        r = reserve(c, READ_SIZE_MIN);
        if (r < 0)
                return r;

        iov = (struct iovec) { .iov_base = c->in + c->in_end, .iov_len = c->in_allocated - c->in_end };

        do
                n = recvmsg(c->fd, &mh, flags | MSG_PEEK | MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n <= 0)
                return (int) RET_NERRNO((int) n);

        /* The peek sees descriptors of the piece behind as well: at worst we take one message instead of
         * all. Where it sees none, there are none among these bytes. */
        r = mh.msg_flags & MSG_CTRUNC ? take_message(c, (size_t) n) : take_bytes(c, (size_t) n);
        if (r < 0)
                return r;

        r = check_size(c);
        return r < 0 ? r : 1;
}

int varlink_codec_next(
                VarlinkCodec *c,
                const char **ret_message,
                size_t *ret_size,
                int fds[static VARLINK_FDS_MAX],
                size_t *ret_n_fds) {

        char *e, *message;
        int r;

        if (c->in_start == c->in_end) {
                c->in_start = c->in_scanned = c->in_end = 0;
                if (c->in_allocated > BUFFER_KEEP_MAX) {
                        c->in = mfree(c->in);
                        c->in_allocated = 0;
                }
                return 0;
        }

        r = check_size(c);
        if (r < 0)
                return r;

        e = find_end(c);
        if (!e)
                return 0;

        message = c->in + c->in_start;
        *ret_message = message;
        *ret_size = (size_t) (e - message);

        memcpy(fds, c->in_fds, c->n_in_fds * sizeof(int));
        *ret_n_fds = c->n_in_fds;
        c->n_in_fds = 0;

        c->in_start = c->in_scanned = (size_t) (e - c->in) + 1;
        return 1;
}

char *varlink_codec_begin(VarlinkCodec *c, size_t size) {
        if (size >= c->scratch_allocated) {
                size_t want = MAX(size + 1, (size_t) 1024);
                char *grown;

                grown = realloc(c->scratch, want);
                if (!grown)
                        return NULL;

                c->scratch = grown;
                c->scratch_allocated = want;
        }

        return c->scratch;
}

static int queue_output(VarlinkCodec *c, size_t size, size_t written, const int *fds, size_t n_fds) {
        _cleanup_(varlink_output_freep) VarlinkOutput *o = NULL;

        o = malloc(sizeof(VarlinkOutput) + size - written);
        if (!o)
                return -ENOMEM;

        *o = (VarlinkOutput) { .size = size - written };
        memcpy(o->data, c->scratch + written, size - written);

        /* They went with the first byte. */
        if (written == 0)
                for (; o->n_fds < n_fds; o->n_fds++) {
                        int fd;

                        fd = fd_duplicate(fds[o->n_fds]);
                        if (fd < 0)
                                return fd;
                        o->fds[o->n_fds] = fd;
                }

        c->out_size += o->size;
        *c->out_tail = o;
        c->out_tail = &o->next;
        TAKE_PTR(o);
        return 0;
}

int varlink_codec_send(VarlinkCodec *c, size_t size, const int *fds, size_t n_fds) {
        ssize_t n = 0;
        int r = 0;

        assert(size < c->scratch_allocated);

        c->scratch[size++] = '\0';

        if (n_fds > VARLINK_FDS_MAX)
                return -E2BIG;
        if (c->out_size + size > c->out_max)
                return -ENOBUFS;

        if (!c->out) {
                n = send_with_fds(c->fd, c->scratch, size, fds, n_fds, MSG_DONTWAIT);
                if (n < 0 && n != -EAGAIN)
                        return (int) n;
                n = MAX(n, (ssize_t) 0);
        }

        if ((size_t) n < size)
                r = queue_output(c, size, (size_t) n, fds, n_fds);

        if (c->scratch_allocated > BUFFER_KEEP_MAX) {
                c->scratch = mfree(c->scratch);
                c->scratch_allocated = 0;
        }

        return r;
}

int varlink_codec_flush(VarlinkCodec *c) {
        while (c->out) {
                VarlinkOutput *o = c->out;
                size_t left = o->size - o->written;
                ssize_t n;

                n = send_with_fds(c->fd, o->data + o->written, left, o->fds, o->n_fds, MSG_DONTWAIT);
                if (n == -EAGAIN)
                        return 0;
                if (n < 0)
                        return (int) n;

                close_many(o->fds, o->n_fds);
                o->n_fds = 0;
                o->written += (size_t) n;
                c->out_size -= (size_t) n;
                if (o->written < o->size)
                        continue;

                c->out = o->next;
                if (!c->out)
                        c->out_tail = &c->out;
                varlink_output_free(o);
        }

        return 0;
}
