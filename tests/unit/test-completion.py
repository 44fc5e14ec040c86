#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What bash completes, with stand-ins for bash-completion's own functions and for a service that answers."""

import pathlib
import subprocess
import sys
import tempfile

judgectl, isolate = sys.argv[1:]

SCRIPT = r"""
_init_completion() {
        words=("${COMP_WORDS[@]}")
        cword=$COMP_CWORD
        cur=${words[cword]}
        prev=${words[cword - 1]}
}
_command_offset() { COMPREPLY=("the command from $1 on"); }
compopt() { :; }
judgectl() {
        case $* in
        'list --json=short') echo '[{"box":"work","owner":0},{"box":"play","owner":0}]' ;;
        'profile list --json=short') echo '[{"name":"default"},{"name":"strict"}]' ;;
        'ls work --json=short') echo '[{"name":"a.out","type":"regular"},{"name":"sub","type":"directory"}]' ;;
        'ls work sub/ --json=short') echo '[{"name":"below","type":"regular"}]' ;;
        *) echo "asked for $*" >&2 ;;
        esac
}
source "$1"
function=$2
COMP_WORDS=("${@:3}")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
COMPREPLY=()
"$function"
printf '%s\n' "${COMPREPLY[@]}"
"""

JUDGECTL = [
    ('pro', ['profile']),
    ('--ver', ['--version']),
    ('--json=sh', ['short']),
    ('--json short st', ['status']),
    ('--socket /run/x de', ['destroy']),
    ('help mon', ['monitor']),
    ('destroy ', ['play', 'work']),
    ('status w', ['work']),
    ('kill --ru', ['--run=']),
    ('run --wall', ['--wall-time=']),
    ('run --box=p', ['play']),
    ('run --box w', ['work']),
    ('run --profile=s', ['strict']),
    ('create --profile s', ['strict']),
    ('create --directory=sub-d', ['sub-directory']),
    ('run --stdin=a-f', ['a-file']),
    ('judge a-', ['a-file']),
    ('run gcc -', ['the command from 2 on']),
    ('run --time 5 gcc -', ['the command from 4 on']),
    ('run -t 5 -- gcc -', ['the command from 5 on']),
    ('profile ', ['check', 'list', 'show']),
    ('profile show d', ['default']),
    ('profile check a-', ['a-file']),
    ('ls work s', ['sub']),
    ('get work sub/', ['sub/below']),
    ('get --owner root work a', ['a.out']),
    ('put work a-', ['a-file']),
]
ISOLATE = [
    ('--cg-', ['--cg-mem=', '--cg-timing']),
    ('--ru', ['--run']),
    ('--meta=a-', ['a-file']),
    ('-M a-', ['a-file']),
    ('--run -- ./a', ['the command from 3 on']),
]

failures = []
with tempfile.TemporaryDirectory() as directory:
    pathlib.Path(directory, 'a-file').touch()
    pathlib.Path(directory, 'sub-directory').mkdir()
    for path, function, program, table in ((judgectl, '_judgectl', 'judgectl', JUDGECTL),
                                           (isolate, '_judgebox_isolate', 'isolate', ISOLATE)):
        for line, wanted in table:
            done = subprocess.run(['bash', '-c', SCRIPT, 'bash', path, function, program, *line.split(' ')], cwd=directory,
                                  capture_output=True, text=True, check=False)
            if sorted(done.stdout.split('\n')[:-1]) != wanted or done.stderr:
                failures.append(f'{program} {line}: {done.stdout!r}, not {wanted} {done.stderr}')

for failure in failures:
    print(failure)
sys.exit(1 if failures else 0)
