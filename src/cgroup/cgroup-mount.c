/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include "cgroup-mount.h"
#include "fd-util.h"

#define MOUNTINFO_MAX (16U * 1024U * 1024U)
#define PROC_CGROUP_MAX (64U * 1024U)

static void cgroup_mount_done(CgroupMount *m) {
        assert(m);

        m->root = mfree(m->root);
        m->point = mfree(m->point);
}

CgroupMount *cgroup_mounts_free(CgroupMount *mounts, size_t n) {
        for (size_t i = 0; i < n; i++)
                cgroup_mount_done(&mounts[i]);

        return mfree(mounts);
}

/* The kernel writes blanks, newlines and backslashes in a path as three octal digits. */
static void unescape_octal(char *s) {
        char *to = s;

        for (const char *from = s; *from;) {
                if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' &&
                    from[2] >= '0' && from[2] <= '7' && from[3] >= '0' && from[3] <= '7') {
                        char c = (char) ((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));

                        if (c != '\0') {
                                *to++ = c;
                                from += 4;
                                continue;
                        }
                }

                *to++ = *from++;
        }

        *to = '\0';
}

static bool options_contain(const char *options, const char *what) {
        size_t l = strlen(what);

        for (const char *p = options;;) {
                size_t n = strcspn(p, ",");

                if (n == l && memcmp(p, what, l) == 0)
                        return true;
                if (p[n] == '\0')
                        return false;
                p += n + 1;
        }
}

/* id parent major:minor ROOT POINT OPTIONS [optional fields] - TYPE source SUPER-OPTIONS. Positive: it is one. */
static int parse_mountinfo_line(const char *line, CgroupMount *ret) {
        _cleanup_strv_free_ char **fields = NULL;
        size_t n, dash = 6;
        CgroupMount m;
        int r;

        /* Nearly all lines are of other file systems: look before cutting. */
        if (!strstr(line, " - cgroup2 "))
                return 0;

        r = strv_split(line, " ", &fields);
        if (r < 0)
                return r;

        n = strv_length(fields);
        while (dash < n && !streq(fields[dash], "-"))
                dash++;
        if (dash + 3 >= n || !streq(fields[dash + 1], "cgroup2"))
                return 0;

        unescape_octal(fields[3]);
        unescape_octal(fields[4]);
        if (fields[3][0] != '/' || fields[4][0] != '/')
                return 0;

        m = (CgroupMount) {
                .root = strdup(fields[3]),
                .point = strdup(fields[4]),
                .read_only = options_contain(fields[5], "ro") || options_contain(fields[dash + 3], "ro"),
        };
        if (!m.root || !m.point) {
                cgroup_mount_done(&m);
                return -ENOMEM;
        }

        *ret = m;
        return 1;
}

static unsigned cgroup_mount_rank(const CgroupMount *m) {
        return (m->read_only ? 2U : 0U) + (streq(m->root, "/") ? 0U : 1U);
}

int cgroup_mounts_parse(const char *text, CgroupMount **ret, size_t *ret_n) {
        _cleanup_strv_free_ char **lines = NULL;
        CgroupMount *mounts = NULL;
        size_t n = 0;
        int r;

        assert(text);
        assert(ret);
        assert(ret_n);

        r = strv_split(text, "\n", &lines);
        if (r < 0)
                return r;

        STRV_FOREACH(line, lines) {
                CgroupMount m, *grown;
                size_t i;

                r = parse_mountinfo_line(*line, &m);
                if (r < 0)
                        goto fail;
                if (r == 0)
                        continue;

                grown = reallocarray(mounts, n + 1, sizeof(*mounts));
                if (!grown) {
                        cgroup_mount_done(&m);
                        r = -ENOMEM;
                        goto fail;
                }
                mounts = grown;

                /* There are one or two of them: sorted as they come. */
                for (i = n++; i > 0 && cgroup_mount_rank(&mounts[i - 1]) > cgroup_mount_rank(&m); i--)
                        mounts[i] = mounts[i - 1];
                mounts[i] = m;
        }

        *ret = mounts;
        *ret_n = n;
        return 0;

fail:
        (void) cgroup_mounts_free(mounts, n);
        return r;
}

int cgroup_path_parse(const char *text, char **ret) {
        assert(text);
        assert(ret);

        for (const char *line = text; line && *line;) {
                const char *end = strchrnul(line, '\n'), *path;

                path = startswith(line, "0::/");
                if (path) {
                        char *s;

                        s = strndup(path - 1, (size_t) (end - path) + 1);
                        if (!s)
                                return -ENOMEM;

                        *ret = s;
                        return 0;
                }

                line = *end ? end + 1 : NULL;
        }

        return -ENODATA;
}

static bool path_is_outside(const char *path) {
        const char *e = startswith(path, "/..");

        return e && (*e == '\0' || *e == '/');
}

const char *cgroup_path_below(const char *path, const char *root) {
        const char *e;

        assert(path);
        assert(root);

        if (path_is_outside(path) || path_is_outside(root))
                return NULL;

        e = startswith(path, root);
        if (!e)
                return NULL;
        if (streq(root, "/"))
                return e;
        if (*e == '\0')
                return e;
        return *e == '/' ? e + 1 : NULL;
}

/* judgebox-init gets descriptors of what is below, and ".." leads from a mount up into what it is mounted on: from one
 * that is mounted nowhere, nowhere. Where no mount may be copied it is the one that there is. */
static int detach(int fd) {
        int copy;

        copy = open_tree(fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (copy < 0)
                return fd;

        (void) safe_close(fd);
        return copy;
}

int cgroup_mount_open(int *ret_fd, char **ret_root) {
        _cleanup_free_ char *text = NULL;
        CgroupMount *mounts;
        size_t n;
        int r;

        assert(ret_fd);
        assert(ret_root);

        r = read_full_file_at(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, NULL);
        if (r < 0)
                return r;

        r = cgroup_mounts_parse(text, &mounts, &n);
        if (r < 0)
                return r;

        r = -EOPNOTSUPP;
        for (size_t i = 0; i < n; i++) {
                _cleanup_close_ int fd = -EBADF;
                struct statfs s;

                fd = open(mounts[i].point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                /* Something else may be mounted over it. */
                if (fd < 0 || fstatfs(fd, &s) < 0 || (unsigned long) s.f_type != CGROUP2_SUPER_MAGIC)
                        continue;

                *ret_fd = detach(TAKE_FD(fd));
                *ret_root = TAKE_PTR(mounts[i].root);
                r = 0;
                break;
        }

        (void) cgroup_mounts_free(mounts, n);
        return r;
}

int cgroup_path_of_pid(pid_t pid, char **ret) {
        _cleanup_free_ char *text = NULL;
        char path[sizeof("/proc//cgroup") + 11] = "/proc/self/cgroup";
        int r;

        assert(pid >= 0);
        assert(ret);

        if (pid > 0)
                (void) snprintf(path, sizeof(path), "/proc/%i/cgroup", pid);

        r = read_full_file_at(AT_FDCWD, path, PROC_CGROUP_MAX, &text, NULL);
        if (r < 0)
                return r;

        return cgroup_path_parse(text, ret);
}
