/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "isolate-rules.h"
#include "string-util.h"

static const char *const system_directories[] = { "bin", "lib", "lib64", "usr" };

/* 0 if it is none. */
static DirFlags flag_from_name(const char *name) {
        static const char *const names[] = { "rw", "noexec", "fs", "maybe", "dev", "tmp", "norec" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(name, names[i]))
                        return 1U << i;

        return 0;
}

static int parse_flags(const char *text, DirFlags *ret) {
        _cleanup_strv_free_ char **l = NULL;
        DirFlags flags = 0;
        int r;

        r = strv_split(text, ":", &l);
        if (r < 0)
                return r;

        STRV_FOREACH(s, l) {
                DirFlags flag = flag_from_name(*s);

                if (!flag)
                        return -EINVAL;
                flags |= flag;
        }

        *ret = flags;
        return 0;
}

static bool climbs(const char *path) {
        for (const char *p = path; *p;) {
                size_t n = strcspn(p, "/");

                if (n == 2 && strncmp(p, "..", 2) == 0)
                        return true;
                p += n + (p[n] == '/');
        }

        return false;
}

/* In one directory, whatever is inside: the program can do nothing to the one above it. */
static char *temporary_name(const char *inside) {
        char *path;

        path = strprintf("./tmp/%s", inside);
        for (char *p = path ? path + strlen("./tmp/") : NULL; p && *p; p++)
                if (*p == '/')
                        *p = ':';

        return path;
}

static int find_outside(const char *inside, const char *given, DirFlags flags, char **ret) {
        if ((flags & DIR_FS) && ((flags & DIR_TMP) || isempty(given) || strchr(given, '/')))
                return -EINVAL;

        if (flags & DIR_TMP) {
                if (given)
                        return -EINVAL;
                *ret = temporary_name(inside);
        } else if (!given)
                *ret = strprintf("/%s", inside);
        else if (!given[0]) {
                *ret = NULL;
                return 0;
        } else if (flags & DIR_FS || given[0] == '/' || startswith(given, "./"))
                *ret = strdup(given);
        else
                return -EINVAL;

        return *ret ? 0 : -ENOMEM;
}

static int put(DirRules *l, const DirRule *rule) {
        DirRule *grown;

        for (size_t i = 0; i < l->n; i++)
                if (streq(l->items[i].inside, rule->inside)) {
                        free(l->items[i].inside);
                        free(l->items[i].outside);
                        l->items[i] = *rule;
                        return 0;
                }

        grown = reallocarray(l->items, l->n + 1, sizeof(DirRule));
        if (!grown)
                return -ENOMEM;

        l->items = grown;
        l->items[l->n++] = *rule;
        return 0;
}

int dir_rules_add(DirRules *l, const char *text, bool is_default) {
        _cleanup_free_ char *copy = NULL, *inside = NULL, *outside = NULL;
        DirRule rule = { .is_default = is_default };
        char *colon, *equal, *name;
        int r;

        assert(l);
        assert(text);

        copy = strdup(text);
        if (!copy)
                return -ENOMEM;

        colon = strchr(copy, ':');
        if (colon) {
                *colon = '\0';
                r = parse_flags(colon + 1, &rule.flags);
                if (r < 0)
                        return r;
        }

        equal = strchr(copy, '=');
        if (equal)
                *equal++ = '\0';

        name = copy + strspn(copy, "/");
        if (isempty(name) || climbs(name))
                return -EINVAL;

        r = find_outside(name, equal, rule.flags, &outside);
        if (r < 0)
                return r;
        if (rule.flags & DIR_TMP)
                rule.flags |= DIR_RW;

        inside = strdup(name);
        if (!inside)
                return -ENOMEM;

        rule.inside = inside;
        rule.outside = outside;
        r = put(l, &rule);
        if (r < 0)
                return r;

        TAKE_PTR(inside);
        TAKE_PTR(outside);
        return 0;
}

int dir_rule_find_unknown(const char *text, char **ret) {
        _cleanup_strv_free_ char **l = NULL;
        const char *colon;

        assert(text);
        assert(ret);

        colon = strchr(text, ':');
        if (colon && strv_split(colon + 1, ":", &l) < 0)
                return -ENOMEM;

        STRV_FOREACH(s, l)
                if (!flag_from_name(*s)) {
                        *ret = strdup(*s);
                        return *ret ? 1 : -ENOMEM;
                }

        return 0;
}

int dir_rules_add_defaults(DirRules *l) {
        static const char *const defaults[] = {
                "box=./box:rw", "bin", "dev:dev:norec", "dev/shm=tmpfs:fs:rw", "lib", "lib64:maybe", "proc=proc:fs",
                "tmp:tmp",
                "usr",
        };

        for (size_t i = 0; i < ELEMENTSOF(defaults); i++) {
                int r = dir_rules_add(l, defaults[i], /* is_default= */ true);
                if (r < 0)
                        return r;
        }

        return 0;
}

void dir_rules_done(DirRules *l) {
        assert(l);

        for (size_t i = 0; i < l->n; i++) {
                free(l->items[i].inside);
                free(l->items[i].outside);
        }
        l->items = mfree(l->items);
        l->n = 0;
}

static bool in_force(const DirRule *r, bool with_defaults) {
        return r->outside && (with_defaults || !r->is_default);
}

const DirRule *dir_rules_find(const DirRules *l, const char *inside, bool with_defaults) {
        assert(l);
        assert(inside);

        for (size_t i = 0; i < l->n; i++)
                if (streq(l->items[i].inside, inside))
                        return in_force(l->items + i, with_defaults) ? l->items + i : NULL;

        return NULL;
}

bool dir_rule_is_system(const DirRule *r) {
        assert(r);

        for (size_t i = 0; i < ELEMENTSOF(system_directories); i++)
                if (streq(r->inside, system_directories[i]))
                        return true;

        return false;
}

bool dir_rules_have_system(const DirRules *l, bool with_defaults) {
        assert(l);

        for (size_t i = 0; i < ELEMENTSOF(system_directories); i++) {
                const DirRule *r = dir_rules_find(l, system_directories[i], with_defaults);

                if (!r || !r->is_default)
                        return false;
        }

        return true;
}
