#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes a C source of a text file: embed-text.py NAME INPUT OUTPUT defines `const char NAME[]`."""

import sys


def quote(line):
    out = []
    for byte in line:
        char = chr(byte)
        if char == '\n':
            out.append('\\n')
        elif char in '"\\':
            out.append('\\' + char)
        elif 0x20 <= byte < 0x7f and char != '?':
            out.append(char)
        else:
            # Octal, as it ends after three digits; '?' so that no trigraph comes about.
            out.append('\\%03o' % byte)
    return '"' + ''.join(out) + '"'


name, source, target = sys.argv[1:]
with open(source, 'rb') as f:
    lines = f.read().splitlines(keepends=True)
with open(target, 'w', encoding='ascii') as f:
    f.write('/* Made from the text file of the same name; do not edit. */\n')
    f.write('extern const char %s[];\n' % name)
    f.write('const char %s[] =\n' % name)
    f.writelines('        %s\n' % quote(line) for line in lines)
    f.write('        "";\n')
