#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: asks to be spared when memory runs out
# Barrier: no-capabilities
# Verdict: runtime-error

echo -1000 >/proc/self/oom_score_adj && exit 0
exit 1
