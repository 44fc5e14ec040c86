/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looks for somebody to talk to, and tells whom it finds. Only who finds nobody gets to the right answer. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int found = 0;

/* A connection that does not fail at once goes somewhere. */
static void try(int type, const char *address, int port) {
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((unsigned short) port) };
        int fd;

        fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return;

        (void) inet_pton(AF_INET, address, &sa.sin_addr);
        if (connect(fd, (struct sockaddr *) &sa, sizeof(sa)) == 0 || errno == EINPROGRESS) {
                printf("%s, port %d: there is a way\n", address, port);
                found = 1;
        }
        close(fd);
}

int main(void) {
        struct if_nameindex *interfaces;
        long long sum = 0, x;
        int n;

        interfaces = if_nameindex();
        for (int i = 0; interfaces && interfaces[i].if_name; i++)
                if (strcmp(interfaces[i].if_name, "lo") != 0) {
                        printf("an interface: %s\n", interfaces[i].if_name);
                        found = 1;
                }

        try(SOCK_STREAM, "192.0.2.1", 80);
        try(SOCK_DGRAM, "192.0.2.1", 53);

        if (found || scanf("%d", &n) != 1)
                return 0;
        while (n-- > 0 && scanf("%lld", &x) == 1)
                sum += x;
        printf("%lld\n", sum);
        return 0;
}
