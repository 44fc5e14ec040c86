/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "box-hold.h"
#include "bus-call.h"
#include "bus-service.h"
#include "hash.h"
#include "log-control.h"
#include "log.h"
#include "time-util.h"
#include "varlink-interfaces.h"

/* How soon to ask for the name again that was refused: a bus that has not read its new policy yet does so in no time. */
#define NAME_RETRY_USEC (2 * USEC_PER_SEC)

/* What the bus answers then (D-Bus specification, RequestName). */
#define NAME_IN_QUEUE 2U

typedef struct Subscriber {
        char *name;
        uid_t uid;
        UT_hash_handle hh;
} Subscriber;

struct BusService {
        Manager *manager;
        sd_bus *bus;
        BusCallers *callers;
        VarlinkIdl *idl;
        BusCall *calls, *next_call;
        BusUsage *usage; /* of those calls */
        Subscriber *subscribers;
        Observer observer;
        sd_event_source *name_source;
        bool name_refusal_told;
};

Manager *bus_service_get_manager(BusService *s) {
        return s->manager;
}

BusCallers *bus_service_get_callers(BusService *s) {
        return s->callers;
}

const VarlinkIdl *bus_service_get_idl(BusService *s) {
        return s->idl;
}

BusCall **bus_service_get_calls(BusService *s) {
        return &s->calls;
}

BusCall **bus_service_get_next_call(BusService *s) {
        return &s->next_call;
}

BusUsage **bus_service_get_usage(BusService *s) {
        return &s->usage;
}

/* Whether this message's sender may know of the box. */
static bool may_see(BusService *s, sd_bus_message *m, uid_t owner) {
        Caller caller;

        return bus_callers_get(s->callers, m, &caller) >= 0 && (caller.uid == owner || caller.uid == 0);
}

static void drop_subscriber(BusService *s, const char *name) {
        Subscriber *u = NULL;

        HASH_FIND_STR(s->subscribers, name, u);
        if (!u)
                return;

        HASH_DEL(s->subscribers, u);
        free(u->name);
        free(u);
}

static size_t count_subscribers(const BusService *s, uid_t uid) {
        size_t n = 0;

        for (const Subscriber *u = s->subscribers; u; u = u->hh.next)
                n += u->uid == uid;

        return n;
}

int bus_service_subscribe(BusService *s, sd_bus_message *m) {
        Subscriber *u = NULL;
        Caller caller;
        int r;

        r = bus_callers_get(s->callers, m, &caller);
        if (r < 0)
                return r;

        HASH_FIND_STR(s->subscribers, caller.bus_name, u);
        if (u)
                return 0;

        if (count_subscribers(s, caller.uid) >= BUS_SUBSCRIBERS_PER_UID_MAX)
                return -EUSERS;

        u = new(Subscriber, 1);
        if (!u)
                return -ENOMEM;

        *u = (Subscriber) { .name = strdup(caller.bus_name), .uid = caller.uid };
        if (u->name)
                HASH_ADD_KEYPTR(hh, s->subscribers, u->name, strlen(u->name), u);
        if (!u->name || !hash_added(u)) {
                free(u->name);
                free(u);
                return -ENOMEM;
        }

        return 0;
}

int bus_service_unsubscribe(BusService *s, sd_bus_message *m) {
        drop_subscriber(s, sd_bus_message_get_sender(m));
        return 0;
}

bool bus_service_has_subscribers(BusService *s) {
        return s->subscribers != NULL;
}

static int emit_to(
                BusService *s,
                const char *destination,
                const char *path,
                const char *interface,
                const char *member,
                bus_fill_t fill,
                void *userdata) {

        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_signal(s->bus, &m, path, interface, member);
        if (r < 0)
                return r;

        r = fill(m, userdata);
        if (r < 0)
                return r;

        return sd_bus_send_to(s->bus, m, destination, NULL);
}

void bus_service_emit(
                BusService *s,
                uid_t owner,
                const char *path,
                const char *interface,
                const char *member,
                bus_fill_t fill,
                void *userdata) {

        Subscriber *u, *next;
        int r;

        assert(s);
        assert(fill);

        HASH_ITER(hh, s->subscribers, u, next) {
                if (u->uid != owner && u->uid != 0)
                        continue;

                r = emit_to(s, u->name, path, interface, member, fill, userdata);
                if (r < 0)
                        log_debug_errno(r, "Failed to send %s to %s: %m", member, u->name);
        }
}

static int on_name_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        BusService *s = ASSERT_PTR(userdata);
        const char *name, *old_owner, *new_owner;
        int r;

        /* Anybody can send us a signal of this name. */
        if (!streq_ptr(sd_bus_message_get_sender(m), "org.freedesktop.DBus"))
                return 0;

        r = sd_bus_message_read(m, "sss", &name, &old_owner, &new_owner);
        if (r < 0)
                return r;

        if (name[0] != ':' || !isempty(new_owner))
                return 0;

        bus_calls_cancel(s, name);
        manager_connection_closed(s->manager, /* connection= */ 0, name);
        drop_subscriber(s, name);
        bus_callers_forget(s->callers, name);
        return 0;
}

/* Whoever has the name already leaves it to us when he goes, and a policy may be read a moment after we were
 * installed: so a name that is not ours yet is waited for. */
static int on_name_requested(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        BusService *s = ASSERT_PTR(userdata);
        const sd_bus_error *e = sd_bus_message_get_error(m);
        uint32_t answer;
        int r;

        if (e) {
                if (!s->name_refusal_told)
                        log_error("Failed to get the name " BUS_NAME " on the bus, trying again until it is ours: %s",
                                  strna(e->message));
                s->name_refusal_told = true;

                /* Cannot fail for a source that is there. */
                (void) sd_event_source_set_time(s->name_source, usec_add(now_usec(CLOCK_MONOTONIC), NAME_RETRY_USEC));
                return sd_event_source_set_enabled(s->name_source, SD_EVENT_ONESHOT);
        }

        s->name_refusal_told = false;
        r = sd_bus_message_read(m, "u", &answer);
        if (r < 0)
                return r;

        if (answer == NAME_IN_QUEUE)
                log_warning("The name " BUS_NAME " on the bus is another's, waiting until it is free.");
        return 0;
}

static int request_name(BusService *s) {
        int r;

        r = sd_bus_request_name_async(s->bus, NULL, BUS_NAME, SD_BUS_NAME_QUEUE, on_name_requested, s);
        return MIN(r, 0);
}

static int on_name_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        return request_name(ASSERT_PTR(userdata));
}

static int find_box(
                sd_bus *bus,
                const char *path,
                const char *interface,
                void *userdata,
                void **ret_found,
                sd_bus_error *error) {

        BusService *s = ASSERT_PTR(userdata);
        sd_bus_message *m = sd_bus_get_current_message(bus);
        char id[BOX_ID_SIZE];
        uid_t owner;
        int r;

        r = bus_path_to_box(path, &owner, id);
        if (r < 0)
                return r == -ENOMEM ? r : 0;

        /* Another's box is no box, and is not even looked for: so each is like any other. Its methods are for those whom
         * polkit lets manage others' boxes; it is asked first, and who is refused cannot tell whether there is one. */
        if (!may_see(s, m, owner)) {
                if (!streq_ptr(sd_bus_message_get_interface(m), BUS_INTERFACE_BOX))
                        return 0;
        } else if (!manager_find_box(s->manager, owner, id))
                return 0;

        /* The box is looked up again by whoever handles the message. */
        *ret_found = s;
        return 1;
}

static int enumerate_boxes(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *error) {
        _cleanup_strv_free_ char **nodes = NULL;
        BusService *s = ASSERT_PTR(userdata);
        sd_bus_message *m;
        Box *b, *next;
        int r;

        m = sd_bus_get_current_message(bus);

        HASH_ITER(hh, s->manager->boxes, b, next) {
                if (!m || !may_see(s, m, b->owner))
                        continue;

                r = strv_consume(&nodes, bus_path_of_box(b->owner, b->id));
                if (r < 0)
                        return r;
        }

        *ret_nodes = TAKE_PTR(nodes);
        return 1;
}

static int add_objects(BusService *s) {
        int r;

        r = sd_bus_add_object_vtable(s->bus, NULL, BUS_PATH, BUS_INTERFACE_MANAGER, bus_manager_vtable, s);
        if (r < 0)
                return r;

        r = sd_bus_add_fallback_vtable(s->bus, NULL, BUS_PATH_BOX, BUS_INTERFACE_BOX, bus_box_vtable, find_box, s);
        if (r < 0)
                return r;

        r = sd_bus_add_object_vtable(s->bus, NULL, BUS_PATH_LOG_CONTROL, BUS_INTERFACE_LOG_CONTROL,
                                     bus_log_control_vtable, NULL);
        if (r < 0)
                return r;

        r = sd_bus_add_node_enumerator(s->bus, NULL, BUS_PATH_BOX, enumerate_boxes, s);
        if (r < 0)
                return r;

        return sd_bus_add_object_manager(s->bus, NULL, BUS_PATH);
}

static void drop_subscribers(BusService *s) {
        Subscriber *u, *next;

        HASH_ITER(hh, s->subscribers, u, next)
                drop_subscriber(s, u->name);
}

void bus_service_disconnect(BusService *s) {
        assert(s);

        (void) sd_event_source_set_enabled(s->name_source, SD_EVENT_OFF);
        s->name_refusal_told = false;
        bus_calls_cancel(s, /* bus_name= */ NULL);
        manager_bus_lost(s->manager);
        drop_subscribers(s);
}

int bus_service_connect(BusService *s, sd_bus *bus) {
        int r;

        assert(s);
        assert(bus);

        /* What is known of callers is of another bus, which may give their names to others. */
        s->callers = bus_callers_free(s->callers);
        (void) sd_bus_unref(s->bus);
        s->bus = sd_bus_ref(bus);

        r = bus_callers_new(bus, &s->callers);
        if (r < 0)
                return r;

        r = add_objects(s);
        if (r < 0)
                return r;

        r = sd_bus_match_signal_async(bus, NULL, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                      "NameOwnerChanged", on_name_owner_changed, NULL, s);
        if (r < 0)
                return r;

        return request_name(s);
}

int bus_service_new(Manager *m, BusService **ret) {
        _cleanup_(bus_service_freep) BusService *s = NULL;
        int r;

        assert(m);
        assert(ret);

        s = new(BusService, 1);
        if (!s)
                return -ENOMEM;

        *s = (BusService) { .manager = m };

        r = varlink_idl_parse(varlink_interface_org_judgebox_Manager, NULL, &s->idl);
        if (r < 0)
                return r;

        r = sd_event_add_time(m->event, &s->name_source, CLOCK_MONOTONIC, 0, /* accuracy= */ 0, on_name_retry, s);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(s->name_source, "bus-name");

        r = sd_event_source_set_enabled(s->name_source, SD_EVENT_OFF);
        if (r < 0)
                return r;

        s->observer = (Observer) {
                .box_state = bus_signal_box_state,
                .run_state = bus_signal_run_state,
                .userdata = s,
        };
        observer_add(&s->observer, m);

        *ret = TAKE_PTR(s);
        return 0;
}

BusService *bus_service_free(BusService *s) {
        if (!s)
                return NULL;

        observer_remove(&s->observer);

        /* What is under way ends with its connection, and the boxes' runs by what manager_stop() decides. */
        if (s->bus) {
                (void) sd_bus_detach_event(s->bus);
                sd_bus_close(s->bus);
        }

        s->name_source = sd_event_source_disable_unref(s->name_source);
        drop_subscribers(s);
        (void) bus_callers_free(s->callers);
        (void) varlink_idl_free(s->idl);
        (void) sd_bus_unref(s->bus);
        return mfree(s);
}
