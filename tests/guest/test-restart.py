#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service is ended in every way while judgectl's runs go on; whoever waits for one knows of nothing.
JUDGEBOX_RESTART_RUNS says how many go on at once (50)."""

import json
import os
import pathlib
import random
import subprocess
import time

from host import (DropIn, Journal, become, check_nothing_left, command, descriptors, kill_daemon, main_pid, need_package,
                  scopes, show)
from harness import check, check_equal, main, test, wait_until

N_RUNS = int(os.environ.get('JUDGEBOX_RESTART_RUNS', '50'))


def restart():
    command(None, 'systemctl', 'restart', 'judgeboxd.service')


def reexec():
    command(None, 'systemctl', 'daemon-reexec')


def caller(i):
    """judgectl as alice's, in a box of its own, its input a pipe that is read once."""
    process = subprocess.Popen(
        ['judgectl', '--json=short', 'run', f'--stdout=/tmp/restart-{i}', '--', '/bin/sh', '-c',
         f'read x; echo $x one; sleep 1; echo two; exit {i}'],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **become('alice'))
    process.stdin.write(b'zero\n')
    process.stdin.flush()
    return process


def check_callers(callers):
    for i, process in enumerate(callers):
        out, errors = process.communicate(timeout=600)
        check_equal(process.returncode, 1 if i else 0, f'{i}: {out} {errors}')
        result = json.loads(out)
        check_equal((result['verdict'], result['exitStatus']), ('runtime-error' if i else 'ok', i), errors)
        check('degraded' not in result, str(result))
        check_equal(pathlib.Path(f'/tmp/restart-{i}').read_text(), 'zero one\ntwo\n', f'{i}')
        command('alice', 'rm', f'/tmp/restart-{i}')


def survive(*ways):
    need_package()
    command(None, 'systemctl', 'reset-failed', 'judgeboxd.service', status=None)
    before = descriptors()
    callers = [caller(i) for i in range(N_RUNS)]
    for way in ways:
        time.sleep(random.uniform(1, 4))
        way()
    check_callers(callers)
    check_nothing_left()
    check(wait_until(lambda: descriptors() == before, 6), f'descriptors: {descriptors()}, before {before}')


@test
def test_restarted():
    journal = Journal()
    survive(restart, restart, restart)
    check('Took over ' in journal.read(), journal.read())


@test
def test_killed():
    survive(kill_daemon, kill_daemon, kill_daemon)


@test
def test_systemd_executed_anew():
    survive(reexec, restart, reexec, kill_daemon)


@test
def test_store_holds_a_box():
    """Two descriptors for each, and none when it is gone."""
    need_package()
    before = descriptors()[1]
    command('alice', 'judgectl', 'create', 'stored')
    check_equal(descriptors()[1], before + 2)
    for way in (restart, kill_daemon):
        pid = main_pid()
        way()
        check(wait_until(lambda: main_pid() not in (0, pid), 6), 'another service')
        check_equal(descriptors()[1], before + 2)
        check(any('stored' in unit for unit in scopes()), str(scopes()))
    command('alice', 'judgectl', 'destroy', 'stored')
    check_nothing_left()
    check_equal(descriptors()[1], before)


@test
def test_ends_when_idle():
    """With a box it stays; without it ends, and who asks has it started again."""
    need_package()
    with DropIn('[Manager]\nIdleExitSec=1s\n'):
        command('alice', 'judgectl', 'create', 'stays')
        time.sleep(8)
        check_equal(show('judgeboxd.service', 'ActiveState'), 'active')
        command('alice', 'judgectl', 'destroy', 'stays')
        check(wait_until(lambda: show('judgeboxd.service', 'ActiveState') == 'inactive', 30), 'it has ended')
        check_equal(show('judgeboxd.service', 'Result'), 'success')
        main_pid()
        check_equal(show('judgeboxd.service', 'ActiveState'), 'active')


@test
def test_status_and_watchdog():
    need_package()
    command('alice', 'judgectl', 'create', 'seen')
    check(wait_until(lambda: show('judgeboxd.service', 'StatusText').startswith('1 boxes'), 6),
          show('judgeboxd.service', 'StatusText'))
    check_equal(show('judgeboxd.service', 'WatchdogUSec'), '1min')
    command('alice', 'judgectl', 'destroy', 'seen')


if __name__ == '__main__':
    main()
