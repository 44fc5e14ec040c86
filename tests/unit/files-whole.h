/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files of a box removed and listed to the end, as judgebox-init does in slices. */

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
