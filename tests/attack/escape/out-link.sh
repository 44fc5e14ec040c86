#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: leaves a link to what only judgebox-init can read, in place of the file that is collected
# Barrier: files-beneath
# Options: --out=answer
# Verdict: ok
# Forbidden: judgebox-init
# Trace: secret

ln -s /proc/self/exe answer
