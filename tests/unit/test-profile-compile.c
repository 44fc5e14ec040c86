/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The program against the rules, evaluated by hand; against the one that libseccomp makes of the same rules; and
 * what the kernel itself does with it. */

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd-util.h"
#include "filter-evaluate.h"
#include "path-call.h"
#include "profile-internal.h"
#include "test-util.h"

#define X32_BIT UINT32_C(0x40000000)
#define NUMBER_END 600U

static const char *const shipped[] = { "default", "strict", "compile", "none" };

static Profile *parse(const char *name, const char *text, size_t size) {
        Profile *p = NULL;
        char *error = NULL;
        int r;

        r = profile_parse(text, size, &p, &error);
        ck_assert_msg(r == 0, "%s: %s", name, strna(error));
        return p;
}

static Profile *parse_file(const char *path) {
        _cleanup_free_ char *text = NULL;
        size_t size;

        ck_assert_int_eq(read_full_file_at(AT_FDCWD, path, PROFILE_TEXT_MAX, &text, &size), 0);
        return parse(path, text, size);
}

static Profile *parse_shipped(const char *name) {
        _cleanup_free_ char *path = NULL;

        ck_assert_ptr_nonnull(getenv("JUDGEBOX_SOURCE_ROOT"));
        path = strprintf("%s/profiles/%s.json", getenv("JUDGEBOX_SOURCE_ROOT"), name);
        return parse_file(path);
}

static ProfileProgram compile(const Profile *p, ProfileFlags flags) {
        ProfileProgram program;

        ck_assert_int_eq(profile_compile(p, flags, &program), 0);
        ck_assert_uint_ge(program.n, 1);
        ck_assert_uint_le(program.n, PROFILE_PROGRAM_MAX);
        return program;
}

static bool condition_holds(const Condition *c, uint64_t value) {
        switch (c->compare) {
        case COMPARE_NE:
                return value != c->value;
        case COMPARE_LT:
                return value < c->value;
        case COMPARE_LE:
                return value <= c->value;
        case COMPARE_EQ:
                return value == c->value;
        case COMPARE_GE:
                return value >= c->value;
        case COMPARE_GT:
                return value > c->value;
        default:
                return (value & c->value) == c->value2;
        }
}

/* What the profile says, rule by rule. */
static Action expect(const Profile *p, const struct seccomp_data *d) {
        const ProfileRule *best = NULL;

        if (d->arch != seccomp_arch_native())
                return p->foreign_action;
        if (seccomp_arch_native() == SCMP_ARCH_X86_64 && d->nr != -1 && (uint32_t) d->nr >= X32_BIT)
                return p->foreign_action;

        for (size_t i = 0; i < p->n_rules; i++) {
                const ProfileRule *r = p->rules + i;
                bool holds = r->nr == (uint32_t) d->nr;

                for (size_t k = 0; k < r->n_conditions && holds; k++)
                        holds = condition_holds(r->conditions + k, d->args[r->conditions[k].argument]);
                if (!holds)
                        continue;

                if (!best || (r->n_conditions > 0) > (best->n_conditions > 0) ||
                    (!r->n_conditions == !best->n_conditions &&
                     (r->action.type < best->action.type ||
                      (r->action.type == best->action.type && r->order < best->order))))
                        best = r;
        }

        return best ? best->action : p->default_action;
}

static void check_call(const Profile *p, const ProfileProgram *program, const struct seccomp_data *d, bool trace) {
        uint32_t got = filter_evaluate(program->filter, program->n, d);
        Action a = expect(p, d);
        uint32_t wanted = action_to_return(a);

        if (trace && d->arch == seccomp_arch_native() && IN_SET(a.type, ACTION_ALLOW, ACTION_LOG) && path_call_find(d->nr))
                wanted = SECCOMP_RET_USER_NOTIF | FILTER_NOTICE_TRACE;

        ck_assert_msg(got == wanted, "call %i (%#" PRIx64 ", %#" PRIx64 "): %#x instead of %#x", d->nr,
                      (uint64_t) d->args[0], (uint64_t) d->args[1], got, wanted);
}

/* Every number, every architecture, and about each value that a rule names. */
static void check_all(const Profile *p, const ProfileProgram *program, bool trace) {
        static const uint32_t odd_numbers[] = { X32_BIT - 1, X32_BIT, X32_BIT + 1, X32_BIT | 520, INT32_MAX, 1U << 31,
                                                UINT32_MAX - 1, UINT32_MAX };

        for (uint32_t i = 0; i < NUMBER_END + ELEMENTSOF(odd_numbers); i++) {
                int nr = (int) (i < NUMBER_END ? i : odd_numbers[i - NUMBER_END]);
                struct seccomp_data d = { .nr = nr, .arch = seccomp_arch_native() };

                check_call(p, program, &d, trace);
                d.arch = AUDIT_ARCH_I386;
                check_call(p, program, &d, trace);
        }

        for (size_t i = 0; i < p->n_rules; i++) {
                const ProfileRule *r = p->rules + i;

                for (size_t k = 0; k < r->n_conditions; k++)
                        for (int64_t step = -1; step <= 1; step++)
                                for (unsigned high = 0; high < 2; high++) {
                                        struct seccomp_data d = { .nr = (int) r->nr, .arch = seccomp_arch_native() };

                                        for (size_t m = 0; m < r->n_conditions; m++) {
                                                const Condition *c = r->conditions + m;

                                                d.args[c->argument] = c->compare == COMPARE_MASKED_EQ ? c->value2 : c->value;
                                        }
                                        d.args[r->conditions[k].argument] += (uint64_t) step + ((uint64_t) high << 32);
                                        check_call(p, program, &d, trace);
                                }
        }
}

START_TEST(test_shipped) {
        for (size_t i = 0; i < ELEMENTSOF(shipped); i++) {
                _cleanup_(profile_freep) Profile *p = parse_shipped(shipped[i]);
                bool open = streq(shipped[i], "none");

                ck_assert_ptr_nonnull(profile_description(p));
                ck_assert(profile_is_admin_only(p) == open);

                for (unsigned trace = 0; trace < 2; trace++) {
                        _cleanup_(profile_program_done) ProfileProgram program = compile(p, trace ? PROFILE_TRACE : 0);

                        check_all(p, &program, trace);
                        ck_assert(program.notifies == (!open || trace));
                        ck_assert(program.allows_all == (open && !trace));
                        if (!trace)
                                ck_assert_uint_le(program.n, 256);
                }
        }
}
END_TEST

/* All comparisons, on values that fill one half, the other, and both. */
START_TEST(test_comparisons) {
        static const char *const compares[] = { "NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ" };
        static const uint64_t values[] = { 0, 1, 0xffffffff, 0x100000000, 0x123456789abcdef0, UINT64_MAX };

        for (size_t i = 0; i < ELEMENTSOF(compares); i++)
                for (size_t k = 0; k < ELEMENTSOF(values); k++) {
                        _cleanup_free_ char *text = strprintf(
                                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"name\":\"read\",\"action\":\"report\","
                                "\"args\":[{\"index\":5,\"value\":%" PRIu64 ",\"valueTwo\":%" PRIu64
                                ",\"op\":\"SCMP_CMP_%s\"},{\"index\":2,\"value\":7,\"op\":\"SCMP_CMP_GE\"}]},"
                                "{\"name\":\"read\",\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":1,\"value\":1,"
                                "\"op\":\"SCMP_CMP_EQ\"}]},{\"name\":\"read\",\"action\":\"SCMP_ACT_LOG\"}]}",
                                values[k], values[k] & 0xf0f0f0f0f0f0f0f0, compares[i]);
                        _cleanup_(profile_freep) Profile *p = parse("comparisons", text, strlen(text));
                        _cleanup_(profile_program_done) ProfileProgram program = compile(p, 0);

                        check_all(p, &program, false);
                        for (size_t m = 0; m < ELEMENTSOF(values); m++)
                                for (uint64_t second = 0; second < 2; second++) {
                                        struct seccomp_data d = {
                                                .nr = SYS_read, .arch = seccomp_arch_native(),
                                                .args = { [1] = second, [2] = 7, [5] = values[m] },
                                        };

                                        check_call(p, &program, &d, false);
                                }
                }
}
END_TEST

/* Enough rules for jumps that 8 bits cannot hold. */
START_TEST(test_long) {
        _cleanup_free_ char *text = NULL;
        _cleanup_(profile_freep) Profile *p = NULL;
        _cleanup_(profile_program_done) ProfileProgram program = {};
        size_t size;
        FILE *f;

        f = open_memstream(&text, &size);
        ck_assert_ptr_nonnull(f);
        (void) fputs("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"name\":\"exit\",\"action\":\"SCMP_ACT_ALLOW\"}", f);
        for (unsigned i = 0; i < 200; i++)
                (void) fprintf(f, ",{\"names\":[\"%s\",\"%s\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":%u,\"args\":"
                               "[{\"index\":0,\"value\":%u,\"op\":\"SCMP_CMP_EQ\"}]}", i % 2 ? "read" : "write",
                               i % 3 ? "open" : "socket", i + 1, i * 3);
        (void) fputs("]}", f);
        ck_assert_int_eq(fclose(f), 0);

        p = parse("long", text, size);
        program = compile(p, 0);
        ck_assert_uint_ge(program.n, 1024);
        check_all(p, &program, false);
}
END_TEST

START_TEST(test_too_long) {
        _cleanup_free_ char *text = NULL;
        _cleanup_(profile_freep) Profile *p = NULL;
        ProfileProgram program;
        size_t size;
        FILE *f;

        f = open_memstream(&text, &size);
        ck_assert_ptr_nonnull(f);
        (void) fputs("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"name\":\"exit\",\"action\":\"SCMP_ACT_ALLOW\"}", f);
        for (unsigned i = 0; i < 1500; i++)
                (void) fprintf(f, ",{\"name\":\"read\",\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":%u,"
                               "\"op\":\"SCMP_CMP_EQ\"}]}", i);
        (void) fputs("]}", f);
        ck_assert_int_eq(fclose(f), 0);

        p = parse("too long", text, size);
        ck_assert_int_eq(profile_compile(p, 0, &program), -E2BIG);
}
END_TEST

static void export_program(scmp_filter_ctx context, ProfileProgram *ret) {
        _cleanup_close_ int fd = -EBADF;
        uint64_t size;

        fd = memfd_create("filter", MFD_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(seccomp_export_bpf(context, fd), 0);
        seccomp_release(context);

        size = (uint64_t) lseek(fd, 0, SEEK_END);
        *ret = (ProfileProgram) { .filter = malloc(size), .n = size / sizeof(struct sock_filter) };
        ck_assert_ptr_nonnull(ret->filter);
        ck_assert_int_eq((int) pread(fd, ret->filter, size, 0), (int) size);
}

static void libseccomp_program(const Profile *p, ProfileProgram *ret) {
        scmp_filter_ctx context;

        context = seccomp_init(p->default_action.type == ACTION_ERRNO ? SCMP_ACT_ERRNO(p->default_action.error)
                                                                      : action_to_return(p->default_action));
        ck_assert_ptr_nonnull(context);
        ck_assert_int_eq(seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, action_to_return(p->foreign_action)), 0);

        for (size_t i = 0; i < p->n_rules; i++) {
                const ProfileRule *r = p->rules + i;

                ck_assert_uint_eq(r->n_conditions, 0);
                if (action_to_return(r->action) == action_to_return(p->default_action))
                        continue;
                ck_assert_int_eq(seccomp_rule_add_exact(context, action_to_return(r->action), (int) r->nr, 0), 0);
        }

        export_program(context, ret);
}

/* Where a profile's rules have no conditions, both must come to the same, and ours must be the shorter. */
START_TEST(test_libseccomp) {
        for (size_t i = 0; i < ELEMENTSOF(shipped); i++) {
                _cleanup_(profile_freep) Profile *p = parse_shipped(shipped[i]);
                _cleanup_(profile_program_done) ProfileProgram ours = {}, theirs = {};
                size_t n = 0;

                /* Rules with conditions go; test_shipped has them. */
                for (size_t k = 0; k < p->n_rules; k++)
                        if (p->rules[k].n_conditions == 0)
                                p->rules[n++] = p->rules[k];
                p->n_rules = n;
                if (n == 0)
                        continue;

                ours = compile(p, 0);
                libseccomp_program(p, &theirs);
                ck_assert_uint_lt(ours.n, theirs.n);

                for (uint32_t nr = 0; nr < 2 * X32_BIT; nr = nr == NUMBER_END ? X32_BIT - 1 : nr == X32_BIT + 1 ? 2 * X32_BIT : nr + 1)
                        for (unsigned arch = 0; arch < 2; arch++) {
                                struct seccomp_data d = {
                                        .nr = (int) nr,
                                        .arch = arch ? AUDIT_ARCH_I386 : seccomp_arch_native(),
                                };

                                ck_assert_msg(filter_evaluate(ours.filter, ours.n, &d) ==
                                                              filter_evaluate(theirs.filter, theirs.n, &d),
                                              "%s: call %#x", shipped[i], nr);
                        }
        }
}
END_TEST

/* All comparisons, also a mask that leaves out what is asked for: as libseccomp has it. */
START_TEST(test_libseccomp_comparisons) {
        static const struct {
                const char *name;
                enum scmp_compare op;
        } compares[] = {
                { "NE", SCMP_CMP_NE }, { "LT", SCMP_CMP_LT }, { "LE", SCMP_CMP_LE }, { "EQ", SCMP_CMP_EQ },
                { "GE", SCMP_CMP_GE }, { "GT", SCMP_CMP_GT }, { "MASKED_EQ", SCMP_CMP_MASKED_EQ },
        };
        static const uint64_t values[] = { 0, 0x0f, 0x1f, 0xf0, 0xff00000000, 0x100000001f, UINT64_MAX };

        for (size_t i = 0; i < ELEMENTSOF(compares); i++)
                for (size_t k = 0; k < ELEMENTSOF(values) * ELEMENTSOF(values); k++) {
                        uint64_t value = values[k / ELEMENTSOF(values)], value2 = values[k % ELEMENTSOF(values)];
                        _cleanup_free_ char *text = strprintf(
                                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"foreignAction\":\"SCMP_ACT_KILL_PROCESS\","
                                "\"syscalls\":[{\"name\":\"read\",\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":1,"
                                "\"value\":%" PRIu64 ",\"valueTwo\":%" PRIu64 ",\"op\":\"SCMP_CMP_%s\"}]}]}",
                                value, value2, compares[i].name);
                        _cleanup_(profile_freep) Profile *p = parse("comparison", text, strlen(text));
                        _cleanup_(profile_program_done) ProfileProgram ours = compile(p, 0), theirs = {};
                        struct scmp_arg_cmp condition = { .arg = 1, .op = compares[i].op, .datum_a = value, .datum_b = value2 };
                        scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);

                        ck_assert_ptr_nonnull(context);
                        ck_assert_int_eq(seccomp_rule_add_array(context, SCMP_ACT_ERRNO(EPERM), SYS_read, 1, &condition), 0);
                        export_program(context, &theirs);

                        for (size_t m = 0; m < ELEMENTSOF(values); m++)
                                for (uint64_t step = 0; step < 3; step++) {
                                        struct seccomp_data d = {
                                                .nr = SYS_read, .arch = seccomp_arch_native(), .args = { [1] = values[m] + step - 1 },
                                        };

                                        ck_assert_msg(filter_evaluate(ours.filter, ours.n, &d) ==
                                                                      filter_evaluate(theirs.filter, theirs.n, &d),
                                                      "%s %#" PRIx64 " %#" PRIx64 ": %#" PRIx64, compares[i].name, value, value2,
                                                      (uint64_t) d.args[1]);
                                }
                }
}
END_TEST

/* What Docker and Podman ship, where it is installed. */
START_TEST(test_others) {
        static const char *const paths[] = {
                "/usr/share/containers/seccomp.json",
                "/etc/containers/seccomp.json",
                "/etc/docker/seccomp.json",
        };
        bool found = false;

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                _cleanup_(profile_freep) Profile *p = NULL;
                _cleanup_(profile_program_done) ProfileProgram program = {};

                if (access(paths[i], R_OK) < 0)
                        continue;

                found = true;
                p = parse_file(paths[i]);
                ck_assert_uint_ge(p->n_rules, 300);
                program = compile(p, 0);
                check_all(p, &program, false);
        }

        if (!found)
                (void) fprintf(stderr, "Skipped: no profile of Docker's or Podman's is installed.\n");
}
END_TEST

/* Loads a filter in a child, which exits with what `attempt` gives. */
static int run_with(const ProfileProgram *program, int (*attempt)(void)) {
        struct sock_fprog f = { .len = (unsigned short) program->n, .filter = program->filter };
        siginfo_t info;
        pid_t pid;

        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &f) < 0)
                        _exit(255);
                _exit(attempt());
        }

        ck_assert_int_eq(waitid(P_PID, (id_t) pid, &info, WEXITED), 0);
        ck_assert_int_eq(info.si_code, CLD_EXITED);
        return info.si_status;
}

static int attempt_ordinary(void) {
        return getppid() > 0 ? 0 : errno;
}

static int attempt_packet_socket(void) {
        return socket(AF_PACKET, SOCK_RAW, 0) >= 0 ? 0 : errno;
}

static int attempt_clone_namespace(void) {
        return syscall(SYS_clone, 0x10000000 | 17, 0, 0, 0, 0) >= 0 ? 0 : errno;
}

static int attempt_clone3(void) {
        return syscall(SYS_clone3, NULL, 0) >= 0 ? 0 : errno;
}

START_TEST(test_kernel) {
        _cleanup_(profile_freep) Profile *p = parse_shipped("default");
        _cleanup_(profile_program_done) ProfileProgram program = compile(p, 0);

        ck_assert_int_eq(run_with(&program, attempt_ordinary), 0);
        ck_assert_int_eq(run_with(&program, attempt_packet_socket), EAFNOSUPPORT);
        ck_assert_int_eq(run_with(&program, attempt_clone_namespace), EPERM);
        ck_assert_int_eq(run_with(&program, attempt_clone3), ENOSYS);
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_shipped, test_comparisons, test_long, test_too_long, test_libseccomp, test_libseccomp_comparisons, test_others,
                test_kernel,
        };

        return test_run("profile-compile", tests, ELEMENTSOF(tests), NULL, NULL);
}
