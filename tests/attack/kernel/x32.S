/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: calls the kernel as x32 programs do, whose calls have a bit more in their numbers
 * Barrier: seccomp
 * Verdict: security-violation
 * Needs: x86-64 */

        .globl  _start
_start:
        movl    $(39 | 0x40000000), %eax /* getpid */
        syscall
        xorl    %edi, %edi
        testl   %eax, %eax
        jg      1f
        movl    $1, %edi
1:
        movl    $60, %eax               /* exit */
        syscall

        .section .note.GNU-stack, "", @progbits
