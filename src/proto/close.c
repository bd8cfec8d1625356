#include "proto/close.h"

#include <string.h>

#include "proto/frame.h"
#include "proto/utf8.h"

enum { CODE_SIZE = 2 };

bool ws_close_code_is_valid(uint16_t code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

enum ws_violation ws_close_parse(struct ws_close *c, const uint8_t *p, size_t n) {
    *c = (struct ws_close){.code = WS_CLOSE_NO_STATUS, .reason = p};
    if (n == 0) {
        return WS_V_NONE;
    }
    if (n < CODE_SIZE) {
        return WS_V_CLOSE_TRUNCATED;
    }
    c->code = (uint16_t)(p[0] << 8 | p[1]);
    c->reason = p + CODE_SIZE;
    c->reason_len = n - CODE_SIZE;
    if (!ws_close_code_is_valid(c->code)) {
        return WS_V_CLOSE_CODE;
    }
    return utf8_is_valid(c->reason, c->reason_len) ? WS_V_NONE : WS_V_CLOSE_NOT_UTF8;
}

/* How much of a text fits into `max` bytes without cutting a code point: a byte 10xxxxxx belongs
 * to the code point before it. */
static size_t cut_at_code_point(const char *text, size_t n, size_t max) {
    if (n <= max) {
        return n;
    }
    size_t cut = max;
    while (cut > 0 && ((uint8_t)text[cut] & 0xc0) == 0x80) {
        cut--;
    }
    return cut;
}

size_t ws_close_write(uint8_t *dst, uint16_t code, const char *reason, size_t reason_len) {
    if (code == WS_CLOSE_NO_STATUS) {
        return 0;
    }
    dst[0] = (uint8_t)(code >> 8);
    dst[1] = (uint8_t)code;
    size_t n = cut_at_code_point(reason, reason_len, WS_CLOSE_REASON_MAX);
    if (n > 0) {
        memcpy(dst + CODE_SIZE, reason, n);
    }
    return CODE_SIZE + n;
}

/* The IANA registry "WebSocket Close Code Number", from 1000 on. */
static const char *const phrases[] = {
    "normal closure",
    "going away",
    "protocol error",
    "unsupported data",
    NULL,
    "no status",
    "abnormal closure",
    "invalid payload data",
    "policy violation",
    "message too big",
    "mandatory extension",
    "internal error",
    "service restart",
    "try again later",
    "bad gateway",
    "TLS handshake",
};

const char *ws_close_phrase(uint16_t code) {
    if (code >= 4000 && code <= 4999) {
        return "application code";
    }
    if (code >= 3000 && code <= 3999) {
        return "library code";
    }
    size_t i = (size_t)code - 1000;
    if (code < 1000 || i >= sizeof(phrases) / sizeof(phrases[0]) || phrases[i] == NULL) {
        return "unknown code";
    }
    return phrases[i];
}
