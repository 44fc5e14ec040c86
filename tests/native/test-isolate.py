#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""judgebox-isolate: each option, and what isolate 2.6 does with it. The lines that judges use are at the end."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from bus import daemon, serving
from screen import Screen
from harness import BUILD, DEGRADE, EMULATED, TIMEOUT, check, check_equal, compile_c, judgectl, main, skip, test, wait_until
from polkit import members, polkit
from service import listening

ISOLATE = BUILD / 'bin' / 'judgebox-isolate'
SH = '/bin/sh'


class Done:
    def __init__(self, done, meta):
        self.status = done.returncode
        self.out = done.stdout.decode(errors='replace')
        self.err = done.stderr.decode(errors='replace')
        self.meta = meta

    def __repr__(self):
        return f'status {self.status}, out {self.out!r}, err {self.err!r}, meta {self.meta!r}'


def isolate(*arguments, stdin=subprocess.DEVNULL, meta='meta', **options):
    """Runs it. The meta file, where one is written, becomes a dictionary."""
    pathlib.Path(meta).unlink(missing_ok=True)
    done = subprocess.run([ISOLATE, *map(str, arguments)], stdin=stdin, capture_output=True, timeout=TIMEOUT, **options)
    return Done(done, read_meta(meta) if os.path.exists(meta) else {})


def read_meta(path='meta'):
    lines = pathlib.Path(path).read_text(errors='replace').splitlines()
    check(all(':' in line for line in lines), str(lines))
    return dict(line.split(':', 1) for line in lines)


@contextlib.contextmanager
def service():
    """A daemon of ours, and the box 0."""
    with listening() as s:
        os.environ['JUDGEBOX_SOCKET'] = s.path
        try:
            done = isolate('--init')
            if 'cannot map' in done.err:
                skip('the file system here cannot map owners')
            check_equal(done.status, 0, str(done))
            yield pathlib.Path(done.out.rstrip('\n'))
        finally:
            del os.environ['JUDGEBOX_SOCKET']


def run(*arguments, **options):
    """In box 0, with a meta file; what is after -- is the program."""
    arguments = list(arguments)
    at = arguments.index('--')
    return isolate('-M', 'meta', '-p', *arguments[:at], '--run', *arguments[at:], **options)


def shell(script, *arguments, **options):
    return run(*arguments, '--', SH, '-c', script, **options)


def ok(done):
    check_equal(done.status, 0, str(done))
    return done


# ---- the box ----

@test
def test_init_and_cleanup():
    with service() as directory:
        check_equal(os.stat(directory / 'box').st_mode & 0o777, 0o700)
        check_equal(os.stat(directory / 'box').st_uid, os.getuid())
        (directory / 'box' / 'f').write_text('')
        again = isolate('--init')
        check_equal((again.status, again.out), (0, f'{directory}\n'), str(again))
        check_equal(os.listdir(directory / 'box'), [], 'init gives a new box')
        check_equal(isolate('--cleanup').status, 0)
        check(not directory.exists())
        check_equal(isolate('--cleanup').status, 0, 'twice')
        check('did not exist' in isolate('-v', '--cleanup').err)
        done = shell('true')
        check_equal((done.status, done.meta.get('status')), (2, 'XX'), str(done))
        check_equal(done.err, "Box not found, did you run `isolate --init'?\n")


@test
def test_directory_that_somebody_removed():
    with service() as directory:
        for command in '--init', '--cleanup':
            shutil.rmtree(directory)
            check_equal(shell('true').status, 2)
            check_equal(isolate(command).status, 0)
            check_equal(directory.exists(), command == '--init')


@test
def test_box_id():
    with service() as directory:
        for form in (['-b', '5'], ['-b5'], ['--box-id=5'], ['--box-id', '5']):
            check_equal(isolate(*form, '--init').out, f'{directory.parent / "5"}\n')
            check_equal(isolate(*form, '--run', '--', '/bin/true').status, 0)
            check_equal(isolate(*form, '--cleanup').status, 0)
        largest = isolate('-b', (1 << 31) - 2, '--init')
        check_equal(largest.out, f'{directory.parent / str((1 << 31) - 2)}\n', str(largest))
        check_equal(isolate('-b', (1 << 31) - 2, '--cleanup').status, 0)
        for bad in ('2147483647', '2147483648', '-1', 'x', '', '1.5', '0x1'):
            check_equal(isolate('--box-id=' + bad, '--init').status, 2, bad)


@test
def test_quota_is_refused():
    """Where the file system has none, as isolate does; where it has one, tests/guest/test-quota.py."""
    with service() as directory:
        check_equal(isolate('--init', '-q', '0,7').status, 0, 'no quota')
        done = isolate('--init', '--quota=100,100', '-M', 'meta')
        if done.status == 0:
            skip('the file system here has project quotas')
        check_equal(done.status, 2)
        check(done.err.startswith(f'Cannot set disk quota: the file system of {directory.parent.parent} '), done.err)
        check_equal(done.meta, {'status': 'XX', 'message': done.err.strip()})
        check(not directory.exists(), 'and there is no box, as with isolate')


@test
def test_waiting_for_a_box_that_goes():
    """--wait gives the box that there is in the end, which may be another one, or none."""
    for made_anew, wanted in (True, (0, b'new\n', b'')), (False, (2, b'', b"Box not found, did you run `isolate --init'?\n")):
        with service() as directory:
            fd = os.open(directory, os.O_RDONLY)
            fcntl.flock(fd, fcntl.LOCK_EX)
            (directory / 'box' / 'old').write_text('')
            process = subprocess.Popen([ISOLATE, '--wait', '-s', '-p', '--run', '--', SH, '-c', '[ -e old ] || echo new'],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            check(wait_until(lambda: waits_for_lock(process)))
            socket = f"--socket={os.environ['JUDGEBOX_SOCKET']}"
            check_equal(judgectl(socket, 'destroy', '0').status, 0)
            if made_anew:
                check_equal(judgectl(socket, 'create', '--host-directory', '0').status, 0)
            os.close(fd)
            out, err = process.communicate(timeout=TIMEOUT)
            check_equal((process.returncode, out, err), wanted)


@test
def test_rename_between_boxes():
    with service() as directory:
        other = pathlib.Path(isolate('-b1', '--init').out.strip())
        ok(shell('mkdir submission; echo x >submission/f'))
        os.rename(directory / 'box' / 'submission', other / 'box' / 'submission')
        check_equal(isolate('-b1', '-s', '--run', '--', '/bin/cat', 'submission/f').out, 'x\n')


def waits_for_lock(process):
    return any('->' in line and str(process.pid) in line.split()
               for line in pathlib.Path('/proc/locks').read_text().splitlines())


@test
def test_busy():
    with service():
        program = f'echo here; sleep {15 if EMULATED else 3}'
        first = subprocess.Popen([ISOLATE, '--run', '-p', '--', '/bin/sh', '-c', program], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL)
        try:
            check_equal(first.stdout.readline(), b'here\n')
            done = isolate('--run', '-M', 'meta', '--', '/bin/true')
            check_equal((done.status, done.err), (2, 'This box is currently in use by another process\n'), str(done))
            second = subprocess.Popen([ISOLATE, '--wait', '--run', '--', '/bin/true'])
            check(wait_until(lambda: waits_for_lock(second)))
            second.terminate()
            check_equal(second.wait(TIMEOUT), -signal.SIGTERM, 'who waits can be ended')
            check_equal(first.poll(), None, 'and disturbs nobody')
            check_equal(isolate('--wait', '-s', '--run', '--', '/bin/true').status, 0)
            check_equal(first.wait(TIMEOUT), 0)
        finally:
            first.kill()
            first.wait()


# ---- the command line ----

@test
def test_usage():
    for arguments in ([], ['--run'], ['--init', '--run', '--', 'x'], ['--init', 'x'], ['--cleanup', 'x'], ['--fancy'], ['-z'],
                      ['--cg-mem=5', '--run', '--', 'x'], ['--cg-mem=0', '--run', '--', 'x'], ['-d', 'a=b', '--run', '--', 'x'], ['-d', '../a', '--run', '--', 'x'],
                      ['-d', 'x=y:tmp', '--run', '--', 'x'], ['-E', '=x', '--run', '--', 'x'],
                      ['-q', '5', '--init'], ['--quota=a,b', '--init']):
        done = isolate(*arguments)
        check_equal(done.status, 2, f'{arguments} {done}')
        check('Usage:' in done.out, f'{arguments} {done}')
    for rule in 'a:fancy', 'a=b:fancy', 'a=/b:rw:fancy:noexec':
        done = isolate('-d', rule, '--run', '--', 'x')
        check_equal((done.status, done.out, done.err), (2, '', 'Unknown directory option fancy\n'), 'without an explanation')


@test
def test_meta_of_a_wrong_command_line():
    """The file is opened where -M stands, so that nobody takes an earlier run's for it."""
    pathlib.Path('old').write_text('exitcode:0\n')
    check_equal((isolate('-M', 'old', '-t', 'abc', '--run', '--', 'x').status, pathlib.Path('old').read_text()), (2, ''))
    check_equal(isolate('-M', 'meta', '-d', 'a:fancy', '--run', '--', 'x').meta,
                {'status': 'XX', 'message': 'Unknown directory option fancy'})


@test
def test_garbage_is_refused():
    """Where isolate 2.6 takes "-t abc" for no limit."""
    for option in ('-t', '-w', '-x', '-m', '-k', '-f', '-n', '--core', '--cg-mem', '--as-uid', '--syscalls'):
        for value in ('abc', '', '-1', '1x', '1 ', '0x10', 'inf', 'nan', '1e3', '99999999999999999999'):
            attached = f'{option}={value}' if option.startswith('--') else f'{option}{value}'
            if attached != option:
                check_equal(isolate('--cg', attached, '--run', '--', '/bin/true').status, 2, attached)


@test
def test_out_of_range():
    """What no box can have is refused, by the option's name."""
    with service():
        for option in '--cg-mem=1', '--mem=1', '--stack=1', '--open-files=1', '--wall-time=999999999', '--time=999999999':
            done = isolate('--cg', '-M', 'meta', option, '--run', '--', '/bin/true')
            check_equal((done.status, done.meta), (2, {'status': 'XX', 'message': done.err.strip()}))
            check(done.err.startswith(f"{option.partition('=')[0]} is out of range: limits."), done.err)


@test
def test_version_and_others():
    check(isolate('--version').out.startswith('The process isolator 2.6\n'))
    check_equal(isolate('--print-cg-root').out, '/sys/fs/cgroup/judgebox.slice\n')
    with service():
        check_equal(isolate('--check-config').status, 0)
    os.environ['JUDGEBOX_SOCKET'] = '/no/such/socket'
    check_equal(isolate('--check-config').status, 2)
    del os.environ['JUDGEBOX_SOCKET']


@test
def test_verbose():
    """More about the directories on standard error, and with --silent nothing about the end; nothing changes for the program."""
    os.mkdir('d')
    here = os.getcwd()
    with service():
        done = ok(shell('echo x', '--verbose', '-s', f'-d/x={here}/d', '-d', 'y=/no/such:maybe'))
        check_equal((done.out, done.err), ('x\n', f'Binding ./tmp/tmp on tmp\nBinding {here}/d on x\n'
                                                  'Not binding /no/such on y (does not exist)\n'))
        check_equal(isolate('-v', '--init').err, 'Preparing sandbox\n')
        check_equal(isolate('-v', '--cleanup').err, 'Deleting sandbox\n')
        done = isolate('--silent', '--run', '--', '/bin/true')
        check_equal((done.status, done.err), (2, "Box not found, did you run `isolate --init'?\n"), 'failures are not silenced')


@test
def test_quiet_options():
    """Taken, and nothing comes of them."""
    with service():
        ok(shell('true', '--cg', '--cg-timing', '--no-cg-timing'))


# One of the calls that isolate 2.6 forbids by default, by its flag. The exit status is 0 if it was done.
CALLS = r'''
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char *argv[]) {
        struct flock lock = { .l_type = F_RDLCK };
        char parameters[120] = {};
        long r = -1;

        switch (atoi(argv[1])) {
        case 1:
                r = syscall(SYS_keyctl, 0, -3, 0, 0, 0);
                break;
        case 2:
                r = socket(AF_VSOCK, SOCK_STREAM, 0);
                break;
        case 4:
                r = flock(open("/usr/bin", O_RDONLY), LOCK_EX) | fcntl(open("calls", O_RDONLY), F_SETLK, &lock);
                break;
        case 8:
                r = syscall(SYS_io_uring_setup, 1, parameters);
                break;
        case 16:
#ifdef __x86_64__
                __asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory");
#endif
                break;
        }
        return r < 0;
}
'''


@test
def test_syscalls():
    """With isolate 2.6 a flag that is set forbids calls, and one that is not allows them. Here the service's profile holds: locks
    are allowed, and the others are not."""
    with service() as directory:
        compile_c(CALLS, directory / 'box' / 'calls')
        for flag in 1, 2, 4, 8, 16:
            for given in [], ['--syscalls=0'], [f'--syscalls={flag}'], ['--syscalls=65535']:
                done = run(*given, '--', './calls', str(flag))
                check_equal(done.status, 0 if flag == 4 else 1, f'{flag} {given} {done}')


# ---- what is told ----

KEYS = {'time', 'time-wall', 'max-rss', 'csw-voluntary', 'csw-forced'}


@test
def test_ok():
    with service():
        done = ok(shell('true'))
        check_equal(set(done.meta), KEYS | {'exitcode'})
        check_equal(done.meta['exitcode'], '0')
        for key in ('time', 'time-wall'):
            whole, dot, fraction = done.meta[key].partition('.')
            check(whole.isdigit() and dot and len(fraction) == 3 and fraction.isdigit(), done.meta[key])
        check_equal(done.err, f"OK ({done.meta['time']} sec real, {done.meta['time-wall']} sec wall)\n")
        check_equal(shell('true', '-s').err, '')
        check_equal(set(shell('true', '--cg').meta), KEYS | {'exitcode', 'cg-mem'})


@test
def test_runtime_error():
    with service():
        done = shell('exit 3')
        check_equal((done.status, done.err), (1, 'Exited with error status 3\n'))
        check_equal(set(done.meta), KEYS | {'exitcode', 'status', 'message'})
        check_equal((done.meta['exitcode'], done.meta['status'], done.meta['message']),
                    ('3', 'RE', 'Exited with error status 3'))
        check_equal(shell('exit 3', '--silent').err, '')


@test
def test_signal():
    with service():
        done = shell('kill -11 $$')
        check_equal((done.status, done.meta['status'], done.meta['exitsig'], done.meta['message']),
                    (1, 'SG', '11', 'Caught fatal signal 11'))
        check('exitcode' not in done.meta and 'killed' not in done.meta, str(done))
        check_equal(shell('kill -6 $$').meta['exitsig'], '6')
        done = shell('kill -40 $$')
        check_equal((done.meta['exitsig'], done.meta['message']), ('40', 'Caught fatal signal 40'), 'a realtime signal')


@test
def test_exec_failed():
    with service():
        done = run('--', '/no/such/program')
        check_equal((done.status, done.meta['status'], done.meta['exitcode']), (1, 'RE', '127'), str(done))
        check_equal(done.err, 'execve("/no/such/program"): No such file or directory\nExited with error status 127\n')
        check_equal(run('--', 'sh').meta['exitcode'], '127', 'no PATH is searched')


@test
def test_time():
    with service():
        loop = 'while :; do :; done'
        done = shell(loop, '-t', '0.3')
        check_equal((done.status, done.meta['status'], done.meta['message'], done.meta['killed']),
                    (1, 'TO', 'Time limit exceeded', '1'), str(done))
        check('exitcode' not in done.meta and 'exitsig' not in done.meta, str(done))
        check(float(done.meta['time']) >= 0.3)
        done = shell(loop, '-t0.2', '-x0.6')
        check(float(done.meta['time']) >= 0.6, 'extra time is counted from the start')
        check_equal(done.meta['status'], 'TO')
        done = shell(loop, '--time=0.5', '--extra-time=0.1')
        check(0.5 <= float(done.meta['time']) < 2, str(done))


@test
def test_wall_time():
    with service():
        done = run('-w', '0.3', '--', '/bin/sleep', '10')
        check_equal((done.status, done.meta['status'], done.meta['message'], done.meta['killed']),
                    (1, 'TO', 'Time limit exceeded (wall clock)', '1'))
        check_equal(run('--wall-time=60', '--', '/bin/true').status, 0)


@test
def test_no_limit_unless_asked_for():
    """isolate has no time limit but what is given: what the service would assume is not."""
    with service():
        out = ok(shell('ulimit -f; ulimit -s; ulimit -v; ulimit -n; ulimit -c')).out.split()
        check(out[0] == 'unlimited' or int(out[0]) > 1 << 32, out[0])
        check(out[1] == 'unlimited' or int(out[1]) > 1 << 32, out[1])
        check_equal(out[2:], ['unlimited' if not DEGRADE else out[2], '64', '0'])


@test
def test_limits():
    with service():
        script = 'ulimit -f; ulimit -s; ulimit -v; ulimit -n; ulimit -c'
        out = ok(shell(script, '-f', '1024', '-k', '64000', '-m', '500000', '-n', '32', '--core=7')).out.split()
        check_equal(out[1:], ['64000', '500000', '32', '14' if out[4] == '14' else '7'])
        check(int(out[0]) in (1024, 2048), out[0])
        many = ok(shell('ulimit -n', '--open-files=0')).out
        check(int(many) > 1024, many)


@test
def test_fsize():
    with service() as directory:
        done = shell('head -c 100000 /dev/zero >f', '--fsize=10')
        check_equal(done.status, 1, str(done))
        check_equal(os.path.getsize(directory / 'box' / 'f'), 10240)


@test
def test_mem():
    """The address space: an allocation fails, and nobody is killed."""
    with service() as directory:
        compile_c('#include <stdlib.h>\nint main(void) { return !malloc(200 << 20); }', directory / 'box' / 'a')
        check_equal(run('-m', '100000', '--', './a').meta['exitcode'], '1')
        check_equal(run('--mem=400000', '--', './a').meta['exitcode'], '0')


@test
def test_cg_mem():
    with service() as directory:
        compile_c('#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n'
                  'int main(void) { for (;;) { memset(malloc(1 << 20), 1, 1 << 20); usleep(1000); } }', directory / 'box' / 'a')
        done = run('--cg', '--cg-mem=32768', '-w60', '--', './a')
        check_equal((done.status, done.meta['status'], done.meta['exitsig'], done.meta['cg-oom-killed']),
                    (1, 'SG', '9', '1'), str(done))
        check(int(done.meta['cg-mem']) <= 200000, str(done))


@test
def test_processes():
    if DEGRADE:
        skip('no pids controller')
    with service():
        check(isolate('-s', '--run', '--', SH, '-c', '/bin/true; /bin/true').status != 0, 'one process is the default')
        for form in ('-p', '-p5', '--processes', '--processes=5'):
            check_equal(isolate('-s', form, '--run', '--', SH, '-c', '/bin/true; /bin/true').status, 0, form)


@test
def test_meta():
    with service():
        done = isolate('--meta=-', '-s', '--run', '--', '/bin/true')
        check(done.out.startswith('time:'), done.out)
        check_equal(isolate('-M', '/no/such/directory/meta', '--run', '--', '/bin/true').status, 2)


# Says so after a second of CPU time.
BUSY = 'exec 2>&-; (ulimit -t 1; while :; do :; done); echo >started; while :; do :; done'


@test
def test_interrupt():
    """The run is ended, and what it had used is told as of any other; also where the caller ignores the signal."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        with service() as directory:
            process = subprocess.Popen(['env', f'--ignore-signal={number.name.removeprefix("SIG")}', ISOLATE, '-M', 'meta',
                                        '--cg', '-p', '--run', '--', SH, '-c', BUSY], stderr=subprocess.PIPE)
            check(wait_until((directory / 'box' / 'started').exists))
            process.send_signal(number)
            err = process.communicate(timeout=TIMEOUT)[1]
            check_equal((process.returncode, err), (1, b'Interrupted\n'))
            meta = read_meta()
            check_equal(set(meta), KEYS | {'exitsig', 'killed', 'status', 'message', 'cg-mem'})
            check_equal((meta['exitsig'], meta['killed'], meta['status'], meta['message']),
                        (str(int(number)), '1', 'SG', 'Interrupted'))
            check(float(meta['time']) >= 0.2 and float(meta['time-wall']) >= 0.2, str(meta))


@test
def test_death_kills_the_run():
    with service() as directory:
        process = subprocess.Popen([ISOLATE, '-p', '--run', '--', SH, '-c', 'while :; do date >>beats; sleep 0.05; done'])
        check(wait_until((directory / 'box' / 'beats').exists))
        process.kill()
        process.wait()

        def silent():
            size = os.path.getsize(directory / 'box' / 'beats')
            time.sleep(0.5)
            return os.path.getsize(directory / 'box' / 'beats') == size
        check(wait_until(silent))


# ---- what the program has ----

@test
def test_streams():
    with service() as directory:
        (directory / 'box' / 'in').write_text('inside')
        done = ok(run('-i', 'in', '-o', 'out', '-r', 'err', '--', SH, '-c', 'cat; echo wrong >&2'))
        check_equal((directory / 'box' / 'out').read_text(), 'inside')
        check_equal((directory / 'box' / 'err').read_text(), 'wrong\n')
        check_equal((done.out, os.stat(directory / 'box' / 'out').st_uid), ('', os.getuid()))
        for option, path in (('--stdin', '/etc/not-there'), ('--stdout', 'not-there/out'), ('--stderr', '/usr/err')):
            done = run(f'{option}={path}', '--', '/bin/true')
            check_equal((done.status, done.meta['status'], done.meta['message'].partition(': ')[0]),
                        (2, 'XX', f'open("{path}")'), str(done))
        os.mkdir(directory / 'box' / 'sub')
        ok(run('-c', 'sub', '-o', 'here', '--', '/bin/pwd'))
        check_equal((directory / 'box' / 'here').read_text(), '/box/sub\n', 'opened before -c holds')
        ok(run('--stdout=/box/both', '--stderr-to-stdout', '--', SH, '-c', 'echo a; echo b >&2'))
        check_equal((directory / 'box' / 'both').read_text(), 'a\nb\n')
        pathlib.Path('given').write_text('ours')
        with open('given', 'rb') as stdin:
            check_equal(ok(run('--', '/bin/cat', stdin=stdin)).out, 'ours')


@test
def test_fifos():
    """A FIFO is waited for until somebody has the other end. CMS joins the runs of a communication task so."""
    os.chmod('.', 0o755)
    os.mkdir('fifos')
    for name in 'down', 'up':
        os.mkfifo(f'fifos/{name}')
        os.chmod(f'fifos/{name}', 0o666)
    streams = [f'--dir=/fifo0={os.getcwd()}/fifos:rw', '--stdin=/fifo0/down', '--stdout=/fifo0/up']

    def user(*arguments, script='while read x; do echo $((x + 1)); done', **options):
        return subprocess.Popen([ISOLATE, '-s', '-p', '-M', 'meta', *streams, *arguments, '--run', '--', SH, '-c', script],
                                **options)

    def opener(process):
        return pathlib.Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split()
    with service() as directory:
        process = user('-w', '60')
        check(wait_until(lambda: opener(process)))
        time.sleep(0.3)
        with open('fifos/down', 'wb', buffering=0) as down, open('fifos/up', 'rb', buffering=0) as up:
            for n in 41, 1:
                down.write(b'%d\n' % n)
                check_equal(up.readline(), b'%d\n' % (n + 1))
        check_equal((process.wait(TIMEOUT), read_meta()['exitcode']), (0, '0'))
        check(float(read_meta()['time-wall']) >= 0.2, 'it waited')
        check(os.path.exists('fifos/up'), 'it is still one')

        os.mkfifo(directory / 'box' / 'fifo')
        done = run('-w', '0.3', '--special-files', '--stdin=fifo', '--', '/bin/cat')
        check_equal((done.status, done.meta), (1, {'time': '0.000', 'time-wall': '0.300', 'killed': '1', 'status': 'TO',
                                                   'message': 'Time limit exceeded (wall clock)'}), 'nobody came')

        process = user(stderr=subprocess.PIPE)
        check(wait_until(lambda: opener(process)))
        process.terminate()
        check_equal((process.communicate(timeout=TIMEOUT)[1], process.returncode), (b'', 1))
        check_equal(read_meta(), {'exitsig': '15', 'killed': '1', 'status': 'SG', 'message': 'Interrupted'})

        process = user()
        check(wait_until(lambda: opener(process)))
        left = pathlib.Path('/proc', opener(process)[0])
        process.kill()
        process.wait()
        check(wait_until(lambda: not left.exists()), 'nobody waits on')


@test
def test_signals_that_are_ignored():
    with service() as directory:
        process = subprocess.Popen([ISOLATE, '-s', '-p', '--run', '--', SH, '-c', 'echo >started; read x'],
                                   stdin=subprocess.PIPE)
        check(wait_until((directory / 'box' / 'started').exists))
        for number in signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE:
            process.send_signal(number)
        process.communicate(b'\n', timeout=TIMEOUT)
        check_equal(process.returncode, 0)


def on_screen(script, *arguments):
    return Screen(ISOLATE, '-s', '-p', *arguments, '--run', '--', SH, '-c', script)


@test
def test_tty_hack():
    """isolate 2.6 makes the program the foreground of isolate's own terminal. Here it is the foreground of one in between, which
    it can do less harm with."""
    with service():
        screen = on_screen('for i in 0 1 2; do [ -t $i ] && echo $i-is; done; stty size; cat', '--tty-hack')
        screen.wait_for(b'30 100')
        screen.type(b'typed\r')
        screen.wait_for(b'typed\r\ntyped')
        screen.resize(11, 22)
        screen.type(b'\x04')
        check_equal(screen.end(), 0)
        check_equal(screen.seen.split()[:5], [b'0-is', b'1-is', b'2-is', b'30', b'100'])

        screen = on_screen('trap "echo caught; exit 7" INT; echo ready; while :; do sleep 0.1; done', '--tty-hack')
        screen.wait_for(b'ready')
        screen.type(b'\x03')
        screen.wait_for(b'caught')
        check_equal(screen.end(), 1, '^C is the program\'s')

        screen = on_screen('[ -t 1 ] || echo pipe; sleep 100')
        screen.wait_for(b'pipe')
        screen.type(b'\x03')
        check_equal(screen.end(), 1, 'without the option it is isolate\'s')

        screen = on_screen('[ -t 0 ] || echo pipe', '--tty-hack', '--stdout=out')
        check_equal(screen.end(), 0, 'with a file for a stream there is no terminal')
        ok(shell('[ -t 1 ] || exit 0; exit 1', '--tty-hack'))

        screen = on_screen('echo ready; sleep 100', '--tty-hack')
        screen.wait_for(b'ready')
        screen.process.send_signal(signal.SIGTERM)
        check_equal(screen.end(), 1, 'interrupted, and the terminal is as it was')


@test
def test_redirection_into_a_link():
    """A link that an earlier program left is not followed out of the box."""
    with service() as directory:
        os.symlink('/etc/passwd', directory / 'box' / 'in')
        check_equal(run('-i', 'in', '--', '/bin/cat').status, 2)


@test
def test_environment():
    os.environ['JUDGED'] = 'yes'
    with service():
        check_equal(set(ok(run('--', '/usr/bin/env')).out.split()), {'LIBC_FATAL_STDERR_=1'})
        done = ok(run('-E', 'HOME=/box', '-E', 'JUDGED', '--env=GONE=', '--env=NONE', '--', '/usr/bin/env'))
        check_equal(set(done.out.split()), {'LIBC_FATAL_STDERR_=1', 'HOME=/box', 'JUDGED=yes'})
        full = ok(run('-e', '-E', 'JUDGED=', '--', '/usr/bin/env')).out.split('\n')
        check('LIBC_FATAL_STDERR_=1' in full and f"PATH={os.environ['PATH']}" in full and 'JUDGED=yes' not in full, str(full))
    del os.environ['JUDGED']


@test
def test_chdir():
    with service() as directory:
        os.mkdir(directory / 'box' / 'sub')
        check_equal(ok(run('--', '/bin/pwd')).out, '/box\n')
        check_equal(ok(run('-c', '/box/sub', '--', '/bin/pwd')).out, '/box/sub\n')
        check_equal(ok(run('--chdir=sub', '--', '/bin/pwd')).out, '/box/sub\n')
        done = run('-c', '/no/such', '--', '/bin/pwd')
        check_equal((done.status, done.meta['message']), (2, 'chdir: No such file or directory'), str(done))


@test
def test_dir():
    os.chmod('.', 0o755)
    os.mkdir('d')
    os.mkdir('w')
    os.chmod('w', 0o777)
    pathlib.Path('d/f').write_text('seen\n')
    here = os.getcwd()
    with service() as directory:
        check_equal(ok(shell('cat /x/f; >/x/g || echo no', f'-d/x={here}/d')).out, 'seen\nno\n')
        check_equal(ok(shell('cat /opt/seen/f', '-d', f'/opt/seen={here}/d')).out, 'seen\n')
        ok(shell('echo out >/w/out', f'--dir=/w={here}/w:rw'))
        check_equal(pathlib.Path('w/out').read_text(), 'out\n')
        done = shell('cp /bin/true /w/t; /w/t || echo refused', f'--dir=w={here}/w:rw:noexec')
        check_equal(done.out, 'refused\n')
        ok(shell('true', '--dir=/no/such:maybe', '--dir=/x=/etc/passwd/x:maybe'))
        done = shell('true', '--dir=/no/such')
        check_equal((done.status, done.err), (2, 'Cannot mount /no/such on no/such: No such file or directory\n'))
        check_equal(ok(shell('ls /x', f'--dir=/x={here}/d', f'--dir=/x={here}/w')).out.split(), ['out', 't'], 'replaced')
        check(run('--dir=/x=' + here + '/d', '--dir=/x=', '--', '/bin/ls', '/x').status == 1, 'deleted')
        os.mkdir(directory / 'box' / 'y')
        (directory / 'box' / 'y' / 'f').write_text('below\n')
        check_equal(ok(shell('cat /y/f', '-d', '/y=./box/y')).out, 'below\n')
        ok(shell('true', '--dir=/z=/usr:norec:dev'))


@test
def test_dir_file_systems():
    with service():
        ok(shell('echo x >/t/x', '--dir=/t=tmpfs:fs:rw'))
        for where, name in ('sys', 'sysfs'), ('pts', 'devpts'), ('mqueue', 'mqueue'), ('other', 'proc'), ('x', 'ext4'):
            done = shell('true', f'--dir=/{where}={name}:fs')
            check_equal((done.status, done.err), (2, f'Cannot mount {name} on {where}: Operation not supported\n'))
        for wrong in '/x=/dev:fs', '/x:fs', '/x=:fs', '/x=tmpfs:fs:tmp':
            check_equal(shell('true', '-d', wrong).status, 2, wrong)
        check_equal(ok(shell('ls -d /proc/self >/dev/null && echo there')).out, 'there\n')


@test
def test_tmp_stays():
    """On disk, in the directory of the box, and from one run to the next."""
    with service() as directory:
        ok(shell('echo x >/tmp/kept'))
        check_equal(ok(shell('cat /tmp/kept')).out, 'x\n')
        check_equal((directory / 'tmp' / 'tmp' / 'kept').read_text(), 'x\n')
        ok(shell('echo y >/dev/shm/kept', '--dir=/dev/shm:tmp'))
        check_equal(ok(shell('cat /dev/shm/kept', '--dir=/dev/shm:tmp')).out, 'y\n')
        check_equal(shell('cat /dev/shm/kept').status, 1, 'a new one by default')


@test
def test_system_directories():
    """Without one of the defaults, or without any."""
    with service() as directory:
        check_equal(run('-D', '-d', 'box=./box:rw', '--', SH).meta['exitcode'], '127')
        ok(run('-D', '-d', 'box=./box:rw', '-d', 'bin', '-d', 'lib', '-d', 'lib64:maybe', '-d', 'usr', '--', SH, '-c', 'true'))
        check_equal(run('--dir=bin=', '--', SH).meta['exitcode'], '127')
        compile_c('#include <unistd.h>\nint main(void) { return access("/usr", F_OK) == 0 && access("/usr/bin", F_OK) == 0; }',
                  directory / 'box' / 'look')
        check_equal(run('--dir=usr=', '--', './look').meta['exitcode'], '0')
        check_equal(run('--', './look').meta['exitcode'], '1')


@test
def test_etc():
    with service():
        check_equal(ok(shell('head -c 5 /etc/passwd', '-d', '/etc:noexec')).out, 'root:')


@test
def test_inherit_fds():
    read_end, write_end = os.pipe()
    with service():
        check_equal(ok(run('--', SH, '-c', f'echo x >&{write_end} || true', pass_fds=[write_end])).out, '')
        ok(run('--inherit-fds', '--', SH, '-c', f'echo x >&{write_end}', pass_fds=[write_end]))
        check_equal(os.read(read_end, 10), b'x\n')
    os.close(read_end)
    os.close(write_end)


@test
def test_special_files():
    script = 'mkdir -p a/b; ln -s /etc/passwd a/link; mkfifo a/b/fifo; echo x >a/b/file'
    with service() as directory:
        ok(shell(script, '--special-files'))
        check(os.path.islink(directory / 'box' / 'a' / 'link'))
        ok(shell('true'))
        check_equal(sorted(str(p.relative_to(directory / 'box')) for p in (directory / 'box').rglob('*')),
                    ['a', 'a/b', 'a/b/file'])


@test
def test_special_files_out_of_reach():
    """However a program hides them: its verdict is not the sandbox's failure, and no link is left."""
    deep = 'i=0; while [ $i -lt 300 ]; do mkdir d; cd -P d; i=$((i+1)); done; ln -s /etc/passwd link'
    shut = 'mkdir -p /box/shut/below /box/blind; ln -s / /box/shut/below/link; ln -s / /box/blind/link; ' \
           'chmod 500 /box/shut/below; chmod 0 /box/blind /box/shut'
    os.chmod('.', 0o711)
    with daemon() as address, polkit(address, members), serving(address) as service:
        environment = {**os.environ, 'JUDGEBOX_SOCKET': service.path}
        for who in [], ['--as-uid=1', '--as-gid=1']:
            directory = pathlib.Path(isolate(*who, '--init', env=environment).out.strip()) / 'box'
            for script in deep, shut, 'ln -s / last; chmod 0 /box':
                done = run(*who, '--', SH, '-c', script, env=environment)
                check_equal((done.status, done.meta.get('status')), (0, None), repr(done))
                check_equal(subprocess.run(['find', directory, '-type', 'l'], capture_output=True, check=True).stdout, b'')
            ok(run(*who, '--special-files', '--', SH, '-c', 'chmod 0 /tmp /box', env=environment))
            ok(run(*who, '--', SH, '-c', 'echo x >/tmp/x; echo x >/box/x', env=environment))
            ok(isolate(*who, '--cleanup', env=environment))


@test
def test_links_in_rules():
    """What is of the box's directory the program may have put there: a link of its is not followed to a host's file."""
    os.mkdir('precious')
    pathlib.Path('precious/file').write_text('precious')
    here = os.getcwd()
    with service() as directory:
        ok(shell(f'ln -s {here}/precious data; mkdir sub; echo x >sub/x; ln -s {here} sub/above', '--special-files'))
        for outside in './box/data', './box/sub/above/precious':
            done = shell('cat /data/file', '--special-files', '-d', f'/data={outside}')
            check_equal((done.status, done.meta['status'], done.out), (2, 'XX', ''), str(done))
            check(done.err.startswith(f'Cannot mount {outside} on data: '), done.err)
        check_equal(ok(shell('cat /data/x', '--special-files', '-d', '/data=./box/sub')).out, 'x\n')
        # One that is named by its whole path is the judge's own.
        os.symlink('precious', 'link')
        check_equal(ok(shell('cat /data/file', '-d', f'/data={here}/link')).out, 'precious')


@test
def test_as_uid():
    with service():
        check_equal(isolate('--as-uid=1', '--init').status, 2, 'both or none')
        check_equal(isolate('--as-gid=1', '--init').err, '--as-uid and --as-gid must be used either both or none\n')
        done = subprocess.run([ISOLATE, '--as-uid=0', '--as-gid=0', '--init'], user=1, group=1, extra_groups=[],
                              capture_output=True, check=False)
        check_equal((done.returncode, done.stderr), (2, b'You must be root to use --as-uid or --as-gid\n'))


@test
def test_as_uid_of_a_member():
    """Root on behalf of a user: the box is that user's. The meta file is root's."""
    os.chmod('.', 0o711)
    with daemon() as address, polkit(address, members), serving(address) as service:
        environment = {**os.environ, 'JUDGEBOX_SOCKET': service.path}
        who = ['--as-uid=1', '--as-gid=1']
        directory = pathlib.Path(isolate(*who, '--init', env=environment).out.strip())
        check_equal((os.stat(directory / 'box').st_uid, os.stat(directory / 'box').st_gid), (1, 1))
        done = isolate(*who, '-s', '-M', 'meta', '-o', 'out', '--run', '--', '/bin/echo', 'x', env=environment)
        check_equal((done.status, done.meta['exitcode'], os.stat('meta').st_uid), (0, '0', 0), str(done))
        check_equal(os.stat(directory / 'box' / 'out').st_uid, 1)
        done = isolate('--run', '--', '/bin/true', env=environment)
        check(done.err.startswith('Box not found'), 'it is not root\'s')
        check_equal(isolate(*who, '--cleanup', env=environment).status, 0)
        check(not directory.exists())


@test
def test_share_net():
    with service():
        ours = os.readlink('/proc/self/ns/net') + '\n'
        check(ok(run('--', '/usr/bin/readlink', '/proc/self/ns/net')).out != ours)
        check_equal(ok(run('--share-net', '--', '/usr/bin/readlink', '/proc/self/ns/net')).out, ours)


@test
def test_what_is_not_utf8():
    """Any bytes do with isolate 2.6. Here those that the service is told of have to be UTF-8; names of streams and directories
    outside do not."""
    odd = os.fsdecode(b'\xff')
    os.mkdir(odd)
    with service() as directory:
        for arguments in ([f'--dir=/{odd}={os.getcwd()}', '--', '/bin/true'], [f'--dir=/{odd}=tmpfs:fs', '--', '/bin/true'],
                          ['--', '/bin/echo', odd], [f'--env=X={odd}', '--', '/usr/bin/env'], [f'--chdir={odd}', '--', '/bin/true']):
            done = run(*arguments)
            check_equal((done.status, done.meta.get('status')), (2, 'XX'), str(done))
            check('is not valid UTF-8' in done.err, done.err)
        ok(run(f'--dir=/x={os.getcwd()}/{odd}', f'--stdout={odd}', '--', '/bin/echo', 'x'))
        check_equal((directory / 'box' / odd).read_text(), 'x\n')


# ---- as a user without privileges ----

@test
def test_unprivileged():
    """What is the caller's own is the program's; what is another's stays closed to both, and is not written."""
    caller, stranger = 1, 2     # daemon and bin
    who = {'user': caller, 'group': caller, 'extra_groups': []}
    os.chmod('.', 0o711)
    for name, owner, mode in (('own', caller, 0o700), ('read', stranger, 0o755), ('open', stranger, 0o777)):
        os.mkdir(name)
        pathlib.Path(f'{name}/f').write_text(name)
        pathlib.Path(f'{name}/secret').write_text('secret')
        for path, bits in ((name, mode), (f'{name}/f', 0o644), (f'{name}/secret', 0o600)):
            os.chmod(path, bits)
            os.chown(path, owner, owner)
    here = os.getcwd()
    with daemon() as address, polkit(address, members), serving(address) as service:
        environment = {**os.environ, 'JUDGEBOX_SOCKET': service.path}

        def call(*arguments, wanted=0):
            done = isolate(*arguments, env=environment, **who)
            check_equal(done.status, wanted, str(done))
            return done
        directory = pathlib.Path(call('--init').out.strip())
        subprocess.run([SH, '-c', f'echo hello >{directory}/box/in'], check=True, **who)
        script = ('cat in >out; echo x >/tmp/t; cat /own/f /own/secret /read/f; cat /read/secret || echo no;'
                  'echo y >/own/new; echo z >/read/new || echo no')
        done = call('-s', '-p', '-d', f'/own={here}/own:rw', '-d', f'/read={here}/read', '--run', '--', SH, '-c', script)
        check_equal(done.out, 'ownsecretreadno\nno\n')
        for path, text in ((directory / 'box' / 'out', 'hello\n'), (directory / 'tmp' / 'tmp' / 't', 'x\n'),
                           (pathlib.Path('own/new'), 'y\n')):
            check_equal((path.read_text(), os.stat(path).st_uid), (text, caller), str(path))
        done = call('-p', '-d', f'/open={here}/open:rw', '--run', '--', SH, '-c', 'true', wanted=2)
        check('not your own' in done.err, str(done))
        done = call('--share-net', '--run', '--', '/bin/true', wanted=2)
        check('ermission' in done.err or 'olkit' in done.err, str(done))
        check(subprocess.run(['/bin/ls', directory], check=False, capture_output=True, user=stranger, group=stranger,
                             extra_groups=[]).returncode != 0)
        call('--cleanup')
        check(not directory.exists())


@test
def test_box_of_another_user():
    """isolate 2.6 has one box of each number on a host, and refuses another user's. Here there is one for each user: of another's
    nothing is told and nothing done to it, and what is said is what isolate says where there is none."""
    os.chmod('.', 0o711)
    with daemon() as address, polkit(address, members), serving(address) as service:
        environment = {**os.environ, 'JUDGEBOX_SOCKET': service.path}

        def call(user, *arguments, wanted=0, **options):
            done = isolate('-b7', *arguments, env=environment, user=user, group=user, extra_groups=[], **options)
            check_equal(done.status, wanted, str(done))
            return done
        directory = pathlib.Path(call(1, '--init').out.strip())
        before = os.stat(directory / 'box')
        call(1, '--stdout=kept', '--run', '--', '/bin/echo', 'kept')
        os.makedirs('theirs')
        os.chown('theirs', 2, 2)
        done = call(2, '--meta=theirs/meta', '--run', '--', '/bin/true', meta='theirs/meta', wanted=2)
        check_equal((done.err, done.meta), ("Box not found, did you run `isolate --init'?\n",
                                            {'status': 'XX', 'message': "Box not found, did you run `isolate --init'?"}))
        check_equal(call(2, '-v', '--cleanup').err, 'Nothing to do -- box did not exist\n')
        other = pathlib.Path(call(2, '--init').out.strip())
        check(other != directory and os.stat(other).st_uid == 2, str(other))
        check_equal(call(2, '-s', '--run', '--', '/bin/ls').out, '')
        call(2, '--cleanup')
        check_equal((os.stat(directory / 'box').st_ino, os.stat(directory).st_uid), (before.st_ino, 1))
        check_equal(call(1, '-s', '--run', '--', '/bin/cat', 'kept').out, 'kept\n')
        call(1, '--cleanup')


# ---- the lines of judges ----

@test
def test_reference_line():
    with service() as directory:
        compile_c('#include <stdio.h>\nint main(void) { int a, b; scanf("%d %d", &a, &b); printf("%d\\n", a + b);'
                  ' fprintf(stderr, "done\\n"); return 0; }', directory / 'box' / 'a.out')
        pathlib.Path('in').write_text('3 4')
        line = (f'{ISOLATE} --cg -s -b 0 -M meta.txt -t 2.0 -x 0.5 -w 5.0 -k 64000 -p30 --cg-mem=128000 --no-cg-timing -f 1024'
                ' -E HOME=/box -E LANG -d /etc:noexec --run -- ./a.out <in >out 2>err')
        done = subprocess.run(line, shell=True, check=False)
        check_equal((done.returncode, pathlib.Path('out').read_text(), pathlib.Path('err').read_text()), (0, '7\n', 'done\n'))
        meta = read_meta('meta.txt')
        check_equal(meta['exitcode'], '0')
        check(set(meta) <= KEYS | {'exitcode', 'cg-mem'}, str(meta))


@test
def test_cms():
    """cms/grading/Sandbox.py: compiles in /tmp, which is a directory of its own, and runs there."""
    os.chmod('.', 0o755)
    os.makedirs('outer/home')
    os.chmod('outer', 0o777)
    os.chmod('outer/home', 0o777)
    outer = f'{os.getcwd()}/outer'
    with service():
        for arguments in (['--cleanup'], ['--init']):
            check_equal(isolate('--box-id=1001', '--cg', *arguments).status, 0)
        pathlib.Path('outer/home/a.sh').write_text('read x; echo "$x$HOME"; echo w >&2')
        common = ['--cg', '--box-id=1001', '--chdir=/tmp', f'--dir=/tmp={outer}/home:rw', '--dir=/dev/shm:tmp']
        done = isolate(*common, '--dir=/etc=/etc', '--full-env', '--env=HOME=/tmp', '--fsize=1048576', '--stack=65536',
                       '--cg-mem=524288', '--processes=1000', '--time=10', '--wall-time=20', '--extra-time=0.5',
                       f'--meta={outer}/run.meta.0', '--run', '--', '/bin/cp', 'a.sh', 'b.sh', meta=f'{outer}/run.meta.0')
        check_equal((done.status, done.meta['exitcode']), (0, '0'), str(done))
        pathlib.Path('outer/home/input.txt').write_text('in\n')
        done = isolate(*common, '--dir=/etc/alternatives=/etc/alternatives:maybe', '--env=HOME=/tmp', '--stdin=/tmp/input.txt',
                       '--stdout=/tmp/output.txt', '--stderr=/tmp/stderr.txt', '--processes=1000', '--time=2', '--wall-time=5',
                       f'--meta={outer}/run.meta.1', '--run', '--', SH, 'b.sh', meta=f'{outer}/run.meta.1')
        check_equal((done.status, done.meta.get('exitcode')), (0, '0'), str(done))
        check_equal((pathlib.Path('outer/home/output.txt').read_text(), pathlib.Path('outer/home/stderr.txt').read_text()),
                    ('in/tmp\n', 'w\n'))
        check('cg-mem' in done.meta)
        done = isolate('--box-id=1001', '--cg', f'--dir=/tmp={outer}/home:rw', '--run', '--', '/bin/chmod', '777', '-R', '/tmp')
        check(done.status in (0, 1), str(done))
        check_equal(isolate('--box-id=1001', '--cg', '--cleanup').status, 0)


@test
def test_judge0():
    """app/jobs/isolate_job.rb: writes into the directory beside box/, and lets the shell redirect."""
    with service():
        work = pathlib.Path(isolate('--cg', '-b', '2147483640', '--init').out.strip())
        (work / 'box' / 'run.sh').write_text('cat; echo $HOME >&2\n')
        (work / 'stdin').write_text('question')
        for timing in ('--cg-timing', '--no-cg-timing'):
            line = (f'{ISOLATE} --cg -s -b 2147483640 -M {work}/metadata.txt -t 5 -x 1 -w 10 -k 64000 -p60 {timing}'
                    f' --cg-mem=128000 -f 1024 -E HOME=/tmp -E PATH="/usr/local/bin:/usr/bin:/bin" -E LANG -E LANGUAGE -E LC_ALL'
                    f' -d /etc:noexec --run -- /bin/bash run.sh < {work}/stdin > {work}/stdout 2> {work}/stderr')
            done = subprocess.run(line, shell=True, check=False)
            check_equal((done.returncode, (work / 'stdout').read_text(), (work / 'stderr').read_text()),
                        (0, 'question', '/tmp\n'))
            check('exitcode:0' in (work / 'metadata.txt').read_text())
        check_equal(isolate('--cg', '-b', '2147483640', '--cleanup').status, 0)
        check(not work.exists())


@test
def test_piston():
    """api/src/job.js: -bN, a package's directory, and a rename between two boxes; ended by SIGABRT where the output is too
    long, whereupon the meta file is read."""
    with service(), tempfile.TemporaryDirectory(dir='/var/tmp') as package:
        os.chmod(package, 0o755)
        pathlib.Path(f'{package}/run').write_text('cat code\n')
        boxes = [pathlib.Path(isolate('--init', '--cg', f'-b{n}').out.strip()) for n in (11, 12)]
        os.mkdir(boxes[0] / 'box' / 'submission')
        (boxes[0] / 'box' / 'submission' / 'code').write_text('1 + 1')
        os.rename(boxes[0] / 'box' / 'submission', boxes[1] / 'box' / 'submission')
        done = isolate('--run', '-b12', '--meta=meta', '--cg', '-s', '-c', '/box/submission', '-E', 'HOME=/tmp',
                       f'--dir={package}', '--dir=/etc:noexec', '--processes=64', '--open-files=2048', '--fsize=10000',
                       '--wall-time=3', '--time=3', '--extra-time=0', '--cg-mem=200000', '--', '/bin/bash', f'{package}/run')
        check_equal((done.status, done.out), (0, '1 + 1'), str(done))
        process = subprocess.Popen([ISOLATE, '--run', '-b12', '--meta=meta', '--cg', '-s', '--processes=64', '--', '/bin/bash',
                                    '-c', 'while :; do echo y; done'], stdout=subprocess.PIPE)
        process.stdout.read(100000)
        process.send_signal(signal.SIGABRT)
        process.stdout.close()
        check_equal(process.wait(TIMEOUT), 2)
        meta = read_meta()
        check_equal(set(meta), KEYS | {'cg-mem', 'killed', 'status', 'message'})
        check_equal((meta['status'], meta['message'], meta['killed']), ('XX', 'Sandbox keeper received fatal signal 6', '1'))
        for n in (11, 12):
            check_equal(isolate('--cleanup', '--cg', f'-b{n}').status, 0)


if __name__ == '__main__':
    main()
