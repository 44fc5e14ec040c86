#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a program finds in its box, and what of it comes from options."""

import os
import pathlib
import re
import subprocess

from harness import (JUDGECTL, PRIVATE, TIMEOUT, check, check_equal, compile_c, expect, main, run, shell, test,
                     verdict)


@test
def test_files_in_and_out():
    pathlib.Path('a').write_text('first\n')
    pathlib.Path('b').write_bytes(bytes(range(256)) * 1000)
    expect(shell('cat a deep/c >result; cp other b2; mkdir d; echo x >d/y', '--in=a', '--in=b:other', '--in=a:deep/c',
                 '--out=result', '--out=b2:copy', '--out=d/y'), 'ok')
    check_equal(pathlib.Path('result').read_text(), 'first\nfirst\n')
    check_equal(pathlib.Path('copy').read_bytes(), pathlib.Path('b').read_bytes())
    check_equal(pathlib.Path('y').read_text(), 'x\n')


@test
def test_file_that_is_not_there_is_no_failure():
    done = expect(run('--out=nothing', 'true'), 'ok')
    check('nothing' in done.stderr and not os.path.exists('nothing'), done)


@test
def test_links_are_not_followed():
    # The name is the program's to choose: it must not make us read what it could not.
    done = shell('ln -s /etc/passwd out; ln -s /etc dir; mkfifo fifo', '--out=out', '--out=dir/hostname:name',
                 '--out=fifo')
    check(done.status in (0, 2), done)
    for name in ('out', 'name', 'fifo'):
        check(not os.path.exists(name) or os.path.getsize(name) == 0, f'{name} was fetched')


@test
def test_exec_file():
    pathlib.Path('program').write_text('#!/bin/sh\necho "$0 $1"\n')
    os.chmod('program', 0o755)
    compile_c('#include <stdio.h>\nint main(int c, char **v) { printf("%d %s %s\\n", c, v[0], v[1]); }', 'binary')
    done = expect(run('--exec-file=binary', '--', 'name', 'argument'), 'ok')
    check_equal(done.out, b'2 name argument\n')


@test
def test_bind():
    os.mkdir('host')
    os.chmod('host', 0o777)
    os.chmod('.', 0o755)
    pathlib.Path('host/file').write_text('from the host\n')
    done = shell('cat /mnt/file; echo x >/mnt/new || echo read-only', '--bind=host:/mnt')
    check_equal(done.out, b'from the host\nread-only\n', str(done))
    check(not os.path.exists('host/new'), 'written through a read-only bind')

    done = expect(shell('echo x >/data/new; cat /data/new', '--bind=host:/data:rw'), 'ok')
    check_equal(pathlib.Path('host/new').read_text(), 'x\n')

    done = shell('cp /bin/true /data/true; /data/true', '--bind=host:/data:rw,noexec')
    check_equal(verdict(done), 'runtime-error', str(done))
    expect(run('--bind=/no/such/directory:/x:optional', 'true'), 'ok')


@test
def test_working_directory():
    check_equal(expect(run('pwd'), 'ok').out, b'/box\n')
    for directory, wanted in (('/tmp', b'/tmp\n'), ('.', b'/box\n'), ('/usr/bin', b'/usr/bin\n')):
        check_equal(expect(run(f'--chdir={directory}', 'pwd'), 'ok').out, wanted)
    check_equal(run('--chdir=/no/such', 'true').status, 1)


@test
def test_bare_root():
    for directory in ('usr', 'etc'):
        check(os.path.exists(f'/{directory}'))
    compile_c(r"""
        #include <stdio.h>
        #include <unistd.h>
        int main(void) { printf("%d%d%d", access("/usr/bin", F_OK), access("/etc/passwd", F_OK), access("/x/f", F_OK)); }""",
              'look')
    os.mkdir('x')
    pathlib.Path('x/f').write_text('')
    os.chmod('.', 0o755)
    check_equal(expect(run('--bare-root', '--exec-file=look', '--bind=x:/x', '--', 'look'), 'ok').out, b'-1-10')
    binds = ['--bind=/usr'] + [f'--bind={d}' for d in ('/bin', '/lib', '/lib64') if os.path.exists(d)]
    check_equal(expect(shell('echo $(ls /)', '--bare-root', *binds), 'ok').out.split()[0], b'bin')


@test
def test_bind_has_no_setuid():
    os.mkdir('host')
    compile_c('#include <unistd.h>\nint main(void) { return geteuid() == 1000 ? 0 : 1; }', 'host/setuid')
    os.chown('host/setuid', 0, 0)
    os.chmod('host/setuid', 0o6755)
    os.chmod('.', 0o755)
    expect(run('--bind=host:/mnt', '/mnt/setuid'), 'ok')


@test
def test_tmpfs():
    done = expect(shell('stat -f -c %T /scratch; echo x >/scratch/y; df -k --output=size /scratch | tail -n 1',
                        '--tmpfs=/scratch:1M'), 'ok')
    check_equal(done.out.split(), [b'tmpfs', b'1024'])


@test
def test_environment():
    done = expect(run('env'), 'ok')
    check_equal(sorted(line.partition(b'=')[0] for line in done.out.splitlines()), [b'HOME', b'LANG', b'PATH', b'TMPDIR'])
    done = expect(run('-E', 'A=1', '-E', 'B=', '-E', 'HANDED_ON', '-E', 'NOT_THERE', '-E', 'LANG=C', 'env',
                      env={**os.environ, 'HANDED_ON': 'yes'}), 'ok')
    lines = done.out.splitlines()
    for line in (b'A=1', b'B=', b'HANDED_ON=yes', b'LANG=C', b'HOME=/box'):
        check(line in lines, f'{line} in {lines}')
    check(not any(line.startswith(b'NOT_THERE') for line in lines), lines)
    done = expect(run('--full-env', 'env', env={**os.environ, 'MINE': '1'}), 'ok')
    check(b'MINE=1' in done.out.splitlines(), done.out)


@test
def test_names():
    compile_c('#include <stdio.h>\n#include <sys/utsname.h>\n'
              'int main(void) { struct utsname u; uname(&u); puts(u.nodename); puts(u.domainname); }', 'names',
              '-D_GNU_SOURCE')
    done = expect(run('--exec-file=names', '--hostname=court', '--domainname=law', 'names'), 'ok')
    check_equal(done.out, b'court\nlaw\n')
    check(run('--exec-file=names', 'names').out.split(b'\n')[0] != os.uname().nodename.encode(), "not the host's name")


@test
def test_user():
    done = expect(shell('id -u; id -g; id -G; whoami; echo $HOME'), 'ok')
    lines = done.out.decode().split('\n')
    check_equal(lines[:3], ['1000', '1000', '1000'], str(done))


@test
def test_privileges():
    status = expect(run('cat', '/proc/self/status'), 'ok').out.decode()
    for field in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'):
        found = re.search(rf'^{field}:\s*([0-9a-f]+)$', status, re.M)
        check(found and int(found[1], 16) == 0, f'{field} is {found and found[1]}')
    check(re.search(r'^NoNewPrivs:\s*1$', status, re.M), 'no_new_privs')


@test
def test_loopback_and_nothing_else():
    compile_c(r'''
        #include <arpa/inet.h>
        #include <net/if.h>
        #include <stdio.h>
        #include <sys/socket.h>
        int main(void) {
                for (struct if_nameindex *i = if_nameindex(); i->if_name; i++)
                        puts(i->if_name);
                struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
                socklen_t n = sizeof(a);
                int s = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
                return bind(s, (void *) &a, n) || listen(s, 1) || getsockname(s, (void *) &a, &n) ||
                       connect(c, (void *) &a, n);
        }''', 'loopback')
    check_equal(expect(run('--exec-file=loopback', 'loopback'), 'ok').out, b'lo\n')
    # As in a container without the right to networks: then it is made in the box.
    weaker = ['setpriv', '--bounding-set=-net_admin', JUDGECTL, *PRIVATE, 'run', '-q', '--exec-file=loopback', 'loopback']
    done = subprocess.run(weaker, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT)
    check_equal((done.returncode, done.stdout), (0, b'lo\n'), str(done))


@test
def test_file_systems():
    expect(shell('for f in null zero full random urandom; do test -c /dev/$f || exit 1; done; test -e /dev/fd/0 && '
                 'test -d /dev/shm && test -r /etc/passwd && test ! -e /etc/shadow && test ! -e /root && '
                 'test ! -e /home && echo x >/tmp/x && echo x >/dev/shm/x && echo x >/box/x'), 'ok')
    done = shell('touch /x; touch /usr/x; touch /etc/x; touch /bin/x; touch /dev/x')
    check(b'Read-only file system' in done.err or b'Permission denied' in done.err, done)
    check_equal(done.err.count(b'cannot touch'), 5, done.err.decode())


@test
def test_descriptors():
    # Whatever judgectl was started with stays outside.
    with open('/etc/passwd') as secret:
        os.set_inheritable(secret.fileno(), True)
        done = expect(shell('ls /proc/self/fd', close_fds=False), 'ok')
    check_equal(done.out.split(), [b'0', b'1', b'2', b'3'])     # 3 is ls's own


@test
def test_runs_share_nothing():
    expect(shell('echo x >/tmp/x; echo x >/box/x; echo x >/dev/shm/x'), 'ok')
    expect(shell('test ! -e /tmp/x -a ! -e /box/x -a ! -e /dev/shm/x'), 'ok')


if __name__ == '__main__':
    main()
