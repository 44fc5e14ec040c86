#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`meson install` by itself, as other distributions than Debian have it: all is where the system looks for it, by
pkg-config's word, and what is installed finds itself."""

import json
import os
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / 'tests' / 'native'))
from harness import check, check_equal, main, test    # noqa: E402 # pylint: disable=wrong-import-position

BUILD = sys.argv.pop(1)


def output(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          text=True)


def variable(package, name, fallback):
    try:
        return output('pkg-config', f'--variable={name}', package).stdout.strip() or fallback
    except FileNotFoundError:
        return fallback


def option(name):
    options = json.loads(output('meson', 'introspect', '--buildoptions', BUILD).stdout)
    return next(o['value'] for o in options if o['name'] == name)


@test
def test_install():
    root = pathlib.Path('root').absolute()
    done = output('meson', 'install', '-C', BUILD, '--no-rebuild', f'--destdir={root}')
    check_equal(done.returncode, 0, done.stdout)

    prefix = pathlib.Path(option('prefix'))
    units = option('systemunitdir') or variable('systemd', 'systemdsystemunitdir', f'{prefix}/lib/systemd/system')
    policies = option('polkitdatadir') or variable('polkit-gobject-1', 'datadir', f'{prefix}/share')
    bus = option('dbusdatadir') or variable('dbus-1', 'datadir', f'{prefix}/share')
    for path in (f'{units}/judgeboxd.service', f'{units}/judgeboxd.socket', f'{units}/judgebox.slice',
                 f'{policies}/polkit-1/actions/org.judgebox1.policy', f'{policies}/polkit-1/rules.d/org.judgebox1.rules',
                 f'{bus}/dbus-1/system.d/org.judgebox1.conf',
                 f'{bus}/dbus-1/system-services/org.judgebox1.service',
                 prefix / option('mandir') / 'man8/judgeboxd.8'):
        check((root / str(path).lstrip('/')).is_file(), path)

    # So is what the manual names, which knows no other prefix; but for what an administrator may add (drop-ins, images).
    if {f'{prefix}/share', bus, policies} == {'/usr/share'}:
        for page in TOP.glob('man/*.[158]'):
            text = page.read_text().replace('\\-', '-')
            for path in re.findall(r'/(usr/share/[\w./*-]*\w|usr/lib/judgebox/(?:profiles/.*|judgebox\.conf$))', text, re.M):
                check(list(root.glob(path)), f'{page.name}: {path}')

    # The unit starts what was installed.
    service = (root / units.lstrip('/') / 'judgeboxd.service').read_text()
    program = next(line for line in service.splitlines() if line.startswith('ExecStart=')).partition('=')[2]
    check(os.access(root / program.lstrip('/'), os.X_OK), program)
    for name in program, str(prefix / option('bindir') / 'judgectl'):
        done = output(root / name.lstrip('/'), '--version')
        check_equal((done.returncode, done.stdout.split()[0]), (0, 'judgebox'), done.stdout)


if __name__ == '__main__':
    main()
