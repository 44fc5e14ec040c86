/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <sys/stat.h>

#include "fd-util.h"
#include "log.h"
#include "string-util.h"
#include "test-set.h"
#include "text-util.h"

DEFINE_VOID_CLEANUP_FUNC(DIR *, closedir, closedirp);

void test_set_done(TestSet *t) {
        assert(t);

        for (size_t i = 0; i < t->n_cases; i++) {
                free(t->cases[i].name);
                free(t->cases[i].answer_name);
        }
        free(t->cases);
        t->dir_fd = safe_close(t->dir_fd);
        *t = TEST_SET_NULL;
}

static int compare_cases(const void *a, const void *b) {
        const TestCase *x = a, *y = b;

        return text_compare_natural(x->name, y->name);
}

static int find_answer(int dir_fd, const char *name, char **ret) {
        static const char *const suffixes[] = { ".ans", ".out" };

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                _cleanup_free_ char *answer = strprintf("%s%s", name, suffixes[i]);

                if (!answer)
                        return -ENOMEM;
                if (faccessat(dir_fd, answer, F_OK, 0) >= 0) {
                        *ret = TAKE_PTR(answer);
                        return 0;
                }
        }

        return -ENOENT;
}

static int add_case(TestSet *t, const char *name, size_t length) {
        _cleanup_free_ char *copy = NULL, *answer = NULL;
        TestCase *grown;
        int r;

        copy = strndup(name, length);
        if (!copy)
                return log_oom();

        r = find_answer(t->dir_fd, copy, &answer);
        if (r == -ENOENT)
                return log_error_errno(r, "Test %s.in has no answer: neither %s.ans nor %s.out is there.", copy,
                                       copy, copy);
        if (r < 0)
                return log_oom();

        grown = reallocarray(t->cases, t->n_cases + 1, sizeof(TestCase));
        if (!grown)
                return log_oom();

        t->cases = grown;
        t->cases[t->n_cases++] = (TestCase) { .name = TAKE_PTR(copy), .answer_name = TAKE_PTR(answer) };
        return 0;
}

int test_set_load(const char *path, TestSet *ret) {
        _cleanup_(test_set_done) TestSet t = TEST_SET_NULL;
        _cleanup_(closedirp) DIR *d = NULL;
        int fd, r;

        assert(path);
        assert(ret);

        t.dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (t.dir_fd < 0)
                return log_error_errno(errno, "Failed to open the tests in \"%s\": %m", path);

        fd = fcntl(t.dir_fd, F_DUPFD_CLOEXEC, 3);
        d = fd >= 0 ? fdopendir(fd) : NULL;
        if (!d) {
                (void) safe_close(fd);
                return log_error_errno(errno, "Failed to read \"%s\": %m", path);
        }

        for (struct dirent *de; (de = readdir(d));) {
                char *end = endswith(de->d_name, ".in");

                if (!end || end == de->d_name)
                        continue;

                r = add_case(&t, de->d_name, (size_t) (end - de->d_name));
                if (r < 0)
                        return r;
        }

        if (t.n_cases == 0)
                return log_error_errno(ENOENT, "There is no test in \"%s\": no file ends in .in.", path);

        qsort(t.cases, t.n_cases, sizeof(TestCase), compare_cases);

        *ret = t;
        t = TEST_SET_NULL;
        return 0;
}

static int open_regular(int dir_fd, const char *name) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        /* O_NONBLOCK: a FIFO must not make us wait. */
        fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return log_error_errno(errno, "Failed to open \"%s\": %m", name);

        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return log_error_errno(EINVAL, "\"%s\" is not a regular file.", name);

        return TAKE_FD(fd);
}

/* Larger ones are handed over as they are. */
#define INPUT_COPY_MAX (64U * 1024U * 1024U)

/* A copy, because a program can tell the name of what it reads, see where others have read up to, and keep them from
 * locking it. */
static int open_input(const TestSet *t, const char *name) {
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r;

        fd = open_regular(t->dir_fd, name);
        if (fd < 0)
                return fd;

        r = fd_read_full(fd, INPUT_COPY_MAX, &data, &size);
        if (r == -E2BIG)
                return lseek(fd, 0, SEEK_SET) < 0 ? log_error_errno(errno, "Failed to read \"%s\": %m", name) : TAKE_FD(fd);
        if (r >= 0)
                r = memfd_new_sealed("input", data, size);
        return r < 0 ? log_error_errno(r, "Failed to read \"%s\": %m", name) : r;
}

int test_set_open(const TestSet *t, size_t i, int *ret_input_fd, int *ret_answer_fd) {
        _cleanup_close_ int input_fd = -EBADF, answer_fd = -EBADF;
        _cleanup_free_ char *input_name = NULL;

        assert(t);
        assert(i < t->n_cases);

        input_name = strprintf("%s.in", t->cases[i].name);
        if (!input_name)
                return log_oom();

        input_fd = open_input(t, input_name);
        if (input_fd < 0)
                return input_fd;

        answer_fd = open_regular(t->dir_fd, t->cases[i].answer_name);
        if (answer_fd < 0)
                return answer_fd;

        *ret_input_fd = TAKE_FD(input_fd);
        *ret_answer_fd = TAKE_FD(answer_fd);
        return 0;
}
