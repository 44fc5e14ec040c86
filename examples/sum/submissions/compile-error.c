/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is no C. */
int main(void) {
        retrun 0;
}
