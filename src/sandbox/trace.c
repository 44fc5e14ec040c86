/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/random.h>

#include "string-util.h"
#include "trace.h"

/* Twice what it ever holds: a search ends after a step or two. */
#define N_SLOTS (2 * TRACE_ENTRIES_MAX)

struct Trace {
        TraceEntry *entries;
        size_t n_entries, n_allocated, bytes;
        uint64_t dropped;
        uint64_t key;
        uint16_t slots[N_SLOTS]; /* 1 + the entry's index, 0: free */
};

_Static_assert(TRACE_ENTRIES_MAX < UINT16_MAX, "an entry's index fits into a slot");
_Static_assert((N_SLOTS & (N_SLOTS - 1)) == 0, "a power of two");

int trace_new(Trace **ret) {
        _cleanup_(trace_freep) Trace *t = NULL;

        assert(ret);

        t = new0(Trace, 1);
        if (!t)
                return -ENOMEM;

        if (getrandom(&t->key, sizeof(t->key), 0) != sizeof(t->key))
                return -EIO;

        *ret = TAKE_PTR(t);
        return 0;
}

Trace *trace_free(Trace *t) {
        if (!t)
                return NULL;

        for (size_t i = 0; i < t->n_entries; i++)
                free(t->entries[i].path);
        free(t->entries);
        return mfree(t);
}

static uint64_t mix(uint64_t h, uint64_t value) {
        h = (h ^ value) * UINT64_C(0x9e3779b97f4a7c15);
        return h ^ h >> 29;
}

static size_t first_slot(const Trace *t, PathClass class, int number, const char *path) {
        uint64_t h = mix(mix(t->key, class), (uint64_t) number);

        for (const char *p = path; *p; p++)
                h = mix(h, (uint8_t) *p);

        return mix(h, t->key) % N_SLOTS;
}

static int append(Trace *t, PathClass class, int number, const char *path) {
        size_t n = strlen(path);
        char *copy;

        if (t->n_entries >= TRACE_ENTRIES_MAX || n > TRACE_BYTES_MAX - t->bytes)
                return -ENOBUFS;

        if (t->n_entries == t->n_allocated) {
                size_t want = MAX(2 * t->n_allocated, (size_t) 64);
                TraceEntry *grown;

                grown = reallocarray(t->entries, want, sizeof(TraceEntry));
                if (!grown)
                        return -ENOMEM;
                t->entries = grown;
                t->n_allocated = want;
        }

        copy = strdup(path);
        if (!copy)
                return -ENOMEM;

        t->entries[t->n_entries++] = (TraceEntry) { .class = class, .number = number, .count = 1, .path = copy };
        t->bytes += n;
        return 0;
}

void trace_add(Trace *t, PathClass class, int number, const char *path) {
        size_t slot;

        assert(t);
        assert(path);

        for (slot = first_slot(t, class, number, path); t->slots[slot] != 0; slot = (slot + 1) % N_SLOTS) {
                TraceEntry *e = t->entries + t->slots[slot] - 1;

                if (e->class == class && e->number == number && streq(e->path, path)) {
                        e->count++;
                        return;
                }
        }

        if (append(t, class, number, path) < 0)
                t->dropped++;
        else
                t->slots[slot] = (uint16_t) t->n_entries;
}

void trace_take(Trace *t, Observed *ret) {
        assert(t);
        assert(ret);

        ret->trace = TAKE_PTR(t->entries);
        ret->n_trace = t->n_entries;
        ret->trace_dropped = t->dropped;
        ret->traced = true;
        t->n_entries = t->n_allocated = t->bytes = 0;
        memset(t->slots, 0, sizeof(t->slots));
}
