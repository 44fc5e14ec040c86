/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FUZZES: varlink/json-check.c varlink/json-parse.c */
#include "fuzz.h"
#include "json-parse.h"

/* Held against json-c: what the check lets pass json-c can read, and what json-c then writes passes again and is read
 * as the same. The first byte is the depth allowed. */

static const JsonBounds *bounds(unsigned depth) {
        static JsonBounds b;

        b = (JsonBounds) { .depth = depth, .n_values = 1000 };
        return &b;
}

static void check_round_trip(json_object *o, unsigned depth) {
        json_object *again = NULL;
        const char *text;
        int r;

        r = json_object_check_output(o, depth);
        fuzz_assert(IN_SET(r, 0, -ERANGE));
        if (r < 0)
                return;

        text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
        fuzz_assert(text);
        fuzz_assert(json_parse_checked(text, strlen(text), bounds(depth), NULL, &again) == 0);
        fuzz_assert(json_object_equal(o, again));
        (void) json_object_put(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        FuzzInput i = { data, size };
        json_object *o = NULL;
        size_t offset = SIZE_MAX;
        unsigned depth;
        int r;

        depth = fuzz_take_byte(&i) % (JSON_CHECK_DEPTH_MAX + 1);

        r = json_check((const char *) i.data, i.size, bounds(depth), &offset);
        fuzz_assert(IN_SET(r, 0, -EBADMSG, -EILSEQ, -ENOTUNIQ, -ERANGE, -E2BIG));
        if (r < 0) {
                fuzz_assert(offset <= i.size);
                return 0;
        }

        fuzz_assert(json_parse_checked((const char *) i.data, i.size, bounds(depth), NULL, &o) == 0);
        if (o)
                check_round_trip(o, depth);
        (void) json_object_put(o);
        return 0;
}
