/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text to values and back. A value that is not exactly what is asked for is -EINVAL, one that does not fit
 * is -ERANGE; nothing is ever read as 0 or as "no limit" because it did not parse. */

#include <sched.h>

#include "time-util.h"

/* Decimal digits only: no sign, no blanks. */
int parse_uint64(const char *s, uint64_t *ret);
int parse_uint(const char *s, unsigned *ret);

/* "64M", "1G", "512": bytes with an optional K M G T (powers of 1024), optionally followed by B or iB; a
 * fraction is taken when a unit follows ("1.5G"). */
int parse_size(const char *s, uint64_t *ret_bytes);

/* "1.5", "250ms", "2s", "100us", "1min": a number with an optional unit; a bare number is seconds. */
int parse_usec(const char *s, usec_t *ret_usec);

/* "yes/no/true/false/on/off/1/0". */
int parse_boolean(const char *s);

/* "ENOENT". -EINVAL for what is no name of an error, or NULL. */
int errno_from_name(const char *s);

/* "0-3,6": a list of CPUs as in cpuset.cpus. Checks the form and that each number is below 8192; ret_n (may
 * be NULL) is how many CPUs are listed. */
int parse_cpu_list(const char *s, unsigned *ret_n);

/* The same as a set; CPUs beyond CPU_SETSIZE are left out. */
int parse_cpu_set(const char *s, cpu_set_t *ret);

/* A set as a list, "" for none; NULL: out of memory. */
char *format_cpu_set(const cpu_set_t *set);

/* [A-Za-z0-9_-]{1,32}, the name of a box. */
bool box_id_is_valid(const char *s);

/* A path inside a box: not empty, no "..", no NUL, below PATH_MAX; absolute or relative to the box's
 * working directory. */
bool box_path_is_valid(const char *s);

/* An absolute path that belongs to the box itself, where nothing of a tenant's is mounted: the root, /proc, and /dev
 * but for what is below /dev/shm. */
bool box_path_is_reserved(const char *s);

/* Writes for people: "1.5G", "64.0M", "512B"; and "1.234s", "250.0ms", "12us". The result is the buffer. */
#define FORMAT_BYTES_MAX 16
char *format_bytes(char buf[static FORMAT_BYTES_MAX], uint64_t bytes);
#define FORMAT_TIMESPAN_MAX 32
char *format_timespan(char buf[static FORMAT_TIMESPAN_MAX], usec_t usec);

#define FORMAT_BYTES(bytes) format_bytes((char[FORMAT_BYTES_MAX]) {}, (bytes))
#define FORMAT_TIMESPAN(usec) format_timespan((char[FORMAT_TIMESPAN_MAX]) {}, (usec))
