#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: floods its standard error
# Barrier: output-limit
# Options: --output-size=64K
# Verdict: output-limit
# Trace: output

exec yes >&2
