/* proto/close.h - close codes and the body of a close frame (RFC 6455 s.5.5.1, s.7.4).
 *
 * Sans-I/O, no allocation.
 */
#ifndef TB_PROTO_CLOSE_H
#define TB_PROTO_CLOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/violation.h"

enum {
    WS_CLOSE_NORMAL = 1000,
    WS_CLOSE_GOING_AWAY = 1001,
    WS_CLOSE_PROTOCOL = 1002,
    WS_CLOSE_NO_STATUS = 1005, /* never on the wire: the close frame had no body */
    WS_CLOSE_ABNORMAL = 1006,  /* never on the wire: lost without a close frame */
    WS_CLOSE_INVALID_DATA = 1007,
    WS_CLOSE_POLICY = 1008,
    WS_CLOSE_TOO_BIG = 1009,
    WS_CLOSE_INTERNAL = 1011,
    WS_CLOSE_REASON_MAX = 123, /* bytes of a reason */
};

/* What a close frame said. `reason` points into the frame's payload. */
struct ws_close {
    uint16_t code; /* WS_CLOSE_NO_STATUS for an empty body */
    const uint8_t *reason;
    size_t reason_len;
};

/* Whether the code may stand on the wire (s.7.4.2 and the IANA registry: 1000-1003, 1007-1014,
 * 3000-4999). */
bool ws_close_code_is_valid(uint16_t code);

/* Reads a close frame's payload. WS_V_NONE, or the rule that it breaks (*c then holds what
 * could be read). */
enum ws_violation ws_close_parse(struct ws_close *c, const uint8_t *p, size_t n);

/* Writes the payload to dst (room for WS_CONTROL_MAX bytes): nothing for WS_CLOSE_NO_STATUS,
 * else the code and the reason, which is cut to WS_CLOSE_REASON_MAX bytes at the border of a
 * code point. Returns the size. */
size_t ws_close_write(uint8_t *dst, uint16_t code, const char *reason, size_t reason_len);

/* The phrase of a code: "normal closure", "going away", …; for codes without a name "application
 * code", "library code" or "unknown code" after the range. Never NULL. */
const char *ws_close_phrase(uint16_t code);

#endif
