/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <dirent.h>
#include <ini.h>
#include <unistd.h>

#include "config-file.h"
#include "string-util.h"

static const char *const config_directories[] = { "/etc", "/run", "/usr/local/lib", "/usr/lib" };

DEFINE_VOID_CLEANUP_FUNC(DIR *, closedir, closedirp);

static int find_main(const char *root, const char *name, char ***files) {
        for (size_t i = 0; i < ELEMENTSOF(config_directories); i++) {
                _cleanup_free_ char *path = NULL;

                path = strprintf("%s%s/%s", root, config_directories[i], name);
                if (!path)
                        return -ENOMEM;

                /* One that is there and cannot be read is for the reader to complain about. */
                if (access(path, F_OK) >= 0)
                        return strv_extend(files, path + strlen(root));
        }

        return 0;
}

static bool have_basename(char *const *files, const char *name) {
        STRV_FOREACH(f, files)
                if (streq(strrchr(*f, '/') + 1, name))
                        return true;

        return false;
}

/* Adds what the directory has and no earlier one had. */
static int find_drop_ins(const char *root, const char *directory, char ***files) {
        _cleanup_(closedirp) DIR *d = NULL;
        _cleanup_free_ char *path = NULL;
        struct dirent *e;
        int r;

        path = strprintf("%s%s", root, directory);
        if (!path)
                return -ENOMEM;

        d = opendir(path);
        if (!d)
                return errno == ENOENT ? 0 : -errno;

        for (;;) {
                errno = 0;
                e = readdir(d);
                if (!e)
                        return -errno;

                if (e->d_name[0] == '.' || !endswith(e->d_name, ".conf") || have_basename(*files, e->d_name))
                        continue;

                r = strv_extendf(files, "%s/%s", directory, e->d_name);
                if (r < 0)
                        return r;
        }
}

static int compare_basenames(const void *a, const void *b) {
        return strcmp(strrchr(*(char *const *) a, '/'), strrchr(*(char *const *) b, '/'));
}

int config_files_find(const char *root, const char *name, char ***ret, char ***ret_failed) {
        _cleanup_strv_free_ char **files = NULL, **drop_ins = NULL, **failed = NULL;
        int r;

        assert(name);
        assert(ret);
        assert(ret_failed);

        root = strempty(root);

        r = find_main(root, name, &files);
        if (r < 0)
                return r;

        for (size_t i = 0; i < ELEMENTSOF(config_directories); i++) {
                _cleanup_free_ char *directory = NULL;

                directory = strprintf("%s/%s.d", config_directories[i], name);
                if (!directory)
                        return -ENOMEM;

                r = find_drop_ins(root, directory, &drop_ins);
                if (r == -ENOMEM)
                        return r;
                if (r < 0) {
                        r = strv_extendf(&failed, "%s: %s", directory, strerror(-r));
                        if (r < 0)
                                return r;
                }
        }

        if (drop_ins)
                qsort(drop_ins, strv_length(drop_ins), sizeof(char *), compare_basenames);

        STRV_FOREACH(f, drop_ins) {
                r = strv_extend(&files, *f);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(files);
        *ret_failed = TAKE_PTR(failed);
        return 0;
}

/* inih tells neither the line of an assignment nor, but for the first, which lines it did not understand. It
 * takes its lines from us one by one, so both are known here: a line that was handed out and led to no call
 * of the handler before the next one is asked for was none. Sections are kept from it, because one that is
 * not closed must not leave its lines to the section before. */
typedef struct Reader {
        FILE *file;
        const ConfigFileHandler *handler;
        void *userdata;
        char *buffer;
        size_t allocated;
        unsigned line;
        bool unanswered;
        int error;
} Reader;

static void note_result(Reader *reader, int r) {
        if (r < 0 && reader->error >= 0)
                reader->error = r;
}

static void complain(Reader *reader, const char *reason) {
        note_result(reader, reader->handler->malformed(reason, reader->line, reader->userdata));
}

static void settle_previous_line(Reader *reader) {
        if (!reader->unanswered)
                return;

        reader->unanswered = false;
        complain(reader, "Neither a section nor an assignment");
}

static int read_section(Reader *reader, char *s) {
        char *end = s + strlen(s);

        while (end > s && isspace((unsigned char) end[-1]))
                end--;

        if (end[-1] != ']')
                return reader->handler->section(NULL, reader->line, reader->userdata);

        end[-1] = '\0';
        return reader->handler->section(s + 1, reader->line, reader->userdata);
}

static char *on_read(char *buffer, int size, void *stream) {
        Reader *reader = ASSERT_PTR(stream);
        ssize_t n;
        char *s;

        assert(size >= 2);

        settle_previous_line(reader);
        if (reader->error < 0)
                return NULL;

        errno = 0;
        n = getline(&reader->buffer, &reader->allocated, reader->file);
        if (n < 0) {
                if (!feof(reader->file))
                        reader->error = errno_or_else(EIO);
                return NULL;
        }
        reader->line++;

        /* An empty line, unless there is something for inih to look at. */
        strcpy(buffer, "\n");

        /* Blanks at the beginning mean nothing in systemd's files; to inih they continue the line before. */
        s = reader->buffer + strspn(reader->buffer, " \t\r\n\v\f");

        if (strlen(reader->buffer) != (size_t) n)
                complain(reader, "A NUL byte");
        else if (s[0] == '[')
                note_result(reader, read_section(reader, s));
        else if (s[0] != '\0' && !strchr("#;", s[0])) {
                if (strlen(s) >= (size_t) size)
                        complain(reader, "Too long");
                else {
                        strcpy(buffer, s);
                        reader->unanswered = true;
                }
        }

        return buffer;
}

static int on_assignment(void *userdata, const char *section, const char *name, const char *value) {
        Reader *reader = ASSERT_PTR(userdata);

        reader->unanswered = false;
        note_result(reader, reader->handler->assignment(name, value, reader->line, reader->userdata));
        return 1;
}

int config_file_read(FILE *f, const ConfigFileHandler *handler, void *userdata) {
        Reader reader = { .file = f, .handler = handler, .userdata = userdata };
        int r;

        assert(f);
        assert(handler);

        /* A line number that it returns is of one that was reported already. */
        r = ini_parse_stream(on_read, &reader, on_assignment, &reader);
        free(reader.buffer);
        return r < 0 ? -ENOMEM : reader.error;
}
