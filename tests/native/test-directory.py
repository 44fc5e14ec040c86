#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boxes whose working directory is one of the host's: the caller's own, or one that is made for the box."""

import contextlib
import os
import pathlib
import stat
import subprocess

from bus import BOX, NAME, BusError, Variant, daemon, serving
from harness import check, check_equal, compile_c, expect, judgectl, main, run, shell, skip, test, verdict, wait_until
from polkit import ALLOW, polkit
from service import listening, private, refused

ALICE, BOB = 1, 2      # daemon and bin: the bus wants users that there are


def owner(path):
    st = os.lstat(path)
    return st.st_uid, st.st_gid


def can_idmap():
    """Whether the file system of the scratch directory can map owners is known from trying."""
    os.makedirs('probe', exist_ok=True)
    done = run('--directory=probe', 'true')
    if done.result is None and 'cannot map' in done.stderr:
        skip('the file system here cannot map owners')


@test
def test_owners():
    can_idmap()
    os.mkdir('d', 0o700)
    pathlib.Path('d/old').write_text('from the host\n')
    os.chmod('d/old', 0o600)
    done = expect(shell('cat old; pwd; echo new >new; mkdir sub; echo x >sub/f; stat -c %u:%g . old new', '--directory=d'), 'ok')
    check_equal(done.out.decode().split('\n')[:-1], ['from the host', '/box', '1000:1000', '1000:1000', '1000:1000'])
    check_equal(pathlib.Path('d/new').read_text(), 'new\n')
    for name in ('d', 'd/old', 'd/new', 'd/sub', 'd/sub/f'):
        check_equal(owner(name), (os.getuid(), os.getgid()), name)


@test
def test_group_of_others():
    """What is the caller's own can be changed whatever its group; to the program the group is nobody's."""
    can_idmap()
    for path in 'd', 'd/old':
        os.mkdir(path) if path == 'd' else pathlib.Path(path).write_text('old\n')
        os.chmod(path, 0o770)
        os.chown(path, -1, 4711)
    os.mkdir('d/theirs')
    os.chmod('d/theirs', 0o070)
    os.chown('d/theirs', BOB, 4711)
    done = expect(shell('echo x >new && echo new >>old && cat old; stat -c %g old new; ls theirs 2>/dev/null || echo no',
                        '--directory=d'), 'ok')
    check_equal(done.out, b'old\nnew\n65534\n1000\nno\n')
    check_equal((owner('d/old'), owner('d/new')), ((os.getuid(), 4711), (os.getuid(), os.getgid())))


@test
def test_others_stay_others():
    """What is not the caller's own the program can neither change nor make."""
    can_idmap()
    os.mkdir('d')
    for name, mode in (('open', 0o644), ('writable', 0o666), ('secret', 0o600)):
        pathlib.Path(f'd/{name}').write_text(name)
        os.chmod(f'd/{name}', mode)
        os.chown(f'd/{name}', BOB, BOB)
    script = 'cat open; cat secret || echo no; echo x >writable || echo no; rm -f open || echo no; stat -c %u open'
    done = shell(script, '--directory=d')
    check_equal(done.out, b'openno\nno\nno\n65534\n', str(done))
    check_equal(pathlib.Path('d/writable').read_text(), 'writable', 'written as nobody')


@test
def test_set_id():
    """No file of the tenant's is left outside that whoever finds it could run as the tenant; by no call there is."""
    can_idmap()
    os.mkdir('d')
    compile_c(r"""
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <stdio.h>
        #include <sys/stat.h>
        #include <sys/syscall.h>
        #include <unistd.h>

        static void look(const char *what, long r) {
            printf("%s %s\\n", what, r >= 0 ? "done" : errno == EPERM ? "EPERM" : errno == ENOSYS ? "ENOSYS" : "?");
        }

        int main(void) {
            unsigned long how[3] = { O_CREAT | O_WRONLY, 04755, 0 };
            int fd = open("f", O_CREAT | O_RDWR, 0755);

            look("plain", chmod("f", 0711));
            look("chmod", chmod("f", 04755));
            look("fchmod", fchmod(fd, 02755));
            look("fchmodat", fchmodat(AT_FDCWD, "f", 06755, 0));
            look("fchmodat2", syscall(452, AT_FDCWD, "f", 04755, 0));
            look("open", open("g", O_CREAT | O_RDWR, 04755));
            look("openat", syscall(SYS_openat, AT_FDCWD, "g", O_CREAT | O_RDWR, 02755));
            look("tmpfile", open(".", O_TMPFILE | O_RDWR, 04755));
            look("mknod", mknod("g", S_IFREG | 04755, 0));
            look("openat2", syscall(437, AT_FDCWD, "g", how, sizeof(how)));
            look("io_uring", syscall(425, 8, how));
            look("unused", syscall(SYS_openat, AT_FDCWD, "f", O_RDONLY, 04755));
            return 0;
        }""".replace('\\\\', '\\'), 'd/tries')
    os.chmod('d/tries', 0o755)
    done = run('--directory=d', '--', './tries')
    found = dict(line.split() for line in done.out.decode().splitlines())
    check_equal({k: v for k, v in found.items() if v == 'done'}, {'plain': 'done', 'unused': 'done'}, str(done))
    check_equal(len(found), 12)
    for name in os.listdir('d'):
        check_equal(os.lstat(f'd/{name}').st_mode & 0o6000, 0, name)


@test
def test_files():
    """put, get, ls and rm work in it, by the program's rights, and a reset leaves it."""
    can_idmap()
    with listening() as s:
        ctl = [f'--socket={s.path}']
        os.mkdir('d')
        pathlib.Path('d/mine').write_text('mine')
        pathlib.Path('f').write_text('put')
        check_equal(judgectl(*ctl, 'create', 'b', '--directory=d').status, 0)
        done = judgectl(*ctl, 'put', 'b', 'f')
        check_equal(done.status, 0, str(done))
        check_equal(pathlib.Path('d/f').read_text(), 'put')
        check_equal(owner('d/f'), (os.getuid(), os.getgid()))
        done = judgectl(*ctl, '--json=short', 'run', '--box=b', '--stdout=out', '--', 'cat', 'f', 'mine')
        check_equal((verdict(done), pathlib.Path('out').read_text()), ('ok', 'putmine'))
        check_equal(judgectl(*ctl, 'rm', 'b', 'f').status, 0)
        check(not os.path.exists('d/f'))
        check_equal(judgectl(*ctl, 'reset', 'b').status, 0)
        check_equal(judgectl(*ctl, 'destroy', 'b').status, 0)
        check_equal(pathlib.Path('d/mine').read_text(), 'mine')


@test
def test_judgectl_with_trees_of_odd_names():
    odd, bad = os.fsencode('ö\n"x'), b'n\xff\\'
    with listening() as s:
        ctl = [f'--socket={s.path}']
        os.makedirs(b't\xfe/' + odd)
        os.mkdir('host')
        os.mkdir('back')
        for directory in b't\xfe', b't\xfe/' + odd:
            for name in odd + b'f', bad:
                pathlib.Path(os.fsdecode(directory + b'/' + name)).write_bytes(directory + name)

        for box, *options in ('host', '--directory=host'), ('memory',):
            check_equal(judgectl(*ctl, 'create', box, *options).status, 0)
            done = judgectl(*ctl, 'put', '-r', box, b't\xfe')
            check_equal((done.status, done.stderr), (0, ''))
            # A link, and a FIFO that nobody writes to, are passed over.
            run_in = [*ctl, '--json=short', 'run', f'--box={box}']
            done = judgectl(*run_in, '--', 'sh', '-c', 'cd t* && mkfifo fifo && ln -s /etc/passwd link')
            check_equal(verdict(done), 'ok')
            done = judgectl(*ctl, 'get', '-r', box, b't\xfe', 'back/')
            check_equal(done.status, 0, str(done))
            check(not subprocess.run(['diff', '-r', b't\xfe', b'back/t\xfe'], capture_output=True).stdout)
            subprocess.run(['rm', '-r', b'back/t\xfe'], check=True)

            pathlib.Path('in').write_text('in')
            done = judgectl(*run_in, b'--in=in:i\xff', b'--out=i\xff:got', '--', 'true')
            check_equal((verdict(done), pathlib.Path('got').read_text()), ('ok', 'in'))
            listing = judgectl(*ctl, 'ls', box, b't\xfe')
            check('n\\xff' in listing.stdout, listing.stdout)
            done = judgectl(*ctl, 'rm', box, b'nope\xff')
            check('"nope\\xff"' in done.stderr, str(done))
            done = judgectl(*ctl, 'rm', '-r', box, b't\xfe', b'i\xff')
            check_equal((done.status, done.stderr), (0, ''))
            check_equal(judgectl(*ctl, 'ls', box).stdout, '')
            check_equal(judgectl(*ctl, 'destroy', box).status, 0)
        check_equal(os.listdir('host'), [])


@test
def test_stream_into_a_bind():
    """A stream can be a file in what is bound writable, and in nothing else that is bound."""
    can_idmap()
    os.mkdir('d')
    os.mkdir('w')
    os.chmod('w', 0o777)
    os.chmod('.', 0o755)
    with private() as s:
        fds = [os.open(name, os.O_RDONLY) for name in ('d', 'w')]
        binds = [{'sourceFileDescriptor': 1, 'path': '/w', 'writable': True},
                 {'sourceFileDescriptor': 1, 'path': '/r'}]
        for path, wanted in (('/w/out', 'ok'), ('/r/out', 'exec-failed'), ('out', 'ok')):
            bind = [b for b in binds if path.startswith(b['path'])]
            result = s.client.run('/bin/echo', 'x', stdout={'path': path}, fds=fds,
                                  settings={'directoryFileDescriptor': 0, 'binds': bind} if bind else
                                  {'directoryFileDescriptor': 0})
            check_equal(result['verdict'], wanted, path)
        for fd in fds:
            os.close(fd)
    check_equal((pathlib.Path('w/out').read_text(), pathlib.Path('d/out').read_text()), ('x\n', 'x\n'))


@test
def test_bad_directory():
    pathlib.Path('file').write_text('')
    os.mkdir('d')
    os.mkdir('other')
    os.chown('other', BOB, BOB)
    with private() as s:
        def attempt(path, **more):
            fd = os.open(path, os.O_RDONLY)
            refused('InvalidParameter', s.client, 'CreateBox', {'settings': {'directoryFileDescriptor': 0, **more}}, [fd],
                    parameter='settings.directoryFileDescriptor')
            os.close(fd)
        attempt('file')
        attempt('other')
        attempt('d', hostDirectory=True)
        attempt('/proc')        # its owners cannot be mapped
        refused('InvalidParameter', s.client, 'CreateBox', {'settings': {'directoryFileDescriptor': 0}},
                parameter='settings.directoryFileDescriptor')
        refused('InvalidParameter', s.client, 'CreateBox', {'settings': {'hostDirectory': True}},
                parameter='settings.hostDirectory')
        check(wait_until(lambda: s.children() == []), 'no process left')


# ---- made by the service ----

def trash():
    return os.listdir('state/boxes/.trash')


@test
def test_made_for_the_box():
    with listening() as s:
        reply = s.client.call('CreateBox', {'box': '7', 'settings': {'hostDirectory': True}})
        path = pathlib.Path(reply['directory'])
        check_equal(path, pathlib.Path('state/boxes').absolute() / str(os.getuid()) / '7')
        check_equal(s.client.call('GetBox', {'box': '7'})['status']['directory'], str(path))
        for directory in (path, path / 'box'):
            check_equal((stat.S_IMODE(os.stat(directory).st_mode), owner(directory)), (0o700, (os.getuid(), os.getgid())))
        (path / 'box' / 'in').write_text('in')
        check_equal(s.client.run('/bin/sh', '-c', 'cat in >out; mkdir -p a/b/c; chmod 1777 a; ln -s /etc/passwd l', box='7')
                    ['verdict'], 'ok')
        check_equal((path / 'box' / 'out').read_text(), 'in')

        other = pathlib.Path(s.client.call('CreateBox', {'box': '8', 'settings': {'hostDirectory': True}})['directory'])
        os.rename(path / 'box' / 'a', other / 'box' / 'a')
        check_equal(s.client.capture('/bin/ls', box='8'), b'a\n')

        s.client.call('DestroyBox', {'box': '7'})
        check(not path.exists(), 'the directory is left')
        check((other / 'box' / 'a').exists(), "another box's directory went with it")
        check(wait_until(lambda: trash() == []), f'left in the trash: {trash()}')
        check('directory' not in s.client.call('CreateBox', {'box': '7'}), 'the next box of the name has one')
    check(wait_until(lambda: trash() == []), f'left in the trash: {trash()}')
    check_equal(os.listdir(f'state/boxes/{os.getuid()}'), [])


@test
def test_strays_are_removed():
    """What an earlier daemon left, whatever it is."""
    os.makedirs('state/boxes/12345/old/box/a/b')
    os.makedirs('state/boxes/.trash/half/gone')
    os.symlink('/etc', 'state/boxes/12345/link')
    pathlib.Path('state/boxes/12345/file').write_text('')
    with listening():
        check(wait_until(lambda: trash() == [] and not os.path.exists('state/boxes/12345')), 'strays are left')
    check(os.path.exists('/etc/passwd'))


@test
def test_large_removal_stalls_nobody():
    """It answers, and its name is free, while files are removed."""
    with listening() as s:
        path = pathlib.Path(s.client.call('CreateBox', {'box': 'b', 'settings': {'hostDirectory': True}})['directory'])
        for i in range(4):
            os.mkdir(path / 'box' / str(i))
            for k in range(500):
                os.close(os.open(path / 'box' / str(i) / str(k), os.O_CREAT | os.O_WRONLY))
        s.client.call('DestroyBox', {'box': 'b'})
        check(not path.exists())
        check_equal(s.client.call('GetStatus')['boxes'], 0)
        check(wait_until(lambda: trash() == [], 60), 'the trash is not emptied')


@contextlib.contextmanager
def tenants():
    with daemon() as address, polkit(address, lambda asked: ALLOW) as _, serving(address) as service:
        yield service


@test
def test_quota_is_refused():
    """Over both transports, where the file system has no quotas by project; where it has, see tests/guest/test-quota.py."""
    def check_message(message, field):
        check(f'settings.{field}: the file system of {os.getcwd()}/state/boxes ' in message, message)

    os.chmod('.', 0o711)
    with tenants() as s:
        alice = s.connection(ALICE)
        for field in 'directoryBytes', 'directoryInodes':
            try:
                alice.create('b', hostDirectory=Variant('b', True), **{field: Variant('t', 100)})
            except BusError as error:
                check_equal(error.name, f'{NAME}.Error.NotSupported')
                check_message(str(error), field)
            else:
                skip('the file system here has project quotas')
            failure = refused('NotSupported', s.client, 'CreateBox', {'box': 'b', 'settings': {'hostDirectory': True, field: 100}},
                              missing=['project quotas'])
            check_message(failure.parameters['message'], field)
            refused('InvalidParameter', s.client, 'CreateBox', {'settings': {field: 100}}, parameter=f'settings.{field}')
        check_equal([d for d in os.listdir('state/boxes') if os.listdir(f'state/boxes/{d}')], [], 'nothing is left')


def member(uid):
    """A child of ours that is this user, for what only it can do."""
    return {'user': uid, 'group': uid, 'extra_groups': []}


@test
def test_of_a_tenant():
    """Made by the service, it is the tenant's and nobody else's; binds map the tenant's files alone."""
    can_idmap()
    os.chmod('.', 0o711)
    with tenants() as s:
        alice = s.connection(ALICE)
        path = alice.create('b', hostDirectory=Variant('b', True))
        directory, = alice.call(NAME, path, 'org.freedesktop.DBus.Properties', 'Get', 'ss', BOX, 'Directory')
        check_equal(directory, f'{os.getcwd()}/state/boxes/{ALICE}/b')
        subprocess.run(['/bin/sh', '-c', f'echo hello >{directory}/box/in && chmod 600 {directory}/box/in'], check=True,
                       **member(ALICE))
        check(subprocess.run(['/bin/ls', directory], capture_output=True, **member(BOB)).returncode != 0, 'open to others')
        result, _ = alice.box(path, 'Run', 'asa{sv}', ['/bin/sh', '-c', 'cat in >out'], {})
        check_equal(result['verdict'], 'ok')
        check_equal(pathlib.Path(f'{directory}/box/out').read_text(), 'hello\n')
        check_equal(owner(f'{directory}/box/out'), (ALICE, ALICE))


if __name__ == '__main__':
    main()
