/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Uses no CPU at all, for ever. */
#include <unistd.h>

int main(void) {
        for (;;)
                pause();
}
