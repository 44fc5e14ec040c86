/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config-setting.h"
#include "parse-util.h"
#include "project-quota.h"
#include "uid-range.h"

static const char *const setting_section_table[_SETTING_SECTION_MAX] = {
        [SETTING_MANAGER] = "Manager",
        [SETTING_DEFAULTS] = "Defaults",
        [SETTING_TENANT] = "Tenant",
};

DEFINE_STRING_TABLE_LOOKUP(setting_section, SettingSection);

#define BYTES_MAX (UINT64_C(1) << 50)
#define UID_RANGE_BOXES (UID_RANGE_BLOCKS * UID_RANGE_BLOCK_BOXES)

/* The largest range still ends below the 65,536 uids at the very end, some of which mean "none". */
#define UID_BASE_MAX (UINT64_C(0xffff0000) - (uint64_t) UID_RANGE_BOXES * UID_RANGE_BOX_SIZE)

/* The very last id means "none". */
#define PROJECT_ID_BASE_MAX (UINT32_MAX - PROJECT_IDS)

#define MANAGER(field) .section = SETTING_MANAGER, .offset = offsetof(Config, field), .index = -1
#define DEFAULTS(field) .section = SETTING_DEFAULTS, .offset = offsetof(Config, field), .index = -1
#define LIMIT(type)                                                                     \
        .section = SETTING_DEFAULTS,                                                    \
        .offset = offsetof(Config, limits.values) + (type) * sizeof(uint64_t),          \
        .index = (type)
#define BUDGET(type)                                                                    \
        .section = SETTING_TENANT,                                                      \
        .offset = offsetof(Budget, values) + (type) * sizeof(uint64_t),                 \
        .index = (type)

const Setting settings[] = {
        { MANAGER(concurrent_runs), .name = "ConcurrentRuns", .min = 1, .max = 8192, .keyword = "auto",
          .preset = CONFIG_AUTO },
        { MANAGER(queue_max), .name = "QueueMax", .max = 1000000, .preset = 20000 },
        { MANAGER(run_cpus), .name = "RunCPUs", .kind = SETTING_CPU_LIST },
        { MANAGER(exclusive_cpus), .name = "ExclusiveCPUs", .kind = SETTING_BOOLEAN },
        { MANAGER(uid_range_base), .name = "UidRangeBase", .min = 65536, .max = UID_BASE_MAX, .step = 65536,
          .preset = UID_RANGE_FIRST },
        { MANAGER(uid_range_boxes), .name = "UidRangeBoxes", .min = UID_RANGE_BLOCK_BOXES,
          .max = UID_RANGE_BOXES, .step = UID_RANGE_BLOCK_BOXES, .preset = UID_RANGE_BOXES },
        { MANAGER(project_id_base), .name = "ProjectIdBase", .min = 1, .max = PROJECT_ID_BASE_MAX,
          .preset = PROJECT_ID_FIRST },
        { MANAGER(idle_exit_usec), .name = "IdleExitSec", .kind = SETTING_TIME, .min = USEC_PER_SEC,
          .max = 24 * 3600 * USEC_PER_SEC, .keyword = "infinity", .preset = 30 * USEC_PER_SEC },
        { MANAGER(group), .name = "Group", .kind = SETTING_NAME, .preset_name = "judgebox" },

        { LIMIT(LIMIT_CPU_TIME), .name = "CPUTime", .kind = SETTING_TIME },
        { LIMIT(LIMIT_EXTRA_TIME), .name = "ExtraTime", .kind = SETTING_TIME },
        { LIMIT(LIMIT_WALL_TIME), .name = "WallTime", .kind = SETTING_TIME, .keyword = "auto" },
        { LIMIT(LIMIT_IDLE_TIME), .name = "IdleTime", .kind = SETTING_TIME, .keyword = "infinity" },
        { LIMIT(LIMIT_MEMORY), .name = "Memory", .kind = SETTING_SIZE },
        { LIMIT(LIMIT_PROCESSES), .name = "Processes" },
        { LIMIT(LIMIT_STACK), .name = "Stack", .kind = SETTING_SIZE },
        { LIMIT(LIMIT_FILE_SIZE), .name = "FileSize", .kind = SETTING_SIZE },
        { LIMIT(LIMIT_OUTPUT), .name = "Output", .kind = SETTING_SIZE },
        { LIMIT(LIMIT_OPEN_FILES), .name = "OpenFiles" },
        { LIMIT(LIMIT_CORE), .name = "Core", .kind = SETTING_SIZE },
        { LIMIT(LIMIT_CPUS), .name = "CPUs", .keyword = "infinity" },
        { LIMIT(LIMIT_ADDRESS_SPACE), .name = "AddressSpace", .kind = SETTING_SIZE, .keyword = "infinity" },
        { LIMIT(LIMIT_CPU_PERCENT), .name = "CPUPercent", .keyword = "infinity" },
        { DEFAULTS(limits.cpu_set), .name = "CPUSet", .kind = SETTING_CPU_LIST },
        { DEFAULTS(storage_bytes), .name = "Storage", .kind = SETTING_SIZE, .min = 4096, .max = BYTES_MAX,
          .preset = BOX_STORAGE_DEFAULT },
        { DEFAULTS(inodes), .name = "Inodes", .min = 16, .max = UINT64_C(1) << 32,
          .preset = BOX_INODES_DEFAULT },
        { DEFAULTS(profile), .name = "Profile", .kind = SETTING_PROFILE, .preset_name = "default" },

        { BUDGET(BUDGET_BOXES), .name = "BoxesMax", .max = 1000000, .keyword = "infinity", .preset = 1024 },
        { BUDGET(BUDGET_RUNS), .name = "RunsMax", .max = 1000000, .keyword = "infinity", .preset = 10000 },
        { BUDGET(BUDGET_RUNNING), .name = "RunningMax", .min = 1, .max = 8192, .keyword = "infinity",
          .preset = BUDGET_NONE },
        { BUDGET(BUDGET_MEMORY), .name = "MemoryMax", .kind = SETTING_SIZE_OR_PERCENT, .min = 1 << 20,
          .max = BYTES_MAX, .keyword = "infinity", .preset = SETTING_PERCENT_FLAG | 75 },
        { BUDGET(BUDGET_TASKS), .name = "TasksMax", .min = 8, .max = 1 << 22, .keyword = "infinity",
          .preset = 16384 },
        { BUDGET(BUDGET_CPU), .name = "CPUQuota", .kind = SETTING_PERCENT, .min = 1, .max = 100 * 8192,
          .keyword = "infinity", .preset = BUDGET_NONE },
        { BUDGET(BUDGET_STORAGE), .name = "StorageMax", .kind = SETTING_SIZE_OR_PERCENT, .min = 4096,
          .max = BYTES_MAX, .keyword = "infinity", .preset = BUDGET_NONE },
        {},
};

const Setting *setting_find(SettingSection section, const char *name) {
        assert(name);

        for (const Setting *s = settings; s->name; s++)
                if (s->section == section && streq(s->name, name))
                        return s;

        return NULL;
}

static bool is_text(const Setting *s) {
        return IN_SET(s->kind, SETTING_NAME, SETTING_CPU_LIST, SETTING_PROFILE);
}

static bool is_limit(const Setting *s) {
        return s->section == SETTING_DEFAULTS && s->index >= 0;
}

static void *setting_slot(const Setting *s, const Config *c, const Budget *b) {
        const void *base = s->section == SETTING_TENANT ? (const void *) b : c;

        return (uint8_t *) base + s->offset;
}

static void get_range(const Setting *s, uint64_t *ret_min, uint64_t *ret_max) {
        if (is_limit(s))
                return limit_range(s->index, ret_min, ret_max);

        *ret_min = s->min;
        *ret_max = s->max;
}

/* Groups as useradd(8) makes them. */
static bool name_is_valid(const char *s) {
        size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

        return n >= 1 && n <= 32 && s[n] == '\0' && !strchr("0123456789.-", s[0]);
}

/* "75%", up to max of them. */
static int parse_percent(const char *value, uint64_t max, uint64_t *ret) {
        _cleanup_free_ char *number = NULL;
        const char *end;
        uint64_t n;
        int r;

        end = endswith(value, "%");
        if (!end)
                return -EINVAL;

        number = strndup(value, (size_t) (end - value));
        if (!number)
                return -ENOMEM;

        r = parse_uint64(number, &n);
        if (r < 0)
                return r;
        if (n < 1 || n > max)
                return -ERANGE;

        *ret = n;
        return 0;
}

static int parse_number(const Setting *s, const char *value, uint64_t *ret) {
        uint64_t n, min, max;
        int r;

        if (s->keyword && streq(value, s->keyword)) {
                *ret = UINT64_MAX;
                return 0;
        }

        get_range(s, &min, &max);

        switch (s->kind) {
        case SETTING_COUNT:
                r = parse_uint64(value, &n);
                break;
        case SETTING_TIME:
                r = parse_usec(value, &n);
                break;
        case SETTING_PERCENT:
                return parse_percent(value, max, ret);
        case SETTING_BOOLEAN:
                r = parse_boolean(value);
                if (r < 0)
                        return r;
                *ret = (uint64_t) r;
                return 0;
        case SETTING_SIZE_OR_PERCENT:
                if (endswith(value, "%")) {
                        r = parse_percent(value, 100, &n);
                        if (r < 0)
                                return r;
                        *ret = SETTING_PERCENT_FLAG | n;
                        return 0;
                }
                _fallthrough_;
        default:
                r = parse_size(value, &n);
        }
        if (r < 0)
                return r;
        if (n < min || n > max)
                return -ERANGE;
        if (s->step > 0 && n % s->step != 0)
                return -ERANGE;

        *ret = n;
        return 0;
}

static void mark_set(const Setting *s, Config *c, Budget *b, bool set) {
        uint32_t bit, *mask;

        if (s->index < 0)
                return;

        bit = UINT32_C(1) << s->index;
        mask = is_limit(s) ? &c->limits.set : &b->set;
        *mask = set ? *mask | bit : *mask & ~bit;
}

static int assign_text(const Setting *s, const char *value, Config *c) {
        int r;

        if (s->kind == SETTING_CPU_LIST) {
                r = parse_cpu_list(value, NULL);
                if (r < 0)
                        return r;
        } else if (!(s->kind == SETTING_PROFILE ? box_id_is_valid(value) : name_is_valid(value)))
                return -EINVAL;

        return free_and_strdup(setting_slot(s, c, NULL), value);
}

int setting_assign(const Setting *s, const char *value, Config *c, Budget *b) {
        uint64_t n;
        int r;

        assert(s);
        assert(value);
        assert(c);
        assert(b);

        if (isempty(value))
                return setting_reset(s, c, b);
        if (is_text(s))
                return assign_text(s, value, c);

        r = parse_number(s, value, &n);
        if (r < 0)
                return r;

        /* For a limit the keyword means that nothing is asked for, which limits_apply_defaults() knows to
         * fill in. */
        if (is_limit(s) && n == UINT64_MAX)
                return setting_reset(s, c, b);

        *(uint64_t *) setting_slot(s, c, b) = n;
        mark_set(s, c, b, true);
        return 0;
}

int setting_reset(const Setting *s, Config *c, Budget *b) {
        assert(s);
        assert(c);
        assert(b);

        if (is_text(s))
                return free_and_strdup(setting_slot(s, c, b), s->preset_name);

        /* A limit that is not set stays out of the way of limits_inherit(); a tenant's budget that is not
         * set is that of all tenants. */
        if (!is_limit(s))
                *(uint64_t *) setting_slot(s, c, b) = s->preset;
        mark_set(s, c, b, false);
        return 0;
}

static char *format_exactly(SettingKind kind, uint64_t n) {
        static const char suffixes[] = "KMGT";
        size_t i = 0;

        switch (kind) {
        case SETTING_COUNT:
                return strprintf("%" PRIu64, n);
        case SETTING_PERCENT:
                return strprintf("%" PRIu64 "%%", n);
        case SETTING_BOOLEAN:
                return strdup(n ? "yes" : "no");
        case SETTING_TIME:
                return n % USEC_PER_SEC == 0 ? strprintf("%" PRIu64 "s", n / USEC_PER_SEC)
                     : n % USEC_PER_MSEC == 0 ? strprintf("%" PRIu64 "ms", n / USEC_PER_MSEC)
                                              : strprintf("%" PRIu64 "us", n);
        default:
                if (setting_is_percent(n))
                        return format_exactly(SETTING_PERCENT, n & ~SETTING_PERCENT_FLAG);

                while (i < strlen(suffixes) && n > 0 && n % 1024 == 0) {
                        n /= 1024;
                        i++;
                }
                return i == 0 ? strprintf("%" PRIu64, n) : strprintf("%" PRIu64 "%c", n, suffixes[i - 1]);
        }
}

int setting_format(const Setting *s, const Config *c, const Budget *b, char **ret) {
        uint64_t n;
        char *value;

        assert(s);
        assert(c);
        assert(b);
        assert(ret);

        if (is_text(s))
                value = strdup(strempty(*(char **) setting_slot(s, c, b)));
        else if (s->section == SETTING_TENANT && b != &c->budget && !(b->set & (UINT32_C(1) << s->index)))
                value = strdup("");
        else {
                n = *(uint64_t *) setting_slot(s, c, b);
                if (is_limit(s) && !limits_has(&c->limits, s->index)) {
                        Limits defaults = LIMITS_NULL;

                        (void) limits_apply_defaults(&defaults);
                        n = s->keyword ? UINT64_MAX : defaults.values[s->index];
                }

                value = s->keyword && n == UINT64_MAX ? strdup(s->keyword) : format_exactly(s->kind, n);
        }
        if (!value)
                return -ENOMEM;

        *ret = value;
        return 0;
}

char *setting_describe(const Setting *s, int r) {
        static const char *const syntax[] = {
                [SETTING_COUNT] = "a whole number",
                [SETTING_SIZE] = "a size such as 65536, 64K, 256M or 1.5G",
                [SETTING_SIZE_OR_PERCENT] =
                        "a size such as 64K, 256M or 1.5G, or a percentage of the memory such as 75%",
                [SETTING_TIME] = "a time such as 2, 1.5, 250ms or 2min",
                [SETTING_PERCENT] = "a percentage of one CPU such as 50% or 400%",
                [SETTING_BOOLEAN] = "yes or no",
                [SETTING_NAME] = "the name of a group",
                [SETTING_CPU_LIST] = "a list of CPUs such as 0-3,6",
                [SETTING_PROFILE] = "the name of a profile: 1 to 32 of A-Z, a-z, 0-9, _ and -",
        };
        _cleanup_free_ char *low = NULL, *high = NULL, *multiple = NULL;
        uint64_t min, max;

        assert(s);

        if (r != -ERANGE || is_text(s))
                return s->keyword ? strprintf("%s, or %s", syntax[s->kind], s->keyword)
                                  : strdup(syntax[s->kind]);

        get_range(s, &min, &max);
        low = format_exactly(s->kind, min);
        high = format_exactly(s->kind, max);
        multiple = s->step > 0 ? strprintf(", a multiple of %" PRIu64, s->step) : strdup("");
        if (!low || !high || !multiple)
                return NULL;

        return strprintf("from %s to %s%s%s", low, high, multiple,
                         s->kind == SETTING_SIZE_OR_PERCENT ? " or from 1% to 100%" : "");
}
