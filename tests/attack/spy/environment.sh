#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: reads the environment of every process it sees, judgectl's and judgeboxd's above all
# Barrier: own-proc
# Verdict: ok
# Trace: secret

env
cat /proc/*/environ /proc/self/task/*/environ | tr '\0' '\n'
exit 0
