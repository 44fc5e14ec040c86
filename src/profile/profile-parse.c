/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "profile-read.h"

DEFINE_VOID_CLEANUP_FUNC(json_object *, json_object_put, json_object_putp);

static const JsonBounds bounds = { .depth = 8, .n_values = JSON_CHECK_VALUES_MAX };

static int read_architecture(Reader *p, const char *field, json_object *v, void *userdata) {
        const char *s = json_object_get_string(v);

        return architecture_is_known(s) ? 0 : reader_fail(p, "%s%s: Unknown architecture \"%s\".", p->place, field, s);
}

static int read_architectures(Reader *p, const char *field, json_object *v, void *userdata) {
        return read_elements(p, field, v, json_type_string, read_architecture, NULL);
}

static int read_architecture_name(Reader *p, const char *field, json_object *v, void *userdata) {
        return json_object_is_type(v, json_type_string) ? read_architecture(p, field, v, NULL)
                                                        : reader_fail_type(p, field, "a string");
}

static int read_arch_map_entry(Reader *p, const char *field, json_object *v, void *userdata) {
        static const Field fields[] = {
                { "architecture", read_architecture_name },
                { "subArchitectures", read_architectures },
        };
        int r;

        (void) snprintf(p->place, sizeof(p->place), "%s.", field);
        r = read_fields(p, v, fields, ELEMENTSOF(fields));
        p->place[0] = '\0';
        return r;
}

static int read_arch_map(Reader *p, const char *field, json_object *v, void *userdata) {
        return read_elements(p, field, v, json_type_object, read_arch_map_entry, NULL);
}

static int read_flag(Reader *p, const char *field, json_object *v, void *userdata) {
        static const char *const flags[] = {
                "SECCOMP_FILTER_FLAG_TSYNC",
                "SECCOMP_FILTER_FLAG_LOG",
                "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
        };
        const char *s = json_object_get_string(v);

        for (size_t i = 0; i < ELEMENTSOF(flags); i++)
                if (streq(flags[i], s))
                        return strv_extendf(&p->profile->remarks, "%s: %s has no effect here.", field, s);

        return reader_fail(p, "%s: Unknown flag \"%s\".", field, s);
}

static int read_flags(Reader *p, const char *field, json_object *v, void *userdata) {
        return read_elements(p, field, v, json_type_string, read_flag, NULL);
}

static int read_listener(Reader *p, const char *field, json_object *v, void *userdata) {
        return strv_extendf(&p->profile->remarks, "%s: This has no effect here; judgebox is told itself.", field);
}

/* As the compiler wants them: by call, those with conditions first, then sternest first. */
static int compare_rules(const void *a, const void *b) {
        const ProfileRule *x = a, *y = b;

        if (x->nr != y->nr)
                return x->nr < y->nr ? -1 : 1;
        if (!x->n_conditions != !y->n_conditions)
                return x->n_conditions > 0 ? -1 : 1;
        if (x->action.type != y->action.type)
                return x->action.type < y->action.type ? -1 : 1;
        return x->order < y->order ? -1 : x->order > y->order;
}

static int read_profile(Reader *p, json_object *o) {
        ActionReader fallback = ACTION_READER_NULL, foreign = ACTION_READER_NULL;
        const Field fields[] = {
                { "defaultAction", read_action, &fallback },
                { "defaultErrnoRet", read_errno, &fallback },
                { "defaultErrno", read_errno_name, &fallback },
                { "architectures", read_architectures },
                { "archMap", read_arch_map },
                { "flags", read_flags },
                { "listenerPath", read_listener },
                { "listenerMetadata", read_listener },
                { "syscalls", read_rules },
                { "description", read_string, &p->profile->description },
                { "adminOnly", read_boolean, &p->profile->admin_only },
                { "foreignAction", read_action, &foreign },
        };
        int r;

        if (!json_object_is_type(o, json_type_object))
                return reader_fail(p, "A profile must be an object.");

        r = read_fields(p, o, fields, ELEMENTSOF(fields));
        if (r < 0)
                return r;
        if (!fallback.given)
                return reader_fail(p, "defaultAction: This is missing.");

        p->profile->default_action = action_reader_finish(&fallback);
        p->profile->foreign_action = foreign.given ? foreign.action : (Action) { ACTION_REPORT };
        return 0;
}

/* What json_check() says, with the place where it stopped. */
static int fail_json(Reader *p, const char *text, size_t offset, int error) {
        const char *what = error == -ENOTUNIQ ? "The same field is here twice." :
                        error == -E2BIG       ? "The profile is too large, or nested too deeply." :
                        error == -EILSEQ      ? "This is not UTF-8." :
                        error == -ERANGE      ? "This number is too large." :
                                                "This is not JSON.";
        size_t line = 1, column = 1;

        for (size_t i = 0; i < offset; i++)
                if (text[i] == '\n') {
                        line++;
                        column = 1;
                } else
                        column++;

        return error == -ENOMEM ? error : reader_fail(p, "Line %zu, column %zu: %s", line, column, what);
}

int profile_parse(const char *text, size_t size, Profile **ret, char **ret_error) {
        _cleanup_(profile_freep) Profile *profile = NULL;
        _cleanup_(json_object_putp) json_object *o = NULL;
        Reader reader = {};
        size_t offset = 0;
        int r;

        assert(text || size == 0);
        assert(ret);
        assert(ret_error);

        profile = reader.profile = new0(Profile, 1);
        if (!profile)
                return -ENOMEM;

        r = json_check(text, size, &bounds, &offset);
        if (r < 0)
                r = fail_json(&reader, text, offset, r);
        else {
                r = json_parse_checked(text, size, &bounds, NULL, &o);
                if (r >= 0)
                        r = read_profile(&reader, o);
        }
        if (r < 0) {
                if (r == -EINVAL)
                        *ret_error = reader.error;
                return r;
        }

        if (profile->n_rules > 0)
                qsort(profile->rules, profile->n_rules, sizeof(*profile->rules), compare_rules);

        *ret = TAKE_PTR(profile);
        return 0;
}
