#include "proto/mask.h"

#include <stdatomic.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#define MASK_X86 1
#include <immintrin.h>
#endif

/* Every form below works in place without a byte-wise tail: the last word (or vector) is loaded
 * and masked before anything is stored, and stored last. It overlaps what was stored before it,
 * with the same bytes. */

typedef void mask_fn(uint8_t *p, size_t n, const uint8_t key[4], uint64_t phase);

/* The key as it lies in memory `offset` bytes further into the payload. */
static inline uint32_t key_turn(uint32_t key, uint64_t offset) {
    unsigned bits = (unsigned)(offset % 4) * 8;
    unsigned rest = (32 - bits) % 32;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return (key << bits) | (key >> rest);
#else
    return (key >> bits) | (key << rest);
#endif
}

static inline uint32_t key_load(const uint8_t key[4], uint64_t phase) {
    uint32_t word;
    memcpy(&word, key, sizeof word);
    return key_turn(word, phase);
}

static inline uint64_t key_twice(uint32_t key) {
    return ((uint64_t)key << 32) | key;
}

static inline uint32_t load32(const uint8_t *p) {
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline uint64_t load64(const uint8_t *p) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline void store64(uint8_t *p, uint64_t word) {
    memcpy(p, &word, sizeof word);
}

static inline void mask_under_8(uint8_t *p, size_t n, const uint8_t key[4], uint64_t phase) {
    if (n >= 4) {
        uint32_t first = load32(p) ^ key_load(key, phase);
        uint32_t last = load32(p + n - 4) ^ key_load(key, phase + n);
        memcpy(p, &first, sizeof first);
        memcpy(p + n - 4, &last, sizeof last);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        p[i] ^= key[(phase + i) % 4];
    }
}

static inline void word_in_place(uint8_t *p, uint64_t key) {
    store64(p, load64(p) ^ key);
}

/* n >= 8 */
static inline void mask_words(uint8_t *p, size_t n, uint32_t key) {
    uint64_t last = load64(p + n - 8) ^ key_twice(key_turn(key, n));
    uint64_t k = key_twice(key);
    size_t i = 0;
    for (; n - i >= 32; i += 32) {
        word_in_place(p + i, k);
        word_in_place(p + i + 8, k);
        word_in_place(p + i + 16, k);
        word_in_place(p + i + 24, k);
    }
    for (; n - i > 8; i += 8) {
        word_in_place(p + i, k);
    }
    store64(p + n - 8, last);
}

static void mask_portable(uint8_t *p, size_t n, const uint8_t key[4], uint64_t phase) {
    uint32_t k = key_load(key, phase);
    if (n < 8) {
        mask_under_8(p, n, key, phase);
    } else {
        mask_words(p, n, k);
    }
}

#ifdef MASK_X86

/* How far p is from the next multiple of `width`: 1..width. */
static inline size_t bytes_to_aligned(const uint8_t *p, size_t width) {
    return width - ((uintptr_t)p & (width - 1));
}

#define SSE2 __attribute__((target("sse2")))

static inline SSE2 __m128i sse2_load(const uint8_t *p, __m128i key) {
    return _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)p), key);
}

static inline SSE2 void sse2_store(uint8_t *p, __m128i v) {
    _mm_storeu_si128((__m128i *)(void *)p, v);
}

static inline SSE2 void sse2_in_place(uint8_t *p, __m128i key) {
    sse2_store(p, sse2_load(p, key));
}

/* 16 <= n <= 32 */
static inline SSE2 void sse2_pair(uint8_t *p, size_t n, uint32_t key) {
    __m128i first = sse2_load(p, _mm_set1_epi32((int)key));
    __m128i last = sse2_load(p + n - 16, _mm_set1_epi32((int)key_turn(key, n)));
    sse2_store(p, first);
    sse2_store(p + n - 16, last);
}

/* n > 32. The middle is aligned, so that no store crosses a cache line. */
static SSE2 void sse2_long(uint8_t *p, size_t n, uint32_t key) {
    __m128i first = sse2_load(p, _mm_set1_epi32((int)key));
    __m128i last = sse2_load(p + n - 16, _mm_set1_epi32((int)key_turn(key, n)));
    size_t i = bytes_to_aligned(p, 16);
    __m128i k = _mm_set1_epi32((int)key_turn(key, i));
    for (; n - i >= 64; i += 64) {
        sse2_in_place(p + i, k);
        sse2_in_place(p + i + 16, k);
        sse2_in_place(p + i + 32, k);
        sse2_in_place(p + i + 48, k);
    }
    for (; n - i > 16; i += 16) {
        sse2_in_place(p + i, k);
    }
    sse2_store(p, first);
    sse2_store(p + n - 16, last);
}

static SSE2 void mask_sse2(uint8_t *p, size_t n, const uint8_t key[4], uint64_t phase) {
    uint32_t k = key_load(key, phase);
    if (n < 8) {
        mask_under_8(p, n, key, phase);
    } else if (n < 16) {
        mask_words(p, n, k);
    } else if (n <= 32) {
        sse2_pair(p, n, k);
    } else {
        sse2_long(p, n, k);
    }
}

#define AVX2 __attribute__((target("avx2")))

static inline AVX2 __m256i avx2_load(const uint8_t *p, __m256i key) {
    return _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(const void *)p), key);
}

static inline AVX2 void avx2_store(uint8_t *p, __m256i v) {
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

static inline AVX2 void avx2_in_place(uint8_t *p, __m256i key) {
    avx2_store(p, avx2_load(p, key));
}

/* 32 <= n <= 64 */
static inline AVX2 void avx2_pair(uint8_t *p, size_t n, uint32_t key) {
    __m256i first = avx2_load(p, _mm256_set1_epi32((int)key));
    __m256i last = avx2_load(p + n - 32, _mm256_set1_epi32((int)key_turn(key, n)));
    avx2_store(p, first);
    avx2_store(p + n - 32, last);
}

/* n > 64, as sse2_long() */
static AVX2 void avx2_long(uint8_t *p, size_t n, uint32_t key) {
    __m256i first = avx2_load(p, _mm256_set1_epi32((int)key));
    __m256i last = avx2_load(p + n - 32, _mm256_set1_epi32((int)key_turn(key, n)));
    size_t i = bytes_to_aligned(p, 32);
    __m256i k = _mm256_set1_epi32((int)key_turn(key, i));
    for (; n - i >= 128; i += 128) {
        avx2_in_place(p + i, k);
        avx2_in_place(p + i + 32, k);
        avx2_in_place(p + i + 64, k);
        avx2_in_place(p + i + 96, k);
    }
    for (; n - i > 32; i += 32) {
        avx2_in_place(p + i, k);
    }
    avx2_store(p, first);
    avx2_store(p + n - 32, last);
}

static AVX2 void mask_avx2(uint8_t *p, size_t n, const uint8_t key[4], uint64_t phase) {
    uint32_t k = key_load(key, phase);
    if (n < 8) {
        mask_under_8(p, n, key, phase);
    } else if (n < 16) {
        mask_words(p, n, k);
    } else if (n <= 32) {
        sse2_pair(p, n, k);
    } else if (n <= 64) {
        avx2_pair(p, n, k);
    } else {
        avx2_long(p, n, k);
    }
}

#endif

static const struct ws_mask_impl all[] = {
    {"portable", mask_portable},
#ifdef MASK_X86
    {"sse2", mask_sse2},
    {"avx2", mask_avx2},
#endif
};

size_t ws_mask_impls(const struct ws_mask_impl **impls) {
    *impls = all;
#ifdef MASK_X86
    if (__builtin_cpu_supports("avx2")) {
        return 3;
    }
    if (__builtin_cpu_supports("sse2")) {
        return 2;
    }
#endif
    return 1;
}

static mask_fn mask_first_call;

/* Threads that race to the first call all store the same pointer to constant code, so a relaxed
 * order is enough, and costs no more than a plain load. */
static _Atomic(mask_fn *) chosen = mask_first_call;

static void mask_first_call(uint8_t *p, size_t n, const uint8_t key[4], uint64_t phase) {
    const struct ws_mask_impl *impls;
    size_t count = ws_mask_impls(&impls);
    mask_fn *best = impls[count - 1].mask;
    atomic_store_explicit(&chosen, best, memory_order_relaxed);
    best(p, n, key, phase);
}

void ws_mask(uint8_t *p, size_t n, const uint8_t key[4], uint64_t phase) {
    atomic_load_explicit(&chosen, memory_order_relaxed)(p, n, key, phase);
}
