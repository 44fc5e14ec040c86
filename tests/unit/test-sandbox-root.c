/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <check.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <linux/capability.h>
#include <net/if.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

#include "box-fixture.h"
#include "fd-util.h"
#include "landlock.h"
#include "mount-util.h"
#include "string-util.h"

static BoxSettings settings;

static void setup(void) {
        box_settings_init(&settings);
}

static void teardown(void) {
        box_settings_done(&settings);
}

static void expect_entries(const char *path, const char *const *mandatory, const char *const *optional) {
        size_t n_mandatory = 0, n_found = 0;
        struct dirent *d;
        DIR *dir;

        while (mandatory[n_mandatory])
                n_mandatory++;

        dir = opendir(path);
        EXPECT(dir);

        while ((d = readdir(dir))) {
                bool is_mandatory = false, is_optional = false;

                if (streq(d->d_name, ".") || streq(d->d_name, ".."))
                        continue;

                for (size_t i = 0; mandatory[i]; i++)
                        is_mandatory = is_mandatory || streq(d->d_name, mandatory[i]);
                for (size_t i = 0; optional[i]; i++)
                        is_optional = is_optional || streq(d->d_name, optional[i]);

                if (!is_mandatory && !is_optional)
                        fprintf(stderr, "%s/%s should not be there\n", path, d->d_name);
                EXPECT(is_mandatory || is_optional);
                n_found += is_mandatory;
        }

        EXPECT_INT(n_found, n_mandatory);
        closedir(dir);
}

static void expect_mount_flags(const char *path, unsigned long flags) {
        const unsigned long all = ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC;
        struct statvfs v;

        EXPECT(statvfs(path, &v) >= 0);
        if ((v.f_flag & all) != flags)
                fprintf(stderr, "%s has mount flags %#lx instead of %#lx\n", path, v.f_flag & all, flags);
        EXPECT((v.f_flag & all) == flags);
}

/* The root itself, and what is in it. */

static void tree_inside(Root *root, void *userdata) {
        static const char *const mandatory[] = { "usr", "etc", "dev", "proc", "box", "tmp", NULL };
        static const char *const optional[] = { "bin", "sbin", "lib", "lib64", "lib32", "libx32", NULL };
        struct stat a, b;
        char cwd[64];

        expect_entries("/", mandatory, optional);
        expect_mount_flags("/", ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC);
        expect_mount_flags("/usr", ST_RDONLY | ST_NOSUID | ST_NODEV);
        expect_mount_flags("/proc", ST_NOSUID | ST_NODEV | ST_NOEXEC);
        expect_mount_flags("/box", ST_NOSUID | ST_NODEV);
        expect_mount_flags("/tmp", ST_NOSUID | ST_NODEV);
        expect_mount_flags("/dev/shm", ST_NOSUID | ST_NODEV);

        EXPECT_ERRNO(mkdir("/new", 0755), EROFS);
        EXPECT_ERRNO(mkdir("/etc/new", 0755), EROFS);
        EXPECT_ERRNO(open("/etc/passwd", O_WRONLY), EROFS);

        EXPECT(getcwd(cwd, sizeof(cwd)));
        EXPECT(streq(cwd, "/"));

        /* Nothing above. */
        EXPECT(stat("/", &a) >= 0);
        EXPECT(stat("/..", &b) >= 0);
        EXPECT(a.st_dev == b.st_dev && a.st_ino == b.st_ino);
        EXPECT(fstat(root->fd, &b) >= 0);
        EXPECT(a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

START_TEST(test_tree) {
        ck_assert(fixture_run(&settings, tree_inside, NULL));
}
END_TEST

/* A host whose /bin and /lib are directories of their own, as before "merged /usr". */

static void unmerge_host(void) {
        static const char *const directories[] = { "usr", "bin", "lib", "lib64", "dev", "proc", "etc", "tmp" };

        EXPECT(mount("none", "/mnt", "tmpfs", 0, "mode=0755") >= 0);
        EXPECT(chdir("/mnt") >= 0);

        for (size_t i = 0; i < ELEMENTSOF(directories); i++) {
                char source[16];

                (void) snprintf(source, sizeof(source), "/%s", directories[i]);
                if (access(source, F_OK) < 0)
                        continue;

                EXPECT(mkdir(directories[i], 0755) >= 0);
                EXPECT(mount(source, directories[i], NULL, MS_BIND | MS_REC, NULL) >= 0);
        }

        EXPECT(syscall(SYS_pivot_root, ".", ".") >= 0);
        EXPECT(umount2(".", MNT_DETACH) >= 0);
}

static void unmerged_inside(Root *root, void *userdata) {
        struct stat st;

        EXPECT(lstat("/bin", &st) >= 0);
        EXPECT(S_ISDIR(st.st_mode));
        expect_mount_flags("/bin", ST_RDONLY | ST_NOSUID | ST_NODEV);
        expect_mount_flags("/lib", ST_RDONLY | ST_NOSUID | ST_NODEV);
        EXPECT(access("/bin/sh", X_OK) >= 0);
        EXPECT_ERRNO(access("/sbin", F_OK), ENOENT);
}

START_TEST(test_unmerged) {
        Step step;

        ck_assert_int_eq(fixture_run_on(unmerge_host, &settings, unmerged_inside, &step), 0);
}
END_TEST

/* Everything that is mounted, with the part of the file system that is: nothing of the host's but what
 * was meant. */
static void mounts_inside(Root *root, void *userdata) {
        static const char *const expected[] = {
                "/", "/usr", "/proc", "/box", "/tmp", "/dev/shm",
                "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom",
        };
        char line[4096], mount_root[1024], mount_point[1024], optional[64];
        FILE *f;

        f = fopen("/proc/self/mountinfo", "re");
        EXPECT(f);

        while (fgets(line, sizeof(line), f)) {
                bool found = false;

                EXPECT(sscanf(line, "%*u %*u %*s %1023s %1023s %*s %63s", mount_root, mount_point, optional) == 3);

                for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                        found = found || streq(mount_point, expected[i]);
                found = found || startswith(mount_point, "/usr/") || startswith(mount_point, "/etc/") ||
                        startswith(mount_point, "/lib") || startswith(mount_point, "/bin") ||
                        startswith(mount_point, "/sbin");
                if (!found)
                        fprintf(stderr, "%s", line);
                EXPECT(found);

                /* No propagation in either direction. */
                EXPECT(streq(optional, "-"));
        }

        fclose(f);
}

START_TEST(test_mounts) {
        ck_assert(fixture_run(&settings, mounts_inside, NULL));
}
END_TEST

static void host_inside(void *userdata) {
        static const char *const gone[] = {
                "/root", "/home", "/etc/shadow", "/etc/ssh", "/sys", "/run", "/var", "/boot", "/dev/tty", "/dev/ptmx",
                "/dev/pts", "/dev/mem", "/dev/vda", "/proc/1/root", "/proc/self/root/root",
        };

        for (size_t i = 0; i < ELEMENTSOF(gone); i++)
                EXPECT_ERRNO(access(gone[i], F_OK), ENOENT);

        EXPECT_ERRNO(mount("none", "/usr", NULL, MS_REMOUNT | MS_BIND, NULL), EPERM);
        EXPECT_ERRNO(mount("none", "/tmp", "tmpfs", 0, NULL), EPERM);
        EXPECT_ERRNO(umount2("/tmp", MNT_DETACH), EPERM);
        EXPECT_ERRNO(umount2("/proc", MNT_DETACH), EPERM);
        EXPECT_ERRNO(open("/usr/bin/new", O_WRONLY | O_CREAT, 0644), EROFS);
}

static void host(Root *root, void *userdata) {
        EXPECT(fixture_as_program(host_inside, NULL));
}

START_TEST(test_host_is_gone) {
        ck_assert(fixture_run(&settings, host, NULL));
}
END_TEST

/* /etc */

static void etc_inside(void *userdata) {
        static const char *const mandatory[] = { "passwd", "group", "hosts", "nsswitch.conf", NULL };
        static const char *const optional[] = {
                "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "crypto-policies", "fpc.cfg",
                "mono", "java-8-openjdk", "java-11-openjdk", "java-17-openjdk", "java-21-openjdk", "java-25-openjdk",
                NULL
        };
        struct passwd *pw;

        expect_entries("/etc", mandatory, optional);
        if (access("/etc/ld.so.cache", F_OK) >= 0)
                expect_mount_flags("/etc/ld.so.cache", ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC);

        pw = getpwuid(BOX_UID);
        EXPECT(pw);
        EXPECT(streq(pw->pw_name, "box"));
        EXPECT(streq(pw->pw_dir, "/box"));

        EXPECT(fixture_has_text("/etc/hosts",
                                "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n127.0.1.1 box\n"));
}

static void etc(Root *root, void *userdata) {
        EXPECT(fixture_as_program(etc_inside, NULL));
}

START_TEST(test_etc) {
        ck_assert(fixture_run(&settings, etc, NULL));
}
END_TEST

/* /dev */

static void devices_inside(void *userdata) {
        static const char *const mandatory[] = {
                "null", "zero", "full", "random", "urandom", "shm", "fd", "stdin", "stdout", "stderr", NULL
        };
        static const char *const none[] = { NULL };
        char buf[16] = "xxxxxxxxxxxxxxx", path[32];
        struct stat st;
        int fd;

        expect_entries("/dev", mandatory, none);

        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        EXPECT(fd >= 0);
        EXPECT_INT(write(fd, buf, sizeof(buf)), sizeof(buf));
        EXPECT_INT(read(fd, buf, sizeof(buf)), 0);
        close(fd);

        fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
        EXPECT_INT(read(fd, buf, sizeof(buf)), sizeof(buf));
        EXPECT_INT(buf[0], 0);
        close(fd);

        fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
        EXPECT_ERRNO(write(fd, buf, sizeof(buf)), ENOSPC);
        close(fd);

        fd = open("/dev/random", O_RDONLY | O_CLOEXEC);
        EXPECT_INT(read(fd, buf, sizeof(buf)), sizeof(buf));
        close(fd);

        fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
        EXPECT_INT(read(fd, buf, sizeof(buf)), sizeof(buf));
        close(fd);

        /* Its times are the host's. */
        EXPECT_ERRNO(utimensat(AT_FDCWD, "/dev/null", NULL, 0), EROFS);

        EXPECT(stat("/dev/shm", &st) >= 0);
        EXPECT_INT(st.st_mode & 07777, 01777);

        fd = memfd_create("x", MFD_CLOEXEC);
        (void) snprintf(path, sizeof(path), "/dev/fd/%i", fd);
        EXPECT(access(path, R_OK) >= 0);
        close(fd);

        EXPECT_ERRNO(mknod("/tmp/null", S_IFCHR | 0666, makedev(1, 3)), EPERM);
}

static void devices(Root *root, void *userdata) {
        expect_mount_flags("/dev/null", ST_RDONLY | ST_NOSUID | ST_NOEXEC);
        EXPECT(fixture_as_program(devices_inside, NULL));
}

START_TEST(test_devices) {
        ck_assert(fixture_run(&settings, devices, NULL));
}
END_TEST

static void cover_dev(void) {
        EXPECT(mount("none", "/dev", "tmpfs", 0, NULL) >= 0);
}

static void cover_dev_null(void) {
        EXPECT(mount("/etc/passwd", "/dev/null", NULL, MS_BIND, NULL) >= 0);
}

static void exchange_dev_null(void) {
        EXPECT(mount("/dev/zero", "/dev/null", NULL, MS_BIND, NULL) >= 0);
}

static void forbid_dev_null(void) {
        EXPECT(mount("/dev/null", "/dev/null", NULL, MS_BIND, NULL) >= 0);
        EXPECT(mount(NULL, "/dev/null", NULL, MS_BIND | MS_REMOUNT | MS_NODEV, NULL) >= 0);
}

START_TEST(test_devices_missing) {
        Step step;

        ck_assert_int_eq(fixture_run_on(cover_dev, &settings, NULL, &step), -ENOENT);
        ck_assert_int_eq(step, STEP_DEVICE);
        ck_assert_int_eq(fixture_run_on(cover_dev_null, &settings, NULL, &step), -ENODEV);
        ck_assert_int_eq(step, STEP_DEVICE);
        ck_assert_int_eq(fixture_run_on(exchange_dev_null, &settings, NULL, &step), -ENODEV);
        ck_assert_int_eq(step, STEP_DEVICE);
        ck_assert_int_eq(fixture_run_on(forbid_dev_null, &settings, NULL, &step), -EACCES);
        ck_assert_int_eq(step, STEP_DEVICE);
}
END_TEST

/* /proc */

static void proc_inside(void *userdata) {
        pid_t other = *(pid_t *) userdata;
        char path[64];
        size_t n = 0;
        struct dirent *d;
        DIR *dir;

        dir = opendir("/proc");
        EXPECT(dir);
        while ((d = readdir(dir))) {
                if (IN_SET(d->d_name[0], '.') || streq(d->d_name, "self") || streq(d->d_name, "thread-self"))
                        continue;

                EXPECT_INT(atol(d->d_name), getpid());
                n++;
        }
        EXPECT_INT(n, 1);
        closedir(dir);

        EXPECT_ERRNO(access("/proc/1", F_OK), ENOENT);
        EXPECT_ERRNO(access("/proc/1/cmdline", F_OK), ENOENT);
        (void) snprintf(path, sizeof(path), "/proc/%i/cmdline", other);
        EXPECT_ERRNO(access(path, F_OK), ENOENT);

        EXPECT_ERRNO(access("/proc/sys", F_OK), ENOENT);
        EXPECT_ERRNO(access("/proc/sysrq-trigger", F_OK), ENOENT);
        EXPECT_ERRNO(access("/proc/kallsyms", F_OK), ENOENT);
        EXPECT_ERRNO(access("/proc/keys", F_OK), ENOENT);
        EXPECT_ERRNO(access("/proc/meminfo", F_OK), ENOENT);

        EXPECT(access("/proc/self/maps", R_OK) >= 0);
        EXPECT_ERRNO(kill(1, 0), EPERM);
}

static void proc(Root *root, void *userdata) {
        pid_t other;

        other = fork();
        EXPECT(other >= 0);
        if (other == 0) {
                (void) pause();
                _exit(EXIT_FAILURE);
        }

        EXPECT(fixture_as_program(proc_inside, &other));
        fixture_stop_program(other);
}

START_TEST(test_proc) {
        ck_assert(fixture_run(&settings, proc, NULL));
}
END_TEST

static void cover_part_of_proc(void) {
        EXPECT(mount("none", "/proc/sys/fs", "tmpfs", 0, NULL) >= 0);
}

static void forbid_sysctl(void) {
        EXPECT(mount("/proc/sys", "/proc/sys", NULL, MS_BIND | MS_REC, NULL) >= 0);
        EXPECT(mount(NULL, "/proc/sys", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) >= 0);
}

static void cover_proc(void) {
        EXPECT(mount("none", "/proc", "tmpfs", 0, NULL) >= 0);
}

START_TEST(test_proc_missing) {
        Step step;

        ck_assert_int_eq(fixture_run_on(cover_proc, &settings, NULL, &step), -ENOENT);
        ck_assert_int_eq(step, STEP_PROC);
        ck_assert_int_eq(fixture_run_on(forbid_sysctl, &settings, NULL, &step), -EROFS);
        ck_assert_int_eq(step, STEP_PROC);

        ck_assert_int_eq(fixture_run_on(cover_part_of_proc, &settings, NULL, &step), -EPERM);
        ck_assert_int_eq(step, STEP_PROC);
}
END_TEST

/* Namespaces */

static void namespaces_inside(void *userdata) {
        EXPECT_ERRNO(unshare(CLONE_NEWUSER), ENOSPC);
        EXPECT_ERRNO(unshare(CLONE_NEWUSER | CLONE_NEWNS), ENOSPC);
        EXPECT_ERRNO(unshare(CLONE_NEWNET), EPERM);
}

static void namespaces(Root *root, void *userdata) {
        EXPECT(fixture_as_program(namespaces_inside, NULL));
}

START_TEST(test_namespaces) {
        ck_assert(fixture_run(&settings, namespaces, NULL));
}
END_TEST

/* Network */

static void network_inside(void *userdata) {
        struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(in);
        struct if_nameindex *l;
        int server, client;

        l = if_nameindex();
        EXPECT(l);
        for (size_t i = 0; l[i].if_index != 0; i++)
                EXPECT(streq(l[i].if_name, "lo"));
        EXPECT(l[0].if_index != 0);
        if_freenameindex(l);

        server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT(bind(server, (struct sockaddr *) &in, sizeof(in)) >= 0);
        EXPECT(listen(server, 1) >= 0);
        EXPECT(getsockname(server, (struct sockaddr *) &in, &size) >= 0);
        EXPECT(connect(client, (struct sockaddr *) &in, sizeof(in)) >= 0);
        close(client);
        close(server);

        client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        in.sin_addr.s_addr = htonl(0x08080808);
        in.sin_port = htons(53);
        EXPECT_ERRNO(connect(client, (struct sockaddr *) &in, sizeof(in)), ENETUNREACH);
        close(client);

        server = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (server >= 0) {
                EXPECT(bind(server, (struct sockaddr *) &in6, sizeof(in6)) >= 0);
                close(server);
        }

        EXPECT_ERRNO(access("/etc/resolv.conf", F_OK), ENOENT);
}

static void network(Root *root, void *userdata) {
        EXPECT(fixture_as_program(network_inside, NULL));
}

START_TEST(test_network) {
        ck_assert(fixture_run(&settings, network, NULL));
}
END_TEST

static void shared_network_inside(Root *root, void *userdata) {
        EXPECT_INT(access("/etc/resolv.conf", F_OK), *(int *) userdata);
        EXPECT(!fixture_has_text("/etc/nsswitch.conf", ""));
        EXPECT_ERRNO(access("/etc/shadow", F_OK), ENOENT);
}

START_TEST(test_shared_network) {
        int there = access("/etc/resolv.conf", F_OK);

        settings.share_network = true;
        ck_assert(fixture_run(&settings, shared_network_inside, &there));
}
END_TEST

/* Names */

static void names_inside(Root *root, void *userdata) {
        const char *const *names = userdata;
        struct utsname u;

        EXPECT(uname(&u) >= 0);
        EXPECT(streq(u.nodename, names[0]));
        EXPECT(streq(u.domainname, names[1]));
}

START_TEST(test_names) {
        const char *const standard[] = { "box", "(none)" }, *const given[] = { "judge-7.example", "nis" };
        Step step;

        ck_assert(fixture_run(&settings, names_inside, (void *) standard));

        ck_assert_int_eq(free_and_strdup(&settings.host_name, given[0]), 0);
        ck_assert_int_eq(free_and_strdup(&settings.domain_name, given[1]), 0);
        ck_assert(fixture_run(&settings, names_inside, (void *) given));

        ck_assert_int_eq(free_and_strdup(&settings.host_name, "a\n10.0.0.1 b"), 0);
        ck_assert_int_eq(fixture_fail(&settings, &step), -EINVAL);
        ck_assert_int_eq(step, STEP_HOSTNAME);

        ck_assert_int_eq(free_and_strdup(&settings.host_name,
                                         "0123456789012345678901234567890123456789012345678901234567890123x"), 0);
        ck_assert_int_eq(fixture_fail(&settings, &step), -EINVAL);
        ck_assert_int_eq(step, STEP_HOSTNAME);
}
END_TEST

/* What is held */

static size_t count_descriptors(void) {
        struct dirent *d;
        size_t n = 0;
        DIR *dir;

        dir = opendir("/proc/self/fd");
        EXPECT(dir);
        while ((d = readdir(dir)))
                n += d->d_name[0] != '.';
        closedir(dir);
        return n;
}

static void descriptors_inside(Root *root, void *userdata) {
        struct dirent *d;
        DIR *dir;

        dir = opendir("/proc/self/fd");
        EXPECT(dir);
        while ((d = readdir(dir))) {
                int fd = atoi(d->d_name);
                struct stat st;

                if (d->d_name[0] == '.' || fd < 3 || fd == dirfd(dir))
                        continue;

                /* Pipes and the like are the fixture's and check's. What the box holds does not reach a
                 * program. */
                EXPECT(fstat(fd, &st) >= 0);
                if (S_ISDIR(st.st_mode))
                        EXPECT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        }
        closedir(dir);

        /* "/", the volume, three places, message queues, and Landlock's rules. */
        *(size_t *) userdata = count_descriptors();
        root_done(root);
        EXPECT_INT(*(size_t *) userdata - count_descriptors(), landlock_is_supported() ? 7 : 6);
}

START_TEST(test_descriptors) {
        size_t n;

        ck_assert(fixture_run(&settings, descriptors_inside, &n));
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("sandbox-root");
        TCase *c = tcase_create("root");

        tcase_add_checked_fixture(c, setup, teardown);
        tcase_set_timeout(c, 60);
        tcase_add_test(c, test_tree);
        tcase_add_test(c, test_unmerged);
        tcase_add_test(c, test_mounts);
        tcase_add_test(c, test_host_is_gone);
        tcase_add_test(c, test_etc);
        tcase_add_test(c, test_devices);
        tcase_add_test(c, test_devices_missing);
        tcase_add_test(c, test_proc);
        tcase_add_test(c, test_proc_missing);
        tcase_add_test(c, test_namespaces);
        tcase_add_test(c, test_network);
        tcase_add_test(c, test_shared_network);
        tcase_add_test(c, test_names);
        tcase_add_test(c, test_descriptors);
        suite_add_tcase(s, c);
        return s;
}

int main(void) {
        return fixture_main(suite);
}
