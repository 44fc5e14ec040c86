#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whose turn it is: tenants by turns, each within its budget, a tenant's own runs by priority.

    tests/native/test-admission.py --flood=10000 flood

has the flood as large as that."""

import collections
import contextlib
import os
import pathlib
import select
import signal
import sys
import threading

from bus import BOX, NAME, PATH, RETURN, SIGNAL, bus_refused, daemon, serving
from harness import EMULATED, check, check_equal, main, test, wait_until
from polkit import members, polkit
from service import refused

TENANTS = ALICE, BOB, CAROL, DAVE = 1, 2, 3, 4      # daemon, bin, sys and sync: the bus wants users that there are
FLOOD = next((int(a.partition('=')[2]) for a in sys.argv if a.startswith('--flood=')), 100 if EMULATED else 1000)


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
    """So many runs of Alice's, all of which wait at the same time: each connection for as many replies as the bus lets it."""

    ON_EACH = 100

    def __init__(self, service, total):
        super().__init__()
        self.waiting = {}
        self.verdicts = collections.Counter()
        while total > 0:
            bus = service.connection(ALICE)
            self.waiting[bus] = min(self.ON_EACH, total)
            total -= self.waiting[bus]
        for bus, n in self.waiting.items():
            for _ in range(n):
                bus.start(NAME, f'{PATH}/box/u{ALICE}_b', BOX, 'Run', 'asa{sv}', ['true'], {})

    def run(self):
        for bus, n in self.waiting.items():
            while n > 0:
                message = bus.receive()
                if message.kind != SIGNAL:
                    self.verdicts[message.body[0]['verdict'] if message.kind == RETURN else message.error] += 1
                    n -= 1


@test
def test_flood():
    """One tenant's runs do not make the others wait for more than their share of the turns, do not take what they wait in
    without bound, and are refused beyond it."""
    with configured(f'[Manager]\nConcurrentRuns=1\n[Tenant]\nRunsMax={FLOOD}\n') as s:
        first = started(s.varlink(), 'sleep', '1000', limits={'wallTimeUSec': 1_000_000_000})
        wait_for(s, 0, 1)
        others = [s.varlink(uid) for uid in TENANTS[1:] for _ in range(8)]
        for uid in TENANTS:
            s.varlink(uid).call('CreateBox', {'box': 'b'})
        before, fds = s.anonymous_kib(), s.n_fds()
        flood = Flood(s, FLOOD)
        check(wait_until(lambda: status(s)['waitingRuns'] == FLOOD, 600), status(s))

        # What waits holds a few KiB, and no descriptor but its connection's.
        each = (s.anonymous_kib() - before) / FLOOD
        check(each < 24, f'{each} KiB for each run that waits')
        check(s.n_fds() <= fds + 10, f'{s.n_fds()} descriptors')
        bus_refused('QuotaExceeded', s.connection(ALICE).manager, 'Run', 'asa{sv}', ['true'], {})
        refused('QuotaExceeded', s.varlink(ALICE), 'Run', {'arguments': ['true']}, resource='runs', limit=FLOOD)

        flood.start()
        first.close()
        for client in others:
            started(client, 'sleep', '0.01', box='b')
        by_sock, turns = {client.sock: client for client in others}, 0
        while sum(flood.verdicts.values()) < FLOOD // 10:
            for sock in select.select(list(by_sock), [], [])[0]:
                check_equal(by_sock[sock].receive()['result']['verdict'], 'ok')
                started(by_sock[sock], 'sleep', '0.01', box='b')
                turns += 1
        # Something of each of the three waits at any time (they take long enough for the next to be allowed meanwhile), so each has had as many turns as the flood.
        taken = sum(flood.verdicts.values())
        check(taken <= turns / 3 * 1.1 + 30, f'the flood had {taken} turns, three others together {turns}')
        for client in others:
            client.close()
        flood.join()
        check_equal(flood.verdicts, {'ok': FLOOD})
        print(f'  {FLOOD} runs of one waited, {each:.1f} KiB each; for {taken} turns of theirs three others had {turns}')


main()
