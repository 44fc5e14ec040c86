/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fd-util.h"
#include "host-check.h"
#include "string-util.h"
#include "test-util.h"

static char directory[32];

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

/* A file of the host that is made up, with the directories above it. */
static void host_file(const char *name, const char *text) {
        _cleanup_free_ char *path = strprintf("%s/%s", directory, name);
        FILE *f;

        for (char *p = path + strlen(directory) + 1; (p = strchr(p, '/')); p++) {
                *p = '\0';
                ck_assert(mkdir(path, 0700) == 0 || errno == EEXIST);
                *p = '/';
        }

        f = fopen(path, "w");
        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs(text, f), 0);
        ck_assert_int_eq(fclose(f), 0);
}

#define MOUNTINFO                                                                                                   \
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"                                                                     \
        "30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"

/* As a judge's host should be. */
static void setup(void) {
        (void) stpcpy(directory, "/tmp/test-host-check-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(directory));
        host_file("proc/self/mountinfo", MOUNTINFO);
        host_file("sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma misc\n");
        host_file("proc/sys/user/max_user_namespaces", "63000\n");
        host_file("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n");
        host_file("sys/devices/system/cpu/smt/active", "0\n");
        host_file("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
        host_file("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n");
        host_file("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
        host_file("proc/sys/kernel/randomize_va_space", "0\n");
        host_file("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
        host_file("proc/sys/kernel/core_pattern", "core\n");
        host_file("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
}

static void teardown(void) {
        ck_assert_int_eq(nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void run_checks(Checks *c) {
        _cleanup_close_ int fd = open(directory, O_DIRECTORY | O_PATH | O_CLOEXEC);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(check_host(fd, c), 0);
}

/* One thing is not as it should be: it is found, and nothing else. */
static void check_finding(const char *name, CheckState state, const char *value) {
        _cleanup_(checks_done) Checks c = {};
        bool found = false;

        run_checks(&c);
        for (size_t i = 0; i < c.n_checks; i++) {
                const Check *k = c.checks + i;

                if (!streq(k->name, name)) {
                        ck_assert_msg(k->state == CHECK_OK, "%s: %s", k->name, k->value);
                        ck_assert_ptr_null(k->advice);
                        continue;
                }

                found = true;
                ck_assert_int_eq(k->state, state);
                ck_assert_msg(strstr(k->value, value), "%s", k->value);
                ck_assert_ptr_nonnull(k->advice);
        }
        ck_assert_msg(found, "%s", name);
        ck_assert_int_eq(checks_state(&c), state);
}

START_TEST(test_fit) {
        _cleanup_(checks_done) Checks c = {};

        run_checks(&c);
        for (size_t i = 0; i < c.n_checks; i++)
                ck_assert_msg(c.checks[i].state == CHECK_OK, "%s: %s", c.checks[i].name, c.checks[i].value);
        ck_assert_int_eq(checks_state(&c), CHECK_OK);
}
END_TEST

START_TEST(test_findings) {
        static const struct {
                const char *file, *text, *name, *value;
                CheckState state;
        } table[] = {
                { "proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n", "cgroup", "no cgroup2", CHECK_BAD },
                { "sys/fs/cgroup/cgroup.controllers", "cpuset cpu io pids\n", "cgroup", "without memory", CHECK_BAD },
                { "sys/fs/cgroup/cgroup.controllers", "\n", "cgroup", "cpu, memory, pids, cpuset", CHECK_BAD },
                { "proc/sys/user/max_user_namespaces", "0\n", "namespaces", "forbidden", CHECK_BAD },
                { "proc/sys/user/max_user_namespaces", "x\n", "namespaces", "no user", CHECK_BAD },
                { "proc/swaps", "Filename\n/dev/sda2\tpartition\t1\t0\t-2\n/swap\tfile\t1\t0\t-3\n", "swap",
                  "2 areas", CHECK_WARNING },
                { "sys/devices/system/cpu/smt/active", "1\n", "smt", "on", CHECK_WARNING },
                { "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n", "governor", "powersave",
                  CHECK_WARNING },
                { "sys/devices/system/cpu/intel_pstate/no_turbo", "0\n", "turbo", "on", CHECK_WARNING },
                { "sys/devices/system/cpu/cpufreq/boost", "1\n", "turbo", "on", CHECK_WARNING },
                { "sys/devices/cpu_atom/cpus", "4-7\n", "cores", "efficiency", CHECK_WARNING },
                { "proc/sys/kernel/randomize_va_space", "2\n", "aslr", "on", CHECK_WARNING },
                { "sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n", "hugepages", "always",
                  CHECK_WARNING },
                { "proc/sys/kernel/core_pattern", "|/usr/lib/x \x1b\n", "core dumps", "|/usr/lib/x \\x1b",
                  CHECK_WARNING },
                { "sys/devices/system/clocksource/clocksource0/current_clocksource", "acpi_pm\n", "clock", "acpi_pm",
                  CHECK_WARNING },
        };

        ck_assert_int_lt(_i, (int) ELEMENTSOF(table));
        host_file(table[_i].file, table[_i].text);
        check_finding(table[_i].name, table[_i].state, table[_i].value);
}
END_TEST

#define N_FINDINGS 15

/* A host, or container, that shows nothing is not taken for a fit one. */
START_TEST(test_empty) {
        _cleanup_(checks_done) Checks c = {};

        teardown();
        ck_assert_int_eq(mkdir(directory, 0700), 0);
        run_checks(&c);
        ck_assert_int_eq(checks_state(&c), CHECK_BAD);
}
END_TEST

/* In hybrid mode cgroup2 is elsewhere, and bare. */
START_TEST(test_hybrid) {
        host_file("proc/self/mountinfo",
                  "31 22 0:27 / /sys/fs/cgroup/memory rw shared:5 - cgroup cgroup rw,memory\n"
                  "30 22 0:26 / /sys/fs/cgroup/unified rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
        host_file("sys/fs/cgroup/unified/cgroup.controllers", "\n");
        check_finding("cgroup", CHECK_BAD, "without cpu");
}
END_TEST

int main(void) {
        Suite *s = suite_create("host-check");
        TCase *c = tcase_create("host-check");

        tcase_add_checked_fixture(c, setup, teardown);
        tcase_add_test(c, test_fit);
        tcase_add_loop_test(c, test_findings, 0, N_FINDINGS);
        tcase_add_test(c, test_empty);
        tcase_add_test(c, test_hybrid);
        suite_add_tcase(s, c);

        return test_run_suite(s);
}
