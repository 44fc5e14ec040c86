/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parse-util.h"
#include "result-trace.h"
#include "result.h"
#include "string-util.h"
#include "text-util.h"

const char *result_verdict(json_object *result) {
        return json_get_string(result, "verdict") ?: "unknown";
}

Color verdict_color(const char *verdict) {
        return streq(verdict, "ok") ? COLOR_GREEN : COLOR_RED;
}

int result_exit_status(json_object *result) {
        const char *verdict = result_verdict(result);

        if (streq(verdict, "ok"))
                return STATUS_OK;

        return streq(verdict, "internal-error") || streq(verdict, "unknown") ? STATUS_TROUBLE : STATUS_NO;
}

char *result_format_usec(json_object *result, const char *key) {
        uint64_t n;

        return strdup(json_get_uint64(result, key, &n) ? FORMAT_TIMESPAN(n) : "-");
}

char *result_format_bytes(json_object *result, const char *key) {
        uint64_t n;

        return strdup(json_get_uint64(result, key, &n) ? FORMAT_BYTES(n) : "-");
}

static const char *queued_for(json_object *result) {
        const char *reason = strempty(json_get_string(result, "queuedFor"));

        return streq(reason, "turn") ? " behind other runs"
             : streq(reason, "budget") ? " for my own runs: as many went on as may"
             : streq(reason, "cpus") ? " for CPUs of its own" : "";
}

/* The limits of several kinds that were hit without ending the run. */
static void print_incidents(FILE *f, json_object *result) {
        uint64_t n;

        if (json_get_uint64(result, "processLimitHits", &n) && n > 0)
                field_print(f, "Refused", "%" PRIu64 " processes or threads beyond the limit", n);
        if (json_get_uint64(result, "oomKills", &n) && n > 0)
                field_print(f, "OOM kills", "%" PRIu64, n);
        if (json_get_uint64(result, "throttledUSec", &n) && n > 0)
                field_print(f, "Throttled", "%s", FORMAT_TIMESPAN(n));
        if (json_get_uint64(result, "queuedUSec", &n) && n >= USEC_PER_MSEC)
                field_print(f, "Queued", "%s%s", FORMAT_TIMESPAN(n), queued_for(result));
}

/* Of CPU time: below it the measure is as good as it gets. Where the kernel does not account for pressure, a program
 * that has a CPU for itself is put off it only now and then. */
#define NOISE_PERCENT 5U
#define NOISE_SWITCHES_PER_SEC 50U

/* Whether others may have slowed it down. */
static void print_noise(FILE *f, json_object *result) {
        uint64_t cpu, waited, switches;

        if (!json_get_uint64(result, "cpuTimeUSec", &cpu))
                return;

        if (json_get_uint64(result, "cpuPressureUSec", &waited)) {
                if (waited >= USEC_PER_MSEC && waited >= cpu / 100 * NOISE_PERCENT)
                        field_print(f, "Noise", "waited %s for a CPU", FORMAT_TIMESPAN(waited));
        } else if (json_get_uint64(result, "forcedSwitches", &switches) && switches >= 10 &&
                   switches >= cpu / (USEC_PER_SEC / NOISE_SWITCHES_PER_SEC))
                field_print(f, "Noise", "%" PRIu64 " forced switches", switches);
}

static void print_memory(FILE *f, json_object *result) {
        uint64_t n, files;

        if (json_get_uint64(result, "memoryPeakBytes", &n)) {
                if (json_get_uint64(result, "memoryShmemBytes", &files) && files >= UINT64_C(1) << 20)
                        field_print(f, "Memory", "%s (files in memory at the end: %s)", FORMAT_BYTES(n),
                                    FORMAT_BYTES(files));
                else
                        field_print(f, "Memory", "%s", FORMAT_BYTES(n));
        } else if (json_get_uint64(result, "maxRssBytes", &n))
                field_print(f, "Memory", "%s (largest process)", FORMAT_BYTES(n));
}

/* Small numbers as numbers; what may be flags or an address in hexadecimal. */
static char *join_arguments(json_object *arguments) {
        _cleanup_strv_free_ char **l = NULL;

        for (size_t i = 0; i < json_object_array_length(arguments); i++) {
                int64_t n = json_object_get_int64(json_object_array_get_idx(arguments, i));
                bool small = n > -4096 && n < 4096;

                if (strv_consume(&l, small ? strprintf("%" PRIi64, n) : strprintf("%#" PRIx64, (uint64_t) n)) < 0)
                        return NULL;
        }

        return strv_join(l, ", ");
}

static void print_violation(FILE *f, json_object *result) {
        json_object *violation = json_get_object(result, "violation"), *arguments;
        _cleanup_free_ char *list = NULL, *path = NULL;
        const char *s;

        if (!violation)
                return;

        arguments = json_get_array(violation, "arguments");
        list = arguments ? join_arguments(arguments) : NULL;
        s = strempty(json_get_string(violation, "path"));
        path = text_escape(s, strlen(s), /* keep_lines= */ false);

        field_print(f, "Violation", "%s(%s), %s%s%s", json_get_string(violation, "syscall") ?: "?", strempty(list),
                    json_get_string(violation, "architecture") ?: "?", isempty(path) ? "" : ", ", strempty(path));
}

void result_print(FILE *f, json_object *result) {
        _cleanup_free_ char *message = NULL, *degraded = NULL;
        const char *verdict = result_verdict(result), *s;
        uint64_t n, user, system;
        json_object *l;

        assert(f);

        s = strempty(json_get_string(result, "message"));
        message = text_escape(s, strlen(s), /* keep_lines= */ false);

        field_print(f, "Verdict", "%s%s%s%s%s%s", color_on(f, verdict_color(verdict)), verdict, color_off(f),
                    isempty(message) ? "" : " (", strempty(message), isempty(message) ? "" : ")");

        if (json_get_uint64(result, "cpuTimeUSec", &n)) {
                if (json_get_uint64(result, "userTimeUSec", &user) &&
                    json_get_uint64(result, "systemTimeUSec", &system))
                        field_print(f, "CPU time", "%s (user %s, system %s)", FORMAT_TIMESPAN(n),
                                    FORMAT_TIMESPAN(user), FORMAT_TIMESPAN(system));
                else
                        field_print(f, "CPU time", "%s", FORMAT_TIMESPAN(n));
        }
        if (json_get_uint64(result, "wallTimeUSec", &n))
                field_print(f, "Wall time", "%s", FORMAT_TIMESPAN(n));
        print_memory(f, result);
        print_noise(f, result);
        print_incidents(f, result);
        print_violation(f, result);

        l = json_get_array(result, "degraded");
        if (l && json_object_array_length(l) > 0) {
                degraded = json_join_strings(l);
                field_print(f, "Degraded", "%s%s%s (not enforced by a cgroup)", color_on(f, COLOR_YELLOW),
                            strna(degraded), color_off(f));
        }

        result_print_trace(f, result);
}
