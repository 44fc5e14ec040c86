#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: looks beside its input for the answer
# Barrier: own-root
# Options: -i {input}
# Verdict: runtime-error
# Trace: secret

for way in /proc/self/fd/0/../answer "$(dirname "$(readlink /proc/self/fd/0)")/answer" /dev/stdin/../answer answer; do
        cat "$way" && exit 0
done
exit 1
