#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A tenant's budget: what judgebox.conf gives, what the tenant's slice makes of it, what an admin changes there by
systemd's own means, and what a rule of polkit's lets teachers have besides. For the guest alone, as root."""

import contextlib
import json
import os
import pathlib
import pwd
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from host import (SLICE, DropIn, command, need_package, show, start)    # noqa: E402 # pylint: disable=wrong-import-position
from harness import check, check_equal, main, test, wait_until    # noqa: E402 # pylint: disable=wrong-import-position,wrong-import-order

MIB = 1 << 20
GRANT = pathlib.Path('/etc/polkit-1/rules.d/10-test-budgets.rules')
CONFIG = """[Tenant alice]
BoxesMax=3
MemoryMax=400M
TasksMax=100
StorageMax=100M
[Tenant bob]
MemoryMax=300M
"""
HOG = 'b=bytearray(%d<<20); print(len(b))'


def uid(user):
    return pwd.getpwnam(user).pw_uid


def unit(user):
    return f'judgebox-{uid(user)}.slice'


def refused(user, words, *said):
    """judgectl's exit status is 2, and it says all this."""
    with start(user, 'judgectl', *words) as process:
        _, err = process.communicate()
    check_equal(process.returncode, 2, f'{words}: {err}')
    for text in said:
        check(text in err, f'{words}: {text!r} is not in {err!r}')


def slice_is_gone(user):
    return wait_until(lambda: not (SLICE / unit(user)).exists() and show(unit(user), 'ActiveState') == 'inactive')


@contextlib.contextmanager
def budgets():
    """With the configuration above, and no box or slice that is older."""
    need_package()
    with DropIn(CONFIG):
        for user in 'alice', 'bob':
            check(slice_is_gone(user), unit(user))
        try:
            yield
        finally:
            for user in 'alice', 'bob':
                for box in json.loads(command(user, 'judgectl', '--json=short', 'list')):
                    command(user, 'judgectl', 'destroy', box['box'])


@contextlib.contextmanager
def rule(text):
    GRANT.write_text(text)
    GRANT.chmod(0o644)
    try:
        command(None, 'systemctl', 'restart', 'polkit.service')
        yield
    finally:
        GRANT.unlink()
        command(None, 'systemctl', 'restart', 'polkit.service')


def create(user, box, *options):
    command(user, 'judgectl', 'create', box, *options)


def answer(*words):
    """What judgectl says to alice on standard error, and its exit status."""
    with start('alice', 'judgectl', *words) as process:
        return process.communicate()[1], process.returncode


def run(user, *words):
    with start(user, 'judgectl', '--json=short', 'run', '-o', '/dev/null', *words) as process:
        out, err = process.communicate()
    check(out.startswith('{'), f'{words}: {out} {err}')
    return json.loads(out)


@test
def test_more_in_one_request():
    with budgets():
        refused('alice', ['run', '--memory=401M', 'true'], 'memory', str(400 * MIB))
        refused('alice', ['run', '--processes=101', 'true'], 'processes', '100')
        refused('alice', ['create', 'a', '--storage=101M'], 'storage', str(100 * MIB))
        refused('alice', ['create', 'a', '--storage=1M', '--memory=1G'], 'memory', str(400 * MIB))
        check_equal(run('alice', '--storage=1M', '--memory=400M', '--processes=100', 'true')['verdict'], 'ok')
        check_equal(run('bob', '--memory=300M', '--processes=101', 'true')['verdict'], 'ok')
        refused('bob', ['run', '--memory=400M', 'true'], str(300 * MIB))


@test
def test_more_boxes():
    with budgets():
        for i in range(3):
            create('alice', f'b{i}', '--storage=10M')
        refused('alice', ['create', 'more', '--storage=1M'], 'boxes', '3')
        refused('alice', ['run', '--storage=1M', 'true'], 'boxes')
        create('bob', 'mine')
        command('alice', 'judgectl', 'destroy', 'b0')
        create('alice', 'more', '--storage=1M')


@test
def test_more_storage_in_all():
    with budgets():
        create('alice', 'b0', '--storage=60M')
        refused('alice', ['create', 'b1', '--storage=41M'], 'storage')
        create('alice', 'b1', '--storage=40M')
        command('alice', 'judgectl', 'destroy', 'b0')
        create('alice', 'b2', '--storage=60M')


@test
def test_slice_has_the_budget():
    """And it bounds runs that are each within it. It goes with the last box, and comes with the first."""
    with budgets():
        for _ in range(2):
            create('alice', 'a', '--storage=1M')
            create('alice', 'b', '--storage=1M')
            check_equal(show(unit('alice'), 'MemoryMax'), str(400 * MIB))
            check_equal(show(unit('alice'), 'TasksMax'), '100')
            check_equal((SLICE / unit('alice') / 'memory.max').read_text(), f'{400 * MIB}\n')
            check_equal((SLICE / unit('alice') / 'pids.max').read_text(), '100\n')
            command('alice', 'judgectl', 'destroy', 'a', 'b')
            check(slice_is_gone('alice'), 'the slice stays')
        check(not os.path.exists(f'/run/systemd/transient/{unit("alice")}'), 'its unit file stays')


@test
def test_set_property():
    """What an admin sets counts instead: for the kernel at once, for what is refused within a second."""
    with budgets():
        create('alice', 'a', '--storage=1M')
        try:
            command(None, 'systemctl', 'set-property', unit('alice'), 'MemoryMax=100M')
            check_equal((SLICE / unit('alice') / 'memory.max').read_text(), f'{100 * MIB}\n')
            check(wait_until(lambda: str(100 * MIB) in answer('run', '--box=a', '--memory=101M', 'true')[0]))
            check_equal(run('alice', '--box=a', '--memory=90M', '--', 'python3', '-c', HOG % 50)['verdict'], 'ok')

            command(None, 'systemctl', 'set-property', unit('alice'), 'MemoryMax=800M')
            check(wait_until(lambda: answer('run', '--box=a', '--memory=700M', 'true')[1] == 0))
            check_equal(run('alice', '--box=a', '--memory=700M', '--', 'python3', '-c', HOG % 500)['verdict'], 'ok')

            # systemd keeps with a transient unit what is set on it: it goes with the slice.
            command('alice', 'judgectl', 'destroy', 'a')
            check(slice_is_gone('alice'))
            create('alice', 'a', '--storage=1M')
            check_equal((SLICE / unit('alice') / 'memory.max').read_text(), f'{400 * MIB}\n')
        finally:
            command(None, 'systemctl', 'revert', unit('alice'), status=None)


@test
def test_drop_in():
    directory = pathlib.Path(f'/etc/systemd/system/{unit("alice")}.d')
    directory.mkdir()
    (directory / '20-admin.conf').write_text('[Slice]\nTasksMax=77\n')
    command(None, 'systemctl', 'daemon-reload')
    try:
        with budgets():
            create('alice', 'a', '--storage=1M')
            check_equal((SLICE / unit('alice') / 'pids.max').read_text(), '77\n')
            check_equal((SLICE / unit('alice') / 'memory.max').read_text(), f'{400 * MIB}\n')
            refused('alice', ['run', '--box=a', '--processes=78', 'true'], '77')
    finally:
        (directory / '20-admin.conf').unlink()
        directory.rmdir()
        command(None, 'systemctl', 'daemon-reload')


@test
def test_runs_together():
    """Each within the budget, both not: the kernel ends one of them, which is not blamed, and a third tenant's goes on."""
    with budgets():
        create('alice', 'a', '--storage=1M')
        create('alice', 'b', '--storage=1M')
        script = 'import time; b=bytearray(250<<20); time.sleep(15)'
        both = [start('alice', 'judgectl', '--json=short', 'run', f'--box={box}', '--memory=380M', '--wall-time=200s',
                      '--', 'python3', '-c', script) for box in 'ab']
        verdicts = sorted(json.loads(p.communicate()[0])['verdict'] for p in both)
        check('internal-error' in verdicts and 'memory-limit' not in verdicts, verdicts)
        check_equal(run('bob', '--', 'python3', '-c', HOG % 50)['verdict'], 'ok')


@test
def test_teachers():
    """What polkit grants works, and to others it stays refused."""
    command(None, 'groupadd', 'teachers')
    try:
        command(None, 'usermod', '-aG', 'teachers', 'bob')
        with budgets(), rule("""polkit.addRule(function (action, subject) {
                if (action.id == "org.judgebox1.exceed-limits" && subject.isInGroup("teachers"))
                        return polkit.Result.YES;
                return polkit.Result.NOT_HANDLED;
        });"""):
            refused('alice', ['run', '--memory=401M', 'true'], str(400 * MIB))
            takes_pidfd = int(re.search(r'\d+', command(None, 'pkcheck', '--version'))[0]) >= 124
            if takes_pidfd:
                check_equal(run('bob', '--memory=600M', 'true')['verdict'], 'ok')
            else:
                refused('bob', ['run', '--memory=600M', 'true'], 'D-Bus')
            done = command('bob', 'busctl', '--json=short', 'call', 'org.judgebox1', '/org/judgebox1',
                           'org.judgebox1.Manager', 'CreateBox', 'sa{sv}', 'large', '1',
                           'limits', 'a{sv}', '1', 'memoryBytes', 't', str(600 * MIB))
            check('large' in done, done)
    finally:
        command(None, 'groupdel', 'teachers')


main()
