# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs test programs, tells how each ended, and adds up what they say of themselves.

tools/test builds and starts this. A test program ends in one of these ways:
  - its last line is "N passed, N failed, N skipped" (those under tests/native);
  - it was written with check and prints check's own sums;
  - it prints neither: then it is one test, passed when its exit status is 0 and skipped when that is 77.
Whatever it says, an exit status other than 0 (or 77) is a failure. Lines "SKIP: name: reason" and "FAIL: name: reason"
say more.
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import pathlib
import platform
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PARTS = ('unit', 'native', 'guest')
BUILDS = {'gcc': 'build', 'clang': 'build-clang', 'asan': 'build-asan'}
# UBSan by itself only tells; it is to end the test.
SANITIZERS = {'ASAN_OPTIONS': 'abort_on_error=1', 'UBSAN_OPTIONS': 'halt_on_error=1:abort_on_error=1:print_stacktrace=1'}
LOGS = TOP / 'build' / 'test-logs'
SCRIPT_TIMEOUT = 600
GUEST_FACTOR = 10           # how much longer a test may take under emulation
# What depends on the kernel and on what is mounted. The others need no guest, and some of them the sources.
GUEST_UNIT_TESTS = ('cgroup', 'sandbox')
GUEST_TIMEOUT = 40 * 60
PACKAGE_TIMEOUT = 20 * 60
EXIT_SKIPPED = 77

SUM = re.compile(r'^(\d+) passed, (\d+) failed, (\d+) skipped$')
CHECK = re.compile(r'^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$', re.M)
SKIP = re.compile(r'^SKIP: (.*)$', re.M)
FAIL = re.compile(r'^(?:FAIL: (.*)|\S+:\d+:[FE]:(.*))$', re.M)


@dataclasses.dataclass
class Test:
    name: str
    command: list           # here and in the environment @TOP@ stands for TOP, which is elsewhere in the guest
    environment: dict
    timeout: float
    directory: str = '.'    # below TOP
    has_sum: bool = False   # must end with the line of sums


@dataclasses.dataclass
class Outcome:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0
    failures: list = dataclasses.field(default_factory=list)
    reasons: list = dataclasses.field(default_factory=list)
    output: str = ''

    def fail(self, why):
        self.failed += 1
        self.failures.append(why)

    def skip(self, why):
        self.skipped += 1
        self.reasons.append(why)

    def sums(self):
        return f'{self.passed} passed, {self.failed} failed, {self.skipped} skipped'


# ---- one program ----

running = set()


def end(number, _):
    """By a signal: so do the tests that run."""
    for process in list(running):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    sys.exit(128 + number)


def judge_output(test, status, output):
    """What the program said, held against how it ended."""
    outcome = Outcome(output=output)
    outcome.reasons = SKIP.findall(output)
    outcome.failures = [a or b for a, b in FAIL.findall(output)]
    lines = output.strip().splitlines()
    own = SUM.match(lines[-1]) if lines else None
    check = CHECK.findall(output)

    if own:
        outcome.passed, outcome.failed, outcome.skipped = map(int, own.groups())
    elif check:
        ran, failures, errors = (sum(map(int, column)) for column in zip(*check))
        outcome.passed = ran - failures - errors
        outcome.failed = failures + errors
        outcome.skipped = len(outcome.reasons)
    elif status == EXIT_SKIPPED:
        outcome.skipped = max(1, len(outcome.reasons))
    elif test.has_sum:
        outcome.fail('ended without its sums')
    elif status == 0:
        outcome.passed = 1

    if outcome.skipped > len(outcome.reasons):
        outcome.reasons.append(f'{outcome.skipped - len(outcome.reasons)} without a reason')
    if status not in (0, EXIT_SKIPPED) and outcome.failed == 0:
        outcome.fail(f'killed by {signal.Signals(-status).name}' if status < 0 else f'exit status {status}')
    if status == 0 and outcome.passed + outcome.failed + outcome.skipped == 0:
        outcome.fail('ran no test')
    return outcome


def run(test, log):
    """Runs it in a session of its own, so that on a timeout all that it started is ended."""
    begin = time.monotonic()
    timed_out = False
    command = [word.replace('@TOP@', str(TOP)) for word in test.command]
    environment = {name: value.replace('@TOP@', str(TOP)) for name, value in test.environment.items()}
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, 'wb') as out:
        try:
            process = subprocess.Popen(command, cwd=TOP / test.directory, env={**os.environ, **environment},
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                       start_new_session=True)
        except OSError as error:
            outcome = Outcome()
            outcome.fail(f'could not be started: {error.strerror}')
            return outcome
        running.add(process)
        try:
            process.wait(test.timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            running.discard(process)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    outcome = judge_output(test, process.returncode, log.read_text(errors='replace'))
    if timed_out:
        outcome.failures = [f'not done after {test.timeout:g} s', *outcome.failures]
        outcome.failed = max(1, outcome.failed)
    outcome.seconds = time.monotonic() - begin
    return outcome


# ---- what there is to run ----

def bring_libraries():
    """The directory, below TOP, with what check is linked with: no machine has that but those that build."""
    directory = TOP / 'build' / 'test-lib'
    directory.mkdir(exist_ok=True)
    for test in unit_tests(BUILDS['gcc']):
        listed = subprocess.run(['ldd', test.command[0].replace('@TOP@', str(TOP))], capture_output=True, text=True)
        for path in re.findall(r'libsubunit\.so\S* => (/\S+)', listed.stdout):
            shutil.copy(path, directory)
    return f'@TOP@/{directory.relative_to(TOP)}'


def unit_tests(directory):
    """As meson knows them."""
    def relocatable(word):
        return re.sub(rf'^{re.escape(str(TOP))}(?=/|$)', '@TOP@', word)

    listed = subprocess.run(['meson', 'introspect', '--tests', TOP / directory], check=True, capture_output=True)
    for test in json.loads(listed.stdout):
        environment = {name: relocatable(value) for name, value in test['env'].items()}
        yield Test(test['name'], [relocatable(word) for word in test['cmd']], environment, test['timeout'],
                   directory=test['workdir'] or directory)


def scripts(directory, environment):
    """The programs test-* there. One that cannot be executed shows as a failure, not as nothing."""
    for path in sorted((TOP / 'tests' / directory).glob('test-*')):
        name = path.name if directory == 'native' else f'{directory}/{path.name}'
        yield Test(name, [f'@TOP@/{path.relative_to(TOP)}'], {'JUDGEBOX_BUILD': 'build', **environment},
                   SCRIPT_TIMEOUT, has_sum=True)


# Native tests, and the words in the names of those of each, that are done under the sanitizers as well: the whole of a
# request's way through judgeboxd, and judgebox-init. Not what waits for half a minute, compares memory use, or has a
# program that cannot be executed: ASan does not get along with the process that is between the two.
SANITIZED_TESTS = {
        'test-dbus.py': ['methods', 'violation', 'group', 'properties', 'descriptors', 'contents', 'errors', 'destroyed',
                         'caller-leaves', 'collect', 'signals', 'subscriber', 'bad', 'wrong'],
        'test-disconnect.py': ['bus-and'],
        'test-inside.py': [],
        'test-restart.py': ['box-stays', 'directory', 'numbers', 'goes-on', 'waited-for', 'exclusive', 'in-file', 'without',
                            'strays', 'for-good'],
        'test-separation.py': [],
        'test-service.py': ['introspection', 'calls', 'stranger', 'life', 'differ', 'settings', 'bind', 'run-', 'too-large',
                            'descriptor', 'limits', 'environment', 'files', 'names', 'links', 'reset', 'kill', 'destroy',
                            'client', 'dead', 'stopped', 'fails', 'terminated', 'many', 'several', 'activation'],
        'test-stream.py': [],
}


def sanitized_tests():
    for test in scripts('native', {**SANITIZERS, 'JUDGEBOX_BUILD': BUILDS['asan'], 'JUDGEBOX_TEST_DEGRADE': 'yes'}):
        if test.name in SANITIZED_TESTS:
            test.command += SANITIZED_TESTS[test.name]
            yield test


def native_tests(degrade):
    for directory in ('native', 'attack'):
        yield from scripts(directory, {'JUDGEBOX_TEST_DEGRADE': 'yes' if degrade else 'no'})


# These wait, mostly, for half a minute to be over in which nobody comes or answers. They do so while others work, in two
# lanes.
MOSTLY_WAITING = ({'test-disconnect.py', 'test-polkit.py', 'test-restart.py', 'test-service.py'}, {'test-slow-files.py'})

# It has so many variants, of which some hang for 20 s, that each lane does its part of them.
IN_PARTS = 'test-without-barriers.py'

# Native tests of what the guest has the real thing for, of what takes too long under emulation, and of what neither the
# kernel nor a controller has a part in.
GUEST_HAS_ITS_OWN = {
        'test-admission.py', 'test-budgets.py', 'test-bus-lost.py', 'test-clients.py', 'test-commands.py',
        'test-dbus.py', 'test-disconnect.py', 'test-isolate.py', 'test-manual.py', 'test-many-files.py', 'test-monitor.py',
        'test-polkit.py', 'test-profiles.py', 'test-restart.py', 'test-service-load.py', 'test-stream.py',
        'test-terminal.py', 'test-tools.py', 'test-vanish.py',
}

# Where others must not make boxes, mounts or cgroups at the same time; the rest brings a judgeboxd of its own.
GUEST_ALONE_FOLDERS = ('guest/', 'attack/', 'cgroup', 'sandbox')
GUEST_ALONE = {'test-image.py', 'test-directory.py'}
# It looks whether anything at all is left of a package that was removed: by then all others are done.
GUEST_LAST = 'guest/test-package.py'

# Minutes of load under emulation: in full by hand, as in `tools/guest run tests/guest/test-load.py`. Here a short one.
GUEST_SHORTENED = {
        'guest/test-load.py': (['killed'], {'JUDGEBOX_KILL_SECONDS': '30'}),
        'guest/test-restart.py': (['restarted', 'executed-anew', 'store', 'idle', 'status'], {'JUDGEBOX_RESTART_RUNS': '10'}),
}

# What depends on how old kernel, systemd and polkit are: also in Debian 12.
OLD_GUEST_TESTS = {'cgroup-scope', 'cgroup-tree', 'test-allowed-paths.py', 'test-inside.py', 'test-filter.py',
                   'test-limits.py', 'guest/test-package.py', 'guest/test-service.py'}


def guest_tests():
    libraries = bring_libraries()
    for test in unit_tests(BUILDS['gcc']):
        if test.name.startswith(GUEST_UNIT_TESTS):
            test.environment['LD_LIBRARY_PATH'] = libraries
            test.environment['CK_TIMEOUT_MULTIPLIER'] = str(GUEST_FACTOR)
            yield test
    yield from (test for test in native_tests(degrade=False) if test.name not in GUEST_HAS_ITS_OWN)
    for test in scripts('guest', {}):
        arguments, environment = GUEST_SHORTENED.get(test.name, ([], {}))
        test.command += arguments
        test.environment.update(environment)
        yield test


def tests_by_name(tests):
    named = {}
    for test in tests:
        if named.setdefault(test.name, test) is not test:
            raise ValueError(f'two tests are named {test.name}')
    return named


# ---- the report ----

class Report:
    def __init__(self):
        self.outcomes = []      # (part, name, Outcome)
        self.lock = threading.Lock()

    def add(self, part, name, outcome):
        with self.lock:
            self.outcomes.append((part, name, outcome))
            self.show(part, name, outcome)

    @staticmethod
    def show(part, name, outcome):
        sums = ', '.join(f'{n} {word}' for n, word in ((outcome.passed, 'passed'), (outcome.failed, 'FAILED'),
                                                       (outcome.skipped, 'skipped')) if n)
        print(f'{part:<12} {name:<28} {outcome.seconds:6.1f} s  {sums}', flush=True)
        if outcome.failed:
            for line in outcome.output.strip().splitlines()[-40:]:
                print(f'    {line}')

    def skip(self, part, why):
        outcome = Outcome()
        outcome.skip(why)
        self.add(part, 'all of it', outcome)

    def finish(self):
        """The sums, last of all; the exit status."""
        for title, field in (('Skipped', 'reasons'), ('Failed', 'failures')):
            lines = {}
            for part, name, outcome in self.outcomes:
                for why in getattr(outcome, field):
                    lines.setdefault(f'{name}: {why}', []).append(part)
            if lines:
                print(f'\n{title}:')
                for line, parts in lines.items():
                    print(f'  {line} ({", ".join(dict.fromkeys(parts))})')
        total = Outcome(*(sum(getattr(outcome, field) for _, _, outcome in self.outcomes)
                          for field in ('passed', 'failed', 'skipped')))
        if total.failed:
            print(f'\nThe programs\' whole output is in {LOGS}.')
        print(f'\n{total.sums()}', flush=True)
        return 1 if total.failed or total.passed == 0 else 0


# ---- the parts ----

def run_lanes(report, *lanes):
    """Each a queue of (part, directory of logs, test), worked through in order beside the others."""
    def work(lane):
        with contextlib.suppress(queue.Empty):
            while True:
                part, logs, test = lane.get_nowait()
                report.add(part, test.name, run(test, logs / f'{test.name}.log'))

    with concurrent.futures.ThreadPoolExecutor(len(lanes)) as pool:
        futures = [pool.submit(work, lane) for lane in lanes]
        try:
            for future in futures:
                future.result()
        finally:
            # Told to end, this does not begin another.
            for lane in lanes:
                while not lane.empty():
                    lane.get()


def run_unit(report):
    lane = queue.SimpleQueue()
    for build, directory in BUILDS.items():
        for test in unit_tests(directory):
            test.environment = {**SANITIZERS, **test.environment}
            lane.put((f'unit/{build}', LOGS / build, test))
    run_lanes(report, lane, lane)


def run_native(report):
    if os.geteuid() != 0:
        report.skip('native', 'not root')
        return
    *waiting, busy = lanes = [queue.SimpleQueue() for _ in range(len(MOSTLY_WAITING) + 1)]
    for test in native_tests(degrade=True):
        if test.name != IN_PARTS:
            lane = next((lane for names, lane in zip(MOSTLY_WAITING, waiting) if test.name in names), busy)
            lane.put(('native', LOGS / 'native', test))
    for test in sanitized_tests():
        busy.put(('native/asan', LOGS / 'native-asan', test))
    for part, lane in enumerate(lanes, 1):
        test = next(test for test in native_tests(degrade=True) if test.name == IN_PARTS)
        test.name, test.command = f'{test.name}-{part}', [*test.command, f'--part={part}/{len(lanes)}']
        lane.put(('native', LOGS / 'native', test))
    run_lanes(report, *lanes)


def why_no_guest():
    if platform.machine() != 'x86_64':
        return f'the guest is x86-64, this machine {platform.machine()}'
    if os.geteuid() != 0 and not (shutil.which('qemu-system-x86_64') and shutil.which('mmdebstrap')):
        return 'QEMU and mmdebstrap are not here, and only root can install them'
    return None


def run_in_guest(report, part, debian, tests):
    """Boots it once. In there this program runs with --events, and says on a line each what it did."""
    plan = TOP / 'build' / f'test-plan-{debian}.json'
    plan.write_text(json.dumps([dataclasses.asdict(test) for test in tests.values()]))
    command = [TOP / 'tools' / 'guest', 'run', f'--debian={debian}', f'--timeout={GUEST_TIMEOUT}',
               f'--results={LOGS / part}', 'python3', 'tools/lib/test.py', '--events', plan.relative_to(TOP)]
    guest = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        for line in guest.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                sys.stdout.write(line.decode(errors='replace'))
                continue
            del tests[event['name']]
            report.add(part, event['name'], Outcome(**event['outcome']))
        status = guest.wait()
    finally:
        if guest.poll() is None:
            guest.terminate()
            guest.wait()

    for name in tests:
        outcome = Outcome()
        outcome.fail(f'not run: the guest ended before it, with exit status {status}')
        report.add(part, name, outcome)
    if not tests and status != 0:
        outcome = Outcome()
        outcome.fail(f'exit status {status}')
        report.add(part, 'tools/guest', outcome)


def run_guest(report):
    """All that is for a guest in the newer Debian, then in the older what may differ there."""
    why = why_no_guest()
    if why:
        report.skip('guest', why)
        return

    # Its packages are what the guest installs.
    package = Test('tools/package', ['@TOP@/tools/package', '--lint'], {}, PACKAGE_TIMEOUT)
    report.add('guest', package.name, run(package, LOGS / 'package.log'))

    tests = tests_by_name(guest_tests())
    old = {name: tests[name] for name in sorted(OLD_GUEST_TESTS)}
    run_in_guest(report, 'guest', 13, tests)
    run_in_guest(report, 'guest-12', 12, old)


class Events:
    """A report as it is sent out of the guest: a line of JSON for each program."""

    def __init__(self):
        self.lock = threading.Lock()

    def add(self, _, name, outcome):
        outcome.output = outcome.output[-20000:]
        with self.lock:
            print(json.dumps({'name': name, 'outcome': dataclasses.asdict(outcome)}), flush=True)


def run_plan(path):
    """Those that share the installed service, and what systemd and the kernel have only once, one after the other."""
    alone, others, last = queue.SimpleQueue(), queue.SimpleQueue(), queue.SimpleQueue()
    for fields in json.loads(path.read_text()):
        test = Test(**fields)
        test.timeout *= GUEST_FACTOR
        lane = last if test.name == GUEST_LAST else \
            alone if test.name in GUEST_ALONE or test.name.startswith(GUEST_ALONE_FOLDERS) else others
        lane.put(('guest', pathlib.Path(os.environ['JUDGEBOX_RESULTS']), test))
    events = Events()
    run_lanes(events, alone, others)
    run_lanes(events, last)
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('parts', nargs='*')
    parser.add_argument('--events', type=pathlib.Path, help='run what is in this file, and say so in JSON')
    args = parser.parse_args()
    # Not by choices=, which Python before 3.12 also holds against no part at all.
    for part in args.parts:
        if part not in PARTS:
            parser.error(f'there is no part {part}')

    if args.events:
        return run_plan(args.events)

    shutil.rmtree(LOGS, ignore_errors=True)
    report = Report()
    for part in args.parts:
        globals()[f'run_{part}'](report)
    return report.finish()


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, end)
    sys.exit(main())
