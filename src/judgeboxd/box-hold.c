/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "box-hold.h"
#include "manager.h"

static bool is_held(const Box *b) {
        return b->holder_connection > 0 || b->holder_bus_name;
}

int box_hold(Box *b, const Caller *caller) {
        assert(b);
        assert(caller);

        /* An admin who looks at it does not keep it. */
        if (!b->until_disconnect || is_held(b) || caller->uid != b->owner)
                return 0;

        b->holder_connection = caller->connection;
        return free_and_strdup(&b->holder_bus_name, caller->bus_name);
}

void box_let_go(Box *b) {
        assert(b);

        if (!b->until_disconnect)
                return;

        b->holder_connection = 0;
        b->holder_bus_name = mfree(b->holder_bus_name);
        b->hold_deadline = usec_add(manager_now(b->manager), RUN_ORPHAN_USEC);
        manager_watch_deadline(b->manager, b->hold_deadline);
}

usec_t box_check_hold(Box *b, usec_t now) {
        assert(b);

        if (!b->until_disconnect || is_held(b))
                return USEC_INFINITY;
        if (now < b->hold_deadline)
                return b->hold_deadline;

        box_stop(b);
        return b->deadline;
}

void manager_connection_closed(Manager *m, uint64_t connection, const char *bus_name) {
        Box *b, *following;

        assert(m);

        /* One box may go at once, never another. */
        HASH_ITER(hh, m->boxes, b, following)
                if (is_held(b) && b->holder_connection == connection && streq_ptr(b->holder_bus_name, bus_name))
                        box_stop(b);
}

void manager_bus_lost(Manager *m) {
        Box *b, *following;

        assert(m);

        HASH_ITER(hh, m->boxes, b, following)
                if (b->holder_bus_name)
                        box_let_go(b);
}
