#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images: programs and libraries of a tree that the admin has installed, instead of the host's."""

import os
import pathlib
import re
import shutil
import signal
import subprocess

from harness import check, check_equal, compile_c, main, skip, test, wait_until
from restart import managed
from service import Failed, listening, refused

HELLO = r'''
#include <stdio.h>
int main(void) {
        puts(VERSION);
        return 0;
}
'''


def make_tree(path, version):
    """A static program, and the host's shell with its libraries."""
    path = pathlib.Path(path)
    for name in 'usr/bin', 'usr/lib64', 'etc', 'opt/tool', 'tmp', 'run':
        (path / name).mkdir(parents=True)
    for name in 'bin', 'lib64':
        (path / name).symlink_to(f'usr/{name}')
    compile_c(f'#define VERSION "{version}"\n{HELLO}', 'hello', '-static')
    shutil.copy('hello', path / 'usr/bin/hello')
    shutil.copy('hello', path / 'opt/tool/hello')
    programs = [os.path.realpath(shutil.which(name)) for name in ('sh', 'ls', 'cat')]
    for name, program in zip(('sh', 'ls', 'cat'), programs):
        shutil.copy(program, path / 'usr/bin' / name)
        for library in re.findall(r'(/\S+) \(0x', subprocess.run(['ldd', program], capture_output=True, text=True).stdout):
            target = path / library.lstrip('/')
            if target.parts[len(path.parts)] == 'lib':
                target = path / 'usr' / library.lstrip('/')
                (path / 'lib').exists() or (path / 'lib').symlink_to('usr/lib')
            target.parent.mkdir(parents=True, exist_ok=True)
            target.exists() or shutil.copy(os.path.realpath(library), target)
    (path / 'etc/ld.so.conf').write_text(f'# of {version}\n')
    (path / 'etc/alternatives').symlink_to('/outside')
    (path / 'outside').mkdir()
    (path / 'outside/tool').write_text(f'link of {version}\n')
    (path / 'run/secret').write_text('no program needs this\n')
    for root, _, _ in os.walk(path):
        os.chmod(root, 0o755)


@test
def test_directory():
    """Two versions side by side, and the host's own programs."""
    os.makedirs('state/images')
    for version in '1.0', '2.0':
        make_tree(f'state/images/tool-{version}', version)
    with listening(f'--state-directory={os.path.abspath("state")}') as s:
        for version in '1.0', '2.0':
            image = {'settings': {'image': f'tool-{version}'}}
            check_equal(s.client.capture('hello', **image), version.encode() + b'\n')
            check_equal(s.client.capture('/opt/tool/hello', **image), version.encode() + b'\n')
            out = s.client.capture('sh', '-c', 'cat /etc/ld.so.conf /etc/alternatives/tool; ls /', **image).decode()
            check_equal(out.split('\n')[:2], [f'# of {version}', f'link of {version}'])
            check_equal(set(out.split('\n')[2:]) - {'lib', ''},
                        {'bin', 'box', 'dev', 'etc', 'lib64', 'opt', 'outside', 'proc', 'tmp', 'usr'})
        check_equal(s.client.run('hello')['verdict'], 'exec-failed')

        # In a standing box, again after a reset, and seen in its status.
        s.client.call('CreateBox', {'box': 'b', 'settings': {'image': 'tool-2.0'}})
        check_equal(s.client.call('GetBox', {'box': 'b'})['status']['image'], 'tool-2.0')
        s.client.call('ResetBox', {'box': 'b'})
        check_equal(s.client.capture('hello', box='b'), b'2.0\n')

        # It is not to be written to, whatever its rights.
        os.chmod('state/images/tool-2.0/opt/tool', 0o777)
        result = s.client.call('Run', {'box': 'b', 'arguments': ['sh', '-c', 'echo > /opt/tool/new']})['result']
        check_equal(result['verdict'], 'runtime-error')
        check(not os.path.exists('state/images/tool-2.0/opt/tool/new'), 'an image was changed')


def state(path):
    """Every file, with what is in it and whose it is."""
    return {(str(p.relative_to(path)), p.lstat().st_mode, p.lstat().st_uid, p.is_file() and p.read_bytes())
            for p in pathlib.Path(path).rglob('*')}


WRITABLE = {'image': 'tool', 'imageWritable': True, 'storageBytes': 4 << 20}


def create_writable(client, box):
    try:
        client.call('CreateBox', {'box': box, 'settings': WRITABLE})
    except Failed as failure:
        if 'settings.image' in str(failure):
            skip(f'the file system here cannot map owners: {failure}')
        raise


@test
def test_writable():
    """For one box, by an overlay, until it is reset."""
    os.makedirs('state/images')
    make_tree('state/images/tool', '1.0')
    before = state('state/images/tool')
    with listening(f'--state-directory={os.path.abspath("state")}') as s:
        create_writable(s.client, 'b')

        def tell(box, script):
            reply = s.client.call('Run', {'box': box, 'arguments': ['sh', '-c', script], 'stdout': {'capture': True}})
            return s.client.read(reply['stdoutFileDescriptor']).decode()

        s.client.call('CreateBox', {'box': 'c', 'settings': WRITABLE})
        change = 'echo new >/opt/new && echo changed >>/opt/tool/hello && echo x >/usr/f && echo did'
        check_equal(tell('b', change), 'did\n')
        check_equal(tell('b', 'cat /opt/new /usr/f'), 'new\nx\n')
        check_equal(tell('c', 'cat /opt/new'), '')

        # There is room for so much, and no more.
        check_equal(tell('b', 'cat /usr/bin/* /usr/bin/* /usr/bin/* /usr/bin/* >/opt/much || echo full'), 'full\n')

        for _ in range(3):
            s.client.call('ResetBox', {'box': 'b'})
            check_equal(tell('b', 'cat /opt/new; ls /opt; hello'), 'tool\n1.0\n')
            check_equal(tell('b', change), 'did\n')
        for box in 'bc':
            s.client.call('DestroyBox', {'box': box})
        refused('InvalidParameter', s.client, 'CreateBox', {'settings': {'imageWritable': True}},
                parameter='settings.imageWritable')
    check_equal(state('state/images/tool'), before)


@test
def test_writable_and_restarted():
    """What was written stays, and counts against its owner's budget as before: as much again as the box's own storage."""
    os.makedirs('state/images')
    make_tree('state/images/tool', '1.0')
    config = pathlib.Path('root/etc/judgebox/judgebox.conf')
    config.parent.mkdir(parents=True)
    config.write_text(f'[Tenant {os.getuid()}]\nStorageMax=10M\n')
    with managed('--config-root=root') as m:
        c = m.connect()
        create_writable(c, 'b')
        check_equal(c.run('sh', '-c', 'echo new >/opt/new', box='b')['verdict'], 'ok')
        another = {'box': 'c', 'settings': {'storageBytes': 4 << 20}}
        for sig in None, signal.SIGTERM, signal.SIGKILL:
            if sig:
                m.restart(sig)
                c = m.connect()
            refused('QuotaExceeded', c, 'CreateBox', another, limit=10 << 20)
            check_equal(c.capture('cat', '/opt/new', box='b'), b'new\n')
        c.call('ResetBox', {'box': 'b'})
        check_equal(c.capture('ls', '/opt', box='b'), b'tool\n')
        c.call('DestroyBox', {'box': 'b'})
        c.call('CreateBox', another)
        c.call('DestroyBox', {'box': 'c'})


@test
def test_file():
    if not shutil.which('mksquashfs'):
        skip('no mksquashfs here (squashfs-tools)')
    if not os.path.exists('/dev/loop-control'):
        skip('no loop devices here')
    os.makedirs('state/images')
    make_tree('tree', '3.0')
    subprocess.run(['mksquashfs', 'tree', 'state/images/tool.squashfs', '-all-root', '-quiet', '-no-progress'], check=True,
                   capture_output=True)
    os.chmod('state/images/tool.squashfs', 0o644)

    def loops():
        return {path for path in pathlib.Path('/sys/block').glob('loop*/loop/backing_file')
                if 'tool.squashfs' in path.read_text()}

    with listening(f'--state-directory={os.path.abspath("state")}') as s:
        image = {'settings': {'image': 'tool'}}
        try:
            check_equal(s.client.capture('hello', **image), b'3.0\n')
        except Exception as error:
            if re.search('No such device|Operation not permitted', str(error)):
                skip(f'this kernel or this container mounts no squashfs: {error}')
            raise
        check_equal(s.client.capture('sh', '-c', 'cat /etc/ld.so.conf', **image), b'# of 3.0\n')
        s.client.call('CreateBox', {'box': 'b', **image})
        check_equal(len(loops()), 1)
        s.client.call('DestroyBox', {'box': 'b'})
    check_equal(loops(), set())


@test
def test_refused():
    os.makedirs('state/images')
    for name in 'theirs', 'open':
        make_tree(f'state/images/{name}', name)
    os.chown('state/images/theirs', 1, 1)
    os.chmod('state/images/open', 0o777)
    pathlib.Path('state/images/file').write_text('no directory\n')
    pathlib.Path('state/images/broken.squashfs').write_text('no file system\n')
    with listening(f'--state-directory={os.path.abspath("state")}') as s:
        # The first that is closed again starts the process that closes tenants' files; a profile stays.
        s.client.run('/bin/true')
        refused('InvalidParameter', s.client, 'CreateBox', {'settings': {'image': 'none'}}, parameter='settings.image')
        before = s.n_fds()
        for name in ('none', 'theirs', 'open', 'file', 'broken', '../images/open', '.', '..', '', 'a' * 65, 'a/b'):
            for method, more in (('Run', {'arguments': ['true']}), ('CreateBox', {})):
                refused('InvalidParameter', s.client, method, {**more, 'settings': {'image': name}}, parameter='settings.image')
        check_equal(s.client.call('ListBoxes')['boxes'], [])
        check(wait_until(lambda: s.n_fds() <= before), f'{before} -> {s.n_fds()} descriptors')
    with listening() as s:
        refused('InvalidParameter', s.client, 'Run', {'arguments': ['true'], 'settings': {'image': 'none'}},
                parameter='settings.image')


main()
