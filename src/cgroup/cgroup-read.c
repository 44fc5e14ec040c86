/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <unistd.h>

#include "cgroup-read.h"

/* The longest of the files read here has some 20 short lines. A longer one is read as far as this goes. */
#define CGROUP_FILE_MAX 4096

typedef struct Text {
        char buf[CGROUP_FILE_MAX];
        size_t size;
        size_t position;
} Text;

static int text_read(Text *t, int fd) {
        ssize_t n;

        do
                n = pread(fd, t->buf, sizeof(t->buf), 0);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;

        t->size = (size_t) n;
        t->position = 0;
        return 0;
}

/* The next line that ends in a newline. What is behind the last newline may be half a number, because the
 * file did not fit: it is left out. */
static bool text_next_line(Text *t, const char **ret, size_t *ret_size) {
        const char *line = t->buf + t->position, *end;

        end = memchr(line, '\n', t->size - t->position);
        if (!end)
                return false;

        *ret = line;
        *ret_size = (size_t) (end - line);
        t->position += *ret_size + 1;
        return true;
}

static bool parse_digits(const char *s, size_t size, uint64_t *ret) {
        uint64_t v = 0;

        if (size == 0)
                return false;

        for (size_t i = 0; i < size; i++) {
                if (s[i] < '0' || s[i] > '9')
                        return false;
                if (__builtin_mul_overflow(v, UINT64_C(10), &v) ||
                    __builtin_add_overflow(v, (uint64_t) (s[i] - '0'), &v))
                        return false;
        }

        *ret = v;
        return true;
}

/* The number that stands for none is none. */
static bool parse_key_line(const char *line, size_t size, const char *key, uint64_t *ret) {
        size_t l = strlen(key);
        uint64_t v;

        if (size <= l + 1 || memcmp(line, key, l) != 0 || line[l] != ' ' ||
            !parse_digits(line + l + 1, size - l - 1, &v) || v == RESULT_UNKNOWN)
                return false;

        *ret = v;
        return true;
}

typedef struct KeyValue {
        const char *key;
        uint64_t *value;
} KeyValue;

/* Each key's first number; what is not there is RESULT_UNKNOWN. */
static int read_keys(int fd, const KeyValue *table, size_t n) {
        const char *line;
        size_t size;
        Text text;
        int r;

        r = text_read(&text, fd);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n; i++)
                *table[i].value = RESULT_UNKNOWN;

        while (text_next_line(&text, &line, &size))
                for (size_t i = 0; i < n; i++)
                        if (*table[i].value == RESULT_UNKNOWN &&
                            parse_key_line(line, size, table[i].key, table[i].value))
                                break;

        return 0;
}

int cgroup_read_cpu_stat(int fd, CpuStat *ret) {
        CpuStat stat;
        const KeyValue table[] = {
                { "usage_usec", &stat.usage_usec },
                { "user_usec", &stat.user_usec },
                { "system_usec", &stat.system_usec },
                { "throttled_usec", &stat.throttled_usec },
        };
        int r;

        assert(fd >= 0);
        assert(ret);

        r = read_keys(fd, table, ELEMENTSOF(table));
        if (r < 0)
                return r;

        *ret = stat;
        return 0;
}

int cgroup_read_memory_stat(int fd, MemoryStat *ret) {
        MemoryStat stat;
        const KeyValue table[] = {
                { "anon", &stat.anon_bytes },
                { "file", &stat.file_bytes },
                { "shmem", &stat.shmem_bytes },
        };
        int r;

        assert(fd >= 0);
        assert(ret);

        r = read_keys(fd, table, ELEMENTSOF(table));
        if (r < 0)
                return r;

        /* The kernel counts tmpfs as files, too. */
        if (stat.file_bytes != RESULT_UNKNOWN && stat.shmem_bytes != RESULT_UNKNOWN)
                stat.file_bytes -= MIN(stat.file_bytes, stat.shmem_bytes);

        *ret = stat;
        return 0;
}

int cgroup_read_pressure(int fd, usec_t *ret) {
        static const char some[] = "some ", total[] = " total=";
        const char *line;
        size_t size;
        Text text;
        int r;

        assert(fd >= 0);
        assert(ret);

        r = text_read(&text, fd);
        if (r < 0)
                return r;

        while (text_next_line(&text, &line, &size)) {
                const char *p;

                if (size < strlen(some) || memcmp(line, some, strlen(some)) != 0)
                        continue;

                p = memmem(line, size, total, strlen(total));
                if (p && parse_digits(p + strlen(total), (size_t) (line + size - p) - strlen(total), ret))
                        return 0;
        }

        return -ENOENT;
}

int cgroup_read_uint64(int fd, uint64_t *ret) {
        const char *line;
        uint64_t v;
        size_t size;
        Text text;
        int r;

        assert(fd >= 0);
        assert(ret);

        r = text_read(&text, fd);
        if (r < 0)
                return r;

        if (!text_next_line(&text, &line, &size) || text.position != text.size)
                return -EBADMSG;

        if (size == strlen("max") && memcmp(line, "max", size) == 0)
                v = LIMIT_NONE;
        else if (!parse_digits(line, size, &v))
                return -EBADMSG;

        *ret = v;
        return 0;
}

int cgroup_read_key(int fd, const char *key, uint64_t *ret) {
        const char *line;
        size_t size;
        Text text;
        int r;

        assert(fd >= 0);
        assert(key);
        assert(ret);

        r = text_read(&text, fd);
        if (r < 0)
                return r;

        while (text_next_line(&text, &line, &size))
                if (parse_key_line(line, size, key, ret))
                        return 0;

        return -ENOENT;
}
