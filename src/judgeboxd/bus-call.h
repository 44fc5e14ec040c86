/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A D-Bus method call as an operation (operation.h): the arguments become the parameters that the same method has over
 * varlink, are held against that interface, and are carried out; what comes of it goes back. A caller that leaves
 * the bus meanwhile is treated as one that closed its varlink connection. */

#include <json-c/json.h>
#include <systemd/sd-bus.h>

#include "bus-json.h"
#include "bus-service.h"
#include "operation.h"

/* Writes the reply's arguments. o: the reply as an object; fds: what it has indexes into. */
typedef int (*bus_reply_t)(sd_bus_message *reply, const Operation *op, json_object *o, const int *fds, size_t n_fds);

/* Parameters under way: an object, and the descriptors that came with it. */
typedef struct BusParameters {
        json_object *object;
        BusFds fds;
} BusParameters;

void bus_parameters_done(BusParameters *p);

/* Reads the trailing a{sv} of the message. */
int bus_parameters_read(BusParameters *p, sd_bus_message *m);

/* Adds what other arguments, or the object's path, say. -EINVAL if the a{sv} says it too. Takes value over. */
int bus_parameters_add(BusParameters *p, const char *name, json_object *value);

/* Starts the operation. From here on the message is answered, also on failure; the result is for sd-bus: 1. */
int bus_call_start(BusService *s, sd_bus_message *m, OperationType type, BusParameters *p, bus_reply_t reply);

/* The client with this unique name is gone. */
void bus_calls_cancel(BusService *s, const char *bus_name);

/* Run(as arguments, a{sv} options) -> (a{sv} result, a{sv} files), in this box, or with none in one of its own. */
int bus_run_start(BusService *s, sd_bus_message *m, uid_t owner, const char *box);

/* The result by itself, as every other client gets it, and beside it the descriptors. */
int bus_reply_run(sd_bus_message *reply, const Operation *op, json_object *o, const int *fds, size_t n_fds);

/* For methods that return nothing. */
int bus_reply_empty(sd_bus_message *reply, const Operation *op, json_object *o, const int *fds, size_t n_fds);
