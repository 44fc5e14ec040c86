#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: changes the devices that it has, which are the host's
# Barrier: no-capabilities
# Verdict: runtime-error
# Trace: host-file

for d in null zero full random urandom; do
        chmod 0 /dev/$d && exit 0
        rm -f /dev/$d && exit 0
        mv /dev/$d /dev/x && exit 0
done
exit 1
