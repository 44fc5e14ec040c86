/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every process makes more of itself. */
#include <unistd.h>

int main(void) {
        for (;;)
                (void) !fork();
}
