/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <unistd.h>

#include "log.h"
#include "parse-util.h"
#include "path-option.h"
#include "string-util.h"
#include "text-util.h"

static int split(const char *option, const char *value, const char *syntax, size_t max, char ***ret) {
        _cleanup_strv_free_ char **l = NULL;
        int r;

        r = text_split_colons(value, &l);
        if (r == -ENOMEM)
                return log_oom();
        if (r < 0 || strv_length(l) > max || isempty(l[0])) {
                log_error("%s takes %s, not \"%s\".", option, syntax, value);
                return -EINVAL;
        }

        *ret = TAKE_PTR(l);
        return 0;
}

static bool absolute_box_path(const char *path) {
        return path[0] == '/' && box_path_is_valid(path);
}

void bind_option_done(BindOption *b) {
        assert(b);

        free(b->host);
        free(b->inside);
        *b = (BindOption) {};
}

static int bind_option_parse_flags(const char *flags, BindOption *b) {
        _cleanup_strv_free_ char **l = NULL;

        if (strv_split(flags, ",", &l) < 0)
                return log_oom();

        STRV_FOREACH(flag, l)
                if (streq(*flag, "rw"))
                        b->writable = true;
                else if (streq(*flag, "noexec"))
                        b->noexec = true;
                else if (streq(*flag, "optional"))
                        b->optional = true;
                else {
                        log_error("--bind= knows the flags rw, noexec and optional, not \"%s\".", *flag);
                        return -EINVAL;
                }

        return 0;
}

int bind_option_parse(const char *value, BindOption *ret) {
        _cleanup_(bind_option_done) BindOption b = {};
        _cleanup_strv_free_ char **l = NULL;
        const char *inside = NULL, *flags = NULL;
        int r;

        assert(value);
        assert(ret);

        r = split("--bind=", value, "HOST[:INSIDE][:rw,noexec,optional]", 3, &l);
        if (r < 0)
                return r;

        /* A path inside begins with a slash and no flag does, so each may be left out. */
        if (l[1] && (l[1][0] == '/' || l[2])) {
                inside = l[1];
                flags = l[2];
        } else
                flags = l[1];

        if (flags) {
                r = bind_option_parse_flags(flags, &b);
                if (r < 0)
                        return r;
        }

        if (!inside)
                inside = l[0];
        if (!absolute_box_path(inside)) {
                log_error("--bind=%s: \"%s\" is not an absolute path inside a box%s.", value, inside,
                          inside == l[0] ? "; say HOST:INSIDE" : "");
                return -EINVAL;
        }

        b.host = strdup(l[0]);
        b.inside = strdup(inside);
        if (!b.host || !b.inside)
                return log_oom();

        *ret = b;
        b = (BindOption) {};
        return 0;
}

void tmpfs_option_done(TmpfsOption *t) {
        assert(t);

        free(t->path);
        *t = (TmpfsOption) {};
}

int tmpfs_option_parse(const char *value, TmpfsOption *ret) {
        _cleanup_strv_free_ char **l = NULL;
        _cleanup_free_ char *path = NULL;
        uint64_t bytes = 0;
        int r;

        assert(value);
        assert(ret);

        r = split("--tmpfs=", value, "PATH[:SIZE]", 2, &l);
        if (r < 0)
                return r;

        if (!absolute_box_path(l[0])) {
                log_error("--tmpfs=%s: \"%s\" is not an absolute path inside a box.", value, l[0]);
                return -EINVAL;
        }

        if (l[1] && (parse_size(l[1], &bytes) < 0 || bytes > INT64_MAX)) {
                log_error("--tmpfs=%s: \"%s\" is not a size such as 65536, 64K or 16M.", value, l[1]);
                return -EINVAL;
        }

        path = strdup(l[0]);
        if (!path)
                return log_oom();

        *ret = (TmpfsOption) {
                .path = TAKE_PTR(path),
                .bytes = bytes,
                .bytes_set = l[1],
        };
        return 0;
}

void allow_path_option_done(AllowPathOption *a) {
        assert(a);

        free(a->path);
        *a = (AllowPathOption) {};
}

static int allow_path_option_parse_access(const char *access, AllowPathOption *a) {
        _cleanup_strv_free_ char **l = NULL;

        if (strv_split(access, ",", &l) < 0)
                return log_oom();

        STRV_FOREACH(word, l)
                if (streq(*word, "read"))
                        a->read = true;
                else if (streq(*word, "write"))
                        a->write = true;
                else if (streq(*word, "execute"))
                        a->execute = true;
                else if (streq(*word, "optional"))
                        a->optional = true;
                else if (!streq(*word, "stat")) {
                        log_error("--allow-path= knows read, write, execute, stat and optional, not \"%s\".", *word);
                        return -EINVAL;
                }

        return 0;
}

int allow_path_option_parse(const char *value, AllowPathOption *ret) {
        _cleanup_(allow_path_option_done) AllowPathOption a = {};
        _cleanup_strv_free_ char **l = NULL;
        int r;

        assert(value);
        assert(ret);

        r = split("--allow-path=", value, "PATH:read,write,execute,stat,optional", 2, &l);
        if (r < 0)
                return r;

        if (isempty(l[1])) {
                log_error("--allow-path=%s: one or more of read, write, execute and stat must follow after a colon.",
                          value);
                return -EINVAL;
        }
        if (!box_path_is_valid(l[0])) {
                log_error("--allow-path=%s: \"%s\" is not a path inside a box.", value, l[0]);
                return -EINVAL;
        }

        r = allow_path_option_parse_access(l[1], &a);
        if (r < 0)
                return r;

        a.path = strdup(l[0]);
        if (!a.path)
                return log_oom();

        *ret = TAKE_GENERIC(a, AllowPathOption, (AllowPathOption) {});
        return 0;
}

void transfer_option_done(TransferOption *t) {
        assert(t);

        free(t->source);
        free(t->destination);
        *t = (TransferOption) {};
}

int transfer_option_parse(const char *option, const char *value, bool into_box, TransferOption *ret) {
        _cleanup_(transfer_option_done) TransferOption t = {};
        _cleanup_strv_free_ char **l = NULL;
        const char *destination, *inside;
        int r;

        assert(option);
        assert(value);
        assert(ret);

        r = split(option, value, "SRC[:DST]", 2, &l);
        if (r < 0)
                return r;

        destination = l[1] ?: path_last_component(l[0]);
        inside = into_box ? destination : l[0];

        if (!box_path_is_valid(inside) || endswith(inside, "/")) {
                log_error("%s%s: \"%s\" is not a path of a file in a box.", option, value, inside);
                return -EINVAL;
        }
        if (isempty(destination)) {
                log_error("%s%s: the destination has no name.", option, value);
                return -EINVAL;
        }

        t.source = strdup(l[0]);
        t.destination = strdup(destination);
        if (!t.source || !t.destination)
                return log_oom();

        *ret = t;
        t = (TransferOption) {};
        return 0;
}
