/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hash.h"
#include "manager.h"
#include "observer.h"

void observer_add(Observer *o, Manager *m) {
        assert(o);
        assert(!o->manager);
        assert(m);

        o->manager = m;
        DL_APPEND(m->observers, o);
}

void observer_remove(Observer *o) {
        assert(o);

        if (!o->manager)
                return;

        DL_DELETE(o->manager->observers, o);
        o->manager = NULL;
}

void observers_done(Manager *m) {
        assert(m);

        while (m->observers)
                observer_remove(m->observers);
}

void observers_tell_box(Box *b, BoxState before) {
        Observer *o;

        assert(b);

        DL_FOREACH(b->manager->observers, o)
                o->box_state(b, before, o->userdata);
}

void observers_tell_run(Run *r, RunState before) {
        Observer *o;

        assert(r);

        DL_FOREACH(r->manager->observers, o)
                o->run_state(r, before, o->userdata);
}
