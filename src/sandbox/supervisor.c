/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "fd-util.h"
#include "ipc.h"
#include "privileges.h"
#include "slow-close.h"
#include "supervisor-internal.h"
#include "supervisor.h"

/* The loop of judgebox-init. It waits for four kinds of things: requests, the end of children, output to move on, and
 * system calls that a filter has caught; and it has the deadlines of the runs. Nothing is looked at in fixed
 * intervals but where a cgroup controller is missing (sample.h). What the requests do is in supervisor-request.c. */

void supervisor_forget_run(Supervisor *s, Run *r) {
        TAILQ_REMOVE(&s->runs, r, runs);
        s->n_runs--;
        if (r->state == RUN_FINISHED)
                s->n_finished--;
        run_free(r);
}

static int report_run(Supervisor *s, Run *r) {
        int fds[2] = { -EBADF, -EBADF }, q;

        if (r->reported)
                return 0;

        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = output_get_memfd(r->outputs + i);

        q = message_send_finished(s->socket_fd, r->serial, r->number, &r->result, &r->observed, fds[0], fds[1]);
        if (q == -EAGAIN)
                return 0; /* judgeboxd is away; POLLOUT brings us back */
        if (q < 0)
                return q;

        r->reported = true;
        return 0;
}

bool supervisor_has_active_run(const Supervisor *s) {
        const Run *r;

        TAILQ_FOREACH(r, &s->runs, runs)
                if (run_is_active(r) || r->state == RUN_LOADING)
                        return true;

        return false;
}

int supervisor_advance_jobs(Supervisor *s) {
        _cleanup_(file_job_freep) FileJob *j = TAILQ_FIRST(&s->jobs);
        int r;

        if (!j)
                return 0;

        TAILQ_REMOVE(&s->jobs, j, jobs);
        r = file_job_step(j);
        if (r <= 0)
                return file_job_send_reply(j, s->socket_fd, r);

        TAILQ_INSERT_TAIL(&s->jobs, j, jobs);
        TAKE_PTR(j);
        return 0;
}

/* Those whose source may keep whoever reads it waiting. */
static int advance_slow_jobs(Supervisor *s, nsec_t *next) {
        FileJob *j, *following;
        int r = 0;

        for (j = TAILQ_FIRST(&s->slow_jobs); j && r >= 0; j = following) {
                following = TAILQ_NEXT(j, jobs);

                r = file_job_step(j);
                if (r > 0) {
                        *next = MIN(*next, file_job_next_check(j));
                        continue;
                }

                TAILQ_REMOVE(&s->slow_jobs, j, jobs);
                r = file_job_send_reply(j, s->socket_fd, r);
                (void) file_job_free(j);
        }

        return MIN(r, 0);
}

/* A program whose processes end as fast as they are reaped is not to keep its limits waiting. */
#define REAPED_AT_ONCE 256U

/* Reaps those that have ended. */
static void reap(Supervisor *s) {
        size_t n_active = 0;
        Run *r, *only = NULL;

        TAILQ_FOREACH(r, &s->runs, runs)
                if (run_is_active(r)) {
                        only = n_active++ == 0 ? r : NULL;
                }

        s->childless = s->reaping = false;

        for (unsigned i = 0; i < REAPED_AT_ONCE; i++) {
                struct rusage usage;
                int status;
                pid_t pid;

                pid = wait4(-1, &status, WNOHANG, &usage);
                if (pid <= 0) {
                        s->childless = pid < 0 && errno == ECHILD;
                        return;
                }

                /* One that has made us its tracer (PTRACE_TRACEME), as a profile may allow, has only stopped. */
                if (!WIFEXITED(status) && !WIFSIGNALED(status))
                        continue;

                /* An orphan's use is its run's, where it is known whose that was. */
                TAILQ_FOREACH(r, &s->runs, runs)
                        if (r->main_pid == pid)
                                break;
                if (!r)
                        r = only;
                if (r)
                        run_on_reaped(r, pid, status, &usage);
        }

        s->reaping = true;
}

/* Before all others: it changes which of them is alone. */
static void advance_loading(Supervisor *s) {
        nsec_t now = now_nsec(CLOCK_MONOTONIC);
        Run *r;

        TAILQ_FOREACH(r, &s->runs, runs) {
                if (r->state != RUN_LOADING)
                        continue;

                run_load(r, now);
                if (r->state == RUN_RUNNING)
                        s->childless = false;
                s->n_finished += r->state == RUN_FINISHED;
        }
}

/* Returns the next deadline. */
static int advance(Supervisor *s, nsec_t *ret_next) {
        nsec_t next = NSEC_NEVER, now;
        size_t n_active = 0;
        Run *r, *following;
        int q;

        advance_loading(s);

        TAILQ_FOREACH(r, &s->runs, runs)
                n_active += run_is_active(r);

        now = now_nsec(CLOCK_MONOTONIC);

        for (r = TAILQ_FIRST(&s->runs); r; r = following) {
                following = TAILQ_NEXT(r, runs);

                if (IN_SET(r->state, RUN_RUNNING, RUN_ENDING, RUN_FLUSHING)) {
                        run_advance(r, now, s->childless, n_active <= 1);
                        if (r->state == RUN_FINISHED)
                                s->n_finished++;
                }

                if (r->state == RUN_FINISHED) {
                        q = report_run(s, r);
                        if (q < 0)
                                return q;
                        run_release_cgroup(r);
                }

                next = MIN(next, run_next_check(r));
        }

        /* Nobody comes for these any more. */
        for (r = TAILQ_FIRST(&s->runs); r && s->n_finished > RUNS_FINISHED_MAX; r = following) {
                following = TAILQ_NEXT(r, runs);
                if (r->state == RUN_FINISHED)
                        supervisor_forget_run(s, r);
        }

        /* With the last process of a run its memory goes, wherever it is. */
        if (s->ipc_dirty && !supervisor_has_active_run(s)) {
                q = ipc_clear(s->root.mqueue_fd);
                if (q < 0)
                        return q;
                s->ipc_dirty = false;
        }

        *ret_next = next;
        return 0;
}

static void note_listeners(Supervisor *s, const struct pollfd *p, size_t n) {
        for (size_t i = 0; i < n; i++) {
                Run *r;

                if (p[i].revents == 0)
                        continue;

                TAILQ_FOREACH(r, &s->runs, runs)
                        if (r->listener_fd == p[i].fd)
                                r->listener_ready = true;
        }
}

/* ret_socket, ret_signals: the events there. */
static int wait_for_events(Supervisor *s, nsec_t deadline, short *ret_socket, short *ret_signals) {
        struct pollfd p[2 + 3 * RUNS_MAX + SLOW_COPIES_MAX];
        struct timespec timeout = {};
        nfds_t n = 2;
        FileJob *j;
        Run *r;
        int q;

        p[0] = (struct pollfd) { .fd = s->socket_fd, .events = POLLIN };
        p[1] = (struct pollfd) { .fd = s->signal_fd, .events = POLLIN };

        TAILQ_FOREACH(r, &s->runs, runs) {
                if (r->state == RUN_FINISHED && !r->reported)
                        p[0].events |= POLLOUT;

                if (r->state == RUN_LOADING && r->loading)
                        p[n++] = (struct pollfd) { .fd = slow_copy_get_fd(r->loading), .events = POLLIN };

                if (!IN_SET(r->state, RUN_RUNNING, RUN_ENDING, RUN_FLUSHING))
                        continue;

                for (size_t i = 0; i < ELEMENTSOF(r->outputs); i++)
                        if (output_get_poll(r->outputs + i, &p[n].fd, &p[n].events))
                                n++;

                if (r->state == RUN_RUNNING && r->listener_fd >= 0)
                        p[n++] = (struct pollfd) { .fd = r->listener_fd, .events = POLLIN };
        }

        TAILQ_FOREACH(j, &s->slow_jobs, jobs)
                if (j->slow_copy)
                        p[n++] = (struct pollfd) { .fd = slow_copy_get_fd(j->slow_copy), .events = POLLIN };

        if (deadline != NSEC_NEVER) {
                nsec_t now = now_nsec(CLOCK_MONOTONIC), left = deadline > now ? deadline - now : 0;

                timeout = (struct timespec) {
                        .tv_sec = (time_t) (left / NSEC_PER_SEC),
                        .tv_nsec = (long) (left % NSEC_PER_SEC),
                };
        }

        q = ppoll(p, n, deadline != NSEC_NEVER ? &timeout : NULL, NULL);
        if (q < 0 && errno != EINTR)
                return -errno;

        if (q > 0)
                note_listeners(s, p + 2, n - 2);
        *ret_socket = q > 0 ? p[0].revents : 0;
        *ret_signals = q > 0 ? p[1].revents : 0;
        return 0;
}

static int supervisor_loop(Supervisor *s) {
        nsec_t deadline;
        int r;

        for (;;) {
                short on_socket = 0, on_signals = 0;

                r = advance(s, &deadline);
                if (r >= 0)
                        r = advance_slow_jobs(s, &deadline);
                if (r < 0)
                        return r;

                /* With files or processes to see to, nothing is waited for. */
                r = supervisor_advance_jobs(s);
                if (r < 0)
                        return r;

                r = wait_for_events(s, TAILQ_EMPTY(&s->jobs) && !s->reaping ? deadline : 0, &on_socket, &on_signals);
                if (r < 0)
                        return r;

                if (on_signals != 0) {
                        struct signalfd_siginfo si;

                        if (read(s->signal_fd, &si, sizeof(si)) < 0 && !IN_SET(errno, EAGAIN, EINTR))
                                return -errno;
                }
                if (on_signals != 0 || s->reaping)
                        reap(s);

                if (on_socket & ~POLLOUT) {
                        r = supervisor_receive(s);
                        if (r < 0)
                                return r;
                }
        }
}

int supervisor_run(int socket_fd) {
        Supervisor s = {
                .socket_fd = socket_fd,
                .signal_fd = -EBADF,
                .childless = true,
                .root = ROOT_NULL,
        };
        sigset_t mask;
        Step step;
        int r;

        TAILQ_INIT(&s.runs);
        TAILQ_INIT(&s.jobs);
        TAILQ_INIT(&s.slow_jobs);

        slow_close_enable();

        r = privileges_setup(&step);
        if (r < 0)
                return message_send_reply(socket_fd, 0, r, step, 0, 0, NULL, 0, -EBADF);

        r = fd_set_nonblock(socket_fd, true);
        if (r < 0)
                return r;

        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGCHLD);
        if (sigprocmask(SIG_SETMASK, &mask, NULL) < 0)
                return -errno;

        s.signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        if (s.signal_fd < 0)
                return -errno;

        r = supervisor_loop(&s);
        if (r == -ECONNRESET)
                return 0;

        /* The last word: without one, somebody killed us. */
        (void) message_send_reply(socket_fd, 0, r, STEP_PROTOCOL, 0, 0, NULL, 0, -EBADF);
        return r;
}
