/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <grp.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fd-util.h"
#include "filter-load.h"
#include "landlock.h"
#include "set-id-filter.h"
#include "slow-close.h"
#include "spawn.h"
#include "truncate-filter.h"

/* From judgebox-init to the program.
 *
 * The child shares our memory until it executes (CLONE_VM|CLONE_VFORK): no page table is copied, so that the cost does
 * not depend on our size, and it can leave its report in our memory. Hence it must not touch anything of ours but that
 * report and the filter, and everything it calls is a plain system call. It has a stack of its own, because both
 * return from the same clone3().
 *
 * Being our clone it still has our rights while it sets itself up, which is needed for the last two steps but one:
 * giving them up. no_new_privs, the empty bounding set and the closed descriptors are inherited from us
 * (supervisor.c), not done here each time. */

#define SPAWN_STACK_SIZE (64U * 1024U)

/* We wait until it executes, and for so long nobody watches what else runs in the box. So no more than this for
 * whoever could make it wait: a bind whose server is gone, another run by a lease on the program, or, where it may, by
 * a signal. */
#define SPAWN_TIMEOUT_SEC 10

#if __has_include(<sanitizer/asan_interface.h>)
#  include <sanitizer/asan_interface.h>
#else
#  define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void) (address), (void) (size))
#endif

typedef struct SpawnChild {
        const SpawnRequest *request;
        SpawnReport *report;
        int exec_fd;
        int filter_socket_fd;
} SpawnChild;

/* From when the filter is loaded on, every call has to carry its secret. */
static long child_call(const SpawnChild *c, long number, long a, long b, long d, long e, long f) {
        return syscall(number, a, b, d, e, f, c->request->filter->secret);
}

static _noreturn_ void child_fail(SpawnChild *c, Step step, int error) {
        c->report->step = step;
        c->report->error = error;
        (void) child_call(c, SYS_exit_group, 127, 0, 0, 0, 0);
        __builtin_trap();
}

static void child_set_rlimit(SpawnChild *c, __rlimit_resource_t resource, uint64_t value) {
        struct rlimit rl = { .rlim_cur = value, .rlim_max = value };

        if (setrlimit(resource, &rl) < 0)
                child_fail(c, STEP_RLIMIT, errno);
}

/* Where core_pattern has a program, only a limit of exactly 1 keeps the kernel from starting it, with the rights of the
 * host and all of the memory (fs/coredump.c): so that is what "none" is. We cannot have more than judgeboxd may. */
static void child_limit_core(SpawnChild *c, uint64_t value) {
        struct rlimit rl;

        if (getrlimit(RLIMIT_CORE, &rl) < 0)
                child_fail(c, STEP_RLIMIT, errno);

        child_set_rlimit(c, RLIMIT_CORE, MIN(MAX(value, UINT64_C(1)), (uint64_t) rl.rlim_max));
}

static void child_apply_rlimits(SpawnChild *c) {
        const SpawnRequest *q = c->request;
        const uint64_t *v = q->spec->limits.values;

        child_limit_core(c, v[LIMIT_CORE]);
        child_set_rlimit(c, RLIMIT_STACK, v[LIMIT_STACK]);
        if (q->file_size_bytes != LIMIT_NONE)
                child_set_rlimit(c, RLIMIT_FSIZE, q->file_size_bytes);
        if (q->address_space_bytes != LIMIT_NONE)
                child_set_rlimit(c, RLIMIT_AS, q->address_space_bytes);
        if (q->limit_processes)
                child_set_rlimit(c, RLIMIT_NPROC, v[LIMIT_PROCESSES]);
}

static void child_move_fd(SpawnChild *c, int *fd, int highest) {
        if (*fd < 0 || *fd > highest)
                return;

        *fd = fcntl(*fd, F_DUPFD_CLOEXEC, highest + 1);
        if (*fd < 0)
                child_fail(c, STEP_DESCRIPTORS, errno);
}

/* Until the program is executed its paths are looked up with all that we have open, and a link that an earlier program has
 * made, or the name of an interpreter, may lead through /proc/self/fd: to a cgroup, and from there up into the host.
 * So that is closed before the first path. */
static void child_close_others(SpawnChild *c, const int *sources, const int *targets, size_t n) {
        int keep[2 * (3 + RUN_EXTRA_FDS_MAX) + 2], r;
        size_t n_keep = 0;

        for (size_t i = 0; i < n; i++) {
                keep[n_keep++] = sources[i];
                keep[n_keep++] = targets[i];
        }
        keep[n_keep++] = c->exec_fd;
        keep[n_keep++] = c->filter_socket_fd;

        r = slow_close_others(keep, n_keep);
        if (r < 0)
                child_fail(c, STEP_DESCRIPTORS, -r);
}

/* Puts every descriptor at its number. Sources at or below the highest number wanted are moved out of the way
 * first, so that the order does not matter. Ours all close on exec. */
static void child_place_fds(SpawnChild *c) {
        const SpawnRequest *q = c->request;
        const RunSpec *s = q->spec;
        int source[3 + RUN_EXTRA_FDS_MAX], target[3 + RUN_EXTRA_FDS_MAX], highest = 2;
        size_t n = 0;

        for (int i = 0; i < 3; i++, n++) {
                source[n] = q->stdio[i];
                target[n] = i;
        }
        for (size_t i = 0; i < s->n_extra_fds; i++, n++) {
                source[n] = s->extra_fds[i];
                target[n] = s->extra_targets[i];
                highest = MAX(highest, target[n]);
        }

        for (size_t i = 0; i < n; i++)
                child_move_fd(c, source + i, highest);
        child_move_fd(c, &c->exec_fd, highest);
        child_move_fd(c, &c->filter_socket_fd, highest);

        for (size_t i = 0; i < n; i++)
                if (dup2(source[i], target[i]) < 0)
                        child_fail(c, STEP_DESCRIPTORS, errno);

        child_close_others(c, source, target, n);
}

static const char *environment_get(char *const *environment, const char *name) {
        size_t n = strlen(name);

        for (; environment && *environment; environment++)
                if (strncmp(*environment, name, n) == 0 && (*environment)[n] == '=')
                        return *environment + n + 1;

        return NULL;
}

static void child_load_filter(SpawnChild *c, const struct sock_filter *(*get)(size_t *ret_n)) {
        struct sock_fprog program;
        size_t n;

        program.filter = (struct sock_filter *) get(&n);
        program.len = (unsigned short) n;
        if (child_call(c, SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, (long) &program, 0, 0) < 0)
                child_fail(c, STEP_SECCOMP, errno);
}

/* Loads the filters. The limit on descriptors comes after it, because the listener is one. */
static void child_restrict(SpawnChild *c) {
        const SpawnRequest *q = c->request;
        uint64_t open_files = q->spec->limits.values[LIMIT_OPEN_FILES];
        struct rlimit rl = { .rlim_cur = open_files, .rlim_max = open_files };
        int r;

        if (q->forbid_set_id)
                child_load_filter(c, set_id_filter_get);
        if (q->forbid_truncate)
                child_load_filter(c, truncate_filter_get);

        if (q->filter->program) {
                r = filter_load(q->filter, c->filter_socket_fd, &c->report->muted);
                if (r < 0)
                        child_fail(c, STEP_SECCOMP, -r);
        }

        if (child_call(c, SYS_prlimit64, 0, RLIMIT_NOFILE, (long) &rl, 0, 0) < 0)
                child_fail(c, STEP_RLIMIT, errno);
}

static nsec_t child_now(const SpawnChild *c, clockid_t clock) {
        struct timespec ts = {};

        (void) child_call(c, SYS_clock_gettime, clock, (long) &ts, 0, 0, 0);
        return (nsec_t) ts.tv_sec * NSEC_PER_SEC + (nsec_t) ts.tv_nsec;
}

/* Returns only on failure. */
static void child_execute(SpawnChild *c, int dir_fd, const char *path, int flags) {
        const RunSpec *s = c->request->spec;

        c->report->cpu_before_nsec = child_now(c, CLOCK_PROCESS_CPUTIME_ID);
        c->report->started_nsec = child_now(c, CLOCK_MONOTONIC);
        (void) child_call(c, SYS_execveat, dir_fd, (long) path, (long) s->argv, (long) s->environment, flags);
}

/* Looks a bare name up as execvp(3) does, but in the program's own PATH. Returns only on failure. */
static int child_execute_by_name(SpawnChild *c) {
        const char *name = c->request->spec->argv[0];
        const char *path = environment_get(c->request->spec->environment, "PATH") ?: "/usr/local/bin:/usr/bin:/bin";
        int error = ENOENT;

        for (;;) {
                size_t n = strcspn(path, ":"), k = strlen(name);
                char buf[PATH_MAX];

                if (n + k + 2 <= sizeof(buf)) {
                        char *p = buf;

                        if (n > 0) {
                                p = mempcpy(p, path, n);
                                *p++ = '/';
                        }
                        memcpy(p, name, k + 1);

                        child_execute(c, AT_FDCWD, buf, 0);
                        if (errno == EACCES)
                                error = EACCES;
                        else if (!IN_SET(errno, ENOENT, ENOTDIR))
                                return errno;
                }

                if (!path[n])
                        return error;
                path += n + 1;
        }
}

/* Keys live on while a keyring has them. The session's is new for each run; those that belong to the uid are all
 * runs' of the box, and emptied. Where a program has seen to it that they cannot be, nobody runs after it. */
static void child_renew_keyrings(SpawnChild *c) {
        static const int rings[] = { KEY_SPEC_USER_KEYRING, KEY_SPEC_USER_SESSION_KEYRING };

        if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0) {
                if (errno == ENOSYS)
                        return;
                child_fail(c, STEP_KEYRING, errno);
        }

        for (size_t i = 0; i < ELEMENTSOF(rings); i++)
                if (syscall(SYS_keyctl, KEYCTL_CLEAR, rings[i]) < 0)
                        child_fail(c, STEP_KEYRING, errno);
}

static void child_restrict_files(SpawnChild *c, int ruleset_fd) {
        int r;

        if (ruleset_fd < 0)
                return;

        r = landlock_restrict(ruleset_fd);
        if (r < 0)
                child_fail(c, STEP_LANDLOCK, -r);
}

/* The execution takes the timer away (timer_create(2)). */
static void child_limit_time(SpawnChild *c) {
        const struct itimerspec when = { .it_value.tv_sec = SPAWN_TIMEOUT_SEC };
        struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
        int timer;

        if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) < 0 ||
            syscall(SYS_timer_settime, timer, 0, &when, NULL) < 0)
                child_fail(c, STEP_SPAWN, errno);
}

static int child_main(void *userdata) {
        SpawnChild *c = userdata;
        const SpawnRequest *q = c->request;
        const RunSpec *s = q->spec;
        const char *directory;
        sigset_t none;

        (void) setsid();
        child_limit_time(c);

        /* While the descriptors are where they were. What follows opens nothing but the program. */
        child_restrict_files(c, q->ruleset_fd);
        child_restrict_files(c, q->run_ruleset_fd);

        child_place_fds(c);

        /* Of the session that is this child's own. */
        if (s->terminal && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
                child_fail(c, STEP_TERMINAL, errno);

        if (q->affinity && sched_setaffinity(0, sizeof(cpu_set_t), q->affinity) < 0)
                child_fail(c, STEP_AFFINITY, errno);

        child_apply_rlimits(c);

        if (syscall(SYS_setresgid, BOX_GID, BOX_GID, BOX_GID) < 0 ||
            syscall(SYS_setresuid, BOX_UID, BOX_UID, BOX_UID) < 0)
                child_fail(c, STEP_USER, errno);

        child_renew_keyrings(c);

        if (q->deny_tsc && prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0) < 0)
                child_fail(c, STEP_TSC, errno);

        directory = s->working_directory ?: BOX_DIRECTORY;
        if ((directory[0] != '/' && chdir(BOX_DIRECTORY) < 0) || chdir(directory) < 0)
                child_fail(c, STEP_CHDIR, errno);

        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);

        child_restrict(c);

        if (c->exec_fd >= 0) {
                child_execute(c, c->exec_fd, "", AT_EMPTY_PATH);
                child_fail(c, STEP_EXEC, errno);
        }

        if (strchr(s->argv[0], '/')) {
                child_execute(c, AT_FDCWD, s->argv[0], 0);
                child_fail(c, STEP_EXEC, errno);
        }

        child_fail(c, STEP_EXEC, child_execute_by_name(c));
}

#if defined(__x86_64__)
#  define SPAWN_SHARES_MEMORY 1

static pid_t clone3_on_stack(struct clone_args *args, int (*fn)(void *), void *arg) {
        register long rax __asm__("rax") = SYS_clone3;
        register struct clone_args *rdi __asm__("rdi") = args;
        register size_t rsi __asm__("rsi") = sizeof(*args);
        register int (*r8)(void *) __asm__("r8") = fn;
        register void *r9 __asm__("r9") = arg;

        /* In the child there is no frame to return to: call, and exit with what comes back. */
        __asm__ volatile("syscall\n\t"
                         "testq %%rax, %%rax\n\t"
                         "jnz 1f\n\t"
                         "xorl %%ebp, %%ebp\n\t"
                         "movq %%r9, %%rdi\n\t"
                         "callq *%%r8\n\t"
                         "movl %%eax, %%edi\n\t"
                         "movl %[exit], %%eax\n\t"
                         "syscall\n\t"
                         "1:"
                         : "+r"(rax)
                         : "r"(rdi), "r"(rsi), "r"(r8), "r"(r9), [exit] "i"(SYS_exit)
                         : "rcx", "r11", "memory", "cc");

        if (rax < 0) {
                errno = (int) -rax;
                return -1;
        }
        return (pid_t) rax;
}

#elif defined(__aarch64__)
#  define SPAWN_SHARES_MEMORY 1

static pid_t clone3_on_stack(struct clone_args *args, int (*fn)(void *), void *arg) {
        register long x8 __asm__("x8") = SYS_clone3;
        register long x0 __asm__("x0") = (long) args;
        register size_t x1 __asm__("x1") = sizeof(*args);
        register int (*x4)(void *) __asm__("x4") = fn;
        register void *x5 __asm__("x5") = arg;

        __asm__ volatile("svc #0\n\t"
                         "cbnz x0, 1f\n\t"
                         "mov x29, xzr\n\t"
                         "mov x0, x5\n\t"
                         "blr x4\n\t"
                         "mov x8, %[exit]\n\t"
                         "svc #0\n\t"
                         "1:"
                         : "+r"(x0)
                         : "r"(x8), "r"(x1), "r"(x4), "r"(x5), [exit] "i"(SYS_exit)
                         : "memory", "cc");

        if (x0 < 0) {
                errno = (int) -x0;
                return -1;
        }
        return (pid_t) x0;
}

#else
#  define SPAWN_SHARES_MEMORY 0

/* Elsewhere the child gets a copy of our memory, stack included; its report lies in a page that stays shared. */
static pid_t clone3_on_stack(struct clone_args *args, int (*fn)(void *), void *arg) {
        long r;

        r = syscall(SYS_clone3, args, sizeof(*args));
        if (r == 0)
                _exit(fn(arg));
        return (pid_t) r;
}
#endif

/* The child's stack and report, mapped once. */
static int spawn_memory(uint8_t **ret) {
        static uint8_t *memory = NULL;

        if (!memory) {
                void *p;

                p = mmap(NULL, SPAWN_STACK_SIZE + sizeof(SpawnReport), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
                if (p == MAP_FAILED)
                        return -errno;
                memory = p;
        }

        *ret = memory;
        return 0;
}

int spawn(const SpawnRequest *q, SpawnReport *ret) {
        struct clone_args args = {
                .flags = CLONE_VFORK | CLONE_INTO_CGROUP,
                .exit_signal = SIGCHLD,
                .cgroup = (uint64_t) q->cgroup_fd,
        };
        nsec_t before_nsec = now_nsec(CLOCK_MONOTONIC);
        SpawnReport *report;
        sigset_t all, before;
        SpawnChild child;
        uint8_t *memory = NULL;
        int filter_socket_fd = -EBADF, r;

        *ret = (SpawnReport) { .step = STEP_SPAWN, .listener_fd = -EBADF };

        r = spawn_memory(&memory);
        if (r >= 0 && q->filter->notifies)
                r = filter_load_prepare(&filter_socket_fd);
        if (r < 0) {
                ret->error = -r;
                return r;
        }

        report = (SpawnReport *) (memory + SPAWN_STACK_SIZE);
        *report = (SpawnReport) { .listener_fd = -EBADF };
        child = (SpawnChild) {
                .request = q,
                .report = report,
                .exec_fd = q->spec->exec_fd,
                .filter_socket_fd = filter_socket_fd,
        };

        if (SPAWN_SHARES_MEMORY) {
                /* Whoever was here before never returned, and so never took back what AddressSanitizer had marked. */
                ASAN_UNPOISON_MEMORY_REGION(memory, SPAWN_STACK_SIZE);

                args.flags |= CLONE_VM;
                args.stack = (uint64_t) (uintptr_t) memory;
                args.stack_size = SPAWN_STACK_SIZE;
        }

        (void) sigfillset(&all);
        (void) sigprocmask(SIG_SETMASK, &all, &before);
        r = RET_NERRNO(clone3_on_stack(&args, child_main, &child));
        (void) sigprocmask(SIG_SETMASK, &before, NULL);

        *ret = *report;
        if (ret->started_nsec == 0)
                ret->started_nsec = before_nsec; /* the kernel ended it before it came so far */
        if (r < 0) {
                ret->step = STEP_SPAWN;
                ret->error = -r;
                return r;
        }

        ret->pid = r;
        if (ret->error == 0 && now_nsec(CLOCK_MONOTONIC) - before_nsec >= SPAWN_TIMEOUT_SEC * NSEC_PER_SEC) {
                (void) kill(ret->pid, SIGKILL);
                ret->step = STEP_EXEC;
                ret->error = ETIMEDOUT;
        }
        if (filter_socket_fd >= 0)
                ret->listener_fd = filter_load_take_listener();
        if (ret->error != 0) {
                ret->listener_fd = safe_close(ret->listener_fd);
                (void) waitpid(ret->pid, NULL, 0);
        }

        return 0;
}
