/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>

#include "fd-util.h"
#include "log.h"
#include "recipe.h"
#include "self.h"
#include "string-util.h"
#include "text-util.h"

#define RECIPE_SIZE_MAX ((size_t) 64 << 10)

DEFINE_VOID_CLEANUP_FUNC(DIR *, closedir, closedirp);

int recipe_directories(char ***ret) {
        _cleanup_strv_free_ char **l = NULL;
        _cleanup_free_ char *directory = NULL;
        int r;

        assert(ret);

        r = strv_extend(&l, SYSCONFDIR "/judgebox/languages");
        if (r < 0)
                return r;

        /* Run from a build directory, they are beside bin/; installed, they are where the package put them. */
        r = self_directory(&directory);
        if (r < 0 && r != -ENOENT)
                return r;
        if (directory && !streq(directory, BINDIR)) {
                r = strv_extendf(&l, "%s/../languages", directory);
                if (r < 0)
                        return r;
        }

        r = strv_extend(&l, PKGDATADIR "/languages");
        if (r < 0)
                return r;

        *ret = TAKE_PTR(l);
        return 0;
}

/* -ENOENT: there is no such file, which is not logged. With LOG_WARNING the caller goes on without it. */
static int load_file(const char *path, const char *id, int log_level, Recipe **ret) {
        _cleanup_free_ char *text = NULL, *error = NULL, *printable = NULL;
        size_t size;
        int r;

        r = read_full_file_at(AT_FDCWD, path, RECIPE_SIZE_MAX, &text, &size);
        if (r == -ENOENT)
                return r;
        if (r < 0)
                return log_full_errno(log_level, r, "Failed to read %s: %m", path);

        r = recipe_parse(id, text, size, ret, &error);
        if (r != -EINVAL)
                return r < 0 ? log_oom() : 0;

        printable = text_escape(strna(error), strlen(strna(error)), /* keep_lines= */ false);
        return log_full_errno(log_level, r, "%s: %s.", path, strna(printable));
}

static int load(char *const *directories, const char *id, int log_level, Recipe **ret) {
        STRV_FOREACH(d, directories) {
                _cleanup_free_ char *path = strprintf("%s/%s.json", *d, id), *target = NULL;
                int r;

                if (!path)
                        return log_oom();

                /* A link to /dev/null takes a language away. */
                target = realpath(path, NULL);
                if (target && streq(target, "/dev/null"))
                        return -ENOENT;

                r = load_file(path, id, log_level, ret);
                if (r != -ENOENT)
                        return r;
        }

        return -ENOENT;
}

/* A file that the user names. */
static int load_own(const char *path, Recipe **ret) {
        const char *name = path_last_component(path), *end = endswith(name, ".json");
        _cleanup_free_ char *id = NULL;
        int r;

        id = strndup(name, end ? (size_t) (end - name) : strlen(name));
        if (!id)
                return log_oom();

        r = load_file(path, id, LOG_ERR, ret);
        return r == -ENOENT ? log_error_errno(r, "Failed to read %s: %m", path) : r;
}

static int compare_strings(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* The ids of all files *.json, each once, sorted. */
static int list_ids(char *const *directories, char ***ret) {
        _cleanup_strv_free_ char **l = NULL;

        STRV_FOREACH(d, directories) {
                _cleanup_(closedirp) DIR *dir = opendir(*d);

                if (!dir)
                        continue;

                for (struct dirent *de; (de = readdir(dir));) {
                        _cleanup_free_ char *id = NULL;
                        char *end = endswith(de->d_name, ".json");

                        if (!end || de->d_name[0] == '.')
                                continue;

                        id = strndup(de->d_name, (size_t) (end - de->d_name));
                        if (!id)
                                return log_oom();
                        if (!strv_contains(l, id) && strv_consume(&l, TAKE_PTR(id)) < 0)
                                return log_oom();
                }
        }

        if (l)
                qsort(l, strv_length(l), sizeof(char *), compare_strings);
        *ret = TAKE_PTR(l);
        return 0;
}

static int find_by_extension(char *const *directories, char *const *ids, const char *submission, Recipe **ret) {
        const char *name = path_last_component(submission), *dot = strrchr(name, '.');
        _cleanup_(recipe_freep) Recipe *found = NULL;
        int r;

        if (!dot || dot == name) {
                log_error("\"%s\" has no extension that would tell its language; use --language=.", submission);
                return -EINVAL;
        }

        STRV_FOREACH(id, ids) {
                _cleanup_(recipe_freep) Recipe *recipe = NULL;

                r = load(directories, *id, LOG_WARNING, &recipe);
                if (r == -ENOMEM)
                        return r;
                if (r < 0 || !strv_contains(recipe->extensions, dot))
                        continue;

                if (found) {
                        log_error("Both %s and %s are languages of %s files; use --language=.", found->id,
                                  recipe->id, dot);
                        return -EINVAL;
                }
                found = TAKE_PTR(recipe);
        }

        if (!found) {
                log_error("No language here has files that end in %s.", dot);
                return -EINVAL;
        }

        *ret = TAKE_PTR(found);
        return 0;
}

int recipe_find(char *const *directories, const char *language, const char *submission, Recipe **ret) {
        _cleanup_strv_free_ char **ids = NULL;
        _cleanup_free_ char *list = NULL;
        int r;

        assert(submission);
        assert(ret);

        if (language && strchr(language, '/'))
                return load_own(language, ret);

        r = list_ids(directories, &ids);
        if (r < 0)
                return r;

        if (!language)
                return find_by_extension(directories, ids, submission, ret);

        r = strv_contains(ids, language) ? load(directories, language, LOG_ERR, ret) : -ENOENT;
        if (r != -ENOENT)
                return r;

        list = strv_join(ids, ", ");
        if (!list)
                return log_oom();
        log_error("There is no language \"%s\"; there are: %s.", language, isempty(list) ? "none" : list);
        return -EINVAL;
}
