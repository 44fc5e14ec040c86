/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "event-queue.h"
#include "json-build.h"
#include "string-util.h"

static const char *const event_type_table[_EVENT_TYPE_MAX] = {
        [EVENT_BOX_NEW] = "box-new",
        [EVENT_BOX_REMOVED] = "box-removed",
        [EVENT_RUN_STARTED] = "run-started",
        [EVENT_RUN_FINISHED] = "run-finished",
};

DEFINE_STRING_TABLE_LOOKUP(event_type, EventType);

void event_queue_push(EventQueue *q, const Event *e) {
        assert(q);
        assert(e);

        q->events[(q->first + q->n) % EVENT_QUEUE_MAX] = *e;
        if (q->n < EVENT_QUEUE_MAX) {
                q->n++;
                return;
        }

        /* It took the place of the oldest. */
        q->first = (q->first + 1) % EVENT_QUEUE_MAX;
        q->n_missed++;
}

bool event_queue_pop(EventQueue *q, Event *ret, uint64_t *ret_missed) {
        assert(q);
        assert(ret);
        assert(ret_missed);

        if (q->n == 0)
                return false;

        *ret = q->events[q->first];
        *ret_missed = q->n_missed;
        q->first = (q->first + 1) % EVENT_QUEUE_MAX;
        q->n--;
        q->n_missed = 0;
        return true;
}

int event_to_json(const Event *e, uint64_t n_missed, json_object **ret) {
        _cleanup_json_ json_object *reply = json_object_new_object();
        json_object *o = json_object_new_object();
        int r = reply && o ? 0 : -ENOMEM;

        assert(e);
        assert(ret);

        json_add_string(&r, o, "type", event_type_to_string(e->type));
        json_add_uint64(&r, o, "timeUSec", e->time_usec);
        json_add_string(&r, o, "box", e->box);
        json_add_uint64(&r, o, "owner", e->owner);
        if (IN_SET(e->type, EVENT_RUN_STARTED, EVENT_RUN_FINISHED))
                json_add_uint64(&r, o, "run", e->run);
        if (e->type == EVENT_RUN_FINISHED) {
                json_add_string(&r, o, "verdict", verdict_to_string(e->verdict));
                json_add_known(&r, o, "cpuTimeUSec", e->cpu_usec);
                json_add_known(&r, o, "wallTimeUSec", e->wall_usec);
                json_add_known(&r, o, "memoryPeakBytes", e->memory_peak_bytes);
        }
        if (n_missed > 0)
                json_add_uint64(&r, o, "missed", n_missed);
        json_add(&r, reply, "event", o);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(reply);
        return 0;
}
