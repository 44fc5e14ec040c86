/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: speaks to devices by the CPU's own instructions
 * Barrier: seccomp, no-capabilities
 * Verdict: security-violation
 * Needs: x86-64 */

        .globl  _start
_start:
        movl    $3, %edi
        movl    $172, %eax              /* iopl */
        syscall
        testl   %eax, %eax
        je      1f
        movl    $0x80, %edi
        movl    $1, %esi
        movl    $1, %edx
        movl    $173, %eax              /* ioperm */
        syscall
        testl   %eax, %eax
        je      1f
        movl    $1, %edi
        movl    $60, %eax               /* exit */
        syscall
1:
        xorl    %edi, %edi
        movl    $60, %eax
        syscall

        .section .note.GNU-stack, "", @progbits
