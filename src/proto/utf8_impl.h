/* proto/utf8_impl.h - what the forms of proto/utf8.h share. Private to utf8*.c. */
#ifndef TB_PROTO_UTF8_IMPL_H
#define TB_PROTO_UTF8_IMPL_H

#include "base/word.h"
#include "proto/utf8.h"

#if defined(__x86_64__) || defined(__i386__)
#define UTF8_X86 1
#endif

#define UTF8_HIGH_BITS UINT64_C(0x8080808080808080)

/* The state of a text: what the next byte may be. It is a shift count into utf8_table. */
enum {
    UTF8_WHOLE = 0,     /* any first byte */
    UTF8_TAIL_1 = 6,    /* one byte 80..BF, and the code point is whole */
    UTF8_TAIL_2 = 12,   /* two of them */
    UTF8_TAIL_3 = 18,   /* three of them */
    UTF8_AFTER_E0 = 24, /* A0..BF, or it were overlong; then one more */
    UTF8_AFTER_ED = 30, /* 80..9F, or it were a surrogate; then one more */
    UTF8_AFTER_F0 = 36, /* 90..BF, or it were overlong; then two more */
    UTF8_AFTER_F4 = 42, /* 80..8F, or it were above U+10FFFF; then two more */
    UTF8_BAD = 48       /* nothing */
};

/* For each byte the next states, six bits each, at the position that the state names. */
extern const uint64_t utf8_table[256];

/* Only the low six bits of a state count: dropping the others once at the end, not at each
 * byte, leaves a single shift between one byte and the next. */
static inline uint64_t utf8_step(uint64_t state, uint8_t byte) {
    return utf8_table[byte] >> (state % 64);
}

/* Whether p[0..n), n <= 32, is ASCII; the words overlap, so that there is no byte-wise tail. */
static inline bool utf8_short_is_ascii(const uint8_t *p, size_t n) {
    uint64_t any = 0;
    if (n >= 16) {
        any =
            word_load64(p) | word_load64(p + 8) | word_load64(p + n - 16) | word_load64(p + n - 8);
    } else if (n >= 8) {
        any = word_load64(p) | word_load64(p + n - 8);
    } else if (n >= 4) {
        any = word_load32(p) | word_load32(p + n - 4);
    } else {
        for (size_t i = 0; i < n; i++) {
            any |= p[i];
        }
    }
    return (any & UTF8_HIGH_BITS) == 0;
}

bool utf8_feed_portable(struct utf8 *u, const uint8_t *p, size_t n);
#ifdef UTF8_X86
bool utf8_feed_sse41(struct utf8 *u, const uint8_t *p, size_t n);
bool utf8_feed_avx2(struct utf8 *u, const uint8_t *p, size_t n);
#endif

#endif
