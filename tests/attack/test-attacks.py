#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs every attack, two at a time, and looks whether it got the verdict it must get and left no trace. README.md has
them all, and catalogue.py what they say of themselves.

    tests/attack/test-attacks.py [NAME...]
    tests/attack/test-attacks.py --update       writes README.md
"""

import contextlib
import os
import platform
import queue
import sys
import threading
import time
import traceback

import catalogue
import without
import world as w
from running import option_value, perform
from harness import EMULATED, Skipped, check, check_equal, landlock_abi, skip, wait_until

AT_A_TIME = 2
# By how much a limit of time may be overrun, in microseconds: other runs go on at the same time.
TOLERANCE_USEC = 3_000_000 if EMULATED else 300_000
UNITS = {'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30}


def matches(wanted, result):
    verdict, _, detail = wanted.partition('/')
    if verdict == 'runtime-error' and not detail:
        detail = '1'
    return result['verdict'] == verdict and detail in ('', result.get('signal'), str(result.get('exitStatus')))


def check_evidence(attack, result):
    for item in attack.words('Evidence'):
        field, at_least, wanted = item.partition('>=')
        if not at_least:
            field, _, wanted = item.partition('=')
        got = result.get(field)
        # What is not known is absent, which it may be where no cgroup tells.
        if got is None:
            check(result.get('degraded'), f'{field} is missing')
        else:
            check(got >= int(wanted) if at_least else got == int(wanted), f'{field} is {got}, not {item}')


def check_limits(run):
    """Whatever the verdict: it has not had more than it may."""
    for short, long, field in (('-t', '--time', 'cpuTimeUSec'), ('-w', '--wall-time', 'wallTimeUSec')):
        limit = option_value(run.options, short, long)
        if limit and field in run.result:
            check(run.result[field] <= float(limit) * 1_000_000 + TOLERANCE_USEC,
                  f'{field}: {run.result[field]}, not {limit} s')
    limit = option_value(run.options, '', '--output-size')
    if limit:
        limit = int(limit[:-1]) * UNITS[limit[-1]]
        for name, content in run.texts().items():
            # One byte more is how judgebox-init tells too much from just enough.
            check(name not in ('out', 'err') or len(content) <= limit + 1, f'{len(content)} bytes came out')


def check_traces(run):
    result = run.result
    run.check_words()
    if not run.box:
        left = run.world.of_box(result['box'], result['owner'])
        check(wait_until(lambda: not run.world.of_box(result['box'], result['owner'])), f'this stays: {left}')


def check_contained(run):
    attack, result = run.attack, run.result
    wanted = attack.words('Verdict')
    check(any(matches(verdict, result) for verdict in wanted),
          f'it must get {" or ".join(wanted)}: {result} {run.said()}')
    check_evidence(attack, result)
    check_limits(run)
    check_traces(run)


def run_attack(world, attack):
    for need in attack.words('Needs'):
        if need == 'landlock' and landlock_abi() < 2:
            skip('no Landlock here')
        if need == 'x86-64' and platform.machine() != 'x86_64':
            skip('this is no x86-64')
        if need in ('memory', 'cpuset') and {'cpuset': 'cpuSet'}.get(need, need) in world.degraded:
            skip(f'no cgroup limits {need} here')
    if attack.path.suffix == '.py' and not os.path.exists('/usr/bin/python3'):
        skip('no python3 here')

    before = world.state()
    check_contained(perform(world, attack, 'Options'))
    after = world.state()
    for trace, value in before.items():
        check_equal(after[trace], value, trace)

    if 'Without' in attack.fields:
        open_run = perform(world, attack, 'Without')
        check_equal(open_run.result['verdict'], 'ok', f'without the barrier: {open_run.result} {open_run.said()}')


# ---- the rows ----

def check_readme(all_attacks):
    text = catalogue.readme(all_attacks, without.VARIANTS)
    check(catalogue.README.read_text() == text, 'tests/attack/README.md is out of date: test-attacks.py --update')


def check_barriers(all_attacks):
    """Every barrier stops something, and is seen to."""
    first = {attack.words('Barrier')[0] for attack in all_attacks}
    check_equal(sorted(set(catalogue.BARRIERS) - first), [], 'barriers that stop nothing')
    shown = [name for name in catalogue.BARRIERS if catalogue.shown_by(name, all_attacks, without.VARIANTS)]
    check_equal(sorted(set(catalogue.BARRIERS) - set(shown)), [], 'barriers that are not shown to matter')
    names = {attack.name for attack in all_attacks}
    for barrier, (_, attacks) in without.VARIANTS.items():
        check(barrier in catalogue.BARRIERS and set(attacks) <= names, f'{barrier}: {attacks}')


def check_programs(all_attacks):
    """meson.build has all of them."""
    listed = (catalogue.HERE / 'meson.build').read_text()
    for attack in all_attacks:
        if attack.path.suffix == '.c':
            check(f"'{attack.group}/{attack.path.name}'" in listed, f'{attack.name} is not in meson.build')
        elif attack.path.suffix == '.S':
            check(f"'{attack.name}'" in listed, f'{attack.name} is not in meson.build')


class Rows:
    """What passed, failed and was skipped, as it is printed."""

    def __init__(self):
        self.lock = threading.Lock()
        self.passed = self.failed = self.skipped = 0

    def run(self, name, function, *arguments):
        begin = time.monotonic()
        try:
            function(*arguments)
        except Skipped as reason:
            self.say('skipped', f'SKIP: {name}: {reason}')
        except Exception as error:      # whatever it is, the other attacks still run
            if not isinstance(error, AssertionError):
                traceback.print_exc(file=sys.stdout)
            self.say('failed', f'FAIL: {name}: {type(error).__name__}: {error}'.replace('\n', ' '))
        else:
            self.say('passed', f'ok {name} ({time.monotonic() - begin:.2f} s)')

    def say(self, what, line):
        with self.lock:
            setattr(self, what, getattr(self, what) + 1)
            print(line, flush=True)


def run_all(rows, world, attacks):
    waiting = queue.SimpleQueue()
    for attack in attacks:
        waiting.put(attack)

    def work():
        with contextlib.suppress(queue.Empty):
            while True:
                attack = waiting.get_nowait()
                rows.run(attack.name, run_attack, world, attack)

    workers = [threading.Thread(target=work) for _ in range(AT_A_TIME)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def check_nothing_left(world):
    """When all is over: of all of them together."""
    check(wait_until(lambda: not any(world.left().values())), f'this is left: {world.left()}')
    world.check_victim()


def main():
    all_attacks = catalogue.attacks()
    if sys.argv[1:] == ['--update']:
        catalogue.README.write_text(catalogue.readme(all_attacks, without.VARIANTS))
        return 0

    rows = Rows()
    words = [word for word in sys.argv[1:] if not word.startswith('-')]
    chosen = [attack for attack in all_attacks if not words or attack.name in words]
    if not words:
        rows.run('readme', check_readme, all_attacks)
        rows.run('barriers', check_barriers, all_attacks)
        rows.run('programs', check_programs, all_attacks)
    try:
        with w.world() as world:
            run_all(rows, world, chosen)
            rows.run('nothing-is-left', check_nothing_left, world)
    except Skipped as reason:
        rows.say('skipped', f'SKIP: all: {reason}')
    except Exception as error:      # there was no world to attack, or it did not end well
        traceback.print_exc(file=sys.stdout)
        rows.say('failed', f'FAIL: world: {error}'.replace('\n', ' '))
    print(f'{rows.passed} passed, {rows.failed} failed, {rows.skipped} skipped')
    return 1 if rows.failed else 0


if __name__ == '__main__':
    sys.exit(main())
