/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* judgeboxd: see design.md's picture in the README. This file is only main: options, sockets, signals, the loop. */

#include <getopt.h>
#include <grp.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "box-varlink.h"
#include "bus-service.h"
#include "fd-util.h"
#include "log.h"
#include "manager.h"
#include "parse-util.h"
#include "slow-close.h"
#include "varlink.h"

#define RUNTIME_DIRECTORY "/run/judgebox"
#define VARLINK_SOCKET RUNTIME_DIRECTORY "/org.judgebox"
#define UID_LOCK RUNTIME_DIRECTORY "/uid-ranges"
#define GROUP "judgebox"

static int arg_private_fd = -EBADF;
static bool arg_degrade = false;
static const char *arg_cgroup_root = NULL;
static const char *arg_listen = NULL;

static void help(void) {
        printf("judgeboxd [OPTIONS…]\n\n"
               "Runs untrusted programs in boxes, for those who ask over varlink.\n\n"
               "  -h --help             Show this help\n"
               "     --version          Show the version\n"
               "     --listen=PATH      Listen on this socket, unless one was passed (default:\n"
               "                        " VARLINK_SOCKET ")\n"
               "     --private-fd=FD    Serve this connected socket alone, and end with it\n"
               "     --degrade          Run although cgroup controllers are missing, and say so in each result\n"
               "     --cgroup-root=PATH Make the boxes' cgroups below this one, relative to the cgroup2 mount\n");
}

/* Returns 1 to go on, 0 if all is said, negative for what cannot be understood. */
static int parse_argv(int argc, char *argv[]) {
        enum {
                ARG_VERSION = 0x100,
                ARG_LISTEN,
                ARG_PRIVATE_FD,
                ARG_DEGRADE,
                ARG_CGROUP_ROOT,
        };
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, ARG_VERSION },
                { "listen", required_argument, NULL, ARG_LISTEN },
                { "private-fd", required_argument, NULL, ARG_PRIVATE_FD },
                { "degrade", no_argument, NULL, ARG_DEGRADE },
                { "cgroup-root", required_argument, NULL, ARG_CGROUP_ROOT },
                {},
        };
        unsigned u;
        int c;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case 'h':
                        help();
                        return 0;
                case ARG_VERSION:
                        printf("judgebox %s\n", PROJECT_VERSION);
                        return 0;
                case ARG_LISTEN:
                        arg_listen = optarg;
                        break;
                case ARG_PRIVATE_FD:
                        if (parse_uint(optarg, &u) < 0 || u > INT32_MAX || fcntl((int) u, F_GETFD) < 0) {
                                log_error("--private-fd= wants an open descriptor: %s", optarg);
                                return -EINVAL;
                        }
                        arg_private_fd = (int) u;
                        break;
                case ARG_DEGRADE:
                        arg_degrade = true;
                        break;
                case ARG_CGROUP_ROOT:
                        arg_cgroup_root = optarg;
                        break;
                default:
                        return -EINVAL;
                }

        if (optind < argc) {
                log_error("Too many arguments.");
                return -EINVAL;
        }

        return 1;
}

/* Beside ourselves, as in a build directory, else where it is installed. */
static int open_init(void) {
        _cleanup_free_ char *path = NULL, *self = NULL;
        int fd;

        self = realpath("/proc/self/exe", NULL);
        if (self) {
                path = strprintf("%s/judgebox-init", dirname(self));
                if (!path)
                        return -ENOMEM;

                fd = open(path, O_PATH | O_CLOEXEC);
                if (fd >= 0)
                        return fd;
        }

        return RET_NERRNO(open(PKGLIBEXECDIR "/judgebox-init", O_PATH | O_CLOEXEC));
}

static int on_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        log_debug("Got SIG%s.", strna(sigabbrev_np((int) si->ssi_signo)));
        manager_stop(ASSERT_PTR(userdata));
        return 0;
}

static int watch_signals(Manager *m) {
        static const int signals[] = { SIGTERM, SIGINT };
        sigset_t mask;
        int r;

        (void) sigemptyset(&mask);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void) sigaddset(&mask, signals[i]);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;

        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                r = sd_event_add_signal(m->event, NULL, signals[i], on_signal, m);
                if (r < 0)
                        return r;
        }

        /* A peer that has gone shows as an error of the call. */
        return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -errno : 0;
}

static void on_private_idle(VarlinkServer *s, void *userdata) {
        manager_stop(ASSERT_PTR(userdata));
}

/* A box has a dozen descriptors, and a tenant may have a thousand boxes. */
static void raise_nofile(void) {
        struct rlimit l;

        if (getrlimit(RLIMIT_NOFILE, &l) < 0)
                return;

        l.rlim_cur = l.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &l) < 0)
                log_debug_errno(errno, "Failed to raise the limit of open files: %m");
}

static int listen_sockets(Manager *m, VarlinkServer *s) {
        int n, r;

        if (arg_private_fd >= 0) {
                r = fd_set_cloexec(arg_private_fd, true);
                if (r < 0)
                        return r;

                varlink_server_set_idle_handler(s, on_private_idle, m);
                return varlink_server_add_connection_fd(s, arg_private_fd);
        }

        n = sd_listen_fds(/* unset_environment= */ true);
        if (n < 0)
                return n;
        for (int i = 0; i < n; i++) {
                r = varlink_server_listen_fd(s, SD_LISTEN_FDS_START + i);
                if (r < 0)
                        return r;
        }

        return n > 0 ? 0 : varlink_server_listen_path(s, arg_listen ?: VARLINK_SOCKET, 0666);
}

/* Whose members have what is theirs where polkit cannot be asked about them; (gid_t) -1: there is no such group. */
static gid_t find_group(const char *name) {
        const struct group *g;

        errno = 0;
        g = getgrnam(name);
        if (!g) {
                log_debug("There is no group %s: %s", name, errno > 0 ? strerror(errno) : "not found");
                return (gid_t) -1;
        }

        return g->gr_gid;
}

/* The daemon's own connection, on which it calls polkit; NULL where there is no bus. */
static int open_own_bus(sd_event *event, sd_bus **ret) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_open_system_with_description(&bus, "own");
        if (r < 0) {
                log_notice("There is no system bus here (%s): only root and uid %u are served.", strerror(-r), getuid());
                *ret = NULL;
                return 0;
        }

        r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(bus);
        return 0;
}

/* Where systemd runs the host, each box is a scope of its; elsewhere, or below a cgroup that was named, a tree is. */
static int make_cgroups(sd_bus *bus, CgroupManager **ret) {
        int r;

        if (!bus || arg_cgroup_root || sd_booted() <= 0)
                return 0;

        r = cgroup_manager_new_scope(bus, ret);
        return r == -EOPNOTSUPP ? 0 : r;
}

/* A host without a bus has varlink alone. */
static int serve_bus(Manager *m, BusService **ret) {
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        int r;

        /* Not the connection for systemd and polkit: what clients do to this one stays with it. */
        r = sd_bus_open_system_with_description(&bus, "clients");
        if (r < 0) {
                log_notice("There is no system bus here (%s): serving varlink alone.", strerror(-r));
                return 0;
        }

        return bus_service_new(m, bus, ret);
}

static int run(void) {
        _cleanup_(bus_service_freep) BusService *bus_service = NULL;
        _cleanup_(varlink_server_freep) VarlinkServer *server = NULL;
        _cleanup_(manager_freep) Manager *manager = NULL;
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        ManagerOptions options = {
                .cgroup_root = arg_cgroup_root,
                .uid_lock_path = UID_LOCK,
                .allow_degraded = arg_degrade,
        };
        int init_fd, r;

        raise_nofile();

        if (mkdir(RUNTIME_DIRECTORY, 0755) < 0 && errno != EEXIST)
                log_debug_errno(errno, "Failed to make " RUNTIME_DIRECTORY ": %m");

        init_fd = open_init();
        if (init_fd < 0)
                return log_error_errno(init_fd, "Failed to find judgebox-init: %m");

        r = box_slots_new(init_fd, &options.slots);
        if (r < 0)
                return log_error_errno(r, "Failed to set descriptors aside: %m");

        slow_close_enable();

        r = sd_event_default(&event);
        if (r < 0)
                return log_error_errno(r, "Failed to make an event loop: %m");

        if (arg_private_fd < 0) {
                r = open_own_bus(event, &bus);
                if (r >= 0 && bus)
                        r = authority_new_polkit(bus, find_group(GROUP), &options.authority);
                if (r < 0)
                        return log_error_errno(r, "Failed to set up who may do what: %m");

                r = make_cgroups(bus, &options.cgroups);
                if (r < 0)
                        return log_error_errno(r, "Failed to set up for systemd's scopes: %m");
        }

        r = manager_new(event, &options, &manager);
        if (r < 0)
                return log_error_errno(r, "Failed to set up: %m");

        r = watch_signals(manager);
        if (r < 0)
                return log_error_errno(r, "Failed to watch for signals: %m");

        r = varlink_server_new(event, "The judgebox project", "judgeboxd", PROJECT_VERSION, PROJECT_URL, &server);
        if (r >= 0)
                r = manager_serve_varlink(manager, server);
        if (r >= 0)
                r = listen_sockets(manager, server);
        if (r < 0)
                return log_error_errno(r, "Failed to serve varlink: %m");

        if (arg_private_fd < 0) {
                r = serve_bus(manager, &bus_service);
                if (r < 0)
                        return log_error_errno(r, "Failed to serve D-Bus: %m");
        }

        (void) sd_notify(/* unset_environment= */ true, "READY=1");

        r = sd_event_loop(event);
        if (r == -ETIMEDOUT) {
                /* What is left of its boxes cannot be taken apart. */
                (void) TAKE_PTR(manager);
                return log_error_errno(r, "Some boxes did not go away.");
        }
        if (r < 0)
                return log_error_errno(r, "Failed to run the event loop: %m");

        return 0;
}

int main(int argc, char *argv[]) {
        int r;

        log_setup("judgeboxd");

        r = parse_argv(argc, argv);
        if (r > 0)
                r = run();

        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
