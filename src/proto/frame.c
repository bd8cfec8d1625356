/* The header (RFC 6455 s.5.2):
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-------+-+-------------+-------------------------------+
 *     |F|R|R|R| opcode|M| Payload len |    Extended payload length    |
 *     |I|S|S|S|  (4)  |A|     (7)     |             (16/64)           |
 *     |N|V|V|V|       |S|             |   (if payload len==126/127)   |
 *     | |1|2|3|       |K|             |                               |
 *     +-+-+-+-+-------+-+-------------+-------------------------------+
 *     |                Masking-key (4, if MASK set)                   |
 *     +---------------------------------------------------------------+
 */
#include "proto/frame.h"

#include <string.h>

enum {
    BIT_FIN = 0x80,
    BIT_MASK = 0x80,
    LEN_7 = 125,  /* the most that the first 7 bits say themselves */
    LEN_16 = 126, /* two bytes of length follow */
    LEN_64 = 127, /* eight bytes of length follow */
    KEY_SIZE = 4
};

static uint64_t read_be(const uint8_t *p, size_t n) {
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        value = value << 8 | p[i];
    }
    return value;
}

static void write_be(uint8_t *dst, size_t n, uint64_t value) {
    for (size_t i = n; i > 0; i--) {
        dst[i - 1] = (uint8_t)value;
        value >>= 8;
    }
}

static uint8_t len_size_of(uint8_t len7) {
    return len7 < LEN_16 ? 0 : len7 == LEN_16 ? 2 : 8;
}

static uint8_t len7_of(const struct ws_head *h) {
    if (h->len_size == 0) {
        return (uint8_t)(h->length & 0x7f);
    }
    return h->len_size == 2 ? LEN_16 : LEN_64;
}

size_t ws_head_parse(struct ws_head *h, const uint8_t *p, size_t n) {
    if (n < WS_HEAD_MIN) {
        return 0;
    }
    bool masked = (p[1] & BIT_MASK) != 0;
    uint8_t len7 = p[1] & 0x7f;
    uint8_t len_size = len_size_of(len7);
    size_t key_at = (size_t)WS_HEAD_MIN + len_size;
    size_t size = key_at + (masked ? KEY_SIZE : 0);
    if (n < size) {
        return 0;
    }
    h->fin = (p[0] & BIT_FIN) != 0;
    h->masked = masked;
    h->rsv = p[0] >> 4 & 7;
    h->opcode = p[0] & 0xf;
    h->len_size = len_size;
    h->length = len_size == 0 ? len7 : read_be(p + WS_HEAD_MIN, len_size);
    if (masked) {
        memcpy(h->mask, p + key_at, KEY_SIZE);
    } else {
        memset(h->mask, 0, KEY_SIZE);
    }
    return size;
}

size_t ws_head_write(const struct ws_head *h, uint8_t *dst) {
    dst[0] = (uint8_t)((h->fin ? BIT_FIN : 0) | (h->rsv & 7) << 4 | (h->opcode & 0xf));
    dst[1] = (uint8_t)((h->masked ? BIT_MASK : 0) | len7_of(h));
    write_be(dst + WS_HEAD_MIN, h->len_size, h->length);
    size_t size = (size_t)WS_HEAD_MIN + h->len_size;
    if (h->masked) {
        memcpy(dst + size, h->mask, KEY_SIZE);
        size += KEY_SIZE;
    }
    return size;
}

uint8_t ws_len_size(uint64_t length) {
    return length <= LEN_7 ? 0 : length <= UINT16_MAX ? 2 : 8;
}

static bool opcode_is_known(uint8_t opcode) {
    return opcode <= WS_OP_BINARY || (opcode >= WS_OP_CLOSE && opcode <= WS_OP_PONG);
}

/* permessage-deflate has given RSV1 a meaning on the first frame of a message only (RFC 7692
 * s.6.1). */
static bool rsv_is_lawful(const struct ws_head *h, const struct ws_rules *r) {
    if (h->rsv == 0) {
        return true;
    }
    return h->rsv == WS_RSV1 && r->deflate && h->opcode != WS_OP_CONTINUATION &&
           !ws_opcode_is_control(h->opcode);
}

static enum ws_violation check_length(const struct ws_head *h) {
    if (h->length >> 63 != 0) {
        return WS_V_FRAME_LENGTH_HIGH_BIT;
    }
    return h->len_size == ws_len_size(h->length) ? WS_V_NONE : WS_V_FRAME_LENGTH_NOT_MINIMAL;
}

static enum ws_violation check_control(const struct ws_head *h) {
    if (!h->fin) {
        return WS_V_CONTROL_FRAGMENTED;
    }
    return h->length <= WS_CONTROL_MAX ? WS_V_NONE : WS_V_CONTROL_TOO_LONG;
}

static enum ws_violation check_sequence(const struct ws_head *h, const struct ws_rules *r) {
    bool continues = h->opcode == WS_OP_CONTINUATION;
    if (continues == r->in_message) {
        return WS_V_NONE;
    }
    return continues ? WS_V_CONTINUATION_ALONE : WS_V_MESSAGE_INTERLEAVED;
}

enum ws_violation ws_head_check(const struct ws_head *h, const struct ws_rules *r) {
    if (!rsv_is_lawful(h, r)) {
        return WS_V_FRAME_RSV;
    }
    if (!opcode_is_known(h->opcode)) {
        return WS_V_FRAME_OPCODE;
    }
    if (h->masked != (r->role == WS_SERVER)) {
        return h->masked ? WS_V_FRAME_MASK_PRESENT : WS_V_FRAME_MASK_MISSING;
    }
    enum ws_violation v = check_length(h);
    if (v != WS_V_NONE) {
        return v;
    }
    return ws_opcode_is_control(h->opcode) ? check_control(h) : check_sequence(h, r);
}
