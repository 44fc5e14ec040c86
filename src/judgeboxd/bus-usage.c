/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus-usage.h"
#include "hash.h"
#include "macro.h"

struct BusUsage {
        uid_t uid;
        size_t n_calls, n_runs, n_fds, n_bytes;
        UT_hash_handle hh;
};

static void remove_unused(BusUsage **table, BusUsage *u) {
        if (u->n_calls > 0 || u->n_runs > 0)
                return;

        HASH_DEL(*table, u);
        free(u);
}

static bool find_exceeded(const BusUsage *u, const BusCost *cost, BusBound *ret) {
        if (!cost->run && u->n_calls >= BUS_USAGE_CALLS_MAX)
                *ret = (BusBound) { BUS_USAGE_CALLS_MAX, "calls beside runs" };
        else if (cost->n_fds > BUS_USAGE_FDS_MAX - u->n_fds)
                *ret = (BusBound) { BUS_USAGE_FDS_MAX, "descriptors" };
        else if (cost->n_bytes > BUS_USAGE_BYTES_MAX - u->n_bytes ||
                 BUS_USAGE_CALL_BYTES > BUS_USAGE_BYTES_MAX - u->n_bytes - cost->n_bytes)
                *ret = (BusBound) { BUS_USAGE_BYTES_MAX >> 20, "MiB of calls" };
        else
                return false;

        return true;
}

int bus_usage_add(BusUsage **table, uid_t uid, const BusCost *cost, BusBound *ret_bound) {
        BusUsage *u;

        assert(table);
        assert(cost);
        assert(ret_bound);

        HASH_FIND(hh, *table, &uid, sizeof(uid), u);
        if (!u) {
                u = new0(BusUsage, 1);
                if (!u)
                        return -ENOMEM;

                u->uid = uid;
                HASH_ADD(hh, *table, uid, sizeof(u->uid), u);
                if (!hash_added(u)) {
                        free(u);
                        return -ENOMEM;
                }
        }

        if (find_exceeded(u, cost, ret_bound)) {
                remove_unused(table, u);
                return 0;
        }

        u->n_calls += !cost->run;
        u->n_runs += cost->run;
        u->n_fds += cost->n_fds;
        u->n_bytes += cost->n_bytes + BUS_USAGE_CALL_BYTES;
        return 1;
}

void bus_usage_remove(BusUsage **table, uid_t uid, const BusCost *cost) {
        BusUsage *u;

        assert(table);
        assert(cost);

        HASH_FIND(hh, *table, &uid, sizeof(uid), u);
        assert(u);

        u->n_calls -= !cost->run;
        u->n_runs -= cost->run;
        u->n_fds -= cost->n_fds;
        u->n_bytes -= cost->n_bytes + BUS_USAGE_CALL_BYTES;
        remove_unused(table, u);
}
