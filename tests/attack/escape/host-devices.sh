#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: looks for devices of the host's, and opens them
# Barrier: own-devices
# Verdict: runtime-error

cd /dev || exit 2
for d in mem kmem port kmsg console tty tty0 ptmx fuse kvm vda sda nvme0n1 loop0 loop-control mapper/control net/tun \
        vhost-net vsock uinput input/event0 hwrng rtc0 cpu/0/msr mqueue userfaultfd snapshot; do
        [ -e "$d" ] && exit 0
        (exec 9<>"$d") && exit 0
done
exit 1
