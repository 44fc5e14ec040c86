/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <systemd/sd-daemon.h>

#include "log.h"
#include "service.h"

/* How often to look whether there is anything to do or to tell: as long as there is something to do, nothing hangs on
 * it. */
#define LOOK_USEC (5 * USEC_PER_SEC)

struct Service {
        Manager *manager;
        VarlinkServer *server;
        ServiceFlags flags;
        sd_event_source *look_source;
        usec_t idle_since; /* USEC_INFINITY: it is not idle */
        size_t n_boxes_told, n_runs_told;
};

Service *service_free(Service *s) {
        if (!s)
                return NULL;

        s->look_source = sd_event_source_disable_unref(s->look_source);
        return mfree(s);
}

static void tell_status(Service *s, bool ready) {
        size_t n_boxes = HASH_COUNT(s->manager->boxes), n_runs = manager_count_active_runs(s->manager);

        if (!ready && n_boxes == s->n_boxes_told && n_runs == s->n_runs_told)
                return;

        s->n_boxes_told = n_boxes;
        s->n_runs_told = n_runs;
        (void) sd_notifyf(/* unset_environment= */ false, "%sSTATUS=%zu boxes, %zu runs going on.",
                          ready ? "READY=1\n" : "", n_boxes, n_runs);
}

static bool is_idle(const Service *s) {
        return !s->manager->boxes && !s->manager->runs && varlink_server_get_n_connections(s->server) == 0;
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata) {
        Service *s = ASSERT_PTR(userdata);
        usec_t now = manager_now(s->manager), idle_exit = s->manager->config->idle_exit_usec, next = LOOK_USEC;

        tell_status(s, /* ready= */ false);

        if (!is_idle(s))
                s->idle_since = USEC_INFINITY;
        else if (s->idle_since == USEC_INFINITY)
                s->idle_since = now;

        if (FLAGS_SET(s->flags, SERVICE_MAY_EXIT) && s->idle_since != USEC_INFINITY) {
                usec_t end = usec_add(s->idle_since, idle_exit);

                if (now >= end) {
                        log_debug("There is nothing to do, ending until there is.");
                        (void) sd_notify(/* unset_environment= */ false, "STOPPING=1");
                        return sd_event_exit(s->manager->event, 0);
                }

                next = MIN(next, end - now);
        }

        (void) sd_event_source_set_time(source, usec_add(now, next));
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        Service *s = ASSERT_PTR(userdata);

        log_debug("Got SIG%s.", strna(sigabbrev_np((int) si->ssi_signo)));
        (void) sd_notify(/* unset_environment= */ false, "STOPPING=1");

        if (si->ssi_signo == SIGTERM && s->manager->store)
                return sd_event_exit(s->manager->event, 0);

        manager_stop(s->manager);
        return 0;
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        Service *s = ASSERT_PTR(userdata);
        int r;

        /* Both in one message: with Type=notify-reload it is by the time that systemd knows which reload this is. */
        (void) sd_notifyf(/* unset_environment= */ false, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
                          now_usec(CLOCK_MONOTONIC));

        r = manager_load_config(s->manager);
        if (r < 0)
                (void) log_error_errno(r, "Failed to read the configuration again, the old one stays: %m");

        tell_status(s, /* ready= */ true);
        return 0;
}

static int add_signal(Service *s, int signal, sd_event_signal_handler_t handler) {
        sigset_t mask;

        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, signal);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;

        return sd_event_add_signal(s->manager->event, NULL, signal, handler, s);
}

int service_new(Manager *m, VarlinkServer *server, ServiceFlags flags, Service **ret) {
        _cleanup_(service_freep) Service *s = NULL;
        int r;

        assert(m);
        assert(server);
        assert(ret);

        s = new(Service, 1);
        if (!s)
                return -ENOMEM;
        *s = (Service) {
                .manager = m,
                .server = server,
                .flags = flags,
                .idle_since = USEC_INFINITY,
        };

        r = add_signal(s, SIGTERM, on_terminate);
        if (r >= 0)
                r = add_signal(s, SIGINT, on_terminate);
        if (r >= 0 && FLAGS_SET(flags, SERVICE_MAY_RELOAD))
                r = add_signal(s, SIGHUP, on_reload);
        if (r >= 0)
                r = sd_event_set_watchdog(m->event, true);
        if (r < 0)
                return r;

        r = sd_event_add_time_relative(m->event, &s->look_source, CLOCK_MONOTONIC, 0, USEC_PER_SEC, on_look, s);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(s->look_source, "service-look");

        /* Whoever is about to connect goes first. */
        r = sd_event_source_set_priority(s->look_source, SD_EVENT_PRIORITY_IDLE);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(s);
        return 0;
}

void service_ready(Service *s) {
        assert(s);

        tell_status(s, /* ready= */ true);
}
