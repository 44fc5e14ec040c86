/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Brings up "lo" in the network namespace that we are in, so that 127.0.0.1 and ::1 are there and nothing
 * else. */
int net_loopback_up(void);
