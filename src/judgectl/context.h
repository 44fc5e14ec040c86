/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What was said on the command line that concerns every verb, and how verbs are called. */

#include <getopt.h>

#include "interrupt.h"
#include "json-util.h"

#define SOCKET_PATH "/run/judgebox/org.judgebox"

/* judgectl's exit statuses. */
enum {
        STATUS_OK = 0,
        STATUS_NO = 1,      /* run, judge: another verdict than ok; check: not fit */
        STATUS_TROUBLE = 2, /* wrong usage, a refused request, a failure that is not the program's */
};

typedef struct Verb Verb;

typedef struct Context {
        const Verb *verb;
        bool private;
        bool degrade;
        bool legend;
        bool owner_set;
        uid_t owner;
        JsonMode json;
        const char *socket_path;
        Interrupt interrupt;
} Context;

#define CONTEXT_INIT                                                                                       \
        (Context) { .legend = true, .json = JSON_OFF, .socket_path = SOCKET_PATH, .interrupt = INTERRUPT_NULL }

/* argv[0] is the program's name, what follows belongs to the verb. Returns an exit status, or a negative errno
 * after logging what was wrong. */
typedef int (*verb_t)(Context *c, int argc, char *argv[]);

struct Verb {
        const char *name;
        verb_t run;
        bool private_ok; /* makes sense in a service that ends with the connection */
        const char *summary;
};

/* Options that every verb takes, before and after its name. */
enum {
        ARG_VERSION = 0x100,
        ARG_PRIVATE,
        ARG_DEGRADE,
        ARG_JSON,
        ARG_SOCKET,
        ARG_OWNER,
        ARG_NO_LEGEND,
        _ARG_COMMON_MAX,
};

#define COMMON_OPTIONS                                                   \
        { "help", no_argument, NULL, 'h' },                              \
        { "private", no_argument, NULL, ARG_PRIVATE },                   \
        { "degrade", no_argument, NULL, ARG_DEGRADE },                   \
        { "json", required_argument, NULL, ARG_JSON },                   \
        { "socket", required_argument, NULL, ARG_SOCKET }

/* For verbs that name a box. */
#define OWNER_OPTION { "owner", required_argument, NULL, ARG_OWNER }

/* 1: it was one of these (but --help, which is the verb's); 0: it was not; negative: the value was wrong, which
 * was logged. */
int context_parse_option(Context *c, int option, const char *value);

/* Checks what only all options together can tell: 0, or negative after logging. */
int context_check(const Context *c);

/* For the verbs that take nothing but the common options, and names: parses, checks that there are between min and
 * max names (max < 0: any number), and returns 1 to go on, 0 after --help, negative after logging. */
int context_parse_simple(
                Context *c,
                int argc,
                char *argv[],
                const char *help,
                int min,
                int max);

/* Logs "too few arguments" or "too many arguments" where that is so. */
int context_check_arguments(const Context *c, int n, int min, int max);

/* Checks a box's id as a request would be checked, so that the message can name it; logs. */
int context_check_box_id(const char *id);

/* Prints a verb's help: its usage without "judgectl [OPTIONS...]", an empty line, one line that says what it does,
 * and then its own options; the common ones follow. */
void help_print(const char *text);
