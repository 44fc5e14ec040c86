/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "config-setting.h"
#include "fd-util.h"
#include "test-util.h"
#include "uid-range.h"

#define MAIN "/etc/judgebox/judgebox.conf"

/* In place of /. */
static char root[] = "/tmp/test-config-XXXXXX";
static size_t n_fds;

static void setup(void) {
        memcpy(root + sizeof(root) - 7, "XXXXXX", 6);
        ck_assert_ptr_nonnull(mkdtemp(root));
        n_fds = test_count_fds();
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static void teardown(void) {
        ck_assert_uint_eq(test_count_fds(), n_fds);
        ck_assert_int_eq(nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* The path below the root, with the directories above it. */
static char *make_path(const char *path) {
        char *full = strprintf("%s%s", root, path);

        ck_assert_ptr_nonnull(full);
        for (char *p = strchr(full + strlen(root) + 1, '/'); p; p = strchr(p + 1, '/')) {
                *p = '\0';
                ck_assert(mkdir(full, 0755) >= 0 || errno == EEXIST);
                *p = '/';
        }
        return full;
}

static void write_file_full(const char *path, const char *content, size_t size) {
        _cleanup_free_ char *full = make_path(path);
        _cleanup_close_ int fd = -EBADF;

        fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_ge(fd_write_full(fd, content, size), 0);
}

static void write_file(const char *path, const char *content) {
        write_file_full(path, content, strlen(content));
}

static Config *load(void) {
        Config *c = NULL;

        ck_assert_int_eq(config_load(root, &c), 0);
        return c;
}

static Config *load_text(const char *content) {
        write_file(MAIN, content);
        return load();
}

static char *format(const Config *c) {
        char *text = NULL;

        ck_assert_int_eq(config_format(c, &text), 0);
        return text;
}

static void assert_messages(const Config *c, const char *const *expected, size_t n) {
        for (size_t i = 0; i < n; i++) {
                ck_assert_msg(strv_length(c->messages) > i, "missing: %s", expected[i]);
                ck_assert_str_eq(c->messages[i], expected[i]);
        }
        ck_assert_uint_eq(strv_length(c->messages), n);
}

#define assert_messages_are(c, ...)                                     \
        assert_messages(                                                \
                        (c),                                            \
                        (const char *const[]) { __VA_ARGS__ },          \
                        ELEMENTSOF(((const char *const[]) { __VA_ARGS__ })))

#define assert_no_messages(c) ck_assert_msg(!(c)->messages, "%s", (c)->messages[0])

START_TEST(test_defaults) {
        _cleanup_(config_freep) Config *c = load();
        Budget b;

        assert_no_messages(c);
        ck_assert_ptr_null(c->files);
        ck_assert(c->concurrent_runs == CONFIG_AUTO);
        ck_assert_uint_eq(c->uid_range_base, UID_RANGE_FIRST);
        ck_assert_uint_eq(c->uid_range_boxes, UID_RANGE_BLOCKS * UID_RANGE_BLOCK_BOXES);
        ck_assert_uint_eq(c->idle_exit_usec, 30 * USEC_PER_SEC);
        ck_assert_str_eq(c->group, "judgebox");
        ck_assert_uint_eq(c->storage_bytes, BOX_STORAGE_DEFAULT);
        ck_assert_uint_eq(c->inodes, BOX_INODES_DEFAULT);

        /* Or they would hide what limits_apply_defaults() works out. */
        ck_assert_uint_eq(c->limits.set, 0);
        ck_assert_ptr_null(c->limits.cpu_set);

        config_get_budget(c, 1000, &b);
        ck_assert_uint_eq(b.values[BUDGET_BOXES], 1024);
        ck_assert_uint_eq(b.values[BUDGET_MEMORY], c->memory_total / 100 * 75);
        ck_assert(b.values[BUDGET_STORAGE] == BUDGET_NONE);
}
END_TEST

START_TEST(test_every_limit_has_a_setting) {
        uint32_t limits = 0, budgets = 0;

        for (const Setting *s = settings; s->name; s++) {
                ck_assert_ptr_eq(setting_find(s->section, s->name), s);
                if (s->section == SETTING_DEFAULTS && s->index >= 0)
                        limits |= UINT32_C(1) << s->index;
                if (s->section == SETTING_TENANT)
                        budgets |= UINT32_C(1) << s->index;
        }

        ck_assert_uint_eq(limits, (UINT32_C(1) << _LIMIT_TYPE_MAX) - 1);
        ck_assert_uint_eq(budgets, (UINT32_C(1) << _BUDGET_TYPE_MAX) - 1);

        for (BudgetType t = 0; t < _BUDGET_TYPE_MAX; t++)
                ck_assert_int_eq(budget_type_from_string(budget_type_to_string(t)), t);
        ck_assert_int_lt(budget_type_from_string("cookies"), 0);
}
END_TEST

/* The shipped file changes nothing, and what it shows as defaults, every setting in order, is what the code
 * has. */
START_TEST(test_shipped_file) {
        _cleanup_free_ char *text = NULL, *shown = NULL, *actual = NULL;
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_strv_free_ char **lines = NULL;
        const char *source = getenv("JUDGEBOX_SOURCE_ROOT");
        size_t size;
        FILE *f;

        ck_assert_msg(source, "run by `meson test`");
        text = strprintf("%s/src/judgeboxd/judgebox.conf", source);
        ck_assert_int_ge(read_full_file_at(AT_FDCWD, text, 64 << 10, &shown, NULL), 0);

        c = load_text(shown);
        assert_no_messages(c);
        actual = format(c);

        ck_assert_int_eq(strv_split(shown, "\n", &lines), 0);
        shown = mfree(shown);
        f = open_memstream(&shown, &size);
        ck_assert_ptr_nonnull(f);
        STRV_FOREACH(l, lines) {
                if (streq(*l, "#[Tenant alice]"))
                        break;
                if ((*l)[0] == '[')
                        fprintf(f, "%s%s\n", ftell(f) > 0 ? "\n" : "", *l);
                else if ((*l)[0] == '#' && !IN_SET((*l)[1], ' ', '\0'))
                        fprintf(f, "%s\n", *l + 1);
        }
        ck_assert_int_eq(fclose(f), 0);
        ck_assert_str_eq(shown, actual);
}
END_TEST

/* What judgebox.conf(5) shows can be copied, but for the user that it makes up. */
START_TEST(test_manual_example) {
        _cleanup_free_ char *path = NULL, *page = NULL;
        _cleanup_(config_freep) Config *c = NULL;
        char *begin, *end;

        path = strprintf("%s/man/judgebox.conf.5", strempty(getenv("JUDGEBOX_SOURCE_ROOT")));
        ck_assert_int_ge(read_full_file_at(AT_FDCWD, path, 64 << 10, &page, NULL), 0);
        begin = strstr(page, "\n.EX\n");
        ck_assert_ptr_nonnull(begin);
        end = strstr(begin, "\n.EE\n");
        ck_assert_ptr_nonnull(end);
        *end = '\0';

        c = load_text(begin + strlen("\n.EX\n"));
        assert_messages_are(c, MAIN ":13: There is no user 'examiner', ignoring the section.");
        ck_assert_uint_eq(c->concurrent_runs, 14);
        ck_assert_uint_eq(c->budget.values[BUDGET_CPU], 200);
}
END_TEST

/* What config_format() writes can be read, and says the same. */
START_TEST(test_round_trip) {
        static const char content[] =
                "[Manager]\nConcurrentRuns=3\nQueueMax=0\nRunCPUs=0-3\nExclusiveCPUs=yes\nUidRangeBase=1966080\nUidRangeBoxes=8192\n"
                "ProjectIdBase=5\nIdleExitSec=infinity\nGroup=judges\n\n"
                "[Defaults]\nCPUTime=1500ms\nExtraTime=1us\nWallTime=60s\nIdleTime=5s\nMemory=1536M\n"
                "Processes=1\n"
                "Stack=64M\nFileSize=0\nOutput=1\nOpenFiles=64\nCore=1G\nCPUs=2\nAddressSpace=2G\nCPUPercent=150\nCPUSet=0-3,6\n"
                "Storage=1T\nInodes=16\nProfile=strict\n\n"
                "[Tenant]\nBoxesMax=0\nRunsMax=7\nRunningMax=1\nMemoryMax=50%\nTasksMax=100\nCPUQuota=150%\n"
                "StorageMax=1G\n\n"
                "[Tenant 1000]\nBoxesMax=5\nRunsMax=\nRunningMax=infinity\nMemoryMax=2G\nTasksMax=\nCPUQuota=\n"
                "StorageMax=\n";
        _cleanup_(config_freep) Config *c = load_text(content);
        _cleanup_free_ char *text = format(c);
        Budget b;

        assert_no_messages(c);
        ck_assert_str_eq(text, content);

        ck_assert_uint_eq(c->concurrent_runs, 3);
        ck_assert_uint_eq(c->queue_max, 0);
        ck_assert_uint_eq(c->idle_exit_usec, USEC_INFINITY);
        ck_assert_str_eq(c->group, "judges");
        ck_assert_uint_eq(c->limits.set, (UINT32_C(1) << _LIMIT_TYPE_MAX) - 1);
        ck_assert_uint_eq(c->limits.values[LIMIT_CPU_TIME], 1500 * USEC_PER_MSEC);
        ck_assert_uint_eq(c->limits.values[LIMIT_MEMORY], UINT64_C(1536) << 20);
        ck_assert_str_eq(c->limits.cpu_set, "0-3,6");
        ck_assert_uint_eq(c->storage_bytes, UINT64_C(1) << 40);
        ck_assert_str_eq(c->profile, "strict");

        config_get_budget(c, 1001, &b);
        ck_assert_uint_eq(b.set, (UINT32_C(1) << _BUDGET_TYPE_MAX) - 1);
        ck_assert_uint_eq(b.values[BUDGET_BOXES], 0);
        ck_assert_uint_eq(b.values[BUDGET_CPU], 150);
        ck_assert_uint_eq(b.values[BUDGET_MEMORY], c->memory_total / 100 * 50);

        config_get_budget(c, 1000, &b);
        ck_assert_uint_eq(b.values[BUDGET_BOXES], 5);
        ck_assert_uint_eq(b.values[BUDGET_RUNS], 7);
        ck_assert(b.values[BUDGET_RUNNING] == BUDGET_NONE);
        ck_assert_uint_eq(b.values[BUDGET_MEMORY], UINT64_C(2) << 30);
        ck_assert_uint_eq(b.values[BUDGET_TASKS], 100);
}
END_TEST

START_TEST(test_empty_is_default) {
        _cleanup_(config_freep) Config *empty = load(), *c = NULL;
        _cleanup_free_ char *a = NULL, *b = NULL, *content = NULL;
        size_t size;
        FILE *f;

        f = open_memstream(&content, &size);
        ck_assert_ptr_nonnull(f);
        fputs("[Manager]\nConcurrentRuns=2\nGroup=judges\n[Defaults]\nMemory=1G\nWallTime=9\n"
              "IdleTime=9\nCPUSet=1\n"
              "Storage=1G\n[Tenant]\nBoxesMax=2\n", f);
        for (const Setting *s = settings; s->name; s++)
                fprintf(f, "[%s]\n%s=\n", setting_section_to_string(s->section), s->name);
        ck_assert_int_eq(fclose(f), 0);

        c = load_text(content);
        assert_no_messages(c);
        a = format(empty);
        b = format(c);
        ck_assert_str_eq(a, b);
        ck_assert_uint_eq(c->limits.set, 0);
}
END_TEST

/* As judgebox.conf(5) explains it: what is commented out after a value, blanks, the words for "no limit". */
START_TEST(test_syntax) {
        _cleanup_(config_freep) Config *c = load_text(
                        "\n; a comment\n  # another\n"
                        "[Manager]  \r\n"
                        "  ConcurrentRuns = 4   ; of eight\n"
                        "\tQueueMax=5\n"
                        "[Defaults]\n"
                        "Memory=1G\n"
                        "IdleTime=5s\n"
                        "IdleTime=infinity\n"
                        "WallTime=1\n"
                        "WallTime=auto\n"
                        "[Tenant]\n"
                        "BoxesMax=infinity"); /* without an end of line */
        Budget b;

        assert_no_messages(c);
        ck_assert_uint_eq(c->concurrent_runs, 4);
        ck_assert_uint_eq(c->queue_max, 5);
        ck_assert_uint_eq(c->limits.set, UINT32_C(1) << LIMIT_MEMORY);
        config_get_budget(c, 0, &b);
        ck_assert(b.values[BUDGET_BOXES] == BUDGET_NONE);
}
END_TEST

START_TEST(test_wrong_lines) {
        _cleanup_(config_freep) Config *c = load_text(
                        "Memory=1G\n"
                        "[Defaults]\n"
                        "Memory=12x\n"
                        "Memory=1K\n"
                        "CPUTime=-1\n"
                        "memory=1G\n"
                        "Processes=ten\n"
                        "Processes=0\n"
                        "BoxesMax=7\n"
                        "CPUSet=3-1\n"
                        "CPUTime=infinity\n"
                        "Output=2M\n"
                        "nonsense\n"
                        "more ; a=b\n"
                        "[Manager\n"
                        "QueueMax=1\n"
                        "[Manger]\n"
                        "QueueMax=2\n"
                        "Whatever=3\n"
                        "[Manager]\n"
                        "UidRangeBase=1879048193\n"
                        "UidRangeBoxes=100\n"
                        "Group=no such name\n"
                        "IdleExitSec=forever\n"
                        "ConcurrentRuns=\"2\"\n"
                        "QueueMax=18446744073709551616\n"
                        "=4\n"
                        "QueueMax=9\n"
                        "[Tenant]\n"
                        "MemoryMax=101%\n"
                        "CPUQuota=2\n"
                        "CPUQuota=0%\n"
                        "MemoryMax=%\n"
                        "StorageMax=9223372036854775808\n");

        assert_messages_are(
                c,
                MAIN ":1: Memory= is in no section, ignoring it.",
                MAIN ":3: Memory=12x: must be a size such as 65536, 64K, 256M or 1.5G, ignoring it.",
                MAIN ":4: Memory=1K: must be from 64K to 1024T, ignoring it.",
                MAIN ":5: CPUTime=-1: must be a time such as 2, 1.5, 250ms or 2min, ignoring it.",
                MAIN ":6: Section [Defaults] has no setting memory=, ignoring it.",
                MAIN ":7: Processes=ten: must be a whole number, ignoring it.",
                MAIN ":8: Processes=0: must be from 1 to 4194304, ignoring it.",
                MAIN ":9: Section [Defaults] has no setting BoxesMax=, ignoring it.",
                MAIN ":10: CPUSet=3-1: must be a list of CPUs such as 0-3,6, ignoring it.",
                MAIN ":11: CPUTime=infinity: must be a time such as 2, 1.5, 250ms or 2min, ignoring it.",
                MAIN ":13: Neither a section nor an assignment, ignoring the line.",
                MAIN ":14: Neither a section nor an assignment, ignoring the line.",
                MAIN ":15: The section has no closing bracket, ignoring it.",
                MAIN ":17: There is no section [Manger], ignoring it.",
                MAIN ":21: UidRangeBase=1879048193: must be from 65536 to 4026466304, a multiple of "
                     "65536, ignoring it.",
                MAIN ":22: UidRangeBoxes=100: must be from 4096 to 16777216, a multiple of 4096, ignoring it.",
                MAIN ":23: Group=no such name: must be the name of a group, ignoring it.",
                MAIN ":24: IdleExitSec=forever: must be a time such as 2, 1.5, 250ms or 2min, or "
                     "infinity, ignoring it.",
                MAIN ":25: ConcurrentRuns=\"2\": must be a whole number, or auto, ignoring it.",
                MAIN ":26: QueueMax=18446744073709551616: must be from 0 to 1000000, ignoring it.",
                MAIN ":27: Section [Manager] has no setting =, ignoring it.",
                MAIN ":30: MemoryMax=101%: must be from 1M to 1024T or from 1% to 100%, ignoring it.",
                MAIN ":31: CPUQuota=2: must be a percentage of one CPU such as 50% or 400%, or infinity, "
                     "ignoring it.",
                MAIN ":32: CPUQuota=0%: must be from 1% to 819200%, ignoring it.",
                MAIN ":33: MemoryMax=%: must be a size such as 64K, 256M or 1.5G, or a percentage of the "
                     "memory such as "
                     "75%, or infinity, ignoring it.",
                MAIN ":34: StorageMax=9223372036854775808: must be from 4K to 1024T or from 1% to 100%, "
                     "ignoring it.");

        /* The rest stands, and nothing was taken by halves. */
        ck_assert_uint_eq(c->limits.set, UINT32_C(1) << LIMIT_OUTPUT);
        ck_assert_uint_eq(c->limits.values[LIMIT_OUTPUT], 2 << 20);
        ck_assert_uint_eq(c->queue_max, 9);
        ck_assert(c->concurrent_runs == CONFIG_AUTO);
        ck_assert_uint_eq(c->uid_range_base, UID_RANGE_FIRST);
        ck_assert_str_eq(c->group, "judgebox");
        ck_assert(c->budget.values[BUDGET_CPU] == BUDGET_NONE);
        ck_assert_uint_eq(c->budget.set, 0);
}
END_TEST

START_TEST(test_wrong_bytes) {
        static const char nul[] = "[Manager]\nQueueMax=1\0""2\nQueueMax=3\n";
        _cleanup_(config_freep) Config *c = NULL, *d = NULL, *e = NULL;
        _cleanup_free_ char *lots = NULL;
        char line[5000] = "[Manager]\n#";

        write_file_full(MAIN, nul, sizeof(nul) - 1);
        c = load();
        assert_messages_are(c, MAIN ":2: A NUL byte, ignoring the line.");
        ck_assert_uint_eq(c->queue_max, 3);

        /* Of any length where it says nothing; else not cut off somewhere. */
        memset(line + 11, 'x', 2000);
        strcpy(line + 2011, "\nQueueMax=");
        memset(line + 2021, '1', 2000);
        strcpy(line + 4021, "\nQueueMax=3\n");
        d = load_text(line);
        assert_messages_are(d, MAIN ":3: Too long, ignoring the line.");
        ck_assert_uint_eq(d->queue_max, 3);

        lots = new0(char, 20001);
        for (size_t i = 0; i < 20000; i += 2)
                memcpy(lots + i, "x\n", 2);
        e = load_text(lots);
        ck_assert_uint_eq(strv_length(e->messages), 65);
        ck_assert_ptr_nonnull(strstr(e->messages[63], ":64: "));
        ck_assert_ptr_null(strstr(e->messages[64], MAIN));
}
END_TEST

/* The order in which `systemd-analyze cat-config` shows them. */
START_TEST(test_files) {
        _cleanup_(config_freep) Config *c = NULL, *d = NULL;
        _cleanup_free_ char *mask = NULL, *directory = NULL, *files = NULL;

        write_file("/usr/lib/judgebox/judgebox.conf", "[Manager]\nQueueMax=1\nIdleExitSec=1\n");
        write_file("/usr/lib/judgebox/judgebox.conf.d/50-b.conf", "[Manager]\nQueueMax=2\n");
        write_file("/usr/lib/judgebox/judgebox.conf.d/20-masked.conf", "[Manager]\nGroup=masked\n");
        write_file("/run/judgebox/judgebox.conf.d/40-a.conf", "[Manager]\nQueueMax=3\n");
        write_file("/run/judgebox/judgebox.conf.d/60-c.conf", "[Manager]\nGroup=run\n");
        write_file("/etc/judgebox/judgebox.conf.d/60-c.conf", "[Manager]\nConcurrentRuns=2\n");
        write_file("/etc/judgebox/judgebox.conf.d/.hidden.conf", "[Manager]\nGroup=hidden\n");
        write_file("/etc/judgebox/judgebox.conf.d/old.conf.bak", "[Manager]\nGroup=bak\n");
        mask = make_path("/etc/judgebox/judgebox.conf.d/20-masked.conf");
        ck_assert_int_eq(symlink("/dev/null", mask), 0);

        c = load();
        assert_no_messages(c);
        files = strv_join(c->files, " ");
        ck_assert_str_eq(
                        files,
                        "/usr/lib/judgebox/judgebox.conf /run/judgebox/judgebox.conf.d/40-a.conf "
                        "/usr/lib/judgebox/judgebox.conf.d/50-b.conf /etc/judgebox/judgebox.conf.d/60-c.conf");
        ck_assert_uint_eq(c->queue_max, 2);
        ck_assert_uint_eq(c->idle_exit_usec, USEC_PER_SEC);
        ck_assert_uint_eq(c->concurrent_runs, 2);
        ck_assert_str_eq(c->group, "judgebox");

        /* /etc's takes the place of the vendor's; what is no file is named. */
        write_file(MAIN, "[Manager]\nGroup=etc\n");
        directory = make_path("/etc/judgebox/judgebox.conf.d/70-d.conf/");
        write_file("/usr/local/lib/judgebox/judgebox.conf.d", "not a directory\n");
        d = load();
        ck_assert_str_eq(d->files[0], MAIN);
        ck_assert_str_eq(d->group, "etc");
        ck_assert_uint_eq(d->idle_exit_usec, 30 * USEC_PER_SEC);
        assert_messages_are(
                        d, "/usr/local/lib/judgebox/judgebox.conf.d: Not a directory",
                        "/etc/judgebox/judgebox.conf.d/70-d.conf: Not a regular file, ignoring it.");
}
END_TEST

START_TEST(test_dangling_link) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *path = make_path("/etc/judgebox/judgebox.conf.d/10-x.conf");

        ck_assert_int_eq(symlink("/nonexistent/file", path), 0);
        c = load();
        assert_messages_are(c, "/etc/judgebox/judgebox.conf.d/10-x.conf: Cannot be opened: No such file "
                               "or directory");
}
END_TEST

START_TEST(test_tenants) {
        _cleanup_(config_freep) Config *c = NULL;
        Budget b;

        /* The order of the sections does not matter; a name and its uid are one tenant; later files add to
         * it. */
        write_file(MAIN,
                   "[Tenant root]\nBoxesMax=1\nMemoryMax=2M\n"
                   "[Tenant no-such-user]\nBoxesMax=99\n"
                   "[Tenant 4294967295]\nBoxesMax=99\n"
                   "[Tenant ]\nBoxesMax=99\n"
                   "[Tenant 70000]\nBoxesMax=3\n"
                   "[Tenant]\nBoxesMax=10\nTasksMax=20\n");
        write_file("/etc/judgebox/judgebox.conf.d/a.conf", "[Tenant 0]\nTasksMax=30\nMemoryMax=\n");
        c = load();
        assert_messages_are(
                        c, MAIN ":4: There is no user 'no-such-user', ignoring the section.",
                        MAIN ":6: There is no user '4294967295': Numerical result out of range, ignoring "
                             "the section.",
                        MAIN ":8: There is no user '', ignoring the section.");
        ck_assert_uint_eq(c->n_tenants, 2);

        config_get_budget(c, 0, &b);
        ck_assert_uint_eq(b.values[BUDGET_BOXES], 1);
        ck_assert_uint_eq(b.values[BUDGET_TASKS], 30);
        ck_assert_uint_eq(b.values[BUDGET_MEMORY], c->memory_total / 100 * 75);

        config_get_budget(c, 70000, &b);
        ck_assert_uint_eq(b.values[BUDGET_BOXES], 3);
        ck_assert_uint_eq(b.values[BUDGET_TASKS], 20);

        config_get_budget(c, 70001, &b);
        ck_assert_uint_eq(b.values[BUDGET_BOXES], 10);
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_defaults,
                test_every_limit_has_a_setting,
                test_shipped_file,
                test_manual_example,
                test_round_trip,
                test_empty_is_default,
                test_syntax,
                test_wrong_lines,
                test_wrong_bytes,
                test_files,
                test_dangling_link,
                test_tenants,
        };

        return test_run("config", tests, ELEMENTSOF(tests), setup, teardown);
}
