/* script/payload.h - a message that is to be sent, as the file describes it.
 *
 * A scalar is a text; a mapping has one of text, json, hex, base64, file or raw, and says how it is
 * framed. Compiled once; making it is filling in templates.
 */
#ifndef TB_SCRIPT_PAYLOAD_H
#define TB_SCRIPT_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "conn/wire.h"
#include "script/node.h"
#include "script/scope.h"

struct conn;
struct payload;
struct reader;

/* Several, in order. */
struct payloads {
    const struct payload *const *items;
    size_t count;
};

/* A message, or a list of them. As reading functions do. */
int payloads_read(struct reader *r, const struct node *node, struct payloads *p);
int payload_read(struct reader *r, const struct node *node, const struct payload **p);

/* A message that was made. */
struct made {
    uint8_t opcode;                 /* TEXT or BINARY; of raw bytes it has no meaning */
    bool raw;                       /* bytes as they stand on the wire */
    bool plain;                     /* an ordinary message: conn_send() and rooms will do */
    const struct wire_shape *shape; /* of one that is not plain */
    struct bytes bytes;             /* used again by the next payload_make() */
    struct bytes scratch;           /* private */
};

void made_release(struct made *made);

/* Fills in the templates. A text that answers a binary message with its ${text} is binary, too,
 * unless `binary: no` stands there. TB_OK; TB_EINVAL: what came out is not UTF-8 and cannot be a
 * text; TB_ERANGE: it is too large (template_expand()); or TB_ENOMEM. */
int payload_make(const struct payload *p, struct scope *s, struct made *made);

/* Says it to one connection. */
void made_send(const struct made *made, struct conn *c);

/* Appends what it is, for a person, in one short line: `"hi"`, `5 bytes of binary`. TB_OK or
 * TB_ENOMEM. */
int payload_describe(const struct payload *p, struct bytes *out);

#endif
