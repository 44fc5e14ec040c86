/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: speaks to the hypervisor
 * Barrier: seccomp
 * Verdict: runtime-error */
#include "attack.h"
#include <linux/vm_sockets.h>
#include <sys/socket.h>

ATTACK(vsock) {
        struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = 1024 };
        int fd;

        fd = socket(AF_VSOCK, SOCK_STREAM, 0);
        if (!tried("socket", fd))
                return REFUSED;
        (void) tried("connect", connect(fd, (struct sockaddr *) &a, sizeof(a)));
        return SUCCEEDED;
}
