/* proto/mask.h - masking of a client's payload (RFC 6455 s.5.3).
 *
 * Masking and unmasking are the same XOR. The widest form that the processor has is chosen once
 * at run time; the portable form is there for the others, and to test them against.
 */
#ifndef TB_PROTO_MASK_H
#define TB_PROTO_MASK_H

#include <stddef.h>
#include <stdint.h>

/* XORs p[0..n) with the key, in place. `phase` is the number of payload bytes that stood
 * before p (only phase mod 4 matters), so a payload may come in any pieces. */
void ws_mask(uint8_t *p, size_t n, const uint8_t key[4], uint64_t phase);

/* The implementations, for tests and benchmarks. */
struct ws_mask_impl {
    const char *name; /* "portable", "sse2", "avx2" */
    void (*mask)(uint8_t *p, size_t n, const uint8_t key[4], uint64_t phase);
};

/* Those that this processor can run, slowest first; the last one is what ws_mask() uses. */
size_t ws_mask_impls(const struct ws_mask_impl **impls);

#endif
