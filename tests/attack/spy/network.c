/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: learns the host's addresses and interfaces
 * Barrier: network-namespace
 * Verdict: runtime-error */
#include "attack.h"
#include <net/if.h>

ATTACK(network) {
        struct if_nameindex *list;
        bool found = false;

        list = if_nameindex();
        if (!list)
                return REFUSED;
        for (size_t i = 0; list[i].if_name; i++) {
                printf("%s\n", list[i].if_name);
                found = found || strcmp(list[i].if_name, "lo") != 0;
        }
        return outcome(found);
}
