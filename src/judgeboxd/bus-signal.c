/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus-json.h"
#include "bus-service.h"
#include "json-build.h"
#include "log.h"
#include "result-json.h"

/* The signals of org.judgebox1, to those who may hear of the box and asked to. ObjectManager's and Properties' own
 * are sent by hand as well, because sd-bus would tell everybody. */

#define INTERFACE_OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"
#define INTERFACE_PROPERTIES "org.freedesktop.DBus.Properties"

typedef struct BoxSignal {
        const Box *box;
        const char *path;
} BoxSignal;

static int fill_box(sd_bus_message *m, void *userdata) {
        const BoxSignal *s = userdata;

        return sd_bus_message_append(m, "suo", s->box->id, (uint32_t) s->box->owner, s->path);
}

static int fill_interfaces_added(sd_bus_message *m, void *userdata) {
        const BoxSignal *s = userdata;

        return sd_bus_message_append(m, "oa{sa{sv}}", s->path, 1,
                                     BUS_INTERFACE_BOX, 3,
                                     "Id", "s", s->box->id,
                                     "Owner", "u", (uint32_t) s->box->owner,
                                     "State", "s", box_state_to_string(s->box->state));
}

static int fill_interfaces_removed(sd_bus_message *m, void *userdata) {
        const BoxSignal *s = userdata;

        return sd_bus_message_append(m, "oas", s->path, 1, BUS_INTERFACE_BOX);
}

static int fill_properties_changed(sd_bus_message *m, void *userdata) {
        const BoxSignal *s = userdata;

        return sd_bus_message_append(m, "sa{sv}as", BUS_INTERFACE_BOX, 1,
                                     "State", "s", box_state_to_string(s->box->state), 0);
}

void bus_signal_box_state(Box *b, BoxState before, void *userdata) {
        BusService *s = ASSERT_PTR(userdata);
        _cleanup_free_ char *path = NULL;
        BoxSignal signal;

        if (!bus_service_has_subscribers(s))
                return;

        path = bus_path_of_box(b->owner, b->id);
        if (!path) {
                (void) log_oom();
                return;
        }
        signal = (BoxSignal) { .box = b, .path = path };

        if (before == BOX_STARTING && b->state != BOX_STOPPING) {
                bus_service_emit(s, b->owner, BUS_PATH, BUS_INTERFACE_MANAGER, "BoxNew", fill_box, &signal);
                bus_service_emit(s, b->owner, BUS_PATH, INTERFACE_OBJECT_MANAGER, "InterfacesAdded",
                                 fill_interfaces_added, &signal);
        } else if (before != BOX_STARTING) {
                bus_service_emit(s, b->owner, path, INTERFACE_PROPERTIES, "PropertiesChanged",
                                 fill_properties_changed, &signal);
                if (b->state == BOX_STOPPING) {
                        bus_service_emit(s, b->owner, BUS_PATH, BUS_INTERFACE_MANAGER, "BoxRemoved", fill_box, &signal);
                        bus_service_emit(s, b->owner, BUS_PATH, INTERFACE_OBJECT_MANAGER, "InterfacesRemoved",
                                         fill_interfaces_removed, &signal);
                }
        }
}

static int fill_run_started(sd_bus_message *m, void *userdata) {
        const Run *r = userdata;

        return sd_bus_message_append(m, "t", r->number);
}

static int fill_run_finished(sd_bus_message *m, void *userdata) {
        _cleanup_json_ json_object *result = NULL;
        const Run *run = userdata;
        int r;

        r = run_to_json(run, &result);
        if (r < 0)
                return r;

        r = sd_bus_message_append(m, "t", run->number);
        if (r < 0)
                return r;

        return bus_json_append(m, result, NULL, 0);
}

void bus_signal_run_state(Run *r, RunState before, void *userdata) {
        BusService *s = ASSERT_PTR(userdata);
        _cleanup_free_ char *path = NULL;

        if (!bus_service_has_subscribers(s) || !r->box || r->number == 0)
                return;

        path = bus_path_of_box(r->box->owner, r->box->id);
        if (!path) {
                (void) log_oom();
                return;
        }

        if (r->state == RUN_EXECUTING)
                bus_service_emit(s, r->box->owner, path, BUS_INTERFACE_BOX, "RunStarted", fill_run_started, r);
        else if (r->state == RUN_FINISHED)
                bus_service_emit(s, r->box->owner, path, BUS_INTERFACE_BOX, "RunFinished", fill_run_finished, r);
}
