/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FUZZES: judgeboxd/box-file.c */
#include "box-file.h"
#include "fd-util.h"
#include "fuzz.h"
#include "string-util.h"

/* The file of a box that an earlier judgeboxd left. What is read of it and written again is read as the same. An input
 * that does not begin with a brace is what follows this version's protocol number. */

#define BOX_NAME "1000-box"

static char directory[] = "/dev/shm/fuzz-box-file-XXXXXX";
static int dir_fd = -EBADF;

static void remove_directory(void) {
        (void) unlinkat(dir_fd, BOX_NAME ".json", 0);
        (void) rmdir(directory);
}

static void write_file(const uint8_t *data, size_t size) {
        _cleanup_close_ int fd = openat(dir_fd, BOX_NAME ".json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        fuzz_assert(fd >= 0);
        if (size > 0 && data[0] != '{')
                fuzz_assert(dprintf(fd, "{\"protocol\":%i,", PROTOCOL_VERSION) > 0);
        fuzz_assert(fd_write_full(fd, data, size) == 0);
}

static void check_again(const BoxFile *f) {
        _cleanup_(box_file_done) BoxFile again = {};
        Box b = {
                .id = f->id,
                .name = (char *) BOX_NAME,
                .owner = f->owner,
                .uid_base = f->uid_base,
                .one_shot = f->one_shot,
                .created_usec = f->created_usec,
                .settings = f->settings,
        };

        fuzz_assert(box_file_write(dir_fd, &b) == 0);
        fuzz_assert(box_file_read(dir_fd, BOX_NAME, &again) == 0);
        fuzz_assert(streq(again.id, f->id) && again.owner == f->owner && again.uid_base == f->uid_base);
        fuzz_assert(again.created_usec == f->created_usec && again.one_shot == f->one_shot);
        fuzz_assert(again.settings.storage_bytes == f->settings.storage_bytes);
        fuzz_assert(again.settings.share_network == f->settings.share_network);
        fuzz_assert(again.settings.limits.set == f->settings.limits.set);
        fuzz_assert(again.settings.allowed_paths.n == f->settings.allowed_paths.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(box_file_done) BoxFile f = BOX_FILE_NULL;
        int r;

        if (dir_fd < 0) {
                fuzz_assert(mkdtemp(directory));
                dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                fuzz_assert(dir_fd >= 0 && atexit(remove_directory) == 0);
        }

        write_file(data, size);
        r = box_file_read(dir_fd, BOX_NAME, &f);
        fuzz_assert(IN_SET(r, 0, -EBADMSG, -EPROTONOSUPPORT, -E2BIG));
        if (r == 0)
                check_again(&f);
        return 0;
}
