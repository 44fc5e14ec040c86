#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: reads what the host keeps for itself
# Barrier: own-root
# Verdict: runtime-error
# Trace: secret

for f in /etc/shadow /etc/machine-id /etc/ssh /etc/judgebox /root /home /var/log /var/lib /run/judgebox /boot /srv /mnt \
        /sys/class /sys/devices /lost+found; do
        [ -e "$f" ] && exit 0
done
exit 1
