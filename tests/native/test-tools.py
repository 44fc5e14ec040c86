#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""tools/test itself: no way for a test program to end is taken for a better one than it was."""

import os
import pathlib
import sys

from harness import TOP, check, check_equal, main, test, wait_until

sys.path.insert(0, str(TOP / 'tools' / 'lib'))
sys.dont_write_bytecode = True
import test as tools_test       # noqa: E402


def outcome(script, has_sum=False, timeout=20):
    pathlib.Path('program').write_text(f'#!/bin/sh\n{script}\n')
    os.chmod('program', 0o755)
    program = tools_test.Test('program', [os.path.abspath('program')], {}, timeout, has_sum=has_sum)
    return tools_test.run(program, pathlib.Path('log'))


def sums(*arguments, **options):
    got = outcome(*arguments, **options)
    check_equal(len(got.reasons) > 0, got.skipped > 0, 'a reason for what was skipped')
    check_equal(len(got.failures) > 0, got.failed > 0, 'a word about what failed')
    return got.passed, got.failed, got.skipped


@test
def test_sums_of_its_own():
    check_equal(sums('echo 3 passed, 0 failed, 0 skipped', has_sum=True), (3, 0, 0))
    check_equal(sums('echo "SKIP: a: b"; echo 3 passed, 0 failed, 1 skipped', has_sum=True), (3, 0, 1))
    check_equal(sums('echo 3 passed, 0 failed, 2 skipped', has_sum=True), (3, 0, 2))
    check_equal(sums('echo "FAIL: a: b"; echo 3 passed, 1 failed, 0 skipped; exit 1', has_sum=True), (3, 1, 0))


@test
def test_sums_against_the_exit_status():
    check_equal(sums('echo 3 passed, 0 failed, 0 skipped; exit 1', has_sum=True), (3, 1, 0))
    check_equal(sums('echo 3 passed, 0 failed, 0 skipped; kill -SEGV $$', has_sum=True), (3, 1, 0))
    check_equal(sums('echo 0 passed, 0 failed, 0 skipped', has_sum=True), (0, 1, 0))
    check_equal(sums('echo "FAIL: a: b"; echo 3 passed, 1 failed, 0 skipped', has_sum=True), (3, 1, 0))


@test
def test_no_sums():
    check_equal(sums('true', has_sum=True), (0, 1, 0))
    check_equal(sums('echo 3 passed, 0 failed, 0 skipped; echo more', has_sum=True), (0, 1, 0))
    check_equal(sums('true'), (1, 0, 0))
    check_equal(sums('false'), (0, 1, 0))
    check_equal(sums('exit 77'), (0, 0, 1))
    check_equal(sums('kill -KILL $$'), (0, 1, 0))


@test
def test_sums_of_check():
    check_equal(sums('echo "100%: Checks: 12, Failures: 0, Errors: 0"'), (12, 0, 0))
    check_equal(sums('echo "SKIP: a: b"; echo "100%: Checks: 12, Failures: 0, Errors: 0"'), (12, 0, 1))
    check_equal(sums('echo "75%: Checks: 12, Failures: 1, Errors: 2"; echo "x.c:1:F:s:t:0: no"; exit 1'), (9, 3, 0))
    # Two suites of one program; and one that dies after the first.
    check_equal(sums('for n in 1 2; do echo "100%: Checks: $n, Failures: 0, Errors: 0"; done'), (3, 0, 0))
    check_equal(sums('echo "100%: Checks: 2, Failures: 0, Errors: 0"; kill -ABRT $$'), (2, 1, 0))


@test
def test_timeout_ends_all():
    got = outcome('(trap "" TERM HUP; sleep 1000) & echo $!; wait', timeout=0.5)
    check_equal((got.passed, got.failed), (0, 1))
    check('0.5 s' in got.failures[0], got.failures)
    child = int(got.output.split()[0])
    state = pathlib.Path(f'/proc/{child}/stat')

    def ended():
        try:
            return ') Z ' in state.read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True
    check(wait_until(ended), 'its child still runs')


@test
def test_program_that_cannot_be_started():
    pathlib.Path('plain').write_text('#!/bin/sh\n')
    for name in ('plain', 'missing'):
        got = tools_test.run(tools_test.Test(name, [os.path.abspath(name)], {}, 20), pathlib.Path('log'))
        check_equal((got.passed, got.failed, got.skipped), (0, 1, 0), name)


@test
def test_programs_without_a_word():
    got = outcome('echo "3 passed, 2 failed, 0 skipped"; exit 1', has_sum=True)
    check_equal((got.passed, got.failed), (3, 2))


if __name__ == '__main__':
    main()
