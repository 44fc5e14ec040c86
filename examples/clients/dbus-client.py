#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A judge over D-Bus. Where a descriptor is wanted a string will do: it becomes a file with just that."""

import os
import sys

import dbus

NAME = 'org.judgebox1'
PROGRAM = '#!/bin/sh\nread a b\necho $((a + b))\n'
TESTS = (('1 2\n', '3'), ('40 2\n', '42'))


def fields(**values):
    """a{sv}, which dbus-python would not guess."""
    return dbus.Dictionary(values, signature='sv')


def main():
    bus = dbus.SystemBus()
    manager = dbus.Interface(bus.get_object(NAME, '/org/judgebox1'), f'{NAME}.Manager')
    path = manager.CreateBox('', fields(storageBytes=dbus.UInt64(16 << 20)))
    box = dbus.Interface(bus.get_object(NAME, path), f'{NAME}.Box')
    good = 0
    try:
        for number, (given, wanted) in enumerate(TESTS, 1):
            result, files = box.Run(['./program'], fields(
                inFiles=[fields(path='program', fileDescriptor=PROGRAM, executable=True)],
                stdin=fields(fileDescriptor=given),
                stdout=fields(capture=True),
                limits=fields(cpuTimeUSec=dbus.UInt64(1_000_000), memoryBytes=dbus.UInt64(64 << 20)),
            ))
            output = os.pread(files['stdoutFileDescriptor'].take(), 1000, 0).decode()
            verdict = str(result['verdict'])
            if verdict == 'ok' and output.split() != wanted.split():
                verdict = 'wrong-answer'
            print(f'test {number}: {verdict}, {result["cpuTimeUSec"] / 1000:.1f} ms')
            good += verdict == 'ok'
    finally:
        box.Destroy(fields())
    return 0 if good == len(TESTS) else 1


sys.exit(main())
