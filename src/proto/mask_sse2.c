#include "proto/mask_impl.h"

#ifdef MASK_X86

#include <immintrin.h>

#define MASK ws_mask_sse2
#define NARROWER ws_mask_portable
#define TARGET __attribute__((target("sse2")))
#define WIDTH 16

typedef __m128i vec;

static inline TARGET vec vec_load(const uint8_t *p) {
    return _mm_loadu_si128((const vec *)(const void *)p);
}

static inline TARGET void vec_store(uint8_t *p, vec v) {
    _mm_storeu_si128((vec *)(void *)p, v);
}

static inline TARGET vec vec_key(uint32_t key) {
    return _mm_set1_epi32((int)key);
}

#include "proto/mask_vector.inc"

#endif
