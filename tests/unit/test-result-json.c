/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "json-build.h"
#include "manager.h"
#include "result-json.h"
#include "test-util.h"
#include "varlink-idl.h"
#include "varlink-interfaces.h"

/* What goes out is what the interface says: replies are held against it. */

static const char *member(json_object *o, const char *name) {
        json_object *v = NULL;

        return json_object_object_get_ex(o, name, &v) ? json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN) : NULL;
}

static void check_reply(const char *method, const char *field, json_object *o) {
        _cleanup_(varlink_idl_freep) VarlinkIdl *idl = NULL;
        _cleanup_json_ json_object *reply = json_object_new_object();
        _cleanup_free_ char *error_field = NULL;
        int r = 0;

        json_add(&r, reply, field, json_object_get(o));
        ck_assert_int_eq(r, 0);
        ck_assert_int_eq(varlink_idl_parse(varlink_interface_org_judgebox_Manager, NULL, &idl), 0);
        r = varlink_idl_check_reply(varlink_idl_find_method(idl, method), reply, &error_field);
        ck_assert_msg(r == 0, "%s in %s", strna(error_field), json_object_to_json_string(reply));
}

START_TEST(test_run_result) {
        static const struct {
                const char *path, *member, *value, *message;
        } paths[] = {
                { "/x", "path", "\"\\/x\"", "Could not allow \\/x: No such file" },
                { "\xff", "pathBase64", "\"\\/w==\"", "Could not execute prog (allowed-path: No such file" },
        };
        const struct {
                int number;
                const char *name;
        } signals[] = {
                { SIGRTMIN, "\"SIGRTMIN+0\"" }, { SIGRTMIN + 3, "\"SIGRTMIN+3\"" }, { SIGRTMIN - 1, "\"33\"" },
        };
        char *argv[] = { (char *) "prog", NULL };
        Tenant tenant = { .uid = 7 };
        Box box = { .id = (char *) "b" };
        Run run = { .box = &box, .tenant = &tenant, .number = 3, .queued_usec = 5, .request.spec.argv = argv };
        _cleanup_json_ json_object *plain = NULL, *rich = NULL, *failed = NULL;

        (void) limits_apply_defaults(&run.request.spec.limits);
        run_result_init(&run.result);
        run.result.verdict = VERDICT_OK;
        run.result.exit_status = 0;
        ck_assert_int_eq(run_to_json(&run, &plain), 0);
        check_reply("Run", "result", plain);

        /* Not known is not there: never 0, never -1. */
        ck_assert_str_eq(json_object_to_json_string_ext(plain, JSON_C_TO_STRING_PLAIN),
                         "{\"verdict\":\"ok\",\"message\":\"Exited normally.\",\"exitStatus\":0,\"queuedUSec\":5,"
                         "\"box\":\"b\",\"owner\":7,\"run\":3}");

        run.result.verdict = VERDICT_SIGNALED;
        run.result.exit_status = -1;
        run.result.signal = 11;
        run.result.cpu_usec = 0;
        run.result.memory_peak_bytes = UINT64_MAX - 1;
        run.result.degraded = DEGRADED_MEMORY | DEGRADED_CPUS;
        ck_assert_int_eq(run_to_json(&run, &rich), 0);
        check_reply("Run", "result", rich);
        ck_assert_str_eq(member(rich, "signal"), "\"SIGSEGV\"");
        ck_assert_str_eq(member(rich, "cpuTimeUSec"), "0");
        ck_assert_str_eq(member(rich, "memoryPeakBytes"), "9223372036854775807");
        ck_assert_str_eq(member(rich, "degraded"), "[\"memory\",\"cpus\"]");
        ck_assert_ptr_null(member(rich, "exitStatus"));

        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                _cleanup_json_ json_object *o = NULL;

                run.result.signal = signals[i].number;
                ck_assert_int_eq(run_to_json(&run, &o), 0);
                ck_assert_str_eq(member(o, "signal"), signals[i].name);
        }

        run.result.verdict = VERDICT_EXEC_FAILED;
        run.result.signal = 0;
        run.result.step = STEP_EXEC;
        run.result.error = ENOENT;
        ck_assert_int_eq(run_to_json(&run, &failed), 0);
        check_reply("Run", "result", failed);
        ck_assert_str_eq(member(failed, "step"), "\"exec\"");
        ck_assert_str_eq(member(failed, "error"), "\"ENOENT\"");
        ck_assert_ptr_null(member(failed, "path"));

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                _cleanup_json_ json_object *o = NULL;

                run.result.step = STEP_ALLOWED_PATH;
                run.observed.path = (char *) paths[i].path;
                ck_assert_int_eq(run_to_json(&run, &o), 0);
                check_reply("Run", "result", o);
                ck_assert_str_eq(member(o, paths[i].member), paths[i].value);
                ck_assert_ptr_nonnull(strstr(member(o, "message"), paths[i].message));
        }
}
END_TEST

typedef struct Call {
        uint32_t architecture;
        int number;
        const char *path;
        const char *message, *violation;
} Call;

START_TEST(test_violation) {
        /* Without arguments, which are the same for all. */
        static const Call calls[] = {
                { AUDIT_ARCH_NATIVE, SYS_ptrace, NULL, "Called ptrace().", "{\"syscall\":\"ptrace\"" },
                { AUDIT_ARCH_NATIVE, SYS_execve, "/bin/sh", "Called execve(\"/bin/sh\").", "{\"syscall\":\"execve\"" },
                { AUDIT_ARCH_NATIVE, SYS_execve, "\xff", "Called execve().", "{\"syscall\":\"execve\"" },
                { AUDIT_ARCH_NATIVE, 9999, NULL, "Called 9999().", "{\"syscall\":\"9999\"" },
#ifdef __x86_64__
                { AUDIT_ARCH_I386, 20, NULL, "Called getpid() by way of x86.", "{\"syscall\":\"getpid\"" },
                { AUDIT_ARCH_X86_64, 0x40000000 | 39, NULL, "Called getpid() by way of x32.", "{\"syscall\":\"getpid\"" },
#endif
        };
        char *argv[] = { (char *) "prog", NULL };
        Tenant tenant = {};

        for (size_t i = 0; i < ELEMENTSOF(calls); i++) {
                Run run = { .tenant = &tenant, .request.spec.argv = argv };
                _cleanup_json_ json_object *o = NULL;
                json_object *message;

                (void) limits_apply_defaults(&run.request.spec.limits);
                run_result_init(&run.result);
                run.result.verdict = VERDICT_SECURITY_VIOLATION;
                run.result.violation = (Violation) { .architecture = calls[i].architecture, .number = calls[i].number,
                                                     .arguments = { 1, UINT64_MAX } };
                run.observed.path = (char *) calls[i].path;

                ck_assert_int_eq(run_to_json(&run, &o), 0);
                check_reply("Run", "result", o);
                ck_assert(json_object_object_get_ex(o, "message", &message));
                ck_assert_str_eq(json_object_get_string(message), calls[i].message);
                ck_assert_ptr_eq(strstr(member(o, "violation"), calls[i].violation), member(o, "violation"));
                ck_assert_ptr_nonnull(strstr(member(o, "violation"), "\"arguments\":[1,-1,0,0,0,0]"));
                ck_assert(!strstr(member(o, "violation"), "unknown"));
                ck_assert(!!strstr(member(o, "violation"), "\"path") == !!calls[i].path);
        }
}
END_TEST

START_TEST(test_trace) {
        TraceEntry entries[] = {
                { .class = PATH_READ, .number = SYS_openat, .count = 3, .path = (char *) "/etc/passwd" },
                { .class = PATH_WRITE, .number = SYS_openat, .count = 1, .path = (char *) "\xff" },
        };
        char *argv[] = { (char *) "prog", NULL };
        Tenant tenant = {};
        Run run = { .tenant = &tenant, .request.spec.argv = argv };
        _cleanup_json_ json_object *full = NULL, *empty = NULL;

        (void) limits_apply_defaults(&run.request.spec.limits);
        run_result_init(&run.result);
        run.result.verdict = VERDICT_OK;
        run.observed = (Observed) { .trace = entries, .n_trace = 2, .trace_dropped = 4, .traced = true };
        ck_assert_int_eq(run_to_json(&run, &full), 0);
        check_reply("Run", "result", full);
        ck_assert_str_eq(member(full, "trace"),
                         "{\"entries\":[{\"class\":\"read\",\"syscall\":\"openat\",\"path\":\"\\/etc\\/passwd\",\"count\":3},"
                         "{\"class\":\"write\",\"syscall\":\"openat\",\"pathBase64\":\"\\/w==\",\"count\":1}],\"dropped\":4}");

        run.observed = (Observed) { .traced = true };
        ck_assert_int_eq(run_to_json(&run, &empty), 0);
        check_reply("Run", "result", empty);
        ck_assert_str_eq(member(empty, "trace"), "{\"entries\":[],\"dropped\":0}");
}
END_TEST

START_TEST(test_every_verdict) {
        char *argv[] = { (char *) "prog", NULL };
        Tenant tenant = {};
        Run run = { .tenant = &tenant, .request.spec.argv = argv };
        _cleanup_json_ json_object *o = NULL;

        (void) limits_apply_defaults(&run.request.spec.limits);
        run_result_init(&run.result);
        run.result.verdict = (Verdict) _i;
        ck_assert_int_eq(run_to_json(&run, &o), 0);
        check_reply("Run", "result", o);
}
END_TEST

START_TEST(test_box) {
        Box box = {
                .id = (char *) "b",
                .owner = 1000,
                .init_pidfd = -EBADF,
                .settings = {
                        .storage_bytes = 4096, .inodes = 16, .host_name = (char *) "h", .profile = (char *) "strict",
                },
        };
        _cleanup_json_ json_object *o = NULL;
        json_object *boxes = json_object_new_array();
        int r = 0;

        (void) limits_apply_defaults(&box.run_limits);
        ck_assert_int_eq(box_to_json(&box, RESULT_UNKNOWN, 5, &o), 0);
        check_reply("GetBox", "status", o);
        ck_assert_str_eq(member(o, "state"), "\"starting\"");
        ck_assert_str_eq(member(o, "inodesUsed"), "5");
        ck_assert_ptr_null(member(o, "storageUsedBytes"));
        ck_assert_ptr_null(member(o, "leaderPid"));

        json_append(&r, boxes, json_object_get(o));
        check_reply("ListBoxes", "boxes", boxes);
        (void) json_object_put(boxes);
}
END_TEST

typedef struct Entries {
        char data[4096];
        size_t size;
} Entries;

static void add_entry(Entries *e, const char *name, size_t name_size, uint32_t mode) {
        MessageEntry m = { .size_bytes = 1, .modified_usec = 2, .mode = mode, .name_size = (uint32_t) name_size };

        memcpy(e->data + e->size, &m, sizeof(m));
        memcpy(e->data + e->size + sizeof(m), name, name_size);
        e->size += sizeof(m) + name_size;
}

START_TEST(test_entries) {
        _cleanup_json_ json_object *o = NULL;
        Entries e = {};

        ck_assert_int_eq(entries_to_json(NULL, 0, &o), 0);
        ck_assert_uint_eq(json_object_array_length(o), 0);
        (void) json_object_put(o);

        add_entry(&e, "a", 2, S_IFREG | 0755);
        add_entry(&e, "d/e", 4, S_IFDIR | 01777);
        add_entry(&e, "\xff", 2, S_IFLNK);
        add_entry(&e, "\xff\xfe", 3, S_IFIFO);
        add_entry(&e, "\xff\xfe\xfd", 4, S_IFSOCK);
        add_entry(&e, "\xed\xa0\x80", 4, S_IFBLK);
        ck_assert_int_eq(entries_to_json(e.data, e.size, &o), 0);
        check_reply("ListFiles", "entries", o);

        ck_assert_str_eq(json_object_to_json_string_ext(json_object_array_get_idx(o, 0), JSON_C_TO_STRING_PLAIN),
                         "{\"name\":\"a\",\"type\":\"regular\",\"sizeBytes\":1,\"mode\":493,\"modifiedUSec\":2}");
        ck_assert_str_eq(member(json_object_array_get_idx(o, 1), "type"), "\"directory\"");
        ck_assert_str_eq(member(json_object_array_get_idx(o, 1), "mode"), "1023");

        /* Every length of a last group. */
        ck_assert_str_eq(json_object_get_string(json_object_object_get(json_object_array_get_idx(o, 2), "nameBase64")), "/w==");
        ck_assert_str_eq(json_object_get_string(json_object_object_get(json_object_array_get_idx(o, 3), "nameBase64")), "//4=");
        ck_assert_str_eq(json_object_get_string(json_object_object_get(json_object_array_get_idx(o, 4), "nameBase64")), "//79");
        ck_assert_ptr_null(member(json_object_array_get_idx(o, 5), "name"));
        ck_assert_str_eq(member(json_object_array_get_idx(o, 5), "type"), "\"other\"");
}
END_TEST

START_TEST(test_bad_entries) {
        json_object *o = NULL;
        Entries e = {};

        /* Every way to cut it short. */
        add_entry(&e, "name", 5, S_IFREG);
        for (size_t i = 1; i < e.size; i++)
                ck_assert_int_eq(entries_to_json(e.data, i, &o), -EBADMSG);

        e.size = 0;
        add_entry(&e, "", 1, S_IFREG);
        ck_assert_int_eq(entries_to_json(e.data, e.size, &o), -EBADMSG);

        e.size = 0;
        add_entry(&e, "a\0b", 4, S_IFREG);
        ck_assert_int_eq(entries_to_json(e.data, e.size, &o), -EBADMSG);

        e.size = 0;
        add_entry(&e, "abc", 3, S_IFREG);
        ck_assert_int_eq(entries_to_json(e.data, e.size, &o), -EBADMSG);
}
END_TEST

START_TEST(test_limits) {
        _cleanup_(limits_done) Limits l = LIMITS_NULL;
        _cleanup_json_ json_object *o = NULL;

        limits_set(&l, LIMIT_CPUS, LIMIT_NONE);
        limits_set(&l, LIMIT_CORE, 0);
        l.cpu_set = strdup("0-1");
        ck_assert_int_eq(limits_to_json(&l, &o), 0);
        ck_assert_str_eq(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), "{\"coreBytes\":0,\"cpuSet\":\"0-1\"}");
}
END_TEST

int main(void) {
        Suite *s = suite_create("result-json");
        TCase *t = tcase_create("result-json");

        tcase_add_test(t, test_run_result);
        tcase_add_loop_test(t, test_every_verdict, 0, _VERDICT_MAX);
        tcase_add_test(t, test_violation);
        tcase_add_test(t, test_trace);
        tcase_add_test(t, test_box);
        tcase_add_test(t, test_entries);
        tcase_add_test(t, test_bad_entries);
        tcase_add_test(t, test_limits);
        suite_add_tcase(s, t);

        return test_run_suite(s);
}
