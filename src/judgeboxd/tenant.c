/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager.h"
#include "tenant.h"

int tenant_get(Manager *m, uid_t uid, Tenant **ret) {
        Tenant *t;

        assert(m);
        assert(ret);

        HASH_FIND(hh, m->tenants, &uid, sizeof(uid), t);
        if (!t) {
                t = new0(Tenant, 1);
                if (!t)
                        return -ENOMEM;

                t->manager = m;
                t->uid = uid;
                HASH_ADD(hh, m->tenants, uid, sizeof(t->uid), t);
                if (!hash_added(t)) {
                        free(t);
                        return -ENOMEM;
                }
        }

        *ret = t;
        return 0;
}

void tenant_put(Tenant *t) {
        assert(t);

        if (t->n_boxes > 0 || t->n_runs > 0)
                return;

        HASH_DEL(t->manager->tenants, t);
        free(t);
}

int tenant_add_box(Tenant *t, Failure *f) {
        assert(t);

        if (t->n_boxes >= TENANT_BOXES_MAX)
                return failure_set_number(f, FAILURE_QUOTA_EXCEEDED, "boxes", TENANT_BOXES_MAX);

        t->n_boxes++;
        return 0;
}

int tenant_add_run(Tenant *t, Failure *f) {
        assert(t);

        if (t->n_runs >= TENANT_RUNS_MAX)
                return failure_set_number(f, FAILURE_QUOTA_EXCEEDED, "runs", TENANT_RUNS_MAX);

        t->n_runs++;
        return 0;
}

void tenant_adopt_box(Tenant *t) {
        assert(t);

        t->n_boxes++;
}

void tenant_adopt_run(Tenant *t) {
        assert(t);

        t->n_runs++;
}

void tenant_remove_box(Tenant *t) {
        assert(t);
        assert(t->n_boxes > 0);

        t->n_boxes--;
        tenant_put(t);
}

void tenant_remove_run(Tenant *t) {
        assert(t);
        assert(t->n_runs > 0);

        t->n_runs--;
        tenant_put(t);
}
