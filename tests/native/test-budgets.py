#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes beyond a tenant's budget: polkit is asked about it besides, and who is refused is told the budget. With the
budgets that are built in: three quarters of the machine's memory, 16384 processes, 1024 boxes."""

import contextlib
import os

from bus import Variant, bus_refused, daemon, serving
from harness import check, check_equal, main, test
from polkit import ALLOW, members, polkit
from service import refused

ALICE, BOB = 1, 2      # daemon and bin: the bus wants users that there are
EXCEED = 'org.judgebox1.exceed-limits'
MACHINE = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
TASKS = 16384


@contextlib.contextmanager
def judged(decide):
    with daemon() as address, polkit(address, decide) as stand_in, serving(address) as service:
        yield service, stand_in


def teachers(asked):
    """Bob may go beyond."""
    return ALLOW if asked.action == EXCEED and asked.details['owner'] == str(BOB) else members(asked)


def limits(**values):
    return {'limits': Variant('a{sv}', {key: Variant('t', value) for key, value in values.items()})}


@test
def test_within_is_not_asked_about():
    with judged(members) as (s, p):
        alice = s.connection(ALICE)
        alice.create('b', **limits(memoryBytes=MACHINE // 2, processes=TASKS))
        check_equal([asked.action for asked in p.asked], ['org.judgebox1.manage-box'])


@test
def test_refused_with_the_budget():
    with judged(members) as (s, p):
        alice = s.connection(ALICE)
        error = bus_refused('LimitOutOfRange', alice.manager, 'CreateBox', 'sa{sv}', 'b',
                            limits(processes=TASKS + 1))
        check('settings.limits.processes' in error.message and str(TASKS) in error.message, error.message)
        check_equal([asked.action for asked in p.asked], ['org.judgebox1.manage-box', EXCEED])
        check_equal(p.asked[1].details['processes'], str(TASKS + 1))

        error = bus_refused('LimitOutOfRange', alice.manager, 'Run', 'asa{sv}', ['true'], limits(memoryBytes=MACHINE))
        check('limits.memoryBytes' in error.message, error.message)
        path = alice.create('b')
        bus_refused('LimitOutOfRange', alice.box, path, 'Run', 'asa{sv}', ['true'], limits(memoryBytes=MACHINE))
        check_equal(s.bus.manager('GetStatus')[0]['boxes'], 1)


@test
def test_granted():
    with judged(teachers) as (s, p):
        bob = s.connection(BOB)
        path = bob.create('b', **limits(processes=TASKS + 1))
        p.asked.clear()
        result, _ = bob.box(path, 'Run', 'asa{sv}', ['true'], limits(memoryBytes=MACHINE))
        check_equal(result['verdict'], 'ok')
        check_equal([asked.action for asked in p.asked], ['org.judgebox1.run', EXCEED])

        # What the box was granted its runs have without being asked about.
        p.asked.clear()
        bob.box(path, 'Run', 'asa{sv}', ['true'], {})
        check_equal([asked.action for asked in p.asked], ['org.judgebox1.run'])


@test
def test_rules_see_what_a_run_has_from_its_settings():
    with judged(members) as (s, p):
        more = {'settings': Variant('a{sv}', limits(memoryBytes=MACHINE))}
        bus_refused('LimitOutOfRange', s.connection(ALICE).manager, 'Run', 'asa{sv}', ['true'], more)
        check_equal(p.asked[-1].action, EXCEED)
        check_equal(p.asked[-1].details['memoryBytes'], str(MACHINE))


@test
def test_varlink():
    with judged(teachers) as (s, _):
        failure = refused('LimitOutOfRange', s.varlink(ALICE), 'CreateBox',
                          {'box': 'b', 'settings': {'limits': {'processes': TASKS + 1}}},
                          field='settings.limits.processes')
        check(str(TASKS) in failure.parameters['message'], failure)


@test
def test_anothers_budget_is_not_told():
    with judged(members) as (s, _):
        s.connection(ALICE).create('b')
        for box in 'b', 'nothing':
            refused('NoSuchBox', s.varlink(BOB), 'Run', {'box': box, 'owner': ALICE, 'arguments': ['true'],
                                                        'limits': {'processes': TASKS + 1}})


main()
