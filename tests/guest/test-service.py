#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""judgeboxd as the service that systemd knows, used by people without privileges: every verdict over every transport,
what systemd shows of it, and what systemd does to it."""

import json
import os
import pathlib
import shutil

from host import (SLICE, SOCKET, TOP, DropIn, Journal, check_nothing_left, command, main_pid, need_package,
                  scopes, show, start)
from harness import check, check_equal, main, skip, test, wait_until

EXAMPLES = TOP / 'examples'
# One of a kind. All of them are judged natively, where that takes a moment.
SUBMISSIONS = ('right.py', 'wrong.py', 'loop.py', 'sleep.c', 'memory.py', 'crash.c', 'exception.py', 'flood.py',
               'fork-bomb.c', 'peek-files.py', 'compile-error.c')
EXPOSURE_MAX = 78       # in tenths, as tests/unit/test-system-files.py has it for the unit by itself


HAS_VARLINKCTL = shutil.which('varlinkctl') is not None     # not in Debian 12


def run(user, *arguments, status=0):
    return json.loads(command(user, 'judgectl', '--json=short', 'run', '--stdout=/dev/null', *arguments, status=status))


def begin(user, *arguments):
    """A run that has surely begun; there is no other."""
    process = start(user, 'judgectl', '--json=short', 'run', '--stdout=/dev/null', *arguments)
    # The next run's cgroup is there ahead of it, and empty.
    check(wait_until(lambda: any('populated 1' in path.read_text() for path in SLICE.glob('*/*/run-*/cgroup.events'))),
          'the run begins')
    return process


def end(process):
    """The result of what begin() began."""
    out, err = process.communicate(timeout=300)
    check(out, f'no result: {err}')
    return json.loads(out)


# ---- verdicts ----

@test
def test_judge():
    """By alice, with every limit enforced by a cgroup."""
    need_package()
    left = set(SUBMISSIONS)
    for entry in json.loads((EXAMPLES / 'expected.json').read_text()):
        name = os.path.basename(entry['submission'])
        if name not in left:
            continue
        left.remove(name)
        out = command('alice', 'judgectl', '--json=short', 'judge', '--quiet', *entry.get('options', []),
                      str(EXAMPLES / entry['submission']), str(EXAMPLES / entry['tests']),
                      status=0 if entry['verdict'] == 'ok' else 1)
        check_equal(json.loads(out)['verdict'], entry['verdict'], name)
        check('degraded' not in out, f'{name}: {out}')
    check_equal(left, set())


CASES = (
        ('ok', ['true'], {}),
        ('runtime-error', ['sh', '-c', 'exit 7'], {}),
        ('signaled', ['sh', '-c', 'kill -SEGV $$'], {}),
        # Not to be mistaken for one whose box is stopped.
        ('signaled', ['sh', '-c', 'kill -KILL $$'], {}),
        ('cpu-time-limit', ['sh', '-c', 'while :; do :; done'], {'cpuTimeUSec': 300_000, 'wallTimeUSec': 30_000_000}),
        ('wall-time-limit', ['sleep', '60'], {'wallTimeUSec': 300_000}),
        ('memory-limit', ['python3', '-c', 'bytearray(100 << 20)'], {'memoryBytes': 32 << 20}),
)
OPTIONS = {'cpuTimeUSec': '--time={}us', 'wallTimeUSec': '--wall-time={}us', 'memoryBytes': '--memory={}'}


def over_varlink(user, arguments, limits):
    request = json.dumps({'arguments': arguments, 'limits': limits})
    return json.loads(command(user, 'varlinkctl', '--json=short', 'call', '--timeout=300', SOCKET,
                              'org.judgebox.Manager.Run', request))['result']


def over_bus(user, arguments, limits):
    """busctl says {"type": ..., "data": [{key: {"type", "data"}}, files]}."""
    words = [word for key, value in limits.items() for word in (key, 't', str(value))]
    out = command(user, 'busctl', '--json=short', '--timeout=300', '--', 'call', 'org.judgebox1', '/org/judgebox1',
                  'org.judgebox1.Manager', 'Run', 'asa{sv}', str(len(arguments)), *arguments,
                  '1', 'limits', 'a{sv}', str(len(limits)), *words)
    return {key: value['data'] for key, value in json.loads(out)['data'][0].items()}


@test
def test_transports_agree():
    """The same run by judgectl, varlinkctl and busctl."""
    need_package()
    for verdict, arguments, limits in CASES:
        options = [OPTIONS[key].format(value) for key, value in limits.items()]
        results = {'judgectl': run('alice', *options, '--', *arguments, status=0 if verdict == 'ok' else 1),
                   **({'varlinkctl': over_varlink('alice', arguments, limits)} if HAS_VARLINKCTL else {}),
                   'busctl': over_bus('alice', arguments, limits)}
        for tool, result in results.items():
            check_equal(result['verdict'], verdict, f'{tool}: {result}')
            check('degraded' not in result, f'{tool}: {result}')
            check(result['owner'] == 1000 and result['memoryPeakBytes'] > 0 and result['processesPeak'] > 0,
                  f'{tool}: {result}')
        check_equal(len({result['message'] for result in results.values()}), 1, str(results))


@test
def test_strangers():
    need_package()
    for words in (['judgectl', 'run', '--', 'true'], ['judgectl', 'list']):
        command('mallory', *words, status=2)
    refused = start('mallory', 'busctl', 'call', 'org.judgebox1', '/org/judgebox1', 'org.judgebox1.Manager', 'Run',
                    'asa{sv}', '1', 'true', '0')
    _, err = refused.communicate(timeout=300)
    check_equal(refused.returncode, 1)
    check('denied' in err.lower(), err)


@test
def test_varlinkctl_accepts_it():
    need_package()
    if not HAS_VARLINKCTL:
        skip('no varlinkctl here')
    info = json.loads(command('alice', 'varlinkctl', '--json=short', 'info', SOCKET))
    check_equal(sorted(info['interfaces']), ['org.judgebox.Manager', 'org.varlink.service'])
    for interface in info['interfaces']:
        description = command('alice', 'varlinkctl', 'introspect', SOCKET, interface)
        pathlib.Path('description').write_text(description)
        command(None, 'varlinkctl', 'validate-idl', os.path.abspath('description'))


# ---- what systemd shows ----

@test
def test_units_are_seen():
    """Slice, tenant, box and run; and what a box's scope says of itself."""
    need_package()
    for user in 'alice', 'bob':
        command(user, 'judgectl', 'create', '5')
    process = begin('alice', '--box=5', '--', 'sleep', '60')
    try:
        tree = command(None, 'systemd-cgls', '--no-pager', '/judgebox.slice')
        for name in ('judgebox-1000.slice', 'judgebox-1000-5.scope', 'judgebox-1001.slice', 'judgebox-1001-5.scope',
                     'supervisor', 'run-1', 'judgebox-init', 'sleep'):
            check(name in tree, f'{name}: {tree}')
        for uid, user in ((1000, 'alice'), (1001, 'bob')):
            unit = f'judgebox-{uid}-5.scope'
            check(f'box 5 of {user}' in command(None, 'systemctl', '--no-pager', 'status', unit), user)
            check_equal(show(unit, 'Slice'), f'judgebox-{uid}.slice')
            check('man:judgeboxd(8)' in show(unit, 'Documentation'), show(unit, 'Documentation'))
            check_equal(show(unit, 'Delegate'), 'yes')
        # systemd hears of it a moment later.
        check(wait_until(lambda: show('judgeboxd.service', 'StatusText').startswith('2 boxes, 1 runs')),
              show('judgeboxd.service', 'StatusText'))
    finally:
        command('alice', 'judgectl', 'kill', '5')
        result = end(process)
        for user in 'alice', 'bob':
            command(user, 'judgectl', 'destroy', '5')
    check_equal(result['verdict'], 'canceled')
    check_nothing_left()


@test
def test_exposure():
    """As installed, drop-ins of the distribution's and all."""
    need_package()
    out = command(None, 'systemd-analyze', f'--threshold={EXPOSURE_MAX}', '--no-pager', 'security',
                  'judgeboxd.service')
    check('Overall exposure level' in out, out)


# ---- what systemd and an admin do ----

def shown(page):
    """What judgeboxd.8 or judgebox.conf.5 has under EXAMPLES, block by block."""
    text = (TOP / 'man' / page).read_text().replace('\\-', '-')
    section = text.partition('\n.SH EXAMPLES\n')[2].partition('\n.SH ')[0]
    return [block.partition('\n.EE\n')[0] for block in section.split('\n.EX\n')[1:]]


@test
def test_examples_of_the_manual():
    """Typed as they stand there, each command by root; and the configuration, which must have nothing to be ignored."""
    need_package()
    try:
        for line in '\n'.join(shown('judgeboxd.8')).splitlines():
            check(line.startswith('# '), line)
            command(None, 'sh', '-c', f'{line[2:]} </dev/null | head -n 100')
        check_equal(show('judgebox.slice', 'MemoryMax') != 'infinity', True)
    finally:
        command(None, 'systemctl', 'revert', 'judgebox.slice', 'judgebox-1000.slice', status=None)
    configuration, = shown('judgebox.conf.5')
    journal = Journal()
    with DropIn(configuration.replace('examiner', 'bob')):
        check_equal(run('alice', '--', 'true')['verdict'], 'ok')
        check('ignor' not in journal.read(), journal.read())
        out = command('alice', 'judgectl', 'run', '--memory=1100M', 'true', status=2)
        check_equal(out, '')


@test
def test_log_level():
    need_package()
    main_pid()
    command(None, 'systemctl', 'service-log-level', 'judgeboxd.service', 'debug')
    journal = Journal()
    check_equal(run('alice', '--', 'true')['verdict'], 'ok')
    check('starting -> ' in journal.read(), journal.read())
    command(None, 'systemctl', 'service-log-level', 'judgeboxd.service', 'info')
    check_equal(command(None, 'systemctl', 'service-log-level', 'judgeboxd.service').strip(), 'info')


@test
def test_bus_is_restarted():
    """The bus by which systemd, polkit and D-Bus callers are reached: boxes stay, and all is as before when it is back."""
    need_package()
    command('alice', 'judgectl', 'create', 'b')
    process = begin('alice', '--box=b', '--', 'sh', '-c', 'sleep 20; exit 3')
    command(None, 'systemctl', 'kill', '--signal=KILL', 'dbus.service')
    check(wait_until(lambda: 'org.judgebox1' in command(None, 'busctl', 'list', '--acquired', status=None), 60),
          'it has its name again')
    again = start('alice', 'judgectl', '--json=short', 'run', '--stdout=/dev/null', '--', 'true')
    check_equal(end(again)['verdict'], 'ok')
    check_equal(end(process)['exitStatus'], 3)
    # It still hears of what happens to scopes.
    command(None, 'systemctl', 'stop', 'judgebox-1000-b.scope')
    check_nothing_left()
    # It does not come back by itself, and apt would wait for it.
    command(None, 'systemctl', 'restart', 'systemd-logind.service')


@test
def test_scope_stopped_from_outside():
    """The run that goes on there ends by no fault of the sandbox, also in a box that an earlier service made; the box is gone,
    and its name is free."""
    need_package()
    for restarted in False, True:
        for way in ['stop'], ['kill', '--signal=KILL']:
            command('alice', 'judgectl', 'create', 'b')
            process = begin('alice', '--box=b', '--', 'sleep', '60')
            if restarted:
                command(None, 'systemctl', 'restart', 'judgeboxd.service')
                command('alice', 'judgectl', 'list')
            command(None, 'systemctl', *way, 'judgebox-1000-b.scope')
            result = end(process)
            # Whichever process was the first whose turn it was to be killed.
            check_equal((result['verdict'], result['message']), ('canceled', 'The box was stopped from outside.'),
                        f'{way} {restarted}')
            check_nothing_left()
    command('alice', 'judgectl', 'status', 'b', status=2)
    command('alice', 'judgectl', 'create', 'b')
    check_equal(run('alice', '--box=b', '--', 'true')['verdict'], 'ok')
    command('alice', 'judgectl', 'destroy', 'b')


@test
def test_slice_stopped_from_outside():
    """A tenant's boxes, and no other's."""
    need_package()
    for user in 'alice', 'bob':
        command(user, 'judgectl', 'create', 'b')
    command(None, 'systemctl', 'stop', 'judgebox-1000.slice')
    check(wait_until(lambda: scopes() == ['judgebox-1001-b.scope']), scopes())
    check_equal(run('alice', '--', 'true')['verdict'], 'ok')
    check_equal(run('bob', '--box=b', '--', 'true')['verdict'], 'ok')
    command('bob', 'judgectl', 'destroy', 'b')
    check_nothing_left()


@test
def test_manager_reloads():
    """daemon-reload and daemon-reexec, while a run goes on and while boxes are being made."""
    need_package()
    for verb in 'daemon-reload', 'daemon-reexec':
        process = begin('alice', '--', 'sh', '-c', 'sleep 3; exit 4')
        made = [start('bob', 'judgectl', 'create', f'{verb}{i}') for i in range(4)]
        command(None, 'systemctl', verb)
        for one in made:
            _, err = one.communicate(timeout=300)
            check_equal(one.returncode, 0, f'{verb}: {err}')
        for i in range(4):
            check_equal(run('bob', f'--box={verb}{i}', '--', 'true')['verdict'], 'ok', verb)
        result = end(process)
        check_equal((result['verdict'], result['exitStatus']), ('runtime-error', 4), verb)
        command('bob', 'judgectl', 'destroy', *(f'{verb}{i}' for i in range(4)))
        check_nothing_left()


@test
def test_stop_ends_boxes():
    """systemd lets go of what it kept, and the boxes end themselves; the next request starts the service anew."""
    need_package()
    command('alice', 'judgectl', 'create', 'b')
    pid = main_pid()
    command(None, 'systemctl', 'stop', 'judgeboxd.service')
    check(wait_until(lambda: scopes() == [], 20), scopes())
    check(main_pid() != pid)
    check_equal(json.loads(command('alice', 'judgectl', '--json=short', 'list')), [])
    check_nothing_left()


@test
def test_wrong_line():
    """It is named, with its file and number; the other lines are in force, and the service goes on."""
    need_package()
    pid = main_pid()
    journal = Journal()
    with DropIn('[Defaults]\nProcesses=many\nCPUTime=7s\n') as path:
        check(wait_until(lambda: f'{path}:2' in journal.read()), journal.read())
        status = command('alice', 'judgectl', 'create', 'b') and command('alice', 'judgectl', 'status', 'b')
        command('alice', 'judgectl', 'destroy', 'b')
        limits = dict(line.split(maxsplit=1) for line in status.partition('Limits:')[2].strip().splitlines())
        check_equal((limits['time'], limits['processes']), ('7.000s', '64'))
    check_equal(main_pid(), pid, 'the service was not started anew')


main()
