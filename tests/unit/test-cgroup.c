/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is read from texts: hostile contents, and hierarchies as they are found on other machines. */

#include <check.h>
#include <sys/mman.h>

#include "cgroup-dir.h"
#include "cgroup-mount.h"
#include "fd-util.h"
#include "test-util.h"

static int text_fd(const char *s, size_t size) {
        int fd;

        fd = memfd_new_sealed("test", s, size);
        ck_assert_int_ge(fd, 0);
        return fd;
}

START_TEST(test_read_uint64) {
        static const struct {
                const char *s;
                int r;
                uint64_t v;
        } table[] = {
                { "0\n", 0, 0 },
                { "4096\n", 0, 4096 },
                { "18446744073709551615\n", 0, UINT64_MAX },
                { "max\n", 0, LIMIT_NONE },
                { "18446744073709551616\n", -EBADMSG, 0 },
                { "99999999999999999999999999\n", -EBADMSG, 0 },
                { "", -EBADMSG, 0 },
                { "\n", -EBADMSG, 0 },
                { "1", -EBADMSG, 0 },
                { "1\n\n", -EBADMSG, 0 },
                { "1\n2\n", -EBADMSG, 0 },
                { " 1\n", -EBADMSG, 0 },
                { "1 \n", -EBADMSG, 0 },
                { "-1\n", -EBADMSG, 0 },
                { "+1\n", -EBADMSG, 0 },
                { "0x1\n", -EBADMSG, 0 },
                { "1a\n", -EBADMSG, 0 },
                { "maxi\n", -EBADMSG, 0 },
                { "ma\n", -EBADMSG, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_close_ int fd = text_fd(table[i].s, strlen(table[i].s));
                uint64_t v = 4711;

                ck_assert_msg(cgroup_read_uint64(fd, &v) == table[i].r, "\"%s\"", table[i].s);
                ck_assert_uint_eq(v, table[i].r == 0 ? table[i].v : 4711);

                /* Again from the start, whatever was read before. */
                ck_assert_int_eq(cgroup_read_uint64(fd, &v), table[i].r);
        }
}
END_TEST

START_TEST(test_read_nul) {
        static const char nul[] = "12\0" "34\nusage_usec 5\n\0\n";
        _cleanup_close_ int fd = text_fd(nul, sizeof(nul));
        uint64_t v = 4711;
        CpuStat stat;

        ck_assert_int_eq(cgroup_read_uint64(fd, &v), -EBADMSG);
        ck_assert_uint_eq(v, 4711);
        ck_assert_int_eq(cgroup_read_cpu_stat(fd, &stat), 0);
        ck_assert_uint_eq(stat.usage_usec, 5);
}
END_TEST

START_TEST(test_read_bad_fd) {
        _cleanup_close_pair_ int p[2] = EBADF_PAIR;
        uint64_t v = 4711;
        CpuStat stat;

        /* Something that cannot be read at an offset. */
        ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
        ck_assert_int_eq(cgroup_read_uint64(p[0], &v), -ESPIPE);
        ck_assert_int_eq(cgroup_read_key(p[0], "a", &v), -ESPIPE);
        ck_assert_int_eq(cgroup_read_cpu_stat(p[0], &stat), -ESPIPE);
        ck_assert_uint_eq(v, 4711);
}
END_TEST

START_TEST(test_read_key) {
        static const char text[] =
                "low 1\n"
                "\n"
                "oom_kill_x 2\n"
                "oom 3\n"
                "oom_kill\n"
                "oom_kill \n"
                "oom_kill  4\n"
                "oom_kill 5x\n"
                "oom_kill 18446744073709551616\n"
                "oom_kill 6\n"
                "oom_kill 7\n"
                "max max\n"
                " lead 8\n"
                "last 9";
        _cleanup_close_ int fd = text_fd(text, strlen(text));
        uint64_t v = 4711;

        ck_assert_int_eq(cgroup_read_key(fd, "low", &v), 0);
        ck_assert_uint_eq(v, 1);
        ck_assert_int_eq(cgroup_read_key(fd, "oom", &v), 0);
        ck_assert_uint_eq(v, 3);
        ck_assert_int_eq(cgroup_read_key(fd, "oom_kill", &v), 0);
        ck_assert_uint_eq(v, 6);

        v = 4711;
        ck_assert_int_eq(cgroup_read_key(fd, "max", &v), -ENOENT);
        ck_assert_int_eq(cgroup_read_key(fd, "lead", &v), -ENOENT);
        ck_assert_int_eq(cgroup_read_key(fd, "last", &v), -ENOENT);
        ck_assert_int_eq(cgroup_read_key(fd, "oo", &v), -ENOENT);
        ck_assert_int_eq(cgroup_read_key(fd, "low 1", &v), -ENOENT);
        ck_assert_uint_eq(v, 4711);
}
END_TEST

START_TEST(test_read_cpu_stat) {
        static const struct {
                const char *s;
                CpuStat v;
        } table[] = {
                { "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnice_usec 0\ncore_sched.force_idle_usec 0\n"
                  "nr_periods 0\nnr_throttled 0\nthrottled_usec 7\nnr_bursts 0\nburst_usec 0\n",
                  { 30, 20, 10, 7 } },
                { "usage_usec 30\nuser_usec 20\nsystem_usec 10\n", { 30, 20, 10, RESULT_UNKNOWN } },
                { "system_usec 1\nusage_usec 2\nusage_usec 3\n",
                  { 2, RESULT_UNKNOWN, 1, RESULT_UNKNOWN } },
                { "usage_usec -30\nuser_usec 20a\nsystem_usec\nthrottled_usec\n",
                  { RESULT_UNKNOWN, RESULT_UNKNOWN, RESULT_UNKNOWN, RESULT_UNKNOWN } },
                { "usage_usec 5\nuser_usec 20", { 5, RESULT_UNKNOWN, RESULT_UNKNOWN, RESULT_UNKNOWN } },
                { "", { RESULT_UNKNOWN, RESULT_UNKNOWN, RESULT_UNKNOWN, RESULT_UNKNOWN } },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_close_ int fd = text_fd(table[i].s, strlen(table[i].s));
                CpuStat stat = { 4711, 4711, 4711, 4711 };

                ck_assert_int_eq(cgroup_read_cpu_stat(fd, &stat), 0);
                ck_assert_uint_eq(stat.usage_usec, table[i].v.usage_usec);
                ck_assert_uint_eq(stat.user_usec, table[i].v.user_usec);
                ck_assert_uint_eq(stat.system_usec, table[i].v.system_usec);
                ck_assert_uint_eq(stat.throttled_usec, table[i].v.throttled_usec);
        }
}
END_TEST

START_TEST(test_read_memory_stat) {
        static const char text[] = "anon 4096\nfile 12288\nkernel 1\nshmem 8192\nanon_thp 7\nfile_mapped 3\n";
        static const char partial[] = "anon_thp 7\nfile 12288\n";
        _cleanup_close_ int fd = text_fd(text, strlen(text)), partial_fd = text_fd(partial, strlen(partial));
        MemoryStat stat;

        ck_assert_int_eq(cgroup_read_memory_stat(fd, &stat), 0);
        ck_assert_uint_eq(stat.anon_bytes, 4096);
        ck_assert_uint_eq(stat.file_bytes, 4096); /* on disk */
        ck_assert_uint_eq(stat.shmem_bytes, 8192);

        ck_assert_int_eq(cgroup_read_memory_stat(partial_fd, &stat), 0);
        ck_assert_uint_eq(stat.anon_bytes, RESULT_UNKNOWN);
        ck_assert_uint_eq(stat.file_bytes, 12288);
        ck_assert_uint_eq(stat.shmem_bytes, RESULT_UNKNOWN);
}
END_TEST

START_TEST(test_read_pressure) {
        static const struct {
                const char *s;
                int r;
                usec_t v;
        } table[] = {
                { "some avg10=0.00 avg60=1.50 avg300=0.00 total=1234\n"
                  "full avg10=0.00 avg60=0.00 avg300=0.00 total=99\n", 0, 1234 },
                { "full avg10=0.00 avg60=0.00 avg300=0.00 total=99\n", -ENOENT, 4711 },
                { "some avg10=0.00 total=12x\n", -ENOENT, 4711 },
                { "some avg10=0.00 total=\n", -ENOENT, 4711 },
                { "some avg10=0.00\n", -ENOENT, 4711 },
                { "some avg10=0.00 total=12", -ENOENT, 4711 },
                { "", -ENOENT, 4711 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_close_ int fd = text_fd(table[i].s, strlen(table[i].s));
                usec_t v = 4711;

                ck_assert_int_eq(cgroup_read_pressure(fd, &v), table[i].r);
                ck_assert_uint_eq(v, table[i].v);
        }
}
END_TEST

START_TEST(test_read_long) {
        char text[16384];
        _cleanup_close_ int fd = -EBADF;
        uint64_t v = 4711;

        /* A number that goes on beyond what is read at once must not be taken for its first digits. */
        memset(text, '1', sizeof(text));
        memcpy(text, "first 5\nhuge ", 13);
        text[sizeof(text) - 1] = '\n';
        fd = text_fd(text, sizeof(text));

        ck_assert_int_eq(cgroup_read_key(fd, "first", &v), 0);
        ck_assert_uint_eq(v, 5);
        ck_assert_int_eq(cgroup_read_key(fd, "huge", &v), -ENOENT);
        ck_assert_int_eq(cgroup_read_uint64(fd, &v), -EBADMSG);
        ck_assert_uint_eq(v, 5);
}
END_TEST

START_TEST(test_controllers) {
        char buf[CGROUP_ENABLE_MAX];

        ck_assert_uint_eq(cgroup_controllers_from_string(""), 0);
        ck_assert_uint_eq(cgroup_controllers_from_string("\n"), 0);
        ck_assert_uint_eq(cgroup_controllers_from_string("cpuset cpu io memory hugetlb pids rdma misc dmem\n"),
                          _CGROUP_CONTROLLERS_ALL);
        ck_assert_uint_eq(cgroup_controllers_from_string("cpusets xcpu memory2 pid"), 0);
        ck_assert_uint_eq(cgroup_controllers_from_string("  cpu \n pids "), CGROUP_CPU | CGROUP_PIDS);

        ck_assert_str_eq(cgroup_controllers_to_enable(0, buf), "");
        ck_assert_str_eq(cgroup_controllers_to_enable(CGROUP_MEMORY, buf), "+memory");
        ck_assert_str_eq(cgroup_controllers_to_enable(_CGROUP_CONTROLLERS_ALL, buf), "+cpu +memory +pids +cpuset");

        /* Every combination there and back. */
        for (CgroupController c = 0; c <= _CGROUP_CONTROLLERS_ALL; c++) {
                _cleanup_strv_free_ char **l = NULL;
                _cleanup_free_ char *s = NULL;

                ck_assert_int_eq(cgroup_controllers_to_strv(c, &l), 0);
                s = strv_join(l, " ");
                ck_assert_ptr_nonnull(s);
                ck_assert_uint_eq(cgroup_controllers_from_string(s), c);
        }

        ck_assert_uint_eq(cgroup_controllers_to_degraded(_CGROUP_CONTROLLERS_ALL), 0);
        ck_assert_uint_eq(cgroup_controllers_to_degraded(0), _DEGRADED_ALL);
        ck_assert_uint_eq(cgroup_controllers_to_degraded(CGROUP_PIDS | CGROUP_CPU | CGROUP_CPUSET),
                          DEGRADED_MEMORY);
        ck_assert_uint_eq(cgroup_controllers_to_degraded(CGROUP_MEMORY | CGROUP_CPU | CGROUP_CPUSET),
                          DEGRADED_PROCESSES);
        ck_assert_uint_eq(cgroup_controllers_to_degraded(CGROUP_MEMORY | CGROUP_PIDS | CGROUP_CPUSET),
                          DEGRADED_CPUS);
        ck_assert_uint_eq(cgroup_controllers_to_degraded(CGROUP_MEMORY | CGROUP_PIDS | CGROUP_CPU),
                          DEGRADED_CPU_SET);
}
END_TEST

START_TEST(test_mountinfo) {
        static const struct {
                const char *text;
                size_t n;
                const char *root, *point; /* of the best */
                bool read_only;
        } table[] = {
                /* A host with the unified hierarchy */
                { "24 30 0:22 / /proc rw,nosuid shared:12 - proc proc rw\n"
                  "29 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 "
                  "rw,nsdelegate,memory_recursiveprot\n",
                  1, "/", "/sys/fs/cgroup", false },
                /* Both: v1 controllers and an empty v2 beside them */
                { "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
                  "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
                  "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n",
                  1, "/", "/sys/fs/cgroup/unified", false },
                /* v1 only */
                { "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n", 0, NULL, NULL, false },
                /* A container without a cgroup namespace of its own, and no optional fields */
                { "900 880 0:26 /docker/abc /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n",
                  1, "/docker/abc", "/sys/fs/cgroup", true },
                /* Read-only by the super block's options */
                { "900 880 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup ro,nsdelegate\n",
                  1, "/", "/sys/fs/cgroup", true },
                /* Writable beats whole, whole beats part, first beats second */
                { "1 2 0:26 / /a ro - cgroup2 cgroup rw\n"
                  "2 2 0:26 /part /b rw - cgroup2 cgroup rw\n"
                  "3 2 0:26 / /c rw,user_id=0 a:1 b:2 - cgroup2 cgroup rw\n"
                  "4 2 0:26 / /d rw - cgroup2 cgroup rw\n",
                  4, "/", "/c", false },
                { "1 2 0:26 / /a ro - cgroup2 cgroup rw\n"
                  "2 2 0:26 /part /b rw - cgroup2 cgroup rw\n",
                  2, "/part", "/b", false },
                /* Escapes: blank, tab, newline, backslash; and what is none */
                { "1 2 0:26 /a\\040b /m\\011x\\012y\\134z rw - cgroup2 cgroup rw\n",
                  1, "/a b", "/m\tx\ny\\z", false },
                { "1 2 0:26 /a\\04 /\\999\\000\\ rw - cgroup2 cgroup rw\n", 1, "/a\\04", "/\\999\\000\\", false },
                /* Something that only looks like it: a directory's or a source's name, too few fields */
                { "1 2 8:1 /x\\040-\\040cgroup2\\040y /b rw - ext4 /dev/sda rw\n", 0, NULL, NULL, false },
                { "1 2 8:1 / /b rw - ext4 x - cgroup2 y\n", 0, NULL, NULL, false },
                { " - cgroup2 a b\n", 0, NULL, NULL, false },
                { "1 2 0:26 / / - cgroup2 a b\n", 0, NULL, NULL, false },
                { "1 2 0:26 / / rw - cgroup2 a\n", 0, NULL, NULL, false },
                { "1 2 0:26 rel / rw - cgroup2 a rw\n", 0, NULL, NULL, false },
                { "1 2 0:26 / /a rw - cgroup2 a rw", 1, "/", "/a", false },
                { "", 0, NULL, NULL, false },
                { "\n\n", 0, NULL, NULL, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                CgroupMount *mounts = NULL;
                size_t n = 4711;

                ck_assert_int_eq(cgroup_mounts_parse(table[i].text, &mounts, &n), 0);
                ck_assert_msg(n == table[i].n, "%zu mounts in %s", n, table[i].text);
                if (n > 0) {
                        ck_assert_str_eq(mounts[0].root, table[i].root);
                        ck_assert_str_eq(mounts[0].point, table[i].point);
                        ck_assert_int_eq(mounts[0].read_only, table[i].read_only);
                }
                (void) cgroup_mounts_free(mounts, n);
        }
}
END_TEST

START_TEST(test_own_path) {
        static const struct {
                const char *text, *path;
        } table[] = {
                { "0::/\n", "/" },
                { "0::/system.slice/a b.service\n", "/system.slice/a b.service" },
                { "9:name=systemd:/x\n4:memory:/y\n0::/z\n", "/z" },
                { "10::/x\n0::/y", "/y" },
                { "9:name=0::/x:/y\n0::/z\n", "/z" },
                { "0::/../other\n", "/../other" },
                { "4:memory:/y\n", NULL },
                { "0::\n", NULL },
                { "0::rel\n", NULL },
                { "", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ char *p = NULL;
                int r;

                r = cgroup_path_parse(table[i].text, &p);
                ck_assert_msg(r == (table[i].path ? 0 : -ENODATA), "%s", table[i].text);
                if (table[i].path)
                        ck_assert_str_eq(p, table[i].path);
        }
}
END_TEST

START_TEST(test_path_below) {
        static const struct {
                const char *path, *root, *below;
        } table[] = {
                { "/", "/", "" },
                { "/a", "/", "a" },
                { "/a/b", "/", "a/b" },
                { "/a/b", "/a", "b" },
                { "/a", "/a", "" },
                { "/ab", "/a", NULL },
                { "/", "/a", NULL },
                { "/..", "/", NULL },
                { "/../x", "/", NULL },
                { "/x", "/../x", NULL },
                { "/..x", "/", "..x" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                const char *below = cgroup_path_below(table[i].path, table[i].root);

                ck_assert_msg(streq_ptr(below, table[i].below), "%s below %s: %s",
                              table[i].path, table[i].root, strna(below));
        }
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_read_uint64, test_read_nul, test_read_bad_fd, test_read_key, test_read_cpu_stat,
                test_read_memory_stat, test_read_pressure, test_read_long, test_controllers, test_mountinfo,
                test_own_path, test_path_below,
        };

        return test_run("cgroup", tests, ELEMENTSOF(tests), NULL, NULL);
}
