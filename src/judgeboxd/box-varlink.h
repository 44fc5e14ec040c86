/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.judgebox.Manager over varlink: parameters in, operation.h, reply out. */

#include "manager.h"
#include "varlink.h"

/* Adds the interface to the server and binds its methods. */
int manager_serve_varlink(Manager *m, VarlinkServer *server);
