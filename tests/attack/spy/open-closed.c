/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: opens what its rules let it only look at: by a descriptor of the path, by /proc, by other names, in a child
 * Barrier: path-rules
 * Options: --in={input}:closed/file --in={input}:open/file --allow-path=/box/open:read,write --allow-path=/proc:read,write
 * Verdict: runtime-error
 * Needs: landlock
 * Without: --in={input}:closed/file --in={input}:open/file --allow-path=/box:read,write */
#include "attack.h"

#define SECRET "/box/closed/file"

static bool tried_open(const char *path) {
        return tried(path, open(path, O_RDONLY));
}

ATTACK(open_closed) {
        char name[64];
        bool worked;
        int fd, dir;
        pid_t pid;

        fd = open(SECRET, O_PATH);
        dir = open("/box/closed", O_PATH | O_DIRECTORY);
        if (fd < 0 || dir < 0)
                return broken("O_PATH");

        worked = tried_open(SECRET);
        worked |= tried("openat", openat(dir, "file", O_RDONLY));
        worked |= tried("O_TMPFILE", openat(dir, ".", O_TMPFILE | O_RDWR, 0600));
        (void) snprintf(name, sizeof(name), "/proc/self/fd/%i", fd);
        worked |= tried_open(name);
        worked |= tried("to write", open(name, O_WRONLY));
        (void) snprintf(name, sizeof(name), "/proc/self/fd/%i", dir);
        worked |= tried_open(name);
        worked |= tried_open("/proc/self/root" SECRET);
        worked |= chdir("/box/closed") >= 0 && tried_open("/proc/self/cwd/file");

        /* Names where it may open. */
        worked |= symlink(SECRET, "/box/open/link") >= 0 && tried_open("/box/open/link");
        worked |= tried("link", link(SECRET, "/box/open/hard"));
        worked |= tried("linkat", linkat(fd, "", AT_FDCWD, "/box/open/hard", AT_EMPTY_PATH));
        (void) snprintf(name, sizeof(name), "/proc/self/fd/%i", fd);
        worked |= tried("linkat", linkat(AT_FDCWD, name, AT_FDCWD, "/box/open/hard", AT_SYMLINK_FOLLOW));
        worked |= tried("rename", rename(SECRET, "/box/open/moved"));
        worked |= tried("rename", rename("/box/closed", "/box/open/closed"));
        worked |= tried("exchange", renameat2(AT_FDCWD, SECRET, AT_FDCWD, "/box/open/file", RENAME_EXCHANGE));

        (void) fflush(stdout);
        pid = fork();
        if (pid == 0)
                _exit(outcome(tried_open(SECRET)));
        if (pid > 0) {
                int status;

                (void) waitpid(pid, &status, 0);
                worked |= WIFEXITED(status) && WEXITSTATUS(status) == SUCCEEDED;
        }

        return outcome(worked);
}
