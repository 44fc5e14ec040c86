# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bus of our own, and D-Bus spoken to it with nothing but the standard library: as any uid, with descriptors, and as
wrongly as a test wants (https://dbus.freedesktop.org/doc/dbus-specification.html)."""

import array
import collections
import contextlib
import functools
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import time

from harness import DEGRADE, TIMEOUT, TOP, check, check_equal, skip, wait_until
from service import JUDGEBOXD, Client, Service, trash_is_empty

NAME = 'org.judgebox1'
PATH = '/org/judgebox1'
MANAGER = 'org.judgebox1.Manager'
BOX = 'org.judgebox1.Box'
PROPERTIES = 'org.freedesktop.DBus.Properties'
OBJECT_MANAGER = 'org.freedesktop.DBus.ObjectManager'
INTROSPECTABLE = 'org.freedesktop.DBus.Introspectable'

CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
HEADER_TYPES = {1: 'o', 2: 's', 3: 's', 4: 's', 5: 'u', 6: 's', 7: 's', 8: 'g', 9: 'u'}

Variant = collections.namedtuple('Variant', 'signature value')


class FdIndex(int):
    """An h that says which of the message's descriptors it is, instead of bringing one."""


class BusError(Exception):
    def __init__(self, name, message):
        super().__init__(f'{name}: {message}')
        self.name = name
        self.message = message


class Message:
    def __init__(self, kind, serial, fields, body):
        self.kind = kind
        self.serial = serial
        self.path, self.interface, self.member, self.error, self.reply_to, self.destination, self.sender = (
            fields.get(number) for number in range(1, 8))
        self.body = body

    def __repr__(self):
        return f'{self.path} {self.interface}.{self.member} {self.body}'


# ---- marshalling ----

FIXED = {'y': (1, 'B'), 'n': (2, 'h'), 'q': (2, 'H'), 'i': (4, 'i'), 'u': (4, 'I'), 'b': (4, 'I'), 'h': (4, 'I'),
         'x': (8, 'q'), 't': (8, 'Q'), 'd': (8, 'd')}


def split(signature):
    """The first complete type, and the rest."""
    if signature[0] == 'a':
        first, rest = split(signature[1:])
        return 'a' + first, rest
    if signature[0] not in '({':
        return signature[0], signature[1:]
    depth = 0
    for i, c in enumerate(signature):
        depth += (c in '({') - (c in ')}')
        if depth == 0:
            return signature[:i + 1], signature[i + 1:]
    raise ValueError(signature)


def types(signature):
    while signature:
        first, signature = split(signature)
        yield first


def alignment(kind):
    if kind[0] in FIXED:
        return FIXED[kind[0]][0]
    return {'s': 4, 'o': 4, 'a': 4, '(': 8, '{': 8}.get(kind[0], 1)


def pad(out, n):
    out.extend(bytes(-len(out) % n))


def write(out, kind, value, fds):
    pad(out, alignment(kind))
    c = kind[0]
    if c == 'h' and not isinstance(value, FdIndex):
        fds.append(value)
        value = len(fds) - 1
    if c in FIXED:
        out.extend(struct.pack('<' + FIXED[c][1], value))
    elif c in 'sog':
        text = value if isinstance(value, bytes) else value.encode()
        out.extend(struct.pack('<B' if c == 'g' else '<I', len(text)) + text + b'\0')
    elif c == 'v':
        write(out, 'g', value.signature, fds)
        write(out, value.signature, value.value, fds)
    elif c == 'a':
        at = len(out)
        out.extend(bytes(4))
        pad(out, alignment(kind[1:]))
        begin = len(out)
        for item in value.items() if isinstance(value, dict) else value:
            write(out, kind[1:], item, fds)
        out[at:at + 4] = struct.pack('<I', len(out) - begin)
    else:
        for part, item in zip(types(kind[1:-1]), value, strict=True):
            write(out, part, item, fds)


class Reader:
    """Variants come as what is in them."""

    def __init__(self, data, fds=()):
        self.data = data
        self.at = 0
        self.fds = fds

    def read(self, kind):
        self.at += -self.at % alignment(kind)
        c = kind[0]
        if c in FIXED:
            size, code = FIXED[c]
            value, = struct.unpack_from('<' + code, self.data, self.at)
            self.at += size
            return self.fds[value] if c == 'h' else bool(value) if c == 'b' else value
        if c in 'sog':
            size = self.read('y' if c == 'g' else 'u')
            text = self.data[self.at:self.at + size].decode()
            self.at += size + 1
            return text
        if c == 'v':
            return self.read(self.read('g'))
        if c == 'a':
            size = self.read('u')
            self.at += -self.at % alignment(kind[1:])
            end, items = self.at + size, []
            while self.at < end:
                items.append(self.read(kind[1:]))
            return dict(items) if kind[1] == '{' else items
        return tuple(self.read(part) for part in types(kind[1:-1]))


# ---- a connection ----

class identity:
    """Sockets connected meanwhile are this uid's."""

    def __init__(self, uid, gid=65534, groups=()):
        self.ids = uid, gid, groups

    def __enter__(self):
        uid, gid, groups = self.ids
        self.before = os.getgroups(), os.getegid()
        if uid != 0:
            os.setgroups(groups)
            os.setegid(gid)
            os.seteuid(uid)

    def __exit__(self, *_):
        os.seteuid(0)
        os.setegid(self.before[1])
        os.setgroups(self.before[0])


class Connection:
    """Descriptors that came are in the values; whoever wants them kept takes them out of .fds, close_fds() closes the rest."""

    def __init__(self, path, uid=0, **who):
        self.uid = uid
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT)
        with identity(uid, **who):
            self.sock.connect(path)
        self.buffer = b''
        self.incoming = collections.deque()
        self.fds = []
        self.serial = 0
        self.signals = []
        self.sock.sendall(b'\0AUTH EXTERNAL ' + str(uid).encode().hex().encode() + b'\r\n')
        check(self.line().startswith(b'OK '), 'the bus knows us')
        self.sock.sendall(b'NEGOTIATE_UNIX_FD\r\n')
        check_equal(self.line(), b'AGREE_UNIX_FD')
        self.sock.sendall(b'BEGIN\r\n')
        self.name, = self.call('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', 'Hello')

    def line(self):
        while b'\r\n' not in self.buffer:
            self.buffer += self.sock.recv(1)
        line, _, self.buffer = self.buffer.partition(b'\r\n')
        return line

    def fill(self, size):
        while len(self.buffer) < size:
            data, fds, _, _ = socket.recv_fds(self.sock, 1 << 16, 64)
            self.incoming.extend(fds)
            if not data:
                raise EOFError('the bus hung up')
            self.buffer += data

    def receive(self):
        self.fill(16)
        _, kind, _, _, body, serial, fields = struct.unpack_from('<BBBBIII', self.buffer)
        header = 16 + fields + -fields % 8
        self.fill(header + body)
        head, data, self.buffer = self.buffer[:header], self.buffer[header:header + body], self.buffer[header + body:]
        reader = Reader(head)
        reader.at = 12
        fields = dict(reader.read('a(yv)'))
        fds = [self.incoming.popleft() for _ in range(fields.get(9, 0))]
        self.fds += fds
        reader = Reader(data, fds)
        return Message(kind, serial, fields, [reader.read(part) for part in types(fields.get(8, ''))])

    def send(self, kind, fields, signature='', arguments=(), flags=0, n_fds=None):
        self.serial += 1
        body, fds, head = bytearray(), [], bytearray()
        for part, value in zip(types(signature), arguments, strict=True):
            write(body, part, value, fds)
        if signature:
            fields = {**fields, 8: signature}
        if fds:
            fields = {**fields, 9: len(fds) if n_fds is None else n_fds}
        head.extend(struct.pack('<BBBBII', ord('l'), kind, flags, 1, len(body), self.serial))
        write(head, 'a(yv)', [(n, Variant(HEADER_TYPES[n], v)) for n, v in fields.items() if v is not None], [])
        pad(head, 8)
        message = bytes(head + body)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else []
        sent = self.sock.sendmsg([message], rights)
        self.sock.sendall(message[sent:])
        return self.serial

    def start(self, name, path, interface, member, signature='', *arguments, flags=0):
        return self.send(CALL, {1: path, 2: interface, 3: member, 6: name}, signature, arguments, flags)

    def finish(self, serial):
        while True:
            m = self.receive()
            if m.kind == SIGNAL:
                self.signals.append(m)
            elif m.reply_to == serial:
                if m.kind == ERROR:
                    raise BusError(m.error, m.body[0] if m.body else '')
                return m.body

    def call(self, *what, **more):
        return self.finish(self.start(*what, **more))

    def match(self, rule):
        self.call('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', 'AddMatch', 's', rule)

    def manager(self, member, signature='', *arguments):
        return self.call(NAME, PATH, MANAGER, member, signature, *arguments)

    def box(self, path, member, signature='a{sv}', *arguments):
        """The trailing options are {} if they are not given."""
        if len(arguments) < len(list(types(signature))):
            arguments = (*arguments, {})
        return self.call(NAME, path, BOX, member, signature, *arguments)

    def create(self, name, **settings):
        return self.manager('CreateBox', 'sa{sv}', name, settings)[0]

    def settle(self):
        """Signals sent to us before now are in .signals after this."""
        self.call(NAME, PATH, 'org.freedesktop.DBus.Peer', 'Ping')
        return self.signals

    def close_fds(self):
        for fd in self.fds:
            os.close(fd)
        self.fds = []

    def close(self):
        self.close_fds()
        self.sock.close()


# ---- the bus, and the service on it ----

CONFIG = '''<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <policy user="root">
    <allow own="org.freedesktop.PolicyKit1"/>
    <allow send_destination="org.freedesktop.PolicyKit1"/>
  </policy>
  <include>{policy}</include>
</busconfig>
'''


class BusService(Service):
    """A daemon that serves both, with a first connection, root's, to each: to the bus when that is there."""

    def __init__(self, process, path, address):
        super().__init__(process, None, path)
        self.address = address
        self.opened = []
        self.client = self.varlink()

    @functools.cached_property
    def bus(self):
        return self.connection()

    def connection(self, uid=0, **who):
        self.opened.append(Connection(self.address, uid, **who))
        return self.opened[-1]

    def varlink(self, uid=0, **who):
        sock = socket.socket(socket.AF_UNIX)
        with identity(uid, **who):
            sock.connect(self.path)
        self.opened.append(Client(sock))
        return self.opened[-1]

    def alive(self):
        check_equal(self.process.poll(), None, "judgeboxd's exit status")
        self.bus.call(NAME, PATH, 'org.freedesktop.DBus.Peer', 'Ping')

    def tool(self, program, *arguments, uid=0):
        """busctl or the like, against this bus."""
        path = shutil.which(program) or skip(f'no {program} here')
        who = {'user': uid, 'group': 65534, 'extra_groups': []} if uid else {}
        return subprocess.run([path, *arguments], capture_output=True, text=True, timeout=TIMEOUT, cwd='/',
                              env={**os.environ, 'DBUS_SYSTEM_BUS_ADDRESS': f'unix:path={self.address}'}, **who)


def name_is_owned(address, name):
    """False also if there is no bus."""
    try:
        c = Connection(address)
    except OSError:
        return False
    with contextlib.closing(c):
        return c.call('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', 'NameHasOwner', 's', name)[0]


class Daemon:
    """A dbus-daemon with the shipped policy."""

    def __init__(self):
        self.program = shutil.which('dbus-daemon') or skip('no dbus-daemon here')
        if os.geteuid() != 0:
            skip('not root')
        os.chmod('.', 0o755)
        self.address = os.path.abspath('bus')
        policy = TOP / 'dbus' / 'org.judgebox1.conf'
        pathlib.Path('bus.conf').write_text(CONFIG.format(socket=self.address, policy=policy))
        self.start()

    def start(self):
        self.process = subprocess.Popen([self.program, '--config-file=bus.conf', '--nofork', '--nopidfile', '--nosyslog'])
        check(wait_until(self.listens), 'the bus is there')

    def listens(self):
        """The socket's name is there a moment before."""
        with socket.socket(socket.AF_UNIX) as sock:
            return sock.connect_ex(self.address) == 0

    def stop(self):
        """As a crash would."""
        self.process.kill()
        self.process.wait()
        pathlib.Path(self.address).unlink(missing_ok=True)


@contextlib.contextmanager
def bus_daemon():
    bus = Daemon()
    try:
        yield bus
    finally:
        bus.stop()


@contextlib.contextmanager
def daemon():
    """Gives the socket of one that stays."""
    with bus_daemon() as bus:
        yield bus.address


@contextlib.contextmanager
def serving(address, *options, late=False):
    """judgeboxd on that bus, where no systemd is, even if the bus is to come late. Left: it is told to stop, and must end
    well."""
    path = os.path.abspath('socket')
    environment = {**os.environ, 'DBUS_SYSTEM_BUS_ADDRESS': f'unix:path={address}'}
    command = [JUDGEBOXD, f'--listen={path}', '--manager=tree', f'--runtime-directory={os.path.abspath("runtime")}',
               f'--state-directory={os.path.abspath("state")}',
               *(['--degrade'] if DEGRADE else []), *options]
    process = subprocess.Popen(command, env=environment)
    service = None
    try:
        check(wait_until(lambda: os.path.exists(path)), 'the socket is there')
        check(late or wait_until(lambda: name_is_owned(address, NAME)), 'the name is there')
        service = BusService(process, path, address)
        yield service
        check_equal(process.poll(), None, "judgeboxd's exit status before it was told to stop")
        check_equal(service.stop(), 0, "judgeboxd's exit status")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        pathlib.Path(path).unlink(missing_ok=True)
        wait_until(trash_is_empty)
        for connection in service.opened if service else ():
            connection.close()


@contextlib.contextmanager
def on_bus(*options):
    with daemon() as address, serving(address, *options) as service:
        yield service


def bus_refused(name, function, *arguments, **more):
    """The call must fail with this error; org.judgebox1.Error. may be left out."""
    try:
        reply = function(*arguments, **more)
    except BusError as error:
        check(error.name in (name, f'{NAME}.Error.{name}'), f'{error}, not {name}')
        return error
    raise AssertionError(f'{arguments} was not refused with {name}: {reply}')


def wait_for_signal(connection, member, seconds=20):
    """Reads until it is there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for s in connection.settle():
            if s.member == member:
                return s
        time.sleep(0.02)
    raise AssertionError(f'no {member} in {connection.signals}')
