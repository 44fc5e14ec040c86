/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FUZZES: cgroup/cgroup-read.c cgroup/cgroup-mount.c */
#include <sys/mman.h>

#include "cgroup-mount.h"
#include "cgroup-read.h"
#include "fd-util.h"
#include "fuzz.h"

/* A file of a cgroup or of /proc, in turn as each of those that are read: the texts are the kernel's, and what they
 * name (mounts, cgroups) others'. */

static void check_files(int fd) {
        uint64_t v = 0;
        MemoryStat memory;
        CpuStat stat;

        fuzz_assert(cgroup_read_cpu_stat(fd, &stat) == 0);
        fuzz_assert(cgroup_read_memory_stat(fd, &memory) == 0);
        fuzz_assert(IN_SET(cgroup_read_pressure(fd, &v), 0, -ENOENT));
        fuzz_assert(IN_SET(cgroup_read_uint64(fd, &v), 0, -EBADMSG));
        fuzz_assert(IN_SET(cgroup_read_key(fd, "oom_kill", &v), 0, -ENOENT));

        /* What one reader finds the other finds. */
        if (cgroup_read_key(fd, "usage_usec", &v) == 0)
                fuzz_assert(stat.usage_usec == v);
}

static void check_texts(const char *text) {
        _cleanup_free_ char *path = NULL;
        CgroupMount *mounts = NULL;
        size_t n = 0;

        fuzz_assert(cgroup_mounts_parse(text, &mounts, &n) == 0);
        if (cgroup_path_parse(text, &path) == 0)
                fuzz_assert(path[0] == '/');

        for (size_t i = 0; i < n; i++) {
                fuzz_assert(mounts[i].root[0] == '/' && mounts[i].point[0] == '/');
                fuzz_assert(i == 0 || mounts[i - 1].read_only <= mounts[i].read_only);

                if (path) {
                        const char *below = cgroup_path_below(path, mounts[i].root);

                        fuzz_assert(!below || (below >= path && below <= path + strlen(path)));
                }
        }

        (void) cgroup_mounts_free(mounts, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        FuzzInput i = { data, size };
        _cleanup_free_ char *text = NULL;
        static int fd = -EBADF;

        if (fd < 0)
                fd = memfd_create("fuzz", MFD_CLOEXEC);
        fuzz_assert(fd >= 0);
        fuzz_assert(ftruncate(fd, 0) == 0);
        fuzz_assert(pwrite(fd, data, size, 0) == (ssize_t) size);
        check_files(fd);

        text = fuzz_take_string(&i, NULL);
        check_texts(text);
        return 0;
}
