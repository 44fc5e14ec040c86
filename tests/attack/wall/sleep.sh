#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: sleeps
# Barrier: wall-limit
# Options: -t 10 -w 0.3
# Verdict: wall-time-limit

exec sleep 1000
