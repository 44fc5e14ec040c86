/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <unistd.h>

#include "self.h"
#include "string-util.h"

int self_directory(char **ret) {
        char path[PATH_MAX];
        ssize_t n;

        assert(ret);

        n = readlink("/proc/self/exe", path, sizeof(path) - 1);
        if (n < 0)
                return -errno;
        if (n == 0 || path[0] != '/' || (size_t) n >= sizeof(path) - 1)
                return -ENAMETOOLONG;
        path[n] = '\0';

        *strrchr(path, '/') = '\0';
        *ret = strdup(path);
        return *ret ? 0 : -ENOMEM;
}

int self_find_beside(const char *name, char **ret) {
        _cleanup_free_ char *directory = NULL, *path = NULL;
        int r;

        assert(name);
        assert(ret);

        r = self_directory(&directory);
        if (r < 0)
                return r;

        path = strprintf("%s/%s", directory, name);
        if (!path)
                return -ENOMEM;

        if (access(path, X_OK) < 0)
                return -errno;

        *ret = TAKE_PTR(path);
        return 0;
}
