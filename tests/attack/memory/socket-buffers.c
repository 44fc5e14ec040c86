/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: hoards what fills 200 sockets, some 32 MiB in the kernel, where 16 MiB are allowed
 * Barrier: memory-limit
 * Options: -m 16M --open-files=1024
 * Verdict: memory-limit
 * Needs: memory */
#include "attack.h"
#include <sys/socket.h>

ATTACK(socket_buffers) {
        static char block[32768];

        for (int i = 0; i < 200; i++) {
                int p[2];

                if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p) < 0)
                        return outcome(tried("socketpair", -1));
                while (write(p[0], block, sizeof(block)) > 0)
                        ;
                if (errno != EAGAIN)
                        return outcome(tried("write", -1));
        }

        return SUCCEEDED;
}
