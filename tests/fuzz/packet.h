/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Packets of message.h made of an input, for what reads them on either side. Each takes
 *
 *      a byte: how many descriptors (the low five bits), whether the tail is in one (0x20: sealed, 0x40: not), and
 *              whether the header is to be as it comes (0x80): else magic, version and sizes are made right, since no
 *              mutation would get past them
 *      two bytes: how long it is
 *      that many bytes */

#include <sys/mman.h>

#include "fd-util.h"
#include "fuzz.h"
#include "message.h"

static inline uint32_t packet_fixed_size(unsigned type) {
        static const uint32_t sizes[_MESSAGE_TYPE_MAX] = {
                [MESSAGE_CONFIGURE] = sizeof(MessageConfigure), [MESSAGE_PREPARE] = sizeof(MessagePrepare),
                [MESSAGE_EXECUTE] = sizeof(MessageExecute),     [MESSAGE_KILL] = sizeof(MessageRun),
                [MESSAGE_COLLECT] = sizeof(MessageRun),         [MESSAGE_OPEN] = sizeof(MessageFile),
                [MESSAGE_COPY] = sizeof(MessageFile),           [MESSAGE_MKDIR] = sizeof(MessageFile),
                [MESSAGE_REMOVE] = sizeof(MessageFile),         [MESSAGE_LIST] = sizeof(MessageFile),
                [MESSAGE_REPLY] = sizeof(MessageReply),         [MESSAGE_FINISHED] = sizeof(MessageFinished),
        };

        return sizes[type] ?: (uint32_t) sizeof(MessageHeader);
}

static inline int packet_tail_fd(const uint8_t *data, size_t size, bool sealed) {
        int fd;

        if (sealed)
                fd = memfd_new_sealed("fuzz", data, size);
        else {
                fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
                fuzz_assert(fd >= 0 && write(fd, data, size) == (ssize_t) size);
        }

        fuzz_assert(fd >= 0);
        return fd;
}

/* Makes the next packet and sends it. False where there is no more, or the socket is full. */
static inline bool packet_send_next(FuzzInput *i, int socket_fd) {
        _cleanup_close_ int tail_fd = -EBADF;
        _cleanup_free_ uint8_t *packet = NULL;
        int fds[32];
        MessageHeader h;
        size_t size, n_fds;
        uint8_t flags;

        if (i->size == 0)
                return false;

        flags = fuzz_take_byte(i);
        size = fuzz_take_byte(i);
        size |= (size_t) fuzz_take_byte(i) << 8;
        size = MIN(size, i->size);

        packet = new0(uint8_t, size + sizeof(Message));
        fuzz_assert(packet);
        memcpy(packet, i->data, size);
        i->data += size;
        i->size -= size;

        n_fds = flags & 0x1f;
        for (size_t k = 0; k < n_fds; k++)
                fds[k] = STDERR_FILENO;

        if (!(flags & 0x80) && size >= sizeof(h)) {
                memcpy(&h, packet, sizeof(h));
                h.magic = PROTOCOL_MAGIC;
                h.version = PROTOCOL_VERSION;
                h.type %= _MESSAGE_TYPE_MAX;
                h.size = packet_fixed_size(h.type);
                size = MAX(size, (size_t) h.size);
                h.tail_size = (uint32_t) size - h.size;
                h.tail_in_fd = (flags & 0x60) && h.tail_size > 0;
                memcpy(packet, &h, sizeof(h));

                if (h.tail_in_fd) {
                        tail_fd = packet_tail_fd(packet + h.size, h.tail_size, flags & 0x20);
                        memmove(fds + 1, fds, n_fds * sizeof(int));
                        fds[0] = tail_fd;
                        n_fds++;
                        size = h.size;
                }
        }

        return send_with_fds(socket_fd, packet, size, fds, n_fds, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}
