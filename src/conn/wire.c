#include "conn/wire.h"

#include <string.h>

#include "base/err.h"
#include "base/random.h"
#include "conn/conn_state.h"
#include "conn/endpoint.h"
#include "proto/mask.h"

bool wire_shape_is_plain(const struct wire_shape *shape) {
    return shape->fragment == 0 && shape->fragment_count == 0 && !shape->has_mask &&
           !shape->has_rsv && !shape->has_opcode && !shape->has_fin && !shape->has_length;
}

static int choose_mask(const struct conn *c, const struct wire_shape *shape, struct ws_head *h) {
    h->masked = shape->has_mask ? shape->masked : c->client;
    if ((shape->has_mask && !shape->fresh) || !h->masked) {
        memcpy(h->mask, shape->mask, sizeof h->mask);
        return TB_OK;
    }
    return random_bytes(h->mask, sizeof h->mask);
}

/* Appends one frame of n bytes to *out, whatever its header says. */
static int put_frame(struct ws_head *h, const uint8_t *p, size_t n, struct bytes *out) {
    h->len_size = ws_len_size(h->length);
    if (n > SIZE_MAX - WS_HEAD_MAX || bytes_reserve(out, WS_HEAD_MAX + n) != TB_OK) {
        return TB_ENOMEM;
    }
    out->len += ws_head_write(h, out->data + out->len);
    uint8_t *payload = out->data + out->len;
    if (n > 0) {
        memcpy(payload, p, n);
        out->len += n;
    }
    if (h->masked) {
        ws_mask(payload, n, h->mask, 0);
    }
    return TB_OK;
}

/* The payload bytes of the i-th frame, of a message that has n bytes left. */
static size_t frame_size(const struct wire_shape *shape, size_t i, size_t n) {
    uint64_t size = n;
    if (i < shape->fragment_count) {
        size = shape->fragments[i];
    } else if (shape->fragment_count == 0 && shape->fragment > 0) {
        size = shape->fragment;
    }
    return size < n ? (size_t)size : n;
}

/* Whether the i-th frame, behind which n bytes are left, is the last one. */
static bool is_last(const struct wire_shape *shape, size_t i, size_t n) {
    return n == 0 && (i + 1 >= shape->fragment_count || shape->fragments[i + 1] != 0);
}

/* The message's frames. */
static int put_frames(const struct conn *c, const struct wire_shape *shape, uint8_t opcode,
                      const uint8_t *p, size_t n, struct bytes *out) {
    struct ws_head h = {.opcode = shape->has_opcode ? shape->opcode : opcode,
                        .rsv = shape->has_rsv ? shape->rsv : 0};
    int err = TB_OK;
    bool last = false;
    for (size_t i = 0; err == TB_OK && !last; i++) {
        size_t size = frame_size(shape, i, n);
        n -= size;
        last = is_last(shape, i, n);
        h.length = i == 0 && shape->has_length ? shape->length : size;
        h.fin = last && (!shape->has_fin || shape->fin);
        err = choose_mask(c, shape, &h);
        if (err == TB_OK) {
            err = put_frame(&h, p, size, out);
        }
        h.opcode = WS_OP_CONTINUATION;
        h.rsv = 0;
        p = size > 0 ? p + size : p;
    }
    return err;
}

/* Only what the peer may take for a message is told as one. */
static bool is_message(const struct wire_shape *shape, uint8_t opcode, size_t n) {
    bool whole = !shape->has_fin || shape->fin;
    bool honest = !shape->has_length || (shape->length == n && shape->fragment_count == 0 &&
                                         (shape->fragment == 0 || shape->fragment >= n));
    return (opcode == WS_OP_TEXT || opcode == WS_OP_BINARY) && whole && honest;
}

void wire_send(struct conn *c, const struct wire_shape *shape, uint8_t opcode, const uint8_t *p,
               size_t n) {
    if (!conn_is_open(c)) {
        return;
    }
    struct bytes frames = BYTES_INIT;
    uint8_t sent_as = shape->has_opcode ? shape->opcode : opcode;
    if (put_frames(c, shape, opcode, p, n, &frames) != TB_OK ||
        conn_put(c, frames.data, frames.len) != TB_OK) {
        conn_abandon(c);
    } else if (!is_message(shape, sent_as, n)) {
        trace_sent_raw(c->endpoint->config->trace, c, frames.data, frames.len);
    } else {
        const struct trace_sent sent = {
            .opcode = sent_as, .data = p, .size = n, .wire = frames.data, .wire_size = frames.len};
        trace_sent(c->endpoint->config->trace, c, &sent);
    }
    bytes_release(&frames);
}

void wire_send_raw(struct conn *c, const uint8_t *p, size_t n) {
    if (!conn_is_open(c) || n == 0) {
        return;
    }
    if (conn_put(c, p, n) != TB_OK) {
        conn_abandon(c);
    } else {
        trace_sent_raw(c->endpoint->config->trace, c, p, n);
    }
}
