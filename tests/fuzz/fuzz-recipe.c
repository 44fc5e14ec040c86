/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FUZZES: judgectl/recipe.c */
#include "fuzz.h"
#include "recipe.h"

/* A file of languages/: either a recipe that has what judging takes, or a sentence that says why not. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(recipe_freep) Recipe *recipe = NULL;
        _cleanup_free_ char *error = NULL;
        int r;

        r = recipe_parse("input", (const char *) data, size, &recipe, &error);
        fuzz_assert(IN_SET(r, 0, -EINVAL));
        fuzz_assert((r < 0) == !!error);
        if (r < 0)
                return 0;

        fuzz_assert(recipe->id && recipe->name && recipe->source);
        fuzz_assert(recipe->extensions && recipe->extensions[0]);
        fuzz_assert(recipe->run.command && recipe->run.command[0]);
        return 0;
}
