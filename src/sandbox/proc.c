/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fd-util.h"
#include "mount-util.h"
#include "proc.h"

/* /proc holds three things: processes, what the kernel tells about the whole host, and its knobs.
 *
 * hidepid=invisible leaves of the first only those that the reader may trace: to the program that is its
 * own, neither judgebox-init nor anything else. subset=pid drops the other two altogether: there is no
 * /proc/sys, sysrq-trigger, irq, bus, scsi, kcore, keys, kallsyms, timer_list, cmdline, and no loadavg,
 * stat, interrupts, diskstats, by which a box would watch its neighbours. Read-only binds and masks would
 * be a list of what we know today, and cost about 10 µs each where this costs nothing.
 *
 * What it breaks was tried with what Debian 12 packages, in boxes with and without it: gcc, g++, clang++,
 * Python 3 (with its process pools), Java 17 (with ZGC too), Go, Ruby, PHP, Mono, OCaml, Lua and Free
 * Pascal behave the same, nproc and os.cpu_count() give the same numbers: all of them ask
 * sched_getaffinity(2) and sysinfo(2) where the files are missing. Node.js runs, but its os.cpus() is
 * empty (os.availableParallelism() is right). free and uptime refuse and so does "ps aux", but not ps:
 * their numbers would be the host's, not the box's.
 *
 * max_user_namespaces belongs to the user namespace of whoever writes it, so that 0 here means that
 * nobody in the box makes another, and every other kind of namespace needs a capability that only a user
 * namespace would give. Hence no other limit is touched: whoever has that capability could undo it. (And
 * max_mnt_namespaces must not be 0: the kernel counts every detached mount as a namespace, and
 * root_reset() needs one.) */
int proc_setup(int root_fd) {
        static const char *const options[] = { "hidepid", "invisible", "subset", "pid", NULL };
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = write_string_file_at(AT_FDCWD, "/proc/sys/user/max_user_namespaces", "0");
        if (r < 0)
                return r;

        fd = mount_new("proc", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        if (fd < 0)
                return fd;

        return mount_attach(fd, root_fd, "proc");
}
