/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "failure.h"
#include "varlink.h"

/* Answers with the interface's error for it. */
int failure_reply_varlink(const Failure *f, VarlinkCall *c);
