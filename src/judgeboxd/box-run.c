/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a box gives its runs, and gets back from them: cgroups. The next run's is made while the one before still runs, so
 * that no run waits for a mkdir(2) and a dozen open(2). */

#include "box-internal.h"
#include "log.h"
#include "manager.h"

/* Makes the cgroup of the run to come, if it is not there. judgebox-init does not answer: what it cannot take
 * ends it. */
static int prepare_spare(Box *b) {
        int fds[_RUN_CGROUP_FD_MAX], r;

        if (b->spare)
                return 0;

        r = run_cgroup_new(b->cgroup, b->last_run + 1, &b->spare);
        if (r < 0)
                return r;
        b->last_run++;

        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = run_cgroup_get_fd(b->spare, (RunCgroupFd) i);

        return message_send_prepare(box_channel_get_fd(b->channel), CHANNEL_SERIAL_NONE, b->last_run, fds,
                                    ELEMENTSOF(fds));
}

void box_prepare_next(Box *b) {
        int r;

        assert(b);

        if (!box_is_launched(b) || (b->one_shot && b->last_run > 0))
                return;

        /* That these limits cannot be had (CPUs that are not there) is for the run to tell that wants them. */
        r = prepare_spare(b);
        if (r >= 0 && run_cgroup_set_limits(b->spare, &b->run_limits) < 0)
                log_debug("The limits of box %s cannot be set.", b->name);
        if (r < 0)
                box_broken(b, STEP_CGROUP, r);
}

bool box_has_room(const Box *b) {
        assert(b);
        return b->n_cgroups < BOX_ACTIVE_RUNS_MAX;
}

int box_take_cgroup(Box *b, const Limits *limits, uint64_t *ret_number, RunCgroup **ret) {
        int r;

        assert(b);
        assert(box_has_room(b));
        assert(limits);
        assert(ret_number);
        assert(ret);

        r = prepare_spare(b);
        if (r >= 0)
                r = run_cgroup_set_limits(b->spare, limits);
        if (r < 0)
                return r;

        b->n_executed++;
        b->n_cgroups++;
        *ret_number = b->last_run;
        *ret = TAKE_PTR(b->spare);
        return 0;
}

static void release_cgroup(Box *b, RunCgroup *cgroup) {
        if (!cgroup)
                return;

        if (b->state == BOX_STOPPING) {
                /* Processes may be in it still: it goes with the box. */
                b->leftovers[b->n_leftovers++] = cgroup;
                return;
        }

        b->n_cgroups--;
        (void) run_cgroup_free(cgroup);
}

void box_run_ended(Box *b, RunCgroup *cgroup) {
        assert(b);

        release_cgroup(b, cgroup);
        box_update_state(b);
        box_prepare_next(b);
}

void box_run_began(Box *b) {
        assert(b);

        box_update_state(b);

        /* While this one runs, there is time for it: afterwards the next may be waiting already. */
        box_prepare_next(b);
}

void box_run_finished(Box *b, uint64_t number, RunCgroup *cgroup) {
        int r;

        assert(b);

        if (b->one_shot)
                box_stop(b);

        release_cgroup(b, cgroup);
        if (b->state == BOX_STOPPING)
                return;

        if (number > 0) {
                r = message_send_run(box_channel_get_fd(b->channel), MESSAGE_COLLECT, CHANNEL_SERIAL_NONE, number,
                                     /* again= */ false);
                if (r < 0)
                        box_broken(b, STEP_PROTOCOL, r);
        }

        box_update_state(b);
        box_prepare_next(b);
}
