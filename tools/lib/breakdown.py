# SPDX-License-Identifier: LGPL-2.1-or-later
"""Looks at one warm run with strace: which system calls it makes, in which process, and when.

strace makes every call much slower, so the times only tell the order of things and where a wait is; what each part
takes without it is told by the difference between cases, which `bench --all` measures."""

import collections
import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

LINE = re.compile(r'^(\d+) +(\d+\.\d+) (\w+)\((.*?)(?:\) += (-?\w+).*)?$')
RESUMED = re.compile(r'^\d+ +\d+\.\d+ <\.\.\. \w+ resumed>')
WIDTH = 100


def programs(build):
    return [build / 'bin', build / 'tests' / 'bench' / 'tiny', build / 'tests' / 'bench' / 'calls']


def trace_one_run(build):
    """The lines that strace wrote, and the names of the processes that were there before."""
    bench = subprocess.Popen([build / 'tests' / 'bench' / 'bench', '--degrade', '--hold', *programs(build)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        names = dict(zip(bench.stdout.readline().split(), ('judgeboxd', 'judgebox-init')))
        if len(names) != 2:
            sys.exit('breakdown: the benchmark did not start')
        with tempfile.NamedTemporaryFile('r') as log:
            strace = subprocess.Popen(['strace', '-f', '-ttt', '-s', '32', '-o', log.name,
                                       *(word for pid in names for word in ('-p', pid))],
                                      stderr=subprocess.PIPE, text=True)
            attached = 0
            while attached < len(names):
                line = strace.stderr.readline()
                if not line:
                    sys.exit('breakdown: strace cannot attach')
                attached += 'attached' in line
            bench.stdin.write('\n')
            bench.stdin.flush()
            bench.stdout.readline()
            time.sleep(0.2)         # what is done once the reply is out
            strace.send_signal(signal.SIGINT)
            strace.communicate()
            return log.read().splitlines(), names
    finally:
        bench.stdin.close()
        bench.wait()


def parse(lines, names):
    """(process, seconds since the first, call, the line's text) for each call, where it began."""
    calls = []
    for line in lines:
        found = LINE.match(line)
        if not found or RESUMED.match(line):
            continue
        pid, when, call, arguments, result = found.groups()
        calls.append((names.setdefault(pid, 'the program'), float(when), call,
                      f'{call}({arguments}) = {result}' if result else f'{call}({arguments} …'))
    # What they were waiting in when strace came does not belong to the run.
    first = next((i for i, call in enumerate(calls) if call[2] in ('recvmsg', 'read')), 0)
    begin = calls[first][1] if calls else 0
    return [(name, when - begin, call, text) for name, when, call, text in calls[first:]]


def show_cases(build):
    done = subprocess.run([build / 'tests' / 'bench' / 'bench', '--degrade', '--json', '--all', *programs(build)],
                          stdout=subprocess.PIPE, check=True)
    cases = {case['name']: case for case in json.loads(done.stdout)['cases']}
    parts = [
        ('the varlink call itself', cases['warm-status']['medianUSec']),
        ('all else but execve and the program', cases['warm-missing']['medianUSec'] - cases['warm-status']['medianUSec']),
        ('execve, the program, its end', cases['warm-tiny']['medianUSec'] - cases['warm-missing']['medianUSec']),
        ('a warm run of the tiny program', cases['warm-tiny']['medianUSec']),
    ]
    unit = cases['spawn-tiny']['medianUSec']
    print(f'Medians without strace; the unit is spawn-tiny, {unit:.1f} us:')
    for name, usec in parts:
        print(f'  {name:<40} {usec:8.1f} us {usec / unit:6.2f}')


def main():
    build = pathlib.Path(sys.argv[1])
    show_cases(build)

    calls = parse(*trace_one_run(build))
    counts = collections.defaultdict(collections.Counter)
    for name, _, call, _ in calls:
        counts[name][call] += 1
    print('\nSystem calls of one warm run:')
    for name, counter in counts.items():
        listed = ', '.join(f'{call} {n}' if n > 1 else call for call, n in counter.most_common())
        print(f'  {name}: {counter.total()} ({listed})')

    print('\nIn their order, with the time under strace:')
    for name, when, _, text in calls:
        print(f'  {when * 1e6:8.0f} us  {name:<14} {text[:WIDTH]}')


if __name__ == '__main__':
    main()
