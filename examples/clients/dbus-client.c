/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A judge over D-Bus with sd-bus. Where a descriptor is wanted a string will do: it becomes a file with just that. */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define NAME "org.judgebox1"
#define PROGRAM "#!/bin/sh\nread a b\necho $((a + b))\n"

static const struct {
        const char *given, *wanted;
} tests[] = {
        { "1 2\n", "3\n" },
        { "40 2\n", "42\n" },
};

/* What of a run's reply is of interest here. */
typedef struct Result {
        char verdict[64];
        uint64_t cpu_usec;
        char output[1000];
} Result;

/* Goes through an a{sv}, and hands each entry out with its value yet to be read. */
static int read_entries(sd_bus_message *m, int (*entry)(sd_bus_message *m, const char *key, Result *ret), Result *ret) {
        const char *key;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &key);
                if (r >= 0)
                        r = entry(m, key, ret);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }

        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_result(sd_bus_message *m, const char *key, Result *ret) {
        const char *verdict;
        int r;

        if (strcmp(key, "cpuTimeUSec") == 0)
                return sd_bus_message_read(m, "v", "t", &ret->cpu_usec);
        if (strcmp(key, "verdict") != 0)
                return sd_bus_message_skip(m, "v");

        r = sd_bus_message_read(m, "v", "s", &verdict);
        if (r >= 0)
                (void) snprintf(ret->verdict, sizeof(ret->verdict), "%s", verdict);
        return r;
}

static int read_file(sd_bus_message *m, const char *key, Result *ret) {
        ssize_t n;
        int fd, r;

        if (strcmp(key, "stdoutFileDescriptor") != 0)
                return sd_bus_message_skip(m, "v");

        /* The message closes it. */
        r = sd_bus_message_read(m, "v", "h", &fd);
        if (r < 0)
                return r;

        n = pread(fd, ret->output, sizeof(ret->output) - 1, 0);
        return n < 0 ? -errno : 0;
}

static int run(sd_bus *bus, const char *box, const char *given, Result *ret) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        int r;

        *ret = (Result) {};
        r = sd_bus_call_method(bus, NAME, box, NAME ".Box", "Run", &error, &reply,
                               "asa{sv}",
                               1, "./program",
                               4,
                               "inFiles", "aa{sv}", 1, 3,
                                       "path", "s", "program",
                                       "fileDescriptor", "s", PROGRAM,
                                       "executable", "b", 1,
                               "stdin", "a{sv}", 1, "fileDescriptor", "s", given,
                               "stdout", "a{sv}", 1, "capture", "b", 1,
                               "limits", "a{sv}", 2,
                                       "cpuTimeUSec", "t", UINT64_C(1000000),
                                       "memoryBytes", "t", UINT64_C(64) << 20);
        if (r < 0)
                (void) fprintf(stderr, "Run: %s\n", error.message ? error.message : strerror(-r));
        else
                r = read_entries(reply, read_result, ret);
        if (r >= 0)
                r = read_entries(reply, read_file, ret);

        sd_bus_error_free(&error);
        sd_bus_message_unref(reply);
        return r;
}

static int judge(sd_bus *bus, const char *box) {
        const size_t n_tests = sizeof(tests) / sizeof(*tests);
        size_t good = 0;
        int r;

        for (size_t i = 0; i < n_tests; i++) {
                Result result;
                const char *verdict = result.verdict;

                r = run(bus, box, tests[i].given, &result);
                if (r < 0)
                        return r;

                if (strcmp(verdict, "ok") == 0 && strcmp(result.output, tests[i].wanted) != 0)
                        verdict = "wrong-answer";
                (void) printf("test %zu: %s, %.1f ms\n", i + 1, verdict, (double) result.cpu_usec / 1000);
                good += strcmp(verdict, "ok") == 0;
        }

        return good == n_tests ? 0 : 1;
}

int main(void) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        const char *box;
        sd_bus *bus = NULL;
        int r;

        r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = sd_bus_call_method(bus, NAME, "/org/judgebox1", NAME ".Manager", "CreateBox", &error, &reply,
                                       "sa{sv}", "", 1, "storageBytes", "t", UINT64_C(16) << 20);
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &box);
        if (r < 0)
                (void) fprintf(stderr, "CreateBox: %s\n", error.message ? error.message : strerror(-r));
        else {
                r = judge(bus, box);
                (void) sd_bus_call_method(bus, NAME, box, NAME ".Box", "Destroy", NULL, NULL, "a{sv}", 0);
        }

        sd_bus_error_free(&error);
        sd_bus_message_unref(reply);
        sd_bus_flush_close_unref(bus);
        return r < 0 ? 2 : r;
}
