/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes where there is nothing. */
#include <stddef.h>

int main(void) {
        volatile int *volatile p = NULL;

        *p = 1;
        return 0;
}
