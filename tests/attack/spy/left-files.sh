#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: leaves files where the box's next run would not look for them
# Barrier: between-runs
# Phases: leave look
# Verdict: runtime-error
# Without: --keep-tmp

if [ "$1" = leave ]; then
        echo found >/tmp/.left && echo found >/dev/shm/left
        exit
fi
cat /tmp/.left /dev/shm/left /dev/mqueue/left && exit 0
[ -e /tmp/.left ] || [ -e /dev/shm/left ] && exit 0
exit 1
