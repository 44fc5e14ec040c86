/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.freedesktop.LogControl1(5), by which "systemctl service-log-level judgeboxd.service debug" works. Anybody may read
 * it; only root may set something. */

#include <systemd/sd-bus.h>

#define BUS_PATH_LOG_CONTROL "/org/freedesktop/LogControl1"
#define BUS_INTERFACE_LOG_CONTROL "org.freedesktop.LogControl1"

extern const sd_bus_vtable bus_log_control_vtable[];
