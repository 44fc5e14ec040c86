/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "macro.h"
#include "string-util.h"
#include "user-name.h"

char *user_name_local(uid_t uid) {
        const struct passwd *pw;
        char *name = NULL;
        FILE *f;

        f = fopen("/etc/passwd", "re");
        if (f) {
                while ((pw = fgetpwent(f)))
                        if (pw->pw_uid == uid) {
                                name = strdup(pw->pw_name);
                                break;
                        }
                (void) fclose(f);
                if (pw)
                        return name;
        }

        return strprintf("%u", uid);
}
