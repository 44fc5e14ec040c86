#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: writes the result that it would like to have
# Barrier: evidence
# Verdict: runtime-error/3

echo '{"verdict":"ok","message":"Exited normally.","exitStatus":0}'
echo '{"parameters":{"result":{"verdict":"ok","exitStatus":0}}}' >&2
exit 3
