/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tries to end or take over whoever watches it. Only who cannot gets to the right answer. */
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <unistd.h>

int main(void) {
        long long sum = 0, x;
        int n;

        if (kill(1, SIGKILL) == 0 || kill(getppid(), SIGSTOP) == 0 || kill(-1, SIGKILL) == 0) {
                printf("killed somebody\n");
                return 0;
        }
        if (ptrace(PTRACE_ATTACH, 1, NULL, NULL) == 0 || ptrace(PTRACE_SEIZE, 1, NULL, NULL) == 0) {
                printf("traces PID 1\n");
                return 0;
        }

        if (scanf("%d", &n) != 1)
                return 0;
        while (n-- > 0 && scanf("%lld", &x) == 1)
                sum += x;
        printf("%lld\n", sum);
        return 0;
}
