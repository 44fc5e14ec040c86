/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "json-build.h"
#include "profile-json.h"
#include "result-json.h"

static int profile_to_json(const StoredProfile *p, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        json_object *remarks = NULL;
        int r = o ? 0 : -ENOMEM;

        json_add_string(&r, o, "name", p->name);
        json_add_string(&r, o, "path", p->path);
        if (p->error)
                json_add_string(&r, o, "error", p->error);
        else {
                if (profile_description(p->profile))
                        json_add_string(&r, o, "description", profile_description(p->profile));
                json_add(&r, o, "adminOnly", json_object_new_boolean(profile_is_admin_only(p->profile)));
                json_add_uint64(&r, o, "instructions", p->n);
                if (r >= 0)
                        r = strv_to_json(profile_remarks(p->profile), &remarks);
                json_add(&r, o, "remarks", remarks);
        }
        if (r < 0)
                return r;

        *ret = TAKE_PTR(o);
        return 0;
}

int profiles_to_json(ProfileStore *s, json_object **ret) {
        _cleanup_json_ json_object *array = json_object_new_array();
        _cleanup_strv_free_ char **names = NULL;
        int r;

        assert(s);
        assert(ret);

        if (!array)
                return -ENOMEM;

        r = profile_store_list(s, &names);
        if (r < 0)
                return r;

        STRV_FOREACH(name, names) {
                const StoredProfile *p;
                json_object *o = NULL;

                r = profile_store_find(s, *name, &p);
                if (r == -ENOENT)
                        continue;
                if (r >= 0)
                        r = profile_to_json(p, &o);
                json_append(&r, array, o);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(array);
        return 0;
}

static int group_to_json(const ProfileGroup *g, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        json_object *syscalls = NULL;
        int r = o ? 0 : -ENOMEM;

        json_add_string(&r, o, "action", g->action);
        if (g->error > 0)
                json_add_string(&r, o, "error", strerrorname_np(g->error) ?: "unknown");
        json_add(&r, o, "conditional", json_object_new_boolean(g->conditional));
        if (r >= 0)
                r = strv_to_json(g->syscalls, &syscalls);
        json_add(&r, o, "syscalls", syscalls);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(o);
        return 0;
}

static int groups_to_json(const Profile *p, json_object **ret) {
        _cleanup_json_ json_object *array = json_object_new_array();
        ProfileGroup *groups;
        size_t n;
        int r;

        if (!array)
                return -ENOMEM;

        r = profile_get_groups(p, &groups, &n);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n; i++) {
                json_object *o = NULL;

                if (r >= 0)
                        r = group_to_json(groups + i, &o);
                json_append(&r, array, o);
                profile_group_done(groups + i);
        }
        free(groups);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(array);
        return 0;
}

int profile_add_json(json_object *o, const StoredProfile *p) {
        ProfileGroup fallback = profile_get_default(p->profile), foreign = profile_get_foreign(p->profile);
        json_object *v = NULL;
        int r;

        assert(o);

        r = profile_to_json(p, &v);
        json_add(&r, o, "profile", TAKE_PTR(v));
        if (r >= 0)
                r = groups_to_json(p->profile, &v);
        json_add(&r, o, "rules", TAKE_PTR(v));
        if (r >= 0)
                r = group_to_json(&fallback, &v);
        json_add(&r, o, "fallback", TAKE_PTR(v));
        if (r >= 0)
                r = group_to_json(&foreign, &v);
        json_add(&r, o, "foreign", TAKE_PTR(v));
        return r;
}
