# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service manager of a few lines: it has the socket, keeps the descriptors that judgeboxd stores, and starts it again
with them. What the real one does besides is tested in the guest."""

import array
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import threading

from harness import DEGRADE, TIMEOUT, check, check_equal, wait_until
from service import JUDGEBOXD, NO_BUS, Client, cgroup_mount

FDS_MAX = 64


class Manager:
    def __init__(self, *options):
        self.directory = pathlib.Path('run').absolute()
        self.directory.mkdir()
        self.path = str(self.directory / 'org.judgebox')
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(128)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind('notify')
        self.store = {}
        self.log = []
        self.ready = 0
        self.process = None
        self.stderr = open('stderr', 'ab')
        self.top = None
        # Its own: others may test on this machine at the same time.
        self.command = [JUDGEBOXD, '--manager=tree', f'--cgroup-name=test-restart-{os.getpid()}',
                        f'--state-directory={os.path.abspath("state")}',
                        f'--runtime-directory={self.directory}',
                        *(['--degrade'] if DEGRADE else []), *options]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                text, rights, _, _ = self.notify.recvmsg(4096, socket.CMSG_SPACE(FDS_MAX * 4))
            except OSError:
                return
            fds = array.array('i')
            for level, kind, data in rights:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
            self._told(dict(line.split('=', 1) for line in text.decode().splitlines()), list(fds))

    def _told(self, words, fds):
        name = words.get('FDNAME', 'stored')
        if words.get('FDSTORE') == '1' and ':' not in name and len(name) < 256:
            self.store.setdefault(name, []).extend(fds)
            fds = []
        if words.get('FDSTOREREMOVE') == '1':
            fds += self.store.pop(name, [])
        for fd in fds:
            os.close(fd)
        self.ready += words.get('READY') == '1'
        self.log.append(words)

    def start(self, wait=True):
        passed = [(self.listener.fileno(), 'varlink')]
        passed += [(fd, name) for name, fds in list(self.store.items()) for fd in fds]

        def arrange():
            high = [os.dup(fd) for fd, _ in passed]
            # Out of the way of the places where they belong.
            high = [os.dup2(fd, 1000 + i, inheritable=False) for i, fd in enumerate(high)]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)

        environment = {**os.environ, **NO_BUS, 'NOTIFY_SOCKET': os.path.abspath('notify'), 'LISTEN_FDS': str(len(passed)),
                       'LISTEN_FDNAMES': ':'.join(name for _, name in passed)}
        ready = self.ready
        self.process = subprocess.Popen(['/bin/sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh', *self.command],
                                        env=environment, preexec_fn=arrange, close_fds=False, stderr=self.stderr)
        if wait:
            check(wait_until(lambda: self.ready > ready or self.process.poll() is not None), 'judgeboxd is ready')
            check_equal(self.process.poll(), None, pathlib.Path('stderr').read_text())

    def end(self, sig=signal.SIGKILL):
        """Ends judgeboxd, and waits until all that it said has arrived."""
        self.process.send_signal(sig)
        status = self.process.wait(TIMEOUT)
        self.settle()
        return status

    def settle(self):
        mark = {'MARK': str(len(self.log))}
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(f'MARK={mark["MARK"]}'.encode(), 'notify')
        check(wait_until(lambda: mark in self.log), 'notifications arrive')

    def restart(self, sig=signal.SIGKILL):
        status = self.end(sig)
        self.start()
        return status

    def connect(self):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(self.path)
        return Client(sock)

    def drop(self):
        """As systemd does when the service is stopped for good."""
        for name in list(self.store):
            for fd in self.store.pop(name):
                os.close(fd)

    def files(self):
        boxes = self.directory / 'boxes'
        return sorted(path.name for path in boxes.iterdir()) if boxes.exists() else []

    def boxes_stored(self):
        return sorted(name for name in self.store if name != 'uid-ranges')

    def cgroup(self):
        """The directory of all its boxes."""
        if not self.top:
            c = self.connect()
            c.call('CreateBox', {'box': 'where'})
            path = c.call('GetBox', {'box': 'where'})['status']['cgroup']
            c.call('DestroyBox', {'box': 'where'})
            c.close()
            self.top = cgroup_mount() / path.lstrip('/').rpartition('/')[0]
        return self.top

    def said(self):
        self.stderr.flush()
        return pathlib.Path('stderr').read_text()


@contextlib.contextmanager
def managed(*options):
    """A manager with judgeboxd running. Left: the service is stopped for good, and nothing may be left of it."""
    manager = Manager(*options)
    manager.start()
    manager.cgroup()
    try:
        try:
            yield manager
        except Exception:
            print(manager.said())
            raise
        manager.end(signal.SIGINT)
        check_equal(manager.boxes_stored(), [], 'descriptors')
        check_equal(manager.files(), [], 'files')
        check(not manager.cgroup().exists(), f'cgroups: {list(manager.cgroup().rglob("*"))}')
    finally:
        if manager.process.poll() is None:
            manager.end()
        manager.drop()
        manager.notify.close()
        manager.listener.close()
