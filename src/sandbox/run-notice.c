/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <linux/openat2.h>

#include "fd-util.h"
#include "filter-evaluate.h"
#include "notice.h"
#include "run-internal.h"

/* The calls that a run's filter reports: those that end it, and those that a trace is made of.
 *
 * A thread whose call was caught waits for an answer. For a forbidden one there is none: the run is killed while it
 * waits. For a traced one the answer is that it go on; since the program may have changed the path between our look and
 * the kernel's, what is traced is no more than what was seen. Nothing is ever allowed because of it.
 *
 * Reading the program's memory waits for the program's pages, as the program would. Where it can make that last for
 * ever (userfaultfd, which the shipped profiles close, or a file of a stuck file system that it was given) it keeps its
 * own box from answering, and judgeboxd ends that at the run's deadline. */

/* Then the rest of the loop has its turn: other runs, limits, requests. */
#define NOTICES_AT_ONCE 16U

/* Only where the numbers are those that path-call.h has. */
static const PathCall *find_path_call(const struct seccomp_data *d) {
        return d->arch == AUDIT_ARCH_NATIVE ? path_call_find(d->nr) : NULL;
}

static void run_set_violation(Run *r, const struct seccomp_notif *n) {
        const PathCall *call = find_path_call(&n->data);
        char path[PATH_MAX];

        r->result.violation = (Violation) { .architecture = n->data.arch, .number = n->data.nr };
        _Static_assert(sizeof(r->result.violation.arguments) == sizeof(n->data.args), "all of them");
        memcpy(r->result.violation.arguments, n->data.args, sizeof(n->data.args));

        if (call && notice_read_string(r->listener_fd, n, n->data.args[__builtin_ctz(call->arguments)], path,
                                       sizeof(path)) >= 0)
                r->observed.path = strdup(path);
}

/* Whether it reads or writes depends on how it opens. */
static int find_class(Run *r, const struct seccomp_notif *n, const PathCall *call, PathClass *ret) {
        uint64_t flags = n->data.args[__builtin_ctz(call->arguments) + 1];
        int q;

        if (call->open == PATH_OPEN_HOW) {
                q = notice_read(r->listener_fd, n, flags + offsetof(struct open_how, flags), &flags, sizeof(flags));
                if (q < 0)
                        return q;
        }

        *ret = call->open == PATH_OPEN_NOT ? call->class : path_class_of_open(flags);
        return 0;
}

static void run_trace(Run *r, const struct seccomp_notif *n) {
        const PathCall *call = find_path_call(&n->data);
        char path[PATH_MAX];
        PathClass class;

        if (!call || find_class(r, n, call, &class) < 0)
                return;

        /* One with no name means a descriptor. */
        for (size_t i = 0; i < ELEMENTSOF(n->data.args); i++)
                if (call->arguments & (1 << i) &&
                    notice_read_string(r->listener_fd, n, n->data.args[i], path, sizeof(path)) >= 0 && !isempty(path))
                        trace_add(r->trace, class, n->data.nr, path);
}

void run_handle_notices(Run *r) {
        if (!r->listener_ready)
                return;
        r->listener_ready = false;

        for (size_t i = 0; i < NOTICES_AT_ONCE && r->listener_fd >= 0 && r->state == RUN_RUNNING; i++) {
                struct seccomp_notif n;
                int q;

                q = notice_receive(r->listener_fd, &n);
                if (q == 0)
                        return;
                if (q < 0) {
                        r->listener_fd = safe_close(r->listener_fd);
                        return;
                }

                if (filter_evaluate(r->filter.program, r->filter.n, &n.data) !=
                    (SECCOMP_RET_USER_NOTIF | FILTER_NOTICE_TRACE)) {
                        run_set_violation(r, &n);
                        run_kill(r, RUN_CAUSE_VIOLATION);
                        return;
                }

                if (r->trace)
                        run_trace(r, &n);
                notice_continue(r->listener_fd, &n);
        }
}
