/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: leaves a tree 2000 directories deep, which nobody may enter
 * Barrier: end-of-run
 * Verdict: ok
 * Trace: box */
#include "attack.h"
#include <sys/stat.h>

ATTACK(deep_tree) {
        for (int i = 0; i < 2000; i++)
                if (mkdir("d", 0700) < 0 || chdir("d") < 0)
                        return broken("mkdir");
        for (int i = 0; i < 2000; i++)
                if (chmod(".", 0) < 0 || chdir("..") < 0)
                        break;
        return 0;
}
