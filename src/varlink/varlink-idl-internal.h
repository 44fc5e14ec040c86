/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "varlink-idl.h"

typedef enum VarlinkFieldType {
        VARLINK_FIELD_BOOL,
        VARLINK_FIELD_INT,
        VARLINK_FIELD_FLOAT,
        VARLINK_FIELD_STRING,
        VARLINK_FIELD_OBJECT,
        VARLINK_FIELD_STRUCT, /* written out at the field, or a type of that name */
        VARLINK_FIELD_ENUM,   /* likewise */
        _VARLINK_FIELD_TYPE_MAX,
        _VARLINK_FIELD_TYPE_INVALID = -EINVAL,
} VarlinkFieldType;

typedef enum VarlinkContainer {
        VARLINK_CONTAINER_NONE,
        VARLINK_CONTAINER_ARRAY,
        VARLINK_CONTAINER_MAP,
} VarlinkContainer;

typedef struct VarlinkField VarlinkField;

/* The fields between a pair of parentheses; of an enum their names alone count. */
typedef struct VarlinkFields {
        VarlinkField *fields;
        size_t n_fields;
        bool is_enum;
} VarlinkFields;

struct VarlinkField {
        char *name;
        bool nullable;
        VarlinkContainer container;
        VarlinkFieldType type;
        char *type_name;      /* set: `fields` belongs to the type of that name */
        VarlinkFields *fields; /* of a struct or enum */
};

typedef enum VarlinkSymbolKind {
        VARLINK_SYMBOL_TYPE,
        VARLINK_SYMBOL_METHOD,
        VARLINK_SYMBOL_ERROR,
} VarlinkSymbolKind;

struct VarlinkSymbol {
        VarlinkSymbolKind kind;
        char *name;
        VarlinkFields *fields; /* a method's input */
        VarlinkFields *output; /* a method's alone */
};

struct VarlinkIdl {
        char *text;
        char *name;
        VarlinkSymbol *symbols; /* sorted by name */
        size_t n_symbols;
};
