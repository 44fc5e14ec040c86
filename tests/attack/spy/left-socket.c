/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: leaves an abstract socket, which is in no file system, for the box's next run to connect to
 * Barrier: end-of-run
 * Phases: leave look
 * Verdict: runtime-error */
#include "attack.h"
#include <sys/socket.h>
#include <sys/un.h>

ATTACK(left_socket) {
        struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "\0left" };
        socklen_t size = offsetof(struct sockaddr_un, sun_path) + 5;
        int fd;

        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (fd < 0)
                return broken("socket");
        if (strcmp(argv[1], "look") == 0)
                return outcome(tried("connect", connect(fd, (struct sockaddr *) &a, size)));

        if (bind(fd, (struct sockaddr *) &a, size) < 0 || listen(fd, 1) < 0)
                return broken("bind");
        if (fork() == 0) {
                ignore_all_signals();
                sleep_forever();
        }
        return 0;
}
