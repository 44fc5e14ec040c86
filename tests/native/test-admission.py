#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whose turn it is: tenants by turns, each within its budget, a tenant's own runs by priority.

    tests/native/test-admission.py --flood=10000 flood

has the flood as large as that."""

import collections
import contextlib
import os
import pathlib
import signal
import sys
import threading

from bus import MANAGER, NAME, PATH, RETURN, SIGNAL, bus_refused, daemon, serving
from harness import check, check_equal, main, test, wait_until
from polkit import members, polkit
from service import refused

TENANTS = ALICE, BOB, CAROL, DAVE = 1, 2, 3, 4      # daemon, bin, sys and sync: the bus wants users that there are
FLOOD = next((int(a.partition('=')[2]) for a in sys.argv if a.startswith('--flood=')), 100)


@contextlib.contextmanager
def configured(text):
    """A service with this configuration; .reload(text) changes it."""
    path = pathlib.Path('root/etc/judgebox/judgebox.conf')
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with daemon() as address, polkit(address, members), serving(address, '--config-root=root') as service:
        def reload(changed):
            path.write_text(changed)
            service.process.send_signal(signal.SIGHUP)
        service.reload = reload
        yield service


def started(client, *arguments, **parameters):
    """Asks for a run, and does not wait for it."""
    client.send('Run', {'arguments': list(arguments), **parameters})
    return client


def status(service):
    return service.client.call('GetStatus')


def wait_for(service, waiting, active):
    def is_so():
        now = status(service)
        return (now['waitingRuns'], now['activeRuns']) == (waiting, active)
    check(wait_until(is_so), f'{status(service)}, not {waiting} waiting and {active} active')


@test
def test_running_max():
    with configured('[Manager]\nConcurrentRuns=4\n[Tenant 1]\nRunningMax=1\n') as s:
        sleeping = started(s.varlink(ALICE), 'sleep', '100')
        wait_for(s, 0, 1)
        waiting = started(s.varlink(ALICE), 'true')
        wait_for(s, 1, 1)
        for uid, n in (ALICE, 1), (BOB, 0):
            check_equal(s.varlink(uid).call('GetStatus')['waitingRuns'], n)

        # Nobody else's budget is used up.
        result = s.varlink(BOB).run('true')
        check('queuedFor' not in result, result)

        sleeping.close()
        result = waiting.receive()['result']
        check_equal((result['verdict'], result['queuedFor']), ('ok', 'budget'))
        check(result['queuedUSec'] > 0, result)


@test
def test_running_max_changes():
    with configured('[Manager]\nConcurrentRuns=4\n[Tenant]\nRunningMax=1\n') as s:
        clients = [started(s.varlink(ALICE), 'sleep', '100') for _ in range(3)]
        wait_for(s, 2, 1)
        s.reload('[Manager]\nConcurrentRuns=4\n[Tenant]\nRunningMax=2\n')
        wait_for(s, 1, 2)
        for client in clients:
            client.close()
        wait_for(s, 0, 0)


@test
def test_full_queue():
    with configured('[Manager]\nConcurrentRuns=1\nQueueMax=1\n') as s:
        first = started(s.varlink(ALICE), 'sleep', '100')
        wait_for(s, 0, 1)
        second = started(s.varlink(ALICE), 'true')
        wait_for(s, 1, 1)
        refused('QuotaExceeded', s.varlink(BOB), 'Run', {'arguments': ['true']}, resource='waiting runs', limit=1)
        check_equal(bus_refused('QuotaExceeded', s.connection(BOB).manager, 'Run', 'asa{sv}', ['true'], {}).name,
                    'org.judgebox1.Error.QuotaExceeded')

        # Giving up makes room.
        second.close()
        wait_for(s, 0, 1)
        third = started(s.varlink(BOB), 'true')
        wait_for(s, 1, 1)
        first.close()
        check_equal(third.receive()['result']['queuedFor'], 'turn')


@test
def test_priority():
    with configured('[Manager]\nConcurrentRuns=1\n') as s:
        first = started(s.varlink(ALICE), 'sleep', '100')
        wait_for(s, 0, 1)
        waiting = {}
        for n, priority in enumerate((0, -10, 10, 0), 1):
            waiting[priority, n] = started(s.varlink(ALICE), 'true', priority=priority)
            wait_for(s, n, 1)
        other = started(s.varlink(BOB), 'true', priority=-10)
        wait_for(s, 5, 1)

        first.close()
        queued = {key: client.receive()['result']['queuedUSec'] for key, client in waiting.items()}
        queued['other'] = other.receive()['result']['queuedUSec']
        # They came one after the other, and what came earlier has waited longer but for its turn.
        check(queued[10, 3] < queued[0, 1], queued)
        check(queued[-10, 2] > queued[0, 4], queued)
        check(queued['other'] < queued[-10, 2], queued)

        for wrong in 11, -11, 1 << 40:
            refused('InvalidParameter', s.varlink(ALICE), 'Run', {'arguments': ['true'], 'priority': wrong})


def cpus_of(client, *arguments, **parameters):
    """Runs it: which CPUs it may use, and the result."""
    reply = client.call('Run', {'arguments': ['sh', '-c', 'grep Cpus_allowed_list: /proc/self/status; sleep 0.2'],
                                'stdout': {'capture': True}, **parameters})
    check_equal(reply['result']['verdict'], 'ok', str(reply['result']))
    return client.read(reply['stdoutFileDescriptor']).decode().split()[1], reply['result']


@test
def test_exclusive_cpus():
    with configured('[Manager]\nConcurrentRuns=64\nExclusiveCPUs=yes\n') as s:
        n_cpus = len(os.sched_getaffinity(0))
        clients = [started(s.varlink(ALICE), 'sleep', '100') for _ in range(n_cpus)]
        check(wait_until(lambda: status(s)['activeRuns'] + status(s)['waitingRuns'] == n_cpus), status(s))
        n_cores = status(s)['activeRuns']

        # All cores are taken: one that wants two waits for two, and does not let the next one by.
        two = started(s.varlink(ALICE), 'true', limits={'cpus': min(2, n_cpus)})
        one = started(s.varlink(BOB), 'true')
        wait_for(s, n_cpus - n_cores + 2, n_cores)
        for client in clients:
            client.close()
        result = two.receive()['result']
        check_equal((result['verdict'], result['queuedFor']), ('ok', 'cpus' if n_cpus == n_cores else 'turn'))
        check_equal(one.receive()['result']['queuedFor'], 'turn')

        allowed, result = cpus_of(s.varlink(ALICE))
        check_equal(allowed, result['cpuSet'])
        check(allowed.isdigit(), f'one CPU: {allowed}')

        # Two at a time are on two.
        first = started(s.varlink(ALICE), 'sleep', '0.5')
        wait_for(s, 0, 1)
        if n_cores > 1:
            _, second = cpus_of(s.varlink(BOB))
            check(first.receive()['result']['cpuSet'] != second['cpuSet'], second)

        refused('LimitOutOfRange', s.varlink(ALICE), 'Run', {'arguments': ['true'], 'limits': {'cpuSet': '0'}},
                field='limits.cpuSet')


@test
def test_run_cpus():
    mine = min(os.sched_getaffinity(0))
    with configured(f'[Manager]\nRunCPUs={mine}\n') as s:
        allowed, result = cpus_of(s.varlink(ALICE))
        check_equal(allowed, str(mine))
        check('cpuSet' not in result, 'it has them not for itself')
        for other in os.sched_getaffinity(0) - {mine}:
            refused('LimitOutOfRange', s.varlink(ALICE), 'Run', {'arguments': ['true'], 'limits': {'cpuSet': str(other)}},
                    field='limits.cpuSet')
        s.reload('[Manager]\n')
        check(wait_until(lambda: cpus_of(s.varlink(ALICE))[0] != str(mine) or len(os.sched_getaffinity(0)) == 1), 'all again')


class Flood(threading.Thread):
    """So many runs of Alice's, as many at a time as a user may ask for over the bus, or nearly."""

    AT_A_TIME = min(100, FLOOD // 4)    # on each of two connections: the bus lets one wait for 128 replies

    def __init__(self, service, total):
        super().__init__()
        self.buses = [service.connection(ALICE) for _ in range(2)]
        self.left = total
        self.verdicts = collections.Counter()

    def ask(self, bus):
        self.left -= 1
        bus.start(NAME, PATH, MANAGER, 'Run', 'asa{sv}', ['true'], {})

    def run(self):
        waiting = {bus: min(self.AT_A_TIME, self.left // len(self.buses)) for bus in self.buses}
        for bus in self.buses:
            for _ in range(waiting[bus]):
                self.ask(bus)
        while any(waiting.values()):
            for bus in self.buses:
                if waiting[bus]:
                    message = bus.receive()
                    if message.kind == SIGNAL:
                        continue
                    self.verdicts[message.body[0]['verdict'] if message.kind == RETURN else message.error] += 1
                    waiting[bus] -= 1
                    if self.left > 0:
                        self.ask(bus)
                        waiting[bus] += 1


@test
def test_flood():
    """One tenant's runs do not make the others wait for more than their share of the turns."""
    with configured('[Manager]\nConcurrentRuns=1\n') as s:
        first = started(s.varlink(), 'sleep', '100')
        wait_for(s, 0, 1)
        flood = Flood(s, FLOOD)
        flood.start()
        in_hand = min(FLOOD, 2 * Flood.AT_A_TIME)
        check(wait_until(lambda: status(s)['waitingRuns'] == in_hand, 60), status(s))

        others = [s.varlink(uid) for uid in TENANTS[1:]]
        first.close()
        rounds = 0
        while sum(flood.verdicts.values()) < FLOOD - in_hand:
            for client in others:
                started(client, 'true')
            for client in others:
                result = client.receive()['result']
                check_equal(result['verdict'], 'ok')
            rounds += 1
            # A quarter of the turns is one in each round of the others. They come one after the other, and so may miss
            # one more.
            taken = sum(flood.verdicts.values())
            check(taken <= 3 * rounds + 10, f'the flood had {taken} turns in {rounds} rounds of the others')
        flood.join()
        check_equal(flood.verdicts, {'ok': FLOOD})
        print(f'  {FLOOD} runs of one, {rounds} rounds of three others meanwhile')


main()
