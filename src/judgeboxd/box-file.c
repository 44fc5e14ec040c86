/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "allowed-paths.h"
#include "box-file.h"
#include "fd-util.h"
#include "json-build.h"
#include "json-parse.h"
#include "parse-util.h"
#include "request.h"
#include "result-json.h"

/* The most are paths that runs are allowed, PATH_RULES_MAX of them, and each byte escaped. */
#define BOX_FILE_MAX (1U << 20)

void box_file_done(BoxFile *f) {
        assert(f);

        f->id = mfree(f->id);
        box_settings_done(&f->settings);
}

char *box_file_name(const char *box_name) {
        return strprintf("%s.json", box_name);
}

static int box_to_file(const Box *b, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        const BoxSettings *s = &b->settings;
        json_object *limits = NULL, *paths = NULL;
        int r = o ? 0 : -ENOMEM;

        json_add_uint64(&r, o, "protocol", PROTOCOL_VERSION);
        json_add_string(&r, o, "box", b->id);
        json_add_uint64(&r, o, "owner", b->owner);
        json_add_uint64(&r, o, "uidBase", b->uid_base);
        json_add(&r, o, "oneShot", json_object_new_boolean(b->one_shot));
        json_add(&r, o, "untilDisconnect", json_object_new_boolean(b->until_disconnect));
        json_add_uint64(&r, o, "createdUSec", b->created_usec);
        json_add_uint64(&r, o, "storageBytes", s->storage_bytes);
        json_add_uint64(&r, o, "inodes", s->inodes);
        json_add(&r, o, "shareNetwork", json_object_new_boolean(s->share_network));
        json_add(&r, o, "hostDirectory", json_object_new_boolean(s->host_directory));
        json_add_uint64(&r, o, "directoryProject", b->directory_project);
        json_add_string(&r, o, "hostName", s->host_name);
        if (s->domain_name)
                json_add_string(&r, o, "domainName", s->domain_name);
        if (s->image)
                json_add_string(&r, o, "image", s->image);
        json_add(&r, o, "imageWritable", json_object_new_boolean(s->image_writable));
        if (s->profile)
                json_add_string(&r, o, "profile", s->profile);
        json_add(&r, o, "trace", json_object_new_boolean(s->trace));
        if (r >= 0)
                r = limits_to_json(&s->limits, &limits);
        json_add(&r, o, "limits", limits);
        if (r >= 0)
                r = allowed_paths_to_json(&s->allowed_paths, &paths);
        json_add(&r, o, "allowedPaths", paths);

        if (r >= 0)
                *ret = TAKE_PTR(o);
        return r;
}

static int write_at(int dir_fd, const char *name, const char *text) {
        _cleanup_close_ int fd = -EBADF;

        fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;

        return fd_write_full(fd, text, strlen(text));
}

int box_file_write(int dir_fd, const Box *b) {
        _cleanup_free_ char *name = NULL, *temporary = NULL;
        _cleanup_json_ json_object *o = NULL;
        const char *text;
        int r;

        assert(b);

        name = box_file_name(b->name);
        temporary = strprintf(".%s.new", b->name);
        if (!name || !temporary)
                return -ENOMEM;

        r = box_to_file(b, &o);
        if (r < 0)
                return r;

        text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
        if (!text)
                return -ENOMEM;

        r = write_at(dir_fd, temporary, text);
        if (r >= 0)
                r = RET_NERRNO(renameat(dir_fd, temporary, dir_fd, name));
        if (r < 0)
                (void) unlinkat(dir_fd, temporary, 0);
        return r;
}

static json_object *get(json_object *o, const char *name, json_type type) {
        json_object *v;

        return json_object_object_get_ex(o, name, &v) && json_object_is_type(v, type) ? v : NULL;
}

static bool get_uint64(json_object *o, const char *name, uint64_t max, uint64_t *ret) {
        json_object *v = get(o, name, json_type_int);

        if (!v || json_object_get_int64(v) < 0 || (uint64_t) json_object_get_int64(v) > max)
                return false;

        *ret = (uint64_t) json_object_get_int64(v);
        return true;
}

static bool get_boolean(json_object *o, const char *name, bool *ret) {
        json_object *v = get(o, name, json_type_boolean);

        if (v)
                *ret = json_object_get_boolean(v);
        return v;
}

static int get_string(json_object *o, const char *name, char **ret) {
        json_object *v = get(o, name, json_type_string);

        return v ? free_and_strdup(ret, json_object_get_string(v)) : 0;
}

/* As the interface has them, which is not asked here. */
static int parse_allowed_paths(json_object *array, PathRules *ret) {
        _cleanup_(failure_done) Failure f = FAILURE_NULL;
        int r;

        for (size_t i = 0; array && i < json_object_array_length(array); i++) {
                json_object *rule = json_object_array_get_idx(array, i), *path = NULL;

                if (!json_object_is_type(rule, json_type_object) ||
                    !(path = get(rule, "path", json_type_string)) ||
                    !box_path_is_valid(json_object_get_string(path)))
                        return -EBADMSG;
        }

        r = allowed_paths_parse(array, "allowedPaths", ret, &f);
        return r > 0 ? -EBADMSG : r;
}

static int parse_settings(json_object *o, BoxSettings *s) {
        json_object *limits = get(o, "limits", json_type_object);
        int r;

        if (!limits ||
            !get_uint64(o, "storageBytes", INT64_MAX, &s->storage_bytes) ||
            !get_uint64(o, "inodes", INT64_MAX, &s->inodes) ||
            !get_boolean(o, "shareNetwork", &s->share_network))
                return -EBADMSG;

        /* Earlier versions had none. */
        (void) get_boolean(o, "hostDirectory", &s->host_directory);
        (void) get_boolean(o, "imageWritable", &s->image_writable);
        (void) get_boolean(o, "trace", &s->trace);

        r = get_string(o, "hostName", &s->host_name);
        if (r >= 0)
                r = get_string(o, "domainName", &s->domain_name);
        if (r >= 0)
                r = get_string(o, "image", &s->image);
        if (r >= 0)
                r = get_string(o, "profile", &s->profile);
        if (r < 0)
                return r;
        if (!s->host_name)
                return -EBADMSG;

        r = parse_allowed_paths(get(o, "allowedPaths", json_type_array), &s->allowed_paths);
        if (r < 0)
                return r;

        return request_parse_limits(limits, &s->limits);
}

static int parse(json_object *o, BoxFile *f) {
        uint64_t protocol, owner, uid_base, project = 0;
        int r;

        if (!json_object_is_type(o, json_type_object) ||
            !get_uint64(o, "protocol", UINT16_MAX, &protocol) ||
            !get_uint64(o, "owner", UINT32_MAX - 1, &owner))
                return -EBADMSG;

        f->protocol = (unsigned) protocol;
        f->owner = (uid_t) owner;
        r = get_string(o, "box", &f->id);
        if (r < 0)
                return r;
        if (!f->id || !box_id_is_valid(f->id))
                return -EBADMSG;

        if (f->protocol != PROTOCOL_VERSION)
                return -EPROTONOSUPPORT;

        if (!get_uint64(o, "uidBase", UINT32_MAX - 1, &uid_base) ||
            !get_boolean(o, "oneShot", &f->one_shot) ||
            !get_uint64(o, "createdUSec", INT64_MAX, &f->created_usec))
                return -EBADMSG;
        f->uid_base = (uid_t) uid_base;

        /* Earlier versions had none. */
        (void) get_boolean(o, "untilDisconnect", &f->until_disconnect);
        (void) get_uint64(o, "directoryProject", UINT32_MAX - 1, &project);
        f->directory_project = (uint32_t) project;

        return parse_settings(o, &f->settings);
}

int box_file_read(int dir_fd, const char *box_name, BoxFile *ret) {
        static const JsonBounds bounds = { .depth = 8, .n_values = 1000 };
        _cleanup_free_ char *name = NULL, *text = NULL, *expected = NULL;
        _cleanup_(box_file_done) BoxFile f = BOX_FILE_NULL;
        _cleanup_json_ json_object *o = NULL;
        size_t size;
        int r;

        assert(box_name);
        assert(ret);

        box_settings_init(&f.settings);

        name = box_file_name(box_name);
        if (!name)
                return -ENOMEM;

        r = read_full_file_at(dir_fd, name, BOX_FILE_MAX, &text, &size);
        if (r < 0)
                return r;

        r = json_parse_checked(text, size, &bounds, NULL, &o);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return -EBADMSG;

        r = parse(o, &f);
        if (r < 0 && r != -EPROTONOSUPPORT)
                return r;

        expected = strprintf("%u-%s", f.owner, f.id);
        if (!expected)
                return -ENOMEM;
        if (!streq(expected, box_name))
                return -EBADMSG;

        *ret = f;
        f = BOX_FILE_NULL;
        return r;
}
