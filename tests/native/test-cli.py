#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""judgectl run from end to end: what its options do, and how each way a program can end is told."""

import os
import pathlib
import pty
import re
import subprocess
import time

from harness import (DEGRADE, JUDGECTL, PRIVATE, TIMEOUT, check, check_equal, compile_c, expect, judgectl,
                     main, run, shell, skip, test, wait_until)


# ---- how programs end ----

@test
def test_ok():
    done = expect(run('true'), 'ok', exitStatus=0)
    numbers = ['cpuTimeUSec', 'userTimeUSec', 'systemTimeUSec', 'wallTimeUSec', 'maxRssBytes', 'voluntarySwitches',
               'forcedSwitches', 'owner', 'run']
    if not DEGRADE:
        numbers += ['memoryPeakBytes', 'oomKills', 'processesPeak', 'processLimitHits']
    for key in numbers:
        check(isinstance(done.result.get(key), int), f'{key} in {done.result}')
    for key in ('verdict', 'message', 'box'):
        check(isinstance(done.result.get(key), str), f'{key} in {done.result}')
    check_equal(done.result['owner'], os.getuid())
    check('signal' not in done.result or done.result['signal'] is None, 'no signal')
    if not DEGRADE:
        check(not done.result.get('degraded'), done.result)


@test
def test_exit_statuses():
    for status in (1, 7, 127, 255):
        expect(shell(f'exit {status}'), 'runtime-error', exitStatus=status)


@test
def test_signals():
    expect(shell('kill -SEGV $$'), 'signaled', signal='SIGSEGV')
    expect(shell('kill -KILL $$'), 'signaled', signal='SIGKILL')
    expect(shell('kill -TERM $$'), 'signaled', signal='SIGTERM')


@test
def test_crash():
    compile_c('int main(void) { *(volatile int *) 0 = 1; }', 'crash', '-w')
    expect(run('--exec-file=crash', 'crash'), 'signaled', signal='SIGSEGV')


@test
def test_missing_program():
    expect(run('/usr/bin/there-is-no-such-program'), 'exec-failed', error='ENOENT')
    expect(run('there-is-no-such-program'), 'exec-failed', error='ENOENT')


@test
def test_program_that_is_not_executable():
    pathlib.Path('plain').write_text('#!/bin/sh\n')
    expect(run('--in=plain', './plain'), 'exec-failed', error='EACCES')
    expect(run('/box'), 'exec-failed', error='EACCES')


@test
def test_program_of_a_wrong_format():
    pathlib.Path('garbage').write_bytes(b'\x7fELF and so on')
    os.chmod('garbage', 0o755)
    expect(run('--in=garbage', './garbage'), 'exec-failed', error='ENOEXEC')
    expect(run('--exec-file=garbage', 'garbage'), 'exec-failed', error='ENOEXEC')


@test
def test_script_of_a_missing_interpreter():
    pathlib.Path('script').write_text('#!/no/such/interpreter\n')
    os.chmod('script', 0o755)
    expect(run('--in=script', './script'), 'exec-failed', error='ENOENT')


@test
def test_children_end_with_the_program():
    begin = time.monotonic()
    done = expect(shell('sleep 50 & setsid sleep 50 & (trap "" HUP TERM; sleep 50) & echo started'), 'ok')
    check_equal(done.out, b'started\n')
    check(time.monotonic() - begin < TIMEOUT / 2, 'did not wait for them')


# ---- requests that are refused ----

@test
def test_bad_option_values():
    for option in ('--time=abc', '--time=', '--time=-1', '--time=1x', '--time=0', '--time=1e9', '--wall-time=1.2.3',
                   '--memory=12Q', '--memory=', '--memory=-5', '--memory=1', '--processes=0', '--processes=many',
                   '--processes=1.5', '--stack=big', '--file-size=0x10', '--output-size= 5', '--open-files=1',
                   '--open-files=99999999999999999999', '--cpus=0', '--cpu-set=a', '--cpu-set=1-', '--storage=no',
                   '--inodes=-1', '--idle-time=soon', '--extra-time=--', '--tmpfs=relative', '--tmpfs=/a/../b',
                   '--tmpfs=/t:lots', '--bind=/usr:/a/../b', '--bind=/usr:/b:fancy', '--bind=/no/such/directory',
                   '--in=/no/such/file', '--in=/etc/passwd:../x', '--in=/etc', '--out=../../etc/passwd', '--env==x',
                   '--chdir=../..', '--hostname=', '--exec-file=/no/such/file', '--stdin=/no/such/file',
                   '--json=loud', '--box=a/b', '--box='):
        done = judgectl(*PRIVATE, 'run', option, '--', 'true')
        check_equal(done.status, 2, f'{option}: {done}')
        name = option.partition('=')[0]
        check(name in done.stderr or 'box' in option, f'{option}: not named in {done.stderr!r}')
        check_equal(done.stdout, '', option)


@test
def test_bad_command_lines():
    for arguments in (['run'], ['run', '--'], ['run', '--no-such-option', 'true'], ['no-such-verb'], [],
                      ['run', '--time'], ['judge', 'x'], ['run', '--stderr=x', '--stderr-to-stdout', 'true']):
        done = judgectl(*PRIVATE, *arguments)
        check_equal(done.status, 2, f'{arguments}: {done}')
        check(done.stderr != '', f'{arguments}: says nothing')


@test
def test_what_is_missing_is_named():
    if not DEGRADE:
        skip('nothing is missing here')
    done = judgectl('--private', 'run', 'true')
    check_equal(done.status, 2, str(done))
    check('memory' in done.stderr, done.stderr)
    degraded = expect(run('true'), 'ok').result['degraded']
    check('memory' in degraded and 'processes' in degraded, degraded)


@test
def test_help():
    for verb in ('run', 'create', 'destroy', 'reset', 'list', 'status', 'put', 'get', 'ls', 'rm', 'kill', 'judge', 'check'):
        done = judgectl(verb, '--help')
        check_equal(done.status, 0, verb)
        check(f'judgectl [OPTIONS...] {verb}' in done.stdout, done.stdout)


# ---- arguments and streams ----

@test
def test_ten_thousand_arguments():
    arguments = [f'argument-{i}' for i in range(10_000)]
    done = expect(run('--', '/bin/sh', '-c', 'echo $# $1 ${10000}', 'sh', *arguments), 'ok')
    check_equal(done.out, b'10000 argument-0 argument-9999\n')


@test
def test_odd_arguments():
    odd = ['', ' ', '-x', '--', '*', '$HOME', 'a\nb', '"\'\\', '\x01', 'ä€𝄞']
    done = expect(run('--', '/usr/bin/printf', '[%s]', *odd), 'ok')
    check_equal(done.out.decode(), ''.join(f'[{word}]' for word in odd))


@test
def test_stream_files():
    pathlib.Path('in').write_text('hello\n')
    done = expect(run('-i', 'in', '-o', 'out', '-e', 'err', '--', '/bin/sh', '-c', 'cat; echo problem >&2'), 'ok')
    check_equal(pathlib.Path('out').read_text(), 'hello\n')
    check_equal(pathlib.Path('err').read_text(), 'problem\n')
    check_equal(done.stderr, '')


@test
def test_stdout_is_truncated():
    pathlib.Path('out').write_text('something that was there before\n')
    expect(run('-o', 'out', 'echo', 'new'), 'ok')
    check_equal(pathlib.Path('out').read_text(), 'new\n')


@test
def test_stderr_to_stdout():
    done = expect(shell('echo a; echo b >&2; echo c', '--stderr-to-stdout', '-o', 'out'), 'ok')
    check_equal(pathlib.Path('out').read_text(), 'a\nb\nc\n', str(done))


@test
def test_own_streams():
    done = subprocess.run([JUDGECTL, *PRIVATE, 'run', '-q', 'cat'], input=b'x' * 300_000, capture_output=True,
                          timeout=TIMEOUT)
    check_equal(done.returncode, 0, str(done.stderr))
    check_equal(len(done.stdout), 300_000)


@test
def test_reader_that_goes_away():
    # The program gets SIGPIPE or EPIPE as it would without us, and judgectl does not hang.
    process = subprocess.Popen([JUDGECTL, *PRIVATE, 'run', '-q', '-w', '20', 'yes'], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    process.stdout.read(10)
    process.stdout.close()
    check(wait_until(lambda: process.poll() is not None), 'judgectl goes on')
    process.wait()


@test
def test_terminal_is_not_handed_over():
    main_end, other_end = pty.openpty()
    try:
        process = subprocess.Popen([JUDGECTL, *PRIVATE, 'run', '-q', '-o', 'out', '--', '/bin/sh', '-c',
                                    'for fd in 0 1 2; do test -t $fd && echo terminal $fd; done; read line; '
                                    'echo "got $line"'],
                                   stdin=other_end, stdout=other_end, stderr=other_end, start_new_session=True)
        os.write(main_end, b'typed\n')
        check_equal(process.wait(timeout=TIMEOUT), 0)
    finally:
        os.close(main_end)
        os.close(other_end)
    check_equal(pathlib.Path('out').read_text(), 'got typed\n')


@test
def test_closed_standard_streams():
    for closed in ([0], [1], [2], [0, 1, 2]):
        pathlib.Path('out').unlink(missing_ok=True)
        status = os.spawnl(os.P_WAIT, '/bin/sh', 'sh', '-c', 'exec "$@" ' + ' '.join(f'{fd}>&-' for fd in closed),
                           'sh', JUDGECTL, *PRIVATE, 'run', '-q', '-o', 'out', '--', '/bin/sh', '-c',
                           'echo fine; ls /proc/self/fd')
        check_equal(status, 0, f'{closed} closed')
        # ls has a descriptor for the directory itself.
        check_equal(pathlib.Path('out').read_text().split(), ['fine', '0', '1', '2', '3'], f'{closed} closed')


# ---- the meta file ----

@test
def test_meta_file():
    def meta(*arguments):
        run('--meta=meta', *arguments)
        return dict(line.split(':', 1) for line in pathlib.Path('meta').read_text().splitlines())

    keys = meta('true')
    check('status' not in keys and keys['exitcode'] == '0', keys)
    for key in ('time', 'time-wall'):
        check(re.fullmatch(r'\d+\.\d{3}', keys[key]), keys)
    check(keys['max-rss'].isdigit(), keys)
    check(keys['csw-voluntary'].isdigit() and keys['csw-forced'].isdigit(), keys)

    keys = meta('sh', '-c', 'exit 3')
    check_equal((keys['status'], keys['exitcode'], keys['message']), ('RE', '3', 'Exited with error status 3'))
    keys = meta('sh', '-c', 'kill -SEGV $$')
    check_equal((keys['status'], keys['exitsig'], keys['message']), ('SG', '11', 'Caught fatal signal 11'))
    keys = meta('-w', '0.2', 'sleep', '5')
    check_equal((keys['status'], keys['killed'], keys['message']), ('TO', '1', 'Time limit exceeded (wall clock)'))
    keys = meta('-t', '0.2', '-w', '60', 'sh', '-c', 'while :; do :; done')
    check_equal((keys['status'], keys['killed'], keys['message']), ('TO', '1', 'Time limit exceeded'))


# ---- output for people ----

@test
def test_human_output():
    done = judgectl(*PRIVATE, 'run', 'sh', '-c', 'echo out; exit 3')
    check_equal(done.stdout, 'out\n')
    for word in ('runtime-error', 'CPU time', 'Wall time'):
        check(word in done.stderr, done.stderr)
    done = judgectl(*PRIVATE, 'run', '-q', 'true')
    check_equal((done.stdout, done.stderr), ('', ''))


@test
def test_check():
    done = judgectl(*PRIVATE, 'check')
    check(done.status in (0, 1), done)
    check('swap' in done.stdout.lower(), done)


if __name__ == '__main__':
    main()
