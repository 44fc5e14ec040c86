/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FUZZES: protocol/message.c protocol/message-finished.c judgeboxd/box-channel.c judgeboxd/result-json.c */
#include "box-channel.h"
#include "json-build.h"
#include "json-parse.h"
#include "launch.h"
#include "packet.h"
#include "result-json.h"
#include "tenant.h"
#include "varlink-idl.h"
#include "varlink-interfaces.h"

/* What judgeboxd reads: answers, from a judgebox-init that a program may have got hold of. It has some requests under
 * way (the first byte). Each is answered once, and what is told of the answer fits the interface. */

#define REQUESTS_MAX 8U

static unsigned n_open, n_failed;

static void check_reply(const char *method, const char *field, json_object *value) {
        _cleanup_json_ json_object *o = json_object_new_object();
        static VarlinkIdl *idl;

        if (!idl)
                fuzz_assert(varlink_idl_parse(varlink_interface_org_judgebox_Manager, NULL, &idl) == 0);

        (void) json_object_object_add(o, field, value);
        fuzz_assert(json_object_check_output(o, 32) == 0);
        fuzz_assert(varlink_idl_check_reply(varlink_idl_find_method(idl, method), o, NULL) == 0);
}

static void on_finished(Message *m) {
        char *argv[] = { (char *) "program", NULL };
        Tenant tenant = { .uid = 1000 };
        Run run = { .tenant = &tenant, .request.spec.argv = argv };
        json_object *o;

        if (message_parse_finished(m, &run.result, &run.observed, run.output_fds + 0, run.output_fds + 1) < 0)
                return;

        close_many(run.output_fds, 2);
        run.request.spec.limits.set = UINT32_MAX;
        fuzz_assert(run_to_json(&run, &o) == 0);
        check_reply("Run", "result", o);
        observed_done(&run.observed);
}

static void on_reply(Message *m) {
        MessageRunEntry entry;
        const char *program;
        size_t place = 0;
        json_object *o;

        while (message_next_run(m, &place, &entry, &program) > 0)
                fuzz_assert(strlen(program) + 1 == entry.program_size && entry.state < _MESSAGE_RUN_STATE_MAX);

        if (entries_to_json(m->tail, m->tail_size, &o) >= 0)
                check_reply("ListFiles", "entries", o);

        (void) safe_close(message_next_fd(m));
}

static void on_answer(int r, Message *m, void *userdata) {
        fuzz_assert((r < 0) == !m);
        fuzz_assert(n_open-- > 0);
        if (!m)
                return;

        fuzz_assert(IN_SET(m->header.type, MESSAGE_REPLY, MESSAGE_FINISHED));
        if (m->header.type == MESSAGE_FINISHED)
                on_finished(m);
        else
                on_reply(m);
}

static void on_failed(BoxChannel *c, Step step, int r, void *userdata) {
        fuzz_assert(r < 0 && step >= 0 && step < _STEP_MAX);
        fuzz_assert(n_failed++ == 0);
}

static void check_launch(FuzzInput *i, int pair[static 2]) {
        int pidfd, error;
        Step step;

        if (packet_send_next(i, pair[0]) && launch_receive(pair[1], &pidfd, &step, &error) > 0)
                (void) safe_close(pidfd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static sd_event *event;
        FuzzInput i = { data, size };
        BoxChannel *c;
        uint32_t serial;
        unsigned fds;
        int pair[2];
        uint8_t mode;

        if (!event)
                fuzz_assert(sd_event_new(&event) >= 0);

        fds = fuzz_count_fds();
        n_failed = 0;
        mode = fuzz_take_byte(&i);

        fuzz_assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
        if (mode & 0x80)
                check_launch(&i, pair);
        fuzz_assert(box_channel_new(event, pair[1], on_failed, NULL, &c) == 0);
        for (n_open = 0; n_open < mode % REQUESTS_MAX; n_open++)
                fuzz_assert(box_channel_begin(c, USEC_INFINITY, on_answer, NULL, &serial) == 0);

        while (packet_send_next(&i, pair[0]))
                while (sd_event_run(event, 0) > 0)
                        ;

        fuzz_assert(box_channel_get_n_requests(c) == n_open);
        box_channel_cancel(c, -ECONNRESET);
        fuzz_assert(n_open == 0);
        box_channel_free(c);
        (void) safe_close(pair[0]);
        fuzz_assert(fuzz_count_fds() == fds);
        return 0;
}
