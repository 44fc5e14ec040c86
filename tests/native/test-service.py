#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""judgeboxd as its clients see it: every method, what it refuses, and what it does when somebody disappears."""

import base64
import contextlib
import os
import pathlib
import resource
import signal
import socket
import subprocess
import tempfile
import time

from harness import DEGRADE, TIMEOUT, check, check_equal, main, skip, test, wait_until
from service import (JUDGEBOXD, NO_BUS, Client, Failed, HostileFile, cgroup_mount, listening, private, refused,
                     tells_pidfd)


def spin(client, box=None, seconds=30, **parameters):
    """Begins a run that lasts, and does not wait for it."""
    client.send('Run', {**({'box': box} if box else {}), 'arguments': ['/bin/sleep', str(seconds)],
                        'limits': {'wallTimeUSec': 60_000_000}, **parameters})


def active_runs(client, box):
    return client.call('GetBox', {'box': box})['status']['activeRuns']


# ---- the service itself ----

@test
def test_introspection():
    with private() as s:
        info = s.client.call('org.varlink.service.GetInfo')
        check('org.judgebox.Manager' in info['interfaces'], info)
        text = s.client.call('org.varlink.service.GetInterfaceDescription', {'interface': 'org.judgebox.Manager'})
        source = pathlib.Path(__file__).resolve().parents[2] / 'src/varlink/org.judgebox.Manager.varlink'
        if source.exists():
            check(text['description'] == source.read_text(), 'the description is the file as it is')
        status = s.client.call('GetStatus')
        check_equal((status['manager'], status['boxes'], status['activeRuns']), ('tree', 0, 0))
        check(DEGRADE or status['degraded'] == [], status)


@test
def test_bad_calls():
    with private() as s:
        refused('MethodNotFound', s.client, 'NoSuchMethod')
        refused('InterfaceNotFound', s.client, 'org.example.Foo')
        refused('InvalidParameter', s.client, 'Run', {'arguments': ['a'], 'speed': 9}, parameter='speed')
        refused('InvalidParameter', s.client, 'Run', {'arguments': 'a'}, parameter='arguments')
        refused('InvalidParameter', s.client, 'Run', {'arguments': []}, parameter='arguments')
        refused('LimitOutOfRange', s.client, 'Run', {'arguments': ['a'], 'limits': {'memoryBytes': -1}},
                field='limits.memoryBytes')
        refused('InvalidParameter', s.client, 'Run', {'arguments': ['a'], 'stdin': {'fileDescriptor': 0}},
                parameter='stdin.fileDescriptor')
        refused('InvalidParameter', s.client, 'CreateBox', {'box': 'a/b'}, parameter='box')
        refused('NoSuchBox', s.client, 'DestroyBox', {'box': 'nobody'}, box='nobody')
        refused('NoSuchBox', s.client, 'Run', {'box': 'nobody', 'arguments': ['a']}, box='nobody')
        refused('NoSuchBox', s.client, 'GetBox', {'box': 'nobody', 'owner': 4711}, box='nobody')

        # None of it made anything.
        check_equal(s.client.call('ListBoxes', {'all': True})['boxes'], [])
        check_equal(s.children(), [])


@test
def test_not_supported():
    if not DEGRADE:
        skip('this host has every controller')
    with private(degrade=False) as s:
        for method, parameters in (('Run', {'arguments': ['true']}), ('CreateBox', {})):
            failure = refused('NotSupported', s.client, method, parameters)
            check('memory' in failure.parameters['missing'], failure)
            check('--degrade' in failure.parameters['message'], failure)
        check_equal(s.children(), [])


@test
def test_stranger():
    """polkit cannot be asked for want of a bus: nobody but root is let in, or told what there is."""
    with listening() as s:
        # What this kernel does not tell polkit about is decided by group, in which the stranger is not.
        kind = 'InternalError' if tells_pidfd(s.client.sock) else 'PermissionDenied'
        s.client.call('CreateBox', {'box': 'secret'})
        script = ('import sys; sys.path.insert(0, sys.argv[1]); import service, socket\n'
                  'sock = socket.socket(socket.AF_UNIX); sock.connect(sys.argv[2]); c = service.Client(sock)\n'
                  'for m, p in [("GetBox", {"box": "secret", "owner": 0}), ("GetBox", {"box": "other", "owner": 0}),\n'
                  '             ("Run", {"arguments": ["true"]}), ("CreateBox", {}), ("ListBoxes", {}),\n'
                  '             ("DestroyBox", {"box": "secret", "owner": 0})]:\n'
                  '    service.refused(sys.argv[3], c, m, p)\n')
        os.chmod('.', 0o755)
        here = os.path.dirname(os.path.abspath(__file__))
        done = subprocess.run(['python3', '-c', script, here, s.path, kind], user=65534, group=65534, extra_groups=[],
                              capture_output=True, text=True)
        check_equal(done.returncode, 0, done.stderr)
        check_equal(len(s.client.call('ListBoxes')['boxes']), 1)


# ---- boxes ----

@test
def test_box_life():
    with private() as s:
        check_equal(s.client.call('CreateBox', {'box': 'one'}), {'box': 'one', 'owner': os.getuid()})
        refused('BoxExists', s.client, 'CreateBox', {'box': 'one'}, box='one')
        named = s.client.call('CreateBox')['box']
        check(named and named != 'one', named)
        check_equal({b['box'] for b in s.client.call('ListBoxes')['boxes']}, {'one', named})

        status = s.client.call('GetBox', {'box': 'one'})['status']
        check_equal((status['state'], status['runs'], status['activeRuns']), ('idle', 0, []))
        check((cgroup_mount() / status['cgroup'].lstrip('/')).is_dir(), status)
        check(str(status['leaderPid']) in s.children(), status)

        s.client.call('DestroyBox', {'box': 'one'})
        check(not (cgroup_mount() / status['cgroup'].lstrip('/')).exists(), 'its cgroup is gone')
        check(str(status['leaderPid']) not in s.children(), 'its judgebox-init is gone')
        refused('NoSuchBox', s.client, 'GetBox', {'box': 'one'})
        s.client.call('CreateBox', {'box': 'one'})


@test
def test_budget_of_boxes():
    """Who is refused one takes nothing from anybody: the daemon's descriptors are what they were, the first ones too."""
    os.makedirs('root/etc/judgebox')
    pathlib.Path('root/etc/judgebox/judgebox.conf').write_text(f'[Tenant {os.getuid()}]\nBoxesMax=1\n')
    with listening(f'--config-root={os.path.abspath("root")}') as s:
        check_equal(s.client.run('true')['verdict'], 'ok')      # there is a filter from now on
        check(wait_until(lambda: not s.client.call('ListBoxes')['boxes']), 'its box is gone')
        s.client.call('CreateBox', {'box': 'only'})
        # The first one is written to the journal, where there is one: with that comes its socket.
        refused('QuotaExceeded', s.client, 'CreateBox', {}, resource='boxes', limit=1)
        before = s.n_fds(), os.readlink(f'/proc/{s.pid}/fd/0')
        for _ in range(3):
            refused('QuotaExceeded', s.client, 'CreateBox', {}, resource='boxes', limit=1)
            refused('QuotaExceeded', s.client, 'Run', {'arguments': ['true']}, resource='boxes', limit=1)
        check_equal((s.n_fds(), os.readlink(f'/proc/{s.pid}/fd/0')), before)


@test
def test_uids_differ():
    with private() as a, private() as b:
        bases = set()
        for s in (a, b):
            for box in ('x', 'y'):
                s.client.call('CreateBox', {'box': box})
                base = s.client.call('GetBox', {'box': box})['status']['uidBase']
                check_equal(int(s.client.capture('/usr/bin/id', '-u', box=box)), 1000)
                bases.add(base // 16)
        check_equal(len(bases), 4, 'each box has uids of its own')


@test
def test_settings():
    with private() as s:
        s.client.call('CreateBox', {'box': 'b', 'settings': {
            'hostName': 'contest', 'storageBytes': 1 << 20, 'tmpfs': [{'path': '/box/t', 'sizeBytes': 1 << 16}],
            'limits': {'cpuTimeUSec': 2_000_000}}})
        check_equal(s.client.capture('/bin/uname', '-n', box='b'), b'contest\n')
        limits = s.client.call('GetBox', {'box': 'b'})['status']['limits']
        check_equal((limits['cpuTimeUSec'], limits['wallTimeUSec']), (2_000_000, 6_000_000))
        result = s.client.run('/bin/sh', '-c', 'head -c 2000000 /dev/zero > x', box='b')
        check_equal(result['verdict'], 'runtime-error', 'storage is bounded')


@test
def test_bind():
    os.mkdir('d')
    pathlib.Path('d/f').write_text('hello')
    os.chmod('d', 0o755)
    with private() as s:
        for writable in (False, True):
            fd = os.open('d', os.O_PATH)
            s.client.call('CreateBox', {'box': 'b', 'settings': {'binds': [
                {'sourceFileDescriptor': 0, 'path': '/mnt/d', 'writable': writable}]}}, [fd])
            os.close(fd)
            check_equal(s.client.capture('/bin/cat', '/mnt/d/f', box='b'), b'hello')
            check_equal(s.client.run('/bin/sh', '-c', '> /mnt/d/g', box='b')['verdict'], 'runtime-error')
            s.client.call('DestroyBox', {'box': 'b'})
        refused('InvalidParameter', s.client, 'CreateBox', {'settings': {'binds': [
            {'sourceFileDescriptor': 0, 'path': '/mnt/d'}]}}, parameter='settings.binds[0].sourceFileDescriptor')


@test
def test_bad_bind_place():
    """The sandbox itself refuses: nothing is left of the box."""
    with private() as s:
        fd = os.open('/', os.O_PATH)
        failure = refused('InternalError', s.client, 'CreateBox', {'box': 'b', 'settings': {'binds': [
            {'sourceFileDescriptor': 0, 'path': '/usr/no/such/place'}]}}, [fd])
        os.close(fd)
        check_equal(failure.parameters['step'], 'bind')
        check(wait_until(lambda: s.children() == []), 'no process left')
        s.client.call('CreateBox', {'box': 'b'})


# ---- runs ----

@test
def test_run_streams():
    with private() as s:
        read_end, write_end = os.pipe()
        null = os.open('/dev/null', os.O_WRONLY)
        source = os.memfd_create('in')
        os.write(source, b'abc')
        os.lseek(source, 0, os.SEEK_SET)
        reply = s.client.call('Run', {'arguments': ['/bin/sh', '-c', 'cat; echo err >&2'],
                                      'stdin': {'fileDescriptor': 1}, 'stdout': {'fileDescriptor': 0},
                                      'stderr': {'capture': True}}, [write_end, source, null])
        os.close(write_end)
        check_equal(reply['result']['verdict'], 'ok')
        check_equal(os.read(read_end, 100), b'abc')
        check_equal(os.read(read_end, 100), b'', 'nobody holds the pipe')
        check_equal(s.client.read(reply['stderrFileDescriptor']), b'err\n')
        check('stdoutFileDescriptor' not in reply, reply)
        for fd in (read_end, null, source):
            os.close(fd)


@test
def test_run_files():
    pathlib.Path('in').write_bytes(b'data' * 1000)
    with private() as s:
        fd = os.open('in', os.O_RDONLY)
        reply = s.client.call('Run', {
            'arguments': ['/bin/sh', '-c', 'cat sub/in > out; ln -s /etc/passwd link; test -x sub/in'],
            'inFiles': [{'fileDescriptor': 0, 'path': 'sub/in', 'executable': True}],
            'outFiles': ['out', 'missing', 'link']}, [fd])
        os.close(fd)
        check_equal(reply['result']['verdict'], 'ok', str(reply))
        out, missing, link = reply['outFileDescriptors']
        check_equal(s.client.read(out['fileDescriptor']), b'data' * 1000)
        check_equal(missing, {'path': 'missing'})
        check_equal(link, {'path': 'link'}, 'no link is followed')


@test
def test_in_file_too_large():
    with private() as s:
        fd = os.memfd_create('large')
        os.truncate(fd, 1 << 22)
        failure = refused('FileError', s.client, 'Run', {
            'arguments': ['true'], 'settings': {'storageBytes': 1 << 20},
            'inFiles': [{'fileDescriptor': 0, 'path': 'x'}]}, [fd], path='x')
        check(failure.parameters['error'] in ('ENOSPC', 'EFBIG'), failure)
        os.close(fd)
        check(wait_until(lambda: s.children() == []), 'its box is gone')


@test
def test_executable_descriptor():
    with private() as s:
        fd = os.open('/bin/echo', os.O_RDONLY)
        reply = s.client.call('Run', {'arguments': ['my-echo', 'x'], 'executableFileDescriptor': 0,
                                      'stdout': {'capture': True}}, [fd])
        check_equal(reply['result']['verdict'], 'ok', str(reply))
        check_equal(s.client.read(reply['stdoutFileDescriptor']), b'x\n')
        os.close(fd)


@test
def test_extra_descriptor():
    with private() as s:
        read_end, write_end = os.pipe()
        os.write(write_end, b'extra')
        os.close(write_end)
        reply = s.client.call('Run', {'arguments': ['/bin/sh', '-c', 'cat <&7'], 'stdout': {'capture': True},
                                      'extraFileDescriptors': [{'fileDescriptor': 0, 'target': 7}]}, [read_end])
        check_equal(s.client.read(reply['stdoutFileDescriptor']), b'extra')
        os.close(read_end)


@test
def test_run_numbers():
    with private() as s:
        s.client.call('CreateBox', {'box': 'b'})
        for number in range(1, 4):
            check_equal(s.client.run('/bin/true', box='b')['run'], number)
        check_equal(s.client.call('GetBox', {'box': 'b'})['status']['runs'], 3)


@test
def test_limits_inherited():
    with private() as s:
        s.client.call('CreateBox', {'box': 'b', 'settings': {'limits': {'wallTimeUSec': 200_000}}})
        check_equal(s.client.run('/bin/sleep', '5', box='b')['verdict'], 'wall-time-limit')
        result = s.client.run('/bin/sleep', '0.4', box='b', limits={'wallTimeUSec': 5_000_000})
        check_equal(result['verdict'], 'ok')


@test
def test_environment():
    with private() as s:
        out = s.client.capture('/usr/bin/env', environment=['PATH=/x', 'Q=1']).decode().split()
        check_equal(set(out), {'PATH=/x', 'Q=1', 'HOME=/box', 'LANG=C.UTF-8', 'TMPDIR=/tmp'})


# ---- files of a box ----

@test
def test_files():
    with private() as s:
        s.client.call('CreateBox', {'box': 'b'})
        s.client.call('MakeDirectory', {'box': 'b', 'path': 'a/b'})
        reply = s.client.call('OpenFile', {'box': 'b', 'path': 'a/b/f', 'create': True, 'executable': True})
        os.write(s.client.fds[reply['fileDescriptor']], b'#!/bin/sh\necho here\n')
        s.client.close_fds()
        check_equal(s.client.capture('a/b/f', box='b'), b'here\n')

        reply = s.client.call('OpenFile', {'box': 'b', 'path': 'a/b/f'})
        check_equal((reply['sizeBytes'], s.client.read(reply['fileDescriptor'])), (20, b'#!/bin/sh\necho here\n'))

        names = {e['name']: e['type'] for e in s.client.call('ListFiles', {'box': 'b', 'recursive': True})['entries']}
        check_equal(names, {'a': 'directory', 'a/b': 'directory', 'a/b/f': 'regular'})

        refused('NoSuchFile', s.client, 'OpenFile', {'box': 'b', 'path': 'nope'}, path='nope')
        refused('NoSuchFile', s.client, 'RemoveFile', {'box': 'b', 'path': 'nope'}, path='nope')
        refused('FileError', s.client, 'RemoveFile', {'box': 'b', 'path': 'a'}, path='a', error='ENOTEMPTY')
        refused('FileError', s.client, 'OpenFile', {'box': 'b', 'path': 'a'}, path='a', error='EISDIR')
        refused('InvalidParameter', s.client, 'OpenFile', {'box': 'b', 'path': '../x'}, parameter='path')
        s.client.call('RemoveFile', {'box': 'b', 'path': 'a', 'recursive': True})
        check_equal(s.client.call('ListFiles', {'box': 'b'})['entries'], [])


@test
def test_odd_names():
    with private() as s:
        s.client.call('CreateBox', {'box': 'b'})
        s.client.run('/bin/sh', '-c', r'> "$(printf "a\377b")"; > "$(printf "\303\244\n\"x")"', box='b')
        entries = s.client.call('ListFiles', {'box': 'b'})['entries']
        check_equal({e.get('name') for e in entries}, {None, 'ä\n"x'})
        check_equal({e.get('nameBase64') for e in entries}, {None, 'Yf9i'})


@test
def test_names_by_their_bytes():
    with private() as s:
        def encoded(path):
            return {'box': 'b', 'pathBase64': base64.b64encode(path).decode()}

        s.client.call('CreateBox', {'box': 'b'})
        s.client.call('MakeDirectory', encoded(b'd\xff/e\xfe'))
        reply = s.client.call('OpenFile', {**encoded(b'd\xff/e\xfe/\xfd'), 'create': True})
        os.write(s.client.fds[reply['fileDescriptor']], b'here')
        s.client.close_fds()

        with tempfile.TemporaryFile() as f:
            f.write(b'in')
            f.flush()
            reply = s.client.call('Run', {
                'box': 'b', 'arguments': ['/bin/sh', '-c', r'cat "$(printf "d\377/e\376/\375")" -; cat "$(printf "i\377")" >&2'],
                'inFiles': [{'fileDescriptor': 0, 'pathBase64': 'af8='}],
                'stdin': {'pathBase64': 'af8='}, 'stdout': {'pathBase64': 'b/8='}, 'stderr': {'path': 'e'},
                'outFiles': ['e'], 'outFilesBase64': ['b/8=', '/w==']}, [f.fileno()])
        check_equal(reply['result']['verdict'], 'ok', str(reply))
        files = reply['outFileDescriptors']
        check_equal([{k: v for k, v in f.items() if k != 'fileDescriptor'} for f in files],
                    [{'path': 'e'}, {'pathBase64': 'b/8='}, {'pathBase64': '/w=='}])
        check_equal([s.client.read(f['fileDescriptor']) for f in files[:2]], [b'in', b'herein'])
        s.client.close_fds()

        entries = s.client.call('ListFiles', {**encoded(b'd\xff'), 'recursive': True})['entries']
        check_equal(sorted(base64.b64decode(e['nameBase64']) for e in entries), [b'e\xfe', b'e\xfe/\xfd'])
        refused('NoSuchFile', s.client, 'OpenFile', encoded(b'\xff'), pathBase64='/w==')
        refused('FileError', s.client, 'OpenFile', encoded(b'd\xff'), pathBase64='ZP8=', error='EISDIR',
                message='Is a directory')
        s.client.call('RemoveFile', {**encoded(b'd\xff'), 'recursive': True})
        check_equal({e.get('nameBase64') for e in s.client.call('ListFiles', encoded(b'.'))['entries']},
                    {None, 'af8=', 'b/8='})


@test
def test_links_not_followed():
    with private() as s:
        s.client.call('CreateBox', {'box': 'b'})
        s.client.run('/bin/sh', '-c', 'ln -s /etc/passwd l; mkfifo p; ln -s / r', box='b')
        for path in ('l', 'p', 'r/etc/passwd'):
            refused('FileError', s.client, 'OpenFile', {'box': 'b', 'path': path}, path=path)


@test
def test_reset():
    with private() as s:
        s.client.call('CreateBox', {'box': 'b'})
        s.client.run('/bin/sh', '-c', 'echo x > f; echo x > /tmp/f', box='b')
        s.client.call('ResetBox', {'box': 'b'})
        check_equal(s.client.call('ListFiles', {'box': 'b'})['entries'], [])
        check_equal(s.client.run('/bin/sh', '-c', 'test ! -e f -a ! -e /tmp/f', box='b')['verdict'], 'ok')


# ---- several clients, and those who disappear ----

@test
def test_busy_reset():
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b'})
        other = s.connect()
        spin(other, 'b')
        check(wait_until(lambda: active_runs(s.client, 'b')), 'it runs')
        refused('BoxBusy', s.client, 'ResetBox', {'box': 'b'}, box='b')
        other.close()


@test
def test_kill():
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b'})
        other = s.connect()
        spin(other, 'b')
        check(wait_until(lambda: active_runs(s.client, 'b') == [1]), 'it runs')
        check_equal(s.client.call('GetBox', {'box': 'b'})['status']['state'], 'running')
        refused('NoSuchRun', s.client, 'Kill', {'box': 'b', 'run': 9}, run=9)
        check_equal(s.client.call('Kill', {'box': 'b', 'run': 1}), {'killed': 1})
        check_equal(other.receive()['result']['verdict'], 'canceled')
        refused('NoSuchRun', s.client, 'Kill', {'box': 'b', 'run': 1})

        spin(other, 'b')
        check(wait_until(lambda: active_runs(s.client, 'b') == [2]), 'it runs')
        check_equal(s.client.call('Kill', {'box': 'b'}), {'killed': 1})
        check_equal(other.receive()['result']['verdict'], 'canceled')
        check_equal(s.client.call('Kill', {'box': 'b'}), {'killed': 0})
        other.close()


@test
def test_destroy_ends_runs():
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b'})
        other = s.connect()
        spin(other, 'b')
        check(wait_until(lambda: active_runs(s.client, 'b')), 'it runs')
        s.client.call('DestroyBox', {'box': 'b'})
        check_equal(other.receive()['result']['verdict'], 'canceled')
        check_equal(s.children(), [])
        other.close()


@test
def test_client_vanishes():
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b'})
        for _ in range(3):
            other = s.connect()
            spin(other, 'b')
            check(wait_until(lambda: active_runs(s.client, 'b')), 'it runs')
            other.close()
            check(wait_until(lambda: not active_runs(s.client, 'b')), 'it was canceled')
        check_equal(s.client.run('/bin/true', box='b')['verdict'], 'ok', 'the box lives on')


@test
def test_client_vanishes_one_shot():
    with listening() as s:
        for delay in (0, 0.001, 0.003, 0.01, 0.1):
            other = s.connect()
            spin(other)
            time.sleep(delay)
            other.close()
        check(wait_until(lambda: s.children() == []), 'its box goes with it')
        check(wait_until(lambda: s.client.call('ListBoxes')['boxes'] == []), 'no box is left')


@test
def test_client_closes_half():
    with listening() as s:
        other = s.connect()
        other.send('Run', {'arguments': ['/bin/sleep', '0.2']})
        other.sock.shutdown(socket.SHUT_WR)
        check_equal(other.receive()['result']['verdict'], 'ok', 'who only stops talking still listens')
        other.close()


@test
def test_pipelined_calls():
    with private() as s:
        for i in range(5):
            s.client.send('Run', {'arguments': ['/bin/sh', '-c', f'exit {i + 1}']})
        check_equal([s.client.receive()['result']['exitStatus'] for _ in range(5)], [1, 2, 3, 4, 5])


@test
def test_dead_init():
    with listening() as s:
        for _ in range(5):
            s.client.call('CreateBox', {'box': 'b'})
            other = s.connect()
            spin(other, 'b')
            check(wait_until(lambda: active_runs(s.client, 'b')), 'it runs')
            status = s.client.call('GetBox', {'box': 'b'})['status']
            os.kill(status['leaderPid'], signal.SIGKILL)
            result = other.receive()['result']
            check_equal((result['verdict'], result['message']), ('canceled', 'The box was stopped from outside.'))
            other.close()
            check(wait_until(lambda: s.client.call('ListBoxes')['boxes'] == []), 'the box is gone')
            check(not (cgroup_mount() / status['cgroup'].lstrip('/')).exists(), 'its cgroup is gone')
            check_equal(s.children(), [])


def descendants(pid):
    """Of which any may go just now."""
    found = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for child in pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split():
            found += [*descendants(int(child)), int(child)]
    return found


@test
def test_killed_before_init():
    """As when systemd stops a scope, and the program is the first whose turn it is: judgebox-init has told of it, but is
    killed as well before the service gets to hear. Also where it is the command of a shell, which says so by its status;
    what else runs in the box ends likewise."""
    with listening() as s:
        for script in 'exec sleep 30', 'sleep 30; exit $?':
            s.client.call('CreateBox', {'box': 'b'})
            leader = s.client.call('GetBox', {'box': 'b'})['status']['leaderPid']
            bystander, other = s.connect(), s.connect()
            spin(bystander, 'b')
            check(wait_until(lambda: len(descendants(leader)) == 1), 'one runs')
            bystanders = descendants(leader)
            other.send('Run', {'box': 'b', 'arguments': ['/bin/sh', '-c', script]})
            check(wait_until(lambda: [pid for pid in descendants(leader) if pid not in bystanders and
                                      pathlib.Path(f'/proc/{pid}/comm').read_text() == 'sleep\n']), 'and another')
            os.kill(s.pid, signal.SIGSTOP)
            os.kill(next(pid for pid in descendants(leader) if pid not in bystanders), signal.SIGKILL)
            check(wait_until(lambda: descendants(leader) == bystanders), 'it is gone')
            time.sleep(0.1)     # for judgebox-init to tell
            os.kill(leader, signal.SIGKILL)
            os.kill(s.pid, signal.SIGCONT)
            for client in other, bystander:
                result = client.receive()['result']
                check_equal((result['verdict'], result['message']), ('canceled', 'The box was stopped from outside.'), script)
                client.close()
            check(wait_until(lambda: s.client.call('ListBoxes')['boxes'] == []), 'the box is gone')


@test
def test_killed_by_itself():
    """What looks like it is told as it is."""
    with private() as s:
        result = s.client.run('/bin/sh', '-c', 'kill -KILL $$')
        check_equal((result['verdict'], result['signal']), ('signaled', 'SIGKILL'))
        result = s.client.run('/bin/sh', '-c', 'sh -c "kill -KILL \\$\\$"')
        check_equal((result['verdict'], result['exitStatus']), ('runtime-error', 137))
        s.client.call('CreateBox', {'box': 'b'})
        for _ in range(20):
            check_equal(s.client.run('/bin/sh', '-c', 'kill -KILL $$', box='b')['verdict'], 'signaled')
        s.client.call('DestroyBox', {'box': 'b'})


@test
def test_init_that_fails():
    """By itself, which it says: here because it has no room for a descriptor any more."""
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b'})
        leader = s.client.call('GetBox', {'box': 'b'})['status']['leaderPid']
        other = s.connect()
        spin(other, 'b')
        check(wait_until(lambda: active_runs(s.client, 'b')), 'it runs')
        resource.prlimit(leader, resource.RLIMIT_NOFILE, (0, 0))
        with contextlib.suppress(Failed):
            s.client.call('Run', {'box': 'b', 'arguments': ['/bin/true']})
        result = other.receive()['result']
        check_equal((result['verdict'], result['step']), ('internal-error', 'protocol'), str(result))
        other.close()
        check(wait_until(lambda: s.client.call('ListBoxes')['boxes'] == []), 'the box is gone')


@test
def test_dead_idle_init():
    with private() as s:
        s.client.call('CreateBox', {'box': 'b'})
        os.kill(s.client.call('GetBox', {'box': 'b'})['status']['leaderPid'], signal.SIGKILL)
        check(wait_until(lambda: s.client.call('ListBoxes')['boxes'] == []), 'the box is gone')


@test
def test_stopped_init():
    """A judgebox-init that does not answer holds up its own box only."""
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b'})
        leader = s.client.call('GetBox', {'box': 'b'})['status']['leaderPid']
        os.kill(leader, signal.SIGSTOP)
        others = [s.connect() for _ in range(20)]
        for other in others:
            other.send('GetBox', {'box': 'b'})
        check_equal(s.client.run('/bin/true')['verdict'], 'ok')
        s.client.call('DestroyBox', {'box': 'b'})
        for other in others:
            refused_later = False
            try:
                other.receive()
            except Failed as failure:
                refused_later = failure.error == 'NoSuchBox'
            check(refused_later, 'what waited is told')
            other.close()


@test
def test_given_up_init():
    """One that does not finish what it was asked for is ended some time after the run's own limit."""
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b'})
        leader = s.client.call('GetBox', {'box': 'b'})['status']['leaderPid']
        other = s.connect()
        spin(other, 'b', limits={'wallTimeUSec': 1_000_000})
        check(wait_until(lambda: active_runs(s.client, 'b')), 'it runs')
        os.kill(leader, signal.SIGSTOP)
        begin = time.monotonic()
        result = other.receive()['result']
        check_equal((result['verdict'], result['error']), ('internal-error', 'ETIMEDOUT'))
        check(time.monotonic() - begin >= 9, 'not before')
        check(wait_until(lambda: s.client.call('ListBoxes')['boxes'] == []), 'its box is gone')
        other.close()


@test
def test_terminated():
    """SIGTERM: those who wait get an answer, and nothing is left."""
    with listening() as s:
        top = s.cgroup()
        s.client.call('CreateBox', {'box': 'b'})
        clients = [s.connect() for _ in range(8)]
        for i, client in enumerate(clients):
            spin(client, 'b' if i % 2 else None)
        check(wait_until(lambda: len(s.client.call('ListBoxes')['boxes']) >= 2), 'they run')
        children = s.children()
        check_equal(s.stop(), 0)
        for client in clients:
            check_equal(client.receive()['result']['verdict'], 'canceled')
        check(not top.exists(), f'{top} is gone')
        check(not any(os.path.exists(f'/proc/{pid}') for pid in children), 'no process is left')


@test
def test_killed_daemon():
    """The daemon cannot clean up after SIGKILL, but its boxes end with it."""
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b'})
        caller = s.connect()
        spin(caller, 'b')
        check(wait_until(lambda: active_runs(s.client, 'b')), 'it runs')
        top = (cgroup_mount() / s.client.call('GetBox', {'box': 'b'})['status']['cgroup'].lstrip('/')).parent
        children = s.children()
        s.stop(signal.SIGKILL)
        check(wait_until(lambda: not any(os.path.exists(f'/proc/{pid}') for pid in children)), 'no process is left')
        for directory, _, _ in os.walk(top, topdown=False):
            os.rmdir(directory)


@test
def test_killed_cradle():
    """No box could be made any more: the daemon ends as if it had been told to, but with an error."""
    with listening() as s:
        other = s.connect()
        spin(other)
        check(wait_until(lambda: s.client.call('ListBoxes')['boxes']), 'it runs')
        os.kill(int(s.cradle), signal.SIGKILL)
        check_equal(other.receive()['result']['verdict'], 'canceled')
        check_equal(s.process.wait(TIMEOUT), 1)


@test
def test_many_at_once():
    """More than there is room for: all are served, the others wait and are told how long."""
    with listening() as s:
        clients = [s.connect() for _ in range(60)]
        for client in clients:
            client.send('Run', {'arguments': ['/bin/sleep', '0.02']})
        results = [client.receive()['result'] for client in clients]
        check_equal({r['verdict'] for r in results}, {'ok'})
        if len(os.sched_getaffinity(0)) < 30:
            check(max(r['queuedUSec'] for r in results) >= 20_000, results)
        check_equal(len({r['box'] for r in results}), 60)
        for client in clients:
            client.close()


@test
def test_several_in_one_box():
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b'})
        clients = [s.connect() for _ in range(40)]
        for i, client in enumerate(clients):
            client.send('Run', {'box': 'b', 'arguments': ['/bin/sh', '-c', f'echo {i}'], 'stdout': {'capture': True}})
        for i, client in enumerate(clients):
            reply = client.receive()
            check_equal(reply['result']['verdict'], 'ok', str(reply))
            check_equal(client.read(reply['stdoutFileDescriptor']), b'%d\n' % i)
            client.close()


@test
def test_hostile_file():
    """Who serves a file himself, and never answers when it is closed, waits alone."""
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b'})
        file = HostileFile()
        try:
            # Refused, not wanted, out of place: it is closed all the same.
            refused('InvalidParameter', s.client, 'Run', {'arguments': []}, [file.fd], parameter='arguments')
            s.client.call('GetStatus', fds=[file.fd])
            refused('InvalidParameter', s.client, 'Run', {'arguments': ['x'], 'inFiles': [
                {'fileDescriptor': 0, 'path': '..'}]}, [file.fd], parameter='inFiles[0].path')

            # Taken, also by a box that is up: there the daemon closes its own as soon as it is handed on.
            others = [s.connect() for _ in range(4)]
            for i, other in enumerate(others):
                other.send('Run', {**({'box': 'b'} if i % 2 else {}), 'arguments': ['/bin/true'],
                                   'stdin': {'fileDescriptor': 0}, 'limits': {'wallTimeUSec': 500_000}}, [file.fd])
            for _ in range(20):
                third = s.connect()
                third.call('GetStatus')
                third.close()

            # Those who gave it wait, and nobody else longer than the limits of what they run.
            for other in others:
                other.close()
            s.client.call('CreateBox', {'box': 'c'})
            check_equal(s.client.run('/bin/true')['verdict'], 'ok')
        finally:
            file.close()
        check(wait_until(lambda: len(s.client.call('ListBoxes')['boxes']) <= 2), 'what was stuck goes')


@test
def test_socket_activation():
    path = os.path.abspath('activated')
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        sock.listen()
        shell = 'exec 3<&"$1"; LISTEN_PID=$$ LISTEN_FDS=1 exec "${@:2}"'
        process = subprocess.Popen(['/bin/bash', '-c', shell, '-', str(sock.fileno()), JUDGEBOXD, '--manager=tree',
                                    f'--runtime-directory={os.path.abspath("runtime")}',
                                    f'--state-directory={os.path.abspath("state")}',
                                    *(['--degrade'] if DEGRADE else [])],
                                   pass_fds=[sock.fileno()], env={**os.environ, **NO_BUS})
    try:
        client = Client(socket.socket(socket.AF_UNIX))
        client.sock.connect(path)
        check_equal(client.run('/bin/true')['verdict'], 'ok')
        process.terminate()
        check_equal(process.wait(10), 0)
    finally:
        process.kill()
        process.wait()


if __name__ == '__main__':
    main()
