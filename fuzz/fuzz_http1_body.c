/* The body of a response gives the same whole, byte by byte and in pieces of any size, and never
 * more than the limit. The input is a byte for the limit, one for the pieces, then the response.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/http1.h"
#include "proto/http1_body.h"

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

struct outcome {
    enum http1_body_result result;
    struct bytes content;
    bool may_end;
};

/* In pieces of what the seed says; NULL: whole. */
static struct outcome read_body(const struct http1 *head, const uint8_t *p, size_t n,
                                uint32_t *seed, size_t limit) {
    struct outcome o = {.content = BYTES_INIT};
    struct http1_body b;
    http1_body_init(&b, head);
    o.result = http1_body_feed(&b, NULL, 0, &o.content, limit);
    while (n > 0 && o.result == HTTP1_BODY_MORE) {
        size_t piece = seed == NULL ? n : *seed == 0 ? 1 : next_piece(seed);
        piece = piece < n ? piece : n;
        o.result = http1_body_feed(&b, p, piece, &o.content, limit);
        p += piece;
        n -= piece;
    }
    o.may_end = http1_body_may_end(&b);
    must(o.result != HTTP1_BODY_NOMEM);
    must(o.content.len <= limit);
    must(o.result != HTTP1_BODY_FULL || o.content.len == limit);
    must(o.result != HTTP1_BODY_DONE || o.may_end);
    return o;
}

static void must_be_same(const struct outcome *a, const struct outcome *b) {
    must(a->result == b->result);
    must(a->result != HTTP1_BODY_MORE || a->may_end == b->may_end);
    must(a->content.len == b->content.len);
    must(a->content.len == 0 || memcmp(a->content.data, b->content.data, a->content.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    size_t limit = data[0];
    uint32_t one = 0;
    uint32_t seed = data[1] + 1U;
    size_t used;
    struct http1 *head = http1_new(HTTP1_RESPONSE, &http1_default_limits);
    must(head != NULL);
    if (http1_feed(head, data + 2, size - 2, &used) == HTTP1_DONE) {
        const uint8_t *p = data + 2 + used;
        size_t n = size - 2 - used;
        struct outcome whole = read_body(head, p, n, NULL, limit);
        struct outcome bytewise = read_body(head, p, n, &one, limit);
        struct outcome pieces = read_body(head, p, n, &seed, limit);
        must_be_same(&whole, &bytewise);
        must_be_same(&whole, &pieces);
        bytes_release(&whole.content);
        bytes_release(&bytewise.content);
        bytes_release(&pieces.content);
    }
    http1_free(head);
    return 0;
}
