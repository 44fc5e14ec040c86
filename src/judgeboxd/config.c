/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>

#include "config-file.h"
#include "config-setting.h"
#include "fd-util.h"
#include "parse-util.h"

/* A file that is something else altogether is not worth a message for each of its lines. */
#define MESSAGES_MAX 64U

static const char *const budget_type_table[_BUDGET_TYPE_MAX] = {
        [BUDGET_BOXES] = "boxes",
        [BUDGET_RUNS] = "runs",
        [BUDGET_RUNNING] = "running",
        [BUDGET_MEMORY] = "memory",
        [BUDGET_TASKS] = "tasks",
        [BUDGET_CPU] = "cpu",
        [BUDGET_STORAGE] = "storage",
};

DEFINE_STRING_TABLE_LOOKUP(budget_type, BudgetType);

/* Where the reader is. */
typedef struct Parse {
        Config *config;
        const char *path;
        SettingSection section;
        char *section_name; /* NULL before the first */
        bool skip;          /* the section, which has been complained about */
        Budget *budget;     /* of the section */
} Parse;

int config_new(Config **ret) {
        _cleanup_(config_freep) Config *c = NULL;
        struct sysinfo info;
        int r;

        assert(ret);

        c = new0(Config, 1);
        if (!c)
                return -ENOMEM;

        if (sysinfo(&info) < 0)
                return -errno;
        c->memory_total = (uint64_t) info.totalram * info.mem_unit;

        for (const Setting *s = settings; s->name; s++) {
                r = setting_reset(s, c, &c->budget);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(c);
        return 0;
}

Config *config_free(Config *c) {
        if (!c)
                return NULL;

        free(c->group);
        free(c->profile);
        free(c->run_cpus);
        limits_done(&c->limits);
        free(c->tenants);
        strv_free(c->files);
        strv_free(c->messages);
        return mfree(c);
}

static int _printf_(2, 3) add_message(Config *c, const char *format, ...) {
        size_t n = strv_length(c->messages);
        char *s = NULL;
        va_list ap;
        int r;

        if (n > MESSAGES_MAX)
                return 0;
        if (n == MESSAGES_MAX)
                return strv_extend(&c->messages, "More is wrong; this is where counting ended.");

        va_start(ap, format);
        r = vasprintf(&s, format, ap);
        va_end(ap);
        return r < 0 ? -ENOMEM : strv_consume(&c->messages, s);
}

/* Finds or makes the budget of [Tenant NAME]. The pointer is good until the next one is made. */
static int get_tenant_budget(Config *c, uid_t uid, Budget **ret) {
        ConfigTenant *l;

        for (size_t i = 0; i < c->n_tenants; i++)
                if (c->tenants[i].uid == uid) {
                        *ret = &c->tenants[i].budget;
                        return 0;
                }

        l = reallocarray(c->tenants, c->n_tenants + 1, sizeof(ConfigTenant));
        if (!l)
                return -ENOMEM;

        c->tenants = l;
        l[c->n_tenants] = (ConfigTenant) { .uid = uid };
        *ret = &l[c->n_tenants++].budget;
        return 0;
}

/* A user's name or uid. */
static int find_user(const char *name, uid_t *ret) {
        const struct passwd *pw;
        unsigned n;

        if (parse_uint(name, &n) >= 0) {
                /* (uid_t) -1 is "none" to the kernel. */
                if (n == UINT_MAX)
                        return -ERANGE;

                *ret = n;
                return 0;
        }

        errno = 0;
        pw = getpwnam(name);
        if (!pw)
                return IN_SET(errno, 0, ENOENT) ? -ESRCH : errno_or_else(EIO);

        *ret = pw->pw_uid;
        return 0;
}

static int enter_tenant(Parse *p, const char *user, unsigned line) {
        uid_t uid;
        int r;

        r = find_user(user, &uid);
        if (r < 0) {
                p->skip = true;
                return add_message(p->config, "%s:%u: There is no user '%s'%s%s, ignoring the section.",
                                   p->path, line, user, r == -ESRCH ? "" : ": ",
                                   r == -ESRCH ? "" : strerror(-r));
        }

        p->section = SETTING_TENANT;
        return get_tenant_budget(p->config, uid, &p->budget);
}

static int on_section(const char *name, unsigned line, void *userdata) {
        Parse *p = ASSERT_PTR(userdata);
        const char *user;
        int r;

        p->budget = &p->config->budget;
        p->skip = false;

        r = free_and_strdup(&p->section_name, strempty(name));
        if (r < 0)
                return r;

        user = startswith(p->section_name, "Tenant ");
        if (user)
                return enter_tenant(p, user + strspn(user, " \t"), line);

        p->section = setting_section_from_string(p->section_name);
        if (p->section >= 0)
                return 0;

        p->skip = true;
        if (!name)
                return add_message(p->config, "%s:%u: The section has no closing bracket, ignoring it.",
                                   p->path, line);

        return add_message(p->config, "%s:%u: There is no section [%s], ignoring it.", p->path, line, name);
}

static int on_assignment(const char *name, const char *value, unsigned line, void *userdata) {
        Parse *p = ASSERT_PTR(userdata);
        _cleanup_free_ char *wanted = NULL;
        const Setting *s;
        int r;

        if (p->skip)
                return 0;
        if (!p->section_name)
                return add_message(p->config, "%s:%u: %s= is in no section, ignoring it.", p->path, line, name);

        s = setting_find(p->section, name);
        if (!s)
                return add_message(p->config, "%s:%u: Section [%s] has no setting %s=, ignoring it.",
                                   p->path, line, p->section_name, name);

        r = setting_assign(s, value, p->config, p->budget);
        if (r >= 0 || r == -ENOMEM)
                return r;

        wanted = setting_describe(s, r);
        if (!wanted)
                return -ENOMEM;

        return add_message(p->config, "%s:%u: %s=%s: must be %s, ignoring it.",
                           p->path, line, name, value, wanted);
}

static int on_malformed(const char *reason, unsigned line, void *userdata) {
        Parse *p = ASSERT_PTR(userdata);

        return add_message(p->config, "%s:%u: %s, ignoring the line.", p->path, line, reason);
}

int config_parse_file(Config *c, FILE *f, const char *path) {
        static const ConfigFileHandler handler = {
                .section = on_section,
                .assignment = on_assignment,
                .malformed = on_malformed,
        };
        Parse p = {
                .config = c,
                .path = path,
                .budget = &c->budget,
        };
        int r;

        assert(c);
        assert(f);
        assert(path);

        r = config_file_read(f, &handler, &p);
        free(p.section_name);
        if (r < 0 && r != -ENOMEM)
                return add_message(c, "%s: Cannot be read to its end: %s", path, strerror(-r));
        return r;
}

DEFINE_VOID_CLEANUP_FUNC(FILE *, fclose, fclosep);

static int load_file(Config *c, const char *root, const char *path) {
        _cleanup_(fclosep) FILE *f = NULL;
        _cleanup_free_ char *full = NULL;
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        full = strprintf("%s%s", strempty(root), path);
        if (!full)
                return -ENOMEM;

        fd = open(full, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return add_message(c, "%s: Cannot be opened: %s", path, strerror(errno));
        if (fstat(fd, &st) < 0)
                return add_message(c, "%s: %s", path, strerror(errno));

        /* A link to /dev/null is how one of these is switched off. */
        if (S_ISCHR(st.st_mode))
                return 0;
        if (!S_ISREG(st.st_mode))
                return add_message(c, "%s: Not a regular file, ignoring it.", path);

        f = fdopen(fd, "r");
        if (!f)
                return -errno;
        TAKE_FD(fd);

        r = strv_extend(&c->files, path);
        if (r < 0)
                return r;

        return config_parse_file(c, f, path);
}

int config_load(const char *root, Config **ret) {
        _cleanup_strv_free_ char **files = NULL, **failed = NULL;
        _cleanup_(config_freep) Config *c = NULL;
        int r;

        assert(ret);

        r = config_new(&c);
        if (r < 0)
                return r;

        r = config_files_find(root, "judgebox/judgebox.conf", &files, &failed);
        if (r < 0)
                return r;

        STRV_FOREACH(i, failed) {
                r = add_message(c, "%s", *i);
                if (r < 0)
                        return r;
        }

        STRV_FOREACH(i, files) {
                r = load_file(c, root, *i);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(c);
        return 0;
}

void config_get_budget(const Config *c, uid_t uid, Budget *ret) {
        const Budget *own = NULL;

        assert(c);
        assert(ret);

        for (size_t i = 0; i < c->n_tenants; i++)
                if (c->tenants[i].uid == uid)
                        own = &c->tenants[i].budget;

        *ret = c->budget;
        ret->set = (UINT32_C(1) << _BUDGET_TYPE_MAX) - 1;
        for (BudgetType t = 0; t < _BUDGET_TYPE_MAX; t++) {
                if (own && (own->set & (UINT32_C(1) << t)))
                        ret->values[t] = own->values[t];
                if (setting_is_percent(ret->values[t]))
                        ret->values[t] = c->memory_total / 100 * (ret->values[t] & ~SETTING_PERCENT_FLAG);
        }
}

/* One section, with a blank line before it if it is not the first. */
static int print_section(FILE *f, const Config *c, SettingSection section, const ConfigTenant *tenant) {
        const Budget *b = tenant ? &tenant->budget : &c->budget;
        int r;

        fprintf(f, "%s[%s", section == SETTING_MANAGER ? "" : "\n", setting_section_to_string(section));
        if (tenant)
                fprintf(f, " %" PRIu32, (uint32_t) tenant->uid);
        fputs("]\n", f);

        for (const Setting *s = settings; s->name; s++) {
                _cleanup_free_ char *value = NULL;

                if (s->section != section)
                        continue;

                r = setting_format(s, c, b, &value);
                if (r < 0)
                        return r;

                fprintf(f, "%s=%s\n", s->name, value);
        }

        return 0;
}

static int print_config(FILE *f, const Config *c) {
        int r = 0;

        for (SettingSection s = 0; s < _SETTING_SECTION_MAX && r >= 0; s++)
                r = print_section(f, c, s, NULL);
        for (size_t i = 0; i < c->n_tenants && r >= 0; i++)
                r = print_section(f, c, SETTING_TENANT, c->tenants + i);

        return r;
}

int config_format(const Config *c, char **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f;
        int r;

        assert(c);
        assert(ret);

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;

        r = print_config(f, c);
        if (fclose(f) != 0 && r >= 0)
                r = -ENOMEM;
        if (r < 0)
                return r;

        *ret = TAKE_PTR(text);
        return 0;
}
