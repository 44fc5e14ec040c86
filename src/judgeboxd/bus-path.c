/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>

#include "bus-service.h"
#include "parse-util.h"
#include "string-util.h"

char *bus_path_of_box(uid_t owner, const char *id) {
        char escaped[3 * BOX_ID_SIZE], *p = escaped;

        assert(box_id_is_valid(id));

        for (; *id; id++)
                if (isalnum((unsigned char) *id))
                        *p++ = *id;
                else
                        p += sprintf(p, "_%02x", (unsigned char) *id);
        *p = '\0';

        return strprintf(BUS_PATH_BOX "/u%u_%s", owner, escaped);
}

static int unescape(const char *s, char ret[static BOX_ID_SIZE]) {
        size_t n = 0;

        while (*s) {
                if (n + 1 >= BOX_ID_SIZE)
                        return -EINVAL;

                if (*s != '_') {
                        ret[n++] = *s++;
                        continue;
                }

                if (!isxdigit((unsigned char) s[1]) || !isxdigit((unsigned char) s[2]))
                        return -EINVAL;

                {
                        const char hex[] = { s[1], s[2], '\0' };
                        unsigned value;

                        if (sscanf(hex, "%x", &value) != 1)
                                return -EINVAL;
                        ret[n++] = (char) value;
                }
                s += 3;
        }

        ret[n] = '\0';
        return 0;
}

int bus_path_to_box(const char *path, uid_t *ret_owner, char ret_id[static BOX_ID_SIZE]) {
        _cleanup_free_ char *copy = NULL, *canonical = NULL;
        const char *s;
        char *separator;
        uint64_t uid;
        int r;

        assert(path);
        assert(ret_owner);

        s = startswith(path, BUS_PATH_BOX "/u");
        if (!s)
                return -EINVAL;

        copy = strdup(s);
        if (!copy)
                return -ENOMEM;

        separator = strchr(copy, '_');
        if (!separator)
                return -EINVAL;
        *separator = '\0';

        if (parse_uint64(copy, &uid) < 0 || uid >= UINT32_MAX)
                return -EINVAL;

        r = unescape(separator + 1, ret_id);
        if (r < 0)
                return r;
        if (!box_id_is_valid(ret_id))
                return -EINVAL;

        /* One box, one path: nothing escaped that need not be, no zeros before the number. */
        canonical = bus_path_of_box((uid_t) uid, ret_id);
        if (!canonical)
                return -ENOMEM;
        if (!streq(canonical, path))
                return -EINVAL;

        *ret_owner = (uid_t) uid;
        return 0;
}
