/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* D-Bus arguments as the JSON objects of org.judgebox.Manager, and back. So both transports have one set of names,
 * one check of them (varlink-idl.h) and one parser (request.h).
 *
 *   a{sv}            object          as, av, aa{sv}, at…   array
 *   y n q i u x t    integer         b                     boolean
 *   s o              string          h                     integer: an index into the descriptors that came along
 *
 * Where a descriptor is wanted, a client that has none to send (busctl) gives what would be in the file: s or ay become a
 * descriptor of a memfd with just that. A field whose name ends in Base64 may be ay, the bytes themselves.
 *
 * On the way out integers become x (t where they are not negative and go by no descriptor), a field whose name ends
 * in fileDescriptor or FileDescriptor becomes h, and an array has the type of its first element (an empty one is as).  */

#include <json-c/json.h>
#include <systemd/sd-bus.h>

#include "macro.h"

#define BUS_FDS_MAX 16U
#define BUS_JSON_DEPTH_MAX 16U
#define BUS_JSON_SIZE_MAX (1024U * 1024U) /* as of a varlink message */

/* What came with a message: the descriptors, and how much else was read of it. */
typedef struct BusFds {
        int fds[BUS_FDS_MAX];
        size_t n_fds;
        size_t n_bytes;
} BusFds;

void bus_fds_done(BusFds *f);
/* The descriptor at an index, the caller's from now on; -EBADF if there is none. */
int bus_fds_take(BusFds *f, int64_t index);

/* Whether a field of this name is a descriptor: fileDescriptor, or …FileDescriptor. */
bool bus_json_is_fd(const char *name);

/* Reads the a{sv} at the message's cursor into a new object. Descriptors are duplicated into fds. -EINVAL for a type that
 * has no JSON, or for a name that comes twice; -E2BIG for too many descriptors, levels or bytes. */
int bus_json_read(sd_bus_message *m, BusFds *fds, json_object **ret);
/* The same for an array; contents: what it is an array of, such as "s" or "a{sv}". */
int bus_json_read_array(sd_bus_message *m, const char *contents, BusFds *fds, json_object **ret);

/* Appends an object as a{sv}. fds: what its …FileDescriptor fields are indexes into. */
int bus_json_append(sd_bus_message *m, json_object *o, const int *fds, size_t n_fds);
/* The same for an array of objects, as aa{sv}. */
int bus_json_append_array(sd_bus_message *m, json_object *array, const int *fds, size_t n_fds);
