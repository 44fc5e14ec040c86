#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: executes programs that are set-user-ID, and sees whether they gain anything by it
# Barrier: no-new-privileges
# Verdict: runtime-error

# Where a program has gained something the linker is told so, and does not show what it was told.
for p in su mount umount passwd chsh newgrp gpasswd sudo pkexec; do
        [ -u "/usr/bin/$p" ] || continue
        LD_SHOW_AUXV=1 "/usr/bin/$p" --help | grep -q 'AT_SECURE: *0' || exit 0
done
exit 1
