/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <stdio.h>

#include "json-util.h"
#include "meta.h"
#include "parse-util.h"
#include "string-util.h"

#define EXEC_FAILED_STATUS 127

int signal_from_name(const char *name) {
        unsigned n;
        char *p;

        assert(name);

        p = startswith(name, "SIG");
        if (!p)
                return parse_uint(name, &n) >= 0 && n > 0 && n <= (unsigned) SIGRTMAX ? (int) n : -EINVAL;

        if (streq(p, "RTMIN"))
                return SIGRTMIN;
        if (streq(p, "RTMAX"))
                return SIGRTMAX;
        if (startswith(p, "RTMIN+") && parse_uint(p + 6, &n) >= 0 && n <= (unsigned) (SIGRTMAX - SIGRTMIN))
                return SIGRTMIN + (int) n;
        if (startswith(p, "RTMAX-") && parse_uint(p + 6, &n) >= 0 && n <= (unsigned) (SIGRTMAX - SIGRTMIN))
                return SIGRTMAX - (int) n;

        for (int i = 1; i < SIGRTMIN; i++) {
                const char *s = sigabbrev_np(i);

                if (s && streq(s, p))
                        return i;
        }

        return -EINVAL;
}

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

static bool out_of_memory(json_object *result) {
        uint64_t n;

        return streq_ptr(json_get_string(result, "verdict"), "memory-limit") ||
                (json_get_uint64(result, "oomKills", &n) && n > 0);
}

static void print_meta(FILE *f, json_object *result, const Ending *e, bool control_groups) {
        print_seconds(f, result, "cpuTimeUSec", "time");
        print_seconds(f, result, "wallTimeUSec", "time-wall");
        print_number(f, result, "maxRssBytes", "max-rss", 1024);
        print_number(f, result, "voluntarySwitches", "csw-voluntary", 1);
        print_number(f, result, "forcedSwitches", "csw-forced", 1);
        if (control_groups)
                print_number(f, result, "memoryPeakBytes", "cg-mem", 1024);
        if (control_groups && out_of_memory(result))
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

static char *format_meta(json_object *result, const Ending *e, bool control_groups) {
        char *text = NULL;
        size_t size;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return NULL;

        print_meta(f, result, e, control_groups);
        return fclose(f) == 0 ? text : mfree(text);
}

/* The service's words, in one line, where isolate has none. */
static char *copy_message(json_object *result, const char *otherwise) {
        char *message = strdup(json_get_string(result, "message") ?: otherwise);

        for (char *p = message; p && *p; p++)
                if ((unsigned char) *p < ' ')
                        *p = ' ';
        return message;
}

static int find_signal(json_object *result, int otherwise) {
        const char *name = json_get_string(result, "signal");
        int n = name ? signal_from_name(name) : -EINVAL;

        return n > 0 ? n : otherwise;
}

static void end_by_signal(Ending *e, json_object *result, int otherwise) {
        e->status = "SG";
        e->signal = find_signal(result, otherwise);
        e->message = strprintf("Caught fatal signal %i", e->signal);
}

/* Of files isolate has such a limit too, which ends the program by a signal; of its streams it has none. */
static void end_by_output(Ending *e, json_object *result) {
        const char *exceeded = strempty(json_get_string(result, "outputExceeded"));

        end_by_signal(e, result, SIGXFSZ);
        if (!streq(exceeded, "stdout") && !streq(exceeded, "stderr"))
                return;

        free(e->message);
        e->message = copy_message(result, "Output limit exceeded");
        e->signal = find_signal(result, 0);
        e->killed = true;
}

static void end_by_violation(Ending *e, json_object *result) {
        e->status = "SG";
        e->signal = find_signal(result, SIGSYS);
        e->killed = true;
        e->message = copy_message(result, "Forbidden system call");
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
        else if (streq(verdict, "wall-time-limit") || streq(verdict, "idle-limit"))
                end_by_time(e, result, /* wall= */ true);
        else if (streq(verdict, "memory-limit"))
                end_by_signal(e, result, SIGKILL);
        else if (streq(verdict, "output-limit"))
                end_by_output(e, result);
        else if (streq(verdict, "security-violation"))
                end_by_violation(e, result);
        else if (streq(verdict, "signaled"))
                end_by_signal(e, result, SIGKILL);
        else if (streq(verdict, "canceled")) {
                e->status = "SG";
                e->killed = true;
                e->message = strdup("Interrupted");
        } else {
                /* What is not the program's doing: where its stream could not be opened, for instance. */
                e->status = "XX";
                e->message = copy_message(result, "The sandbox failed");
        }
}

/* Takes the message over. */
static int make_meta(json_object *result, const Ending *e, bool control_groups, Meta *ret) {
        if (e->status && !e->message)
                return -ENOMEM;

        *ret = (Meta) {
                .text = format_meta(result, e, control_groups),
                .status = e->status,
                .message = e->message,
        };
        if (ret->text)
                return 0;

        meta_done(ret);
        return -ENOMEM;
}

int meta_make(json_object *result, bool control_groups, Meta *ret) {
        Ending e = {};

        assert(ret);

        find_ending(&e, result);
        return make_meta(result, &e, control_groups, ret);
}

int meta_make_interrupted(json_object *result, bool control_groups, int number, Meta *ret) {
        bool fatal = number == SIGABRT;
        Ending e = {
                .status = fatal ? "XX" : "SG",
                .message = fatal ? strprintf("Sandbox keeper received fatal signal %i", number) : strdup("Interrupted"),
                .killed = true,
                .signal = fatal ? 0 : number,
        };

        assert(ret);

        return make_meta(result, &e, control_groups, ret);
}

void meta_done(Meta *m) {
        assert(m);

        m->text = mfree(m->text);
        m->message = mfree(m->message);
}
