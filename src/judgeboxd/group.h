/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Several runs started together, joined by pipes: a solution and its interactor, two players and a referee.
 *
 * Each member is an operation of its own (operation.h), so each passes the same checks as if it had been asked for
 * alone. Their runs are held until all have been admitted (by one ticket: a group that got its turn in parts could
 * wait for itself for ever), have their boxes and their files; then they are started one right after the other. What
 * one's end means for the others is the member's own rule. When all have ended there is one answer. */

#include <json-c/json.h>

#include "operation.h"
#include "reply-json.h"

#define GROUP_MEMBERS_MAX 8U
#define GROUP_PIPES_MAX 16U
#define GROUP_RECORD_DEFAULT (UINT64_C(16) << 20)
#define GROUP_RECORD_MAX (UINT64_C(1) << 30)

/* What a member's end means for the others. */
typedef enum GroupOnEnd {
        GROUP_CONTINUE,       /* nothing */
        GROUP_END,            /* they are ended */
        GROUP_END_ON_FAILURE, /* they are ended, unless its verdict is ok */
        _GROUP_ON_END_MAX,
        _GROUP_ON_END_INVALID = -EINVAL,
} GroupOnEnd;

const char *group_on_end_to_string(GroupOnEnd v);
GroupOnEnd group_on_end_from_string(const char *s);

typedef struct Group Group;

typedef struct GroupMember {
        Group *group;
        char *name;
        GroupOnEnd on_end;
        Operation *operation; /* until it has ended */
        Run *run;             /* from the time it is held to its end */
        bool ready;

        json_object *reply; /* what came of it, as of the method Run */
} GroupMember;

/* All have their numbers, and are about to be executed. */
typedef void (*group_started_t)(Group *g, void *userdata);

/* All have ended, or (failure) it could not be done; the group may be freed. */
typedef void (*group_done_t)(Group *g, const Failure *failure, void *userdata);

struct Group {
        Manager *manager;
        GroupMember members[GROUP_MEMBERS_MAX];
        size_t n_members;

        AdmissionTicket ticket;
        CpuLease cpus; /* its runs share them */
        unsigned n_entered;
        bool launched;
        Failure failure; /* the first there was */
        int fds[REPLY_FDS_MAX]; /* what the members' replies have indexes into */
        size_t n_fds;

        group_started_t on_started;
        group_done_t on_done;
        void *userdata;
};

int group_new(Manager *m, Group **ret);
/* None of its members is under way. */
Group *group_free(Group *g);
DEFINE_TRIVIAL_CLEANUP_FUNC(Group *, group_free);

/* Of a name that no other has. Its operation is to be filled in by the caller. */
int group_add_member(Group *g, const Caller *caller, const char *name, GroupOnEnd on_end, GroupMember **ret);
GroupMember *group_find_member(Group *g, const char *name);

/* From here on on_done is called exactly once, possibly before this returns. */
void group_start(Group *g, group_started_t on_started, group_done_t on_done, void *userdata);

/* A member's run has passed all checks: it is the group's to submit. */
void group_take_run(GroupMember *member, Run *r);

/* Nobody waits for the answer any more. */
void group_cancel(Group *g);
