#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real polkitd and the installed service: alice and bob, who are in group judgebox, and mallory, who is not, by busctl
and by judgectl. For the guest alone, as root."""

import contextlib
import os
import pathlib
import pwd
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'native'))
from harness import check, check_equal, main, skip, test, wait_until    # noqa: E402 # pylint: disable=wrong-import-position

RULE = pathlib.Path('/etc/polkit-1/rules.d/00-judgebox-test.rules')
NAME, PATH = 'org.judgebox1', '/org/judgebox1'
DENIED, NO_SUCH_BOX = 'denied', 'There is no box'
RUN_TRUE = ('Run', 'asa{sv}', '1', 'true', '0')


def as_user(user, *words):
    record = pwd.getpwnam(user)
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, cwd='/', user=user,
                          group=record.pw_gid, extra_groups=os.getgrouplist(user, record.pw_gid), check=False)


def bus(user, path, *words):
    interface = f'{NAME}.Manager' if path == PATH else f'{NAME}.Box'
    return as_user(user, 'busctl', '--timeout=120', 'call', NAME, path, interface, *words)


def good(done):
    check_equal(done.returncode, 0, done.stderr)
    return done.stdout


def refused(why, done):
    check(done.returncode != 0 and why in done.stderr, f'{done.returncode} {done.stdout} {done.stderr}')


def box_path(user, name):
    return f'{PATH}/box/u{pwd.getpwnam(user).pw_uid}_{name}'


def need_package():
    if os.environ.get('JUDGEBOX_GUEST') != '1':
        skip('not in the guest')
    if not os.path.exists('/usr/sbin/judgeboxd') and not os.path.exists('/usr/lib/systemd/system/judgeboxd.socket'):
        skip('no package in the guest: tools/package builds it')


@contextlib.contextmanager
def box(user, name):
    good(bus(user, PATH, 'CreateBox', 'sa{sv}', name, '0'))
    try:
        yield box_path(user, name)
    finally:
        bus('root', box_path(user, name), 'Destroy', 'a{sv}', '0')


@contextlib.contextmanager
def rule(text):
    RULE.write_text(text)
    RULE.chmod(0o644)
    subprocess.run(['systemctl', 'restart', 'polkit.service'], check=True)
    try:
        yield
    finally:
        RULE.unlink()
        subprocess.run(['systemctl', 'restart', 'polkit.service'], check=True)


def takes_pidfd():
    """polkit does from 124 on, and the kernel gives one from 6.5 on: Debian 13 has both."""
    return pathlib.Path('/etc/debian_version').read_text().strip().split('.')[0] not in ('11', '12')


@test
def test_members_and_stranger():
    need_package()
    with box('alice', 'mine') as path:
        check('"verdict" s "ok"' in good(bus('alice', path, *RUN_TRUE)))
        for user, why in (('bob', NO_SUCH_BOX), ('mallory', DENIED)):
            refused(why, bus(user, path, *RUN_TRUE))
            refused(why, bus(user, path, 'Destroy', 'a{sv}', '0'))
        check_equal(good(bus('bob', PATH, 'ListBoxes', 'a{sv}', '0')).strip(), 'a(suso) 0')
        for words in (RUN_TRUE, ('CreateBox', 'sa{sv}', 'x', '0'), ('ListBoxes', 'a{sv}', '0')):
            refused(DENIED, bus('mallory', PATH, *words))

        good(as_user('alice', 'judgectl', 'run', '--box=mine', '--', 'true'))
        for user in ('bob', 'mallory'):
            check_equal(as_user(user, 'judgectl', 'run', '--box=mine', '--', 'true').returncode, 2, user)
        good(as_user('bob', 'judgectl', 'run', '--', 'true'))
        check_equal(as_user('mallory', 'judgectl', 'run', '--', 'true').returncode, 2)


@test
def test_more_than_the_group_has():
    need_package()
    refused(DENIED, bus('alice', PATH, 'CreateBox', 'sa{sv}', 'net', '1', 'shareNetwork', 'b', 'true'))
    refused(DENIED, bus('alice', PATH, 'ListBoxes', 'a{sv}', '1', 'all', 'b', 'true'))
    check_equal(as_user('alice', 'judgectl', 'run', '--share-net', '--', 'true').returncode, 2)
    good(bus('root', PATH, 'ListBoxes', 'a{sv}', '1', 'all', 'b', 'true'))


@test
def test_rule_sees_the_request():
    need_package()
    text = '''polkit.addRule(function (action, subject) {
        if (action.id == "org.judgebox1.run" && subject.user == "alice" &&
            (action.lookup("box") == "closed" || Number(action.lookup("cpuTimeUSec")) > 5000000 ||
             action.lookup("owner") != "%u" || action.lookup("verb") != "run"))
                return polkit.Result.NO;
        return polkit.Result.NOT_HANDLED;
});''' % pwd.getpwnam('alice').pw_uid
    with rule(text), box('alice', 'closed') as closed, box('alice', 'open') as other:
        good(bus('alice', other, *RUN_TRUE))
        refused(DENIED, bus('alice', closed, *RUN_TRUE))
        refused(DENIED, bus('alice', other, 'Run', 'asa{sv}', '1', 'true', '1', 'limits', 'a{sv}', '1', 'cpuTimeUSec', 't',
                            '6000000'))
        good(as_user('alice', 'judgectl', 'run', '--box=open', '--', 'true'))
        if takes_pidfd():
            check_equal(as_user('alice', 'judgectl', 'run', '--box=closed', '--', 'true').returncode, 2)
            check_equal(as_user('alice', 'judgectl', 'run', '--box=open', '-t', '6', '--', 'true').returncode, 2)


@test
def test_without_polkit():
    """Refused, within its time; and served again when it is back."""
    need_package()
    subprocess.run(['systemctl', 'mask', '--runtime', '--now', 'polkit.service'], check=True)
    try:
        begin = time.monotonic()
        refused(DENIED, bus('alice', PATH, *RUN_TRUE))
        check(time.monotonic() - begin < 60, 'refused in time')
        good(bus('root', PATH, *RUN_TRUE))
    finally:
        subprocess.run(['systemctl', 'unmask', '--runtime', 'polkit.service'], check=True)
        subprocess.run(['systemctl', 'start', 'polkit.service'], check=True)
    check(wait_until(lambda: bus('alice', PATH, *RUN_TRUE).returncode == 0), 'served again')


@test
def test_killed_in_mid_check():
    """Whatever the moment, a call is granted or refused, and none waits for ever; no stranger is let in."""
    need_package()
    for pause in (0.0, 0.1, 0.3):
        record = pwd.getpwnam('mallory')
        with subprocess.Popen(['busctl', '--timeout=120', 'call', NAME, PATH, f'{NAME}.Manager', *RUN_TRUE], user='mallory',
                              group=record.pw_gid, extra_groups=[], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as stranger:
            time.sleep(pause)
            subprocess.run(['systemctl', 'kill', '--signal=KILL', 'polkit.service'], check=False)
            check(stranger.wait(60) != 0, 'refused')
    subprocess.run(['systemctl', 'reset-failed', 'polkit.service'], check=False)
    subprocess.run(['systemctl', 'restart', 'polkit.service'], check=True)
    check(wait_until(lambda: bus('alice', PATH, *RUN_TRUE).returncode == 0), 'served again')


main()
