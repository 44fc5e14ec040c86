/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "box-fixture.h"
#include "fd-util.h"
#include "mount-util.h"
#include "net.h"
#include "privileges.h"
#include "test-util.h"

typedef struct Report {
        int error;
        Step step;
} Report;

/* Tests cover "/proc". */
static int proc_fd = -EBADF;

static int write_maps(pid_t pid) {
        char path[64], map[64];
        int r;

        (void) snprintf(map, sizeof(map), "0 %u 1\n%u %u 1\n", FIXTURE_UID_BASE, BOX_UID, FIXTURE_UID_BASE + 1);

        (void) snprintf(path, sizeof(path), "%i/uid_map", pid);
        r = write_string_file_at(proc_fd, path, map);
        if (r < 0)
                return r;

        (void) snprintf(path, sizeof(path), "%i/gid_map", pid);
        return write_string_file_at(proc_fd, path, map);
}

static _noreturn_ void child_main(
                int go_fd,
                int report_fd,
                const BoxSettings *s,
                fixture_function_t f,
                void *userdata) {

        Report report = {};
        Root root;
        char c;

        EXPECT(read(go_fd, &c, 1) == 1);

        EXPECT(syscall(SYS_setgroups, 0, NULL) >= 0);
        EXPECT(setresgid(0, 0, 0) >= 0);
        EXPECT(setresuid(0, 0, 0) >= 0);
        (void) umask(0022);

        /* What a box's network gets from the cradle. */
        if (!s->share_network)
                EXPECT_INT(net_loopback_up(), 0);

        report.error = root_setup(s, &root, &report.step);
        EXPECT(write(report_fd, &report, sizeof(report)) == sizeof(report));

        if (report.error >= 0) {
                EXPECT_INT(privileges_reduce(), 0);
                if (f)
                        f(&root, userdata);
                root_done(&root);
        }

        _exit(EXIT_SUCCESS);
}

static bool run(const BoxSettings *s, fixture_function_t f, void *userdata, Report *ret_report) {
        unsigned long flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
                (s->share_network ? 0 : CLONE_NEWNET);
        _cleanup_close_pair_ int go[2] = EBADF_PAIR, report[2] = EBADF_PAIR;
        int status;
        pid_t pid;

        EXPECT(pipe(go) >= 0);
        EXPECT(pipe(report) >= 0);

        (void) fflush(NULL);
        pid = (pid_t) syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
        EXPECT(pid >= 0);
        if (pid == 0)
                child_main(go[0], report[1], s, f, userdata);

        EXPECT_INT(write_maps(pid), 0);
        EXPECT(write(go[1], "", 1) == 1);
        report[1] = safe_close(report[1]);

        EXPECT(waitpid(pid, &status, 0) == pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS) {
                if (WIFSIGNALED(status))
                        fprintf(stderr, "The box ended with signal %i.\n", WTERMSIG(status));
                return false;
        }

        return read(report[0], ret_report, sizeof(*ret_report)) == sizeof(*ret_report);
}

bool fixture_run(const BoxSettings *s, fixture_function_t f, void *userdata) {
        Report report;

        if (!run(s, f, userdata, &report))
                return false;

        if (report.error < 0)
                fprintf(stderr, "root_setup() failed at step %s: %s\n",
                        step_to_string(report.step), strerror(-report.error));
        return report.error >= 0;
}

int fixture_fail(const BoxSettings *s, Step *ret_step) {
        Report report;

        EXPECT(run(s, NULL, NULL, &report));
        *ret_step = report.step;
        return report.error;
}

int fixture_run_on(void (*change_host)(void), const BoxSettings *s, fixture_function_t f, Step *ret_step) {
        _cleanup_close_pair_ int fds[2] = EBADF_PAIR;
        Report report;
        int status;
        pid_t pid;

        EXPECT(pipe(fds) >= 0);

        (void) fflush(NULL);
        pid = fork();
        EXPECT(pid >= 0);
        if (pid == 0) {
                EXPECT(unshare(CLONE_NEWNS) >= 0);
                change_host();
                EXPECT(run(s, f, NULL, &report));
                EXPECT(write(fds[1], &report, sizeof(report)) == sizeof(report));
                _exit(EXIT_SUCCESS);
        }

        EXPECT(waitpid(pid, &status, 0) == pid);
        EXPECT_INT(status, 0);
        EXPECT(read(fds[0], &report, sizeof(report)) == sizeof(report));
        *ret_step = report.step;
        return report.error;
}

/* Says why not where no box can be made. */
static bool fixture_setup(void) {
        BoxSettings s;
        Report report;
        bool done;

        if (geteuid() != 0) {
                printf("SKIPPED: this needs root, to write the uid maps of a box.\n");
                return false;
        }

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
                printf("SKIPPED: no mount namespace: %m\n");
                return false;
        }

        proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (proc_fd < 0) {
                printf("SKIPPED: no /proc: %m\n");
                return false;
        }

        box_settings_init(&s);
        done = run(&s, NULL, NULL, &report);
        box_settings_done(&s);
        if (!done)
                return true; /* not for lack of a privilege: the tests are to show it */

        if (report.error == -EPERM && report.step == STEP_PROC) {
                printf("SKIPPED: no /proc can be mounted in a user namespace here, because parts of the present one "
                       "are covered.\n");
                return false;
        }

        return true;
}

int fixture_main(Suite *(*suite)(void)) {
        return fixture_setup() ? test_run_suite(suite()) : 77;
}

static _noreturn_ void program_main(void (*f)(void *), void *userdata) {
        EXPECT(setresgid(BOX_GID, BOX_GID, BOX_GID) >= 0);
        EXPECT(setresuid(BOX_UID, BOX_UID, BOX_UID) >= 0);
        EXPECT(prctl(PR_SET_DUMPABLE, 1) >= 0);
        EXPECT(prctl(PR_SET_PDEATHSIG, SIGKILL) >= 0);

        f(userdata);
        _exit(EXIT_SUCCESS);
}

pid_t fixture_start_program(void (*f)(void *), void *userdata) {
        pid_t pid;

        (void) fflush(NULL);
        pid = fork();
        EXPECT(pid >= 0);
        if (pid == 0)
                program_main(f, userdata);

        return pid;
}

bool fixture_as_program(void (*f)(void *), void *userdata) {
        int status;
        pid_t pid;

        pid = fixture_start_program(f, userdata);
        EXPECT(waitpid(pid, &status, 0) == pid);
        return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

void fixture_stop_program(pid_t pid) {
        EXPECT(kill(pid, SIGKILL) >= 0);
        EXPECT(waitpid(pid, NULL, 0) == pid);
}

void fixture_write(const char *path, const char *text) {
        _cleanup_close_ int fd = -EBADF;

        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        EXPECT(fd >= 0);
        EXPECT_INT(fd_write_full(fd, text, strlen(text)), 0);
}

bool fixture_has_text(const char *path, const char *text) {
        _cleanup_free_ char *data = NULL;

        return read_full_file_at(AT_FDCWD, path, 1024 * 1024, &data, NULL) >= 0 && streq(data, text);
}

int fixture_open_tree(const char *path) {
        _cleanup_close_ int fd = -EBADF;
        int tree;

        fd = open(path, O_PATH | O_CLOEXEC);
        EXPECT(fd >= 0);

        tree = mount_clone(fd, "", /* recursive= */ true);
        EXPECT(tree >= 0);
        return tree;
}

void fixture_make_suid(const char *path, uid_t owner) {
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *program = NULL;
        size_t size;

        EXPECT_INT(read_full_file_at(AT_FDCWD, "/usr/bin/id", 4 << 20, &program, &size), 0);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
        EXPECT(fd >= 0);
        EXPECT_INT(fd_write_full(fd, program, size), 0);
        EXPECT(fchown(fd, owner, (gid_t) owner) >= 0);
        EXPECT(fchmod(fd, 04755) >= 0);
}

unsigned fixture_execute_suid(const char *path) {
        static char *const argv[] = { (char *) "id", (char *) "-u", NULL };
        _cleanup_close_pair_ int fds[2] = EBADF_PAIR;
        char buf[16] = "";
        int status;
        pid_t pid;

        EXPECT(pipe2(fds, O_CLOEXEC) >= 0);

        (void) fflush(NULL);
        pid = fork();
        EXPECT(pid >= 0);
        if (pid == 0) {
                EXPECT(dup2(fds[1], STDOUT_FILENO) >= 0);
                (void) execv(path, argv);
                EXPECT(false);
        }

        EXPECT(waitpid(pid, &status, 0) == pid);
        EXPECT_INT(status, 0);
        EXPECT(read(fds[0], buf, sizeof(buf) - 1) > 0);
        return (unsigned) atoi(buf);
}
