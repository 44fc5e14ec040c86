/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: opens sockets of families that no program needs, and that many holes were found in
 * Barrier: seccomp
 * Verdict: runtime-error */
#include "attack.h"
#include <sys/socket.h>

ATTACK(sockets) {
        static const int families[] = {
                AF_VSOCK, AF_ALG, AF_CAN, AF_TIPC, AF_RDS, AF_KEY, AF_BLUETOOTH, AF_NFC, AF_PPPOX, AF_XDP, AF_QIPCRTR,
                AF_SMC, AF_AX25, AF_X25, AF_APPLETALK, AF_LLC, AF_PHONET, AF_KCM,
        };
        bool worked = false;

        for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW };

                for (size_t k = 0; k < ELEMENTSOF(types); k++) {
                        char name[32];

                        (void) snprintf(name, sizeof(name), "family %i, type %i", families[i], types[k]);
                        worked |= tried(name, socket(families[i], types[k], 0));
                }
        }
        return outcome(worked);
}
