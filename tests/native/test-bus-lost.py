#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The system bus comes late, or goes, by a crash or a restart, and comes back: judgeboxd and its boxes stay."""

import pathlib
import time

from bus import MANAGER, NAME, PATH, BusError, Connection, bus_daemon, bus_refused, name_is_owned, serving
from harness import check, check_equal, main, test, wait_until
from polkit import REFUSE, members, polkit
from service import Failed, refused, tells_pidfd

ALICE, BOB = 1, 2      # daemon and bin: the bus wants users that there are


def serves(bus):
    """Both of its connections are there again."""
    check(wait_until(lambda: name_is_owned(bus.address, NAME)), 'it has its name')


def cpu_ticks(pid):
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return int(fields[11]) + int(fields[12])


@test
def test_comes_back():
    """Everything as before, three times over; nothing piles up."""
    with bus_daemon() as bus, serving(bus.address) as s:
        s.bus.create('stays')
        n_fds = None
        for _ in range(3):
            bus.stop()
            check_equal(s.client.run('/bin/sh', '-c', 'exit 7', box='stays')['exitStatus'], 7)
            bus.start()
            serves(bus)
            again = s.connection()
            check_equal([box[0] for box in again.manager('ListBoxes', 'a{sv}', {})[0]], ['stays'])
            result, _ = again.manager('Run', 'asa{sv}', ['true'], {})
            check_equal(result['verdict'], 'ok')
            with polkit(bus.address, members):
                alice = s.connection(ALICE)
                alice.create('mine')
                alice.manager('Subscribe')
            for connection in s.opened[2:]:
                connection.close()
            del s.opened[2:]
            s.client.call('DestroyBox', {'box': 'mine', 'owner': ALICE})
            n_fds = n_fds or s.n_fds()
            check(wait_until(lambda: s.n_fds() <= n_fds), f'{s.n_fds()} descriptors, {n_fds} before')


@test
def test_who_waits():
    """A run asked for over the bus has lost its caller, one asked for by varlink has not."""
    with bus_daemon() as bus, serving(bus.address) as s:
        s.bus.start(NAME, PATH, MANAGER, 'Run', 'asa{sv}', ['sleep', '100'], {})
        varlink = s.varlink()
        varlink.send('Run', {'arguments': ['/bin/sh', '-c', 'sleep 1; exit 5']})
        check(wait_until(lambda: s.client.call('GetStatus')['activeRuns'] == 2), 'both run')
        bus.stop()
        check_equal(varlink.receive()['result']['exitStatus'], 5)
        check(wait_until(lambda: s.client.call('GetStatus')['boxes'] == 0), 'the other was canceled')
        bus.start()
        serves(bus)


@test
def test_polkit_cannot_be_asked():
    """What is being asked when the bus goes, and what comes while there is none: refused for now."""
    with bus_daemon() as bus, serving(bus.address) as s:
        alice, bob = s.varlink(ALICE), s.varlink(BOB)
        with polkit(bus.address, lambda asked: None) as p:
            alice.send('CreateBox', {'box': 'b'})
            if not wait_until(lambda: p.asked, 2):
                # This kernel does not tell who a varlink caller is, so that polkit was not asked at all.
                refused_now(alice.receive, 'PermissionDenied')
                return
            bus.stop()
            refused_now(alice.receive, 'InternalError')
        refused_now(lambda: bob.call('CreateBox', {'box': 'b'}), 'InternalError')
        s.client.call('CreateBox', {'box': 'root'})
        s.client.call('DestroyBox', {'box': 'root'})
        bus.start()
        serves(bus)
        with polkit(bus.address, members):
            alice.call('CreateBox', {'box': 'b'})
            refused('NoSuchBox', bob, 'GetBox', {'box': 'b'})


def has_box(connection, name):
    try:
        connection.create(name)
    except BusError:
        return False
    return True


def refused_now(function, kind):
    try:
        reply = function()
    except Failed as failure:
        check_equal(failure.error, kind, str(failure))
        check_equal(failure.parameters.get('error'), 'EAGAIN' if kind == 'InternalError' else None)
        return
    raise AssertionError(reply)


@test
def test_comes_late():
    """Root is served from the start, everybody else when there is a bus to ask polkit by: nothing has to be restarted."""
    with bus_daemon() as bus:
        bus.stop()
        with serving(bus.address, late=True) as s:
            check_equal(s.client.run('/bin/sh', '-c', 'exit 7')['exitStatus'], 7)
            alice = s.varlink(ALICE)
            refused_now(lambda: alice.call('CreateBox', {'box': 'b'}),
                        'InternalError' if tells_pidfd(alice.sock) else 'PermissionDenied')
            bus.start()
            serves(bus)
            with polkit(bus.address, members):
                # It may have its name a moment before it has its own connection, by which it asks.
                alice = s.connection(ALICE)
                check(wait_until(lambda: has_box(alice, 'b')), 'who is granted one has a box')
                s.client.call('DestroyBox', {'box': 'b', 'owner': ALICE})
            with polkit(bus.address, lambda asked: REFUSE):
                bus_refused('org.freedesktop.DBus.Error.AccessDenied', alice.create, 'b')


@test
def test_name_is_anothers():
    """It is waited for, and the daemon's as soon as the other leaves."""
    with bus_daemon() as bus:
        other = Connection(bus.address)
        the_bus = 'org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus'
        other.call(*the_bus, 'RequestName', 'su', NAME, 0)
        with serving(bus.address, late=True) as s:
            check(wait_until(lambda: len(other.call(*the_bus, 'ListQueuedOwners', 's', NAME)[0]) == 2), 'it waits')
            check_equal(s.client.run('true')['verdict'], 'ok')
            other.close()
            check(wait_until(lambda: name_is_owned(bus.address, NAME)), 'it has its name')
            s.bus.create('b')


@test
def test_policy_comes_late():
    """A bus that has not read the policy yet refuses the name: it is asked for again."""
    with bus_daemon() as bus:
        configuration = pathlib.Path('bus.conf')
        whole = configuration.read_text()
        configuration.write_text(''.join(line for line in whole.splitlines(True) if '<include>' not in line))
        bus.stop()
        bus.start()
        with serving(bus.address, late=True) as s:
            check_equal(s.client.run('true')['verdict'], 'ok')
            check(not name_is_owned(bus.address, NAME), 'it may not have its name')
            configuration.write_text(whole)
            Connection(bus.address).call('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus',
                                         'ReloadConfig')
            serves(bus)
            s.bus.create('b')


@test
def test_no_busy_loop():
    """It tries again, but seldom: in three seconds it takes next to no time. Also where there never was a bus."""
    with bus_daemon() as bus:
        bus.stop()
        with serving(bus.address, late=True) as s:
            before = cpu_ticks(s.pid)
            time.sleep(3)
            check(cpu_ticks(s.pid) - before <= 5, cpu_ticks(s.pid) - before)
    with bus_daemon() as bus, serving(bus.address) as s:
        bus.stop()
        before = cpu_ticks(s.pid)
        time.sleep(3)
        check(cpu_ticks(s.pid) - before <= 5, cpu_ticks(s.pid) - before)
        bus.start()
        serves(bus)


if __name__ == '__main__':
    main()
