#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each limit of a run: that it holds, how exactly, and what the result says of it."""

import os
import signal

from harness import (DEGRADE, EMULATED, PRIVATE, check, check_equal, compile_c, expect, judgectl, main, run,
                     shell, skip, test, verdict)

# By how much a limit of time may be overrun.
TOLERANCE_USEC = 1_000_000 if EMULATED else 20_000

SPIN_THREADS = r'''
#include <pthread.h>
static void *spin(void *arg) { for (volatile unsigned i = 0;; i++) ; return arg; }
int main(void) { pthread_t t; for (int i = 0; i < 3; i++) if (pthread_create(&t, 0, spin, 0)) return 1; spin(0); }
'''

HOG = r'''
#include <stdlib.h>
#include <string.h>
int main(void) { for (;;) { char *p = malloc(1 << 20); if (p) memset(p, 1, 1 << 20); } }
'''


# ---- time ----

def check_close(usec, limit, what):
    check(limit <= usec <= limit + TOLERANCE_USEC, f'{what}: {usec} us, the limit was {limit}')


@test
def test_cpu_time_limit():
    done = expect(shell('while :; do :; done', '-t', '1', '-w', '60'), 'cpu-time-limit')
    check_close(done.result['cpuTimeUSec'], 1_000_000, 'CPU time')


@test
def test_cpu_time_limit_of_four_threads():
    compile_c(SPIN_THREADS, 'spin')
    done = expect(run('-t', '1', '-w', '60', '--exec-file=spin', '--', 'spin'), 'cpu-time-limit')
    check_close(done.result['cpuTimeUSec'], 1_000_000, 'CPU time')


@test
def test_cpu_time_limit_of_four_processes():
    done = expect(shell('for i in 1 2 3; do while :; do :; done & done; while :; do :; done', '-t', '1',
                        '-w', '60'),
                  'cpu-time-limit')
    check_close(done.result['cpuTimeUSec'], 1_000_000, 'CPU time')


@test
def test_cpu_time_of_dead_children_counts():
    done = expect(shell('while :; do (i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done); done', '-t', '0.5',
                        '-w', '60'), 'cpu-time-limit')
    check_close(done.result['cpuTimeUSec'], 500_000, 'CPU time')


@test
def test_first_thread_ended():
    # A process that cgroup.kill misses: its limits and its end are to be those of any other.
    compile_c(r'''
        #include <pthread.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        static void *spin(void *arg) { for (volatile unsigned i = 0;; i++) ; }
        static void *fill(void *arg) { for (;;) memset(malloc(1 << 20), 1, 1 << 20); }
        static void go_on(void *(*what)(void *)) { pthread_t t; pthread_create(&t, 0, what, 0); syscall(SYS_exit, 0); }
        int main(int argc, char *argv[]) {
                if (argc > 1)
                        go_on(strcmp(argv[1], "spin") == 0 ? spin : fill);
                if (fork() == 0)
                        go_on(spin);
                usleep(100000);
        }''', 'headless', '-D_GNU_SOURCE')
    done = expect(run('-t', '0.3', '-w', '20', '--exec-file=headless', '--', 'headless', 'spin'), 'cpu-time-limit')
    check_close(done.result['cpuTimeUSec'], 300_000, 'CPU time')
    expect(run('-m', '64M', '--exec-file=headless', '--', 'headless', 'fill'), 'memory-limit')
    expect(run('-w', '20', '--exec-file=headless', 'headless'), 'ok')


@test
def test_extra_time():
    # Between the limit and the kill the program may end by itself; too late it is all the same.
    done = expect(shell('while :; do :; done', '-t', '0.3', '--extra-time=0.3', '-w', '60'), 'cpu-time-limit')
    check_close(done.result['cpuTimeUSec'], 600_000, 'CPU time')

    compile_c('#include <time.h>\nint main(void) { while (clock() < 0.4 * CLOCKS_PER_SEC) ; }', 'late')
    done = expect(run('-t', '0.3', '--extra-time=1', '-w', '60', '--exec-file=late', 'late'), 'cpu-time-limit',
                  exitStatus=0)
    check(done.result['cpuTimeUSec'] < 1_000_000, 'ended by itself')


@test
def test_wall_time_limit():
    done = expect(run('-w', '0.5', 'sleep', '10'), 'wall-time-limit')
    check_close(done.result['wallTimeUSec'], 500_000, 'wall time')
    check(done.result['cpuTimeUSec'] < 400_000, 'sleeping takes no CPU time')


@test
def test_wall_time_limit_follows_from_cpu_time():
    done = expect(run('-t', '0.2', 'sleep', '10'), 'wall-time-limit')
    check_close(done.result['wallTimeUSec'], 600_000, 'wall time')


@test
def test_idle_limit():
    done = expect(run('--idle-time=0.3', '-w', '30', 'sleep', '20'), 'idle-limit')
    check(done.result['wallTimeUSec'] < 3_000_000, done)


@test
def test_output_is_not_idle():
    # Hardly any CPU time, but somebody reads what it writes.
    compile_c(r'''
        #include <time.h>
        #include <unistd.h>
        int main(void) {
                for (int i = 0; i < 8; i++) {
                        nanosleep(&(struct timespec) { .tv_nsec = 100000000 }, 0);
                        if (write(1, ".", 1) != 1)
                                return 1;
                }
        }''', 'drip')
    done = judgectl(*PRIVATE, 'run', '-q', '--idle-time=0.4', '--exec-file=drip', 'drip')
    check_equal((done.status, done.stdout), (0, '.' * 8), str(done))


@test
def test_stopped_program_ends_at_the_wall_limit():
    expect(shell('kill -STOP $$', '-w', '0.5'), 'wall-time-limit')


@test
def test_ignored_signals_do_not_help():
    expect(shell('trap "" TERM INT HUP XCPU ALRM; while :; do :; done', '-t', '0.3', '-w', '60'), 'cpu-time-limit')


# ---- other limits ----

@test
def test_memory_limit():
    compile_c(HOG, 'hog')
    done = expect(run('-m', '64M', '--exec-file=hog', 'hog'), 'memory-limit')
    if not DEGRADE:
        check(done.result['oomKills'] >= 1, done.result)
        check(done.result['memoryPeakBytes'] <= 64 << 20, done.result)


@test
def test_memory_limit_of_a_tree():
    # None of them is over the limit by itself.
    compile_c(r'''
        #include <string.h>
        #include <unistd.h>
        static char memory[24 << 20];
        int main(void) {
                for (int i = 0; i < 7 && fork() != 0; i++)
                        ;
                memset(memory, 1, sizeof(memory));
                for (;;)
                        pause();
        }''', 'tree')
    expect(run('-m', '96M', '-w', '20', '--exec-file=tree', 'tree'), 'memory-limit')


@test
def test_memory_below_the_limit():
    compile_c('#include <string.h>\nstatic char memory[32 << 20];\n'
              'int main(void) { memset(memory, 1, sizeof(memory)); return memory[1] - 1; }', 'fits')
    done = expect(run('-m', '64M', '--exec-file=fits', 'fits'), 'ok')
    peak = done.result.get('memoryPeakBytes') or done.result['maxRssBytes']
    check(32 << 20 <= peak <= 40 << 20, f'peak of {peak}')


@test
def test_process_limit():
    done = expect(shell('for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; wait', '-p', '4', '-w', '2'), 'runtime-error')
    if not DEGRADE:
        check(done.result['processLimitHits'] >= 1, done.result)
        check_equal(done.result['processesPeak'], 4, 'processesPeak')


@test
def test_fork_bomb():
    compile_c('#include <unistd.h>\nint main(void) { for (;;) fork(); }', 'bomb')
    expect(run('-t', '0.5', '-w', '60', '--exec-file=bomb', 'bomb'), 'cpu-time-limit')


@test
def test_output_limit():
    done = expect(run('--output-size=1M', 'yes'), 'output-limit', outputExceeded='stdout')
    check(len(done.out) <= 1 << 20, f'{len(done.out)} bytes came out')
    done = expect(shell('yes >&2', '--output-size=10K'), 'output-limit', outputExceeded='stderr')
    check(len(done.err) <= 10 << 10, f'{len(done.err)} bytes came out')


@test
def test_output_of_just_the_limit():
    done = expect(shell('head -c 10240 /dev/zero', '--output-size=10K'), 'ok')
    check_equal(len(done.out), 10240)
    expect(shell('head -c 10241 /dev/zero', '--output-size=10K'), 'output-limit')


@test
def test_output_limit_through_a_pipe():
    done = judgectl(*PRIVATE, 'run', '-q', '--output-size=10K', 'yes')
    check_equal(done.status, 1)
    check(len(done.stdout) <= 10 << 10, f'{len(done.stdout)} bytes came out')


@test
def test_output_file_is_a_file():
    # Standard output is a regular file of ours, which the limit of files stops first.
    expect(run('--output-size=1M', '--file-size=100K', 'yes'), 'output-limit', outputExceeded='stdout',
           message='Wrote more than 100.0K to standard output.')


@test
def test_file_size_limit():
    done = expect(shell('head -c 200000 /dev/zero >big; echo $?; stat -c %s big', '--file-size=100K'), 'ok')
    status, size = map(int, done.out.split())
    check_equal(status, 128 + signal.SIGXFSZ)
    # One byte more is what tells "too much" from "just enough" where standard output is a file, too.
    check(size in (102400, 102401), f'{size} bytes')
    expect(run('--file-size=100K', 'dd', 'if=/dev/zero', 'of=big', 'bs=1k', 'count=200'), 'output-limit',
           outputExceeded='file', message='Wrote a file larger than 100.0K.')


@test
def test_storage_limit():
    done = shell('head -c 3000000 /dev/zero >big; i=0; while true >f$i; do i=$((i+1)); done; echo $i',
                 '--storage=1M', '--inodes=100')
    check(b'No space left' in done.err, done)
    check(0 < int(done.out or 0) <= 100, f'{done.out} files')


@test
def test_storage_in_use():
    done = expect(shell('head -c 40000 /dev/zero >a; head -c 10 /dev/zero >/tmp/b; mkdir d', '--storage=1M'), 'ok',
                  inodesUsed=3)
    check(40000 <= done.result['storageUsedBytes'] <= 40000 + 3 * 65536, done.result)
    full = shell('head -c 3000000 /dev/zero >big', '--storage=1M')
    check_equal(full.result['storageUsedBytes'], 1 << 20)


@test
def test_kinds_of_memory():
    if DEGRADE:
        skip('no memory controller here')
    done = expect(shell('head -c 20000000 /dev/zero >big'), 'ok')
    check(20_000_000 <= done.result['memoryShmemBytes'] <= done.result['memoryPeakBytes'], done.result)
    check('memoryAnonBytes' not in done.result, 'its memory had been given back')

    compile_c('#include <string.h>\n#include <unistd.h>\nstatic char memory[32 << 20];\n'
              'int main(void) { memset(memory, 1, sizeof(memory)); for (;;) pause(); }', 'waits')
    done = expect(run('-w', '2', '--exec-file=waits', 'waits'), 'wall-time-limit')
    check(32 << 20 <= done.result['memoryAnonBytes'] <= 40 << 20, done.result)
    check(done.result['memoryShmemBytes'] < 4 << 20, done.result)


@test
def test_pressure():
    if not os.path.exists('/proc/pressure/cpu'):
        skip('this kernel does not account for pressure')
    compile_c(SPIN_THREADS, 'spin')
    done = expect(run('-t', '0.5', '-w', '60', '--cpu-set=0', '--exec-file=spin', 'spin'), 'cpu-time-limit')
    # Four threads on one CPU: there is always one that waits.
    check(done.result['cpuPressureUSec'] >= 300_000, done.result)
    alone = expect(shell('true'), 'ok')
    check('cpuPressureUSec' in alone.result, alone.result)


@test
def test_stack_limit():
    deep = compile_c('int f(int n) { volatile char a[4096]; a[0] = n; return n ? f(n - 1) + a[0] : 0; }\n'
                     'int main(void) { return f(1000) > 0; }', 'deep', '-O0')
    expect(run('--stack=1M', f'--exec-file={deep}', deep), 'signaled', signal='SIGSEGV')
    check(verdict(run('--stack=64M', f'--exec-file={deep}', deep)) in ('ok', 'runtime-error'))


@test
def test_open_files_limit():
    done = shell('ulimit -n; exec 20</dev/null', '--open-files=10')
    check(done.out.startswith(b'10\n'), done)
    check(verdict(done) != 'ok', done)


@test
def test_cpu_percent():
    if DEGRADE:
        done = judgectl(*PRIVATE, 'run', '--cpu-percent=50', 'true')
        check_equal(done.status, 2, str(done))
        check('--cpu-percent=' in done.stderr and 'controller' in done.stderr, done)
        return
    done = expect(shell('while :; do :; done', '--cpu-percent=20', '-t', '10', '-w', '3'), 'wall-time-limit')
    check(0.1 * 3_000_000 <= done.result['cpuTimeUSec'] <= 0.3 * 3_000_000, done.result)
    check(done.result['throttledUSec'] > 1_000_000, done.result)


@test
def test_cpus():
    # Four threads, of which one goes on at a time.
    compile_c(SPIN_THREADS, 'spin')
    done = expect(run('--cpus=1', '-t', '60', '-w', '2', '--exec-file=spin', 'spin'), 'wall-time-limit')
    check(done.result['cpuTimeUSec'] <= 1.2 * done.result['wallTimeUSec'], done.result)


@test
def test_cpu_set():
    done = expect(run('--cpu-set=0', 'nproc'), 'ok')
    check_equal(done.out, b'1\n')


if __name__ == '__main__':
    main()
