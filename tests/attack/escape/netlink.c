/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: changes the network, and listens to what the kernel says of devices
 * Barrier: no-capabilities, network-namespace
 * Verdict: runtime-error */
#include "attack.h"
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

static bool link_down(void) {
        struct {
                struct nlmsghdr header;
                struct ifinfomsg link;
        } request = {
                .header.nlmsg_len = sizeof(request),
                .header.nlmsg_type = RTM_NEWLINK,
                .header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
                .link = { .ifi_index = 1, .ifi_change = IFF_UP },
        };
        struct {
                struct nlmsghdr header;
                struct nlmsgerr error;
                char more[1024];
        } reply;
        int fd;

        fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
        if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0 || recv(fd, &reply, sizeof(reply), 0) < 0)
                return tried("netlink", -1);
        errno = -reply.error.error;
        return tried("RTM_NEWLINK", reply.error.error);
}

ATTACK(netlink) {
        struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = 1 };
        bool worked;
        int fd;

        worked = link_down();
        fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_AUDIT);
        worked |= tried("audit", fd < 0 ? fd : bind(fd, (struct sockaddr *) &a, sizeof(a)));
        return outcome(worked);
}
