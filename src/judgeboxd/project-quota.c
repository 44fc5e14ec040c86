/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "fd-util.h"
#include "parse-util.h"
#include "project-quota.h"
#include "string-util.h"

#define PROJID_PATH "/etc/projid"
#define PROJID_MAX (UINT32_C(1) << 20)

/* How many ids to look at before giving up: each is a system call, and anybody can take one with a file of his. */
#define ASSIGN_TRIES 4096U

static int quota_call(int fd, unsigned command, uint32_t id, void *argument) {
        return RET_NERRNO((int) syscall(SYS_quotactl_fd, fd, QCMD(command, PRJQUOTA), id, argument));
}

int project_quota_check(int dir_fd, const char **ret_missing) {
        struct fs_quota_statv state = { .qs_version = FS_QSTATV_VERSION1 };
        int r;

        assert(ret_missing);

        *ret_missing = NULL;
        r = quota_call(dir_fd, Q_XGETQSTATV, 0, &state);
        if (IN_SET(r, -ENOSYS, -EINVAL, -ENOTTY, -EOPNOTSUPP, -ESRCH))
                *ret_missing = "has no project quotas, as XFS has, and ext4 that was made with the features quota and project";
        else if (r >= 0 && !(state.qs_flags & FS_QUOTA_PDQ_ENFD))
                *ret_missing = "does not enforce project quotas: it is not mounted with the option prjquota";
        else
                return r < 0 ? r : 1;

        return 0;
}

bool project_id_is_named(const char *projid, uint32_t id) {
        for (const char *line = strempty(projid); *line; line += strcspn(line, "\n"), line += *line == '\n') {
                const char *colon = line + strcspn(line, ":\n");
                size_t n = *colon == ':' ? strspn(colon + 1, "0123456789") : 0;
                uint64_t found = 0;

                if (*line == '#' || n == 0 || n > 10)
                        continue;
                for (size_t i = 0; i < n; i++)
                        found = found * 10 + (uint64_t) (colon[1 + i] - '0');
                if (found == id)
                        return true;
        }

        return false;
}

static bool has_limit(uint64_t block_limit, uint64_t inode_limit) {
        return block_limit != 0 || inode_limit != 0;
}

/* 1: nothing has it. */
static int is_free(int dir_fd, uint32_t id) {
        struct if_dqblk q = {};
        int r;

        r = quota_call(dir_fd, Q_GETQUOTA, id, &q);
        if (IN_SET(r, -ENOENT, -ESRCH))
                return 1;

        return r < 0 ? r : q.dqb_curspace == 0 && q.dqb_curinodes == 0 &&
                        !has_limit(q.dqb_bhardlimit | q.dqb_bsoftlimit, q.dqb_ihardlimit | q.dqb_isoftlimit);
}

static int set_project(int dir_fd, uint32_t id) {
        struct fsxattr a;

        if (ioctl(dir_fd, FS_IOC_FSGETXATTR, &a) < 0)
                return -errno;

        a.fsx_projid = id;
        a.fsx_xflags |= FS_XFLAG_PROJINHERIT;
        return RET_NERRNO(ioctl(dir_fd, FS_IOC_FSSETXATTR, &a));
}

int project_quota_assign(int dir_fd, uint32_t first, uint32_t *next, uint32_t *ret_id) {
        _cleanup_free_ char *projid = NULL;
        int r;

        assert(next);
        assert(ret_id);

        r = read_full_file_at(AT_FDCWD, PROJID_PATH, PROJID_MAX, &projid, NULL);
        if (r < 0 && r != -ENOENT)
                return r;

        for (unsigned i = 0; i < ASSIGN_TRIES; i++) {
                uint32_t id = first + *next;

                *next = (*next + 1) % PROJECT_IDS;
                if (project_id_is_named(projid, id))
                        continue;

                r = is_free(dir_fd, id);
                if (r > 0)
                        r = set_project(dir_fd, id);
                else if (r == 0)
                        continue;
                if (r >= 0)
                        *ret_id = id;
                return r;
        }

        return -EADDRINUSE;
}

int project_quota_limit(int dir_fd, uint32_t id, uint64_t bytes, uint64_t inodes) {
        struct if_dqblk q = {
                .dqb_bhardlimit = bytes / QIF_DQBLKSIZE + (bytes % QIF_DQBLKSIZE != 0),
                .dqb_ihardlimit = inodes,
                .dqb_valid = QIF_LIMITS,
        };

        assert(id != 0);

        return quota_call(dir_fd, Q_SETQUOTA, id, &q);
}

int project_quota_sweep(int dir_fd, uint32_t first, project_wanted_t wanted, void *userdata) {
        struct if_nextdqblk q = {};
        int r;

        assert(wanted);

        for (uint32_t id = first; id - first < PROJECT_IDS; id = q.dqb_id + 1) {
                r = quota_call(dir_fd, Q_GETNEXTQUOTA, id, &q);
                if (IN_SET(r, -ENOENT, -ESRCH) || (r >= 0 && q.dqb_id - first >= PROJECT_IDS))
                        return 0;
                if (r < 0)
                        return r;

                if (!has_limit(q.dqb_bhardlimit | q.dqb_bsoftlimit, q.dqb_ihardlimit | q.dqb_isoftlimit) ||
                    wanted(q.dqb_id, userdata))
                        continue;

                r = project_quota_limit(dir_fd, q.dqb_id, 0, 0);
                if (r < 0)
                        return r;
        }

        return 0;
}
