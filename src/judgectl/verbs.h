/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "context.h"

int verb_run(Context *c, int argc, char *argv[]);
int verb_create(Context *c, int argc, char *argv[]);
int verb_destroy(Context *c, int argc, char *argv[]);
int verb_reset(Context *c, int argc, char *argv[]);
int verb_list(Context *c, int argc, char *argv[]);
int verb_status(Context *c, int argc, char *argv[]);
int verb_top(Context *c, int argc, char *argv[]);
int verb_monitor(Context *c, int argc, char *argv[]);
int verb_put(Context *c, int argc, char *argv[]);
int verb_get(Context *c, int argc, char *argv[]);
int verb_ls(Context *c, int argc, char *argv[]);
int verb_rm(Context *c, int argc, char *argv[]);
int verb_kill(Context *c, int argc, char *argv[]);
int verb_group(Context *c, int argc, char *argv[]);
int verb_judge(Context *c, int argc, char *argv[]);
int verb_profile(Context *c, int argc, char *argv[]);
int verb_check(Context *c, int argc, char *argv[]);
