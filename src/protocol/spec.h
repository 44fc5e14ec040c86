/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is asked of a box and of a run, and what comes back: the words that judgeboxd and judgebox-init
 * share. Nothing here knows how it is asked for (varlink, D-Bus) or carried out. */

#include "observed.h"
#include "path-rules.h"
#include "string-util.h"
#include "time-util.h"

#define LIMIT_NONE UINT64_MAX  /* explicitly unlimited */

/* Whom the program runs as, inside. */
#define BOX_UID ((uid_t) 1000)
#define BOX_GID ((gid_t) 1000)

typedef enum LimitType {
        LIMIT_CPU_TIME,   /* usec */
        LIMIT_EXTRA_TIME, /* usec */
        LIMIT_WALL_TIME,  /* usec */
        LIMIT_IDLE_TIME,  /* usec */
        LIMIT_MEMORY,     /* bytes */
        LIMIT_PROCESSES,
        LIMIT_STACK,     /* bytes */
        LIMIT_FILE_SIZE, /* bytes */
        LIMIT_OUTPUT,    /* bytes, for each stream */
        LIMIT_OPEN_FILES,
        LIMIT_CORE, /* bytes */
        LIMIT_CPUS,
        LIMIT_ADDRESS_SPACE, /* bytes, of each process */
        LIMIT_CPU_PERCENT, /* of one CPU's time, in each tenth of a second */
        _LIMIT_TYPE_MAX,
        _LIMIT_TYPE_INVALID = -EINVAL,
} LimitType;

/* The names of org.judgebox.Manager's type Limits. */
const char *limit_type_to_string(LimitType t);
LimitType limit_type_from_string(const char *s);

/* The range in which a given value must be; LIMIT_NONE is outside, and only a default. */
void limit_range(LimitType t, uint64_t *ret_min, uint64_t *ret_max);

typedef struct Limits {
        uint64_t values[_LIMIT_TYPE_MAX];
        uint32_t set; /* bit t: values[t] was given */
        char *cpu_set;
} Limits;

#define LIMITS_NULL (Limits) {}

static inline bool limits_has(const Limits *l, LimitType t) {
        return l->set & (UINT32_C(1) << t);
}

static inline void limits_set(Limits *l, LimitType t, uint64_t value) {
        l->values[t] = value;
        l->set |= UINT32_C(1) << t;
}

void limits_done(Limits *l);
int limits_copy(const Limits *l, Limits *ret);

/* Fills in from `defaults` what is not given. */
int limits_inherit(Limits *l, const Limits *defaults);

/* Fills in what judgectl(1) promises to who gives no limits, so that every field is set. The wall time, where not
 * given, is three times the CPU time. */
int limits_apply_defaults(Limits *l);

/* In order of precedence, strongest first: where several apply, the first is the verdict. */
typedef enum Verdict {
        VERDICT_INTERNAL_ERROR,
        VERDICT_EXEC_FAILED,
        VERDICT_SECURITY_VIOLATION,
        VERDICT_MEMORY_LIMIT,
        VERDICT_CPU_TIME_LIMIT,
        VERDICT_WALL_TIME_LIMIT,
        VERDICT_IDLE_LIMIT,
        VERDICT_OUTPUT_LIMIT,
        VERDICT_CANCELED,
        VERDICT_SIGNALED,
        VERDICT_RUNTIME_ERROR,
        VERDICT_OK,
        _VERDICT_MAX,
        _VERDICT_INVALID = -EINVAL,
} Verdict;

const char *verdict_to_string(Verdict v);
Verdict verdict_from_string(const char *s);

/* What judgebox-init was doing when it failed. */
typedef enum Step {
        STEP_NONE,
        STEP_PROTOCOL,
        STEP_NAMESPACE,
        STEP_CGROUP,
        STEP_USER,
        STEP_ROOT,
        STEP_MOUNT,
        STEP_DEVICE,
        STEP_PROC,
        STEP_BIND,
        STEP_PIVOT_ROOT,
        STEP_HOSTNAME,
        STEP_LOOPBACK,
        STEP_CAPABILITIES,
        STEP_SECCOMP,
        STEP_LANDLOCK,
        STEP_KEYRING,
        STEP_TSC,
        STEP_IPC,
        STEP_SPAWN,
        STEP_STDIN,
        STEP_STDOUT,
        STEP_STDERR,
        STEP_TERMINAL,
        STEP_DESCRIPTORS,
        STEP_RLIMIT,
        STEP_CHDIR,
        STEP_AFFINITY,
        STEP_ALLOWED_PATH,
        STEP_EXEC,
        STEP_FILE,
        STEP_RESET,
        _STEP_MAX,
        _STEP_INVALID = -EINVAL,
} Step;

const char *step_to_string(Step s);
Step step_from_string(const char *s);

/* What could not be enforced by a cgroup; bits. */
typedef enum Degraded {
        DEGRADED_MEMORY = 1 << 0,
        DEGRADED_PROCESSES = 1 << 1,
        DEGRADED_CPUS = 1 << 2,
        DEGRADED_CPU_SET = 1 << 3,
        _DEGRADED_ALL = (1 << 4) - 1,
} Degraded;

/* Appends the names, as in a result's "degraded". */
int degraded_to_strv(Degraded d, char ***ret);

typedef struct BindSpec {
        int source_fd;
        char *path; /* absolute, inside */
        bool writable;
        bool noexec;

        /* judgeboxd's alone */
        bool directory; /* the working directory */
        bool owned;     /* root's files there are the program's, as other tenants' are anyway */
} BindSpec;

typedef struct TmpfsSpec {
        char *path;
        uint64_t bytes;
} TmpfsSpec;

#define BOX_BINDS_MAX 12U /* a message carries at most 16 descriptors */
#define BOX_TMPFS_MAX 16U

typedef struct BoxSettings {
        uint64_t storage_bytes;
        uint64_t inodes;
        char *host_name;
        char *domain_name;
        bool share_network;
        bool keep_temporary; /* what is in /tmp and /dev/shm, from one run to the next */
        bool deny_tsc;
        bool bare_root;
        int image_fd; /* a detached tree in place of the host's /usr; or -EBADF */
        bool image_writable; /* for this box, by an overlay */
        BindSpec binds[BOX_BINDS_MAX];
        size_t n_binds;
        TmpfsSpec tmpfs[BOX_TMPFS_MAX];
        size_t n_tmpfs;

        /* judgeboxd's alone: not sent to judgebox-init */
        Limits limits;
        gid_t gid;           /* of the tenant, for what is owned */
        char *image;
        bool host_directory; /* made for it, as its working directory: host-directory.h */
        uint64_t directory_bytes, directory_inodes; /* what may be in that one; 0: no limit */
        char *profile; /* of the runs that name none; NULL: the service's default */
        bool trace; /* the runs that do not say */
        PathRules allowed_paths; /* of those that name none */
        bool storage_given; /* else storage_bytes is a default */
        bool may_exceed; /* the budget of its tenant, which was granted */
} BoxSettings;

#define BOX_STORAGE_DEFAULT (UINT64_C(256) << 20)
#define BOX_INODES_DEFAULT UINT64_C(65536)

#define BOX_DIRECTORY "/box" /* the working directory */

void box_settings_init(BoxSettings *s);

/* Adds a directory of the tenant's that is to be the working directory. Takes the descriptor over, even on failure. */
int box_settings_add_directory(BoxSettings *s, int fd);

/* Frees strings and closes descriptors. */
void box_settings_done(BoxSettings *s);

typedef enum StreamType {
        STREAM_NULL,    /* /dev/null */
        STREAM_FD,      /* a descriptor */
        STREAM_PATH,    /* a file of the box */
        STREAM_CAPTURE, /* output only */
        STREAM_STDOUT,  /* standard error only: joined to standard output */
        _STREAM_TYPE_MAX,
} StreamType;

typedef struct StreamSpec {
        StreamType type;
        int fd;     /* STREAM_FD */
        char *path; /* STREAM_PATH */
        uint64_t record_bytes; /* STREAM_FD, output to a pipe: so much of it is recorded on its way; 0: nothing */
} StreamSpec;

#define RUN_EXTRA_FDS_MAX 8U
#define RUN_ARGUMENTS_MAX 65536U

/* Instructions of a filter. The kernel takes 4096 (BPF_MAXINSNS); judgebox-init adds some of its own. */
#define FILTER_LENGTH_MAX 4000U

typedef struct RunSpec {
        char **argv;
        char **environment;
        char *working_directory;
        StreamSpec streams[3];
        int exec_fd; /* a regular file, of which judgebox-init runs a sealed copy; or -EBADF */
        int extra_fds[RUN_EXTRA_FDS_MAX];
        int extra_targets[RUN_EXTRA_FDS_MAX];
        size_t n_extra_fds;
        Limits limits; /* every field set */
        Degraded degraded; /* what judgebox-init has to enforce by other means */
        PathRules allowed_paths;
        int filter_fd; /* a sealed memfd with the seccomp filter, an array of struct sock_filter; or -EBADF */
        bool trace;    /* note what the filter reports only for that, with FILTER_NOTICE_TRACE */
        bool terminal; /* standard input, output and error are one: it becomes the controlling terminal */
        bool keep; /* goes on when its caller has gone, and its result waits; judgebox-init only remembers it */
} RunSpec;

void run_spec_init(RunSpec *s);
void run_spec_done(RunSpec *s);

typedef struct RunResult {
        Verdict verdict;
        Step step;   /* exec-failed and internal-error; canceled: STEP_CGROUP if the box was stopped from outside */
        int error;   /* positive errno, with step */
        int exit_status; /* -1: did not exit */
        int signal;  /* 0: was not killed by one */
        int output_stream; /* output-limit: 1 or 2, or 0 for a file */
        usec_t cpu_usec, user_usec, system_usec, wall_usec;
        uint64_t memory_peak_bytes, max_rss_bytes;
        uint64_t memory_anon_bytes, memory_file_bytes, memory_shmem_bytes; /* charged at the end of the main process */
        uint64_t oom_kills, processes_peak, process_limit_hits;
        uint64_t voluntary_switches, forced_switches;
        usec_t throttled_usec, cpu_pressure_usec;
        uint64_t stdout_bytes, stderr_bytes;
        uint64_t storage_bytes, inodes; /* of the box, in use */
        Degraded degraded;
        Violation violation; /* security-violation */
} RunResult;

/* An evidence field that is not known. */
#define RESULT_UNKNOWN UINT64_MAX

void run_result_init(RunResult *r);

/* One sentence for people, such as "Killed by SIGSEGV." The limits are those the run had. NULL: out of memory. */
char *run_result_message(const RunResult *r, const Limits *limits, const char *program);
