/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A varlink call in the making: its parameters and the descriptors they point to. */

#include "fd-util.h"
#include "json-util.h"
#include "varlink.h"

typedef struct Request {
        json_object *parameters;
        int fds[VARLINK_FDS_MAX];
        size_t n_fds;
} Request;

#define REQUEST_NULL (Request) {}

int request_init(Request *q);

/* Drops the parameters and closes the descriptors. */
void request_done(Request *q);

/* Adds a descriptor, which is taken over even on failure, and points to it from a field. -E2BIG where a message holds no
 * more. */
int request_set_fd(Request *q, json_object *o, const char *key, int fd);

/* {box, owner}: how most methods name a box. */
int request_init_box(Request *q, const char *box, const uid_t *owner);
