/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a language is compiled and run: one JSON file each, languages(5) in judgectl(1). A file in
 * /etc/judgebox/languages stands in for the one of that name that came with judgebox. */

#include "json-util.h"

typedef struct RecipeStep {
        char **command;     /* the first is looked up in PATH if it has no slash */
        char **environment; /* NAME=VALUE, added to the default; may be NULL */
        json_object *limits; /* type Limits; NULL if none is given */
        char *profile;       /* NULL: the service's default */
} RecipeStep;

typedef struct Recipe {
        char *id;   /* the file's name without .json */
        char *name; /* for people */
        char **extensions;
        char *source; /* the submission's name in the box */
        char **keep;  /* files of the box that the runs need: what compiling makes, or the source */
        RecipeStep compile; /* command is NULL where there is nothing to compile */
        RecipeStep run;
} Recipe;

Recipe *recipe_free(Recipe *r);
DEFINE_TRIVIAL_CLEANUP_FUNC(Recipe *, recipe_free);

/* Strict: what is no JSON, an unknown or missing field and a wrong type are -EINVAL, and ret_error (which is the
 * caller's) says which in one sentence. */
int recipe_parse(const char *id, const char *text, size_t size, Recipe **ret, char **ret_error);

/* {"time":"20s", "memory":"1G", "processes":64}: the names of run's options, values as they are given there; a whole
 * number may also be one in JSON. As type Limits; returns as recipe_parse(). */
int recipe_parse_limits(const char *field, json_object *v, json_object **ret, char **ret_error);

/* The directories in which recipes are looked for, the first one first. */
int recipe_directories(char ***ret);

/* By id where `language` is given (or from that file, if it has a slash), else by the submission's extension. Logs.
 * A file that is wrong is an error where it is the one asked for, and otherwise a warning. */
int recipe_find(char *const *directories, const char *language, const char *submission, Recipe **ret);
