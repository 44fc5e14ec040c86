#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a program must not be able to do to anything outside, tried by attack.c.

Each attack runs three times: in a box, where it must fail; outside, as the user whom the box's program is on the host,
where it must work, or the test would pass with any box; and, where an option opens that one barrier, in a box with it
open, where it must work again."""

import contextlib
import ctypes
import functools
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from harness import (BUILD, LANDLOCK_SCOPES, TIMEOUT, check, check_equal, expect, landlock_abi, main, run, skip, test,
                     wait_until)

ATTACK = BUILD / 'tests' / 'native' / 'attack'
WORD = f'victim-{os.getpid()}-{time.monotonic_ns()}'


# ---- where attacks run ----

@functools.cache
def program_uid():
    """Who a box's program is on the host."""
    done = expect(run('cat', '/proc/self/uid_map'), 'ok')
    for line in done.out.splitlines():
        inside, outside, length = map(int, line.split())
        if inside <= 1000 < inside + length:
            return outside + 1000 - inside
    raise AssertionError(f'no uid 1000 in {done.out}')


@functools.cache
def public_directory():
    """One that everybody may enter, and not in /tmp, which some mount nosuid."""
    path = pathlib.Path(tempfile.mkdtemp(prefix='judgebox-barriers-', dir='/var/tmp'))
    path.chmod(0o755)
    shutil.copy(ATTACK, path / 'attack')
    (path / 'secret').write_text('nobody inside may read this\n')
    (path / 'open').mkdir()
    (path / 'open').chmod(0o777)
    return path


def outside(attack, *arguments, user=None):
    user = program_uid() if user is None else user
    return subprocess.run([public_directory() / 'attack', attack, *map(str, arguments)], user=user, group=user,
                          extra_groups=[], cwd='/', stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=TIMEOUT)


def inside(attack, *arguments, options=()):
    return run(*options, f'--exec-file={ATTACK}', '--', 'attack', attack, *map(str, arguments))


def check_works(done):
    check_equal(done.returncode, 0, f'outside it must work: {done.stdout}{done.stderr}')


def check_fails(done):
    expect(done, 'runtime-error', exitStatus=1)
    check(done.out.strip().startswith(b'E'), f'says why: {done.out}')


def hold(attack, *arguments, target=None, user=None, options=(), without=None):
    """The attack fails inside and works outside; with target, on that in place of what it is given inside; and, where
    an option takes the barrier away, it works inside with the option."""
    check_works(outside(attack, *(arguments if target is None else target), user=user))
    check_fails(inside(attack, *arguments, options=options))
    if without is not None:
        expect(inside(attack, *arguments, options=without), 'ok')


# ---- whom they are after ----

@contextlib.contextmanager
def victim():
    """A process of the program's own user."""
    process = subprocess.Popen([public_directory() / 'attack', 'none', WORD], user=program_uid(), group=program_uid(),
                               extra_groups=[], cwd='/', stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        check_equal(process.stdout.readline(), b'ready\n')
        yield process.pid
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def listener(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.bind(address)
        listening.listen(16)
        yield listening


def need_ptrace():
    yama = pathlib.Path('/proc/sys/kernel/yama/ptrace_scope')
    if yama.exists() and yama.read_text().strip() != '0':
        skip('Yama keeps processes of one user from tracing each other, so there is nothing to compare with')


# ---- processes ----

@test
def test_see_a_process():
    with victim():
        hold('see', WORD, '/proc')
        expect(inside('see', WORD, '/host', options=['--bind=/proc:/host']), 'ok')


@test
def test_signal_a_process():
    with victim() as pid:
        hold('kill', pid)
        hold('pidfd-kill', pid)


@test
def test_signal_everything():
    with victim():
        hold('kill-all')


@test
def test_signal_judgebox_init():
    with victim() as pid:
        hold('kill', 1, target=[pid])
        hold('pidfd-kill', 1, target=[pid])


@test
def test_trace_judgebox_init():
    need_ptrace()
    with victim() as pid:
        for attack in ('ptrace', 'read-memory', 'write-memory', 'vm-read', 'steal-descriptor'):
            hold(attack, 1, target=[pid])


@test
def test_trace_a_process():
    need_ptrace()
    with victim() as pid:
        for attack in ('ptrace', 'vm-read', 'steal-descriptor'):
            hold(attack, pid)


def outliving():
    found = []
    for path in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
        with contextlib.suppress(OSError):
            if path.read_bytes().split(b'\0')[1:3] == [b'outlive', WORD.encode()]:
                found.append(int(path.parent.name))
    return found


@test
def test_outlive_the_run():
    check_works(outside('outlive', WORD))
    left = outliving()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    check_equal(len(left), 1, 'outside it stays')
    check(wait_until(lambda: not outliving()), 'ended')

    expect(inside('outlive', WORD, options=['--wall-time=3']), 'ok')
    check_equal(outliving(), [], 'it has outlived its run')


# ---- files ----

@test
def test_open_a_file():
    secret = public_directory() / 'secret'
    hold('open', secret, without=[f'--bind={secret}'])


@test
def test_open_a_file_through_proc():
    need_ptrace()
    secret = public_directory() / 'secret'
    with victim() as pid:
        hold('open-through', 1, secret, target=[pid, secret])
    check_fails(inside('open-through', 'self', secret))


@test
def test_climb_out():
    hold('climb', public_directory() / 'secret')


@test
def test_create_a_file():
    directory = public_directory() / 'open'
    check_works(outside('create', directory / 'from-outside'))
    check_fails(inside('create', directory / 'from-inside'))
    # What is shown is not for writing unless it was said so.
    check_fails(inside('create', directory / 'from-inside', options=[f'--bind={directory}']))
    check(not (directory / 'from-inside').exists(), 'the file is there')
    expect(inside('create', directory / 'from-inside', options=[f'--bind={directory}:rw']), 'ok')
    check((directory / 'from-inside').exists(), 'the file is not there')


@test
def test_etc_shadow():
    check_works(outside('open', '/etc/shadow', user=0))
    check_fails(inside('open', '/etc/shadow'))
    # Shown, it is still root's: the program has no right that its user does not have.
    check_fails(inside('open', '/etc/shadow', options=['--bind=/etc/shadow']))


# ---- network and other ways to talk ----

@test
def test_connect_to_the_host():
    with listener(socket.AF_INET, ('127.0.0.1', 0)) as listening:
        hold('connect', '127.0.0.1', listening.getsockname()[1], without=['--share-net'])


@test
def test_connect_to_an_abstract_socket():
    # Landlock keeps them apart even in one network, where the kernel has that.
    with listener(socket.AF_UNIX, f'\0{WORD}'):
        hold('connect-unix', f'@{WORD}', without=['--share-net'] if landlock_abi() < LANDLOCK_SCOPES else None)


@test
def test_connect_to_a_socket_in_the_file_system():
    path = public_directory() / 'open' / 'socket'
    with listener(socket.AF_UNIX, str(path)):
        path.chmod(0o777)
        hold('connect-unix', path, without=[f'--bind={path.parent}:rw'])


@test
def test_send_to_the_world():
    address = '192.0.2.1'       # nobody's (RFC 5737)
    if outside('send', address).returncode != 0:
        skip('this machine has no network either')
    hold('send', address, without=['--share-net'])


@test
def test_shared_memory():
    libc = ctypes.CDLL(None, use_errno=True)
    key = os.getpid() + 0x6a620000
    identifier = libc.shmget(key, 4096, 0o1666)         # IPC_CREAT
    check(identifier >= 0, os.strerror(ctypes.get_errno()))
    try:
        hold('shm', key)
    finally:
        libc.shmctl(identifier, 0, None)                # IPC_RMID


# ---- privileges ----

@test
def test_have_a_capability():
    hold('have-capability', user=0)


@test
def test_become_root():
    hold('become-root', user=0)


@test
def test_setuid_program():
    directory = public_directory() / 'privileged'
    directory.mkdir(exist_ok=True)
    program = directory / 'setuid'
    shutil.copy(ATTACK, program)
    os.chown(program, 0, 0)
    program.chmod(0o4755)
    if os.statvfs(directory).f_flag & os.ST_NOSUID:
        skip(f'{directory} is mounted nosuid')
    hold('execute', program, options=[f'--bind={directory}'])


@test
def test_program_with_file_capabilities():
    directory = public_directory() / 'privileged'
    directory.mkdir(exist_ok=True)
    program = directory / 'capable'
    shutil.copy(ATTACK, program)
    program.chmod(0o755)
    # cap_net_raw, effective and permitted, as capabilities(7) has it: version 2, the effective bit, two pairs of words.
    os.setxattr(program, 'security.capability', b''.join(n.to_bytes(4, 'little')
                                                         for n in (0x02000001, 1 << 13, 0, 0, 0)))
    if os.statvfs(directory).f_flag & os.ST_NOSUID:
        skip(f'{directory} is mounted nosuid')
    hold('execute', program, options=[f'--bind={directory}'])


@test
def test_user_namespace():
    if outside('user-namespace').returncode != 0:
        skip('users cannot make user namespaces on this machine')
    hold('user-namespace')


if __name__ == '__main__':
    try:
        main()
    finally:
        if public_directory.cache_info().currsize:
            shutil.rmtree(public_directory())
