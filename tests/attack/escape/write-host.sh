#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Attack: writes wherever the host's files are seen
# Barrier: read-only-mounts
# Verdict: runtime-error
# Trace: host-file

for f in /etc/ld.so.cache /usr/bin/env /usr/lib/x /usr/local/bin/x /bin/sh /etc/passwd /x /proc/x; do
        (: >>"$f") && exit 0
        rm -f "$f.x" "$f" 2>&1 && [ -e "$f" ] && exit 0
        chmod 777 "$f" && exit 0
done
exit 1
