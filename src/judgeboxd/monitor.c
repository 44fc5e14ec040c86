/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "event-queue.h"
#include "log.h"
#include "monitor.h"
#include "observer.h"

typedef struct Monitor {
        Observer observer;
        VarlinkCall *call;
        uid_t owner;
        bool all;
        bool waiting; /* for the peer to have read what it was told */
        EventQueue queue;
} Monitor;

static void monitor_free(Monitor *m) {
        observer_remove(&m->observer);
        varlink_call_set_userdata(m->call, NULL);
        (void) varlink_call_unref(m->call);
        free(m);
}

static void on_disconnect(VarlinkCall *c, void *userdata) {
        if (userdata)
                monitor_free(userdata);
}

/* One at a time, each when the one before is gone: only the queue holds what waits. */
static void on_drained(VarlinkCall *c, void *userdata) {
        Monitor *m = ASSERT_PTR(userdata);
        uint64_t n_missed;
        json_object *o;
        Event e;
        int r;

        m->waiting = event_queue_pop(&m->queue, &e, &n_missed);
        if (!m->waiting)
                return;

        r = event_to_json(&e, n_missed, &o);
        if (r >= 0)
                r = varlink_call_notify(c, o, NULL, 0);
        if (r >= 0)
                varlink_call_on_drained(c, on_drained);
        else if (IN_SET(r, -ENOMEM, -EPROTO)) {
                /* Else the connection is gone, or about to be: that ends it, too. */
                (void) varlink_call_error_errno(c, r);
                monitor_free(m);
        }
}

/* Sent from the loop: nobody who goes through boxes and runs just now has to bear with a connection that ends. */
static void tell(Monitor *m, Event *e) {
        e->time_usec = now_usec(CLOCK_REALTIME);
        event_queue_push(&m->queue, e);

        if (!m->waiting) {
                m->waiting = true;
                varlink_call_on_drained(m->call, on_drained);
        }
}

static bool may_hear(const Monitor *m, const Box *b) {
        return m->all || b->owner == m->owner;
}

static Event event_of(EventType type, const Box *b) {
        Event e = { .type = type, .owner = b->owner };

        assert(strlen(b->id) < sizeof(e.box));
        (void) stpcpy(e.box, b->id);
        return e;
}

static void tell_box(Monitor *m, EventType type, const Box *b) {
        Event e = event_of(type, b);

        tell(m, &e);
}

/* The first run is sent ahead while its box still starts: then it is that which makes the box known. */
static void on_box_state(Box *b, BoxState before, void *userdata) {
        Monitor *m = ASSERT_PTR(userdata);
        bool known = before != BOX_STARTING || b->n_active_runs > 0;

        if (!may_hear(m, b))
                return;

        /* One that failed to start was never there. */
        if (b->state == BOX_STOPPING && known)
                tell_box(m, EVENT_BOX_REMOVED, b);
        else if (b->state != BOX_STOPPING && !known)
                tell_box(m, EVENT_BOX_NEW, b);
}

static void on_run_state(Run *r, RunState before, void *userdata) {
        Monitor *m = ASSERT_PTR(userdata);
        Event e;

        /* What was never executed has no end either; what is kept ends when the program does, not when it is collected. */
        if ((r->state == RUN_EXECUTING) == (before == RUN_EXECUTING) || !may_hear(m, r->box))
                return;

        if (r->state == RUN_EXECUTING && r->box->state == BOX_STARTING && r->box->n_active_runs == 1)
                tell_box(m, EVENT_BOX_NEW, r->box);

        e = event_of(r->state == RUN_EXECUTING ? EVENT_RUN_STARTED : EVENT_RUN_FINISHED, r->box);
        e.run = r->number;
        e.verdict = r->result.verdict;
        e.cpu_usec = r->result.cpu_usec;
        e.wall_usec = r->result.wall_usec;
        e.memory_peak_bytes = r->result.memory_peak_bytes;
        tell(m, &e);
}

int monitor_new(VarlinkCall *c, const Operation *op) {
        Monitor *m;
        int r;

        assert(c);
        assert(op);

        m = new0(Monitor, 1);
        if (!m)
                return -ENOMEM;

        r = varlink_call_notify(c, NULL, NULL, 0);
        if (r < 0) {
                free(m);
                return r;
        }

        m->call = varlink_call_ref(c);
        m->owner = op->owner;
        m->all = op->all;
        m->observer = (Observer) { .box_state = on_box_state, .run_state = on_run_state, .userdata = m };
        observer_add(&m->observer, op->manager);
        varlink_call_set_userdata(c, m);
        varlink_call_set_disconnect_handler(c, on_disconnect);
        return 0;
}
