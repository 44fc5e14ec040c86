/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "macro.h"

/* While it lasts, files are made as, and permissions checked for, the program: without the capabilities
 * that we have over files as root of the box (capabilities(7), "Effect of user ID changes"). */
typedef struct Identity {
        bool changed;
} Identity;

/* ret needs identity_done(), on failure too. */
int identity_become_program(Identity *ret);
void identity_done(Identity *i);
