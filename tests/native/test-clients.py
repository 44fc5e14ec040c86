#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The example clients, as they are."""

import os
import re
import subprocess

from bus import on_bus
from harness import BUILD, TIMEOUT, TOP, check, check_equal, main, skip, test

CLIENTS = TOP / 'examples' / 'clients'


def judges(service, *command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=TIMEOUT,
                          env={**os.environ, 'DBUS_SYSTEM_BUS_ADDRESS': f'unix:path={service.address}'})
    check_equal(done.returncode, 0, done.stdout + done.stderr)
    check(re.fullmatch(r'test 1: ok, [\d.]+ ms\ntest 2: ok, [\d.]+ ms\n', done.stdout), done.stdout)
    check_equal(service.client.call('ListBoxes')['boxes'], [])


@test
def test_varlink_python():
    with on_bus() as s:
        judges(s, CLIENTS / 'varlink-client.py', s.path)


@test
def test_dbus_python():
    if subprocess.run(['/usr/bin/python3', '-c', 'import dbus'], capture_output=True).returncode != 0:
        skip('no dbus-python here (python3-dbus)')
    with on_bus() as s:
        judges(s, CLIENTS / 'dbus-client.py')


@test
def test_dbus_c():
    with on_bus() as s:
        judges(s, BUILD / 'examples' / 'clients' / 'dbus-client')


main()
