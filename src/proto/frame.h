/* proto/frame.h - one WebSocket frame header, to and from bytes (RFC 6455 s.5.2).
 *
 * Sans-I/O: no sockets, no clock, no allocation; no pointer is kept after return.
 * A tester must see and send bad frames too, so parse and write deal in facts, and
 * ws_head_check() alone says whether the peer was allowed to send such a header.
 */
#ifndef TB_PROTO_FRAME_H
#define TB_PROTO_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/violation.h"

enum {
    WS_HEAD_MIN = 2,
    WS_HEAD_MAX = 14,
    WS_CONTROL_MAX = 125, /* payload bytes of a control frame (s.5.5) */
};

enum ws_opcode {
    WS_OP_CONTINUATION = 0x0,
    WS_OP_TEXT = 0x1,
    WS_OP_BINARY = 0x2,
    WS_OP_CLOSE = 0x8,
    WS_OP_PING = 0x9,
    WS_OP_PONG = 0xA,
};

/* RSV1, RSV2, RSV3 in ws_head.rsv; permessage-deflate marks a compressed message with RSV1. */
enum { WS_RSV1 = 4, WS_RSV2 = 2, WS_RSV3 = 1 };

enum ws_role { WS_CLIENT, WS_SERVER };

/* A header as it is on the wire, lawful or not. */
struct ws_head {
    bool fin;
    bool masked;
    uint8_t rsv;      /* RSV1, RSV2, RSV3 as bits 4, 2, 1 */
    uint8_t opcode;   /* 0-15; reserved values are kept as they came */
    uint8_t len_size; /* extra length bytes: 0, 2 or 8; an overlong form is kept */
    uint8_t mask[4];  /* meaningful only if masked */
    uint64_t length;  /* payload bytes; all 64 bits are kept */
};

/* What the receiver knows when it judges a header. */
struct ws_rules {
    enum ws_role role; /* the receiver's own */
    bool deflate;      /* permessage-deflate was agreed: RSV1 may mark a message's first frame */
    bool in_message;   /* a fragmented message has begun and not ended */
};

static inline bool ws_opcode_is_control(uint8_t opcode) {
    return (opcode & 0x8) != 0;
}

/* Reads a header from p[0..n). Returns its size (2..WS_HEAD_MAX), or 0 if more bytes
 * are needed (*h is then untouched). There is no error: any bytes are some header. */
size_t ws_head_parse(struct ws_head *h, const uint8_t *p, size_t n);

/* Writes *h to dst (room for WS_HEAD_MAX bytes) and returns its size. What stands in *h is
 * written, lawful or not; a length that does not fit len_size is cut to its low bits. */
size_t ws_head_write(const struct ws_head *h, uint8_t *dst);

/* The shortest len_size for a payload of that length (s.5.2): 0, 2 or 8. */
uint8_t ws_len_size(uint64_t length);

/* Returns the first rule that *h breaks, in the order of violation.def, or WS_V_NONE. */
enum ws_violation ws_head_check(const struct ws_head *h, const struct ws_rules *r);

#endif
