/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes for ever. */
#include <stdio.h>

int main(void) {
        for (;;)
                puts("All work and no play makes Jack a dull boy.");
}
