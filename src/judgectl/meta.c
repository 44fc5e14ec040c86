/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <stdio.h>

#include "json-util.h"
#include "meta.h"
#include "parse-util.h"
#include "string-util.h"

int signal_from_name(const char *name) {
        unsigned n;
        char *p;

        assert(name);

        p = startswith(name, "SIG");
        if (!p)
                return -EINVAL;

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

/* How isolate would have put a verdict. It has no words for some of ours: a limit on output or memory kills by a
 * signal there too, and a failed exec is the exit status 127. */
typedef struct MetaStatus {
        const char *verdict;
        const char *status;
        const char *message; /* NULL: says the exit status or signal */
        bool killed;         /* by the sandbox, not by the kernel or by the program itself */
} MetaStatus;

static const MetaStatus meta_statuses[] = {
        { "ok", NULL, NULL, false },
        { "runtime-error", "RE", NULL, false },
        { "exec-failed", "RE", NULL, false },
        { "signaled", "SG", NULL, false },
        { "memory-limit", "SG", NULL, false },
        { "output-limit", "SG", NULL, true },
        { "security-violation", "SG", NULL, true },
        { "cpu-time-limit", "TO", "Time limit exceeded", true },
        { "wall-time-limit", "TO", "Time limit exceeded (wall clock)", true },
        { "idle-limit", "TO", "Time limit exceeded (wall clock)", true },
        { "canceled", "SG", "Interrupted", true },
};

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

/* One line, whatever is in it. */
static void print_message(FILE *f, const char *message) {
        (void) fputs("message:", f);
        for (const char *p = message; *p; p++)
                (void) fputc((unsigned char) *p < ' ' ? ' ' : *p, f);
        (void) fputc('\n', f);
}

static void print_result(FILE *f, json_object *result) {
        const char *verdict = strempty(json_get_string(result, "verdict")), *name;
        const MetaStatus *m = NULL;
        uint64_t n, exit_status = 0;
        int sig = 0;

        for (size_t i = 0; i < ELEMENTSOF(meta_statuses) && !m; i++)
                if (streq(meta_statuses[i].verdict, verdict))
                        m = meta_statuses + i;

        print_seconds(f, result, "cpuTimeUSec", "time");
        print_seconds(f, result, "wallTimeUSec", "time-wall");
        print_number(f, result, "maxRssBytes", "max-rss", 1024);
        print_number(f, result, "voluntarySwitches", "csw-voluntary", 1);
        print_number(f, result, "forcedSwitches", "csw-forced", 1);
        print_number(f, result, "memoryPeakBytes", "cg-mem", 1024);
        if (json_get_uint64(result, "oomKills", &n) && n > 0)
                (void) fputs("cg-oom-killed:1\n", f);

        if (!m) {
                (void) fputs("status:XX\n", f);
                print_message(f, json_get_string(result, "message") ?: "Sandbox failed");
                return;
        }

        name = json_get_string(result, "signal");
        if (name)
                sig = signal_from_name(name);
        else if (streq(verdict, "memory-limit"))
                sig = SIGKILL;

        if (sig > 0)
                (void) fprintf(f, "exitsig:%i\n", sig);
        else if (streq(verdict, "exec-failed"))
                (void) fprintf(f, "exitcode:%" PRIu64 "\n", exit_status = 127);
        else if (json_get_uint64(result, "exitStatus", &exit_status))
                (void) fprintf(f, "exitcode:%" PRIu64 "\n", exit_status);

        if (m->killed)
                (void) fputs("killed:1\n", f);
        if (m->status)
                (void) fprintf(f, "status:%s\n", m->status);

        if (m->message)
                print_message(f, m->message);
        else if (streq(verdict, "security-violation"))
                print_message(f, strempty(json_get_string(result, "message")));
        else if (m->status && streq(m->status, "RE"))
                (void) fprintf(f, "message:Exited with error status %" PRIu64 "\n", exit_status);
        else if (m->status && sig > 0)
                (void) fprintf(f, "message:Caught fatal signal %i\n", sig);
        else if (m->status)
                print_message(f, strempty(json_get_string(result, "message")));
}

char *meta_format(json_object *result) {
        char *text = NULL;
        size_t size;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return NULL;

        print_result(f, result);
        if (fclose(f) != 0)
                return mfree(text);

        return text;
}

char *meta_format_failure(const char *status, const char *message) {
        return strprintf("status:%s\nmessage:%s\n", status, message);
}
