/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "box-file.h"
#include "box-store.h"
#include "fd-util.h"
#include "journal.h"
#include "manager.h"

struct BoxStore {
        int dir_fd;
};

int box_store_new(const char *directory, BoxStore **ret) {
        _cleanup_(box_store_freep) BoxStore *s = NULL;

        assert(directory);
        assert(ret);

        if (!getenv("NOTIFY_SOCKET"))
                return -ENOTCONN;

        s = new(BoxStore, 1);
        if (!s)
                return -ENOMEM;
        *s = (BoxStore) { .dir_fd = -EBADF };

        if (mkdir(directory, 0700) < 0 && errno != EEXIST)
                return -errno;

        s->dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (s->dir_fd < 0)
                return -errno;

        *ret = TAKE_PTR(s);
        return 0;
}

BoxStore *box_store_free(BoxStore *s) {
        if (!s)
                return NULL;

        s->dir_fd = safe_close(s->dir_fd);
        return mfree(s);
}

int box_store_get_dir_fd(const BoxStore *s) {
        assert(s);
        return s->dir_fd;
}

/* FDPOLL=0: a pidfd whose process ends, or a socket whose peer has gone, is still ours to find. */
static int store_fds(const char *name, const int *fds, unsigned n_fds) {
        _cleanup_free_ char *state = NULL;
        int r;

        state = strprintf("FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
        if (!state)
                return -ENOMEM;

        r = sd_pid_notify_with_fds(0, /* unset_environment= */ false, state, fds, n_fds);
        return r == 0 ? -ENOTCONN : r;
}

void box_store_add_uids(BoxStore *s, const UidRange *u) {
        int fd = uid_range_get_lock_fd(u), r;

        assert(s);

        if (fd < 0)
                return;

        r = store_fds(BOX_STORE_UIDS, &fd, 1);
        if (r < 0)
                (void) log_debug_errno(r, "Failed to store the lock of the uids: %m");
}

void box_store_add(Box *b) {
        BoxStore *s;
        int r;

        assert(b);
        assert(b->channel);

        s = b->manager->store;
        if (!s || b->stored)
                return;

        /* The file first: descriptors without one would end the box. */
        r = box_file_write(s->dir_fd, b);
        if (r >= 0)
                r = store_fds(b->name, (int[2]) { box_channel_get_fd(b->channel), b->init_pidfd }, 2);
        if (r < 0) {
                (void) journal_log(LOG_WARNING, r, NULL, &(JournalSubject) { .owner = b->owner, .box = b->id },
                                   "Box %s cannot be stored, and would end with this service: %m", b->name);
                box_store_remove(s, b->name);
                return;
        }

        b->stored = true;
}

void box_store_remove(BoxStore *s, const char *box_name) {
        _cleanup_free_ char *state = NULL, *name = NULL;

        assert(s);
        assert(box_name);

        name = box_file_name(box_name);
        if (name && unlinkat(s->dir_fd, name, 0) < 0 && errno != ENOENT)
                (void) log_debug_errno(errno, "Failed to remove %s: %m", name);

        state = strprintf("FDSTOREREMOVE=1\nFDNAME=%s", box_name);
        if (state)
                (void) sd_notify(/* unset_environment= */ false, state);
}

static bool file_is_current(Manager *m, const char *name) {
        _cleanup_free_ char *box_name = NULL;
        const char *end = endswith(name, ".json");
        Box *b;

        if (!end)
                return false;

        box_name = strndup(name, (size_t) (end - name));
        if (!box_name)
                return true;

        HASH_FIND_STR(m->boxes, box_name, b);
        return b;
}

int box_store_clean(BoxStore *s, Manager *m) {
        struct dirent *e;
        DIR *d;
        int fd;

        assert(s);
        assert(m);

        /* closedir() closes it. */
        fd = openat(s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        d = fdopendir(fd);
        if (!d) {
                (void) safe_close(fd);
                return -ENOMEM;
        }

        while ((e = readdir(d))) {
                if (streq(e->d_name, ".") || streq(e->d_name, "..") || file_is_current(m, e->d_name))
                        continue;

                log_debug("Removing %s, which belongs to no box.", e->d_name);
                if (unlinkat(fd, e->d_name, 0) < 0)
                        (void) log_debug_errno(errno, "Failed to remove %s: %m", e->d_name);
        }

        (void) closedir(d);
        return 0;
}
