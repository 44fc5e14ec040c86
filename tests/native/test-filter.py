#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Filters as judgebox-init loads them: what they report ends the run and is told, what is traced goes on, and nothing
that a program does about it keeps judgebox-init from its work. calls.c makes the calls; the profiles are this test's own,
in a copy of the programs that has no others."""

import base64
import contextlib
import ctypes
import errno
import json
import os
import pathlib
import platform
import shutil
import struct
import subprocess
import tempfile
import time

import harness
import restart
import service
from harness import BUILD, EMULATED, TIMEOUT, check, check_equal, compile_c, judgectl, main, skip, test, wait_until

CALLS = BUILD / 'tests' / 'native' / 'calls'

PROFILES = {
    'report-ptrace': {'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': ['ptrace'], 'action': 'report'}]},
    'report-exec': {'defaultAction': 'SCMP_ACT_ALLOW',
                    'syscalls': [{'names': ['execve', 'execveat'], 'action': 'report'}]},
    'report-access': {'defaultAction': 'SCMP_ACT_ALLOW',
                      'syscalls': [{'names': ['access', 'faccessat', 'ptrace'], 'action': 'report'}]},
    'kill-process': {'defaultAction': 'SCMP_ACT_ALLOW',
                     'syscalls': [{'names': ['ptrace'], 'action': 'SCMP_ACT_KILL_PROCESS'}]},
    'kill-thread': {'defaultAction': 'SCMP_ACT_ALLOW',
                    'syscalls': [{'names': ['ptrace'], 'action': 'SCMP_ACT_KILL_THREAD'}]},
    'refuse': {'defaultAction': 'SCMP_ACT_ALLOW',
               'syscalls': [{'names': ['ptrace'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': errno.EPROTO}]},
    'write-alone': {'defaultAction': 'report', 'syscalls': [{'names': ['write'], 'action': 'SCMP_ACT_ALLOW'}]},
    'write-and-exit': {'defaultAction': 'SCMP_ACT_KILL_PROCESS',
                       'syscalls': [{'names': ['write', 'exit_group'], 'action': 'SCMP_ACT_ALLOW'}]},
    'refuse-all': {'defaultAction': 'SCMP_ACT_ERRNO', 'defaultErrnoRet': 1,
                   'syscalls': [{'names': ['write', 'exit_group'], 'action': 'SCMP_ACT_ALLOW'}]},
    'default': {'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': []},
}

WRITES = '''
static long call(long n, long a, const void *b, long c) {
        long r;
#ifdef __x86_64__
        __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
#else
        register long x8 __asm__("x8") = n, x0 __asm__("x0") = a, x2 __asm__("x2") = c;
        register const void *x1 __asm__("x1") = b;
        __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
        r = x0;
#endif
        return r;
}
#include <sys/syscall.h>
void _start(void) {
        call(SYS_write, 1, "hello\\n", 6);
        call(SYS_exit_group, 7, 0, 0);
        for (;;);
}
'''

_programs = None


def programs():
    """Beside each other, as in the build tree, and the profiles where judgeboxd looks for them."""
    global _programs
    if not _programs:
        _programs = tempfile.TemporaryDirectory(prefix='judgebox-filter-')
        top = pathlib.Path(_programs.name)
        top.chmod(0o755)
        (top / 'bin').mkdir()
        (top / 'profiles').mkdir()
        for name in ('judgectl', 'judgeboxd', 'judgebox-init'):
            shutil.copy(BUILD / 'bin' / name, top / 'bin')
        for name, profile in PROFILES.items():
            (top / 'profiles' / f'{name}.json').write_text(json.dumps(profile))
        harness.JUDGECTL = top / 'bin' / 'judgectl'
        service.JUDGEBOXD = restart.JUDGEBOXD = top / 'bin' / 'judgeboxd'
    return pathlib.Path(_programs.name)


@contextlib.contextmanager
def daemon():
    programs()
    with service.private() as s:
        yield s.client


def run(client, profile, *arguments, program=CALLS, **parameters):
    fd = os.open(program, os.O_RDONLY)
    try:
        return client.run(program.name, *arguments, executableFileDescriptor=0, fds=[fd], profile=profile, **parameters)
    finally:
        os.close(fd)


def once(profile, *arguments, **parameters):
    with daemon() as client:
        return run(client, profile, *arguments, **parameters)


def violated(result, call, **fields):
    check_equal(result['verdict'], 'security-violation', str(result))
    check_equal(result['violation']['syscall'], call, str(result))
    for name, value in fields.items():
        check_equal(result['violation'].get(name), value, str(result))


def by_path(result):
    return {(e['class'], e.get('path')): e for e in result['trace']['entries']}


# ---- violations ----

@test
def test_reported_call():
    result = once('report-ptrace', 'ptrace')
    violated(result, 'ptrace', architecture=platform.machine(), path=None)
    check_equal(result['violation']['arguments'][:4], [0x4206, 7, 0x1234, -1])
    check_equal(len(result['violation']['arguments']), 6)
    check_equal(result['message'], 'Called ptrace().')
    check('trace' not in result, str(result))


@test
def test_path_of_a_reported_call():
    violated(once('report-exec', 'execve', '/bin/sh'), 'execve', path='/bin/sh')
    violated(once('report-exec', 'path-at-the-edge', '/bin/sh'), 'execve', path='/bin/sh')
    violated(once('report-exec', 'no-path'), 'execve', path=None)
    # What is not text as well.
    violated(once('report-exec', 'execve', 'é' * 1000), 'execve', path='é' * 1000)


@test
def test_killing_is_reported():
    violated(once('kill-process', 'ptrace'), 'ptrace')
    violated(once('kill-thread', 'ptrace'), 'ptrace')
    violated(once('kill-thread', 'threads', '20'), 'ptrace')


@test
def test_refused_call():
    result = once('refuse', 'ptrace')
    check_equal((result['verdict'], result['exitStatus']), ('runtime-error', errno.EPROTO), str(result))


@test
def test_signal_to_itself():
    """The signal by which the kernel would kill."""
    for profile in ('kill-process', 'report-ptrace', 'default'):
        result = once(profile, 'signal-itself')
        check_equal((result['verdict'], result['signal']), ('signaled', 'SIGSYS'), str(result))
        check('violation' not in result, str(result))


@test
def test_other_entries():
    if platform.machine() != 'x86_64':
        skip('no other entries on this machine')
    with daemon() as client:
        for how, call in (('i386', 'getpid'), ('x32', 'getpid')):
            result = run(client, 'report-ptrace', how)
            if how == 'i386' and result['verdict'] == 'signaled':
                continue    # a kernel without it
            violated(result, call, architecture={'i386': 'x86', 'x32': 'x32'}[how])


@test
def test_many_threads_at_once():
    result = once('report-ptrace', 'threads', '1000', limits={'processes': 2000, 'memoryBytes': 1 << 30})
    violated(result, 'ptrace')


@test
def test_secret_is_needed():
    """The argument that lets judgebox-init execute the program does so for nobody who has to guess it."""
    violated(once('report-exec', 'execveat', '/bin/true'), 'execveat', path='/bin/true')


# ---- what has to be done under the filter already ----

@test
def test_launch_under_a_filter_that_forbids_it():
    program = pathlib.Path(compile_c(WRITES, 'writes', '-nostdlib', '-fno-stack-protector')).absolute()
    with daemon() as client:
        for profile in ('write-and-exit', 'refuse-all'):
            result = run(client, profile, program=program)
            check_equal((result['verdict'], result['exitStatus']), ('runtime-error', 7), str(result))
            check_equal(result.get('stdoutBytes', 6), 6, str(result))
        violated(run(client, 'write-alone', program=program), 'exit_group')


@test
def test_failing_launch_under_a_filter_that_forbids_it():
    """The end of a child that could not execute is forbidden too, and nobody could answer."""
    with daemon() as client:
        for profile in ('write-alone', 'write-and-exit', 'refuse-all'):
            for program, error in (('/nowhere', 'ENOENT'), ('nowhere', 'ENOENT'), ('/etc/passwd', 'EACCES')):
                result = client.run(program, profile=profile)
                check_equal((result['verdict'], result['error']), ('exec-failed', error), str(result))


@test
def test_descriptors_of_the_program():
    """The listener is none of the program's, whatever numbers it has asked for, and is made even where it may have no more."""
    with daemon() as client, open('/dev/null') as null, open(CALLS) as calls:
        for profile in ('report-ptrace', 'default'):
            for first in (3, 7, 11, 19, 27, 35, 200):
                targets = range(first, first + 8)
                extra = [{'fileDescriptor': 1 + i, 'target': n} for i, n in enumerate(targets)]
                common = {'executableFileDescriptor': 0, 'extraFileDescriptors': extra, 'profile': profile}
                fds = [calls.fileno()] + [null.fileno()] * 8
                reply = client.call('Run', {'arguments': ['calls', 'descriptors'], 'stdout': {'capture': True}, **common}, fds)
                check_equal(reply['result']['verdict'], 'ok', str(reply))
                check_equal(client.read(reply['stdoutFileDescriptor']).split(), [b'%d' % n for n in (0, 1, 2, *targets)])
                if profile == 'report-ptrace':
                    violated(client.call('Run', {'arguments': ['calls', 'ptrace'], **common}, fds)['result'], 'ptrace')
        violated(run(client, 'report-ptrace', 'ptrace', limits={'openFiles': 3}), 'ptrace')


# ---- traces ----

@test
def test_trace_of_each_kind():
    with daemon() as client:
        result = run(client, 'default', 'paths', trace=True)
        check_equal(result['verdict'], 'ok', str(result))
        seen = by_path(result)
        for kind, path, count in (('stat', '/tmp', 1), ('read', 'for-reading', 2), ('write', 'for-writing', 1),
                                  ('write', '/tmp/made', 1), ('write', 'how', 1), ('write', 'from', 1), ('write', 'to', 1),
                                  ('stat', 'asked', 1), ('exec', 'no-program', 1), ('stat', '/tmp/made', 1)):
            check((kind, path) in seen, f'{kind} {path} in {seen}')
            check_equal(seen[kind, path]['count'], count, path)
        check_equal(seen['read', 'for-reading']['syscall'], 'openat')
        check_equal([base64.b64decode(e['pathBase64']) for e in result['trace']['entries'] if 'path' not in e],
                    [b'not\xfftext'])
        check(('stat', '') not in seen, 'a descriptor is no path')
        check_equal(result['trace']['dropped'], 0)
        # The launch is not the program's doing, and who did not ask gets none.
        check(not any(path and path.startswith('/proc/self/fd') for _, path in seen), str(seen))
        check('trace' not in run(client, 'default', 'paths'), 'not asked for')


@test
def test_trace_of_a_box():
    """The box's default is its runs', unless they say otherwise; it outlives a restart, and create takes the option."""
    programs()
    with restart.managed() as m:
        client = m.connect()
        for box, settings in ('traced', {'trace': True}), ('plain', {}):
            client.call('CreateBox', {'box': box, 'settings': settings})
        check_equal(judgectl(f'--socket={m.path}', 'create', 'by-option', '--trace').status, 0)
        m.restart()

        client = m.connect()
        for box, trace, traced in (('traced', None, True), ('traced', False, False), ('traced', True, True),
                                   ('by-option', None, True), ('plain', None, False)):
            given = {} if trace is None else {'trace': trace}
            check_equal('trace' in client.run('true', box=box, **given), traced, f'{box} {given}')
        for box, traced in ('by-option', True), ('plain', False):
            check_equal(client.call('GetBox', {'box': box})['status']['trace'], traced)


@test
def test_trace_is_capped():
    result = once('default', 'many-paths', '3000', trace=True)
    check_equal(result['verdict'], 'ok', str(result['message']))
    check_equal(len(result['trace']['entries']), 2048)
    check(result['trace']['dropped'] >= 3000 - 2048, str(result['trace']['dropped']))


@test
def test_violation_in_a_trace():
    """What is forbidden is so when it would be traced as well; what came before is in the list."""
    with daemon() as client:
        violated(run(client, 'report-ptrace', 'ptrace', trace=True), 'ptrace')
        result = run(client, 'report-access', 'paths', trace=True)
        check_equal(result['verdict'], 'security-violation', str(result))
        check_equal(result['violation']['path'], '/tmp/made')
        check(('read', 'for-reading') in by_path(result), str(result))
        check(('stat', '/tmp/made') not in by_path(result), str(result))


@test
def test_trace_of_interrupted_calls():
    result = once('default', 'interrupted', trace=True, limits={'cpuTimeUSec': 20000000})
    check_equal(result['verdict'], 'ok', str(result))


@test
def test_trace_of_dying_processes():
    result = once('default', 'dying', trace=True, limits={'cpuTimeUSec': 30000000})
    check_equal(result['verdict'], 'ok', str(result))
    check_equal(by_path(result)['stat', '/flood']['path'], '/flood')


@test
def test_flood():
    """The time limit holds."""
    with daemon() as client:
        begin = time.monotonic()
        result = run(client, 'default', 'flood', trace=True, limits={'cpuTimeUSec': 60000000, 'wallTimeUSec': 2000000})
        check_equal(result['verdict'], 'wall-time-limit', str(result))
        check(time.monotonic() - begin < 2 * (20 if EMULATED else 5), 'in time')
        check(by_path(result)['stat', '/flood']['count'] > 10, str(result['trace']))


@test
def test_other_runs_during_a_flood():
    programs()
    with service.listening() as s:
        client = s.connect()
        client.call('CreateBox', {'box': 'b'})
        with open(CALLS) as calls:
            client.send('Run', {'box': 'b', 'arguments': ['calls', 'flood'], 'executableFileDescriptor': 0, 'trace': True,
                                'limits': {'cpuTimeUSec': 60000000}}, [calls.fileno()])
        check(wait_until(lambda: s.client.call('GetBox', {'box': 'b'})['status']['activeRuns']), 'it runs')
        check_equal(s.client.run('true', box='b')['verdict'], 'ok')
        check_equal(s.client.call('ListFiles', {'box': 'b'})['entries'], [])
        check_equal(s.client.call('Kill', {'box': 'b'})['killed'], 1)
        check_equal(client.receive()['result']['verdict'], 'canceled')
        client.close()


# ---- around it ----

@test
def test_restart():
    """judgebox-init alone answers, and keeps what it saw."""
    programs()
    with restart.managed() as m, open(CALLS) as calls:
        client = m.connect()
        client.call('CreateBox', {'box': 'b'})
        ours, theirs = os.pipe()
        client.send('Run', {'box': 'b', 'arguments': ['calls', 'later', 'now'], 'executableFileDescriptor': 0, 'keep': True,
                            'stdout': {'fileDescriptor': 1}, 'profile': 'report-ptrace', 'trace': True},
                    [calls.fileno(), theirs], more=True)
        os.close(theirs)
        started = client.receive()['started']
        check_equal(os.read(ours, 100), b'ready\n')
        m.restart()
        client = m.connect()
        client.call('OpenFile', {'box': 'b', 'path': 'now', 'create': True})
        result = client.call('CollectRun', {'box': 'b', 'run': started['run']})['result']
        violated(result, 'ptrace')
        check(by_path(result)['stat', 'now']['count'] >= 1, str(result))
        os.close(ours)


# Somebody above who listens already: one filter that allows everything, with a listener.
LISTEN = struct.pack('HBBI', 0x06, 0, 0, 0x7fff0000)


def listen():
    libc = ctypes.CDLL(None, use_errno=True)
    program = ctypes.create_string_buffer(LISTEN)
    fprog = struct.pack('HxxxxxxP', 1, ctypes.addressof(program))
    seccomp = {'x86_64': 317, 'aarch64': 277}[platform.machine()]
    # Root needs no PR_SET_NO_NEW_PRIVS. The listener stays open, in this process and whoever it becomes.
    fd = libc.syscall(seccomp, 1, 8, fprog)
    if fd < 0:
        os._exit(77)
    os.set_inheritable(fd, True)


@test
def test_somebody_listens_already():
    programs()
    command = [harness.JUDGECTL, *harness.PRIVATE, '--json=short', 'run', '--exec-file', CALLS]
    if platform.machine() not in ('x86_64', 'aarch64'):
        skip('no number of seccomp() known here')

    def muted(profile, *arguments):
        done = subprocess.run([*command, f'--profile={profile}', *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=TIMEOUT, close_fds=False, preexec_fn=listen)
        if done.returncode == 77:
            skip('this test runs under such a filter itself')
        return json.loads(done.stdout)

    for profile in ('report-ptrace', 'kill-process', 'kill-thread'):
        result = muted(profile, '--', 'calls', 'ptrace')
        check_equal((result['verdict'], result['message']), ('security-violation', 'Used a forbidden system call.'), str(result))
        check('violation' not in result, str(result))
    result = muted('default', '--trace', '--', 'calls', 'paths')
    check_equal(result['verdict'], 'ok', str(result))
    check('trace' not in result, str(result))


if __name__ == '__main__':
    main()
