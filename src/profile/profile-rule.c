/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/utsname.h>

#include "profile-read.h"

#define PROFILE_RULES_MAX 65536U

/* One of "includes" and "excludes". */
typedef struct Selection {
        bool caps;
        bool arches_given, native;
        bool kernel_given, kernel;
} Selection;

static int read_cap(Reader *p, const char *field, json_object *v, void *userdata) {
        Selection *s = userdata;

        s->caps = true;
        return 0;
}

static int read_caps(Reader *p, const char *field, json_object *v, void *userdata) {
        return read_elements(p, field, v, json_type_string, read_cap, userdata);
}

static int read_arch(Reader *p, const char *field, json_object *v, void *userdata) {
        Selection *s = userdata;

        s->arches_given = true;
        s->native = s->native || architecture_is_native(json_object_get_string(v));
        return 0;
}

static int read_arches(Reader *p, const char *field, json_object *v, void *userdata) {
        return read_elements(p, field, v, json_type_string, read_arch, userdata);
}

static int read_min_kernel(Reader *p, const char *field, json_object *v, void *userdata) {
        unsigned wanted[2], running[2] = {};
        Selection *s = userdata;
        struct utsname u;
        int end = 0;

        if (!json_object_is_type(v, json_type_string) ||
            sscanf(json_object_get_string(v), "%3u.%3u%n", wanted, wanted + 1, &end) != 2 ||
            json_object_get_string(v)[end] != '\0')
                return reader_fail_type(p, field, "a version such as \"4.8\"");

        if (uname(&u) < 0)
                return -errno;
        if (sscanf(u.release, "%3u.%3u", running, running + 1) != 2)
                running[0] = running[1] = 0;

        s->kernel_given = true;
        s->kernel = running[0] > wanted[0] || (running[0] == wanted[0] && running[1] >= wanted[1]);
        return 0;
}

static int read_selection(Reader *p, const char *field, json_object *v, void *userdata) {
        const Field fields[] = {
                { "caps", read_caps, userdata },
                { "arches", read_arches, userdata },
                { "minKernel", read_min_kernel, userdata },
        };

        if (!json_object_is_type(v, json_type_object))
                return reader_fail_type(p, field, "an object");

        return read_fields(p, v, fields, ELEMENTSOF(fields));
}

typedef struct RuleReader {
        ActionReader action;
        char *name;
        json_object *names, *args;
        Selection includes, excludes;
        Condition conditions[16]; /* as in the file: an argument may be there more than once */
        size_t n_conditions;
        bool ours;     /* the rule holds here */
        bool optional; /* it is for other architectures or kernels, and its calls need not be known */
} RuleReader;

static void rule_reader_done(RuleReader *r) {
        free(r->name);
}

static int read_list(Reader *p, const char *field, json_object *v, void *userdata) {
        if (!json_object_is_type(v, json_type_array))
                return reader_fail_type(p, field, "a list");

        *(json_object **) userdata = v;
        return 0;
}

static int read_compare(Reader *p, const char *field, json_object *v, void *userdata) {
        CompareType *compare = userdata;
        const char *s;

        if (!json_object_is_type(v, json_type_string))
                return reader_fail_type(p, field, "the name of a comparison");

        s = json_object_get_string(v);
        *compare = compare_type_from_string(s);
        return *compare < 0 ? reader_fail(p, "%s%s: Unknown comparison \"%s\".", p->place, field, s) : 0;
}

static int read_condition(Reader *p, const char *field, json_object *v, void *userdata) {
        RuleReader *rule = userdata;
        Condition condition = { .compare = _COMPARE_TYPE_INVALID };
        uint64_t index = UINT64_MAX;
        const Field fields[] = {
                { "index", read_uint64, &index },
                { "value", read_uint64, &condition.value },
                { "valueTwo", read_uint64, &condition.value2 },
                { "op", read_compare, &condition.compare },
        };
        size_t place = strlen(p->place);
        int r;

        if (rule->n_conditions >= ELEMENTSOF(rule->conditions))
                return reader_fail(p, "%sargs: There can be at most %zu.", p->place, ELEMENTSOF(rule->conditions));

        (void) snprintf(p->place + place, sizeof(p->place) - place, "%s.", field);
        r = read_fields(p, v, fields, ELEMENTSOF(fields));
        if (r >= 0 && index >= SYSCALL_ARGUMENTS_MAX)
                r = reader_fail_type(p, "index", "a number from 0 to 5");
        if (r >= 0 && condition.compare < 0)
                r = reader_fail_type(p, "op", "the name of a comparison");
        p->place[place] = '\0';
        if (r < 0)
                return r;

        /* As libseccomp has it, and with it runc: else a rule that forbids something would quietly never match. */
        if (condition.compare == COMPARE_MASKED_EQ)
                condition.value2 &= condition.value;

        condition.argument = (unsigned) index;
        rule->conditions[rule->n_conditions++] = condition;
        return 0;
}

static int add_rule(Reader *p, ProfileRule rule) {
        Profile *profile = p->profile;

        if (profile->n_rules >= PROFILE_RULES_MAX)
                return reader_fail(p, "%snames: The profile has too many rules.", p->place);

        if (profile->n_rules >= profile->n_allocated) {
                size_t n = MAX(2 * profile->n_allocated, (size_t) 64);
                ProfileRule *rules = reallocarray(profile->rules, n, sizeof(*rules));

                if (!rules)
                        return -ENOMEM;
                profile->rules = rules;
                profile->n_allocated = n;
        }

        rule.order = profile->n_rules;
        profile->rules[profile->n_rules++] = rule;
        return 0;
}

static bool has_argument_twice(const RuleReader *rule) {
        unsigned seen = 0;

        for (size_t i = 0; i < rule->n_conditions; i++) {
                if (seen & (1U << rule->conditions[i].argument))
                        return true;
                seen |= 1U << rule->conditions[i].argument;
        }

        return false;
}

/* Conditions hold together. As runc has it, one argument that is there twice makes alternatives of them all. */
static int add_call(Reader *p, const RuleReader *rule, uint32_t nr) {
        ProfileRule call = { .nr = nr, .action = action_reader_finish(&rule->action) };
        int r = 0;

        if (!has_argument_twice(rule)) {
                for (size_t i = 0; i < rule->n_conditions; i++)
                        call.conditions[call.n_conditions++] = rule->conditions[i];
                return add_rule(p, call);
        }

        for (size_t i = 0; i < rule->n_conditions && r >= 0; i++) {
                call.conditions[0] = rule->conditions[i];
                call.n_conditions = 1;
                r = add_rule(p, call);
        }

        return r;
}

static int read_name(Reader *p, const char *field, json_object *v, void *userdata) {
        const RuleReader *rule = userdata;
        const char *s = json_object_get_string(v);
        uint32_t nr;
        int r;

        r = syscall_from_name(s, &nr);
        if (r == -EINVAL && !rule->optional)
                return reader_fail(p, "%s%s: Unknown system call \"%s\".", p->place, field, s);

        return r < 0 || !rule->ours ? 0 : add_call(p, rule, nr);
}

static void select_rule(RuleReader *rule) {
        const Selection *in = &rule->includes, *out = &rule->excludes;

        rule->optional = (in->arches_given && !in->native) || (in->kernel_given && !in->kernel) ||
                        out->native || (out->kernel_given && out->kernel);
        /* A program in a box has no capabilities. */
        rule->ours = !rule->optional && !in->caps;
}

static int read_rule_fields(Reader *p, json_object *v, RuleReader *rule) {
        const Field fields[] = {
                { "names", read_list, &rule->names },
                { "name", read_string, &rule->name },
                { "action", read_action, &rule->action },
                { "errnoRet", read_errno, &rule->action },
                { "errno", read_errno_name, &rule->action },
                { "args", read_list, &rule->args },
                { "includes", read_selection, &rule->includes },
                { "excludes", read_selection, &rule->excludes },
                { "comment" },
        };
        int r;

        r = read_fields(p, v, fields, ELEMENTSOF(fields));
        if (r < 0)
                return r;

        if (!rule->action.given)
                return reader_fail(p, "%saction: This is missing.", p->place);
        if (!rule->names == !rule->name)
                return reader_fail(p, "%snames: There must be either a list of names, or a name.", p->place);

        return rule->args ? read_elements(p, "args", rule->args, json_type_object, read_condition, rule) : 0;
}

static int read_rule(Reader *p, const char *field, json_object *v, void *userdata) {
        _cleanup_(rule_reader_done) RuleReader rule = { .action = ACTION_READER_NULL };
        int r;

        (void) snprintf(p->place, sizeof(p->place), "%s.", field);
        r = read_rule_fields(p, v, &rule);
        if (r < 0)
                return r;

        select_rule(&rule);
        if (rule.names)
                r = read_elements(p, "names", rule.names, json_type_string, read_name, &rule);
        else {
                json_object *name;

                (void) json_object_object_get_ex(v, "name", &name);
                r = read_name(p, "name", name, &rule);
        }
        if (r < 0)
                return r;

        p->place[0] = '\0';
        return 0;
}

int read_rules(Reader *p, const char *field, json_object *v, void *userdata) {
        return read_elements(p, field, v, json_type_object, read_rule, NULL);
}
