#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: reads what the kernel says of the whole host
# Barrier: own-proc
# Verdict: runtime-error

for f in kcore kallsyms keys key-users kmsg cmdline config.gz cpuinfo meminfo loadavg stat uptime version vmstat interrupts \
        diskstats partitions modules mounts slabinfo sched_debug timer_list sysvipc/shm net/../../sys/kernel/random/boot_id \
        iomem ioports pressure/cpu; do
        head -c 100 "/proc/$f" && exit 0
done
exit 1
