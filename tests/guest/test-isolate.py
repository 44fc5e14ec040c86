#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""isolate as an existing judge calls it, by a user without privileges, with every limit enforced by a cgroup. What each
option does is in tests/native/test-isolate.py."""

import contextlib
import os
import pathlib
import pwd
import shutil
import stat
import subprocess
import tempfile

from host import become, command, need_package, start
from harness import TIMEOUT, check, check_equal, main, skip, test, wait_until

BOXES = pathlib.Path('/var/lib/judgebox/boxes')


def need_isolate():
    need_package()
    if not os.path.exists('/usr/bin/isolate'):
        skip('judgebox-isolate is not installed in the guest: tools/package builds it')


def isolate(*arguments, user='alice', status=0):
    return command(user, 'isolate', *map(str, arguments), status=status)


def shell(line, cwd, user='alice'):
    """As a judge that lets a shell redirect; the exit status and what was said."""
    done = subprocess.run(['/bin/bash', '-c', line], capture_output=True, text=True, check=False,
                          **{**become(user), 'cwd': cwd})
    return done.returncode, done.stdout + done.stderr


def read_meta(path):
    return dict(line.split(':', 1) for line in pathlib.Path(path).read_text().splitlines())


@contextlib.contextmanager
def box(number, *options):
    """One of alice's, and a directory of hers; gone afterwards, with nothing left of it."""
    need_isolate()
    directory = pathlib.Path(isolate('--cg', '-b', number, *options, '--init').strip())
    with tempfile.TemporaryDirectory(dir='/var/tmp') as scratch:
        shutil.chown(scratch, 'alice')
        os.chmod(scratch, 0o755)
        try:
            yield directory, pathlib.Path(scratch)
        finally:
            isolate('--cg', '-b', number, '--cleanup')
    check(not directory.exists())
    check(wait_until(lambda: os.listdir(BOXES / '.trash') == []))


def put(path, text, user='alice', mode=0o644):
    """A file of that user's."""
    path.write_text(text)
    os.chown(path, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    os.chmod(path, mode)


@test
def test_box_belongs_to_its_user():
    with box(0) as (directory, _):
        alice = pwd.getpwnam('alice').pw_uid
        check_equal(directory, BOXES / str(alice) / '0')
        for path in (directory, directory / 'box'):
            st = os.stat(path)
            check_equal((stat.S_IMODE(st.st_mode), st.st_uid), (0o700, alice))
        command('bob', 'ls', str(directory), status=2)
        command('alice', 'sh', '-c', f'echo hello >{directory}/box/f')
        isolate('-p', '--run', '--', '/bin/sh', '-c', 'cat f >g; chmod 600 g')
        check_equal(command('alice', 'cat', f'{directory}/box/g'), 'hello\n')
        isolate('--cleanup')
        isolate('--cleanup')
        isolate('--cg', '--init')


@test
def test_box_of_another_user():
    with box(7) as (directory, scratch):
        put(directory / 'box' / 'kept', 'kept\n')
        before = os.stat(directory / 'box')
        os.chmod(scratch, 0o777)
        status, said = shell('isolate --cg -b 7 -M theirs --run -- /bin/true', scratch, user='bob')
        check_equal((status, said), (2, "Box not found, did you run `isolate --cg --init'?\n"))
        check_equal(read_meta(scratch / 'theirs')['status'], 'XX')
        isolate('--cg', '-b7', '--cleanup', user='bob')
        other = isolate('--cg', '-b7', '--init', user='bob').strip()
        check_equal(other, str(BOXES / str(pwd.getpwnam('bob').pw_uid) / '7'))
        isolate('--cg', '-b7', '--cleanup', user='bob')
        after = os.stat(directory / 'box')
        check_equal((after.st_ino, after.st_uid, after.st_mtime_ns), (before.st_ino, before.st_uid, before.st_mtime_ns))
        check_equal((directory / 'box' / 'kept').read_text(), 'kept\n')


@test
def test_stranger():
    need_isolate()
    isolate('--init', user='mallory', status=2)


@test
def test_limits_are_cgroups():
    with box(1) as (directory, scratch):
        meta = scratch / 'meta'
        hog = 'x = []\nwhile True: x.append(bytearray(1 << 20))'
        isolate('--cg', '-b1', '-M', meta, '--cg-mem=65536', '-p', '--run', '--', '/usr/bin/python3', '-c', hog, status=1)
        found = read_meta(meta)
        check_equal((found['status'], found['exitsig'], found['cg-oom-killed']), ('SG', '9', '1'))
        check(int(found['cg-mem']) <= 65536, str(found))
        for processes, wanted in (([], 1), (['-p4'], 0)):
            status, said = shell(f'isolate -s -b1 {" ".join(processes)} --run -- /bin/sh -c "/bin/true; /bin/true"', scratch)
            check_equal(min(status, 1), wanted, said)
        isolate('--cg', '-b1', '-M', meta, '-t', '0.3', '-p', '--run', '--', '/bin/sh', '-c', 'while :; do :; done', status=1)
        check_equal(read_meta(meta)['message'], 'Time limit exceeded')
        check_equal(list(directory.glob('box/*')), [])


@test
def test_no_set_id_file():
    """In the box of a user without privileges, where it would count."""
    with box(2) as (directory, _):
        isolate('-b2', '-p', '--run', '--', '/bin/sh', '-c', 'cp /bin/true s; chmod 4755 s || echo refused >t')
        check_equal((directory / 'box' / 't').read_text(), 'refused\n')
        check_equal(os.stat(directory / 'box' / 's').st_mode & 0o6000, 0)


@test
def test_reference_line():
    with box(0) as (directory, scratch):
        put(directory / 'box' / 'a.out', '#!/bin/sh\nread a b; echo $((a + b)); echo "$HOME" >&2\n', mode=0o755)
        put(scratch / 'in', '3 4\n')
        status, said = shell('isolate --cg -s -b 0 -M meta.txt -t 2.0 -x 0.5 -w 50.0 -k 64000 -p30 --cg-mem=128000 --no-cg-timing'
                             ' -f 1024 -E HOME=/box -E LANG -d /etc:noexec --run -- ./a.out <in >out 2>err', scratch)
        check_equal((status, said), (0, ''))
        check_equal(((scratch / 'out').read_text(), (scratch / 'err').read_text()), ('7\n', '/box\n'))
        check_equal(set(read_meta(scratch / 'meta.txt')),
                    {'time', 'time-wall', 'max-rss', 'csw-voluntary', 'csw-forced', 'cg-mem', 'exitcode'})


@test
def test_cms():
    with box(1001) as (_, scratch):
        home = scratch / 'home'
        command('alice', 'mkdir', '-m', '0777', str(home))
        put(home / 'input.txt', 'in\n')
        common = ['--cg', '--box-id=1001', '--chdir=/tmp', f'--dir=/tmp={home}:rw', '--dir=/dev/shm:tmp', '--env=HOME=/tmp']
        isolate(*common, '--dir=/etc=/etc', '--full-env', '--processes=1000', f'--meta={scratch}/run.meta.0', '--run', '--',
                '/bin/cp', 'input.txt', 'copy.txt')
        isolate(*common, '--dir=/etc/alternatives=/etc/alternatives', '--stdin=/tmp/copy.txt', '--stdout=/tmp/output.txt',
                '--stderr=/tmp/stderr.txt', '--fsize=1048576', '--stack=65536', '--cg-mem=262144', '--processes=1', '--time=5',
                '--wall-time=60', '--extra-time=0.5', f'--meta={scratch}/run.meta.1', '--run', '--', '/bin/cat')
        check_equal(command('alice', 'cat', f'{home}/output.txt'), 'in\n')
        check('cg-mem' in read_meta(scratch / 'run.meta.1'))
        isolate('--box-id=1001', '--cg', f'--dir=/tmp={home}:rw', '--run', '--', '/bin/chmod', '777', '-R', '/tmp')
        check_equal(os.stat(home / 'output.txt').st_mode & 0o777, 0o777)


@test
def test_cms_communication():
    """The manager and the solution have a run each, and are joined by FIFOs in a directory of the judge's."""
    with box(1002) as (_, scratch), box(1003):
        fifos = scratch / 'fifos'
        command('alice', 'sh', '-c', f'mkdir -m 755 {fifos} && mkfifo -m 666 {fifos}/u0_to_m {fifos}/m_to_u0')
        common = ['--cg', f'--dir=/fifo0={fifos}:rw', '--dir=/dev/shm:tmp', '--env=HOME=/tmp', '--processes=1000', '--time=5',
                  '--wall-time=100', '--run', '--', '/bin/sh', '-c']
        manager = start('alice', 'isolate', '--box-id=1002', '--silent', *common,
                        'exec 3>/fifo0/m_to_u0 4</fifo0/u0_to_m; for x in 41 1; do echo $x >&3; read y <&4; echo $y; done')
        isolate('--box-id=1003', '--stdin=/fifo0/m_to_u0', '--stdout=/fifo0/u0_to_m', f'--meta={scratch}/meta', *common,
                'while read x; do echo $((x + 1)); done')
        check_equal(manager.communicate(timeout=TIMEOUT), ('42\n2\n', ''))
        check_equal((manager.returncode, read_meta(scratch / 'meta')['exitcode']), (0, '0'))


@test
def test_judge0():
    number = (1 << 31) - 2
    with box(number) as (work, scratch):
        put(work / 'box' / 'run.sh', 'cat\n')
        put(work / 'stdin', 'question')
        status, said = shell(f'isolate --cg -s -b {number} -M {work}/metadata.txt -t 5 -x 1 -w 60 -k 64000 -p60 --cg-timing'
                             ' --cg-mem=128000 -f 1024 -E HOME=/tmp -E PATH="/usr/bin:/bin" -E LANG -d /etc:noexec --run --'
                             f' /bin/bash run.sh <{work}/stdin >{work}/stdout 2>{work}/stderr', scratch)
        check_equal((status, said, (work / 'stdout').read_text()), (0, '', 'question'))
        check_equal(read_meta(work / 'metadata.txt')['exitcode'], '0')


@test
def test_piston():
    with box(11) as (first, scratch), box(12) as (second, _):
        put(scratch / 'run', 'cat code\n')
        command('alice', 'sh', '-c', f'mkdir {first}/box/submission && echo 42 >{first}/box/submission/code'
                f' && mv -T {first}/box/submission {second}/box/submission')
        line = (f'isolate --run -b12 --meta={scratch}/meta --cg -s -c /box/submission -E HOME=/tmp --dir={scratch}'
                ' --dir=/etc:noexec --processes=64 --open-files=2048 --fsize=10000 --wall-time=60 --time=5 --extra-time=0'
                f' --cg-mem=200000 -- /bin/bash {scratch}/run')
        check_equal(shell(line, scratch), (0, '42\n'))

        process = start('alice', 'isolate', '--run', '-b12', f'--meta={scratch}/meta', '--cg', '-s', '-p', '--', '/bin/sh', '-c',
                        'echo >started; while :; do sleep 1; done')
        check(wait_until((second / 'box' / 'started').exists))
        process.kill()
        process.communicate()
        check(wait_until(lambda: 'busy' not in command('alice', 'judgectl', 'list', status=None)))


if __name__ == '__main__':
    main()
