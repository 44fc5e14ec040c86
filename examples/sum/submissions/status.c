/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints the right answer, but does not say that it went well. */
#include <stdio.h>

int main(void) {
        long long sum = 0, x;
        int n;

        if (scanf("%d", &n) != 1)
                return 1;
        while (n-- > 0 && scanf("%lld", &x) == 1)
                sum += x;

        printf("%lld\n", sum);
        return 42;
}
