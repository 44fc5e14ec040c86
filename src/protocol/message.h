/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The messages between judgeboxd and judgebox-init: one SOCK_SEQPACKET packet each.
 *
 * A packet is a fixed struct for its type, then the tail: NUL-terminated strings one after the other, in the
 * order that the struct's comment gives. A tail beyond MESSAGE_INLINE_MAX travels in a sealed memfd, the first
 * of the descriptors. Neither side believes the other: judgebox-init may be in a program's hands one day, and a
 * restarted judgeboxd may be another version. What does not fit is -EBADMSG, never an assertion.
 *
 * Requests carry a serial; the answer (REPLY, or FINISHED for EXECUTE and COLLECT) carries it back. */

#include <sched.h>

#include "spec.h"

#define PROTOCOL_MAGIC UINT32_C(0x6a626f78) /* "jbox" */

/* Of both sides: a box outlives the judgeboxd that made it, and one of another version cannot speak to it. */
#define PROTOCOL_VERSION 8

#define MESSAGE_INLINE_MAX (32U * 1024U)
#define MESSAGE_TAIL_MAX (16U * 1024U * 1024U)
#define MESSAGE_FDS_MAX 20U

/* The one descriptor that a box's judgebox-init begins with, beside 0 to 2: its control socket. */
#define JUDGEBOX_INIT_SOCKET_FD 3

typedef enum MessageType {
        /* judgeboxd -> judgebox-init */
        MESSAGE_PING,
        MESSAGE_CONFIGURE,
        MESSAGE_PREPARE,
        MESSAGE_EXECUTE,
        MESSAGE_KILL,
        MESSAGE_COLLECT,
        MESSAGE_OPEN,
        MESSAGE_COPY,
        MESSAGE_MKDIR,
        MESSAGE_REMOVE,
        MESSAGE_LIST,
        MESSAGE_RESET,
        MESSAGE_STORAGE,
        MESSAGE_RUNS,
        /* judgebox-init -> judgeboxd */
        MESSAGE_REPLY,
        MESSAGE_FINISHED,
        _MESSAGE_TYPE_MAX,
        _MESSAGE_TYPE_INVALID = -EINVAL,
} MessageType;

const char *message_type_to_string(MessageType t);
MessageType message_type_from_string(const char *s);

typedef struct MessageHeader {
        uint32_t magic;
        uint16_t version;
        uint16_t type;
        uint32_t serial;
        uint32_t size;      /* of the fixed struct, this header included */
        uint32_t tail_size; /* inline or in the memfd */
        uint32_t tail_in_fd;
} MessageHeader;

/* What the root of the box is to be. Tail: host name, domain name, each bind's path, each tmpfs' path (empty:
 * not given). Descriptors: each bind's source, the image if has_image. */
typedef struct MessageConfigure {
        MessageHeader header;
        uint64_t storage_bytes;
        uint64_t inodes;
        uint32_t share_network;
        uint32_t bare_root;
        uint32_t n_binds;
        uint32_t bind_flags[BOX_BINDS_MAX]; /* 1: writable, 2: noexec */
        uint32_t n_tmpfs;
        uint32_t keep_temporary, deny_tsc;
        uint32_t has_image; /* 1; and 2: writable */
        uint64_t tmpfs_bytes[BOX_TMPFS_MAX];
} MessageConfigure;

/* The cgroup of a run to come. Descriptors: those of RunCgroupFd whose bit is set, in that order. */
typedef struct MessagePrepare {
        MessageHeader header;
        uint64_t run;
        uint32_t fds_mask;
        uint32_t reserved;
} MessagePrepare;

/* Runs a program in the cgroup prepared under this number; answered by FINISHED when it has ended. Tail: the
 * arguments, the environment, the working directory (empty: the default), the three streams' paths (empty where not
 * STREAM_PATH), the CPU set (empty: none), the paths that are allowed. Descriptors: those of the STREAM_FD streams,
 * the executable if has_exec_fd, the filter if has_filter, the extra ones. */
typedef struct MessageExecute {
        MessageHeader header;
        uint64_t run;
        uint64_t limits[_LIMIT_TYPE_MAX];
        uint64_t record_bytes[3];
        uint32_t n_argv, n_environment;
        uint32_t stream_types[3];
        uint32_t has_exec_fd;
        uint32_t n_extra_fds;
        int32_t extra_targets[RUN_EXTRA_FDS_MAX];
        uint32_t degraded;
        uint32_t keep;
        uint32_t has_filter;
        uint32_t trace;
        uint32_t terminal;
        uint32_t n_allowed;
        uint8_t allowed[PATH_RULES_MAX]; /* 1: read, 2: write, 4: execute, 8: optional */
} MessageExecute;

/* What a judgeboxd that was started anew asks first. RUNS' REPLY: value is the highest number that was prepared, value2
 * how many were executed; the tail has for each run that is not forgotten a MessageRunEntry and argv[0], cut off
 * somewhere, with its NUL. From then on no run is reported but by COLLECT with `again`. */
typedef enum MessageRunState {
        MESSAGE_RUN_PREPARED,
        MESSAGE_RUN_EXECUTING,
        MESSAGE_RUN_FINISHED,
        _MESSAGE_RUN_STATE_MAX,
} MessageRunState;

typedef struct MessageRunEntry {
        uint64_t run;
        uint64_t limits[_LIMIT_TYPE_MAX];
        cpu_set_t cpus; /* that it was given by name; else none */
        uint32_t state;
        uint32_t keep;
        uint32_t reserved;
        uint32_t program_size; /* with the NUL */
} MessageRunEntry;

#define MESSAGE_PROGRAM_MAX 256U

/* KILL ends a run (or every run, with RUN_ALL) as canceled; REPLY's value is how many were ended. COLLECT says
 * that the result of a run has been handed out and can be forgotten. With `again` it asks for it once more: FINISHED
 * when the run has ended, or a REPLY with ENOENT where there is no such run. */
#define RUN_ALL UINT64_MAX
typedef struct MessageRun {
        MessageHeader header;
        uint64_t run;
        uint32_t again;
        uint32_t reserved;
} MessageRun;

typedef enum FileFlags {
        FILE_CREATE = 1 << 0,     /* OPEN: create or truncate for writing; else read */
        FILE_EXECUTABLE = 1 << 1, /* OPEN with CREATE, COPY: mode 0755 */
        FILE_RECURSIVE = 1 << 2,  /* REMOVE, LIST */
        FILE_PARENTS = 1 << 3,    /* OPEN with CREATE, COPY: make the directories above */
        _FILE_FLAGS_ALL = (1 << 4) - 1,
} FileFlags;

/* OPEN, COPY, MKDIR, REMOVE, LIST. Tail: the path. A descriptor comes back for OPEN, with the size as value;
 * LIST's REPLY has one of a sealed memfd with the entries, for each a MessageEntry and the name with its NUL.
 *
 * COPY creates or truncates the path and fills it from the one descriptor that comes along, from its start: a
 * regular file (else -EINVAL) of the caller's, which may be slow or stuck. That is why judgebox-init copies and
 * not judgeboxd: only its own box waits. No more than the box's storage is read: -ENOSPC. */
typedef struct MessageFile {
        MessageHeader header;
        uint32_t flags;
        uint32_t reserved;
} MessageFile;

typedef struct MessageEntry {
        uint64_t size_bytes;
        uint64_t modified_usec;
        uint32_t mode; /* as st_mode */
        uint32_t name_size; /* with the NUL */
} MessageEntry;

#define LIST_ENTRIES_MAX 200000U

/* PING, RESET, STORAGE, RUNS need no more than the header. STORAGE's REPLY: value bytes and value2 inodes in use. */

typedef struct MessageReply {
        MessageHeader header;
        int32_t error; /* 0 or a positive errno */
        uint32_t step; /* where */
        uint64_t value, value2;
} MessageReply;

/* The end of a run. Descriptors: the captured output and error, as captured_mask (1, 2) says. Tail: the path of what was
 * observed (empty: none), then for each entry of the trace a MessageTraceEntry and the path with its NUL. */
typedef struct MessageFinished {
        MessageHeader header;
        uint64_t run;
        RunResult result;
        uint64_t trace_dropped;
        uint32_t n_trace;
        uint32_t traced;
        uint32_t captured_mask;
        uint32_t reserved;
} MessageFinished;

typedef struct MessageTraceEntry {
        uint64_t count;
        uint32_t class;
        uint32_t number;
        uint32_t reserved;
        uint32_t path_size; /* with the NUL */
} MessageTraceEntry;

/* A message as received. Descriptors not taken are closed by message_done(). */
typedef struct Message {
        union {
                MessageHeader header;
                MessageConfigure configure;
                MessagePrepare prepare;
                MessageExecute execute;
                MessageRun run;
                MessageFile file;
                MessageReply reply;
                MessageFinished finished;
        };
        char *tail; /* NULL if tail_size is 0 */
        size_t tail_size, tail_used;
        int fds[MESSAGE_FDS_MAX];
        size_t n_fds, fds_used;
} Message;

void message_init(Message *m);
void message_done(Message *m);

/* Receives one. 0 and a valid header, size and tail; -EAGAIN; -ECONNRESET at the end; -EPROTONOSUPPORT for a message
 * of another version; -EBADMSG for anything that is not a message of this protocol. */
int message_receive(int socket_fd, Message *ret);

/* The next string of the tail, -EBADMSG at its end. Points into the message. */
int message_next_string(Message *m, const char **ret);
/* The next descriptor, the caller's from now on; -EBADMSG if there is none left. */
int message_next_fd(Message *m);
/* Everything was used: -EBADMSG if not. */
int message_check_end(const Message *m);

/* Fills in the header (type, serial, sizes) and sends. fixed points to a struct that begins with a
 * MessageHeader. -EAGAIN if the socket is full and does not block. */
int message_send(
                int socket_fd,
                MessageType type,
                uint32_t serial,
                void *fixed,
                size_t fixed_size,
                const char *tail,
                size_t tail_size,
                const int *fds,
                size_t n_fds);

/* For each type with more than scalars: what judgeboxd sends and what judgebox-init makes of it. The parsed
 * object owns its descriptors. */
int message_send_configure(int socket_fd, uint32_t serial, const BoxSettings *s);
int message_parse_configure(Message *m, BoxSettings *ret);

/* fds[]: as RunCgroupFd, -EBADF where missing. */
int message_send_prepare(int socket_fd, uint32_t serial, uint64_t run, const int *fds, size_t n_fds);
int message_parse_prepare(Message *m, int *ret_fds, size_t n_fds);

int message_send_execute(int socket_fd, uint32_t serial, uint64_t run, const RunSpec *s);
int message_parse_execute(Message *m, RunSpec *ret);

int message_send_run(int socket_fd, MessageType type, uint32_t serial, uint64_t run, bool again);
int message_send_file(int socket_fd, MessageType type, uint32_t serial, FileFlags flags, const char *path);
int message_parse_file(Message *m, FileFlags *ret_flags, const char **ret_path);

/* COPY; the source stays the sender's, and is the receiver's from the parse on. */
int message_send_copy(int socket_fd, uint32_t serial, FileFlags flags, const char *path, int source_fd);
int message_parse_copy(Message *m, FileFlags *ret_flags, const char **ret_path, int *ret_source_fd);

/* Of RUNS' REPLY: the next entry, with its program pointing into the message; 0 at the end. The place is 0 at first. */
int message_next_run(const Message *m, size_t *place, MessageRunEntry *ret, const char **ret_program);

/* PING, RESET, STORAGE, RUNS */
int message_send_simple(int socket_fd, MessageType type, uint32_t serial);

int message_send_reply(
                int socket_fd,
                uint32_t serial,
                int error,
                Step step,
                uint64_t value,
                uint64_t value2,
                const char *tail,
                size_t tail_size,
                int fd);
int message_send_finished(
                int socket_fd,
                uint32_t serial,
                uint64_t run,
                const RunResult *result,
                const Observed *observed,
                int stdout_fd,
                int stderr_fd);
int message_parse_finished(Message *m, RunResult *ret, Observed *ret_observed, int *ret_stdout_fd, int *ret_stderr_fd);
