/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.judgebox1 on the system bus: the manager at /org/judgebox1, a box each below /org/judgebox1/box.
 *
 * Whether a box exists is its owner's business: objects are there only for their owner and for root, and signals go
 * to those alone, and of those to the ones that asked for them (Manager.Subscribe), never to the bus at large. Whom
 * polkit lets manage others' boxes can call their methods. */

#include <systemd/sd-bus.h>

#include "bus-caller.h"
#include "bus-usage.h"
#include "manager.h"
#include "varlink-idl.h"

#define BUS_NAME "org.judgebox1"
#define BUS_PATH "/org/judgebox1"
#define BUS_PATH_BOX BUS_PATH "/box"
#define BUS_INTERFACE_MANAGER "org.judgebox1.Manager"
#define BUS_INTERFACE_BOX "org.judgebox1.Box"

/* Of one uid: what happens in one of its boxes is told to each, before anything else is done. */
#define BUS_SUBSCRIBERS_PER_UID_MAX 32U

typedef struct BusService BusService;
typedef struct BusCall BusCall;

/* Serves the manager, once there is a connection. */
int bus_service_new(Manager *m, BusService **ret);

/* There is a connection, which is the service's alone: asks for the name; and it is lost, and with it everybody who was on
 * it. */
int bus_service_connect(BusService *s, sd_bus *bus);
void bus_service_disconnect(BusService *s);

/* After the manager, which answers to the last of its calls. */
BusService *bus_service_free(BusService *s);
DEFINE_TRIVIAL_CLEANUP_FUNC(BusService *, bus_service_free);

Manager *bus_service_get_manager(BusService *s);
BusCallers *bus_service_get_callers(BusService *s);
const VarlinkIdl *bus_service_get_idl(BusService *s);
BusCall **bus_service_get_calls(BusService *s);
/* The one that is to be looked at next, while all are. */
BusCall **bus_service_get_next_call(BusService *s);
BusUsage **bus_service_get_usage(BusService *s);

/* From now on this client hears of its boxes; 0 also if it does already. -EUSERS: as many of its uid's do as may. */
int bus_service_subscribe(BusService *s, sd_bus_message *m);
int bus_service_unsubscribe(BusService *s, sd_bus_message *m);

bool bus_service_has_subscribers(BusService *s);

/* Calls back with a signal's copy for every subscriber that may hear of this owner's boxes: fill it in and return 0. */
typedef int (*bus_fill_t)(sd_bus_message *signal, void *userdata);
void bus_service_emit(
                BusService *s,
                uid_t owner,
                const char *path,
                const char *interface,
                const char *member,
                bus_fill_t fill,
                void *userdata);

/* "/org/judgebox1/box/u1000_my_2dbox" <-> 1000, "my-box". What is not a letter or digit in the id is _ and two hex
 * digits. */
char *bus_path_of_box(uid_t owner, const char *id);
/* -EINVAL for what is no such path. */
int bus_path_to_box(const char *path, uid_t *ret_owner, char ret_id[static BOX_ID_SIZE]);

/* Makes signals of what the manager tells; userdata is the service. */
void bus_signal_box_state(Box *b, BoxState before, void *userdata);
void bus_signal_run_state(Run *r, RunState before, void *userdata);

extern const sd_bus_vtable bus_manager_vtable[];
extern const sd_bus_vtable bus_box_vtable[];
