/* script/variable.h - what ${…} can name, and where its value comes from.
 *
 * A variable is compiled once; asking for its value parses nothing.
 */
#ifndef TB_SCRIPT_VARIABLE_H
#define TB_SCRIPT_VARIABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "script/cursor.h"
#include "script/scope.h"

struct path;

enum variable_kind {
    VARIABLE_TEXT,
    VARIABLE_JSON, /* the whole, or what the path leads to */
    VARIABLE_N,
    VARIABLE_CONN_ID,
    VARIABLE_CONN_ADDR,
    VARIABLE_PATH,
    VARIABLE_QUERY,
    VARIABLE_HEADER,
    VARIABLE_ENV,
    VARIABLE_NOW,
    VARIABLE_NOW_MS,
    VARIABLE_UUID,
    VARIABLE_FAKE_NAME,
    VARIABLE_FAKE_EMAIL,
    VARIABLE_FAKE_WORD,
    VARIABLE_OWN,   /* captures, own, vars */
    VARIABLE_CLIENT /* another client's own */
};

struct variable {
    enum variable_kind kind;
    unsigned slot;           /* of OWN and CLIENT */
    unsigned client;         /* of CLIENT */
    const char *name;        /* of PATH, QUERY, HEADER, ENV */
    const struct path *path; /* of JSON; NULL: the whole */
    const char *shown;       /* as it stands in the file */
};

/* Reads the variable that the cursor stands at, up to its end. As reading functions do. */
int variable_read(struct cursor *c, struct variable *v);

enum value_kind {
    VALUE_NONE,
    VALUE_PIECE, /* it stands at p, and is somebody's who keeps it until the scope changes */
    VALUE_BUILT  /* it was appended */
};

struct value {
    enum value_kind kind;
    const void *p;
    size_t size;
};

/* The variable's value. TB_OK, or TB_ENOMEM (out is unchanged then). */
int variable_get(const struct variable *v, struct scope *s, struct bytes *out, struct value *value);

/* The value of a VARIABLE_JSON as JSON text, as it stands in the message. Never VALUE_BUILT. */
int variable_get_json(const struct variable *v, struct scope *s, struct value *value);

#endif
