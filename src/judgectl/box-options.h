/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a box is made with and what its runs may use: the options that run, create and judge share. */

#include "limit-option.h"
#include "path-option.h"
#include "request.h"

enum {
        ARG_STORAGE = 0x300,
        ARG_PROFILE,
        ARG_ALLOW_PATH,
        ARG_INODES,
        ARG_BIND,
        ARG_TMPFS,
        ARG_SHARE_NET,
        ARG_KEEP_TMP,
        ARG_DENY_TSC,
        ARG_HOSTNAME,
        ARG_IMAGE,
        ARG_DOMAINNAME,
        ARG_DIRECTORY,
        ARG_HOST_DIRECTORY,
        ARG_DIRECTORY_STORAGE,
        ARG_DIRECTORY_INODES,
        ARG_BARE_ROOT,
};

#define BOX_SHORT_OPTIONS LIMIT_SHORT_OPTIONS
#define BOX_LONG_OPTIONS                                                 \
        LIMIT_LONG_OPTIONS,                                              \
        { "storage", required_argument, NULL, ARG_STORAGE },             \
        { "profile", required_argument, NULL, ARG_PROFILE },             \
        { "allow-path", required_argument, NULL, ARG_ALLOW_PATH },       \
        { "inodes", required_argument, NULL, ARG_INODES },               \
        { "bind", required_argument, NULL, ARG_BIND },                   \
        { "tmpfs", required_argument, NULL, ARG_TMPFS },                 \
        { "share-net", no_argument, NULL, ARG_SHARE_NET },               \
        { "keep-tmp", no_argument, NULL, ARG_KEEP_TMP },                 \
        { "deny-tsc", no_argument, NULL, ARG_DENY_TSC },                 \
        { "hostname", required_argument, NULL, ARG_HOSTNAME },           \
        { "domainname", required_argument, NULL, ARG_DOMAINNAME },       \
        { "image", required_argument, NULL, ARG_IMAGE },                 \
        { "directory", required_argument, NULL, ARG_DIRECTORY },         \
        { "host-directory", no_argument, NULL, ARG_HOST_DIRECTORY },     \
        { "directory-storage", required_argument, NULL, ARG_DIRECTORY_STORAGE }, \
        { "directory-inodes", required_argument, NULL, ARG_DIRECTORY_INODES }, \
        { "bare-root", no_argument, NULL, ARG_BARE_ROOT }

typedef struct BoxOptions {
        json_object *limits;   /* type Limits, NULL if none was given */
        json_object *settings; /* type BoxSettings, but for descriptors and limits; NULL likewise */
        BindOption *binds;
        size_t n_binds;
        const char *directory;
        const char *profile;         /* as limits: the box's or the run's; NULL if none was given */
        json_object *allowed_paths;  /* likewise, an array of type AllowedPath */
        const char *settings_option; /* the first option given that is the box's, not the run's */
} BoxOptions;

void box_options_done(BoxOptions *o);

/* 1: it was one of these; 0: it was not; negative: the value was wrong, which was logged, naming the option. */
int box_options_parse(BoxOptions *o, int option, const char *value);

/* Opens the directories and files to bind, as the caller, and returns the settings with them; NULL where nothing
 * was given. Takes from o what it hands out. Logs. */
int box_options_make_settings(BoxOptions *o, Request *q, json_object **ret);

/* For --help, after limit_options_help. */
extern const char box_options_help[];
