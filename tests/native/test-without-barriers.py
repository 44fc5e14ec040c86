#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes barriers away, one at a time, and sees that a test of barriers (SCRIPTS) notices, or that an attack of tests/attack
gets through.

What is shipped has no switch to turn a barrier off, for nobody can turn on by mistake what is not there. So this builds
the programs anew from changed sources: each variant below says what to change and which tests must fail then. If a
variant no longer fits the sources, it says so, and is to be brought up to date."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from harness import BUILD, TOP, check, main, test

ATTACKS = TOP / 'tests' / 'attack'
sys.path.insert(0, str(ATTACKS))
import without    # noqa: E402 # pylint: disable=wrong-import-position

SCRIPTS = ('test-barriers.py', 'test-walls.py', 'test-directory.py', 'test-filter.py', 'test-profiles.py',
           'test-allowed-paths.py', 'test-slow-files.py')

# name: ([(file, what is there, what is put there)], [tests that must fail])
# The second wall behind some of the others, which alone shows nothing of what is in front of it.
LANDLOCK_OFF = ('src/sandbox/landlock.c', r'landlock_get_abi\(\) >= LANDLOCK_ABI_REFER', 'false')

VARIANTS = {
    'ipc-namespace': (
        [('src/sandbox/cradle.c', r'CLONE_NEWIPC \| ', ''),
         # Without one of its own a box does not even come up: it may not look into the host's.
         ('src/sandbox/root.c', r'ipc_open\(&root\.mqueue_fd\)', '0'),
         ('src/sandbox/supervisor.c', r'ipc_clear\(s->root\.mqueue_fd\)', '0')],
        ['shared-memory']),
    'network-namespace': (
        [('src/sandbox/cradle.c', r'network_choose\(n, q->share_network, ', 'network_choose(n, true, ')],
        ['connect-to-the-host']),
    'network-namespace-and-landlock': (
        [('src/sandbox/cradle.c', r'network_choose\(n, q->share_network, ', 'network_choose(n, true, '),
         LANDLOCK_OFF],
        ['connect-to-the-host', 'connect-to-an-abstract-socket']),
    'landlock': (
        [LANDLOCK_OFF],
        ['other-run-trace', 'directory-from-outside']),
    'landlock-scopes': (
        [('src/sandbox/landlock.c', r'landlock_get_abi\(\) >= ABI_SCOPE', 'false')],
        ['abstract-socket-in-the-hosts-network', 'other-run-signal', 'other-run-socket']),
    'clocks-of-its-own': (
        [('src/sandbox/launcher.c', r'unshare\(CLONE_NEWTIME\) < 0', 'true')],
        ['clocks']),
    'no-ipc-left': (
        [('src/sandbox/supervisor.c', r'ipc_clear\(s->root.mqueue_fd\)', '0')],
        ['ipc', 'ipc-while-another-runs']),
    'no-temporary-files-left': (
        [('src/sandbox/root.c', r'layout_clear\(&r->layout, r->fd\)', '0')],
        ['temporary-files', 'temporary-files-of-the-tenant', 'mounts-among-temporary-files']),
    'no-devices-in-binds': (
        [('src/sandbox/layout-attach.c', r'MOUNT_ATTR_NOSUID \| MOUNT_ATTR_NODEV', 'MOUNT_ATTR_NOSUID')],
        ['mount-flags', 'device-in-a-bind']),
    'no-programs-in-noexec-binds': (
        [('src/sandbox/layout-attach.c', r'p->noexec \? MOUNT_ATTR_NOEXEC : 0', '0'), LANDLOCK_OFF],
        ['mount-flags', 'program-in-a-bind-without-exec']),
    'no-setuid-programs': (
        [('src/sandbox/layout-attach.c', r'MOUNT_ATTR_NOSUID \| MOUNT_ATTR_NODEV', 'MOUNT_ATTR_NODEV')],
        ['mount-flags']),
    'processes-alone-in-proc': (
        [('src/sandbox/proc.c', r'"subset", "pid", ', '')],
        ['nothing-of-the-kernels-in-proc']),
    'hidden-judgebox-init': (
        [('src/sandbox/proc.c', r'"hidepid", "invisible", ', '')],
        ['nothing-of-the-kernels-in-proc']),
    'no-core-dumps': (
        [('src/sandbox/spawn.c', r'child_limit_core\(c, v\[LIMIT_CORE\]\);', '')],
        ['no-core-dump']),
    'keyrings-of-its-own': (
        [('src/sandbox/spawn.c', r'child_renew_keyrings\(c\);', '')],
        ['keys']),
    'own-root': (
        [('src/sandbox/root.c', r'syscall\(SYS_pivot_root, "\.", "\."\) < 0 \|\|\s*umount2\("\.", MNT_DETACH\) < 0',
          'fchdir(root_fd) < 0')],
        ['open-a-file', 'climb-out', 'create-a-file']),
    'read-only-binds': (
        [('src/sandbox/layout-attach.c', r'p->writable \? 0 : MOUNT_ATTR_RDONLY', '0'), LANDLOCK_OFF],
        ['create-a-file']),
    'no-set-id-files': (
        [('src/sandbox/run-start.c', r'\.forbid_set_id = layout_has_writable_bind\(&root->layout\)', '.forbid_set_id = false')],
        ['set-id']),
    'user-of-its-own': (
        [('src/sandbox/spawn.c', r'BOX_UID, BOX_UID, BOX_UID', '0, 0, 0'), LANDLOCK_OFF],
        ['become-root', 'signal-judgebox-init']),
    'no-capabilities': (
        [('src/sandbox/spawn.c', r'BOX_UID, BOX_UID, BOX_UID', '0, 0, 0'),
         ('src/sandbox/privileges.c', r'prctl\(PR_CAPBSET_DROP, c\)', '0'),
         ('src/sandbox/privileges.c', r'SECBIT_NOROOT \| SECBIT_NOROOT_LOCKED \| ', '')],
        ['have-a-capability']),
    'no-user-namespaces': (
        [('src/sandbox/proc.c', r'"/proc/sys/user/max_user_namespaces", "0"',
          '"/proc/sys/user/max_user_namespaces", "1"')],
        ['user-namespace']),
    'path-rules': (
        [('src/sandbox/run-start.c', r'\.run_ruleset_fd = run_ruleset_fd', '.run_ruleset_fd = -EBADF')],
        ['nothing-but-stat', 'only-read', 'only-write', 'only-execute', 'rules-add-up', 'file-alone', 'moved-to-more',
         'not-the-name', 'program-itself', 'handed-streams', 'create-and-status', 'judge-tests']),
    'path-rules-and-links': (
        [('src/sandbox/run-rules.c', r'if \(!FLAGS_SET\(v\.f_flag, ST_RDONLY\)\)', 'if (false)')],
        ['links-of-programs']),
    'path-rules-of-the-descriptors': (
        [('src/sandbox/run-rules.c', r'LANDLOCK_ALL & ~LANDLOCK_EXECUTE', 'LANDLOCK_ALL')],
        ['handed-streams']),
    # As on an older kernel, where a filter stands in.
    'path-rules-and-truncation': (
        [('src/sandbox/landlock.c', r'#define ABI_TRUNCATE 3', '#define ABI_TRUNCATE 100'),
         ('src/sandbox/spawn.c', r'if \(q->forbid_truncate\)', 'if (false)')],
        ['truncate-readable']),
    'filter': (
        [('src/sandbox/spawn.c', r'if \(q->filter->program\)', 'if (false)')],
        ['reported-call', 'killing-is-reported', 'refused-call', 'default-reports', 'default-refuses', 'foreign-calls']),
    'filter-secret': (
        [('src/sandbox/filter.c', r'\(uint32_t\) secret, 0, 3\)', '(uint32_t) secret, 0, 0)'),
         ('src/sandbox/filter.c', r'\(uint32_t\) \(secret >> 32\), 0, 1\)', '(uint32_t) (secret >> 32), 0, 0)')],
        ['secret-is-needed']),
    'filter-ends-the-run': (
        [('src/sandbox/run-notice.c', r'!=\s*\(SECCOMP_RET_USER_NOTIF \| FILTER_NOTICE_TRACE\)', '== 0')],
        ['reported-call', 'killing-is-reported', 'violation-in-a-trace']),
    'closed-before-the-first-path': (
        [('src/sandbox/spawn.c', r'child_close_others\(c, source, target, n\);', '')],
        ['descriptors-while-it-starts']),
    'cgroups-mounted-nowhere': (
        [('src/cgroup/cgroup-mount.c', r'detach\(TAKE_FD\(fd\)\)', 'TAKE_FD(fd)')],
        ['no-way-up-from-descriptors']),
    'filter-socket-out-of-the-way': (
        [('src/sandbox/spawn.c', r'child_move_fd\(c, &c->filter_socket_fd, highest\);', '')],
        ['descriptors-of-the-program']),
    'copies-by-another': (
        [('src/sandbox/file-job.c', r'j->slow = slow_close_is_marked\(j->copy\.source_fd\)', 'j->slow = false'),
         ('src/sandbox/run-start.c', r'slow_close_is_marked\(r->spec\.exec_fd\)', 'false')],
        ['copy-into-the-box', 'program-to-execute']),
    'written-by-another': (
        [('src/sandbox/output.c', r'o->copy && !S_ISSOCK\(sx\.stx_mode\) && slow_close_is_marked\(target\)', 'false')],
        ['output-to-a-file']),
    'executed-in-time': (
        [('src/sandbox/spawn.c', r'        child_limit_time\(c\);', '')],
        ['other-run-lease']),
    'closed-by-another': (
        [('src/sandbox/supervisor.c', r'slow_close_enable\(\);', '')],
        ['files-that-do-not-close']),
    'copies-closed-by-another': (
        [('src/basic/fd-util.c', r'slow_close_mark\(copy\);', '{}')],
        ['copies-of-a-descriptor']),
    'sockets-closed-by-another': (
        [('src/basic/slow-close.c', r'return !S_ISFIFO\(sx', 'return !S_ISSOCK(sx.stx_mode) && !S_ISFIFO(sx')],
        ['socket-that-is-refused']),
    'nothing-left-in-connections': (
        [('src/basic/fd-util.c', r'shutdown\(fd, SHUT_RD\) >= 0', 'false')],
        ['socket-that-is-not-read']),
    'no-copies-in-what-is-forked': (
        [('src/judgeboxd/idmap.c', r'CLONE_NEWUSER \| CLONE_FILES', 'CLONE_NEWUSER')],
        ['while-the-service-has-one']),
    'end-of-the-run': (
        [('src/sandbox/run.c', r'\(void\) !write\(r->cgroup_fds\[RUN_CGROUP_KILL\], "1", 1\);', ''),
         ('src/sandbox/run.c', r'procs_for_each\(r->cgroup_fds\[RUN_CGROUP_PROCS\], signal_one, NULL\)', '0')],
        ['outlive-the-run']),
}


def copy_sources(target):
    for name in ('meson.build', 'meson_options.txt'):
        shutil.copy(TOP / name, target)
    for path in TOP.iterdir():
        if path.is_dir() and not path.name.startswith(('.', 'build')):
            shutil.copytree(path, target / path.name, symlinks=True)


class Variants:
    """A build of its own of the programs, and of nothing else."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix='judgebox-variants-')
        self.source = pathlib.Path(self.directory.name)
        self.build = self.source / 'build'
        copy_sources(self.source)
        # The variants may well leave something unused; and what they cannot do is not a matter of optimization.
        self.command('meson', 'setup', self.build, self.source, '-Dtests=false', '-Dwerror=false', '-Doptimization=0')
        self.compile()
        (self.build / 'tests' / 'native').mkdir(parents=True)
        for name in ('attack', 'calls'):
            (self.build / 'tests' / 'native' / name).symlink_to(BUILD / 'tests' / 'native' / name)
        (self.build / 'tests' / 'attack').symlink_to(BUILD / 'tests' / 'attack')

    def command(self, *words):
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors='replace')
        check(done.returncode == 0, f'{words}: {done.stdout}')

    def compile(self):
        self.command('ninja', '--quiet', '-C', self.build, 'bin/judgectl', 'bin/judgeboxd', 'bin/judgebox-init',
                     *(f'{folder}/{path.name}' for folder in ('profiles', 'languages')
                       for path in (TOP / folder).glob('*.json')))

    def get_through(self, attacks):
        """Which of these attacks do. One that did not even begin does not."""
        done = subprocess.run([ATTACKS / 'test-attacks.py', *attacks], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, env={**os.environ, 'JUDGEBOX_BUILD': str(self.build)})
        check(re.search(r'^\d+ passed, \d+ failed, \d+ skipped$', done.stdout, re.M), done.stdout + done.stderr)
        reasons = dict(re.findall(r'^(?:FAIL|SKIP): (\S+): (.*)$', done.stdout, re.M))
        for name, why in reasons.items():
            print(f'{name}: {why}')
        return {name for name, why in reasons.items() if not re.search('internal-error|exec-failed|no result|begin', why)}

    def failing(self, tests):
        """Which of these tests fail."""
        found = set()
        for script in SCRIPTS:
            done = subprocess.run([TOP / 'tests' / 'native' / script, *tests], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True,
                                  env={**os.environ, 'JUDGEBOX_BUILD': str(self.build), 'JUDGEBOX_TEST_TIMEOUT': '20'})
            check(re.search(r'^\d+ passed, \d+ failed, \d+ skipped$', done.stdout, re.M), done.stdout + done.stderr)
            for name, why in re.findall(r'^SKIP: (\S+): (.*)$', done.stdout, re.M):
                print(f'{name} cannot tell here: {why}')
            for name, why in re.findall(r'^FAIL: (\S+): (.*)$', done.stdout, re.M):
                print(f'{name}: {why}')
            found |= set(re.findall(r'^(?:FAIL|SKIP): (\S+):', done.stdout, re.M))
        return found

    def without(self, changes, expected, seen):
        """With these changes, all that is expected must be seen."""
        before = {}
        try:
            for file, what, instead in changes:
                path = self.source / file
                text = path.read_text()
                before.setdefault(path, text)
                text, n = re.subn(what, lambda _: instead, text)
                check(n == 1, f'{file} has {n} places like {what}: this variant wants to be brought up to date')
                path.write_text(text)
            self.compile()
            missed = set(expected) - seen(expected)
            check(not missed, f'not noticed by {", ".join(sorted(missed))}')
        finally:
            for path, text in before.items():
                path.write_text(text)


_variants = None


def variants():
    global _variants
    _variants = _variants or Variants()
    return _variants


def make_test(name, changes, expected, seen):
    def taken_away():
        variants().without(changes, expected, lambda names: seen(variants(), names))
    taken_away.__name__ = name
    test(taken_away)


@test
def test_with_all_barriers():
    failing = variants().failing(VARIANTS['filter'][1])
    check(not failing, f'these fail anyway: {failing}')


def is_of_filter(variant):
    """A part of it is taken away, and what is left must be there."""
    return variant.startswith('filter')


@test
def test_with_all_but_the_filter():
    tests = sorted({name for variant, (_, tests) in VARIANTS.items() if not is_of_filter(variant) for name in tests})
    variants().without([without.SECCOMP_OFF], tests, lambda names: set(names) - variants().failing(names))


# The filter stands in front of many of the others: without each of those it is off, too.
for variant, (what_changes, failing_tests) in VARIANTS.items():
    make_test(variant, what_changes if is_of_filter(variant) else [*what_changes, without.SECCOMP_OFF], failing_tests,
              Variants.failing)
for variant, (what_changes, successful_attacks) in without.VARIANTS.items():
    make_test(f'attack-{variant}', what_changes, successful_attacks, Variants.get_through)

if __name__ == '__main__':
    if shutil.which('meson') and shutil.which('ninja'):
        main()
    print('SKIP: all: no meson and ninja here to build with')
    print('0 passed, 0 failed, 1 skipped')
