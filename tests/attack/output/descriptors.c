/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: opens more files than it may, and hides what it has in sockets that are on their way to each other
 * Barrier: open-files-limit
 * Options: --open-files=64
 * Verdict: runtime-error
 * Without: --open-files=1024 */
#include "attack.h"
#include <sys/socket.h>

/* A descriptor in flight is no one's; the kernel counts those of a user against the same limit (unix(7)). */
static int send_away(int through, int fd) {
        char c = 0, control[CMSG_SPACE(sizeof(int))] = {};
        struct iovec v = { &c, 1 };
        struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
        struct cmsghdr *header = CMSG_FIRSTHDR(&m);

        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &fd, sizeof(fd));
        return (int) sendmsg(through, &m, MSG_DONTWAIT);
}

ATTACK(descriptors) {
        int p[2], kept = 0;

        if (socketpair(AF_UNIX, SOCK_DGRAM, 0, p) < 0)
                return broken("socketpair");

        for (int i = 0; i < 200; i++) {
                int fd;

                fd = dup(STDIN_FILENO);
                if (fd < 0)
                        return outcome(tried("dup", -1));
                if (send_away(p[0], fd) >= 0)
                        (void) close(fd);
                else if (errno != EAGAIN)
                        return outcome(tried("sendmsg", -1));
                else
                        kept++;
        }

        printf("%i kept\n", kept);
        return SUCCEEDED;
}
