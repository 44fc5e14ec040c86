# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stand-in for polkitd: owns its name on a bus of ours, and answers as a test says."""

import contextlib
import threading

from bus import CALL, ERROR, RETURN, Connection, name_is_owned
from harness import check, wait_until

NAME = 'org.freedesktop.PolicyKit1'
FAILED = 'org.freedesktop.PolicyKit1.Error.Failed'
MEMBERS = ('org.judgebox1.run', 'org.judgebox1.manage-box', 'org.judgebox1.inspect', 'org.judgebox1.bind')
ALLOW, REFUSE, CHALLENGE = (True, False), (False, False), (False, True)


class Check:
    """What was asked."""

    def __init__(self, body):
        (self.kind, self.subject), self.action, self.details, self.flags, _ = body
        self.verb = self.details.get('verb')

    def __repr__(self):
        return f'{self.action} by {self.kind} {self.subject}: {self.details}'


class StandIn:
    """decide(check) gives ALLOW, REFUSE or CHALLENGE; or a signature and arguments to answer with; or an error's name;
    or None for no answer; or 'die'."""

    def __init__(self, address, decide):
        self.decide = decide
        self.asked = []
        self.connection = Connection(address)
        self.connection.sock.settimeout(None)
        self.connection.call('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', 'RequestName',
                             'su', NAME, 4)
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(EOFError, OSError):
            while True:
                m = self.connection.receive()
                if m.kind == CALL and m.member == 'CheckAuthorization':
                    self.answer(m)
                self.connection.close_fds()
        self.connection.sock.close()

    def answer(self, m):
        asked = Check(m.body)
        if 'pidfd' in asked.subject:
            fd = asked.subject['pidfd']
            with open(f'/proc/self/fdinfo/{fd}', encoding='ascii') as info:
                asked.subject['pid'] = int(next(line for line in info if line.startswith('Pid:')).split()[1])
        decision = self.decide(asked)
        self.asked.append(asked)
        to = {5: m.serial, 6: m.sender}
        if decision == 'die':
            raise EOFError
        if isinstance(decision, str):
            self.connection.send(ERROR, {**to, 4: decision}, 's', ['no'])
        elif decision in (ALLOW, REFUSE, CHALLENGE):
            self.connection.send(RETURN, to, '(bba{ss})', [(*decision, {})])
        elif decision is not None:
            self.connection.send(RETURN, to, *decision)

    def close(self):
        with contextlib.suppress(OSError):
            self.connection.sock.shutdown(2)
        self.thread.join()


@contextlib.contextmanager
def polkit(address, decide):
    stand_in = StandIn(address, decide)
    try:
        check(name_is_owned(address, NAME), 'polkit is there')
        yield stand_in
    finally:
        stand_in.close()
        check(wait_until(lambda: not name_is_owned(address, NAME)), 'polkit is gone')


def members(asked):
    """What the shipped rules grant, to everybody."""
    return ALLOW if asked.action in MEMBERS else REFUSE
