/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "fd-util.h"
#include "procs.h"
#include "sample.h"
#include "test-util.h"

/* Lists of processes as cgroup.procs has them, and what memory the processes of one have. */

#define FILL ((size_t) 32 << 20)

static int list_fd = -EBADF;

static void setup(void) {
        list_fd = memfd_create("procs", MFD_CLOEXEC);
        ck_assert_int_ge(list_fd, 0);
}

static void teardown(void) {
        list_fd = safe_close(list_fd);
}

static void add_to_list(int n) {
        char line[16];

        (void) snprintf(line, sizeof(line), "%i\n", n);
        ck_assert_int_eq((int) write(list_fd, line, strlen(line)), (int) strlen(line));
}

static void add_up(pid_t pid, void *userdata) {
        uint64_t *sum = userdata;

        *sum += (uint64_t) pid;
}

START_TEST(test_list) {
        uint64_t sum = 0, wanted = 0;

        ck_assert_int_eq(procs_for_each(list_fd, add_up, &sum), 0);
        ck_assert_uint_eq(sum, 0);

        /* Some of them cross the end of a read, and some cannot be seen. */
        for (int i = 0; i < 5000; i++) {
                add_to_list(i % 7 == 0 ? 0 : i);
                wanted += i % 7 == 0 ? 0 : (uint64_t) i;
        }
        ck_assert_int_eq(procs_for_each(list_fd, add_up, &sum), 0);
        ck_assert_uint_eq(sum, wanted);

        ck_assert_int_eq(procs_for_each(-EBADF, add_up, &sum), -EBADF);
}
END_TEST

static void *fill(void *arg) {
        char *p;

        p = mmap(NULL, FILL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p != MAP_FAILED)
                memset(p, 1, FILL);
        for (;;)
                (void) pause();
        return arg;
}

START_TEST(test_first_thread_ended) {
        struct timespec t = { .tv_nsec = 10000000 };
        uint64_t bytes = 0, processes = 0;
        pid_t pid;

        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                pthread_t thread;

                if (pthread_create(&thread, NULL, fill, NULL) == 0)
                        (void) syscall(SYS_exit, 0);
                _exit(1);
        }
        add_to_list(pid);

        for (int i = 0; i < 1000 && bytes < FILL; i++) {
                (void) nanosleep(&t, NULL);
                ck_assert_int_eq(sample_memory(list_fd, &bytes, &processes), 0);
        }
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, 0);

        ck_assert_uint_ge(bytes, FILL);
        ck_assert_uint_eq(processes, 1);

        ck_assert_int_eq(sample_memory(list_fd, &bytes, &processes), 0);
        ck_assert_uint_eq(bytes, 0);
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_list, test_first_thread_ended };

        return test_run("sample", tests, ELEMENTSOF(tests), setup, teardown);
}
