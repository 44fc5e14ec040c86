#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: learns who has an account on the host
# Barrier: own-root
# Verdict: runtime-error

cut -d: -f1 /etc/passwd
[ "$(cut -d: -f1 /etc/passwd | grep -cvxE 'root|box|nobody')" -gt 0 ] && exit 0
exit 1
