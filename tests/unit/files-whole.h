/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files of a box removed and listed to the end, as judgebox-init does in slices; and trees to do it with. */

#include <sys/stat.h>

#include "box-fixture.h"
#include "files.h"

static inline int remove_file(Root *root, const char *path, FileFlags flags) {
        _cleanup_(tree_removal_done) TreeRemoval t = TREE_REMOVAL_NULL;
        _cleanup_(bind_removal_freep) BindRemoval *b = NULL;
        int r;

        r = files_remove(root, path, flags, &t, &b);
        while (r > 0 && b)
                r = bind_removal_step(b);
        while (r > 0) {
                t.pause_at = t.steps_left - MIN(t.steps_left, UINT64_C(7));
                r = tree_collect(&t);
                if (r == -EAGAIN)
                        r = 1;
        }

        return r;
}

static inline int list_files(const Root *root, const char *path, FileFlags flags, char **ret_data, size_t *ret_size) {
        _cleanup_(file_list_freep) FileList *l = NULL;
        const char *data;
        int r;

        r = file_list_new(root, path, flags, &l);
        if (r < 0)
                return r;

        do
                r = file_list_step(l);
        while (r > 0);
        if (r < 0)
                return r;

        data = file_list_get(l, ret_size);
        *ret_data = new(char, *ret_size + 1);
        if (!*ret_data)
                return -ENOMEM;
        if (*ret_size > 0)
                memcpy(*ret_data, data, *ret_size);

        return 0;
}

/* In /box/top, as the program. */
static inline void make_deep_tree(void *userdata) {
        EXPECT(mkdir("/box/top", 0700) >= 0);
        EXPECT(chdir("/box/top") >= 0);
        for (unsigned i = 0; i < 5000; i++) {
                char name[256];

                /* Long enough that no path could name the bottom, with something on every level. */
                memset(name, 'd', 200);
                name[200] = '\0';
                EXPECT(mkdir(name, 0700) >= 0);
                if (i % 10 == 0)
                        fixture_write("file", "x");
                EXPECT(chdir(name) >= 0);
                if (i % 7 == 0)
                        EXPECT(chmod(".", 0300) >= 0);
        }
}

static inline void make_many_files(void *userdata) {
        EXPECT(mkdir("/box/top", 0700) >= 0);
        EXPECT(chdir("/box/top") >= 0);
        for (unsigned i = 0; i < 100000; i++) {
                char name[32];

                (void) snprintf(name, sizeof(name), "%u", i);
                if (i % 50 == 0)
                        EXPECT(mkdir(name, 0700) >= 0 && (i % 5000 != 0 || chdir(name) >= 0));
                else
                        EXPECT(mknod(name, S_IFREG | 0600, 0) >= 0);
        }
}

/* No more is in use of the box than when it was new. */
static inline void expect_unused(const Root *root) {
        uint64_t bytes, inodes;

        EXPECT_INT(root_usage(root, &bytes, &inodes), 0);
        EXPECT_INT(bytes, 0);
        EXPECT_INT(inodes, 0);
}
