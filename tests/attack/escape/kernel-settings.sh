#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: changes the kernel's settings: what it calls when a program crashes, to begin with
# Barrier: own-proc
# Verdict: runtime-error
# Trace: kernel-setting

set -- /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/kernel/hostname /proc/sys/vm/drop_caches \
        /proc/sys/user/max_user_namespaces /proc/sysrq-trigger /sys/kernel/uevent_helper /proc/self/oom_score_adj_host
for f; do
        echo '|/box/payload' >"$f" && exit 0
done
exit 1
