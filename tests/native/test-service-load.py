#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many boxes and runs leave judgeboxd as it was: descriptors, memory, cgroups, mounts, processes."""

import os
import subprocess

from harness import EMULATED, check, check_equal, main, test, wait_until
from service import n_mounts, private

SCALE = 10 if EMULATED else 1
N_RUNS = 10_000 // SCALE
N_BOXES = 1_000 // SCALE


def state(s, top):
    """None while a box is on its way out."""
    s.client.call('GetStatus')      # by then what the calls before it left for later is done
    try:
        return {'descriptors': s.n_fds(), 'processes': s.children(), 'mounts': n_mounts(),
                'cgroups': sorted(str(p) for p in top.rglob('*') if p.is_dir())}
    except FileNotFoundError:
        return None


def leaves_nothing(s, top, work):
    """Warmed up, so that what is made once for all is there."""
    kept = s.children()
    work(50)
    check(wait_until(lambda: s.children() == kept), s.children())
    before, memory = state(s, top), s.anonymous_kib()
    work(None)
    wait_until(lambda: state(s, top) == before)
    check_equal(state(s, top), before)
    grown = s.anonymous_kib() - memory
    check(grown <= 1024, f'memory grew by {grown} KiB')


@test
def test_runs_in_one_box():
    with private() as s:
        top = s.cgroup()
        s.client.call('CreateBox', {'box': 'b'})

        def work(n):
            for _ in range(n or N_RUNS):
                check_equal(s.client.run('/bin/true', box='b')['verdict'], 'ok')

        def now():
            s.client.call('GetStatus')      # by then what the last run has left is cleared away
            return s.n_fds(), s.children(), n_mounts()

        work(50)
        before, memory = now(), s.anonymous_kib()
        work(None)
        check_equal(now(), before)
        # The one that is prepared for the next run.
        check_equal(len([p for p in (top / f'{os.getuid()}-b').iterdir() if p.name.startswith('run-')]), 1)
        check(s.anonymous_kib() - memory <= 1024, f'memory grew from {memory} to {s.anonymous_kib()} KiB')
        leader = s.children()[0]
        check(len(os.listdir(f'/proc/{leader}/fd')) < 40, os.listdir(f'/proc/{leader}/fd'))


@test
def test_boxes_made_and_destroyed():
    with private() as s:
        def work(n):
            for _ in range(n or N_BOXES):
                s.client.call('CreateBox', {'box': 'b'})
                s.client.call('DestroyBox', {'box': 'b'})

        leaves_nothing(s, s.cgroup(), work)


@test
def test_one_shot_runs():
    with private() as s:
        def work(n):
            for _ in range(n or N_BOXES):
                check_equal(s.client.run('/bin/true')['verdict'], 'ok')

        leaves_nothing(s, s.cgroup(), work)


@test
def test_failures():
    """What is refused or fails leaves as little."""
    with private() as s:
        s.client.call('CreateBox', {'box': 'kept'})

        def work(n):
            for _ in range((n or N_BOXES) // 10):
                fd = os.open('/dev/null', os.O_RDONLY)
                for parameters in ({'arguments': ['x'], 'stdout': {'fileDescriptor': 0}},
                                   {'arguments': ['/no/such/program']},
                                   {'arguments': ['/bin/true'], 'box': 'none'},
                                   {'arguments': ['/bin/sleep', '9'], 'limits': {'wallTimeUSec': 1000}}):
                    s.client.send('Run', parameters, [fd])
                    try:
                        s.client.receive()
                    except Exception as error:      # a refusal is what is wanted
                        check('no such' not in str(error), error)
                os.close(fd)

        leaves_nothing(s, s.cgroup(), work)


@test
def test_thousand_boxes_at_once():
    """As many as a tenant may have, and no more."""
    n = 1024 // SCALE
    with private() as s:
        before = s.n_fds()
        for i in range(n):
            s.client.call('CreateBox', {'box': f'b{i}'})
        check_equal(len(s.children()), n)
        if n == 1024:
            from service import refused
            refused('QuotaExceeded', s.client, 'CreateBox', {}, resource='boxes', limit=1024)
        for i in range(0, n, 7):
            check_equal(s.client.run('/bin/true', box=f'b{i}')['verdict'], 'ok')
        for i in range(n // 2):
            s.client.call('DestroyBox', {'box': f'b{i}'})
        check_equal(len(s.children()), n - n // 2)
        pid = s.pid
    # The rest went with the connection.
    check(not os.path.exists(f'/proc/{pid}'), 'the daemon is gone')
    check_equal(subprocess.run(['pgrep', '-P', str(pid)], stdout=subprocess.DEVNULL).returncode, 1)
    check(before > 0)


if __name__ == '__main__':
    main()
