#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Files whose server does not answer, and sockets that wait when they are closed: who hands one over waits for it, and what
else goes on in the same box, or in the service, does not."""

import array
import contextlib
import os
import select
import signal
import socket
import struct
import time

from harness import EMULATED, JUDGECTL, check, check_equal, main, test, wait_until
from service import Failed, HostileFile, listening, refused, trash_is_empty

STALL_SEC = 10      # after which judgebox-init gives a copy up
GRACE_SEC = 30      # after its wall time, in which judgeboxd must have heard of a run's end


@contextlib.contextmanager
def box_and_file(silent):
    """A service with box b, and such a file. Left: when the file's server is gone, so is all that was stuck."""
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b'})
        file = HostileFile(silent)
        try:
            yield s, file.fd
        finally:
            file.close()
        s.client.call('DestroyBox', {'box': 'b'})
        check(wait_until(lambda: not s.client.call('ListBoxes')['boxes']), 'no box is left')


def failed(kind, function):
    try:
        reply = function()
    except Failed as failure:
        check_equal(failure.error, kind, str(failure))
        return failure.parameters
    raise AssertionError(f'it did not fail with {kind}: {reply}')


def runs_as_ever(s, waiting):
    """Programs start, end, are killed at their limits and at request, and files come and go."""
    check_equal(s.client.run('sh', '-c', 'echo there > file', box='b')['verdict'], 'ok')
    check_equal(s.client.read(s.client.call('OpenFile', {'box': 'b', 'path': 'file'})['fileDescriptor']), b'there\n')
    result = s.client.run('sleep', '100', box='b', limits={'wallTimeUSec': 200_000})
    check_equal(result['verdict'], 'wall-time-limit', str(result))
    check(result['wallTimeUSec'] < 3_000_000, f'at its limit: {result}')

    other = s.connect()
    other.send('Run', {'box': 'b', 'arguments': ['sleep', '100']}, more=True)
    number = other.receive()['started']['run']
    check_equal(s.client.call('Kill', {'box': 'b', 'run': number})['killed'], 1)
    check_equal(other.receive()['result']['verdict'], 'canceled')
    other.close()
    check(not select.select([waiting.sock], [], [], 0)[0], 'nothing has come for the other yet')


@test
def test_copy_into_the_box():
    with box_and_file('read') as (s, fd):
        waiting, started = s.connect(), time.monotonic()
        waiting.send('Run', {'box': 'b', 'arguments': ['cat', 'in'], 'inFiles': [{'fileDescriptor': 0, 'path': 'in'}]}, [fd])
        runs_as_ever(s, waiting)

        # Who asked is told in the end.
        error = failed('FileError', waiting.receive)
        check_equal((error['path'], error['error']), ('in', 'ETIMEDOUT'))
        check(STALL_SEC - 1 <= time.monotonic() - started < 3 * STALL_SEC, f'after {time.monotonic() - started} s')
        runs_as_ever(s, waiting)
        waiting.close()


@test
def test_program_to_execute():
    with box_and_file('read') as (s, fd):
        waiting = s.connect()
        waiting.send('Run', {'box': 'b', 'arguments': ['x'], 'executableFileDescriptor': 0}, [fd], more=True)
        number = waiting.receive()['started']['run']
        runs_as_ever(s, waiting)

        # It can be called off although it never began; and it gives up by itself.
        check_equal(s.client.call('Kill', {'box': 'b', 'run': number})['killed'], 1)
        check_equal(waiting.receive()['result']['verdict'], 'canceled')
        result = s.client.run('x', box='b', executableFileDescriptor=0, fds=[fd])
        check_equal((result['verdict'], result['error']), ('exec-failed', 'ETIMEDOUT'), str(result))
        waiting.close()


@test
def test_more_than_there_are_turns():
    """Those that get nowhere keep the others only until they are given up."""
    with box_and_file('read') as (s, fd), open(JUDGECTL, 'rb') as good:
        stuck = s.connect()
        stuck.send('Run', {'box': 'b', 'arguments': ['true'],
                           'inFiles': [{'fileDescriptor': i, 'path': f'in{i}'} for i in range(4)]}, [fd] * 4)
        waiting = s.connect()
        waiting.send('Run', {'box': 'b', 'arguments': ['test', '-s', 'good'], 'inFiles': [{'fileDescriptor': 0, 'path': 'good'}]},
                     [good.fileno()])
        check_equal(waiting.receive()['result']['verdict'], 'ok')
        failed('FileError', stuck.receive)
        runs_as_ever(s, waiting)
        stuck.close()
        waiting.close()


@test
def test_reset_calls_it_off():
    with box_and_file('read') as (s, fd):
        waiting = s.connect()
        waiting.send('Run', {'box': 'b', 'arguments': ['x'], 'executableFileDescriptor': 0}, [fd], more=True)
        waiting.receive()
        failed('BoxBusy', lambda: s.client.call('ResetBox', {'box': 'b'}))
        s.client.call('Kill', {'box': 'b'})
        check_equal(waiting.receive()['result']['verdict'], 'canceled')
        s.client.call('ResetBox', {'box': 'b'})
        check_equal(s.client.run('true', box='b')['verdict'], 'ok')
        waiting.close()


@test
def test_files_that_do_not_close():
    """They are read, and closed by whoever has the time."""
    with box_and_file('flush') as (s, fd):
        waiting = s.connect()
        waiting.send('Run', {'box': 'b', 'arguments': ['grep', '-qx', '12345', 'in'],
                             'inFiles': [{'fileDescriptor': 0, 'path': 'in'}]}, [fd])
        check_equal(waiting.receive()['result']['verdict'], 'ok')
        runs_as_ever(s, waiting)
        waiting.close()


@test
def test_output_to_a_file():
    """What a program writes somebody else waits with, who is not waited for when the run is called off."""
    with box_and_file('write') as (s, fd):
        waiting = s.connect()
        waiting.send('Run', {'box': 'b', 'arguments': ['echo', 'x'], 'stdout': {'fileDescriptor': 0},
                             'stderr': {'fileDescriptor': 1}}, [fd, fd], more=True)
        number = waiting.receive()['started']['run']
        runs_as_ever(s, waiting)

        check_equal(s.client.call('Kill', {'box': 'b', 'run': number})['killed'], 1)
        result = waiting.receive()['result']
        check_equal((result['verdict'], result['stdoutBytes'], result['stderrBytes']), ('ok', 2, 0), str(result))
        waiting.close()


@test
def test_output_arrives():
    """A run is not at its end before all that it wrote is where it belongs, be it as much as may be."""
    with box_and_file('nothing') as (s, fd):
        for limit, verdict in ((3_000_000, 'ok'), (2_999_999, 'output-limit')):
            result = s.client.run('head', '-c', '3000000', '/dev/zero', box='b', stdout={'fileDescriptor': 0}, fds=[fd],
                                  limits={'outputBytes': limit})
            check_equal((result['verdict'], result['stdoutBytes']), (verdict, limit), str(result))
        check_equal(os.lseek(fd, 0, os.SEEK_CUR), 5_999_999)


@test
def test_program_that_waits():
    """Nothing ends it before the server answers or goes: its box ends in its place, and nobody else waits."""
    with listening() as s:
        for box in ('b', 'other'):
            s.client.call('CreateBox', {'box': box})
        file, waiting, started = HostileFile('read'), s.connect(), time.monotonic()
        try:
            waiting.send('Run', {'box': 'b', 'arguments': ['cat'], 'stdin': {'fileDescriptor': 0},
                                 'limits': {'wallTimeUSec': 200_000}}, [file.fd])
            check_equal(s.client.run('true', box='other')['verdict'], 'ok')
            result = waiting.receive()['result']
            check_equal((result['verdict'], result.get('error')), ('internal-error', 'ETIMEDOUT'), str(result))
            check(GRACE_SEC <= time.monotonic() - started < GRACE_SEC + 15, f'after {time.monotonic() - started} s')
            check_equal(s.client.run('true', box='other')['verdict'], 'ok')
        finally:
            file.close()
        check(wait_until(lambda: [b['box'] for b in s.client.call('ListBoxes')['boxes']] == ['other']), 'it is gone')
        s.client.call('DestroyBox', {'box': 'other'})
        waiting.close()


@test
def test_files_that_do_not_say_what_they_are():
    with box_and_file('getattr') as (s, fd):
        result = s.client.run('echo', 'x', box='b', stdin={'fileDescriptor': 0},
                              stdout={'fileDescriptor': 1}, extraFileDescriptors=[{'fileDescriptor': 2, 'target': 7}],
                              fds=[fd] * 3)
        check_equal((result['verdict'], result['stdoutBytes']), ('ok', 2), str(result))


# ---- what the service itself is rid of ----

LINGER_SEC = 100 if EMULATED else 20


@contextlib.contextmanager
def lingering_socket():
    """Whoever is the last to close it waits for a peer who does not read."""
    with socket.socket() as listener, socket.socket() as sock:
        listener.bind(('127.0.0.1', 0))
        listener.listen()
        sock.connect(listener.getsockname())
        peer, _ = listener.accept()
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                sock.send(bytes(1 << 16))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, LINGER_SEC))
        try:
            yield sock
        finally:
            peer.close()


def rights(*fds):
    return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))]


def serves_at_once(s):
    start = time.monotonic()
    third = s.connect()
    third.sock.settimeout(LINGER_SEC)
    third.call('GetStatus')
    third.close()
    check(time.monotonic() - start < LINGER_SEC / 2, 'nobody else waits')


@test
def test_copies_of_a_descriptor():
    """That are made of it before it is refused."""
    with listening() as s:
        file = HostileFile()
        try:
            refused('InvalidParameter', s.client, 'Run', {'arguments': ['x'], 'terminalFileDescriptor': 0}, [file.fd],
                    parameter='terminalFileDescriptor')
            serves_at_once(s)
        finally:
            file.close()


@test
def test_while_the_service_has_one():
    """What it starts for a box, and for what is left of one, is not held up."""
    with listening() as s:
        file = HostileFile()
        try:
            s.client.sock.settimeout(LINGER_SEC)
            slow = s.connect()
            slow.sock.sendmsg([b'{'], rights(file.fd))
            serves_at_once(s)
            box = s.client.call('CreateBox', {'box': 'b', 'settings': {'hostDirectory': True}})
            open(f'{box["directory"]}/box/file', 'x').close()
            s.client.call('DestroyBox', {'box': 'b'})
            check(wait_until(trash_is_empty), 'what was in its directory is gone')
            slow.close()
        finally:
            file.close()


@test
def test_socket_that_is_refused():
    """By itself, and on its way through another."""
    with listening() as s:
        for through_another in False, True:
            with lingering_socket() as sock:
                ours, theirs = socket.socketpair()
                with ours, theirs:
                    if through_another:
                        ours.sendmsg([b'x'], rights(sock.fileno()))
                    sent = theirs if through_another else sock
                    client = s.connect()
                    client.sock.sendmsg([b'{"method":"org.judgebox.Manager.Run",'], rights(sent.fileno()))
                    sock.close()
                client.sock.sendall(b'"parameters":{"arguments":[],"stdout":{"fileDescriptor":0}}}\0')
                try:
                    client.receive()
                except Failed as failure:
                    check_equal(failure.parameters['parameter'], 'arguments', str(failure))
                serves_at_once(s)
                client.close()


@test
def test_socket_that_is_not_read():
    """Behind what ends the connection, and among more than a message can have."""
    with listening() as s:
        for before, n_others in (b'no message\0', 0), (b'', 100):
            with lingering_socket() as sock, open('/dev/null', 'rb') as null:
                client = s.connect()
                s.process.send_signal(signal.SIGSTOP)
                client.sock.sendall(before)
                client.sock.sendmsg([b'{'], rights(*[null.fileno()] * n_others, sock.fileno()))
                sock.close()
                s.process.send_signal(signal.SIGCONT)
                serves_at_once(s)
                client.close()


main()
