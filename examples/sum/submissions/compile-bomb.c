/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A few lines that compile to several gigabytes. */
char ballast[1ULL << 32] = { 1 };

int main(void) {
        return ballast[0] - 1;
}
