/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "box-channel.h"
#include "fd-util.h"
#include "log.h"

typedef struct ChannelRequest {
        uint32_t serial; /* 0: this place is free */
        channel_reply_t callback;
        void *userdata;
        usec_t deadline;
} ChannelRequest;

struct BoxChannel {
        int fd;
        sd_event_source *source;
        channel_failed_t failed;
        void *userdata;

        /* A serial is its place here plus a multiple of the number of places: found at once, and an answer to
         * a request of long ago is known as such. */
        ChannelRequest requests[CHANNEL_REQUESTS_MAX];
        uint32_t generation;
        size_t n_requests;
        uint32_t next_place;

        bool resuming;
        uint32_t resume_serial;
};

/* What a hundred requests with inline tails take; beyond it a sender is told -EAGAIN. */
#define CHANNEL_BUFFER_BYTES (8 << 20)

static void channel_fail(BoxChannel *c, Step step, int r) {
        (void) sd_event_source_set_enabled(c->source, SD_EVENT_OFF);
        c->failed(c, step, r, c->userdata);
}

static int channel_handle(BoxChannel *c, Message *m, Step *ret_step) {
        ChannelRequest *q, request;

        if (!IN_SET(m->header.type, MESSAGE_REPLY, MESSAGE_FINISHED))
                return -EBADMSG;

        if (c->resuming) {
                if (m->header.serial != c->resume_serial || m->header.type != MESSAGE_REPLY)
                        return 0;
                c->resuming = false;
        }

        if (m->header.serial == CHANNEL_SERIAL_NONE) {
                if (m->header.type != MESSAGE_REPLY)
                        return -EBADMSG;

                /* What was sent without waiting must not have failed. */
                if (m->reply.error == 0)
                        return 0;
                if (m->reply.error < 0 || m->reply.error > 4095 || m->reply.step >= _STEP_MAX)
                        return -EBADMSG;

                *ret_step = (Step) m->reply.step;
                return -m->reply.error;
        }

        q = c->requests + m->header.serial % CHANNEL_REQUESTS_MAX;
        if (q->serial != m->header.serial)
                return -EBADMSG;

        request = *q;
        *q = (ChannelRequest) {};
        c->n_requests--;

        request.callback(0, m, request.userdata);
        return 0;
}

static int channel_on_input(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        BoxChannel *c = ASSERT_PTR(userdata);
        _cleanup_(message_done) Message m;
        Step step = STEP_PROTOCOL;
        int r;

        /* One at a time: there is rarely a second, and asking for it costs as much as being woken for it. */
        r = message_receive(c->fd, &m);
        if (r == -EAGAIN)
                return 0;
        if (r >= 0)
                r = channel_handle(c, &m, &step);
        if (r < 0)
                channel_fail(c, step, r);

        return 0;
}

int box_channel_new(sd_event *event, int fd, channel_failed_t failed, void *userdata, BoxChannel **ret) {
        _cleanup_(box_channel_freep) BoxChannel *c = NULL;
        int r, size = CHANNEL_BUFFER_BYTES;

        assert(event);
        assert(fd >= 0);
        assert(failed);
        assert(ret);

        c = new(BoxChannel, 1);
        if (!c) {
                (void) safe_close(fd);
                return -ENOMEM;
        }

        *c = (BoxChannel) {
                .fd = fd,
                .failed = failed,
                .userdata = userdata,
                .generation = 1,
        };

        /* FORCE needs CAP_NET_ADMIN over the host's network; without it the system's own bound applies. */
        if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
                (void) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));

        r = sd_event_add_io(event, &c->source, fd, EPOLLIN, channel_on_input, c);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(c->source, "box-channel");

        *ret = TAKE_PTR(c);
        return 0;
}

BoxChannel *box_channel_free(BoxChannel *c) {
        if (!c)
                return NULL;

        assert(c->n_requests == 0);

        c->source = sd_event_source_unref(c->source);
        c->fd = safe_close(c->fd);
        return mfree(c);
}

int box_channel_resume(BoxChannel *c) {
        assert(c);
        assert(c->n_requests == 0);

        /* The serials of before are not known: these are others, almost certainly. */
        if (getrandom(&c->generation, sizeof(c->generation), 0) != sizeof(c->generation))
                return -EIO;

        c->resuming = true;
        c->resume_serial = CHANNEL_SERIAL_NONE;
        return 0;
}

int box_channel_get_fd(BoxChannel *c) {
        assert(c);
        return c->fd;
}

size_t box_channel_get_n_requests(BoxChannel *c) {
        assert(c);
        return c->n_requests;
}

int box_channel_begin(BoxChannel *c, usec_t deadline, channel_reply_t callback, void *userdata, uint32_t *ret_serial) {
        ChannelRequest *q;

        assert(c);
        assert(callback);
        assert(ret_serial);

        if (c->n_requests >= CHANNEL_REQUESTS_MAX)
                return -EBUSY;

        while (c->requests[c->next_place].serial != 0 || c->generation * CHANNEL_REQUESTS_MAX + c->next_place == 0) {
                c->next_place = (c->next_place + 1) % CHANNEL_REQUESTS_MAX;
                if (c->next_place == 0)
                        c->generation++;
        }

        q = c->requests + c->next_place;
        *q = (ChannelRequest) {
                .serial = c->generation * CHANNEL_REQUESTS_MAX + c->next_place,
                .callback = callback,
                .userdata = userdata,
                .deadline = deadline,
        };
        c->n_requests++;

        if (c->resuming && c->resume_serial == CHANNEL_SERIAL_NONE)
                c->resume_serial = q->serial;

        *ret_serial = q->serial;
        c->next_place = (c->next_place + 1) % CHANNEL_REQUESTS_MAX;
        if (c->next_place == 0)
                c->generation++;
        return 0;
}

int box_channel_sent(BoxChannel *c, uint32_t serial, int r) {
        ChannelRequest *q;

        assert(c);

        if (r >= 0)
                return r;

        q = c->requests + serial % CHANNEL_REQUESTS_MAX;
        assert(q->serial == serial);
        *q = (ChannelRequest) {};
        c->n_requests--;
        return r;
}

usec_t box_channel_check_deadlines(BoxChannel *c, usec_t now) {
        usec_t next = USEC_INFINITY;

        assert(c);

        for (size_t i = 0; i < ELEMENTSOF(c->requests); i++) {
                const ChannelRequest *q = c->requests + i;

                if (q->serial == 0)
                        continue;

                if (q->deadline <= now) {
                        channel_fail(c, STEP_PROTOCOL, -ETIMEDOUT);
                        return USEC_INFINITY;
                }

                next = MIN(next, q->deadline);
        }

        return next;
}

void box_channel_cancel(BoxChannel *c, int r) {
        assert(c);
        assert(r < 0);

        (void) sd_event_source_set_enabled(c->source, SD_EVENT_OFF);

        for (size_t i = 0; i < ELEMENTSOF(c->requests); i++) {
                ChannelRequest request = c->requests[i];

                if (request.serial == 0)
                        continue;

                c->requests[i] = (ChannelRequest) {};
                c->n_requests--;
                request.callback(r, NULL, request.userdata);
        }
}
