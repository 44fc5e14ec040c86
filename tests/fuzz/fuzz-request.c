/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FUZZES: judgeboxd/request.c judgeboxd/request-field.c judgeboxd/request-run.c judgeboxd/request-settings.c judgeboxd/request-check.c judgeboxd/fd-check.c */
#include "fd-util.h"
#include "fuzz.h"
#include "json-parse.h"
#include "manager.h"
#include "reply-json.h"
#include "request.h"
#include "varlink-idl.h"
#include "varlink-interfaces.h"

/* A method's name, a NUL, and its parameters. What judgeboxd lets pass it hands to judgebox-init: which must be able
 * to read it. */

static const char *const paths[] = { "/dev/null", "/dev/zero", "/", "/proc/self/exe" };

static int take_fd(int64_t index, void *userdata) {
        static const int flags[] = { O_RDONLY, O_WRONLY, O_PATH, O_RDWR };

        if (index < 0 || index >= (int64_t) (ELEMENTSOF(paths) * ELEMENTSOF(flags)))
                return -EBADF;
        return RET_NERRNO(open(paths[index % 4], flags[index / 4] | O_CLOEXEC));
}

static _noreturn_ void on_done(Operation *o, const Failure *failure, void *userdata) {
        fprintf(stderr, "Something was started.\n");
        abort();
}

static void check_understood(Operation *o) {
        _cleanup_close_pair_ int pair[2] = EBADF_PAIR;
        _cleanup_(message_done) Message m;
        int r;

        message_init(&m);
        fuzz_assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);

        if (o->type == OPERATION_RUN) {
                RunSpec s;

                fuzz_assert(limits_apply_defaults(&o->request.spec.limits) == 0);
                r = message_send_execute(pair[0], 1, 1, &o->request.spec);
                fuzz_assert(IN_SET(r, 0, -E2BIG));
                if (r < 0)
                        return;
                fuzz_assert(message_receive(pair[1], &m) == 0);
                fuzz_assert(message_parse_execute(&m, &s) == 0);
                run_spec_done(&s);
        } else if (o->type == OPERATION_CREATE) {
                BoxSettings s;

                fuzz_assert(message_send_configure(pair[0], 1, &o->settings) == 0);
                fuzz_assert(message_receive(pair[1], &m) == 0);
                fuzz_assert(message_parse_configure(&m, &s) == 0);
                box_settings_done(&s);
        }
}

static void handle(OperationType type, json_object *parameters) {
        static Manager manager;
        static VarlinkIdl *idl;
        _cleanup_(operation_freep) Operation *o = NULL;
        _cleanup_(failure_done) Failure f = FAILURE_NULL;
        _cleanup_free_ char *field = NULL;
        const VarlinkSymbol *method;
        int r;

        if (!idl) {
                fuzz_assert(host_cpus_read(&manager.cpus) == 0);
                fuzz_assert(config_new(&manager.config) == 0);
                fuzz_assert(varlink_idl_parse(varlink_interface_org_judgebox_Manager, NULL, &idl) == 0);
        }

        method = varlink_idl_find_method(idl, operation_type_to_method(type));
        if (varlink_idl_check_parameters(method, parameters, &field) < 0) {
                fuzz_assert(field);
                return;
        }

        fuzz_assert(operation_new(&manager, type, &(Caller) { .uid = 1000, .pidfd = -EBADF }, on_done, NULL, &o) == 0);
        r = request_parse(o, parameters, &(RequestFds) { .take = take_fd }, &f);
        fuzz_assert(IN_SET(r, 0, FAILURE_INVALID_PARAMETER, FAILURE_LIMIT_OUT_OF_RANGE));
        if (r == 0)
                check_understood(o);
        else
                fuzz_assert(f.type == (FailureType) r && f.name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *method = NULL;
        FuzzInput i = { data, size };
        json_object *o = NULL;
        unsigned fds = fuzz_count_fds();
        OperationType type;

        method = fuzz_take_string(&i, NULL);
        type = operation_type_from_method(method);
        if (type < 0)
                return 0;
        if (json_parse_checked((const char *) i.data, i.size, &(JsonBounds) { 32, 10000 }, NULL, &o) < 0)
                return 0;

        if (json_object_is_type(o, json_type_object))
                handle(type, o);
        (void) json_object_put(o);
        fuzz_assert(fuzz_count_fds() == fds);
        return 0;
}
