/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tries one thing that a program in a box must not be able to do. Exit status 0: it worked; 1: it did not, and
 * standard output says why; 2: called wrongly. test-barriers.py runs each attack in a box, where it must fail, and
 * outside, where it must work: so the test would notice if the box did not hold. */

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/msg.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))

/* What an attack returns: 0, or a negative errno. */

static pid_t pid_of(const char *s) {
        return (pid_t) strtol(s, NULL, 10);
}

/* A process whose command line has this word, other than this one, by way of /proc or whatever stands for it. */
static int attack_see(char *const argv[]) {
        struct dirent *e;
        DIR *d;

        d = opendir(argv[1]);
        if (!d)
                return -errno;

        while ((e = readdir(d))) {
                char path[512], text[4096];
                ssize_t n;
                int fd;

                if (atol(e->d_name) <= 0 || atol(e->d_name) == getpid())
                        continue;

                (void) snprintf(path, sizeof(path), "%s/%s/cmdline", argv[1], e->d_name);
                fd = open(path, O_RDONLY);
                if (fd < 0)
                        continue;
                n = read(fd, text, sizeof(text));
                (void) close(fd);

                if (n > 0 && memmem(text, (size_t) n, argv[0], strlen(argv[0]))) {
                        (void) closedir(d);
                        return 0;
                }
        }

        (void) closedir(d);
        return -ESRCH;
}

static int attack_kill(char *const argv[]) {
        return kill(pid_of(argv[0]), SIGUSR1) < 0 ? -errno : 0;
}

static int attack_pidfd_kill(char *const argv[]) {
        int fd = (int) syscall(SYS_pidfd_open, pid_of(argv[0]), 0);

        return fd < 0 || syscall(SYS_pidfd_send_signal, fd, SIGUSR1, NULL, 0) < 0 ? -errno : 0;
}

/* Whatever can be reached by a number at all, but for ourselves. */
/* One by one: kill(-1) also succeeds where there are others and it may signal none of them. Whom it does not see it finds
 * by number: in a box they are small. */
static int attack_kill_all(char *const argv[]) {
        struct dirent *e;
        int r = -ESRCH;
        DIR *d;

        for (pid_t pid = 1; pid < 1000; pid++)
                if (pid != getpid()) {
                        if (kill(pid, SIGUSR1) >= 0)
                                return 0;
                        if (errno != ESRCH)
                                r = -errno;
                }

        d = opendir("/proc");
        if (!d)
                return -errno;
        while ((e = readdir(d))) {
                pid_t pid = (pid_t) strtoul(e->d_name, NULL, 10);

                if (pid > 0 && pid != getpid() && kill(pid, SIGUSR1) >= 0) {
                        r = 0;
                        break;
                }
        }

        (void) closedir(d);
        return r;
}

static int attack_open(char *const argv[]) {
        return open(argv[0], O_RDONLY) < 0 ? -errno : 0;
}

static int attack_create(char *const argv[]) {
        return open(argv[0], O_WRONLY | O_CREAT | O_EXCL, 0666) < 0 ? -errno : 0;
}

/* Through a process that may have another root, working directory or file open. */
static int attack_open_through(char *const argv[]) {
        static const char *const ways[] = { "root", "cwd", "fd/0/../../../../../../..", "task/1/root" };
        int r = -ENOENT;

        for (size_t i = 0; i < ELEMENTSOF(ways); i++) {
                char path[1024];

                (void) snprintf(path, sizeof(path), "/proc/%s/%s%s", argv[0], ways[i], argv[1]);
                if (open(path, O_RDONLY) >= 0)
                        return 0;
                r = errno != ENOENT ? -errno : r;
        }

        return r;
}

/* Up from the root, by a directory that was opened before and by dots. */
static int attack_climb(char *const argv[]) {
        char path[1024];

        for (int i = 0; i < 50; i++)
                if (chdir("..") < 0)
                        return -errno;

        (void) snprintf(path, sizeof(path), ".%s", argv[0]);
        return open(path, O_RDONLY) < 0 ? -errno : 0;
}

static int attack_connect(char *const argv[]) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t) pid_of(argv[1])) };
        int fd;

        fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0 || inet_pton(AF_INET, argv[0], &a.sin_addr) != 1)
                return -errno;
        return connect(fd, (struct sockaddr *) &a, sizeof(a)) < 0 ? -errno : 0;
}

/* "@name" is an abstract one. Returns a socket that is connected to it, or bound. */
static int open_unix(const char *name, int (*use)(int, const struct sockaddr *, socklen_t)) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        size_t n = strlen(name);
        int fd;

        if (n >= sizeof(a.sun_path))
                return -ENAMETOOLONG;
        memcpy(a.sun_path, name, n);
        if (a.sun_path[0] == '@')
                a.sun_path[0] = '\0';

        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (fd < 0)
                return -errno;
        return use(fd, (struct sockaddr *) &a, (socklen_t) (offsetof(struct sockaddr_un, sun_path) + n)) < 0
                ? -errno : fd;
}

static int attack_connect_unix(char *const argv[]) {
        int fd = open_unix(argv[0], connect);

        return fd < 0 ? fd : 0;
}

/* Gets a directory from whoever listens there, and a file by way of it. */
static int attack_open_received(char *const argv[]) {
        union {
                struct cmsghdr header;
                char buffer[CMSG_SPACE(sizeof(int))];
        } control;
        char c;
        struct iovec iov = { &c, 1 };
        struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control),
        };
        int fd;

        fd = open_unix(argv[0], connect);
        if (fd < 0)
                return fd;
        if (recvmsg(fd, &m, 0) < 0)
                return -errno;
        if (!CMSG_FIRSTHDR(&m))
                return -ENODATA;

        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
        return openat(fd, argv[1], O_RDONLY) < 0 ? -errno : 0;
}

/* Does not wait for an answer, which may be far away: that it was sent is enough. */
static int attack_send(char *const argv[]) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(9) };
        int fd;

        fd = socket(AF_INET, SOCK_DGRAM, 0);
        if (fd < 0 || inet_pton(AF_INET, argv[0], &a.sin_addr) != 1)
                return -errno;
        return sendto(fd, "x", 1, 0, (struct sockaddr *) &a, sizeof(a)) < 0 ? -errno : 0;
}

static int attack_ptrace(char *const argv[]) {
        pid_t pid = pid_of(argv[0]);

        if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
                return -errno;
        (void) ptrace(PTRACE_DETACH, pid, NULL, NULL);
        return 0;
}

static int attack_read_memory(char *const argv[]) {
        char path[64], buffer[4096];
        ssize_t n;
        int fd;

        (void) snprintf(path, sizeof(path), "/proc/%s/maps", argv[0]);
        fd = open(path, O_RDONLY);
        if (fd < 0)
                return -errno;
        n = read(fd, buffer, sizeof(buffer));
        return n > 0 ? 0 : n < 0 ? -errno : -ENODATA;
}

static int attack_write_memory(char *const argv[]) {
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/%s/mem", argv[0]);
        return open(path, O_RDWR) < 0 ? -errno : 0;
}

static int attack_vm_read(char *const argv[]) {
        char buffer[16];
        struct iovec local = { buffer, sizeof(buffer) };
        /* An address that is none: permission is asked for first. */
        struct iovec remote = { (void *) 1, sizeof(buffer) };

        if (process_vm_readv(pid_of(argv[0]), &local, 1, &remote, 1, 0) < 0 && errno != EFAULT)
                return -errno;
        return 0;
}

static int attack_steal_descriptor(char *const argv[]) {
        int fd = (int) syscall(SYS_pidfd_open, pid_of(argv[0]), 0);

        return fd < 0 || syscall(SYS_pidfd_getfd, fd, 0, 0) < 0 ? -errno : 0;
}

static int attack_shm(char *const argv[]) {
        return shmget((key_t) strtol(argv[0], NULL, 10), 0, 0) < 0 ? -errno : 0;
}

/* What outlives the process that makes it, under a number: made, or only looked for. */
static int lasting(const char *kind, const char *number, bool make) {
        int key = (int) strtol(number, NULL, 10), r;
        char name[64];

        (void) snprintf(name, sizeof(name), "/judgebox-%s", number);

        if (strcmp(kind, "shm") == 0)
                r = shmget(key, make ? 4096 : 0, make ? IPC_CREAT | 0666 : 0);
        else if (strcmp(kind, "sem") == 0)
                r = semget(key, make, make ? IPC_CREAT | 0666 : 0);
        else if (strcmp(kind, "msg") == 0)
                r = msgget(key, make ? IPC_CREAT | 0666 : 0);
        else if (strcmp(kind, "mq") == 0)
                r = mq_open(name, O_RDONLY | (make ? O_CREAT : 0), 0666, NULL);
        else {
                int ring = strcmp(kind, "session-key") == 0 ? KEY_SPEC_SESSION_KEYRING : KEY_SPEC_USER_KEYRING;

                r = (int) (make ? syscall(SYS_add_key, "user", name, "x", 1, ring)
                                : syscall(SYS_keyctl, KEYCTL_SEARCH, ring, "user", name, 0));
        }

        return r < 0 ? -errno : 0;
}

static int attack_leave(char *const argv[]) {
        return lasting(argv[0], argv[1], /* make= */ true);
}

static int attack_find(char *const argv[]) {
        return lasting(argv[0], argv[1], /* make= */ false);
}

/* Has a capability, of whatever kind and in whatever set, that it could use. */
static int attack_have_capability(char *const argv[]) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = {};

        if (syscall(SYS_capget, &header, data) < 0)
                return -errno;
        return data[0].effective || data[0].permitted || data[0].inheritable || data[1].effective ||
                               data[1].permitted || data[1].inheritable
                ? 0 : -EPERM;
}

/* A user namespace of its own comes with all of them. */
static int attack_user_namespace(char *const argv[]) {
        return unshare(CLONE_NEWUSER) < 0 ? -errno : attack_have_capability(argv);
}

static int attack_become_root(char *const argv[]) {
        return setresuid(0, 0, 0) < 0 ? -errno : 0;
}

/* Executes a file that would change the user or add capabilities; that runs this program again. */
static int attack_execute(char *const argv[]) {
        (void) execl(argv[0], argv[0], "gained", NULL);
        return -errno;
}

static int attack_gained(char *const argv[]) {
        if (geteuid() != getuid())
                return 0;
        return attack_have_capability(argv);
}

/* Stays when the program ends: away from its session, parent and signals. Whether that worked is seen from
 * outside. */
static int attack_outlive(char *const argv[]) {
        pid_t pid;

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid > 0)
                return waitpid(pid, NULL, 0) < 0 ? -errno : 0;

        (void) setsid();
        pid = fork();
        if (pid != 0)
                _exit(pid < 0);

        for (int i = 1; i < 65; i++)
                (void) signal(i, SIG_IGN);
        for (int i = 0; i < 3; i++)
                (void) close(i);
        for (;;)
                (void) pause();
}

/* Not an attack: somebody who listens at a socket. */
static int attack_listen(char *const argv[]) {
        int fd;

        fd = open_unix(argv[0], bind);
        if (fd < 0 || listen(fd, 1) < 0)
                return fd < 0 ? fd : -errno;

        printf("%i\n", getpid());
        (void) fflush(stdout);
        (void) pause();
        return -errno;
}

/* Not an attack: somebody for them to be aimed at, who has what they send. */
static int attack_none(char *const argv[]) {
        (void) signal(SIGUSR1, SIG_IGN);
        printf("ready\n");
        (void) fflush(stdout);
        while (pause() < 0 && errno == EINTR)
                ;
        return -errno;
}

static const struct {
        const char *name;
        int (*attack)(char *const argv[]);
        int n_arguments;
} attacks[] = {
        { "see", attack_see, 2 },
        { "kill", attack_kill, 1 },
        { "pidfd-kill", attack_pidfd_kill, 1 },
        { "kill-all", attack_kill_all, 0 },
        { "open", attack_open, 1 },
        { "create", attack_create, 1 },
        { "open-through", attack_open_through, 2 },
        { "climb", attack_climb, 1 },
        { "connect", attack_connect, 2 },
        { "connect-unix", attack_connect_unix, 1 },
        { "open-received", attack_open_received, 2 },
        { "send", attack_send, 1 },
        { "ptrace", attack_ptrace, 1 },
        { "read-memory", attack_read_memory, 1 },
        { "write-memory", attack_write_memory, 1 },
        { "vm-read", attack_vm_read, 1 },
        { "steal-descriptor", attack_steal_descriptor, 1 },
        { "shm", attack_shm, 1 },
        { "leave", attack_leave, 2 },
        { "find", attack_find, 2 },
        { "have-capability", attack_have_capability, 0 },
        { "user-namespace", attack_user_namespace, 0 },
        { "become-root", attack_become_root, 0 },
        { "execute", attack_execute, 1 },
        { "gained", attack_gained, 0 },
        { "outlive", attack_outlive, 1 },
        { "listen", attack_listen, 1 },
        { "none", attack_none, 1 },
};

int main(int argc, char *argv[]) {
        for (size_t i = 0; argc >= 2 && i < ELEMENTSOF(attacks); i++) {
                int r;

                if (strcmp(attacks[i].name, argv[1]) != 0 || argc - 2 != attacks[i].n_arguments)
                        continue;

                r = attacks[i].attack(argv + 2);
                if (r >= 0)
                        return 0;

                printf("%s\n", strerrorname_np(-r));
                return 1;
        }

        return 2;
}
