/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: has a friend on the host hand it a descriptor, over a socket that is in no file system
 * Barrier: network-namespace
 * Arguments: {abstract}
 * Verdict: runtime-error
 * Trace: secret */
#include "attack.h"
#include <sys/socket.h>
#include <sys/un.h>

ATTACK(abstract_socket) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        char text[256], control[256];
        struct iovec v = { text, sizeof(text) };
        struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
        size_t n = strlen(argv[1]);
        socklen_t size = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + 1 + n);
        ssize_t k;
        int fd;

        memcpy(a.sun_path + 1, argv[1], n);
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (fd < 0)
                return broken("socket");
        if (!tried("connect", connect(fd, (struct sockaddr *) &a, size)))
                return REFUSED;

        if (recvmsg(fd, &m, 0) < 0 || !CMSG_FIRSTHDR(&m))
                return broken("recvmsg");
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
        k = read(fd, text, sizeof(text));
        printf("%.*s\n", (int) k, text);
        return outcome(k > 0);
}
