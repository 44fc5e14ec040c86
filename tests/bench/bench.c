/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How long a run takes, in multiples of what it takes to start a program at all. README.md says what the
 * cases are.
 *
 * All cases take turns, so that whatever the machine does meanwhile (clock, neighbours, memory) is in all of
 * them alike, and each is divided by spawn-tiny of the same minute. Cases that start a fresh sandbox are dear:
 * they are run less often, and leave the kernel with cleaning up to do, which would be counted to whoever is
 * next. So each turn begins with one that does not count. */

#include <getopt.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd-util.h"
#include "parse-util.h"
#include "service.h"
#include "string-util.h"

#define ROUNDS_DEFAULT 200U
#define ROUNDS_DEAR_DEFAULT 60U
/* What is put into the box and fetched. */
#define FILE_SIZE ((size_t) 64 << 20)

#define ROUNDS_MIN 10U
#define ROUNDS_MAX 100000U

typedef struct Bench {
        Service service;
        char *tiny;
        int file_fd; /* of FILE_SIZE */
} Bench;

typedef enum CaseKind {
        CASE_SPAWN,  /* argv, by vfork() and execve() */
        CASE_STATUS, /* a varlink call without a run */
        CASE_WARM,
        CASE_RESET, /* a run, and a reset of the box */
        CASE_COLD,
        CASE_COPY, /* of a file of FILE_SIZE in memory, without a box */
        CASE_PUT,
        CASE_GET,
} CaseKind;

typedef struct Case {
        const char *name;
        CaseKind kind;
        const char *program; /* NULL: the tiny one */
        const char *verdict;
        const char *profile;
        bool share_network;
        bool extra;  /* only with --all */
        bool dear;
        bool of_copy; /* the ratio is to copy-64m */
        const char *const *argv; /* CASE_SPAWN; "@" is the tiny program's path */
        nsec_t *samples;
        size_t n_samples;
        unsigned due;
} Case;

#define BWRAP(...)                                                                                      \
        (const char *const[]) {                                                                         \
                "/usr/bin/bwrap", "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc",  \
                "--unshare-uts", "--unshare-cgroup", "--uid", "1000", "--gid", "1000",                  \
                "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin",                            \
                "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",                     \
                "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--die-with-parent",             \
                __VA_ARGS__, NULL                                                                       \
        }

#define COPY_CASE "copy-64m"

static Case cases[] = {
        { .name = "spawn-tiny", .argv = (const char *const[]) { "@", NULL } },
        { .name = "spawn-true", .argv = (const char *const[]) { "/bin/true", NULL } },
        { .name = "warm-status", .kind = CASE_STATUS, .extra = true },
        {
                .name = "warm-missing",
                .kind = CASE_WARM,
                .program = "/box/missing",
                .verdict = "exec-failed",
                .extra = true,
        },
        { .name = "warm-tiny", .kind = CASE_WARM },
        { .name = "warm-tiny-none", .kind = CASE_WARM, .profile = "none", .extra = true },
        { .name = "warm-tiny-strict", .kind = CASE_WARM, .profile = "strict", .extra = true },
        { .name = "warm-tiny-compile", .kind = CASE_WARM, .profile = "compile", .extra = true },
        { .name = "calls-none", .kind = CASE_WARM, .program = SERVICE_CALLS, .profile = "none", .extra = true, .dear = true },
        { .name = "calls-default", .kind = CASE_WARM, .program = SERVICE_CALLS, .extra = true, .dear = true },
        { .name = "calls-strict", .kind = CASE_WARM, .program = SERVICE_CALLS, .profile = "strict", .extra = true, .dear = true },
        { .name = "calls-compile", .kind = CASE_WARM, .program = SERVICE_CALLS, .profile = "compile", .extra = true, .dear = true },
        { .name = "warm-true", .kind = CASE_WARM, .program = "/bin/true" },
        { .name = "warm-reset", .kind = CASE_RESET },
        { .name = "cold-tiny", .kind = CASE_COLD, .dear = true },
        {
                .name = "cold-tiny-host-network",
                .kind = CASE_COLD,
                .share_network = true,
                .extra = true,
                .dear = true,
        },
        { .name = "cold-true", .kind = CASE_COLD, .program = "/bin/true", .dear = true },
        { .name = COPY_CASE, .kind = CASE_COPY, .dear = true },
        { .name = "put-64m", .kind = CASE_PUT, .dear = true, .of_copy = true },
        { .name = "get-64m", .kind = CASE_GET, .dear = true, .of_copy = true },
        { .name = "peer-bwrap-tiny", .dear = true, .argv = BWRAP("--ro-bind", "@", "/tiny", "--", "/tiny") },
        { .name = "peer-bwrap-true", .dear = true, .argv = BWRAP("--", "/bin/true") },
        {
                .name = "peer-unshare-true",
                .dear = true,
                .argv = (const char *const[]) {
                        "/usr/bin/unshare", "--user", "--map-root-user", "--mount", "--mount-proc",
                        "--pid", "--fork", "--net", "--ipc", "--uts", "--cgroup", "/bin/true", NULL
                },
        },
};

/* The child shares our memory and stack until it executes: it does nothing else. */
static int spawn_and_wait(char *const argv[]) {
        int status;
        pid_t pid;

        pid = vfork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                (void) execve(argv[0], argv, environ);
                _exit(127);
        }

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;

        return status == 0 ? 0 : -EPROTO;
}

static int copy_file(int source_fd) {
        _cleanup_close_ int fd = memfd_create("copy", MFD_CLOEXEC);
        off_t offset = 0;

        if (fd < 0)
                return -errno;

        while (offset < (off_t) FILE_SIZE) {
                ssize_t n = sendfile(fd, source_fd, &offset, FILE_SIZE - (size_t) offset);

                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
        }

        return 0;
}

/* Holes would cost nothing. */
static int make_file(int *ret_fd) {
        _cleanup_close_ int fd = memfd_create("source", MFD_CLOEXEC);
        char block[65536];
        int r = fd < 0 ? -errno : 0;

        memset(block, 'x', sizeof(block));
        for (size_t done = 0; done < FILE_SIZE && r >= 0; done += sizeof(block))
                r = fd_write_full(fd, block, sizeof(block));
        if (r < 0)
                return r;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int get_file(Bench *b) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = service_get(&b->service, &fd);
        return r < 0 ? r : copy_file(fd);
}

static int run_once(Bench *b, const Case *c) {
        int r;

        switch (c->kind) {
        case CASE_SPAWN: {
                char *argv[64];
                size_t n = 0;

                for (; c->argv[n]; n++) {
                        assert(n + 1 < ELEMENTSOF(argv));
                        argv[n] = streq(c->argv[n], "@") ? b->tiny : (char *) c->argv[n];
                }
                argv[n] = NULL;
                return spawn_and_wait(argv);
        }
        case CASE_STATUS:
                return service_call_status(&b->service);
        case CASE_WARM:
        case CASE_COLD:
                return service_run(&b->service, c->kind == CASE_WARM ? SERVICE_BOX : NULL, c->program,
                                   c->profile, c->share_network, c->verdict ?: "ok");
        case CASE_COPY:
                return copy_file(b->file_fd);
        case CASE_PUT:
                return service_put(&b->service, b->file_fd);
        case CASE_GET:
                return get_file(b);
        case CASE_RESET:
                r = service_run(&b->service, SERVICE_RESET_BOX, c->program, /* profile= */ NULL, /* share_network= */ false, "ok");
                return r < 0 ? r : service_reset(&b->service);
        }

        return -EINVAL;
}

static int measure(Bench *b, Case *c) {
        nsec_t begin;
        int r;

        r = run_once(b, c);
        if (r < 0)
                return r;

        begin = now_nsec(CLOCK_MONOTONIC);
        r = run_once(b, c);
        if (r < 0)
                return r;

        c->samples[c->n_samples++] = now_nsec(CLOCK_MONOTONIC) - begin;
        return 0;
}

static int measure_all(Bench *b, unsigned rounds, unsigned rounds_dear) {
        bool progress = isatty(STDERR_FILENO);
        int r = 0;

        for (unsigned i = 0; i < rounds && r >= 0; i++) {
                if (progress && i % 10 == 0)
                        (void) fprintf(stderr, "\r%u of %u rounds", i, rounds);

                for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                        Case *c = cases + k;

                        if (!c->samples)
                                continue;

                        /* Spreads the fewer rounds of the dear ones evenly. */
                        c->due += c->dear ? rounds_dear : rounds;
                        if (c->due < rounds)
                                continue;
                        c->due -= rounds;

                        r = measure(b, c);
                        if (r < 0) {
                                (void) fprintf(stderr, "\nbench: %s: %s\n", c->name, strerror(-r));
                                break;
                        }
                }
        }

        if (progress)
                (void) fprintf(stderr, "\r\033[K");
        return r;
}

static int compare_nsec(const void *a, const void *b) {
        nsec_t x = *(const nsec_t *) a, y = *(const nsec_t *) b;

        return (x > y) - (x < y);
}

static double median(const Case *c) {
        size_t half = c->n_samples / 2;

        if (c->n_samples % 2 == 1)
                return (double) c->samples[half];

        return (double) (c->samples[half - 1] + c->samples[half]) / 2;
}

static const Case *find_case(const char *name) {
        for (size_t k = 0; k < ELEMENTSOF(cases); k++)
                if (streq(cases[k].name, name))
                        return cases + k;

        assert(false);
        return NULL;
}

static void print_results(bool json) {
        double unit = median(&cases[0]), copy_unit = median(find_case(COPY_CASE));
        bool first = true;

        if (json)
                printf("{\"cases\":[");
        else
                printf("%-24s %12s %12s %8s %6s\n", "CASE", "MEDIAN", "P10", "RATIO", "N");

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                const Case *c = cases + k;
                double m, p10, ratio;

                if (!c->samples)
                        continue;

                m = median(c);
                ratio = m / (c->of_copy ? copy_unit : unit);
                p10 = (double) c->samples[c->n_samples / 10];
                if (json)
                        printf("%s{\"name\":\"%s\",\"medianUSec\":%.1f,\"p10USec\":%.1f,\"ratio\":%.2f}",
                               first ? "" : ",", c->name, m / NSEC_PER_USEC, p10 / NSEC_PER_USEC, ratio);
                else
                        printf("%-24s %9.1f us %9.1f us %8.2f %6zu\n", c->name, m / NSEC_PER_USEC,
                               p10 / NSEC_PER_USEC, ratio, c->n_samples);
                first = false;
        }

        if (json)
                printf("]}\n");
}

static int prepare_cases(bool all, unsigned rounds) {
        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                Case *c = cases + k;

                if (c->extra && !all)
                        continue;

                if (c->argv && !streq(c->argv[0], "@") && access(c->argv[0], X_OK) < 0) {
                        (void) fprintf(stderr, "bench: %s: skipped, no %s here\n", c->name, c->argv[0]);
                        continue;
                }

                c->samples = new(nsec_t, rounds);
                if (!c->samples)
                        return -ENOMEM;
        }

        return 0;
}

/* For somebody who wants to look on: says who is at work, then makes one warm run for every line it reads. */
static int hold(Bench *b) {
        char line[16];
        pid_t leader;
        int r;

        r = service_get_leader(&b->service, &leader);
        if (r < 0)
                return r;

        for (size_t i = 0; i < 20; i++) {
                r = service_run(&b->service, SERVICE_BOX, NULL, /* profile= */ NULL, /* share_network= */ false, "ok");
                if (r < 0)
                        return r;
        }

        printf("%i %i\n", (int) b->service.pid, (int) leader);
        (void) fflush(stdout);

        while (fgets(line, sizeof(line), stdin)) {
                nsec_t begin = now_nsec(CLOCK_MONOTONIC);

                r = service_run(&b->service, SERVICE_BOX, NULL, /* profile= */ NULL, /* share_network= */ false, "ok");
                if (r < 0)
                        return r;

                printf("%.1f\n", (double) (now_nsec(CLOCK_MONOTONIC) - begin) / NSEC_PER_USEC);
                (void) fflush(stdout);
        }

        return 0;
}

static int usage(FILE *f) {
        (void) fprintf(f,
                       "bench [--json] [--all] [--degrade] [--rounds=N] [--hold] BIN-DIRECTORY TINY-PROGRAM CALLS-PROGRAM\n"
                       "Use tools/bench, which builds all that it takes.\n");
        return f == stdout ? EXIT_SUCCESS : 2;
}

int main(int argc, char *argv[]) {
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "json", no_argument, NULL, 'j' },
                { "all", no_argument, NULL, 'a' },
                { "degrade", no_argument, NULL, 'd' },
                { "hold", no_argument, NULL, 'H' },
                { "rounds", required_argument, NULL, 'r' },
                {},
        };
        bool json = false, all = false, degrade = false, holding = false;
        Bench b = { .service = SERVICE_NULL, .file_fd = -EBADF };
        unsigned rounds = ROUNDS_DEFAULT;
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case 'h':
                        return usage(stdout);
                case 'j':
                        json = true;
                        break;
                case 'a':
                        all = true;
                        break;
                case 'd':
                        degrade = true;
                        break;
                case 'H':
                        holding = true;
                        break;
                case 'r':
                        if (parse_uint(optarg, &rounds) < 0 || rounds < ROUNDS_MIN || rounds > ROUNDS_MAX)
                                return usage(stderr);
                        break;
                default:
                        return usage(stderr);
                }
        if (argc - optind != 3)
                return usage(stderr);

        b.tiny = argv[optind + 1];
        r = prepare_cases(all, rounds);
        if (r >= 0)
                r = make_file(&b.file_fd);
        if (r >= 0)
                r = service_start(&b.service, argv[optind], b.tiny, argv[optind + 2], degrade);
        if (r >= 0)
                r = holding ? hold(&b)
                            : measure_all(&b, rounds, rounds * ROUNDS_DEAR_DEFAULT / ROUNDS_DEFAULT);
        service_stop(&b.service);
        (void) safe_close(b.file_fd);

        if (r >= 0 && !holding) {
                for (size_t k = 0; k < ELEMENTSOF(cases); k++)
                        if (cases[k].samples)
                                qsort(cases[k].samples, cases[k].n_samples, sizeof(nsec_t), compare_nsec);
                print_results(json);
        }

        for (size_t k = 0; k < ELEMENTSOF(cases); k++)
                free(cases[k].samples);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
