/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Uses the CPU for ever. */

int main(void) {
        for (volatile unsigned i = 0;; i++)
                ;
}
