/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Uses the CPU for ever, in four threads: what counts is the sum. */
#include <pthread.h>
#include <stddef.h>

static void *spin(void *arg) {
        for (volatile unsigned i = 0;; i++)
                ;

        return arg;
}

int main(void) {
        pthread_t t;

        for (int i = 0; i < 3; i++)
                if (pthread_create(&t, NULL, spin, NULL) != 0)
                        return 1;

        (void) spin(NULL);
        return 0;
}
