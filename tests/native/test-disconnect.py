#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes with the connection of whoever asked for it, however that ends, and what does not."""

import os
import signal
import subprocess
import time

from bus import BOX, MANAGER, NAME, PATH, SIGNAL, Variant, bus_daemon, on_bus, serving
from harness import JUDGECTL, TIMEOUT, TOP, check, check_equal, main, test, wait_until
from restart import managed
from service import listening

HELD = {'untilDisconnect': True}
HELD_ON_BUS = {'untilDisconnect': Variant('b', True)}


def boxes(client):
    return sorted(box['box'] for box in client.call('ListBoxes')['boxes'])


def check_boxes(client, *names):
    check(wait_until(lambda: boxes(client) == sorted(names)), f'{boxes(client)}, not {names}')


@test
def test_varlink():
    with listening() as s:
        first, second = s.connect(), s.connect()
        first.call('CreateBox', {'box': 'held', **HELD})
        first.call('CreateBox', {'box': 'picked', 'untilDisconnect': False})
        second.call('CreateBox', {'box': 'other', **HELD})
        # Who else uses it does not keep it.
        check_equal(second.run('/bin/true', box='held')['verdict'], 'ok')
        second.send('Run', {'box': 'held', 'arguments': ['/bin/sleep', '100']})
        check(wait_until(lambda: s.client.call('GetStatus')['activeRuns'] == 1), 'it runs')
        first.close()
        check_equal(second.receive()['result']['verdict'], 'canceled')
        check_boxes(s.client, 'picked', 'other')
        second.close()
        check_boxes(s.client, 'picked')
        s.client.call('DestroyBox', {'box': 'picked'})


@test
def test_leaves_at_once():
    """Before there is an answer."""
    with listening() as s:
        for _ in range(20):
            hasty = s.connect()
            hasty.send('CreateBox', {'box': 'b', **HELD})
            hasty.close()
            check_boxes(s.client)


@test
def test_bus():
    with on_bus() as s:
        first, second = s.connection(), s.connection()
        path = first.create('held', **HELD_ON_BUS)
        first.create('stays')
        check_equal(second.call(NAME, path, BOX, 'Run', 'asa{sv}', ['true'], {})[0]['verdict'], 'ok')
        check_boxes(s.client, 'held', 'stays')
        first.sock.shutdown(2)
        check_boxes(s.client, 'stays')
        s.client.call('DestroyBox', {'box': 'stays'})


@test
def test_bus_and_what_it_waited_for():
    """Of one client: a run, and what is asked of the run's own box, which ends with it."""
    with on_bus() as s:
        leaving = s.connection()
        leaving.start(NAME, PATH, MANAGER, 'Run', 'asa{sv}', ['sleep', '100'], {})
        check(wait_until(lambda: s.client.call('GetStatus')['activeRuns'] == 1), 'it runs')
        name, = boxes(s.client)
        init = s.client.call('GetBox', {'box': name})['status']['leaderPid']
        os.kill(init, signal.SIGSTOP)
        for _ in range(3):
            leaving.start(NAME, f'{PATH}/box/u0_{name}', BOX, 'ListFiles', 'sa{sv}', '.', {})
        leaving.settle()
        leaving.sock.shutdown(2)
        check_boxes(s.client)
        s.alive()


@test
def test_bus_and_who_says_so():
    """That somebody has left is for the bus to say."""
    bus = 'org.freedesktop.DBus'
    with on_bus() as s:
        stays, liar = s.connection(), s.connection(65534)
        stays.create('held', **HELD_ON_BUS)
        run = stays.start(NAME, f'{PATH}/box/u0_held', BOX, 'Run', 'asa{sv}', ['sleep', '1'], {})
        liar.send(SIGNAL, {1: '/org/freedesktop/DBus', 2: bus, 3: 'NameOwnerChanged', 6: NAME}, 'sss',
                  (stays.name, stays.name, ''))
        check_equal(stays.finish(run)[0]['verdict'], 'ok')
        check_boxes(s.client, 'held')


@test
def test_bus_is_lost():
    """By no doing of the caller's: the box waits, and goes with the next connection that uses it."""
    with bus_daemon() as bus, serving(bus.address) as s:
        s.connection().create('held', **HELD_ON_BUS)
        bus.stop()
        time.sleep(0.5)
        check_boxes(s.client, 'held')
        again = s.varlink()
        check_equal(again.run('/bin/true', box='held')['verdict'], 'ok')
        again.close()
        check_boxes(s.client)
        bus.start()


@test
def test_restarted():
    with managed() as m:
        c = m.connect()
        for name in 'used', 'left':
            c.call('CreateBox', {'box': name, **HELD})
        m.restart()
        c, again = m.connect(), m.connect()
        check_boxes(c, 'used', 'left')
        check_equal(again.run('/bin/true', box='used')['verdict'], 'ok')
        again.close()
        check_boxes(c, 'left')
        begin = time.monotonic()
        check(wait_until(lambda: boxes(c) == [], 45), 'nobody came for it')
        check(time.monotonic() - begin > 20, 'not before there was time to')


def killed(path, *arguments):
    """judgectl on the public socket, while its run goes on."""
    return subprocess.Popen([JUDGECTL, f'--socket={path}', *arguments], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@test
def test_judgectl_is_killed():
    """run and judge, by SIGKILL: neither a run nor a box is left."""
    coins = TOP / 'examples' / 'coins'
    with listening() as s:
        for command in (['run', '--wall-time=600', '--', 'sleep', '600'],
                        ['judge', '--quiet', '--time=60', coins / 'submissions' / 'slow.cpp', coins / 'tests']):
            process = killed(s.path, *command)
            check(wait_until(lambda: s.client.call('GetStatus')['activeRuns'] == 1), f'{command} runs')
            process.kill()
            process.wait(TIMEOUT)
            check_boxes(s.client)
            check_equal(s.client.call('GetStatus')['activeRuns'], 0)


if __name__ == '__main__':
    main()
