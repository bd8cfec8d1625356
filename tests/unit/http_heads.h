/* http_heads.h - what the tests of HTTP heads share: a head from text, in pieces of any size. */
#ifndef TB_TESTS_UNIT_HTTP_HEADS_H
#define TB_TESTS_UNIT_HTTP_HEADS_H

#include <string.h>

#include "proto/http1.h"

/* Feeds p[0..n) in pieces; *used gets the total of what was taken. */
static inline enum http1_result head_feed(struct http1 *h, const void *p, size_t n, size_t piece,
                                          size_t *used) {
    enum http1_result result = HTTP1_MORE;
    *used = 0;
    while (*used < n && result == HTTP1_MORE) {
        size_t left = n - *used;
        size_t taken;
        result = http1_feed(h, (const uint8_t *)p + *used, left < piece ? left : piece, &taken);
        *used += taken;
    }
    return result;
}

/* A whole head that is known to be good; under larger limits than the default ones, for tests
 * that need long values. Never NULL. */
static inline struct http1 *head_parse(enum http1_kind kind, const char *text) {
    const struct http1_limits limits = {.line = 1 << 24, .headers = 1 << 24, .count = 5000};
    struct http1 *h = http1_new(kind, &limits);
    size_t used;
    assert_non_null(h);
    assert_int_equal(head_feed(h, text, strlen(text), SIZE_MAX, &used), HTTP1_DONE);
    assert_int_equal(used, strlen(text));
    return h;
}

#endif
