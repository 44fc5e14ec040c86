/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "box-options.h"
#include "log.h"
#include "parse-util.h"
#include "string-util.h"
#include "text-util.h"

const char box_options_help[] =
        "     --profile=NAME           Seccomp profile of what runs\n"
        "     --allow-path=PATH:ACCESS Let it open only what is at or below such paths,\n"
        "                              to read, write, execute, or (stat) not at all\n"
        "     --storage=BYTES          Room for files in the box\n"
        "     --inodes=N               Number of files in the box\n"
        "     --bind=HOST[:INSIDE][:rw,noexec,optional]\n"
        "                              Show a file or directory of the host inside\n"
        "     --directory=DIR          Work in this directory of mine, on the host\n"
        "     --host-directory         Work in one that is made on the host for the box\n"
        "     --directory-storage=BYTES\n"
        "                              Room for files there, where it has project quotas\n"
        "     --directory-inodes=N     Number of files there, likewise\n"
        "     --bare-root              Without /usr, /bin, /lib and /etc, for what is\n"
        "                              bound instead\n"
        "     --image=NAME[:rw]        Programs of this image, not the host's; rw: to be\n"
        "                              changed, for this box alone\n"
        "     --tmpfs=PATH[:SIZE]      Mount an empty file system in memory\n"
        "     --share-net              Use the host's network\n"
        "     --keep-tmp               Leave /tmp and /dev/shm to the next run\n"
        "     --deny-tsc               SIGSEGV for whoever reads the timestamp counter\n"
        "     --hostname=NAME          Host name inside\n"
        "     --domainname=NAME        NIS domain name inside\n";

void box_options_done(BoxOptions *o) {
        assert(o);

        json_putp(&o->limits);
        json_putp(&o->settings);
        json_putp(&o->allowed_paths);
        for (size_t i = 0; i < o->n_binds; i++)
                bind_option_done(o->binds + i);
        free(o->binds);
        *o = (BoxOptions) {};
}

static int ensure_object(json_object **o) {
        if (!*o)
                *o = json_object_new_object();

        return *o ? 0 : log_oom();
}

static int parse_limit(BoxOptions *o, const LimitOption *l, const char *value) {
        int r;

        r = ensure_object(&o->limits);
        if (r < 0)
                return r;

        r = limit_option_set(l, o->limits, value);
        if (r == -ENOMEM)
                return log_oom();
        if (r == -ERANGE)
                log_error("Value of --%s= is out of range: \"%s\".", l->name, value);
        else if (r < 0)
                log_error("--%s= takes %s, not \"%s\".", l->name, limit_kind_syntax(l->kind), value);

        return r;
}

static int add_bind(BoxOptions *o, const char *value) {
        BindOption *grown, b;
        int r;

        r = bind_option_parse(value, &b);
        if (r < 0)
                return r;

        grown = reallocarray(o->binds, o->n_binds + 1, sizeof(BindOption));
        if (!grown) {
                bind_option_done(&b);
                return log_oom();
        }

        o->binds = grown;
        o->binds[o->n_binds++] = b;
        return 0;
}

static int add_tmpfs(json_object *settings, const char *value) {
        _cleanup_(tmpfs_option_done) TmpfsOption t = {};
        json_object *array, *element;
        int r;

        r = tmpfs_option_parse(value, &t);
        if (r < 0)
                return r;

        array = json_get_array(settings, "tmpfs");
        if (!array) {
                array = json_object_new_array();
                if (json_add(settings, "tmpfs", array) < 0)
                        return log_oom();
        }

        element = json_object_new_object();
        if (json_append(array, element) < 0)
                return log_oom();

        r = json_add_string(element, "path", t.path);
        if (r == -EILSEQ) {
                log_error("--tmpfs=: the path is not valid UTF-8.");
                return r;
        }
        if (r >= 0 && t.bytes_set)
                r = json_add_uint64(element, "sizeBytes", t.bytes);
        return r < 0 ? log_oom() : 0;
}

static int add_allowed_path(BoxOptions *o, const char *value) {
        _cleanup_(allow_path_option_done) AllowPathOption a = {};
        json_object *element;
        int r;

        r = allow_path_option_parse(value, &a);
        if (r < 0)
                return r;

        if (!o->allowed_paths) {
                o->allowed_paths = json_object_new_array();
                if (!o->allowed_paths)
                        return log_oom();
        }

        element = json_object_new_object();
        if (json_append(o->allowed_paths, element) < 0)
                return log_oom();

        r = json_add_string(element, "path", a.path);
        if (r == -EILSEQ) {
                log_error("--allow-path=: the path is not valid UTF-8.");
                return r;
        }
        if (r >= 0 && a.read)
                r = json_add_boolean(element, "read", true);
        if (r >= 0 && a.write)
                r = json_add_boolean(element, "write", true);
        if (r >= 0 && a.execute)
                r = json_add_boolean(element, "execute", true);
        if (r >= 0 && a.optional)
                r = json_add_boolean(element, "optional", true);
        return r < 0 ? log_oom() : 0;
}

/* NAME[:rw] */
static int add_image(json_object *settings, const char *value) {
        _cleanup_free_ char *name = strdup(value), *printable = NULL;
        char *flag;
        int r;

        if (!name)
                return log_oom();

        flag = strchr(name, ':');
        if (flag)
                *flag++ = '\0';
        if (isempty(name) || (flag && !streq(flag, "rw"))) {
                printable = text_escape(value, strlen(value), /* keep_lines= */ false);
                log_error("--image= takes NAME or NAME:rw, not \"%s\".", strna(printable));
                return -EINVAL;
        }

        r = json_add_string(settings, "image", name);
        if (r == -EILSEQ) {
                log_error("--image= takes a name in UTF-8.");
                return r;
        }

        return r >= 0 && flag ? json_add_boolean(settings, "imageWritable", true) : r;
}

static int parse_setting(json_object *settings, int option, const char *name, const char *value) {
        uint64_t n;
        int r;

        switch (option) {

        case ARG_STORAGE:
        case ARG_DIRECTORY_STORAGE:
                r = parse_size(value, &n);
                if (r >= 0)
                        r = json_add_uint64(settings, option == ARG_STORAGE ? "storageBytes" : "directoryBytes", n);
                if (IN_SET(r, -EINVAL, -ERANGE))
                        log_error("%s takes %s, not \"%s\".", name, limit_kind_syntax(LIMIT_KIND_SIZE), value);
                break;

        case ARG_INODES:
        case ARG_DIRECTORY_INODES:
                r = parse_uint64(value, &n);
                if (r >= 0)
                        r = json_add_uint64(settings, option == ARG_INODES ? "inodes" : "directoryInodes", n);
                if (IN_SET(r, -EINVAL, -ERANGE))
                        log_error("%s takes %s, not \"%s\".", name, limit_kind_syntax(LIMIT_KIND_NUMBER), value);
                break;

        case ARG_HOST_DIRECTORY:
                r = json_add_boolean(settings, "hostDirectory", true);
                break;

        case ARG_BARE_ROOT:
                r = json_add_boolean(settings, "bareRoot", true);
                break;

        case ARG_SHARE_NET:
                r = json_add_boolean(settings, "shareNetwork", true);
                break;

        case ARG_KEEP_TMP:
                r = json_add_boolean(settings, "keepTemporary", true);
                break;

        case ARG_DENY_TSC:
                r = json_add_boolean(settings, "denyTimestampCounter", true);
                break;

        case ARG_IMAGE:
                r = add_image(settings, value);
                break;

        default:
                if (isempty(value)) {
                        log_error("%s takes a name.", name);
                        return -EINVAL;
                }

                r = json_add_string(settings, option == ARG_HOSTNAME ? "hostName" : "domainName", value);
                if (r == -EILSEQ)
                        log_error("%s takes a name in UTF-8.", name);
        }

        return r == -ENOMEM ? log_oom() : r;
}

int box_options_parse(BoxOptions *o, int option, const char *value) {
        static const struct {
                int option;
                const char *name;
        } table[] = {
                { ARG_STORAGE, "--storage=" },
                { ARG_INODES, "--inodes=" },
                { ARG_BIND, "--bind=" },
                { ARG_TMPFS, "--tmpfs=" },
                { ARG_SHARE_NET, "--share-net" },
                { ARG_KEEP_TMP, "--keep-tmp" },
                { ARG_DENY_TSC, "--deny-tsc" },
                { ARG_HOSTNAME, "--hostname=" },
                { ARG_IMAGE, "--image=" },
                { ARG_DOMAINNAME, "--domainname=" },
                { ARG_BARE_ROOT, "--bare-root" },
                { ARG_DIRECTORY, "--directory=" },
                { ARG_HOST_DIRECTORY, "--host-directory" },
                { ARG_DIRECTORY_STORAGE, "--directory-storage=" },
                { ARG_DIRECTORY_INODES, "--directory-inodes=" },
        };
        const LimitOption *limit;
        const char *name = NULL;
        int r;

        assert(o);

        if (option == ARG_PROFILE) {
                if (!box_id_is_valid(value)) {
                        log_error("--profile= takes 1 to 32 of A-Z, a-z, 0-9, _ and -, not \"%s\".", value);
                        return -EINVAL;
                }
                o->profile = value;
                return 1;
        }

        if (option == ARG_ALLOW_PATH) {
                r = add_allowed_path(o, value);
                return r < 0 ? r : 1;
        }

        limit = limit_option_by_option(option);
        if (limit) {
                r = parse_limit(o, limit, value);
                return r < 0 ? r : 1;
        }

        for (size_t i = 0; i < ELEMENTSOF(table) && !name; i++)
                if (table[i].option == option)
                        name = table[i].name;
        if (!name)
                return 0;

        if (!o->settings_option)
                o->settings_option = name;

        r = ensure_object(&o->settings);
        if (r < 0)
                return r;

        if (option == ARG_BIND)
                r = add_bind(o, value);
        else if (option == ARG_DIRECTORY) {
                o->directory = value;
                r = 0;
        } else if (option == ARG_TMPFS)
                r = add_tmpfs(o->settings, value);
        else
                r = parse_setting(o->settings, option, name, value);

        return r < 0 ? r : 1;
}

static int open_bind(const BindOption *b, Request *q, json_object *array) {
        json_object *element;
        int fd, r;

        /* For reading, which says that we may. O_NONBLOCK: a FIFO must not make us wait; the service refuses it. */
        fd = open(b->host, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0) {
                if (errno == ENOENT && b->optional)
                        return 0;
                return log_error_errno(errno, "--bind=: failed to open \"%s\": %m", b->host);
        }

        element = json_object_new_object();
        if (json_append(array, element) < 0) {
                (void) safe_close(fd);
                return log_oom();
        }

        r = request_set_fd(q, element, "sourceFileDescriptor", fd);
        if (r == -E2BIG)
                return log_error_errno(r, "--bind=%s: a request can carry at most %u files and directories.",
                                       b->host, VARLINK_FDS_MAX);
        if (r < 0)
                return log_oom();

        r = json_add_string(element, "path", b->inside);
        if (r == -EILSEQ)
                return log_error_errno(r, "--bind=%s: the path inside is not valid UTF-8.", b->host);
        if (r >= 0 && b->writable)
                r = json_add_boolean(element, "writable", true);
        if (r >= 0 && b->noexec)
                r = json_add_boolean(element, "noexec", true);
        return r < 0 ? log_oom() : 0;
}

static int open_directory(const BoxOptions *o, Request *q) {
        int fd, r;

        fd = open(o->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return log_error_errno(errno, "--directory=: failed to open \"%s\": %m", o->directory);

        r = request_set_fd(q, o->settings, "directoryFileDescriptor", fd);
        if (r == -E2BIG)
                return log_error_errno(r, "--directory=: a request can carry at most %u files and directories.",
                                       VARLINK_FDS_MAX);
        return r < 0 ? log_oom() : 0;
}

int box_options_make_settings(BoxOptions *o, Request *q, json_object **ret) {
        _cleanup_json_ json_object *binds = NULL;
        int r;

        assert(o);
        assert(q);
        assert(ret);

        if (o->n_binds > 0) {
                binds = json_object_new_array();
                if (!binds)
                        return log_oom();

                for (size_t i = 0; i < o->n_binds; i++) {
                        r = open_bind(o->binds + i, q, binds);
                        if (r < 0)
                                return r;
                }

                if (json_add(o->settings, "binds", TAKE_PTR(binds)) < 0)
                        return log_oom();
        }

        if (o->directory) {
                r = open_directory(o, q);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(o->settings);
        return 0;
}
