/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The interface definition language of varlink, and objects held against it.
 *
 * What is accepted is what both the grammar of varlink.org and systemd's parser (257) accept, so that an
 * interface we serve can be read by any client. Stricter than varlink.org: no nested containers ([][]int)
 * or nullable elements ([]?int), no empty type, comments only before a declaration and where a field's
 * name could stand. Stricter than systemd: a declaration ends its line, an interface's name has a dot, no
 * name occurs twice. */

#include <json-c/json.h>

#include "macro.h"

#define VARLINK_IDL_SIZE_MAX (1024U * 1024U)
#define VARLINK_IDL_DEPTH_MAX 16U
#define VARLINK_IDL_SYMBOLS_MAX 1024U
#define VARLINK_IDL_FIELDS_MAX 256U

typedef struct VarlinkIdl VarlinkIdl;
typedef struct VarlinkSymbol VarlinkSymbol;

/* Parses a whole interface. Returns -EINVAL for what is not valid, with a debug line that says why and
 * where; error_line (may be NULL) is set then. */
int varlink_idl_parse(const char *text, unsigned *error_line, VarlinkIdl **ret);
VarlinkIdl *varlink_idl_free(VarlinkIdl *idl);
DEFINE_TRIVIAL_CLEANUP_FUNC(VarlinkIdl *, varlink_idl_free);

/* The text exactly as it was parsed. */
const char *varlink_idl_get_text(const VarlinkIdl *idl);
const char *varlink_idl_get_name(const VarlinkIdl *idl);

/* Takes the name without the interface's. NULL if there is none of this kind. */
const VarlinkSymbol *varlink_idl_find_method(const VarlinkIdl *idl, const char *name);
const VarlinkSymbol *varlink_idl_find_error(const VarlinkIdl *idl, const char *name);

/* A number for each symbol of the interface, below varlink_idl_get_n_symbols(): for tables beside it. */
size_t varlink_idl_get_n_symbols(const VarlinkIdl *idl);
size_t varlink_symbol_get_index(const VarlinkIdl *idl, const VarlinkSymbol *symbol);

bool varlink_interface_name_is_valid(const char *s, size_t n);
bool varlink_symbol_name_is_valid(const char *s, size_t n);
bool varlink_field_name_is_valid(const char *s, size_t n);

/* Holds an object against the input of a method. Returns 0, or -EINVAL for an unknown, missing or mistyped
 * field; then error_field (NULL where memory ran out; free it) names it as in "limits.memoryBytes" or
 * "binds[2].path".
 *
 * On success the object is as a method wants to read it: an integer that came as a string (how JavaScript
 * sends what has more than 53 bits) is an integer, and a nullable field that is null is not there at all. */
int varlink_idl_check_parameters(const VarlinkSymbol *method, json_object *parameters, char **error_field);

/* The same for a reply of a method and for an error's parameters, but nothing is changed, and no string
 * is taken for an integer. */
int varlink_idl_check_reply(const VarlinkSymbol *method, json_object *parameters, char **error_field);
int varlink_idl_check_error(const VarlinkSymbol *error, json_object *parameters, char **error_field);
