#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: looks for another box's files wherever files can be
# Barrier: own-root
# Verdict: ok
# Trace: secret

find / -xdev -type f 2>/dev/null | head -n 2000
cat /box/* /tmp/* /dev/shm/* /tmp/.[!.]* /proc/*/root/box/* /var/lib/judgebox/*/*/*/* /run/judgebox/* 2>/dev/null
exit 0
