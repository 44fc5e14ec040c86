/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* judgebox-init: a box's PID 1. Started by judgeboxd alone, with its control socket at JUDGEBOX_INIT_SOCKET_FD. */

#include <stdio.h>
#include <sys/stat.h>

#include "fd-util.h"
#include "launcher.h"
#include "message.h"
#include "supervisor.h"

int main(int argc, char *argv[]) {
        struct stat st;

        if (fstat(JUDGEBOX_INIT_SOCKET_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
                fprintf(stderr, "judgebox-init is started by judgeboxd, not by hand.\n");
                return EXIT_FAILURE;
        }

        if (!launcher_run())
                return EXIT_SUCCESS;

        if (fd_set_cloexec(JUDGEBOX_INIT_SOCKET_FD, true) < 0)
                return EXIT_FAILURE;

        return supervisor_run(JUDGEBOX_INIT_SOCKET_FD) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
