/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "limit-option.h"
#include "parse-util.h"
#include "string-util.h"

static const LimitOption limit_options[] = {
        { 't', "time", "cpuTimeUSec", LIMIT_KIND_TIME },
        { 'w', "wall-time", "wallTimeUSec", LIMIT_KIND_TIME },
        { ARG_EXTRA_TIME, "extra-time", "extraTimeUSec", LIMIT_KIND_TIME },
        { ARG_IDLE_TIME, "idle-time", "idleTimeUSec", LIMIT_KIND_TIME },
        { 'm', "memory", "memoryBytes", LIMIT_KIND_SIZE },
        { 'p', "processes", "processes", LIMIT_KIND_NUMBER },
        { ARG_STACK, "stack", "stackBytes", LIMIT_KIND_SIZE },
        { ARG_FILE_SIZE, "file-size", "fileSizeBytes", LIMIT_KIND_SIZE },
        { ARG_OUTPUT_SIZE, "output-size", "outputBytes", LIMIT_KIND_SIZE },
        { ARG_OPEN_FILES, "open-files", "openFiles", LIMIT_KIND_NUMBER },
        { ARG_CPUS, "cpus", "cpus", LIMIT_KIND_NUMBER },
        { ARG_ADDRESS_SPACE, "address-space", "addressSpaceBytes", LIMIT_KIND_SIZE },
        { ARG_CPU_PERCENT, "cpu-percent", "cpuPercent", LIMIT_KIND_NUMBER },
        { ARG_CPU_SET, "cpu-set", "cpuSet", LIMIT_KIND_CPU_LIST },
};

const char limit_options_help[] =
        "  -t --time=TIME              CPU time of all processes together\n"
        "  -w --wall-time=TIME         Elapsed time\n"
        "     --extra-time=TIME        CPU time granted beyond --time= before the program\n"
        "                              is killed; the verdict stays cpu-time-limit\n"
        "     --idle-time=TIME         Elapsed time without CPU time, output, or waiting\n"
        "                              for a disk\n"
        "  -m --memory=BYTES           Memory of all processes together\n"
        "  -p --processes=N            Processes and threads at a time\n"
        "     --stack=BYTES            Stack of the main thread\n"
        "     --file-size=BYTES        Largest file that the program may write\n"
        "     --output-size=BYTES      Largest output on each of stdout and stderr\n"
        "     --open-files=N           Open files of one process\n"
        "     --cpus=N                 CPUs used at a time\n"
        "     --address-space=BYTES    Addresses of each process\n"
        "     --cpu-percent=N          CPU time in percent of one CPU, 50 for half of one\n"
        "     --cpu-set=LIST           CPUs that may be used, such as 0-3,6\n";

const LimitOption *limit_option_by_option(int option) {
        for (size_t i = 0; i < ELEMENTSOF(limit_options); i++)
                if (limit_options[i].option == option)
                        return limit_options + i;

        return NULL;
}

const LimitOption *limit_option_by_name(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(limit_options); i++)
                if (streq(limit_options[i].name, name))
                        return limit_options + i;

        return NULL;
}

const LimitOption *limit_option_by_field(const char *field) {
        for (size_t i = 0; i < ELEMENTSOF(limit_options); i++)
                if (streq(limit_options[i].field, field))
                        return limit_options + i;

        return NULL;
}

int limit_option_set(const LimitOption *l, json_object *limits, const char *value) {
        uint64_t n = 0;
        int r = 0;

        assert(l);
        assert(limits);
        assert(value);

        switch (l->kind) {
        case LIMIT_KIND_TIME:
                r = parse_usec(value, &n);
                break;
        case LIMIT_KIND_SIZE:
                r = parse_size(value, &n);
                break;
        case LIMIT_KIND_NUMBER:
                r = parse_uint64(value, &n);
                break;
        case LIMIT_KIND_CPU_LIST:
                r = parse_cpu_list(value, NULL);
                return r < 0 ? r : json_add_string(limits, l->field, value);
        }
        if (r < 0)
                return r;

        return json_add_uint64(limits, l->field, n);
}

const char *limit_kind_syntax(LimitKind kind) {
        static const char *const table[] = {
                [LIMIT_KIND_TIME] = "a time such as 2, 1.5, 250ms or 2min",
                [LIMIT_KIND_SIZE] = "a size such as 65536, 64K, 256M or 1.5G",
                [LIMIT_KIND_NUMBER] = "a whole number",
                [LIMIT_KIND_CPU_LIST] = "a list of CPUs such as 0-3,6",
        };

        assert((size_t) kind < ELEMENTSOF(table));
        return table[kind];
}
