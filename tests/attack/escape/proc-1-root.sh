#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: goes to the host's files by way of judgebox-init's directories in /proc
# Barrier: own-proc
# Arguments: {secret-file}
# Verdict: runtime-error
# Trace: secret

for p in 1 1/task/1 $PPID; do
        for way in root cwd root/proc/1/root exe/../../../.. fd/0/../../../..; do
                cat "/proc/$p/$way$1" && exit 0
        done
done
exit 1
