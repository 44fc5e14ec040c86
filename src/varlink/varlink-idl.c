/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log.h"
#include "string-util.h"
#include "utf8.h"
#include "varlink-idl-internal.h"

typedef struct Parser {
        const char *p;
        unsigned line;
        VarlinkIdl *idl;
} Parser;

#define parser_error(parser, format, ...)                                                                       \
        ({                                                                                                      \
                log_debug("Interface definition, line %u: " format, (parser)->line, ##__VA_ARGS__);             \
                -EINVAL;                                                                                        \
        })

static VarlinkFields *varlink_fields_free(VarlinkFields *f) {
        if (!f)
                return NULL;

        for (size_t i = 0; i < f->n_fields; i++) {
                VarlinkField *field = f->fields + i;

                /* A named type is its symbol's. */
                if (!field->type_name)
                        varlink_fields_free(field->fields);
                free(field->type_name);
                free(field->name);
        }

        free(f->fields);
        return mfree(f);
}
DEFINE_TRIVIAL_CLEANUP_FUNC(VarlinkFields *, varlink_fields_free);

VarlinkIdl *varlink_idl_free(VarlinkIdl *idl) {
        if (!idl)
                return NULL;

        for (size_t i = 0; i < idl->n_symbols; i++) {
                free(idl->symbols[i].name);
                varlink_fields_free(idl->symbols[i].fields);
                varlink_fields_free(idl->symbols[i].output);
        }

        free(idl->symbols);
        free(idl->name);
        free(idl->text);
        return mfree(idl);
}

/* Not ctype.h's, which ask the locale. */
static bool is_upper(char c) {
        return c >= 'A' && c <= 'Z';
}

static bool is_letter(char c) {
        return is_upper(c) || (c >= 'a' && c <= 'z');
}

static bool is_alphanumeric(char c) {
        return is_letter(c) || (c >= '0' && c <= '9');
}

/* [A-Za-z]([-]*[A-Za-z0-9])*(\.[A-Za-z0-9]([-]*[A-Za-z0-9])*)+, save that systemd has single dashes only. */
bool varlink_interface_name_is_valid(const char *s, size_t n) {
        bool dot = false;

        if (n == 0 || !is_letter(s[0]) || !is_alphanumeric(s[n - 1]))
                return false;

        for (size_t i = 1; i < n; i++) {
                if (is_alphanumeric(s[i]))
                        continue;
                if (!IN_SET(s[i], '.', '-') || !is_alphanumeric(s[i - 1]))
                        return false;
                if (s[i] == '.')
                        dot = true;
        }

        return dot;
}

/* [A-Z][A-Za-z0-9]* */
bool varlink_symbol_name_is_valid(const char *s, size_t n) {
        if (n == 0 || !is_upper(s[0]))
                return false;

        for (size_t i = 1; i < n; i++)
                if (!is_alphanumeric(s[i]))
                        return false;

        return true;
}

/* [A-Za-z](_?[A-Za-z0-9])* */
bool varlink_field_name_is_valid(const char *s, size_t n) {
        if (n == 0 || !is_letter(s[0]) || s[n - 1] == '_')
                return false;

        for (size_t i = 1; i < n; i++)
                if (!is_alphanumeric(s[i]) && (s[i] != '_' || s[i - 1] == '_'))
                        return false;

        return true;
}

static void skip_space(Parser *p) {
        while (*p->p && strchr(" \t\r\n", *p->p))
                if (*p->p++ == '\n')
                        p->line++;
}

static void skip_space_and_comments(Parser *p) {
        for (;;) {
                skip_space(p);
                if (*p->p != '#')
                        return;
                p->p += strcspn(p->p, "\n");
        }
}

/* After a declaration: nothing but a comment may follow on its line. */
static int parse_end_of_line(Parser *p) {
        p->p += strspn(p->p, " \t\r");
        if (!IN_SET(*p->p, '\0', '\n', '#'))
                return parser_error(p, "expected the end of the line.");

        return 0;
}

static int parse_char(Parser *p, char c) {
        skip_space(p);
        if (*p->p != c)
                return parser_error(p, "expected '%c'.", c);

        p->p++;
        return 0;
}

/* The word of these characters that begins here. */
static size_t word_length(const char *s, const char *also) {
        size_t n = 0;

        while (is_alphanumeric(s[n]) || (s[n] && strchr(also, s[n])))
                n++;

        return n;
}

static int parse_word(
                Parser *p,
                const char *what,
                const char *also,
                bool (*is_valid)(const char *s, size_t n),
                char **ret) {

        size_t n;
        char *s;

        skip_space(p);
        n = word_length(p->p, also);
        if (!is_valid(p->p, n))
                return parser_error(p, "expected the name of %s.", what);

        s = strndup(p->p, n);
        if (!s)
                return -ENOMEM;

        p->p += n;
        *ret = s;
        return 0;
}

static int parse_fields(Parser *p, bool struct_only, unsigned depth, VarlinkFields **ret);

static int parse_type(Parser *p, VarlinkField *f, unsigned depth) {
        static const char *const names[] = {
                [VARLINK_FIELD_BOOL] = "bool",
                [VARLINK_FIELD_INT] = "int",
                [VARLINK_FIELD_FLOAT] = "float",
                [VARLINK_FIELD_STRING] = "string",
                [VARLINK_FIELD_OBJECT] = "object",
        };
        size_t n;
        int r;

        skip_space(p);

        if (*p->p == '?') {
                f->nullable = true;
                p->p++;
        }

        if (startswith(p->p, "[]")) {
                f->container = VARLINK_CONTAINER_ARRAY;
                p->p += strlen("[]");
        } else if (startswith(p->p, "[string]")) {
                f->container = VARLINK_CONTAINER_MAP;
                p->p += strlen("[string]");
        }

        if (*p->p == '(') {
                r = parse_fields(p, /* struct_only= */ false, depth + 1, &f->fields);
                if (r < 0)
                        return r;
                if (f->fields->n_fields == 0)
                        return parser_error(p, "empty () as a type.");

                f->type = f->fields->is_enum ? VARLINK_FIELD_ENUM : VARLINK_FIELD_STRUCT;
                return 0;
        }

        n = word_length(p->p, "");
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strlen(names[i]) == n && strncmp(names[i], p->p, n) == 0) {
                        f->type = (VarlinkFieldType) i;
                        p->p += n;
                        return 0;
                }

        /* Which kind of type it is, and whether it exists, is known when all has been read. */
        return parse_word(p, "a type", "", varlink_symbol_name_is_valid, &f->type_name);
}

/* "(", fields or values separated by commas, ")". Comments may stand where a name could. */
static int parse_fields(Parser *p, bool struct_only, unsigned depth, VarlinkFields **ret) {
        _cleanup_(varlink_fields_freep) VarlinkFields *fields = NULL;
        int r;

        if (depth > VARLINK_IDL_DEPTH_MAX)
                return parser_error(p, "nested too deeply.");

        r = parse_char(p, '(');
        if (r < 0)
                return r;

        fields = new(VarlinkFields, 1);
        if (!fields)
                return -ENOMEM;
        *fields = (VarlinkFields) {};

        skip_space_and_comments(p);
        if (*p->p == ')') {
                p->p++;
                *ret = TAKE_PTR(fields);
                return 0;
        }

        for (;;) {
                VarlinkField *f;
                bool typed;

                if (fields->n_fields >= VARLINK_IDL_FIELDS_MAX)
                        return parser_error(p, "too many fields.");

                f = reallocarray(fields->fields, fields->n_fields + 1, sizeof(VarlinkField));
                if (!f)
                        return -ENOMEM;
                fields->fields = f;
                f += fields->n_fields++;
                *f = (VarlinkField) { .type = _VARLINK_FIELD_TYPE_INVALID };

                r = parse_word(p, "a field", "_", varlink_field_name_is_valid, &f->name);
                if (r < 0)
                        return r;
                for (VarlinkField *g = fields->fields; g < f; g++)
                        if (streq(g->name, f->name))
                                return parser_error(p, "'%s' occurs twice.", f->name);

                skip_space(p);
                typed = *p->p == ':';
                if (fields->n_fields == 1)
                        fields->is_enum = !typed;
                if (typed == fields->is_enum || (struct_only && !typed))
                        return parser_error(p, "'%s': either all have a type, or none.", f->name);

                if (typed) {
                        p->p++;
                        r = parse_type(p, f, depth);
                        if (r < 0)
                                return r;
                }

                skip_space(p);
                if (*p->p == ')')
                        break;
                r = parse_char(p, ',');
                if (r < 0)
                        return r;
                skip_space_and_comments(p);
        }

        p->p++;
        *ret = TAKE_PTR(fields);
        return 0;
}

static int parse_symbol(Parser *p, VarlinkSymbol *s) {
        static const char *const words[] = {
                [VARLINK_SYMBOL_TYPE] = "type",
                [VARLINK_SYMBOL_METHOD] = "method",
                [VARLINK_SYMBOL_ERROR] = "error",
        };
        size_t n, k;
        int r;

        n = word_length(p->p, "");
        for (k = 0; k < ELEMENTSOF(words); k++)
                if (strlen(words[k]) == n && strncmp(words[k], p->p, n) == 0)
                        break;
        if (k >= ELEMENTSOF(words))
                return parser_error(p, "expected 'type', 'method' or 'error'.");

        s->kind = (VarlinkSymbolKind) k;
        p->p += n;

        r = parse_word(p, "a type, method or error", "", varlink_symbol_name_is_valid, &s->name);
        if (r < 0)
                return r;

        r = parse_fields(p, /* struct_only= */ s->kind != VARLINK_SYMBOL_TYPE, /* depth= */ 1, &s->fields);
        if (r < 0)
                return r;
        if (s->kind == VARLINK_SYMBOL_TYPE && s->fields->n_fields == 0)
                return parser_error(p, "type %s is empty.", s->name);

        if (s->kind == VARLINK_SYMBOL_METHOD) {
                skip_space(p);
                if (!startswith(p->p, "->"))
                        return parser_error(p, "expected '->'.");
                p->p += strlen("->");

                r = parse_fields(p, /* struct_only= */ true, /* depth= */ 1, &s->output);
                if (r < 0)
                        return r;
        }

        return parse_end_of_line(p);
}

static int symbol_compare(const void *x, const void *y) {
        const VarlinkSymbol *a = x, *b = y;

        return strcmp(a->name, b->name);
}

static const VarlinkSymbol *find_symbol(const VarlinkIdl *idl, VarlinkSymbolKind kind, const char *name) {
        const VarlinkSymbol key = { .name = (char *) name }, *s;

        if (idl->n_symbols == 0)
                return NULL;

        s = bsearch(&key, idl->symbols, idl->n_symbols, sizeof(VarlinkSymbol), symbol_compare);
        return s && s->kind == kind ? s : NULL;
}

static int resolve_types(const VarlinkIdl *idl, VarlinkFields *fields) {
        int r;

        if (!fields)
                return 0;

        for (size_t i = 0; i < fields->n_fields; i++) {
                VarlinkField *f = fields->fields + i;
                const VarlinkSymbol *s;

                if (!f->type_name) {
                        r = resolve_types(idl, f->fields);
                        if (r < 0)
                                return r;
                        continue;
                }

                s = find_symbol(idl, VARLINK_SYMBOL_TYPE, f->type_name);
                if (!s) {
                        log_debug("Interface definition: %s is of unknown type %s.", f->name, f->type_name);
                        return -EINVAL;
                }

                f->fields = s->fields;
                f->type = s->fields->is_enum ? VARLINK_FIELD_ENUM : VARLINK_FIELD_STRUCT;
        }

        return 0;
}

static int parse_interface(Parser *p) {
        VarlinkIdl *idl = p->idl;
        int r;

        skip_space_and_comments(p);
        if (!startswith(p->p, "interface") || word_length(p->p, "") != strlen("interface"))
                return parser_error(p, "expected 'interface'.");
        p->p += strlen("interface");

        r = parse_word(p, "an interface", ".-", varlink_interface_name_is_valid, &idl->name);
        if (r < 0)
                return r;
        r = parse_end_of_line(p);
        if (r < 0)
                return r;

        for (;;) {
                VarlinkSymbol *s;

                skip_space_and_comments(p);
                if (*p->p == '\0')
                        break;

                if (idl->n_symbols >= VARLINK_IDL_SYMBOLS_MAX)
                        return parser_error(p, "too many symbols.");

                s = reallocarray(idl->symbols, idl->n_symbols + 1, sizeof(VarlinkSymbol));
                if (!s)
                        return -ENOMEM;
                idl->symbols = s;
                s += idl->n_symbols++;
                *s = (VarlinkSymbol) {};

                r = parse_symbol(p, s);
                if (r < 0)
                        return r;
        }

        if (idl->n_symbols > 0)
                qsort(idl->symbols, idl->n_symbols, sizeof(VarlinkSymbol), symbol_compare);
        for (size_t i = 1; i < idl->n_symbols; i++)
                if (streq(idl->symbols[i - 1].name, idl->symbols[i].name))
                        return parser_error(p, "'%s' is declared twice.", idl->symbols[i].name);

        for (size_t i = 0; i < idl->n_symbols; i++) {
                r = resolve_types(idl, idl->symbols[i].fields);
                if (r < 0)
                        return r;
                r = resolve_types(idl, idl->symbols[i].output);
                if (r < 0)
                        return r;
        }

        return 0;
}

int varlink_idl_parse(const char *text, unsigned *error_line, VarlinkIdl **ret) {
        _cleanup_(varlink_idl_freep) VarlinkIdl *idl = NULL;
        Parser p = { .line = 1 };
        size_t size;
        int r;

        assert(text);
        assert(ret);

        idl = new(VarlinkIdl, 1);
        if (!idl)
                return -ENOMEM;
        *idl = (VarlinkIdl) {};

        size = strlen(text);
        if (size > VARLINK_IDL_SIZE_MAX || !utf8_is_valid_n(text, size)) {
                log_debug("Interface definition is too long, or not UTF-8.");
                if (error_line)
                        *error_line = 0;
                return -EINVAL;
        }

        idl->text = strdup(text);
        if (!idl->text)
                return -ENOMEM;

        p.p = idl->text;
        p.idl = idl;
        r = parse_interface(&p);
        if (r < 0) {
                if (error_line)
                        *error_line = p.line;
                return r;
        }

        *ret = TAKE_PTR(idl);
        return 0;
}

const char *varlink_idl_get_text(const VarlinkIdl *idl) {
        return idl->text;
}

const char *varlink_idl_get_name(const VarlinkIdl *idl) {
        return idl->name;
}

const VarlinkSymbol *varlink_idl_find_method(const VarlinkIdl *idl, const char *name) {
        return find_symbol(idl, VARLINK_SYMBOL_METHOD, name);
}

const VarlinkSymbol *varlink_idl_find_error(const VarlinkIdl *idl, const char *name) {
        return find_symbol(idl, VARLINK_SYMBOL_ERROR, name);
}

size_t varlink_idl_get_n_symbols(const VarlinkIdl *idl) {
        return idl->n_symbols;
}

size_t varlink_symbol_get_index(const VarlinkIdl *idl, const VarlinkSymbol *symbol) {
        return (size_t) (symbol - idl->symbols);
}
