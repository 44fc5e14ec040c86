/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* judgebox-init: the cradle that boxes are cloned from, then a box's launcher, then its PID 1. Started by judgeboxd
 * alone, with its socket at CRADLE_SOCKET_FD. */

#include <stdio.h>
#include <sys/stat.h>

#include "cradle-packet.h"
#include "cradle.h"
#include "fd-util.h"
#include "launcher.h"
#include "message.h"
#include "supervisor.h"

int main(int argc, char *argv[]) {
        struct stat st;
        int r;

        if (fstat(CRADLE_SOCKET_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
                fprintf(stderr, "judgebox-init is started by judgeboxd, not by hand.\n");
                return EXIT_FAILURE;
        }

        r = cradle_run();
        if (r <= 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;

        if (!launcher_run())
                return EXIT_SUCCESS;

        if (fd_set_cloexec(JUDGEBOX_INIT_SOCKET_FD, true) < 0)
                return EXIT_FAILURE;

        return supervisor_run(JUDGEBOX_INIT_SOCKET_FD) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
