/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "copy.h"
#include "fd-util.h"

#define CHUNK ((size_t) 4 << 20)

/* Copies at most `size` bytes at *offset, which it advances. 0 is the end of the file. */
static ssize_t copy_chunk(int source, int destination, uint64_t *offset, size_t size) {
        char buffer[65536];
        off_t in = (off_t) *offset, out = (off_t) *offset;
        ssize_t n;
        int r;

        n = copy_file_range(source, &in, destination, &out, size, 0);
        if (n > 0)
                *offset += (uint64_t) n;
        if (n >= 0)
                return n;

        /* Between some file systems, into files opened for appending, or on an old kernel. */
        if (!IN_SET(errno, EXDEV, EINVAL, EOPNOTSUPP, ENOSYS, EBADF, EPERM))
                return -errno;

        n = pread(source, buffer, MIN(size, sizeof(buffer)), in);
        if (n <= 0)
                return n < 0 ? -errno : 0;

        if (lseek(destination, out, SEEK_SET) < 0 && errno != ESPIPE)
                return -errno;

        r = fd_write_full(destination, buffer, (size_t) n);
        if (r < 0)
                return r;

        *offset += (uint64_t) n;
        return n;
}

/* The data that begins at `offset` or after it; false at the end. A file system that knows no holes says that all
 * is data. */
static bool next_data(int fd, bool holes, uint64_t offset, uint64_t size, uint64_t *ret_start, uint64_t *ret_end) {
        off_t start, end;

        start = holes ? lseek(fd, (off_t) offset, SEEK_DATA) : -1;
        if (start < 0) {
                if (holes && errno == ENXIO)
                        return false;
                start = (off_t) offset;
                end = (off_t) size;
        } else {
                end = lseek(fd, start, SEEK_HOLE);
                if (end < 0)
                        end = (off_t) size;
        }

        *ret_start = (uint64_t) start;
        *ret_end = (uint64_t) end;
        return *ret_start < *ret_end;
}

int copy_file(int source, int destination, copy_progress_t progress, void *userdata) {
        uint64_t offset = 0, end;
        struct stat st, to;
        bool holes;

        assert(source >= 0);
        assert(destination >= 0);

        if (fstat(source, &st) < 0 || fstat(destination, &to) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;

        /* What is no file (a pipe given as FILE) has no holes and no size. */
        holes = S_ISREG(to.st_mode);

        while (next_data(source, holes, offset, (uint64_t) st.st_size, &offset, &end))
                while (offset < end) {
                        ssize_t n;
                        int r;

                        n = copy_chunk(source, destination, &offset, (size_t) MIN(end - offset, CHUNK));
                        if (n == -EINTR)
                                continue;
                        if (n < 0)
                                return (int) n;
                        if (n == 0) /* shrunk meanwhile */
                                return 0;

                        r = progress ? progress(offset, (uint64_t) st.st_size, userdata) : 0;
                        if (r < 0)
                                return r;
                }

        /* There may be one at the end. */
        if (holes && ftruncate(destination, st.st_size) < 0)
                return -errno;

        return 0;
}
