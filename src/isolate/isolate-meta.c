/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "isolate-meta.h"
#include "isolate.h"
#include "meta.h"
#include "string-util.h"

static char *format_success(json_object *result) {
        uint64_t cpu = 0, wall = 0;

        (void) json_get_uint64(result, "cpuTimeUSec", &cpu);
        (void) json_get_uint64(result, "wallTimeUSec", &wall);

        return strprintf("OK (%" PRIu64 ".%03" PRIu64 " sec real, %" PRIu64 ".%03" PRIu64 " sec wall)",
                         cpu / USEC_PER_SEC, cpu % USEC_PER_SEC / USEC_PER_MSEC,
                         wall / USEC_PER_SEC, wall % USEC_PER_SEC / USEC_PER_MSEC);
}

/* Takes the meta's texts over. */
static int make_verdict(json_object *result, const Meta *m, IsolateVerdict *ret) {
        *ret = (IsolateVerdict) {
                .meta = m->text,
                .sentence = m->status ? m->message : format_success(result),
                .exit_status = !m->status ? ISOLATE_EXIT_OK
                               : streq(m->status, "XX") ? ISOLATE_EXIT_SANDBOX : ISOLATE_EXIT_PROGRAM,
        };
        if (ret->sentence)
                return 0;

        isolate_verdict_done(ret);
        return -ENOMEM;
}

int isolate_verdict_make(json_object *result, bool control_groups, IsolateVerdict *ret) {
        Meta m;
        int r;

        assert(ret);

        r = meta_make(result, control_groups, &m);
        return r < 0 ? r : make_verdict(result, &m, ret);
}

int isolate_verdict_make_interrupted(json_object *result, bool control_groups, int number, IsolateVerdict *ret) {
        Meta m;
        int r;

        assert(ret);

        r = meta_make_interrupted(result, control_groups, number, &m);
        return r < 0 ? r : make_verdict(result, &m, ret);
}

void isolate_verdict_done(IsolateVerdict *v) {
        assert(v);

        v->meta = mfree(v->meta);
        v->sentence = mfree(v->sentence);
}
