/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fd-util.h"
#include "slow-close.h"
#include "worker.h"

/* Two for each run that there can be, and as many again that do not end: a server that has taken a request keeps even a
 * killed process waiting for the answer. */
#define WORKERS_MAX 256U

static size_t n_workers = 0;
static pid_t given_up[WORKERS_MAX];
static size_t n_given_up = 0;

static bool is_reaped(pid_t pid) {
        return waitpid(pid, NULL, WNOHANG | __WALL) != 0;
}

static void reap(void) {
        for (size_t i = 0; i < n_given_up;)
                if (is_reaped(given_up[i]))
                        given_up[i] = given_up[--n_given_up];
                else
                        i++;
}

static _noreturn_ void worker_main(
                const char *name,
                const int *keep,
                size_t n_keep,
                worker_main_t function,
                void *userdata,
                int result_fd) {

        int all[8], r;

        assert(n_keep < ELEMENTSOF(all));

        (void) prctl(PR_SET_NAME, name);

        /* It holds a copy of every descriptor of ours: a pipe of a program's would not come to its end before this
         * does. */
        memcpy(all, keep, n_keep * sizeof(int));
        all[n_keep] = result_fd;
        r = slow_close_others(all, n_keep + 1);
        if (r >= 0)
                r = function(userdata);

        /* Said before it ends, for which it may have to wait again: to close a file asks its server too. */
        (void) !write(result_fd, &r, sizeof(r));
        _exit(EXIT_SUCCESS);
}

int worker_start(
                const char *name,
                const int *keep,
                size_t n_keep,
                worker_main_t function,
                void *userdata,
                Worker *ret) {

        struct clone_args args = {};
        _cleanup_close_pair_ int p[2] = EBADF_PAIR;
        pid_t pid;

        assert(name);
        assert(function);
        assert(ret);

        reap();
        if (n_workers + n_given_up >= WORKERS_MAX)
                return -EAGAIN;

        if (pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;

        pid = (pid_t) syscall(SYS_clone3, &args, sizeof(args));
        if (pid < 0)
                return -errno;
        if (pid == 0)
                worker_main(name, keep, n_keep, function, userdata, p[1]);

        n_workers++;
        *ret = (Worker) { .pid = pid, .result_fd = TAKE_FD(p[0]) };
        return 0;
}

void worker_done(Worker *w) {
        assert(w);

        if (w->pid > 0) {
                (void) kill(w->pid, SIGKILL);
                if (!is_reaped(w->pid))
                        given_up[n_given_up++] = w->pid;
                n_workers--;
        }

        (void) safe_close(w->result_fd);
        *w = WORKER_NULL;
}

int worker_get_fd(const Worker *w) {
        assert(w);

        return w->result_fd;
}

int worker_get_result(const Worker *w, int *ret) {
        ssize_t n;
        int result;

        assert(w);
        assert(ret);

        n = read(w->result_fd, &result, sizeof(result));
        if (n < 0 && IN_SET(errno, EAGAIN, EINTR))
                return 1;
        if (n != sizeof(result))
                return -EIO;

        *ret = result;
        return 0;
}
