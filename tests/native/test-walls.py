#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Walls within and behind the box: between its runs, at once and one after the other, and where a descriptor of the
host's has come in. What stands between a box and the host is in test-barriers.py."""

import contextlib
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import tempfile
import threading

from harness import (BUILD, LANDLOCK_SCOPES, PRIVATE, check, check_equal, compile_c, expect, judgectl, landlock_abi,
                     main, run, shell, skip, test, wait_until)
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


LEASE = """
import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
fd = os.open('/box/program', os.O_RDONLY)
try:
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
except OSError as error:
    sys.exit(f'no lease: {error}')
os.write(1, b'%d\\n' % os.getpid())
time.sleep(100)
"""


@test
def test_other_run_lease():
    """Who keeps a program from being executed keeps the box from watching what else runs, himself included, but not for long."""
    with box() as b:
        b.put(ATTACK, 'program')
        probe = b.run('/usr/bin/python3', '-c', LEASE.replace('sleep(100)', 'sleep(0)'))
        if probe['verdict'] != 'ok':
            skip(f'no leases here: {probe}')

        reader, writer = os.pipe()
        with os.fdopen(reader) as said, contextlib.closing(b.service.connect()) as client:
            client.send('Run', {'arguments': ['/usr/bin/python3', '-c', LEASE], 'box': BOX, 'stdout': {'fileDescriptor': 0},
                                'limits': {'wallTimeUSec': 3_000_000}}, [writer])
            os.close(writer)
            said.readline()
            result = b.run('/box/program', 'open', '/etc/passwd')
            check_equal((result['verdict'], result.get('error')), ('exec-failed', 'ETIMEDOUT'), str(result))
            result = client.receive()['result']
            check_equal(result['verdict'], 'wall-time-limit', str(result))
            check(result['wallTimeUSec'] < 25_000_000, str(result))


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


@test
def test_tests_have_no_names():
    """What judge feeds a submission with does not say where it comes from, and is the submission's alone."""
    os.mkdir('tests')
    pathlib.Path('tests/hidden-7.in').write_text('input\n')
    pathlib.Path('tests/hidden-7.ans').write_text('/memfd:input (deleted)\ninput\ninput\n')
    pathlib.Path('a.py').write_text('import os\nprint(os.readlink("/proc/self/fd/0"))\n'
                                    'print(input())\nprint(open("/dev/stdin").read(), end="")\n')
    done = judgectl(*PRIVATE, 'judge', 'a.py', 'tests')
    check_equal(done.status, 0, str(done))


FDS = 64    # more than judgebox-init has open here


@test
def test_descriptors_while_it_starts():
    """What judgebox-init has open, a cgroup of the host's among it, leads nowhere until a program is executed: not as its
    working directory, not by a link that an earlier program has made, and not as the interpreter that it asks for."""
    interpreter = '/proc/self/fd/$n' + '/..' * 20 + '/usr/bin/true'
    with box() as b:
        # A hundred seconds, for under emulation each process takes its time.
        made = b.client.run('sh', '-c', f'for n in $(seq 0 {FDS - 1}); do ln -s /proc/self/fd/$n link-$n; '
                            f'echo "#!{interpreter}" >script-$n; done; chmod +x script-*', box=BOX,
                            limits={'cpuTimeUSec': 100_000_000, 'wallTimeUSec': 300_000_000})
        check_equal(made['verdict'], 'ok', str(made))
        for n in range(FDS):
            for program, directory in (('true', f'/proc/self/fd/{n}'), ('true', f'link-{n}'), (f'/box/script-{n}', '/')):
                result = b.client.run(program, box=BOX, workingDirectory=directory)
                check_equal(result['verdict'], 'exec-failed', f'{program} in {directory}: {result}')
                check(result['error'] in ('ENOENT', 'ENOTDIR'), f'{program} in {directory}: {result}')


@test
def test_no_way_up_from_descriptors():
    """Nor could judgebox-init itself get to the host's files by what it has open."""
    host = os.stat('/')
    with box() as b:
        n = 0
        for pid in b.service.children():
            for link in pathlib.Path(f'/proc/{pid}/fd').iterdir():
                with contextlib.suppress(NotADirectoryError, FileNotFoundError):
                    top = os.stat(f'{link}' + '/..' * 20)
                    check((top.st_dev, top.st_ino) != (host.st_dev, host.st_ino), f'{os.readlink(link)} leads up to /')
                    n += 1
        check(n > 2, f'{n} directories are open')


# ---- the flags of mounts ----

def mounts(*options):
    """Options of what is mounted inside, by path."""
    lines = expect(run(*options, '--', 'cat', '/proc/self/mountinfo'), 'ok').out.decode().splitlines()
    return {fields[4]: set(fields[5].split(',')) for fields in map(str.split, lines)}


@test
def test_mount_flags():
    os.chmod('.', 0o755)
    os.mkdir('host')
    os.chmod('host', 0o777)
    found = mounts('--bind=host:/ro', '--bind=host:/rw:rw', '--bind=host:/data:noexec', '--bind=host:/rwdata:rw,noexec',
                   '--tmpfs=/scratch')
    for path, wanted in (('/', 'ro nosuid nodev noexec'), ('/usr', 'ro nosuid nodev'), ('/proc', 'nosuid nodev noexec'),
                         ('/dev/null', 'ro nosuid noexec'), ('/box', 'nosuid nodev'), ('/tmp', 'nosuid nodev'),
                         ('/dev/shm', 'nosuid nodev'), ('/scratch', 'nosuid nodev'), ('/ro', 'ro nosuid nodev'),
                         ('/rw', 'nosuid nodev'), ('/data', 'ro nosuid nodev noexec'), ('/rwdata', 'nosuid nodev noexec')):
        check_equal(found[path] & {'ro', 'nosuid', 'nodev', 'noexec'}, set(wanted.split()), path)
    check_equal([path for path, flags in found.items() if 'nosuid' not in flags], [])
    check(not any(path.startswith(('/sys', '/run', '/home', '/root')) for path in found), sorted(found))


@test
def test_device_in_a_bind():
    with public_directory() as directory:
        os.mknod(directory / 'null', stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.chmod(directory / 'null', 0o666)
        try:
            (directory / 'null').write_bytes(b'x')
        except PermissionError:
            skip(f'{directory} is mounted nodev')
        for flags in ('', ':rw'):
            done = expect(run(f'--bind={directory}:/mnt{flags}', f'--exec-file={ATTACK}', '--', 'attack', 'open',
                              '/mnt/null'), 'runtime-error', exitStatus=1)
            check_equal(done.out, b'EACCES\n')


@test
def test_program_in_a_bind_without_exec():
    with public_directory() as directory:
        shutil.copy(ATTACK, directory / 'attack')
        expect(run(f'--bind={directory}:/mnt', '--', '/mnt/attack', 'open', '/etc/passwd'), 'ok')
        expect(run(f'--bind={directory}:/mnt:noexec', '--', '/mnt/attack', 'open', '/etc/passwd'), 'exec-failed',
               error='EACCES')


@test
def test_nothing_of_the_kernels_in_proc():
    listed = expect(run('ls', '/proc'), 'ok').out.decode().split()
    check_equal([name for name in listed if not name.isdigit() and name not in ('self', 'thread-self')], [])
    for path in ('/proc/sys/kernel/hostname', '/proc/sysrq-trigger', '/proc/kcore', '/proc/keys', '/proc/stat',
                 '/proc/uptime', '/proc/loadavg', '/proc/meminfo', '/proc/cmdline', '/sys/kernel', '/proc/1/status'):
        expect(run('test', '!', '-e', path), 'ok')


CRASH = """
        #include <stdio.h>
        #include <stdlib.h>
        #include <sys/wait.h>
        #include <unistd.h>
        int main(void) {
                int status;
                if (fork() == 0)
                        abort();
                wait(&status);
                printf("%i %i\\n", WTERMSIG(status), !!WCOREDUMP(status));
        }"""


@test
def test_no_core_dump():
    """No file, and nothing for a program that core_pattern names, for which 1 is the limit that counts."""
    compile_c(CRASH, 'crash')
    done = expect(shell('./crash; ls; grep core /proc/self/limits', '--in=crash'), 'ok')
    check_equal(done.out.split()[:3], [b'6', b'0', b'crash'])
    check_equal(done.out.split()[-3:], [b'1', b'1', b'bytes'])


@test
def test_core_dump_if_asked_for():
    if pathlib.Path('/proc/sys/kernel/core_pattern').read_text().startswith(('|', '/', '@')):
        skip('core dumps go elsewhere here')
    compile_c(CRASH, 'crash')
    with box(limits={'coreBytes': 1 << 26}) as b:
        b.put('crash', 'crash')
        check_equal(b.client.capture('./crash', box=BOX), b'6 1\n')


# ---- clocks ----

@test
def test_clocks():
    uptime = float(pathlib.Path('/proc/uptime').read_text().split()[0])
    if not pathlib.Path('/proc/self/ns/time').exists() or uptime < 60:
        skip('no time namespaces here, or the host is up no longer than a box would be')
    done = expect(run('--wall-time=20', '--', '/bin/sh', '-c', 'cat /proc/self/stat; sleep 0.5'), 'ok')
    started = int(done.out.split()[21]) / os.sysconf('SC_CLK_TCK')
    check(1 <= started < uptime / 2, f'started {started} s after what it takes for the start of the host')
    check(500000 <= done.result['wallTimeUSec'] < 20000000, done)


# ---- one run after the other ----

@test
def test_keys():
    # Every other profile forbids to have any.
    with box(profile='none') as b:
        for kind in ('user-key', 'session-key'):
            said = b.attack('leave', kind, 1)
            if said in ('ENOSYS', 'EPERM'):
                skip('no program may have keys here')
            check_equal(said, '', kind)
            check_refused(b.attack('find', kind, 1), 'ENOKEY')


@test
def test_ipc():
    with box() as b:
        for kind in ('shm', 'sem', 'msg', 'mq'):
            for n in (1, 2, 3):
                check_equal(b.attack('leave', kind, n), '', kind)
        for kind in ('shm', 'sem', 'msg', 'mq'):
            for n in (1, 2, 3):
                check_refused(b.attack('find', kind, n), 'ENOENT')


@test
def test_ipc_while_another_runs():
    """What is there belongs to all runs that are going on."""
    with box() as b:
        with running(b, 'listen', '@judgebox'):
            check_equal(b.attack('leave', 'shm', 1), '')
            check_equal(b.attack('find', 'shm', 1), '')
        check(wait_until(lambda: not b.client.call('GetBox', {'box': BOX})['status']['activeRuns']), 'it ends')
        check_refused(b.attack('find', 'shm', 1), 'ENOENT')


LEAVE = 'mkdir -p /tmp/d/e && echo x >/tmp/d/e/f && echo x >/tmp/x && echo x >/dev/shm/x && echo x >/box/x'
FIND = 'ls -A /tmp /dev/shm | grep -c .; cat /box/x'


@test
def test_temporary_files():
    with box() as b:
        check_equal(b.run('/bin/sh', '-c', LEAVE)['verdict'], 'ok')
        # The caller may still come for them.
        index = b.client.call('OpenFile', {'box': BOX, 'path': '/tmp/d/e/f'})['fileDescriptor']
        check_equal(b.client.read(index), b'x\n')
        check_equal(b.client.capture('/bin/sh', '-c', f'{FIND}; ls -A /tmp /dev/shm', box=BOX),
                    b'2\nx\n/dev/shm:\n\n/tmp:\n')


@test
def test_temporary_files_of_the_tenant():
    """What the tenant puts there comes after what the last run left, and before the next."""
    with box() as b:
        check_equal(b.run('/bin/sh', '-c', LEAVE)['verdict'], 'ok')
        pathlib.Path('file').write_text('tenant\n')
        b.put('file', '/tmp/mine')
        b.put('file', 'mine')
        with open('file', 'rb') as file:
            reply = b.client.call('Run', {'arguments': ['cat', '/tmp/x', '/tmp/mine'], 'box': BOX,
                                          'inFiles': [{'path': '/tmp/mine', 'fileDescriptor': 0}],
                                          'stdout': {'capture': True}}, [file.fileno()])
        check_equal(b.client.read(reply['stdoutFileDescriptor']), b'tenant\n')


@test
def test_temporary_files_are_kept():
    with box(keepTemporary=True) as b:
        check_equal(b.run('/bin/sh', '-c', LEAVE)['verdict'], 'ok')
        check_equal(b.client.capture('cat', '/tmp/d/e/f', '/dev/shm/x', box=BOX), b'x\nx\n')
        b.client.call('ResetBox', {'box': BOX})
        check_equal(b.client.capture('/bin/sh', '-c', 'ls -A /tmp /dev/shm /box', box=BOX),
                    b'/box:\n\n/dev/shm:\n\n/tmp:\n')


@test
def test_mounts_among_temporary_files():
    """What is mounted below /tmp stays, wherever the program has moved the directories above it."""
    os.chmod('.', 0o755)
    os.mkdir('host')
    os.chmod('host', 0o777)
    pathlib.Path('host/file').write_text('from the host\n')
    fd = os.open('host', os.O_PATH)
    with box(binds=[{'sourceFileDescriptor': 0, 'path': '/tmp/deep/bind', 'writable': True}],
             tmpfs=[{'path': '/tmp/deep/tmpfs'}], fds=[fd]) as b:
        os.close(fd)
        look = 'cat /tmp/deep/bind/file; find /tmp | sort'
        new = b.client.capture('/bin/sh', '-c', look, box=BOX)
        check(new.startswith(b'from the host\n'), new)
        check_equal(b.run('/bin/sh', '-c', 'echo x >/tmp/deep/tmpfs/x; echo x >/tmp/deep/x; echo x >/tmp/x; '
                          'mv /tmp/deep /tmp/away')['verdict'], 'ok')
        check_equal(b.client.capture('/bin/sh', '-c', look, box=BOX), new)
        check_equal(b.run('/bin/sh', '-c', 'echo x >/tmp/deep/bind/y && echo x >/tmp/deep/tmpfs/y')['verdict'], 'ok')
    check(os.path.exists('host/y'), 'written through the bind')


# All that can be told of a box from inside, but for times and the numbers of inodes and mounts.
LOOK = r'''
import os
for top, directories, files in os.walk('/', onerror=print):
    if top == '/':
        directories[:] = sorted(set(directories) - {'proc', 'usr'})
    for name in sorted(['.'] + files + [d for d in directories if os.path.islink(os.path.join(top, d))]):
        path = os.path.join(top, name)
        s = os.lstat(path)
        attributes = sorted(os.listxattr(path, follow_symlinks=False)) if not os.path.islink(path) else []
        print(path, oct(s.st_mode), s.st_uid, s.st_gid, s.st_nlink, s.st_size, attributes)
for line in open('/proc/self/mountinfo'):
    print(line.split(' ', 3)[3], end='')
for path in ('/box', '/tmp', '/dev/shm', '/'):
    s = os.statvfs(path)
    print(path, s.f_blocks, s.f_bfree, s.f_files, s.f_ffree, s.f_flag)
print(os.listdir('/proc/self/fd'), sum(p.isdigit() for p in os.listdir('/proc')), os.uname().nodename)
'''

MESS = r'''
import os, socket, sys
for top in ('/box', '/tmp', '/dev/shm', '/scratch'):
    os.makedirs(f'{top}/a/b/c')
    os.mkfifo(f'{top}/fifo')
    os.symlink('/etc/passwd', f'{top}/link')
    open(f'{top}/.hidden', 'w').write('x' * 10000)
    os.link(f'{top}/.hidden', f'{top}/a/hard')
    socket.socket(socket.AF_UNIX).bind(f'{top}/socket')
    os.chmod(f'{top}/a/b', 0)
    for i in range(int(sys.argv[1])):
        open(f'{top}/{i}', 'w')
try:
    os.setxattr('/box', 'user.mark', b'x')
except OSError:
    pass
os.chmod('/box', 0o1777)
'''


@test
def test_reset_is_like_new():
    with listening() as service:
        client = service.client
        client.call('CreateBox', {'box': BOX, 'settings': {'tmpfs': [{'path': '/scratch'}]}})
        new = client.capture('python3', '-Ic', LOOK, box=BOX)
        check(b'/box/.' in new and b' /box ' in new, new.decode())
        for n in (3, 300):
            check_equal(client.run('python3', '-Ic', MESS, str(n), box=BOX)['verdict'], 'ok')
            check(client.capture('python3', '-Ic', LOOK, box=BOX) != new, 'there was something to take away')
            client.call('ResetBox', {'box': BOX})
            again = client.capture('python3', '-Ic', LOOK, box=BOX)
            for was, now in zip(new.splitlines(), again.splitlines()):
                check_equal(now, was)
            check_equal(again, new)


# ---- what a program may ask the processor ----

@test
def test_deny_tsc():
    if os.uname().machine != 'x86_64':
        check_equal(run('--deny-tsc', 'true').status, 2)
        skip('no timestamp counter on this processor; refused')
    compile_c('''
        int main(int argc, char **argv) {
                unsigned a, d;
                if (argc > 1)
                        __asm__ volatile("rdtsc" : "=a"(a), "=d"(d));
                return 0;
        }''', 'counter')
    expect(run('--exec-file=counter', '--', 'counter', 'read'), 'ok')
    expect(run('--exec-file=counter', '--deny-tsc', '--', 'counter'), 'ok')
    expect(run('--exec-file=counter', '--deny-tsc', '--', 'counter', 'read'), 'signaled', signal='SIGSEGV')


if __name__ == '__main__':
    main()
