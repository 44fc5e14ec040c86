/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "error.h"
#include "isolate.h"
#include "log.h"
#include "string-util.h"

static const char *self_name(const Isolate *i) {
        return i->options.cg ? "isolate --cg" : "isolate";
}

/* A call that is answered with one reply. Positive: the error that is expected here. */
static int call(Isolate *i, const char *method, Request *q, const char *expected_error, VarlinkReply *ret) {
        int r;

        r = connection_query(i->connection, method, q, /* flags= */ 0, NULL, 0, ret);
        if (r < 0)
                return r == -EINTR ? isolate_fail(i, "Interrupted") : isolate_fail(i, "The service does not answer");
        if (!ret->error)
                return 0;
        if (streq_ptr(error_short_name(ret->error), expected_error))
                return 1;

        return isolate_fail_refused(i, ret);
}

static int call_box(Isolate *i, const char *method, const char *expected_error, VarlinkReply *ret) {
        _cleanup_(request_done) Request q = REQUEST_NULL;

        if (request_init_box(&q, i->id, /* owner= */ NULL) < 0)
                return log_oom();

        return call(i, method, &q, expected_error, ret);
}

/* Nothing is begun yet: a signal that comes while we wait is to end us, as it ends isolate. */
static int lock_patiently(Isolate *i) {
        sigset_t blocked;
        int r;

        if (sigprocmask(SIG_SETMASK, &i->context.interrupt.old_mask, &blocked) < 0)
                return -errno;

        r = RET_NERRNO(flock(i->directory_fd, LOCK_EX));
        (void) sigprocmask(SIG_SETMASK, &blocked, NULL);
        return r;
}

static int lock(Isolate *i) {
        int r;

        i->directory_fd = open(i->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        /* Somebody has removed it: the box can still be made anew, or taken away. */
        if (i->directory_fd < 0 && errno == ENOENT && i->options.command != ISOLATE_RUN)
                return 0;
        if (i->directory_fd < 0)
                return isolate_fail(i, "Cannot open %s: %s", i->directory, strerror(errno));

        r = RET_NERRNO(flock(i->directory_fd, LOCK_EX | LOCK_NB));
        if (r == -EWOULDBLOCK && i->options.wait)
                r = lock_patiently(i);
        if (r >= 0)
                return 0;

        return r == -EWOULDBLOCK ? isolate_fail(i, "This box is currently in use by another process")
                                 : isolate_fail(i, "Cannot lock %s: %s", i->directory, strerror(-r));
}

/* Who had it before us may have taken the box away, or made it anew. */
static bool has_gone(const Isolate *i) {
        struct stat locked, there;

        return fstat(i->directory_fd, &locked) < 0 || stat(i->directory, &there) < 0 ||
                locked.st_dev != there.st_dev || locked.st_ino != there.st_ino;
}

static int find_once(Isolate *i) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        const char *directory;
        int r;

        r = call_box(i, "org.judgebox.Manager.GetBox", "NoSuchBox", &reply);
        if (r != 0)
                return r < 0 ? r : 0;

        directory = json_get_string(json_get_object(reply.parameters, "status"), "directory");
        if (!directory)
                return isolate_fail(i, "Box %s was not made by `%s --init'", i->id, self_name(i));

        i->directory = strdup(directory);
        if (!i->directory)
                return log_oom();

        r = lock(i);
        return r < 0 ? r : 1;
}

int isolate_box_find(Isolate *i) {
        int r;

        for (;;) {
                r = find_once(i);
                if (r <= 0 || i->directory_fd < 0 || !has_gone(i))
                        return r;

                i->directory_fd = safe_close(i->directory_fd);
                i->directory = mfree(i->directory);
        }
}

static int destroy(Isolate *i) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        int r;

        r = call_box(i, "org.judgebox.Manager.DestroyBox", "NoSuchBox", &reply);
        return r < 0 ? r : 0;
}

/* isolate sets none at all if there is no number of blocks. */
static int add_quota(const Isolate *i, json_object *settings) {
        const IsolateOptions *o = &i->options;

        if (o->quota_blocks == 0)
                return 0;
        if (json_add_uint64(settings, "directoryBytes", (uint64_t) o->quota_blocks * 1024) < 0)
                return -ENOMEM;

        return o->quota_inodes > 0 ? json_add_uint64(settings, "directoryInodes", o->quota_inodes) : 0;
}

static int create(Isolate *i, Request *q, VarlinkReply *ret) {
        const char *message, *quota;
        int r;

        r = call(i, "org.judgebox.Manager.CreateBox", q, "NotSupported", ret);
        if (r <= 0)
                return r;

        message = strempty(json_get_string(ret->parameters, "message"));
        quota = startswith(message, "settings.directoryBytes: ");
        return quota ? isolate_fail(i, "Cannot set disk quota: %s", quota) : isolate_fail(i, "%s", message);
}

int isolate_init(Isolate *i) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        _cleanup_(request_done) Request q = REQUEST_NULL;
        json_object *settings;
        const char *directory;
        int r;

        r = isolate_box_find(i);
        if (r > 0)
                r = destroy(i);
        if (r < 0)
                return r;

        isolate_tell(i, "Preparing sandbox\n");
        settings = json_object_new_object();
        if (request_init_box(&q, i->id, /* owner= */ NULL) < 0 ||
            json_add(q.parameters, "settings", settings) < 0 ||
            json_add_boolean(settings, "hostDirectory", true) < 0 ||
            add_quota(i, settings) < 0)
                return log_oom();

        r = create(i, &q, &reply);
        if (r < 0)
                return r;

        directory = json_get_string(reply.parameters, "directory");
        if (!directory)
                return isolate_fail(i, "The service made no directory");

        (void) puts(directory);
        return ISOLATE_EXIT_OK;
}

int isolate_cleanup(Isolate *i) {
        int r;

        r = isolate_box_find(i);
        if (r == 0)
                isolate_tell(i, "Nothing to do -- box did not exist\n");
        if (r > 0) {
                isolate_tell(i, "Deleting sandbox\n");
                r = destroy(i);
        }

        return r < 0 ? r : ISOLATE_EXIT_OK;
}

int isolate_check_config(Isolate *i) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        _cleanup_(request_done) Request q = REQUEST_NULL;
        int r;

        if (request_init(&q) < 0)
                return log_oom();

        r = call(i, "org.judgebox.Manager.GetStatus", &q, /* expected_error= */ NULL, &reply);
        return r < 0 ? r : ISOLATE_EXIT_OK;
}
