# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the native tests share: where the programs are, running judgectl, and a small runner.

A test file defines functions with @test and ends in `main()`. Each test runs in a scratch directory of its own and
fails by an exception; skip("reason") skips it. The last line printed is "N passed, N failed, N skipped". By hand:

    tests/native/test-cli.py [--no-degrade] [--part=K/N] [NAME...]

runs those whose names contain one of the words; with --part= only each Nth of them, beginning with the Kth.
"""

import ctypes
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = TOP / os.environ.get('JUDGEBOX_BUILD', 'build')
JUDGECTL = BUILD / 'bin' / 'judgectl'
DEGRADE = os.environ.get('JUDGEBOX_TEST_DEGRADE', 'yes') == 'yes' and '--no-degrade' not in sys.argv
PRIVATE = ['--private'] + (['--degrade'] if DEGRADE else [])

# QEMU without KVM says so. Nothing timed there is an absolute figure.
EMULATED = 'QEMU TCG' in pathlib.Path('/proc/cpuinfo').read_text()
# In seconds, for what should take none. Less where it is expected that something hangs.
TIMEOUT = int(os.environ.get('JUDGEBOX_TEST_TIMEOUT', 300 if EMULATED else 60))

# The version of Landlock that keeps signals and abstract sockets apart.
LANDLOCK_SCOPES = 6

_tests = []


class Skipped(Exception):
    pass


def skip(reason):
    raise Skipped(reason)


def test(function):
    _tests.append(function)
    return function


def check(condition, what=''):
    """assert, but for what a test is about: it cannot be switched off, and says what it saw."""
    if not condition:
        raise AssertionError(what)


def check_equal(got, wanted, what=''):
    check(got == wanted, f'{what + ": " if what else ""}got {got!r}, not {wanted!r}')


# ---- the programs ----

class Finished:
    """How a judgectl ended: exit status, its own output and errors as text, the result if it printed one."""

    def __init__(self, status, stdout, stderr):
        self.status = status
        self.stdout = stdout
        self.stderr = stderr
        try:
            self.result = json.loads(stdout)
        except ValueError:
            self.result = None

    def __repr__(self):
        return f'status {self.status}, stdout {self.stdout!r}, stderr {self.stderr!r}'


def judgectl(*arguments, stdin=subprocess.DEVNULL, **options):
    """Runs it to its end."""
    done = subprocess.run([JUDGECTL, *arguments], stdin=stdin, capture_output=True, timeout=TIMEOUT, **options)
    return Finished(done.returncode, done.stdout.decode(errors='replace'), done.stderr.decode(errors='replace'))


def run(*arguments, **options):
    """judgectl run, in a box of its own, with the result as JSON; the program's output is in .out and .err."""
    with tempfile.TemporaryDirectory() as directory:
        out, err = (os.path.join(directory, name) for name in ('out', 'err'))
        streams = []
        if not any(str(a).startswith(('-o', '--stdout')) for a in arguments):
            streams.append(f'--stdout={out}')
        if not any(str(a).startswith(('-e', '--stderr')) for a in arguments):
            streams.append(f'--stderr={err}')
        done = judgectl(*PRIVATE, '--json=short', 'run', *streams, *arguments, **options)
        done.out, done.err = (pathlib.Path(path).read_bytes() if os.path.exists(path) else b'' for path in (out, err))
    return done


def verdict(done):
    check(done.result is not None, f'no result: {done}')
    return done.result['verdict']


def expect(done, wanted, **fields):
    """The verdict, the exit status that goes with it, and what else the result is to say."""
    check_equal(verdict(done), wanted, str(done))
    check_equal(done.status, {'ok': 0, 'internal-error': 2}.get(wanted, 1), 'exit status')
    for key, value in fields.items():
        check_equal(done.result.get(key), value, key)
    return done


def shell(script, *options, **more):
    return run(*options, '--', '/bin/sh', '-c', script, **more)


def compile_c(source, output, *flags):
    """Static, so that it runs in any root."""
    if not shutil.which('gcc'):
        skip('no gcc here')
    subprocess.run(['gcc', '-O1', '-static', '-pthread', '-o', output, '-x', 'c', '-', *flags], input=source.encode(),
                   check=True)
    return output


def landlock_abi():
    """The kernel's version of Landlock, 0: none."""
    return max(0, ctypes.CDLL(None).syscall(444, None, 0, 1))   # landlock_create_ruleset, LANDLOCK_CREATE_RULESET_VERSION


def wait_until(condition, seconds=10):
    """Whether it came true in that time."""
    deadline = time.monotonic() + seconds * (5 if EMULATED else 1)
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


# ---- the runner ----

def _run_one(function):
    """The reason it did not pass, and whether it was skipped."""
    home = os.getcwd()
    with tempfile.TemporaryDirectory(prefix='judgebox-test-') as scratch:
        os.chdir(scratch)
        try:
            function()
        except Skipped as reason:
            return str(reason), True
        except Exception as error:      # whatever it is, the other tests still run
            traceback.print_exc(file=sys.stdout)
            return f'{type(error).__name__}: {error}'.splitlines()[0], False
        finally:
            os.chdir(home)
    return None, False


def main():
    # A shell has what it runs in the background ignore these, which our children would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    words = [word for word in sys.argv[1:] if not word.startswith('-')]
    parts = [word.removeprefix('--part=').split('/') for word in sys.argv[1:] if word.startswith('--part=')]
    named = [(function.__name__.removeprefix('test_').replace('_', '-'), function) for function in _tests]
    named = [pair for pair in named if not words or any(word in pair[0] for word in words)]
    for part, n in parts:
        named = named[int(part) - 1::int(n)]
    passed = failed = skipped = 0
    for name, function in named:
        begin = time.monotonic()
        reason, was_skipped = _run_one(function)
        if was_skipped:
            skipped += 1
            print(f'SKIP: {name}: {reason}')
        elif reason is not None:
            failed += 1
            print(f'FAIL: {name}: {reason}')
        else:
            passed += 1
            print(f'ok {name} ({time.monotonic() - begin:.2f} s)')
        sys.stdout.flush()
    print(f'{passed} passed, {failed} failed, {skipped} skipped')
    sys.exit(1 if failed else 0)
