/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A manager as a service has it, with a configuration of the test's in a directory of its own. Its boxes are only
 * registered, not started: what is tested with them is what is known of them. */

#include <sys/stat.h>

#include "config.h"
#include "event-loop.h"
#include "fd-util.h"
#include "manager.h"
#include "test-util.h"

#define TENANT ((uid_t) 4711)

static char fixture_directory[] = "/tmp/test-manager-XXXXXX";
static char fixture_uids[64];
static sd_event *event;
static Manager *manager;

static inline void fixture_configure(const char *text) {
        static const char *const directories[] = { "etc", "etc/judgebox" };
        _cleanup_close_ int fd = -EBADF, file_fd = -EBADF;

        fd = open(fixture_directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        for (size_t i = 0; i < ELEMENTSOF(directories); i++)
                ck_assert(mkdirat(fd, directories[i], 0755) >= 0 || errno == EEXIST);

        file_fd = openat(fd, "etc/judgebox/judgebox.conf", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        ck_assert_int_ge(file_fd, 0);
        ck_assert_int_eq(fd_write_full(file_fd, text, strlen(text)), 0);
}

static inline void fixture_start(BoxStore *store) {
        ManagerOptions options = { .store = store, .config_root = fixture_directory, .uid_lock_path = fixture_uids };

        ck_assert_int_eq(config_load(fixture_directory, &options.config), 0);
        ck_assert_uint_eq(strv_length(options.config->messages), 0);
        ck_assert_int_eq(manager_new(event, &options, &manager), 0);
}

static inline void fixture_setup(void) {
        ck_assert_ptr_nonnull(mkdtemp(fixture_directory));
        (void) snprintf(fixture_uids, sizeof(fixture_uids), "%s/uids", fixture_directory);
        ck_assert_int_ge(sd_event_new(&event), 0);
}

static inline void fixture_teardown(void) {
        char command[128];

        manager = manager_free(manager);
        event = sd_event_unref(event);
        (void) snprintf(command, sizeof(command), "rm -r %s", fixture_directory);
        ck_assert_int_eq(system(command), 0);
        memcpy(fixture_directory + sizeof(fixture_directory) - 7, "XXXXXX", 6);
}

static inline Box *fixture_box(const char *id) {
        BoxSettings settings;
        Failure f = FAILURE_NULL;
        Tenant *t;
        Box *b;

        box_settings_init(&settings);
        ck_assert_int_eq(tenant_get(manager, TENANT, &t), 0);
        ck_assert_int_eq(box_new(manager, t, id, &settings, /* one_shot= */ false, &b, &f), 0);
        return b;
}
