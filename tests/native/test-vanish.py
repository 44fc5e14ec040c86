#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client or daemon that goes away in the middle takes its run and box along."""

import os
import pathlib
import signal
import subprocess
import time

from harness import (JUDGECTL, PRIVATE, TIMEOUT, check, check_equal, judgectl, main, run, shell, test,
                     wait_until)


def leftovers():
    """Cgroups and mounts, as far as they can be ours."""
    with open('/proc/self/mountinfo') as mountinfo:
        mounts = list(mountinfo)
    roots = [line.split()[4] for line in mounts if ' - cgroup2 ' in line]
    cgroups = {path for root in roots for path, _, _ in os.walk(root)}
    return cgroups | set(mounts)


def processes_with(word):
    found = []
    for path in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
        try:
            if word.encode() in path.read_bytes().split(b'\0'):
                found.append(int(path.parent.name))
        except OSError:
            pass
    return found


def children_of(pid):
    return [int(child) for child in pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]


def start_sleeper():
    """A judgectl whose program sleeps; a number that only that program has on its command line."""
    number = f'{1000 + os.getpid()}.{time.monotonic_ns()}'
    before = leftovers()
    client = subprocess.Popen([JUDGECTL, *PRIVATE, '--json=short', 'run', '-w', '600', '-o', '/dev/null', '--',
                               '/bin/sh', '-c', 'sleep $0 & setsid sleep $0 & wait', number],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    check(wait_until(lambda: len(processes_with(number)) >= 4), 'the program did not start')
    daemon, = children_of(client.pid)
    check(leftovers() - before, 'it has cgroups while it runs')
    return client, daemon, number, before


def check_gone(daemon, number, before):
    check(wait_until(lambda: not processes_with(number)), 'processes of the run are left')
    check(wait_until(lambda: not os.path.exists(f'/proc/{daemon}')), 'judgeboxd is left')
    check(wait_until(lambda: leftovers() <= before), f'left: {leftovers() - before}')


@test
def test_killed_client():
    client, daemon, number, before = start_sleeper()
    client.kill()
    client.communicate()
    check_gone(daemon, number, before)


@test
def test_interrupted_client():
    # Whoever ran us with nohup(1) has it ignored, and judgectl would keep to that.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    for number_of_signal in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        client, daemon, number, before = start_sleeper()
        client.send_signal(number_of_signal)
        client.communicate(timeout=TIMEOUT)
        check_equal(client.returncode, -number_of_signal)
        check_gone(daemon, number, before)


@test
def test_killed_daemon():
    client, daemon, number, before = start_sleeper()
    os.kill(daemon, signal.SIGKILL)
    _, stderr = client.communicate(timeout=TIMEOUT)
    check_equal(client.returncode, 2, stderr.decode())
    check(stderr != b'', 'says what happened')
    check(wait_until(lambda: not processes_with(number)), 'processes of the run are left')


@test
def test_nothing_is_left_after_a_run():
    before = leftovers()
    run('true')
    shell('while :; do :; done', '-t', '0.1')
    run('/no/such/program')
    judgectl(*PRIVATE, 'run', '--bind=/no/such/directory', 'true')
    check(wait_until(lambda: leftovers() <= before), f'left: {leftovers() - before}')


if __name__ == '__main__':
    main()
