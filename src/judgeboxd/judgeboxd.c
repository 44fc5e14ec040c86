/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* judgeboxd(8). This file is only main: it reads the options, puts the parts together, and runs the loop. */

#include <getopt.h>
#include <grp.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "box-adopt.h"
#include "box-varlink.h"
#include "bus-link.h"
#include "bus-service.h"
#include "fd-util.h"
#include "log.h"
#include "manager.h"
#include "parse-util.h"
#include "passed-fds.h"
#include "service.h"
#include "slow-close.h"
#include "varlink.h"

#define RUNTIME_DIRECTORY "/run/judgebox"
#define STATE_DIRECTORY "/var/lib/judgebox"
#define VARLINK_SOCKET RUNTIME_DIRECTORY "/org.judgebox"

/* The cgroup of boxes that outlive the daemon, where systemd is not their manager. */
#define CGROUP_NAME "judgebox"

typedef enum CgroupChoice {
        CGROUPS_AUTO,
        CGROUPS_SCOPE,
        CGROUPS_TREE,
} CgroupChoice;

static int arg_private_fd = -EBADF;
static bool arg_degrade = false;
static const char *arg_cgroup_root = NULL;
static const char *arg_cgroup_name = CGROUP_NAME;
static const char *arg_listen = NULL;
static const char *arg_runtime_directory = RUNTIME_DIRECTORY;
static const char *arg_config_root = NULL;
static const char *arg_state_directory = STATE_DIRECTORY;
static CgroupChoice arg_cgroups = CGROUPS_AUTO;

static void help(void) {
        printf("judgeboxd [OPTIONS…]\n\n"
               "Runs untrusted programs in boxes, for those who ask over varlink or D-Bus.\n\n"
               "  -h --help             Show this help\n"
               "     --version          Show the version\n"
               "     --listen=PATH      Listen on this socket, unless one was passed (default:\n"
               "                        " VARLINK_SOCKET ")\n"
               "     --private-fd=FD    Serve this connected socket alone, and end with it\n"
               "     --degrade          Run although cgroup controllers are missing, and say so in each result\n"
               "     --manager=scope|tree|auto\n"
               "                        Have systemd make each box a scope, or make cgroups below one of our own\n"
               "     --cgroup-root=PATH Make the boxes' cgroups below this one, relative to the cgroup2 mount\n"
               "     --cgroup-name=NAME The name of judgeboxd's own, by which it is found again after a restart\n"
               "                        (default: " CGROUP_NAME ")\n"
               "     --runtime-directory=PATH\n"
               "                        Where to note which boxes there are (default: " RUNTIME_DIRECTORY ")\n"
               "     --config-root=PATH Read the configuration below this directory, not below /\n"
               "     --state-directory=PATH\n"
               "                        Where to make directories for boxes (default: " STATE_DIRECTORY ")\n");
}

/* Returns 1 to go on, 0 if all is said, negative for what cannot be understood. */
static int parse_argv(int argc, char *argv[]) {
        enum {
                ARG_VERSION = 0x100,
                ARG_LISTEN,
                ARG_PRIVATE_FD,
                ARG_DEGRADE,
                ARG_CGROUP_ROOT,
                ARG_CGROUP_NAME,
                ARG_MANAGER,
                ARG_RUNTIME_DIRECTORY,
                ARG_CONFIG_ROOT,
                ARG_STATE_DIRECTORY,
        };
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, ARG_VERSION },
                { "listen", required_argument, NULL, ARG_LISTEN },
                { "private-fd", required_argument, NULL, ARG_PRIVATE_FD },
                { "degrade", no_argument, NULL, ARG_DEGRADE },
                { "cgroup-root", required_argument, NULL, ARG_CGROUP_ROOT },
                { "cgroup-name", required_argument, NULL, ARG_CGROUP_NAME },
                { "manager", required_argument, NULL, ARG_MANAGER },
                { "runtime-directory", required_argument, NULL, ARG_RUNTIME_DIRECTORY },
                { "config-root", required_argument, NULL, ARG_CONFIG_ROOT },
                { "state-directory", required_argument, NULL, ARG_STATE_DIRECTORY },
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
                case ARG_CGROUP_NAME:
                        /* The names of those that are not to be found again begin like this. */
                        if (!box_id_is_valid(optarg) || startswith(optarg, "judgebox-")) {
                                log_error("--cgroup-name= wants letters, digits, - and _, and no judgebox- first: %s",
                                          optarg);
                                return -EINVAL;
                        }
                        arg_cgroup_name = optarg;
                        break;
                case ARG_MANAGER:
                        if (streq(optarg, "scope"))
                                arg_cgroups = CGROUPS_SCOPE;
                        else if (streq(optarg, "tree"))
                                arg_cgroups = CGROUPS_TREE;
                        else if (streq(optarg, "auto"))
                                arg_cgroups = CGROUPS_AUTO;
                        else {
                                log_error("--manager= wants scope, tree or auto: %s", optarg);
                                return -EINVAL;
                        }
                        break;
                case ARG_RUNTIME_DIRECTORY:
                        arg_runtime_directory = optarg;
                        break;
                case ARG_CONFIG_ROOT:
                        arg_config_root = optarg;
                        break;
                case ARG_STATE_DIRECTORY:
                        arg_state_directory = optarg;
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

/* Returns whether the service manager has the sockets. */
static int listen_sockets(Manager *m, VarlinkServer *s, PassedFds *passed) {
        _cleanup_free_ char *path = NULL;
        bool listening = false;
        int r;

        if (arg_private_fd >= 0) {
                r = fd_set_cloexec(arg_private_fd, true);
                if (r < 0)
                        return r;

                varlink_server_set_idle_handler(s, on_private_idle, m);
                return varlink_server_add_connection_fd(s, arg_private_fd);
        }

        for (size_t i = 0; i < passed->n; i++) {
                if (passed->items[i].fd < 0 || sd_is_socket(passed->items[i].fd, AF_UNIX, SOCK_STREAM, 1) <= 0)
                        continue;

                r = varlink_server_listen_fd(s, TAKE_FD(passed->items[i].fd));
                if (r < 0)
                        return r;
                listening = true;
        }
        if (listening)
                return 1;

        path = strprintf("%s/org.judgebox", arg_runtime_directory);
        return path ? varlink_server_listen_path(s, arg_listen ?: path, 0666) : -ENOMEM;
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

/* Where systemd runs the host, each box is a scope of its; elsewhere, or below a cgroup that was named, a tree is. */
static int make_cgroups(sd_event *event, bool lasting, CgroupManager **ret) {
        int r;

        if (arg_cgroups == CGROUPS_SCOPE || (arg_cgroups == CGROUPS_AUTO && !arg_cgroup_root && sd_booted() > 0))
                r = cgroup_manager_new_scope(event, ret);
        else if (lasting)
                r = cgroup_manager_new_lasting_tree(arg_cgroup_root, arg_cgroup_name, ret);
        else
                return 0;

        return r == -EOPNOTSUPP ? 0 : r;
}

static int on_own_bus_opened(sd_bus *bus, void *userdata) {
        return manager_set_bus(ASSERT_PTR(userdata), bus);
}

static void on_clients_bus_lost(void *userdata) {
        bus_service_disconnect(ASSERT_PTR(userdata));
}

static int on_clients_bus_opened(sd_bus *bus, void *userdata) {
        return bus_service_connect(ASSERT_PTR(userdata), bus);
}

/* Two connections: what clients do to theirs has no part in the one by which systemd and polkit are asked. */
static int join_bus(Manager *m, BusLink **ret_own, BusLink **ret_clients, BusService **ret) {
        static const BusLinkHandler own = { .opened = on_own_bus_opened };
        static const BusLinkHandler clients = { .lost = on_clients_bus_lost, .opened = on_clients_bus_opened };
        int r;

        r = bus_link_new(m->event, "own", &own, m, ret_own);
        if (r < 0)
                return r;

        r = bus_service_new(m, ret);
        if (r < 0)
                return r;

        return bus_link_new(m->event, "clients", &clients, *ret, ret_clients);
}

/* What an earlier daemon had of it, with which it is known which uids are others'. */
static int take_uids(PassedFds *passed, UidRange **ret) {
        for (size_t i = 0; i < passed->n; i++)
                if (streq(passed->items[i].name, BOX_STORE_UIDS) && passed->items[i].fd >= 0)
                        return uid_range_new_from_fd(TAKE_FD(passed->items[i].fd), ret);

        return 0;
}

/* What every daemon has. */
static int prepare(sd_event *event, ManagerOptions *options) {
        _cleanup_close_ int init_fd = -EBADF;
        int r;

        init_fd = open_init();
        if (init_fd < 0)
                return log_error_errno(init_fd, "Failed to find judgebox-init: %m");

        r = images_new(arg_state_directory, &options->images);
        if (r < 0)
                return log_oom();

        r = box_cradle_new(event, init_fd, &options->cradle);
        if (r < 0)
                return log_error_errno(r, "Failed to start the process that boxes are cloned from: %m");

        slow_close_enable();
        return 0;
}

/* What only the service of a host has, not a daemon that somebody has for himself. */
static int prepare_service(sd_event *event, PassedFds *passed, ManagerOptions *options) {
        _cleanup_free_ char *boxes = NULL;
        int r;

        options->config_root = arg_config_root;
        r = config_load(arg_config_root, &options->config);
        if (r < 0)
                return log_error_errno(r, "Failed to read the configuration: %m");
        manager_log_config(options->config);

        boxes = strprintf("%s/boxes", arg_runtime_directory);
        if (!boxes)
                return log_oom();

        r = box_store_new(boxes, &options->store);
        if (r < 0 && r != -ENOTCONN)
                return log_error_errno(r, "Failed to make %s: %m", boxes);

        if (mkdir(arg_state_directory, 0755) < 0 && errno != EEXIST)
                log_debug_errno(errno, "Failed to make %s: %m", arg_state_directory);
        r = host_directories_new(event, arg_state_directory, &options->host_directories);
        if (r < 0)
                return log_error_errno(r, "Failed to make a place for directories in %s: %m", arg_state_directory);

        r = take_uids(passed, &options->uids);
        if (r < 0)
                return log_error_errno(r, "Failed to take over the uid ranges of an earlier judgeboxd: %m");

        r = authority_new_polkit(find_group(options->config->group), &options->authority);
        if (r < 0)
                return log_error_errno(r, "Failed to set up authorization: %m");

        r = make_cgroups(event, options->store, &options->cgroups);
        return r < 0 ? log_error_errno(r, "Failed to set up cgroups: %m") : 0;
}

/* There are no new boxes without it, and only a new daemon has a new one. */
static void on_cradle_gone(BoxCradle *c, void *userdata) {
        manager_fail(ASSERT_PTR(userdata), -ECHILD);
}

static bool is_box(uid_t uid, const char *id, void *userdata) {
        return box_id_is_valid(id) && manager_find_box(userdata, uid, id);
}

static bool is_box_project(uint32_t project, void *userdata) {
        return manager_has_project(userdata, project);
}

/* What an earlier daemon left: boxes go on, and directories that no box has any more go. */
static int take_over(Manager *m, PassedFds *passed) {
        int r;

        if (m->store) {
                r = manager_adopt(m, passed);
                if (r < 0)
                        return log_error_errno(r, "Failed to take over the boxes of an earlier judgeboxd: %m");
        }

        if (m->host_directories) {
                r = host_directories_clean(m->host_directories, is_box, is_box_project, m);
                if (r < 0)
                        log_warning_errno(r, "Failed to look for directories of earlier boxes: %m");
        }

        return 0;
}

static int run(void) {
        _cleanup_(bus_link_freep) BusLink *clients_bus = NULL, *own_bus = NULL;
        _cleanup_(bus_service_freep) BusService *bus_service = NULL;
        _cleanup_(service_freep) Service *service = NULL;
        _cleanup_(varlink_server_freep) VarlinkServer *server = NULL;
        _cleanup_(manager_freep) Manager *manager = NULL;
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(passed_fds_done) PassedFds passed = {};
        _cleanup_free_ char *uid_lock = NULL;
        ManagerOptions options = {
                .cgroup_root = arg_cgroup_root,
                .allow_degraded = arg_degrade,
        };
        int r;

        raise_nofile();

        /* A peer that has gone shows as an error of the call. */
        if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
                return log_error_errno(errno, "Failed to ignore SIGPIPE: %m");

        if (mkdir(arg_runtime_directory, 0755) < 0 && errno != EEXIST)
                log_debug_errno(errno, "Failed to make %s: %m", arg_runtime_directory);

        options.uid_lock_path = uid_lock = strprintf("%s/uid-ranges", arg_runtime_directory);
        if (!uid_lock)
                return log_oom();

        if (arg_private_fd < 0) {
                r = passed_fds_take(&passed);
                if (r < 0)
                        return log_error_errno(r, "Failed to take the descriptors that were passed: %m");
        }

        r = sd_event_default(&event);
        if (r < 0)
                return log_error_errno(r, "Failed to create an event loop: %m");

        r = prepare(event, &options);
        if (r < 0)
                return r;

        if (arg_private_fd < 0) {
                r = prepare_service(event, &passed, &options);
                if (r < 0)
                        return r;
        }

        r = manager_new(event, &options, &manager);
        if (r < 0)
                return log_error_errno(r, "Failed to set up: %m");
        box_cradle_set_gone_handler(manager->cradle, on_cradle_gone, manager);

        r = varlink_server_new(event, "The judgebox project", "judgeboxd", PROJECT_VERSION, PROJECT_URL, &server);
        if (r >= 0)
                r = manager_serve_varlink(manager, server);
        if (r < 0)
                return log_error_errno(r, "Failed to set up varlink: %m");

        /* Whoever connects finds the boxes. */
        r = take_over(manager, &passed);
        if (r < 0)
                return r;

        r = listen_sockets(manager, server, &passed);
        if (r < 0)
                return log_error_errno(r, "Failed to serve varlink: %m");

        r = service_new(manager, server,
                        (r > 0 ? SERVICE_MAY_EXIT : 0) | (arg_private_fd < 0 ? SERVICE_MAY_RELOAD : 0), &service);
        if (r < 0)
                return log_error_errno(r, "Failed to set up as a service: %m");

        if (arg_private_fd < 0) {
                r = join_bus(manager, &own_bus, &clients_bus, &bus_service);
                if (r < 0)
                        return log_error_errno(r, "Failed to set up D-Bus: %m");
        }

        service_ready(service);

        r = sd_event_loop(event);

        /* The last connections are closed when the manager is gone already. */
        varlink_server_set_closed_handler(server, NULL, NULL);
        if (r == -ETIMEDOUT || (manager->store && !manager->stopping)) {
                /* Boxes go on without us, or cannot be taken apart: nothing is told to anybody, as if we had crashed. */
                (void) TAKE_PTR(bus_service);
                (void) TAKE_PTR(server);
                (void) TAKE_PTR(manager);
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
