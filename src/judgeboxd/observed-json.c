/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <seccomp.h>

#include "json-build.h"
#include "observed-json.h"
#include "utf8.h"

/* x86_64's calls with this bit are x32's (Linux' asm/unistd.h, which not every architecture has). */
#define X32_BIT 0x40000000

static const struct {
        uint32_t architecture;
        const char *name;
} architectures[] = {
        { SCMP_ARCH_X86_64, "x86_64" },   { SCMP_ARCH_X86, "x86" }, { SCMP_ARCH_X32, "x32" },
        { SCMP_ARCH_AARCH64, "aarch64" }, { SCMP_ARCH_ARM, "arm" }, { SCMP_ARCH_RISCV64, "riscv64" },
};

static uint32_t real_architecture(uint32_t architecture, int number) {
        return architecture == SCMP_ARCH_X86_64 && (number & X32_BIT) ? SCMP_ARCH_X32 : architecture;
}

static const char *architecture_name(uint32_t architecture) {
        for (size_t i = 0; i < ELEMENTSOF(architectures); i++)
                if (architectures[i].architecture == architecture)
                        return architectures[i].name;

        return "unknown";
}

/* A number that libseccomp does not know stays one. */
static char *syscall_name(uint32_t architecture, int number) {
        char *name;

        name = seccomp_syscall_resolve_num_arch(architecture, number);
        return name ?: strprintf("%i", number);
}

static void add_syscall(int *r, json_object *o, uint32_t architecture, int number) {
        _cleanup_free_ char *name = syscall_name(architecture, number);

        json_add(r, o, "syscall", name ? json_object_new_string(name) : NULL);
}

static void add_violation(int *r, json_object *o, const Violation *v, const char *path) {
        uint32_t architecture = real_architecture(v->architecture, v->number);
        json_object *violation = json_object_new_object(), *arguments = json_object_new_array();

        json_add(r, o, "violation", violation);
        add_syscall(r, violation, architecture, v->number);
        json_add(r, violation, "arguments", arguments);
        for (size_t i = 0; i < ELEMENTSOF(v->arguments); i++)
                json_append(r, arguments, json_object_new_int64((int64_t) v->arguments[i]));
        json_add_string(r, violation, "architecture", architecture_name(architecture));
        if (path)
                json_add_path(r, violation, path);
}

static void add_trace(int *r, json_object *o, const Observed *observed) {
        json_object *trace = json_object_new_object(), *entries = json_object_new_array();

        json_add(r, o, "trace", trace);
        json_add(r, trace, "entries", entries);
        json_add_uint64(r, trace, "dropped", observed->trace_dropped);

        for (size_t i = 0; i < observed->n_trace && *r >= 0; i++) {
                const TraceEntry *t = observed->trace + i;
                json_object *entry = json_object_new_object();

                json_append(r, entries, entry);
                json_add_string(r, entry, "class", path_class_to_string(t->class));
                add_syscall(r, entry, SCMP_ARCH_NATIVE, t->number);
                json_add_path(r, entry, t->path);
                json_add_uint64(r, entry, "count", t->count);
        }
}

void json_add_observed(int *r, json_object *o, const Violation *v, const Observed *observed) {
        if (v->architecture != 0)
                add_violation(r, o, v, observed->path);
        if (observed->traced)
                add_trace(r, o, observed);
}

static bool is_printable(const char *path) {
        return path && utf8_is_valid_n(path, strlen(path));
}

static char *violation_message(const Violation *v, const Observed *observed) {
        uint32_t architecture = real_architecture(v->architecture, v->number);
        _cleanup_free_ char *name = syscall_name(architecture, v->number);
        const char *path = observed->path;

        if (!name)
                return NULL;

        if (is_printable(path))
                return strprintf("Called %s(\"%s\").", name, path);
        if (architecture != seccomp_arch_native())
                return strprintf("Called %s() by way of %s.", name, architecture_name(architecture));

        return strprintf("Called %s().", name);
}

char *observed_message(const RunResult *result, const Observed *observed, const Limits *limits, const char *program) {
        if (result->verdict == VERDICT_SECURITY_VIOLATION && result->violation.architecture != 0)
                return violation_message(&result->violation, observed);
        if (result->step == STEP_ALLOWED_PATH && is_printable(observed->path))
                return strprintf("Could not allow %s: %s.", observed->path, strerror(result->error));

        return run_result_message(result, limits, program);
}
