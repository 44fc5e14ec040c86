/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <stdio.h>

#include "box-file.h"
#include "fd-util.h"
#include "test-util.h"

/* A box as a file and back, and files that a later or an earlier version, or nobody, wrote. */

#define PROTOCOL STRINGIFY(PROTOCOL_VERSION)

static char directory[] = "/tmp/test-box-file-XXXXXX";
static int dir_fd = -EBADF;

static void setup(void) {
        ck_assert_ptr_nonnull(mkdtemp(directory));
        dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(dir_fd, 0);
}

static void teardown(void) {
        (void) unlinkat(dir_fd, "1000-my-box.json", 0);
        ck_assert_int_eq(unlinkat(AT_FDCWD, directory, AT_REMOVEDIR), 0);
        dir_fd = safe_close(dir_fd);
        memcpy(directory + sizeof(directory) - 7, "XXXXXX", 6);
}

static void write_box(void) {
        char long_path[PATH_MAX] = {};
        Box b = {
                .id = (char *) "my-box",
                .name = (char *) "1000-my-box",
                .owner = 1000,
                .uid_base = 0x70000010,
                .directory_project = 0x70000001,
                .one_shot = true,
                .until_disconnect = true,
                .created_usec = 1234567890123456,
        };

        box_settings_init(&b.settings);
        b.settings.storage_bytes = 4096;
        b.settings.inodes = 17;
        b.settings.share_network = true;
        b.settings.host_name = (char *) "h\"\n";
        limits_set(&b.settings.limits, LIMIT_MEMORY, 1 << 20);
        b.settings.limits.cpu_set = (char *) "0-1";

        /* The longest there can be, too: it has to be read again. */
        memset(long_path, '\001', sizeof(long_path) - 1);
        for (size_t i = 0; i < sizeof(long_path) - 1; i += NAME_MAX)
                long_path[i] = '/';
        for (size_t i = 0; i < PATH_RULES_MAX; i++)
                ck_assert_int_eq(path_rules_add(&b.settings.allowed_paths,
                                                &(PathRule) { .path = long_path, .write = i % 2, .optional = true }), 0);

        ck_assert_int_eq(box_file_write(dir_fd, &b), 0);
        path_rules_done(&b.settings.allowed_paths);
}

static void write_text(const char *text) {
        _cleanup_close_ int fd = -EBADF;

        fd = openat(dir_fd, "1000-my-box.json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(fd_write_full(fd, text, strlen(text)), 0);
}

START_TEST(test_there_and_back) {
        _cleanup_(box_file_done) BoxFile f = BOX_FILE_NULL;

        write_box();
        ck_assert_int_eq(box_file_read(dir_fd, "1000-my-box", &f), 0);
        ck_assert_uint_eq(f.protocol, PROTOCOL_VERSION);
        ck_assert_str_eq(f.id, "my-box");
        ck_assert_uint_eq(f.owner, 1000);
        ck_assert_uint_eq(f.uid_base, 0x70000010);
        ck_assert_uint_eq(f.directory_project, 0x70000001);
        ck_assert(f.one_shot);
        ck_assert(f.until_disconnect);
        ck_assert_uint_eq(f.created_usec, 1234567890123456);
        ck_assert_uint_eq(f.settings.storage_bytes, 4096);
        ck_assert_uint_eq(f.settings.inodes, 17);
        ck_assert(f.settings.share_network);
        ck_assert_str_eq(f.settings.host_name, "h\"\n");
        ck_assert_ptr_null(f.settings.domain_name);
        ck_assert_uint_eq(f.settings.limits.set, 1U << LIMIT_MEMORY);
        ck_assert_uint_eq(f.settings.limits.values[LIMIT_MEMORY], 1 << 20);
        ck_assert_str_eq(f.settings.limits.cpu_set, "0-1");
        ck_assert_uint_eq(f.settings.allowed_paths.n, PATH_RULES_MAX);
        ck_assert_uint_eq(strlen(f.settings.allowed_paths.rules[0].path), PATH_MAX - 1);
        ck_assert(!f.settings.allowed_paths.rules[0].write);
        ck_assert(f.settings.allowed_paths.rules[1].write);
        ck_assert(!f.settings.allowed_paths.rules[1].read && !f.settings.allowed_paths.rules[1].execute);
        ck_assert(f.settings.allowed_paths.rules[1].optional);
}
END_TEST

START_TEST(test_bad_files) {
        static const char *const texts[] = {
                "", "null", "[]", "{}", "{\"protocol\":" PROTOCOL,
                "{\"protocol\":\"" PROTOCOL "\",\"box\":\"my-box\",\"owner\":1000}",
                "{\"protocol\":-1,\"box\":\"my-box\",\"owner\":1000}",
                "{\"protocol\":" PROTOCOL ",\"box\":\"my-box\",\"owner\":-1}",
                "{\"protocol\":" PROTOCOL ",\"box\":\"my-box\",\"owner\":4294967295}",
                "{\"protocol\":" PROTOCOL ",\"box\":\"../x\",\"owner\":1000}",
                "{\"protocol\":" PROTOCOL ",\"owner\":1000}",
                "{\"protocol\":" PROTOCOL ",\"box\":\"my-box\",\"owner\":1000}",
                /* Another's */
                "{\"protocol\":99,\"box\":\"my-box\",\"owner\":1001}", "{\"protocol\":99,\"box\":\"your-box\",\"owner\":1000}",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                BoxFile f;

                write_text(texts[i]);
                ck_assert_msg(box_file_read(dir_fd, "1000-my-box", &f) == -EBADMSG, "%s", texts[i]);
        }
}
END_TEST

START_TEST(test_other_version) {
        _cleanup_(box_file_done) BoxFile f = BOX_FILE_NULL;

        write_text("{\"protocol\":99,\"box\":\"my-box\",\"owner\":1000,\"what\":\"nobody knows\"}");
        ck_assert_int_eq(box_file_read(dir_fd, "1000-my-box", &f), -EPROTONOSUPPORT);
        ck_assert_uint_eq(f.protocol, 99);
        ck_assert_str_eq(f.id, "my-box");
        ck_assert_uint_eq(f.owner, 1000);
}
END_TEST

START_TEST(test_no_file) {
        BoxFile f;

        ck_assert_int_eq(box_file_read(dir_fd, "1000-my-box", &f), -ENOENT);
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_there_and_back, test_bad_files, test_other_version, test_no_file };

        return test_run("box-file", tests, ELEMENTSOF(tests), setup, teardown);
}
