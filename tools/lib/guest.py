# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host's side of tools/guest: makes the run's disk, boots QEMU, passes output on, minds the time."""

import collections
import contextlib
import ctypes
import fcntl
import getopt
import hashlib
import os
import pathlib
import re
import secrets
import selectors
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
import termios
import time
import tty

LIB = pathlib.Path(__file__).resolve().parent
TOP = LIB.parent.parent

SUITES = {12: 'bookworm', 13: 'trixie'}
USERS = ('root', 'alice', 'bob', 'mallory')
STOP_GRACE = 15     # seconds for the guest to say what hung and send the journal, once the time is over
KEEP_UNUSED = 14    # days

# As timeout(1) and env(1) have them, so that a script can tell the command's end from the guest's.
EXIT_TIMEOUT = 124
EXIT_GUEST = 125

HELP = '''\
Boots a throwaway Debian under QEMU, with the build in it, and runs a command there.

  tools/guest run [OPTIONS] COMMAND...   the command's output and exit status are this one's
  tools/guest shell [OPTIONS]            a shell in it, on this terminal; Ctrl-] ends the guest
  tools/guest image [--debian=12|13]     only makes the disk, which happens by itself when there is none

Options:
  --debian=12|13           which Debian (13)
  --as=USER                root; alice or bob, who are in group judgebox; mallory, who is not (root)
  --copy=FILE[:DEST]       copies a file or directory in, to DEST or into the working directory; may be repeated
  --deb=FILE               installs a package; may be repeated
  --no-debs                without the packages in build/packages, which are otherwise installed
  --no-tree                without the repository's files and build/, which are otherwise in /opt/judgebox
  --timeout=SECONDS        time limit with the boot (600; none for a shell)
  --journal=FILE           brings the journal back, as text
  --results=DIR            brings back journal, cores, and what the command put into $JUDGEBOX_RESULTS
  --memory=SIZE --cpus=N   the machine (2G, 2)
  --console                shows the guest's console on standard error
  -q, --quiet              says nothing of its own but errors

The working directory is /opt/judgebox. COMMAND runs exactly as given, not through a shell, as a service with a
delegated cgroup. Exit status 124: the time limit; 125: the guest could not be made, did not come up, or crashed.
Disks are kept in ${XDG_CACHE_HOME:-~/.cache}/judgebox. One guest runs at a time; the others wait.
'''


class GuestError(Exception):
    def __init__(self, message, status=EXIT_GUEST):
        super().__init__(message)
        self.status = status


class Said:
    """What the tool itself has to say, on standard error."""
    quiet = False

    @classmethod
    def note(cls, text):
        if not cls.quiet:
            cls.error(text)

    @staticmethod
    def error(text):
        end = '\r\n' if Terminal.raw else '\n'
        sys.stderr.write(f'guest: {text}{end}')
        sys.stderr.flush()


# ---- the cache of disks ----

def cache_directory():
    base = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    path = pathlib.Path(base) / 'judgebox'
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def only_guest(cache, what):
    """Holds the lock under which disks are made and guests run: a guest takes the whole machine."""
    with open(cache / 'guest.lock', 'a+') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            Said.note(f'waiting for another guest: {lock.read().strip()}')
            fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(f'pid {os.getpid()}, {what}\n')
        lock.flush()
        # Nobody else is at work now, so what is still there was left by one that was killed.
        for left in [*cache.glob('run-*'), *cache.glob('new-*')]:
            shutil.rmtree(left, ignore_errors=True)
        yield


def image(cache, debian):
    """The directory with disk and vmlinuz of this Debian, made if there is none yet."""
    script = LIB / 'guest-image'
    key = hashlib.sha256(script.read_bytes() + SUITES[debian].encode()).hexdigest()[:16]
    path = cache / f'image-{debian}-{key}'
    if not path.exists():
        make_image(script, debian, path)
    os.utime(path)
    return path


def make_image(script, debian, path):
    if os.geteuid() != 0:
        raise GuestError('the disk has to be made as root, this once')
    begin = time.monotonic()
    new = pathlib.Path(tempfile.mkdtemp(prefix='new-', dir=path.parent))
    new.chmod(0o755)
    Said.note(f'making a disk with Debian {debian}, about a minute')
    maker = subprocess.Popen([script, SUITES[debian], new], stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno(),
                             start_new_session=True)
    try:
        if maker.wait() != 0:
            raise GuestError('could not make the disk')
    finally:
        if maker.poll() is None:
            os.killpg(maker.pid, signal.SIGTERM)
            maker.wait()
        if maker.returncode != 0:
            shutil.rmtree(new, ignore_errors=True)
    new.rename(path)
    for other in path.parent.glob('image-*'):
        if other.stat().st_mtime < time.time() - KEEP_UNUSED * 86400:
            shutil.rmtree(other)
    Said.note(f'disk made in {time.monotonic() - begin:.0f} s: {path}')


# ---- the disk of one run ----

# What a build leaves that is of no use in the guest, or that goes there as a package.
BUILD_SKIP_DIRS = ('meson-info', 'meson-logs', 'meson-private', 'packages')
BUILD_SKIP_FILES = ('.o', '.a', '.d', '.ninja', '.ninja_deps', '.ninja_log', '.deb', '.ddeb', 'compile_commands.json')


def copy(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target, follow_symlinks=False)


def repository_files():
    """What git has or would take, as paths below TOP; of a tree without git, everything but the build."""
    listed = subprocess.run(['git', '-c', 'safe.directory=*', '-C', TOP, 'ls-files', '-z', '-co',
                             '--exclude-standard'], capture_output=True)
    if listed.returncode == 0:
        return [os.fsdecode(name) for name in listed.stdout.split(b'\0') if name]
    return [str(path.relative_to(TOP)) for path in TOP.rglob('*')
            if not path.is_dir() and path.relative_to(TOP).parts[0] != 'build']


def build_files():
    for directory, names, files in os.walk(TOP / 'build'):
        names[:] = [name for name in names if name not in BUILD_SKIP_DIRS and not name.endswith('.p')]
        for name in files + [name for name in names if os.path.islink(os.path.join(directory, name))]:
            if not name.endswith(BUILD_SKIP_FILES):
                yield os.path.relpath(os.path.join(directory, name), TOP)


def copy_tree(target):
    for name in [*repository_files(), *build_files()]:
        # Somebody may be editing or building just now.
        with contextlib.suppress(FileNotFoundError):
            if stat.S_IFMT((TOP / name).lstat().st_mode) in (stat.S_IFREG, stat.S_IFLNK):
                copy(TOP / name, target / name)


def copy_named(arguments, tree, put):
    for argument in arguments:
        source, _, dest = argument.partition(':')
        source = pathlib.Path(source)
        if not source.exists():
            raise GuestError(f'--copy: no such file: {source}', 2)
        dest = dest or source.resolve().name
        if '..' in pathlib.PurePath(dest).parts:
            raise GuestError(f'--copy: "..": {dest}', 2)
        copy(source.resolve(), put / dest.lstrip('/') if dest.startswith('/') else tree / dest)


def debs(args):
    found = [pathlib.Path(name) for name in args.deb]
    if args.debs:
        found += sorted(path for path in (TOP / 'build' / 'packages').glob('*.deb') if '-dbgsym_' not in path.name)
    for deb in found:
        if not deb.exists():
            raise GuestError(f'--deb: no such file: {deb}', 2)
    return found


def command_script(args):
    if args.verb == 'run':
        return '#!/bin/sh\nexec ' + shlex.join(args.command) + '\n'
    columns, rows = shutil.get_terminal_size()
    return f'#!/bin/sh\nstty rows {rows} cols {columns}\nexec bash\n'


def command_unit(args, merged):
    path = '/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games'
    if args.user == 'root':
        path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
    if args.verb == 'run':
        streams = ['StandardInput=null', 'StandardOutput=file:/run/judgebox-guest/stdout',
                   'StandardError=' + ('inherit' if merged else 'file:/run/judgebox-guest/stderr')]
    else:
        streams = ['StandardInput=tty', 'StandardOutput=tty', 'StandardError=tty', 'TTYPath=/dev/hvc0',
                   f'Environment=TERM={os.environ.get("TERM", "linux")}']
    return '\n'.join([
        '[Unit]',
        'Description=The command of tools/guest',
        '[Service]',
        'Type=exec',
        f'User={args.user}',
        'WorkingDirectory=/opt/judgebox',
        f'Environment=PATH={path}',
        'Environment=LANG=C.UTF-8',
        'Environment=JUDGEBOX_GUEST=1',
        'Environment=JUDGEBOX_RESULTS=/run/judgebox-guest/back/results',
        'ExecStart=/opt/guest/command',
        "ExecStopPost=+/bin/sh -c 'echo $EXIT_CODE $EXIT_STATUS >/run/judgebox-guest/ended'",
        *streams,
        'Delegate=yes',
        'OOMPolicy=continue',
        'TasksMax=infinity',
        'LimitCORE=infinity',
        'TimeoutStopSec=5',
        ''])


def make_run_disk(args, scratch, mark, merged):
    root = scratch / 'root'
    tree, guest = root / 'judgebox', root / 'guest'
    tree.mkdir(parents=True)
    guest.mkdir()
    for path in (root, tree, guest):
        path.chmod(0o755)
    if args.tree:
        copy_tree(tree)
    copy_named(args.copy, tree, guest / 'put')
    for deb in debs(args):
        copy(deb, guest / 'debs' / deb.name)
    copy(LIB / 'guest-run', guest / 'run')
    yes = {True: 'yes', False: 'no'}
    (guest / 'request').write_text(f'journal={yes[bool(args.journal or args.results)]}\n'
                                   f'results={yes[bool(args.results)]}\n'
                                   f'mark={mark}\n')
    (guest / 'unit').write_text(command_unit(args, merged))
    (guest / 'command').write_text(command_script(args), errors='surrogateescape')
    (guest / 'command').chmod(0o755)

    used = sum(path.lstat().st_size for path in root.rglob('*'))
    disk = scratch / 'disk'
    with open(disk, 'wb') as made:
        made.truncate(used * 2 + (512 << 20))
    subprocess.run(['mke2fs', '-q', '-t', 'ext4', '-O', '^has_journal', '-E', 'lazy_itable_init=0,nodiscard',
                    '-d', root, disk], check=True, stdin=subprocess.DEVNULL)
    return disk


# ---- QEMU ----

def have_kvm():
    """Whether the CPU really has it: there are machines with a /dev/kvm that boots nothing."""
    with open('/proc/cpuinfo') as cpuinfo:
        flags = next((line.split() for line in cpuinfo if line.startswith('flags')), [])
    if 'vmx' not in flags and 'svm' not in flags:
        return False
    try:
        os.close(os.open('/dev/kvm', os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def qemu_command(args, disks, run_disk, channels):
    append = ['console=ttyS0', 'quiet', 'root=/dev/nvme0n1', 'rw', 'init=/lib/systemd/systemd', 'panic=-1',
              'mitigations=off', 'psi=1', 'fsck.mode=skip', 'systemd.show_status=0',
              'systemd.mask=serial-getty@ttyS0.service',
              'systemd.mask=serial-getty@hvc0.service']
    command = ['qemu-system-x86_64', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-net', 'none',
               '-m', args.memory, '-smp', str(args.cpus)]
    if have_kvm():
        command += ['-accel', 'kvm', '-cpu', 'host']
    else:
        # Without cx16: QEMU 7.2's emulation of cmpxchg16b crashes Linux 6.12 in its slab allocator.
        command += ['-accel', 'tcg,thread=multi', '-cpu', 'max,-cx16']
    command += ['-kernel', disks / 'vmlinuz', '-append', ' '.join(append)]
    # Both kernels have NVMe built in, so it takes no initrd. The second disk is of another kind so that neither can
    # take the other's name.
    for number, (disk, device) in enumerate(((disks / 'disk', 'nvme,serial=root'), (run_disk, 'virtio-blk-pci'))):
        command += ['-drive', f'file={disk},if=none,id=d{number},format=raw,cache=unsafe,snapshot=on',
                    '-device', f'{device},drive=d{number}']
    for name, channel in channels.items():
        command += ['-chardev', f'socket,id={name},fd={channel.guest.fileno()}']
    command += ['-serial', 'chardev:console', '-device', 'virtio-serial-pci,max_ports=8']
    for number, name in enumerate(('terminal', 'control', 'stdout', 'stderr', 'back')):
        kind = 'virtconsole' if name == 'terminal' else 'virtserialport'
        command += ['-device', f'{kind},chardev={name},nr={number},name=judgebox.{name}']
    return command


def die_with_parent():
    """Run in QEMU's process: no guest outlives this tool, however that ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


class Terminal:
    """The user's terminal in raw mode, for the shell."""
    raw = False

    def __enter__(self):
        self.saved = termios.tcgetattr(0)
        tty.setraw(0)
        Terminal.raw = True

    def __exit__(self, *_):
        Terminal.raw = False
        termios.tcsetattr(0, termios.TCSADRAIN, self.saved)


class Channel:
    """One of the guest's character devices: QEMU has one end, this process the other. Some end with a mark."""

    def __init__(self, receive, mark=None):
        self.receive = receive
        self.mark = mark
        self.held = b''         # may be a mark's beginning
        self.ended = False
        self.host, self.guest = socket.socketpair()

    def take(self, data):
        """Passes on what came, but for the mark. False when no more can come."""
        if not data:
            return False
        if self.mark:
            data = self.held + data
            length = next(n for n in range(len(self.mark), -1, -1) if data.endswith(self.mark[:n]))
            data, self.held = data[:len(data) - length], data[len(data) - length:]
            self.ended = self.held == self.mark
        if data:
            self.receive(data)
        return True


class Guest:
    def __init__(self, args, disks, scratch):
        self.args = args
        self.disks = disks
        self.scratch = scratch
        self.begin = time.monotonic()
        self.started = None             # when the command was
        self.outcome = None             # (code, status) as systemd's $EXIT_CODE and $EXIT_STATUS
        self.failure = None
        self.timed_out = False
        self.control_line = b''
        self.console = collections.deque(maxlen=2000)   # of lines
        self.console_line = b''
        self.back = tempfile.TemporaryFile(dir=scratch)
        self.mark = secrets.token_hex(16)
        self.channels = {name: Channel(getattr(self, 'receive_' + name)) for name in ('console', 'terminal', 'control')}
        self.streams = {name: Channel(getattr(self, 'receive_' + name), self.mark.encode())
                        for name in ('stdout', 'stderr', 'back')}
        self.channels.update(self.streams)

    # What comes from the guest, by channel.

    def receive_console(self, data):
        if self.args.console:
            pass_on(2, data)
        *lines, self.console_line = (self.console_line + data).split(b'\n')
        self.console.extend(line.rstrip(b'\r') for line in lines)

    def receive_terminal(self, data):
        pass_on(1, data)

    def receive_stdout(self, data):
        pass_on(1, data)

    def receive_stderr(self, data):
        pass_on(2, data)

    def receive_back(self, data):
        self.back.write(data)

    def receive_control(self, data):
        *lines, self.control_line = (self.control_line + data).split(b'\n')
        for line in lines:
            word, _, rest = line.decode(errors='replace').partition(' ')
            if word == 'up':
                Said.note(f'up after {time.monotonic() - self.begin:.1f} s')
            elif word == 'start':
                self.started = time.monotonic()
            elif word == 'note':
                Said.note(rest)
            elif word == 'status':
                self.outcome = rest.split()
            elif word == 'failed':
                self.failure = rest

    # The run itself.

    def boot(self, run_disk):
        command = qemu_command(self.args, self.disks, run_disk, self.channels)
        ends = [channel.guest for channel in self.channels.values()]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno(),
                                        pass_fds=[end.fileno() for end in ends], start_new_session=True,
                                        preexec_fn=die_with_parent, env={**os.environ, 'TMPDIR': str(self.scratch)})
        for end in ends:
            end.close()

    def attend(self):
        """Passes everything on until QEMU is gone or the time is over."""
        selector = selectors.DefaultSelector()
        for channel in self.channels.values():
            selector.register(channel.host, selectors.EVENT_READ, channel)
        if self.args.verb == 'shell':
            selector.register(0, selectors.EVENT_READ, None)
        limit = self.args.timeout
        deadline = self.begin + limit if limit else None

        open_channels = len(self.channels)
        while open_channels > 0:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                if self.timed_out or self.started is None:
                    self.timed_out = True
                    self.process.kill()
                    deadline = None
                else:
                    self.timed_out = True
                    self.channels['control'].host.send(b'stop\n')
                    deadline = time.monotonic() + STOP_GRACE
                continue
            for key, _ in selector.select(left):
                if key.data is None:
                    self.type(os.read(0, 4096))
                    continue
                try:
                    data = key.data.host.recv(1 << 16)
                except ConnectionResetError:
                    data = b''
                if not key.data.take(data):
                    selector.unregister(key.fileobj)
                    open_channels -= 1
            if (self.outcome or self.failure) and all(stream.ended for stream in self.streams.values()):
                self.process.kill()
        self.process.wait()

    def type(self, data):
        if not data or b'\x1d' in data:
            self.process.kill()
        else:
            self.channels['terminal'].host.sendall(data)

    def status(self):
        """The exit status that all this comes to."""
        if self.timed_out:
            self.last_words()
            raise GuestError(f'time limit of {self.args.timeout:g} s reached', EXIT_TIMEOUT)
        if self.failure:
            raise GuestError(self.failure)
        if self.outcome:
            return exit_status(*self.outcome)
        if self.args.verb == 'shell' and self.process.returncode == -signal.SIGKILL:
            return 0
        self.last_words()
        panic = next((line for line in self.console if b'Kernel panic' in line), None)
        if panic is not None:
            raise GuestError('the kernel panicked: ' + plain(panic).partition('Kernel panic - ')[2])
        raise GuestError('the guest went down ' + ('before the command ended' if self.started else 'in its boot'))

    def last_words(self):
        lines = [*self.console, *([self.console_line] if self.console_line else [])][-40:]
        Said.error("the console's last lines:" if lines else 'the console said nothing')
        for line in lines:
            Said.error('  ' + plain(line))

    def bring_back(self):
        """Writes journal and results where they were asked for; only plain files, by names of our own making."""
        if not (self.args.journal or self.args.results) or self.back.tell() == 0:
            return
        self.back.seek(0)
        with tarfile.open(fileobj=self.back) as archive:
            for member in archive:
                parts = pathlib.PurePosixPath(member.name).parts
                if not member.isfile() or '..' in parts or member.name.startswith('/'):
                    continue
                content = archive.extractfile(member)
                if parts == ('journal',) and self.args.journal:
                    save(content, self.args.journal)
                    content.seek(0)
                if self.args.results:
                    save(content, self.args.results.joinpath(*parts))

    def close(self):
        process = getattr(self, 'process', None)
        if process and process.poll() is None:
            process.kill()
            process.wait()


def plain(line):
    """A line of the console without what is meant for a terminal."""
    return re.sub(r'\x1b(\[[0-9;?!]*[a-zA-Z]|\][^\x07\x1b]*(\x07|\x1b\\)|.)|[\x00-\x08\x0b-\x1f\x7f]', '',
                  line.decode(errors='replace'))


def save(content, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'wb') as made:
        shutil.copyfileobj(content, made)


def pass_on(fd, data):
    while data:
        data = data[os.write(fd, data):]


def exit_status(code, status='0'):
    if code == 'exited':
        return int(status)
    # systemd names the signal.
    number = getattr(signal, 'SIG' + status, None)
    Said.note(f'the command was killed by signal {status}')
    return 128 + number if number else EXIT_GUEST


def same_file(one, other):
    a, b = os.fstat(one), os.fstat(other)
    return (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)


def run(args, cache):
    disks = image(cache, args.debian)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix='run-', dir=cache))
    guest = Guest(args, disks, scratch)
    try:
        # To one terminal or file they go through one pipe, which keeps their order.
        run_disk = make_run_disk(args, scratch, guest.mark, merged=same_file(1, 2))
        shutil.rmtree(scratch / 'root')
        Said.note(f'booting Debian {args.debian}' + ('' if have_kvm() else ', emulated'))
        guest.boot(run_disk)
        with Terminal() if args.verb == 'shell' else contextlib.nullcontext():
            guest.attend()
        guest.bring_back()
        status = guest.status()
        if guest.outcome:
            Said.note(f'exit status {status} after {time.monotonic() - guest.started:.1f} s, '
                      f'{time.monotonic() - guest.begin:.1f} s in all')
        return status
    finally:
        guest.close()
        shutil.rmtree(scratch, ignore_errors=True)


# ---- the command line ----

class Arguments:
    def __init__(self, argv):
        self.debian = 13
        self.user = 'root'
        self.copy = []
        self.deb = []
        self.debs = self.tree = True
        self.timeout = None
        self.journal = self.results = None
        self.memory = '2G'
        self.cpus = 2
        self.console = self.quiet = self.help = False

        self.verb = argv[0] if argv else None
        if self.verb in (None, '-h', '--help', 'help'):
            self.help = True
            return
        if self.verb not in ('run', 'shell', 'image'):
            raise GuestError(f'no such verb: {self.verb}', 2)
        try:
            options, self.command = getopt.getopt(argv[1:], 'hq', [
                'help', 'quiet', 'console', 'debian=', 'as=', 'copy=', 'deb=', 'no-debs', 'tree', 'no-tree',
                'timeout=', 'journal=', 'results=', 'memory=', 'cpus='])
            for name, value in options:
                self.set(name.lstrip('-'), value)
        except (getopt.GetoptError, ValueError) as error:
            raise GuestError(f'{error}; see tools/guest --help', 2) from None
        if self.help:
            return
        if self.verb == 'run' and not self.command:
            raise GuestError('run what? see tools/guest --help', 2)
        if self.verb != 'run' and self.command:
            raise GuestError(f'{self.verb} takes no command', 2)
        if self.verb == 'shell' and not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise GuestError('a shell wants a terminal', 2)
        if self.verb == 'run' and self.timeout is None:
            self.timeout = 600.0

    def set(self, name, value):
        def one_of(values):
            if value not in values:
                raise ValueError(f'--{name} is one of {", ".join(values)}, not {value!r}')
            return value

        def matching(pattern):
            if not re.fullmatch(pattern, value):
                raise ValueError(f'--{name} cannot be {value!r}')
            return value

        if name in ('copy', 'deb'):
            getattr(self, name).append(value)
        elif name in ('journal', 'results'):
            setattr(self, name, pathlib.Path(matching('.+')))
        elif name in ('no-debs', 'no-tree'):
            setattr(self, name[3:], False)
        elif name == 'debian':
            self.debian = int(one_of([str(number) for number in SUITES]))
        elif name == 'as':
            self.user = one_of(USERS)
        elif name == 'timeout':
            self.timeout = float(matching(r'[1-9][0-9]{0,7}(\.[0-9]+)?'))
        elif name == 'memory':
            self.memory = matching('[1-9][0-9]{0,6}[MG]')
        elif name == 'cpus':
            self.cpus = int(matching('[1-9][0-9]?'))
        elif name in ('q', 'quiet'):
            self.quiet = True
        elif name in ('h', 'help'):
            self.help = True
        else:
            setattr(self, name, True)


def open_standard_streams():
    """A closed one would be taken by the next file opened, which would then get the output."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def main(argv):
    open_standard_streams()
    try:
        args = Arguments(argv)
    except GuestError as error:
        Said.error(str(error))
        return error.status
    if args.help:
        sys.stdout.write(HELP)
        return 0 if argv else 2
    Said.quiet = args.quiet

    def stop(number, _):
        sys.exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)

    cache = cache_directory()
    try:
        with only_guest(cache, shlex.join(argv)):
            if args.verb == 'image':
                print(image(cache, args.debian))
                return 0
            return run(args, cache)
    except GuestError as error:
        Said.error(str(error))
        return error.status
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    except (OSError, subprocess.SubprocessError) as error:
        Said.error(str(error))
        return EXIT_GUEST


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
