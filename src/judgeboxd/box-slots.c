/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "box-slots.h"
#include "fd-util.h"

typedef enum Slot {
        SLOT_FOREIGN, /* not ours to use: open before, or closed since */
        SLOT_FREE,    /* /dev/null */
        SLOT_TAKEN,
} Slot;

struct BoxSlots {
        int null_fd; /* above the range */
        int exec_fd; /* in it */
        Slot slots[BOX_SLOTS_END];
};

static int occupy(BoxSlots *s) {
        for (;;) {
                int fd;

                fd = fcntl(s->null_fd, F_DUPFD_CLOEXEC, 0);
                if (fd < 0)
                        return -errno;
                if (fd >= BOX_SLOTS_END) {
                        (void) safe_close(fd);
                        return 0;
                }

                s->slots[fd] = SLOT_FREE;
        }
}

int box_slots_new(int exec_fd, BoxSlots **ret) {
        _cleanup_(box_slots_freep) BoxSlots *s = NULL;
        _cleanup_close_ int null_fd = -EBADF, init_fd = exec_fd;
        int r;

        assert(exec_fd >= 0);
        assert(ret);

        s = new0(BoxSlots, 1);
        if (!s)
                return -ENOMEM;
        s->null_fd = s->exec_fd = -EBADF;

        null_fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
        if (null_fd < 0)
                return -errno;

        s->null_fd = fcntl(null_fd, F_DUPFD_CLOEXEC, BOX_SLOTS_END);
        if (s->null_fd < 0)
                return -errno;

        r = occupy(s);
        if (r < 0)
                return r;

        s->exec_fd = box_slots_take(s, TAKE_FD(init_fd));
        if (s->exec_fd < 0)
                return s->exec_fd;

        *ret = TAKE_PTR(s);
        return 0;
}

BoxSlots *box_slots_free(BoxSlots *s) {
        if (!s)
                return NULL;

        for (int i = 0; i < BOX_SLOTS_END; i++)
                if (s->slots[i] != SLOT_FOREIGN)
                        (void) safe_close(i);
        s->null_fd = safe_close(s->null_fd);
        return mfree(s);
}

int box_slots_get_exec_fd(const BoxSlots *s) {
        assert(s);
        return s->exec_fd;
}

int box_slots_take(BoxSlots *s, int fd) {
        _cleanup_close_ int owned = fd;

        assert(s);
        assert(fd >= 0);

        for (int i = 0; i < BOX_SLOTS_END; i++)
                if (s->slots[i] == SLOT_FREE) {
                        if (dup3(owned, i, O_CLOEXEC) < 0)
                                return -errno;

                        s->slots[i] = SLOT_TAKEN;
                        return i;
                }

        return -EBUSY;
}

void box_slots_release(BoxSlots *s, int slot) {
        assert(s);
        assert(slot >= 0 && slot < BOX_SLOTS_END);
        assert(s->slots[slot] == SLOT_TAKEN);

        /* The number stays occupied. Where even that fails it is given up, and the socket in it stays open. */
        if (dup3(s->null_fd, slot, O_CLOEXEC) >= 0)
                s->slots[slot] = SLOT_FREE;
}
