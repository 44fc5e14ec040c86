/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd-util.h"
#include "log.h"
#include "slow-close.h"

/* Each can be stuck for good with one descriptor. When all are, the rest stays open. */
#define HELPERS_MAX 16U

/* Handed over and not yet begun with: more than this, and the helpers are taken for stuck. */
#define BACKLOG_MAX 8U

typedef struct Shared {
        uint32_t n_taken; /* by the helpers */
} Shared;

static bool enabled = false;
static uint8_t *marks = NULL; /* a bit for each descriptor */
static size_t n_marks = 0;    /* bytes */
static int queue[2] = { -EBADF, -EBADF };
static Shared *shared = NULL;
static uint32_t n_handed = 0;
static pid_t helpers[HELPERS_MAX];
static size_t n_helpers = 0;

void slow_close_enable(void) {
        enabled = true;
}

size_t slow_close_get_helpers(const pid_t **ret) {
        if (ret)
                *ret = helpers;
        return n_helpers;
}

bool slow_close_is_marked(int fd) {
        assert(fd >= 0);

        return (size_t) fd / 8 < n_marks && (marks[fd / 8] & (1U << (fd % 8)));
}

static bool may_be_slow(int fd) {
        struct statx sx;
        int flags;

        /* What is only a path is not open at the server. */
        flags = fcntl(fd, F_GETFL);
        if (flags >= 0 && (flags & O_PATH))
                return false;

        /* Memory. */
        if (fcntl(fd, F_GET_SEALS) >= 0)
                return false;

        /* As far as the kernel knows it without asking. */
        if (fd_statx_cached(fd, STATX_TYPE, &sx) < 0)
                return true;

        /* On a disk of this machine, which no tenant may mount. */
        if (sx.stx_dev_major != 0)
                return false;

        return !S_ISFIFO(sx.stx_mode) && !S_ISCHR(sx.stx_mode) && !S_ISDIR(sx.stx_mode);
}

void slow_close_mark(int fd) {
        assert(fd >= 0);

        if (!enabled || !may_be_slow(fd))
                return;

        if ((size_t) fd / 8 >= n_marks) {
                size_t n = ((size_t) fd / 8 + 64) & ~(size_t) 63;
                uint8_t *grown;

                grown = realloc(marks, n);
                if (!grown)
                        return;

                memset(grown + n_marks, 0, n - n_marks);
                marks = grown;
                n_marks = n;
        }

        marks[fd / 8] |= (uint8_t) (1U << (fd % 8));
}

/* It has our memory as it was, and must not touch it: from here on, only system calls. */
static _noreturn_ void helper_main(pid_t parent) {
        sigset_t none;

        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        for (int i = 1; i < SIGRTMIN; i++)
                (void) signal(i, SIG_DFL);

        /* It holds every descriptor of ours, also after we are gone. */
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(EXIT_FAILURE);
        (void) prctl(PR_SET_NAME, "judgebox-close");

        for (;;) {
                int fd;

                if (read(queue[0], &fd, sizeof(fd)) != sizeof(fd))
                        _exit(EXIT_FAILURE);

                (void) __atomic_add_fetch(&shared->n_taken, 1, __ATOMIC_RELAXED);
                (void) close(fd);
        }
}

static int start_helper(void) {
        struct clone_args args = { .flags = CLONE_FILES };
        pid_t parent = getpid(), pid;

        if (n_helpers >= HELPERS_MAX)
                return -EBUSY;

        if (!shared) {
                void *p;

                p = mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
                if (p == MAP_FAILED)
                        return -errno;
                shared = p;
        }

        if (queue[0] < 0) {
                if (pipe2(queue, O_CLOEXEC) < 0)
                        return -errno;
                if (fcntl(queue[1], F_SETFL, O_NONBLOCK) < 0)
                        return -errno;
        }

        pid = (pid_t) syscall(SYS_clone3, &args, sizeof(args));
        if (pid < 0)
                return -errno;
        if (pid == 0)
                helper_main(parent);

        helpers[n_helpers++] = pid;
        return 0;
}

/* Those that somebody has killed. */
static void reap_helpers(void) {
        for (size_t i = 0; i < n_helpers;)
                if (waitpid(helpers[i], NULL, WNOHANG | __WALL) == helpers[i])
                        helpers[i] = helpers[--n_helpers];
                else
                        i++;
}

static void want_helper(void) {
        int r;

        if (n_helpers > 0 && n_handed - __atomic_load_n(&shared->n_taken, __ATOMIC_RELAXED) <= BACKLOG_MAX)
                return;

        reap_helpers();
        r = start_helper();
        if (r < 0)
                log_debug_errno(r, "Failed to start a helper that closes files: %m");
}

void slow_close_unmark(int fd) {
        if (slow_close_is_marked(fd))
                marks[fd / 8] &= (uint8_t) ~(1U << (fd % 8));
}

bool slow_close_take(int fd) {
        PROTECT_ERRNO;

        if (!slow_close_is_marked(fd))
                return false;

        slow_close_unmark(fd);
        want_helper();

        if (n_helpers == 0)
                return false;

        /* Where even the queue is full it stays open: better than to wait. */
        if (write(queue[1], &fd, sizeof(fd)) == sizeof(fd))
                n_handed++;
        else
                log_warning_errno(errno, "Descriptor %i cannot be closed: %m", fd);

        return true;
}

/* What a server is asked about by whoever closes a copy. With a socket nobody has to wait but who closes the last one, and
 * as long as there is a copy its other end does not come to its end. */
static bool copy_is_slow(int fd) {
        struct statx sx;

        return slow_close_is_marked(fd) && (fd_statx_cached(fd, STATX_TYPE, &sx) < 0 || !S_ISSOCK(sx.stx_mode));
}

/* The first from there on that stays, or UINT_MAX. */
static unsigned next_kept(unsigned from, const int *keep, size_t n) {
        unsigned next = UINT_MAX;

        for (size_t i = 0; i < n; i++)
                if (keep[i] >= 0 && (unsigned) keep[i] >= from)
                        next = MIN(next, (unsigned) keep[i]);

        for (unsigned fd = from; fd < next && fd / 8 < n_marks; fd++)
                if (copy_is_slow((int) fd))
                        return fd;

        return next;
}

int slow_close_others(const int *keep, size_t n) {
        assert(keep || n == 0);

        for (unsigned from = 0;;) {
                unsigned next = next_kept(from, keep, n);

                if (next > from && close_range(from, next == UINT_MAX ? next : next - 1, 0) < 0)
                        return -errno;
                if (next == UINT_MAX)
                        return 0;
                from = next + 1;
        }
}

void slow_close_disable(void) {
        enabled = false;

        /* One that is stuck cannot be waited for; it ends when its file's server does. */
        for (size_t i = 0; i < n_helpers; i++)
                if (kill(helpers[i], SIGKILL) >= 0)
                        (void) waitpid(helpers[i], NULL, WNOHANG | __WALL);
        n_helpers = 0;

        for (size_t i = 0; i < ELEMENTSOF(queue); i++)
                if (queue[i] >= 0) {
                        (void) close(queue[i]);
                        queue[i] = -EBADF;
                }

        if (shared)
                (void) munmap(shared, sizeof(Shared));
        shared = NULL;
        n_handed = 0;
        free(marks);
        marks = NULL;
        n_marks = 0;
}
