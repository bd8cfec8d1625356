#include "proto/utf8_impl.h"

#ifdef UTF8_X86

#include <immintrin.h>

#define FEED utf8_feed_avx2
#define NARROWER utf8_feed_sse41
#define TARGET __attribute__((target("avx2")))
#define WIDTH 32

typedef __m256i vec;

static inline TARGET vec vec_load(const uint8_t *p) {
    return _mm256_loadu_si256((const vec *)(const void *)p);
}

static inline TARGET vec vec_splat(uint8_t byte) {
    return _mm256_set1_epi8((char)byte);
}

static inline TARGET vec vec_lookup(const uint8_t table[16], vec index) {
    __m128i half = _mm_loadu_si128((const __m128i *)(const void *)table);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(half), index);
}

static inline TARGET vec vec_high_nibbles(vec v) {
    return _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(0x0F));
}

static inline TARGET vec vec_minus(vec a, vec b) {
    return _mm256_subs_epu8(a, b);
}

static inline TARGET bool vec_is_ascii(vec v) {
    return _mm256_movemask_epi8(v) == 0;
}

static inline TARGET bool vec_is_zero(vec v) {
    return _mm256_testz_si256(v, v) != 0;
}

#include "proto/utf8_vector.inc"

#endif
