/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>

#include "fd-util.h"
#include "fuzz.h"
#include "string-util.h"

/* main() where libFuzzer's is not: gives the target every file of the directories named, once. A corpus without files
 * is a failure, since it would show nothing. */

#define INPUT_MAX (16U * 1024U * 1024U)

static int replay_file(int dir_fd, const char *name) {
        _cleanup_free_ char *text = NULL;
        _cleanup_free_ uint8_t *exact = NULL;
        size_t size;
        int r;

        r = read_full_file_at(dir_fd, name, INPUT_MAX, &text, &size);
        if (r < 0)
                return r;

        /* Of just this size, so that a byte too many is seen: text has a NUL behind it. */
        exact = new(uint8_t, MAX(size, (size_t) 1));
        if (!exact)
                return -ENOMEM;
        memcpy(exact, text, size);

        (void) LLVMFuzzerTestOneInput(exact, size);
        return 0;
}

static int replay_directory(const char *path) {
        unsigned n = 0;
        DIR *d;
        int r = 0;

        d = opendir(path);
        if (!d)
                return -errno;

        for (struct dirent *e; r >= 0 && (e = readdir(d));) {
                if (e->d_name[0] == '.')
                        continue;
                r = replay_file(dirfd(d), e->d_name);
                if (r < 0)
                        fprintf(stderr, "%s/%s: %s\n", path, e->d_name, strerror(-r));
                n++;
        }
        (void) closedir(d);

        printf("%s: %u inputs\n", path, n);
        return r < 0 ? r : n > 0 ? 0 : -ENODATA;
}

int main(int argc, char *argv[]) {
        if (argc < 2) {
                fprintf(stderr, "Usage: %s DIRECTORY...\n", argv[0]);
                return EXIT_FAILURE;
        }

        for (int i = 1; i < argc; i++) {
                int r = replay_directory(argv[i]);

                if (r < 0) {
                        fprintf(stderr, "%s: %s\n", argv[i], strerror(-r));
                        return EXIT_FAILURE;
                }
        }

        return EXIT_SUCCESS;
}
