/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The cradle: one process for all boxes, a child of judgeboxd's from its first moment to its last, out of which boxes
 * are cloned. It is the first part that judgebox-init has, with the descriptors of cradle-packet.h.
 *
 * What it is for:
 * - It makes the next box's network namespace while nobody waits. That is a fourth of what a new box costs, and where
 *   each box has one anyway, one that is made ahead costs nothing more.
 * - It executes judgebox-init while nobody waits: itself, anew after each box. So each box is still cloned from a
 *   program that was executed for it alone: its addresses and canaries are no other box's, and no other box has ever
 *   been in its memory. (Executing takes a tenth. Most of that is libc finding out about the CPU, which in a virtual
 *   machine is a trap to its host for each question.)
 * - It has little memory, where judgeboxd has much: a clone of judgeboxd has to copy its tables.
 * - It has no descriptors but its own. A clone of judgeboxd would have those that tenants sent, and closing one can
 *   take for ever (slow-close.h).
 *
 * It is root on the host, as judgeboxd is, and hears nobody but judgeboxd: a clone of it closes everything but its own
 * end of another socket before it does anything else for the box.
 *
 * The network namespace belongs to the host's user namespace, not to the box's: there is nobody in a box who has any
 * right to it, not even judgebox-init. */

#include "macro.h"

/* Returns 1 in the clone for a box, which is to go on as its launcher; in the cradle itself 0 when judgeboxd has
 * closed its end. */
int cradle_run(void);
