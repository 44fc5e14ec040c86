/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ftw.h>
#include <linux/filter.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fd-util.h"
#include "profile-store.h"
#include "test-util.h"

#define ALLOW "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}"
#define REPORT "{\"defaultAction\":\"report\",\"syscalls\":[{\"name\":\"read\",\"action\":\"SCMP_ACT_ALLOW\"}]}"
#define OPEN "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"foreignAction\":\"SCMP_ACT_ALLOW\"}"

static char root[64];
static char *directories[3];
static ProfileStore *store;

static void setup(void) {
        (void) snprintf(root, sizeof(root), "/tmp/judgebox-profiles-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(root));

        for (size_t i = 0; i < 2; i++) {
                directories[i] = strprintf("%s/%zu", root, i);
                ck_assert_int_eq(mkdir(directories[i], 0755), 0);
        }
        ck_assert_int_eq(profile_store_new(directories, &store), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static void teardown(void) {
        store = profile_store_free(store);
        for (size_t i = 0; i < 2; i++)
                directories[i] = mfree(directories[i]);
        (void) nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put(unsigned directory, const char *name, const char *text, mode_t mode) {
        _cleanup_free_ char *path = strprintf("%s/%s", directories[directory], name);
        FILE *f;

        (void) unlink(path);
        f = fopen(path, "we");
        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs(text, f), 0);
        ck_assert_int_eq(fchmod(fileno(f), mode), 0);
        ck_assert_int_eq(fclose(f), 0);
}

static void drop(unsigned directory, const char *name) {
        _cleanup_free_ char *path = strprintf("%s/%s", directories[directory], name);

        ck_assert_int_eq(unlink(path), 0);
}

static size_t length(const char *name, bool trace) {
        _cleanup_(failure_done) Failure f = FAILURE_NULL;
        _cleanup_close_ int fd = -EBADF;
        uint64_t size;

        ck_assert_int_eq(profile_store_open_filter(store, name, "profile", trace, &fd, &f), 0);
        if (fd < 0)
                return 0;
        ck_assert_int_eq(memfd_get_sealed_size(fd, &size), 0);
        return size / sizeof(struct sock_filter);
}

static void assert_refused(const char *name, const char *words) {
        _cleanup_(failure_done) Failure f = FAILURE_NULL;
        int fd;

        ck_assert_int_eq(profile_store_open_filter(store, name, "settings.profile", false, &fd, &f), FAILURE_INVALID_PARAMETER);
        ck_assert_str_eq(f.name, "settings.profile");
        ck_assert_msg(strstr(f.message, words), "%s", f.message);
}

START_TEST(test_find) {
        _cleanup_strv_free_ char **names = NULL;

        put(0, "a.json", ALLOW, 0644);
        put(1, "a.json", OPEN, 0644);
        put(1, "b.json", OPEN, 0644);
        put(1, "not a name.json", OPEN, 0644);
        put(1, "c.txt", OPEN, 0644);

        ck_assert_uint_gt(length("a", false), 1);
        ck_assert_uint_eq(length("b", false), 0);
        ck_assert_uint_gt(length("b", true), 1);
        assert_refused("c", "no profile \"c\"");
        assert_refused("../0/a", "A profile is named by");
        assert_refused("", "A profile is named by");

        ck_assert_int_eq(profile_store_list(store, &names), 0);
        ck_assert_uint_eq(strv_length(names), 2);
        ck_assert_str_eq(names[0], "a");
        ck_assert_str_eq(names[1], "b");
}
END_TEST

/* The same file is read once, and a changed one anew; and what stood behind it comes to light. */
START_TEST(test_change) {
        const StoredProfile *p, *again;
        size_t before;

        put(0, "a.json", ALLOW, 0644);
        put(1, "a.json", OPEN, 0644);

        before = length("a", false);
        ck_assert_int_eq(profile_store_find(store, "a", &p), 0);
        ck_assert_int_eq(profile_store_find(store, "a", &again), 0);
        ck_assert_ptr_eq(p, again);

        put(0, "a.json", REPORT, 0644);
        ck_assert_uint_ne(length("a", false), before);

        drop(0, "a.json");
        ck_assert_uint_eq(length("a", false), 0);
        drop(1, "a.json");
        assert_refused("a", "no profile");
}
END_TEST

/* A bad file counts, and does not make way for the vendor's. */
START_TEST(test_bad) {
        _cleanup_free_ char *directory = strprintf("%s/e.json", directories[1]);
        const StoredProfile *p;

        put(0, "a.json", "{\"defaultAction\":\"x\"}", 0644);
        put(1, "a.json", ALLOW, 0644);
        put(1, "b.json", ALLOW, 0664);
        put(1, "c.json", ALLOW, 0646);
        put(1, "d.json", ALLOW, 0644);
        ck_assert_int_eq(mkdir(directory, 0755), 0);

        assert_refused("a", "/0/a.json: defaultAction: Unknown action \"x\".");
        assert_refused("b", "can write");
        assert_refused("c", "can write");
        assert_refused("e", "not a regular file");
        ck_assert_uint_gt(length("d", false), 1);

        ck_assert_int_eq(profile_store_find(store, "a", &p), 0);
        ck_assert_ptr_nonnull(p->error);
        ck_assert_ptr_null(p->profile);

        ck_assert_int_eq(profile_store_reload(store), 0);
        assert_refused("a", "Unknown action");
        put(0, "a.json", ALLOW, 0644);
        ck_assert_uint_gt(length("a", false), 1);
}
END_TEST

START_TEST(test_foreign_owner) {
        _cleanup_free_ char *path = strprintf("%s/a.json", directories[0]);

        put(0, "a.json", ALLOW, 0644);
        if (geteuid() != 0) {
                (void) fprintf(stderr, "Skipped: only root can give a file away.\n");
                return;
        }
        ck_assert_int_eq(chown(path, 1, 1), 0);
        assert_refused("a", "does not belong to root");
}
END_TEST

int main(void) {
        const TTest *const tests[] = { test_find, test_change, test_bad, test_foreign_owner };

        return test_run("profile-store", tests, ELEMENTSOF(tests), setup, teardown);
}
