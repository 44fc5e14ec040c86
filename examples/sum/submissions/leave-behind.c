/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints the right answer, and leaves processes behind that hold on to its output. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static void linger(void) {
        for (int i = 1; i < 32; i++)
                (void) signal(i, SIG_IGN);

        (void) setsid();
        for (;;)
                (void) sleep(1);
}

int main(void) {
        long long sum = 0, x;
        int n;

        if (scanf("%d", &n) != 1)
                return 1;
        while (n-- > 0 && scanf("%lld", &x) == 1)
                sum += x;

        for (int i = 0; i < 3; i++)
                if (fork() == 0)
                        linger();

        printf("%lld\n", sum);
        return 0;
}
