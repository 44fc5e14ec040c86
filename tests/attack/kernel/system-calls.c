/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: calls everything that there is with nonsense, in a thousand children
 * Barrier: seccomp, end-of-run
 * Options: -t 20 -w 60 -p 8
 * Verdict: security-violation
 * Without: -t 20 -w 60 -p 8 --profile=none
 * Trace: box, process */
#include "attack.h"

/* Not those that would end or hang the child by doing what they are for. */
static bool is_dull(long number) {
        static const long dull[] = {
                SYS_exit, SYS_exit_group, SYS_rt_sigsuspend, SYS_rt_sigreturn, SYS_rt_sigtimedwait, SYS_clone, SYS_ppoll,
                SYS_pselect6, SYS_kill, SYS_execve,
#ifdef SYS_fork /* x86-64 has the older ones as well */
                SYS_pause, SYS_fork, SYS_vfork, SYS_select, SYS_poll,
#endif
        };

        for (size_t i = 0; i < ELEMENTSOF(dull); i++)
                if (dull[i] == number)
                        return true;
        return false;
}

ATTACK(system_calls) {
        unsigned n = 0;

        for (long number = 0; number < 470; number++)
                if (!is_dull(number) && fork() == 0) {
                        (void) alarm(1);
                        for (long argument = -1; argument < 2; argument++)
                                (void) syscall(number, argument, argument, argument, argument, argument, argument);
                        _exit(0);
                } else
                        n += wait(NULL) > 0;

        printf("%u children\n", n);
        return 0;
}
