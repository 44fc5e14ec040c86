# SPDX-License-Identifier: LGPL-2.1-or-later
"""How barriers are taken away that no option opens: what to change in the sources, and which attacks get through then.
tests/native/test-without-barriers.py does it. Where two barriers stand behind each other, both are taken away."""

SECCOMP_OFF = ('src/sandbox/run-start.c', r'if \(r->spec\.filter_fd < 0\)', 'if (true)')
LANDLOCK_OFF = ('src/sandbox/landlock.c', r'landlock_get_abi\(\) >= LANDLOCK_ABI_REFER', 'false')
UID_OFF = ('src/sandbox/spawn.c', r'BOX_UID, BOX_UID, BOX_UID', '0, 0, 0')

# barrier: ([(file, what is there, what is put there)], [attacks])
VARIANTS = {
    'end-of-run': (
        [('src/sandbox/run.c', r'\(void\) !write\(r->cgroup_fds\[RUN_CGROUP_KILL\], "1", 1\);', ''),
         ('src/sandbox/run.c', r'procs_for_each\(r->cgroup_fds\[RUN_CGROUP_PROCS\], signal_one, NULL\)', '0'),
         ('src/sandbox/run.c', r'if \(!run_is_empty\(r, childless, alone\)\)', 'if (false)')],
        ['left-process']),
    'evidence': (
        [('src/sandbox/run-result.c', r'if \(WIFSIGNALED\(r->main_status\)\)\s*return', 'if (false) return')],
        ['fake-oom', 'kill-parent']),
    'no-capabilities': (
        [UID_OFF, SECCOMP_OFF,
         ('src/sandbox/privileges.c', r'prctl\(PR_CAPBSET_DROP, c\)', '0'),
         ('src/sandbox/privileges.c', r'SECBIT_NOROOT \| SECBIT_NOROOT_LOCKED \| ', '')],
        ['rename-host']),
    'user-of-its-own': (
        [UID_OFF],
        ['become-root']),
    'no-new-privileges': (
        [('src/sandbox/privileges.c', r'prctl\(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0\) < 0', 'false'),
         SECCOMP_OFF, LANDLOCK_OFF,
         ('src/sandbox/root.c', r'MOUNT_ATTR_RDONLY \| MOUNT_ATTR_NOSUID', 'MOUNT_ATTR_RDONLY'),
         # Root of the host's is not even somebody in the box.
         ('src/sandbox/cradle.c', r'"0 %u 1\\n1000 %u 1\\n"', '"0 %u 1\\n1 0 1\\n1000 %u 1\\n"')],
        ['setuid-program']),
    'no-user-namespaces': (
        [SECCOMP_OFF,
         ('src/sandbox/proc.c', r'"/proc/sys/user/max_user_namespaces", "0"',
          '"/proc/sys/user/max_user_namespaces", "1"')],
        ['unshare', 'clone-namespaces']),
    'own-root': (
        [('src/sandbox/root.c', r'umount2\("\.", MNT_DETACH\) < 0', 'false'), LANDLOCK_OFF],
        ['climb']),
    'own-proc': (
        [('src/sandbox/proc.c', r'"hidepid", "invisible", "subset", "pid", NULL', 'NULL'), LANDLOCK_OFF],
        ['host-proc']),
    'own-devices': (
        [('src/sandbox/devices.c', r'\{ "urandom", 9 \},', '{ "urandom", 9 }, { "tty", 0 },'),
         ('src/sandbox/devices.c', r'st\.st_rdev != makedev\(DEVICES_MAJOR, minor_number\)', 'false'), LANDLOCK_OFF],
        ['host-devices']),
    'network-namespace': (
        [('src/sandbox/cradle.c', r'network_choose\(n, q->share_network, ', 'network_choose(n, true, '), LANDLOCK_OFF],
        ['connect-out', 'abstract-socket', 'other-socket']),
    'pid-namespace': (
        [('src/sandbox/launcher.c', r'CLONE_NEWPID \| ', ''),
         ('src/sandbox/proc.c', r'mount_new\("proc", options, .*\)', 'mount_clone(AT_FDCWD, "/proc", true)'),
         LANDLOCK_OFF],
        ['other-processes']),
    'ipc-namespace': (
        [('src/sandbox/cradle.c', r'CLONE_NEWIPC \| ', ''),
         # Without one of its own a box does not even come up: it may not look into the host's.
         ('src/sandbox/root.c', r'ipc_open\(&root\.mqueue_fd\)', '0'),
         ('src/sandbox/supervisor.c', r'ipc_clear\(s->root\.mqueue_fd\)', '0')],
        ['other-shm']),
    'uts-namespace': (
        [('src/sandbox/cradle.c', r'CLONE_NEWUTS \| ', ''),
         ('src/sandbox/root.c', r'r = set_names\(host_name, domain_name\)', 'r = 0')],
        ['host-name']),
    'time-namespace': (
        [('src/sandbox/launcher.c', r'unshare\(CLONE_NEWTIME\) < 0', 'true')],
        ['uptime']),
    'landlock': (
        [LANDLOCK_OFF],
        ['change-input']),
    'files-beneath': (
        [('src/sandbox/beneath.c', r'RESOLVE_BENEATH \| RESOLVE_NO_SYMLINKS \| RESOLVE_NO_MAGICLINKS \|\s*'
          r'\(one_mount \? RESOLVE_NO_XDEV : 0\)', '0')],
        ['out-link', 'out-directory-link', 'race-file', 'race-directory']),
    'no-set-id-files': (
        [('src/sandbox/run-start.c', r'\.forbid_set_id = layout_has_writable_bind\(&root->layout\)',
          '.forbid_set_id = false')],
        ['set-user-id']),
    'sealed-executable': (
        [('src/sandbox/run-start.c', r'q = executable_new\(&r->program_fd\);', 'return 0;'), LANDLOCK_OFF],
        ['overwrite-self']),
    'descriptors': (
        [('src/sandbox/spawn.c', r'\(void\) setsid\(\);',
          '(void) setsid(); for (int i = 3; i < 64; i++) (void) fcntl(i, F_SETFD, 0);')],
        ['inherited']),
    'streams-relayed': (
        [('src/judgectl/stream.c', r'if \(S_ISREG\(st\.st_mode\) \|\|',
          'if (S_ISCHR(st.st_mode) || S_ISREG(st.st_mode) ||'),
         ('src/judgeboxd/fd-check.c', r'makedev\(sx\.stx_rdev_major, sx\.stx_rdev_minor\) == makedev\(1, 3\)', 'true')],
        ['terminal-modes']),
    'no-core-dumps': (
        [('src/sandbox/spawn.c', r'child_limit_core\(c, v\[LIMIT_CORE\]\);', '')],
        ['core-dump']),
}
