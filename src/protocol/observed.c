/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observed.h"

void observed_done(Observed *o) {
        assert(o);

        free(o->path);
        for (size_t i = 0; i < o->n_trace; i++)
                free(o->trace[i].path);
        free(o->trace);
        *o = (Observed) {};
}
