/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One setting of judgebox.conf(5): its name, what values it takes, and where in a Config it goes. */

#include "config.h"

typedef enum SettingSection {
        SETTING_MANAGER,
        SETTING_DEFAULTS,
        SETTING_TENANT,
        _SETTING_SECTION_MAX,
        _SETTING_SECTION_INVALID = -EINVAL,
} SettingSection;

const char *setting_section_to_string(SettingSection s);
SettingSection setting_section_from_string(const char *s);

typedef enum SettingKind {
        SETTING_COUNT,
        SETTING_SIZE,
        SETTING_SIZE_OR_PERCENT,
        SETTING_TIME,
        SETTING_PERCENT,
        SETTING_BOOLEAN,
        SETTING_NAME,
        SETTING_CPU_LIST,
        SETTING_PROFILE,
} SettingKind;

typedef struct Setting {
        SettingSection section;
        const char *name;
        SettingKind kind;
        size_t offset;       /* in a Config, or for SETTING_TENANT in a Budget */
        int index;           /* the LimitType or BudgetType; negative: neither */
        uint64_t min, max;   /* of a LimitType: limit_range() has them */
        uint64_t step;       /* 0, or what the value must be a multiple of */
        const char *keyword; /* stands for UINT64_MAX */
        uint64_t preset;     /* of a LimitType: limits_apply_defaults() has it */
        const char *preset_name; /* of a SETTING_NAME or SETTING_PROFILE */
} Setting;

/* Ends with one whose name is NULL. */
extern const Setting settings[];

const Setting *setting_find(SettingSection section, const char *name);

/* An empty value is the default; for a tenant's budget, that of [Tenant]. -EINVAL or -ERANGE if the value is
 * not right, and nothing is changed then. The budget is the section's, &c->budget for [Tenant]. */
int setting_assign(const Setting *s, const char *value, Config *c, Budget *b);
int setting_reset(const Setting *s, Config *c, Budget *b);

/* What the value must be, for one that setting_assign() refused with r. NULL: out of memory. */
char *setting_describe(const Setting *s, int r);

/* The value as it would be assigned; "" for one that is not set. */
int setting_format(const Setting *s, const Config *c, const Budget *b, char **ret);

/* A percentage is kept as one until it is asked for. No size comes near. */
#define SETTING_PERCENT_FLAG (UINT64_C(1) << 63)

static inline bool setting_is_percent(uint64_t value) {
        return value != UINT64_MAX && (value & SETTING_PERCENT_FLAG);
}
