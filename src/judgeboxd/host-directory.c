/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fd-util.h"
#include "host-directory.h"
#include "log.h"
#include "parse-util.h"
#include "string-util.h"
#include "trash-remover.h"

#define BOXES_NAME "boxes"
#define TRASH_NAME ".trash"
#define BOX_NAME "box"

struct HostDirectories {
        char *path;
        int root_fd, trash_fd;
        uint64_t serial; /* of the names in the trash */
        uint32_t first_project, next_project;
        TrashRemover *remover;
};

static int make_and_open(int dir_fd, const char *name, mode_t mode) {
        _cleanup_close_ int fd = -EBADF;

        if (mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST)
                return -errno;

        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fchmod(fd, mode) < 0)
                return -errno;

        return TAKE_FD(fd);
}

HostDirectories *host_directories_free(HostDirectories *h) {
        if (!h)
                return NULL;

        /* What it leaves is the next daemon's. */
        h->remover = trash_remover_free(h->remover);
        h->root_fd = safe_close(h->root_fd);
        h->trash_fd = safe_close(h->trash_fd);
        free(h->path);
        return mfree(h);
}

int host_directories_new(sd_event *event, const char *state, HostDirectories **ret) {
        _cleanup_(host_directories_freep) HostDirectories *h = NULL;
        _cleanup_free_ char *trash = NULL;
        int r;

        assert(event);
        assert(state);
        assert(ret);

        h = new(HostDirectories, 1);
        if (!h)
                return -ENOMEM;

        *h = (HostDirectories) {
                .path = strprintf("%s/" BOXES_NAME, state),
                .root_fd = -EBADF,
                .trash_fd = -EBADF,
                .first_project = PROJECT_ID_FIRST,
        };
        trash = strprintf("%s/" BOXES_NAME "/" TRASH_NAME, state);
        if (!h->path || !trash)
                return -ENOMEM;

        h->root_fd = make_and_open(AT_FDCWD, h->path, 0755);
        if (h->root_fd < 0)
                return h->root_fd;

        h->trash_fd = make_and_open(h->root_fd, TRASH_NAME, 0700);
        if (h->trash_fd < 0)
                return h->trash_fd;

        r = trash_remover_new(event, h->trash_fd, trash, &h->remover);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(h);
        return 0;
}

/* Returns 1 if it was there. */
static int move_to_trash(HostDirectories *h, int uid_fd, const char *id) {
        for (;;) {
                char name[32];

                /* No name that the remover gives. */
                (void) snprintf(name, sizeof(name), "box-%" PRIx64, h->serial++);
                if (renameat2(uid_fd, id, h->trash_fd, name, RENAME_NOREPLACE) >= 0)
                        return 1;
                if (errno != EEXIST)
                        return errno == ENOENT ? 0 : -errno;
        }
}

static const char *uid_name(char buf[static 16], uid_t uid) {
        (void) snprintf(buf, 16, "%u", uid);
        return buf;
}

static int make_new(int dir_fd, const char *name) {
        if (mkdirat(dir_fd, name, 0700) < 0)
                return -errno;

        return RET_NERRNO(openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

void host_directories_set_projects(HostDirectories *h, uint32_t first) {
        assert(h);

        h->first_project = first;
}

int host_directories_check_quota(const HostDirectories *h, const char **ret_missing) {
        assert(h);

        return project_quota_check(h->root_fd, ret_missing);
}

int host_directory_make(
                HostDirectories *h,
                uid_t uid,
                gid_t gid,
                const char *id,
                const DirectoryQuota *quota,
                uint32_t *ret_project,
                int *ret_box_fd) {

        _cleanup_close_ int uid_fd = -EBADF, id_fd = -EBADF, box_fd = -EBADF;
        uint32_t project = 0;
        int r;

        assert(h);
        assert(id);
        assert(quota);
        assert(ret_project);
        assert(ret_box_fd);

        r = host_directory_remove(h, uid, id, /* project= */ 0);
        if (r < 0)
                return r;

        uid_fd = make_and_open(h->root_fd, uid_name((char[16]) {}, uid), 0711);
        if (uid_fd < 0)
                return uid_fd;

        id_fd = make_new(uid_fd, id);
        if (id_fd < 0)
                return id_fd;

        /* Before there is anything in it, which would not count. */
        if (quota->bytes > 0 || quota->inodes > 0) {
                r = project_quota_assign(id_fd, h->first_project, &h->next_project, &project);
                if (r < 0)
                        return r;
        }

        box_fd = make_new(id_fd, BOX_NAME);
        if (box_fd < 0)
                return box_fd;

        /* The upper one last: until then nobody can put anything else in the place of the lower one. */
        if (fchown(box_fd, uid, gid) < 0 || fchown(id_fd, uid, gid) < 0)
                return -errno;

        /* Last, so that a small one keeps nothing of it from being made: the daemon is bound by it as well. */
        r = project != 0 ? project_quota_limit(h->root_fd, project, quota->bytes, quota->inodes) : 0;
        if (r < 0)
                return r;

        *ret_project = project;
        *ret_box_fd = TAKE_FD(box_fd);
        return 0;
}

int host_directory_remove(HostDirectories *h, uid_t uid, const char *id, uint32_t project) {
        _cleanup_close_ int uid_fd = -EBADF;
        int r;

        assert(h);
        assert(id);

        r = project != 0 ? project_quota_limit(h->root_fd, project, /* bytes= */ 0, /* inodes= */ 0) : 0;
        if (r < 0)
                (void) log_warning_errno(r, "Failed to remove the quota of project %u: %m", project);

        uid_fd = openat(h->root_fd, uid_name((char[16]) {}, uid), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (uid_fd < 0)
                return errno == ENOENT ? 0 : -errno;

        r = move_to_trash(h, uid_fd, id);
        if (r > 0)
                trash_remover_wake(h->remover);
        return MIN(r, 0);
}

const char *host_directories_get_path(const HostDirectories *h) {
        assert(h);
        return h->path;
}

char *host_directory_path(const HostDirectories *h, uid_t uid, const char *id) {
        assert(h);
        assert(id);

        return strprintf("%s/%u/%s", h->path, uid, id);
}

/* NULL and errno on failure. */
static DIR *open_directory_stream(int dir_fd, const char *name) {
        DIR *d;
        int fd;

        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return NULL;

        d = fdopendir(fd);
        if (!d)
                (void) safe_close(fd);
        return d;
}

static int clean_tenant(HostDirectories *h, const char *name, uid_t uid, host_directory_wanted_t wanted, void *userdata) {
        struct dirent *e;
        DIR *d;
        int r;

        d = open_directory_stream(h->root_fd, name);
        if (!d)
                return -errno;

        while ((e = readdir(d))) {
                if (streq(e->d_name, ".") || streq(e->d_name, "..") || wanted(uid, e->d_name, userdata))
                        continue;

                r = move_to_trash(h, dirfd(d), e->d_name);
                if (r < 0)
                        (void) log_warning_errno(r, "Failed to remove %s/%s/%s: %m", h->path, name, e->d_name);
        }

        (void) closedir(d);

        /* Unless something is left. */
        (void) unlinkat(h->root_fd, name, AT_REMOVEDIR);
        return 0;
}

static void clean_quotas(HostDirectories *h, project_wanted_t wanted, void *userdata) {
        const char *missing;
        int r;

        r = host_directories_check_quota(h, &missing);
        if (r > 0)
                r = project_quota_sweep(h->root_fd, h->first_project, wanted, userdata);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to look for quotas of earlier boxes: %m");
}

int host_directories_clean(
                HostDirectories *h,
                host_directory_wanted_t wanted,
                project_wanted_t wanted_project,
                void *userdata) {

        struct dirent *e;
        DIR *d;
        int r;

        assert(h);
        assert(wanted);

        d = open_directory_stream(h->root_fd, ".");
        if (!d)
                return -errno;

        while ((e = readdir(d))) {
                uint64_t uid;

                if (parse_uint64(e->d_name, &uid) < 0 || uid >= UINT32_MAX)
                        continue;

                r = clean_tenant(h, e->d_name, (uid_t) uid, wanted, userdata);
                if (r < 0)
                        (void) log_warning_errno(r, "Failed to clean up %s/%s: %m", h->path, e->d_name);
        }

        (void) closedir(d);

        clean_quotas(h, wanted_project, userdata);

        /* Of an earlier daemon's, too. */
        trash_remover_wake(h->remover);
        return 0;
}
