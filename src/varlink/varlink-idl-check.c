/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "string-util.h"
#include "varlink-idl-internal.h"

/* A name that a peer made up comes back in an error: not all of a long one. */
#define NAME_SIZE_MAX 64

typedef struct Check {
        bool normalize;
        char **error_field;
} Check;

/* How much of the name to repeat: whole characters of it. */
static int name_precision(const char *name) {
        size_t n = strnlen(name, NAME_SIZE_MAX + 1);

        if (n > NAME_SIZE_MAX)
                for (n = NAME_SIZE_MAX; n > 0 && ((uint8_t) name[n] & 0xc0) == 0x80; n--)
                        ;

        return (int) n;
}

/* The path is put together only when it is needed, from its end, as the calls return. */
static int check_failed(Check *c, const char *name) {
        if (c->error_field)
                *c->error_field = strprintf("%.*s", name_precision(name), name);

        return -EINVAL;
}

static int check_failed_below(Check *c, const char *name) {
        _cleanup_free_ char *below = NULL;

        if (c->error_field && *c->error_field) {
                below = *c->error_field;
                *c->error_field =
                        strprintf("%.*s%s%s", name_precision(name), name, below[0] == '[' ? "" : ".", below);
        }

        return -EINVAL;
}

static int check_failed_at(Check *c, size_t index, bool below) {
        _cleanup_free_ char *rest = NULL;

        if (c->error_field && (!below || *c->error_field)) {
                if (below)
                        rest = *c->error_field;
                *c->error_field =
                        strprintf("[%zu]%s%s", index, rest && rest[0] != '[' ? "." : "", strempty(rest));
        }

        return -EINVAL;
}

/* -?(0|[1-9][0-9]*), and within 64 bits. */
static bool parse_int64(const char *s, int64_t *ret) {
        bool negative = s[0] == '-';
        int64_t v = 0;

        s += negative;
        if (s[0] == '\0' || (s[0] == '0' && (s[1] != '\0' || negative)))
                return false;

        for (; *s; s++) {
                int digit = *s - '0';

                if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
                    __builtin_add_overflow(v, negative ? -digit : digit, &v))
                        return false;
        }

        *ret = v;
        return true;
}

static bool is_int64(json_object *o) {
        /* json-c holds what is above INT64_MAX as unsigned, and clamps it on demand. */
        return json_object_is_type(o, json_type_int) &&
               (json_object_get_int64(o) < INT64_MAX || json_object_get_uint64(o) == (uint64_t) INT64_MAX);
}

typedef enum CheckResult {
        CHECK_BELOW = -2, /* wrong somewhere inside: the path has been begun */
        CHECK_WRONG = -1, /* wrong itself */
        CHECK_GOOD = 0,
} CheckResult;

static CheckResult check_fields(Check *c, const VarlinkFields *fields, json_object *o);

/* A single value, no container. What shall stand in its place, if anything, comes back in replacement. */
static CheckResult check_value(Check *c, const VarlinkField *f, json_object *o, json_object **replacement) {
        int64_t i;

        switch (f->type) {

        case VARLINK_FIELD_BOOL:
                return json_object_is_type(o, json_type_boolean) ? CHECK_GOOD : CHECK_WRONG;

        case VARLINK_FIELD_INT:
                if (is_int64(o))
                        return CHECK_GOOD;
                if (!c->normalize || !json_object_is_type(o, json_type_string) ||
                    !parse_int64(json_object_get_string(o), &i))
                        return CHECK_WRONG;

                *replacement = json_object_new_int64(i);
                return *replacement ? CHECK_GOOD : CHECK_WRONG;

        case VARLINK_FIELD_FLOAT:
                return json_object_is_type(o, json_type_double) || json_object_is_type(o, json_type_int)
                        ? CHECK_GOOD
                        : CHECK_WRONG;

        case VARLINK_FIELD_STRING:
                return json_object_is_type(o, json_type_string) ? CHECK_GOOD : CHECK_WRONG;

        case VARLINK_FIELD_OBJECT:
                return json_object_is_type(o, json_type_object) ? CHECK_GOOD : CHECK_WRONG;

        case VARLINK_FIELD_ENUM:
                if (json_object_is_type(o, json_type_string))
                        for (size_t k = 0; k < f->fields->n_fields; k++)
                                if (streq(f->fields->fields[k].name, json_object_get_string(o)))
                                        return CHECK_GOOD;
                return CHECK_WRONG;

        case VARLINK_FIELD_STRUCT:
                return check_fields(c, f->fields, o);

        default:
                return CHECK_WRONG;
        }
}

static CheckResult check_array(Check *c, const VarlinkField *f, json_object *o) {
        if (!json_object_is_type(o, json_type_array))
                return CHECK_WRONG;

        for (size_t i = 0, n = json_object_array_length(o); i < n; i++) {
                json_object *replacement = NULL;
                CheckResult k;

                k = check_value(c, f, json_object_array_get_idx(o, i), &replacement);
                if (k != CHECK_GOOD) {
                        (void) check_failed_at(c, i, /* below= */ k == CHECK_BELOW);
                        return CHECK_BELOW;
                }

                /* Replacing within the array's length allocates nothing. */
                if (replacement)
                        (void) json_object_array_put_idx(o, i, replacement);
        }

        return CHECK_GOOD;
}

static CheckResult check_map(Check *c, const VarlinkField *f, json_object *o) {
        if (!json_object_is_type(o, json_type_object))
                return CHECK_WRONG;

        json_object_object_foreach(o, key, value) {
                json_object *replacement = NULL;
                CheckResult k;

                k = check_value(c, f, value, &replacement);
                if (k != CHECK_GOOD) {
                        (void) (k == CHECK_BELOW ? check_failed_below(c, key) : check_failed(c, key));
                        return CHECK_BELOW;
                }

                /* Nor does this under a key that is there, and it leaves the order alone. */
                if (replacement)
                        (void) json_object_object_add(o, key, replacement);
        }

        return CHECK_GOOD;
}

/* One field of an object, which has it (value, perhaps null) or has not. */
static CheckResult check_field(
                Check *c,
                const VarlinkField *f,
                json_object *o,
                bool found,
                json_object *value) {

        json_object *replacement = NULL;
        CheckResult k;

        if (!value) {
                if (!f->nullable)
                        return CHECK_WRONG;
                if (found && c->normalize)
                        json_object_object_del(o, f->name);
                return CHECK_GOOD;
        }

        if (f->container == VARLINK_CONTAINER_ARRAY)
                return check_array(c, f, value);
        if (f->container == VARLINK_CONTAINER_MAP)
                return check_map(c, f, value);

        k = check_value(c, f, value, &replacement);
        if (replacement)
                (void) json_object_object_add(o, f->name, replacement);
        return k;
}

static bool has_field(const VarlinkFields *fields, const char *name) {
        for (size_t i = 0; i < fields->n_fields; i++)
                if (streq(fields->fields[i].name, name))
                        return true;

        return false;
}

static CheckResult check_fields(Check *c, const VarlinkFields *fields, json_object *o) {
        size_t n_left;

        if (!json_object_is_type(o, json_type_object))
                return CHECK_WRONG;

        n_left = (size_t) json_object_object_length(o);

        for (size_t i = 0; i < fields->n_fields; i++) {
                const VarlinkField *f = fields->fields + i;
                json_object *value = NULL;
                CheckResult k;
                bool found;

                found = json_object_object_get_ex(o, f->name, &value);
                n_left -= found;

                k = check_field(c, f, o, found, value);
                if (k != CHECK_GOOD) {
                        (void) (k == CHECK_BELOW ? check_failed_below(c, f->name) : check_failed(c, f->name));
                        return CHECK_BELOW;
                }
        }

        if (n_left > 0) {
                json_object_object_foreach(o, key, value) {
                        (void) value;
                        if (!has_field(fields, key)) {
                                (void) check_failed(c, key);
                                return CHECK_BELOW;
                        }
                }
        }

        return CHECK_GOOD;
}

static int check(const VarlinkFields *fields, json_object *o, bool normalize, char **error_field) {
        Check c = { .normalize = normalize, .error_field = error_field };

        assert(fields);
        assert(json_object_is_type(o, json_type_object));

        if (error_field)
                *error_field = NULL;

        return check_fields(&c, fields, o) == CHECK_GOOD ? 0 : -EINVAL;
}

int varlink_idl_check_parameters(const VarlinkSymbol *method, json_object *parameters, char **error_field) {
        assert(method->kind == VARLINK_SYMBOL_METHOD);

        return check(method->fields, parameters, /* normalize= */ true, error_field);
}

int varlink_idl_check_reply(const VarlinkSymbol *method, json_object *parameters, char **error_field) {
        assert(method->kind == VARLINK_SYMBOL_METHOD);

        return check(method->output, parameters, /* normalize= */ false, error_field);
}

int varlink_idl_check_error(const VarlinkSymbol *error, json_object *parameters, char **error_field) {
        assert(error->kind == VARLINK_SYMBOL_ERROR);

        return check(error->fields, parameters, /* normalize= */ false, error_field);
}
