# SPDX-License-Identifier: LGPL-2.1-or-later
"""judgeboxd by itself, spoken to in varlink with nothing but the standard library."""

import array
import contextlib
import ctypes
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys

from harness import BUILD, DEGRADE, TIMEOUT, check, check_equal, skip, wait_until

JUDGEBOXD = BUILD / 'bin' / 'judgeboxd'
INTERFACE = 'org.judgebox.Manager'
# For daemons that are not the machine's service: its bus, if it has one, is not theirs to have a name on.
NO_BUS = {'DBUS_SYSTEM_BUS_ADDRESS': 'unix:path=/nonexistent'}


class Failed(Exception):
    """An error reply: the error's name without the interface, and its parameters."""

    def __init__(self, error, parameters):
        super().__init__(f'{error} {parameters}')
        self.error = error.rpartition('.')[2]
        self.parameters = parameters


class Client:
    """One connection. Descriptors that came are in .fds until they are taken; close() closes the rest. Whether the last
    reply is to be followed by others is in .continues."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(TIMEOUT)
        self.buffer = b''
        self.fds = []
        self.continues = False

    def send(self, method, parameters=None, fds=(), **more):
        if '.' not in method:
            method = f'{INTERFACE}.{method}'
        message = json.dumps({'method': method, 'parameters': parameters or {}, **more}).encode() + b'\0'
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else []
        sent = self.sock.sendmsg([message], rights)
        self.sock.sendall(message[sent:])

    def receive(self):
        self.close_fds()
        while b'\0' not in self.buffer:
            data, fds, _, _ = socket.recv_fds(self.sock, 1 << 16, 16)
            self.fds += fds
            if not data:
                raise EOFError('the service hung up')
            self.buffer += data
        message, _, self.buffer = self.buffer.partition(b'\0')
        reply = json.loads(message)
        if 'error' in reply:
            raise Failed(reply['error'], reply.get('parameters', {}))
        self.continues = reply.get('continues', False)
        return reply['parameters']

    def call(self, method, parameters=None, fds=(), **more):
        self.send(method, parameters, fds, **more)
        return self.receive()

    def run(self, *arguments, fds=(), **parameters):
        """Runs it and gives the result."""
        return self.call('Run', {'arguments': list(arguments), **parameters}, fds)['result']

    def capture(self, *arguments, **parameters):
        """Runs it and gives what it wrote to its standard output."""
        reply = self.call('Run', {'arguments': list(arguments), 'stdout': {'capture': True}, **parameters})
        check_equal(reply['result']['verdict'], 'ok', str(reply['result']))
        return self.read(reply['stdoutFileDescriptor'])

    def read(self, index):
        size = os.fstat(self.fds[index]).st_size
        return os.pread(self.fds[index], size, 0)

    def close_fds(self):
        for fd in self.fds:
            os.close(fd)
        self.fds = []

    def close(self):
        self.close_fds()
        self.sock.close()


def refused(kind, client, method, parameters=None, fds=(), /, **fields):
    """The call must fail with this error, whose parameters have these values."""
    try:
        reply = client.call(method, parameters, fds)
    except Failed as failure:
        check_equal(failure.error, kind, str(failure))
        for key, value in fields.items():
            check_equal(failure.parameters.get(key), value, str(failure))
        return failure
    raise AssertionError(f'{method} {parameters} was not refused: {reply}')


def tells_pidfd(sock):
    """Whether the kernel says which process is at the other end (Linux 6.5), so that polkit can be asked about it."""
    so_peerpidfd = 77
    try:
        os.close(sock.getsockopt(socket.SOL_SOCKET, so_peerpidfd))
    except OSError:
        return False
    return True


class Service:
    """A daemon and one connection to it."""

    def __init__(self, process, client, path=None):
        self.process = process
        self.client = client
        self.path = path
        self.pid = process.pid
        # Before it has its name it could be taken for a box.
        self.cradle = None
        check(wait_until(lambda: self.find_cradle() or process.poll() is not None), 'what boxes are cloned from is there')

    def connect(self):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(self.path)
        return Client(sock)

    def named_children(self):
        """Pairs of pid and name."""
        for pid in pathlib.Path(f'/proc/{self.pid}/task/{self.pid}/children').read_text().split():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                yield pid, pathlib.Path(f'/proc/{pid}/comm').read_text().strip()

    def children(self):
        """But for what boxes are cloned from, and the helpers that close tenants' files for it, or remove what was in
        boxes."""
        return [pid for pid, name in self.named_children()
                if pid != self.cradle and name not in ('judgebox-close', 'judgebox-remove')]

    def find_cradle(self):
        """It has its name whenever it waits, and a launcher had it once; but it came first."""
        found = [pid for pid, name in self.named_children() if name == 'judgebox-cradle']
        self.cradle = found[0] if found else None
        return self.cradle

    def n_fds(self):
        return len(os.listdir(f'/proc/{self.pid}/fd'))

    def anonymous_kib(self):
        for line in pathlib.Path(f'/proc/{self.pid}/status').read_text().splitlines():
            if line.startswith('RssAnon:'):
                return int(line.split()[1])
        raise AssertionError('no RssAnon')

    def cgroup(self):
        """The directory of all its boxes."""
        self.client.call('CreateBox', {'box': 'where'})
        path = self.client.call('GetBox', {'box': 'where'})['status']['cgroup']
        self.client.call('DestroyBox', {'box': 'where'})
        return cgroup_mount() / path.lstrip('/').rpartition('/')[0]

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        return self.process.wait(TIMEOUT)


def cgroup_mount():
    for line in pathlib.Path('/proc/self/mountinfo').read_text().splitlines():
        fields, _, rest = line.partition(' - ')
        if rest.split()[0] == 'cgroup2':
            return pathlib.Path(fields.split()[4])
    raise AssertionError('no cgroup2')


def n_mounts():
    return len(pathlib.Path('/proc/self/mountinfo').read_text().splitlines())


@contextlib.contextmanager
def private(*options, degrade=DEGRADE):
    """A daemon on a socketpair. Left: the connection is closed, and the daemon must end by itself, leaving no process."""
    ours, theirs = socket.socketpair()
    command = [JUDGEBOXD, f'--private-fd={theirs.fileno()}', *(['--degrade'] if degrade else []), *options]
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
    theirs.close()
    service = Service(process, Client(ours))
    try:
        yield service
        service.client.close()
        check_equal(process.wait(TIMEOUT), 0, "judgeboxd's exit status")
    finally:
        service.client.close()
        if process.poll() is None:
            process.kill()
            process.wait()


def trash_is_empty():
    """What boxes left is removed by a process that outlives the daemon; the scratch directory is not to go before it."""
    return not os.path.isdir('state/boxes/.trash') or os.listdir('state/boxes/.trash') == []


@contextlib.contextmanager
def listening(*options, degrade=DEGRADE):
    """A daemon that listens, with a first connection. Left: it is told to stop, and must end well."""
    path = os.path.abspath('socket')
    process = subprocess.Popen([JUDGEBOXD, '--manager=tree', f'--listen={path}',
                                f'--state-directory={os.path.abspath("state")}',
                                *(['--degrade'] if degrade else []), *options], env={**os.environ, **NO_BUS})
    try:
        check(wait_until(lambda: os.path.exists(path)), 'the socket is there')
        service = Service(process, None, path)
        service.client = service.connect()
        yield service
        if process.poll() is None:
            check_equal(service.stop(), 0, "judgeboxd's exit status")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        wait_until(trash_is_empty)


# ---- a file whose server does not answer ----

class HostileFile:
    """A file on FUSE of which one operation is never answered: `flush`, so that whoever closes it waits until the server ends,
    `read`, `write`, `getattr` or `nothing`. In a mount namespace of its own. .fd is the file, which only close() may close: where that is what waits,
    nothing may be forked here while it is open, because a child closes its copy."""

    def __init__(self, silent='flush'):
        if not os.path.exists('/dev/fuse'):
            skip('no /dev/fuse here')
        ours, theirs = socket.socketpair()
        os.mkdir('fuse')
        self.server = subprocess.Popen(['python3', __file__, silent, str(theirs.fileno())], pass_fds=[theirs.fileno()])
        theirs.close()
        ours.settimeout(TIMEOUT)
        _, fds, _, _ = socket.recv_fds(ours, 1, 1)
        ours.close()
        if not fds:
            self.server.wait()
            skip('FUSE cannot be mounted here')
        self.fd = fds[0]

    def close(self):
        self.server.kill()
        self.server.wait()
        with contextlib.suppress(OSError):      # ENOTCONN, now
            os.close(self.fd)


def serve_fuse(silent, result):
    """The kernel's protocol (fuse(4), linux/fuse.h), as far as one file takes it."""
    libc = ctypes.CDLL(None, use_errno=True)
    clone_newns, ms_rec, ms_private = 0x20000, 0x4000, 0x40000
    device = os.open('/dev/fuse', os.O_RDWR)
    if (libc.unshare(clone_newns) or libc.mount(None, b'/', None, ms_rec | ms_private, None)
            or libc.mount(b'hostile', b'fuse', b'fuse.hostile', 0,
                          b'fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other' % device)):
        return
    if os.fork() == 0:
        os.close(device)    # or it would keep alive what it waits for when it ends
        socket.send_fds(result, [b'x'], [os.open('fuse/file', os.O_RDWR)])
        os._exit(0)
    result.close()

    def attributes(inode):
        mode, size = (0o40755, 0) if inode == 1 else (0o100666, 5)
        return struct.pack('<QQQQQQIIIIIIIIII', inode, size, 1, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    lookup, getattr_, open_, read, write, release, flush, init = 1, 3, 14, 15, 16, 18, 25, 26
    unanswered = {'flush': flush, 'read': read, 'write': write, 'getattr': getattr_, 'nothing': -1}[silent]
    # How long the kernel need not ask again.
    valid = 0 if silent == 'getattr' else 100
    while True:
        request = os.read(device, 1 << 20)
        _, operation, unique, inode = struct.unpack('<IIQQ', request[:24])
        error, data = 0, b''
        if operation == unanswered:
            continue
        if operation == init:
            data = struct.pack('<IIIIHHIIHHI', 7, 31, 65536, 0, 12, 9, 65536, 1, 0, 0, 0) + bytes(28)
        elif operation == lookup:
            data = struct.pack('<QQQQII', 2, 0, 100, valid, 0, 0) + attributes(2)
        elif operation == getattr_:
            data = struct.pack('<QII', valid, 0, 0) + attributes(inode)
        elif operation == open_:
            data = struct.pack('<QII', 1, 0, 0)
        elif operation == read:
            data = b'12345'[struct.unpack('<Q', request[48:56])[0]:]
        elif operation == write:
            data = struct.pack('<II', struct.unpack('<I', request[56:60])[0], 0)
        elif operation not in (flush, release):
            error = -38     # ENOSYS
        os.write(device, struct.pack('<IiQ', 16 + len(data), error, unique) + data)


if __name__ == '__main__':
    serve_fuse(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
