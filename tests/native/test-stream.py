#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs whose standard streams go through the service: output in replies, input by a method."""

import base64
import os
import time

from harness import check, check_equal, main, test, wait_until
from service import Failed, listening, refused

STREAM = {'stream': True}


class Streamed:
    """A run with all three streams, or those named, and the connection that it is on."""

    def __init__(self, service, script, streams=('stdin', 'stdout', 'stderr'), **more):
        self.service = service
        self.client = service.connect()
        self.client.send('Run', {'arguments': ['/bin/sh', '-c', script], **{name: STREAM for name in streams}, **more},
                         more=True)
        self.started = self.client.receive()['started']
        self.output = {'stdout': b'', 'stderr': b''}
        self.result = None

    def step(self):
        reply = self.client.receive()
        if reply.get('result'):
            self.result = reply['result']
            return False
        piece = reply['output']
        self.output[piece['stream']] += base64.b64decode(piece['dataBase64'])
        return True

    def finish(self):
        while self.step():
            pass
        return self.result

    def write(self, data=b'', end=False):
        return self.service.client.call('SendInput', {**self.started, 'dataBase64': base64.b64encode(data).decode(),
                                                      **({'end': True} if end else {})})['closed']


@test
def test_conversation():
    """What is answered depends on what was said before."""
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b'})
        run = Streamed(s, 'while read line; do echo "<$line>"; echo "said $line" >&2; done; exit 3', box='b')
        for word in b'one', b'two', b'three':
            check(not run.write(word + b'\n'))
            while not run.output['stdout'].endswith(b'<' + word + b'>\n'):
                check(run.step(), 'not at its end')
        check(not run.write(end=True))
        check_equal(run.finish()['exitStatus'], 3)
        check_equal(run.output, {'stdout': b'<one>\n<two>\n<three>\n', 'stderr': b'said one\nsaid two\nsaid three\n'})
        refused('NoSuchRun', s.client, 'SendInput', run.started)


@test
def test_much():
    """Every byte, in both directions, and a piece of the answer that is larger than any pipe."""
    with listening() as s:
        data = os.urandom(1 << 20)
        run = Streamed(s, 'cat >all; cat all', ('stdin', 'stdout'))
        for at in range(0, len(data), 100_000):
            check(not run.write(data[at:at + 100_000], end=at + 100_000 >= len(data)))
        check_equal(run.finish()['verdict'], 'ok')
        check_equal(run.output['stdout'], data)


@test
def test_slow_reader():
    """Who does not read holds up the program, not the service, and misses nothing."""
    with listening() as s:
        run = Streamed(s, 'head -c 8000000 /dev/zero; echo end', ('stdout',), limits={'wallTimeUSec': 60_000_000})
        before = s.anonymous_kib()
        time.sleep(1)
        check(s.anonymous_kib() - before < 4096, 'the service does not keep it')
        check_equal(s.client.run('/bin/true')['verdict'], 'ok')
        check_equal(run.finish()['verdict'], 'ok')
        check_equal(len(run.output['stdout']), 8000004)


@test
def test_output_limit():
    with listening() as s:
        run = Streamed(s, 'while :; do echo xxxxxxxxxxxxxxx; done', ('stdout',), limits={'outputBytes': 100_000})
        check_equal(run.finish()['verdict'], 'output-limit')
        check_equal(len(run.output['stdout']), 100_000)


@test
def test_input_is_not_read():
    """A call waits for room in the pipe, and is answered when there will never be any."""
    with listening() as s:
        run = Streamed(s, 'sleep 0.5', ('stdin',))
        began = time.monotonic()
        check(run.write(bytes(500_000)), 'closed')
        check(time.monotonic() - began > 0.3, 'it waited')
        check_equal(run.finish()['verdict'], 'ok')

        run = Streamed(s, 'exec <&-; echo closed; sleep 1', ('stdin', 'stdout'))
        check(run.step())
        check(run.write(b'x'), 'closed')
        run.finish()


@test
def test_somebody_goes():
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b'})
        s.client.run('/bin/true', box='b')
        before = s.n_fds()
        run = Streamed(s, 'while :; do echo x; done', box='b')
        run.client.close()
        check(wait_until(lambda: s.client.call('GetStatus')['activeRuns'] == 0), 'its run is canceled')

        # One that waits to write, and the run that it writes to.
        run = Streamed(s, 'sleep 60', ('stdin',), box='b')
        writer = s.connect()
        writer.send('SendInput', {**run.started, 'dataBase64': base64.b64encode(bytes(500_000)).decode()})
        time.sleep(0.2)
        writer.close()
        check_equal(s.client.call('GetStatus')['activeRuns'], 1)
        writer = s.connect()
        writer.send('SendInput', {**run.started, 'dataBase64': base64.b64encode(bytes(500_000)).decode()})
        time.sleep(0.2)
        run.client.close()
        check(writer.receive()['closed'])
        writer.close()
        check(wait_until(lambda: s.n_fds() <= before), f'{before} -> {s.n_fds()} descriptors')


@test
def test_cancel():
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b'})
        run = Streamed(s, 'echo before; sleep 60', box='b')
        check(run.step())
        s.client.call('Kill', run.started)
        check_equal(run.finish()['verdict'], 'canceled')
        check_equal(run.output['stdout'], b'before\n')


@test
def test_refused():
    with listening() as s:
        arguments = {'arguments': ['cat'], 'stdin': STREAM}
        try:
            s.client.call('Run', arguments)
        except Failed as failure:
            check_equal(failure.error, 'ExpectedMore')
        else:
            raise AssertionError('without more')
        for parameters, field in (({**arguments, 'keep': True}, 'keep'),
                                  ({'arguments': ['cat'], 'stdin': {'stream': True, 'path': 'x'}}, 'stdin')):
            c = s.connect()
            c.send('Run', parameters, more=True)
            try:
                c.receive()
            except Failed as failure:
                check_equal(failure.parameters, {'parameter': field})
            else:
                raise AssertionError(field)
            c.close()
        refused('InvalidParameter', s.client, 'RunGroup', {'members': [{'name': 'a', **arguments}]},
                parameter='members[0].stream')

        s.client.call('CreateBox', {'box': 'b'})
        refused('NoSuchRun', s.client, 'SendInput', {'box': 'b', 'run': 1})
        run = Streamed(s, 'sleep 60', ('stdout',), box='b')
        refused('InvalidParameter', s.client, 'SendInput', run.started, parameter='run')
        run.client.close()
        run = Streamed(s, 'cat', box='b')
        refused('InvalidParameter', s.client, 'SendInput', {**run.started, 'dataBase64': '=x'}, parameter='dataBase64')
        run.write(end=True)
        refused('InvalidParameter', s.client, 'SendInput', run.started, parameter='run')
        run.finish()


main()
