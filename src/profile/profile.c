/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "profile-internal.h"

Profile *profile_free(Profile *p) {
        if (!p)
                return NULL;

        free(p->description);
        free(p->rules);
        strv_free(p->remarks);
        return mfree(p);
}

const char *profile_description(const Profile *p) {
        assert(p);

        return p->description;
}

bool profile_is_admin_only(const Profile *p) {
        assert(p);

        return p->admin_only;
}

char *const *profile_remarks(const Profile *p) {
        assert(p);

        return p->remarks;
}

void profile_program_done(ProfileProgram *p) {
        if (!p)
                return;

        p->filter = mfree(p->filter);
        p->n = 0;
}
