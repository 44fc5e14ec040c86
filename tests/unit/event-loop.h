/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Waiting in a test for what an event loop brings. */

#include <check.h>
#include <systemd/sd-event.h>

#include "time-util.h"

#define LOOP_PATIENCE_USEC (60 * USEC_PER_SEC)

#define loop_until(event, condition)                                                                            \
        do {                                                                                                    \
                usec_t _end = now_usec(CLOCK_MONOTONIC) + LOOP_PATIENCE_USEC;                                   \
                while (!(condition)) {                                                                          \
                        ck_assert_int_ge(sd_event_run((event), 10 * USEC_PER_MSEC), 0);                         \
                        ck_assert_msg(now_usec(CLOCK_MONOTONIC) < _end, "Waited for too long: " #condition);    \
                }                                                                                               \
        } while (false)
