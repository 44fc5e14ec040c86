#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: climbs by dots from every directory that it may enter
# Barrier: own-root
# Arguments: {secret-file}
# Verdict: runtime-error
# Trace: secret

for d in / /box /proc/self/cwd /proc/self/root /proc/self/fd /dev/shm /usr/share; do
        cat "$d/../../../../../../../..$1" && exit 0
done
exit 1
