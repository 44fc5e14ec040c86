/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* judgebox.conf(5): read at start and at each reload into a Config of its own, which then replaces the one
 * before. A line that is wrong is named in `messages` and counts as if it were not there; the rest stands. */

#include <stdio.h>

#include "spec.h"

/* What a tenant may have in all, over its boxes. */
typedef enum BudgetType {
        BUDGET_BOXES,
        BUDGET_RUNS,    /* going on and waiting */
        BUDGET_RUNNING, /* going on */
        BUDGET_MEMORY,  /* bytes: of all its boxes together, and of a single run's limit */
        BUDGET_TASKS,   /* likewise */
        BUDGET_CPU,     /* percent of one CPU */
        BUDGET_STORAGE, /* bytes: the storage limits of its boxes, added up */
        _BUDGET_TYPE_MAX,
        _BUDGET_TYPE_INVALID = -EINVAL,
} BudgetType;

#define BUDGET_NONE UINT64_MAX /* no bound */

/* As QuotaExceeded() names them: "boxes". */
const char *budget_type_to_string(BudgetType t);
BudgetType budget_type_from_string(const char *s);

typedef struct Budget {
        uint64_t values[_BUDGET_TYPE_MAX];
        uint32_t set; /* bit t: values[t] was given */
} Budget;

/* [Tenant NAME] */
typedef struct ConfigTenant {
        uid_t uid;
        Budget budget;
} ConfigTenant;

#define CONFIG_AUTO UINT64_MAX

typedef struct Config {
        /* [Manager] */
        uint64_t concurrent_runs; /* CONFIG_AUTO: one for each CPU */
        uint64_t queue_max;       /* runs that wait, of all tenants together */
        char *run_cpus;           /* NULL: all */
        uint64_t exclusive_cpus;  /* 1: each run has cores of its own */
        uint64_t project_id_base;
        uint64_t uid_range_base;
        uint64_t uid_range_boxes; /* so many times UID_RANGE_BOX_SIZE uids */
        usec_t idle_exit_usec;    /* USEC_INFINITY: never */
        char *group;              /* whose members have what is theirs where polkit cannot be asked */

        /* [Defaults]: only what was given is set. For a run: limits_inherit(&run, &config->limits), then
         * limits_apply_defaults(). */
        Limits limits;
        uint64_t storage_bytes, inodes;
        char *profile; /* of runs that name none, in boxes that name none */

        /* [Tenant] and [Tenant NAME]: see config_get_budget(). */
        Budget budget;
        ConfigTenant *tenants;
        size_t n_tenants;

        uint64_t memory_total; /* of this machine: what percentages are of */
        char **files;          /* in the order in which they were read */
        char **messages;       /* "/etc/judgebox/judgebox.conf:3: …", one for each line that was ignored */
} Config;

/* With the defaults alone. */
int config_new(Config **ret);
/* root: NULL, or a directory in place of /. Fails for lack of memory alone: all else is in the messages. */
int config_load(const char *root, Config **ret);
Config *config_free(Config *c);
DEFINE_TRIVIAL_CLEANUP_FUNC(Config *, config_free);

/* Adds what one file says, as if it came after those before; the path is for the messages. */
int config_parse_file(Config *c, FILE *f, const char *path);

/* What the uid may have, every field set. */
void config_get_budget(const Config *c, uid_t uid, Budget *ret);

/* What is in force, in the form of the file itself, with every setting. */
int config_format(const Config *c, char **ret);
