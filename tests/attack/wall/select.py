# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: waits for nothing in particular, in Python
# Barrier: wall-limit
# Options: -t 30 -w 2
# Verdict: wall-time-limit

import select

select.select([], [], [])
