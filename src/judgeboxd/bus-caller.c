/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus-caller.h"
#include "hash.h"

typedef struct KnownCaller {
        char *name;
        uid_t uid;
        pid_t pid;
        UT_hash_handle hh;
} KnownCaller;

struct BusCallers {
        sd_bus *bus;
        KnownCaller *known;
};

int bus_callers_new(sd_bus *bus, BusCallers **ret) {
        BusCallers *c;
        int r;

        assert(bus);
        assert(ret);

        r = sd_bus_set_method_call_timeout(bus, BUS_CALLER_TIMEOUT_USEC);
        if (r < 0)
                return r;

        c = new(BusCallers, 1);
        if (!c)
                return -ENOMEM;

        *c = (BusCallers) { .bus = sd_bus_ref(bus) };
        *ret = c;
        return 0;
}

static void forget(BusCallers *c, KnownCaller *k) {
        HASH_DEL(c->known, k);
        free(k->name);
        free(k);
}

BusCallers *bus_callers_free(BusCallers *c) {
        KnownCaller *k, *next;

        if (!c)
                return NULL;

        HASH_ITER(hh, c->known, k, next)
                forget(c, k);

        (void) sd_bus_unref(c->bus);
        return mfree(c);
}

static int learn(BusCallers *c, sd_bus_message *m, const char *name, KnownCaller **ret) {
        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
        KnownCaller *k;
        uid_t uid;
        pid_t pid;
        int r;

        r = sd_bus_query_sender_creds(m, SD_BUS_CREDS_EUID | SD_BUS_CREDS_PID, &creds);
        if (r < 0)
                return r;

        /* Whoever is not known is not served. */
        r = sd_bus_creds_get_euid(creds, &uid);
        if (r < 0)
                return r;

        r = sd_bus_creds_get_pid(creds, &pid);
        if (r < 0)
                return r;

        k = new(KnownCaller, 1);
        if (!k)
                return -ENOMEM;

        *k = (KnownCaller) { .name = strdup(name), .uid = uid, .pid = pid };
        if (!k->name) {
                free(k);
                return -ENOMEM;
        }

        HASH_ADD_KEYPTR(hh, c->known, k->name, strlen(k->name), k);
        if (!hash_added(k)) {
                free(k->name);
                free(k);
                return -ENOMEM;
        }

        *ret = k;
        return 0;
}

void bus_callers_forget(BusCallers *c, const char *name) {
        KnownCaller *k = NULL;

        HASH_FIND_STR(c->known, name, k);
        if (k)
                forget(c, k);
}

int bus_callers_get(BusCallers *c, sd_bus_message *m, Caller *ret) {
        KnownCaller *k = NULL;
        const char *name;
        int r;

        assert(c);
        assert(m);
        assert(ret);

        name = sd_bus_message_get_sender(m);
        if (!name)
                return -ENXIO;

        HASH_FIND_STR(c->known, name, k);
        if (!k) {
                r = learn(c, m, name, &k);
                if (r < 0)
                        return r;
        }

        *ret = (Caller) {
                .uid = k->uid,
                .gid = (gid_t) -1, /* the bus does not tell */
                .pid = k->pid,
                .pidfd = -EBADF,
                .bus_name = name,
                .interactive = sd_bus_message_get_allow_interactive_authorization(m) > 0,
        };
        return 0;
}
