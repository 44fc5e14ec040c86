#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""judgectl run --tty: the program has a terminal, which is not judgectl's own."""

import fcntl
import os
import pty
import signal
import subprocess
import termios
import time

from harness import JUDGECTL, PRIVATE, check, check_equal, judgectl, main, test, wait_until
from screen import Screen
from service import private, refused


def in_terminal(*command):
    return Screen(JUDGECTL, *PRIVATE, 'run', '--tty', '--quiet', *command)


@test
def test_is_a_terminal():
    s = in_terminal('sh', '-c', 'for i in 0 1 2; do [ -t $i ] && echo $i-is; done; stty size; echo term=$TERM')
    s.wait_for(b'term=')
    check_equal(s.end(), 0)
    check_equal(s.seen.split()[:5], [b'0-is', b'1-is', b'2-is', b'30', b'100'])


@test
def test_keys_and_echo():
    s = in_terminal('sh', '-c', 'echo ready; read line; echo "<$line>"')
    s.wait_for(b'ready')
    s.type(b'abd\x7fc\r')
    s.wait_for(b'<abc>')
    check_equal(s.end(), 0)


@test
def test_interrupt_is_the_programs():
    """^C goes to the program's foreground, not to judgectl; job control works."""
    s = in_terminal('sh', '-c', 'trap "echo caught; exit 7" INT; echo ready; while :; do sleep 0.1; done')
    s.wait_for(b'ready')
    s.type(b'\x03')
    s.wait_for(b'caught')
    check_equal(s.end(), 1)


@test
def test_resize():
    s = in_terminal('sh', '-c', 'trap "stty size; exit 0" WINCH; echo ready; while :; do sleep 0.1; done')
    s.wait_for(b'ready')
    s.resize(11, 22)
    s.wait_for(b'11 22')
    check_equal(s.end(), 0)


@test
def test_last_words():
    """What is written right before the end is seen, however often it is tried."""
    for i in range(20):
        s = in_terminal('sh', '-c', f'echo number {i}; seq 500; echo the-end-{i}')
        check_equal(s.end(), 0)
        check(f'the-end-{i}'.encode() in s.seen, s.seen[-200:])


@test
def test_without_a_terminal_of_ours():
    done = judgectl(*PRIVATE, 'run', '--tty', '--quiet', '--', 'sh', '-c', '[ -t 0 ] && cat')
    check_equal((done.status, done.stdout), (0, ''), done.stderr)
    read, write = os.pipe()
    os.write(write, b'typed\n')
    os.close(write)
    done = judgectl(*PRIVATE, 'run', '--tty', '--quiet', '--', 'sh', '-c', '[ -t 0 ] && cat', stdin=read)
    os.close(read)
    check_equal(done.status, 0, done.stderr)
    check(done.stdout.count('typed') == 2, f'echoed, and by cat: {done.stdout!r}')


@test
def test_terminated():
    """judgectl gives the terminal back when it is told to end."""
    s = in_terminal('sleep', '60')
    check(wait_until(lambda: termios.tcgetattr(s.slave) != s.settings), 'it is raw')
    s.process.send_signal(signal.SIGTERM)
    check_equal(s.end(), -signal.SIGTERM)


@test
def test_is_not_ours():
    """What the program types into its terminal is read by nobody else: TIOCSTI, which the profiles forbid, reaches that one
    alone."""
    s = in_terminal('--profile=none', '--', 'python3', '-c', 'import fcntl, termios, time\n'
               'try:\n    [fcntl.ioctl(0, termios.TIOCSTI, c) for c in "touch stolen\\n"]\nexcept OSError as e:\n    print(e)\n'
               'print("did", flush=True)')
    s.wait_for(b'did')
    s.end()
    check(not os.path.exists('stolen'), 'nothing was run')


@test
def test_refused():
    with private() as s:
        master, slave = pty.openpty()
        null = os.open('/dev/null', os.O_RDWR)
        arguments = {'arguments': ['true'], 'terminalFileDescriptor': 0}
        refused('InvalidParameter', s.client, 'Run', arguments, [null], parameter='terminalFileDescriptor')
        refused('InvalidParameter', s.client, 'Run', arguments, [master], parameter='terminalFileDescriptor')
        readonly = os.open(os.ttyname(slave), os.O_RDONLY | os.O_NOCTTY)
        refused('InvalidParameter', s.client, 'Run', arguments, [readonly], parameter='terminalFileDescriptor')
        refused('InvalidParameter', s.client, 'Run', {**arguments, 'stdout': {'capture': True}}, [slave],
                parameter='terminalFileDescriptor')
        check_equal(s.client.call('Run', arguments, [slave])['result']['verdict'], 'ok')

        # One that controls another session cannot be taken from it.
        child = subprocess.Popen(['sleep', '60'], stdin=slave, preexec_fn=lambda: (
            os.setsid(), fcntl.ioctl(slave, termios.TIOCSCTTY, 0)), pass_fds=[slave])
        time.sleep(0.1)
        result = s.client.call('Run', arguments, [slave])['result']
        check_equal((result['verdict'], result['step'], result['error']), ('exec-failed', 'terminal', 'EPERM'))
        child.kill()
        child.wait()
        for fd in (master, slave, null, readonly):
            os.close(fd)
    done = judgectl(*PRIVATE, 'run', '--tty', '--stdout=x', '--', 'true')
    check_equal(done.status, 2)
    check('--tty' in done.stderr, done.stderr)


main()
