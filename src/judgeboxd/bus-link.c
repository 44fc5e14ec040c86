/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus-link.h"
#include "log.h"
#include "time-util.h"

/* How soon to try again; doubled with every time. */
#define RETRY_USEC (100 * USEC_PER_MSEC)
#define RETRY_DOUBLE_MAX 6U

/* A connection that held for as long was a good one. */
#define STABLE_USEC (10 * USEC_PER_SEC)

struct BusLink {
        sd_event *event;
        char *description;
        sd_bus *bus;
        sd_event_source *timer;
        usec_t opened_usec;
        unsigned n_tries; /* since there was a good one */
        const BusLinkHandler *handler;
        void *userdata;
};

static void try_soon(BusLink *l) {
        usec_t delay = RETRY_USEC << MIN(l->n_tries, RETRY_DOUBLE_MAX);

        l->n_tries++;
        /* Cannot fail for a source that is there. */
        (void) sd_event_source_set_time(l->timer, usec_add(now_usec(CLOCK_MONOTONIC), delay));
        (void) sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT);
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        BusLink *l = ASSERT_PTR(userdata);

        if (usec_sub(now_usec(CLOCK_MONOTONIC), l->opened_usec) >= STABLE_USEC)
                l->n_tries = 0;
        if (l->n_tries == 0)
                log_warning("The connection to the system bus (%s) is lost, making another.", l->description);

        if (l->handler->lost)
                l->handler->lost(l->userdata);

        /* Not from within what is done for the old one. */
        try_soon(l);
        return 0;
}

static int open_bus(BusLink *l, sd_bus **ret) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r;

        /* Neither this nor the greeting waits for the bus. */
        r = sd_bus_open_system_with_description(&bus, l->description);
        if (r < 0)
                return r;

        r = sd_bus_match_signal_async(bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                                      "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, NULL, l);
        if (r < 0)
                return r;

        r = sd_bus_attach_event(bus, l->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;

        l->opened_usec = now_usec(CLOCK_MONOTONIC);
        *ret = TAKE_PTR(bus);
        return 0;
}

static void try_now(BusLink *l) {
        sd_bus *old = l->bus;
        int r;

        r = open_bus(l, &l->bus);
        if (r >= 0) {
                r = l->handler->opened(l->bus, l->userdata);
                (void) sd_bus_close_unref(old);
        }
        if (r >= 0)
                return;

        /* After a loss that was said. */
        if (!l->bus && l->n_tries == 0)
                log_notice("There is no system bus here (%s): %s, trying again until there is.", l->description,
                           strerror(-r));
        else
                (void) log_debug_errno(r, "Failed to connect to the system bus (%s): %m", l->description);
        try_soon(l);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        try_now(ASSERT_PTR(userdata));
        return 0;
}

int bus_link_new(sd_event *event, const char *description, const BusLinkHandler *handler, void *userdata, BusLink **ret) {
        _cleanup_(bus_link_freep) BusLink *l = NULL;
        int r;

        assert(event);
        assert(description);
        assert(handler);
        assert(ret);

        l = new(BusLink, 1);
        if (!l)
                return -ENOMEM;

        *l = (BusLink) {
                .event = sd_event_ref(event),
                .description = strdup(description),
                .handler = handler,
                .userdata = userdata,
        };
        if (!l->description)
                return -ENOMEM;

        r = sd_event_add_time(event, &l->timer, CLOCK_MONOTONIC, 0, /* accuracy= */ 0, on_timer, l);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(l->timer, "bus-link");

        r = sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;

        try_now(l);
        *ret = TAKE_PTR(l);
        return 0;
}

BusLink *bus_link_free(BusLink *l) {
        if (!l)
                return NULL;

        l->timer = sd_event_source_disable_unref(l->timer);
        l->bus = sd_bus_close_unref(l->bus);
        l->event = sd_event_unref(l->event);
        free(l->description);
        return mfree(l);
}
