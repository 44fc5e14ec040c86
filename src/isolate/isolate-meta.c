/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <stdio.h>

#include "isolate-meta.h"
#include "isolate.h"
#include "meta.h"
#include "string-util.h"

#define EXEC_FAILED_STATUS 127

typedef struct Ending {
        const char *status; /* NULL: it ended well */
        char *message;
        bool killed;        /* by the sandbox */
        bool has_exit_code;
        uint64_t exit_code;
        int signal; /* 0: none */
} Ending;

static void print_seconds(FILE *f, json_object *result, const char *field, const char *key) {
        uint64_t n;

        if (json_get_uint64(result, field, &n))
                (void) fprintf(f, "%s:%" PRIu64 ".%03" PRIu64 "\n", key, n / USEC_PER_SEC,
                               n % USEC_PER_SEC / USEC_PER_MSEC);
}

static void print_number(FILE *f, json_object *result, const char *field, const char *key, uint64_t divisor) {
        uint64_t n;

        if (json_get_uint64(result, field, &n))
                (void) fprintf(f, "%s:%" PRIu64 "\n", key, n / divisor);
}

static void print_meta(FILE *f, json_object *result, const Ending *e, bool control_groups, bool out_of_memory) {
        print_seconds(f, result, "cpuTimeUSec", "time");
        print_seconds(f, result, "wallTimeUSec", "time-wall");
        print_number(f, result, "maxRssBytes", "max-rss", 1024);
        print_number(f, result, "voluntarySwitches", "csw-voluntary", 1);
        print_number(f, result, "forcedSwitches", "csw-forced", 1);
        if (control_groups)
                print_number(f, result, "memoryPeakBytes", "cg-mem", 1024);
        if (control_groups && out_of_memory)
                (void) fputs("cg-oom-killed:1\n", f);

        if (e->has_exit_code)
                (void) fprintf(f, "exitcode:%" PRIu64 "\n", e->exit_code);
        if (e->signal > 0)
                (void) fprintf(f, "exitsig:%i\n", e->signal);
        if (e->killed)
                (void) fputs("killed:1\n", f);
        if (e->status)
                (void) fprintf(f, "status:%s\nmessage:%s\n", e->status, e->message);
}

static char *format_meta(json_object *result, const Ending *e, bool control_groups, bool out_of_memory) {
        char *text = NULL;
        size_t size;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return NULL;

        print_meta(f, result, e, control_groups, out_of_memory);
        return fclose(f) == 0 ? text : mfree(text);
}

static void end_by_signal(Ending *e, json_object *result, int otherwise) {
        const char *name = json_get_string(result, "signal");

        e->status = "SG";
        e->signal = name ? signal_from_name(name) : otherwise;
        e->message = strprintf("Caught fatal signal %i", e->signal);
}

static void end_by_status(Ending *e, uint64_t status) {
        e->status = "RE";
        e->has_exit_code = true;
        e->exit_code = status;
        e->message = strprintf("Exited with error status %" PRIu64, status);
}

/* Of a limit it counts that it was exceeded, whether the program was killed for it or was just done. */
static void end_by_time(Ending *e, json_object *result, bool wall) {
        uint64_t status;

        e->status = "TO";
        e->killed = !json_get_uint64(result, "exitStatus", &status);
        e->message = strdup(wall ? "Time limit exceeded (wall clock)" : "Time limit exceeded");
}

/* What is not the program's doing: where its stream could not be opened, for instance. */
static void end_by_us(Ending *e, json_object *result) {
        e->status = "XX";
        e->message = strdup(json_get_string(result, "message") ?: "The sandbox failed");
        for (char *p = e->message; p && *p; p++)
                if ((unsigned char) *p < ' ')
                        *p = ' ';
}

static void find_ending(Ending *e, json_object *result) {
        const char *verdict = strempty(json_get_string(result, "verdict"));
        uint64_t status = 0;

        if (streq(verdict, "ok"))
                e->has_exit_code = true;
        else if (streq(verdict, "runtime-error") && json_get_uint64(result, "exitStatus", &status))
                end_by_status(e, status);
        else if (streq(verdict, "exec-failed") && streq_ptr(json_get_string(result, "step"), "exec"))
                end_by_status(e, EXEC_FAILED_STATUS);
        else if (streq(verdict, "cpu-time-limit"))
                end_by_time(e, result, /* wall= */ false);
        else if (streq(verdict, "wall-time-limit"))
                end_by_time(e, result, /* wall= */ true);
        else if (streq(verdict, "memory-limit"))
                end_by_signal(e, result, SIGKILL);
        else if (streq(verdict, "output-limit"))
                end_by_signal(e, result, SIGXFSZ);
        else if (streq(verdict, "security-violation"))
                end_by_signal(e, result, SIGSYS);
        else if (streq(verdict, "signaled"))
                end_by_signal(e, result, SIGKILL);
        else if (streq(verdict, "canceled")) {
                e->status = "SG";
                e->killed = true;
                e->message = strdup("Interrupted");
        } else
                end_by_us(e, result);
}

static char *format_success(json_object *result) {
        uint64_t cpu = 0, wall = 0;

        (void) json_get_uint64(result, "cpuTimeUSec", &cpu);
        (void) json_get_uint64(result, "wallTimeUSec", &wall);

        return strprintf("OK (%" PRIu64 ".%03" PRIu64 " sec real, %" PRIu64 ".%03" PRIu64 " sec wall)",
                         cpu / USEC_PER_SEC, cpu % USEC_PER_SEC / USEC_PER_MSEC,
                         wall / USEC_PER_SEC, wall % USEC_PER_SEC / USEC_PER_MSEC);
}

/* Takes the message over. */
static int make_verdict(json_object *result, const Ending *e, bool control_groups, IsolateVerdict *ret) {
        bool out_of_memory = streq_ptr(json_get_string(result, "verdict"), "memory-limit");

        if (e->status && !e->message)
                return -ENOMEM;

        *ret = (IsolateVerdict) {
                .meta = format_meta(result, e, control_groups, out_of_memory),
                .sentence = e->status ? e->message : format_success(result),
                .exit_status = !e->status ? ISOLATE_EXIT_OK
                               : streq(e->status, "XX") ? ISOLATE_EXIT_SANDBOX : ISOLATE_EXIT_PROGRAM,
        };
        if (ret->meta && ret->sentence)
                return 0;

        isolate_verdict_done(ret);
        return -ENOMEM;
}

int isolate_verdict_make(json_object *result, bool control_groups, IsolateVerdict *ret) {
        Ending e = {};

        assert(ret);

        find_ending(&e, result);
        return make_verdict(result, &e, control_groups, ret);
}

int isolate_verdict_make_interrupted(json_object *result, bool control_groups, int number, IsolateVerdict *ret) {
        bool fatal = number == SIGABRT;
        Ending e = {
                .status = fatal ? "XX" : "SG",
                .message = fatal ? strprintf("Sandbox keeper received fatal signal %i", number) : strdup("Interrupted"),
                .killed = true,
                .signal = fatal ? 0 : number,
        };

        assert(ret);

        return make_verdict(result, &e, control_groups, ret);
}

void isolate_verdict_done(IsolateVerdict *v) {
        assert(v);

        v->meta = mfree(v->meta);
        v->sentence = mfree(v->sentence);
}
