#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The package as an admin has it: what is there and in force after an installation, what an upgrade leaves alone, and
what is left after it is removed and purged. For the guest alone, as root; it puts the package back at the end."""

import os
import pathlib
import pwd
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'native'))
from harness import check, check_equal, main, skip, test, wait_until    # noqa: E402 # pylint: disable=wrong-import-position

DEBS = pathlib.Path('/opt/guest/debs')
RULES = pathlib.Path('/etc/polkit-1/rules.d')
EXAMPLES = pathlib.Path(__file__).resolve().parent.parent.parent / 'polkit' / 'examples'
GRANTED = ('run', 'manage-box', 'inspect', 'bind')
NOT_GRANTED = ('exceed-limits', 'share-network', 'manage-others', 'admin')


def command(*words, user=None, status=0):
    """Its output; with the exit status None anything goes."""
    more = {'user': user, 'group': pwd.getpwnam(user).pw_gid, 'extra_groups': os.getgrouplist(
        user, pwd.getpwnam(user).pw_gid)} if user else {}
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, env={**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'}, **more)
    if status is not None:
        check_equal(done.returncode, status, f'{words}: {done.stdout}')
    return done.stdout


def show(unit, name):
    return command('systemctl', 'show', '--value', f'--property={name}', unit).strip()


def start():
    """By a request, as it always is. Returns the service's pid."""
    command('judgectl', 'list')
    return int(show('judgeboxd.service', 'MainPID'))


def need_package():
    if os.environ.get('JUDGEBOX_GUEST') != '1':
        skip('not in the guest')
    if not list(DEBS.glob('judgebox_*.deb')):
        skip('no package in the guest: tools/package builds it')


@test
def test_starts_when_asked():
    need_package()
    check_equal(show('judgeboxd.socket', 'UnitFileState'), 'enabled')
    check_equal(show('judgeboxd.socket', 'ActiveState'), 'active')
    command('systemctl', 'stop', 'judgeboxd.service')
    check_equal(show('judgeboxd.service', 'ActiveState'), 'inactive')
    check(start() > 0)
    check_equal(show('judgeboxd.service', 'ActiveState'), 'active')


@test
def test_starts_again_when_killed():
    need_package()
    pid = start()
    os.kill(pid, 9)
    check(wait_until(lambda: show('judgeboxd.service', 'MainPID') not in ('0', str(pid)), 20))
    check(start() != pid)


@test
def test_hardening_reaches_no_box():
    """What the unit's comments say: no mount namespace and no filter, but fewer capabilities, and none to be had."""
    need_package()
    pid = start()
    status = pathlib.Path(f'/proc/{pid}/status').read_text()
    fields = dict(line.split(':\t', 1) for line in status.splitlines() if ':\t' in line)
    check_equal(fields['Seccomp'], '0')
    check_equal(fields['NoNewPrivs'], '1')
    check(int(fields['CapBnd'], 16) < int(pathlib.Path('/proc/1/status').read_text().split('CapBnd:\t')[1].split()[0], 16),
          fields['CapBnd'])
    for namespace in 'mnt', 'net', 'ipc', 'uts', 'user', 'pid':
        check_equal(os.readlink(f'/proc/{pid}/ns/{namespace}'), os.readlink(f'/proc/1/ns/{namespace}'))


@test
def test_directories():
    need_package()
    for path in '/run/judgebox', '/var/lib/judgebox', '/etc/judgebox', '/etc/judgebox/judgebox.conf.d':
        found = os.stat(path)
        check_equal((found.st_mode & 0o7777, found.st_uid, found.st_gid), (0o755, 0, 0), path)
    check_equal(os.stat('/run/judgebox/org.judgebox').st_mode & 0o777, 0o666)


@test
def test_cat_config():
    """systemd finds the files that the service finds."""
    need_package()
    drop_in = pathlib.Path('/etc/judgebox/judgebox.conf.d/50-test.conf')
    drop_in.write_text('[Manager]\nQueueMax=7\n')
    try:
        shown = command('systemd-analyze', 'cat-config', '--no-pager', 'judgebox/judgebox.conf')
    finally:
        drop_in.unlink()
    check_equal(re.findall('^# (/.*)$', shown, re.M), ['/usr/lib/judgebox/judgebox.conf', str(drop_in)])


def allowed(user, action, **details):
    """What polkit says of a process of that user's."""
    words = [word for key, value in details.items() for word in ('--detail', key, value)]
    record = pwd.getpwnam(user)
    with subprocess.Popen(['sleep', 'infinity'], user=user, group=record.pw_gid,
                          extra_groups=os.getgrouplist(user, record.pw_gid)) as process:
        try:
            return subprocess.run(['pkcheck', '--action-id', f'org.judgebox1.{action}', '--process', str(process.pid),
                                   *words], capture_output=True, check=False).returncode == 0
        finally:
            process.kill()


@test
def test_rules():
    """Members may what is theirs, strangers nothing, nobody more."""
    need_package()
    for action in GRANTED:
        check(allowed('alice', action), action)
        check(not allowed('mallory', action), action)
    for action in NOT_GRANTED:
        check(not allowed('alice', action), action)


def with_rules(name, function):
    """polkit reads its rules anew when it sees them change, which is soon."""
    target = RULES / name
    target.write_text((EXAMPLES / name).read_text())
    target.chmod(0o644)
    try:
        command('systemctl', 'restart', 'polkit.service')
        function()
    finally:
        target.unlink()
        command('systemctl', 'restart', 'polkit.service')


@test
def test_example_of_box_ranges():
    need_package()

    def look():
        check(allowed('alice', 'run', box='999'))
        check(not allowed('alice', 'run', box='1000'))
        check(not allowed('alice', 'run', box='x'))
        check(allowed('bob', 'run', box='1000'))
        check(allowed('alice', 'run'))
        check(not allowed('mallory', 'run', box='5'))

    with_rules('50-judgebox-box-range.rules', look)


@test
def test_example_of_teachers():
    need_package()

    def look():
        check(allowed('bob', 'exceed-limits', memoryBytes=str(4 << 30)))
        check(not allowed('bob', 'exceed-limits', memoryBytes=str(16 << 30)))
        check(allowed('bob', 'manage-others', verb='get'))
        check(not allowed('bob', 'manage-others', verb='open-file'))
        check(not allowed('bob', 'admin'))
        check(allowed('alice', 'bind'))

    command('groupadd', 'teachers')
    try:
        command('usermod', '-aG', 'teachers', 'bob')
        with_rules('50-judgebox-teachers.rules', look)
    finally:
        command('groupdel', 'teachers')


@test
def test_bus_name_is_roots():
    need_package()
    check('org.judgebox1' in command('busctl', '--no-pager', '--activatable', 'list'))
    refused = command('busctl', 'call', 'org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus',
                      'RequestName', 'su', 'org.judgebox1', '0', user='alice', status=1)
    check('not allowed to own' in refused or 'Access denied' in refused, refused)


@test
def test_autopkgtest():
    """debian/tests/core, which Debian's own machines run."""
    need_package()
    out = command(EXAMPLES.parent.parent / 'debian' / 'tests' / 'core')
    check_equal(out.count('FAIL'), 0, out)
    check(out.count('ok ') >= 10, out)


@test
def test_zz_upgrade():
    """To the same version, but dpkg goes through the same steps. What is there stays there, and goes on."""
    need_package()
    pid = start()
    command('judgectl', 'create', 'kept')
    # An upgrade takes longer under emulation than a run is given.
    running = subprocess.Popen(['judgectl', 'run', '--box=kept', '--time=300', '--wall-time=600', '--', '/bin/sh', '-c',
                                'until [ -e go ]; do sleep 0.2; done; echo went on'],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    socket = show('judgeboxd.socket', 'ActiveEnterTimestampMonotonic')
    command('dpkg', '--install', *map(str, DEBS.glob('judgebox_*.deb')))
    check_equal(show('judgeboxd.socket', 'ActiveEnterTimestampMonotonic'), socket, 'the socket was away')
    check(show('judgeboxd.service', 'MainPID') not in ('0', str(pid)), 'not restarted')

    pathlib.Path('go').touch()
    command('judgectl', 'put', 'kept', 'go')
    check_equal(running.communicate(timeout=60), ('went on\n', None))
    check_equal(running.returncode, 0)
    command('judgectl', 'destroy', 'kept')


def running_units():
    units = command('systemctl', 'list-units', '--plain', '--no-legend', 'judgebox*', status=None)
    return [unit for unit in re.findall(r'^(judgebox\S+)', units, re.M) if not unit.startswith('judgebox-guest')]


def traces():
    """Files and units with the name, but for the guest's own and what dpkg unpacked them from."""
    found = command('find', '/etc', '/usr', '/var', '/run', '-xdev', '-name', '*judgebox*', '-not', '-path',
                    '*judgebox-guest*', status=None).split()
    return [path for path in found if not path.startswith('/var/crash/')] + running_units()


@test
def test_zz_remove_and_purge():
    need_package()
    command('judgectl', 'create', 'left')
    pathlib.Path('/etc/judgebox/judgebox.conf.d/50-mine.conf').write_text('[Manager]\n')
    try:
        command('apt-get', 'remove', '-q', '-y', 'judgebox')
        check_equal(command('pgrep', '-l', '^judgebox', status=None), '')
        check_equal(running_units(), [])
        check(os.path.exists('/etc/judgebox/judgebox.conf.d/50-mine.conf'), 'configuration is removed by purge alone')

        command('apt-get', 'purge', '-q', '-y', 'judgebox')
        check_equal(traces(), [])
        check('judgebox:' in pathlib.Path('/etc/group').read_text(), 'its number might be given to others')
    finally:
        command('apt-get', 'install', '-q', '-y', '--no-install-recommends', *map(str, DEBS.glob('*.deb')))
    check(start() > 0)


main()
