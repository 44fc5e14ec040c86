#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Several programs together: pipes between them, what the end of one means for the others, and what is refused."""

import base64
import contextlib
import json
import os
import pathlib
import shutil
import time

from harness import EMULATED, PRIVATE, TOP, check, check_equal, compile_c, judgectl, main, test, wait_until
from service import HostileFile, listening, private, refused

SH = '/bin/sh'


@contextlib.contextmanager
def concurrent_runs(n):
    """A daemon by whose configuration so many run at a time."""
    config = pathlib.Path('root/etc/judgebox/judgebox.conf')
    config.parent.mkdir(parents=True)
    config.write_text(f'[Manager]\nConcurrentRuns={n}\n')
    with listening('--config-root=root') as s:
        yield s


def member(name, script, **more):
    return {'name': name, 'arguments': [SH, '-c', script], **more}


def pipe(origin, to, **more):
    return {'from': origin, 'to': to, **more}


def results(reply):
    return {r['name']: r for r in reply['results']}


def verdicts(reply):
    return {r['name']: r['result']['verdict'] for r in reply['results']}


GUESS_SOLUTION = '''low=1 high=1000
while :; do
        guess=$(((low + high) / 2))
        echo $guess
        read answer || exit 9
        case $answer in
        right) exit 0 ;;
        less) high=$((guess - 1)) ;;
        more) low=$((guess + 1)) ;;
        esac
done'''
GUESS_REFEREE = '''for i in 1 2 3 4 5 6 7 8 9 10; do
        read guess || exit 2
        if [ $guess -eq 613 ]; then echo right; exit 0; fi
        if [ $guess -gt 613 ]; then echo less; else echo more; fi
done
exit 1'''


@test
def test_guess_a_number():
    """Both ways, both recorded."""
    with private() as s:
        reply = s.client.call('RunGroup', {
            'members': [member('solution', GUESS_SOLUTION), member('referee', GUESS_REFEREE)],
            'pipes': [pipe('solution', 'referee', record=True), pipe('referee', 'solution', record=True)]})
        check_equal(verdicts(reply), {'solution': 'ok', 'referee': 'ok'})
        got = results(reply)
        guesses = s.client.read(got['solution']['stdoutFileDescriptor']).decode().split()
        answers = s.client.read(got['referee']['stdoutFileDescriptor']).decode().split()
        check_equal((guesses[0], guesses[-1]), ('500', '613'))
        check_equal(len(guesses), len(answers))
        check_equal(answers[-1], 'right')
        check(got['solution']['result']['box'] != got['referee']['result']['box'], 'each has a box of its own')
        check(wait_until(lambda: s.client.call('ListBoxes')['boxes'] == []), 'the boxes are gone')


@test
def test_both_wait():
    """Nobody says anything: each ends at its own wall limit, with the verdict that says so."""
    with private() as s:
        reply = s.client.call('RunGroup', {
            'members': [member('a', 'read x; echo y', limits={'wallTimeUSec': 500_000}),
                        member('b', 'read x; echo y; exit 4')],
            'pipes': [pipe('a', 'b'), pipe('b', 'a')]})
        check_equal(verdicts(reply), {'a': 'wall-time-limit', 'b': 'runtime-error'})


@test
def test_one_box():
    """Three in a row in one standing box, by other descriptors than the usual too."""
    with private() as s:
        s.client.call('CreateBox', {'box': 'b'})
        reply = s.client.call('RunGroup', {
            'members': [member('first', 'echo to-second; echo to-third >&5', box='b'),
                        member('second', 'cat >&2', box='b'),
                        member('third', 'cat; cat <&7', box='b', stdout={'capture': True})],
            'pipes': [pipe('first', 'second'), pipe('second', 'third', fromDescriptor=2),
                      pipe('first', 'third', fromDescriptor=5, toDescriptor=7)]})
        check_equal(set(verdicts(reply).values()), {'ok'})
        third = results(reply)['third']
        check_equal(s.client.read(third['stdoutFileDescriptor']), b'to-second\nto-third\n')
        runs = [r['result']['run'] for r in reply['results']]
        check_equal(len(set(runs)), 3)
        check_equal(len(s.client.call('ListBoxes')['boxes']), 1)


@test
def test_box_is_full():
    """There was room for each of them when it came, but there is not for all."""
    with concurrent_runs(8) as s:
        s.client.call('CreateBox', {'box': 'b'})
        alone, some = s.connect(), s.connect()
        alone.send('Run', {'box': 'b', 'arguments': ['sleep', '100']})
        eight = {'members': [member(f'm{i}', 'exec sleep 100', box='b') for i in range(8)]}
        some.send('RunGroup', eight)
        check(wait_until(lambda: s.client.call('GetStatus')['activeRuns'] == 9), 'they run')
        refused('BoxBusy', s.client, 'RunGroup', eight, box='b')
        check_equal(s.client.call('GetStatus')['activeRuns'], 9)

        s.client.call('Kill', {'box': 'b'})
        check_equal(alone.receive()['result']['verdict'], 'canceled')
        check_equal(set(verdicts(some.receive()).values()), {'canceled'})
        check_equal(s.client.run('true', box='b')['verdict'], 'ok')
        alone.close()
        some.close()


@test
def test_end_rules():
    with private() as s:
        def run(**rule):
            begin = time.monotonic()
            reply = s.client.call('RunGroup', {
                'members': [member('referee', 'exit 3', **rule), member('player', 'sleep 2; exit 5')]})
            return verdicts(reply), time.monotonic() - begin, results(reply)

        got, _, _ = run()
        check_equal(got, {'referee': 'runtime-error', 'player': 'runtime-error'})
        for rule in 'end', 'end-on-failure':
            got, seconds, whole = run(onEnd=rule)
            check_equal(got, {'referee': 'runtime-error', 'player': 'canceled'})
            check(seconds < 1.5, f'{rule}: {seconds}')
            check('cpuTimeUSec' in whole['player']['result'], 'the one that was ended has its evidence')

        reply = s.client.call('RunGroup', {
            'members': [member('referee', 'exit 0', onEnd='end-on-failure'), member('player', 'sleep 0.3; exit 5')]})
        check_equal(verdicts(reply), {'referee': 'ok', 'player': 'runtime-error'})


@test
def test_end_of_file_and_broken_pipe():
    """One that closes its output is at its end for the reader, though it goes on; one whose reader is gone is told."""
    with private() as s:
        reply = s.client.call('RunGroup', {
            'members': [member('writer', 'echo x; exec >&-; sleep 1; exit 6'), member('reader', 'cat; exit 5')],
            'pipes': [pipe('writer', 'reader', record=True)]})
        check_equal(verdicts(reply), {'writer': 'runtime-error', 'reader': 'runtime-error'})
        got = results(reply)
        check(got['reader']['result']['wallTimeUSec'] < 900_000, 'the reader is at its end before the writer')

        reply = s.client.call('RunGroup', {
            'members': [member('writer', 'while :; do echo x; done'), member('reader', 'head -1')],
            'pipes': [pipe('writer', 'reader')]})
        check_equal(verdicts(reply), {'writer': 'signaled', 'reader': 'ok'})
        check_equal(results(reply)['writer']['result']['signal'], 'SIGPIPE')


@test
def test_record_has_a_cap():
    """What is beyond it goes through all the same."""
    with private() as s:
        reply = s.client.call('RunGroup', {
            'members': [member('writer', 'head -c 3000000 /dev/zero'),
                        member('reader', 'wc -c', stdout={'capture': True})],
            'pipes': [pipe('writer', 'reader', record=True, recordBytes=100_000)]})
        got = results(reply)
        check_equal(verdicts(reply), {'writer': 'ok', 'reader': 'ok'})
        check_equal(len(s.client.read(got['writer']['stdoutFileDescriptor'])), 100_000)
        check_equal(s.client.read(got['reader']['stdoutFileDescriptor']).strip(), b'3000000')
        check_equal(got['writer']['result']['stdoutBytes'], 3_000_000)


@test
def test_started():
    """Once for all, before anything begins."""
    with private() as s:
        s.client.send('RunGroup', {'members': [member('a', 'exit 1'), member('b', 'exit 2')]}, more=True)
        first = s.client.receive()
        check_equal([m['name'] for m in first['started']], ['a', 'b'])
        check_equal(first.get('results'), None)
        last = s.client.receive()
        check_equal([r['result']['run'] for r in last['results']], [m['run'] for m in first['started']])


@test
def test_more_than_the_turns_there_are():
    """Groups that each want more than one place, and more of them than places: none waits for itself."""
    with listening() as s:
        clients = [s.connect() for _ in range(6)]
        for c in clients:
            c.send('RunGroup', {'members': [member(f'm{i}', 'read x; echo x') for i in range(4)],
                                'pipes': [pipe('m0', 'm1'), pipe('m1', 'm2'), pipe('m2', 'm3'), pipe('m3', 'm0')]})
        time.sleep(0.5)
        for c in clients[3:]:
            c.close()
        check(wait_until(lambda: s.client.call('GetStatus')['boxes'] <= 12), 'those of clients that left are gone')
        for c in clients[:3]:
            c.close()
        check(wait_until(lambda: s.client.call('ListBoxes')['boxes'] == []), 'no box is left')
        check_equal(s.client.run('/bin/true')['verdict'], 'ok')


@test
def test_client_goes():
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b'})
        before = s.n_fds()
        for _ in range(5):
            c = s.connect()
            c.send('RunGroup', {'members': [member('a', 'sleep 60', box='b'), member('b', 'sleep 60')]}, more=True)
            c.receive()
            c.close()
        check(wait_until(lambda: s.client.call('GetStatus')['activeRuns'] == 0), 'its runs are canceled')
        check(wait_until(lambda: len(s.client.call('ListBoxes')['boxes']) == 1), 'the boxes of its own are gone')
        check(wait_until(lambda: s.n_fds() <= before + 1), f'{before} -> {s.n_fds()} descriptors')


@test
def test_kill_where_one_ends_another():
    """All that runs in a box, and what waits there, and nothing twice."""
    with listening() as s:
        s.client.call('CreateBox', {'box': 'b'})
        file = HostileFile('read')
        try:
            waiting, running = s.connect(), s.connect()
            waiting.send('RunGroup', {'members': [
                member('a', 'true', box='b', onEnd='end'), member('b', 'true', box='b'),
                member('c', 'true', inFiles=[{'fileDescriptor': 0, 'path': 'x'}])]}, [file.fd])
            check(wait_until(lambda: s.client.call('GetStatus')['boxes'] == 2), 'it has its turn')
            running.send('Run', {'box': 'b', 'arguments': ['sleep', '100']}, more=True)
            running.receive()
            check_equal(s.client.call('Kill', {'box': 'b'})['killed'], 2)
            check_equal(running.receive()['result']['verdict'], 'canceled')
            check_equal(set(verdicts(waiting.receive()).values()), {'canceled'})
            for c in waiting, running:
                c.close()
        finally:
            file.close()
        check(wait_until(lambda: len(s.client.call('ListBoxes')['boxes']) == 1), 'the box of its own is gone')


@test
def test_one_ends_before_all_can_start():
    """Whatever the rules: those that are left would wait for it for ever, and their turn with them."""
    with concurrent_runs(1) as s:
        for end in 'Kill', 'DestroyBox':
            s.client.call('CreateBox', {'box': 'b'})
            running, waiting, next_one = s.connect(), s.connect(), s.connect()
            running.send('Run', {'arguments': ['sleep', '100']}, more=True)
            running.receive()
            waiting.send('RunGroup', {'members': [member('a', 'true', box='b'), member('b', 'true')]})
            check(wait_until(lambda: s.client.call('GetStatus')['waitingRuns'] == 1), 'it waits')
            s.client.call(end, {'box': 'b'})
            next_one.send('Run', {'arguments': ['true']})
            running.close()
            check_equal(next_one.receive()['result']['verdict'], 'ok')
            check_equal(set(verdicts(waiting.receive()).values()), {'canceled'})
            for c in waiting, next_one:
                c.close()
            if end == 'Kill':
                s.client.call('DestroyBox', {'box': 'b'})


@test
def test_one_cannot_start():
    """Then none does, and what was made is taken away."""
    with private() as s:
        s.client.call('CreateBox', {'box': 'b'})
        refused('NoSuchBox', s.client, 'RunGroup',
                {'members': [member('a', 'echo > /box/ran', box='b'), member('b', 'true', box='none')]})
        check_equal([e['name'] for e in s.client.call('ListFiles', {'box': 'b'})['entries']], [])

        with open('file', 'w+') as f:
            below_a_file = {'inFiles': [{'fileDescriptor': 0, 'path': 'x'}, {'fileDescriptor': 1, 'path': 'x/y'}]}
            refused('FileError', s.client, 'RunGroup',
                    {'members': [member('a', 'echo > /box/ran', box='b'), member('b', 'true', **below_a_file)]},
                    [f.fileno(), f.fileno()])
        check_equal([e['name'] for e in s.client.call('ListFiles', {'box': 'b'})['entries']], [])
        check(wait_until(lambda: len(s.client.call('ListBoxes')['boxes']) == 1), 'the box of its own is gone')

        reply = s.client.call('RunGroup', {'members': [member('a', 'exit 0'), {'name': 'b', 'arguments': ['/none']}]})
        check_equal(verdicts(reply), {'a': 'ok', 'b': 'exec-failed'})


@test
def test_refused():
    a, b = member('a', 'true'), member('b', 'true')
    with private() as s:
        def no(field, members, pipes=(), kind='InvalidParameter'):
            failure = refused(kind, s.client, 'RunGroup', {'members': members, 'pipes': list(pipes)})
            check_equal(failure.parameters.get('parameter', failure.parameters.get('field')), field, str(failure))

        no('members', [])
        no('members', [member(f'm{i}', 'true') for i in range(9)])
        no('members[1].name', [a, member('a', 'true')])
        no('members[0].name', [member('../a', 'true')])
        no('members[0].onEnd', [member('a', 'true', onEnd='explode')])
        no('members[1].arguments', [a, {'name': 'b', 'arguments': []}])
        no('members[1].limits.memoryBytes', [a, member('b', 'true', limits={'memoryBytes': 1})], kind='LimitOutOfRange')
        no('pipes[0].from', [a, b], [pipe('c', 'b')])
        no('pipes[0].to', [a, b], [pipe('a', 'c')])
        no('pipes[1].fromDescriptor', [a, b], [pipe('a', 'b'), pipe('a', 'b')])
        no('pipes[1].toDescriptor', [a, b], [pipe('a', 'b'), pipe('b', 'b')])
        no('pipes[0].fromDescriptor', [member('a', 'true', stdout={'capture': True}), b], [pipe('a', 'b')])
        no('pipes[0].fromDescriptor', [a, b], [pipe('a', 'b', fromDescriptor=0)])
        no('pipes[0].fromDescriptor', [a, b], [pipe('a', 'b', fromDescriptor=-1)])
        no('pipes[0].fromDescriptor', [a, b], [pipe('a', 'b', fromDescriptor=1 << 40)])
        no('pipes[0].toDescriptor', [a, b], [pipe('a', 'b', toDescriptor=1)])
        no('pipes[0].toDescriptor', [a, b], [pipe('a', 'a', fromDescriptor=4, toDescriptor=4)])
        no('pipes[0].record', [a, b], [pipe('a', 'b', fromDescriptor=4, record=True)])
        no('pipes[0].recordBytes', [a, b], [pipe('a', 'b', record=True, recordBytes=0)], kind='LimitOutOfRange')
        no('pipes', [a, b], [pipe('a', 'b', fromDescriptor=i, toDescriptor=i) for i in range(10, 27)])
        no('pipes[8].fromDescriptor', [a, b], [pipe('a', 'b', fromDescriptor=i, toDescriptor=i) for i in range(10, 19)])
        no('members', [member(f'm{i}', 'true', outFiles=[f'f{k}' for k in range(6)]) for i in range(3)])
        check_equal(s.client.call('ListBoxes')['boxes'], [])


# ---- judgectl ----

def group(file):
    return judgectl(*PRIVATE, '--json=short', 'group', file)


@test
def test_judgectl():
    """The example, as it is, with another secret, and with a solution that only waits."""
    shutil.copytree(TOP / 'examples' / 'guess', 'guess')
    if EMULATED:
        file = pathlib.Path('guess/group.json')
        file.write_text(file.read_text().replace('"2s"', '"20s"').replace('"10s"', '"100s"'))
    done = group('guess/group.json')
    check_equal(done.status, 0, done.stderr)
    got = json.loads(done.stdout)
    check_equal([(m['name'], m['result']['verdict']) for m in got], [('solution', 'ok'), ('interactor', 'ok')])
    check('stdoutFileDescriptor' not in got[0], got)
    guesses = pathlib.Path('guess/guesses.txt').read_text().split()
    check_equal((guesses[0], guesses[-1]), ('500', '613'))

    pathlib.Path('guess/secret').write_text('2000')
    done = group('guess/group.json')
    check_equal(done.status, 1, done.stderr)
    check('Ten guesses were not enough.' in done.stderr, done.stdout + done.stderr)
    check_equal([m['result']['verdict'] for m in json.loads(done.stdout)][1], 'runtime-error')

    pathlib.Path('guess/solution.py').write_text('input()')
    file = json.loads(pathlib.Path('guess/group.json').read_text())
    for m in file['members']:
        m['limits']['wall-time'] = '300ms'
    pathlib.Path('guess/group.json').write_text(json.dumps(file))
    table = judgectl(*PRIVATE, 'group', 'guess/group.json')
    check_equal(table.status, 1, table.stderr)
    check('wall-time-limit' in table.stderr, table.stderr)


@test
def test_judgectl_files():
    pathlib.Path('in').write_text('hello\n')
    pathlib.Path('group.json').write_text(json.dumps({'members': [
        {'name': 'a', 'arguments': ['sh', '-c', 'cat; cat <&9; echo made > made'], 'stdin': {'file': 'in'},
         'stdout': {'file': 'out'}, 'extraFileDescriptors': [{'file': 'in', 'target': 9}],
         'outFiles': [{'path': 'made', 'file': 'made-here'}, {'path': 'none', 'file': 'none-here'}]}]}))
    done = group('group.json')
    check_equal(done.status, 0, done.stderr)
    check_equal(pathlib.Path('out').read_text(), 'hello\nhello\n')
    check_equal(pathlib.Path('made-here').read_text(), 'made\n')
    check(not os.path.exists('none-here') and 'none-here' in done.stderr, done.stderr)


def b64(name):
    return base64.b64encode(name).decode()


@test
def test_judgectl_names_of_any_byte():
    """Here and in the box; those by their bytes among others, so that a mix-up would show."""
    pathlib.Path(os.fsdecode(b'in\xff')).write_text('hello\n')
    script = r'cat; cat <&9; cat given*; for i in a c; do echo $i > "$i$(printf "\375\n.")"; done; echo d > d'
    pathlib.Path('group.json').write_text(json.dumps({
        'members': [
            {'name': 'a', 'arguments': ['sh', '-c', script.replace('\\\\', '\\')],
             'stdin': {'fileBase64': b64(b'in\xff')}, 'stderr': {'fileBase64': b64(b'err\xff')},
             'extraFileDescriptors': [{'fileBase64': b64(b'in\xff'), 'target': 9}],
             'inFiles': [{'fileBase64': b64(b'in\xff'), 'pathBase64': b64(b'given\xfa')}],
             'outFiles': [{'pathBase64': b64(b'a\xfd\n.'), 'fileBase64': b64(b'a-here\xff')},
                          {'path': 'd', 'file': 'd-here'},
                          {'pathBase64': b64(b'c\xfd\n.'), 'file': 'c-here'}]},
            {'name': 'b', 'arguments': ['cat']}],
        'pipes': [{'from': 'a', 'to': 'b', 'recordBase64': b64(b'record\xff')}]}))
    done = group('group.json')
    check_equal(done.status, 0, done.stderr)
    for name, content in ((b'a-here\xff', 'a\n'), (b'd-here', 'd\n'), (b'c-here', 'c\n')):
        check_equal(pathlib.Path(os.fsdecode(name)).read_text(), content, str(name))
    check_equal(pathlib.Path(os.fsdecode(b'record\xff')).read_text(), 3 * 'hello\n')
    check_equal(pathlib.Path(os.fsdecode(b'err\xff')).read_text(), '')


@test
def test_judgectl_refuses():
    def no(text, said):
        pathlib.Path('group.json').write_text(text if isinstance(text, str) else json.dumps(text))
        done = group('group.json')
        check_equal(done.status, 2, f'{text}: {done}')
        check(said in done.stderr, f'{said!r}: {done.stderr}')

    a = {'name': 'a', 'arguments': ['true']}
    no('{', 'not a JSON object')
    no('[]', 'not a JSON object')
    no({}, 'members')
    no({'members': [1]}, 'members[0]')
    no({'members': [{**a, 'speed': 1}]}, 'members[0].speed')
    no({'members': [{**a, 'stdin': {'file': 'none'}}]}, 'members[0].stdin: failed to open "none"')
    no({'members': [{**a, 'stdout': {'capture': True}}]}, 'members[0].stdout')
    no({'members': [{**a, 'limits': {'time': 'abc'}}]}, 'limits.time')
    no({'members': [{**a, 'limits': {'speed': 1}}]}, 'limits.speed')
    no({'members': [{**a, 'outFiles': ['x']}]}, 'members[0].outFiles')
    for name in ('?', '', b64(b'a\0b')):
        no({'members': [{**a, 'stdin': {'fileBase64': name}}]}, 'members[0].stdin')
        no({'members': [a], 'pipes': [{'from': 'a', 'to': 'a', 'recordBase64': name}]}, 'pipes[0].record')
    no({'members': [{**a, 'stdin': {'file': 'x', 'fileBase64': b64(b'x')}}]}, 'twice')
    no({'members': [{**a, 'outFiles': [{'path': 'x', 'pathBase64': b64(b'x'), 'file': 'y'}]}]}, 'members[0].outFiles')
    no({'members': [a], 'pipes': [{'from': 'a', 'to': 'b'}]}, 'pipes[0].to')
    check_equal(judgectl(*PRIVATE, 'group', 'none.json').status, 2)


N_EXCHANGES = 1000 if EMULATED else 20000
PLAYER = r'''
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
        char c = 'x';

        for (int i = 0; i < N; i++)
                if (strcmp(argv[1], "first") == 0 ? write(1, &c, 1) != 1 || read(0, &c, 1) != 1
                                                  : read(0, &c, 1) != 1 || write(1, &c, 1) != 1)
                        return 1;
        return 0;
}
'''


@test
def test_many_exchanges():
    """Questions and answers through recorded pipes, none lost."""
    compile_c(PLAYER, 'player', f'-DN={N_EXCHANGES}')
    with private() as s, open('player', 'rb') as program:
        fds = [program.fileno(), os.dup(program.fileno())]
        reply = s.client.call('RunGroup', {
            'members': [{'name': name, 'arguments': ['player', name], 'executableFileDescriptor': i}
                        for i, name in enumerate(('first', 'second'))],
            'pipes': [pipe('first', 'second', record=True), pipe('second', 'first', record=True)]}, fds)
        check_equal(verdicts(reply), {'first': 'ok', 'second': 'ok'})
        for name, r in results(reply).items():
            check_equal(s.client.read(r['stdoutFileDescriptor']), b'x' * N_EXCHANGES, name)
        seconds = results(reply)['first']['result']['wallTimeUSec'] / 1e6
        print(f'{N_EXCHANGES / seconds:.0f} exchanges a second')


main()
