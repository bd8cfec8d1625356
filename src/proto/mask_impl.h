/* proto/mask_impl.h - what the forms of proto/mask.h share. Private to mask*.c.
 *
 * Every form works in place without a byte-wise tail: the last word (or vector) is loaded and
 * masked before anything is stored, and stored last. It overlaps what was stored before it, with
 * the same bytes.
 */
#ifndef TB_PROTO_MASK_IMPL_H
#define TB_PROTO_MASK_IMPL_H

#include "base/word.h"
#include "proto/mask.h"

#if defined(__x86_64__) || defined(__i386__)
#define MASK_X86 1
#endif

/* The key as it lies in memory `offset` bytes further into the payload. */
static inline uint32_t mask_key_turn(uint32_t key, uint64_t offset) {
    unsigned bits = (unsigned)(offset % 4) * 8;
    unsigned rest = (32 - bits) % 32;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return (key << bits) | (key >> rest);
#else
    return (key >> bits) | (key << rest);
#endif
}

static inline uint32_t mask_key_load(const uint8_t key[4], uint64_t phase) {
    return mask_key_turn(word_load32(key), phase);
}

void ws_mask_portable(uint8_t *p, size_t n, const uint8_t key[4], uint64_t phase);
#ifdef MASK_X86
void ws_mask_sse2(uint8_t *p, size_t n, const uint8_t key[4], uint64_t phase);
void ws_mask_avx2(uint8_t *p, size_t n, const uint8_t key[4], uint64_t phase);
#endif

#endif
