/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where a box can write to a directory of the host, a program must not leave a set-user-ID or set-group-ID file there.
 * Inside it would mean nothing, as all mounts are nosuid; outside it would be a file of the tenant's that whoever is
 * in league with the program could execute as the tenant. Only a seccomp filter can keep the bits from being set: the
 * kernel asks for no right to set them on a file of one's own. */

#include <linux/filter.h>

#include "macro.h"

/* The instructions. */
const struct sock_filter *set_id_filter_get(size_t *ret_n);
