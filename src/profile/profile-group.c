/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "profile-internal.h"

void profile_group_done(ProfileGroup *g) {
        if (g)
                g->syscalls = strv_free(g->syscalls);
}

static ProfileGroup make_group(Action a) {
        return (ProfileGroup) {
                .action = action_type_to_string(a.type),
                .error = a.type == ACTION_ERRNO ? a.error : 0,
        };
}

ProfileGroup profile_get_default(const Profile *p) {
        assert(p);

        return make_group(p->default_action);
}

ProfileGroup profile_get_foreign(const Profile *p) {
        assert(p);

        return make_group(p->foreign_action);
}

static bool belongs(const ProfileGroup *g, const ProfileRule *r) {
        ProfileGroup own = make_group(r->action);

        return streq(g->action, own.action) && g->error == own.error && g->conditional == (r->n_conditions > 0);
}

static int add_call(ProfileGroup *g, uint32_t nr) {
        _cleanup_free_ char *name = syscall_to_name(nr);

        if (!name)
                return -ENOMEM;

        return g->syscalls && strv_contains(g->syscalls, name) ? 0 : strv_extend(&g->syscalls, name);
}

static ProfileGroup *find_group(ProfileGroup *groups, size_t n, const ProfileRule *r) {
        for (size_t i = 0; i < n; i++)
                if (belongs(groups + i, r))
                        return groups + i;

        return NULL;
}

int profile_get_groups(const Profile *p, ProfileGroup **ret, size_t *ret_n) {
        ProfileGroup *groups;
        size_t n = 0;
        int r = 0;

        assert(p);
        assert(ret);
        assert(ret_n);

        groups = new0(ProfileGroup, p->n_rules);
        if (!groups)
                return -ENOMEM;

        for (ActionType t = 0; t < _ACTION_TYPE_MAX; t++)
                for (size_t i = 0; i < p->n_rules && r >= 0; i++) {
                        const ProfileRule *rule = p->rules + i;
                        ProfileGroup *g;

                        if (rule->action.type != t)
                                continue;

                        g = find_group(groups, n, rule);
                        if (!g) {
                                g = groups + n++;
                                *g = make_group(rule->action);
                                g->conditional = rule->n_conditions > 0;
                        }
                        r = add_call(g, rule->nr);
                }
        if (r < 0) {
                for (size_t i = 0; i < n; i++)
                        profile_group_done(groups + i);
                free(groups);
                return r;
        }

        *ret = groups;
        *ret_n = n;
        return 0;
}
