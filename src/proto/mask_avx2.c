#include "proto/mask_impl.h"

#ifdef MASK_X86

#include <immintrin.h>

#define MASK ws_mask_avx2
#define NARROWER ws_mask_sse2
#define TARGET __attribute__((target("avx2")))
#define WIDTH 32

typedef __m256i vec;

static inline TARGET vec vec_load(const uint8_t *p) {
    return _mm256_loadu_si256((const vec *)(const void *)p);
}

static inline TARGET void vec_store(uint8_t *p, vec v) {
    _mm256_storeu_si256((vec *)(void *)p, v);
}

static inline TARGET vec vec_key(uint32_t key) {
    return _mm256_set1_epi32((int)key);
}

#include "proto/mask_vector.inc"

#endif
