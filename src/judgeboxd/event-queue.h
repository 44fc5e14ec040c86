/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What Monitor tells, and what of it waits for a peer that does not read: a fixed number, of a fixed size. Beyond that the
 * oldest is dropped, and counted. */

#include <json-c/json.h>

#include "box.h"

#define EVENT_QUEUE_MAX 256U

typedef enum EventType {
        EVENT_BOX_NEW,
        EVENT_BOX_REMOVED,
        EVENT_RUN_STARTED,
        EVENT_RUN_FINISHED,
        _EVENT_TYPE_MAX,
        _EVENT_TYPE_INVALID = -EINVAL,
} EventType;

const char *event_type_to_string(EventType t);
EventType event_type_from_string(const char *s);

typedef struct Event {
        EventType type;
        usec_t time_usec; /* CLOCK_REALTIME */
        char box[BOX_ID_SIZE];
        uid_t owner;
        uint64_t run; /* RUN_STARTED, RUN_FINISHED; the rest RUN_FINISHED only, RESULT_UNKNOWN if not known */
        Verdict verdict;
        usec_t cpu_usec, wall_usec;
        uint64_t memory_peak_bytes;
} Event;

typedef struct EventQueue {
        Event events[EVENT_QUEUE_MAX];
        size_t first, n;
        uint64_t n_missed; /* just before the first */
} EventQueue;

void event_queue_push(EventQueue *q, const Event *e);

/* The oldest; false if there is none. ret_missed: how many before it were dropped, since the last that was taken. */
bool event_queue_pop(EventQueue *q, Event *ret, uint64_t *ret_missed);

/* A reply of Monitor with this event: 0, or -ENOMEM. */
int event_to_json(const Event *e, uint64_t n_missed, json_object **ret);
