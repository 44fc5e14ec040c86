/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "box-internal.h"
#include "box-store.h"
#include "fd-util.h"
#include "idmap.h"
#include "log.h"
#include "manager.h"
#include "user-name.h"

/* How a box comes up: uid range, cgroup, launch, then one after the other without waiting for answers: the
 * configuration, the first run's cgroup, and the run itself if one is there already. */

#define BOX_START_TIMEOUT_USEC (30 * USEC_PER_SEC)

/* Of SIGKILL, which nothing in a pid namespace can send to its PID 1. What is no child of ours has no status: there the
 * word goes by which it would have taken its leave (supervisor_run()). */
static bool was_killed(const siginfo_t *si) {
        return si->si_pid == 0 || (si->si_code == CLD_KILLED && si->si_status == SIGKILL);
}

static int on_init_gone(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Box *b = ASSERT_PTR(userdata);
        siginfo_t si = {};

        /* ECHILD: an earlier daemon's child, which is PID 1's to wait for. The descriptor says that it is gone. */
        if (waitid(P_PIDFD, (id_t) b->init_pidfd, &si, WEXITED | WNOHANG) >= 0 && si.si_pid == 0)
                return 0;

        b->init_source = sd_event_source_unref(b->init_source);
        b->init_pidfd = safe_close(b->init_pidfd);

        if (b->state == BOX_STOPPING)
                box_check_gone(b);
        else if (b->configured && was_killed(&si))
                box_stopped_from_outside(b);
        else
                box_fail(b, STEP_PROTOCOL, ECONNRESET);
        return 0;
}

static void on_channel_failed(BoxChannel *c, Step step, int r, void *userdata) {
        box_broken(ASSERT_PTR(userdata), step, r);
}

static void on_configured(int r, Message *m, void *userdata) {
        Box *b = ASSERT_PTR(userdata);

        if (r < 0)
                return;

        if (m->header.type != MESSAGE_REPLY || m->reply.step >= _STEP_MAX || m->reply.error < 0)
                box_fail(b, STEP_PROTOCOL, EBADMSG);
        else if (m->reply.error != 0)
                box_fail(b, (Step) m->reply.step, m->reply.error);
        else {
                b->configured = true;
                box_store_add(b);
                box_update_state(b);
                box_call_waiters(b, &b->ready_waiters, NULL);
        }
}

/* Sent ahead, so that PID 1 finds it when it begins; expect_configured() waits for the answer. */
static int on_going(BoxLaunch *l, int socket_fd, void *userdata) {
        Box *b = ASSERT_PTR(userdata);
        int r;

        r = message_send_configure(socket_fd, CHANNEL_SERIAL_FIRST, &b->settings);

        /* Sent or not, a tenant's directories are not kept open. */
        for (size_t i = 0; i < b->settings.n_binds; i++)
                b->settings.binds[i].source_fd = safe_close(b->settings.binds[i].source_fd);
        b->settings.image_fd = safe_close(b->settings.image_fd);

        return r;
}

static int expect_configured(Box *b) {
        uint32_t serial;
        int r;

        r = box_begin_request(b, BOX_START_TIMEOUT_USEC, on_configured, b, &serial);
        assert(r < 0 || serial == CHANNEL_SERIAL_FIRST);
        return r;
}

int box_watch_init(Box *b, int socket_fd) {
        int r;

        r = box_channel_new(b->manager->event, socket_fd, on_channel_failed, b, &b->channel);
        if (r < 0)
                return r;

        r = sd_event_add_io(b->manager->event, &b->init_source, b->init_pidfd, EPOLLIN, on_init_gone, b);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(b->init_source, "judgebox-init");

        /* After the socket, where its last word may be. */
        return sd_event_source_set_priority(b->init_source, SD_EVENT_PRIORITY_NORMAL + 10);
}

static void on_started(BoxLaunch *l, int init_pidfd, int socket_fd, void *userdata) {
        Box *b = ASSERT_PTR(userdata);
        int r;

        b->init_pidfd = init_pidfd;

        r = box_watch_init(b, socket_fd);
        if (b->state == BOX_STOPPING) {
                box_kill_processes(b);
                return;
        }
        if (r >= 0)
                r = expect_configured(b);
        if (r < 0)
                box_fail(b, STEP_PROTOCOL, r);
}

static void on_finished(BoxLaunch *l, void *userdata) {
        Box *b = ASSERT_PTR(userdata);
        Run *run, *next;
        int r;

        b->launch = box_launch_free(b->launch);
        if (b->state == BOX_STOPPING) {
                /* While it was there, box_stop() let it be. */
                box_kill_processes(b);
                box_check_gone(b);
                return;
        }

        r = box_cgroup_enable_controllers(b->cgroup);
        if (r < 0) {
                box_fail(b, STEP_CGROUP, r);
                return;
        }

        DL_FOREACH_SAFE(b->runs, run, next)
                if (box_is_launched(b))
                        run_proceed(run);

        box_prepare_next(b);
}

static void on_failed(BoxLaunch *l, Step step, int error, void *userdata) {
        Box *b = ASSERT_PTR(userdata);

        b->launch = box_launch_free(b->launch);
        if (b->state == BOX_STOPPING)
                box_check_gone(b);
        else
                box_fail(b, step, error);
}

static const BoxLaunchHandler launch_handler = {
        .going = on_going,
        .started = on_started,
        .finished = on_finished,
        .failed = on_failed,
};

static void on_cgroup_removed(BoxCgroup *c, void *userdata) {
        Box *b = ASSERT_PTR(userdata);

        /* Nothing is in it any more, judgebox-init neither: how that ended says why. */
        if (b->configured && b->init_pidfd >= 0)
                box_kill_init(b);
        else
                box_fail(b, STEP_CGROUP, ECANCELED);
}

void box_watch_cgroup(Box *b) {
        box_cgroup_set_removed_handler(b->cgroup, on_cgroup_removed, b);
}

/* 0 if there can be one. */
static int check_quota(const Box *b, Failure *f) {
        const BoxSettings *s = &b->settings;
        const char *missing;
        int r;

        if (s->directory_bytes == 0 && s->directory_inodes == 0)
                return 0;

        r = host_directories_check_quota(b->manager->host_directories, &missing);
        if (r < 0)
                return failure_set_internal(f, STEP_FILE, r);

        if (r > 0)
                return 0;

        r = failure_set_message(f, FAILURE_NOT_SUPPORTED, NULL, "%s: the file system of %s %s.",
                                s->directory_bytes > 0 ? "settings.directoryBytes" : "settings.directoryInodes",
                                host_directories_get_path(b->manager->host_directories), missing);
        return strv_extend(&f->missing, "project quotas") < 0 ? -ENOMEM : r;
}

/* A directory of the host, made for this box, becomes one more of its binds. */
static int make_host_directory(Box *b, Failure *f) {
        HostDirectories *h = b->manager->host_directories;
        int fd, r;

        if (!b->settings.host_directory)
                return 0;
        if (!h)
                return failure_set_field(f, "settings.hostDirectory",
                                         "A private judgeboxd makes no directories on the host.");

        r = check_quota(b, f);
        if (r != 0)
                return r;

        r = host_directory_make(h, b->owner, b->settings.gid, b->id,
                                &(DirectoryQuota) { b->settings.directory_bytes, b->settings.directory_inodes },
                                &b->directory_project, &fd);
        if (r < 0)
                return failure_set_internal(f, STEP_FILE, r);

        return box_settings_add_directory(&b->settings, fd);
}

static int refuse_bind(const Box *b, size_t i, Failure *f, const char *message) {
        const BindSpec *bind = b->settings.binds + i;
        _cleanup_free_ char *field = NULL;

        field = !bind->directory ? strprintf("settings.binds[%zu].sourceFileDescriptor", i)
                                 : strdup(b->settings.host_directory ? "settings.hostDirectory"
                                                                     : "settings.directoryFileDescriptor");
        return field ? failure_set_field(f, field, "Cannot bind %s: %s", bind->path, message) : -ENOMEM;
}

/* What is the tenant's is the program's, but for root: nobody wants a program to read root's files because the directory
 * that they are in was bound. Where the file system does not allow it, what is read-only goes without: the program
 * has others' rights to all of it then. */
static int map_bind(Box *b, size_t i, int *idmap_fd, Failure *f) {
        const BindSpec *bind = b->settings.binds + i;
        int r;

        if (b->owner == 0 && !bind->directory && !bind->owned)
                return 0;

        if (*idmap_fd < 0) {
                r = idmap_new(b->owner, b->settings.gid, b->uid_base + 1, idmap_fd);
                if (r < 0)
                        return failure_set_internal(f, STEP_USER, r);
        }

        r = idmap_apply(*idmap_fd, bind->source_fd);
        if (r >= 0 || !bind->writable)
                return 0;

        return refuse_bind(b, i, f, IN_SET(r, -EINVAL, -EPERM)
                                               ? "a file system there cannot map its owners to those of a box (mount_setattr(2))."
                                               : strerror(-r));
}

/* Puts a copy of what is mounted there in the place of each descriptor that a tenant sent: the box itself cannot
 * make one, because it has left our mount namespace, and the kernel copies only what is in one's own. */
static int clone_binds(Box *b, Failure *f) {
        _cleanup_close_ int idmap_fd = -EBADF;
        int r;

        for (size_t i = 0; i < b->settings.n_binds; i++) {
                BindSpec *bind = b->settings.binds + i;
                int fd;

                fd = open_tree(bind->source_fd, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
                if (fd < 0)
                        return refuse_bind(b, i, f, strerror(errno));

                (void) safe_close(bind->source_fd);
                bind->source_fd = fd;

                r = map_bind(b, i, &idmap_fd, f);
                if (r != 0)
                        return r;
        }

        return 0;
}

/* What is root's in a writable one is the program's, as if it had installed it. */
static int open_image(Box *b, Failure *f) {
        _cleanup_close_ int idmap_fd = -EBADF;
        BoxSettings *s = &b->settings;
        int r;

        if (!s->image)
                return 0;
        if (!b->manager->images)
                return failure_set_field(f, "settings.image", "There is no image %s.", s->image);

        if (s->image_writable) {
                r = idmap_new(/* uid= */ 0, /* gid= */ 0, b->uid_base + 1, &idmap_fd);
                if (r < 0)
                        return failure_set_internal(f, STEP_USER, r);
        }

        return images_open(b->manager->images, s->image, idmap_fd, "settings.image", &s->image_fd, f);
}

int box_start(Box *b, Failure *f) {
        _cleanup_free_ char *owner = NULL, *description = NULL;
        CgroupBudget cgroup_budget;
        Budget budget;
        Manager *m;
        int r;

        assert(b);

        m = b->manager;

        r = uid_range_allocate(m->uids, &b->uid_base);
        if (r < 0)
                return failure_set_internal(f, STEP_USER, r);
        b->has_uid_base = true;

        r = make_host_directory(b, f);
        if (r == 0)
                r = clone_binds(b, f);
        if (r == 0)
                r = open_image(b, f);
        if (r != 0)
                return r;

        owner = user_name_local(b->owner);
        if (!owner)
                return -ENOMEM;

        description = strprintf("judgebox box %s of %s", b->id, owner);
        if (!description)
                return -ENOMEM;

        r = box_cgroup_new(m->cgroups, b->owner, b->id, description, &b->cgroup);
        if (r < 0)
                return failure_set_internal(f, STEP_CGROUP, r);
        box_watch_cgroup(b);

        config_get_budget(m->config, b->owner, &budget);
        cgroup_budget = budget_to_cgroup(&budget);
        box_cgroup_set_budget(b->cgroup, &cgroup_budget);

        r = box_launch_new(m->event, m->cradle, b->uid_base, b->settings.share_network, b->cgroup, &launch_handler, b,
                           &b->launch);
        if (r < 0)
                return failure_set_internal(f, STEP_SPAWN, r);

        b->deadline = usec_add(manager_now(m), BOX_START_TIMEOUT_USEC);
        manager_watch_deadline(m, b->deadline);
        return 0;
}
