/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The manager `scope` with a real PID 1: what it makes, and what happens when PID 1, its bus or an admin do something
 * in the middle of it. Skipped where systemd does not run. */

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "cgroup-child.h"
#include "cgroup-dir.h"
#include "cgroup-mount.h"
#include "log.h"
#include "scope-internal.h"
#include "test-util.h"

#define TENANT ((uid_t) 4711)
#define BOX_ROOT_UID ((uid_t) 1234567)

/* An emulated machine may be slow, but nothing here waits for this long when all is well. */
#define PATIENCE_USEC (90 * USEC_PER_SEC)

/* Where it is waited for that an attach is given up. */
#define SHORT_ATTACH_TIMEOUT_USEC (5 * USEC_PER_SEC)

static sd_event *event;
static sd_bus *bus, *other_bus;
static CgroupManager *manager;

typedef struct Box {
        BoxCgroup *cgroup;
        pid_t pid;
        int n_attached, n_removed, r;
        char *path;
} Box;

static void on_attached(BoxCgroup *c, int r, void *userdata) {
        Box *b = userdata;

        b->n_attached++;
        b->r = r;
}

static void on_removed(BoxCgroup *c, void *userdata) {
        ((Box *) userdata)->n_removed++;
}

static int on_patience_over(sd_event_source *s, uint64_t usec, void *userdata) {
        ck_abort_msg("Waited for too long");
}

static void loop_once(uint64_t usec) {
        ck_assert_int_ge(sd_event_run(event, usec), 0);
}

#define loop_until(condition)                                                                                   \
        do {                                                                                                    \
                sd_event_source *_patience = NULL;                                                              \
                ck_assert_int_ge(sd_event_add_time_relative(                                                    \
                                                 event, &_patience, CLOCK_MONOTONIC, PATIENCE_USEC, 1,          \
                                                 on_patience_over, NULL), 0);                                   \
                while (!(condition))                                                                            \
                        loop_once(10 * USEC_PER_MSEC);                                                          \
                (void) sd_event_source_disable_unref(_patience);                                                \
        } while (false)

static void loop_for(usec_t usec) {
        usec_t end = now_usec(CLOCK_MONOTONIC) + usec;

        loop_until(now_usec(CLOCK_MONOTONIC) >= end);
}

static void connect_all(void) {
        const char *name;

        ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        ck_assert_int_ge(sd_event_new(&event), 0);
        ck_assert_int_ge(sd_bus_open_system(&bus), 0);
        ck_assert_int_ge(sd_bus_open_system(&other_bus), 0);
        ck_assert_int_ge(sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL), 0);
        ck_assert_int_eq(cgroup_manager_new_scope(event, &manager), 0);
        ck_assert_int_eq(cgroup_manager_set_bus(manager, bus), 0);
        ck_assert_int_ge(sd_bus_get_unique_name(bus, &name), 0); /* waits for the bus's hello */
}

static void disconnect_all(void) {
        manager = cgroup_manager_free(manager);
        other_bus = sd_bus_flush_close_unref(other_bus);
        bus = sd_bus_flush_close_unref(bus);
        event = sd_event_unref(event);
}

static bool cgroup_exists(const char *path) {
        _cleanup_free_ char *root = NULL;
        _cleanup_close_ int fd = -EBADF;

        ck_assert_int_eq(cgroup_mount_open(&fd, &root), 0);
        return faccessat(fd, path + 1, F_OK, 0) >= 0;
}

static char *unit_of(const char *id) {
        char *s = strprintf("judgebox-%u-%s.scope", TENANT, id);

        ck_assert_ptr_nonnull(s);
        return s;
}

static void manager_call(const char *method, const char *types, const char *a, const char *b) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_call_method(other_bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, method, &e, NULL, types, a, b);
        ck_assert_msg(r >= 0, "%s: %s", method, strna(e.message));
}

/* A call whose answer is not waited for; it is on its way when this returns. */
static void manager_send(const char *method, const char *unit) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        ck_assert_int_ge(sd_bus_message_new_method_call(
                                         other_bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, method), 0);
        if (unit)
                ck_assert_int_ge(sd_bus_message_append(m, "ss", unit, "replace"), 0);
        ck_assert_int_ge(sd_bus_message_set_expect_reply(m, false), 0);
        ck_assert_int_ge(sd_bus_send(other_bus, m, NULL), 0);
        ck_assert_int_ge(sd_bus_flush(other_bus), 0);
}

static bool unit_exists(const char *unit) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_call_method(other_bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "GetUnit", &e, NULL, "s", unit);
        if (r < 0)
                ck_assert_msg(sd_bus_error_has_name(&e, SYSTEMD_NAME ".NoSuchUnit"), "%s: %s", e.name, e.message);
        return r >= 0;
}

static void unit_property(const char *unit, const char *interface, const char *name, char **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        ck_assert_int_ge(sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path), 0);
        r = sd_bus_get_property_string(other_bus, SYSTEMD_NAME, path, interface, name, &e, ret);
        ck_assert_msg(r >= 0, "%s: %s", name, strna(e.message));
}

/* A box with a launcher that only sleeps, on its way. */
static void box_start(Box *b, const char *id) {
        _cleanup_free_ char *description = strprintf("box %s of a test", id);
        _cleanup_close_ int pidfd = -EBADF;

        *b = (Box) {};
        b->pid = clone_into(-EBADF, &pidfd);
        ck_assert_int_ge(b->pid, 0);
        if (b->pid == 0) {
                (void) close_range(3, ~0U, 0);
                for (;;)
                        (void) pause();
        }

        ck_assert_int_eq(box_cgroup_new(manager, TENANT, id, description, &b->cgroup), 0);
        box_cgroup_set_removed_handler(b->cgroup, on_removed, b);
        ck_assert_int_eq(box_cgroup_get_clone_fd(b->cgroup), -EBADF);
        ck_assert_int_eq(box_cgroup_attach(b->cgroup, b->pid, pidfd, on_attached, b), 0);
        ck_assert_int_eq(b->n_attached, 0);
}

static void box_await(Box *b) {
        loop_until(b->n_attached > 0);
        ck_assert_int_eq(b->n_attached, 1);
        ck_assert_msg(b->r == 0, "%s", strerror(-b->r));
        ck_assert_ptr_nonnull((b->path = strdup(box_cgroup_get_path(b->cgroup))));
        ck_assert(cgroup_exists(b->path));
}

static void box_kill(Box *b) {
        if (b->pid > 0) {
                ck_assert_int_eq(kill(b->pid, SIGKILL), 0);
                ck_assert_int_eq(wait_for(b->pid), 1000 + SIGKILL);
                b->pid = 0;
        }
}

/* As judgeboxd ends a box, and then nothing of it is left. */
static void box_end(Box *b) {
        _cleanup_free_ char *unit = NULL;

        box_kill(b);
        b->cgroup = box_cgroup_free(b->cgroup);
        if (b->path) {
                unit = strdup(strrchr(b->path, '/') + 1);
                loop_until(!unit_exists(unit));
                ck_assert(!cgroup_exists(b->path));
        }
        b->path = mfree(b->path);
}

START_TEST(test_unit) {
        _cleanup_free_ char *unit = unit_of("unit"), *slice = NULL, *description = NULL, *collect = NULL;
        Box b;

        connect_all();
        ck_assert_str_eq(cgroup_manager_get_name(manager), "scope");
        ck_assert_uint_eq(cgroup_manager_get_controllers(manager), _CGROUP_CONTROLLERS_ALL);

        box_start(&b, "unit");
        box_await(&b);
        ck_assert_uint_eq(cgroup_manager_get_controllers(manager), _CGROUP_CONTROLLERS_ALL);
        ck_assert_str_eq(b.path, "/judgebox.slice/judgebox-4711.slice/judgebox-4711-unit.scope");
        unit_property(unit, SYSTEMD_NAME ".Scope", "Slice", &slice);
        unit_property(unit, SYSTEMD_NAME ".Unit", "Description", &description);
        unit_property(unit, SYSTEMD_NAME ".Unit", "CollectMode", &collect);
        ck_assert_str_eq(slice, "judgebox-4711.slice");
        ck_assert_str_eq(description, "box unit of a test");
        ck_assert_str_eq(collect, "inactive-or-failed");

        box_end(&b);
        ck_assert_int_eq(b.n_removed, 0);
        printf("This systemd takes PIDFDs: %s\n", yes_no(!SCOPE_MANAGER(manager)->no_pidfds));
        disconnect_all();
}
END_TEST

/* judgebox-init's part, with the same order of things: the launcher makes the cgroup namespace while in the scope
 * itself, and what it clones into supervisor/ clones into run-1/, as somebody who is nobody on this host. */
static int act_as_init(int mount_fd, const char *scope_path, int go_fd) {
        _cleanup_free_ char *path = strprintf("%s/run-1", scope_path);
        int run_fd, pidfd;
        pid_t pid;
        char c;

        if (read(go_fd, &c, 1) != 1)
                return 20;
        run_fd = cgroup_dir_open(mount_fd, path, O_PATH);
        if (run_fd < 0)
                return 21;

        /* A namespace that is rooted here, one level lower, makes run-1/ unreachable. */
        pid = clone_into(-EBADF, &pidfd);
        if (pid == 0)
                _exit(unshare(CLONE_NEWCGROUP) < 0 ? 1 : clone_sleeper(run_fd) == -ENOENT ? 0 : 2);
        if (pid < 0 || wait_for(pid) != 0)
                return 22;

        if (setresuid(BOX_ROOT_UID, BOX_ROOT_UID, BOX_ROOT_UID) < 0)
                return 23;
        pid = clone_sleeper(run_fd);
        if (pid < 0)
                return 24;
        if (kill(pid, SIGKILL) < 0 || wait_for(pid) != 1000 + SIGKILL)
                return 25;

        return 0;
}

static int act_as_launcher(int go_fd, int init_go_fd) {
        _cleanup_free_ char *root = NULL, *path = NULL, *supervisor = NULL;
        int mount_fd, supervisor_fd, pidfd;
        pid_t pid;
        char c;

        if (read(go_fd, &c, 1) != 1)
                return 10;
        if (cgroup_mount_open(&mount_fd, &root) < 0 || cgroup_path_of_pid(0, &path) < 0)
                return 11;
        supervisor = strprintf("%s/supervisor", path + 1);
        supervisor_fd = cgroup_dir_open(mount_fd, supervisor, O_PATH);
        if (supervisor_fd < 0)
                return 12;

        if (unshare(CLONE_NEWCGROUP) < 0)
                return 13;
        pid = clone_into(supervisor_fd, &pidfd);
        if (pid == 0)
                _exit(act_as_init(mount_fd, path + 1, init_go_fd));

        return pid < 0 ? 14 : 0;
}

START_TEST(test_life) {
        _cleanup_close_pair_ int go[2] = EBADF_PAIR, init_go[2] = EBADF_PAIR;
        _cleanup_close_ int supervisor_fd = -EBADF, pidfd = -EBADF;
        _cleanup_(limits_done) Limits l = LIMITS_NULL;
        uint64_t memory, processes, value;
        RunCgroup *run;
        Box b = {};
        usec_t cpu;
        int r;

        connect_all();
        ck_assert_int_eq(pipe2(go, O_CLOEXEC), 0);
        ck_assert_int_eq(pipe2(init_go, O_CLOEXEC), 0);

        b.pid = clone_into(-EBADF, &pidfd);
        ck_assert_int_ge(b.pid, 0);
        if (b.pid == 0)
                _exit(act_as_launcher(go[0], init_go[0]));

        ck_assert_int_eq(box_cgroup_new(manager, TENANT, "life", "a box", &b.cgroup), 0);
        box_cgroup_set_removed_handler(b.cgroup, on_removed, &b);
        ck_assert_int_eq(box_cgroup_attach(b.cgroup, b.pid, pidfd, on_attached, &b), 0);
        box_await(&b);

        ck_assert_int_eq(box_cgroup_delegate(b.cgroup, BOX_ROOT_UID, &supervisor_fd), 0);
        ck_assert_int_eq(write(go[1], "x", 1), 1);
        ck_assert_int_eq(wait_for(b.pid), 0);
        b.pid = 0;

        ck_assert_int_eq(box_cgroup_enable_controllers(b.cgroup), 0);
        ck_assert_int_eq(run_cgroup_new(b.cgroup, 1, &run), 0);
        limits_set(&l, LIMIT_MEMORY, 64 << 20);
        limits_set(&l, LIMIT_PROCESSES, 10);
        ck_assert_int_eq(run_cgroup_set_limits(run, &l), 0);
        ck_assert_int_eq(box_cgroup_read_usage(b.cgroup, &cpu, &memory, &processes), 0);
        ck_assert_uint_eq(processes, 1);
        ck_assert_uint_ne(memory, RESULT_UNKNOWN);

        ck_assert_int_eq(write(init_go[1], "x", 1), 1);
        ck_assert_int_eq(wait_for(-1), 0);
        if (run_cgroup_get_fd(run, RUN_CGROUP_PIDS_PEAK) >= 0) {
                /* With its last process the scope goes, at once where systemd is quick. */
                r = cgroup_read_uint64(run_cgroup_get_fd(run, RUN_CGROUP_PIDS_PEAK), &value);
                ck_assert(r == -ENODEV || (r == 0 && value == 1));
        }

        run = run_cgroup_free(run);
        box_end(&b);
        disconnect_all();
}
END_TEST

START_TEST(test_stopped_from_outside) {
        _cleanup_free_ char *unit = unit_of("stop");
        Box b;

        connect_all();
        box_start(&b, "stop");
        box_await(&b);

        manager_call("StopUnit", "ss", unit, "replace");
        loop_until(b.n_removed > 0);
        ck_assert_int_eq(wait_for(b.pid), 1000 + SIGKILL);
        b.pid = 0;
        loop_until(!unit_exists(unit));
        loop_for(200 * USEC_PER_MSEC);
        ck_assert_int_eq(b.n_removed, 1);

        box_end(&b);
        disconnect_all();
}
END_TEST

/* systemctl stop while it starts: whichever comes first, it ends with nothing left. */
START_TEST(test_stopped_while_starting) {
        _cleanup_free_ char *unit = unit_of("early");
        Box b;

        connect_all();
        box_start(&b, "early");
        ck_assert_int_ge(sd_bus_flush(bus), 0);
        manager_send("StopUnit", unit);
        loop_until(b.n_attached > 0);
        if (b.r == 0) {
                /* It may have come too early, when there was no unit. */
                manager_send("StopUnit", unit);
                loop_until(b.n_removed > 0);
        }
        ck_assert_int_eq(b.n_attached, 1);

        box_end(&b);
        loop_until(!unit_exists(unit));
        disconnect_all();
}
END_TEST

/* The scope of a box that has just ended may be there for a moment; its successor waits for that. */
START_TEST(test_same_name_again) {
        Box b;

        connect_all();
        for (size_t i = 0; i < 5; i++) {
                box_start(&b, "again");
                box_await(&b);
                box_kill(&b);
                b.path = mfree(b.path);
                b.cgroup = box_cgroup_free(b.cgroup);
        }

        box_start(&b, "again");
        box_await(&b);
        box_end(&b);
        disconnect_all();
}
END_TEST

START_TEST(test_launcher_dies) {
        _cleanup_free_ char *unit = unit_of("dead");
        _cleanup_close_ int pidfd = -EBADF;
        Box b = {};

        connect_all();
        b.pid = clone_into(-EBADF, &pidfd);
        if (b.pid == 0)
                _exit(0);
        ck_assert_int_eq(wait_for(b.pid), 0);

        ck_assert_int_eq(box_cgroup_new(manager, TENANT, "dead", "a box", &b.cgroup), 0);
        ck_assert_int_eq(box_cgroup_attach(b.cgroup, b.pid, pidfd, on_attached, &b), 0);
        loop_until(b.n_attached > 0);
        ck_assert_int_lt(b.r, 0);
        loop_until(!unit_exists(unit));

        b.cgroup = box_cgroup_free(b.cgroup);
        disconnect_all();
}
END_TEST

/* Given up before PID 1 has answered. */
START_TEST(test_freed_while_starting) {
        _cleanup_free_ char *unit = unit_of("hasty");
        Box b;

        connect_all();
        for (int i = 0; i < 4; i++) {
                box_start(&b, "hasty");
                for (int k = 0; k < i; k++)
                        loop_once(5 * USEC_PER_MSEC);
                b.cgroup = box_cgroup_free(b.cgroup);
                loop_until(!unit_exists(unit));
                ck_assert_int_le(b.n_attached, 1);
                box_kill(&b);
        }

        loop_for(USEC_PER_SEC);
        ck_assert(!unit_exists(unit));
        disconnect_all();
}
END_TEST

static void start_foreign_scope(const char *unit, pid_t pid) {
        int r;

        r = sd_bus_call_method(
                        other_bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "StartTransientUnit", NULL, NULL,
                        "ssa(sv)a(sa(sv))", unit, "fail", 1, "PIDs", "au", 1, (uint32_t) pid, 0);
        ck_assert_int_ge(r, 0);
        loop_for(500 * USEC_PER_MSEC);
        ck_assert(unit_exists(unit));
}

START_TEST(test_name_is_taken) {
        _cleanup_free_ char *unit = unit_of("taken"), *stays = unit_of("stays");
        pid_t foreign, staying;
        Box b, c;

        connect_all();
        foreign = clone_sleeper(-EBADF);
        start_foreign_scope(unit, foreign);
        staying = clone_sleeper(-EBADF);
        start_foreign_scope(stays, staying);

        box_start(&b, "taken");
        SCOPE_MANAGER(manager)->attach_timeout = SHORT_ATTACH_TIMEOUT_USEC;
        box_start(&c, "stays");
        loop_for(USEC_PER_SEC);
        ck_assert_int_eq(b.n_attached, 0);

        /* One goes after a while, the other never: and it is not ours to end. */
        ck_assert_int_eq(kill(foreign, SIGKILL), 0);
        ck_assert_int_eq(wait_for(foreign), 1000 + SIGKILL);
        box_await(&b);
        loop_until(c.n_attached > 0);
        ck_assert_int_eq(c.r, -EEXIST);
        box_end(&c);
        ck_assert(unit_exists(stays));
        ck_assert_int_eq(kill(staying, SIGKILL), 0);
        ck_assert_int_eq(wait_for(staying), 1000 + SIGKILL);
        loop_until(!unit_exists(stays));

        box_end(&b);
        disconnect_all();
}
END_TEST

/* In the middle of everything: before, at the same time, shortly after. */
static void disturb(const char *method) {
        _cleanup_free_ char *unit = unit_of("stands");
        Box standing, boxes[6];
        char id[16];

        connect_all();
        box_start(&standing, "stands");
        box_await(&standing);

        for (size_t i = 0; i < ELEMENTSOF(boxes); i++) {
                if (i == 2)
                        manager_send(method, NULL);
                if (i >= 3)
                        loop_for(100 * USEC_PER_MSEC);
                (void) snprintf(id, sizeof(id), "disturb%zu", i);
                box_start(&boxes[i], id);
                ck_assert_int_ge(sd_bus_flush(bus), 0);
        }

        for (size_t i = 0; i < ELEMENTSOF(boxes); i++)
                box_await(&boxes[i]);

        loop_for(2 * USEC_PER_SEC);
        ck_assert_int_eq(standing.n_removed, 0);
        for (size_t i = 0; i < ELEMENTSOF(boxes); i++)
                ck_assert_int_eq(boxes[i].n_removed, 0);

        /* And its signals are heard afterwards. */
        manager_call("StopUnit", "ss", unit, "replace");
        loop_until(standing.n_removed > 0);
        box_end(&standing);

        for (size_t i = 0; i < ELEMENTSOF(boxes); i++)
                box_end(&boxes[i]);
        disconnect_all();
}

START_TEST(test_reload) {
        disturb("Reload");
}
END_TEST

START_TEST(test_reexec) {
        disturb("Reexecute");
}
END_TEST

/* A bus that answers nothing: the attach ends by itself, and what was asked for is taken back when it goes on. */
START_TEST(test_bus_hangs) {
        _cleanup_free_ char *unit = unit_of("hang");
        usec_t begin;
        uint32_t pid;
        Box b;

        connect_all();
        SCOPE_MANAGER(manager)->attach_timeout = SHORT_ATTACH_TIMEOUT_USEC;
        ck_assert_int_ge(sd_bus_get_property_trivial(
                                         other_bus, SYSTEMD_NAME, "/org/freedesktop/systemd1/unit/dbus_2eservice",
                                         SYSTEMD_NAME ".Service", "MainPID", NULL, 'u', &pid), 0);
        ck_assert_uint_gt(pid, 1);

        ck_assert_int_eq(kill((pid_t) pid, SIGSTOP), 0);
        begin = now_usec(CLOCK_MONOTONIC);
        box_start(&b, "hang");
        loop_until(b.n_attached > 0);
        ck_assert_int_eq(kill((pid_t) pid, SIGCONT), 0);
        ck_assert_int_eq(b.r, -ETIMEDOUT);
        ck_assert_uint_ge(now_usec(CLOCK_MONOTONIC) - begin, SHORT_ATTACH_TIMEOUT_USEC);

        box_end(&b);
        loop_for(USEC_PER_SEC);
        loop_until(!unit_exists(unit));
        disconnect_all();
}
END_TEST

/* Anybody on the bus can send a signal to anybody. */
START_TEST(test_false_signals) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *unit = unit_of("spoof");
        const char *unique;
        Box b;

        connect_all();
        box_start(&b, "spoof");
        box_await(&b);

        ck_assert_int_ge(sd_bus_get_unique_name(bus, &unique), 0);
        ck_assert_int_ge(sd_bus_message_new_signal(other_bus, &m, SYSTEMD_PATH, SYSTEMD_MANAGER, "UnitRemoved"), 0);
        ck_assert_int_ge(sd_bus_message_append(m, "so", unit, "/x"), 0);
        ck_assert_int_ge(sd_bus_message_set_destination(m, unique), 0);
        ck_assert_int_ge(sd_bus_send(other_bus, m, NULL), 0);
        ck_assert_int_ge(sd_bus_flush(other_bus), 0);
        loop_for(500 * USEC_PER_MSEC);
        ck_assert_int_eq(b.n_removed, 0);

        box_end(&b);
        disconnect_all();
}
END_TEST

START_TEST(test_pids) {
        Box b;

        /* As with a systemd that has never heard of PIDFDs. */
        connect_all();
        SCOPE_MANAGER(manager)->no_pidfds = true;
        box_start(&b, "pids");
        box_await(&b);
        box_end(&b);
        disconnect_all();
}
END_TEST

/* A judgeboxd that leaves two boxes, each with runs: it lets go of one, and has no time to do so with the other. */
static int die_with_boxes(void) {
        static const char *const ids[] = { "kept", "stray" };

        connect_all();
        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                RunCgroup *a, *c;
                int supervisor_fd;
                Box b;

                box_start(&b, ids[i]);
                box_await(&b);
                ck_assert_int_eq(box_cgroup_delegate(b.cgroup, BOX_ROOT_UID, &supervisor_fd), 0);
                ck_assert_int_gt(clone_sleeper(supervisor_fd), 0);
                box_kill(&b);
                ck_assert_int_eq(box_cgroup_enable_controllers(b.cgroup), 0);
                ck_assert_int_eq(run_cgroup_new(b.cgroup, 3, &a), 0);
                ck_assert_int_eq(run_cgroup_new(b.cgroup, 4, &c), 0);

                if (i == 0) {
                        a = run_cgroup_release(a);
                        c = run_cgroup_release(c);
                        b.cgroup = box_cgroup_release(b.cgroup);
                }
        }

        ck_assert_int_ge(sd_bus_flush(bus), 0);
        return 0;
}

START_TEST(test_restart) {
        _cleanup_free_ char *kept = unit_of("kept"), *stray = unit_of("stray");
        _cleanup_close_ int pidfd = -EBADF;
        _cleanup_(limits_done) Limits l = LIMITS_NULL;
        _cleanup_free_ uint64_t *runs = NULL;
        RunCgroup *run;
        BoxCgroup *none;
        size_t n_runs;
        Box b = {};
        pid_t pid;

        ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        pid = clone_into(-EBADF, &pidfd);
        ck_assert_int_ge(pid, 0);
        if (pid == 0)
                _exit(die_with_boxes());
        ck_assert_int_eq(wait_for(pid), 0);

        connect_all();
        ck_assert(unit_exists(kept));
        ck_assert_int_eq(box_cgroup_adopt(manager, TENANT, "nobody", &none), -ENOENT);
        ck_assert_int_eq(box_cgroup_adopt(manager, TENANT + 1, "kept", &none), -ENOENT);
        ck_assert_int_eq(box_cgroup_adopt(manager, TENANT, "kept", &b.cgroup), 0);
        ck_assert_int_eq(box_cgroup_adopt(manager, TENANT, "kept", &none), -EEXIST);
        box_cgroup_set_removed_handler(b.cgroup, on_removed, &b);

        ck_assert_int_eq(box_cgroup_list_runs(b.cgroup, &runs, &n_runs), 0);
        ck_assert_uint_eq(n_runs, 2);
        ck_assert_uint_eq(runs[0] + runs[1], 3 + 4);
        ck_assert_int_eq(run_cgroup_adopt(b.cgroup, 7, &run), -ENOENT);
        ck_assert_int_eq(run_cgroup_adopt(b.cgroup, 3, &run), 0);
        limits_set(&l, LIMIT_PROCESSES, 9);
        ck_assert_int_eq(run_cgroup_set_limits(run, &l), 0);
        run = run_cgroup_free(run);

        /* One more, which belongs to the same as before. */
        ck_assert_int_eq(run_cgroup_new(b.cgroup, 5, &run), 0);
        ck_assert_int_eq(faccessat(run_cgroup_get_fd(run, RUN_CGROUP_DIR), "cgroup.procs", F_OK, 0), 0);
        run = run_cgroup_free(run);

        /* What nobody adopts ends, the adopted stays. */
        ck_assert_int_eq(cgroup_manager_kill_strays(manager), 1);
        ck_assert_int_eq(wait_for(-1), 1000 + SIGKILL);
        loop_until(!unit_exists(stray));
        loop_for(500 * USEC_PER_MSEC);
        ck_assert(unit_exists(kept));
        ck_assert_int_eq(b.n_removed, 0);

        /* And it is told when that is stopped. */
        manager_call("StopUnit", "ss", kept, "replace");
        loop_until(b.n_removed > 0);
        ck_assert_int_eq(wait_for(-1), 1000 + SIGKILL);
        b.cgroup = box_cgroup_free(b.cgroup);
        loop_until(!unit_exists(kept));
        disconnect_all();
}
END_TEST

/* A cgroup that systemd has not taken away with its unit. */
START_TEST(test_left_behind) {
        _cleanup_free_ char *path = NULL, *orphan = NULL, *root = NULL;
        _cleanup_close_ int mount_fd = -EBADF;
        Box b;

        connect_all();
        box_start(&b, "beside");
        box_await(&b);

        ck_assert_int_eq(cgroup_mount_open(&mount_fd, &root), 0);
        path = scope_manager_slice_path(SCOPE_MANAGER(manager), TENANT);
        ck_assert_ptr_nonnull(path);
        orphan = strprintf("/%s/judgebox-%u-orphan.scope", path, TENANT);
        ck_assert_ptr_nonnull(orphan);
        ck_assert_int_eq(mkdirat(mount_fd, orphan + 1, 0755), 0);

        /* Nobody looks after what is not a box's: a box of that name has been, or an earlier judgeboxd's. */
        loop_for(100 * USEC_PER_MSEC);
        ck_assert(cgroup_exists(orphan));
        ck_assert_int_eq(cgroup_manager_kill_strays(manager), 1);
        loop_until(!cgroup_exists(orphan));

        ck_assert(cgroup_exists(b.path));
        ck_assert_int_eq(b.n_removed, 0);
        box_end(&b);
        disconnect_all();
}
END_TEST

START_TEST(test_budget) {
        CgroupBudget budget;
        Box b;
        int r;

        connect_all();
        ck_assert_int_eq(cgroup_manager_read_budget(manager, TENANT + 7, &budget), 0);
        ck_assert_uint_eq(budget.memory_bytes, LIMIT_NONE);
        ck_assert_uint_eq(budget.cpu_usec_per_sec, LIMIT_NONE);

        box_start(&b, "budget");
        box_await(&b);
        r = sd_bus_call_method(
                        other_bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "SetUnitProperties", NULL, NULL,
                        "sba(sv)", "judgebox-4711.slice", true, 3,
                        "MemoryMax", "t", UINT64_C(1) << 30,
                        "TasksMax", "t", UINT64_C(77),
                        "CPUQuotaPerSecUSec", "t", UINT64_C(1500000));
        ck_assert_int_ge(r, 0);
        do {
                loop_for(50 * USEC_PER_MSEC);
                ck_assert_int_eq(cgroup_manager_read_budget(manager, TENANT, &budget), 0);
        } while (budget.processes != 77);
        ck_assert_uint_eq(budget.memory_bytes, UINT64_C(1) << 30);
        ck_assert_uint_eq(budget.cpu_usec_per_sec, 1500000);

        /* The slice has no unit file: what was set stays behind in drop-ins otherwise. */
        r = sd_bus_call_method(
                        other_bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "RevertUnitFiles", NULL, NULL,
                        "as", 1, "judgebox-4711.slice");
        ck_assert_int_ge(r, 0);
        ck_assert_int_lt(access("/run/systemd/system.control/judgebox-4711.slice.d", F_OK), 0);
        box_end(&b);
        disconnect_all();
}
END_TEST

static int use_much_memory(void *userdata) {
        uint8_t *p;

        p = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
                return 1;
        for (size_t i = 0; i < 64 << 20; i += 4096)
                p[i] = 1;
        return 0;
}

/* A run that exceeds its memory is a run's end and not its box's: systemd must not stop the scope for it. */
START_TEST(test_box_survives_oom) {
        _cleanup_close_ int supervisor_fd = -EBADF;
        _cleanup_(limits_done) Limits l = LIMITS_NULL;
        uint64_t value;
        RunCgroup *run;
        pid_t init;
        Box b;

        connect_all();
        box_start(&b, "oom");
        box_await(&b);
        ck_assert_int_eq(box_cgroup_delegate(b.cgroup, BOX_ROOT_UID, &supervisor_fd), 0);
        init = clone_sleeper(supervisor_fd);
        ck_assert_int_gt(init, 0);
        box_kill(&b);
        ck_assert_int_eq(box_cgroup_enable_controllers(b.cgroup), 0);

        ck_assert_int_eq(run_cgroup_new(b.cgroup, 1, &run), 0);
        limits_set(&l, LIMIT_MEMORY, 16 << 20);
        ck_assert_int_eq(run_cgroup_set_limits(run, &l), 0);
        ck_assert_int_eq(clone_and_wait(run_cgroup_get_fd(run, RUN_CGROUP_DIR), use_much_memory, NULL),
                         1000 + SIGKILL);
        ck_assert_int_eq(cgroup_read_key(run_cgroup_get_fd(run, RUN_CGROUP_MEMORY_EVENTS), "oom_kill", &value), 0);
        ck_assert_uint_ge(value, 1);

        loop_for(2 * USEC_PER_SEC);
        ck_assert_int_eq(b.n_removed, 0);
        ck_assert_int_eq(kill(init, 0), 0);
        ck_assert_int_eq(waitpid(init, NULL, WNOHANG), 0);

        run = run_cgroup_free(run);
        ck_assert_int_eq(box_cgroup_kill(b.cgroup), 0);
        ck_assert_int_eq(wait_for(init), 1000 + SIGKILL);
        box_end(&b);
        disconnect_all();
}
END_TEST

int main(void) {
        Suite *s;
        TCase *c;

        if (geteuid() != 0 || access("/run/systemd/system", F_OK) < 0 ||
            access("/run/dbus/system_bus_socket", F_OK) < 0) {
                printf("SKIP: cgroup-scope: needs root, systemd and its bus\n");
                return 77;
        }

        log_setup("test-cgroup-scope");

        s = suite_create("cgroup-scope");
        c = tcase_create("scope");
        tcase_set_timeout(c, 300);
        tcase_add_test(c, test_unit);
        tcase_add_test(c, test_life);
        tcase_add_test(c, test_stopped_from_outside);
        tcase_add_test(c, test_stopped_while_starting);
        tcase_add_test(c, test_same_name_again);
        tcase_add_test(c, test_launcher_dies);
        tcase_add_test(c, test_freed_while_starting);
        tcase_add_test(c, test_pids);
        tcase_add_test(c, test_restart);
        tcase_add_test(c, test_left_behind);
        tcase_add_test(c, test_budget);
        tcase_add_test(c, test_box_survives_oom);
        tcase_add_test(c, test_false_signals);
        tcase_add_test(c, test_name_is_taken);
        tcase_add_test(c, test_reload);
        tcase_add_test(c, test_reexec);
        tcase_add_test(c, test_bus_hangs);
        suite_add_tcase(s, c);

        return test_run_suite(s);
}
