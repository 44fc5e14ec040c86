/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: connects to a service of the host's
 * Barrier: network-namespace
 * Arguments: {port}
 * Verdict: runtime-error
 * Without: --share-net
 * Trace: secret */
#include "attack.h"
#include <arpa/inet.h>
#include <sys/socket.h>

ATTACK(connect_out) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        char text[256];
        ssize_t n;
        int fd;

        a.sin_port = htons((uint16_t) strtoul(argv[1], NULL, 10));
        fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0 || !tried("connect", connect(fd, (struct sockaddr *) &a, sizeof(a))))
                return REFUSED;
        n = read(fd, text, sizeof(text));
        printf("%.*s\n", (int) n, text);
        return SUCCEEDED;
}
