#include "conn/wire.h"

#include <string.h>

#include "base/err.h"
#include "base/random.h"
#include "conn/conn_state.h"
#include "conn/endpoint.h"
#include "proto/mask.h"

bool wire_shape_is_plain(const struct wire_shape *shape) {
    return shape->fragment == 0 && !shape->has_mask && !shape->has_rsv && !shape->has_opcode;
}

static int choose_mask(const struct conn *c, const struct wire_shape *shape, struct ws_head *h) {
    h->masked = shape->has_mask ? shape->masked : c->client;
    if (shape->has_mask || !h->masked) {
        memcpy(h->mask, shape->mask, sizeof h->mask);
        return TB_OK;
    }
    return random_bytes(h->mask, sizeof h->mask);
}

/* Appends one frame to *out. */
static int put_frame(struct ws_head *h, const uint8_t *p, struct bytes *out) {
    size_t n = (size_t)h->length;
    h->len_size = ws_len_size(h->length);
    if (bytes_reserve(out, WS_HEAD_MAX + n) != TB_OK) {
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

/* The message's frames. */
static int put_frames(const struct conn *c, const struct wire_shape *shape, uint8_t opcode,
                      const uint8_t *p, size_t n, struct bytes *out) {
    struct ws_head h = {.opcode = shape->has_opcode ? shape->opcode : opcode,
                        .rsv = shape->has_rsv ? shape->rsv : 0};
    int err = TB_OK;
    do {
        size_t size = shape->fragment > 0 && shape->fragment < n ? (size_t)shape->fragment : n;
        h.length = size;
        h.fin = size == n;
        err = choose_mask(c, shape, &h);
        if (err == TB_OK) {
            err = put_frame(&h, p, out);
        }
        h.opcode = WS_OP_CONTINUATION;
        h.rsv = 0;
        p = size > 0 ? p + size : p;
        n -= size;
    } while (err == TB_OK && n > 0);
    return err;
}

/* Only what the peer may take for a message is told as one. */
static bool is_message(uint8_t opcode) {
    return opcode == WS_OP_TEXT || opcode == WS_OP_BINARY;
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
    } else if (!is_message(sent_as)) {
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
