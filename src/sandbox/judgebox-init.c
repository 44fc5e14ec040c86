/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* judgebox-init: a box's PID 1, and the cradle that boxes come out of. Started by judgeboxd alone, with its socket at
 * JUDGEBOX_INIT_SOCKET_FD. */

#include <stdio.h>
#include <sys/stat.h>

#include "cradle-packet.h"
#include "cradle.h"
#include "fd-util.h"
#include "launcher.h"
#include "message.h"
#include "string-util.h"
#include "supervisor.h"

static_assert(JUDGEBOX_INIT_SOCKET_FD == CRADLE_SOCKET_FD, "one check is enough for both");

int main(int argc, char *argv[]) {
        struct stat st;

        if (fstat(JUDGEBOX_INIT_SOCKET_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
                fprintf(stderr, "judgebox-init is started by judgeboxd, not by hand.\n");
                return EXIT_FAILURE;
        }

        if (argc > 1 && streq(argv[1], CRADLE_ARGUMENT))
                return cradle_run() < 0 ? EXIT_FAILURE : EXIT_SUCCESS;

        if (!launcher_run())
                return EXIT_SUCCESS;

        if (fd_set_cloexec(JUDGEBOX_INIT_SOCKET_FD, true) < 0)
                return EXIT_FAILURE;

        return supervisor_run(JUDGEBOX_INIT_SOCKET_FD) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
