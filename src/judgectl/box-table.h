/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What tables of boxes have in common: cells out of a BoxStatus. Each returns 0 or -ENOMEM. */

#include "json-util.h"
#include "table.h"

/* Its id, its owner and its state. */
int box_table_add_box(Table *t, json_object *box);

/* "-" for what is not known. */
int box_table_add_number(Table *t, json_object *box, const char *key);
int box_table_add_bytes(Table *t, json_object *box, const char *key);
int box_table_add_timespan(Table *t, json_object *box, const char *key);
