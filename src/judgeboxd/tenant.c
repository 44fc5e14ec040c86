/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "journal.h"
#include "manager.h"
#include "message-ids.h"
#include "tenant.h"

#define SLICE_READ_USEC USEC_PER_SEC

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

void tenant_get_budget(Manager *m, uid_t uid, Budget *ret) {
        CgroupBudget slice;
        usec_t now;
        Tenant *t;

        assert(m);
        assert(ret);

        config_get_budget(m->config, uid, ret);

        /* Who has no boxes has no slice. */
        HASH_FIND(hh, m->tenants, &uid, sizeof(uid), t);
        if (!t || t->n_boxes == 0 || !m->cgroups)
                return;

        now = manager_now(m);
        if (t->slice_usec == 0 || usec_add(t->slice_usec, SLICE_READ_USEC) <= now) {
                if (cgroup_manager_read_budget(m->cgroups, uid, &slice) < 0)
                        return;

                t->slice = slice;
                t->slice_usec = now;
        }

        budget_apply_slice(ret, &t->slice);
}

size_t tenant_get_running_max(const Tenant *t) {
        Budget budget;

        assert(t);

        config_get_budget(t->manager->config, t->uid, &budget);
        return (size_t) MIN(budget.values[BUDGET_RUNNING], (uint64_t) SIZE_MAX);
}

static int tenant_refuse(Tenant *t, BudgetType type, uint64_t limit, Failure *f) {
        /* Once, until it is below it again. */
        if (!(t->told & 1U << type))
                (void) journal_log(LOG_NOTICE, 0, MESSAGE_BUDGET_REACHED, &(JournalSubject) { .owner = t->uid },
                                   "User %u has reached its budget of %" PRIu64 " %s.", t->uid, limit,
                                   type == BUDGET_STORAGE ? "bytes of storage" : budget_type_to_string(type));
        t->told |= 1U << type;

        return failure_set_number(f, FAILURE_QUOTA_EXCEEDED, budget_type_to_string(type), limit);
}

/* amount: how much of it there would be. Where no budget is in the way there is a bound all the same: a sum of storage
 * limits that no disk has must not wrap. */
static int tenant_check(Tenant *t, BudgetType type, uint64_t amount, bool may_exceed, Failure *f) {
        uint64_t max = INT64_MAX;
        Budget budget;

        if (!may_exceed) {
                config_get_budget(t->manager->config, t->uid, &budget);
                max = MIN(max, budget.values[type]);
        }
        if (amount > max)
                return tenant_refuse(t, type, max, f);

        t->told &= ~(1U << type);
        return 0;
}

int tenant_add_box(Tenant *t, const BoxSettings *settings, Failure *f) {
        int r;

        assert(t);
        assert(settings);

        r = tenant_check(t, BUDGET_BOXES, t->n_boxes + 1, /* may_exceed= */ false, f);
        if (r == 0)
                r = tenant_check(t, BUDGET_STORAGE, t->storage_bytes + budget_get_storage(settings),
                                 settings->may_exceed, f);
        if (r == 0)
                tenant_adopt_box(t, settings);
        return r;
}

int tenant_add_run(Tenant *t, Failure *f) {
        int r;

        assert(t);

        r = tenant_check(t, BUDGET_RUNS, t->n_runs + 1, /* may_exceed= */ false, f);
        if (r == 0)
                t->n_runs++;
        return r;
}

void tenant_adopt_box(Tenant *t, const BoxSettings *settings) {
        assert(t);
        assert(settings);

        t->n_boxes++;
        t->storage_bytes += budget_get_storage(settings);
}

void tenant_adopt_run(Tenant *t) {
        assert(t);

        t->n_runs++;
}

void tenant_remove_box(Tenant *t, const BoxSettings *settings) {
        assert(t);
        assert(t->n_boxes > 0);
        assert(settings);
        assert(t->storage_bytes >= budget_get_storage(settings));

        t->n_boxes--;
        t->storage_bytes -= budget_get_storage(settings);
        tenant_put(t);
}

void tenant_remove_run(Tenant *t) {
        assert(t);
        assert(t->n_runs > 0);

        t->n_runs--;
        tenant_put(t);
}
