#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client or daemon that goes away in the middle takes its run and box along."""

import os
import pathlib
import re
import signal
import subprocess
import time

from harness import (JUDGECTL, PRIVATE, TIMEOUT, check, check_equal, judgectl, main, run, shell, test,
                     wait_until)


def mounts():
    return set(pathlib.Path('/proc/self/mountinfo').read_text().splitlines())


def cgroups():
    """Pairs of path and pid, of those that daemons like ours have made: they are named by it."""
    for line in mounts():
        if ' - cgroup2 ' in line:
            for path, _, _ in os.walk(line.split()[4]):
                found = re.search(r'/judgebox-(\d+)(-\d+)?(/|$)', path)
                if found:
                    yield path, int(found[1])


def cgroups_of(daemon):
    return [path for path, pid in cgroups() if pid == daemon]


def abandoned():
    """Whose daemon is gone."""
    return {path for path, pid in cgroups() if not os.path.exists(f'/proc/{pid}')}


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
    before = mounts()
    client = subprocess.Popen([JUDGECTL, *PRIVATE, '--json=short', 'run', '-w', '600', '-o', '/dev/null', '--',
                               '/bin/sh', '-c', 'sleep $0 & setsid sleep $0 & wait', number],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    check(wait_until(lambda: len(processes_with(number)) >= 4), 'the program did not start')
    daemon, = children_of(client.pid)
    check(cgroups_of(daemon), 'it has cgroups while it runs')
    return client, daemon, number, before


def check_gone(daemon, number, before):
    check(wait_until(lambda: not processes_with(number)), 'processes of the run are left')
    check(wait_until(lambda: not os.path.exists(f'/proc/{daemon}')), 'judgeboxd is left')
    check(wait_until(lambda: not cgroups_of(daemon)), f'left: {cgroups_of(daemon)}')
    check(wait_until(lambda: mounts() <= before), f'left: {mounts() - before}')


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
    before = mounts(), abandoned()
    run('true')
    shell('while :; do :; done', '-t', '0.1')
    run('/no/such/program')
    judgectl(*PRIVATE, 'run', '--bind=/no/such/directory', 'true')
    check(wait_until(lambda: mounts() <= before[0]), f'left: {mounts() - before[0]}')
    check(wait_until(lambda: abandoned() <= before[1]), f'left: {abandoned() - before[1]}')


if __name__ == '__main__':
    main()
