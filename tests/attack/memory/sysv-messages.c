/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attack: leaves 32 MiB of messages in queues, which are nobody's memory but the kernel's
 * Barrier: memory-limit
 * Options: -m 16M
 * Verdict: memory-limit
 * Needs: memory */
#include "attack.h"
#include <sys/msg.h>

ATTACK(sysv_messages) {
        static struct {
                long type;
                char text[8000];
        } message = { .type = 1 };

        for (int i = 0; i < 2048; i++) {
                int id;

                id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
                if (id < 0)
                        return broken("msgget");
                while (msgsnd(id, &message, sizeof(message.text), IPC_NOWAIT) >= 0)
                        ;
                if (errno != EAGAIN)
                        return outcome(tried("msgsnd", -1));
        }

        return SUCCEEDED;
}
