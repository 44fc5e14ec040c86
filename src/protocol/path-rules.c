/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "path-rules.h"
#include "spec.h"

void path_rules_done(PathRules *l) {
        assert(l);

        for (size_t i = 0; i < l->n; i++)
                free(l->rules[i].path);
        free(l->rules);
        *l = (PathRules) {};
}

int path_rules_add(PathRules *l, const PathRule *rule) {
        PathRule *grown, copy = *rule;

        assert(l);
        assert(rule->path);

        if (l->n >= PATH_RULES_MAX)
                return -E2BIG;

        grown = reallocarray(l->rules, l->n + 1, sizeof(PathRule));
        if (!grown)
                return -ENOMEM;
        l->rules = grown;

        copy.path = strdup(rule->path);
        if (!copy.path)
                return -ENOMEM;

        l->rules[l->n++] = copy;
        return 0;
}

int path_rules_copy(const PathRules *l, PathRules *ret) {
        _cleanup_(path_rules_done) PathRules copy = {};

        assert(l);
        assert(ret);

        for (size_t i = 0; i < l->n; i++) {
                int r;

                r = path_rules_add(&copy, l->rules + i);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_GENERIC(copy, PathRules, (PathRules) {});
        return 0;
}

/* The components of a path, as they are from the root on. */
typedef struct Components {
        const char *rest, *following;
} Components;

static Components components_of(const char *path) {
        return path[0] == '/' ? (Components) { .rest = path }
                              : (Components) { .rest = BOX_DIRECTORY, .following = path };
}

/* The length of the next one, at *ret; 0 at the end. "." says nothing. */
static size_t next_component(Components *c, const char **ret) {
        for (;;) {
                size_t n;

                c->rest += strspn(c->rest, "/");
                n = strcspn(c->rest, "/");
                if (n == 0) {
                        if (!c->following)
                                return 0;
                        c->rest = TAKE_PTR(c->following);
                        continue;
                }

                *ret = c->rest;
                c->rest += n;
                if (n != 1 || **ret != '.')
                        return n;
        }
}

static bool path_is_below(const char *path, const char *above) {
        Components p = components_of(path), a = components_of(above);

        for (;;) {
                const char *x, *y;
                size_t n = next_component(&a, &y);

                if (n == 0)
                        return true;
                if (next_component(&p, &x) != n || memcmp(x, y, n) != 0)
                        return false;
        }
}

static bool gives_something(const PathRule *r) {
        return r->read || r->write || r->execute;
}

bool path_rules_contradict(const PathRules *l, size_t *ret_exception, size_t *ret_other) {
        assert(l);
        assert(ret_exception);
        assert(ret_other);

        for (size_t i = 0; i < l->n; i++)
                for (size_t k = 0; k < l->n && !gives_something(l->rules + i); k++)
                        if (gives_something(l->rules + k) && path_is_below(l->rules[i].path, l->rules[k].path)) {
                                *ret_exception = i;
                                *ret_other = k;
                                return true;
                        }

        return false;
}
