# SPDX-License-Identifier: LGPL-2.1-or-later
"""A terminal to run a command in, for the tests of what deals with terminals."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios

from harness import TIMEOUT, check, check_equal, wait_until


class Screen:
    """A command in a terminal of ours, with what is seen there."""

    def __init__(self, *command, rows=30, columns=100):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
        self.settings = termios.tcgetattr(slave)
        self.slave = slave
        self.seen = b''

        def own():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, preexec_fn=own)

    def read(self, seconds=0.1):
        while select.select([self.master], [], [], seconds)[0]:
            self.seen += os.read(self.master, 4096)

    def wait_for(self, text):
        def there():
            self.read()
            return text in self.seen
        check(wait_until(there, TIMEOUT), f'{text!r} is not in {self.seen!r}')

    def type(self, keys):
        os.write(self.master, keys)

    def resize(self, rows, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def end(self):
        status = self.process.wait(TIMEOUT)
        self.read()
        check_equal(termios.tcgetattr(self.slave), self.settings, 'the settings of our terminal')
        os.close(self.master)
        os.close(self.slave)
        return status
