# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the guest's tests share: being somebody, asking systemd, and what is left of judgebox on the machine."""

import os
import pathlib
import pwd
import re
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'native'))
from harness import check, check_equal, skip, wait_until    # noqa: E402 # pylint: disable=wrong-import-position

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
SOCKET = '/run/judgebox/org.judgebox'
SLICE = pathlib.Path('/sys/fs/cgroup/judgebox.slice')
DROP_INS = pathlib.Path('/etc/judgebox/judgebox.conf.d')
TIMEOUT = 300


def need_package():
    if os.environ.get('JUDGEBOX_GUEST') != '1':
        skip('not in the guest')
    if not os.path.exists('/usr/sbin/judgeboxd'):
        skip('judgebox is not installed in the guest: tools/package builds it')


def become(user):
    """Popen's parameters for a process of that user's, with no privilege of root's."""
    if user is None:
        return {}
    record = pwd.getpwnam(user)
    return {'user': user, 'group': record.pw_gid, 'extra_groups': os.getgrouplist(user, record.pw_gid), 'cwd': '/',
            'env': {'PATH': '/usr/local/bin:/usr/bin:/bin', 'HOME': record.pw_dir, 'USER': user, 'LANG': 'C.UTF-8'}}


def start(user, *words, **more):
    """Begins it; its output and errors are to be read."""
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            **{'stdin': subprocess.DEVNULL, **become(user), **more})


def command(user, *words, status=0):
    """Its output; with the exit status None anything goes."""
    with start(user, *words) as process:
        out, err = process.communicate(timeout=TIMEOUT)
    if status is not None:
        check_equal(process.returncode, status, f'{words}: {out} {err}')
    return out


def show(unit, name):
    return command(None, 'systemctl', 'show', '--value', f'--property={name}', unit).strip()


def main_pid():
    """judgeboxd's, which a request starts if need be."""
    command('alice', 'judgectl', 'list')
    return int(show('judgeboxd.service', 'MainPID'))


def kill_daemon():
    """As a crash would. Says whether there was one to kill."""
    pid = int(show('judgeboxd.service', 'MainPID'))
    if pid == 0:
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


class Journal:
    """What the service says from now on."""

    def __init__(self, unit='judgeboxd.service'):
        self.unit = unit
        self.cursor = re.search('cursor: (.*)', command(None, 'journalctl', '-n1', '--show-cursor', '-q'))[1]

    def read(self):
        command(None, 'journalctl', '--sync')
        return command(None, 'journalctl', '-q', '-ocat', '--no-pager', f'--after-cursor={self.cursor}', '-u', self.unit)


class DropIn:
    """A file of configuration, in force while this is."""

    def __init__(self, text):
        self.text = text
        self.path = DROP_INS / '60-test.conf'

    def __enter__(self):
        self.path.write_text(self.text)
        main_pid()
        command(None, 'systemctl', 'reload', 'judgeboxd.service')
        return self.path

    def __exit__(self, *_):
        self.path.unlink()
        command(None, 'systemctl', 'reload', 'judgeboxd.service', status=None)


# ---- what is there ----

def scopes():
    listed = command(None, 'systemctl', 'list-units', '--all', '--plain', '--no-legend', 'judgebox-*.scope')
    return sorted(line.split()[0] for line in listed.splitlines())


def box_cgroups():
    return sorted(str(path.relative_to(SLICE)) for path in SLICE.rglob('*.scope'))


def processes():
    """Those in boxes, those who make them, and judgebox-init wherever it is but below this program's own cgroup, where
    tests have boxes of their own at the same time."""
    found = []
    own = pathlib.Path('/proc/self/cgroup').read_text().strip().removesuffix('/judgebox-leaf')
    for path in pathlib.Path('/proc').glob('[0-9]*'):
        try:
            name, where = (path / 'comm').read_text().strip(), (path / 'cgroup').read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if '/judgebox.slice/' in where or name.startswith('judgebox-init') and not where.startswith(f'{own}/'):
            found.append(f'{path.name} {name}')
    return found


def mounts():
    return sorted(line.split()[4] for line in pathlib.Path('/proc/self/mountinfo').read_text().splitlines())


def files():
    """Below /run/judgebox and /var/lib/judgebox, but for those that are the service's: its socket, and what it locks
    its range of uids with."""
    return sorted(str(path) for top in ('/run/judgebox', '/var/lib/judgebox') for path in pathlib.Path(top).rglob('*')
                  if str(path) not in (SOCKET, '/run/judgebox/uid-ranges') and not path.is_dir())


def sockets():
    """Type, state, inode and name of all UNIX sockets."""
    for line in pathlib.Path('/proc/net/unix').read_text().splitlines()[1:]:
        _, _, _, _, kind, state, inode, *name = line.split()
        yield kind, state, inode, ''.join(name)


def connections():
    """How many the service has not closed yet."""
    connected = '03'
    return sum((state, name) == (connected, SOCKET) for _, state, _, name in sockets())


FILTER = 'memfd:judgebox-filter'


def close_queue(pid, found):
    """The pipe by which the service hands tenants' files to the process that closes them: it has both ends itself, from
    the first such file on."""
    children = command(None, 'ps', '-o', 'comm=', '--ppid', str(pid), status=None).split()
    if 'judgebox-close' not in children:
        return None
    queue, = (what for what in set(found) if what.startswith('pipe:') and found.count(what) == 2)
    return queue


def descriptors():
    """Those of the service by their kinds, and how many systemd keeps for it. A request comes first: by its answer the
    service has let go of what the ones before it took; its own connection is closed when the service hears that judgectl has
    ended. What comes with its first use and stays does not count: the socket to the journal, the filters of profiles, and
    the queue of files to be closed."""
    pid = main_pid()
    check(wait_until(lambda: connections() == 0), 'judgectl has left')
    datagram = '0002'
    found = [os.readlink(path) for path in pathlib.Path(f'/proc/{pid}/fd').iterdir()]
    known = {f'socket:[{inode}]' for kind, _, inode, _ in sockets() if kind == datagram} | {close_queue(pid, found)}
    kinds = sorted(re.sub('[0-9]+', '', what) for what in found if what not in known and FILTER not in what)
    return kinds, int(show('judgeboxd.service', 'NFileDescriptorStore'))


def leftovers():
    """All of what a box has, and which is gone with it."""
    return {'scopes': scopes(), 'cgroups': box_cgroups(), 'processes': processes(), 'files': files()}


def check_nothing_left():
    empty = {'scopes': [], 'cgroups': [], 'processes': [], 'files': []}
    check(wait_until(lambda: leftovers() == empty, 6), leftovers())
