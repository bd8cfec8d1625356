/* proto/utf8.h - is this text valid UTF-8? (RFC 6455 s.8.1, RFC 3629)
 *
 * Incremental: a text comes in any pieces, a code point may be cut anywhere, and a byte that
 * cannot be part of any valid text fails at once, not when the text ends. The widest form that
 * the processor has is chosen once at run time.
 */
#ifndef TB_PROTO_UTF8_H
#define TB_PROTO_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How far into a code point the text has come; all zero is the start. */
struct utf8 {
    uint32_t state; /* private */
};

void utf8_init(struct utf8 *u);

/* Takes the next bytes of the text. False as soon as no continuation can make it valid; *u is
 * then not to be used but by utf8_init(). */
bool utf8_feed(struct utf8 *u, const uint8_t *p, size_t n);

/* Whether the text may end here: no code point is cut. */
bool utf8_is_whole(const struct utf8 *u);

/* A whole text at once. */
bool utf8_is_valid(const uint8_t *p, size_t n);

/* The implementations, for tests and benchmarks. */
struct utf8_impl {
    const char *name; /* "portable", "sse4.1", "avx2" */
    bool (*feed)(struct utf8 *u, const uint8_t *p, size_t n);
};

/* Those that this processor can run, slowest first; the last one is what utf8_feed() uses. */
size_t utf8_impls(const struct utf8_impl **impls);

#endif
