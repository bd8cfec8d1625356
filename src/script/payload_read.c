#include <string.h>

#include "base/encoding.h"
#include "base/err.h"
#include "base/file.h"
#include "proto/frame.h"
#include "proto/utf8.h"
#include "script/payload_state.h"
#include "script/template.h"

enum { FILE_LIMIT = 16 * 1024 * 1024 };

/* ---- pieces ---- */

static void append_piece(struct pieces *pieces, struct piece *piece) {
    if (pieces->last == NULL) {
        pieces->payload->first = piece;
    } else {
        pieces->last->next = piece;
    }
    pieces->last = piece;
}

int pieces_flush(struct reader *r, struct pieces *pieces) {
    if (pieces->literal.len == 0) {
        return TB_OK;
    }
    struct piece *piece = arena_alloc(r->arena, sizeof(*piece));
    char *copy = arena_text(r->arena, pieces->literal.data, pieces->literal.len);
    if (piece == NULL || copy == NULL) {
        return TB_ENOMEM;
    }
    *piece = (struct piece){.kind = PIECE_BYTES, .p = copy, .n = pieces->literal.len};
    append_piece(pieces, piece);
    bytes_clear(&pieces->literal);
    return TB_OK;
}

struct piece *pieces_add(struct reader *r, struct pieces *pieces, enum piece_kind kind) {
    struct piece *piece = NULL;
    if (pieces_flush(r, pieces) == TB_OK) {
        piece = arena_alloc(r->arena, sizeof(*piece));
    }
    if (piece != NULL) {
        piece->kind = kind;
        append_piece(pieces, piece);
    }
    return piece;
}

/* ---- bodies ---- */

/* A mapping that is read; the payload's shape is filled in on the way. */
struct draft {
    struct payload payload;
    const struct node *map;
    const struct node *body; /* the value of one of text, json, … */
    bool encoded_base64;     /* of BYTES */
    bool has_binary;
    bool binary;
    bool has_compress;
    bool compress;
};

static int take_body(struct reader *r, const struct node *value, struct draft *d,
                     enum payload_body body) {
    if (d->body != NULL) {
        return reader_refuse(r, value,
                             "a message has one of text, json, hex, base64, file and raw, not two");
    }
    d->body = value;
    d->payload.body = body;
    return TB_OK;
}

/* What stands alone in braces is no template without its $. */
static int check_said(struct reader *r, const struct node *value) {
    return value->unsaid ? reader_refuse(r, r->key, "'%s' has no value: did you mean \"${%s}\"?",
                                         r->key->text, r->key->text)
                         : TB_OK;
}

static int draft_text(struct reader *r, const struct node *value, void *into) {
    int err = check_said(r, value);
    err = err == TB_OK ? reader_scalar(r, value, "text") : err;
    return err == TB_OK ? take_body(r, value, into, BODY_TEXT) : err;
}

static int draft_json(struct reader *r, const struct node *value, void *into) {
    int err = check_said(r, value);
    return err != TB_OK ? err : take_body(r, value, into, BODY_JSON);
}

static int draft_hex(struct reader *r, const struct node *value, void *into) {
    int err = reader_scalar(r, value, "hexadecimal digits");
    return err == TB_OK ? take_body(r, value, into, BODY_BYTES) : err;
}

static int draft_base64(struct reader *r, const struct node *value, void *into) {
    struct draft *d = into;
    int err = reader_scalar(r, value, "base64");
    d->encoded_base64 = true;
    return err == TB_OK ? take_body(r, value, into, BODY_BYTES) : err;
}

static int draft_file(struct reader *r, const struct node *value, void *into) {
    int err = reader_scalar(r, value, "the name of a file");
    return err == TB_OK ? take_body(r, value, into, BODY_FILE) : err;
}

static int draft_raw(struct reader *r, const struct node *value, void *into) {
    int err = reader_scalar(r, value, "hexadecimal digits");
    return err == TB_OK ? take_body(r, value, into, BODY_RAW) : err;
}

static int draft_binary(struct reader *r, const struct node *value, void *into) {
    struct draft *d = into;
    d->has_binary = true;
    return reader_bool(r, value, &d->binary);
}

static int draft_compress(struct reader *r, const struct node *value, void *into) {
    struct draft *d = into;
    d->has_compress = true;
    return reader_bool(r, value, &d->compress);
}

static int draft_fragment(struct reader *r, const struct node *value, void *into) {
    struct draft *d = into;
    return payload_fragment(r, value, &d->payload);
}

static int draft_frame(struct reader *r, const struct node *value, void *into) {
    struct draft *d = into;
    return payload_frame(r, value, &d->payload);
}

static const struct field fields[] = {
    {.name = "text", .read = draft_text},
    {.name = "json", .read = draft_json},
    {.name = "hex", .read = draft_hex},
    {.name = "base64", .read = draft_base64},
    {.name = "file", .read = draft_file},
    {.name = "raw", .read = draft_raw},
    {.name = "binary", .read = draft_binary},
    {.name = "compress", .read = draft_compress},
    {.name = "fragment", .read = draft_fragment},
    {.name = "frame", .read = draft_frame},
    {.name = NULL},
};

/* ---- what the bodies say ---- */

static int put_text(struct reader *r, const struct node *node, struct pieces *pieces) {
    const struct template *t = NULL;
    size_t n;
    int err = template_read(r, node, &t);
    if (err != TB_OK) {
        return err;
    }
    const char *literal = template_literal(t, &n);
    if (literal != NULL) {
        return bytes_append(&pieces->literal, literal, n);
    }
    struct piece *piece = pieces_add(r, pieces, PIECE_TEXT);
    if (piece == NULL) {
        return TB_ENOMEM;
    }
    piece->template = t;
    piece->node = node;
    pieces->payload->has_templates = true;
    pieces->payload->echoes = template_uses_text(t);
    pieces->payload->repeats = template_is_text(t);
    return TB_OK;
}

static int put_hex(struct reader *r, const struct node *node, struct bytes *out) {
    size_t offset = 0;
    int err = hex_decode(out, node->text, node->size, &offset);
    return err == TB_EINVAL ? reader_refuse_at(r, node, offset,
                                               "this is not hexadecimal: two "
                                               "digits make a byte")
                            : err;
}

static int put_bytes(struct reader *r, const struct draft *d, struct bytes *out) {
    size_t offset = 0;
    if (!d->encoded_base64) {
        return put_hex(r, d->body, out);
    }
    int err = base64_decode(out, d->body->text, d->body->size, &offset);
    return err == TB_EINVAL ? reader_refuse_at(r, d->body, offset, "this is not base64") : err;
}

static int put_file(struct reader *r, const struct node *node, struct bytes *out) {
    const char *path = NULL;
    struct bytes why = BYTES_INIT;
    int err = reader_path(r, node, &path);
    err = err == TB_OK ? file_read_limited(path, FILE_LIMIT, out, &why) : err;
    if (err == TB_EINVAL) {
        err = reader_refuse(r, node, "%.*s", (int)why.len, (const char *)why.data);
    }
    bytes_release(&why);
    return err;
}

static int put_body(struct reader *r, struct draft *d, struct pieces *pieces) {
    switch (d->payload.body) {
    case BODY_TEXT:
        return put_text(r, d->body, pieces);
    case BODY_JSON:
        return payload_json(r, d->body, pieces);
    case BODY_BYTES:
        return put_bytes(r, d, &pieces->literal);
    case BODY_FILE:
        return put_file(r, d->body, &pieces->literal);
    default:
        return put_hex(r, d->body, &pieces->literal);
    }
}

/* ---- the whole ---- */

/* A text's bytes must be one; what templates come to is seen when they are filled in. */
static int check_text(struct reader *r, const struct draft *d, const struct bytes *literal) {
    if (d->payload.opcode != WS_OP_TEXT || d->payload.shape.has_opcode ||
        d->payload.body == BODY_RAW || utf8_is_valid(literal->data, literal->len)) {
        return TB_OK;
    }
    return reader_refuse(r, d->body,
                         d->payload.body == BODY_FILE
                             ? "'%s' is not valid UTF-8, as a text must be; 'binary: "
                               "yes' sends any bytes"
                             : "'%s' is not valid UTF-8, as a text must be",
                         d->body->text);
}

/* What the payload is as a message, now that all of it is known. */
static void settle(struct draft *d) {
    struct payload *p = &d->payload;
    bool binary = d->has_binary ? d->binary : p->body == BODY_BYTES;
    p->opcode = binary ? WS_OP_BINARY : WS_OP_TEXT;
    p->plain =
        p->body != BODY_RAW && wire_shape_is_plain(&p->shape) && (!d->has_compress || d->compress);
}

static int build(struct reader *r, struct draft *d, const struct payload **p) {
    struct payload *made = arena_alloc(r->arena, sizeof(*made));
    if (made == NULL) {
        return TB_ENOMEM;
    }
    settle(d);
    *made = d->payload;
    struct pieces pieces = {.payload = made};
    int err = put_body(r, d, &pieces);
    err = err == TB_OK ? check_text(r, d, &pieces.literal) : err;
    err = err == TB_OK ? pieces_flush(r, &pieces) : err;
    bytes_release(&pieces.literal);
    made->echoes = made->echoes && !d->has_binary;
    *p = made;
    return err;
}

static int check_map(struct reader *r, const struct draft *d) {
    if (d->body == NULL) {
        return reader_refuse(r, d->map,
                             "a message has one of text, json, hex, base64, file or raw");
    }
    if (d->payload.body == BODY_RAW && d->map->count > 1) {
        return reader_refuse(r, d->map, "'raw' stands alone: its bytes are sent as they are");
    }
    if (d->has_compress && d->compress && !wire_shape_is_plain(&d->payload.shape)) {
        return reader_refuse(r, d->map, "what 'fragment' or 'frame' shapes is sent uncompressed");
    }
    return TB_OK;
}

int payload_read(struct reader *r, const struct node *node, const struct payload **p) {
    struct draft d = {.map = node};
    int err = TB_OK;
    if (node->kind == NODE_SCALAR) {
        d.body = node;
        d.payload.body = BODY_TEXT;
    } else if (node->kind == NODE_MAP) {
        err = reader_map(r, node, fields, "a message", &d);
        err = err == TB_OK ? check_map(r, &d) : err;
    } else {
        return reader_refuse(r, node, "a message is a text or a mapping, not a list");
    }
    return err == TB_OK ? build(r, &d, p) : err;
}

struct listing {
    const struct payload **next;
};

static int read_item(struct reader *r, const struct node *item, void *into) {
    struct listing *listing = into;
    return payload_read(r, item, listing->next++);
}

int payloads_read(struct reader *r, const struct node *node, struct payloads *p) {
    size_t count = node->kind == NODE_LIST ? node->count : 1;
    const struct payload **items = arena_alloc(r->arena, count * sizeof(const struct payload *));
    struct listing listing = {.next = items};
    if (items == NULL) {
        return TB_ENOMEM;
    }
    p->items = items;
    p->count = count;
    return reader_each(r, node, read_item, &listing);
}
