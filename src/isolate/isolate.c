/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* judgebox-isolate: this file is only main, and what is the same for all commands. */

#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "isolate.h"
#include "log.h"
#include "string-util.h"

/* Where systemd has the boxes. */
#define CGROUP_ROOT "/sys/fs/cgroup/judgebox.slice"

/* With all groups of that user: the service looks at them. */
static int become_user(Isolate *i) {
        const IsolateOptions *o = &i->options;
        const struct passwd *pw;

        if (!o->has_as_uid && !o->has_as_gid)
                return 0;
        if (getuid() != 0)
                return isolate_fail(i, "You must be root to use --as-uid or --as-gid");
        if (!o->has_as_uid || !o->has_as_gid)
                return isolate_fail(i, "--as-uid and --as-gid must be used either both or none");

        pw = getpwuid(o->as_uid);
        if ((pw ? initgroups(pw->pw_name, o->as_gid) : setgroups(0, NULL)) < 0 ||
            setresgid(o->as_gid, o->as_gid, o->as_gid) < 0 ||
            setresuid(o->as_uid, o->as_uid, o->as_uid) < 0)
                return isolate_fail(i, "Cannot become user %u: %s", o->as_uid, strerror(errno));

        return 0;
}

static int open_meta(Isolate *i) {
        const char *path = i->options.meta;

        if (!path || i->options.command == ISOLATE_VERSION)
                return 0;

        i->meta_fd = streq(path, "-") ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                                      : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
        return i->meta_fd < 0 ? isolate_fail(i, "Failed to open metafile '%s': %s", path, strerror(errno)) : 0;
}

static int show_version(void) {
        (void) puts("The process isolator 2.6\nAs provided by judgebox " PROJECT_VERSION);
        return ISOLATE_EXIT_OK;
}

static void on_resize(void *userdata) {
        Isolate *i = userdata;

        if (i->terminal)
                terminal_resize(i->terminal);
}

static int run_command(Isolate *i) {
        int r;

        if (i->options.command == ISOLATE_VERSION)
                return show_version();
        if (i->options.command == ISOLATE_PRINT_CG_ROOT) {
                (void) puts(CGROUP_ROOT);
                return ISOLATE_EXIT_OK;
        }

        if (i->options.box_id == INT_MAX)
                return isolate_fail(i, "Sandbox ID out of range (allowed: 0-%d)", INT_MAX - 1);
        (void) snprintf(i->id, sizeof(i->id), "%u", i->options.box_id);

        if (i->options.tty_hack) {
                i->context.interrupt.on_resize = on_resize;
                i->context.interrupt.userdata = i;
        }

        r = connection_open(&i->context, &i->connection);
        if (r < 0)
                return isolate_fail(i, "The service does not answer");

        switch (i->options.command) {
        case ISOLATE_INIT:
                return isolate_init(i);
        case ISOLATE_CLEANUP:
                return isolate_cleanup(i);
        case ISOLATE_CHECK_CONFIG:
                return isolate_check_config(i);
        default:
                return isolate_run(i);
        }
}

static int run(Isolate *i, int argc, char *argv[]) {
        int r, k;

        r = isolate_options_parse(&i->options, argc, argv);

        /* By the rights of whoever calls, and before anything is done: of a command line that is wrong, no file of an
         * earlier run is to tell. */
        k = open_meta(i);
        if (i->options.failure)
                return isolate_fail(i, "%s", i->options.failure);
        if (r >= 0)
                r = k;
        if (r >= 0)
                r = become_user(i);

        return r < 0 ? r : run_command(i);
}

static void isolate_done(Isolate *i) {
        i->terminal = terminal_free(i->terminal);
        i->connection = connection_close(i->connection);
        isolate_options_done(&i->options);
        i->meta_fd = safe_close(i->meta_fd);
        i->directory_fd = safe_close(i->directory_fd);
        i->directory = mfree(i->directory);
}

/* As in judgectl: a stream that is closed is /dev/null, so that no file of ours takes its place. */
static bool have_streams(void) {
        int fd;

        do
                fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        while (fd >= 0 && fd <= STDERR_FILENO);

        return fd >= 0 && close(fd) >= 0;
}

int main(int argc, char *argv[]) {
        Isolate i = { .context = CONTEXT_INIT, .meta_fd = -EBADF, .directory_fd = -EBADF };
        /* isolate obeys SIGQUIT as it does SIGINT; judges send SIGABRT where they have seen enough. */
        static const int also[] = { SIGQUIT, SIGABRT, 0 };
        /* Also if whoever started it ignores them, as a shell does for what it runs in the background. */
        static const int obeyed[] = { SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGABRT }, ignored[] = { SIGPIPE, SIGUSR1, SIGUSR2 };
        const char *socket_path = getenv("JUDGEBOX_SOCKET");
        int r;

        i.context.interrupt.also = also;
        log_setup("isolate");
        for (size_t k = 0; k < ELEMENTSOF(obeyed); k++)
                (void) signal(obeyed[k], SIG_DFL);
        for (size_t k = 0; k < ELEMENTSOF(ignored); k++)
                (void) signal(ignored[k], SIG_IGN);
        (void) umask(0022);
        if (socket_path)
                i.context.socket_path = socket_path;

        r = have_streams() ? run(&i, argc, argv) : -EBADF;
        isolate_done(&i);

        if (fflush(stdout) != 0)
                r = -EIO;
        return r < 0 ? ISOLATE_EXIT_SANDBOX : r;
}
