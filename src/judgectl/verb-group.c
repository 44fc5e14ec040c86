/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "connect.h"
#include "group-file.h"
#include "log.h"
#include "result.h"
#include "string-util.h"
#include "text-util.h"
#include "verbs.h"

static const char group_help[] =
        "group FILE\n\n"
        "Run several programs together, joined by pipes.\n\n"
        "FILE is JSON: \"members\", each with a \"name\", \"arguments\" and what else a run\n"
        "has; and \"pipes\", each \"from\" one member \"to\" another. Exit status 0 if each\n"
        "is ok.\n";

/* The worst of them; -EBADMSG. */
static int exit_status(json_object *results) {
        int status = STATUS_OK;

        for (size_t i = 0; i < json_object_array_length(results); i++) {
                json_object *result = json_get_object(json_object_array_get_idx(results, i), "result");

                if (!result)
                        return -EBADMSG;
                status = MAX(status, result_exit_status(result));
        }

        return status;
}

static int print(json_object *results) {
        _cleanup_(table_freep) Table *t = NULL;

        t = table_new("MEMBER", "VERDICT", ">CPU", ">WALL", ">MEMORY", "NOTE", NULL);
        if (!t)
                return log_oom();

        for (size_t i = 0; i < json_object_array_length(results); i++) {
                json_object *o = json_object_array_get_idx(results, i), *result = json_get_object(o, "result");
                const char *name = strna(json_get_string(o, "name")), *verdict = result_verdict(result);
                const char *note = streq(verdict, "ok") ? "" : strempty(json_get_string(result, "message"));

                if (table_add(t, COLOR_NONE, text_escape(name, strlen(name), /* keep_lines= */ false)) < 0 ||
                    table_addf(t, verdict_color(verdict), "%s", verdict) < 0 ||
                    table_add(t, COLOR_NONE, result_format_usec(result, "cpuTimeUSec")) < 0 ||
                    table_add(t, COLOR_NONE, result_format_usec(result, "wallTimeUSec")) < 0 ||
                    table_add(t, COLOR_NONE, result_format_bytes(result, "memoryPeakBytes")) < 0 ||
                    table_add(t, COLOR_NONE, text_escape(note, strlen(note), /* keep_lines= */ false)) < 0)
                        return log_oom();
        }

        table_print(t, stderr, /* header= */ true);
        return 0;
}

/* For programs: without the indexes of descriptors, which mean nothing to them. */
static int print_json(json_object *results, JsonMode mode) {
        for (size_t i = 0; i < json_object_array_length(results); i++) {
                json_object *o = json_object_array_get_idx(results, i);

                json_object_object_del(o, "stdoutFileDescriptor");
                json_object_object_del(o, "stderrFileDescriptor");
                json_object_object_del(o, "outFileDescriptors");
        }

        json_print(results, mode);
        return 0;
}

int verb_group(Context *c, int argc, char *argv[]) {
        _cleanup_(varlink_reply_done) VarlinkReply reply = VARLINK_REPLY_NULL;
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(group_file_done) GroupFile file = GROUP_FILE_NULL;
        _cleanup_(request_done) Request q = REQUEST_NULL;
        json_object *results;
        int r, k, status;

        r = context_parse_simple(c, argc, argv, group_help, 1, 1);
        if (r <= 0)
                return r;

        r = group_file_load(argv[optind], &q, &file);
        if (r < 0)
                return r;

        r = connection_open(c, &connection);
        if (r < 0)
                return r;

        r = connection_query(connection, "org.judgebox.Manager.RunGroup", &q, /* flags= */ 0, NULL, 0, &reply);
        if (r < 0)
                return r;
        if (reply.error)
                return connection_log_error(&reply);

        results = json_get_array(reply.parameters, "results");
        status = results ? exit_status(results) : -EBADMSG;
        if (status < 0)
                return log_error_errno(status, "The reply of judgeboxd has no results.");

        k = group_file_fetch(&file, &reply);
        r = c->json != JSON_OFF ? print_json(results, c->json) : print(results);
        return k < 0 ? k : r < 0 ? r : status;
}
