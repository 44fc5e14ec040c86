/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The cradle: one process for all boxes, a child of judgeboxd's from its first moment to its last, out of which boxes
 * are cloned. It is judgebox-init in another part, with the two descriptors of cradle-packet.h.
 *
 * What it is for:
 * - It makes the next box's network namespace while nobody waits. That is a fourth of what a new box costs, and where
 *   each box has one anyway, one that is made ahead costs nothing more.
 * - It has little memory, where judgeboxd has much: a clone of judgeboxd has to copy its tables, only to
 *   throw them away when it executes judgebox-init.
 * - It has no descriptors but its own. A clone of judgeboxd would have those that tenants sent, and closing one can
 *   take for ever (slow-close.h).
 *
 * It is root on the host, as judgeboxd is, and hears nobody but judgeboxd: what it clones has its own end of another
 * socket and loses everything else when it executes.
 *
 * The network namespace belongs to the host's user namespace, not to the box's: there is nobody in a box who has any
 * right to it, not even judgebox-init. */

#include "macro.h"

/* Until judgeboxd closes its end; 0 then. */
int cradle_run(void);
