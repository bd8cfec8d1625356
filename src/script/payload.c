#include "script/payload.h"

#include <string.h>

#include "base/err.h"
#include "base/json_write.h"
#include "conn/conn.h"
#include "proto/frame.h"
#include "proto/utf8.h"
#include "script/message.h"
#include "script/payload_state.h"
#include "script/phrase.h"
#include "script/template.h"

void made_release(struct made *made) {
    bytes_release(&made->bytes);
    bytes_release(&made->scratch);
}

/* ---- making ---- */

static int put_string(const struct piece *piece, struct scope *s, struct made *made) {
    bytes_clear(&made->scratch);
    int err = template_expand(piece->template, s, &made->scratch);
    return err == TB_OK ? json_write_string(&made->bytes, made->scratch.data, made->scratch.len)
                        : err;
}

static int put_piece(const struct piece *piece, struct scope *s, struct made *made) {
    switch (piece->kind) {
    case PIECE_BYTES:
        return bytes_append(&made->bytes, piece->p, piece->n);
    case PIECE_TEXT:
        return template_expand(piece->template, s, &made->bytes);
    case PIECE_STRING:
        return put_string(piece, s, made);
    case PIECE_JSON:
        break;
    }
    return template_expand_json(piece->template, s, &made->bytes);
}

/* Together, the pieces may come to no more than each of them. */
static int put_pieces(const struct payload *p, struct scope *s, struct made *made) {
    int err = TB_OK;
    const char *missing = NULL;
    for (const struct piece *piece = p->first; err == TB_OK && piece != NULL; piece = piece->next) {
        err = put_piece(piece, s, made);
        missing = missing == NULL && piece->kind != PIECE_BYTES ? s->missing : missing;
        if (err == TB_OK && p->has_templates && made->bytes.len > TEMPLATE_SIZE_MAX) {
            err = TB_ERANGE;
        }
    }
    s->missing = missing;
    return err;
}

/* An echo, the most common of all answers, needs no look at templates. */
static int put_message(const struct message *message, struct scope *s, struct made *made) {
    s->missing = NULL;
    return message->size > TEMPLATE_SIZE_MAX
               ? TB_ERANGE
               : bytes_append(&made->bytes, message->data, message->size);
}

int payload_make(const struct payload *p, struct scope *s, struct made *made) {
    bool echo = p->echoes && s->message != NULL && s->message->type == MESSAGE_BINARY;
    made->raw = p->body == BODY_RAW;
    made->plain = p->plain;
    made->shape = &p->shape;
    made->opcode = echo ? WS_OP_BINARY : p->opcode;
    bytes_clear(&made->bytes);
    bool repeats = p->repeats && s->message != NULL;
    int err = repeats ? put_message(s->message, s, made) : put_pieces(p, s, made);
    if (err != TB_OK || (repeats && s->message->is_utf8)) {
        return err;
    }
    if (p->has_templates && made->opcode == WS_OP_TEXT && !p->shape.has_opcode &&
        !utf8_is_valid(made->bytes.data, made->bytes.len)) {
        err = TB_EINVAL;
    }
    return err;
}

void made_send(const struct made *made, struct conn *c) {
    if (made->raw) {
        wire_send_raw(c, made->bytes.data, made->bytes.len);
    } else if (made->plain) {
        conn_send(c, made->opcode, made->bytes.data, made->bytes.len);
    } else {
        wire_send(c, made->shape, made->opcode, made->bytes.data, made->bytes.len);
    }
}

/* ---- describing ---- */

static size_t size_of(const struct payload *p) {
    size_t size = 0;
    for (const struct piece *piece = p->first; piece != NULL; piece = piece->next) {
        size += piece->n;
    }
    return size;
}

/* As the file says it, with its templates, until there is more than is shown. */
static int put_source(const struct payload *p, struct bytes *out) {
    int err = TB_OK;
    for (const struct piece *piece = p->first;
         err == TB_OK && piece != NULL && out->len <= PHRASE_SIZE_MAX; piece = piece->next) {
        size_t n = piece->n < PHRASE_SIZE_MAX * 2 ? piece->n : PHRASE_SIZE_MAX * 2;
        if (piece->kind == PIECE_BYTES) {
            err = bytes_append(out, piece->p, n);
        } else if (piece->kind == PIECE_STRING) {
            err = json_write_string(out, piece->node->text, piece->node->size);
        } else {
            err = bytes_append(out, piece->node->text, piece->node->size);
        }
    }
    return err;
}

static int describe_text(const struct payload *p, struct bytes *out) {
    struct bytes source = BYTES_INIT;
    int err = put_source(p, &source);
    if (err == TB_OK) {
        err = p->body == BODY_JSON ? phrase_cut(out, source.data, source.len)
                                   : phrase_quoted(out, '"', source.data, source.len);
    }
    bytes_release(&source);
    return err;
}

int payload_describe(const struct payload *p, struct bytes *out) {
    size_t size = size_of(p);
    const char *bytes = size == 1 ? "byte" : "bytes";
    if (p->body == BODY_RAW) {
        return bytes_appendf(out, "%zu raw %s", size, bytes);
    }
    if (p->opcode == WS_OP_BINARY && !p->has_templates) {
        return bytes_appendf(out, "%zu %s of binary", size, bytes);
    }
    return describe_text(p, out);
}
