/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What an operator may want to be told of, or to search the journal for: the MESSAGE_ID= of those entries.
 * units/judgebox.catalog explains each (`journalctl --catalog`). An id stays for as long as there is anyone who may have
 * written it down. */

#define MESSAGE_BOX_FAILED "9a38c125eee94bd28b084a64c33926b5"
#define MESSAGE_BUDGET_REACHED "1b29a4c642ab4bb8a351efe25b43fadd"
#define MESSAGE_SUPERVISOR_DIED "af1568b5302049aabfb2b0b5ffc48db0"
#define MESSAGE_BOX_STOPPED "3414e60f4fef4800ae9a09329a08a24c"
#define MESSAGE_CONFIG_IGNORED "e9ebe381ef7e41eb91a72b6531eb058b"
#define MESSAGE_RUN_LOST "7a24925d22b84fa8be944d28c391e102"
#define MESSAGE_BOXES_ADOPTED "7f5989cc2098480d926aa927613c0cac"
#define MESSAGE_BOX_NOT_ADOPTED "16709e03132649ba946615b2d7528d46"
