/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hopes that the compiler will quote it. */
#include "/etc/shadow"

int main(void) {
        return 0;
}
