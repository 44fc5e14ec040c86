/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <stdio.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "etc.h"
#include "fd-util.h"
#include "mount-util.h"
#include "string-util.h"

/* The /etc of a box is its own: the host's has names, keys and passwords that are no program's business.
 * It has the users that are there, the names that are known, and from the host only the few things that
 * programs do not work without. */

static_assert(BOX_UID == 1000 && BOX_GID == 1000, "passwd and group say 1000");

static const char passwd[] =
        "root:x:0:0:root:/:/usr/sbin/nologin\n"
        "box:x:1000:1000:box:/box:/bin/sh\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";

static const char group[] =
        "root:x:0:\n"
        "box:x:1000:\n"
        "nogroup:x:65534:\n";

static const char nsswitch[] =
        "passwd: files\n"
        "group: files\n"
        "hosts: files\n"
        "services: files\n"
        "protocols: files\n";

static const char nsswitch_network[] =
        "passwd: files\n"
        "group: files\n"
        "hosts: files dns\n"
        "services: files\n"
        "protocols: files\n";

/* Bound read-only, nosuid, nodev and noexec where the host has them; symbolic links are followed. None of
 * these holds a secret in any distribution that we know; whoever adds one makes sure of the same. Every
 * line costs each new box about 10 µs where the host has it and 1 µs where it has not. */
static const struct {
        const char *name;
        bool network; /* only with the host's network */
} binds[] = {
        { "ld.so.cache", false },   /* the dynamic linker */
        { "ld.so.conf", false },    /* ld(1), for the libraries that libraries want */
        { "ld.so.conf.d", false },
        { "alternatives", false },  /* Debian: half of what is in /usr/bin are links that lead here */
        { "java-8-openjdk", false }, /* Debian: the JDK's own settings are links that lead here */
        { "java-11-openjdk", false },
        { "java-17-openjdk", false },
        { "java-21-openjdk", false },
        { "java-25-openjdk", false },
        { "crypto-policies", false }, /* Fedora: OpenSSL and Java do not start without */
        { "fpc.cfg", false },       /* Free Pascal: where its units are */
        { "mono", false },          /* Mono: the names of system libraries */
        { "resolv.conf", true },
        { "services", true },
        { "protocols", true },
        { "ssl/certs", true },
        { "pki/ca-trust/extracted", true }, /* Fedora's */
        { "pki/tls/certs", true },
};

static int write_file(int etc_fd, const char *name, const char *text) {
        _cleanup_close_ int fd = -EBADF;

        fd = openat(etc_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
                return -errno;

        return fd_write_full(fd, text, strlen(text));
}

static int write_hosts(int etc_fd, const BoxSettings *s) {
        const char *host = isempty(s->host_name) ? BOX_HOST_NAME_DEFAULT : s->host_name;
        _cleanup_free_ char *text = NULL;

        text = strprintf("127.0.0.1 localhost\n"
                         "::1 localhost ip6-localhost ip6-loopback\n"
                         "127.0.1.1 %s\n", host);
        if (!text)
                return -ENOMEM;

        return write_file(etc_fd, "hosts", text);
}

static int make_target(int etc_fd, const char *name, bool directory) {
        char parent[NAME_MAX];

        for (const char *p = strchr(name, '/'); p; p = strchr(p + 1, '/')) {
                (void) snprintf(parent, sizeof(parent), "%.*s", (int) (p - name), name);
                if (mkdirat(etc_fd, parent, 0755) < 0 && errno != EEXIST)
                        return -errno;
        }

        if (directory)
                return RET_NERRNO(mkdirat(etc_fd, name, 0755));

        return RET_NERRNO(mknodat(etc_fd, name, S_IFREG | 0444, 0));
}

/* image_fd: -EBADF for the host's. A link in an image leads to what it has itself. */
static int clone_source(int image_fd, const char *name) {
        const struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
        char path[sizeof("/etc/") + NAME_MAX];
        _cleanup_close_ int fd = -EBADF;

        (void) snprintf(path, sizeof(path), "/etc/%s", name);
        if (image_fd < 0)
                return mount_clone(AT_FDCWD, path, /* recursive= */ true);

        fd = (int) syscall(SYS_openat2, image_fd, path, &how, sizeof(how));
        return fd < 0 ? -errno : mount_clone(fd, "", /* recursive= */ true);
}

static int bind_from(int image_fd, int etc_fd, const char *name) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        fd = clone_source(image_fd, name);
        if (IN_SET(fd, -ENOENT, -ENOTDIR))
                return 0;
        if (fd < 0)
                return fd;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
                return 0;

        r = mount_restrict(fd, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
                           /* recursive= */ true);
        if (r < 0)
                return r;

        r = make_target(etc_fd, name, S_ISDIR(st.st_mode));
        if (r < 0)
                return r;

        return mount_attach(fd, etc_fd, name);
}

/* Usually a link into /usr/share/zoneinfo, whose name tells programs what the zone is called. */
static int setup_localtime(int etc_fd) {
        char target[PATH_MAX];
        ssize_t n;

        n = readlinkat(AT_FDCWD, "/etc/localtime", target, sizeof(target) - 1);
        if (n < 0)
                return errno == ENOENT ? 0 : errno == EINVAL ? bind_from(-EBADF, etc_fd, "localtime") : -errno;
        target[n] = '\0';

        if (startswith(target, "/usr/") || startswith(target, "../usr/"))
                return RET_NERRNO(symlinkat(target, etc_fd, "localtime"));

        return bind_from(-EBADF, etc_fd, "localtime");
}

int etc_setup(int root_fd, const BoxSettings *s, int image_fd) {
        const struct {
                const char *name, *text;
        } files[] = {
                { "passwd", passwd },
                { "group", group },
                { "nsswitch.conf", s->share_network ? nsswitch_network : nsswitch },
        };
        _cleanup_close_ int fd = -EBADF;
        int r;

        assert(s);

        fd = openat(root_fd, "etc", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                r = write_file(fd, files[i].name, files[i].text);
                if (r < 0)
                        return r;
        }

        r = write_hosts(fd, s);
        if (r < 0)
                return r;

        for (size_t i = 0; i < ELEMENTSOF(binds); i++) {
                if (binds[i].network && !s->share_network)
                        continue;

                /* The way to the network is the host's, whatever programs are on it. */
                r = bind_from(binds[i].network ? -EBADF : image_fd, fd, binds[i].name);
                if (r < 0)
                        return r;
        }

        return setup_localtime(fd);
}
