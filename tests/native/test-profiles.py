#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Seccomp profiles: what the shipped ones forbid, and how; who may have which; and that real programs run under them."""

import errno
import json
import os
import platform
import shutil
import tempfile

from bus import Variant, bus_refused, daemon, serving
from harness import PRIVATE, TOP, check, check_equal, compile_c, expect, judgectl, main, run, skip, test, verdict
from polkit import members, polkit
from service import listening, refused

# Makes the calls that its arguments name, one after the other, and prints for each the errno.
CALL = r'''
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long enter(const char *how, long nr, const long *a) {
        long r;

        if (strcmp(how, "int80") == 0) {
                __asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a[0]), "c"(a[1]), "d"(a[2]) : "memory");
                errno = r < 0 ? (int) -r : 0;
                return r < 0 ? -1 : r;
        }

        return syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int main(int argc, char *argv[]) {
        for (int i = 2; i < argc; i++) {
                long a[6] = {};
                char *p = argv[i];
                long nr = strtol(p, &p, 0);

                for (int k = 0; k < 6 && *p == ','; k++)
                        a[k] = (long) strtoul(p + 1, &p, 0);
                errno = 0;
                (void) enter(argv[1], nr, a);
                printf("%d\n", errno);
                fflush(stdout);
        }
        return 0;
}
'''

# x86-64's numbers: the test is of the profiles, not of the names.
MOUNT, PTRACE, UNSHARE, SOCKET, CLONE, CLONE3, IOCTL, PERSONALITY = 165, 101, 272, 41, 56, 435, 16, 135
BPF, KEYCTL, ADD_KEY, IO_URING_SETUP, USERFAULTFD, PERF_EVENT_OPEN = 321, 250, 248, 425, 323, 298
FORK, EXECVE, GETPPID = 57, 59, 110
X32_BIT = 1 << 30

REPORTED = {
    'mount': (f'{MOUNT}',), 'umount2': ('166',), 'pivot_root': ('155',), 'move_mount': ('429',), 'fsopen': ('430',),
    'setns': ('308',), 'open_by_handle_at': ('304',), 'bpf': (f'{BPF}',), 'userfaultfd': (f'{USERFAULTFD}',),
    'init_module': ('175',), 'finit_module': ('313',), 'delete_module': ('176',), 'kexec_load': ('246',),
    'reboot': ('169',), 'swapon': ('167',), 'iopl': ('172',), 'ioperm': ('173',), 'settimeofday': ('164',),
    'clock_settime': ('227',), 'acct': ('163',), 'syslog': ('103',),
    # TIOCSTI and TIOCLINUX, also with bits above those the kernel looks at.
    'ioctl': (f'{IOCTL},0,0x5412', f'{IOCTL},0,0x541c', f'{IOCTL},0,0x100005412'),
}

REFUSED = {
    f'{PTRACE},16,1': errno.EPERM, f'{PERF_EVENT_OPEN}': errno.EPERM, f'{KEYCTL}': errno.ENOSYS, f'{ADD_KEY}': errno.ENOSYS,
    f'{IO_URING_SETUP},8': errno.ENOSYS, f'{CLONE3}': errno.ENOSYS, '310': errno.EPERM,     # process_vm_readv
    f'{UNSHARE},0x10000000': errno.EPERM, f'{UNSHARE},0x80': errno.EPERM, f'{CLONE},0x10000011': errno.EPERM,
    f'{CLONE},0x40000011': errno.EPERM, f'{PERSONALITY},0x400000': errno.EPERM, '317,1': errno.ENOSYS,  # seccomp
    f'{SOCKET},17,3,0': errno.EAFNOSUPPORT, f'{SOCKET},40,1,0': errno.EAFNOSUPPORT, f'{SOCKET},38,5,0': errno.EAFNOSUPPORT,
    f'{SOCKET},16,3,12': errno.EAFNOSUPPORT, f'{SOCKET},2,3,1': errno.EAFNOSUPPORT, f'{SOCKET},2,1,132': errno.EPROTONOSUPPORT,
    f'{SOCKET},0x100000011,3,0': errno.EAFNOSUPPORT, f'{IOCTL},0,0x5423': errno.EPERM, '157,22,2': errno.EINVAL,    # prctl
}

ALLOWED = (f'{GETPPID}', f'{SOCKET},1,1,0', f'{SOCKET},2,1,6', f'{SOCKET},10,2,0', f'{SOCKET},16,3,0', f'{UNSHARE},0x400',
           f'{PERSONALITY},0xffffffff')

# Of kernels that are newer than some libraries: by number, because Debian 12's libseccomp has no names for them. 449 futex_waitv,
# 450 set_mempolicy_home_node, 451 cachestat, 452 fchmodat2, 453 map_shadow_stack, 454 to 456 futex_wake, futex_wait and
# futex_requeue, 462 mseal, 463 to 466 setxattrat, getxattrat, listxattrat and removexattrat.
NEW = {
    'default': ('449', '450', '451', '452', '453', '454', '455', '456', '462', '463', '464', '465', '466'),
    'strict': ('449', '453', '454', '455', '456', '462'),
}

_directory = tempfile.TemporaryDirectory(prefix='judgebox-profiles-')


def call_program():
    if platform.machine() != 'x86_64':
        skip('the numbers are those of x86-64')
    path = os.path.join(_directory.name, 'call')
    return path if os.path.exists(path) else compile_c(CALL, path)


def call(*calls, how='native', profile='default'):
    return run(f'--profile={profile}', f'--exec-file={call_program()}', '--', 'call', how, *calls)


def errors(done):
    return [int(line) for line in done.out.split()]


def violation(done, name, architecture='x86_64'):
    expect(done, 'security-violation')
    found = done.result['violation']
    check_equal((found['syscall'], found['architecture']), (name, architecture), str(found))
    check_equal(done.out, b'', 'it went on')


# ---- what they forbid ----

@test
def test_default_reports():
    for name, calls in REPORTED.items():
        for one in calls:
            violation(call(one), name)


@test
def test_default_refuses():
    done = call(*REFUSED)
    expect(done, 'ok')
    check_equal(dict(zip(REFUSED, errors(done))), REFUSED)


@test
def test_default_allows():
    done = call(*ALLOWED)
    expect(done, 'ok')
    check_equal(errors(done), [0] * len(ALLOWED))


@test
def test_new_calls():
    """They come to what they come to without a filter, whatever kernel this is."""
    for profile, calls in (*NEW.items(), ('compile', NEW['default'])):
        done = call(*calls, profile=profile)
        expect(done, 'ok')
        check_equal(dict(zip(calls, errors(done))), dict(zip(calls, errors(call(*calls, profile='none')))), profile)


@test
def test_foreign_calls():
    violation(call('20', how='int80'), 'getpid', 'x86')
    violation(call(f'{X32_BIT | 39}'), 'getpid', 'x32')
    # -1 is no system call of anybody's.
    done = call('-1')
    expect(done, 'ok')
    check_equal(errors(done), [errno.ENOSYS])


@test
def test_strict():
    for nr, name in ((FORK, 'fork'), (SOCKET, 'socket'), (CLONE, 'clone'), (EXECVE, 'execve'), (MOUNT, 'mount'),
                     (PTRACE, 'ptrace'), (IO_URING_SETUP, 'io_uring_setup'), (KEYCTL, 'keyctl')):
        violation(call(f'{nr}', profile='strict'), name)


@test
def test_compile_has_no_network():
    done = call(f'{SOCKET},2,1,0', f'{SOCKET},1,1,0', profile='compile')
    check_equal(errors(done), [errno.EAFNOSUPPORT, 0])


@test
def test_none():
    done = call(f'{MOUNT}', f'{CLONE3}', profile='none')
    expect(done, 'ok')
    check(errno.ENOSYS not in errors(done), str(errors(done)))
    expect(call('20', how='int80', profile='none'), 'ok')


# ---- who may have which ----

@test
def test_unknown_is_refused():
    done = judgectl(*PRIVATE, 'run', '--profile=none-such', 'true')
    check_equal(done.status, 2)
    check('--profile=' in done.stderr, done.stderr)
    with listening() as s:
        for name in ('none-such', '', '../profiles/default', 'x' * 33):
            refused('InvalidParameter', s.client, 'Run', {'arguments': ['true'], 'profile': name},
                    parameter='profile')
            refused('InvalidParameter', s.client, 'CreateBox', {'settings': {'profile': name}},
                    parameter='settings.profile')
            member = {'name': 'a', 'arguments': ['true'], 'profile': name}
            refused('InvalidParameter', s.client, 'RunGroup', {'members': [member]},
                    parameter='members[0].profile')
        check_equal(s.client.call('ListBoxes')['boxes'], [])


@test
def test_box_and_run():
    """The box's profile is its runs', unless a run has one of its own."""
    with listening() as s, open(call_program(), 'rb') as program:
        s.client.call('CreateBox', {'box': 'b', 'settings': {'profile': 'strict'}})
        check_equal(s.client.call('GetBox', {'box': 'b'})['status']['profile'], 'strict')
        s.client.call('CreateBox', {'box': 'c'})
        check_equal(s.client.call('GetBox', {'box': 'c'})['status']['profile'], 'default')

        for more, wanted in (({}, 'security-violation'), ({'profile': 'default'}, 'ok')):
            result = s.client.call('Run', {'box': 'b', 'arguments': ['call', 'native', f'{SOCKET},1,1,0'],
                                           'executableFileDescriptor': 0, **more}, [program.fileno()])['result']
            check_equal(result['verdict'], wanted, str(result))


@test
def test_none_is_for_admins():
    with daemon() as address, polkit(address, members) as p, serving(address) as s:
        alice = s.connection(1)
        options = {'profile': Variant('s', 'none')}
        denied = 'org.freedesktop.DBus.Error.AccessDenied'
        bus_refused(denied, alice.manager, 'Run', 'asa{sv}', ['true'], options)
        check_equal(sorted(a.action for a in p.asked), ['org.judgebox1.admin', 'org.judgebox1.run'])
        bus_refused(denied, alice.create, 'b', profile=Variant('s', 'none'))
        check_equal(alice.manager('Run', 'asa{sv}', ['true'], {'profile': Variant('s', 'strict')})[0]['verdict'], 'ok')
        check_equal(s.bus.manager('Run', 'asa{sv}', ['true'], options)[0]['verdict'], 'ok')


# ---- judgectl ----

@test
def test_list_and_show():
    profiles = json.loads(judgectl(*PRIVATE, '--json=short', 'profile', 'list').stdout)
    check_equal([p['name'] for p in profiles], ['compile', 'default', 'none', 'strict'])
    check_equal([p['name'] for p in profiles if p['adminOnly']], ['none'])
    check(all('error' not in p and p['instructions'] < 256 for p in profiles), str(profiles))

    text = judgectl(*PRIVATE, 'profile', 'list')
    check(text.status == 0 and all(p['description'] in text.stdout for p in profiles), text.stdout)
    text = judgectl(*PRIVATE, 'profile', 'show', 'default')
    check(text.status == 0 and 'userfaultfd' in text.stdout and 'EAFNOSUPPORT' in text.stdout, text.stdout)
    check_equal(judgectl(*PRIVATE, 'profile', 'show', 'none-such').status, 2)


@test
def test_check():
    for name in ('compile', 'default', 'none', 'strict'):
        check_equal(judgectl('profile', 'check', TOP / 'profiles' / f'{name}.json').status, 0)

    path = os.path.join(_directory.name, 'bad.json')
    with open(path, 'w', encoding='utf-8') as f:
        f.write('{"defaultAction": "report", "syscalls": [{"names": ["opn"], "action": "SCMP_ACT_ALLOW"}]}')
    done = judgectl('profile', 'check', path)
    check_equal(done.status, 1)
    check(path in done.stderr and 'syscalls[0].names[0]' in done.stderr and '"opn"' in done.stderr, done.stderr)
    check_equal(judgectl('profile', 'check', path + '.none').status, 2)
    for words in (['profile'], ['profile', 'list', 'x'], ['profile', 'show'], ['profile', 'nonsense']):
        check_equal(judgectl(*PRIVATE, *words).status, 2, str(words))


# ---- real programs ----

def sample(language, profile, source, words, compile_words=None, program=None):
    """Compiles in a box under `compile`, and runs under `profile`; the program says 42."""
    needed = [words[0], *(compile_words or [])[:1]]
    for word in needed:
        if word.startswith('/usr') and not os.path.exists(word):
            skip(f'no {word} here')
    limits = {'memoryBytes': 4 << 30, 'processes': 512, 'cpuTimeUSec': 120 * 10**6, 'wallTimeUSec': 300 * 10**6}
    environment = ['PATH=/usr/bin:/bin', 'HOME=/box', 'GOCACHE=/box/cache', 'GOFLAGS=-mod=mod', 'GO111MODULE=off']
    with listening() as s, tempfile.TemporaryFile() as file:
        file.write(source.encode())
        file.flush()
        s.client.call('CreateBox', {'box': 'b', 'settings': {'storageBytes': 1 << 30}})
        parameters = {'box': 'b', 'limits': limits, 'environment': environment, 'stdout': {'capture': True},
                      'stderrToStdout': True}
        files = [{'fileDescriptor': 0, 'path': language}]
        if compile_words:
            reply = s.client.call('Run', {**parameters, 'arguments': compile_words, 'profile': 'compile', 'inFiles': files},
                                  [file.fileno()])
            check_equal(reply['result']['verdict'], 'ok', s.client.read(reply['stdoutFileDescriptor']).decode())
            files = []
        s.client.close_fds()
        reply = s.client.call('Run', {**parameters, 'arguments': words, 'profile': profile, 'inFiles': files},
                              [file.fileno()] if files else [])
        said = s.client.read(reply['stdoutFileDescriptor']).decode()
        check_equal((reply['result']['verdict'], said.strip()), ('ok', '42'), str(reply['result']))


C = '''
#include <pthread.h>
#include <stdio.h>
static void *work(void *p) { *(int *) p = 42; return NULL; }
int main(void) { pthread_t t; int n = 0; pthread_create(&t, NULL, work, &n); pthread_join(t, NULL); printf("%d\\n", n); return 0; }
'''
C_ALONE = '#include <stdio.h>\n#include <stdlib.h>\nint main(void) { int *p = calloc(1 << 22, 4); printf("%d\\n", 42 + p[99]); free(p); return 0; }\n'
CPP = '''
#include <algorithm>
#include <chrono>
#include <iostream>
#include <random>
#include <vector>
int main() {
    std::vector<int> v(1000000, 6);
    std::random_device device;
    std::shuffle(v.begin(), v.end(), std::mt19937(device()));
    std::stable_sort(v.begin(), v.end());
    auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    std::cout << v[0] * 7 + (now < 0) << std::endl;
}
'''


@test
def test_c():
    sample('a.c', 'default', C, ['./a'], ['/usr/bin/gcc', '-O2', '-pthread', '-o', 'a', 'a.c'])


@test
def test_c_strict():
    for more in ([], ['-static']):
        sample('a.c', 'strict', C_ALONE, ['./a'], ['/usr/bin/gcc', *more, '-O2', '-o', 'a', 'a.c'])


@test
def test_cpp():
    sample('a.cpp', 'default', CPP, ['./a'], ['/usr/bin/g++', '-O2', '-o', 'a', 'a.cpp'])


@test
def test_cpp_strict():
    for more in ([], ['-static']):
        sample('a.cpp', 'strict', CPP, ['./a'], ['/usr/bin/g++', *more, '-O2', '-o', 'a', 'a.cpp'])


@test
def test_python():
    sample('a.py', 'default', '''
import concurrent.futures, multiprocessing, subprocess, threading
with concurrent.futures.ThreadPoolExecutor() as pool:
    n = sum(pool.map(int, ['10'] * 2))
with multiprocessing.Pool(2) as pool:
    n += sum(pool.map(abs, [-10, -10]))
print(n + int(subprocess.check_output(['echo', '2'])))
''', ['/usr/bin/python3', 'a.py'])


@test
def test_java():
    sample('Main.java', 'default', '''
import java.util.stream.*;
public class Main { public static void main(String[] a) { System.out.println(IntStream.range(0, 42).parallel().map(i -> 1).sum()); } }
''', ['/usr/bin/java', '-Xmx256m', 'Main'], ['/usr/bin/javac', '-J-Xmx512m', 'Main.java'])


@test
def test_node():
    sample('a.js', 'default', '''
const { Worker } = require('worker_threads');
require('fs').promises.readFile('a.js', 'utf8').then(text => {
    const w = new Worker('require("worker_threads").parentPort.postMessage(42)', { eval: true });
    w.on('message', n => { console.log(text.length > 0 ? n : 0); process.exit(0); });
});
''', ['/usr/bin/node', 'a.js'])


@test
def test_go():
    sample('a.go', 'default', '''
package main
import ("fmt"; "sync"; "os/exec"; "net")
func main() {
    var g sync.WaitGroup; var m sync.Mutex; n := 0
    for i := 0; i < 42; i++ { g.Add(1); go func() { defer g.Done(); m.Lock(); n++; m.Unlock() }() }
    g.Wait()
    if _, err := exec.Command("true").Output(); err != nil { panic(err) }
    if _, err := net.Interfaces(); err != nil { panic(err) }
    fmt.Println(n)
}
''', ['./a'], ['/usr/bin/go', 'build', '-o', 'a', 'a.go'])


@test
def test_rust():
    sample('a.rs', 'default', '''
use std::collections::HashMap;
fn main() {
    let t = std::thread::spawn(|| { let mut m = HashMap::new(); m.insert(1, 42); m[&1] });
    println!("{}", t.join().unwrap());
}
''', ['./a'], ['/usr/bin/rustc', '-O', '-o', 'a', 'a.rs'])


@test
def test_dotnet():
    dotnet = shutil.which('dotnet') or skip('no dotnet here')
    done = run('--profile=default', '-m', '2G', '-p', '256', f'--bind={os.path.dirname(os.path.realpath(dotnet))}:/dotnet', '--',
               '/dotnet/dotnet', '--list-runtimes')
    check_equal(verdict(done), 'ok', str(done))


if __name__ == '__main__':
    main()
