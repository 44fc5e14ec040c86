/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "fd-util.h"
#include "listing.h"
#include "message.h"
#include "test-util.h"

/* What judgebox-init sends of a directory, read page by page; and what it would never send. */

typedef struct Text {
        char *data;
        size_t size;
} Text;

static void add(Text *t, const char *name, size_t name_size) {
        MessageEntry e = { .size_bytes = 1, .mode = S_IFREG | 0644, .name_size = (uint32_t) name_size };

        t->data = realloc(t->data, t->size + sizeof(e) + name_size);
        ck_assert_ptr_nonnull(t->data);
        memcpy(t->data + t->size, &e, sizeof(e));
        memcpy(t->data + t->size + sizeof(e), name, name_size);
        t->size += sizeof(e) + name_size;
}

static Listing *open_text(Text *t) {
        Listing *l;
        int fd;

        fd = memfd_new_sealed("test", t->data ?: "", t->size);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(listing_new(fd, &l), 0);
        free(t->data);
        return l;
}

START_TEST(test_pages) {
        size_t n = 0, n_pages = 0, n_files = 20000;
        Text t = {};
        Listing *l;

        for (size_t i = 0; i < n_files; i++) {
                char name[32];

                add(&t, name, (size_t) snprintf(name, sizeof(name), "%zu", i) + 1);
        }

        l = open_text(&t);
        ck_assert_int_eq(listing_skip(l, 5), 0);
        while (!listing_is_at_end(l)) {
                json_object *page;

                ck_assert_int_eq(listing_read(l, &page), 0);
                for (size_t i = 0; i < json_object_array_length(page); i++, n++) {
                        json_object *name = json_object_object_get(json_object_array_get_idx(page, i), "name");

                        ck_assert_uint_eq(strtoul(json_object_get_string(name), NULL, 10), n + 5);
                }
                ck_assert_uint_lt(strlen(json_object_to_json_string(page)), 1024 * 1024 - 1024);
                json_object_put(page);
                n_pages++;
        }
        ck_assert_uint_eq(n, n_files - 5);
        ck_assert_uint_gt(n_pages, 1);
        listing_free(l);
}
END_TEST

START_TEST(test_end) {
        Text t = {}, empty = {};
        json_object *page;
        Listing *l;

        add(&t, "a", 2);
        l = open_text(&t);
        ck_assert_int_eq(listing_skip(l, UINT64_MAX), 0);
        for (unsigned i = 0; i < 2; i++) {
                ck_assert_int_eq(listing_read(l, &page), 0);
                ck_assert_uint_eq(json_object_array_length(page), 0);
                json_object_put(page);
        }
        listing_free(l);

        l = open_text(&empty);
        ck_assert(listing_is_at_end(l));
        listing_free(l);
}
END_TEST

/* The longest names there can be, each character of which takes six. */
START_TEST(test_page_fits_into_a_message) {
        char name[256];
        json_object *page;
        Text t = {};
        Listing *l;

        memset(name, 1, sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        for (size_t i = 0; i < 1000; i++)
                add(&t, name, sizeof(name));

        l = open_text(&t);
        ck_assert_int_eq(listing_read(l, &page), 0);
        ck_assert_uint_lt(strlen(json_object_to_json_string_ext(page, JSON_C_TO_STRING_PLAIN)), 1024 * 1024 - 1024);
        json_object_put(page);
        listing_free(l);
}
END_TEST

START_TEST(test_bad) {
        Text cut = {}, unterminated = {}, huge = {};
        json_object *page;
        Listing *l;
        int fd;

        add(&cut, "name", 5);
        cut.size -= 2;
        l = open_text(&cut);
        ck_assert_int_eq(listing_read(l, &page), -EBADMSG);
        listing_free(l);

        add(&unterminated, "name", 4);
        l = open_text(&unterminated);
        ck_assert_int_eq(listing_read(l, &page), -EBADMSG);
        listing_free(l);

        add(&huge, "x", 2);
        ((MessageEntry *) huge.data)->name_size = UINT32_MAX;
        l = open_text(&huge);
        ck_assert_int_eq(listing_skip(l, 1), -EBADMSG);
        listing_free(l);

        /* One that can change below us, or make us wait. */
        fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        ck_assert_int_eq(listing_new(fd, &l), -EBADMSG);
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        ck_assert_int_eq(listing_new(fd, &l), -EBADMSG);
        ck_assert_int_eq(listing_new(-EBADF, &l), -EBADMSG);
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_pages, test_end, test_page_fits_into_a_message, test_bad };

        return test_run("listing", tests, ELEMENTSOF(tests), NULL, NULL);
}
