/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "macro.h"

/* The directory of the running executable, which tells a build directory from an installation. */
int self_directory(char **ret);

/* The path of a program in the same directory; -ENOENT where there is none that could be executed. */
int self_find_beside(const char *name, char **ret);
