#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: makes directories and links, which have no size, where there is room for 30 files
# Barrier: inode-limit
# Options: --inodes=30
# Verdict: runtime-error

i=0
while [ $i -lt 30 ]; do
        mkdir d$i && ln -s nowhere l$i || exit 1
        i=$((i + 1))
done
