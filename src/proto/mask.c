#include "proto/mask.h"

#include <stdatomic.h>

#include "proto/mask_impl.h"

typedef void mask_fn(uint8_t *p, size_t n, const uint8_t key[4], uint64_t phase);

static inline void mask_under_8(uint8_t *p, size_t n, const uint8_t key[4], uint64_t phase) {
    if (n >= 4) {
        uint32_t first = word_load32(p) ^ mask_key_load(key, phase);
        uint32_t last = word_load32(p + n - 4) ^ mask_key_load(key, phase + n);
        word_store32(p, first);
        word_store32(p + n - 4, last);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        p[i] ^= key[(phase + i) % 4];
    }
}

static inline uint64_t key_twice(uint32_t key) {
    return ((uint64_t)key << 32) | key;
}

static inline void word_in_place(uint8_t *p, uint64_t key) {
    word_store64(p, word_load64(p) ^ key);
}

/* n >= 8 */
static inline void mask_words(uint8_t *p, size_t n, uint32_t key) {
    uint64_t last = word_load64(p + n - 8) ^ key_twice(mask_key_turn(key, n));
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
    word_store64(p + n - 8, last);
}

void ws_mask_portable(uint8_t *p, size_t n, const uint8_t key[4], uint64_t phase) {
    if (n < 8) {
        mask_under_8(p, n, key, phase);
    } else {
        mask_words(p, n, mask_key_load(key, phase));
    }
}

static const struct ws_mask_impl all[] = {
    {"portable", ws_mask_portable},
#ifdef MASK_X86
    {"sse2", ws_mask_sse2},
    {"avx2", ws_mask_avx2},
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
