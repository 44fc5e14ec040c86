#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""judgeboxd is ended, in whatever way, and started again: boxes, runs and verdicts are as if nothing had been."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time

from harness import JUDGECTL, TIMEOUT, check, check_equal, main, test, wait_until
from restart import managed
from service import Failed, Service, refused, trash_is_empty

ME = os.getuid()


def begin(client, *arguments, **parameters):
    """A run that is told of twice, up to its first reply, and a moment more: it has surely begun."""
    client.send('Run', {'arguments': list(arguments), **parameters}, more=True)
    started = client.receive()['started']
    time.sleep(0.1)
    return started


def collect(client, started, **parameters):
    return client.call('CollectRun', {**started, **parameters})


def alive(client, box):
    return client.call('GetBox', {'box': box})['status']


@test
def test_box_stays():
    with managed() as m:
        c = m.connect()
        c.call('CreateBox', {'box': 'b', 'settings': {'hostName': 'stays', 'limits': {'processes': 7},
                                                      'storageBytes': 1 << 20}})
        c.run('/bin/sh', '-c', 'echo kept > file', box='b')
        before = alive(c, 'b')
        for sig in (signal.SIGTERM, signal.SIGKILL, signal.SIGABRT):
            status = m.restart(sig)
            check_equal(status, 0 if sig == signal.SIGTERM else -sig)
            c = m.connect()
            check_equal(c.capture('/bin/cat', 'file', box='b'), b'kept\n')
            after = alive(c, 'b')
            check_equal(after['runs'], before['runs'] + 1)
            before['runs'] = after['runs']
            for key in ('storageUsedBytes', 'memoryBytes', 'cpuTimeUSec', 'processes', 'inodesUsed'):
                before.pop(key, None)
                after.pop(key, None)
            check_equal(after, before)
            check_equal(c.capture('/bin/hostname', box='b'), b'stays\n')
            before['runs'] += 1
        c.call('ResetBox', {'box': 'b'})
        c.call('DestroyBox', {'box': 'b'})
        m.settle()
        check_equal((m.boxes_stored(), m.files()), ([], []))


@test
def test_directory_stays():
    """That of a box, and none of a box that there is not."""
    with managed() as m:
        c = m.connect()
        path = pathlib.Path(c.call('CreateBox', {'box': 'b', 'settings': {'hostDirectory': True}})['directory'])
        os.mkdir(path.parent / 'stray')
        for sig in (signal.SIGTERM, signal.SIGKILL):
            m.restart(sig)
            c = m.connect()
            check_equal(alive(c, 'b')['directory'], str(path))
            check_equal(os.listdir(path.parent), ['b'])
            c.run('/bin/sh', '-c', 'echo x >>file', box='b')
        check_equal((path / 'box' / 'file').read_text(), 'x\nx\n')
        c.call('DestroyBox', {'box': 'b'})
        check_equal(os.listdir(path.parent), [])
        check(wait_until(trash_is_empty))


@test
def test_numbers_go_on():
    with managed() as m:
        c = m.connect()
        c.call('CreateBox', {'box': 'b'})
        numbers = []
        for _ in range(4):
            numbers += [c.run('/bin/true', box='b')['run'] for _ in range(2)]
            m.restart()
            c = m.connect()
        check_equal(numbers, sorted(set(numbers)), 'no number twice')
        check_equal(len(c.call('ListBoxes')['boxes']), 1)
        c.call('DestroyBox', {'box': 'b'})


@test
def test_run_goes_on():
    """It is collected after its end, before it, and in a box of its own."""
    with managed() as m:
        c = m.connect()
        c.call('CreateBox', {'box': 'b'})
        for box in ('b', None):
            for pause in (0, 1.2):
                c = m.connect()
                started = begin(c, '/bin/sh', '-c', 'echo one; sleep 1; echo two; echo f > f; exit 3',
                                stdout={'capture': True}, **({'box': box} if box else {}))
                m.end()
                time.sleep(pause)
                m.start()
                c = m.connect()
                reply = collect(c, started, outFiles=['f'])
                result = reply['result']
                check_equal((result['verdict'], result['exitStatus'], result['run']),
                            ('runtime-error', 3, started['run']))
                check_equal(result['message'], 'Exited with status 3.')
                check(result['wallTimeUSec'] < 1_900_000, result)
                check_equal(c.read(reply['stdoutFileDescriptor']), b'one\ntwo\n')
                check_equal(c.read(reply['outFileDescriptors'][0]['fileDescriptor']), b'f\n')
                refused('NoSuchRun' if box else 'NoSuchBox', c, 'CollectRun', started)
        # A box of a run's own is in the list until its last process is gone, which is soon after the answer.
        check(wait_until(lambda: [b['box'] for b in c.call('ListBoxes')['boxes']] == ['b']), c.call('ListBoxes'))
        c.call('DestroyBox', {'box': 'b'})


@test
def test_limits_hold_meanwhile():
    with managed() as m:
        runs, clients = {}, [m.connect(), m.connect()]
        for verdict, arguments, limits in (
                ('cpu-time-limit', ('/bin/sh', '-c', 'while :; do :; done'),
                 {'cpuTimeUSec': 2_000_000, 'wallTimeUSec': 60_000_000}),
                ('wall-time-limit', ('/bin/sleep', '9'), {'wallTimeUSec': 2_000_000})):
            runs[verdict] = begin(clients[len(runs)], *arguments, limits=limits)
        m.end()
        time.sleep(2.5)
        m.start()
        c = m.connect()
        for verdict, started in runs.items():
            result = collect(c, started)['result']
            check_equal(result['verdict'], verdict)
            check('2.000s' in result['message'], result['message'])


@test
def test_many_runs():
    """Fifty at a time, and five restarts: each has its own verdict."""
    with managed() as m:
        waiting = {}
        for i in range(50):
            c = m.connect()
            c.send('Run', {'arguments': ['/bin/sh', '-c', f'sleep 0.1; exit {i}']}, more=True)
            waiting[i] = c
        got, started, again = {}, {}, 0
        deadline = time.monotonic() + 60
        restarts = [0.3, 0.6, 0.9, 1.2, 1.5]
        begun = time.monotonic()
        while len(got) < 50:
            check(time.monotonic() < deadline, f'{len(got)} of 50')
            if restarts and time.monotonic() - begun > restarts[0]:
                restarts.pop(0)
                m.restart()
            for i, c in list(waiting.items()):
                c.sock.settimeout(0.002)
                try:
                    reply = c.receive()
                except TimeoutError:
                    continue
                except (EOFError, ConnectionError):
                    c.close()
                    c = waiting[i] = m.connect()
                    if i in started:
                        c.send('CollectRun', started[i])
                    else:
                        c.send('Run', {'arguments': ['/bin/sh', '-c', f'sleep 0.1; exit {i}']}, more=True)
                    continue
                except Exception as failure:
                    check_equal(getattr(failure, 'error', failure), 'NoSuchRun')
                    again += 1
                    started.pop(i)
                    c.send('Run', {'arguments': ['/bin/sh', '-c', f'sleep 0.1; exit {i}']}, more=True)
                    continue
                if 'started' in reply:
                    started[i] = reply['started']
                else:
                    got[i] = reply['result']
                    waiting.pop(i).close()
        check_equal({i: r.get('exitStatus') for i, r in got.items()}, {i: i for i in range(50)})
        check_equal({r['verdict'] for r in got.values()}, {'ok', 'runtime-error'})


@test
def test_one_shot_is_waited_for():
    """It reads from its caller; and of its box no other run is known."""
    with managed() as m:
        c = m.connect()
        reader, writer = os.pipe()
        c.send('Run', {'arguments': ['/bin/cat'], 'stdin': {'fileDescriptor': 0}}, [reader], more=True)
        started = c.receive()['started']
        os.close(reader)
        time.sleep(0.1)
        m.restart()
        c = m.connect()
        refused('NoSuchRun', c, 'CollectRun', {**started, 'run': started['run'] + 1}, run=started['run'] + 1)
        c.send('CollectRun', started)
        os.write(writer, b'x')
        os.close(writer)
        check_equal(c.receive()['result']['verdict'], 'ok')


@test
def test_collect_is_refused():
    with managed() as m:
        c = m.connect()
        c.call('CreateBox', {'box': 'b'})
        started = begin(c, '/bin/sleep', '1', box='b')
        d = m.connect()
        refused('BoxBusy', d, 'CollectRun', started)
        refused('NoSuchRun', d, 'CollectRun', {'box': 'b', 'run': 77}, run=77)
        refused('NoSuchBox', d, 'CollectRun', {'box': 'c', 'run': 1})
        refused('InvalidParameter', d, 'CollectRun', {'box': 'b', 'run': 0}, parameter='run')
        refused('InvalidParameter', d, 'CollectRun', {'box': 'b', 'run': 1, 'outFiles': ['../x']},
                parameter='outFiles[0]')
        refused('ExpectedMore', d, 'Run', {'arguments': ['/bin/true'], 'keep': True})
        check_equal(c.receive()['result']['verdict'], 'ok')
        refused('NoSuchRun', d, 'CollectRun', started)
        d.call('DestroyBox', {'box': 'b'})


@test
def test_keep():
    """Its caller goes, on purpose, also over a restart; without the wish it is canceled."""
    with managed() as m:
        for keep in (True, False):
            for restart in (False, True):
                c = m.connect()
                started = begin(c, '/bin/sh', '-c', 'sleep 0.5; echo done', stdout={'capture': True}, keep=keep)
                c.close()
                d = m.connect()
                if not keep:
                    check(wait_until(lambda: d.call('ListBoxes')['boxes'] == []), 'the box is gone')
                    continue
                if restart:
                    m.restart()
                    d = m.connect()
                reply = collect(d, started)
                check_equal(reply['result']['verdict'], 'ok')
                check_equal(d.read(reply['stdoutFileDescriptor']), b'done\n')


def sleeper_of(client, box):
    """The process of its only run, once it has become what it is to be."""
    leader = alive(client, box)['leaderPid']

    def find():
        children = pathlib.Path(f'/proc/{leader}/task/{leader}/children').read_text().split()
        return [int(pid) for pid in children if pathlib.Path(f'/proc/{pid}/comm').read_text() == 'sleep\n']
    check(wait_until(find), 'it runs')
    return find()[0]


def hold_cpus(m, client):
    """Runs for as many cores as there are, each with those that are its own; the first in box b, the others in their own.
    Their processes, the CPUs of each, and its caller."""
    client.call('CreateBox', {'box': 'b'})
    held = {}
    for _ in os.sched_getaffinity(0):
        c = m.connect()
        c.send('Run', {'arguments': ['/bin/sleep', '100'], **({} if held else {'box': 'b'})}, more=True)
        check(wait_until(lambda: sum(client.call('GetStatus')[key] for key in ('activeRuns', 'waitingRuns')) > len(held)),
              client.call('GetStatus'))
        # Where two CPUs are one core.
        if client.call('GetStatus')['waitingRuns'] > 0:
            c.close()
            break
        pid = sleeper_of(client, c.receive()['started']['box'])
        held[pid] = os.sched_getaffinity(pid), c
    cpus = [cpu for cpus, _ in held.values() for cpu in cpus]
    check_equal(len(cpus), len(set(cpus)), f'no CPU twice: {cpus}')
    return held


@test
def test_exclusive_cpus():
    """Which CPUs are whose is known to the next service: those of a run that goes on are nobody else's, whatever box it is
    in, and free when it ends; what ended meanwhile has none any more."""
    config = pathlib.Path('root/etc/judgebox/judgebox.conf')
    config.parent.mkdir(parents=True)
    config.write_text('[Manager]\nExclusiveCPUs=yes\nConcurrentRuns=64\n')
    with managed('--config-root=root') as m:
        for which, meanwhile in (0, False), (-1, False), (0, True):
            c = m.connect()
            held = hold_cpus(m, c)
            pid = list(held)[which]
            n_before = m.said().count('Took over')
            m.end()
            if meanwhile:
                os.kill(pid, signal.SIGKILL)
            m.start()
            c = m.connect()
            check(wait_until(lambda: m.said().count('Took over') > n_before and
                             c.call('GetStatus')['activeRuns'] == len(held) - meanwhile), 'they are taken over')
            waiting = m.connect()
            waiting.send('Run', {'arguments': ['/bin/true']})
            if not meanwhile:
                check(wait_until(lambda: c.call('GetStatus')['waitingRuns'] == 1), c.call('GetStatus'))
                os.kill(pid, signal.SIGKILL)
            result = waiting.receive()['result']
            check_equal((result['verdict'], result['cpuSet']), ('ok', ','.join(map(str, sorted(held[pid][0])))))
            check_equal(result.get('queuedFor'), None if meanwhile else 'cpus')
            for box in c.call('ListBoxes')['boxes']:
                # One of those is going by itself.
                with contextlib.suppress(Failed):
                    c.call('DestroyBox', {'box': box['box']})
            check(wait_until(lambda: c.call('ListBoxes')['boxes'] == []), 'all boxes are gone')


@test
def test_orphan_is_canceled():
    """Nobody comes back within half a minute; who comes then still hears of it, but not of what had ended long before."""
    with managed() as m:
        c, d, e = m.connect(), m.connect(), m.connect()
        short = begin(e, '/bin/sleep', '1')
        started = begin(c, '/bin/sleep', '100', limits={'wallTimeUSec': 100_000_000})
        kept = begin(d, '/bin/sleep', '100', limits={'wallTimeUSec': 100_000_000}, keep=True)
        m.restart()
        time.sleep(33)
        c = m.connect()
        refused('NoSuchBox', c, 'CollectRun', short)
        check_equal(collect(c, started)['result']['verdict'], 'canceled')
        check_equal(alive(c, kept['box'])['activeRuns'], [kept['run']])
        c.call('DestroyBox', {'box': kept['box']})


@test
def test_dead_box():
    """It died while nobody was there."""
    with managed() as m:
        c = m.connect()
        c.call('CreateBox', {'box': 'b'})
        started = begin(c, '/bin/sleep', '10', box='b')
        leader = alive(m.connect(), 'b')['leaderPid']
        m.end()
        os.kill(leader, signal.SIGKILL)
        m.start()
        c = m.connect()
        refused('NoSuchBox', c, 'CollectRun', started)
        check('b' in m.said() and 'take' in m.said(), m.said())
        c.call('CreateBox', {'box': 'b'})
        c.call('DestroyBox', {'box': 'b'})


@test
def test_box_killed_after_restart():
    """Its judgebox-init is no child of the service's."""
    with managed() as m:
        c = m.connect()
        c.call('CreateBox', {'box': 'b'})
        started = begin(c, '/bin/sleep', '100', box='b')
        m.restart()
        c = m.connect()
        leader = alive(c, 'b')['leaderPid']
        waiting = m.connect()
        waiting.send('CollectRun', started)
        check(wait_until(lambda: alive(c, 'b')['activeRuns']), 'it goes on')
        time.sleep(0.2)
        os.kill(leader, signal.SIGKILL)
        result = waiting.receive()['result']
        check_equal((result['verdict'], result['message']), ('canceled', 'The box was stopped from outside.'))
        check(wait_until(lambda: c.call('ListBoxes')['boxes'] == []), 'the box is gone')
        check('was stopped from outside' in m.said(), m.said())


def unusable(change):
    """A box is changed while nobody is there, so that it cannot be taken over; another stays. What is said of it."""
    with managed() as m:
        c = m.connect()
        c.call('CreateBox', {'box': 'bad'})
        c.call('CreateBox', {'box': 'good'})
        begin(c, '/bin/sleep', '100', box='bad')
        leader = alive(m.connect(), 'bad')['leaderPid']
        m.end()
        change(m, m.directory / 'boxes' / f'{ME}-bad.json')
        m.start()
        c = m.connect()
        check(wait_until(lambda: not os.path.exists(f'/proc/{leader}/root')), 'its processes are gone')
        check(wait_until(lambda: [b['box'] for b in c.call('ListBoxes')['boxes']] == ['good']), 'one box is left')
        check_equal(c.run('/bin/true', box='good')['verdict'], 'ok')
        m.settle()
        check_equal((m.boxes_stored(), m.files()), ([f'{ME}-good'], [f'{ME}-good.json']))
        check_equal([p.name for p in m.cgroup().iterdir() if p.is_dir()], [f'{ME}-good'])
        c.call('DestroyBox', {'box': 'good'})
        return m.said()


def rewrite(path, **fields):
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@test
def test_cradle_is_gone():
    """Without what boxes are cloned from the service cannot go on, but the next one has the boxes that there are."""
    with managed() as m:
        c = m.connect()
        c.call('CreateBox', {'box': 'b'})
        started = begin(c, '/bin/sh', '-c', 'sleep 1; exit 3', box='b')
        os.kill(int(Service(m.process, c).cradle), signal.SIGKILL)
        check_equal(m.process.wait(TIMEOUT), 1)
        m.settle()
        m.start()
        c = m.connect()
        check_equal(collect(c, started)['result']['exitStatus'], 3)
        check_equal(c.run('/bin/true')['verdict'], 'ok')
        c.call('DestroyBox', {'box': 'b'})


@test
def test_without_file():
    unusable(lambda m, path: path.unlink())


@test
def test_garbage_in_file():
    unusable(lambda m, path: path.write_text('{"box":'))


@test
def test_file_of_another():
    unusable(lambda m, path: rewrite(path, box='good'))


@test
def test_without_pidfd():
    def change(m, path):
        for fd in m.store[f'{ME}-bad']:
            if 'pidfd' in os.readlink(f'/proc/self/fd/{fd}'):
                os.close(fd)
                m.store[f'{ME}-bad'].remove(fd)
    unusable(change)


@test
def test_other_version():
    said = unusable(lambda m, path: rewrite(path, protocol=1))
    check('another version of judgebox (protocol 1' in said, said)


@test
def test_stopped_box():
    """One that does not answer holds up nobody else."""
    with managed() as m:
        c = m.connect()
        c.call('CreateBox', {'box': 'stuck'})
        c.call('CreateBox', {'box': 'fine'})
        leader = alive(c, 'stuck')['leaderPid']
        os.kill(leader, signal.SIGSTOP)
        m.restart()
        c = m.connect()
        check_equal(c.run('/bin/true', box='fine')['verdict'], 'ok')
        check_equal(alive(c, 'fine')['state'], 'idle')
        c.send('ResetBox', {'box': 'stuck'})
        time.sleep(0.2)
        os.kill(leader, signal.SIGCONT)
        c.receive()
        for box in ('stuck', 'fine'):
            c.call('DestroyBox', {'box': box})


@test
def test_stopped_for_good():
    """The descriptors are closed, as systemd does then: the boxes end by themselves, and the next start sweeps up."""
    with managed() as m:
        c = m.connect()
        leaders = []
        for box in ('a', 'b'):
            c.call('CreateBox', {'box': box})
            leaders.append(alive(c, box)['leaderPid'])
        begin(c, '/bin/sleep', '100', box='a')
        m.end(signal.SIGTERM)
        check(all(os.path.exists(f'/proc/{pid}') for pid in leaders), 'they live on')
        m.drop()
        check(wait_until(lambda: not any(os.path.exists(f'/proc/{pid}/root') for pid in leaders)), 'they are gone')
        m.start()
        check_equal(m.connect().call('ListBoxes')['boxes'], [])
        check_equal(m.files(), [])
        check_equal([p for p in m.cgroup().iterdir() if p.is_dir()], [])


@test
def test_strays():
    """Half-written files, and cgroups that are nobody's."""
    with managed() as m:
        m.end()
        (m.directory / 'boxes' / '.0-x.new').write_text('{')
        (m.directory / 'boxes' / '0-y.json').write_text('{}')
        (m.cgroup() / '0-z' / 'run-1').mkdir(parents=True)
        m.start()
        check_equal(m.files(), [])
        check_equal([p for p in m.cgroup().iterdir() if p.is_dir()], [])


@test
def test_descriptors_do_not_grow():
    with managed() as m:
        c = m.connect()
        c.call('CreateBox', {'box': 'b'})
        counts = []
        for _ in range(4):
            m.restart()
            c = m.connect()
            check_equal(c.run('/bin/true', box='b')['verdict'], 'ok')
            leader = alive(c, 'b')['leaderPid']
            counts.append((len(os.listdir(f'/proc/{m.process.pid}/fd')), len(os.listdir(f'/proc/{leader}/fd')),
                           {name: len(fds) for name, fds in m.store.items()},
                           sorted(p.name for p in (m.cgroup() / f'{ME}-b').iterdir() if p.is_dir())[-1]))
        check_equal([c[:3] for c in counts[1:]], [c[:3] for c in counts[:-1]], str(counts))
        check_equal(len([p for p in (m.cgroup() / f'{ME}-b').iterdir() if p.name.startswith('run-')]), 1)
        c.call('DestroyBox', {'box': 'b'})


@test
def test_judgectl_run():
    """Fifty callers who know of nothing, with their own streams, and the service killed again and again."""
    with managed() as m:
        callers = []
        for i in range(50):
            out = open(f'out{i}', 'wb')
            callers.append((subprocess.Popen(
                [JUDGECTL, f'--socket={m.path}', '--json=short', 'run', f'--stdout=o{i}', '--', '/bin/sh', '-c',
                 f'read x; echo $x one; sleep 0.1; echo two; exit {i}'],
                stdin=subprocess.PIPE, stdout=out, stderr=subprocess.PIPE), out))
            callers[-1][0].stdin.write(b'zero\n')
            callers[-1][0].stdin.close()
        for _ in range(6):
            time.sleep(0.3)
            m.restart()
        for i, (process, out) in enumerate(callers):
            status = process.wait(60)
            out.close()
            errors = process.stderr.read().decode()
            check_equal(status, 1 if i else 0, f'{i}: {errors}')
            check_equal(pathlib.Path(f'o{i}').read_bytes(), b'zero one\ntwo\n', f'{i}: {errors}')
            result = json.loads(pathlib.Path(f'out{i}').read_text())
            check_equal((result['verdict'], result['exitStatus']), ('runtime-error' if i else 'ok', i))


@test
def test_judgectl_judge():
    pathlib.Path('tests').mkdir()
    for i in range(20):
        pathlib.Path(f'tests/{i}.in').write_text(f'{i}\n')
        pathlib.Path(f'tests/{i}.ans').write_text(f'{i * i}\n')
    pathlib.Path('a.py').write_text('import time\ntime.sleep(0.05)\nprint(int(input()) ** 2)\n')
    with managed() as m:
        process = subprocess.Popen([JUDGECTL, f'--socket={m.path}', 'judge', 'a.py', 'tests'], stdout=subprocess.PIPE)
        while process.poll() is None:
            time.sleep(0.3)
            m.restart()
        check_equal(process.returncode, 0)
        check(b'20 of 20 tests passed' in process.stdout.read())
        check_equal(m.connect().call('ListBoxes')['boxes'], [])


@test
def test_judgectl_gives_up():
    """The service does not come back."""
    with managed() as m:
        process = subprocess.Popen([JUDGECTL, f'--socket={m.path}', 'run', '/bin/sleep', '1'], stderr=subprocess.PIPE)
        time.sleep(0.5)
        os.rename(m.path, m.path + '.away')
        m.end()
        check_equal(process.wait(60), 2)
        check(b'could not be made again' in process.stderr.read())
        os.rename(m.path + '.away', m.path)
        m.start()
        c = m.connect()
        # Its result is kept for whoever comes for it; here nobody does.
        for box in c.call('ListBoxes')['boxes']:
            c.call('DestroyBox', {'box': box['box']})
        check_equal(c.call('ListBoxes')['boxes'], [])


@test
def test_reload():
    """SIGHUP is no restart, and is told."""
    with managed() as m:
        c = m.connect()
        ready = m.ready
        m.process.send_signal(signal.SIGHUP)
        check(wait_until(lambda: m.ready > ready), 'READY=1')
        check(any(w.get('RELOADING') == '1' and int(w['MONOTONIC_USEC']) > 0 for w in m.log), m.log)
        check_equal(c.run('/bin/true')['verdict'], 'ok')


@test
def test_state_is_secret():
    with managed() as m:
        m.connect().call('CreateBox', {'box': 'b'})
        check_equal((m.directory / 'boxes').stat().st_mode & 0o777, 0o700)
        check_equal((m.directory / 'boxes' / f'{ME}-b.json').stat().st_mode & 0o777, 0o600)
        check(pathlib.Path(m.directory / 'uid-ranges').exists())
        m.connect().call('DestroyBox', {'box': 'b'})


if __name__ == '__main__':
    main()
