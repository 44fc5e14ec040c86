#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Walls within and behind the box: between its runs, at once and one after the other, and where a descriptor of the
host's has come in. What stands between a box and the host is in test-barriers.py."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading

from harness import BUILD, LANDLOCK_SCOPES, check, check_equal, expect, landlock_abi, main, run, skip, test
from service import listening

ATTACK = BUILD / 'tests' / 'native' / 'attack'
BOX = 'walls'


# ---- a box and what runs in it ----

class Box:
    """A box of a service's, with the program of the attacks in it."""

    def __init__(self, service, fds=(), **settings):
        self.service = service
        self.client = service.client
        self.client.call('CreateBox', {'box': BOX, 'settings': settings}, fds)
        self.put(ATTACK, 'attack')

    def put(self, source, path):
        with open(source, 'rb') as file:
            self.client.run('true', box=BOX, inFiles=[{'path': path, 'fileDescriptor': 0, 'executable': True}],
                            fds=[file.fileno()])

    def run(self, *arguments):
        return self.client.run(*arguments, box=BOX)

    def attack(self, *arguments):
        """What it says: "" if it worked, the errno's name if not."""
        reply = self.client.call('Run', {'arguments': ['/box/attack', *map(str, arguments)], 'box': BOX,
                                         'stdout': {'capture': True}})
        check(reply['result']['verdict'] in ('ok', 'runtime-error'), str(reply['result']))
        return self.client.read(reply['stdoutFileDescriptor']).decode().strip()


@contextlib.contextmanager
def box(**settings):
    with listening() as service:
        yield Box(service, **settings)


@contextlib.contextmanager
def running(b, *arguments):
    """A second run in the same box meanwhile; gives its pid inside, which is what it says first."""
    reader, writer = os.pipe()
    with os.fdopen(reader) as said, contextlib.closing(b.service.connect()) as client:
        client.send('Run', {'arguments': ['/box/attack', *arguments], 'box': BOX, 'stdout': {'fileDescriptor': 0}}, [writer])
        os.close(writer)
        yield int(said.readline())


def need_landlock(version=2):
    if landlock_abi() < version:
        skip(f'no Landlock {version} here')


def need_ptrace():
    yama = pathlib.Path('/proc/sys/kernel/yama/ptrace_scope')
    if yama.exists() and yama.read_text().strip() != '0':
        skip('Yama keeps processes of one user from tracing each other, so there is nothing to compare with')


def check_refused(said, *errors):
    check(said in errors, f'got {said!r}, not one of {errors}')


# ---- two runs at once ----

@test
def test_other_run_signal():
    need_landlock(LANDLOCK_SCOPES)
    with box() as b, running(b, 'listen', '@judgebox') as pid:
        for attack in ('kill', 'pidfd-kill'):
            check_refused(b.attack(attack, pid), 'EPERM')


@test
def test_other_run_trace():
    need_landlock()
    need_ptrace()
    with box() as b, running(b, 'listen', '@judgebox') as pid:
        for attack in ('ptrace', 'vm-read', 'steal-descriptor', 'read-memory', 'write-memory'):
            check_refused(b.attack(attack, pid), 'EPERM', 'EACCES', 'ENOENT')


@test
def test_other_run_socket():
    need_landlock(LANDLOCK_SCOPES)
    with box() as b, running(b, 'listen', '@judgebox'):
        check_refused(b.attack('connect-unix', '@judgebox'), 'EPERM')
        check_refused(b.attack('connect-unix', '@nobody'), 'ECONNREFUSED')


# ---- what is the host's, by another way than its name ----

@contextlib.contextmanager
def public_directory():
    path = pathlib.Path(tempfile.mkdtemp(prefix='judgebox-walls-', dir='/var/tmp'))
    try:
        path.chmod(0o755)
        yield path
    finally:
        shutil.rmtree(path)


@contextlib.contextmanager
def handing_out(path, directory):
    """A host's process with a socket at path, which sends everybody who connects a descriptor of the directory."""
    def serve(listening):
        with contextlib.suppress(OSError):
            while True:
                with listening.accept()[0] as connection:
                    socket.send_fds(connection, [b'x'], [fd])

    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        path.chmod(0o777)
        listening.listen(8)
        thread = threading.Thread(target=serve, args=[listening], daemon=True)
        thread.start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
            os.close(fd)


@test
def test_directory_from_outside():
    need_landlock()
    with public_directory() as directory:
        for name in ('secret', 'shared'):
            (directory / name).mkdir()
        (directory / 'secret' / 'file').write_text('nobody inside may read this\n')
        with handing_out(directory / 'shared' / 'socket', directory / 'secret'):
            done = subprocess.run([ATTACK, 'open-received', directory / 'shared' / 'socket', 'file'], check=False)
            check_equal(done.returncode, 0, 'outside it must work')
            done = run(f'--bind={directory}/shared:/mnt:rw', f'--exec-file={ATTACK}', '--', 'attack', 'open-received',
                       '/mnt/socket', 'file')
        expect(done, 'runtime-error', exitStatus=1)
        check_equal(done.out, b'EACCES\n')


@test
def test_abstract_socket_in_the_hosts_network():
    need_landlock(LANDLOCK_SCOPES)
    name = f'judgebox-walls-{os.getpid()}'
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f'\0{name}')
        listening.listen(8)
        check_equal(subprocess.run([ATTACK, 'connect-unix', f'@{name}'], check=False).returncode, 0, 'outside it must work')
        done = run('--share-net', f'--exec-file={ATTACK}', '--', 'attack', 'connect-unix', f'@{name}')
    expect(done, 'runtime-error', exitStatus=1)
    check_equal(done.out, b'EPERM\n')


@test
def test_streams_by_name():
    """Files that a caller hands over stay what they are: programs open /dev/stdin and the like."""
    os.chmod('.', 0o755)
    pathlib.Path('in').write_text('input\n')
    pathlib.Path('out').touch()
    os.chmod('out', 0o666)
    for name in ('in', '/dev/null'):
        done = expect(run(f'--stdin={name}', '--', 'cat', '/dev/stdin'), 'ok')
        check_equal(done.out.decode(), pathlib.Path(name).read_text())
    expect(run('--stdout=out', '--', '/bin/sh', '-c', 'echo output >/dev/stdout'), 'ok')
    check_equal(pathlib.Path('out').read_text(), 'output\n')


# ---- clocks ----

@test
def test_clocks():
    uptime = float(pathlib.Path('/proc/uptime').read_text().split()[0])
    if not pathlib.Path('/proc/self/ns/time').exists() or uptime < 600:
        skip('no time namespaces here, or the host is up no longer than a box would be')
    done = expect(run('--wall-time=20', '--', '/bin/sh', '-c', 'cat /proc/self/stat; sleep 0.5'), 'ok')
    started = int(done.out.split()[21]) / os.sysconf('SC_CLK_TCK')
    check(1 <= started < 300, f'started {started} s after what it takes for the host')
    check(500000 <= done.result['wallTimeUSec'] < 20000000, done)


# ---- one run after the other ----

@test
def test_keys():
    with box() as b:
        for kind in ('user-key', 'session-key'):
            said = b.attack('leave', kind, 1)
            if said in ('ENOSYS', 'EPERM'):
                skip('no program may have keys here')
            check_equal(said, '', kind)
            check_refused(b.attack('find', kind, 1), 'ENOKEY')


if __name__ == '__main__':
    main()
