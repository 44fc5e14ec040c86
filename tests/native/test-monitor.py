#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events as they happen: the method Monitor, and judgectl monitor and top."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from harness import JUDGECTL, TIMEOUT, check, check_equal, judgectl, main, test, wait_until
from restart import managed
from service import Failed, listening, refused


def monitor(service, **parameters):
    client = service.connect()
    check_equal(client.call('Monitor', parameters, more=True), {})
    check(client.continues)
    return client


def next_event(client):
    event = client.receive()['event']
    check(client.continues)
    check(abs(event.pop('timeUSec') / 1e6 - time.time()) < TIMEOUT, 'the time')
    return event


class Command:
    """judgectl, which goes on until it is ended."""

    def __init__(self, service, *words):
        self.process = subprocess.Popen([JUDGECTL, f'--socket={service.path}', *words], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, bufsize=0)
        self.read = b''

    def line(self):
        while b'\n' not in self.read:
            check(select.select([self.process.stdout], [], [], TIMEOUT)[0], 'there is a line')
            self.read += self.process.stdout.read(4096)
        line, _, self.read = self.read.partition(b'\n')
        return line.decode()

    def end(self, sig=signal.SIGINT):
        self.process.send_signal(sig)
        _, err = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, err.decode()


@test
def test_events():
    with listening() as s:
        m = monitor(s)
        s.client.call('CreateBox', {'box': 'b'})
        check_equal(next_event(m), {'type': 'box-new', 'box': 'b', 'owner': 0})
        result = s.client.run('/bin/sh', '-c', 'exit 3', box='b')
        check_equal(next_event(m), {'type': 'run-started', 'box': 'b', 'owner': 0, 'run': result['run']})
        told = ('box', 'owner', 'run', 'verdict', 'cpuTimeUSec', 'wallTimeUSec', 'memoryPeakBytes')
        check_equal(next_event(m), {'type': 'run-finished', **{key: result[key] for key in told if key in result}})
        s.client.call('DestroyBox', {'box': 'b'})
        check_equal(next_event(m), {'type': 'box-removed', 'box': 'b', 'owner': 0})

        box = s.client.run('/bin/true')['box']
        check_equal([(e['type'], e['box']) for e in (next_event(m) for _ in range(4))],
                    [(e, box) for e in ('box-new', 'run-started', 'run-finished', 'box-removed')])


@test
def test_kept_run():
    """It has finished when its program has, not when somebody collects it; and what never began is not told of."""
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b'})
        m = monitor(s)
        runner = s.connect()
        runner.send('Run', {'box': 'b', 'arguments': ['sleep', '0.1'], 'keep': True}, more=True)
        started = runner.receive()['started']
        runner.close()
        check_equal([next_event(m)['type'] for _ in range(2)], ['run-started', 'run-finished'])
        check_equal(s.client.call('CollectRun', started)['result']['verdict'], 'ok')
        check_equal(s.client.run('/no/such/program', box='b')['verdict'], 'exec-failed')
        check_equal([next_event(m).get('verdict') for _ in range(2)], [None, 'exec-failed'])


@test
def test_parameters():
    with listening() as s:
        refused('ExpectedMore', s.client, 'Monitor')
        try:
            s.connect().call('Monitor', {'owner': -1}, more=True)
            raise AssertionError('it was not refused')
        except Failed as failure:
            check_equal((failure.error, failure.parameters), ('InvalidParameter', {'parameter': 'owner'}))
        alls, others = monitor(s, all=True), monitor(s, owner=1)
        s.client.call('CreateBox', {'box': 'b'})
        check_equal(next_event(alls)['box'], 'b')
        check_equal(select.select([others.sock], [], [], 0.2)[0], [])


@test
def test_slow_reader():
    """Who does not read is told how much was missed, and costs the service little."""
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b'})
        n_runs = 600
        quick, slow = monitor(s), monitor(s)
        before = s.anonymous_kib()
        for _ in range(n_runs):
            check_equal(s.client.run('/bin/true', box='b')['verdict'], 'ok')
            for kind in 'run-started', 'run-finished':
                event = next_event(quick)
                check_equal((event['type'], 'missed' in event), (kind, False))
        check(s.anonymous_kib() - before < 2048, 'the service does not keep it')

        told = missed = 0
        last = {}
        while told + missed < 2 * n_runs:
            last = next_event(slow)
            told += 1
            missed += last.get('missed', 0)
        check_equal(told + missed, 2 * n_runs)
        check(missed > 0 and told > 256, f'{told} told, {missed} missed')
        check_equal(last['run'], event['run'], 'the newest are kept')


@test
def test_somebody_goes():
    with listening() as s:
        s.client.run('/bin/true')
        before = s.n_fds()
        for _ in range(20):
            monitor(s).close()
            client = s.connect()
            client.send('Monitor', {}, more=True)
            client.close()
        check_equal(s.client.run('/bin/true')['verdict'], 'ok')
        check(wait_until(lambda: s.n_fds() <= before), f'{s.n_fds()} descriptors, {before} before')
        left = monitor(s)
        check_equal(s.stop(signal.SIGINT), 0)
        with contextlib.suppress(EOFError, ConnectionResetError):
            left.receive()


@test
def test_judgectl_monitor():
    with listening() as s:
        text, short = Command(s, 'monitor'), Command(s, 'monitor', '--all', '--json=short')
        check(wait_until(lambda: s.n_fds() and len(connections(s)) >= 3), 'both are there')
        s.client.call('CreateBox', {'box': 'b'})
        check(re.fullmatch(r'[\d-]{10} [\d:]{8}\.\d{3} box-new      root/b', text.line()))
        check_equal(json.loads(short.line())['type'], 'box-new')
        run = s.client.run('/bin/true', box='b')['run']
        check(text.line().endswith(f' run-started  root/b {run}'))
        check(re.search(rf' run-finished root/b {run}: ok, CPU .*, wall ', text.line()))
        check_equal([json.loads(short.line())['run'] for _ in range(2)], [run, run])
        for command in text, short:
            check_equal(command.end(), (-signal.SIGINT, ''))


def connections(service):
    """Those that the service has accepted."""
    sockets = []
    for fd in os.listdir(f'/proc/{service.pid}/fd'):
        with contextlib.suppress(FileNotFoundError):
            sockets.append(os.readlink(f'/proc/{service.pid}/fd/{fd}'))
    return [name for name in sockets if name.startswith('socket:')]


@test
def test_judgectl_monitor_restart():
    """It goes on with the service that comes after, and says that it did."""
    with managed() as m:
        m.connect().call('CreateBox', {'box': 'stays'})
        command = Command(m, 'monitor', '--json=short')
        time.sleep(0.5)
        m.restart()
        client = m.connect()
        client.call('CreateBox', {'box': 'after'})
        while json.loads(command.line())['box'] != 'after':
            pass
        status, err = command.end()
        check_equal(status, -signal.SIGINT)
        check('was restarted' in err, err)


@test
def test_judgectl_monitor_pipe():
    """Its reader goes away."""
    with listening() as s:
        command = Command(s, 'monitor')
        events = monitor(s)
        time.sleep(0.5)
        command.process.stdout.close()
        s.client.call('CreateBox', {'box': 'b'})
        check_equal(next_event(events)['box'], 'b')
        check_equal(command.process.wait(TIMEOUT), 2)
        check_equal(command.process.stderr.read(), b'')


@test
def test_top():
    with listening() as s:
        def top(*words):
            return judgectl(f'--socket={s.path}', 'top', *words)

        check_equal(top().stdout, '')
        s.client.call('CreateBox', {'box': 'idle'})
        s.client.call('CreateBox', {'box': 'busy'})
        busy = s.connect()
        busy.send('Run', {'box': 'busy', 'arguments': ['/bin/sh', '-c', 'while :; do :; done'],
                          'limits': {'cpuTimeUSec': 60_000_000, 'wallTimeUSec': 60_000_000}})
        check(wait_until(lambda: s.client.call('GetStatus')['activeRuns'] == 1), 'runs')

        lines = top('--iterations=2', '--delay=300ms').stdout.splitlines()
        check_equal(lines[0].split(), ['BOX', 'OWNER', 'STATE', 'CPU%', 'TASKS', 'MEMORY', 'RUNS', 'CPU'])
        check_equal([line.split()[0] for line in lines if line], ['BOX', 'busy', 'idle'] * 2)
        boxes = [json.loads(line) for line in top('-n', '2', '-d', '0.5', '--json=short').stdout.splitlines()]
        check_equal([[b['box'] for b in look] for look in boxes], [['busy', 'idle']] * 2)
        check(boxes[1][0]['cpuPercent'] > 10 * boxes[1][1]['cpuPercent'], boxes)
        check('idle' in top('--all', '--no-legend').stdout)
        check_equal(top('--owner=bin').stdout, '')
        for words in (('-n', '0'), ('-d', '1us'), ('--all', '--owner=bin'), ('x',)):
            check_equal(top(*words).status, 2, str(words))
        busy.close()


@test
def test_top_on_a_terminal():
    """q and ^C end it, and the terminal is as it was."""
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b'})
        for key, status in (b'xq', 0), (b'\x03', signal.SIGINT):
            pid, fd = pty.fork()
            if pid == 0:
                os.environ['TERM'] = 'xterm'
                os.execv(JUDGECTL, ['judgectl', f'--socket={s.path}', 'top', '-d', '100ms'])
            fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
            shown = b''
            while shown.count(b'1 box, 0 runs going on') < 3:
                check(select.select([fd], [], [], TIMEOUT)[0], shown)
                shown += os.read(fd, 4096)
            check(not termios.tcgetattr(fd)[3] & (termios.ECHO | termios.ICANON), 'keys come as they are pressed')
            os.write(fd, key)
            _, ended = os.waitpid(pid, 0)
            check_equal(ended, status)
            settings = termios.ECHO | termios.ICANON
            check_equal(termios.tcgetattr(fd)[3] & settings, settings, 'as it was')
            os.close(fd)


main()
