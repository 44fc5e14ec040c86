#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service under load: two hundred boxes, programs that take all they can get, and judgeboxd killed again and again.
JUDGEBOX_KILL_SECONDS says how long that goes on (40). For a release it is three minutes:

    tools/guest run env JUDGEBOX_KILL_SECONDS=180 tests/guest/test-load.py killed
"""

import concurrent.futures
import json
import os
import random
import socket
import subprocess
import sys
import time

from host import (SOCKET, TIMEOUT, check_nothing_left, command, descriptors, kill_daemon, main_pid, mounts, need_package,
                  scopes, show, start)
from harness import check, check_equal, compile_c, main, test, wait_until
from service import Client, Failed

N_BOXES = 100               # of each of the two
N_CLIENTS = 4
KILL_SECONDS = float(os.environ.get('JUDGEBOX_KILL_SECONDS', '40'))
KILL_EVERY = 5
PATIENCE = 120              # for one answer, kills and all


# ---- clients without privileges, each a process of this file ----

def client():
    """Once the service is there: while systemd starts it anew, the socket is open all the same."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(SOCKET)
    made = Client(sock)
    sock.settimeout(PATIENCE)
    return made


def be_many(first, count):
    """Makes boxes, runs something in each, and destroys them when told to."""
    c = client()
    names = [f'm{i}' for i in range(int(first), int(first) + int(count))]
    for name in names:
        c.call('CreateBox', {'box': name, 'settings': {'storageBytes': 1 << 20}})
    print('made', flush=True)
    for i, name in enumerate(names):
        result = c.run('/bin/sh', '-c', f'echo > file; exit {i % 100}', box=name)
        assert result.get('exitStatus') == i % 100 and 'degraded' not in result, result
    print('ran', flush=True)
    sys.stdin.readline()
    for name in names:
        c.call('DestroyBox', {'box': name})
    print('done', flush=True)


# What the verdict must be, whenever judgeboxd dies.
MIX = (
        ('ok', ['/bin/true'], {}),
        ('ok', ['/bin/sh', '-c', 'sleep 2'], {}),
        ('runtime-error', ['/bin/sh', '-c', 'sleep 0.5; exit 3'], {}),
        ('signaled', ['/bin/sh', '-c', 'kill -SEGV $$'], {}),
        ('wall-time-limit', ['/bin/sleep', '60'], {'wallTimeUSec': 1_000_000}),
        ('cpu-time-limit', ['/bin/sh', '-c', 'while :; do :; done'],
         {'cpuTimeUSec': 500_000, 'wallTimeUSec': 60_000_000}),
        ('memory-limit', ['/usr/bin/python3', '-c', 'bytearray(100 << 20)'], {'memoryBytes': 32 << 20}),
)


def persist(arguments, limits, box):
    """The result, as the varlink interface tells clients to get it: what has begun is collected, what has not is asked
    for again. Also how often the connection broke."""
    started, breaks = None, 0
    deadline = time.monotonic() + PATIENCE
    parameters = {'arguments': arguments, 'limits': limits, 'stdout': {'capture': True}, **({'box': box} if box else {})}
    while True:
        assert time.monotonic() < deadline, f'{arguments}: no verdict after {breaks} breaks, {started}'
        try:
            c = client()
        except OSError:
            time.sleep(0.1)
            continue
        try:
            if started is None:
                c.send('Run', parameters, more=True)
                started = c.receive()['started']
                return c.receive()['result'], breaks
            return c.call('CollectRun', started)['result'], breaks
        except (EOFError, ConnectionError):
            breaks += 1
        except Failed as failure:
            if started is None or failure.error not in ('NoSuchRun', 'NoSuchBox'):
                raise
            started = None
        finally:
            c.close()


def insist(method, box, done):
    """Until it is answered. If an answer was lost, the error `done` tells that the deed was not."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            c = client()
            try:
                return c.call(method, {'box': box})
            finally:
                c.close()
        except (EOFError, OSError):
            time.sleep(0.1)
        except Failed as failure:
            if failure.error == done:
                return None
            if failure.error != 'BoxBusy':
                raise
            time.sleep(0.1)
    raise AssertionError(f'{method} {box}: no answer')


def be_loaded(number, seconds, has_box):
    """Runs one thing after the other, in a box of its own or in ever new ones."""
    choose = random.Random(int(number))
    box = f'load{number}' if has_box == 'yes' else None
    runs = breaks = 0
    if box:
        insist('CreateBox', box, 'BoxExists')
    until = time.monotonic() + float(seconds)
    while time.monotonic() < until:
        wanted, arguments, limits = choose.choice(MIX)
        result, broke = persist(arguments, limits, box)
        assert result['verdict'] == wanted and 'degraded' not in result, f'{wanted}: {result}'
        runs += 1
        breaks += broke
    if box:
        insist('DestroyBox', box, 'NoSuchBox')
    print(json.dumps({'runs': runs, 'breaks': breaks}), flush=True)


ROLES = {'many': be_many, 'loaded': be_loaded}


def actor(user, role, *arguments):
    return start(user, sys.executable, os.path.abspath(__file__), role, *map(str, arguments),
                 stdin=subprocess.PIPE)


def said(process, word):
    line = process.stdout.readline().strip()
    check_equal(line, word, '' if line == word else process.communicate(timeout=TIMEOUT)[1][-2000:])


# ---- many ----

def settled():
    """The service as it is between requests."""
    command('alice', 'judgectl', 'run', '--', 'true')
    check_nothing_left()
    return descriptors(), mounts()


@test
def test_two_hundred_boxes():
    need_package()
    before = settled()
    actors = [actor(user, 'many', first, N_BOXES // 2) for user in ('alice', 'bob') for first in (0, N_BOXES // 2)]
    try:
        for word in 'made', 'ran':
            for process in actors:
                said(process, word)
        check_equal(len(scopes()), 2 * N_BOXES)
        check_equal(len(json.loads(command('alice', 'judgectl', '--json=short', 'list'))), N_BOXES)
        for process in actors:
            process.stdin.write('\n')
            process.stdin.flush()
        for process in actors:
            said(process, 'done')
            check_equal(process.wait(TIMEOUT), 0)
    finally:
        for process in actors:
            process.kill()
            process.communicate()
    check_nothing_left()
    check_equal(settled(), before)


# ---- greedy ----

# What it takes, and how: argv[1] is the kind, argv[2] the number of MiB. In a tree, the parent only waits.
HOG = r'''
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

static void take(volatile char *p, int mib) {
        for (size_t i = 0; i < (size_t) mib << 20; i += 4096)
                p[i] = 1;
}

static void pour(int fd, int mib) {
        static char block[1 << 20];

        memset(block, 1, sizeof(block));
        for (int i = 0; i < mib; i++)
                if (write(fd, block, sizeof(block)) < 0)
                        exit(9);
}

int main(int argc, char **argv) {
        int mib = atoi(argv[2]);

        if (strcmp(argv[1], "heap") == 0)
                take(malloc((size_t) mib << 20), mib);
        else if (strcmp(argv[1], "tree") == 0) {
                for (int i = 0; i < 8; i++)
                        if (fork() == 0) {
                                take(malloc((size_t) mib << 20), mib / 8);
                                pause();
                        }
                while (wait(NULL) > 0)
                        ;
                pause();
        } else if (strcmp(argv[1], "file") == 0)
                pour(open(argv[3], O_CREAT | O_WRONLY, 0600), mib);
        else if (strcmp(argv[1], "memfd") == 0)
                pour(memfd_create("hog", 0), mib);
        else if (strcmp(argv[1], "shm") == 0)
                take(shmat(shmget(IPC_PRIVATE, (size_t) mib << 20, 0600), NULL, 0), mib);
        else if (strcmp(argv[1], "shared") == 0)
                take(mmap(NULL, (size_t) mib << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), mib);
        else if (strcmp(argv[1], "bomb") == 0)
                for (;;)
                        (void) fork();
        return 0;
}
'''
HOGS = (('heap', '100'), ('tree', '100'), ('memfd', '100'), ('shm', '100'), ('shared', '100'), ('file', '100', '/tmp/f'),
        ('file', '100', '/box/f'))


def hog(*arguments, options=()):
    """Begins it, as bob, and gives what is to be waited for."""
    return start('bob', 'judgectl', '--json=short', 'run', '--exec-file=' + os.path.abspath('hog'),
                 '--stdout=/dev/null', '--wall-time=60', '--memory=32M', '--file-size=1G', *options, '--', 'hog',
                 *arguments)


def result_of(process):
    out, err = process.communicate(timeout=TIMEOUT)
    check(out, f'no result: {err}')
    return json.loads(out)


def make_hog():
    os.chmod('.', 0o755)
    compile_c(HOG, 'hog')


@test
def test_hogs():
    """Each takes 100 MiB of 32, in one way or another; a tree leaves no parent that goes on."""
    need_package()
    make_hog()
    for arguments in HOGS:
        result = result_of(hog(*arguments, options=['--storage=256M', '--tmpfs=/tmp:256M']))
        check_equal(result['verdict'], 'memory-limit', f'{arguments}: {result}')
        check(result['memoryPeakBytes'] <= 33 << 20, f'{arguments}: {result}')
        check('degraded' not in result, f'{arguments}: {result}')
    check_nothing_left()


@test
def test_neighbours_of_hogs():
    """While hogs and a fork bomb go on, another tenant's runs end as ever."""
    need_package()
    make_hog()
    main_pid()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        def greedy(*arguments, options=()):
            return result_of(hog(*arguments, options=options))

        bomb = pool.submit(greedy, 'bomb', '0', options=['--time=3', '--processes=40', '--memory=64M'])
        heap = pool.submit(greedy, 'heap', '100')
        tree = pool.submit(greedy, 'tree', '100')
        runs = 0
        while not all(future.done() for future in (bomb, heap, tree)):
            result = json.loads(command('alice', 'judgectl', '--json=short', 'run', '--stdout=/dev/null', '--',
                                        'sh', '-c', 'exit 0'))
            check_equal(result['verdict'], 'ok', str(result))
            runs += 1
        check(runs > 0)
        check_equal(heap.result()['verdict'], 'memory-limit', str(heap.result()))
        check_equal(tree.result()['verdict'], 'memory-limit', str(tree.result()))
        result = bomb.result()
        check_equal(result['verdict'], 'cpu-time-limit', str(result))
        check_equal(result['processesPeak'], 40, str(result))
        check(result['processLimitHits'] > 0, str(result))
    check_nothing_left()


# ---- killed ----

@test
def test_killed_under_load():
    """No verdict is lost or another, and nothing is left."""
    need_package()
    # Compared is a service started after a kill with another such.
    main_pid()
    kill_daemon()
    before = settled()
    actors = [actor('alice' if i % 2 else 'bob', 'loaded', i, KILL_SECONDS, 'yes' if i < 2 else 'no')
              for i in range(N_CLIENTS)]
    kills = 0
    try:
        until = time.monotonic() + KILL_SECONDS
        while time.monotonic() < until:
            time.sleep(KILL_EVERY)
            kills += kill_daemon()
        sums = {'runs': 0, 'breaks': 0}
        for process in actors:
            out, err = process.communicate(timeout=TIMEOUT)
            check_equal(process.returncode, 0, err[-2000:])
            for key, value in json.loads(out).items():
                sums[key] += value
    finally:
        for process in actors:
            if process.poll() is None:
                process.kill()
                process.communicate()
    print(f'{kills} kills, {sums["runs"]} runs, {sums["breaks"]} of them interrupted')
    # Each takes its time, too.
    check(kills >= KILL_SECONDS / KILL_EVERY * 0.7, f'{kills} kills')
    check(sums['breaks'] > 0 and sums['runs'] > sums['breaks'], sums)
    check(wait_until(lambda: show('judgeboxd.service', 'ActiveState') == 'active', 30), 'it is started again')
    # What nobody waits for any more is canceled half a minute after the last start.
    check(wait_until(lambda: scopes() == [], 20), scopes())
    check_nothing_left()
    check_equal(settled(), before)


if len(sys.argv) > 1 and sys.argv[1] in ROLES:
    ROLES[sys.argv[1]](*sys.argv[2:])
else:
    main()
