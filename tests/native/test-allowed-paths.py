#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a run may do with paths when it has rules for them: each access is had where a rule gives it, is not where none does,
and is had anyway where there are no rules at all."""

import ctypes
import json
import os
import pathlib
import struct
import subprocess
import tempfile

from bus import Variant, bus_refused, on_bus
from harness import (PRIVATE, check, check_equal, compile_c, expect, judgectl, landlock_abi, main, run, shell, skip,
                     test, verdict)
from restart import managed
from service import listening, private, refused

# Does what its arguments say, one after the other, and prints for each the errno, or 0.
ACT = r'''
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int opened(int fd) {
        if (fd >= 0)
                (void) close(fd);
        return fd;
}

static int execute(const char *path) {
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                execl(path, path, NULL);
                _exit(errno);
        }
        if (waitpid(pid, &status, 0) < 0)
                return -1;
        errno = WEXITSTATUS(status);
        return errno == 0 ? 0 : -1;
}

static int act(const char *what, const char *path) {
        char *other, buf[4096];
        struct stat st;

        other = strchr(path, '>');
        if (other)
                *other++ = '\0';

        if (strcmp(what, "read") == 0)
                return opened(open(path, O_RDONLY));
        if (strcmp(what, "write") == 0)
                return opened(open(path, O_WRONLY));
        if (strcmp(what, "make") == 0)
                return opened(open(path, O_WRONLY | O_CREAT | O_EXCL, 0755));
        if (strcmp(what, "mkdir") == 0)
                return mkdir(path, 0755);
        if (strcmp(what, "symlink") == 0)
                return symlink(other, path);
        if (strcmp(what, "remove") == 0)
                return remove(path);
        if (strcmp(what, "rename") == 0)
                return rename(path, other);
        if (strcmp(what, "link") == 0)
                return link(path, other);
        if (strcmp(what, "truncate") == 0)
                return truncate(path, 0);
        if (strcmp(what, "empty") == 0)
                return opened(open(path, O_WRONLY | O_TRUNC));
        if (strcmp(what, "empty-reading") == 0)
                return opened(open(path, O_RDONLY | O_TRUNC));
        if (strcmp(what, "empty-ioctl") == 0)
                return opened(open(path, O_ACCMODE | O_TRUNC));
        if (strcmp(what, "list") == 0)
                return opened(open(path, O_RDONLY | O_DIRECTORY));
        if (strcmp(what, "execute") == 0)
                return execute(path);
        if (strcmp(what, "stat") == 0)
                return stat(path, &st);
        if (strcmp(what, "readlink") == 0)
                return (int) readlink(path, buf, sizeof(buf));
        if (strcmp(what, "chdir") == 0)
                return chdir(path);
        if (strcmp(what, "path") == 0)
                return opened(open(path, O_PATH));
        if (strcmp(what, "queue") == 0)
                return opened(mq_open(path, O_CREAT | O_RDWR, 0600, NULL));
        errno = EINVAL;
        return -1;
}

int main(int argc, char *argv[]) {
        for (int i = 1; i + 1 < argc; i += 2) {
                errno = 0;
                printf("%s\n", act(argv[i], argv[i + 1]) < 0 ? strerrorname_np(errno) : "0");
                fflush(stdout);
        }
        return 0;
}
'''

_directory = tempfile.TemporaryDirectory(prefix='judgebox-allowed-paths-')


def need_landlock(version=2):
    if landlock_abi() < version:
        skip(f'no Landlock {version} here')


def compiled(name, source):
    path = os.path.join(_directory.name, name)
    return path if os.path.exists(path) else compile_c(source, path)


def act(rules, *steps, options=(), files=('file',), **more):
    """What each step comes to with these rules. The files are programs that end well."""
    program = compiled('act', ACT)
    true = compiled('true', 'int main(void) { return 0; }')
    done = run(*(f'--in={true}:{name}' for name in files), *(f'--allow-path={rule}' for rule in rules), *options,
               f'--exec-file={program}', '--', 'act', *(word for step in steps for word in step.split(' ', 1)), **more)
    expect(done, 'ok')
    return dict(zip(steps, done.out.decode().split()))


def both(rules, with_rules, without=(), **more):
    """These steps come to this with the rules, and each works without any. `without` are the steps in another order, or
    others, where one takes away what the next needs."""
    need_landlock()
    free = act([], *(without or with_rules), **more)
    check_equal(set(free.values()), {'0'}, f'without rules: {free}')
    check_equal(act(rules, *with_rules, **more), with_rules)


# ---- the four accesses ----

@test
def test_nothing_but_stat():
    """Without a rule that gives more, of what there is a name can be looked at and no more."""
    both(['/:stat'], {'stat /box/file': '0', 'stat /etc/passwd': '0', 'chdir /usr': '0', 'readlink /proc/self': '0',
                      'path /box/file': '0', 'read /box/file': 'EACCES', 'read /etc/passwd': 'EACCES', 'read /dev/null': 'EACCES',
                      'write /dev/null': 'EACCES', 'list /': 'EACCES', 'list /box': 'EACCES', 'list /proc/self': 'EACCES',
                      'write /box/file': 'EACCES', 'make /box/new': 'EACCES', 'mkdir /box/dir': 'EACCES',
                      'make /tmp/new': 'EACCES', 'symlink /box/link>x': 'EACCES', 'execute /usr/bin/true': 'EACCES',
                      'execute /box/file': 'EACCES', 'rename /box/file>/box/other': 'EACCES'},
         without=['stat /box/file', 'stat /etc/passwd', 'chdir /usr', 'path /box/file', 'read /box/file',
                  'read /etc/passwd', 'read /dev/null', 'write /dev/null', 'list /', 'list /box', 'list /proc/self',
                  'write /box/file', 'make /box/new', 'mkdir /box/dir', 'make /tmp/new', 'symlink /box/link>x',
                  'readlink /box/link', 'execute /usr/bin/true', 'execute /box/file', 'rename /box/file>/box/other'])


@test
def test_only_read():
    both(['/box:read'], {'read /box/file': '0', 'list /box': '0', 'stat /box/file': '0', 'write /box/file': 'EACCES',
                         'execute /box/file': 'EACCES', 'make /box/new': 'EACCES', 'read /etc/passwd': 'EACCES',
                         'list /etc': 'EACCES', 'remove /box/file': 'EACCES'})


@test
def test_only_write():
    both(['/box:write'], {'make /box/new': '0', 'mkdir /box/dir': '0', 'write /box/file': '0', 'rename /box/new>/box/dir/new': '0',
                          'link /box/file>/box/dir/file': '0', 'remove /box/dir/file': '0', 'read /box/file': 'EACCES',
                          'list /box': 'EACCES', 'execute /box/file': 'EACCES', 'make /tmp/new': 'EACCES'},
         without=['make /box/new', 'mkdir /box/dir', 'rename /box/new>/box/dir/new', 'link /box/file>/box/dir/file',
                  'remove /box/dir/file', 'read /box/file', 'list /box', 'execute /box/file', 'make /tmp/new'])


@test
def test_truncate_readable():
    both(['/box:read'], {'truncate file': 'EACCES', 'empty file': 'EACCES', 'empty-reading file': 'EACCES',
                         'empty-ioctl file': 'EACCES', 'stat file': '0'})


@test
def test_truncate_writable():
    # An earlier version knows no truncation, and what stands in for it cannot tell names apart.
    both(['/box:write'], {'empty file': '0', 'truncate file': '0' if landlock_abi() >= 3 else 'EACCES'})


@test
def test_only_execute():
    both(['/box/bin:execute', '/box/lib:read'],
         {'execute /box/bin/a': '0', 'read /box/bin/a': '0', 'list /box/bin': 'EACCES', 'write /box/bin/a': 'EACCES',
          'execute /box/lib/a': 'EACCES', 'read /box/lib/a': '0', 'execute /usr/bin/true': 'EACCES'},
         without=['execute /box/bin/a', 'list /box/bin', 'execute /box/lib/a', 'execute /usr/bin/true', 'write /box/bin/a'],
         files=['bin/a', 'lib/a'])


@test
def test_rules_add_up():
    need_landlock()
    check_equal(act(['/:read', '/box:write', 'bin:execute'], 'read /etc/passwd', 'write /etc/passwd', 'read /box/bin/a',
                    'make /box/new', 'execute /box/bin/a', 'execute /usr/bin/true', files=['bin/a']),
                {'read /etc/passwd': '0', 'write /etc/passwd': 'EACCES', 'read /box/bin/a': '0', 'make /box/new': '0',
                 'execute /box/bin/a': '0', 'execute /usr/bin/true': 'EACCES'})


@test
def test_file_alone():
    """A rule for a file is for no other, and not for the directory that it is in."""
    both(['a:read,write'], {'read a': '0', 'write a': '0', 'read b': 'EACCES', 'list .': 'EACCES', 'rename a>c': 'EACCES',
                            'remove b': 'EACCES'}, files=['a', 'b'])


@test
def test_moved_to_more():
    """Nothing comes by a move to where more may be done with it."""
    both(['/box/in:write', '/box/out:write,read,execute'],
         {'rename /box/in/a>/box/out/a': 'EXDEV', 'link /box/in/a>/box/out/b': 'EXDEV', 'rename /box/out/c>/box/in/c': '0'},
         without=['link /box/in/a>/box/out/b', 'rename /box/in/a>/box/out/a', 'rename /box/out/c>/box/in/c'],
         files=['in/a', 'out/c'])


# ---- what a rule is about ----

@test
def test_links_of_the_box():
    """Those that no program could have made are followed."""
    need_landlock()
    if not os.path.islink('/bin'):
        skip('/bin is no link here')
    check_equal(act(['/bin:execute', '/lib:execute', '/lib64:execute,optional'], 'execute /usr/bin/true', 'read /etc/passwd'),
                {'execute /usr/bin/true': '0', 'read /etc/passwd': 'EACCES'})


@test
def test_links_of_programs():
    """A run before this one may have put them there, to be allowed more than was meant."""
    need_landlock()
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b'})
        s.client.run('sh', '-c', 'echo x >/box/secret; ln -s secret file; mkdir d; ln -s / root; ln -s /box/d /tmp/d', box='b')
        for path in ('/box/file', 'file', '/box/root/etc', '/box/./root//usr/bin'):
            result = s.client.run('true', box='b', allowedPaths=[{'path': '/usr', 'execute': True},
                                                                 {'path': path, 'read': True}])
            check_equal((result['verdict'], result['step'], result['error'], result['path']),
                        ('exec-failed', 'allowed-path', 'ELOOP', path), str(result))
        # What is optional is there, too.
        result = s.client.run('true', box='b', allowedPaths=[{'path': 'file', 'read': True, 'optional': True}])
        check_equal(result.get('error'), 'ELOOP')


@test
def test_nothing_there():
    need_landlock()
    done = shell(':', '--allow-path=/usr:execute', '--allow-path=/box/nothing:read')
    expect(done, 'exec-failed', step='allowed-path', error='ENOENT', path='/box/nothing')
    check('/box/nothing' in done.result['message'], done.result['message'])
    done = shell(':', '--allow-path=/usr:execute', '--allow-path=/etc/passwd/x:read,optional')
    expect(done, 'exec-failed', step='allowed-path', error='ENOTDIR')
    expect(shell(':', '--allow-path=/usr:execute', '--allow-path=nothing:read,optional'), 'ok')


@test
def test_not_the_name():
    """The rule is about what was there: what comes to its name later is something else."""
    both(['/box:write', '/box/a:read'], {'rename /box/a>/box/c': '0', 'rename /box/b>/box/a': '0', 'read /box/a': 'EACCES',
                                         'read /box/c': '0'}, files=['a', 'b'])


# ---- what the program begins with ----

@test
def test_program_itself():
    """The program is none that a rule lets in, and so are its interpreter and its dynamic linker."""
    need_landlock()
    expect(run('--allow-path=/box:read,write', '--', '/usr/bin/true'), 'exec-failed', step='exec', error='EACCES')
    expect(run('--allow-path=/usr:read', '--', 'true'), 'exec-failed', step='exec', error='EACCES')
    expect(run('--allow-path=/usr:execute', '--', 'true'), 'ok')

    with open('script', 'w', encoding='utf-8') as f:
        f.write('#!/bin/sh\nexit 0\n')
    os.chmod('script', 0o755)
    expect(run('--in=script', '--allow-path=/box:execute', '--', './script'), 'exec-failed', step='exec', error='EACCES')
    expect(run('--in=script', '--allow-path=/box:execute', '--allow-path=/usr:execute', '--', './script'), 'ok')
    # The shell reads it.
    expect(run('--in=script', '--allow-path=/usr:execute', '--', 'sh', 'script'), 'runtime-error')

    subprocess.run(['gcc', '-o', 'dynamic', '-x', 'c', '-'], input=b'int main(void) { return 0; }', check=True)
    expect(run('--in=dynamic', '--allow-path=/box:execute', '--', './dynamic'), 'exec-failed', step='exec', error='EACCES')
    expect(run('--in=dynamic', '--allow-path=/box:execute', '--allow-path=/usr:execute', '--', './dynamic'), 'ok')


@test
def test_handed_streams():
    """What the program was handed, it has, by name as well; but it cannot be executed, nor is it more than it was."""
    need_landlock()
    pathlib.Path('input').write_text('42\n')
    done = run('-i', 'input', '--allow-path=/usr:execute', '--', '/bin/sh', '-c',
               'cat /dev/stdin; cat /proc/self/fd/0; echo x >/proc/self/fd/0 || echo closed')
    expect(done, 'ok')
    check_equal(done.out, b'42\n42\nclosed\n')

    with private() as s, open('/usr/bin/true', 'rb') as true:
        for stream, wanted in (('/dev/stdout', 'ok'), ('/box/out', 'ok'), ('/box/other', 'runtime-error')):
            result = s.client.run('/bin/sh', '-c', f'echo 42 >{stream}', stdout={'path': 'out'},
                                  allowedPaths=[{'path': '/usr', 'execute': True}])
            check_equal(result['verdict'], wanted, stream)
        extra = [{'fileDescriptor': 0, 'target': 5}]
        for rules, wanted in (([], 'ok'), ([{'path': '/usr/lib', 'execute': True}, {'path': '/bin/sh', 'execute': True}],
                                           'runtime-error')):
            result = s.client.run('/bin/sh', '-c', '/proc/self/fd/5', extraFileDescriptors=extra, fds=[true.fileno()],
                                  allowedPaths=rules)
            check_equal(result['verdict'], wanted, str(result))


@test
def test_message_queue():
    """They have names and no paths."""
    need_landlock()
    check_equal(act(['/:stat'], 'queue /q'), {'queue /q': '0'})


# ---- where rules come from ----

@test
def test_box_and_run():
    """The box's are its runs', unless a run has its own."""
    need_landlock()
    rules = [{'path': '/usr', 'execute': True}]
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b', 'settings': {'allowedPaths': rules}})
        status = s.client.call('GetBox', {'box': 'b'})['status']
        check_equal(status['allowedPaths'], [{'path': '/usr', 'read': False, 'write': False, 'execute': True,
                                              'optional': False}])
        read = ['cat', '/etc/passwd']
        check_equal(s.client.run(*read, box='b')['verdict'], 'runtime-error')
        check_equal(s.client.run(*read, box='b', allowedPaths=[*rules, {'path': '/etc', 'read': True}])['verdict'], 'ok')
        check_equal(s.client.run(*read, box='b', allowedPaths=[])['verdict'], 'runtime-error')
        check_equal(s.client.run(*read, settings={'allowedPaths': rules})['verdict'], 'runtime-error')
        check_equal(s.client.run(*read)['verdict'], 'ok')

        member = {'name': 'a', 'arguments': read}
        for more, wanted in (({}, 'ok'), ({'box': 'b'}, 'runtime-error'), ({'allowedPaths': rules}, 'runtime-error')):
            results = s.client.call('RunGroup', {'members': [{**member, **more}]})['results']
            check_equal(results[0]['result']['verdict'], wanted, str(more))


@test
def test_after_a_restart():
    need_landlock()
    with managed() as m:
        rules = [{'path': '/usr', 'execute': True}, {'path': '/etc', 'read': True, 'optional': True}]
        m.connect().call('CreateBox', {'box': 'b', 'settings': {'allowedPaths': rules}})
        m.restart()
        c = m.connect()
        check_equal([rule['path'] for rule in c.call('GetBox', {'box': 'b'})['status']['allowedPaths']], ['/usr', '/etc'])
        check_equal(c.run('cat', '/etc/passwd', box='b')['verdict'], 'ok')
        check_equal(c.run('ls', '/box', box='b')['verdict'], 'runtime-error')


@test
def test_over_dbus():
    need_landlock()
    usr = {'path': Variant('s', '/usr'), 'execute': Variant('b', True)}
    etc = {'path': Variant('s', '/etc'), 'read': Variant('b', True)}
    nothing = {'path': Variant('s', '/nothing')}
    with on_bus() as s:
        for rules, wanted in (([usr], 'runtime-error'), ([usr, etc], 'ok'), ([usr, nothing], 'exec-failed')):
            result, _ = s.bus.manager('Run', 'asa{sv}', ['cat', '/etc/passwd'], {'allowedPaths': Variant('aa{sv}', rules)})
            check_equal(result['verdict'], wanted, str(result))
        check_equal(result['path'], '/nothing')
        error = bus_refused('LimitOutOfRange', s.bus.manager, 'Run', 'asa{sv}', ['true'],
                            {'allowedPaths': Variant('aa{sv}', [usr, {'path': Variant('s', '/usr/lib')}])})
        check(error.message.startswith('allowedPaths[1]'), error.message)


@test
def test_create_and_status():
    need_landlock()
    with listening() as s:
        socket = f'--socket={s.path}'
        check_equal(judgectl(socket, 'create', '--allow-path=/usr:execute,read', '--allow-path=x:stat,optional', 'b').status, 0)
        done = judgectl(socket, 'status', 'b')
        check('/usr (stat,read,execute)' in done.stdout and 'x (stat,optional)' in done.stdout, done.stdout)
        done = judgectl(socket, 'run', '-q', '--box=b', '--', 'cat', '/etc/passwd')
        check_equal(done.status, 1, str(done))


@test
def test_judge_tests():
    """For the tests; compiling goes on as ever."""
    need_landlock()
    os.mkdir('tests')
    pathlib.Path('tests/1.in').write_text('42\n')
    pathlib.Path('tests/1.ans').write_text('42\n')
    pathlib.Path('echo.c').write_text('#include <stdio.h>\nint main(void) { int n; FILE *f = fopen("/etc/passwd", "r");\n'
                                      'if (scanf("%d", &n) == 1 && !f) printf("%d\\n", n); return 0; }\n')
    for options, wanted in ((['--allow-path=/box:execute', '--allow-path=/usr:execute'], 'ok'), ([], 'wrong-answer')):
        done = judgectl(*PRIVATE, '--json=short', 'judge', *options, 'echo.c', 'tests')
        check_equal(json.loads(done.stdout)['verdict'], wanted, str(done))


# ---- what is refused ----

@test
def test_refused():
    need_landlock()
    with private() as s:
        request = {'arguments': ['true']}
        bad = [{'path': '/usr', 'execute': True}, {'path': '/usr/../etc', 'read': True}]
        refused('InvalidParameter', s.client, 'Run', {**request, 'allowedPaths': bad}, parameter='allowedPaths[1].path')
        refused('InvalidParameter', s.client, 'Run', {**request, 'allowedPaths': [{'path': '/'}] * 33}, parameter='allowedPaths')
        refused('InvalidParameter', s.client, 'CreateBox', {'settings': {'allowedPaths': bad}},
                parameter='settings.allowedPaths[1].path')
        nested = [{'path': '/usr', 'execute': True}, {'path': '/usr/lib'}]
        refused('LimitOutOfRange', s.client, 'Run', {**request, 'allowedPaths': nested}, field='allowedPaths[1]')
        refused('LimitOutOfRange', s.client, 'RunGroup', {'members': [{'name': 'a', **request, 'allowedPaths': nested}]},
                field='members[0].allowedPaths[1]')
        # As many as there can be.
        check_equal(s.client.run('true', allowedPaths=[{'path': '/usr', 'execute': True}] * 32)['verdict'], 'ok')
    done = judgectl(*PRIVATE, 'run', '--allow-path=/usr:execute', '--allow-path=/usr/lib:stat', '--', 'true')
    check_equal(done.status, 2)
    check('--allow-path=' in done.stderr and '/usr/lib lies below /usr' in done.stderr, done.stderr)


def without_landlock():
    """From now on this process has a kernel that knows no such system call."""
    libc = ctypes.CDLL(None, use_errno=True)
    # Loads the number; landlock_create_ruleset (444): ENOSYS; else it is allowed.
    code = [(0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x00050000 | 38), (0x06, 0, 0, 0x7fff0000)]
    program = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *c) for c in code))
    header = struct.pack('HxxxxxxQ', len(code), ctypes.addressof(program))
    check_equal(libc.prctl(38, 1, 0, 0, 0), 0, 'PR_SET_NO_NEW_PRIVS')
    check_equal(libc.prctl(22, 2, header, 0, 0), 0, 'PR_SET_SECCOMP')


@test
def test_without_landlock():
    """Refused, and never passed over."""
    for more in ([], ['--profile=none']):
        done = run('--allow-path=/usr:execute', *more, '--', 'true', preexec_fn=without_landlock)
        check_equal((done.status, done.result), (2, None), str(done))
        check('allowedPaths' in done.stderr and 'landlock' in done.stderr, done.stderr)
        # The rest works there.
        check_equal(verdict(run(*more, '--', 'true', preexec_fn=without_landlock)), 'ok')


if __name__ == '__main__':
    main()
