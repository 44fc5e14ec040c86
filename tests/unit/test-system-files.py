#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What judgebox installs for the system, held against the code and the manual: names that two files must agree on, and
what systemd and man say of them."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / 'tests' / 'native'))
from harness import check, check_equal, main, skip, test    # noqa: E402 # pylint: disable=wrong-import-position

EXPOSURE_MAX = 78       # in tenths; units/judgeboxd.service.in says why it cannot be less


def read(path):
    return (TOP / path).read_text()


def run(*command):
    """Its output and errors together; skips the test where there is no such program."""
    if not shutil.which(command[0]):
        skip(f'no {command[0]} here')
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, text=True, errors='replace', env={**os.environ, 'LC_ALL': 'C.UTF-8'})


def manual(page):
    """The source without its markup."""
    return re.sub(r'\\f[BIPR]|\\&', '', read(f'man/{page}')).replace('\\-', '-')


@test
def test_settings_are_documented():
    """Each setting of the shipped judgebox.conf has an entry in the manual, in its section; and the other way round."""
    shown, section = [], None
    for line in read('src/judgeboxd/judgebox.conf').splitlines():
        if line == '#[Tenant alice]':
            break
        if found := re.fullmatch(r'\[(\w+)\]', line):
            section = found[1]
        elif found := re.match(r'#(\w+)=', line):
            shown.append((section, found[1]))

    documented, section, tag = [], None, False
    for line in manual('judgebox.conf.5').splitlines():
        if found := re.match(r'\.SH (\[?\w+)', line):
            section = found[1][1:].capitalize() if found[1].startswith('[') else None
        elif section and tag:
            documented += [(section, name) for name in re.findall(r'(\w+)=', line)]
        tag = line == '.TP'
    check_equal(documented, shown)


@test
def test_message_ids():
    """The header, the catalog and the manual have the same."""
    ids = re.findall(r'^#define MESSAGE_\w+ "([0-9a-f]{32})"$', read('src/judgeboxd/message-ids.h'), re.M)
    check(ids)
    check_equal(re.findall(r'^-- ([0-9a-f]{32})$', read('units/judgebox.catalog'), re.M), ids)
    check_equal(re.findall(r'^([0-9a-f]{32})\t', manual('judgeboxd.8'), re.M), ids)


@test
def test_options_of_judgeboxd():
    """Those that it takes, those that its --help explains, and those of the manual."""
    source = read('src/judgeboxd/judgeboxd.c')
    taken = set(re.findall(r'\{ "([a-z-]+)", \w+_argument,', source))
    check(taken)
    explained = re.search(r'static void help\(void\) \{(.*?)\n\}', source, re.S)[1]
    check_equal(set(re.findall(r'--([a-z-]+)', explained)), taken)
    section = re.search(r'^\.SH OPTIONS$(.*?)^\.SH', manual('judgeboxd.8'), re.S | re.M)[1]
    check_equal(set(re.findall(r'(?<![a-z-])--([a-z-]+)', section)), taken)


@test
def test_actions():
    """What the code asks polkit for, what polkit is told of, and what the manual explains."""
    table = re.search(r'authority_action_table\[\] = \{(.*?)\};', read('src/judgeboxd/authority.c'), re.S)[1]
    actions = re.findall(r'"([^"]+)"', table)
    check_equal(len(actions), 8)
    policy = xml.etree.ElementTree.fromstring(read('polkit/org.judgebox1.policy'))
    check_equal([action.get('id') for action in policy.iter('action')], actions)
    for action in policy.iter('action'):
        allowed = [text for default in action.iter('defaults') for text in (e.text for e in default)]
        check(len(allowed) == 3 and set(allowed) <= {'auth_admin', 'auth_admin_keep'}, (action.get('id'), allowed))
    check_equal(re.findall(r'^(org\.judgebox1\.[\w-]+)\t', manual('judgeboxd.8'), re.M), actions)
    for path in TOP.glob('polkit/**/*.rules'):
        named = set(re.findall(r'"(org\.judgebox1\.[\w-]+)"', path.read_text()))
        check(named <= set(actions), (path, named))


@test
def test_rules_know_the_verbs():
    table = re.search(r'operation_type_table\[.*?\] = \{(.*?)\};', read('src/judgeboxd/operation.c'), re.S)[1]
    verbs = re.findall(r'"([^"]+)"', table)
    named = re.search(r'\[([^]]*)\]\.indexOf\(action\.lookup\("verb"\)\)',
                      read('polkit/examples/50-judgebox-teachers.rules'))[1]
    check(set(re.findall(r'"([^"]+)"', named)) <= set(verbs), named)


@test
def test_bus():
    """The name is the same everywhere, and only root may have it."""
    config = xml.etree.ElementTree.fromstring(read('dbus/org.judgebox1.conf'))
    owners = [policy.attrib for policy in config.iter('policy') if policy.find('allow[@own]') is not None]
    check_equal(owners, [{'user': 'root'}])
    check_equal({rule.get('own') or rule.get('send_destination') or rule.get('receive_sender')
            for rule in config.iter('allow')}, {'org.judgebox1'})
    service = read('dbus/org.judgebox1.service')
    check('\nName=org.judgebox1\n' in service and '\nSystemdService=judgeboxd.service\n' in service, service)


def system_root(directory):
    """A root with our units, and of the system's what they refer to."""
    units = directory / 'usr/lib/systemd/system'
    for path in (units, directory / 'usr/sbin', directory / 'bin'):
        path.mkdir(parents=True)
    for program in (directory / 'usr/sbin/judgeboxd', directory / 'bin/sh'):
        program.write_text('#!/bin/sh\n')
        program.chmod(0o755)
    for target in ('basic', 'shutdown', 'slices', 'sockets', 'sysinit'):
        (units / f'{target}.target').write_text('[Unit]\n')
    (units / 'dbus.socket').write_text('[Socket]\nListenStream=/run/dbus/system_bus_socket\n')
    (units / 'dbus.service').write_text('[Service]\nExecStart=/bin/sh\n')

    (units / 'judgeboxd.service').write_text(read('units/judgeboxd.service.in').replace('@sbindir@', '/usr/sbin'))
    for name in ('judgeboxd.socket', 'judgebox.slice'):
        shutil.copy(TOP / 'units' / name, units)


@test
def test_units():
    """systemd understands every line of them."""
    system_root(pathlib.Path.cwd())
    done = run('systemd-analyze', '--root=.', '--man=no', 'verify', 'judgeboxd.service', 'judgeboxd.socket',
               'judgebox.slice')
    check_equal([line for line in done.stdout.splitlines() if 'judgebox' in line], [])
    check_equal(done.returncode, 0, done.stdout)


@test
def test_exposure():
    """No hardening is lost without anybody noticing."""
    system_root(pathlib.Path.cwd())
    done = run('systemd-analyze', '--root=.', '--offline=yes', f'--threshold={EXPOSURE_MAX}', '--no-pager', 'security',
               'judgeboxd.service')
    check('Overall exposure level' in done.stdout, done.stdout)
    check_equal(done.returncode, 0, done.stdout.splitlines()[-1])


@test
def test_catalog():
    """journalctl takes it, with all its entries."""
    catalog = pathlib.Path('usr/lib/systemd/catalog')
    catalog.mkdir(parents=True)
    shutil.copy(TOP / 'units/judgebox.catalog', catalog)
    done = run('journalctl', '--root=.', '--update-catalog')
    check(done.returncode == 0 and not done.stdout, done.stdout)
    listed = run('journalctl', '--root=.', '--list-catalog').stdout
    check_equal(sorted(re.findall('^([0-9a-f]{32}) judgebox: ', listed, re.M)),
                sorted(re.findall('^-- ([0-9a-f]{32})$', read('units/judgebox.catalog'), re.M)))


@test
def test_group_and_directories():
    """Made as an installation makes them."""
    pathlib.Path('etc').mkdir()
    for kind in 'sysusers', 'tmpfiles':
        directory = pathlib.Path(f'usr/lib/{kind}.d')
        directory.mkdir(parents=True)
        shutil.copy(TOP / f'units/judgebox.{kind}', directory / 'judgebox.conf')

    done = run('systemd-sysusers', '--root=.', 'judgebox.conf')
    check_equal(done.returncode, 0, done.stdout)
    check(re.search('^judgebox:', pathlib.Path('etc/group').read_text(), re.M))
    if os.getuid() != 0:
        skip('not root')
    done = run('systemd-tmpfiles', '--root=.', '--create', 'judgebox.conf')
    check_equal(done.returncode, 0, done.stdout)
    for path in 'run/judgebox', 'var/lib/judgebox':
        check_equal(pathlib.Path(path).stat().st_mode & 0o7777, 0o755, path)


@test
def test_manual():
    """Nothing that groff complains about."""
    for page in 'judgectl.1', 'judgeboxd.8', 'judgebox.conf.5':
        done = run('groff', '-man', '-t', '-K', 'utf8', '-T', 'utf8', '-w', 'all', '-z', TOP / 'man' / page)
        check(done.returncode == 0 and not done.stdout, done.stdout)


main()
