#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: has standard output and standard error change places, and floods the one in the other's name
# Barrier: output-limit
# Options: --output-size=64K
# Verdict: output-limit
# Trace: output

exec 3>&1 1>&2 2>&3
exec yes
