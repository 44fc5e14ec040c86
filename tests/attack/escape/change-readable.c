/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: changes, removes or replaces a file of its own that its rules let it only read
 * Barrier: path-rules
 * Options: --in={input}:closed/file --allow-path=/box/closed:read --allow-path=/tmp:read,write --allow-path=/proc:read,write
 * Verdict: runtime-error
 * Needs: landlock
 * Without: --in={input}:closed/file --allow-path=/box/closed:read,write --allow-path=/tmp:read,write */
#include "attack.h"

#include <sys/mman.h>
#include <sys/stat.h>

#define DIRECTORY "/box/closed/"
#define FILE_NAME DIRECTORY "file"

ATTACK(change_readable) {
        char name[64];
        bool worked;
        int fd;

        fd = open(FILE_NAME, O_RDONLY);
        if (fd < 0)
                return broken("open");

        worked = tried("write", open(FILE_NAME, O_WRONLY));
        worked |= tried("append", open(FILE_NAME, O_RDWR | O_APPEND));
        worked |= tried("truncate", open(FILE_NAME, O_WRONLY | O_TRUNC));
        (void) snprintf(name, sizeof(name), "/proc/self/fd/%i", fd);
        worked |= tried("reopen", open(name, O_RDWR));
        worked |= tried("ftruncate", ftruncate(fd, 0));
        worked |= tried("mmap", mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
        worked |= tried("mprotect", mprotect(mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0), 1, PROT_READ | PROT_WRITE));

        /* The directory that it is in. */
        worked |= tried("make", open(DIRECTORY "new", O_WRONLY | O_CREAT, 0644));
        worked |= tried("mkdir", mkdir(DIRECTORY "dir", 0755));
        worked |= tried("symlink", symlink("x", DIRECTORY "link"));
        worked |= tried("mkfifo", mkfifo(DIRECTORY "fifo", 0644));
        if (open("/tmp/other", O_WRONLY | O_CREAT, 0644) < 0)
                return broken("/tmp");
        worked |= tried("replace", rename("/tmp/other", FILE_NAME));
        worked |= tried("away", rename("/box/closed", "/box/other"));
        worked |= tried("remove", unlink(FILE_NAME));
        return outcome(worked);
}
