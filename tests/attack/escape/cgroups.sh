#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: moves to another control group, or lifts the limits of its own
# Barrier: seccomp, no-capabilities, own-root
# Verdict: security-violation runtime-error
# Trace: cgroup

for d in /sys/fs/cgroup /sys/fs/cgroup/unified /cgroup; do
        echo $$ >"$d/cgroup.procs" && exit 0
        echo max >"$d/memory.max" && exit 0
done
mkdir c && mount -t cgroup2 none c && exit 0
exit 1
