/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "copy.h"
#include "fd-util.h"

#ifndef MFD_EXEC
#  define MFD_EXEC 0x0010U
#endif

/* What memory takes a fraction of a millisecond for. */
#define COPY_CHUNK ((size_t) 1 << 20)

/* Neither call follows on from the other's partial success with a different answer: EXDEV, EINVAL and the like
 * come before the first byte. */
static ssize_t copy_chunk(int source_fd, int target_fd, off_t *offset, size_t size) {
        ssize_t n;

        n = copy_file_range(source_fd, offset, target_fd, NULL, size, 0);
        if (n >= 0 || !IN_SET(errno, EXDEV, EINVAL, EOPNOTSUPP, ENOSYS, EBADF))
                return n;

        return sendfile(target_fd, source_fd, offset, size);
}

int copy_begin(int source_fd, int target_fd, uint64_t max_bytes, Copy *ret) {
        struct stat st;

        assert(ret);

        if (fstat(source_fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;

        *ret = (Copy) { .source_fd = source_fd, .target_fd = target_fd, .max_bytes = max_bytes };
        return 0;
}

int copy_step(Copy *c) {
        ssize_t n;

        assert(c);

        /* One byte more than allowed tells a file that is too long from one that just fits. */
        n = copy_chunk(c->source_fd, c->target_fd, &c->offset,
                       (size_t) MIN((uint64_t) COPY_CHUNK, c->max_bytes - (uint64_t) c->offset + 1));
        if (n < 0)
                return errno == EINTR ? 1 : -errno;

        return (uint64_t) c->offset > c->max_bytes ? -EFBIG : n > 0;
}

int executable_new(int *ret_fd) {
        int fd;

        fd = memfd_create("judgebox-program", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
        if (fd < 0 && errno == EINVAL) /* before Linux 6.3 every memfd can be executed */
                fd = memfd_create("judgebox-program", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;

        *ret_fd = fd;
        return 0;
}

int executable_copy(int source_fd, int target_fd) {
        Copy c;
        int r;

        r = copy_begin(source_fd, target_fd, EXECUTABLE_MAX, &c);
        if (r < 0)
                return r;

        do
                r = copy_step(&c);
        while (r > 0);

        return r;
}

int executable_seal(int fd) {
        if (fchmod(fd, 0555) < 0 ||
            fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                return -errno;

        /* What is open for writing cannot be executed (ETXTBSY). */
        return RET_NERRNO(open(FD_PATH(fd), O_RDONLY | O_CLOEXEC));
}
