#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: leaves a FIFO in place of the file that is collected, so that whoever opens it waits
# Barrier: files-beneath
# Options: --out=answer
# Verdict: ok

mkfifo answer
