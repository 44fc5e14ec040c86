/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From a decision to PID 1 of the box: a launcher comes out of the cradle, in the box's namespaces and with its uid maps;
 * it gets its cgroup, clones itself as PID 1 and goes (launch.h in protocol/ has
 * the packets, cgroup.h the order). Every step that waits is an event, so boxes come up side by side. */

#include <systemd/sd-event.h>

#include "box-cradle.h"
#include "cgroup.h"
#include "launch.h"

typedef struct BoxLaunch BoxLaunch;

typedef struct BoxLaunchHandler {
        /* What is sent on this socket from now on waits for PID 1, whenever it comes. The socket is not the receiver's
         * yet. Returns 0 or a negative errno. */
        int (*going)(BoxLaunch *l, int socket_fd, void *userdata);
        /* PID 1 is there and listens on the socket; both descriptors are the receiver's now. The launcher may
         * still be in the box's cgroup. */
        void (*started)(BoxLaunch *l, int init_pidfd, int socket_fd, void *userdata);
        /* The launcher is gone and reaped: nothing is left in the box's cgroup but supervisor/. After started. */
        void (*finished)(BoxLaunch *l, void *userdata);
        /* Instead of the two: it came to nothing, and no process is left of it. */
        void (*failed)(BoxLaunch *l, Step step, int error, void *userdata);
} BoxLaunchHandler;

/* No handler runs before this has returned. */
int box_launch_new(
                sd_event *event,
                BoxCradle *cradle,
                uid_t uid_base,
                bool share_network,
                BoxCgroup *cgroup,
                const BoxLaunchHandler *handler,
                void *userdata,
                BoxLaunch **ret);

/* Ends it soon: one of the handlers still runs. With force even where nobody reacts any more, and then perhaps before
 * this returns. */
void box_launch_abort(BoxLaunch *l, bool force);

/* After finished or failed; or when it is clear that no event will come any more. */
BoxLaunch *box_launch_free(BoxLaunch *l);
DEFINE_TRIVIAL_CLEANUP_FUNC(BoxLaunch *, box_launch_free);
