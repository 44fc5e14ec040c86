/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Somebody stops a scope, and PID 1 kills its processes one after the other: a program may be gone, and be told of as
 * killed, while the signal for judgebox-init is still to be sent. PID 1 sends them all in one turn of its loop, so whoever
 * has had an answer from it to anything at all knows that they are sent. */

#include "log.h"
#include "scope-internal.h"

/* A result waits for it: one of a run that somebody killed, which is rare. */
#define SETTLE_TIMEOUT_USEC (5 * USEC_PER_SEC)

struct ScopeSettle {
        ScopeBox *box;
        sd_bus_slot *call;
        uint64_t token;
        box_cgroup_settled_t callback;
        void *userdata;
        LIST_ENTRY(ScopeSettle) settles;
};

static ScopeSettle *scope_settle_free(ScopeSettle *s) {
        if (!s)
                return NULL;

        LIST_REMOVE(s, settles);
        (void) sd_bus_slot_unref(s->call);
        return mfree(s);
}
DEFINE_TRIVIAL_CLEANUP_FUNC(ScopeSettle *, scope_settle_free);

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        ScopeSettle *s = ASSERT_PTR(userdata);
        ScopeSettle settled = *s;

        /* An error is an answer too: of one that is away, to be executed anew, or of a bus that has lost us. Then, and
         * where it takes too long, there is nothing better to wait for. */
        if (sd_bus_message_is_method_error(reply, NULL))
                log_debug("%s: PID 1 does not say that it is done: %s", s->box->unit,
                          strna(sd_bus_message_get_error(reply)->name));

        (void) scope_settle_free(s);
        settled.callback(&settled.box->meta, settled.token, settled.userdata);
        return 0;
}

int scope_box_settle(BoxCgroup *meta, uint64_t token, box_cgroup_settled_t callback, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_(scope_settle_freep) ScopeSettle *s = NULL;
        ScopeManager *m = SCOPE_MANAGER(meta->manager);
        ScopeBox *b = SCOPE_BOX(meta);
        int r;

        r = scope_manager_new_call(m, "org.freedesktop.DBus.Peer", "Ping", &call);
        if (r < 0)
                return r;

        s = new(ScopeSettle, 1);
        if (!s)
                return -ENOMEM;

        *s = (ScopeSettle) { .box = b, .token = token, .callback = callback, .userdata = userdata };
        LIST_INSERT_HEAD(&b->settles, s, settles);

        r = sd_bus_call_async(m->bus, &s->call, call, on_answer, s, SETTLE_TIMEOUT_USEC);
        if (r < 0)
                return r;

        TAKE_PTR(s);
        return 0;
}

void scope_box_forget_settles(ScopeBox *b) {
        ScopeSettle *s;

        assert(b);

        while ((s = LIST_FIRST(&b->settles)))
                (void) scope_settle_free(s);
}
