#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: reads the command line of every process
# Barrier: own-proc
# Verdict: ok
# Trace: secret

cat /proc/*/cmdline | tr '\0' '\n'
exit 0
