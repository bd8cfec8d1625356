/* base/word.h - several bytes at once, from wherever they stand. */
#ifndef TB_BASE_WORD_H
#define TB_BASE_WORD_H

#include <stdint.h>
#include <string.h>

static inline uint32_t word_load32(const uint8_t *p) {
    uint32_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

static inline uint64_t word_load64(const uint8_t *p) {
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

static inline void word_store32(uint8_t *p, uint32_t word) {
    memcpy(p, &word, sizeof(word));
}

static inline void word_store64(uint8_t *p, uint64_t word) {
    memcpy(p, &word, sizeof(word));
}

#endif
