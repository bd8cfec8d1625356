#include "proto/utf8_impl.h"

#ifdef UTF8_X86

#include <immintrin.h>

#define FEED utf8_feed_sse41
#define NARROWER utf8_feed_portable
#define TARGET __attribute__((target("sse4.1")))
#define WIDTH 16

typedef __m128i vec;

static inline TARGET vec vec_load(const uint8_t *p) {
    return _mm_loadu_si128((const vec *)(const void *)p);
}

static inline TARGET vec vec_splat(uint8_t byte) {
    return _mm_set1_epi8((char)byte);
}

static inline TARGET vec vec_lookup(const uint8_t table[16], vec index) {
    return _mm_shuffle_epi8(vec_load(table), index);
}

static inline TARGET vec vec_high_nibbles(vec v) {
    return _mm_and_si128(_mm_srli_epi16(v, 4), _mm_set1_epi8(0x0F));
}

static inline TARGET vec vec_minus(vec a, vec b) {
    return _mm_subs_epu8(a, b);
}

static inline TARGET bool vec_is_ascii(vec v) {
    return _mm_movemask_epi8(v) == 0;
}

static inline TARGET bool vec_is_zero(vec v) {
    return _mm_testz_si128(v, v) != 0;
}

#include "proto/utf8_vector.inc"

#endif
