/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who wants to hear of every step of boxes and runs, whatever for: no box knows who is told. */

#include "box.h"
#include "run.h"

typedef struct Observer Observer;

/* Neither may take a box or a run away, nor an observer. before: the state that it was in. */
struct Observer {
        void (*box_state)(Box *b, BoxState before, void *userdata);
        void (*run_state)(Run *r, RunState before, void *userdata);
        void *userdata;

        Manager *manager; /* NULL: it observes nothing, or no longer */
        Observer *prev, *next;
};

void observer_add(Observer *o, Manager *m);

/* Also for one that was never added, or outlived the manager. */
void observer_remove(Observer *o);

/* The manager goes: nobody observes it any more. */
void observers_done(Manager *m);

void observers_tell_box(Box *b, BoxState before);
void observers_tell_run(Run *r, RunState before);
