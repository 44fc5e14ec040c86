/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "environment.h"
#include "string-util.h"

int environment_add_defaults(char ***l) {
        static const char *const defaults[] = {
                "PATH=/usr/local/bin:/usr/bin:/bin",
                "HOME=/box",
                "LANG=C.UTF-8",
                "TMPDIR=/tmp",
        };

        for (size_t i = 0; i < ELEMENTSOF(defaults); i++) {
                int r = strv_extend(l, defaults[i]);
                if (r < 0)
                        return r;
        }

        return 0;
}

int environment_set(char ***l, const char *variable) {
        size_t length = strcspn(variable, "=");

        for (char **i = *l; i && *i; i++)
                if (strncmp(*i, variable, length + 1) == 0)
                        return free_and_strdup(i, variable);

        return strv_extend(l, variable);
}

const char *environment_get(char *const *l, const char *name) {
        size_t length = strlen(name);

        for (; l && *l; l++)
                if (strncmp(*l, name, length) == 0 && (*l)[length] == '=')
                        return *l;

        return NULL;
}
