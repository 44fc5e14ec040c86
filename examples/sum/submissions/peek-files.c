/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looks for what is none of its business, and tells what it finds. Only who finds nothing gets to the right
 * answer. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int found = 0;

static void peek(const char *path) {
        char buffer[128];
        ssize_t n;
        int fd;

        fd = open(path, O_RDONLY);
        if (fd < 0)
                return;

        n = read(fd, buffer, sizeof(buffer) - 1);
        if (n > 0) {
                buffer[n] = '\0';
                printf("%s: %s\n", path, buffer);
                found = 1;
        }
        close(fd);
}

/* The processes of others, and what they are. */
static void peek_processes(void) {
        struct dirent *e;
        DIR *d = opendir("/proc");

        while (d && (e = readdir(d))) {
                long pid = atol(e->d_name);

                if (pid > 0 && pid != getpid() && pid != 1) {
                        printf("a process: %s\n", e->d_name);
                        found = 1;
                }
        }
}

int main(void) {
        long long sum = 0, x;
        int n;

        /* What it was started with and did not ask for. */
        for (int fd = 3; fd < 1024; fd++)
                if (fcntl(fd, F_GETFD) >= 0) {
                        printf("an open file: %d\n", fd);
                        found = 1;
                }

        peek("/etc/shadow");
        peek("/etc/ssh/ssh_host_ed25519_key");
        peek("/root/.bashrc");
        peek("/proc/1/root/etc/shadow");
        peek("/proc/1/environ");
        peek("/proc/1/maps");
        peek("/dev/sda");
        peek("/dev/vda");
        peek("/dev/mem");
        peek("/proc/kcore");
        peek_processes();

        if (found || scanf("%d", &n) != 1)
                return 0;
        while (n-- > 0 && scanf("%lld", &x) == 1)
                sum += x;
        printf("%lld\n", sum);
        return 0;
}
