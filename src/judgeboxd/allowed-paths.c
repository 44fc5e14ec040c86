/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "allowed-paths.h"
#include "json-build.h"
#include "landlock-abi.h"
#include "parse-util.h"
#include "string-util.h"

#define FIELD_SIZE 96

static bool get_boolean(json_object *o, const char *name) {
        return json_object_get_boolean(json_object_object_get(o, name));
}

int allowed_paths_parse(json_object *array, const char *field, PathRules *ret, Failure *f) {
        size_t n = array ? json_object_array_length(array) : 0;

        assert(field);
        assert(ret);

        if (n > PATH_RULES_MAX)
                return failure_set_field(f, field, "There can be at most %u.", PATH_RULES_MAX);

        for (size_t i = 0; i < n; i++) {
                json_object *o = json_object_array_get_idx(array, i);
                PathRule rule = {
                        .path = (char *) json_object_get_string(json_object_object_get(o, "path")),
                        .read = get_boolean(o, "read"),
                        .write = get_boolean(o, "write"),
                        .execute = get_boolean(o, "execute"),
                        .optional = get_boolean(o, "optional"),
                };
                int r;

                r = path_rules_add(ret, &rule);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int refuse_without_landlock(const char *field, Failure *f) {
        int r;

        r = failure_set_message(f, FAILURE_NOT_SUPPORTED, NULL,
                                "%s needs Landlock of version %i (Linux 5.19), which this kernel lacks or does not "
                                "let us use.",
                                field, LANDLOCK_ABI_REFER);
        return strv_extend(&f->missing, "landlock") < 0 ? -ENOMEM : r;
}

int allowed_paths_check(const PathRules *l, const char *field, Failure *f) {
        size_t exception, other;
        char path[FIELD_SIZE];

        assert(l);
        assert(field);

        for (size_t i = 0; i < l->n; i++)
                if (!box_path_is_valid(l->rules[i].path)) {
                        (void) snprintf(path, sizeof(path), "%s[%zu].path", field, i);
                        return failure_set_field(f, path, "%s is empty, too long, or climbs with \"..\".", path);
                }

        if (path_rules_contradict(l, &exception, &other)) {
                (void) snprintf(path, sizeof(path), "%s[%zu]", field, exception);
                return failure_set_message(f, FAILURE_LIMIT_OUT_OF_RANGE, path,
                                           "%s has no effect: rules add up, and %s lies below %s.", path,
                                           l->rules[exception].path, l->rules[other].path);
        }

        return l->n > 0 && landlock_get_abi() < LANDLOCK_ABI_REFER ? refuse_without_landlock(field, f) : 0;
}

static void add_rule(int *r, json_object *array, const PathRule *rule) {
        json_object *o = json_object_new_object();

        json_append(r, array, o);
        json_add_string(r, o, "path", rule->path);
        json_add(r, o, "read", json_object_new_boolean(rule->read));
        json_add(r, o, "write", json_object_new_boolean(rule->write));
        json_add(r, o, "execute", json_object_new_boolean(rule->execute));
        json_add(r, o, "optional", json_object_new_boolean(rule->optional));
}

int allowed_paths_to_json(const PathRules *l, json_object **ret) {
        _cleanup_json_ json_object *array = json_object_new_array();
        int r = array ? 0 : -ENOMEM;

        assert(l);
        assert(ret);

        for (size_t i = 0; i < l->n; i++)
                add_rule(&r, array, l->rules + i);

        if (r >= 0)
                *ret = TAKE_PTR(array);
        return r;
}
