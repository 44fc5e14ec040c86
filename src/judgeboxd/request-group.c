/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fd-util.h"
#include "group.h"
#include "parse-util.h"
#include "request-field.h"
#include "request-group.h"

static const char *get_string(json_object *o, const char *name) {
        return json_object_get_string(field_get(o, name));
}

/* What was refused is this member's. */
static int refuse_member(Failure *f, const Failure *from, size_t index) {
        char prefix[FIELD_SIZE];

        (void) snprintf(prefix, sizeof(prefix), "members[%zu].", index);
        failure_copy(f, from, prefix);
        return f->type;
}

static int parse_member(Group *g, const Caller *caller, json_object *o, const RequestFds *fds, Failure *f) {
        _cleanup_(failure_done) Failure own = FAILURE_NULL;
        const char *name = get_string(o, "name"), *on_end = get_string(o, "onEnd");
        GroupOnEnd rule = GROUP_CONTINUE;
        size_t index = g->n_members;
        GroupMember *member;
        int r;

        if (on_end)
                rule = group_on_end_from_string(on_end);

        if (!box_id_is_valid(name))
                r = failure_set_field(&own, "name", "Not a name: 1 to 32 of A-Z, a-z, 0-9, _ and -.");
        else if (group_find_member(g, name))
                r = failure_set_field(&own, "name", "Another member has this name already.");
        else if (rule < 0)
                r = failure_set_field(&own, "onEnd", "Not one of continue, end and end-on-failure.");
        else
                r = group_add_member(g, caller, name, rule, &member);
        if (r == 0)
                r = request_parse(member->operation, o, fds, &own);
        if (r == 0 && request_is_streamed(&member->operation->request))
                r = failure_set_field(&own, "stream", "Only for Run; members of a group have pipes and descriptors.");

        return r > 0 ? refuse_member(f, &own, index) : r;
}

/* One end of a pipe: which member's, and which of its descriptors. */
typedef struct End {
        RunSpec *spec;
        int number;
} End;

static int parse_end(
                Group *g,
                json_object *pipe,
                size_t index,
                const char *member_field,
                const char *number_field,
                int number_default,
                End *ret,
                Failure *f) {

        json_object *number = field_get(pipe, number_field);
        int64_t n = number ? json_object_get_int64(number) : number_default;
        bool output = number_default == STDOUT_FILENO;
        char field[FIELD_SIZE];
        GroupMember *member;

        member = group_find_member(g, get_string(pipe, member_field));
        if (!member) {
                (void) snprintf(field, sizeof(field), "pipes[%zu].%s", index, member_field);
                return failure_set_field(f, field, "No member has this name.");
        }

        (void) snprintf(field, sizeof(field), "pipes[%zu].%s", index, number_field);
        if (n < 0 || n >= 1 << 20 || (output ? n == STDIN_FILENO : IN_SET(n, STDOUT_FILENO, STDERR_FILENO)))
                return failure_set_field(f, field, output ? "A pipe begins at 1, 2, or a number above."
                                                          : "A pipe ends at 0, or a number above 2.");

        *ret = (End) { .spec = &member->operation->request.spec, .number = (int) n };
        if (n <= STDERR_FILENO) {
                if (ret->spec->streams[n].type != STREAM_NULL)
                        return failure_set_field(f, field, "This stream of the member goes elsewhere already.");
                return 0;
        }

        for (size_t i = 0; i < ret->spec->n_extra_fds; i++)
                if (ret->spec->extra_targets[i] == ret->number)
                        return failure_set_field(f, field, "This descriptor of the member is something else already.");
        if (ret->spec->n_extra_fds >= RUN_EXTRA_FDS_MAX)
                return failure_set_field(f, field, "A member can have at most %u descriptors beside its streams.",
                                         RUN_EXTRA_FDS_MAX);
        return 0;
}

static void end_set(const End *e, int fd, uint64_t record_bytes) {
        RunSpec *s = e->spec;

        if (e->number <= STDERR_FILENO) {
                s->streams[e->number] = (StreamSpec) { .type = STREAM_FD, .fd = fd, .record_bytes = record_bytes };
                return;
        }

        s->extra_targets[s->n_extra_fds] = e->number;
        s->extra_fds[s->n_extra_fds++] = fd;
}

static int parse_record(json_object *pipe, size_t index, const End *from, uint64_t *ret, Failure *f) {
        json_object *record = field_get(pipe, "record"), *bytes = field_get(pipe, "recordBytes");
        char field[FIELD_SIZE];

        *ret = 0;
        if (!record || !json_object_get_boolean(record))
                return 0;

        (void) snprintf(field, sizeof(field), "pipes[%zu].record", index);
        if (from->number > STDERR_FILENO)
                return failure_set_field(f, field, "Only what comes from descriptors 1 and 2 can be recorded.");

        *ret = bytes ? (uint64_t) json_object_get_int64(bytes) : GROUP_RECORD_DEFAULT;
        (void) snprintf(field, sizeof(field), "pipes[%zu].recordBytes", index);
        if (*ret < 1 || *ret > GROUP_RECORD_MAX)
                return failure_set_message(f, FAILURE_LIMIT_OUT_OF_RANGE, field, "Must be 1 to %" PRIu64 ".",
                                           GROUP_RECORD_MAX);
        return 0;
}

static int parse_pipe(Group *g, json_object *pipe, size_t index, Failure *f) {
        _cleanup_close_pair_ int p[2] = EBADF_PAIR;
        uint64_t record_bytes;
        End from, to;
        int r;

        r = parse_end(g, pipe, index, "from", "fromDescriptor", STDOUT_FILENO, &from, f);
        if (r == 0)
                r = parse_record(pipe, index, &from, &record_bytes, f);
        if (r == 0)
                r = parse_end(g, pipe, index, "to", "toDescriptor", STDIN_FILENO, &to, f);
        if (r != 0)
                return r;

        if (from.spec == to.spec && from.number == to.number) {
                char field[FIELD_SIZE];

                (void) snprintf(field, sizeof(field), "pipes[%zu].toDescriptor", index);
                return failure_set_field(f, field, "A descriptor cannot be both ends of a pipe.");
        }
        if (from.spec == to.spec && from.number > STDERR_FILENO && to.number > STDERR_FILENO &&
            from.spec->n_extra_fds + 2 > RUN_EXTRA_FDS_MAX)
                return failure_set_field(f, "pipes", "A member can have at most %u descriptors beside its streams.",
                                         RUN_EXTRA_FDS_MAX);

        if (pipe2(p, O_CLOEXEC) < 0)
                return -errno;

        end_set(&from, TAKE_FD(p[1]), record_bytes);
        end_set(&to, TAKE_FD(p[0]), /* record_bytes= */ 0);
        return 0;
}

/* One message brings them all back. */
static int check_reply_fds(const Group *g, Failure *f) {
        size_t n = 0;

        for (size_t i = 0; i < g->n_members; i++) {
                const RunRequest *q = &g->members[i].operation->request;

                n += q->n_out_files;
                for (size_t k = STDOUT_FILENO; k <= STDERR_FILENO; k++)
                        n += q->spec.streams[k].type == STREAM_CAPTURE || q->spec.streams[k].record_bytes > 0;
        }

        if (n > REPLY_FDS_MAX)
                return failure_set_field(f, "members", "At most %u files, captured streams and recorded pipes can be "
                                         "handed out, of all together.", REPLY_FDS_MAX);
        return 0;
}

int request_parse_group(Operation *o, json_object *parameters, const RequestFds *fds, Failure *f) {
        json_object *members = field_get(parameters, "members"), *pipes = field_get(parameters, "pipes");
        size_t n_members = json_object_array_length(members);
        size_t n_pipes = pipes ? json_object_array_length(pipes) : 0;
        int r;

        assert(o);
        assert(fds);

        if (n_members < 1 || n_members > GROUP_MEMBERS_MAX)
                return failure_set_field(f, "members", "There must be 1 to %u.", GROUP_MEMBERS_MAX);
        if (n_pipes > GROUP_PIPES_MAX)
                return failure_set_field(f, "pipes", "There can be at most %u.", GROUP_PIPES_MAX);

        r = group_new(o->manager, &o->group);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n_members; i++) {
                r = parse_member(o->group, &o->caller, json_object_array_get_idx(members, i), fds, f);
                if (r != 0)
                        return r;
        }

        for (size_t i = 0; i < n_pipes; i++) {
                r = parse_pipe(o->group, json_object_array_get_idx(pipes, i), i, f);
                if (r != 0)
                        return r;
        }

        return check_reply_fds(o->group, f);
}
