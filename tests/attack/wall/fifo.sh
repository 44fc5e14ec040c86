#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: opens a FIFO that nobody will ever write to
# Barrier: wall-limit
# Options: -t 10 -w 0.3
# Verdict: wall-time-limit

mkfifo fifo
exec cat fifo
