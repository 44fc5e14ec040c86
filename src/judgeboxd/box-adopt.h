/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What an earlier daemon left goes on: boxes whose descriptors were stored and whose file is there, with their runs and
 * results. All else that is found of boxes is taken away: processes, cgroups, descriptors, files. */

#include "manager.h"
#include "passed-fds.h"

/* Takes the descriptors that are boxes' out of the list. The boxes are BOX_STARTING until their judgebox-init has
 * answered, and no run begins before all have, or a moment is over. */
int manager_adopt(Manager *m, PassedFds *fds);
