#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every option that judgectl explains is in the man page and in the completion, and these have no others."""

import re
import subprocess
import sys

judgectl, man, completion = sys.argv[1:]


def help_text(*words):
    return subprocess.run([judgectl, *words, '--help'], stdout=subprocess.PIPE, check=True, text=True).stdout


# "  -t --time=TIME   ..."
explained = re.compile(r'^ {2}(?:-(\w) | {3})--([a-z-]+)', re.MULTILINE)

overview = help_text()
verbs = re.findall(r'^  ([a-z]+) +[A-Z]', overview, re.MULTILINE)
texts = {'': overview, **{verb: help_text(verb) for verb in verbs}}
options = {long: short for text in texts.values() for short, long in explained.findall(text)}

with open(man, encoding='utf-8') as f:
    page = f.read().replace('\\-', '-')
with open(completion, encoding='utf-8') as f:
    script = f.read()

failures = []


def expect(ok, message):
    if not ok:
        failures.append(message)


expect('run' in verbs and 'time' in options and options['time'] == 't', f'cannot read the help texts: {verbs} {options}')

for verb in verbs:
    expect(re.search(rf'\\fB{verb}\\fP|^\.B {verb}$', page, re.MULTILINE), f'{verb} is not in the man page')
    expect(re.search(rf"local verbs='.*\b{verb}\b", script), f'{verb} is not completed')

for verb, text in texts.items():
    for line in text.splitlines():
        expect(len(line) <= 80, f'{verb} --help is wider than a terminal: {line}')

for long, short in options.items():
    expect(re.search(rf'--{long}(?![a-z-])', page), f'--{long} is not in the man page')
    expect(re.search(rf'--{long}(?![a-z-])', script), f'--{long} is not completed')
    if short:
        expect(re.search(rf'(?<![a-z-])-{short}(?![a-z-])', page), f'-{short} is not in the man page')

for name, text in ('man page', page), ('completion', script):
    for long in set(re.findall(r'(?<![a-z-])--([a-z]+(?:-[a-z]+)*)', text)) - set(options):
        expect(False, f'--{long} is in the {name}, but no help text explains it')

for failure in failures:
    print(failure)
sys.exit(1 if failures else 0)
