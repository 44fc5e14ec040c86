/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Closes the door to new user namespaces, and mounts /proc on the directory proc/ of the root to be. The
 * old root must still be there. */
int proc_setup(int root_fd);
