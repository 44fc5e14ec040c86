/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>

#include "json-parse.h"
#include "limit-option.h"
#include "parse-util.h"
#include "recipe.h"
#include "string-util.h"

static void recipe_step_done(RecipeStep *s) {
        s->command = strv_free(s->command);
        s->environment = strv_free(s->environment);
        json_putp(&s->limits);
        s->profile = mfree(s->profile);
}

Recipe *recipe_free(Recipe *r) {
        if (!r)
                return NULL;

        free(r->id);
        free(r->name);
        strv_free(r->extensions);
        free(r->source);
        strv_free(r->keep);
        recipe_step_done(&r->compile);
        recipe_step_done(&r->run);
        return mfree(r);
}

/* Says what is wrong with a field, once. Returns -EINVAL. */
static int _printf_(2, 3) fail(char **error, const char *format, ...) {
        va_list ap;

        if (*error)
                return -EINVAL;

        va_start(ap, format);
        if (vasprintf(error, format, ap) < 0)
                *error = NULL;
        va_end(ap);

        return *error ? -EINVAL : -ENOMEM;
}

static int parse_string(const char *field, json_object *v, char **ret, char **error) {
        const char *s;

        if (!json_object_is_type(v, json_type_string))
                return fail(error, "field \"%s\" must be a string", field);

        s = json_object_get_string(v);
        if (isempty(s))
                return fail(error, "field \"%s\" must not be empty", field);

        *ret = strdup(s);
        return *ret ? 0 : -ENOMEM;
}

static int parse_strings(const char *field, json_object *v, char ***ret, char **error) {
        _cleanup_strv_free_ char **l = NULL;
        int r;

        if (!json_object_is_type(v, json_type_array) || json_object_array_length(v) == 0)
                return fail(error, "field \"%s\" must be an array of strings", field);

        for (size_t i = 0; i < json_object_array_length(v); i++) {
                json_object *element = json_object_array_get_idx(v, i);

                if (!json_object_is_type(element, json_type_string))
                        return fail(error, "field \"%s[%zu]\" must be a string", field, i);

                r = strv_extend(&l, json_object_get_string(element));
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(l);
        return 0;
}

int recipe_parse_limits(const char *field, json_object *v, json_object **ret, char **ret_error) {
        _cleanup_json_ json_object *limits = NULL;
        int r;

        assert(field);
        assert(ret);
        assert(ret_error);

        if (!json_object_is_type(v, json_type_object))
                return fail(ret_error, "field \"%s\" must be an object", field);

        limits = json_object_new_object();
        if (!limits)
                return -ENOMEM;

        json_object_object_foreach(v, key, value) {
                const LimitOption *l = limit_option_by_name(key);

                if (!l)
                        return fail(ret_error, "unknown field \"%s.%s\"", field, key);

                if (!json_object_is_type(value, json_type_string) && !json_object_is_type(value, json_type_int))
                        return fail(ret_error, "field \"%s.%s\" must be a string or a whole number", field, key);

                r = limit_option_set(l, limits, json_object_get_string(value));
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        return fail(ret_error, "field \"%s.%s\" must be %s", field, key, limit_kind_syntax(l->kind));
        }

        *ret = TAKE_PTR(limits);
        return 0;
}

static int check_environment(const char *field, char *const *l, char **error) {
        STRV_FOREACH(e, l)
                if (!strchr(*e, '=') || (*e)[0] == '=')
                        return fail(error, "field \"%s.environment\" must have NAME=VALUE, not \"%s\"", field, *e);

        return 0;
}

static int parse_profile(const char *field, json_object *v, char **ret, char **error) {
        int r;

        r = parse_string(field, v, ret, error);
        if (r >= 0 && !box_id_is_valid(*ret))
                return fail(error, "field \"%s\" must be the name of a profile", field);
        return r;
}

static int parse_step(const char *field, json_object *v, RecipeStep *step, char **error) {
        int r = 0;

        if (!json_object_is_type(v, json_type_object))
                return fail(error, "field \"%s\" must be an object", field);

        json_object_object_foreach(v, key, value) {
                _cleanup_free_ char *name = strprintf("%s.%s", field, key);

                if (!name)
                        return -ENOMEM;

                if (streq(key, "command"))
                        r = parse_strings(name, value, &step->command, error);
                else if (streq(key, "environment"))
                        r = parse_strings(name, value, &step->environment, error);
                else if (streq(key, "profile"))
                        r = parse_profile(name, value, &step->profile, error);
                else if (streq(key, "limits"))
                        r = recipe_parse_limits(name, value, &step->limits, error);
                else
                        r = fail(error, "unknown field \"%s\"", name);
                if (r < 0)
                        return r;
        }

        if (!step->command)
                return fail(error, "field \"%s.command\" is missing", field);

        return check_environment(field, step->environment, error);
}

/* A name of a file in the box's working directory, the only place that a recipe knows. */
static bool is_file_name(const char *s) {
        return box_path_is_valid(s) && !strchr(s, '/') && !streq(s, ".");
}

static int check(Recipe *recipe, char **error) {
        static const char *const names[] = { "name", "extensions", "source", "run" };
        const bool there[] = { recipe->name, recipe->extensions, recipe->source, recipe->run.command };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (!there[i])
                        return fail(error, "field \"%s\" is missing", names[i]);

        STRV_FOREACH(e, recipe->extensions)
                if ((*e)[0] != '.' || (*e)[1] == '\0' || strchr(*e, '/'))
                        return fail(error, "field \"extensions\" has \"%s\", which does not begin with a dot", *e);

        if (!is_file_name(recipe->source))
                return fail(error, "field \"source\" must be the name of a file");

        /* Where nothing is compiled, the source is what runs. */
        if (!recipe->keep && !recipe->compile.command)
                return strv_extend(&recipe->keep, recipe->source);
        if (!recipe->keep)
                return fail(error, "field \"keep\" is missing: which files does compiling make?");

        STRV_FOREACH(k, recipe->keep) {
                if (!is_file_name(*k))
                        return fail(error, "field \"keep\" must have names of files, not \"%s\"", *k);
                if (!recipe->compile.command && !streq(*k, recipe->source))
                        return fail(error, "field \"keep\" has \"%s\", which nothing makes", *k);
        }

        /* They travel as descriptors of one message, beside the program's three streams. */
        if (strv_length(recipe->keep) > 8)
                return fail(error, "field \"keep\" has more than 8 files");

        return 0;
}

int recipe_parse(const char *id, const char *text, size_t size, Recipe **ret, char **ret_error) {
        _cleanup_(recipe_freep) Recipe *recipe = NULL;
        _cleanup_json_ json_object *o = NULL;
        static const JsonBounds bounds = { .depth = 4, .n_values = 1024 };
        _cleanup_free_ char *error = NULL;
        int r;

        assert(id);
        assert(text);
        assert(ret);
        assert(ret_error);

        recipe = new0(Recipe, 1);
        if (!recipe)
                return -ENOMEM;

        recipe->id = strdup(id);
        if (!recipe->id)
                return -ENOMEM;

        r = json_parse_checked(text, size, &bounds, /* tokener= */ NULL, &o);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || !json_object_is_type(o, json_type_object)) {
                r = fail(&error, "not a JSON object");
                goto finish;
        }

        json_object_object_foreach(o, key, value) {
                if (streq(key, "name"))
                        r = parse_string(key, value, &recipe->name, &error);
                else if (streq(key, "extensions"))
                        r = parse_strings(key, value, &recipe->extensions, &error);
                else if (streq(key, "source"))
                        r = parse_string(key, value, &recipe->source, &error);
                else if (streq(key, "keep"))
                        r = parse_strings(key, value, &recipe->keep, &error);
                else if (streq(key, "compile"))
                        r = parse_step(key, value, &recipe->compile, &error);
                else if (streq(key, "run"))
                        r = parse_step(key, value, &recipe->run, &error);
                else
                        r = fail(&error, "unknown field \"%s\"", key);
                if (r < 0)
                        goto finish;
        }

        r = check(recipe, &error);

finish:
        if (r < 0) {
                *ret_error = TAKE_PTR(error);
                return r;
        }

        *ret = TAKE_PTR(recipe);
        return 0;
}
