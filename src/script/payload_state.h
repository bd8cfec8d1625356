/* script/payload_state.h - what a payload is made of; for the files of payload.h only. */
#ifndef TB_SCRIPT_PAYLOAD_STATE_H
#define TB_SCRIPT_PAYLOAD_STATE_H

#include "base/bytes.h"
#include "script/payload.h"
#include "script/reader.h"

struct template;

enum piece_kind {
    PIECE_BYTES,  /* as they are */
    PIECE_TEXT,   /* what a template comes to, */
    PIECE_STRING, /* … as a string of JSON, */
    PIECE_JSON    /* … as the JSON that it is */
};

/* A payload is its pieces, one behind the other. */
struct piece {
    enum piece_kind kind;
    const struct piece *next;
    const void *p; /* of BYTES */
    size_t n;
    const struct template *template;
    const struct node *node; /* what a template was read from */
};

enum payload_body {
    BODY_NONE,
    BODY_TEXT,
    BODY_JSON,
    BODY_BYTES, /* hex, base64 */
    BODY_FILE,
    BODY_RAW
};

struct payload {
    enum payload_body body;
    const struct piece *first;
    bool has_templates;
    bool echoes;  /* a text with ${text} in it, of which nothing says that it is a text */
    bool repeats; /* all of it is ${text} */
    bool plain;
    uint8_t opcode;
    struct wire_shape shape;
};

/* Pieces that are put together: what is literal grows in `literal` until a template comes. */
struct pieces {
    struct payload *payload;
    struct piece *last;
    struct bytes literal;
};

/* Another piece, behind what was literal; NULL, or TB_ENOMEM: memory is out. */
struct piece *pieces_add(struct reader *r, struct pieces *pieces, enum piece_kind kind);
int pieces_flush(struct reader *r, struct pieces *pieces);

/* ---- payload_json.c ---- */

/* The pieces of any structure of YAML as JSON. As reading functions do. */
int payload_json(struct reader *r, const struct node *node, struct pieces *pieces);

/* ---- payload_frame.c: `into` is a struct payload ---- */
int payload_fragment(struct reader *r, const struct node *value, void *into);
int payload_frame(struct reader *r, const struct node *value, void *into);

#endif
