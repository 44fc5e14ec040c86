/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "fd-util.h"
#include "file-job.h"
#include "ipc.h"
#include "message.h"
#include "privileges.h"
#include "root.h"
#include "run.h"
#include "slow-close.h"
#include "supervisor.h"

/* The loop of judgebox-init. It waits for four kinds of things: requests, the end of children, output to move on, and
 * system calls that a filter has caught; and it has the deadlines of the runs. Nothing is looked at in fixed
 * intervals but where a cgroup controller is missing (sample.h).
 *
 * A request that does not parse ends the box: whoever sent it is not the judgeboxd that we know. */

/* Prepared and unfinished runs; judgeboxd keeps below it. */
#define RUNS_MAX 64U

/* Results that nobody has collected stay, so that a restarted judgeboxd finds them. */
#define RUNS_FINISHED_MAX 1024U

typedef struct Supervisor {
        int socket_fd;
        int signal_fd;
        bool configured;
        uint64_t storage_bytes;
        bool deny_tsc;
        bool dirty;  /* a run has left what it left in temporary directories */
        bool ipc_dirty;
        bool childless; /* not even a zombie is left */
        Root root;
        TAILQ_HEAD(, Run) runs;
        size_t n_runs, n_finished;
        FileJobList jobs, slow_jobs;
        uint64_t last_run, n_executed;
} Supervisor;

static Run *find_run(Supervisor *s, uint64_t number) {
        Run *r;

        TAILQ_FOREACH(r, &s->runs, runs)
                if (r->number == number)
                        return r;

        return NULL;
}

static void forget_run(Supervisor *s, Run *r) {
        TAILQ_REMOVE(&s->runs, r, runs);
        s->n_runs--;
        if (r->state == RUN_FINISHED)
                s->n_finished--;
        run_free(r);
}

static bool run_is_active(const Run *r) {
        return IN_SET(r->state, RUN_RUNNING, RUN_ENDING);
}

static bool run_is_under_way(const Run *r) {
        return IN_SET(r->state, RUN_LOADING, RUN_RUNNING, RUN_ENDING, RUN_FLUSHING);
}

static int reply(Supervisor *s, const Message *m, int error, Step step) {
        return message_send_reply(s->socket_fd, m->header.serial, error, step, 0, 0, NULL, 0, -EBADF);
}

static int on_configure(Supervisor *s, Message *m) {
        BoxSettings settings;
        Step step = STEP_ROOT;
        int r;

        if (s->configured)
                return -EBADMSG;

        r = message_parse_configure(m, &settings);
        if (r < 0)
                return r;

        s->storage_bytes = settings.storage_bytes;
        s->deny_tsc = settings.deny_tsc;
        r = root_setup(&settings, &s->root, &step);
        box_settings_done(&settings);
        if (r >= 0) {
                step = STEP_CAPABILITIES;
                r = privileges_reduce();
        }
        s->configured = r >= 0;

        return reply(s, m, r, step);
}

static int on_prepare(Supervisor *s, Message *m) {
        int fds[_RUN_CGROUP_FD_MAX], r;
        Run *run;

        if (find_run(s, m->prepare.run) || s->n_runs - s->n_finished >= RUNS_MAX)
                return -EBADMSG;

        r = message_parse_prepare(m, fds, ELEMENTSOF(fds));
        if (r < 0)
                return r;

        /* The kernel's own, and several for each run: nothing to close them by a helper for. */
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                if (fds[i] >= 0)
                        slow_close_unmark(fds[i]);

        if (fds[RUN_CGROUP_DIR] < 0 || fds[RUN_CGROUP_KILL] < 0 || fds[RUN_CGROUP_PROCS] < 0) {
                close_many(fds, ELEMENTSOF(fds));
                return -EBADMSG;
        }

        r = run_new(m->prepare.run, fds, &run);
        if (r < 0) {
                close_many(fds, ELEMENTSOF(fds));
                return r;
        }

        TAILQ_INSERT_TAIL(&s->runs, run, runs);
        s->n_runs++;
        s->last_run = MAX(s->last_run, run->number);
        return 0;
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

static bool has_active_run(const Supervisor *s) {
        const Run *r;

        TAILQ_FOREACH(r, &s->runs, runs)
                if (run_is_active(r) || r->state == RUN_LOADING)
                        return true;

        return false;
}

/* What a run leaves in /tmp can still be fetched until something new comes: only then it is taken away, before that. */
static int clear_temporary(Supervisor *s) {
        int r;

        if (!s->dirty || has_active_run(s))
                return 0;

        r = root_clear(&s->root);
        if (r >= 0)
                s->dirty = false;
        return r;
}

static int on_execute(Supervisor *s, Message *m) {
        RunSpec spec;
        Run *run;
        int r;

        run = find_run(s, m->execute.run);
        if (!s->configured || !run || run->state != RUN_PREPARED)
                return -EBADMSG;

        r = message_parse_execute(m, &spec);
        if (r < 0)
                return r;

        run->serial = m->header.serial;
        s->n_executed++;
        r = clear_temporary(s);
        if (r >= 0) {
                run_start(run, &s->root, s->deny_tsc, &spec);
                s->dirty = s->ipc_dirty = true;
        } else
                run_fail(run, VERDICT_INTERNAL_ERROR, STEP_RESET, r);
        run_spec_done(&spec);

        if (run->state == RUN_FINISHED)
                s->n_finished++;
        else if (run->state == RUN_RUNNING)
                s->childless = false;
        return 0;
}

static int on_kill(Supervisor *s, Message *m) {
        uint64_t n = 0;
        Run *r;

        TAILQ_FOREACH(r, &s->runs, runs)
                if (IN_SET(m->run.run, r->number, RUN_ALL) && run_is_under_way(r)) {
                        run_kill(r, RUN_CAUSE_CANCELED);
                        s->n_finished += r->state == RUN_FINISHED; /* it had not begun */
                        n++;
                }

        return message_send_reply(s->socket_fd, m->header.serial, 0, STEP_NONE, n, 0, NULL, 0, -EBADF);
}

static int on_collect(Supervisor *s, Message *m) {
        Run *r;

        r = find_run(s, m->run.run);

        if (m->run.again) {
                if (!r)
                        return reply(s, m, -ENOENT, STEP_NONE);

                /* Once it is finished, the loop reports it. */
                r->serial = m->header.serial;
                r->reported = false;
                return 0;
        }

        if (r && IN_SET(r->state, RUN_FINISHED, RUN_PREPARED))
                forget_run(s, r);
        return 0;
}

static MessageRunState run_state_for_message(RunState s) {
        return s == RUN_PREPARED ? MESSAGE_RUN_PREPARED : s == RUN_FINISHED ? MESSAGE_RUN_FINISHED : MESSAGE_RUN_EXECUTING;
}

/* With room for all there can be: it is asked for once in a judgeboxd's life. */
static int on_runs(Supervisor *s, Message *m) {
        _cleanup_free_ char *tail = NULL;
        size_t size = 0;
        Run *r;

        tail = new(char, s->n_runs * (sizeof(MessageRunEntry) + MESSAGE_PROGRAM_MAX) + 1);
        if (!tail)
                return reply(s, m, -ENOMEM, STEP_PROTOCOL);

        TAILQ_FOREACH(r, &s->runs, runs) {
                MessageRunEntry e = {
                        .run = r->number,
                        .state = run_state_for_message(r->state),
                        .keep = r->keep,
                        .cpus = r->cpus,
                        .program_size = (uint32_t) strlen(r->program) + 1,
                };

                /* Whoever asked for it before is gone: it is reported when it is asked for anew. */
                r->reported = true;

                memcpy(e.limits, r->limits, sizeof(e.limits));
                memcpy(tail + size, &e, sizeof(e));
                size += sizeof(e);
                memcpy(tail + size, r->program, e.program_size);
                size += e.program_size;
        }

        return message_send_reply(s->socket_fd, m->header.serial, 0, STEP_NONE, s->last_run, s->n_executed, tail, size,
                                  -EBADF);
}

static int on_file(Supervisor *s, Message *m) {
        _cleanup_close_ int fd = -EBADF;
        uint64_t size = 0;
        const char *path;
        FileFlags flags;
        int r;

        r = message_parse_file(m, &flags, &path);
        if (r < 0)
                return r;

        if (m->header.type == MESSAGE_MKDIR || FLAGS_SET(flags, FILE_CREATE)) {
                r = clear_temporary(s);
                if (r < 0)
                        return reply(s, m, r, STEP_FILE);
        }

        if (m->header.type == MESSAGE_OPEN)
                r = files_open(&s->root, path, flags, &fd, &size);
        else
                r = files_mkdir(&s->root, path);

        return message_send_reply(s->socket_fd, m->header.serial, r, STEP_FILE, size, 0, NULL, 0, fd);
}

/* The next slice of the job that had its turn longest ago. */
static int advance_jobs(Supervisor *s) {
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

static int on_file_job(Supervisor *s, Message *m) {
        FileJob *j;
        int r;

        if (m->header.type == MESSAGE_COPY) {
                r = clear_temporary(s);
                if (r < 0)
                        return reply(s, m, r, STEP_FILE);
        }

        r = file_job_new(&s->root, m, s->storage_bytes, &j);
        if (r < 0)
                return r;

        if (j->slow) {
                TAILQ_INSERT_TAIL(&s->slow_jobs, j, jobs);
                return 0;
        }

        /* What is small is done at once. */
        TAILQ_INSERT_HEAD(&s->jobs, j, jobs);
        return advance_jobs(s);
}

static int cancel_jobs(Supervisor *s, FileJobList *jobs) {
        FileJob *j;
        int r = 0;

        while ((j = TAILQ_FIRST(jobs)) && r >= 0) {
                TAILQ_REMOVE(jobs, j, jobs);
                r = file_job_send_reply(j, s->socket_fd, -ECANCELED);
                (void) file_job_free(j);
        }

        return r;
}

static int on_reset(Supervisor *s, Message *m) {
        Run *r;
        int q;

        TAILQ_FOREACH(r, &s->runs, runs)
                if (run_is_under_way(r))
                        return reply(s, m, -EBUSY, STEP_RESET);

        /* Of the files that these are about none will be left. */
        q = cancel_jobs(s, &s->jobs);
        if (q >= 0)
                q = cancel_jobs(s, &s->slow_jobs);
        return q < 0 ? q : reply(s, m, root_reset(&s->root), STEP_RESET);
}

static int on_storage(Supervisor *s, Message *m) {
        uint64_t bytes = 0, inodes = 0;
        int r;

        r = root_usage(&s->root, &bytes, &inodes);
        return message_send_reply(s->socket_fd, m->header.serial, r, STEP_FILE, bytes, inodes, NULL, 0, -EBADF);
}

static int dispatch(Supervisor *s, Message *m) {
        switch ((MessageType) m->header.type) {
        case MESSAGE_PING:
                return reply(s, m, 0, STEP_NONE);
        case MESSAGE_CONFIGURE:
                return on_configure(s, m);
        case MESSAGE_PREPARE:
                return on_prepare(s, m);
        case MESSAGE_EXECUTE:
                return on_execute(s, m);
        case MESSAGE_KILL:
                return on_kill(s, m);
        case MESSAGE_COLLECT:
                return on_collect(s, m);
        case MESSAGE_RUNS:
                return on_runs(s, m);
        default:
                break;
        }

        if (!s->configured)
                return -EBADMSG;

        switch ((MessageType) m->header.type) {
        case MESSAGE_OPEN:
        case MESSAGE_MKDIR:
                return on_file(s, m);
        case MESSAGE_REMOVE:
        case MESSAGE_LIST:
        case MESSAGE_COPY:
                return on_file_job(s, m);
        case MESSAGE_RESET:
                return on_reset(s, m);
        case MESSAGE_STORAGE:
                return on_storage(s, m);
        default:
                return -EBADMSG;
        }
}

/* Returns 1 if there may be more, 0 if not. */
static int receive(Supervisor *s) {
        Message m;
        int r;

        r = message_receive(s->socket_fd, &m);
        if (r == -EAGAIN)
                return 0;
        if (r < 0)
                return r;

        r = dispatch(s, &m);
        message_done(&m);
        return r < 0 ? r : 1;
}

/* Reaps whoever has ended. Returns whether no child is left at all. */
static bool reap(Supervisor *s) {
        size_t n_active = 0;
        Run *r, *only = NULL;

        TAILQ_FOREACH(r, &s->runs, runs)
                if (run_is_active(r)) {
                        only = n_active++ == 0 ? r : NULL;
                }

        for (;;) {
                struct rusage usage;
                int status;
                pid_t pid;

                pid = wait4(-1, &status, WNOHANG, &usage);
                if (pid < 0)
                        return errno == ECHILD;
                if (pid == 0)
                        return false;

                /* An orphan's use is its run's, where it is known whose that was. */
                TAILQ_FOREACH(r, &s->runs, runs)
                        if (r->main_pid == pid)
                                break;
                if (!r)
                        r = only;
                if (r)
                        run_on_reaped(r, pid, status, &usage);
        }
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
                        forget_run(s, r);
        }

        /* With the last process of a run its memory goes, wherever it is. */
        if (s->ipc_dirty && !has_active_run(s)) {
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

                /* With files to see to, nothing is waited for. */
                r = advance_jobs(s);
                if (r < 0)
                        return r;

                r = wait_for_events(s, TAILQ_EMPTY(&s->jobs) ? deadline : 0, &on_socket, &on_signals);
                if (r < 0)
                        return r;

                if (on_signals != 0) {
                        struct signalfd_siginfo si;

                        if (read(s->signal_fd, &si, sizeof(si)) < 0 && !IN_SET(errno, EAGAIN, EINTR))
                                return -errno;
                        s->childless = reap(s);
                }

                if (on_socket & ~POLLOUT) {
                        r = receive(s);
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
