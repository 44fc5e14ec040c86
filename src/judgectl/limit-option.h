/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The limits of a run by their three names: the option, the key in a recipe (the option's long name) and the field
 * of org.judgebox.Manager's type Limits. */

#include <getopt.h>

#include "json-util.h"

typedef enum LimitKind {
        LIMIT_KIND_TIME,
        LIMIT_KIND_SIZE,
        LIMIT_KIND_NUMBER,
        LIMIT_KIND_CPU_LIST,
} LimitKind;

typedef struct LimitOption {
        int option; /* what getopt_long() returns */
        const char *name;
        const char *field;
        LimitKind kind;
} LimitOption;

enum {
        ARG_EXTRA_TIME = 0x200,
        ARG_IDLE_TIME,
        ARG_STACK,
        ARG_FILE_SIZE,
        ARG_OUTPUT_SIZE,
        ARG_OPEN_FILES,
        ARG_CPUS,
        ARG_ADDRESS_SPACE,
        ARG_CPU_PERCENT,
        ARG_CPU_SET,
};

#define LIMIT_SHORT_OPTIONS "t:w:m:p:"
#define LIMIT_LONG_OPTIONS                                               \
        { "time", required_argument, NULL, 't' },                        \
        { "wall-time", required_argument, NULL, 'w' },                   \
        { "extra-time", required_argument, NULL, ARG_EXTRA_TIME },       \
        { "idle-time", required_argument, NULL, ARG_IDLE_TIME },         \
        { "memory", required_argument, NULL, 'm' },                      \
        { "processes", required_argument, NULL, 'p' },                   \
        { "stack", required_argument, NULL, ARG_STACK },                 \
        { "file-size", required_argument, NULL, ARG_FILE_SIZE },         \
        { "output-size", required_argument, NULL, ARG_OUTPUT_SIZE },     \
        { "open-files", required_argument, NULL, ARG_OPEN_FILES },       \
        { "cpus", required_argument, NULL, ARG_CPUS },                   \
        { "address-space", required_argument, NULL, ARG_ADDRESS_SPACE }, \
        { "cpu-percent", required_argument, NULL, ARG_CPU_PERCENT },     \
        { "cpu-set", required_argument, NULL, ARG_CPU_SET }

/* NULL: there is no such limit. */
const LimitOption *limit_option_by_option(int option);
const LimitOption *limit_option_by_name(const char *name);
const LimitOption *limit_option_by_field(const char *field);

/* Sets the limit's field in `limits`. -EINVAL where the value is not of the kind, -ERANGE where no such limit can
 * be. Which values are allowed is the service's to say. */
int limit_option_set(const LimitOption *l, json_object *limits, const char *value);

/* "a time such as 1.5, 250ms or 2min" */
const char *limit_kind_syntax(LimitKind kind);

/* For --help. */
extern const char limit_options_help[];
