/* A head gives the same result whole, byte by byte and in pieces of any size. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/http1.h"

static void must(bool holds) {
    if (!holds) {
        abort();
    }
}

/* Sizes of pieces, 1-16, from a seed. */
static size_t next_piece(uint32_t *seed) {
    *seed = *seed * 1664525 + 1013904223;
    return 1 + (*seed >> 28);
}

static enum http1_result feed_in_pieces(struct http1 *h, const uint8_t *p, size_t n, uint32_t *seed,
                                        size_t *used) {
    enum http1_result result = HTTP1_MORE;
    *used = 0;
    while (*used < n && result == HTTP1_MORE) {
        size_t piece = seed == NULL ? 1 : next_piece(seed);
        size_t left = n - *used;
        size_t taken;
        result = http1_feed(h, p + *used, left < piece ? left : piece, &taken);
        *used += taken;
    }
    return result;
}

static void must_be_same_str(struct http1_str a, struct http1_str b) {
    must(a.n == b.n && memcmp(a.p, b.p, a.n) == 0);
}

static void must_be_same_head(const struct http1 *a, const struct http1 *b) {
    must(http1_status(a) == http1_status(b));
    must(http1_minor_version(a) == http1_minor_version(b));
    must_be_same_str(http1_method(a), http1_method(b));
    must_be_same_str(http1_target(a), http1_target(b));
    must_be_same_str(http1_reason(a), http1_reason(b));
    must(http1_header_count(a) == http1_header_count(b));
    for (size_t i = 0; i < http1_header_count(a); i++) {
        must_be_same_str(http1_header_name(a, i), http1_header_name(b, i));
        must_be_same_str(http1_header_value(a, i), http1_header_value(b, i));
    }
}

static void must_be_clean(struct http1_str value) {
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        must((c >= ' ' || c == '\t') && c != 0x7f);
    }
}

static void must_be_strict(const struct http1 *h, const struct http1_limits *limits) {
    must(http1_header_count(h) <= limits->count);
    for (size_t i = 0; i < http1_header_count(h); i++) {
        struct http1_str value = http1_header_value(h, i);
        must(http1_str_is_token(http1_header_name(h, i)));
        must(http1_header_name(h, i).n + value.n < limits->line);
        must_be_clean(value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct http1_limits small = {.line = 40, .headers = 90, .count = 5};
    if (size < 2) {
        return 0;
    }
    enum http1_kind kind = (data[0] & 1) != 0 ? HTTP1_RESPONSE : HTTP1_REQUEST;
    const struct http1_limits *limits = (data[0] & 2) != 0 ? &small : &http1_default_limits;
    uint32_t seed = data[1];
    const uint8_t *p = data + 2;
    size_t n = size - 2;

    struct http1 *whole = http1_new(kind, limits);
    struct http1 *bytewise = http1_new(kind, limits);
    struct http1 *pieces = http1_new(kind, limits);
    must(whole != NULL && bytewise != NULL && pieces != NULL);
    size_t used, used_bytewise, used_pieces;
    enum http1_result result = http1_feed(whole, p, n, &used);
    must(feed_in_pieces(bytewise, p, n, NULL, &used_bytewise) == result);
    must(feed_in_pieces(pieces, p, n, &seed, &used_pieces) == result);
    must(http1_violation(whole) == http1_violation(bytewise));
    must(http1_violation(whole) == http1_violation(pieces));
    must((http1_violation(whole) != WS_V_NONE) == (result == HTTP1_BAD));
    must(used <= n);
    if (result != HTTP1_BAD) {
        must(used == used_bytewise && used == used_pieces);
        must_be_same_head(whole, bytewise);
        must_be_same_head(whole, pieces);
    }
    must_be_strict(whole, limits);
    http1_free(whole);
    http1_free(bytewise);
    http1_free(pieces);
    return 0;
}
