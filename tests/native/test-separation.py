#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two tenants and a stranger on both transports: for every method, what is another's is refused, and nobody can tell
whether it is there."""

import contextlib
import xml.etree.ElementTree as ET

from bus import (BOX, INTROSPECTABLE, MANAGER, NAME, OBJECT_MANAGER, PATH, PROPERTIES, BusError, Variant, bus_refused,
                 daemon, serving)
from harness import TOP, check, check_equal, main, test, wait_until
from polkit import ALLOW, REFUSE, members, polkit
from service import INTERFACE, Failed, refused

ALICE, BOB, STRANGER = 1, 2, 65534      # daemon, bin and nobody: the bus wants users that there are
DENIED = 'org.freedesktop.DBus.Error.AccessDenied'
ALL = {'all': Variant('b', True)}

# Every method of a box: signature and arguments but for the trailing options, and the varlink method with its parameters.
BOX_METHODS = {
    'Run': ('as', [['true']], 'Run', {'arguments': ['true']}),
    'CollectRun': ('t', [1], 'CollectRun', {'run': 1}),
    'Destroy': ('', [], 'DestroyBox', {}),
    'Reset': ('', [], 'ResetBox', {}),
    'Kill': ('t', [0], 'Kill', {}),
    'OpenFile': ('s', ['secret'], 'OpenFile', {'path': 'secret'}),
    'MakeDirectory': ('s', ['d'], 'MakeDirectory', {'path': 'd'}),
    'ListFiles': ('s', ['/box'], 'ListFiles', {'path': '/box'}),
    'RemoveFile': ('s', ['secret'], 'RemoveFile', {'path': 'secret'}),
    'GetStatus': ('', [], 'GetBox', {}),
}

# What there is for clients that cannot pass descriptors, which D-Bus can.
VARLINK_METHODS = {'SendInput': {'run': 1}}

# What D-Bus has signals for.
MONITOR = {'Monitor'}

# And of the manager, for what is one's own.
MANAGER_METHODS = {
    'Run': ('asa{sv}', [['true'], {}], 'Run', {'arguments': ['true']}),
    'RunGroup': ('aa{sv}aa{sv}a{sv}', [[{'name': Variant('s', 'a'), 'arguments': Variant('as', ['true'])}], [], {}],
                 'RunGroup', {'members': [{'name': 'a', 'arguments': ['true']}]}),
    'CreateBox': ('sa{sv}', ['mine', {}], 'CreateBox', {'box': 'mine'}),
    'GetBox': ('s', ['mine'], 'GetBox', {'box': 'mine'}),
    'ListBoxes': ('a{sv}', [{}], 'ListBoxes', {}),
    'ListProfiles': ('', [], 'ListProfiles', {}),
    'GetProfile': ('s', ['default'], 'GetProfile', {'profile': 'default'}),
}
OPEN_TO_ALL = {'GetStatus', 'Subscribe', 'Unsubscribe'}


@contextlib.contextmanager
def tenants():
    """Alice with a box that has a file and a run in it, Bob, and a stranger whom polkit knows nothing good of."""
    strangers = set()

    def decide(asked):
        if asked.subject.get('uid') == STRANGER or asked.subject.get('name') in strangers:
            return REFUSE
        return members(asked)

    with daemon() as address, polkit(address, decide), serving(address) as s:
        s.alice, s.bob, s.stranger = (s.connection(uid) for uid in (ALICE, BOB, STRANGER))
        strangers.add(s.stranger.name)
        s.secret = s.alice.create('secret')
        s.alice.box(s.secret, 'OpenFile', 'sa{sv}', 'secret', {'create': Variant('b', True)})
        s.alice.start(NAME, s.secret, BOX, 'Run', 'asa{sv}', ['sleep', '100'], {})
        check(wait_until(lambda: s.bus.manager('GetStatus')[0]['activeRuns'] == 1), 'runs')
        yield s


def outcome(function, *arguments):
    """What the caller learns: an error, or values."""
    try:
        return function(*arguments)
    except BusError as error:
        return error.name, error.message
    except Failed as failure:
        return failure.error, failure.parameters


def same(there, not_there):
    """But for the names the two are the same to the caller."""
    check_equal(repr(there).replace('secret', 'nothing'), repr(not_there).replace('secret', 'nothing'))


def members_of(interface):
    root = ET.parse(TOP / 'dbus' / f'{interface}.xml').getroot()
    return {method.get('name') for method in root.iter('method')}


@test
def test_every_method_is_here():
    check_equal(members_of(BOX), set(BOX_METHODS))
    check_equal(members_of(MANAGER), set(MANAGER_METHODS) | OPEN_TO_ALL)
    with tenants() as s:
        idl = s.client.call('org.varlink.service.GetInterfaceDescription', {'interface': INTERFACE})['description']
        served = {line.split()[1].partition('(')[0] for line in idl.splitlines() if line.startswith('method ')}
        tested = {m[2] for m in (*BOX_METHODS.values(), *MANAGER_METHODS.values())}
        check_equal(served - tested, {'GetStatus', *VARLINK_METHODS, *MONITOR})


@test
def test_bus_methods():
    with tenants() as s:
        nothing = s.secret.replace('secret', 'nothing')
        for who in (s.bob, s.stranger):
            for member, (signature, arguments, _, _) in BOX_METHODS.items():
                there = outcome(who.box, s.secret, member, signature + 'a{sv}', *arguments)
                check_equal(there[0], f'{NAME}.Error.NoSuchBox' if who is s.bob else DENIED, f'{member}: {there}')
                same(there, outcome(who.box, nothing, member, signature + 'a{sv}', *arguments))
                same(outcome(who.call, NAME, s.secret, BOX, member), outcome(who.call, NAME, nothing, BOX, member))
            same(outcome(who.box, s.secret, 'Nonsense'), outcome(who.box, nothing, 'Nonsense'))
            bus_refused(DENIED, who.manager, 'ListBoxes', 'a{sv}', ALL)
            bus_refused(DENIED, who.manager, 'ListBoxes', 'a{sv}', {'owner': Variant('u', ALICE)})
            status, = who.manager('GetStatus')
            check_equal((status['boxes'], status['activeRuns']), (0, 0))
        check_equal(s.bob.manager('ListBoxes', 'a{sv}', {}), [[]])
        bus_refused('NoSuchBox', s.bob.manager, 'GetBox', 's', 'secret')
        check_equal(s.bus.manager('GetStatus')[0]['activeRuns'], 1)


@test
def test_bus_objects():
    """Properties, introspection, the object manager."""
    with tenants() as s:
        nothing = s.secret.replace('secret', 'nothing')
        for who in (s.bob, s.stranger):
            for interface, member, signature, arguments in (
                    (PROPERTIES, 'Get', 'ss', [BOX, 'State']), (PROPERTIES, 'GetAll', 's', [BOX]),
                    (PROPERTIES, 'GetAll', 's', ['']), (PROPERTIES, 'Get', 'ss', [BOX, 'Nonsense']),
                    (PROPERTIES, 'Set', 'ssv', [BOX, 'State', Variant('s', 'x')]), (INTROSPECTABLE, 'Introspect', '', []),
                    ('org.freedesktop.DBus.Peer', 'Ping', '', []), (OBJECT_MANAGER, 'GetManagedObjects', '', []),
                    ('x.y', 'Z', '', [])):
                same(outcome(who.call, NAME, s.secret, interface, member, signature, *arguments),
                     outcome(who.call, NAME, nothing, interface, member, signature, *arguments))
            check_equal(who.call(NAME, PATH, OBJECT_MANAGER, 'GetManagedObjects'), [{}])
            for path in (PATH, f'{PATH}/box', '/', '/org'):
                check('u1_' not in str(outcome(who.call, NAME, path, INTROSPECTABLE, 'Introspect')), path)
        check(s.secret in s.alice.call(NAME, PATH, OBJECT_MANAGER, 'GetManagedObjects')[0], "her own")


@test
def test_group_members():
    """A member of a group is a run as any other: in another's box it is refused, and nobody can tell whether there is one."""
    with tenants() as s:
        for box in 'secret', 'nothing':
            for owner in {}, {'owner': ALICE}:
                failure = refused('NoSuchBox', s.varlink(BOB), 'RunGroup', {'members': [
                    {'name': 'a', 'arguments': ['true']}, {'name': 'b', 'arguments': ['true'], 'box': box, **owner}]})
                check_equal(failure.parameters, {'box': box})
            refused('PermissionDenied', s.varlink(STRANGER), 'RunGroup',
                    {'members': [{'name': 'b', 'arguments': ['true'], 'box': box}]})


@test
def test_bus_signals():
    with tenants() as s:
        for who in (s.alice, s.bob, s.stranger, s.bus):
            who.match(f"type='signal',sender='{NAME}'")
            who.manager('Subscribe')
        s.alice.create('more')
        for who, heard in ((s.alice, 2), (s.bus, 2), (s.bob, 0), (s.stranger, 0)):
            check_equal(len([m for m in who.settle() if m.sender != 'org.freedesktop.DBus']), heard)


def monitor(client, parameters):
    """A connection that hears of events, or the error."""
    there = outcome(lambda: client.call('Monitor', parameters, more=True))
    return client if there == {} else there


@test
def test_varlink_events():
    with tenants() as s:
        for uid, kind in (BOB, 'PermissionDenied'), (STRANGER, 'PermissionDenied'):
            for parameters in {'all': True}, {'owner': ALICE}, {'owner': ALICE, 'all': True}, {'owner': 0}:
                check_equal(monitor(s.varlink(uid), parameters)[0], kind, str(parameters))
        check_equal(monitor(s.varlink(STRANGER), {})[0], 'PermissionDenied')

        own = {uid: monitor(s.varlink(uid), {}) for uid in (0, ALICE, BOB)}
        by_root = [monitor(s.varlink(0), parameters) for parameters in ({'owner': ALICE}, {'all': True})]
        s.alice.create('more')
        for client in own[ALICE], *by_root:
            check_equal(client.receive()['event']['box'], 'more')

        # What they hear first is what they did themselves afterwards.
        s.bob.create('his')
        s.bus.create('hers')
        check_equal(own[BOB].receive()['event']['box'], 'his')
        check_equal(own[0].receive()['event']['box'], 'hers')


@test
def test_varlink_methods():
    with tenants() as s:
        for uid in (BOB, STRANGER):
            who = s.varlink(uid)
            methods = {method: parameters for _, _, method, parameters in BOX_METHODS.values()} | VARLINK_METHODS
            for method, parameters in methods.items():
                there = outcome(who.call, method, {**parameters, 'box': 'secret', 'owner': ALICE})
                check(there[0] in ('NoSuchBox', 'PermissionDenied'), f'{method}: {there}')
                check_equal(there[0], 'NoSuchBox' if uid == BOB else 'PermissionDenied', method)
                same(there, outcome(who.call, method, {**parameters, 'box': 'nothing', 'owner': ALICE}))
                same(outcome(who.call, method, {**parameters, 'box': 'secret'}),
                     outcome(who.call, method, {**parameters, 'box': 'nothing'}))
            refused('PermissionDenied', who, 'ListBoxes', {'all': True})
            refused('PermissionDenied', who, 'ListBoxes', {'owner': ALICE})
            status = who.call('GetStatus')
            check_equal((status['boxes'], status['activeRuns']), (0, 0))
        check_equal(s.client.call('GetStatus')['activeRuns'], 1)


@test
def test_stranger_is_refused_all():
    with tenants() as s:
        varlink = s.varlink(STRANGER)
        for member, (signature, arguments, method, parameters) in MANAGER_METHODS.items():
            bus_refused(DENIED, s.stranger.manager, member, signature, *arguments)
            refused('PermissionDenied', varlink, method, parameters)
        check_equal(s.client.call('GetStatus')['boxes'], 1)


@test
def test_same_name():
    """Two tenants' box of one name are two, with an object each."""
    with tenants() as s:
        box = s.bob.create('secret')
        check_equal(s.bob.box(box, 'ListFiles', 'sa{sv}', '/box'), [[]])
        check_equal(s.bob.box(box, 'Run', 'asa{sv}', ['true'])[0]['owner'], BOB)
        s.bob.box(box, 'Destroy')
        entries, = s.alice.call(NAME, s.secret, BOX, 'ListFiles', 'sa{sv}', '/box', {})
        check_equal([e['name'] for e in entries], ['secret'])


@test
def test_both_transports_are_one():
    with tenants() as s:
        with contextlib.closing(s.varlink(ALICE)) as varlink:
            check_equal([b['box'] for b in varlink.call('ListBoxes')['boxes']], ['secret'])
            varlink.call('DestroyBox', {'box': 'secret'})
        bus_refused('org.freedesktop.DBus.Error.UnknownObject', s.alice.call, NAME, s.secret, BOX, 'Destroy', 'a{sv}', {})


@test
def test_admin_by_polkit():
    """No root, but allowed to manage others' boxes: by every method of theirs."""
    def decide(asked):
        return ALLOW if asked.action == 'org.judgebox1.manage-others' else members(asked)

    with daemon() as address, polkit(address, decide), serving(address) as s:
        alice, admin = s.connection(ALICE), s.connection(BOB)
        box = alice.create('b')
        check_equal(admin.manager('ListBoxes', 'a{sv}', ALL), [[('b', ALICE, 'idle', box)]])
        for member, (signature, arguments, _, _) in BOX_METHODS.items():
            if member not in ('Run', 'Destroy'):
                there = outcome(admin.box, box, member, signature + 'a{sv}', *arguments)
                check(f'{NAME}.Error.NoSuchBox' not in there and DENIED not in there, f'{member}: {there}')
        check_equal(admin.box(box, 'Run', 'asa{sv}', ['true'])[0]['owner'], ALICE)
        bus_refused('NoSuchBox', admin.box, box + 'x', 'Destroy')
        admin.box(box, 'Destroy')
        check_equal(alice.manager('ListBoxes', 'a{sv}', {}), [[]])


@test
def test_root_sees_all():
    with tenants() as s:
        check_equal([box[1] for box in s.bus.manager('ListBoxes', 'a{sv}', ALL)[0]], [ALICE])
        check_equal(s.bus.call(NAME, s.secret, PROPERTIES, 'Get', 'ss', BOX, 'Owner'), [ALICE])
        s.bus.box(s.secret, 'Destroy')


main()
