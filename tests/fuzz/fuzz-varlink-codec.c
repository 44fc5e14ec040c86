/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FUZZES: varlink/varlink-codec.c */
#include "fuzz.h"
#include "varlink-codec.h"

/* A stream in pieces: the first byte says how large they are. However it is cut, the same messages come out, which are
 * what is between the NULs. */

#define MESSAGE_MAX 300U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        FuzzInput i = { data, size };
        const uint8_t *expected;
        VarlinkCodec c;
        size_t piece;
        int r = 0;

        piece = (size_t) fuzz_take_byte(&i) + 1;
        expected = i.data;
        varlink_codec_init(&c, -EBADF, MESSAGE_MAX, 0);

        while (r >= 0 && i.size > 0) {
                int fds[VARLINK_FDS_MAX];
                const char *message;
                size_t n, n_fds, take = MIN(piece, i.size);

                r = varlink_codec_feed(&c, i.data, take);
                fuzz_assert(IN_SET(r, 0, -EMSGSIZE));
                i.data += take;
                i.size -= take;

                while (r >= 0 && (r = varlink_codec_next(&c, &message, &n, fds, &n_fds)) > 0) {
                        fuzz_assert(n <= MESSAGE_MAX && n_fds == 0);
                        fuzz_assert(expected + n < i.data);
                        fuzz_assert(memcmp(message, expected, n + 1) == 0);
                        expected += n + 1;
                }
                fuzz_assert(IN_SET(r, 0, -EMSGSIZE));
                if (r == 0) {
                        fuzz_assert(!varlink_codec_has_message(&c));
                        fuzz_assert(varlink_codec_has_partial(&c) == (expected < i.data));
                }
        }

        varlink_codec_done(&c);
        return 0;
}
