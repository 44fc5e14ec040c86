#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""systemd's own varlink client against judgeboxd: what it can read, call and be refused."""

import json
import shutil
import subprocess

from harness import TIMEOUT, check, check_equal, main, skip, test
from service import INTERFACE, listening


def varlinkctl(*arguments):
    """Debian 13 has it, in the package systemd."""
    program = shutil.which('varlinkctl') or skip('no varlinkctl here')
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=TIMEOUT)


def good(*arguments):
    done = varlinkctl(*arguments)
    check_equal(done.returncode, 0, done.stderr)
    return done.stdout


@test
def test_info():
    with listening() as s:
        info = json.loads(good('--json=short', 'info', s.path))
        check_equal(sorted(info['interfaces']), [INTERFACE, 'org.varlink.service'])
        check_equal(info['product'], 'judgeboxd')


@test
def test_introspect():
    with listening() as s:
        for interface in (INTERFACE, 'org.varlink.service'):
            text = good('introspect', s.path, interface)
            check(f'interface {interface}\n' in text, text)
        check('method Run(' in good('introspect', s.path, INTERFACE))


@test
def test_validate_idl():
    with listening() as s:
        for interface in (INTERFACE, 'org.varlink.service'):
            reply = s.client.call('org.varlink.service.GetInterfaceDescription', {'interface': interface})
            with open('description', 'w', encoding='utf-8') as f:
                f.write(reply['description'])
            good('validate-idl', 'description')


@test
def test_call():
    with listening() as s:
        status = json.loads(good('--json=short', 'call', s.path, f'{INTERFACE}.GetStatus', '{}'))
        check_equal(status['boxes'], 0)

        # Integers as text, as sd-json sends large ones, and what is not given as null.
        parameters = {'box': 'b', 'settings': {'inodes': '1000', 'hostName': None}}
        good('call', s.path, f'{INTERFACE}.CreateBox', json.dumps(parameters))
        boxes = json.loads(good('--json=short', 'call', s.path, f'{INTERFACE}.ListBoxes', '{}'))['boxes']
        check_equal([(box['box'], box['inodes']) for box in boxes], [('b', 1000)])

        good('call', '--oneway', s.path, f'{INTERFACE}.DestroyBox', '{"box":"b"}')
        good('call', '--more', s.path, f'{INTERFACE}.GetStatus', '{}')


@test
def test_run():
    with listening() as s:
        parameters = {'arguments': ['/bin/sh', '-c', 'exit 3']}
        reply = json.loads(good('--json=short', 'call', s.path, f'{INTERFACE}.Run', json.dumps(parameters)))
        check_equal((reply['result']['verdict'], reply['result']['exitStatus']), ('runtime-error', 3))


@test
def test_refused():
    with listening() as s:
        for method, parameters, error in (
                (f'{INTERFACE}.GetBox', '{"box":"none"}', f'{INTERFACE}.NoSuchBox'),
                (f'{INTERFACE}.GetBox', '{}', 'org.varlink.service.InvalidParameter'),
                (f'{INTERFACE}.GetBox', '{"box":"none","x":1}', 'org.varlink.service.InvalidParameter'),
                (f'{INTERFACE}.Nope', '{}', 'org.varlink.service.MethodNotFound'),
                ('org.judgebox.nope.Nope', '{}', 'org.varlink.service.InterfaceNotFound')):
            done = varlinkctl('call', s.path, method, parameters)
            check(done.returncode != 0, done.stdout)
            check(error in done.stderr, done.stderr)


main()
