#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: writes to a directory that was shown for reading, although everybody may write there
# Barrier: read-only-mounts
# Options: --bind={open-directory}:/open
# Verdict: runtime-error
# Trace: host-file
# Without: --bind={own-directory}:/open:rw

touch /open/written && rm /open/written && exit 0
exit 1
