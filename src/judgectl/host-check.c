/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>

#include "host-check.h"
#include "fd-util.h"
#include "parse-util.h"
#include "string-util.h"
#include "text-util.h"

static const char *const check_state_table[_CHECK_STATE_MAX] = {
        [CHECK_OK] = "ok",
        [CHECK_WARNING] = "warning",
        [CHECK_BAD] = "bad",
};

DEFINE_STRING_TABLE_LOOKUP(check_state, CheckState);

#define FILE_MAX ((size_t) 1 << 20)

void checks_done(Checks *c) {
        assert(c);

        for (size_t i = 0; i < c->n_checks; i++)
                free(c->checks[i].value);
        *c = (Checks) {};
}

int checks_add(Checks *c, const char *name, CheckState state, char *value, const char *advice) {
        assert(c);
        assert(c->n_checks < CHECKS_MAX);

        if (!value)
                return -ENOMEM;

        c->checks[c->n_checks++] = (Check) {
                .name = name,
                .state = state,
                .value = value,
                .advice = state == CHECK_OK ? NULL : advice,
        };
        return 0;
}

CheckState checks_state(const Checks *c) {
        CheckState worst = CHECK_OK;

        for (size_t i = 0; i < c->n_checks; i++)
                worst = MAX(worst, c->checks[i].state);

        return worst;
}

/* A file's content without the newline at its end; NULL where it cannot be read: the kernel, the hardware or the
 * container does not have it. */
static char *read_line(int root_fd, const char *path) {
        char *s = NULL;

        if (read_full_file_at(root_fd, path, FILE_MAX, &s, NULL) < 0)
                return NULL;

        s[strcspn(s, "\n")] = '\0';
        return s;
}

/* The word in brackets, as in "always [madvise] never". */
static char *selected_word(const char *s) {
        const char *begin = strchr(s, '['), *end = begin ? strchr(begin, ']') : NULL;

        return end ? strndup(begin + 1, (size_t) (end - begin - 1)) : strdup(s);
}

/* Where cgroup2 is mounted, from the lines of proc_pid_mountinfo(5); without the leading slash. */
static char *find_cgroup2(int root_fd) {
        _cleanup_strv_free_ char **lines = NULL;
        _cleanup_free_ char *text = NULL;

        if (read_full_file_at(root_fd, "proc/self/mountinfo", FILE_MAX, &text, NULL) < 0 ||
            strv_split(text, "\n", &lines) < 0)
                return NULL;

        STRV_FOREACH(line, lines) {
                _cleanup_strv_free_ char **fields = NULL;

                if (!strstr(*line, " - cgroup2 ") || strv_split(*line, " ", &fields) < 0)
                        continue;
                if (strv_length(fields) > 4 && fields[4][0] == '/')
                        return strdup(fields[4] + 1);
        }

        return NULL;
}

static int check_cgroup(int root_fd, Checks *c) {
        static const char *const wanted[] = { "cpu", "memory", "pids", "cpuset" };
        _cleanup_free_ char *mount = NULL, *path = NULL, *text = NULL, *list = NULL;
        _cleanup_strv_free_ char **there = NULL, **missing = NULL;

        mount = find_cgroup2(root_fd);
        if (!mount)
                return checks_add(c, "cgroup", CHECK_BAD, strdup("no cgroup2 mounted"),
                                  "Boot with systemd.unified_cgroup_hierarchy=1, or mount cgroup2 on "
                                  "/sys/fs/cgroup.");

        path = strprintf("%s/cgroup.controllers", mount);
        if (!path)
                return -ENOMEM;

        text = read_line(root_fd, path);
        if (strv_split(strempty(text), " ", &there) < 0)
                return -ENOMEM;

        for (size_t i = 0; i < ELEMENTSOF(wanted); i++)
                if (!strv_contains(there, wanted[i]) && strv_extend(&missing, wanted[i]) < 0)
                        return -ENOMEM;

        if (!missing)
                return checks_add(c, "cgroup", CHECK_OK, strprintf("version 2 at /%s", mount), NULL);

        list = strv_join(missing, ", ");
        return list ? checks_add(c, "cgroup", CHECK_BAD, strprintf("version 2 without %s", list),
                                 "Take these controllers from cgroup version 1 (cgroup_no_v1=all), or have them "
                                 "delegated to this container.")
                    : -ENOMEM;
}

static int check_user_namespaces(int root_fd, Checks *c) {
        _cleanup_free_ char *max = read_line(root_fd, "proc/sys/user/max_user_namespaces");
        uint64_t n;

        if (!max || parse_uint64(max, &n) < 0)
                return checks_add(c, "namespaces", CHECK_BAD, strdup("no user namespaces in this kernel"),
                                  "A kernel with CONFIG_USER_NS is needed.");

        if (n == 0)
                return checks_add(c, "namespaces", CHECK_BAD, strdup("user namespaces are forbidden"),
                                  "Set the sysctl user.max_user_namespaces to 1024 or more.");

        return checks_add(c, "namespaces", CHECK_OK, strprintf("up to %" PRIu64 " user namespaces", n), NULL);
}

static int check_swap(int root_fd, Checks *c) {
        _cleanup_strv_free_ char **lines = NULL;
        _cleanup_free_ char *text = NULL;
        size_t n = 0;

        if (read_full_file_at(root_fd, "proc/swaps", FILE_MAX, &text, NULL) < 0)
                return checks_add(c, "swap", CHECK_OK, strdup("none"), NULL);
        if (strv_split(text, "\n", &lines) < 0)
                return -ENOMEM;

        /* The first line is a heading. */
        STRV_FOREACH(line, lines)
                n += (*line)[0] != '\0';
        n = n > 0 ? n - 1 : 0;

        if (n == 0)
                return checks_add(c, "swap", CHECK_OK, strdup("off"), NULL);

        return checks_add(c, "swap", CHECK_WARNING, strprintf("%zu area%s in use", n, n == 1 ? "" : "s"),
                          "Boxes do not swap, but the rest of the host does while they run: swapoff -a.");
}

static int check_smt(int root_fd, Checks *c) {
        _cleanup_free_ char *active = read_line(root_fd, "sys/devices/system/cpu/smt/active");

        if (active && streq(active, "1"))
                return checks_add(c, "smt", CHECK_WARNING, strdup("on"),
                                  "Two threads share a core and disturb each other: "
                                  "echo off >/sys/devices/system/cpu/smt/control.");

        return checks_add(c, "smt", CHECK_OK, strdup("off"), NULL);
}

/* Every CPU has a governor of its own. */
static int check_governor(int root_fd, Checks *c) {
        _cleanup_free_ char *odd = NULL;
        size_t n = 0;

        for (unsigned cpu = 0; cpu < 8192; cpu++) {
                _cleanup_free_ char *path = NULL, *directory = NULL, *governor = NULL;

                directory = strprintf("sys/devices/system/cpu/cpu%u", cpu);
                path = strprintf("sys/devices/system/cpu/cpu%u/cpufreq/scaling_governor", cpu);
                if (!directory || !path)
                        return -ENOMEM;

                if (faccessat(root_fd, directory, F_OK, 0) < 0)
                        break;

                governor = read_line(root_fd, path);
                if (!governor)
                        continue;

                n++;
                if (!streq(governor, "performance") && !odd)
                        odd = TAKE_PTR(governor);
        }

        if (odd)
                return checks_add(c, "governor", CHECK_WARNING, TAKE_PTR(odd),
                                  "CPU frequencies follow the load: cpupower frequency-set -g performance.");

        return checks_add(c, "governor", CHECK_OK, strdup(n > 0 ? "performance" : "none to choose"), NULL);
}

static int check_turbo(int root_fd, Checks *c) {
        static const char advice_intel[] = "The first run on a cool CPU is faster than the next: "
                                           "echo 1 >/sys/devices/system/cpu/intel_pstate/no_turbo.";
        static const char advice_boost[] = "The first run on a cool CPU is faster than the next: "
                                           "echo 0 >/sys/devices/system/cpu/cpufreq/boost.";
        _cleanup_free_ char *no_turbo = read_line(root_fd, "sys/devices/system/cpu/intel_pstate/no_turbo");
        _cleanup_free_ char *boost = read_line(root_fd, "sys/devices/system/cpu/cpufreq/boost");

        if (no_turbo && streq(no_turbo, "0"))
                return checks_add(c, "turbo", CHECK_WARNING, strdup("on"), advice_intel);
        if (boost && streq(boost, "1"))
                return checks_add(c, "turbo", CHECK_WARNING, strdup("on"), advice_boost);

        return checks_add(c, "turbo", CHECK_OK, strdup(no_turbo || boost ? "off" : "none to switch"), NULL);
}

/* Cores of two kinds: which one a run lands on decides its time. */
static int check_cores(int root_fd, Checks *c) {
        if (faccessat(root_fd, "sys/devices/cpu_atom", F_OK, 0) >= 0)
                return checks_add(c, "cores", CHECK_WARNING, strdup("performance and efficiency cores"),
                                  "Give runs cores of one kind: --cpu-set= with a list from "
                                  "/sys/devices/cpu_core/cpus.");

        return checks_add(c, "cores", CHECK_OK, strdup("all alike"), NULL);
}

static int check_aslr(int root_fd, Checks *c) {
        _cleanup_free_ char *s = read_line(root_fd, "proc/sys/kernel/randomize_va_space");

        if (s && !streq(s, "0"))
                return checks_add(c, "aslr", CHECK_WARNING, strdup("on"),
                                  "Addresses, and so cache effects, change from run to run: "
                                  "sysctl kernel.randomize_va_space=0.");

        return checks_add(c, "aslr", CHECK_OK, strdup("off"), NULL);
}

static int check_thp(int root_fd, Checks *c) {
        _cleanup_free_ char *text = read_line(root_fd, "sys/kernel/mm/transparent_hugepage/enabled"), *word = NULL;
        bool always;

        if (!text)
                return checks_add(c, "hugepages", CHECK_OK, strdup("none"), NULL);

        word = selected_word(text);
        if (!word)
                return -ENOMEM;

        always = streq(word, "always");
        return checks_add(c, "hugepages", always ? CHECK_WARNING : CHECK_OK, TAKE_PTR(word),
                          "Memory use and speed depend on what the kernel finds free: "
                          "echo madvise >/sys/kernel/mm/transparent_hugepage/enabled.");
}

static int check_core_pattern(int root_fd, Checks *c) {
        _cleanup_free_ char *s = read_line(root_fd, "proc/sys/kernel/core_pattern");
        char *value;

        value = text_escape(strempty(s), strlen(strempty(s)), /* keep_lines= */ false);
        if (value && s && s[0] == '|')
                return checks_add(c, "core dumps", CHECK_WARNING, value,
                                  "A crash in a box starts a program on the host: "
                                  "sysctl kernel.core_pattern=core.");

        return checks_add(c, "core dumps", CHECK_OK, value, NULL);
}

static int check_clock(int root_fd, Checks *c) {
        static const char *const fast[] = { "tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter",
                                            "timebase", "riscv_clocksource", "tod" };
        _cleanup_free_ char *s =
                read_line(root_fd, "sys/devices/system/clocksource/clocksource0/current_clocksource");
        bool found = !s;

        for (size_t i = 0; i < ELEMENTSOF(fast) && !found; i++)
                found = streq(s, fast[i]);

        return checks_add(c, "clock", found ? CHECK_OK : CHECK_WARNING, s ? TAKE_PTR(s) : strdup("unknown"),
                          "Reading the time is slow and coarse with this clock source.");
}

int check_host(int root_fd, Checks *ret) {
        static int (*const functions[])(int root_fd, Checks *c) = {
                check_cgroup, check_user_namespaces, check_swap,         check_smt,   check_governor, check_turbo,
                check_cores,  check_aslr,            check_thp,          check_core_pattern, check_clock,
        };
        _cleanup_(checks_done) Checks c = {};
        int r;

        assert(root_fd >= 0);
        assert(ret);

        for (size_t i = 0; i < ELEMENTSOF(functions); i++) {
                r = functions[i](root_fd, &c);
                if (r < 0)
                        return r;
        }

        *ret = c;
        c = (Checks) {};
        return 0;
}
