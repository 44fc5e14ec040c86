/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/random.h>

#include "fd-util.h"
#include "log.h"
#include "uid-range.h"

typedef struct UidBlock {
        uid_t first;
        uint32_t n_used;
        uint32_t next; /* where the search for a free place begins: round and round, so reuse is late */
        bool used[UID_RANGE_BLOCK_BOXES];
} UidBlock;

struct UidRange {
        int lock_fd;
        uid_t first;
        uint32_t n_wanted; /* blocks that may be taken from there on */
        UidBlock *blocks[UID_RANGE_BLOCKS_MAX];
        size_t n_blocks;
};

int uid_range_new_from_fd(int fd, UidRange **ret) {
        _cleanup_close_ int lock_fd = fd;
        UidRange *u;

        assert(ret);

        u = new(UidRange, 1);
        if (!u)
                return -ENOMEM;

        *u = (UidRange) {
                .lock_fd = TAKE_FD(lock_fd),
                .first = UID_RANGE_FIRST,
                .n_wanted = UID_RANGE_BLOCKS,
        };
        *ret = u;
        return 0;
}

int uid_range_new(const char *lock_path, UidRange **ret) {
        int fd = -EBADF;

        if (lock_path) {
                fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
                if (fd < 0)
                        log_debug_errno(errno, "Failed to open %s, picking uids at random: %m", lock_path);
        }

        return uid_range_new_from_fd(fd, ret);
}

UidRange *uid_range_free(UidRange *u) {
        if (!u)
                return NULL;

        for (size_t i = 0; i < u->n_blocks; i++)
                free(u->blocks[i]);
        u->lock_fd = safe_close(u->lock_fd);
        return mfree(u);
}

void uid_range_set_bounds(UidRange *u, uid_t first, uint32_t n_boxes) {
        assert(u);
        assert(first % UID_RANGE_BLOCK_SIZE == 0);
        assert(n_boxes >= UID_RANGE_BLOCK_BOXES);

        u->first = first;
        u->n_wanted = n_boxes / UID_RANGE_BLOCK_BOXES;
}

int uid_range_get_lock_fd(const UidRange *u) {
        assert(u);
        return u->lock_fd;
}

static UidBlock *find_block(UidRange *u, uid_t base) {
        for (size_t i = 0; i < u->n_blocks; i++)
                if (u->blocks[i]->first == base - base % UID_RANGE_BLOCK_SIZE)
                        return u->blocks[i];

        return NULL;
}

/* 1: ours now, 0: somebody else's. Every daemon locks the same byte for the same uids, wherever its range begins. */
static int try_block(UidRange *u, uid_t first) {
        struct flock l = {
                .l_type = F_WRLCK,
                .l_whence = SEEK_SET,
                .l_start = first / UID_RANGE_BLOCK_SIZE,
                .l_len = 1,
        };

        if (find_block(u, first))
                return 0;
        if (u->lock_fd < 0)
                return 1;
        if (fcntl(u->lock_fd, F_OFD_SETLK, &l) < 0)
                return IN_SET(errno, EAGAIN, EACCES) ? 0 : -errno;

        return 1;
}

static int add_block(UidRange *u, uid_t first, UidBlock **ret) {
        UidBlock *b;

        b = new0(UidBlock, 1);
        if (!b)
                return -ENOMEM;

        b->first = first;
        u->blocks[u->n_blocks++] = *ret = b;
        return 0;
}

static int take_block(UidRange *u, UidBlock **ret) {
        uint32_t start = 0;
        int r;

        if (u->n_blocks >= ELEMENTSOF(u->blocks))
                return -ENOSPC;

        if (u->lock_fd < 0 && getrandom(&start, sizeof(start), 0) != sizeof(start))
                return -EIO;

        for (uint32_t i = 0; i < u->n_wanted; i++) {
                uid_t first = u->first + (start % u->n_wanted + i) % u->n_wanted * UID_RANGE_BLOCK_SIZE;

                r = try_block(u, first);
                if (r < 0)
                        return r;
                if (r > 0)
                        return add_block(u, first, ret);
        }

        return -ENOSPC;
}

int uid_range_adopt(UidRange *u, uid_t base) {
        UidBlock *b;
        uint32_t place;
        int r;

        assert(u);

        if (base % UID_RANGE_BOX_SIZE != 0 || base < UID_RANGE_BLOCK_SIZE || base > UINT32_MAX - UID_RANGE_BLOCK_SIZE)
                return -EINVAL;

        b = find_block(u, base);
        if (!b) {
                uid_t first = base - base % UID_RANGE_BLOCK_SIZE;

                if (u->n_blocks >= ELEMENTSOF(u->blocks))
                        return -ENOSPC;

                r = try_block(u, first);
                if (r < 0)
                        return r;
                if (r == 0)
                        return -EBUSY;

                r = add_block(u, first, &b);
                if (r < 0)
                        return r;
        }

        place = (base - b->first) / UID_RANGE_BOX_SIZE;
        if (b->used[place])
                return -EEXIST;

        b->used[place] = true;
        b->n_used++;

        /* Those just before may have been given back lately. */
        if (place >= b->next)
                b->next = (place + 1) % UID_RANGE_BLOCK_BOXES;
        return 0;
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

        *ret_base = b->first + b->next * UID_RANGE_BOX_SIZE;
        b->used[b->next] = true;
        b->n_used++;
        b->next = (b->next + 1) % UID_RANGE_BLOCK_BOXES;
        return 0;
}

void uid_range_release(UidRange *u, uid_t base) {
        UidBlock *b;
        uint32_t place;

        assert(u);

        b = find_block(u, base);
        assert(b);

        place = (base - b->first) / UID_RANGE_BOX_SIZE;
        assert(b->used[place]);
        b->used[place] = false;
        b->n_used--;
}
