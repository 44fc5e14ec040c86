/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: times its own instructions by the CPU's counter, finely enough to tell what is in a cache
 * Barrier: tsc-denial
 * Options: --deny-tsc
 * Verdict: signaled/SIGSEGV
 * Needs: x86-64
 * Without: -t 10 */

        .globl  _start
_start:
        rdtsc
        xorl    %edi, %edi
        movl    $60, %eax               /* exit */
        syscall

        .section .note.GNU-stack, "", @progbits
