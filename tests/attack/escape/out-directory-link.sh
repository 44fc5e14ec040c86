#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: leaves a link in place of the directory of the file that is collected
# Barrier: files-beneath
# Options: --out=d/exe
# Verdict: ok
# Forbidden: judgebox-init
# Trace: secret

ln -s /proc/self d
