#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every option that judgebox-isolate explains is in its man page and completion, and these have no others."""

import re
import subprocess
import sys

isolate, man, completion = sys.argv[1:]

text = subprocess.run([isolate, '--help'], stdout=subprocess.PIPE, check=False, text=True).stdout
page = open(man, encoding='utf-8').read().replace('\\-', '-')
script = open(completion, encoding='utf-8').read()

explained = set(re.findall(r'--([a-z]+(?:-[a-z]+)*)', text)) | {'help'}
failures = []
if not {'run', 'cg-mem', 'no-cg-timing'} <= explained:
    failures.append(f'cannot read the help text: {explained}')
for name, words in ('man page', page), ('completion', script):
    found = set(re.findall(r'(?<![a-z-])--([a-z]+(?:-[a-z]+)*)', words))
    failures += [f'--{option} is not in the {name}' for option in sorted(explained - found)]
    failures += [f'--{option} is in the {name} alone' for option in sorted(found - explained)]
failures += [f'wider than a terminal: {line}' for line in text.splitlines() if len(line) > 80]
failures += [f'-{short} is not in the man page' for short in re.findall(r'(?<![\w-])-(\w) --', text)
             if not re.search(rf'(?<![\w-])-{short}\b', page)]

for failure in failures:
    print(failure)
sys.exit(1 if failures else 0)
