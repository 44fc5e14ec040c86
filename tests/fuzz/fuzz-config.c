/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FUZZES: judgeboxd/config.c judgeboxd/config-file.c judgeboxd/config-setting.c */
#include "config.h"
#include "fuzz.h"
#include "string-util.h"

/* A judgebox.conf. What is in force afterwards, written as a file, must say the same when it is read again. */

static Config *parse(const char *text, size_t size) {
        Config *c = NULL;
        FILE *f;

        f = fmemopen((void *) text, size, "r");
        fuzz_assert(f);
        fuzz_assert(config_new(&c) == 0);
        fuzz_assert(config_parse_file(c, f, "input") == 0);
        fclose(f);
        return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = NULL, *again = NULL;
        _cleanup_(config_freep) Config *c = NULL, *d = NULL;

        if (size == 0)
                return 0;

        c = parse((const char *) data, size);
        fuzz_assert(config_format(c, &text) == 0);

        d = parse(text, strlen(text));
        fuzz_assert(strv_length(d->messages) == 0);
        fuzz_assert(config_format(d, &again) == 0);
        fuzz_assert(streq(text, again));
        return 0;
}
