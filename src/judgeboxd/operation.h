/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One request in hand, whichever transport it came by. A transport fills in what was asked, starts it, and
 * formats what came out; what happens between is the same for all: may the caller, is there such a box, do it.
 * No transport can leave a step out. */

#include "authority.h"
#include "box.h"
#include "failure.h"
#include "listing.h"
#include "profile-store.h"
#include "input-data.h"
#include "run.h"

typedef enum OperationType {
        OPERATION_RUN,
        OPERATION_RUN_GROUP,
        OPERATION_SEND_INPUT,
        OPERATION_COLLECT,
        OPERATION_CREATE,
        OPERATION_DESTROY,
        OPERATION_RESET,
        OPERATION_LIST,
        OPERATION_GET,
        OPERATION_KILL,
        OPERATION_OPEN_FILE,
        OPERATION_MAKE_DIRECTORY,
        OPERATION_LIST_FILES,
        OPERATION_REMOVE_FILE,
        OPERATION_LIST_PROFILES,
        OPERATION_GET_PROFILE,
        OPERATION_MONITOR,
        _OPERATION_TYPE_MAX,
        _OPERATION_TYPE_INVALID = -EINVAL,
} OperationType;

/* The verb as rules and logs have it: "run", "create", "list-files". */
const char *operation_type_to_string(OperationType t);
OperationType operation_type_from_string(const char *s);

typedef struct Group Group;
typedef struct GroupMember GroupMember;
typedef struct Operation Operation;

/* The end: outputs are set, or failure is. The operation goes when this returns; descriptors may be taken. */
typedef void (*operation_done_t)(Operation *o, const Failure *failure, void *userdata);

/* RUN: o->run has its box and its number, and is about to be executed. RUN_GROUP: all have. */
typedef void (*operation_started_t)(Operation *o, void *userdata);

struct Operation {
        Manager *manager;
        OperationType type;
        Caller caller;
        operation_started_t started; /* may be NULL */
        operation_done_t done;
        void *userdata;
        bool canceled;
        bool group_started;

        /* What is asked. */
        char *box; /* NULL: none given */
        uid_t owner;
        bool all; /* LIST, MONITOR: of all owners */
        BoxSettings settings;
        bool until_disconnect; /* CREATE */
        RunRequest request;
        bool admin_profile; /* a profile is asked for that is not for everyone */
        bool has_run_number;
        uint64_t run_number;
        char *path;
        char *profile; /* GET_PROFILE */
        FileFlags flags;
        InputData *input; /* SEND_INPUT */
        uint64_t offset; /* LIST_FILES: how many entries to leave out */
        Group *group;        /* RUN_GROUP */
        GroupMember *member; /* RUN: as a part of a group, which starts it */

        /* What came out. */
        Box *result_box; /* CREATE, GET */
        const StoredProfile *result_profile; /* GET_PROFILE: until anything else is asked */
        Run *run;        /* RUN, COLLECT: also while it is under way */
        int fd;
        uint64_t value, value2; /* OPEN_FILE: size; KILL: number; GET: storage in use, RESULT_UNKNOWN if not known */
        Listing *listing; /* LIST_FILES: what is not left out */
};

/* The owner is the caller until the transport says otherwise. */
int operation_new(
                Manager *m,
                OperationType type,
                const Caller *caller,
                operation_done_t done,
                void *userdata,
                Operation **ret);

/* For one that was never started. */
Operation *operation_free(Operation *o);
DEFINE_TRIVIAL_CLEANUP_FUNC(Operation *, operation_free);

/* From here on `done` is called exactly once, possibly before this returns. */
void operation_start(Operation *o);

/* Nobody waits for the answer any more: a run is canceled, unless it is to be kept; the rest is carried through. */
void operation_cancel(Operation *o);
