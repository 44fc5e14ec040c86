/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The manager `scope` with a stand-in for PID 1 at the other end of its connection, which answers as a test wants: what
 * the real one cannot be made to do (test-cgroup-scope.c has that). */

#include <sys/socket.h>
#include <sys/stat.h>

#include "cgroup-child.h"
#include "cgroup-dir.h"
#include "cgroup-mount.h"
#include "log.h"
#include "scope-internal.h"
#include "test-util.h"

#define TENANT ((uid_t) 4711)
#define UNIT "judgebox-4711-b.scope"
#define JOB "/org/freedesktop/systemd1/job/1"
#define PATIENCE_USEC (60 * USEC_PER_SEC)

static sd_event *event;
static sd_bus *bus, *pid1;
static CgroupManager *manager;
static int mount_fd;
static char top[64];

/* What it does with the calls of StartTransientUnit, and how many there were. */
static const char *refusal; /* NULL: none */
static unsigned n_refusals, n_calls, n_stops, n_subscribes;
static bool silent;

/* Pings that it has not answered yet. */
static sd_bus_message *pings[4];
static size_t n_pings;

static BoxCgroup *box;
static pid_t pid;
static int n_attached, attached_result;

static int send_signal_from(
                const char *sender,
                const char *path,
                const char *interface,
                const char *member,
                const char *types,
                va_list ap) {

        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        ck_assert_int_ge(sd_bus_message_new_signal(pid1, &m, path, interface, member), 0);
        ck_assert_int_ge(sd_bus_message_set_sender(m, sender), 0);
        ck_assert_int_ge(sd_bus_message_appendv(m, types, ap), 0);
        return sd_bus_send(pid1, m, NULL);
}

/* Who PID 1's signals are from. */
static const char *sender;

static int send_signal(const char *member, const char *types, ...) {
        va_list ap;
        int r;

        va_start(ap, types);
        r = send_signal_from(sender, SYSTEMD_PATH, SYSTEMD_MANAGER, member, types, ap);
        va_end(ap);
        return r;
}

static int send_bus_signal(const char *from, const char *member, const char *types, ...) {
        va_list ap;
        int r;

        va_start(ap, types);
        r = send_signal_from(from, "/org/freedesktop/DBus", "org.freedesktop.DBus", member, types, ap);
        va_end(ap);
        return r;
}

/* Where the unit's cgroup is does not matter, only what its name is. */
static void make_scope(void) {
        _cleanup_close_ int fd = -EBADF;
        char path[128], text[32];

        (void) snprintf(path, sizeof(path), "%s/" UNIT, top);
        ck_assert_int_ge(mkdirat(mount_fd, path, 0755), 0);
        fd = cgroup_dir_open(mount_fd, path, O_RDONLY);
        ck_assert_int_ge(fd, 0);
        (void) snprintf(text, sizeof(text), "%i", pid);
        ck_assert_int_eq(write_string_file_at(fd, "cgroup.procs", text), 0);
}

static int start_unit(sd_bus_message *m) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        n_calls++;
        if (silent)
                return 1;

        if (n_refusals > 0) {
                n_refusals--;
                /* As it does with a unit that it has made and cannot use. */
                ck_assert_int_ge(send_signal("UnitNew", "so", UNIT, "/unit"), 0);
                ck_assert_int_ge(send_signal("UnitRemoved", "so", UNIT, "/unit"), 0);
                return sd_bus_reply_method_errorf(m, refusal, "no");
        }

        make_scope();
        ck_assert_int_ge(sd_bus_message_new_method_return(m, &reply), 0);
        ck_assert_int_ge(sd_bus_message_set_sender(reply, SYSTEMD_NAME), 0);
        ck_assert_int_ge(sd_bus_message_append(reply, "o", JOB), 0);
        ck_assert_int_ge(sd_bus_send(pid1, reply, NULL), 0);
        return send_signal("JobRemoved", "uoss", 1, JOB, UNIT, "done");
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        if (sd_bus_message_is_method_call(m, SYSTEMD_MANAGER, "StartTransientUnit"))
                return start_unit(m) < 0 ? -EIO : 1;
        n_stops += sd_bus_message_is_method_call(m, SYSTEMD_MANAGER, "StopUnit") > 0;
        n_subscribes += sd_bus_message_is_method_call(m, SYSTEMD_MANAGER, "Subscribe") > 0;
        if (sd_bus_message_is_method_call(m, "org.freedesktop.DBus.Peer", "Ping")) {
                ck_assert_uint_lt(n_pings, ELEMENTSOF(pings));
                pings[n_pings++] = sd_bus_message_ref(m);
                return 1;
        }
        if (sd_bus_message_is_method_call(m, NULL, NULL))
                return sd_bus_reply_method_return(m, NULL);
        return 0;
}

/* A new connection between the two. */
static void join(void) {
        int fds[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        ck_assert_int_ge(sd_bus_new(&pid1), 0);
        ck_assert_int_ge(sd_bus_set_fd(pid1, fds[0], fds[0]), 0);
        ck_assert_int_ge(sd_bus_set_server(pid1, true, SD_ID128_MAKE(1, 2, 3, 4, 5, 6, 7, 8, 9, a, b, c, d, e, f, 0)), 0);
        ck_assert_int_ge(sd_bus_negotiate_fds(pid1, true), 0);
        ck_assert_int_ge(sd_bus_add_filter(pid1, NULL, on_message, NULL), 0);
        ck_assert_int_ge(sd_bus_start(pid1), 0);
        ck_assert_int_ge(sd_bus_attach_event(pid1, event, 0), 0);

        ck_assert_int_ge(sd_bus_new(&bus), 0);
        ck_assert_int_ge(sd_bus_set_fd(bus, fds[1], fds[1]), 0);
        ck_assert_int_ge(sd_bus_negotiate_fds(bus, true), 0);
        ck_assert_int_ge(sd_bus_start(bus), 0);
        ck_assert_int_ge(sd_bus_attach_event(bus, event, 0), 0);
}

static void part(void) {
        pid1 = sd_bus_close_unref(pid1);
}

static int on_patience_over(sd_event_source *s, uint64_t usec, void *userdata) {
        ck_abort_msg("Waited for too long");
}

#define loop_until(condition)                                                                                   \
        do {                                                                                                    \
                sd_event_source *_patience = NULL;                                                              \
                ck_assert_int_ge(sd_event_add_time_relative(                                                    \
                                                 event, &_patience, CLOCK_MONOTONIC, PATIENCE_USEC, 1,          \
                                                 on_patience_over, NULL), 0);                                   \
                while (!(condition))                                                                            \
                        ck_assert_int_ge(sd_event_run(event, 10 * USEC_PER_MSEC), 0);                           \
                (void) sd_event_source_disable_unref(_patience);                                                \
        } while (false)

static void on_attached(BoxCgroup *b, int r, void *userdata) {
        n_attached++;
        attached_result = r;
}

static void setup_without_bus(void) {
        _cleanup_free_ char *root = NULL;

        sender = SYSTEMD_NAME;
        n_refusals = n_calls = n_stops = n_subscribes = 0;
        n_attached = 0;
        silent = false;
        ck_assert_int_eq(cgroup_mount_open(&mount_fd, &root), 0);
        (void) snprintf(top, sizeof(top), "test-scope-bus-%i", getpid());
        ck_assert_int_ge(mkdirat(mount_fd, top, 0755), 0);
        ck_assert_int_ge(sd_event_new(&event), 0);
        ck_assert_int_eq(cgroup_manager_new_scope(event, &manager), 0);
        ck_assert_int_eq(box_cgroup_new(manager, TENANT, "b", "a box", &box), 0);
        pid = clone_sleeper(-EBADF);
        ck_assert_int_gt(pid, 0);
}

static void join_manager(void) {
        join();
        ck_assert_int_eq(cgroup_manager_set_bus(manager, bus), 0);
}

static void setup(void) {
        setup_without_bus();
        join_manager();
}

static void attach(void) {
        ck_assert_int_eq(box_cgroup_attach(box, pid, -EBADF, on_attached, NULL), 0);
}

static void teardown(void) {
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(wait_for(pid), 1000 + SIGKILL);
        box = box_cgroup_free(box);
        manager = cgroup_manager_free(manager);
        bus = sd_bus_close_unref(bus);
        part();
        event = sd_event_unref(event);
        ck_assert_int_eq(cgroup_dir_remove(mount_fd, top), 0);
        mount_fd = safe_close(mount_fd);
}

/* The slice goes, or is not known any more: tried again, at leisure, though each failure is followed by the signal that
 * the unit is gone. */
START_TEST(test_slice_is_gone) {
        static const char *const names[] = {
                SYSTEMD_NAME ".NoSuchUnit",
                SYSTEMD_NAME ".TransactionIsDestructive",
                "System.Error.ENOENT",
        };
        usec_t begin;

        setup();
        refusal = names[_i];
        n_refusals = 3;
        begin = now_usec(CLOCK_MONOTONIC);
        attach();
        loop_until(n_attached > 0);
        ck_assert_int_eq(attached_result, 0);
        ck_assert_uint_eq(n_calls, 4);
        ck_assert_uint_ge(now_usec(CLOCK_MONOTONIC) - begin, (100 + 200 + 400) * USEC_PER_MSEC);
        teardown();
}
END_TEST

/* That a unit of the same name goes is what is waited for. */
START_TEST(test_name_is_taken) {
        usec_t begin;

        setup();
        refusal = SYSTEMD_NAME ".UnitExists";
        n_refusals = 1;
        begin = now_usec(CLOCK_MONOTONIC);
        attach();
        loop_until(n_calls > 0);
        ck_assert_int_ge(send_signal("UnitRemoved", "so", UNIT, "/unit"), 0);
        loop_until(n_attached > 0);
        ck_assert_int_eq(attached_result, 0);
        ck_assert_uint_eq(n_calls, 2);
        ck_assert_uint_lt(now_usec(CLOCK_MONOTONIC) - begin, 100 * USEC_PER_MSEC);
        teardown();
}
END_TEST

/* What will not be otherwise by waiting. */
START_TEST(test_refused) {
        setup();
        refusal = SD_BUS_ERROR_ACCESS_DENIED;
        n_refusals = 1;
        attach();
        loop_until(n_attached > 0);
        ck_assert_int_eq(attached_result, -EACCES);
        ck_assert_uint_eq(n_calls, 1);
        teardown();
}
END_TEST

static void reconnect(void) {
        sd_bus *old = bus;

        join_manager();
        (void) sd_bus_close_unref(old);
}

/* The connection breaks when PID 1 has been called, and did or did not hear it. */
START_TEST(test_connection_breaks) {
        setup();
        silent = true;
        attach();
        loop_until(n_calls > 0);
        if (_i == 1)
                make_scope();
        part();
        loop_until(n_attached > 0 || SCOPE_BOX(box)->n_retries >= 3);
        ck_assert_int_eq(n_attached, _i);

        silent = false;
        reconnect();
        loop_until(n_attached > 0);
        ck_assert_int_eq(attached_result, 0);
        ck_assert_uint_eq(n_calls, _i == 1 ? 1 : 2);
        teardown();
}
END_TEST

/* There is none when the box is made. */
START_TEST(test_no_connection) {
        setup();
        part();
        loop_until(sd_bus_is_open(bus) <= 0);
        attach();
        loop_until(SCOPE_BOX(box)->n_retries >= 2);
        ck_assert_int_eq(n_attached, 0);
        reconnect();
        loop_until(n_attached > 0);
        ck_assert_int_eq(attached_result, 0);
        teardown();
}
END_TEST

static void on_settled(BoxCgroup *b, uint64_t token, void *userdata) {
        ck_assert_ptr_eq(b, box);
        *(uint64_t *) userdata |= UINT64_C(1) << token;
}

/* There has never been one. */
START_TEST(test_no_bus_yet) {
        setup_without_bus();
        attach();
        loop_until(SCOPE_BOX(box)->n_retries >= 2);
        ck_assert_int_eq(n_attached, 0);
        ck_assert_int_eq(box_cgroup_settle(box, 1, on_settled, NULL), -ENOTCONN);
        join_manager();
        loop_until(n_attached > 0);
        ck_assert_int_eq(attached_result, 0);
        teardown();
}
END_TEST

static void on_removed(BoxCgroup *b, void *userdata) {
        (*(unsigned *) userdata)++;
}

/* Its scope is emptied while nobody can say so. */
START_TEST(test_removed_meanwhile) {
        unsigned n_removed = 0;

        setup();
        box_cgroup_set_removed_handler(box, on_removed, &n_removed);
        attach();
        loop_until(n_attached > 0);
        part();
        loop_until(sd_bus_is_open(bus) <= 0);
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(wait_for(pid), 1000 + SIGKILL);
        reconnect();
        loop_until(n_removed > 0);
        pid = clone_sleeper(-EBADF);
        teardown();
}
END_TEST

static usec_t next_look(void) {
        usec_t when;

        ck_assert_int_ge(sd_event_source_get_time(SCOPE_MANAGER(manager)->leaving_timer, &when), 0);
        return when;
}

/* A scope that PID 1 does not get rid of: looked at ever less often, and at once when something is said of it. */
START_TEST(test_leaving_stays) {
        char path[128];
        usec_t when;

        setup();
        make_scope();
        (void) snprintf(path, sizeof(path), "%s/" UNIT, top);
        scope_manager_add_leaving(SCOPE_MANAGER(manager), UNIT, path);

        for (unsigned i = 0; i < 3; i++) {
                when = next_look();
                loop_until(next_look() != when);
                ck_assert_uint_ge(next_look() - when, USEC_PER_SEC << i);
        }
        loop_until(n_stops == 1);

        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(wait_for(pid), 1000 + SIGKILL);
        ck_assert_int_eq(cgroup_dir_remove(mount_fd, path), 0);
        when = next_look();
        ck_assert_int_ge(send_signal("UnitRemoved", "so", UNIT, "/unit"), 0);
        loop_until(LIST_EMPTY(&SCOPE_MANAGER(manager)->leaving));
        ck_assert_uint_lt(now_usec(CLOCK_MONOTONIC), when);

        pid = clone_sleeper(-EBADF);
        teardown();
}
END_TEST

/* PID 1 has done what it was about, before it heard the oldest of these. */
static void answer_ping(void) {
        sd_bus_message *m = pings[0];

        ck_assert_uint_gt(n_pings, 0);
        memmove(pings, pings + 1, --n_pings * sizeof(pings[0]));
        ck_assert_int_ge(sd_bus_reply_method_return(m, NULL), 0);
        (void) sd_bus_message_unref(m);
}

static void drop_pings(void) {
        while (n_pings > 0)
                (void) sd_bus_message_unref(pings[--n_pings]);
}

static void setup_attached(void) {
        setup();
        attach();
        loop_until(n_attached > 0);
        ck_assert_int_eq(attached_result, 0);
}

#define PID1_NAME ":1.0"
#define OTHER_NAME ":1.4711"

static void send_owner_changed(const char *from, const char *owner) {
        ck_assert_int_ge(send_bus_signal(from, "NameOwnerChanged", "sss", SYSTEMD_NAME, "", owner), 0);
}

static void send_unit_removed(const char *from) {
        sender = from;
        ck_assert_int_ge(send_signal("UnitRemoved", "so", UNIT, "/unit"), 0);
}

static void send_reloaded(const char *from) {
        sender = from;
        ck_assert_int_ge(send_signal("Reloading", "b", false), 0);
}

/* Anybody can send them, as often as he likes: each would be a look at all boxes, or more work for PID 1. */
START_TEST(test_signals_of_others) {
        char path[128];

        setup_attached();
        (void) snprintf(path, sizeof(path), "%s/" UNIT, top);
        scope_manager_add_leaving(SCOPE_MANAGER(manager), UNIT, path);
        send_owner_changed("org.freedesktop.DBus", PID1_NAME);
        loop_until(n_subscribes == 2);
        SCOPE_BOX(box)->watch = false;

        send_owner_changed(OTHER_NAME, OTHER_NAME);
        send_owner_changed(PID1_NAME, OTHER_NAME);
        send_reloaded(OTHER_NAME);
        send_unit_removed(OTHER_NAME);
        send_unit_removed(PID1_NAME);
        loop_until(n_stops > 0);
        ck_assert_uint_eq(n_subscribes, 2);
        ck_assert(!SCOPE_BOX(box)->watch);

        send_reloaded(PID1_NAME);
        loop_until(SCOPE_BOX(box)->watch);
        send_owner_changed("org.freedesktop.DBus", PID1_NAME);
        loop_until(n_subscribes == 3);
        ck_assert_uint_eq(n_stops, 1);

        scope_manager_drop_leaving(SCOPE_MANAGER(manager), UNIT);
        teardown();
}
END_TEST

/* Each waits for an answer of its own: that to an earlier question says nothing of what was begun since. */
START_TEST(test_settle) {
        uint64_t settled = 0;

        setup_attached();
        ck_assert_int_eq(box_cgroup_settle(box, 1, on_settled, &settled), 0);
        loop_until(n_pings == 1);
        ck_assert_int_eq(box_cgroup_settle(box, 2, on_settled, &settled), 0);
        loop_until(n_pings == 2);
        ck_assert_uint_eq(settled, 0);
        answer_ping();
        loop_until(settled != 0);
        ck_assert_uint_eq(settled, 1 << 1);
        answer_ping();
        loop_until(settled != 1 << 1);
        ck_assert_uint_eq(settled, 1 << 1 | 1 << 2);
        teardown();
}
END_TEST

/* The box is gone before the answer comes. */
START_TEST(test_settle_is_forgotten) {
        uint64_t settled = 0;

        setup_attached();
        ck_assert_int_eq(box_cgroup_settle(box, 1, on_settled, &settled), 0);
        ck_assert_int_eq(box_cgroup_settle(box, 2, on_settled, &settled), 0);
        loop_until(n_pings == 2);
        box = box_cgroup_free(box);
        answer_ping();
        answer_ping();
        ck_assert_int_eq(box_cgroup_new(manager, TENANT, "c", "another box", &box), 0);
        ck_assert_int_eq(box_cgroup_settle(box, 3, on_settled, &settled), 0);
        loop_until(n_pings == 1);
        answer_ping();
        loop_until(settled != 0);
        ck_assert_uint_eq(settled, 1 << 3);
        teardown();
}
END_TEST

/* Whoever waits is not left waiting; and where there is nobody to ask, is told so. */
START_TEST(test_settle_without_connection) {
        uint64_t settled = 0;

        setup_attached();
        ck_assert_int_eq(box_cgroup_settle(box, 1, on_settled, &settled), 0);
        loop_until(n_pings == 1);
        drop_pings();
        part();
        loop_until(settled != 0);
        loop_until(sd_bus_is_open(bus) <= 0);
        ck_assert_int_lt(box_cgroup_settle(box, 2, on_settled, &settled), 0);
        ck_assert_uint_eq(settled, 1 << 1);
        teardown();
}
END_TEST

int main(void) {
        Suite *s;
        TCase *c;

        if (geteuid() != 0) {
                printf("SKIP: scope-bus: not root\n");
                return 77;
        }

        log_setup("test-scope-bus");

        s = suite_create("scope-bus");
        c = tcase_create("scope-bus");
        tcase_set_timeout(c, 120);
        tcase_add_loop_test(c, test_slice_is_gone, 0, 3);
        tcase_add_test(c, test_name_is_taken);
        tcase_add_test(c, test_refused);
        tcase_add_loop_test(c, test_connection_breaks, 0, 2);
        tcase_add_test(c, test_no_connection);
        tcase_add_test(c, test_no_bus_yet);
        tcase_add_test(c, test_removed_meanwhile);
        tcase_add_test(c, test_leaving_stays);
        tcase_add_test(c, test_signals_of_others);
        tcase_add_test(c, test_settle);
        tcase_add_test(c, test_settle_is_forgotten);
        tcase_add_test(c, test_settle_without_connection);
        suite_add_tcase(s, c);

        return test_run_suite(s);
}
