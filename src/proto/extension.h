/* proto/extension.h - the list in Sec-WebSocket-Extensions, read part by part (RFC 6455 s.9.1).
 *
 * Strict, and linear in the size of the header: nothing is read twice. What an extension and its
 * parameters mean is not known here. Sans-I/O; nothing is allocated; the parts point into the
 * head.
 */
#ifndef TB_PROTO_EXTENSION_H
#define TB_PROTO_EXTENSION_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/http1.h"

enum ws_extension_kind {
    WS_EXTENSION_NAME,  /* an extension begins */
    WS_EXTENSION_PARAM, /* a parameter of the extension that began last */
    WS_EXTENSION_END,   /* the list has ended, or there is none */
    WS_EXTENSION_BAD    /* the list breaks the grammar */
};

struct ws_extension_part {
    struct http1_str name;
    bool has_value;
    struct http1_str value; /* as it stands, without the quotes: see ws_extension_value() */
};

struct ws_extension_reader {
    struct http1_list list;
    struct http1_str rest; /* of the current extension */
    bool empty;            /* nothing was read so far */
};

/* Reads all Sec-WebSocket-Extensions of the head as one list. */
void ws_extension_reader_init(struct ws_extension_reader *r, const struct http1 *head);

/* Reads the next part. Not to be called again after END or BAD. */
enum ws_extension_kind ws_extension_next(struct ws_extension_reader *r,
                                         struct ws_extension_part *part);

/* Copies a parameter's value, without the backslashes of a quoted string, to dst[0..cap), as much
 * of it as there is room for. Returns its whole size. */
size_t ws_extension_value(const struct ws_extension_part *part, char *dst, size_t cap);

#endif
