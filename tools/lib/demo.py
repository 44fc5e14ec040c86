# SPDX-License-Identifier: LGPL-2.1-or-later
"""Judges the examples and holds each verdict against the one that examples/expected.json asks for."""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import textwrap
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
EXAMPLES = TOP / 'examples'
JUDGECTL = TOP / os.environ.get('JUDGEBOX_BUILD', 'build') / 'bin' / 'judgectl'
TIMEOUT = 300

DEGRADED = {
    'memory': 'memory (the resident sets of a run\'s processes are added up every few milliseconds instead)',
    'processes': 'the number of processes (a resource limit of the run\'s user stands in)',
    'cpus': 'the number of CPUs used at a time (the scheduling affinity stands in)',
    'cpuSet': 'the set of CPUs (the scheduling affinity stands in)',
}


@dataclasses.dataclass
class Row:
    submission: str
    expected: str
    about: str
    verdict: str = '-'
    usec: int = None
    memory: int = None
    degraded: list = dataclasses.field(default_factory=list)
    trouble: str = ''

    @property
    def good(self):
        return self.verdict == self.expected and not self.trouble


def largest(results, *keys):
    """Of the first of these keys that any result has."""
    for key in keys:
        values = [result[key] for result in results if result.get(key) is not None]
        if values:
            return max(values)
    return None


def judge(entry, options):
    row = Row(entry['submission'].replace('submissions/', ''), entry['verdict'], entry['about'])
    command = [JUDGECTL, *options, '--json=short', 'judge', '--quiet', *entry.get('options', []),
               EXAMPLES / entry['submission'], EXAMPLES / entry['tests']]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors='replace',
                              timeout=TIMEOUT)
        report = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        row.trouble = f'judgectl took more than {TIMEOUT} s'
        return row
    except ValueError:
        row.trouble = f'judgectl ended with exit status {done.returncode}: {done.stderr.strip()}'
        return row

    results = [test['result'] for test in report['tests']] or [report['compileResult']]
    row.verdict = report['verdict']
    row.usec = largest(results, 'cpuTimeUSec')
    row.memory = largest(results, 'memoryPeakBytes', 'maxRssBytes')
    row.degraded = sorted({name for result in results for name in result.get('degraded') or []})
    wanted_status = 0 if row.verdict == 'ok' else 1
    if done.returncode != wanted_status:
        row.trouble = f'judgectl ended with exit status {done.returncode}, not {wanted_status}: {done.stderr.strip()}'
    for text in entry.get('absent', []):
        if text in done.stdout:
            row.trouble = f'the report has "{text}" in it'
    return row


# ---- the table ----

COLUMNS = '{:<22} {:<16} {:<16} {:>8} {:>8}  {}'


def colored(text, code):
    return f'\033[{code}m{text}\033[0m' if sys.stdout.isatty() and not os.environ.get('NO_COLOR') else text


def show(row):
    seconds = '-' if row.usec is None else f'{row.usec / 1e6:.3f} s'
    memory = '-' if row.memory is None else f'{row.memory / 2**20:.1f} M'
    line = COLUMNS.format(row.submission, row.expected, row.verdict, seconds, memory, row.about)
    print(colored(line, '32') if row.good else colored(line + '  <-- not as it must be', '1;31'), flush=True)
    if row.trouble:
        print(textwrap.indent(row.trouble, '    '), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--no-degrade', action='store_true')
    args = parser.parse_args()
    options = ['--private'] if args.no_degrade else ['--private', '--degrade']

    entries = json.loads((EXAMPLES / 'expected.json').read_text())
    begin = time.monotonic()
    print(colored(COLUMNS.format('SUBMISSION', 'EXPECTED', 'VERDICT', 'CPU', 'MEMORY', 'THE PROGRAM'), '1'), flush=True)
    # One for each CPU, as a judge would; shown in their order, each as soon as it is its turn.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = []
        for row in pool.map(lambda entry: judge(entry, options), entries):
            show(row)
            rows.append(row)

    good = sum(row.good for row in rows)
    degraded = sorted({name for row in rows for name in row.degraded})
    print(f'\n{good} of {len(rows)} verdicts are as they must be, after {time.monotonic() - begin:.1f} s.')
    if degraded:
        print(colored('This machine cannot enforce by cgroup:', '33'))
        for name in degraded:
            print(f'  - {DEGRADED.get(name, name)}')
        print('tools/demo --guest shows the same in a machine that can.')
    elif not any(row.trouble for row in rows):
        print('Every limit was enforced by a cgroup.')
    return 0 if good == len(rows) else 1


if __name__ == '__main__':
    sys.exit(main())
