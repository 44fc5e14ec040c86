/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pwd.h>

#include "parse-util.h"
#include "string-util.h"
#include "user.h"

/* The highest two are "no uid" to the kernel. */
#define UID_HIGHEST (UINT32_MAX - 2)

char *user_format(uint64_t uid) {
        struct passwd *pw = NULL;

        if (uid <= UID_HIGHEST)
                pw = getpwuid((uid_t) uid);

        return pw ? strdup(pw->pw_name) : strprintf("%" PRIu64, uid);
}

int user_parse(const char *s, uid_t *ret) {
        struct passwd *pw;
        unsigned n;

        assert(s);
        assert(ret);

        if (parse_uint(s, &n) >= 0 && n <= UID_HIGHEST) {
                *ret = (uid_t) n;
                return 0;
        }

        pw = getpwnam(s);
        if (!pw)
                return -ESRCH;

        *ret = pw->pw_uid;
        return 0;
}
