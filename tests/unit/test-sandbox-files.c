/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <limits.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "box-fixture.h"
#include "fd-util.h"
#include "files-whole.h"
#include "string-util.h"

static BoxSettings settings;

static void setup(void) {
        box_settings_init(&settings);
        settings.storage_bytes = 32 << 20;
        settings.inodes = 200000;
}

static void teardown(void) {
        box_settings_done(&settings);
}

static int open_existing(const Root *root, const char *path) {
        uint64_t size;
        int fd, r;

        r = files_open(root, path, 0, &fd, &size);
        return r < 0 ? r : fd;
}

static int create(const Root *root, const char *path, FileFlags flags) {
        uint64_t size = 1;
        int fd, r;

        r = files_open(root, path, FILE_CREATE | flags, &fd, &size);
        if (r < 0)
                return r;

        EXPECT_INT(size, 0);
        return fd;
}

static void expect_reads(const Root *root, const char *path, const char *text) {
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *data = NULL;
        uint64_t size;

        EXPECT_INT(files_open(root, path, 0, &fd, &size), 0);
        EXPECT_INT(size, strlen(text));
        EXPECT_INT(fd_read_full(fd, 1 << 20, &data, NULL), 0);
        EXPECT(streq(data, text));

        /* No more than reading, and no surprise for whoever gets it. */
        EXPECT_INT(fcntl(fd, F_GETFL) & (O_ACCMODE | O_PATH | O_NONBLOCK), O_RDONLY);
        EXPECT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void expect_writes(const Root *root, const char *path, FileFlags flags, const char *text) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        fd = create(root, path, flags);
        EXPECT(fd >= 0);
        EXPECT_INT(fd_write_full(fd, text, strlen(text)), 0);
        EXPECT_INT(fcntl(fd, F_GETFL) & (O_ACCMODE | O_PATH | O_NONBLOCK), O_WRONLY);
        EXPECT(fcntl(fd, F_GETFD) & FD_CLOEXEC);

        EXPECT(fstat(fd, &st) >= 0);
        EXPECT_INT(st.st_uid, BOX_UID);
        EXPECT_INT(st.st_gid, BOX_GID);
        EXPECT_INT(st.st_mode, S_IFREG | (FLAGS_SET(flags, FILE_EXECUTABLE) ? 0755 : 0644));
        EXPECT_INT(st.st_nlink, 1);
}

/* What anybody would do. */

static void plain_inside(void *userdata) {
        struct stat st;

        EXPECT(fixture_has_text("/box/a", "one"));
        EXPECT(fixture_has_text("/tmp/t", "temporary"));
        EXPECT(fixture_has_text("/dev/shm/s", "shared"));
        EXPECT(fixture_has_text("/box/x/y/z", "deep"));
        EXPECT(stat("/box/x/y", &st) >= 0);
        EXPECT_INT(st.st_uid, BOX_UID);
        EXPECT_INT(st.st_gid, BOX_GID);
        EXPECT_INT(st.st_mode, S_IFDIR | 0755);
        fixture_write("/box/out", "result");
        fixture_write("/box/a", "two");
}

static void plain(Root *root, void *userdata) {
        expect_writes(root, "a", 0, "one");
        expect_writes(root, "/tmp/t", 0, "temporary");
        expect_writes(root, "/dev/shm/s", 0, "shared");
        expect_writes(root, "./x//y/z", FILE_PARENTS, "deep");
        expect_writes(root, "/box/run", FILE_EXECUTABLE, "#!/bin/sh\n");
        EXPECT_INT(create(root, "no/parent", 0), -ENOENT);
        EXPECT(fixture_as_program(plain_inside, NULL));
        expect_reads(root, "out", "result");
        expect_reads(root, "/box/a", "two");
        expect_writes(root, "a", 0, "3");
        expect_reads(root, "a", "3");
        EXPECT_INT(open_existing(root, "none"), -ENOENT);
        EXPECT_INT(open_existing(root, "a/b"), -ENOTDIR);
        EXPECT_INT(open_existing(root, "x"), -EISDIR);
        EXPECT_INT(open_existing(root, "."), -EISDIR);
        EXPECT_INT(create(root, "x", 0), -EISDIR);
        EXPECT_INT(create(root, "/box", 0), -EISDIR);

        EXPECT_INT(files_mkdir(root, "m/n/o"), 0);
        EXPECT_INT(files_mkdir(root, "m/n/o/"), 0);
        EXPECT_INT(files_mkdir(root, "/tmp"), 0);
        EXPECT_INT(files_mkdir(root, "a"), -ENOTDIR);
        EXPECT_INT(files_mkdir(root, "a/b"), -ENOTDIR);

        EXPECT_INT(remove_file(root, "none", 0), -ENOENT);
        EXPECT_INT(remove_file(root, "none", FILE_RECURSIVE), -ENOENT);
        EXPECT_INT(remove_file(root, "m", 0), -ENOTEMPTY);
        EXPECT_INT(remove_file(root, "m/n/o", 0), 0);
        EXPECT_INT(remove_file(root, "m", FILE_RECURSIVE), 0);
        EXPECT_INT(remove_file(root, "a", 0), 0);
        EXPECT_INT(remove_file(root, "out", FILE_RECURSIVE), 0);
        EXPECT_ERRNO(access("/box/m", F_OK), ENOENT);
        EXPECT_ERRNO(access("/box/a", F_OK), ENOENT);
        EXPECT_INT(remove_file(root, ".", FILE_RECURSIVE), -EBUSY);
        EXPECT_INT(remove_file(root, "/tmp", FILE_RECURSIVE), -EBUSY);
        EXPECT_INT(remove_file(root, "/dev/shm", 0), -EBUSY);
}

START_TEST(test_plain) {
        ck_assert(fixture_run(&settings, plain, NULL));
}
END_TEST

/* Paths */

static void paths(Root *root, void *userdata) {
        static const char *const outside[] = {
                "/", "/etc/passwd", "/usr/bin/id", "/proc/self/maps", "/dev/null", "/boxer", "/tmpfile", "/dev/shmx",
        };
        static const char *const bad[] = { "", "..", "../etc/passwd", "a/../../etc", "/box/../etc/passwd", "/tmp/.." };
        char longest[PATH_MAX + 16];
        char *list;
        size_t size;

        for (size_t i = 0; i < ELEMENTSOF(outside); i++) {
                EXPECT_INT(open_existing(root, outside[i]), -EACCES);
                EXPECT_INT(create(root, outside[i], FILE_PARENTS), -EACCES);
                EXPECT_INT(files_mkdir(root, outside[i]), -EACCES);
                EXPECT_INT(remove_file(root, outside[i], FILE_RECURSIVE), -EACCES);
                EXPECT_INT(list_files(root, outside[i], 0, &list, &size), -EACCES);
        }

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                EXPECT_INT(open_existing(root, bad[i]), -EINVAL);
                EXPECT_INT(create(root, bad[i], FILE_PARENTS), -EINVAL);
                EXPECT_INT(files_mkdir(root, bad[i]), -EINVAL);
                EXPECT_INT(remove_file(root, bad[i], FILE_RECURSIVE), -EINVAL);
                EXPECT_INT(list_files(root, bad[i], 0, &list, &size), -EINVAL);
        }

        memset(longest, '/', sizeof(longest));
        for (size_t i = 1; i < sizeof(longest); i += 2)
                longest[i] = 'x';
        longest[sizeof(longest) - 1] = '\0';
        EXPECT_INT(files_mkdir(root, longest), -EINVAL);

        /* With "/box/" in front it is too long. */
        longest[PATH_MAX - 1] = '\0';
        EXPECT_INT(files_mkdir(root, longest + 1), -ENAMETOOLONG);

        /* Any bytes but these two. */
        expect_writes(root, "a\nb", 0, "1");
        expect_writes(root, "\xff\xfe\x01 \\", 0, "2");
        expect_writes(root, "...", 0, "3");
        expect_writes(root, "-rf", 0, "4");
        expect_reads(root, "a\nb", "1");
        expect_reads(root, "/box/\xff\xfe\x01 \\", "2");
        EXPECT_INT(remove_file(root, "\xff\xfe\x01 \\", 0), 0);
}

START_TEST(test_paths) {
        ck_assert(fixture_run(&settings, paths, NULL));
}
END_TEST

/* Links: at the end, in the middle, absolute, relative, through /proc, to nothing, to what could be read
 * directly. */

static void links_inside(void *userdata) {
        EXPECT(mkdir("/box/dir", 0755) >= 0);
        fixture_write("/box/dir/file", "mine");
        fixture_write("/box/dir/victim", "unharmed");
        EXPECT(symlink("dir", "/box/to-dir") >= 0);
        EXPECT(symlink("/box", "/box/to-box") >= 0);
        EXPECT(symlink("dir/victim", "/box/to-file") >= 0);
        EXPECT(symlink("/usr/bin/id", "/box/to-usr") >= 0);
        EXPECT(symlink("/etc", "/box/to-etc") >= 0);
        EXPECT(symlink("/proc/self/root", "/box/to-root") >= 0);
        EXPECT(symlink("/proc/self/fd/0", "/box/to-fd") >= 0);
        EXPECT(symlink("nowhere", "/box/dangling") >= 0);
        EXPECT(symlink("self", "/box/self") >= 0);
}

static void links(Root *root, void *userdata) {
        static const char *const through[] = {
                "to-dir/file", "to-box/dir/file", "to-etc/passwd", "to-root/usr/bin/id", "dir/../to-dir", "self/x",
        };
        static const char *const at_end[] = {
                "to-file", "to-usr", "to-dir", "to-root", "to-fd", "dangling", "self",
        };
        char *list;
        size_t size;

        EXPECT(fixture_as_program(links_inside, NULL));

        for (size_t i = 0; i < ELEMENTSOF(through); i++) {
                int expected = strstr(through[i], "..") ? -EINVAL : -ELOOP;

                EXPECT_INT(open_existing(root, through[i]), expected);
                EXPECT_INT(create(root, through[i], 0), expected);
                EXPECT_INT(create(root, through[i], FILE_PARENTS), expected);
                EXPECT_INT(files_mkdir(root, through[i]), expected);
                EXPECT_INT(remove_file(root, through[i], 0), expected);
                EXPECT_INT(remove_file(root, through[i], FILE_RECURSIVE), expected);
                EXPECT_INT(list_files(root, through[i], 0, &list, &size), expected);
        }

        for (size_t i = 0; i < ELEMENTSOF(at_end); i++) {
                EXPECT_INT(open_existing(root, at_end[i]), -ELOOP);
                EXPECT_INT(files_mkdir(root, at_end[i]), -ELOOP);
                EXPECT_INT(list_files(root, at_end[i], FILE_RECURSIVE, &list, &size), -ELOOP);

                /* Replaced, or removed, themselves. */
                if (i % 2)
                        expect_writes(root, at_end[i], 0, "new");
                else
                        EXPECT_INT(remove_file(root, at_end[i], i % 4 ? FILE_RECURSIVE : 0), 0);
        }

        EXPECT(fixture_has_text("/box/dir/victim", "unharmed"));
        EXPECT(fixture_has_text("/box/dir/file", "mine"));
        EXPECT_ERRNO(access("/box/nowhere", F_OK), ENOENT);
}

START_TEST(test_links) {
        ck_assert(fixture_run(&settings, links, NULL));
}
END_TEST

/* Other kinds of files, and files with more than one name. */

/* With an ACL of the program's choice for what is made in the directory (acl(5)): rw- for all but the
 * owner's group. */
static void make_acl(const char *path) {
        static const struct {
                uint32_t version;
                struct {
                        uint16_t tag, permissions;
                        uint32_t id;
                } entries[3];
        } acl = { 2, { { 1, 6, UINT32_MAX }, { 4, 0, UINT32_MAX }, { 32, 6, UINT32_MAX } } };

        if (setxattr(path, "system.posix_acl_default", &acl, sizeof(acl), 0) < 0)
                EXPECT_INT(errno, EOPNOTSUPP);
}

static void kinds_inside(void *userdata) {
        struct sockaddr_un sun = { .sun_family = AF_UNIX, .sun_path = "/box/socket" };
        int fd;

        EXPECT(mkfifo("/box/fifo", 0666) >= 0);
        EXPECT(mkfifo("/box/fifo2", 0666) >= 0);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT(bind(fd, (struct sockaddr *) &sun, sizeof(sun)) >= 0);
        close(fd);
        fixture_write("/box/original", "kept");
        EXPECT(link("/box/original", "/box/second-name") >= 0);
        fixture_write("/box/closed", "x");
        EXPECT(chmod("/box/closed", 0) >= 0);
        EXPECT(mkdir("/box/read-only", 0555) >= 0);
        EXPECT(mkdir("/box/sealed", 0) >= 0);
        EXPECT(mkdir("/box/acl", 0755) >= 0);
        make_acl("/box/acl");
}

static void kinds(Root *root, void *userdata) {
        _cleanup_close_ int held = -EBADF;
        char buf[8];

        EXPECT(fixture_as_program(kinds_inside, NULL));

        /* An alarm would end the test. */
        (void) alarm(10);
        EXPECT_INT(open_existing(root, "fifo"), -ENXIO);
        EXPECT_INT(open_existing(root, "socket"), -ENXIO);
        expect_writes(root, "fifo", 0, "file");
        expect_writes(root, "socket", 0, "file");
        EXPECT_INT(remove_file(root, "fifo2", 0), 0);
        (void) alarm(0);

        /* Neither the other name nor who has it open sees the new content. */
        held = open_existing(root, "second-name");
        EXPECT(held >= 0);
        expect_writes(root, "second-name", 0, "changed");
        expect_reads(root, "original", "kept");
        EXPECT_INT(pread(held, buf, sizeof(buf), 0), 4);

        /* The program's rights, not ours. */
        EXPECT_INT(open_existing(root, "closed"), -EACCES);
        EXPECT_INT(create(root, "read-only/file", 0), -EACCES);
        EXPECT_INT(files_mkdir(root, "read-only/dir"), -EACCES);
        EXPECT_INT(files_mkdir(root, "sealed/dir"), -EACCES);
        expect_writes(root, "closed", 0, "opened");
        expect_writes(root, "acl/program", FILE_EXECUTABLE, "#!/bin/sh\n");

        /* And ours again afterwards. */
        EXPECT(access("/box/sealed/x", F_OK) < 0 && errno == ENOENT);
        EXPECT(chown("/box/original", 0, 0) >= 0);
}

START_TEST(test_kinds) {
        ck_assert(fixture_run(&settings, kinds, NULL));
}
END_TEST

/* A lease makes whoever opens the file wait for its holder. */

static void lease_inside(void *userdata) {
        int fd, *fds = userdata;

        fd = open("/box/leased", O_RDONLY | O_CLOEXEC);
        EXPECT(fd >= 0);
        EXPECT(signal(SIGIO, SIG_IGN) != SIG_ERR);
        EXPECT(fcntl(fd, F_SETLEASE, F_RDLCK) >= 0);
        EXPECT(write(fds[1], "", 1) == 1);
        (void) pause();
}

static void lease_for_writing(void *userdata) {
        int fd, *fds = userdata;

        fd = open("/box/leased", O_RDWR | O_CLOEXEC);
        EXPECT(fd >= 0);
        EXPECT(signal(SIGIO, SIG_IGN) != SIG_ERR);
        EXPECT(fcntl(fd, F_SETLEASE, F_WRLCK) >= 0);
        EXPECT(write(fds[1], "", 1) == 1);
        (void) pause();
}

static void leases(Root *root, void *userdata) {
        int fds[2];
        pid_t pid;
        char c;

        EXPECT(pipe(fds) >= 0);
        expect_writes(root, "leased", 0, "x");

        pid = fixture_start_program(lease_for_writing, fds);
        EXPECT(read(fds[0], &c, 1) == 1);
        (void) alarm(10);
        EXPECT_INT(open_existing(root, "leased"), -EAGAIN);
        expect_writes(root, "leased", 0, "y");
        expect_reads(root, "leased", "y");
        fixture_stop_program(pid);

        pid = fixture_start_program(lease_inside, fds);
        EXPECT(read(fds[0], &c, 1) == 1);
        expect_writes(root, "leased", 0, "z");
        EXPECT_INT(remove_file(root, "leased", 0), 0);
        (void) alarm(0);
        fixture_stop_program(pid);
}

START_TEST(test_leases) {
        ck_assert(fixture_run(&settings, leases, NULL));
}
END_TEST

/* Lists */

typedef struct Found {
        const char *name;
        mode_t type;
        uint64_t size;
        bool seen;
} Found;

static void expect_list(const Root *root, const char *path, FileFlags flags, Found *expected, size_t n_expected) {
        _cleanup_free_ char *data = NULL;
        size_t size, n = 0;

        EXPECT_INT(list_files(root, path, flags, &data, &size), 0);

        for (size_t i = 0; i < size; n++) {
                bool found = false;
                MessageEntry e;
                const char *name;

                EXPECT(size - i > sizeof(e));
                memcpy(&e, data + i, sizeof(e));
                name = data + i + sizeof(e);
                EXPECT(e.name_size <= size - i - sizeof(e));
                EXPECT_INT(strlen(name) + 1, e.name_size);
                i += sizeof(e) + e.name_size;

                for (size_t j = 0; j < n_expected; j++)
                        if (streq(expected[j].name, name)) {
                                EXPECT(!expected[j].seen);
                                expected[j].seen = found = true;
                                EXPECT_INT(e.mode & S_IFMT, expected[j].type);
                                EXPECT(e.modified_usec <= now_usec(CLOCK_REALTIME) ||
                                       (streq(name, "fifo") && e.modified_usec == INT64_MAX));
                                if (S_ISREG(e.mode))
                                        EXPECT_INT(e.size_bytes, expected[j].size);
                        }
                if (!found)
                        fprintf(stderr, "%s was not expected\n", name);
                EXPECT(found);
        }

        EXPECT_INT(n, n_expected);
}

static void list_inside(void *userdata) {
        EXPECT(mkdir("/box/d", 0700) >= 0);
        EXPECT(mkdir("/box/d/e", 0700) >= 0);
        fixture_write("/box/d/e/f", "12345");
        fixture_write("/box/d/new\nline\xff", "1");
        EXPECT(mkfifo("/box/fifo", 0600) >= 0);
        EXPECT(symlink("/usr", "/box/link") >= 0);
        EXPECT(chmod("/box/d/e", 0) >= 0);
        EXPECT(utimensat(AT_FDCWD, "/box/d/new\nline\xff", (struct timespec[2]) { { -5, 0 }, { -5, 0 } }, 0) >= 0);
        EXPECT(utimensat(AT_FDCWD, "/box/fifo", (struct timespec[2]) { { 0, 0 }, { INT64_MAX, 0 } }, 0) >= 0);
}

static void list(Root *root, void *userdata) {
        Found all[] = {
                { "d", S_IFDIR, 0, false },   { "d/e", S_IFDIR, 0, false },
                { "d/e/f", S_IFREG, 5, false }, { "d/new\nline\xff", S_IFREG, 1, false },
                { "fifo", S_IFIFO, 0, false }, { "link", S_IFLNK, 0, false },
        };
        Found top[] = { { "d", S_IFDIR, 0, false }, { "fifo", S_IFIFO, 0, false }, { "link", S_IFLNK, 0, false } };
        Found below[] = { { "e", S_IFDIR, 0, false }, { "new\nline\xff", S_IFREG, 1, false } };
        char *data;
        size_t size;

        expect_list(root, ".", FILE_RECURSIVE, NULL, 0);
        EXPECT(fixture_as_program(list_inside, NULL));
        expect_list(root, ".", FILE_RECURSIVE, all, ELEMENTSOF(all));
        expect_list(root, "/box/", 0, top, ELEMENTSOF(top));
        expect_list(root, "d", 0, below, ELEMENTSOF(below));
        expect_list(root, "/tmp", FILE_RECURSIVE, NULL, 0);
        EXPECT_INT(list_files(root, "fifo", 0, &data, &size), -ENOTDIR);
        EXPECT_INT(list_files(root, "none", 0, &data, &size), -ENOENT);
}

START_TEST(test_list) {
        ck_assert(fixture_run(&settings, list, NULL));
}
END_TEST

static void list_large(Root *root, void *userdata) {
        char *data;
        size_t size;
        usec_t before;

        EXPECT(fixture_as_program(make_many_files, NULL));
        before = now_usec(CLOCK_MONOTONIC);
        EXPECT_INT(list_files(root, "top", FILE_RECURSIVE, &data, &size), 0);
        fprintf(stderr, "list of 100000 files: %" PRIu64 " us\n", now_usec(CLOCK_MONOTONIC) - before);
        free(data);

        /* More names than a message holds. */
        for (unsigned i = 0; i < 80000; i++) {
                char name[256];

                (void) snprintf(name, sizeof(name), "/tmp/%0200u", i);
                EXPECT(mknod(name, S_IFREG | 0600, 0) >= 0);
        }
        EXPECT_INT(list_files(root, "/tmp", 0, &data, &size), -E2BIG);
}

START_TEST(test_list_large) {
        ck_assert(fixture_run(&settings, list_large, NULL));
}
END_TEST

static void list_deep(Root *root, void *userdata) {
        char *data;
        size_t size;

        EXPECT(fixture_as_program(make_deep_tree, NULL));
        EXPECT_INT(list_files(root, "top", FILE_RECURSIVE, &data, &size), -ENAMETOOLONG);
        EXPECT_INT(remove_file(root, "top", FILE_RECURSIVE), 0);

        EXPECT_INT(files_mkdir(root, "top"), 0);
        EXPECT(chdir("/box/top") >= 0);
        for (unsigned i = 0; i < LIST_DEPTH_MAX; i++) {
                EXPECT(mkdir("d", 0700) >= 0);
                EXPECT(chdir("d") >= 0);
        }
        EXPECT_INT(list_files(root, "top", FILE_RECURSIVE, &data, &size), -ENAMETOOLONG);
        EXPECT_INT(list_files(root, "top/d", FILE_RECURSIVE, &data, &size), 0);
        free(data);
}

START_TEST(test_list_deep) {
        ck_assert(fixture_run(&settings, list_deep, NULL));
}
END_TEST

/* More than one look into a directory shows. */
static void fill_flat(void *userdata) {
        EXPECT(chdir("/box/sub/data/full/dir") >= 0);
        for (unsigned i = 0; i < 3000; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), i % 3 == 0 ? "d%u" : "f%u", i);
                EXPECT((i % 3 == 0 ? mkdir(name, 0700) : mknod(name, S_IFREG | 0600, 0)) >= 0);
        }
}

/* Binds: read and listed, and what is writable is written as the program. */

static void binds(Root *root, void *userdata) {
        Found top[] = {
                { "closed", S_IFDIR, 0, false }, { "file", S_IFREG, 5, false },
                { "link", S_IFLNK, 0, false },   { "null", S_IFCHR, 0, false },
                { "outer", S_IFDIR, 0, false },  { "outer/closed", S_IFDIR, 0, false },
                { "outer/closed/inner", S_IFDIR, 0, false },
        };
        char *data;
        size_t size;

        expect_reads(root, "/data/file", "given");
        expect_reads(root, "/box/in.txt", "given");
        expect_reads(root, "/box/sub/data/file", "given");
        expect_list(root, "/data", FILE_RECURSIVE, top, ELEMENTSOF(top));
        EXPECT_INT(open_existing(root, "/data/link"), -ELOOP);
        EXPECT_INT(open_existing(root, "/data/null"), -EACCES);
        EXPECT_INT(open_existing(root, "/data"), -EISDIR);
        EXPECT_INT(create(root, "/data/new", FILE_PARENTS), -EROFS);
        EXPECT_INT(create(root, "/box/in.txt", 0), -EROFS);
        EXPECT_INT(files_mkdir(root, "/data/new"), -EROFS);
        EXPECT_INT(remove_file(root, "/data/file", FILE_RECURSIVE), -EROFS);
        EXPECT_INT(remove_file(root, "/data", FILE_RECURSIVE), -EBUSY);
        EXPECT_INT(remove_file(root, "/box/sub", FILE_RECURSIVE), -EBUSY);
        EXPECT_INT(remove_file(root, "/box/sub/data", FILE_RECURSIVE), -EBUSY);
        EXPECT(fixture_has_text("/box/sub/data/file", "given"));
        EXPECT_INT(list_files(root, "/box/in.txt", 0, &data, &size), -ENOTDIR);
        EXPECT_INT(list_files(root, "/box", FILE_RECURSIVE, &data, &size), 0);
        free(data);

        expect_writes(root, "/box/sub/data/new", 0, "x");
        expect_reads(root, "/data/new", "x");
        EXPECT_INT(files_mkdir(root, "/box/sub/data/dir"), 0);
        EXPECT_INT(remove_file(root, "/box/sub/data/dir", 0), 0);
        EXPECT_INT(remove_file(root, "/box/sub/data/new", 0), 0);
        EXPECT_INT(files_mkdir(root, "/box/sub/data/closed/dir"), -EACCES);
        EXPECT_INT(files_mkdir(root, "/box/sub/data/full/dir"), 0);
        EXPECT_INT(remove_file(root, "/box/sub/data/full", 0), -ENOTEMPTY);
        EXPECT_INT(files_mkdir(root, "/box/sub/data/full/dir/other/inner"), 0);
        expect_writes(root, "/box/sub/data/full/dir/other/file", 0, "x");
        EXPECT(symlink("/desk", "/box/sub/data/full/dir/link") >= 0);
        EXPECT(mkfifo("/box/sub/data/full/dir/fifo", 0600) >= 0);
        EXPECT(fixture_as_program(fill_flat, NULL));
        EXPECT_INT(remove_file(root, "/box/sub/data/full", FILE_RECURSIVE), 0);
        EXPECT_INT(open_existing(root, "/box/sub/data/full"), -ENOENT);

        /* No more than the program may. */
        EXPECT_INT(remove_file(root, "/box/sub/data/outer", FILE_RECURSIVE), -EACCES);
        EXPECT(access("/box/sub/data/outer/closed/inner", F_OK) >= 0);

        expect_writes(root, "/desk/file", 0, "x");
        EXPECT_INT(remove_file(root, "/desk/file", 0), 0);
        EXPECT_INT(remove_file(root, "/desk", 0), -EBUSY);
        expect_reads(root, "/data/file", "given");
}

START_TEST(test_binds) {
        static const char *const paths_inside[] = { "/data", "/box/sub/data" };

        ck_assert(mount("none", "/mnt", "tmpfs", 0, "mode=0777") >= 0);
        fixture_write("/mnt/file", "given");
        ck_assert(symlink("file", "/mnt/link") >= 0);
        ck_assert(mknod("/mnt/null", S_IFCHR | 0666, makedev(1, 3)) >= 0);
        ck_assert(chmod("/mnt/null", 0666) >= 0);

        ck_assert(mkdir("/mnt/closed", 0755) >= 0);
        ck_assert(mkdir("/mnt/outer", 0777) >= 0 && chmod("/mnt/outer", 0777) >= 0);
        ck_assert(mkdir("/mnt/outer/closed", 0755) >= 0 && mkdir("/mnt/outer/closed/inner", 0755) >= 0);

        for (size_t i = 0; i < ELEMENTSOF(paths_inside); i++)
                settings.binds[settings.n_binds++] = (BindSpec) {
                        .source_fd = fixture_open_tree("/mnt"), .path = strdup(paths_inside[i]), .writable = i == 1,
                };
        settings.binds[settings.n_binds++] = (BindSpec) {
                .source_fd = fixture_open_tree("/mnt/file"), .path = strdup("/box/in.txt"),
        };
        settings.tmpfs[settings.n_tmpfs++] = (TmpfsSpec) { strdup("/desk"), 1 << 20 };

        ck_assert(fixture_run(&settings, binds, NULL));
        ck_assert(umount2("/mnt", MNT_DETACH) >= 0);
}
END_TEST

/* Races */

#define RACE_ROUNDS 3000U

/* /box/d/sub is by turns a directory and a link to where the victim is. */
static _noreturn_ void swap_forever(void *userdata) {
        (void) mkdir("/box/d", 0755);
        (void) mkdir("/box/real", 0755);

        for (;;) {
                (void) mkdir("/box/d", 0755);
                (void) mkdir("/box/real", 0755);
                (void) rename("/box/real", "/box/d/sub");
                (void) rename("/box/d/sub", "/box/real");
                (void) symlink(userdata, "/box/d/sub");
                (void) unlink("/box/d/sub");
        }
}

/* The victims are what the program itself could not write, or what a tenant has no business with. */
static void race(Root *root, void *userdata) {
        unsigned n_created = 0, n_refused = 0;
        pid_t pid;

        EXPECT(mkdir("/tmp/victim", 0777) >= 0);
        EXPECT(chmod("/tmp/victim", 0777) >= 0);
        fixture_write("/tmp/victim/file", "unharmed");

        pid = fixture_start_program(swap_forever, (void *) "/tmp/victim");

        /* On a single CPU it takes longer until both have happened. */
        for (unsigned i = 0; i < RACE_ROUNDS || (i < 100 * RACE_ROUNDS && (n_created == 0 || n_refused == 0)); i++) {
                char *data;
                size_t size;
                int fd;

                fd = create(root, "d/sub/new", 0);
                if (fd >= 0) {
                        close(fd);
                        n_created++;
                } else if (fd == -ELOOP)
                        n_refused++;
                EXPECT_ERRNO(access("/tmp/victim/new", F_OK), ENOENT);

                fd = open_existing(root, "d/sub/file");
                EXPECT(IN_SET(fd, -ENOENT, -ELOOP, -ENOTDIR));

                fd = files_mkdir(root, "d/sub/dir");
                EXPECT_ERRNO(access("/tmp/victim/dir", F_OK), ENOENT);

                (void) remove_file(root, "d/sub/file", FILE_RECURSIVE);
                (void) remove_file(root, "d", FILE_RECURSIVE);
                EXPECT(fixture_has_text("/tmp/victim/file", "unharmed"));

                if (list_files(root, "d", FILE_RECURSIVE, &data, &size) >= 0) {
                        EXPECT(size == 0 || !memmem(data, size, "sub/file", strlen("sub/file")));
                        free(data);
                }
        }

        fixture_stop_program(pid);

        /* Else it was no race. */
        EXPECT(n_created > 0);
        EXPECT(n_refused > 0);
        EXPECT_INT(root_reset(root), 0);
        expect_unused(root);
}

START_TEST(test_race) {
        ck_assert(fixture_run(&settings, race, NULL));
}
END_TEST

static void held(Root *root, void *userdata) {
        expect_writes(root, "a", 0, "x");
        for (unsigned i = 0; i < 2000; i++) {
                char *data;
                size_t size;

                EXPECT_INT(create(root, "none/a", 0), -ENOENT);
                EXPECT_INT(create(root, "a/b", FILE_PARENTS), -ENOTDIR);
                EXPECT_INT(open_existing(root, "a/b"), -ENOTDIR);
                EXPECT_INT(open_existing(root, "."), -EISDIR);
                EXPECT_INT(files_mkdir(root, "x/y"), 0);
                EXPECT_INT(list_files(root, ".", FILE_RECURSIVE, &data, &size), 0);
                free(data);
                EXPECT_INT(remove_file(root, "x", FILE_RECURSIVE), 0);
                if (i % 100 == 0) {
                        EXPECT_INT(root_reset(root), 0);
                        expect_writes(root, "a", 0, "x");
                }
        }

        /* The next one open is low: nothing is left over. */
        EXPECT(open_existing(root, "a") < 64);
}

START_TEST(test_descriptors) {
        ck_assert(fixture_run(&settings, held, NULL));
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("sandbox-files");
        TCase *c = tcase_create("files");

        tcase_add_checked_fixture(c, setup, teardown);
        tcase_set_timeout(c, 100);
        tcase_add_test(c, test_plain);
        tcase_add_test(c, test_paths);
        tcase_add_test(c, test_links);
        tcase_add_test(c, test_kinds);
        tcase_add_test(c, test_leases);
        tcase_add_test(c, test_list);
        tcase_add_test(c, test_list_large);
        tcase_add_test(c, test_list_deep);
        tcase_add_test(c, test_binds);
        tcase_add_test(c, test_race);
        tcase_add_test(c, test_descriptors);
        suite_add_tcase(s, c);
        return s;
}

int main(void) {
        return fixture_main(suite);
}
