/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What judgeboxd asks of judgebox-init, a function for each message. One that does not parse ends the box: whoever sent it
 * is not the judgeboxd that we know. */

#include "fd-util.h"
#include "privileges.h"
#include "slow-close.h"
#include "supervisor-internal.h"

static Run *find_run(Supervisor *s, uint64_t number) {
        Run *r;

        TAILQ_FOREACH(r, &s->runs, runs)
                if (r->number == number)
                        return r;

        return NULL;
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

/* What a run leaves in /tmp can still be fetched until something new comes: only then it is taken away, before that. */
static int clear_temporary(Supervisor *s) {
        int r;

        if (!s->dirty || supervisor_has_active_run(s))
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
                supervisor_forget_run(s, r);
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
        return supervisor_advance_jobs(s);
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

int supervisor_receive(Supervisor *s) {
        Message m;
        int r;

        r = message_receive(s->socket_fd, &m);
        if (r == -EAGAIN)
                return 0;
        if (r < 0)
                return r;

        r = dispatch(s, &m);
        message_done(&m);
        return r;
}
