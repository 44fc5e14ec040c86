/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sum does not fit into what it is added up in. */
#include <stdio.h>

int main(void) {
        unsigned sum = 0;
        int n, x;

        if (scanf("%d", &n) != 1)
                return 1;

        while (n-- > 0 && scanf("%d", &x) == 1)
                sum += (unsigned) x;

        printf("%d\n", (int) sum);
        return 0;
}
