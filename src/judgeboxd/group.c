/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fd-util.h"
#include "group.h"
#include "json-build.h"
#include "manager.h"
#include "reply-json.h"

static const char *const group_on_end_table[_GROUP_ON_END_MAX] = {
        [GROUP_CONTINUE] = "continue",
        [GROUP_END] = "end",
        [GROUP_END_ON_FAILURE] = "end-on-failure",
};

DEFINE_STRING_TABLE_LOOKUP(group_on_end, GroupOnEnd);

int group_new(Manager *m, Group **ret) {
        Group *g;

        assert(m);
        assert(ret);

        g = new(Group, 1);
        if (!g)
                return -ENOMEM;

        *g = (Group) { .manager = m };
        *ret = g;
        return 0;
}

Group *group_free(Group *g) {
        if (!g)
                return NULL;

        for (size_t i = 0; i < g->n_members; i++) {
                GroupMember *member = g->members + i;

                assert(!member->run);
                (void) operation_free(member->operation);
                (void) json_object_put(member->reply);
                free(member->name);
        }
        close_many(g->fds, g->n_fds);

        cpu_pool_release(&g->cpus);
        admission_leave(&g->ticket);
        failure_done(&g->failure);
        return mfree(g);
}

static bool all_have(const Group *g, bool (*what)(const GroupMember *member)) {
        for (size_t i = 0; i < g->n_members; i++)
                if (!what(g->members + i))
                        return false;

        return true;
}

static bool has_ended(const GroupMember *member) {
        return !member->operation;
}

static bool has_run(const GroupMember *member) {
        return member->run;
}

static bool is_ready(const GroupMember *member) {
        return member->ready;
}

static void end_others(Group *g, const GroupMember *but) {
        for (size_t i = 0; i < g->n_members; i++) {
                GroupMember *member = g->members + i;

                if (member == but || !member->operation)
                        continue;
                if (member->run && g->launched)
                        run_end(member->run);
                else
                        operation_cancel(member->operation);
        }
}

/* What is done to one member may end it at once, and that may end others: nothing is over before the outermost of these is
 * left. The group may be gone then. */
static void enter(Group *g) {
        g->n_entered++;
}

static void leave(Group *g) {
        if (--g->n_entered > 0 || !all_have(g, has_ended))
                return;

        cpu_pool_release(&g->cpus);
        admission_leave(&g->ticket);
        g->on_done(g, g->failure.type == FAILURE_NONE ? NULL : &g->failure, g->userdata);
}

/* It cannot be started, or a part of it could not. The first reason is the one that counts: the rest follows from it. */
static void fail(Group *g, const GroupMember *member, const Failure *f) {
        char prefix[32] = "";

        if (member)
                (void) snprintf(prefix, sizeof(prefix), "members[%zu].", (size_t) (member - g->members));
        if (g->failure.type == FAILURE_NONE)
                failure_copy(&g->failure, f, prefix);

        end_others(g, member);
}

/* The run goes, and with it the descriptors that the reply has indexes into. */
static int keep_reply(Group *g, GroupMember *member, const Operation *o) {
        _cleanup_json_ json_object *reply = NULL;
        int fds[REPLY_FDS_MAX], r;
        size_t n = g->n_fds;

        r = run_reply_to_json(o, &reply, fds, &n);
        if (r < 0)
                return r;

        for (; g->n_fds < n; g->n_fds++) {
                g->fds[g->n_fds] = fd_duplicate(fds[g->n_fds]);
                if (g->fds[g->n_fds] < 0)
                        return g->fds[g->n_fds];
        }

        member->reply = TAKE_PTR(reply);
        return 0;
}

static void on_member_done(Operation *o, const Failure *failure, void *userdata) {
        GroupMember *member = ASSERT_PTR(userdata);
        _cleanup_(failure_done) Failure f = FAILURE_NULL;
        Group *g = member->group;

        enter(g);
        member->operation = NULL;
        member->run = NULL;

        if (!failure && failure_take(&f, keep_reply(g, member, o)))
                failure = &f;

        /* Before all have begun, none of the others ever will: one whose box goes, or that is killed, is no failure. */
        if (failure)
                fail(g, member, failure);
        else if (!g->launched || member->on_end == GROUP_END ||
                 (member->on_end == GROUP_END_ON_FAILURE && o->run->result.verdict != VERDICT_OK))
                end_others(g, member);
        leave(g);
}

int group_add_member(Group *g, const Caller *caller, const char *name, GroupOnEnd on_end, GroupMember **ret) {
        GroupMember *member;
        int r;

        assert(g);
        assert(g->n_members < GROUP_MEMBERS_MAX);
        assert(ret);

        member = g->members + g->n_members;
        *member = (GroupMember) { .group = g, .on_end = on_end, .name = strdup(name) };
        if (!member->name)
                return -ENOMEM;

        r = operation_new(g->manager, OPERATION_RUN, caller, on_member_done, member, &member->operation);
        if (r < 0) {
                member->name = mfree(member->name);
                return r;
        }

        member->operation->member = member;
        g->n_members++;
        *ret = member;
        return 0;
}

GroupMember *group_find_member(Group *g, const char *name) {
        assert(g);
        assert(name);

        for (size_t i = 0; i < g->n_members; i++)
                if (streq(g->members[i].name, name))
                        return g->members + i;

        return NULL;
}

/* In two rounds, so that whoever waits knows every run's number before the first begins. */
static void launch(Group *g) {
        for (size_t i = 0; i < g->n_members; i++)
                if (!g->members[i].run || !run_prepare(g->members[i].run))
                        return;

        if (g->on_started)
                g->on_started(g, g->userdata);

        g->launched = true;
        for (size_t i = 0; i < g->n_members; i++)
                if (!g->members[i].run || !run_launch(g->members[i].run))
                        return;
}

static void on_run_ready(Run *r, void *userdata) {
        Operation *o = ASSERT_PTR(userdata);
        Group *g = o->member->group;

        o->member->ready = true;
        if (!all_have(g, is_ready))
                return;

        enter(g);
        launch(g);
        leave(g);
}

/* Whoever fails ends the others, whose run is gone then. */
static void begin(Group *g) {
        enter(g);
        for (size_t i = 0; i < g->n_members; i++) {
                Run *r = g->members[i].run;

                if (!r)
                        continue;
                r->ticket.entered_usec = g->ticket.entered_usec;
                r->ticket.reason = g->ticket.reason;
                if (g->cpus.pool && run_set_cpus(r, &g->cpus.usable, /* own= */ true) < 0) {
                        operation_cancel(g->members[i].operation);
                        continue;
                }
                run_begin(r);
        }
        leave(g);
}

static void on_admitted(AdmissionTicket *t, void *userdata) {
        begin(ASSERT_PTR(userdata));
}

/* Its runs go together: the highest counts. */
static int get_priority(const Group *g) {
        int priority = ADMISSION_PRIORITY_MIN;

        for (size_t i = 0; i < g->n_members; i++)
                priority = MAX(priority, g->members[i].run->request.priority);

        return priority;
}

static bool take_cpus(AdmissionTicket *t, void *userdata) {
        Group *g = ASSERT_PTR(userdata);
        uint64_t n = 0;

        for (size_t i = 0; i < g->n_members; i++)
                if (g->members[i].run)
                        n += run_get_n_cpus(g->members[i].run);

        return cpu_pool_take(g->manager->cpu_pool, n, &g->cpus);
}

void group_take_run(GroupMember *member, Run *run) {
        _cleanup_(failure_done) Failure f = FAILURE_NULL;
        Group *g;
        int r;

        assert(member);
        assert(run);

        g = member->group;
        member->run = run;
        run->ready = on_run_ready;
        if (!all_have(g, has_run))
                return;

        r = admission_enter(g->manager->admission,
                            &(AdmissionWish) {
                                    .tenant = run->tenant->uid,
                                    .max_running = tenant_get_running_max(run->tenant),
                                    .priority = get_priority(g),
                                    .reserve = g->manager->cpus.exclusive ? take_cpus : NULL,
                            },
                            manager_now(g->manager), &g->ticket, on_admitted, g);
        if (r == 1)
                begin(g);
        else if (r != 0) {
                if (r == -ENOBUFS)
                        r = failure_set_number(&f, FAILURE_QUOTA_EXCEEDED, "waiting runs", g->manager->config->queue_max);
                (void) failure_take(&f, r);

                enter(g);
                fail(g, NULL, &f);
                leave(g);
        }
}

void group_start(Group *g, group_started_t on_started, group_done_t on_done, void *userdata) {
        assert(g);
        assert(g->n_members > 0);
        assert(on_done);

        g->on_started = on_started;
        g->on_done = on_done;
        g->userdata = userdata;

        enter(g);
        for (size_t i = 0; i < g->n_members; i++) {
                if (g->failure.type != FAILURE_NONE)
                        operation_cancel(g->members[i].operation);
                operation_start(g->members[i].operation);
        }
        leave(g);
}

void group_cancel(Group *g) {
        assert(g);

        enter(g);
        for (size_t i = 0; i < g->n_members; i++)
                if (g->members[i].operation)
                        operation_cancel(g->members[i].operation);
        leave(g);
}
