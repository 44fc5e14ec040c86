/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: sends packets of its own making
 * Barrier: no-capabilities
 * Verdict: runtime-error */
#include "attack.h"
#include <sys/socket.h>

ATTACK(raw_socket) {
        bool worked;

        /* IPPROTO_RAW, IPPROTO_ICMP; AF_PACKET with ETH_P_ALL in network order */
        worked = tried("raw", socket(AF_INET, SOCK_RAW, 255));
        worked |= tried("ICMP", socket(AF_INET, SOCK_RAW, 1));
        worked |= tried("packet", socket(AF_PACKET, SOCK_RAW, 0x0300));
        return outcome(worked);
}
