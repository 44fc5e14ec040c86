/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Takes all the memory that it gets. */
#include <stdlib.h>
#include <string.h>

int main(void) {
        for (;;) {
                void *p = malloc(1 << 20);

                if (p)
                        memset(p, 1, 1 << 20);
        }
}
