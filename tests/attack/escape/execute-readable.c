/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: executes a file that its rules let it read and write: by its name, by descriptors, from another place, as a copy
 * Barrier: path-rules
 * Options: --allow-path=/box:read,write --allow-path=/proc:read
 * Verdict: runtime-error
 * Needs: landlock
 * Without: --allow-path=/box:read,write,execute */
#include "attack.h"

#include <sys/sendfile.h>
#include <sys/stat.h>

#define PROGRAM "/box/program"

/* Whether the file begins to run: then the pipe closes, and nothing has come by it. */
static bool tried_execute(const char *what, int fd, const char *path, int flags) {
        char *const argv[] = { (char *) "nobody", NULL };
        int p[2], error = 0;
        pid_t pid;

        if (pipe2(p, O_CLOEXEC) < 0)
                return false;

        pid = fork();
        if (pid == 0) {
                (void) syscall(SYS_execveat, fd, path, argv, NULL, flags);
                error = errno;
                (void) !write(p[1], &error, sizeof(error));
                _exit(1);
        }

        (void) close(p[1]);
        (void) !read(p[0], &error, sizeof(error));
        (void) close(p[0]);
        (void) waitpid(pid, NULL, 0);
        errno = error;
        return tried(what, error == 0 ? 0 : -1);
}

static int copy_program(void) {
        int from, to;
        struct stat st;

        from = open("/proc/self/exe", O_RDONLY);
        to = open(PROGRAM, O_WRONLY | O_CREAT, 0755);
        if (from < 0 || to < 0 || fstat(from, &st) < 0)
                return -1;

        while (sendfile(to, from, NULL, (size_t) st.st_size) > 0)
                ;
        return close(to);
}

ATTACK(execute_readable) {
        char name[64];
        int fd, path_fd;
        bool worked;

        if (copy_program() < 0)
                return broken("copy");
        fd = open(PROGRAM, O_RDONLY);
        path_fd = open(PROGRAM, O_PATH);
        if (fd < 0 || path_fd < 0)
                return broken("open");

        worked = tried_execute("name", AT_FDCWD, PROGRAM, 0);
        worked |= tried_execute("descriptor", fd, "", AT_EMPTY_PATH);
        worked |= tried_execute("O_PATH", path_fd, "", AT_EMPTY_PATH);
        (void) snprintf(name, sizeof(name), "/proc/self/fd/%i", fd);
        worked |= tried_execute(name, AT_FDCWD, name, 0);
        worked |= symlink(PROGRAM, "/box/link") >= 0 && tried_execute("link", AT_FDCWD, "/box/link", 0);
        worked |= link(PROGRAM, "/box/hard") >= 0 && tried_execute("hard link", AT_FDCWD, "/box/hard", 0);
        worked |= mkdir("/box/bin", 0755) >= 0 && rename(PROGRAM, "/box/bin/program") >= 0 &&
                        tried_execute("moved", AT_FDCWD, "/box/bin/program", 0);
        worked |= tried("rename", rename("/box/hard", "/tmp/program")) && tried_execute("/tmp", AT_FDCWD, "/tmp/program", 0);
        return outcome(worked);
}
