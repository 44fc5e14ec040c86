/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/filter.h>

#include "fd-util.h"
#include "message.h"

/* The messages that carry a whole specification: how it is laid out, and how it is read back with every count
 * and value checked. */

typedef struct Tail {
        char *data;
        size_t size, allocated;
} Tail;

static void tail_done(Tail *t) {
        free(t->data);
}

static int tail_add(Tail *t, const char *s) {
        size_t n;

        s = strempty(s);
        n = strlen(s) + 1;

        if (n > t->allocated - t->size) {
                size_t want = MAX(t->allocated * 2, t->size + n + 1024);
                char *grown;

                grown = realloc(t->data, want);
                if (!grown)
                        return -ENOMEM;
                t->data = grown;
                t->allocated = want;
        }

        memcpy(t->data + t->size, s, n);
        t->size += n;
        return 0;
}

static int tail_add_strv(Tail *t, char *const *l) {
        int r;

        for (; l && *l; l++) {
                r = tail_add(t, *l);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* An empty string stands for "not given". */
static int next_string_dup(Message *m, char **ret) {
        const char *s;
        int r;

        r = message_next_string(m, &s);
        if (r < 0)
                return r;

        return isempty(s) ? 0 : free_and_strdup(ret, s);
}

enum {
        RULE_READ = 1 << 0,
        RULE_WRITE = 1 << 1,
        RULE_EXECUTE = 1 << 2,
        RULE_OPTIONAL = 1 << 3,
        RULE_ALL = (1 << 4) - 1,
};

static int add_rules(Tail *tail, const PathRules *l, MessageExecute *m) {
        for (size_t i = 0; i < l->n; i++) {
                const PathRule *rule = l->rules + i;
                int r;

                m->allowed[m->n_allowed++] = (rule->read ? RULE_READ : 0) | (rule->write ? RULE_WRITE : 0) |
                                             (rule->execute ? RULE_EXECUTE : 0) | (rule->optional ? RULE_OPTIONAL : 0);
                r = tail_add(tail, rule->path);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int next_rules(Message *m, PathRules *ret) {
        const MessageExecute *x = &m->execute;

        if (x->n_allowed > PATH_RULES_MAX)
                return -EBADMSG;

        for (size_t i = 0; i < x->n_allowed; i++) {
                PathRule rule = {
                        .read = x->allowed[i] & RULE_READ,
                        .write = x->allowed[i] & RULE_WRITE,
                        .execute = x->allowed[i] & RULE_EXECUTE,
                        .optional = x->allowed[i] & RULE_OPTIONAL,
                };
                const char *path;
                int r;

                r = message_next_string(m, &path);
                if (r < 0)
                        return r;
                if (isempty(path) || (x->allowed[i] & ~RULE_ALL))
                        return -EBADMSG;

                rule.path = (char *) path;
                r = path_rules_add(ret, &rule);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int next_strv(Message *m, size_t n, char ***ret) {
        _cleanup_strv_free_ char **l = NULL;
        const char *s;
        int r;

        l = new0(char *, n + 1);
        if (!l)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                r = message_next_string(m, &s);
                if (r < 0)
                        return r;

                l[i] = strdup(s);
                if (!l[i])
                        return -ENOMEM;
        }

        *ret = TAKE_PTR(l);
        return 0;
}

int message_send_configure(int socket_fd, uint32_t serial, const BoxSettings *s) {
        _cleanup_(tail_done) Tail tail = {};
        MessageConfigure m = {
                .storage_bytes = s->storage_bytes,
                .inodes = s->inodes,
                .share_network = s->share_network,
                .keep_temporary = s->keep_temporary,
                .deny_tsc = s->deny_tsc,
                .bare_root = s->bare_root,
                .n_binds = (uint32_t) s->n_binds,
                .n_tmpfs = (uint32_t) s->n_tmpfs,
                .has_image = (s->image_fd >= 0 ? 1U : 0U) | (s->image_writable ? 2U : 0U),
        };
        int fds[BOX_BINDS_MAX + 1], r;
        size_t n = 0;

        r = tail_add(&tail, s->host_name);
        if (r < 0)
                return r;

        r = tail_add(&tail, s->domain_name);
        if (r < 0)
                return r;

        for (size_t i = 0; i < s->n_binds; i++) {
                fds[n++] = s->binds[i].source_fd;
                m.bind_flags[i] = (s->binds[i].writable ? 1U : 0U) | (s->binds[i].noexec ? 2U : 0U);
                r = tail_add(&tail, s->binds[i].path);
                if (r < 0)
                        return r;
        }

        for (size_t i = 0; i < s->n_tmpfs; i++) {
                m.tmpfs_bytes[i] = s->tmpfs[i].bytes;
                r = tail_add(&tail, s->tmpfs[i].path);
                if (r < 0)
                        return r;
        }

        if (s->image_fd >= 0)
                fds[n++] = s->image_fd;

        return message_send(socket_fd, MESSAGE_CONFIGURE, serial, &m, sizeof(m), tail.data, tail.size, fds, n);
}

static int parse_configure(Message *m, BoxSettings *s) {
        int r;

        s->storage_bytes = m->configure.storage_bytes;
        s->inodes = m->configure.inodes;
        s->share_network = m->configure.share_network;
        s->keep_temporary = m->configure.keep_temporary;
        s->deny_tsc = m->configure.deny_tsc;
        s->bare_root = m->configure.bare_root;

        if (m->configure.n_binds > BOX_BINDS_MAX || m->configure.n_tmpfs > BOX_TMPFS_MAX)
                return -EBADMSG;

        r = next_string_dup(m, &s->host_name);
        if (r < 0)
                return r;

        r = next_string_dup(m, &s->domain_name);
        if (r < 0)
                return r;

        for (size_t i = 0; i < m->configure.n_binds; i++) {
                BindSpec *b = s->binds + i;
                int fd;

                fd = message_next_fd(m);
                if (fd < 0)
                        return fd;

                *b = (BindSpec) {
                        .source_fd = fd,
                        .writable = m->configure.bind_flags[i] & 1,
                        .noexec = m->configure.bind_flags[i] & 2,
                };
                s->n_binds++;

                r = next_string_dup(m, &b->path);
                if (r < 0)
                        return r;
                if (!b->path)
                        return -EBADMSG;
        }

        for (size_t i = 0; i < m->configure.n_tmpfs; i++) {
                TmpfsSpec *t = s->tmpfs + i;

                *t = (TmpfsSpec) { .bytes = m->configure.tmpfs_bytes[i] };
                s->n_tmpfs++;

                r = next_string_dup(m, &t->path);
                if (r < 0)
                        return r;
                if (!t->path)
                        return -EBADMSG;
        }

        s->image_writable = m->configure.has_image & 2U;
        if (m->configure.has_image & 1U) {
                s->image_fd = message_next_fd(m);
                if (s->image_fd < 0)
                        return -EBADMSG;
        }

        return message_check_end(m);
}

int message_parse_configure(Message *m, BoxSettings *ret) {
        BoxSettings s;
        int r;

        box_settings_init(&s);
        r = parse_configure(m, &s);
        if (r < 0) {
                box_settings_done(&s);
                return r;
        }

        *ret = s;
        return 0;
}

int message_send_prepare(int socket_fd, uint32_t serial, uint64_t run, const int *fds, size_t n_fds) {
        MessagePrepare m = { .run = run };
        int present[MESSAGE_FDS_MAX];
        size_t n = 0;

        assert(n_fds <= MESSAGE_FDS_MAX);

        for (size_t i = 0; i < n_fds; i++)
                if (fds[i] >= 0) {
                        m.fds_mask |= UINT32_C(1) << i;
                        present[n++] = fds[i];
                }

        return message_send(socket_fd, MESSAGE_PREPARE, serial, &m, sizeof(m), NULL, 0, present, n);
}

int message_parse_prepare(Message *m, int *ret_fds, size_t n_fds) {
        assert(n_fds <= MESSAGE_FDS_MAX);

        if ((m->prepare.fds_mask >> n_fds) != 0 ||
            (size_t) __builtin_popcount(m->prepare.fds_mask) != m->n_fds ||
            m->tail_size != 0)
                return -EBADMSG;

        for (size_t i = 0; i < n_fds; i++)
                ret_fds[i] = m->prepare.fds_mask & (UINT32_C(1) << i) ? message_next_fd(m) : -EBADF;

        return 0;
}

int message_send_execute(int socket_fd, uint32_t serial, uint64_t run, const RunSpec *s) {
        _cleanup_(tail_done) Tail tail = {};
        MessageExecute m = {
                .run = run,
                .n_argv = (uint32_t) strv_length(s->argv),
                .n_environment = (uint32_t) strv_length(s->environment),
                .has_exec_fd = s->exec_fd >= 0,
                .n_extra_fds = (uint32_t) s->n_extra_fds,
                .degraded = s->degraded,
                .keep = s->keep,
                .terminal = s->terminal,
                .has_filter = s->filter_fd >= 0,
                .trace = s->trace,
        };
        int fds[MESSAGE_FDS_MAX], r;
        size_t n = 0;

        memcpy(m.limits, s->limits.values, sizeof(m.limits));

        r = tail_add_strv(&tail, s->argv);
        if (r < 0)
                return r;
        r = tail_add_strv(&tail, s->environment);
        if (r < 0)
                return r;
        r = tail_add(&tail, s->working_directory);
        if (r < 0)
                return r;

        for (size_t i = 0; i < ELEMENTSOF(s->streams); i++) {
                m.stream_types[i] = s->streams[i].type;
                m.record_bytes[i] = s->streams[i].record_bytes;
                if (s->streams[i].type == STREAM_FD)
                        fds[n++] = s->streams[i].fd;
                r = tail_add(&tail, s->streams[i].path);
                if (r < 0)
                        return r;
        }

        r = tail_add(&tail, s->limits.cpu_set);
        if (r < 0)
                return r;
        r = add_rules(&tail, &s->allowed_paths, &m);
        if (r < 0)
                return r;

        if (s->exec_fd >= 0)
                fds[n++] = s->exec_fd;
        if (s->filter_fd >= 0)
                fds[n++] = s->filter_fd;
        for (size_t i = 0; i < s->n_extra_fds; i++) {
                m.extra_targets[i] = s->extra_targets[i];
                fds[n++] = s->extra_fds[i];
        }

        return message_send(socket_fd, MESSAGE_EXECUTE, serial, &m, sizeof(m), tail.data, tail.size, fds, n);
}

/* What is in it, the kernel checks. It must not change between that and our own look at it. */
static bool filter_fd_is_valid(int fd) {
        uint64_t size;

        return memfd_get_sealed_size(fd, &size) >= 0 && size > 0 && size % sizeof(struct sock_filter) == 0 &&
                size / sizeof(struct sock_filter) <= FILTER_LENGTH_MAX;
}

static bool stream_type_is_valid(size_t stream, uint32_t type) {
        switch (type) {
        case STREAM_NULL:
        case STREAM_FD:
        case STREAM_PATH:
                return true;
        case STREAM_CAPTURE:
                return stream > 0;
        case STREAM_STDOUT:
                return stream == 2;
        default:
                return false;
        }
}

/* Of s, `terminal` is set already: one takes all three streams. */
static int parse_streams(Message *m, RunSpec *s) {
        const MessageExecute *x = &m->execute;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(s->streams); i++) {
                StreamSpec *stream = s->streams + i;

                if (!stream_type_is_valid(i, x->stream_types[i]))
                        return -EBADMSG;
                stream->type = (StreamType) x->stream_types[i];
                if (x->record_bytes[i] > 0 && (i == 0 || stream->type != STREAM_FD))
                        return -EBADMSG;
                stream->record_bytes = x->record_bytes[i];

                if (stream->type == STREAM_FD) {
                        stream->fd = message_next_fd(m);
                        if (stream->fd < 0)
                                return -EBADMSG;
                }

                r = next_string_dup(m, &stream->path);
                if (r < 0)
                        return r;
                if ((stream->type == STREAM_PATH) != !!stream->path)
                        return -EBADMSG;
        }

        for (size_t i = 0; i < ELEMENTSOF(s->streams); i++)
                if (s->terminal && s->streams[i].type != STREAM_FD)
                        return -EBADMSG;

        return 0;
}

static int parse_extra_fds(Message *m, RunSpec *s) {
        const MessageExecute *x = &m->execute;

        for (size_t i = 0; i < x->n_extra_fds; i++) {
                int fd;

                if (x->extra_targets[i] < 3 || x->extra_targets[i] >= 1 << 20)
                        return -EBADMSG;

                fd = message_next_fd(m);
                if (fd < 0)
                        return -EBADMSG;

                s->extra_targets[i] = x->extra_targets[i];
                s->extra_fds[s->n_extra_fds++] = fd;
        }

        return 0;
}

static int parse_execute(Message *m, RunSpec *s) {
        const MessageExecute *x = &m->execute;
        int r;

        if (x->n_argv == 0 || x->n_argv > RUN_ARGUMENTS_MAX ||
            x->n_environment > RUN_ARGUMENTS_MAX ||
            x->n_extra_fds > RUN_EXTRA_FDS_MAX ||
            (x->degraded & ~(uint32_t) _DEGRADED_ALL))
                return -EBADMSG;

        memcpy(s->limits.values, x->limits, sizeof(x->limits));
        s->limits.set = (UINT32_C(1) << _LIMIT_TYPE_MAX) - 1;
        s->degraded = (Degraded) x->degraded;
        s->keep = x->keep;
        s->terminal = x->terminal;
        s->trace = x->trace;

        r = next_strv(m, x->n_argv, &s->argv);
        if (r < 0)
                return r;
        r = next_strv(m, x->n_environment, &s->environment);
        if (r < 0)
                return r;
        r = next_string_dup(m, &s->working_directory);
        if (r < 0)
                return r;

        r = parse_streams(m, s);
        if (r < 0)
                return r;

        r = next_string_dup(m, &s->limits.cpu_set);
        if (r < 0)
                return r;
        r = next_rules(m, &s->allowed_paths);
        if (r < 0)
                return r;

        if (x->has_exec_fd) {
                s->exec_fd = message_next_fd(m);
                if (s->exec_fd < 0)
                        return -EBADMSG;
        }

        if (x->has_filter) {
                s->filter_fd = message_next_fd(m);
                if (!filter_fd_is_valid(s->filter_fd))
                        return -EBADMSG;
        } else if (x->trace)
                return -EBADMSG;

        r = parse_extra_fds(m, s);
        return r < 0 ? r : message_check_end(m);
}

int message_parse_execute(Message *m, RunSpec *ret) {
        RunSpec s;
        int r;

        run_spec_init(&s);
        r = parse_execute(m, &s);
        if (r < 0) {
                run_spec_done(&s);
                return r;
        }

        *ret = s;
        return 0;
}
