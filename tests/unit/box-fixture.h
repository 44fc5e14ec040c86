/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For tests of what judgebox-init does as PID 1 of a box: makes a child in namespaces of its own, as
 * judgeboxd does, and lets it set up its root. Everything happens in a mount namespace of the test's own. */

#include <check.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "root.h"

/* In the box check's own assertions would be told to nobody. */
#define EXPECT(cond)                                                                            \
        do {                                                                                    \
                if (!(cond)) {                                                                  \
                        fprintf(stderr, "%s:%i: %s (errno %i)\n", __FILE__, __LINE__, #cond, errno); \
                        _exit(EXIT_FAILURE);                                                    \
                }                                                                               \
        } while (false)

#define EXPECT_INT(expr, value)                                                                 \
        do {                                                                                    \
                long long _got = (expr), _want = (value);                                       \
                if (_got != _want) {                                                            \
                        fprintf(stderr, "%s:%i: %s is %lli, not %s (%lli)\n",                   \
                                __FILE__, __LINE__, #expr, _got, #value, _want);                \
                        _exit(EXIT_FAILURE);                                                    \
                }                                                                               \
        } while (false)

#define EXPECT_ERRNO(expr, value) EXPECT_INT((expr) < 0 ? errno : 0, value)

/* The host's uid of the box's root. */
#define FIXTURE_UID_BASE 1784807424U

/* All that main() does: runs the tests, or says why no box can be made here. Returns the exit status. */
int fixture_main(Suite *(*suite)(void));

typedef void (*fixture_function_t)(Root *root, void *userdata);

/* Runs f in a new box. Returns whether it got to its end. */
bool fixture_run(const BoxSettings *s, fixture_function_t f, void *userdata);

/* What root_setup() says, where it fails. */
int fixture_fail(const BoxSettings *s, Step *ret_step);

/* Both on a host whose mounts are changed before: what root_setup() says, and if that is not an error f
 * is run. */
int fixture_run_on(void (*change_host)(void), const BoxSettings *s, fixture_function_t f, Step *ret_step);

/* In the box: runs f as the program would run, and returns whether it got to its end. */
bool fixture_as_program(void (*f)(void *userdata), void *userdata);

/* The same in the background. */
pid_t fixture_start_program(void (*f)(void *userdata), void *userdata);
void fixture_stop_program(pid_t pid);

/* Small things. */
void fixture_write(const char *path, const char *text);
bool fixture_has_text(const char *path, const char *text);

/* A tree as judgeboxd makes it of a directory or file of a tenant's. */
int fixture_open_tree(const char *path);

/* A copy of id(1) with the set-user-ID bit, the owner also its group, and what "id -u" then says when the
 * program runs it. */
void fixture_make_suid(const char *path, uid_t owner);
unsigned fixture_execute_suid(const char *path);
