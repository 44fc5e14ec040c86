/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <libgen.h>
#include <sys/stat.h>

#include "fd-util.h"
#include "hash.h"
#include "log.h"
#include "parse-util.h"
#include "profile-store.h"

#define SUFFIX ".json"

typedef struct Entry {
        StoredProfile stored;
        struct stat st; /* of the file when it was read */
        int filter_fds[2]; /* without and with PROFILE_TRACE; -EBADF: not made yet, or there is none */
        bool allows_all[2];
        UT_hash_handle hh;
} Entry;

struct ProfileStore {
        char **directories;
        Entry *entries;
};

static Entry *entry_free(Entry *e) {
        if (!e)
                return NULL;

        free(e->stored.name);
        free(e->stored.path);
        free(e->stored.error);
        (void) profile_free(e->stored.profile);
        for (size_t i = 0; i < ELEMENTSOF(e->filter_fds); i++)
                (void) safe_close(e->filter_fds[i]);
        return mfree(e);
}
DEFINE_TRIVIAL_CLEANUP_FUNC(Entry *, entry_free);

static void forget(ProfileStore *s, Entry *e) {
        HASH_DEL(s->entries, e);
        (void) entry_free(e);
}

static void forget_all(ProfileStore *s) {
        Entry *e, *next;

        HASH_ITER(hh, s->entries, e, next)
                forget(s, e);
}

/* As judgebox-init is found: beside ourselves, as in a build directory, else where it is installed. */
static int default_directories(char ***ret) {
        _cleanup_strv_free_ char **l = NULL;
        _cleanup_free_ char *self = NULL;
        int r;

        r = strv_extend(&l, SYSCONFDIR "/judgebox/profiles");
        if (r < 0)
                return r;

        self = realpath("/proc/self/exe", NULL);
        if (self && !startswith(self, SBINDIR "/")) {
                r = strv_extendf(&l, "%s/../profiles", dirname(self));
                if (r < 0)
                        return r;
        }

        r = strv_extend(&l, PROFILESDIR);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(l);
        return 0;
}

int profile_store_new(char *const *directories, ProfileStore **ret) {
        _cleanup_(profile_store_freep) ProfileStore *s = NULL;
        int r;

        assert(ret);

        s = new0(ProfileStore, 1);
        if (!s)
                return -ENOMEM;

        if (directories) {
                s->directories = strv_copy(directories);
                if (!s->directories)
                        return -ENOMEM;
        } else {
                r = default_directories(&s->directories);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(s);
        return 0;
}

ProfileStore *profile_store_free(ProfileStore *s) {
        if (!s)
                return NULL;

        forget_all(s);
        strv_free(s->directories);
        return mfree(s);
}

/* The file that counts. Returns -ENOENT if there is none. */
static int locate(const ProfileStore *s, const char *name, char **ret_path, struct stat *ret_st) {
        STRV_FOREACH(directory, s->directories) {
                _cleanup_free_ char *path = strprintf("%s/%s" SUFFIX, *directory, name);

                if (!path)
                        return -ENOMEM;

                if (stat(path, ret_st) < 0) {
                        if (errno == ENOENT)
                                continue;
                        /* It is there, and what is wrong with it shows when it is opened. */
                        *ret_st = (struct stat) {};
                }

                *ret_path = TAKE_PTR(path);
                return 0;
        }

        return -ENOENT;
}

static bool same_file(const struct stat *a, const struct stat *b) {
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mode == b->st_mode &&
                        a->st_uid == b->st_uid && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
                        a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Whoever can write it decides what programs may do. */
static const char *check_file(const struct stat *st) {
        if (!S_ISREG(st->st_mode))
                return "This is not a regular file.";
        if (st->st_uid != 0 && st->st_uid != geteuid())
                return "This file does not belong to root.";
        if (st->st_mode & (S_IWGRP | S_IWOTH))
                return "Others than its owner can write this file.";

        return NULL;
}

/* What is wrong with the file becomes the entry's error. */
static int read_profile(Entry *e) {
        _cleanup_(profile_program_done) ProfileProgram program = PROFILE_PROGRAM_NULL;
        _cleanup_free_ char *text = NULL;
        _cleanup_close_ int fd = -EBADF;
        const char *refused;
        size_t size;
        int r;

        /* A FIFO must not make us wait; it is refused then. */
        fd = open(e->stored.path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &e->st) < 0)
                return free_and_strdup(&e->stored.error, strerror(errno));

        refused = check_file(&e->st);
        if (refused)
                return free_and_strdup(&e->stored.error, refused);

        r = fd_read_full(fd, PROFILE_TEXT_MAX, &text, &size);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return free_and_strdup(&e->stored.error, r == -E2BIG ? "This file is too large." : strerror(-r));

        r = profile_parse(text, size, &e->stored.profile, &e->stored.error);
        if (r == -EINVAL)
                return 0;
        if (r < 0)
                return r;

        r = profile_compile(e->stored.profile, 0, &program);
        if (r == -E2BIG) {
                e->stored.profile = profile_free(e->stored.profile);
                return free_and_strdup(&e->stored.error, "The profile has too many rules for one filter.");
        }

        e->stored.n = program.n;
        return r;
}

static int load(ProfileStore *s, const char *name, const char *path, Entry **ret) {
        _cleanup_(entry_freep) Entry *e = NULL;
        int r;

        e = new(Entry, 1);
        if (!e)
                return -ENOMEM;

        *e = (Entry) { .filter_fds = EBADF_PAIR };
        r = free_and_strdup(&e->stored.name, name);
        if (r >= 0)
                r = free_and_strdup(&e->stored.path, path);
        if (r >= 0)
                r = read_profile(e);
        if (r < 0)
                return r;

        if (e->stored.error)
                log_warning("%s: %s", path, e->stored.error);

        HASH_ADD_KEYPTR(hh, s->entries, e->stored.name, strlen(e->stored.name), e);
        if (!hash_added(e))
                return -ENOMEM;

        *ret = TAKE_PTR(e);
        return 0;
}

/* -ENOENT: there is no such profile. */
static int find(ProfileStore *s, const char *name, Entry **ret) {
        _cleanup_free_ char *path = NULL;
        struct stat st;
        Entry *e;
        int r;

        HASH_FIND_STR(s->entries, name, e);

        r = locate(s, name, &path, &st);
        if (r >= 0 && e && streq(e->stored.path, path) && same_file(&e->st, &st)) {
                *ret = e;
                return 0;
        }

        if (e)
                forget(s, e);
        return r < 0 ? r : load(s, name, path, ret);
}

int profile_store_find(ProfileStore *s, const char *name, const StoredProfile **ret) {
        Entry *e;
        int r;

        assert(s);
        assert(name);
        assert(ret);

        r = find(s, name, &e);
        if (r < 0)
                return r;

        *ret = &e->stored;
        return 0;
}

int profile_store_get(ProfileStore *s, const char *name, const char *field, const StoredProfile **ret, Failure *f) {
        Entry *e;
        int r;

        assert(s);
        assert(name);
        assert(field);
        assert(ret);

        if (!box_id_is_valid(name))
                return failure_set_field(f, field, "A profile is named by 1 to 32 of A-Z, a-z, 0-9, _ and -.");

        r = find(s, name, &e);
        if (r == -ENOENT)
                return failure_set_field(f, field, "There is no profile \"%s\".", name);
        if (r < 0)
                return r;
        if (e->stored.error)
                return failure_set_field(f, field, "The profile \"%s\" is broken: %s: %s", name, e->stored.path,
                                         e->stored.error);

        *ret = &e->stored;
        return 0;
}

static int make_filter(Entry *e, bool trace) {
        _cleanup_(profile_program_done) ProfileProgram program = PROFILE_PROGRAM_NULL;
        int r;

        if (e->filter_fds[trace] >= 0 || e->allows_all[trace])
                return 0;

        r = profile_compile(e->stored.profile, trace ? PROFILE_TRACE : 0, &program);
        if (r < 0)
                return r;

        e->allows_all[trace] = program.allows_all;
        if (program.allows_all)
                return 0;

        r = memfd_new_sealed("judgebox-filter", program.filter, program.n * sizeof(struct sock_filter));
        if (r < 0)
                return r;

        e->filter_fds[trace] = r;
        return 0;
}

int profile_store_open_filter(
                ProfileStore *s,
                const char *name,
                const char *field,
                bool trace,
                int *ret_fd,
                Failure *f) {

        const StoredProfile *p;
        Entry *e;
        int r;

        assert(ret_fd);

        r = profile_store_get(s, name, field, &p, f);
        if (r != 0)
                return r;

        HASH_FIND_STR(s->entries, name, e);
        assert(e);
        r = make_filter(e, trace);
        if (r == -E2BIG)
                return failure_set_field(f, field, "The profile \"%s\" is too long to be traced.", name);
        if (r < 0)
                return r;

        r = e->allows_all[trace] ? -EBADF : fcntl(e->filter_fds[trace], F_DUPFD_CLOEXEC, 3);
        if (r < 0 && !e->allows_all[trace])
                return -errno;

        *ret_fd = r;
        return 0;
}

static int add_names(const char *directory, char ***l) {
        struct dirent *d;
        DIR *dir;
        int r = 0;

        dir = opendir(directory);
        if (!dir)
                return errno == ENOENT ? 0 : -errno;

        while (r >= 0 && (d = readdir(dir))) {
                const char *end = endswith(d->d_name, SUFFIX);
                _cleanup_free_ char *name = NULL;

                if (!end)
                        continue;

                name = strndup(d->d_name, (size_t) (end - d->d_name));
                if (!name)
                        r = -ENOMEM;
                else if (box_id_is_valid(name) && !(*l && strv_contains(*l, name)))
                        r = strv_extend(l, name);
        }

        (void) closedir(dir);
        return r;
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

int profile_store_list(ProfileStore *s, char ***ret) {
        _cleanup_strv_free_ char **l = NULL;
        int r;

        assert(s);
        assert(ret);

        l = new0(char *, 1);
        if (!l)
                return -ENOMEM;

        STRV_FOREACH(directory, s->directories) {
                r = add_names(*directory, &l);
                if (r < 0)
                        return r;
        }

        qsort(l, strv_length(l), sizeof(char *), compare_names);
        *ret = TAKE_PTR(l);
        return 0;
}

int profile_store_reload(ProfileStore *s) {
        _cleanup_strv_free_ char **names = NULL;
        int r;

        assert(s);

        forget_all(s);

        r = profile_store_list(s, &names);
        if (r < 0)
                return r;

        STRV_FOREACH(name, names) {
                Entry *e;

                r = find(s, *name, &e);
                if (r < 0 && r != -ENOENT)
                        return r;
        }

        return 0;
}
