/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <systemd/sd-daemon.h>

#include "fd-util.h"
#include "passed-fds.h"
#include "string-util.h"

void passed_fds_done(PassedFds *p) {
        assert(p);

        for (size_t i = 0; i < p->n; i++) {
                p->items[i].fd = safe_close(p->items[i].fd);
                free(p->items[i].name);
        }

        p->items = mfree(p->items);
        p->n = 0;
}

static int compare(const void *a, const void *b) {
        return strcmp(((const PassedFd *) a)->name, ((const PassedFd *) b)->name);
}

int passed_fds_take(PassedFds *ret) {
        _cleanup_strv_free_ char **names = NULL;
        PassedFds p = {};
        int n;

        assert(ret);

        n = sd_listen_fds_with_names(/* unset_environment= */ true, &names);
        if (n < 0)
                return n;

        p.items = new0(PassedFd, (size_t) n);
        if (!p.items)
                return -ENOMEM;

        for (int i = 0; i < n; i++) {
                _cleanup_free_ char *name = strdup(names[i]);

                if (!name) {
                        passed_fds_done(&p);
                        return -ENOMEM;
                }

                p.items[p.n++] = (PassedFd) { .name = TAKE_PTR(name), .fd = SD_LISTEN_FDS_START + i };
        }

        qsort(p.items, p.n, sizeof(*p.items), compare);
        *ret = p;
        return 0;
}
