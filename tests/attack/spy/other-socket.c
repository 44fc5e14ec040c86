/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: connects to an abstract socket of another box's
 * Barrier: network-namespace
 * Verdict: runtime-error
 * Trace: secret */
#include "attack.h"
#include <sys/socket.h>
#include <sys/un.h>

ATTACK(other_socket) {
        struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "\0judgebox-victim" };
        socklen_t size = offsetof(struct sockaddr_un, sun_path) + sizeof("judgebox-victim");
        int fd;

        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (fd < 0)
                return broken("socket");
        return outcome(tried("connect", connect(fd, (struct sockaddr *) &a, size)));
}
