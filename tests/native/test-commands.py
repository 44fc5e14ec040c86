#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""judgectl's commands, as somebody types them who does not know them: help, what is wrong, JSON, and output that is not for a
terminal. What each one does is in the other tests."""

import os
import pathlib
import re

from harness import JUDGECTL, PRIVATE, check, check_equal, judgectl, main, test
from screen import Screen
from service import listening

OVERVIEW = judgectl('--help').stdout
COMMANDS = re.findall(r'^  ([a-z]+) +[A-Z]', OVERVIEW, re.MULTILINE)
WANT_ARGUMENTS = ['run', 'judge', 'group', 'destroy', 'reset', 'status', 'put', 'get', 'ls', 'rm', 'kill', 'profile']
WANT_NONE = ['list', 'top', 'monitor', 'check']
PRIVATE_TOO = ['run', 'judge', 'group', 'profile', 'check']


def wrong(*words, named):
    done = judgectl(*words)
    check_equal((done.status, done.stdout), (2, ''), f'{words}: {done}')
    check(named in done.stderr, f'{words}: {done}')


@test
def test_help():
    check_equal(sorted(COMMANDS), sorted([*WANT_ARGUMENTS, *WANT_NONE, 'create']))
    for words in ['-h'], ['help'], ['help', 'help'], ['help', '--help'], ['--json=short', '-h']:
        done = judgectl(*words)
        check_equal((done.status, done.stdout), (0, OVERVIEW), str(words))
    for command in COMMANDS:
        done = judgectl(command, '--help')
        check_equal((done.status, done.stderr), (0, ''), command)
        check(done.stdout.startswith(f'judgectl [OPTIONS...] {command}'), done.stdout)
        check_equal(judgectl('help', command).stdout, done.stdout)
    check_equal(judgectl('--json=short', 'list', '-h', 'more').stdout, judgectl('list', '--help').stdout)
    check_equal(judgectl('--version').status, 0)
    wrong('help', 'no-such-command', named='"no-such-command"')


@test
def test_wrong_words():
    for command in COMMANDS:
        wrong(command, '--no-such-option', named='--no-such-option')
        if command not in PRIVATE_TOO:
            wrong('--private', command, *(['b'] if command in WANT_ARGUMENTS else []), *(['f'] if command in ('put', 'get', 'rm') else []),
                  named='--private')
    for word in '--no-such-option', '--json=loud', '--json', '--socket=relative', '--private=yes':
        wrong('list', word, named=word.partition('=')[0])
        wrong(word, 'list', named=word.partition('=')[0])
    for command in WANT_ARGUMENTS:
        wrong(command, named=f'judgectl {command} --help')
    for command in WANT_NONE:
        wrong(command, 'x', named=f'judgectl {command} --help')
        wrong('--degrade', command, named='--private')
    for command in 'destroy', 'reset', 'status', 'ls', 'kill', 'create':
        wrong(command, 'a/b', named='"a/b"')
        wrong(command, 'x' * 33, named='x' * 33)
    for command in 'status', 'list', 'top', 'monitor':
        wrong(command, '--owner=no-such-user', *(['b'] if command == 'status' else []), named='--owner=')
        wrong(f'--socket={os.getcwd()}/none', command, *(['b'] if command == 'status' else []), named='does not answer')
    for words in ('kill', '--run=x', 'b'), ('kill', '--run=', 'b'), ('kill', '--run=-1', 'b'):
        wrong(*words, named='--run=')


@test
def test_meta_where_there_was_no_run():
    def meta(*words):
        pathlib.Path('meta').write_text('exitcode:0\n')
        check_equal(judgectl(*words).status, 2)
        return dict(line.split(':', 1) for line in pathlib.Path('meta').read_text().splitlines())
    check_equal(meta('--socket=/no/such/socket', 'run', '--meta=meta', 'true'), {'status': 'XX', 'message': 'The sandbox failed'})
    found = meta(*PRIVATE, 'run', '--meta=meta', '--memory=1', 'true')
    check('--memory=' in found.pop('message'), 'as it was said')
    check_equal(found, {'status': 'XX'})


@test
def test_json():
    with listening() as s:
        def tell(*words):
            """What is printed, in one line and in many; None if nothing is."""
            texts = [judgectl(f'--socket={s.path}', f'--json={mode}', *words) for mode in ('short', 'pretty')]
            for done in texts:
                check_equal((done.status, done.stderr), (0, ''), str(words))
            check(texts[0].stdout.count('\n') == (1 if texts[0].stdout else 0), texts[0].stdout)
            check_equal(type(texts[0].result), type(texts[1].result), str(words))
            check(texts[0].result is not None or texts[0].stdout == texts[1].stdout == '', str(texts))
            return texts[0].result
        made = judgectl(f'--socket={s.path}', '--json=short', 'create', '--profile=strict', '--host-directory', 'b').result
        check_equal((made['box'], made['owner']), ('b', 0))
        pathlib.Path('file').write_text('text')
        check_equal(tell('put', 'b', 'file'), None)
        check_equal(tell('get', 'b', 'file'), None)
        check_equal([(e['name'], e['sizeBytes']) for e in tell('ls', 'b')], [('file', 4)])
        check_equal([box['box'] for box in tell('list')], ['b'])
        check_equal([box['box'] for box in tell('top')], ['b'])
        status = tell('status', 'b')
        check_equal((status['box'], status['profile'], status['directory']), ('b', 'strict', made['directory']))
        check_equal(tell('kill', 'b'), {'killed': 0})
        check_equal(tell('reset', 'b'), None)
        check('default' in [profile['name'] for profile in tell('profile', 'list')])
        check_equal(tell('profile', 'show', 'strict')['profile']['name'], 'strict')
        destroyed = judgectl(f'--socket={s.path}', '--json=short', 'destroy', 'b')
        check_equal((destroyed.status, destroyed.stdout), (0, ''))


@test
def test_status_is_in_full():
    with listening() as s:
        made = judgectl(f'--socket={s.path}', 'create', '--profile=strict', '--host-directory', '--trace', '-t', '2', 'b')
        directory = made.stdout.split()[1]
        text = judgectl(f'--socket={s.path}', 'status', 'b').stdout
        for line in 'State: idle', f'Directory: {directory}', 'Profile: strict', 'Traced: yes', 'Limits: time 2.000s':
            check(line in text, f'{line}: {text}')


@test
def test_output_into_a_pipe():
    """No escape sequences, whatever the terminal of the caller is; and no line ends in blanks."""
    os.environ['TERM'] = 'xterm'
    with listening() as s:
        judgectl(f'--socket={s.path}', 'create', 'b')
        for words in (['list'], ['status', 'b'], ['top'], ['ls', 'b', '/'], ['profile', 'list'], ['profile', 'show', 'strict'],
                      ['check'], ['--help'], ['run', '--help'], ['run', '--', '/bin/false']):
            done = judgectl(f'--socket={s.path}', *words)
            for line in (done.stdout + done.stderr).splitlines():
                check('\x1b' not in line and line == line.rstrip(), f'{words}: {line!r}')


@test
def test_colors():
    with listening() as s:
        judgectl(f'--socket={s.path}', 'create', 'b')
        for variables, wanted in ({'TERM': 'xterm'}, True), ({'TERM': 'dumb'}, False), ({'TERM': 'xterm', 'NO_COLOR': '1'}, False):
            screen = Screen('/usr/bin/env', *(f'{k}={v}' for k, v in variables.items()), JUDGECTL, f'--socket={s.path}', 'list')
            check_equal(screen.end(), 0)
            check_equal(b'\x1b[' in screen.seen, wanted, f'{variables} {screen.seen}')


@test
def test_top_on_a_narrow_screen():
    """What is too long for a line is cut off by the terminal: wrapped lines would have it scroll."""
    with listening() as s:
        judgectl(f'--socket={s.path}', 'create', 'b')
        screen = Screen('/usr/bin/env', 'TERM=xterm', JUDGECTL, f'--socket={s.path}', 'top', '-n', '1', columns=20)
        check_equal(screen.end(), 0)
        before, _, rest = screen.seen.partition(b'\x1b[?7l')
        inside, _, after = rest.partition(b'\x1b[?7h')
        check(b'STATE' in inside and b'STATE' not in before + after, screen.seen)


if __name__ == '__main__':
    main()
