#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The quota of a box's directory on the host, on a file system that has quotas by project: an ext4 in a file."""

import contextlib
import ctypes
import errno
import fcntl
import os
import pathlib
import struct

from host import DropIn, command, kill_daemon, main_pid, need_package, start
from harness import check, check_equal, main, skip, test, wait_until

STATE = pathlib.Path('/var/lib/judgebox')
IMAGE = '/var/tmp/quota.img'
PROJID = pathlib.Path('/etc/projid')
FIRST = 0x70000000

# linux/fs.h, linux/quota.h
FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR = 0x801c581f, 0x401c5820
FSXATTR = 'IIIII8x'
SYS_QUOTACTL_FD, PRJQUOTA, Q_GETQUOTA, Q_SETQUOTA = 443, 2, 0x800007, 0x800008
DQBLK = 'QQQQQQQQI4x'


def need_tools():
    need_package()
    for program in 'mkfs.ext4', 'isolate':
        if command(None, 'sh', '-c', f'command -v {program} || true') == '':
            skip(f'there is no {program} in the guest')


def start_socket():
    """However often that was done just before."""
    command(None, 'systemctl', 'reset-failed', 'judgeboxd.socket', 'judgeboxd.service')
    command(None, 'systemctl', 'start', 'judgeboxd.socket')


@contextlib.contextmanager
def file_system(options='prjquota'):
    """Where the service keeps its directories, while it is there."""
    need_tools()
    command(None, 'systemctl', 'stop', 'judgeboxd.socket', 'judgeboxd.service')
    with open(IMAGE, 'wb') as f:
        f.truncate(64 << 20)
    command(None, 'mkfs.ext4', '-q', '-O', 'quota,project', '-E', 'quotatype=prjquota', IMAGE)
    command(None, 'mount', '-o', f'loop,{options}', IMAGE, str(STATE))
    try:
        start_socket()
        yield
    finally:
        command(None, 'systemctl', 'stop', 'judgeboxd.socket', 'judgeboxd.service')
        check(wait_until(lambda: os.system(f'umount {STATE} 2>/dev/null') == 0), 'nothing of it is in use')
        os.unlink(IMAGE)
        start_socket()


def isolate(*arguments, status=0):
    return command('alice', 'isolate', '--cg', *map(str, arguments), status=status)


def shell(number, script, status=0):
    return isolate('-s', f'-b{number}', '-p', '--run', '--', '/bin/sh', '-c', script, status=status)


def init(number, quota):
    return pathlib.Path(isolate(f'-b{number}', '-q', quota, '--init').strip())


def project(path):
    fd = os.open(path, os.O_RDONLY)
    buffer = fcntl.ioctl(fd, FS_IOC_FSGETXATTR, bytes(struct.calcsize(FSXATTR)))
    os.close(fd)
    return struct.unpack(FSXATTR, buffer)[3]


def quotactl(call, number, fields):
    fd = os.open(STATE, os.O_RDONLY)
    buffer = ctypes.create_string_buffer(struct.pack(DQBLK, *fields), struct.calcsize(DQBLK))
    libc = ctypes.CDLL(None, use_errno=True)
    r = libc.syscall(SYS_QUOTACTL_FD, fd, call << 8 | PRJQUOTA, number, buffer)
    os.close(fd)
    check_equal(r, 0, os.strerror(ctypes.get_errno()))
    return struct.unpack(DQBLK, buffer)


def limits(number):
    """Blocks and inodes."""
    fields = quotactl(Q_GETQUOTA, number, [0] * 9)
    return fields[0], fields[3]


@test
def test_blocks_and_inodes():
    with file_system():
        directory = init(3, '1024,20')
        free = init(4, '0,5')
        check_equal((limits(project(directory)), project(free)), ((1024, 20), 0))
        script = 'head -c 4000000 /dev/zero >f 2>/dev/null && echo all; stat -c %s f'
        said = shell(3, script).split()
        check(len(said) == 1 and 500000 < int(said[0]) <= 1 << 20, f'{said}: a quota of 1 MiB')
        check_equal(shell(4, script), 'all\n4000000\n', 'without one')
        check_equal(shell(3, 'rm f; head -c 4000000 /dev/zero >/tmp/f 2>/dev/null && echo all; rm /tmp/f'), '', '/tmp counts')
        made = shell(3, 'for i in $(seq 40); do touch $i || break; done 2>/dev/null; ls | wc -l')
        check(10 < int(made) < 20, f'{made}: itself, box/ and tmp/ count')

        # What the caller puts there, too; and it cannot be renamed out of the quota, nor into it.
        said = command('alice', 'sh', '-c', f'rm -r {directory}/box/*; cat /dev/zero >{directory}/x 2>/dev/null;'
                                            f' stat -c %s {directory}/x')
        check(500000 < int(said) <= 1 << 20, said)
        command('alice', 'python3', '-c', 'import errno, os, sys\n'
                f'try:\n    os.rename("{free}/box/f", "{directory}/box/1")\n'
                'except OSError as e:\n    sys.exit(e.errno != errno.EXDEV)\nsys.exit(2)')
        for number in 3, 4:
            isolate(f'-b{number}', '--cleanup')
        check(wait_until(lambda: os.listdir(STATE / 'boxes/.trash') == []))


@test
def test_program_cannot_leave_it():
    script = ('import fcntl, os, struct\n'
              'fd = os.open("f", os.O_RDWR | os.O_CREAT)\n'
              f'was = fcntl.ioctl(fd, {FS_IOC_FSGETXATTR}, bytes({struct.calcsize(FSXATTR)}))\n'
              f'now = bytearray(was)\n'
              'struct.pack_into("I", now, 12, 0)\n'
              f'try:\n    fcntl.ioctl(fd, {FS_IOC_FSSETXATTR}, bytes(now))\n    print("left")\n'
              'except OSError as e:\n    print(e.errno)\n')
    with file_system():
        directory = init(3, '1024,0')
        said = isolate('-s', '-b3', '--run', '--', '/usr/bin/python3', '-c', script)
        check(int(said) in (errno.EPERM, errno.EINVAL, errno.EACCES), said)
        check_equal(project(directory / 'box' / 'f'), project(directory))
        isolate('-b3', '--cleanup')


@test
def test_ids():
    """None that the admin has given a name, none twice, and none before its last file is gone."""
    PROJID.write_text(f'admin:{FIRST}\n')
    try:
        with file_system():
            main_pid()
            quotactl(Q_SETQUOTA, FIRST + 1, [5000, 0, 0, 0, 0, 0, 0, 0, 5])
            first, second = project(init(3, '1024,0')), project(init(4, '2048,100'))
            check_equal((first, second), (FIRST + 2, FIRST + 3), 'the two before are taken')
            check_equal((limits(first), limits(second)), ((1024, 0), (2048, 100)))
            isolate('-b3', '--cleanup')
            check_equal(limits(first), (0, 0), 'given back')
            isolate('-b3', '-q', '4096,0', '--init')
            check_equal(limits(second), (2048, 100))
            for number in 3, 4:
                isolate(f'-b{number}', '--cleanup')
    finally:
        PROJID.unlink()


@test
def test_restart():
    """A box that outlives the service keeps its quota, which goes with the box; one that nobody has goes at the start."""
    with file_system():
        directory = init(3, '1024,0')
        number = project(directory)
        for restart in lambda: command(None, 'systemctl', 'restart', 'judgeboxd.service'), kill_daemon:
            quotactl(Q_SETQUOTA, FIRST + 77, [5000, 0, 0, 0, 0, 0, 0, 0, 5])
            quotactl(Q_SETQUOTA, 77, [5000, 0, 0, 0, 0, 0, 0, 0, 5])
            restart()
            command('alice', 'judgectl', 'list')
            check_equal((limits(number), limits(FIRST + 77), limits(77)), ((1024, 0), (0, 0), (5000, 0)))
            check_equal(shell(3, 'head -c 4000000 /dev/zero >f 2>/dev/null || echo full'), 'full\n')
            check(project(init(4, '1024,0')) != number)
            isolate('-b4', '--cleanup')
        isolate('-b3', '--cleanup')
        check_equal(limits(number), (0, 0))


@test
def test_configured():
    with file_system(), DropIn('[Manager]\nProjectIdBase=4711\n'):
        check(4711 <= project(init(3, '1024,0')) < 4720)
        isolate('-b3', '--cleanup')


@test
def test_not_enforced():
    """The file system counts, but is not mounted so that it limits."""
    with file_system(options='defaults'):
        process = start('alice', 'isolate', '-q', '1024,0', '--init')
        err = process.communicate()[1]
        check_equal((process.returncode, err), (2, f'Cannot set disk quota: the file system of {STATE}/boxes does not enforce'
                                                   ' project quotas: it is not mounted with the option prjquota.\n'))
        check_equal(command('alice', 'judgectl', 'create', '--host-directory', '--directory-storage=1M', 'b', status=2), '')


if __name__ == '__main__':
    main()
