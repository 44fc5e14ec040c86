/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Fills the directory dev/ of the root to be, except dev/shm. -ENODEV where the host's device is not what
 * its name says, -EACCES where the host has it on a nodev mount. */
int devices_setup(int root_fd);
