/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Messages on a stream socket: bytes that end in a NUL, and the descriptors that came with a message's first
 * byte. Knows nothing of JSON, nor of who calls whom; server and client both stand on it.
 *
 * Whose descriptors? The kernel hands them over with the read that takes the first byte of the piece
 * (skb) they were sent with. Such a read ends with that piece, but it may begin in pieces before it: one
 * read can return the end of one message, a second message, and descriptors that belong to either or to
 * none. So we look before we read (MSG_PEEK, with no room for descriptors: MSG_CTRUNC says that there may
 * be some). If there are none, all is taken at once: the usual case, and one system call more than a bare
 * read. If there may be some, exactly one message is taken: its first byte by itself, whose descriptors
 * are the message's, and then the rest, where any descriptor is an offence. */

#include "varlink.h"

typedef struct VarlinkCodec {
        int fd; /* not owned */

        /* Input: the bytes from in_start to in_end have been read and not handed out. Those before
         * in_scanned hold no NUL. */
        char *in;
        size_t in_start, in_scanned, in_end, in_allocated;
        size_t message_max;

        /* Descriptors of the message that begins at in_start. */
        int in_fds[VARLINK_FDS_MAX];
        size_t n_in_fds;

        /* Output: what the socket did not take at once. */
        struct VarlinkOutput *out, **out_tail;
        size_t out_size, out_max;

        char *scratch; /* where a message is put together */
        size_t scratch_allocated;
} VarlinkCodec;

#define VARLINK_CODEC_NULL (VarlinkCodec) { .fd = -EBADF }

/* message_max counts the bytes before the NUL; out_max is what may wait to be written. */
void varlink_codec_init(VarlinkCodec *c, int fd, size_t message_max, size_t out_max);
void varlink_codec_done(VarlinkCodec *c);

/* Reads once; flags are recvmsg()'s: MSG_DONTWAIT or 0. Only to be called when varlink_codec_next() had
 * nothing. Returns 1 if something was read, 0 at the end of the stream, -EAGAIN, -EMSGSIZE for a message
 * above message_max, -EBADMSG for descriptors that did not come with a first byte or are more than
 * VARLINK_FDS_MAX, or another errno of the socket. After -EMSGSIZE and -EBADMSG the stream is of no use
 * any more. */
int varlink_codec_read(VarlinkCodec *c, int flags);

/* Adds bytes as if they had been read: for what drives a codec without a socket. -EMSGSIZE as above. */
int varlink_codec_feed(VarlinkCodec *c, const void *data, size_t size);

/* Hands out the next whole message: text, NUL-terminated, valid until the next call on the codec; and its
 * descriptors, which are the caller's now. Returns 1, 0 if there is no whole message, -EMSGSIZE. */
int varlink_codec_next(
                VarlinkCodec *c,
                const char **ret_message,
                size_t *ret_size,
                int fds[static VARLINK_FDS_MAX],
                size_t *ret_n_fds);

/* Whether a whole message has been read and not handed out, and whether the beginning of one has. */
bool varlink_codec_has_message(VarlinkCodec *c);
bool varlink_codec_has_partial(VarlinkCodec *c);

/* Begins a message of this size, the NUL not counted: returns where to write it, or NULL. The place is
 * good until the next call. */
char *varlink_codec_begin(VarlinkCodec *c, size_t size);

/* Sends what was begun: at once if the socket takes it, else it is queued, with duplicates of the
 * descriptors. Returns 0; -ENOBUFS if the queue would grow above its limit, -E2BIG for more than
 * VARLINK_FDS_MAX descriptors (nothing was sent); an errno of the socket. */
int varlink_codec_send(VarlinkCodec *c, size_t size, const int *fds, size_t n_fds);

/* Writes of the queue what the socket takes. Returns 0 (see varlink_codec_has_output()) or an errno. */
int varlink_codec_flush(VarlinkCodec *c);

static inline bool varlink_codec_has_output(const VarlinkCodec *c) {
        return c->out;
}
