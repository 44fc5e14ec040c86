/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FUZZES: varlink/varlink-idl.c varlink/varlink-idl-check.c */
#include <limits.h>

#include "fuzz.h"
#include "json-parse.h"
#include "varlink-idl-internal.h"

/* An interface, a NUL, and an object that is held against each of its methods and errors. */

static json_object *parse_object(const FuzzInput *i) {
        json_object *o = NULL;

        if (json_parse_checked((const char *) i->data, i->size, &(JsonBounds) { 32, 1000 }, NULL, &o) < 0)
                return NULL;
        if (!json_object_is_type(o, json_type_object)) {
                (void) json_object_put(o);
                return NULL;
        }

        return o;
}

static void check_symbol(const VarlinkSymbol *s, const FuzzInput *i) {
        json_object *o = parse_object(i);
        char *field = NULL;

        if (!o)
                return;

        if (s->kind == VARLINK_SYMBOL_ERROR)
                (void) varlink_idl_check_error(s, o, &field);
        else if (s->kind == VARLINK_SYMBOL_METHOD) {
                if (varlink_idl_check_reply(s, o, &field) < 0)
                        fuzz_assert(field);
                field = mfree(field);

                /* What was made of it is what a method reads: it must be right as it is. */
                if (varlink_idl_check_parameters(s, o, &field) < 0)
                        fuzz_assert(field);
                else {
                        fuzz_assert(!field);
                        fuzz_assert(varlink_idl_check_parameters(s, o, NULL) == 0);
                }
        }

        free(field);
        (void) json_object_put(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = NULL;
        FuzzInput i = { data, size };
        VarlinkIdl *idl = NULL;
        unsigned line = UINT_MAX;

        text = fuzz_take_string(&i, NULL);

        if (varlink_idl_parse(text, &line, &idl) < 0) {
                fuzz_assert(line != UINT_MAX);
                return 0;
        }

        fuzz_assert(strcmp(varlink_idl_get_text(idl), text) == 0);
        fuzz_assert(varlink_interface_name_is_valid(idl->name, strlen(idl->name)));

        for (size_t k = 0; k < idl->n_symbols; k++) {
                fuzz_assert(varlink_symbol_name_is_valid(idl->symbols[k].name, strlen(idl->symbols[k].name)));
                check_symbol(idl->symbols + k, &i);
        }

        varlink_idl_free(idl);
        return 0;
}
