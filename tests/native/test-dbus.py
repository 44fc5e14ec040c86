#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""org.judgebox1 as its clients see it: every method, error and signal, and input of every wrong kind."""

import os
import pathlib
import subprocess
import xml.etree.ElementTree as ET

from bus import (BOX, CALL, INTROSPECTABLE, MANAGER, NAME, OBJECT_MANAGER, PATH, PROPERTIES, BusError, FdIndex, Variant,
                 bus_refused, on_bus, wait_for_signal)
from harness import TIMEOUT, TOP, check, check_equal, main, skip, test, wait_until

INVALID = 'org.freedesktop.DBus.Error.InvalidArgs'
UNKNOWN_OBJECT = 'org.freedesktop.DBus.Error.UnknownObject'
LOG_CONTROL = '/org/freedesktop/LogControl1', 'org.freedesktop.LogControl1'
CAPTURE = Variant('a{sv}', {'capture': Variant('b', True)})


def limits(**values):
    return Variant('a{sv}', {name: Variant('t', value) for name, value in values.items()})


def contents(fd):
    return os.pread(fd, os.fstat(fd).st_size, 0)


def put(connection, box, name, data, **options):
    fd, _ = connection.box(box, 'OpenFile', 'sa{sv}', name, {'create': Variant('b', True), **options})
    os.write(fd, data)
    connection.close_fds()


# ---- what there is ----

@test
def test_box_methods():
    with on_bus() as s:
        c = s.bus
        box = c.create('my-box', storageBytes=Variant('t', 10 << 20), hostName=Variant('s', 'here'))
        check_equal(box, f'{PATH}/box/u0_my_2dbox')
        check_equal(c.manager('GetBox', 's', 'my-box'), [box])
        check_equal(c.manager('ListBoxes', 'a{sv}', {}), [[('my-box', 0, 'idle', box)]])

        put(c, box, 'hello', b'#!/bin/sh\necho hello, $1; hostname; echo wrong >&2; exit 3\n',
            executable=Variant('b', True))
        result, files = c.box(box, 'Run', 'asa{sv}', ['./hello', 'you'],
                              {'stdout': CAPTURE, 'stderr': CAPTURE, 'limits': limits(cpuTimeUSec=1000000)})
        check_equal((result['verdict'], result['exitStatus'], result['box'], result['run']),
                    ('runtime-error', 3, 'my-box', 1))
        check_equal(contents(files['stdoutFileDescriptor']), b'hello, you\nhere\n')
        check_equal(contents(files['stderrFileDescriptor']), b'wrong\n')

        check_equal(c.box(box, 'MakeDirectory', 'sa{sv}', 'a/b'), [])
        put(c, box, 'a/b/c', b'12345')
        entries, = c.box(box, 'ListFiles', 'sa{sv}', 'a', {'recursive': Variant('b', True)})
        check_equal(sorted((e['name'], e['type']) for e in entries), [('b', 'directory'), ('b/c', 'regular')])
        fd, size = c.box(box, 'OpenFile', 'sa{sv}', 'a/b/c')
        check_equal((size, os.read(fd, 100)), (5, b'12345'))
        c.box(box, 'RemoveFile', 'sa{sv}', 'a', {'recursive': Variant('b', True)})
        bus_refused('NoSuchFile', c.box, box, 'OpenFile', 'sa{sv}', 'a/b/c')

        # By its bytes, or encoded, where it is no UTF-8.
        for odd in Variant('ay', b'o\xff'), Variant('s', 'b/8='):
            bus_refused('NoSuchFile', c.box, box, 'OpenFile', 'sa{sv}', '', {'pathBase64': odd})
            put(c, box, '', b'odd', pathBase64=odd)
            fd, size = c.box(box, 'OpenFile', 'sa{sv}', '', {'pathBase64': odd})
            check_equal((size, os.read(fd, 100)), (3, b'odd'))
            check('b/8=' in [e.get('nameBase64') for e in c.box(box, 'ListFiles', 'sa{sv}', '/box')[0]], 'it is listed')
            bus_refused(INVALID, c.box, box, 'RemoveFile', 'sa{sv}', 'o', {'pathBase64': odd})
            c.box(box, 'RemoveFile', 'sa{sv}', '', {'pathBase64': odd})

        status, = c.box(box, 'GetStatus')
        check_equal((status['box'], status['state'], status['runs'], status['hostName'], status['storageBytes']),
                    ('my-box', 'idle', 1, 'here', 10 << 20))
        c.box(box, 'Reset')
        bus_refused('NoSuchFile', c.box, box, 'OpenFile', 'sa{sv}', 'hello')
        c.box(box, 'Destroy')
        check_equal(c.manager('ListBoxes', 'a{sv}', {}), [[]])
        bus_refused(UNKNOWN_OBJECT, c.box, box, 'Destroy')


@test
def test_violation_and_trace():
    """As varlink has them, numbers and all."""
    with on_bus() as s:
        c = s.bus
        box = c.create('b')
        options = {'profile': Variant('s', 'strict'), 'trace': Variant('b', True)}
        result, _ = c.box(box, 'Run', 'asa{sv}', ['/bin/sh', '-c', ': </etc/passwd; exec /bin/true'], options)
        check_equal(result['verdict'], 'security-violation', str(result))
        check_equal((result['violation']['syscall'], result['violation']['path']), ('execve', '/bin/true'))
        check_equal(len(result['violation']['arguments']), 6)
        check('/etc/passwd' in [e['path'] for e in result['trace']['entries'] if e['class'] == 'read'], str(result))
        check_equal(result['trace']['dropped'], 0)


@test
def test_run_group():
    with on_bus() as s:
        c = s.bus
        members = [{'name': Variant('s', 'writer'), 'arguments': Variant('as', ['echo', 'hi'])},
                   {'name': Variant('s', 'reader'), 'arguments': Variant('as', ['cat']), 'stdout': CAPTURE}]
        pipes = [{'from': Variant('s', 'writer'), 'to': Variant('s', 'reader'), 'record': Variant('b', True)}]
        results, = c.manager('RunGroup', 'aa{sv}aa{sv}a{sv}', members, pipes, {})
        check_equal([(r['name'], r['result']['verdict']) for r in results], [('writer', 'ok'), ('reader', 'ok')])
        check_equal([contents(r['stdoutFileDescriptor']) for r in results], [b'hi\n', b'hi\n'])

        pipes[0]['to'] = Variant('s', 'nobody')
        bus_refused(INVALID, c.manager, 'RunGroup', 'aa{sv}aa{sv}a{sv}', members, pipes, {})


@test
def test_stream():
    """What `stream` is over varlink, a pipe is here: piece by piece while the program runs, both ways, to either end."""
    with on_bus() as s:
        streamed = Variant('a{sv}', {'stream': Variant('b', True)})
        bus_refused(INVALID, s.bus.manager, 'Run', 'asa{sv}', ['cat'], {'stdin': streamed})

        (program_in, to_program), (from_program, program_out) = os.pipe(), os.pipe()
        pipes = {name: Variant('a{sv}', {'fileDescriptor': Variant('h', fd)})
                 for name, fd in (('stdin', program_in), ('stdout', program_out))}
        serial = s.bus.start(NAME, PATH, MANAGER, 'Run', 'asa{sv}', ['sh', '-c', 'cat; echo end'], pipes)
        os.close(program_in)
        os.close(program_out)
        for word in b'one\n', b'two\n':
            os.write(to_program, word)
            check_equal(os.read(from_program, 100), word)
        os.close(to_program)
        check_equal(os.read(from_program, 100), b'end\n')
        check_equal(os.read(from_program, 100), b'', 'closed when the program has ended')
        check_equal(s.bus.finish(serial)[0]['verdict'], 'ok')
        os.close(from_program)


@test
def test_stream_of_the_manual():
    if subprocess.run(['/usr/bin/python3', '-c', 'import dbus'], capture_output=True).returncode != 0:
        skip('no dbus-python here (python3-dbus)')
    page = (TOP / 'man' / 'org.judgebox1.5').read_text(encoding='utf-8')
    example = page.rpartition('\n.EX\n')[2].partition('.EE\n')[0].replace('\\e', '\\').replace('\\&', '')
    with on_bus() as s:
        done = subprocess.run(['/usr/bin/python3', '-c', example], capture_output=True, text=True, timeout=TIMEOUT,
                              env={**os.environ, 'DBUS_SYSTEM_BUS_ADDRESS': f'unix:path={s.address}'})
        check_equal((done.returncode, done.stdout), (0, 'hello, world\nok\n'), done.stderr)


@test
def test_manager_methods():
    with on_bus() as s:
        c = s.bus
        result, files = c.manager('Run', 'asa{sv}', ['echo', 'hi'],
                                  {'stdout': CAPTURE, 'settings': Variant('a{sv}', {'inodes': Variant('u', 1000)})})
        check_equal((result['verdict'], contents(files['stdoutFileDescriptor'])), ('ok', b'hi\n'))
        check(wait_until(lambda: c.manager('ListBoxes', 'a{sv}', {}) == [[]]), 'its box is gone')
        status, = c.manager('GetStatus')
        check_equal((status['boxes'], status['activeRuns']), (0, 0))
        picked = c.create('')
        check(picked.startswith(f'{PATH}/box/u0_'), picked)
        check_equal([box[3] for box in c.manager('ListBoxes', 'a{sv}', {})[0]], [picked])


@test
def test_properties():
    with on_bus() as s:
        box = s.bus.create('b')
        properties, = s.bus.call(NAME, box, PROPERTIES, 'GetAll', 's', BOX)
        check_equal((properties['Id'], properties['Owner'], properties['State'], properties['Runs'],
                     properties['ActiveRuns']), ('b', 0, 'idle', 0, 0))
        check(properties['ControlGroup'].startswith('/') and properties['UIDBase'] > 0 and properties['Created'] > 0,
              str(properties))
        check_equal(s.bus.call(NAME, box, PROPERTIES, 'Get', 'ss', BOX, 'State'), ['idle'])
        bus_refused('org.freedesktop.DBus.Error.PropertyReadOnly', s.bus.call, NAME, box, PROPERTIES, 'Set', 'ssv', BOX,
                    'State', Variant('s', 'running'))
        manager, = s.bus.call(NAME, PATH, PROPERTIES, 'GetAll', 's', MANAGER)
        check_equal(sorted(manager), ['CgroupManager', 'Version'])
        objects, = s.bus.call(NAME, PATH, OBJECT_MANAGER, 'GetManagedObjects')
        check_equal(objects[box][BOX]['Id'], 'b')


@test
def test_descriptors():
    """Those of the caller: standard streams, an executable, files in and out, and further ones."""
    with on_bus() as s:
        pathlib.Path('in').write_bytes(b'from a file\n')
        pathlib.Path('data').write_bytes(b'data\n')
        with (open('in', 'rb') as stdin, open('out', 'wb') as out, open('/bin/cat', 'rb') as program,
              open('in', 'rb') as third, open('data', 'rb') as data):
            result, files = s.bus.manager('Run', 'asa{sv}', ['cat', '-', '/proc/self/fd/7', 'data'], {
                'stdin': Variant('a{sv}', {'fileDescriptor': Variant('h', stdin.fileno())}),
                'stdout': Variant('a{sv}', {'fileDescriptor': Variant('h', out.fileno())}),
                'executableFileDescriptor': Variant('h', program.fileno()),
                'extraFileDescriptors': Variant('aa{sv}', [{'fileDescriptor': Variant('h', third.fileno()),
                                                            'target': Variant('i', 7)}]),
                'inFiles': Variant('aa{sv}', [{'fileDescriptor': Variant('h', data.fileno()),
                                               'path': Variant('s', 'data')}]),
                'outFiles': Variant('as', ['data', 'missing'])})
        check_equal(result['verdict'], 'ok', str(result))
        check_equal(pathlib.Path('out').read_bytes(), b'from a file\n' * 2 + b'data\n')
        copy, missing = files['outFileDescriptors']
        check_equal((copy['path'], contents(copy['fileDescriptor'])), ('data', b'data\n'))
        check_equal(missing, {'path': 'missing'})


@test
def test_contents():
    """What would be in a file, from clients that cannot send descriptors."""
    with on_bus() as s:
        box = s.bus.create('b')
        result, files = s.bus.box(box, 'Run', 'asa{sv}', ['cat', '-', 'a', 'b'], {
            'stdin': Variant('a{sv}', {'fileDescriptor': Variant('s', 'text\n')}),
            'inFiles': Variant('aa{sv}', [{'fileDescriptor': Variant('ay', b'\0\xff'), 'path': Variant('s', 'a')},
                                          {'fileDescriptor': Variant('s', ''), 'path': Variant('s', 'b')}]),
            'stdout': CAPTURE})
        check_equal((result['verdict'], contents(files['stdoutFileDescriptor'])), ('ok', b'text\n\0\xff'))
        for kind, value in (('as', ['x']), ('ai', [1]), ('o', '/x'), ('v', Variant('s', 'x')), ('b', True), ('aay', [b'x'])):
            bus_refused(INVALID, s.bus.box, box, 'Run', 'asa{sv}', ['cat'],
                        {'stdin': Variant('a{sv}', {'fileDescriptor': Variant(kind, value)})})


@test
def test_errors():
    with on_bus() as s:
        c = s.bus
        box = c.create('b')
        bus_refused('BoxExists', c.create, 'b')
        bus_refused('NoSuchBox', c.manager, 'GetBox', 's', 'nono')
        bus_refused('NoSuchFile', c.box, box, 'OpenFile', 'sa{sv}', 'nono')
        bus_refused('FileError', c.box, box, 'OpenFile', 'sa{sv}', '.')
        bus_refused('NoSuchRun', c.box, box, 'Kill', 'ta{sv}', 77)
        error = bus_refused('LimitOutOfRange', c.box, box, 'Run', 'asa{sv}', ['true'], {'limits': limits(cpuTimeUSec=0)})
        check('limits.cpuTimeUSec' in error.message, error.message)
        running = c.start(NAME, box, BOX, 'Run', 'asa{sv}', ['sleep', '60'], {})
        other = s.connection()
        check(wait_until(lambda: other.call(NAME, box, PROPERTIES, 'Get', 'ss', BOX, 'ActiveRuns') == [1]), 'runs')
        bus_refused('BoxBusy', other.box, box, 'Reset')
        check_equal(other.box(box, 'Kill', 'ta{sv}', 1), [1])
        check_equal(c.finish(running)[0]['verdict'], 'canceled')
        check_equal(c.box(box, 'Kill', 'ta{sv}', 0), [0])


@test
def test_destroyed_while_it_runs():
    with on_bus() as s:
        box = s.bus.create('b')
        running = s.bus.start(NAME, box, BOX, 'Run', 'asa{sv}', ['sleep', '60'], {})
        other = s.connection()
        check(wait_until(lambda: other.call(NAME, box, PROPERTIES, 'Get', 'ss', BOX, 'ActiveRuns') == [1]), 'runs')
        other.box(box, 'Destroy')
        check_equal(s.bus.finish(running)[0]['verdict'], 'canceled')


@test
def test_caller_leaves():
    with on_bus() as s:
        box = s.bus.create('b')
        for path, interface in ((PATH, MANAGER), (box, BOX)):
            caller = s.connection()
            caller.start(NAME, path, interface, 'Run', 'asa{sv}', ['sleep', '60'], {})
            check(wait_until(lambda: s.bus.manager('GetStatus')[0]['activeRuns'] == 1), 'runs')
            caller.close()
            check(wait_until(lambda: s.bus.manager('GetStatus')[0]['activeRuns'] == 0), 'was canceled')
        check(wait_until(lambda: s.bus.manager('GetStatus')[0]['boxes'] == 1), 'only the box that stays')


@test
def test_collect():
    """A run that goes on without its caller, whose number came by signal."""
    with on_bus() as s:
        box = s.bus.create('b')
        listener = s.connection()
        listener.match(f"type='signal',sender='{NAME}'")
        listener.manager('Subscribe')
        caller = s.connection()
        caller.start(NAME, box, BOX, 'Run', 'asa{sv}', ['sh', '-c', 'sleep 0.3; echo late; exit 3'],
                     {'keep': Variant('b', True), 'stdout': CAPTURE})
        run = wait_for_signal(listener, 'RunStarted').body[0]
        caller.close()
        bus_refused('NoSuchRun', s.bus.box, box, 'CollectRun', 'ta{sv}', run + 1)
        bus_refused(INVALID, s.bus.box, box, 'CollectRun', 'ta{sv}', 0)
        result, files = s.bus.box(box, 'CollectRun', 'ta{sv}', run)
        check_equal((result['verdict'], result['exitStatus'], result['run']), ('runtime-error', 3, run))
        check_equal(contents(files['stdoutFileDescriptor']), b'late\n')
        bus_refused('NoSuchRun', s.bus.box, box, 'CollectRun', 'ta{sv}', run)


# ---- signals ----

@test
def test_signals():
    with on_bus() as s:
        c = s.connection()
        c.match(f"type='signal',sender='{NAME}'")
        deaf = s.connection()
        deaf.match(f"type='signal',sender='{NAME}'")
        stranger = s.connection(65534)
        stranger.match(f"type='signal',sender='{NAME}'")
        stranger.match("type='signal'")
        stranger.manager('Subscribe')
        c.manager('Subscribe')
        c.manager('Subscribe')

        box = s.bus.create('b')
        s.bus.box(box, 'Run', 'asa{sv}', ['true'])
        s.bus.box(box, 'Destroy')
        wait_for_signal(c, 'InterfacesRemoved')
        ours = [m for m in c.signals if m.sender != 'org.freedesktop.DBus']
        check_equal([m.member for m in ours if m.interface == MANAGER], ['BoxNew', 'BoxRemoved'])
        check_equal([m.body for m in ours if m.member == 'BoxNew'], [['b', 0, box]])
        check_equal([(m.path, m.body[0]) for m in ours if m.interface == BOX], [(box, 1), (box, 1)])
        finished, = [m for m in ours if m.member == 'RunFinished']
        check_equal((finished.body[1]['verdict'], finished.body[1]['box']), ('ok', 'b'))
        check_equal([m.body[1]['State'] for m in ours if m.member == 'PropertiesChanged'], ['running', 'idle', 'stopping'])
        check_equal([m.member for m in ours if m.interface == OBJECT_MANAGER], ['InterfacesAdded', 'InterfacesRemoved'])
        check_equal({m.destination for m in ours}, {c.name})

        for silent in (deaf, stranger):
            check_equal([m for m in silent.settle() if m.sender != 'org.freedesktop.DBus'], [])

        c.manager('Unsubscribe')
        c.manager('Unsubscribe')
        c.signals.clear()
        s.bus.create('again')
        check_equal([m for m in c.settle() if m.sender != 'org.freedesktop.DBus'], [])


@test
def test_subscriber_leaves():
    with on_bus() as s:
        for _ in range(3):
            c = s.connection()
            c.manager('Subscribe')
            c.close()
        s.bus.box(s.bus.create('b'), 'Destroy')
        s.alive()


@test
def test_subscribers_of_one():
    """Each is one more signal to send of everything that the uid does."""
    with on_bus() as s:
        several = [s.connection(65534) for _ in range(33)]
        for c in several[:32]:
            c.manager('Subscribe')
        bus_refused('org.freedesktop.DBus.Error.LimitsExceeded', several[32].manager, 'Subscribe')
        several[0].manager('Subscribe')
        s.bus.manager('Subscribe')
        several[1].manager('Unsubscribe')
        several[32].manager('Subscribe')
        several[2].close()
        check(wait_until(lambda: subscribes(several[1])), 'one that has gone is not counted')


def subscribes(c):
    try:
        c.manager('Subscribe')
    except BusError:
        return False
    return True


# ---- what cannot be meant ----

def deep(depth):
    value = Variant('s', 'x')
    for _ in range(depth):
        value = Variant('a{sv}', {'limits': value})
    return value


BAD_OPTIONS = (
    {'nonsense': Variant('s', 'x')},
    {'': Variant('s', 'x')},
    {'arguments': Variant('as', ['false'])},
    {'limits': Variant('s', 'x')},
    {'limits': Variant('a{sv}', {'cpuTimeUSec': Variant('s', 'five')})},
    {'limits': Variant('a{sv}', {'cpuTimeUSec': Variant('d', 5.0)})},
    {'limits': Variant('a{sv}', {'cpuTimeUSec': Variant('t', (1 << 64) - 1)})},
    {'limits': Variant('a{sv}', {'cpuTimeUSec': Variant('t', 1 << 63)})},
    {'limits': Variant('a{sv}', {'nonsense': Variant('t', 5)})},
    {'limits': Variant('a{ss}', {'cpuTimeUSec': '5'})},
    {'limits': Variant('a{st}', {'cpuTimeUSec': 5})},
    {'limits': Variant('(st)', ('cpuTimeUSec', 5))},
    {'limits': Variant('v', Variant('v', Variant('u', 5)))},
    {'environment': Variant('s', 'A=B')},
    {'environment': Variant('as', ['no equals sign'])},
    {'environment': Variant('at', [1])},
    {'environment': Variant('av', [Variant('s', 'A=B'), Variant('t', 1)])},
    {'stdout': Variant('a{sv}', {'capture': Variant('s', 'yes')})},
    {'stdout': Variant('a{sv}', {'capture': Variant('b', True), 'path': Variant('s', 'x')})},
    {'stdin': Variant('a{sv}', {'fileDescriptor': Variant('i', 0)})},
    {'stdin': Variant('a{sv}', {'fileDescriptor': Variant('i', -1)})},
    {'stdin': Variant('a{sv}', {'fileDescriptor': Variant('x', 1 << 40)})},
    {'stdin': Variant('h', 0)},
    {'workingDirectory': Variant('s', '../..')},
    {'workingDirectory': Variant('g', 'ss')},
    {'stderrToStdout': Variant('u', 1)},
    {'outFiles': Variant('as', ['../../etc/passwd'])},
    {'extraFileDescriptors': Variant('aa{sv}', [{'target': Variant('i', 3)}])},
    {'extraFileDescriptors': Variant('aa{sv}', [{}])},
    {'extraFileDescriptors': Variant('aaaav', [[[]]])},
    {'settings': Variant('a{sv}', {'binds': Variant('aa{sv}', [{'path': Variant('s', '/x')}])})},
    {'limits': deep(10)},
    {'limits': deep(14)},
    {'limits': deep(18)},
)


@test
def test_bad_options():
    with on_bus() as s:
        box = s.bus.create('b')
        for options in BAD_OPTIONS:
            for path, interface in ((PATH, MANAGER), (box, BOX)):
                try:
                    reply = s.bus.call(NAME, path, interface, 'Run', 'asa{sv}', ['true'], options)
                    raise AssertionError(f'{options} was not refused: {reply}')
                except BusError as error:
                    good = error.name in (INVALID, f'{NAME}.Error.LimitOutOfRange', f'{NAME}.Error.InternalError')
                    check(good, f'{options}: {error}')
                    check(error.name != f'{NAME}.Error.InternalError', f'{options}: {error}')
        for option in ({'box': Variant('s', 'other')}, {'owner': Variant('u', 5)}):
            bus_refused(INVALID, s.bus.box, box, 'Run', 'asa{sv}', ['true'], option)
            bus_refused(INVALID, s.bus.box, box, 'Kill', 'ta{sv}', 0, option)
        s.alive()
        check_equal(s.bus.box(box, 'Run', 'asa{sv}', ['true'])[0]['verdict'], 'ok')


@test
def test_bad_names():
    with on_bus() as s:
        for name in ('a b', '../x', 'x' * 33, 'ä', '.', '/', 'a/b', '-' * 40):
            bus_refused(INVALID, s.bus.create, name)
            bus_refused(INVALID, s.bus.manager, 'GetBox', 's', name)
        bus_refused(INVALID, s.bus.manager, 'GetBox', 's', '')
        s.bus.create('a-b')
        for path in ('u0_a_2Db', 'u00_a_2db', 'u0_a__b', 'u0', 'u0_', 'u_a_2db', 'u0_a_2', 'u0_a_zz', 'u0_a_2db/x', 'x',
                     'u4294967295_a', 'u4294967296_a_2db', 'u99999999999999999999_a', 'u0_' + 'a' * 200, 'u0_a_00'):
            bus_refused(UNKNOWN_OBJECT, s.bus.box, f'{PATH}/box/{path}', 'Destroy')
        s.bus.box(f'{PATH}/box/u0_a_2db', 'Destroy')


@test
def test_wrong_signatures():
    with on_bus() as s:
        box = s.bus.create('b')
        for path, interface in ((PATH, MANAGER), (box, BOX)):
            for method in methods(s.bus, path, interface):
                signature = method[1]
                for wrong in ('', 's', 'u', 'a{sv}', 'as', 'sa{ss}', 'ssss', 'h', 'v'):
                    if wrong == signature:
                        continue
                    arguments = {'': [], 's': ['x'], 'u': [1], 'a{sv}': [{}], 'as': [[]], 'sa{ss}': ['x', {}],
                                 'ssss': list('abcd'), 'h': [0], 'v': [Variant('s', 'x')]}[wrong]
                    bus_refused(INVALID, s.bus.call, NAME, path, interface, method[0], wrong, *arguments)
        bus_refused('org.freedesktop.DBus.Error.UnknownMethod', s.bus.manager, 'Nonsense')
        bus_refused('org.freedesktop.DBus.Error.UnknownMethod', s.bus.box, box, 'Nonsense')
        bus_refused(UNKNOWN_OBJECT, s.bus.call, NAME, '/', MANAGER, 'ListBoxes', 'a{sv}', {})
        s.alive()


@test
def test_bad_messages():
    """What no library would send. The bus itself may hang up on it, and a new connection takes over."""
    with on_bus() as s:
        fd = os.open('/dev/null', os.O_RDWR)

        def say(signature, *arguments, **more):
            c = s.connection()
            try:
                reply = c.finish(c.send(CALL, {1: PATH, 2: MANAGER, 3: 'Run', 6: NAME}, signature, arguments, **more))
                raise AssertionError(f'{arguments} {more}'[:300] + f' was not refused: {reply}')
            except (EOFError, BrokenPipeError, ConnectionResetError):
                pass
            except BusError as error:
                check(error.name != f'{NAME}.Error.InternalError', f'{arguments}'[:300] + f': {error}')
            c.close()
            s.alive()

        pairs = [('workingDirectory', Variant('s', '/box'))] * 2
        say('asa{sv}', ['true'], pairs)
        say('asa{sv}', ['true'], [('limits', Variant('a{sv}', [('processes', Variant('u', 5)), ('processes', Variant('u', 6))]))])
        for index in (1, 17, 1 << 31, (1 << 32) - 1):
            say('asa{sv}', ['true'], {'stdin': Variant('a{sv}', {'fileDescriptor': Variant('h', FdIndex(index))}),
                                      'executableFileDescriptor': Variant('h', fd)})
        say('asa{sv}', ['true'], {'stdin': Variant('a{sv}', {'fileDescriptor': Variant('h', FdIndex(0))})})
        say('asa{sv}', ['true'], {'stdin': Variant('a{sv}', {'fileDescriptor': Variant('h', fd)})}, n_fds=0)
        say('asa{sv}', ['true'], {'stdin': Variant('a{sv}', {'fileDescriptor': Variant('h', fd)})}, n_fds=2)
        say('asa{sv}', [b'\xff\xfe'], {})
        say('asa{sv}', [b'a\0b'], {})
        say('asa{sv}', [], {})
        say('asa{sv}', [''], {})
        say('asa{sv}', ['true'], {'extraFileDescriptors': Variant('aa{sv}', [
            {'fileDescriptor': Variant('h', fd), 'target': Variant('i', 3 + i)} for i in range(17)])})
        say('asa{sv}', ['x' * (3 << 20)], {})
        say('asa{sv}', ['true'] * 200000, {})
        say('asa{sv}', ['true'], {'environment': Variant('as', ['A=' + 'x' * 1000] * 5000)})
        say('asa{sv}', ['true'], {f'x{i}': Variant('u', i) for i in range(100000)})
        os.close(fd)


@test
def test_one_descriptor_twice():
    """The same index in two places is two descriptors of one file."""
    with on_bus() as s:
        fd = os.open('/dev/null', os.O_RDWR)
        result, _ = s.bus.manager('Run', 'asa{sv}', ['true'], {
            'stdin': Variant('a{sv}', {'fileDescriptor': Variant('h', fd)}),
            'stdout': Variant('a{sv}', {'fileDescriptor': Variant('h', FdIndex(0))})})
        check_equal(result['verdict'], 'ok')
        os.close(fd)


@test
def test_nothing_is_left():
    with on_bus() as s:
        box = s.bus.create('b')
        fd = os.open('/dev/null', os.O_RDWR)
        stream = Variant('a{sv}', {'fileDescriptor': Variant('h', fd)})

        def once():
            c = s.bus
            c.box(box, 'Run', 'asa{sv}', ['true'], {'stdin': stream, 'stdout': CAPTURE})
            put(c, box, 'f', b'x')
            c.box(box, 'OpenFile', 'sa{sv}', 'f')
            bus_refused(INVALID, c.box, box, 'Run', 'asa{sv}', ['true'], {'stdin': stream, 'nonsense': stream})
            c.call(NAME, box, PROPERTIES, 'GetAll', 's', BOX)
            c.close_fds()

        for _ in range(20):
            once()
        fds, kib = s.n_fds(), s.anonymous_kib()
        for _ in range(100):
            once()
        for _ in range(50):
            visitor = s.connection()
            visitor.manager('Subscribe')
            visitor.close()
        check(wait_until(lambda: s.n_fds() <= fds), f'{s.n_fds()} descriptors, {fds} before')
        check(s.anonymous_kib() < kib + 1024, f'{s.anonymous_kib()} KiB, {kib} before')


# ---- the interfaces as they are shipped ----

def introspect(connection, path):
    return ET.fromstring(connection.call(NAME, path, INTROSPECTABLE, 'Introspect')[0])


def methods(connection, path, interface):
    node = introspect(connection, path).find(f"interface[@name='{interface}']")
    return [(m.get('name'), ''.join(a.get('type') for a in m.findall('arg') if a.get('direction') == 'in'))
            for m in node.findall('method')]


@test
def test_introspection():
    with on_bus() as s:
        box = s.bus.create('b')
        for path, interface in ((PATH, MANAGER), (box, BOX)):
            shipped = ET.parse(TOP / 'dbus' / f'{interface}.xml').getroot().find('interface')
            served = introspect(s.bus, path).find(f"interface[@name='{interface}']")
            for node in (shipped, served):
                ET.indent(node)
                node.tail = None
            check_equal(ET.canonicalize(ET.tostring(shipped), with_comments=False, strip_text=True),
                        ET.canonicalize(ET.tostring(served), with_comments=False, strip_text=True), interface)


@test
def test_log_control():
    """Anybody reads it, root sets it, and only to what there is."""
    def get(who, name):
        return who.call(NAME, LOG_CONTROL[0], PROPERTIES, 'Get', 'ss', LOG_CONTROL[1], name)[0]

    def put(who, name, value):
        who.call(NAME, LOG_CONTROL[0], PROPERTIES, 'Set', 'ssv', LOG_CONTROL[1], name, Variant('s', value))

    with on_bus() as s:
        nobody = s.connection(65534)
        check_equal([get(nobody, name) for name in ('LogLevel', 'LogTarget', 'SyslogIdentifier')],
                    ['info', 'console', 'judgeboxd'])
        put(s.bus, 'LogLevel', 'debug')
        check_equal(get(nobody, 'LogLevel'), 'debug')
        put(s.bus, 'LogLevel', 'info')
        put(s.bus, 'LogTarget', 'console')
        bus_refused('org.freedesktop.DBus.Error.InvalidArgs', put, s.bus, 'LogLevel', 'loud')
        bus_refused('org.freedesktop.DBus.Error.NotSupported', put, s.bus, 'LogTarget', 'syslog')
        bus_refused('org.freedesktop.DBus.Error.AccessDenied', put, nobody, 'LogLevel', 'debug')
        check_equal(get(nobody, 'LogLevel'), 'info')


@test
def test_busctl():
    with on_bus() as s:
        done = s.tool('busctl', '--system', 'call', NAME, PATH, MANAGER, 'CreateBox', 'sa{sv}', 'b', '1', 'inodes', 't', '500')
        check_equal((done.returncode, done.stdout), (0, f'o "{PATH}/box/u0_b"\n'), done.stderr)
        check('/org/judgebox1/box/u0_b' in s.tool('busctl', '--system', 'tree', '--list', NAME).stdout, 'in the tree')
        check('.Destroy' in s.tool('busctl', '--system', 'introspect', NAME, f'{PATH}/box/u0_b', BOX).stdout, 'introspected')


def sessions(text):
    """What is typed after each prompt, with the lines that continue it."""
    script = []
    for line in text.splitlines():
        line = line.removeprefix('    ')
        if line.startswith('$ ') or (script and script[-1].endswith('\\')):
            script.append(line.removeprefix('$ '))
    return '\n'.join(script)


def check_session(script):
    """By root, whose box it is then; it ends with the first command that fails."""
    with on_bus() as s:
        done = s.tool('sh', '-ec', script)
        check_equal(done.returncode, 0, done.stderr)
        check('"verdict" s "ok"' in done.stdout, done.stdout)
        check('"hello.sh"' in done.stdout, done.stdout)
        check_equal(s.bus.manager('ListBoxes', 'a{sv}', {}), [[]])


@test
def test_session_of_the_man_page():
    page = (TOP / 'man' / 'org.judgebox1.5').read_text(encoding='utf-8')
    check_session(sessions(page.replace('\\-', '-').replace('\\e', '\\')))


@test
def test_session_of_the_readme():
    readme = (TOP / 'README.md').read_text(encoding='utf-8')
    check_session(sessions(readme.partition('## Over D-Bus')[2].partition('\n## ')[0]))


@test
def test_man_page_has_all():
    page = (TOP / 'man' / 'org.judgebox1.5').read_text(encoding='utf-8')
    for interface in (MANAGER, BOX):
        for member in ET.parse(TOP / 'dbus' / f'{interface}.xml').getroot().find('interface'):
            name = member.get('name')
            check(f'\\fB{name}\\fP(' in page or f' {name} "' in page, f'{interface}.{name}')


main()
