# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: forks without end, and takes refusal for an invitation
# Barrier: process-limit, cpu-limit
# Options: -t 1 -w 120 -p 16
# Verdict: cpu-time-limit
# Trace: process

import os

while True:
    try:
        os.fork()
    except OSError:
        pass
