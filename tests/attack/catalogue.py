# SPDX-License-Identifier: LGPL-2.1-or-later
"""The attacks as their files describe them, the barriers and traces that they may name, and the tables of README.md.

An attack is a file GROUP/NAME.{c,S,sh,py}, whose first comment says, a field a line:

    Attack      what it tries
    Barrier     what stops it: the first one alone would, as things are; the others are in the way, too
    Options     of judgectl run
    Arguments   of the program
    Verdict     what it must get, or one of these; VERDICT/DETAIL wants an exit status or a signal as well.
                runtime-error by itself means exit status 1, by which an attack says that it was refused
    Evidence    what else the result must say: FIELD=VALUE or FIELD>=NUMBER; a field that is not known is let pass
    Trace       what it would leave if it got through; all traces are looked for after every attack
    Forbidden   a word that neither its output nor a file of its may hold
    Needs       without what it cannot be tried: memory or cpuset (limited by a cgroup), landlock, x86-64
    Without     options with which it gets through, by which the barrier is seen to matter
    Phases      arguments for runs in one box, one after the other; the verdict is that of the last, the others end well
    Meanwhile   what judgectl does to the box, again and again, while it runs
    Terminal    yes: judgectl is called from one

{NAME} stands for what world.py or running.py has put there.
"""

import dataclasses
import pathlib
import re
import shlex

HERE = pathlib.Path(__file__).resolve().parent
README = HERE / 'README.md'
FIELDS = ('Attack', 'Barrier', 'Options', 'Arguments', 'Verdict', 'Evidence', 'Trace', 'Forbidden', 'Needs',
          'Without', 'Phases', 'Meanwhile', 'Terminal')
VERDICTS = ('ok', 'runtime-error', 'signaled', 'cpu-time-limit', 'wall-time-limit', 'idle-limit', 'memory-limit',
            'output-limit', 'security-violation')
NEEDS = ('memory', 'cpuset', 'landlock', 'x86-64')

GROUPS = {
    'processes': 'More processes',
    'memory': 'More memory',
    'cpu': 'More of the CPU',
    'wall': 'More time',
    'output': 'More output, files and descriptors',
    'escape': 'Getting out',
    'kernel': 'The kernel itself',
    'spy': 'Reading what is others\'',
    'lie': 'Looking better than one is',
}

BARRIERS = {
    'process-limit': 'pids.max of the run\'s cgroup, or RLIMIT_NPROC',
    'memory-limit': 'memory.max of the run\'s cgroup, without swap; or sampling and RLIMIT_AS',
    'stack-limit': 'RLIMIT_STACK',
    'cpu-limit': 'CPU time of all the run\'s processes, dead ones included, from its cgroup',
    'cpu-set': 'cpuset.cpus of the run\'s cgroup',
    'wall-limit': 'a timer of judgebox-init\'s, and cgroup.kill, which no process can ignore',
    'idle-limit': 'the same, when no CPU time is used',
    'output-limit': 'pipes that judgebox-init empties up to the limit; RLIMIT_FSIZE where the file is handed out itself',
    'file-size-limit': 'RLIMIT_FSIZE',
    'storage-limit': 'the size of the tmpfs that holds all that a box may write',
    'inode-limit': 'the number of its inodes',
    'open-files-limit': 'RLIMIT_NOFILE',
    'end-of-run': 'cgroup.kill, and a signal to each process, when the main one has ended, until nothing is left',
    'between-runs': 'what a run leaves in /tmp, /dev/shm and IPC objects is taken away before the next',
    'evidence': 'verdicts come from what the kernel says, not from what the program does',
    'no-capabilities': 'the program has no capability, in no set, and no way to one',
    'no-new-privileges': 'no_new_privs, and nosuid on every mount',
    'user-of-its-own': 'in the box the program is another user than judgebox-init; outside, both are nobody else',
    'no-user-namespaces': 'max_user_namespaces of the box\'s own is 0',
    'own-root': 'a root of its own, put in place by pivot_root; the old one is detached',
    'own-proc': 'a /proc with nothing but the program\'s own processes, and none of the kernel\'s knobs',
    'own-devices': 'a /dev with null, zero, full, random and urandom',
    'read-only-mounts': 'what is shown of the host is mounted read-only',
    'network-namespace': 'a network of its own, with a loopback alone',
    'pid-namespace': 'process numbers of its own',
    'ipc-namespace': 'System V and POSIX IPC of its own',
    'uts-namespace': 'a host name of its own',
    'time-namespace': 'clocks that begin with the box',
    'tsc-denial': '--deny-tsc: the CPU refuses to read its counter',
    'seccomp': 'the profile\'s filter of system calls',
    'no-set-id-files': 'no set-user-ID bit on what a program writes where the host would heed it',
    'landlock': 'Landlock\'s rules for files and sockets, which also hold for what no path of the box\'s leads to',
    'path-rules': '--allow-path=: a second layer of Landlock, for this run',
    'files-beneath': 'openat2 without links, below the box\'s own directories, for whatever is collected',
    'sealed-executable': 'what --exec-file= executes is a sealed copy',
    'descriptors': 'the program has its three streams, opened for what they are for, and no other descriptor',
    'streams-relayed': 'a terminal is never handed out: the program gets pipes',
    'no-core-dumps': 'RLIMIT_CORE is 1, at which the kernel neither writes a file nor calls anybody',
}

TRACES = {
    'process': 'a process in a cgroup of the run\'s',
    'cgroup': 'a cgroup of the box\'s',
    'box': 'a box that judgectl still lists',
    'mount': 'a mount on the host',
    'host-file': 'a change to a file of the host\'s, or a new one',
    'judgebox-init': 'a change to the program that starts all others',
    'kernel-setting': 'a change to core_pattern or the host\'s name',
    'clock': 'a change to the host\'s clock',
    'core': 'a core dump',
    'victim': 'a change to another box, or to what runs in it',
    'secret': 'a secret word in its output: it is in a file, an environment, command lines, another box, sockets',
    'output': 'more output than the limit',
    'terminal': 'input that nobody typed',
}


@dataclasses.dataclass
class Attack:
    path: pathlib.Path
    fields: dict

    @property
    def name(self):
        return self.path.stem

    @property
    def group(self):
        return self.path.parent.name

    def words(self, field):
        return [word for word in re.split(r'[,\s]+', self.fields.get(field, '')) if word]

    def options(self, field='Options'):
        return shlex.split(self.fields.get(field, ''))

    def check(self):
        """That it says what it must, in words that are known."""
        def need(condition, what):
            if not condition:
                raise ValueError(f'{self.path.relative_to(HERE)}: {what}')

        need(self.group in GROUPS, f'there is no group {self.group}')
        for field in ('Attack', 'Barrier', 'Verdict'):
            need(self.fields.get(field), f'{field} is missing')
        for field, known in (('Barrier', BARRIERS), ('Trace', TRACES), ('Needs', NEEDS)):
            for word in self.words(field):
                need(word in known, f'{field}: {word} is not known')
        for word in self.words('Verdict'):
            need(word.partition('/')[0] in VERDICTS, f'no such verdict: {word}')


def read(path):
    fields = {}
    for line in path.read_text().splitlines():
        comment = re.match(r'^(?:/\*| \*|#!?)\s?(.*?)(?: \*/)?$', line)
        if not comment:
            break
        field = re.match(r'^([A-Z][a-z]+): (.*)$', comment[1])
        if field:
            if field[1] not in FIELDS or field[1] in fields:
                raise ValueError(f'{path}: {field[1]} is not a field, or twice there')
            fields[field[1]] = field[2].strip()
    return Attack(path, fields)


def attacks():
    """All, group by group. One that is not described well is an error."""
    found = [read(path) for group in GROUPS for path in sorted((HERE / group).iterdir())
             if path.suffix in ('.c', '.S', '.sh', '.py')]
    for attack in found:
        attack.check()
    names = [attack.name for attack in found]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f'two attacks are named {name}')
    return found


# ---- README.md ----

INTRODUCTION = '''\
# Attacks

Programs that do what a program in a box must not be able to do, {count} of them, and what becomes of each. All run by
`tests/attack/test-attacks.py`: natively against a judgeboxd of its own, and in the guest as an unprivileged tenant's
runs by the installed service, with every limit enforced by a cgroup. A word or more picks some:

    tests/attack/test-attacks.py fork-bomb io-uring

Each file says at its head what it attacks, with which options it is run, the verdict that it must get and the trace that
it must not leave; `catalogue.py` explains the fields. After every attack all traces are looked for, not just its own. An
attack that is refused exits with status 1, so `runtime-error` is then the verdict that shows it contained; one that gets
through ends with `ok`.

This page is generated from the files: `tests/attack/test-attacks.py --update` writes it, and the test fails if it is out
of date.
'''


def code(text):
    return f'`{text}`'


def table(head, rows):
    lines = [f'| {" | ".join(head)} |', f'|{" --- |" * len(head)}']
    return '\n'.join(lines + [f'| {" | ".join(cell.replace("|", chr(92) + "|") for cell in row)} |' for row in rows])


def shown_by(barrier, all_attacks, variants):
    """By which attacks a barrier is seen to matter, and how it is taken away."""
    by_option = [f'{code(attack.name)} with {code(attack.fields["Without"])}' for attack in all_attacks
                 if attack.words('Barrier')[0] == barrier and 'Without' in attack.fields]
    by_build = [code(name) for name in variants.get(barrier, (None, []))[1]]
    if by_build:
        by_option.append(f'{", ".join(by_build)} in a build without it')
    return '; '.join(by_option)


def readme(all_attacks, variants):
    parts = [INTRODUCTION.format(count=len(all_attacks))]
    for group, title in GROUPS.items():
        rows = [(code(a.name), a.fields['Attack'], ', '.join(a.words('Barrier')), ' or '.join(a.words('Verdict')))
                for a in all_attacks if a.group == group]
        parts += [f'## {title}\n', table(('attack', 'what it does', 'stopped by', 'verdict'), rows), '']
    shown = [(code(name), text, shown_by(name, all_attacks, variants)) for name, text in BARRIERS.items()]
    parts += ['## Barriers\n',
              'With each of them off, an attack gets through: by an option where there is one, else in a build from',
              'changed sources (`tests/native/test-without-barriers.py`).\n',
              table(('barrier', 'what it is', 'shown to matter by'), shown), '',
              '## Traces\n',
              table(('trace', 'what is looked for'), [(code(name), text) for name, text in TRACES.items()])]
    return '\n'.join(parts) + '\n'
