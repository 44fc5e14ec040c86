/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>

#include "parse-util.h"
#include "string-util.h"

/* Reads digits from *p on. Returns how many, or -ERANGE. */
static int take_digits(const char **p, uint64_t *ret) {
        uint64_t v = 0;
        int n = 0;

        for (; isdigit((unsigned char) **p); (*p)++, n++)
                if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, **p - '0', &v))
                        return -ERANGE;

        *ret = v;
        return n;
}

int parse_uint64(const char *s, uint64_t *ret) {
        uint64_t v;
        int r;

        assert(s);
        assert(ret);

        r = take_digits(&s, &v);
        if (r < 0)
                return r;
        if (r == 0 || *s)
                return -EINVAL;

        *ret = v;
        return 0;
}

int parse_uint(const char *s, unsigned *ret) {
        uint64_t v;
        int r;

        assert(ret);

        r = parse_uint64(s, &v);
        if (r < 0)
                return r;
        if (v > UINT_MAX)
                return -ERANGE;

        *ret = (unsigned) v;
        return 0;
}

typedef struct Unit {
        const char *name;
        uint64_t factor;
} Unit;

/* A decimal number, a fraction of at most nine digits, and one of the units. The fraction is kept exact in
 * 1/10^9 so that no floating point decides a limit. */
static int parse_with_unit(const char *s, const Unit *units, size_t n_units, bool bare_fraction, uint64_t *ret) {
        uint64_t whole, fraction = 0, scale = 1, v;
        const Unit *unit = NULL;
        bool fractional = false;
        int r;

        r = take_digits(&s, &whole);
        if (r < 0)
                return r;
        if (r == 0)
                return -EINVAL;

        if (*s == '.') {
                fractional = true;
                s++;
                r = take_digits(&s, &fraction);
                if (r < 0)
                        return r;
                if (r == 0 || r > 9)
                        return -EINVAL;
                while (r-- > 0)
                        scale *= 10;
        }

        for (size_t i = 0; i < n_units; i++)
                if (streq(s, units[i].name)) {
                        unit = units + i;
                        break;
                }
        if (!unit)
                return -EINVAL;
        if (fractional && !bare_fraction && unit->factor == 1)
                return -EINVAL;

        if (__builtin_mul_overflow(whole, unit->factor, &v) ||
            __builtin_add_overflow(v, (uint64_t) ((unsigned __int128) fraction * unit->factor / scale), &v))
                return -ERANGE;

        *ret = v;
        return 0;
}

int parse_size(const char *s, uint64_t *ret_bytes) {
        static const Unit units[] = {
                { "", 1 },
                { "B", 1 },
                { "K", UINT64_C(1) << 10 },
                { "KB", UINT64_C(1) << 10 },
                { "KiB", UINT64_C(1) << 10 },
                { "M", UINT64_C(1) << 20 },
                { "MB", UINT64_C(1) << 20 },
                { "MiB", UINT64_C(1) << 20 },
                { "G", UINT64_C(1) << 30 },
                { "GB", UINT64_C(1) << 30 },
                { "GiB", UINT64_C(1) << 30 },
                { "T", UINT64_C(1) << 40 },
                { "TB", UINT64_C(1) << 40 },
                { "TiB", UINT64_C(1) << 40 },
        };

        assert(s);
        assert(ret_bytes);

        return parse_with_unit(s, units, ELEMENTSOF(units), /* bare_fraction= */ false, ret_bytes);
}

int parse_usec(const char *s, usec_t *ret_usec) {
        static const Unit units[] = {
                { "", USEC_PER_SEC },
                { "us", 1 },
                { "ms", USEC_PER_MSEC },
                { "s", USEC_PER_SEC },
                { "min", 60 * USEC_PER_SEC },
        };

        assert(s);
        assert(ret_usec);

        return parse_with_unit(s, units, ELEMENTSOF(units), /* bare_fraction= */ true, ret_usec);
}

int parse_boolean(const char *s) {
        static const char *const yes[] = { "yes", "true", "on", "1" }, *const no[] = { "no", "false", "off", "0" };

        assert(s);

        for (size_t i = 0; i < ELEMENTSOF(yes); i++) {
                if (streq(s, yes[i]))
                        return true;
                if (streq(s, no[i]))
                        return false;
        }

        return -EINVAL;
}

int errno_from_name(const char *s) {
        for (int i = 1; s && i < 256; i++)
                if (streq_ptr(strerrorname_np(i), s))
                        return i;

        return -EINVAL;
}

#define CPU_MAX UINT64_C(8192)

/* Takes one "N" or "N-M" with the comma behind it, if there is one. Returns whether more follows. */
static int take_cpu_range(const char **p, uint64_t *ret_first, uint64_t *ret_last) {
        uint64_t first, last;

        if (take_digits(p, &first) <= 0)
                return -EINVAL;

        last = first;
        if (**p == '-') {
                (*p)++;
                if (take_digits(p, &last) <= 0)
                        return -EINVAL;
        }

        if (last < first)
                return -EINVAL;
        if (last >= CPU_MAX)
                return -ERANGE;

        *ret_first = first;
        *ret_last = last;

        if (!**p)
                return false;
        return *(*p)++ == ',' ? true : -EINVAL;
}

int parse_cpu_list(const char *s, unsigned *ret_n) {
        uint64_t first, last;
        unsigned n = 0;
        int r;

        assert(s);

        do {
                r = take_cpu_range(&s, &first, &last);
                if (r < 0)
                        return r;
                n += (unsigned) (last - first + 1);
        } while (r > 0);

        if (ret_n)
                *ret_n = n;
        return 0;
}

int parse_cpu_set(const char *s, cpu_set_t *ret) {
        uint64_t first, last;
        cpu_set_t set;
        int r;

        assert(s);
        assert(ret);

        CPU_ZERO(&set);

        do {
                r = take_cpu_range(&s, &first, &last);
                if (r < 0)
                        return r;
                for (uint64_t i = first; i <= last && i < CPU_SETSIZE; i++)
                        CPU_SET((size_t) i, &set);
        } while (r > 0);

        *ret = set;
        return 0;
}

char *format_cpu_set(const cpu_set_t *set) {
        _cleanup_free_ char *s = NULL;

        assert(set);

        s = strdup("");
        for (size_t i = 0; s && i < CPU_SETSIZE; i++) {
                size_t first = i;
                char *longer;

                if (!CPU_ISSET(i, set))
                        continue;
                while (i + 1 < CPU_SETSIZE && CPU_ISSET(i + 1, set))
                        i++;

                longer = i > first ? strprintf("%s%s%zu-%zu", s, *s ? "," : "", first, i)
                                   : strprintf("%s%s%zu", s, *s ? "," : "", first);
                free(s);
                s = longer;
        }

        return TAKE_PTR(s);
}

bool box_id_is_valid(const char *s) {
        size_t n;

        if (!s)
                return false;

        n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
        return n >= 1 && n <= 32 && s[n] == '\0';
}

bool box_path_is_valid(const char *s) {
        if (isempty(s) || strlen(s) >= PATH_MAX)
                return false;

        for (;;) {
                size_t n = strcspn(s, "/");

                if (n == 2 && strncmp(s, "..", 2) == 0)
                        return false;
                if (n > NAME_MAX)
                        return false;
                if (!s[n])
                        return true;

                s += n + 1;
        }
}

/* "/" and "." say nothing. Returns how long the component is that *s then points to, 0 at the end. */
static size_t skip_to_component(const char **s) {
        for (;;) {
                size_t n;

                *s += strspn(*s, "/");
                n = strcspn(*s, "/");
                if (n != 1 || **s != '.')
                        return n;
                *s += n;
        }
}

static bool component_is(const char *s, size_t n, const char *name) {
        return strlen(name) == n && memcmp(s, name, n) == 0;
}

bool box_path_is_reserved(const char *s) {
        size_t n;

        assert(s);

        n = skip_to_component(&s);
        if (n == 0 || component_is(s, n, "proc"))
                return true;
        if (!component_is(s, n, "dev"))
                return false;

        s += n;
        n = skip_to_component(&s);
        return !component_is(s, n, "shm");
}

char *format_bytes(char buf[static FORMAT_BYTES_MAX], uint64_t bytes) {
        static const char suffixes[] = "BKMGTPE";
        uint64_t factor = 1;
        size_t i = 0;

        while (i + 2 < sizeof(suffixes) && bytes / factor >= 1024) {
                factor *= 1024;
                i++;
        }

        if (i == 0)
                (void) snprintf(buf, FORMAT_BYTES_MAX, "%" PRIu64 "B", bytes);
        else
                (void) snprintf(buf, FORMAT_BYTES_MAX, "%.1f%c", (double) bytes / (double) factor, suffixes[i]);

        return buf;
}

char *format_timespan(char buf[static FORMAT_TIMESPAN_MAX], usec_t usec) {
        if (usec == USEC_INFINITY)
                (void) snprintf(buf, FORMAT_TIMESPAN_MAX, "infinity");
        else if (usec >= USEC_PER_SEC)
                (void) snprintf(buf, FORMAT_TIMESPAN_MAX, "%" PRIu64 ".%03" PRIu64 "s",
                                usec / USEC_PER_SEC, usec % USEC_PER_SEC / USEC_PER_MSEC);
        else if (usec >= USEC_PER_MSEC)
                (void) snprintf(buf, FORMAT_TIMESPAN_MAX, "%" PRIu64 ".%" PRIu64 "ms",
                                usec / USEC_PER_MSEC, usec % USEC_PER_MSEC / 100);
        else
                (void) snprintf(buf, FORMAT_TIMESPAN_MAX, "%" PRIu64 "us", usec);

        return buf;
}
