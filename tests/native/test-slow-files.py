#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Files whose server does not answer: who hands one over waits for it, and what else goes on in the same box does not."""

import contextlib
import select
import time

from harness import JUDGECTL, check, check_equal, main, test, wait_until
from service import Failed, HostileFile, listening

STALL_SEC = 10      # after which judgebox-init gives a copy up


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


main()
