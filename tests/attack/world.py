# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the attacks are aimed at, and who looks whether they have left a trace on it.

There is a secret word. It is in a file that everybody may read, in the answer beside the input, in the environments of
judgectl and (natively) judgeboxd, in the arguments and a file of another box's program, in System V shared memory, and
with whoever listens on a TCP port and an abstract socket of the host's. No attack may come to print it."""

import contextlib
import ctypes
import hashlib
import json
import os
import pathlib
import pwd
import resource
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / 'native'), str(HERE.parent / 'guest')]
# pylint: disable=wrong-import-position
from harness import BUILD, DEGRADE, JUDGECTL, TIMEOUT, check, wait_until    # noqa: E402
from host import SLICE, DropIn, become, need_package    # noqa: E402
from service import cgroup_mount, listening    # noqa: E402

IN_GUEST = os.environ.get('JUDGEBOX_GUEST') == '1'
TENANT = 'alice' if IN_GUEST else None      # natively root is all there is
VICTIM = 'victim'
# The victim's program goes on all the time, and is not to keep others waiting.
CONFIG = '[Manager]\nConcurrentRuns=3\n'


class World:
    """As attacks find it. values is what {NAME} stands for in their options and arguments."""

    def __init__(self, directory, judgectl, cgroups, init):
        self.secret = f'secret-{secrets.token_hex(8)}'
        self.directory = directory
        self.judgectl_command = judgectl
        self.cgroups = cgroups
        self.init = init
        self.programs = None
        self.values = {}
        self.degraded = []
        self.scratch_number = 0
        self.lock = threading.Lock()
        self.clock = time.time() - time.monotonic()

    # ---- calling judgectl ----

    def popen(self, *words, user=TENANT, **more):
        options = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, **become(user),
                   **more}
        options['env'] = {**options.get('env', os.environ), 'JUDGEBOX_ATTACK': self.secret}
        return subprocess.Popen([*self.judgectl_command, *map(str, words)], **options)

    def judgectl(self, *words, status=0, **more):
        """What it says."""
        with self.popen(*words, **more) as process:
            out, err = process.communicate(timeout=TIMEOUT)
        if status is not None:
            check(process.returncode == status, f'judgectl {words}: {out} {err}')
        return out.decode(errors='replace')

    def scratch(self):
        """A new directory for whoever is the tenant."""
        with self.lock:
            self.scratch_number += 1
            path = self.directory / 'scratch' / str(self.scratch_number)
        path.mkdir()
        if TENANT:
            os.chown(path, pwd.getpwnam(TENANT).pw_uid, -1)
        return path

    # ---- traces ----

    def directories(self):
        """All cgroups, of which any may go just now."""
        return [pathlib.Path(top, name) for top, names, _ in os.walk(self.cgroups) for name in names]

    def of_box(self, box, owner):
        return [path for path in self.directories() if path.name in (f'{owner}-{box}', f'judgebox-{owner}-{box}.scope')]

    @staticmethod
    def populated(cgroup):
        try:
            return 'populated 1' in (cgroup / 'cgroup.events').read_text()
        except OSError:
            return False

    def left(self):
        """What there is besides the victim."""
        cgroups = [path for path in self.directories()
                   if f'-{VICTIM}' not in str(path) and not path.name.endswith('.slice')]
        boxes = json.loads(self.judgectl('--json=short', 'list'))
        return {
            'process': [str(path) for path in cgroups if self.populated(path)],
            'cgroup': [str(path) for path in cgroups],
            'box': [box['box'] for box in boxes if box['box'] != VICTIM],
        }

    def state(self):
        """What no attack may change, by the trace's name."""
        def fingerprint(path):
            st = path.lstat()
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ''
            return str(path), st.st_mode, st.st_uid, st.st_rdev, content

        def text(path):
            return pathlib.Path(path).read_text(errors='replace')

        mine = [path for path in self.directory.rglob('*') if self.directory / 'scratch' not in (path, *path.parents)
                and not path.is_socket()]
        devices = [pathlib.Path('/dev', name) for name in ('null', 'zero', 'full', 'random', 'urandom')]
        return {
            'host-file': [fingerprint(path) for path in sorted(mine) + devices + [pathlib.Path('/usr/bin/env')]],
            'judgebox-init': fingerprint(self.init),
            'mount': len(text('/proc/self/mountinfo').splitlines()),
            'kernel-setting': [text(f'/proc/sys/kernel/{name}') for name in ('core_pattern', 'hostname', 'domainname')],
            'clock': abs(time.time() - time.monotonic() - self.clock) < 5,
            'core': sorted(str(path) for top in ('/var/crash', '/var/lib/systemd/coredump')
                           for path in pathlib.Path(top).glob('*')),
        }

    def check_victim(self):
        got = self.scratch()
        self.judgectl('get', VICTIM, 'secret', cwd=got)
        check((got / 'secret').read_text() == self.secret, "the other box's file is not what it was")
        status = json.loads(self.judgectl('--json=short', 'status', VICTIM))
        check(status['activeRuns'] == [1], f"the other box's program does not run any more: {status}")


# ---- making it ----

def give(listener, text, path):
    """Tells the secret to whoever connects, and hands over the file that it is in if it can, until the socket is closed."""
    def serve():
        with contextlib.suppress(OSError):
            while True:
                with listener.accept()[0] as connection, open(path, 'rb') as file:
                    if listener.family == socket.AF_UNIX:
                        socket.send_fds(connection, [text.encode()], [file.fileno()])
                    else:
                        connection.sendall(text.encode())
    threading.Thread(target=serve, daemon=True).start()


@contextlib.contextmanager
def bait(world):
    """The secret, on the host."""
    directory = world.directory
    for name, content, mode in (('secret', world.secret, 0o644), ('answer', world.secret, 0o644),
                                ('input', '1 2\n', 0o666)):
        (directory / name).write_text(content)
        (directory / name).chmod(mode)
    shutil.copy(BUILD / 'tests/attack/attacks', directory / 'executable')
    (directory / 'executable').chmod(0o777)
    for name in ('open', 'scratch'):
        (directory / name).mkdir()
        (directory / name).chmod(0o777)

    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    key = secrets.randbelow(1 << 30) + 1
    segment = libc.shmget(key, 4096, 0o1666)        # IPC_CREAT
    check(segment >= 0, os.strerror(ctypes.get_errno()))
    address = libc.shmat(segment, None, 0)
    ctypes.memmove(address, world.secret.encode() + b'\0', len(world.secret) + 1)
    abstract = f'judgebox-attack-{os.getpid()}'
    with socket.socket(socket.AF_UNIX) as unix, socket.socket() as tcp:
        unix.bind(f'\0{abstract}')
        tcp.bind(('127.0.0.1', 0))
        for listener in (unix, tcp):
            listener.listen(16)
            give(listener, world.secret, directory / 'secret')
        world.values = {
            'secret-file': directory / 'secret', 'input': directory / 'input', 'open-directory': directory / 'open',
            'executable': directory / 'executable',
            'abstract': abstract, 'port': tcp.getsockname()[1], 'shm-key': key, 'host-name': os.uname().nodename,
        }
        try:
            yield
        finally:
            libc.shmdt(ctypes.c_void_p(address))
            libc.shmctl(segment, 0, None)           # IPC_RMID


@contextlib.contextmanager
def victim(world):
    """Another box of the same tenant's, with a program in it."""
    put = world.scratch()
    (put / 'secret').write_text(world.secret)
    world.judgectl('create', VICTIM)
    world.judgectl('put', VICTIM, put / 'secret', HERE / 'victim.py')
    out = put / 'out'
    with world.popen('run', f'--box={VICTIM}', '-q', '-t', 60, '-w', 3000, '-o', out, 'python3', 'victim.py',
                     world.secret) as process:
        try:
            check(wait_until(lambda: out.exists() and 'ready' in out.read_text(), 60), "the other box's program begins")
            yield
        finally:
            world.judgectl('destroy', VICTIM)
            process.communicate(timeout=TIMEOUT)


@contextlib.contextmanager
def judgebox(directory):
    """Whom to ask: how judgectl is called, the directory of all cgroups, and judgebox-init."""
    if IN_GUEST:
        need_package()
        with DropIn(CONFIG):
            yield ['judgectl'], SLICE, pathlib.Path('/usr/libexec/judgebox/judgebox-init')
        return

    # What the daemon might hand on, the program is not to have.
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    os.chdir(directory)
    (directory / 'etc/judgebox').mkdir(parents=True)
    (directory / 'etc/judgebox/judgebox.conf').write_text(CONFIG)
    with listening(f'--config-root={directory}', degrade=DEGRADE) as service:
        init = next(path for path in (BUILD / 'bin').rglob('judgebox-init'))
        yield [JUDGECTL, f'--socket={service.path}'], cgroup_mount() / f'judgebox-{service.pid}', init
    os.chdir('/')


@contextlib.contextmanager
def programs():
    """Where they are memory: of a file whose server might not answer judgebox-init has a process of its own take care,
    which programs could find."""
    with tempfile.TemporaryDirectory(prefix='judgebox-attack-', dir='/dev/shm') as name:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        for path in (BUILD / 'tests/attack').iterdir():
            if path.is_file() and os.access(path, os.X_OK):
                shutil.copy(path, directory)
        yield directory


@contextlib.contextmanager
def world():
    directory = pathlib.Path(tempfile.mkdtemp(prefix='judgebox-attack-', dir='/var/tmp'))
    directory.chmod(0o755)
    try:
        made = World(directory, None, None, None)
        os.environ['JUDGEBOX_ATTACK'] = made.secret
        daemon = directory / 'scratch-daemon'
        daemon.mkdir()
        with judgebox(daemon) as (made.judgectl_command, made.cgroups, made.init), programs() as made.programs, \
                bait(made), victim(made):
            result = json.loads(made.judgectl('--json=short', 'run', '-o', '/dev/null', 'true'))
            made.degraded = result.get('degraded', [])
            yield made
    finally:
        shutil.rmtree(directory)
