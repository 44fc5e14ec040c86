/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/random.h>

#include "fd-util.h"
#include "log.h"
#include "uid-range.h"

typedef struct UidBlock {
        uint32_t index;
        uint32_t n_used;
        uint32_t next; /* where the search for a free place begins: round and round, so reuse is late */
        bool used[UID_RANGE_BLOCK_BOXES];
} UidBlock;

struct UidRange {
        int lock_fd;
        UidBlock *blocks[UID_RANGE_BLOCKS_MAX];
        size_t n_blocks;
};

int uid_range_new(const char *lock_path, UidRange **ret) {
        UidRange *u;

        assert(ret);

        u = new(UidRange, 1);
        if (!u)
                return -ENOMEM;

        *u = (UidRange) { .lock_fd = -EBADF };

        if (lock_path) {
                u->lock_fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
                if (u->lock_fd < 0)
                        log_debug_errno(errno, "Failed to open %s, picking uids at random: %m", lock_path);
        }

        *ret = u;
        return 0;
}

UidRange *uid_range_free(UidRange *u) {
        if (!u)
                return NULL;

        for (size_t i = 0; i < u->n_blocks; i++)
                free(u->blocks[i]);
        u->lock_fd = safe_close(u->lock_fd);
        return mfree(u);
}

static bool have_block(UidRange *u, uint32_t index) {
        for (size_t i = 0; i < u->n_blocks; i++)
                if (u->blocks[i]->index == index)
                        return true;

        return false;
}

/* 1: ours now, 0: somebody else's. */
static int try_block(UidRange *u, uint32_t index) {
        struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = index, .l_len = 1 };

        if (have_block(u, index))
                return 0;
        if (u->lock_fd < 0)
                return 1;
        if (fcntl(u->lock_fd, F_OFD_SETLK, &l) < 0)
                return IN_SET(errno, EAGAIN, EACCES) ? 0 : -errno;

        return 1;
}

static int take_block(UidRange *u, UidBlock **ret) {
        uint32_t start = 0;
        UidBlock *b;
        int r;

        if (u->n_blocks >= ELEMENTSOF(u->blocks))
                return -ENOSPC;

        if (u->lock_fd < 0 && getrandom(&start, sizeof(start), 0) != sizeof(start))
                return -EIO;

        for (uint32_t i = 0; i < UID_RANGE_BLOCKS; i++) {
                uint32_t index = (start + i) % UID_RANGE_BLOCKS;

                r = try_block(u, index);
                if (r < 0)
                        return r;
                if (r == 0)
                        continue;

                b = new0(UidBlock, 1);
                if (!b)
                        return -ENOMEM;

                b->index = index;
                u->blocks[u->n_blocks++] = *ret = b;
                return 0;
        }

        return -ENOSPC;
}

int uid_range_allocate(UidRange *u, uid_t *ret_base) {
        UidBlock *b = NULL;
        int r;

        assert(u);
        assert(ret_base);

        for (size_t i = 0; i < u->n_blocks && !b; i++)
                if (u->blocks[i]->n_used < UID_RANGE_BLOCK_BOXES)
                        b = u->blocks[i];

        if (!b) {
                r = take_block(u, &b);
                if (r < 0)
                        return r;
        }

        while (b->used[b->next])
                b->next = (b->next + 1) % UID_RANGE_BLOCK_BOXES;

        *ret_base = UID_RANGE_FIRST + b->index * UID_RANGE_BLOCK_SIZE + b->next * UID_RANGE_BOX_SIZE;
        b->used[b->next] = true;
        b->n_used++;
        b->next = (b->next + 1) % UID_RANGE_BLOCK_BOXES;
        return 0;
}

void uid_range_release(UidRange *u, uid_t base) {
        uint32_t offset = (uint32_t) (base - UID_RANGE_FIRST);
        uint32_t index = offset / UID_RANGE_BLOCK_SIZE, place = offset % UID_RANGE_BLOCK_SIZE / UID_RANGE_BOX_SIZE;

        assert(u);

        for (size_t i = 0; i < u->n_blocks; i++) {
                UidBlock *b = u->blocks[i];

                if (b->index != index)
                        continue;

                assert(b->used[place]);
                b->used[place] = false;
                b->n_used--;
                return;
        }

        assert(false && "uid base that was never handed out");
}
