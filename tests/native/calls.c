/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Makes system calls for test-filter.py, in ways that are awkward for whoever watches them. Exit status 0: they came
 * back as they should have; 1: they did not; 2: called wrongly; of ptrace: the errno. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))

static int call_ptrace(char *const argv[]) {
        return ptrace(PTRACE_SEIZE, 7, (void *) 0x1234, (void *) -1L) < 0 ? errno : 0;
}

static int call_execve(char *const argv[]) {
        (void) execl(argv[0], argv[0], NULL);
        return 1;
}

/* With something in the sixth argument, where it has none. */
static int call_execveat(char *const argv[]) {
        char *const arguments[] = { argv[0], NULL };

        (void) syscall(SYS_execveat, AT_FDCWD, argv[0], arguments, arguments + 1, 0, 0x5eca7e5eca7e5ecaL);
        return 1;
}

/* The path ends where the page ends, and nothing is behind it. */
static int call_path_at_the_edge(char *const argv[]) {
        size_t page = (size_t) sysconf(_SC_PAGESIZE), n = strlen(argv[0]) + 1;
        char *p;

        p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || munmap(p + page, page) < 0)
                return 1;

        memcpy(p + page - n, argv[0], n);
        (void) execve(p + page - n, argv, NULL);
        return 1;
}

static int call_no_path(char *const argv[]) {
        (void) syscall(SYS_execve, 8, NULL, NULL);
        return 1;
}

static int call_signal_itself(char *const argv[]) {
        (void) raise(SIGSYS);
        return 1;
}

#ifdef __x86_64__
static int call_i386(char *const argv[]) {
        long r = 20; /* getpid */

        __asm__ volatile("int $0x80" : "+a"(r) : : "memory");
        return r < 0;
}

static int call_x32(char *const argv[]) {
        return syscall(0x40000000 | SYS_getpid) < 0;
}
#endif

static void *thread_ptrace(void *userdata) {
        (void) ptrace(PTRACE_SEIZE, 7, NULL, NULL);
        return NULL;
}

/* All at the same time, as good as it gets. */
static int call_threads(char *const argv[]) {
        long n = strtol(argv[0], NULL, 10);
        pthread_attr_t small;
        pthread_t thread;

        if (pthread_attr_init(&small) != 0 || pthread_attr_setstacksize(&small, 65536) != 0)
                return 1;
        for (long i = 0; i < n; i++)
                if (pthread_create(&thread, &small, thread_ptrace, NULL) != 0)
                        return 1;
        for (;;)
                (void) pause();
}

/* What is open, but for the directory that is being read. */
static int call_descriptors(char *const argv[]) {
        struct dirent *e;
        DIR *d;

        d = opendir("/proc/self/fd");
        if (!d)
                return 1;
        while ((e = readdir(d)))
                if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d))
                        printf("%s\n", e->d_name);
        return 0;
}

/* One call of each kind. Most of them fail, which is seen all the same. */
static int call_paths(char *const argv[]) {
        struct open_how how = { .flags = O_WRONLY };
        struct stat st;

        (void) chdir("/tmp");
        (void) openat(AT_FDCWD, "for-reading", O_RDONLY);
        (void) openat(AT_FDCWD, "for-reading", O_RDONLY);
        (void) openat(AT_FDCWD, "for-writing", O_RDWR);
        (void) openat(AT_FDCWD, "/tmp/made", O_CREAT, 0600);
        (void) syscall(SYS_openat2, AT_FDCWD, "how", &how, sizeof(how));
        (void) renameat(AT_FDCWD, "from", AT_FDCWD, "to");
        (void) stat("asked", &st);
        (void) fstat(0, &st);
        (void) unlink("not\xfftext");
        (void) execl("no-program", "x", NULL);
        return access("/tmp/made", F_OK) < 0;
}

static int call_many_paths(char *const argv[]) {
        long n = strtol(argv[0], NULL, 10);
        char path[32];

        for (long i = 0; i < n; i++) {
                (void) snprintf(path, sizeof(path), "/%li", i);
                (void) access(path, F_OK);
        }
        return 0;
}

static void *thread_access(void *userdata) {
        for (;;)
                (void) access("/flood", F_OK);
        return NULL;
}

static int call_flood(char *const argv[]) {
        pthread_t thread;

        for (int i = 0; i < 8; i++)
                if (pthread_create(&thread, NULL, thread_access, NULL) != 0)
                        return 1;
        for (;;)
                (void) pause();
}

/* Children that are killed in the middle of a call, as likely as not. */
static int call_dying(char *const argv[]) {
        for (int i = 0; i < 200; i++) {
                pid_t pid;

                pid = fork();
                if (pid < 0)
                        return 1;
                if (pid == 0)
                        (void) thread_access(NULL);

                (void) usleep((useconds_t) (i * 10));
                if (kill(pid, SIGKILL) < 0 || waitpid(pid, NULL, 0) < 0)
                        return 1;
        }
        return 0;
}

static void on_signal(int signal) {
}

/* Under signals all the time, whose handler wants calls begun anew. */
static int call_interrupted(char *const argv[]) {
        struct itimerval timer = { .it_value.tv_usec = 200, .it_interval.tv_usec = 200 };
        struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

        if (sigaction(SIGALRM, &action, NULL) < 0 || setitimer(ITIMER_REAL, &timer, NULL) < 0)
                return 1;

        for (int i = 0; i < 2000; i++)
                if (access("/", F_OK) < 0 || access("/flood", F_OK) == 0 || errno != ENOENT)
                        return 1;
        return 0;
}

/* Waits until there is a file, and then does what is forbidden. */
static int call_later(char *const argv[]) {
        printf("ready\n");
        (void) fflush(stdout);
        while (access(argv[0], F_OK) < 0)
                (void) usleep(10000);
        return call_ptrace(argv);
}

static const struct {
        const char *name;
        int (*call)(char *const argv[]);
        int n_arguments;
} calls[] = {
        { "ptrace", call_ptrace, 0 },
        { "execve", call_execve, 1 },
        { "execveat", call_execveat, 1 },
        { "path-at-the-edge", call_path_at_the_edge, 1 },
        { "no-path", call_no_path, 0 },
        { "signal-itself", call_signal_itself, 0 },
#ifdef __x86_64__
        { "i386", call_i386, 0 },
        { "x32", call_x32, 0 },
#endif
        { "threads", call_threads, 1 },
        { "descriptors", call_descriptors, 0 },
        { "paths", call_paths, 0 },
        { "many-paths", call_many_paths, 1 },
        { "flood", call_flood, 0 },
        { "dying", call_dying, 0 },
        { "interrupted", call_interrupted, 0 },
        { "later", call_later, 1 },
};

int main(int argc, char *argv[]) {
        for (size_t i = 0; argc >= 2 && i < ELEMENTSOF(calls); i++)
                if (strcmp(calls[i].name, argv[1]) == 0 && argc - 2 == calls[i].n_arguments)
                        return calls[i].call(argv + 2);

        return 2;
}
