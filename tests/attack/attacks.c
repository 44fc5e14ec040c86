/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attack.h"

/* All attacks that are written in C, each under the name of its file. One program, because a hundred static ones would
 * be a hundred copies of the C library to take into the guest. */

#define ATTACK_ENTRY(function, name) int attack_##function(int argc, char *argv[]);
#include "attack-table.inc"
#undef ATTACK_ENTRY

#define ATTACK_ENTRY(function, name) { name, attack_##function },
static const struct {
        const char *name;
        int (*function)(int argc, char *argv[]);
} attacks[] = {
#include "attack-table.inc"
};

int main(int argc, char *argv[]) {
        for (size_t i = 0; i < ELEMENTSOF(attacks); i++)
                if (argc > 0 && strcmp(attacks[i].name, argv[0]) == 0)
                        return attacks[i].function(argc, argv);

        return BROKEN;
}
