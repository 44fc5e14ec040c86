/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A box is stopped from outside, and its program is killed a moment before its judgebox-init, which tells of that in time.
 * A program that kills itself looks the same. So such a result waits for two things: until whoever could be stopping the
 * box has sent all its signals (box_cgroup_settle()), and until judgebox-init has answered after that, which one that was
 * sent SIGKILL never does. If it does not answer, its end is the end of the run: box_stopped_from_outside(). */

#include <signal.h>

#include "box.h"
#include "log.h"
#include "manager.h"
#include "run-internal.h"

/* As for a file: it may have others in hand. */
#define PING_TIMEOUT_USEC (30 * USEC_PER_SEC)

bool run_is_doubtful(const Run *r) {
        const RunResult *e = &ASSERT_PTR(r)->result;

        /* The status is how a shell tells of a command that was killed: it may be the one that was killed first. */
        return (e->verdict == VERDICT_SIGNALED && e->signal == SIGKILL) ||
                (e->verdict == VERDICT_RUNTIME_ERROR && e->exit_status == 128 + SIGKILL);
}

static void on_alive(int q, Message *m, void *userdata) {
        Run *r = ASSERT_PTR(userdata);

        r->n_requests--;
        if (q < 0 || r->state != RUN_EXECUTING)
                /* The box is going, and ends its runs itself. */
                run_check_unused(r);
        else
                run_ended(r);
}

static void on_settled(BoxCgroup *c, uint64_t number, void *userdata) {
        Box *b = ASSERT_PTR(userdata);
        uint32_t serial;
        Run *r;
        int q;

        r = run_find(b, number);
        if (!r || r->state != RUN_EXECUTING)
                return;

        q = box_begin_request(b, PING_TIMEOUT_USEC, on_alive, r, &serial);
        if (q >= 0)
                q = box_channel_sent(b->channel, serial,
                                     message_send_simple(box_channel_get_fd(b->channel), MESSAGE_PING, serial));
        if (q >= 0)
                r->n_requests++;
        else if (q == -EBUSY)
                /* No place for one more request: then it is asked nothing, and the result stands. */
                run_ended(r);
        else
                box_broken(b, STEP_PROTOCOL, q);
}

void run_settle(Run *r) {
        int q;

        assert(r);

        q = box_cgroup_settle(r->box->cgroup, r->number, on_settled, r->box);
        if (q < 0) {
                log_debug_errno(q, "Cannot wait for the cgroup of box %s to settle: %m", r->box->name);
                on_settled(r->box->cgroup, r->number, r->box);
        }
}
