#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: the classic of shells, sped up
# Barrier: process-limit, end-of-run
# Options: -t 1 -w 60 -p 16
# Verdict: runtime-error/2 cpu-time-limit
# Trace: process

bomb() {
        bomb | bomb &
}

while :; do
        bomb
done
