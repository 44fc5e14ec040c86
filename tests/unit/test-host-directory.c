/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "event-loop.h"
#include "fd-util.h"
#include "host-directory.h"
#include "string-util.h"
#include "test-util.h"

#define TENANT ((uid_t) 4711)
#define GROUP ((gid_t) 815)

static char state[] = "/tmp/test-host-directory-XXXXXX";
static int state_fd;
static sd_event *event;
static HostDirectories *directories;

static void setup(void) {
        ck_assert_ptr_nonnull(mkdtemp(state));
        state_fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(state_fd, 0);
        ck_assert_int_ge(sd_event_new(&event), 0);
        ck_assert_int_eq(host_directories_new(event, state, &directories), 0);
}

static void teardown(void) {
        char command[64];

        directories = host_directories_free(directories);
        event = sd_event_unref(event);
        ck_assert_int_eq(close(state_fd), 0);
        (void) snprintf(command, sizeof(command), "rm -rf %s", state);
        ck_assert_int_eq(system(command), 0);
        memcpy(state + sizeof(state) - 7, "XXXXXX", 6);
}

/* Of all but . and .. */
static size_t count_entries(const char *path) {
        struct dirent *e;
        size_t n = 0;
        DIR *d;
        int fd;

        fd = openat(state_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return 0;
        d = fdopendir(fd);
        ck_assert_ptr_nonnull(d);
        while ((e = readdir(d)))
                n += !streq(e->d_name, ".") && !streq(e->d_name, "..");
        closedir(d);
        return n;
}

static bool is_there(const char *path) {
        struct stat st;

        return fstatat(state_fd, path, &st, AT_SYMLINK_NOFOLLOW) >= 0;
}

static void wait_for_remover(void) {
        loop_until(event, count_entries("boxes/.trash") == 0);
}

static void assert_is(const char *path, uid_t uid, gid_t gid, mode_t mode) {
        struct stat st;

        ck_assert_int_eq(fstatat(state_fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
        ck_assert_msg(S_ISDIR(st.st_mode) && (st.st_mode & 07777) == mode && st.st_uid == uid && st.st_gid == gid,
                      "%s is %o of %u:%u", path, st.st_mode, st.st_uid, st.st_gid);
}

static int make(const char *id) {
        uint32_t project = 1;
        int fd;

        ck_assert_int_eq(host_directory_make(directories, TENANT, GROUP, id, &(DirectoryQuota) {}, &project, &fd), 0);
        ck_assert_uint_eq(project, 0);
        return fd;
}

static void touch_at(int dir_fd, const char *name) {
        _cleanup_close_ int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

        ck_assert_int_ge(fd, 0);
}

static void touch(const char *path) {
        touch_at(state_fd, path);
}

START_TEST(test_make) {
        _cleanup_free_ char *path = NULL, *expected = NULL;
        _cleanup_close_ int fd = -EBADF;
        mode_t before;

        /* The service's own mask has no part in it. */
        before = umask(0077);
        fd = make("b");
        (void) umask(before);

        assert_is("boxes", 0, 0, 0755);
        assert_is("boxes/.trash", 0, 0, 0700);
        assert_is("boxes/4711", 0, 0, 0711);
        assert_is("boxes/4711/b", TENANT, GROUP, 0700);
        assert_is("boxes/4711/b/box", TENANT, GROUP, 0700);

        touch_at(fd, "file");
        ck_assert(is_there("boxes/4711/b/box/file"));
        ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);

        path = host_directory_path(directories, TENANT, "b");
        expected = strprintf("%s/boxes/4711/b", state);
        ck_assert_str_eq(path, expected);
}
END_TEST

/* What an earlier box of the name left is not the next one's. */
START_TEST(test_made_anew) {
        _cleanup_close_ int fd = make("b"), again = -EBADF;

        touch_at(fd, "file");
        again = make("b");
        ck_assert_uint_eq(count_entries("boxes/4711/b/box"), 0);
        assert_is("boxes/4711/b/box", TENANT, GROUP, 0700);
        wait_for_remover();
        ck_assert(is_there("boxes/4711/b/box"));
}
END_TEST

/* The name is free at once, and what was below goes soon; nothing else does. */
START_TEST(test_remove) {
        _cleanup_close_ int b = make("b"), c = make("c");

        touch("outside");
        ck_assert_int_eq(mkdirat(b, "closed", 0700), 0);
        touch_at(b, "closed/file");
        ck_assert_int_eq(fchmodat(b, "closed", 0, 0), 0);
        ck_assert_int_eq(symlinkat(state, b, "link"), 0);
        ck_assert_int_eq(linkat(state_fd, "outside", b, "hard", 0), 0);
        ck_assert_int_eq(mkfifoat(b, "fifo", 0600), 0);
        touch_at(c, "file");

        ck_assert_int_eq(host_directory_remove(directories, TENANT, "b", /* project= */ 0), 0);
        ck_assert(!is_there("boxes/4711/b"));
        wait_for_remover();
        ck_assert(is_there("outside"));
        ck_assert(is_there("boxes/4711/c/box/file"));

        ck_assert_int_eq(host_directory_remove(directories, TENANT, "b", /* project= */ 0), 0);
        ck_assert_int_eq(host_directory_remove(directories, TENANT + 1, "b", /* project= */ 0), 0);
}
END_TEST

/* No path is long enough for it. */
START_TEST(test_remove_deep) {
        _cleanup_close_ int fd = make("b");
        char name[201];

        memset(name, 'x', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        for (int i = 0; i < 100; i++) {
                int next;

                ck_assert_int_eq(mkdirat(fd, name, 0700), 0);
                next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                ck_assert_int_ge(next, 0);
                ck_assert_int_eq(close(fd), 0);
                fd = next;
        }

        ck_assert_int_eq(host_directory_remove(directories, TENANT, "b", /* project= */ 0), 0);
        wait_for_remover();
}
END_TEST

/* More comes while the remover is at it; and nothing stays open here. */
START_TEST(test_remove_many) {
        size_t n_fds = test_count_fds();

        for (int i = 0; i < 200; i++) {
                _cleanup_close_ int fd = make("b");

                touch_at(fd, "file");
                ck_assert_int_eq(host_directory_remove(directories, TENANT, "b", /* project= */ 0), 0);
                ck_assert_uint_le(test_count_fds(), n_fds + 1);
                if (i % 50 == 0)
                        ck_assert_int_ge(sd_event_run(event, 0), 0);
        }

        wait_for_remover();
        loop_until(event, test_count_fds() == n_fds);
}
END_TEST

static bool is_wanted(uid_t uid, const char *id, void *userdata) {
        ck_assert_ptr_eq(userdata, &state);
        return uid == TENANT && streq(id, "stays");
}

static bool is_wanted_project(uint32_t project, void *userdata) {
        ck_assert_ptr_eq(userdata, &state);
        return true;
}

/* Names are free all the same, and the next service has another remover. */
START_TEST(test_remover_is_killed) {
        size_t n_fds = test_count_fds();
        char children[64] = "", path[64];
        FILE *f;

        (void) snprintf(path, sizeof(path), "/proc/self/task/%i/children", getpid());
        f = fopen(path, "re");
        ck_assert_ptr_nonnull(f);
        ck_assert_ptr_nonnull(fgets(children, sizeof(children), f));
        ck_assert_int_eq(fclose(f), 0);
        ck_assert_int_eq(kill(atoi(children), SIGKILL), 0);
        loop_until(event, test_count_fds() == n_fds - 2);

        ck_assert_int_eq(close(make("b")), 0);
        ck_assert_int_eq(close(make("b")), 0);
        ck_assert_uint_eq(count_entries("boxes/.trash"), 1);

        directories = host_directories_free(directories);
        ck_assert_int_eq(host_directories_new(event, state, &directories), 0);
        ck_assert_int_eq(host_directories_clean(directories, is_wanted, is_wanted_project, &state), 0);
        wait_for_remover();
}
END_TEST

/* A tenant owns what is below, but cannot have others' directories made or removed through it. */
START_TEST(test_links) {
        uint32_t project;
        int fd;

        ck_assert_int_eq(mkdirat(state_fd, "elsewhere", 0777), 0);
        ck_assert_int_eq(mkdirat(state_fd, "elsewhere/b", 0777), 0);
        ck_assert_int_eq(symlinkat("../elsewhere", state_fd, "boxes/4711"), 0);
        ck_assert_int_eq(host_directory_make(directories, TENANT, GROUP, "b", &(DirectoryQuota) {}, &project, &fd), -ENOTDIR);
        ck_assert_int_eq(host_directory_remove(directories, TENANT, "b", /* project= */ 0), -ENOTDIR);
        ck_assert(is_there("elsewhere/b"));

        /* The box's own is replaced, not followed. */
        ck_assert_int_eq(unlinkat(state_fd, "boxes/4711", 0), 0);
        ck_assert_int_eq(close(make("b")), 0);
        ck_assert_int_eq(host_directory_remove(directories, TENANT, "b", /* project= */ 0), 0);
        ck_assert_int_eq(symlinkat("../../elsewhere", state_fd, "boxes/4711/b"), 0);
        ck_assert_int_eq(close(make("b")), 0);
        assert_is("boxes/4711/b", TENANT, GROUP, 0700);
        wait_for_remover();
        ck_assert(is_there("elsewhere/b"));
}
END_TEST

/* Of boxes of a service that is no more; what it had begun to remove goes as well. */
START_TEST(test_clean) {
        ck_assert_int_eq(close(make("stays")), 0);
        ck_assert_int_eq(close(make("goes")), 0);
        ck_assert_int_eq(mkdirat(state_fd, "boxes/4712", 0711), 0);
        ck_assert_int_eq(mkdirat(state_fd, "boxes/4712/stays", 0700), 0);
        touch("boxes/4712/stays/file");
        touch("boxes/4711/file");
        ck_assert_int_eq(mkdirat(state_fd, "boxes/no-uid", 0700), 0);
        ck_assert_int_eq(mkdirat(state_fd, "boxes/.trash/box-0", 0700), 0);
        touch("boxes/.trash/box-0/file");

        ck_assert_int_eq(host_directories_clean(directories, is_wanted, is_wanted_project, &state), 0);
        ck_assert(is_there("boxes/4711/stays/box"));
        ck_assert_uint_eq(count_entries("boxes/4711"), 1);
        ck_assert(!is_there("boxes/4712"));
        ck_assert(is_there("boxes/no-uid"));
        wait_for_remover();
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_make, test_made_anew, test_remove, test_remove_deep, test_remove_many, test_remover_is_killed,
                test_links, test_clean,
        };

        return test_run_as_root("host-directory", tests, ELEMENTSOF(tests), setup, teardown);
}
