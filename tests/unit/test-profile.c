/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/syscall.h>

#include "fd-util.h"
#include "profile-internal.h"
#include "test-util.h"

static Profile *parse(const char *text) {
        Profile *p = NULL;
        char *error = NULL;
        int r;

        r = profile_parse(text, strlen(text), &p, &error);
        ck_assert_msg(r == 0, "%s: %s", text, strna(error));
        return p;
}

#define RULES(rules) "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[" rules "]}"

START_TEST(test_good) {
        static const char text[] =
                "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"defaultErrno\":\"ENOSYS\",\"description\":\"D\","
                "\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X32\"],\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],"
                "\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_ARCH_X86\"]},"
                "{\"architecture\":\"SCMP_ARCH_ARM\",\"subArchitectures\":null}],"
                "\"listenerPath\":\"/x\",\"syscalls\":["
                "{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":null,\"comment\":\"c\",\"includes\":{},\"excludes\":{}},"
                "{\"name\":\"write\",\"action\":\"SCMP_ACT_ERRNO\",\"errno\":\"EBADF\"},"
                "{\"names\":[\"ptrace\"],\"action\":\"report\",\"args\":[{\"index\":0,\"value\":18446744073709551615,"
                "\"valueTwo\":16,\"op\":\"SCMP_CMP_MASKED_EQ\"}]}]}";
        _cleanup_(profile_freep) Profile *p = parse(text);

        ck_assert_str_eq(profile_description(p), "D");
        ck_assert(!profile_is_admin_only(p));
        ck_assert_uint_eq(strv_length(profile_remarks(p)), 2);
        ck_assert_int_eq(p->default_action.type, ACTION_ERRNO);
        ck_assert_uint_eq(p->default_action.error, ENOSYS);
        ck_assert_int_eq(p->foreign_action.type, ACTION_REPORT);

        ck_assert_uint_eq(p->n_rules, 3);
        ck_assert_uint_eq(p->rules[0].nr, SYS_read);
        ck_assert_uint_eq(p->rules[1].action.error, EBADF);
        ck_assert_uint_eq(p->rules[2].nr, SYS_ptrace);
        ck_assert_uint_eq(p->rules[2].conditions[0].value, UINT64_MAX);
        ck_assert_uint_eq(p->rules[2].conditions[0].value2, 16);
}
END_TEST

/* Which rules hold here. */
START_TEST(test_selection) {
        static const struct {
                const char *rule;
                size_t n_rules;
        } cases[] = {
                { "\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}", 0 },
                { "\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}", 1 },
                { "\"includes\":{\"minKernel\":\"4.8\"}", 1 },
                { "\"includes\":{\"minKernel\":\"999.0\"}", 0 },
                { "\"excludes\":{\"minKernel\":\"4.8\"}", 0 },
                { "\"includes\":{\"arches\":[\"amd64\",\"arm64\",\"riscv64\",\"ppc64le\",\"s390x\"]}", 1 },
                { "\"includes\":{\"arches\":[\"x32\",\"arm\"]}", 0 },
                { "\"excludes\":{\"arches\":[\"amd64\",\"arm64\",\"riscv64\",\"ppc64le\",\"s390x\"]}", 0 },
                { "\"excludes\":{\"arches\":[\"x32\"]}", 1 },
                /* One argument twice: alternatives. */
                { "\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"},{\"index\":0,\"value\":2,\"op\":\"SCMP_CMP_EQ\"}]", 2 },
                { "\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"},{\"index\":1,\"value\":2,\"op\":\"SCMP_CMP_EQ\"}]", 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *text = strprintf(RULES("{\"name\":\"read\",\"action\":\"SCMP_ACT_ALLOW\",%s}"),
                                                      cases[i].rule);
                _cleanup_(profile_freep) Profile *p = parse(text);

                ck_assert_msg(p->n_rules == cases[i].n_rules, "%s: %zu rules", cases[i].rule, p->n_rules);
        }
}
END_TEST

/* Names of calls that another architecture or a later kernel has need not be known where the rule says so, and one
 * that is known, but not of this architecture, is passed over. */
START_TEST(test_optional_names) {
        static const char *const texts[] = {
                RULES("{\"names\":[\"made_up\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"999.0\"}}"),
                RULES("{\"names\":[\"made_up\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"arches\":[\"m68k\"]}}"),
                RULES("{\"names\":[\"socketcall\",\"_newselect\"],\"action\":\"SCMP_ACT_ALLOW\"}"),
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(profile_freep) Profile *p = parse(texts[i]);

                ck_assert_uint_eq(p->n_rules, 0);
        }
}
END_TEST

START_TEST(test_bad) {
        static const struct {
                const char *text, *error;
        } cases[] = {
                { "{\n  \"a\": tru }", "Line 2, column " },
                { "[]", "must be an object" },
                { "{}", "defaultAction: This is missing." },
                { "{\"defaultAction\":\"SCMP_ACT_MAYBE\"}", "defaultAction: Unknown action \"SCMP_ACT_MAYBE\"." },
                { "{\"defaultAction\":5}", "defaultAction: This must be the name of an action." },
                { "{\"defaultAction\":\"report\",\"defaultAction\":\"report\"}", "The same field is here twice." },
                { "{\"defaultAction\":\"report\",\"syscall\":[]}", "syscall: There is no such field." },
                { "{\"defaultAction\":\"report\",\"syscalls\":{}}", "syscalls: This must be a list." },
                { "{\"defaultAction\":\"report\",\"adminOnly\":1}", "adminOnly: This must be true or false." },
                { "{\"defaultAction\":\"report\",\"defaultErrnoRet\":-1}", "defaultErrnoRet: This must be a number" },
                { "{\"defaultAction\":\"report\",\"defaultErrnoRet\":0}", "defaultErrnoRet: This must be a number from 1" },
                { "{\"defaultAction\":\"report\",\"defaultErrno\":\"EMPTY\"}", "Unknown error \"EMPTY\"" },
                { "{\"defaultAction\":\"report\",\"architectures\":[\"SCMP_ARCH_Z80\"]}", "architectures[0]: Unknown arch" },
                { "{\"defaultAction\":\"report\",\"flags\":[\"SECCOMP_FILTER_FLAG_X\"]}", "flags[0]: Unknown flag" },
                { RULES("5"), "syscalls[0]: This must be an object." },
                { RULES("{\"names\":[\"read\"]}"), "syscalls[0].action: This is missing." },
                { RULES("{\"action\":\"report\"}"), "syscalls[0].names: There must be" },
                { RULES("{\"action\":\"report\",\"name\":\"read\",\"names\":[]}"), "syscalls[0].names: There must be" },
                { RULES("{\"action\":\"report\",\"names\":[\"read\",\"opn\"]}"),
                  "syscalls[0].names[1]: Unknown system call \"opn\"." },
                { RULES("{\"action\":\"report\",\"name\":\"opn\"}"), "syscalls[0].name: Unknown system call \"opn\"." },
                { RULES("{\"action\":\"report\",\"names\":[\"read\"],\"arg\":[]}"), "syscalls[0].arg: There is no such field." },
                { RULES("{\"action\":\"report\",\"names\":[\"read\"],\"args\":[{\"index\":6,\"op\":\"SCMP_CMP_EQ\"}]}"),
                  "syscalls[0].args[0].index: This must be a number from 0 to 5." },
                { RULES("{\"action\":\"report\",\"names\":[\"read\"],\"args\":[{\"index\":1}]}"),
                  "syscalls[0].args[0].op: This must be" },
                { RULES("{\"action\":\"report\",\"names\":[\"read\"],\"args\":[{\"index\":1,\"op\":\"=\"}]}"),
                  "syscalls[0].args[0].op: Unknown comparison \"=\"." },
                { RULES("{\"action\":\"report\",\"names\":[\"read\"],\"args\":[{\"index\":1,\"value\":-1,\"op\":\"SCMP_CMP_EQ\"}]}"),
                  "syscalls[0].args[0].value: This must be a number that is not negative." },
                { RULES("{\"action\":\"report\",\"names\":[\"read\"],\"includes\":{\"minKernel\":4}}"),
                  "syscalls[0].minKernel: This must be a version" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *error = NULL;
                Profile *p = NULL;

                ck_assert_int_eq(profile_parse(cases[i].text, strlen(cases[i].text), &p, &error), -EINVAL);
                ck_assert_ptr_null(p);
                ck_assert_msg(error && strstr(error, cases[i].error), "%s: %s", cases[i].text, strna(error));
        }
}
END_TEST

START_TEST(test_words) {
        for (ActionType t = 0; t < _ACTION_TYPE_MAX; t++)
                ck_assert_ptr_nonnull(action_type_to_string(t));
        ck_assert_ptr_null(action_type_to_string(_ACTION_TYPE_MAX));
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_good, test_selection, test_optional_names, test_bad, test_words };

        return test_run("profile", tests, ELEMENTSOF(tests), NULL, NULL);
}
