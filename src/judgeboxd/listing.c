/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <unistd.h>

#include "fd-util.h"
#include "json-build.h"
#include "listing.h"
#include "message.h"
#include "result-json.h"

/* So much of it at a time. As JSON it may be six times as long, where all of it is names of control characters, and has to
 * stay below VARLINK_MESSAGE_MAX. */
#define PAGE_SIZE_MAX (128U * 1024U)

struct Listing {
        int fd;
        uint64_t size, offset;
};

int listing_new(int fd, Listing **ret) {
        _cleanup_close_ int f = fd;
        uint64_t size;
        Listing *l;
        int r;

        assert(ret);

        r = memfd_get_sealed_size(f, &size);
        if (r < 0 || size > MESSAGE_TAIL_MAX)
                return -EBADMSG;

        l = new(Listing, 1);
        if (!l)
                return -ENOMEM;

        *l = (Listing) { .fd = TAKE_FD(f), .size = size };
        *ret = l;
        return 0;
}

Listing *listing_free(Listing *l) {
        if (!l)
                return NULL;

        (void) safe_close(l->fd);
        return mfree(l);
}

bool listing_is_at_end(const Listing *l) {
        assert(l);
        return l->offset >= l->size;
}

/* How much of the page are whole entries, no more than so many of them. */
static int measure_entries(const char *page, size_t size, uint64_t *n, size_t *ret) {
        size_t used = 0;

        while (*n > 0 && size - used >= sizeof(MessageEntry)) {
                MessageEntry e;

                memcpy(&e, page + used, sizeof(e));
                if (e.name_size > PATH_MAX)
                        return -EBADMSG;
                if (e.name_size > size - used - sizeof(e))
                        break;

                used += sizeof(e) + e.name_size;
                (*n)--;
        }

        *ret = used;
        return 0;
}

/* ret_page: PAGE_SIZE_MAX bytes, of which ret_size are whole entries. */
static int read_page(Listing *l, uint64_t *n, char *ret_page, size_t *ret_size) {
        size_t size = (size_t) MIN(l->size - l->offset, (uint64_t) PAGE_SIZE_MAX);
        int r;

        if (pread(l->fd, ret_page, size, (off_t) l->offset) != (ssize_t) size)
                return -EBADMSG;

        r = measure_entries(ret_page, size, n, ret_size);
        if (r < 0)
                return r;
        if (*ret_size == 0 && *n > 0)
                return -EBADMSG;

        l->offset += *ret_size;
        return 0;
}

int listing_skip(Listing *l, uint64_t n) {
        _cleanup_free_ char *page = NULL;
        size_t size;
        int r;

        assert(l);

        page = new(char, PAGE_SIZE_MAX);
        if (!page)
                return -ENOMEM;

        while (n > 0 && !listing_is_at_end(l)) {
                r = read_page(l, &n, page, &size);
                if (r < 0)
                        return r;
        }

        return 0;
}

int listing_read(Listing *l, json_object **ret) {
        _cleanup_free_ char *page = NULL;
        uint64_t n = UINT64_MAX;
        size_t size = 0;
        int r;

        assert(l);
        assert(ret);

        page = new(char, PAGE_SIZE_MAX);
        if (!page)
                return -ENOMEM;

        if (!listing_is_at_end(l)) {
                r = read_page(l, &n, page, &size);
                if (r < 0)
                        return r;
        }

        return entries_to_json(page, size, ret);
}
