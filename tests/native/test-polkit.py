#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What judgeboxd asks polkit, and what it makes of every kind of answer, with a stand-in for polkitd."""

import contextlib
import grp
import os
import socket
import threading
import time

from bus import Variant, bus_refused, daemon, serving
from harness import TIMEOUT, check, check_equal, main, skip, test, wait_until
from polkit import ALLOW, CHALLENGE, FAILED, REFUSE, members, polkit
from service import refused

ALICE, BOB = 1, 2      # daemon and bin: the bus wants users that there are
DENIED = 'org.freedesktop.DBus.Error.AccessDenied'


@contextlib.contextmanager
def judged(decide):
    with daemon() as address, polkit(address, decide) as stand_in, serving(address) as service:
        yield service, stand_in


def has_peer_pidfd():
    so_peerpidfd = 77
    a, b = socket.socketpair()
    with a, b:
        try:
            os.close(a.getsockopt(socket.SOL_SOCKET, so_peerpidfd))
        except OSError:
            return False
    return True


def group_judgebox():
    """Its number, or another test's skip."""
    try:
        return grp.getgrnam('judgebox').gr_gid
    except KeyError:
        return skip('no group judgebox here')


@test
def test_details():
    with judged(members) as (s, p):
        alice = s.connection(ALICE)
        path = alice.create('b', limits=Variant('a{sv}', {'memoryBytes': Variant('t', 1 << 20)}))
        asked, = p.asked
        check_equal((asked.kind, asked.subject), ('system-bus-name', {'name': alice.name}))
        check_equal(asked.action, 'org.judgebox1.manage-box')
        check_equal(asked.details, {'verb': 'create', 'box': 'b', 'owner': str(ALICE), 'memoryBytes': str(1 << 20)})
        check_equal(asked.flags, 0)

        p.asked.clear()
        limits = {'limits': Variant('a{sv}', {'cpuTimeUSec': Variant('t', 5), 'processes': Variant('u', 9)})}
        result, _ = alice.box(path, 'Run', 'asa{sv}', ['true'], limits)
        check_equal(result['owner'], ALICE)
        check_equal([(a.action, a.details) for a in p.asked],
                    [('org.judgebox1.run', {'verb': 'run', 'box': 'b', 'owner': str(ALICE), 'cpuTimeUSec': '5',
                                            'processes': '9'})])


@test
def test_verbs_and_actions():
    with judged(members) as (s, p):
        alice = s.connection(ALICE)
        path = alice.create('b')
        for member, signature, arguments, action, verb in (
                ('OpenFile', 'sa{sv}', ['f', {'create': Variant('b', True)}], 'manage-box', 'open-file'),
                ('MakeDirectory', 'sa{sv}', ['d'], 'manage-box', 'make-directory'),
                ('ListFiles', 'sa{sv}', ['/box'], 'manage-box', 'list-files'),
                ('RemoveFile', 'sa{sv}', ['f'], 'manage-box', 'remove-file'),
                ('Kill', 'ta{sv}', [0], 'manage-box', 'kill'),
                ('GetStatus', 'a{sv}', [], 'inspect', 'get'),
                ('Run', 'asa{sv}', [['true']], 'run', 'run'),
                ('Reset', 'a{sv}', [], 'manage-box', 'reset'),
                ('Destroy', 'a{sv}', [], 'manage-box', 'destroy')):
            p.asked.clear()
            alice.box(path, member, signature, *arguments)
            check_equal([(a.action, a.verb) for a in p.asked], [(f'org.judgebox1.{action}', verb)], member)


@test
def test_more_than_the_group_has():
    with judged(members) as (s, p):
        alice = s.connection(ALICE)
        bus_refused(DENIED, alice.create, 'net', shareNetwork=Variant('b', True))
        check_equal(sorted(a.action for a in p.asked), ['org.judgebox1.manage-box', 'org.judgebox1.share-network'])
        p.asked.clear()
        bus_refused(DENIED, alice.manager, 'ListBoxes', 'a{sv}', {'all': Variant('b', True)})
        check('org.judgebox1.manage-others' in [a.action for a in p.asked], str(p.asked))
        p.decide = lambda asked: ALLOW
        check_equal(alice.manager('ListBoxes', 'a{sv}', {'all': Variant('b', True)}), [[]])


@test
def test_root_is_not_asked_about():
    with judged(lambda asked: REFUSE) as (s, p):
        s.bus.create('b')
        s.client.call('DestroyBox', {'box': 'b'})
        check_equal(p.asked, [])


@test
def test_refused():
    for answer in (REFUSE, CHALLENGE):
        with judged(lambda asked, answer=answer: answer) as (s, p):
            bus_refused(DENIED, s.connection(ALICE).create, 'b')
            check_equal(len(p.asked), 1)
            check_equal(s.bus.manager('ListBoxes', 'a{sv}', {'all': Variant('b', True)}), [[]])


@test
def test_garbage():
    for answer in (('', []), ('b', [True]), ('s', ['yes']), ('(s)', [('yes',)]), ('bba{ss}', [True, False, {}]),
                   ('(bb)', [(True, True)]), ('a(bba{ss})', [[]]), ('(ubs)', [(1, True, 'x')]),
                   'org.freedesktop.DBus.Error.Failed', FAILED,
                   'org.freedesktop.PolicyKit1.Error.NotAuthorized', 'x.y'):
        with judged(lambda asked, answer=answer: answer) as (s, _):
            bus_refused(DENIED, s.connection(ALICE).create, 'b')
            refused('PermissionDenied', s.varlink(ALICE), 'CreateBox', {'box': 'b'})
            check_equal(s.bus.manager('ListBoxes', 'a{sv}', {'all': Variant('b', True)}), [[]])


@test
def test_absent():
    with daemon() as address, serving(address) as s:
        alice = s.connection(ALICE)
        bus_refused(DENIED, alice.create, 'b')
        refused('PermissionDenied', s.varlink(ALICE), 'CreateBox', {'box': 'b'})
        with polkit(address, members):
            alice.create('b')
        bus_refused(DENIED, alice.create, 'c')


def try_again(function, *arguments):
    """Refused, but not for good: who knows what the answer would have been."""
    error = bus_refused('InternalError', function, *arguments)
    check('try again' in error.message, error)


@test
def test_dies_in_mid_check():
    with daemon() as address, serving(address) as s:
        alice = s.connection(ALICE)
        with polkit(address, lambda asked: 'die'):
            begin = time.monotonic()
            try_again(alice.create, 'b')
            check(time.monotonic() - begin < 5, 'noticed at once')
        with polkit(address, members):
            alice.create('b')


@test
def test_does_not_answer():
    with judged(lambda asked: None) as (s, p):
        alice = s.connection(ALICE)
        waiting = alice.start('org.judgebox1', '/org/judgebox1', 'org.judgebox1.Manager', 'CreateBox', 'sa{sv}', 'b', {})
        check(wait_until(lambda: len(p.asked) == 1), 'asked')
        # Nobody else waits meanwhile.
        begin = time.monotonic()
        s.bus.create('mine')
        s.client.call('DestroyBox', {'box': 'mine'})
        check(time.monotonic() - begin < 5, 'root is served')
        alice.sock.settimeout(60)
        try_again(alice.finish, waiting)
        check(10 < time.monotonic() - begin < 40, 'refused in time')
        check_equal(s.bus.manager('ListBoxes', 'a{sv}', {'all': Variant('b', True)}), [[]])


@test
def test_caller_leaves_in_mid_check():
    """A run that was waiting for polkit does not run; the service stays."""
    answers = []

    def slowly(asked):
        time.sleep(0.5)
        answers.append(asked)
        return ALLOW

    with judged(slowly) as (s, _):
        alice = s.connection(ALICE)
        alice.start('org.judgebox1', '/org/judgebox1', 'org.judgebox1.Manager', 'Run', 'asa{sv}', ['sleep', '30'], {})
        time.sleep(0.1)
        alice.close()
        varlink = s.varlink(BOB)
        varlink.send('Run', {'arguments': ['sleep', '30']})
        time.sleep(0.1)
        varlink.close()
        check(wait_until(lambda: len(answers) >= 1), 'answered')
        check(wait_until(lambda: s.client.call('GetStatus')['boxes'] == 0), 'nothing runs')
        s.alive()


@test
def test_caller_leaves_before_the_second_check():
    """What is known of a varlink caller goes with the connection: what his budget does not have is not asked for any more."""
    if not has_peer_pidfd():
        skip('this kernel has no SO_PEERPIDFD')
    begun, answer = threading.Event(), threading.Event()

    def when_told(_):
        begun.set()
        answer.wait()
        return ALLOW

    with judged(when_told) as (s, p):
        try:
            varlink = s.varlink(ALICE, groups=range(100, 130))
            varlink.send('CreateBox', {'box': 'b', 'settings': {'limits': {'memoryBytes': 1 << 45}}})
            check(begun.wait(TIMEOUT), 'it is asked whether there may be a box')
            varlink.close()
            for _ in range(3):
                s.client.call('GetStatus')
        finally:
            answer.set()
        # With the first of these the answer has come, and with the second whatever was asked because of it.
        bob = s.varlink(BOB)
        for _ in range(2):
            check_equal(bob.call('ListBoxes')['boxes'], [])
        check_equal([a.action for a in p.asked], ['org.judgebox1.manage-box'] + ['org.judgebox1.inspect'] * 2)
        check_equal(s.client.call('ListBoxes', {'all': True})['boxes'], [])


@test
def test_stopped_in_mid_check():
    with judged(lambda asked: None) as (s, p):
        alice = s.connection(ALICE)
        alice.start('org.judgebox1', '/org/judgebox1', 'org.judgebox1.Manager', 'CreateBox', 'sa{sv}', 'b', {})
        check(wait_until(lambda: len(p.asked) == 1), 'asked')


@test
def test_varlink_by_pidfd():
    if not has_peer_pidfd():
        skip('this kernel has no SO_PEERPIDFD')
    with judged(members) as (s, p):
        varlink = s.varlink(ALICE)
        varlink.call('CreateBox', {'box': 'b'})
        asked, = p.asked
        check_equal((asked.kind, asked.subject['uid'], asked.subject['pid']), ('unix-process', ALICE, os.getpid()))
        check_equal(asked.details, {'verb': 'create', 'box': 'b', 'owner': str(ALICE)})
        p.decide = lambda asked: REFUSE
        refused('PermissionDenied', varlink, 'DestroyBox', {'box': 'b'})


def too_old(asked):
    """A polkitd that knows no pidfd."""
    return FAILED if asked.kind == 'unix-process' else members(asked)


@test
def test_varlink_by_group():
    gid = group_judgebox()
    with judged(too_old) as (s, p):
        for who in ({'gid': gid}, {'groups': [100, gid]}):
            member = s.varlink(ALICE, **who)
            member.call('CreateBox', {'box': 'b'})
            check_equal(member.run('true', box='b')['verdict'], 'ok')
            refused('AskOverBus', member, 'CreateBox', {'box': 'c', 'settings': {'shareNetwork': True}})
            refused('AskOverBus', member, 'ListBoxes', {'all': True})
            member.call('DestroyBox', {'box': 'b'})
        stranger = s.varlink(BOB)
        for method, parameters in (('CreateBox', {}), ('Run', {'arguments': ['true']}), ('ListBoxes', {}),
                                   ('CreateBox', {'settings': {'shareNetwork': True}})):
            refused('PermissionDenied', stranger, method, parameters)
        check(len([a for a in p.asked if a.kind == 'unix-process']) <= 2, f'learned once: {p.asked}')


@test
def test_group_is_not_for_those_polkit_knows():
    """One caller of whom polkit knows nothing (it may have ended) does not make it a matter of groups for everybody."""
    if not has_peer_pidfd():
        skip('this kernel has no SO_PEERPIDFD')

    def decide(asked):
        return FAILED if asked.subject.get('uid') == ALICE else REFUSE

    with judged(decide) as (s, p):
        refused('PermissionDenied', s.varlink(ALICE, gid=group_gid()), 'CreateBox', {'box': 'b'})
        refused('PermissionDenied', s.varlink(BOB, gid=group_gid()), 'CreateBox', {'box': 'b'})
        check_equal([a.subject['uid'] for a in p.asked], [ALICE, 0, BOB])


def group_gid():
    """Of the group, where there is one."""
    try:
        return grp.getgrnam('judgebox').gr_gid
    except KeyError:
        return 65534


main()
