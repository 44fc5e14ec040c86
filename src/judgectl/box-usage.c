/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "box-usage.h"
#include "string-util.h"

static int compare_names(const void *a, const void *b) {
        const BoxUsage *x = a, *y = b;

        return x->owner != y->owner ? (x->owner < y->owner ? -1 : 1) : strcmp(x->id, y->id);
}

/* Those that use the same stay in the order of their names. */
static int compare_cpu(const void *a, const void *b) {
        const BoxUsage *x = *(const BoxUsage *const *) a, *y = *(const BoxUsage *const *) b;

        if (x->cpu_percent > y->cpu_percent || x->cpu_percent < y->cpu_percent)
                return x->cpu_percent > y->cpu_percent ? -1 : 1;
        return compare_names(x, y);
}

static BoxUsage read_box(json_object *box) {
        BoxUsage u = {
                .box = box,
                .id = json_get_string(box, "box") ?: "?",
                .owner = UINT64_MAX,
                .created_usec = UINT64_MAX,
                .cpu_usec = UINT64_MAX,
                .cpu_percent = -1,
        };

        (void) json_get_uint64(box, "owner", &u.owner);
        (void) json_get_uint64(box, "createdUSec", &u.created_usec);
        (void) json_get_uint64(box, "cpuTimeUSec", &u.cpu_usec);
        return u;
}

static double share(uint64_t used_usec, uint64_t passed_usec) {
        return 100.0 * (double) used_usec / (double) MAX(passed_usec, 1U);
}

static double cpu_percent(const BoxUsage *u, const BoxUsageList *l, usec_t realtime_usec, const BoxUsageList *before) {
        const BoxUsage *b;

        if (u->cpu_usec == UINT64_MAX)
                return -1;

        /* Another box may have its name now. */
        b = before->n > 0 ? bsearch(u, before->items, before->n, sizeof(*u), compare_names) : NULL;
        if (b && b->created_usec == u->created_usec && b->cpu_usec <= u->cpu_usec)
                return share(u->cpu_usec - b->cpu_usec, usec_sub(l->time_usec, before->time_usec));

        return u->created_usec == UINT64_MAX ? -1 : share(u->cpu_usec, usec_sub(realtime_usec, u->created_usec));
}

int box_usage_list_init(
                BoxUsageList *l,
                json_object *boxes,
                usec_t time_usec,
                usec_t realtime_usec,
                const BoxUsageList *before) {

        size_t n = json_object_array_length(boxes);

        assert(l);
        assert(before);

        *l = (BoxUsageList) { .boxes = json_object_get(boxes), .time_usec = time_usec, .n = n };
        l->items = new(BoxUsage, MAX(n, 1U));
        l->by_cpu = new(const BoxUsage *, MAX(n, 1U));
        if (!l->items || !l->by_cpu) {
                box_usage_list_done(l);
                return -ENOMEM;
        }

        for (size_t i = 0; i < n; i++)
                l->items[i] = read_box(json_object_array_get_idx(boxes, i));
        qsort(l->items, n, sizeof(*l->items), compare_names);

        for (size_t i = 0; i < n; i++) {
                l->items[i].cpu_percent = cpu_percent(l->items + i, l, realtime_usec, before);
                l->by_cpu[i] = l->items + i;
        }
        qsort(l->by_cpu, n, sizeof(const BoxUsage *), compare_cpu);
        return 0;
}

void box_usage_list_done(BoxUsageList *l) {
        assert(l);

        json_putp(&l->boxes);
        free(l->items);
        free(l->by_cpu);
        *l = BOX_USAGE_LIST_NULL;
}
