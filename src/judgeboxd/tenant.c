/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "journal.h"
#include "manager.h"
#include "message-ids.h"
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

static int tenant_count(Tenant *t, BudgetType type, size_t *n, Failure *f) {
        Budget budget;

        config_get_budget(t->manager->config, t->uid, &budget);
        if (*n < budget.values[type]) {
                t->told &= ~(1U << type);
                (*n)++;
                return 0;
        }

        /* Once, until it is below it again. */
        if (!(t->told & 1U << type))
                (void) journal_log(LOG_NOTICE, 0, MESSAGE_BUDGET_REACHED, &(JournalSubject) { .owner = t->uid },
                                   "User %u has reached its budget of %" PRIu64 " %s.", t->uid, budget.values[type],
                                   budget_type_to_string(type));
        t->told |= 1U << type;

        return failure_set_number(f, FAILURE_QUOTA_EXCEEDED, budget_type_to_string(type), budget.values[type]);
}

int tenant_add_box(Tenant *t, Failure *f) {
        assert(t);

        return tenant_count(t, BUDGET_BOXES, &t->n_boxes, f);
}

int tenant_add_run(Tenant *t, Failure *f) {
        assert(t);

        return tenant_count(t, BUDGET_RUNS, &t->n_runs, f);
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
