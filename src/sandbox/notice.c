/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "notice.h"

/* A later kernel's may be longer than ours. */
typedef union Buffer {
        struct seccomp_notif notif;
        struct seccomp_notif_resp resp;
        uint8_t bytes[512];
} Buffer;

static bool sizes_fit(void) {
        static int fit = -1;

        if (fit < 0) {
                struct seccomp_notif_sizes s;

                fit = syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &s) >= 0 &&
                        s.seccomp_notif <= sizeof(Buffer) && s.seccomp_notif_resp <= sizeof(Buffer);
        }

        return fit;
}

/* RECV waits where there is nothing, so poll is asked first. Its answer holds: a notification that is called off,
 * because its thread got a signal or died, stays counted, and RECV then says ENOENT. */
int notice_receive(int listener_fd, struct seccomp_notif *ret) {
        struct pollfd p = { .fd = listener_fd, .events = POLLIN };
        Buffer b = {};

        if (!sizes_fit())
                return -EOPNOTSUPP;

        for (;;) {
                if (poll(&p, 1, 0) < 0)
                        return errno == EINTR ? 0 : -errno;
                if (!(p.revents & POLLIN))
                        return p.revents != 0 ? -EPIPE : 0;

                if (ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_RECV, &b) >= 0) {
                        *ret = b.notif;
                        return 1;
                }
                if (errno != ENOENT)
                        return errno == EINTR ? 0 : -errno;
        }
}

/* Whose thread has died meanwhile needs no answer. */
void notice_continue(int listener_fd, const struct seccomp_notif *n) {
        Buffer b = { .resp = { .id = n->id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE } };

        (void) ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_SEND, &b);
}

/* As long as the notification stands, the thread waits in it, and its number is nobody else's. */
static int check_valid(int listener_fd, const struct seccomp_notif *n) {
        uint64_t id = n->id;

        return ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) < 0 ? -errno : 0;
}

/* Page by page: the one after the string need not be there. Returns how much could be read. */
static size_t read_memory(pid_t pid, uint64_t address, uint8_t *buf, size_t size, bool string) {
        uint64_t page_size = (uint64_t) sysconf(_SC_PAGESIZE);
        size_t done = 0;

        while (done < size) {
                size_t n = MIN(size - done, (size_t) (page_size - (address + done) % page_size));
                struct iovec local = { buf + done, n }, remote = { (void *) (uintptr_t) (address + done), n };

                if (process_vm_readv(pid, &local, 1, &remote, 1, 0) != (ssize_t) n)
                        break;
                done += n;

                if (string && memchr(buf + done - n, '\0', n))
                        break;
        }

        return done;
}

int notice_read(int listener_fd, const struct seccomp_notif *n, uint64_t address, void *buf, size_t size) {
        size_t done;
        int r;

        done = read_memory((pid_t) n->pid, address, buf, size, /* string= */ false);
        r = check_valid(listener_fd, n);
        if (r < 0)
                return r;

        return done == size ? 0 : -EFAULT;
}

int notice_read_string(int listener_fd, const struct seccomp_notif *n, uint64_t address, char *buf, size_t size) {
        size_t done;
        int r;

        assert(size > 0);

        done = read_memory((pid_t) n->pid, address, (uint8_t *) buf, size - 1, /* string= */ true);
        r = check_valid(listener_fd, n);
        if (r < 0)
                return r;
        if (done == 0)
                return -EFAULT;

        buf[done] = '\0';
        return 0;
}
