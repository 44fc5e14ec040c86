# SPDX-License-Identifier: LGPL-2.1-or-later
"""How an attack is run: alone in a box that is gone afterwards, in phases, from a terminal, or while its box is disturbed."""

import contextlib
import fcntl
import json
import os
import pty
import struct
import termios
import time
import tty

import world as w
from harness import EMULATED, TIMEOUT, check, check_equal

# What only an administrator may ask for, under the shipped rules.
PRIVILEGED = ('--bind', '--share-net', '--profile=none')


def option_value(options, short, long):
    for option, following in zip(options, options[1:] + ['']):
        if option == short:
            return following
        if option.startswith(f'{long}='):
            return option.partition('=')[2]
    return None


def program(attack, programs):
    """The options that bring it into the box, and the command that it is there."""
    if attack.path.suffix == '.c':
        if option_value(attack.options(), '', '--exec-file'):
            return [], [attack.name]
        return [f'--exec-file={programs / "attacks"}'], [attack.name]
    if attack.path.suffix == '.S':
        return [f'--exec-file={programs / attack.name}'], [attack.name]
    return [f'--in={attack.path}'], [{'.sh': 'sh', '.py': 'python3'}[attack.path.suffix], attack.path.name]


class Run:
    """One run of an attack's program, with its streams and files in a directory of its own."""

    def __init__(self, world, attack, options, arguments, box=None):
        self.world = world
        self.attack = attack
        self.directory = world.scratch()
        values = {**world.values, 'uptime': int(time.clock_gettime(time.CLOCK_BOOTTIME)), 'own-directory': self.open()}
        self.options = [option.format(**values) for option in options]
        self.arguments = [argument.format(**values) for argument in arguments]
        self.box = [f'--box={box}'] if box else []
        self.result = None

    def open(self):
        """A directory of the tenant's where everybody may write, and nobody looks for traces."""
        path = self.directory / 'open'
        path.mkdir()
        path.chmod(0o777)
        os.chown(path, self.directory.stat().st_uid, -1)
        return path

    def command(self, streams):
        bring, start = program(self.attack, self.world.programs)
        return ['--json=short', 'run', *streams, *self.box, *self.options, *bring, '--', *start, *self.arguments]

    def user(self):
        return None if any(option.startswith(PRIVILEGED) for option in self.options) else w.TENANT

    def start(self, **more):
        streams = [f'--stdout={self.directory / "out"}', f'--stderr={self.directory / "err"}']
        if 'stderr' in more:
            del streams[1]
        return self.world.popen(*self.command(streams), user=self.user(), **{'cwd': self.directory, **more})

    def end(self, process):
        out, err = process.communicate(timeout=TIMEOUT)
        try:
            self.result = json.loads(out)
        except ValueError:
            raise AssertionError(f'no result: {out} {err}') from None
        return self

    def texts(self):
        """All that came out of the box."""
        return {path.name: path.read_bytes() for path in self.directory.rglob('*') if path.is_file()}

    def check_words(self):
        """None of them is what must not come out."""
        words = [self.world.secret, self.attack.fields.get('Forbidden')]
        for name, content in self.texts().items():
            for word in filter(None, words):
                check(word.encode() not in content, f'{word} is in {name}')

    def said(self):
        """The end of its output, fit to be printed."""
        out = self.directory / 'out'
        text = out.read_bytes()[-300:].decode(errors='replace') if out.exists() else ''
        return ''.join(c if c.isprintable() else ' ' for c in text).strip()


# ---- the ways of running one ----

def in_terminal(world, attack):
    """The run, of a judgectl that has a terminal of its own, where nothing must be typed."""
    run = Run(world, attack, attack.options(), attack.options('Arguments'))
    ours, theirs = pty.openpty()
    with contextlib.closing(os.fdopen(ours, 'rb', 0)), contextlib.closing(os.fdopen(theirs, 'rb', 0)):
        tty.setraw(theirs)
        process = run.start(stdin=theirs, stderr=theirs, start_new_session=True,
                            preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 1))
        run.end(process)
        typed, = struct.unpack('i', fcntl.ioctl(theirs, termios.FIONREAD, bytes(4)))
    check_equal(typed, 0, 'characters typed')
    return run


@contextlib.contextmanager
def box(world, attack, options):
    world.judgectl('create', attack.name, *options)
    try:
        yield attack.name
    finally:
        world.judgectl('destroy', attack.name)


def in_phases(world, attack, options):
    """The last of its runs."""
    with box(world, attack, options) as name:
        for phase in attack.words('Phases'):
            run = Run(world, attack, [], [phase], box=name)
            run.end(run.start())
            if phase != attack.words('Phases')[-1]:
                check_equal(run.result['verdict'], 'ok', f'{phase}: {run.said()}')
    return run


def in_disturbance(world, attack):
    """The run, after judgectl has done to its box what there was time for."""
    verb, *rest = attack.words('Meanwhile')
    with box(world, attack, []) as name:
        run = Run(world, attack, attack.options(), [], box=name)
        process = run.start()
        n = 0
        while process.poll() is None:
            world.judgectl(verb, name, *rest, status=None, cwd=run.directory)
            run.check_words()
            n += 1
        run.end(process)
        check(n > (0 if EMULATED else 5), f'it was disturbed {n} times only')
    return run


def perform(world, attack, options):
    """Under these of its options."""
    if 'Phases' in attack.fields:
        return in_phases(world, attack, attack.options(options))
    if 'Meanwhile' in attack.fields:
        return in_disturbance(world, attack)
    if 'Terminal' in attack.fields:
        return in_terminal(world, attack)
    run = Run(world, attack, attack.options(options), attack.options('Arguments'))
    return run.end(run.start())
