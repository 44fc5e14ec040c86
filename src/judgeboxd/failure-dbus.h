/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-bus.h>

#include "failure.h"

/* Answers a method call with the error of org.judgebox1.Error that the failure is. Its message names the field, path,
 * box or resource that failure-varlink.h has as a parameter. */
int failure_reply_dbus(const Failure *f, sd_bus_message *call);
