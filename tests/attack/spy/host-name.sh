#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: learns the host's name
# Barrier: uts-namespace
# Arguments: {host-name}
# Verdict: runtime-error

[ "$(uname -n)" = "$1" ] && exit 0
grep -w "$1" /etc/hosts /etc/hostname && exit 0
exit 1
