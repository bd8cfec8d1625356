/* guarded.h - what several unit tests need: memory whose neighbours fault, and random numbers
 * from a seed. */
#ifndef TB_TESTS_GUARDED_H
#define TB_TESTS_GUARDED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Pages between two others that fault at any access. */
struct guarded {
    uint8_t *map;
    size_t map_size;
    uint8_t *start; /* a byte before it faults */
    uint8_t *end;   /* as does the one here */
};

static inline void guarded_init(struct guarded *g, size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t inside = (size + page - 1) / page * page;
    g->map_size = inside + 2 * page;
    g->map = mmap(NULL, g->map_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g->map == MAP_FAILED || mprotect(g->map + page, inside, PROT_READ | PROT_WRITE) != 0) {
        perror("guarded memory");
        abort();
    }
    g->start = g->map + page;
    g->end = g->start + inside;
}

static inline void guarded_release(struct guarded *g) {
    munmap(g->map, g->map_size);
}

/* xorshift64; *state is not 0. */
static inline uint64_t random_next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static inline size_t random_below(uint64_t *state, size_t limit) {
    return (size_t)((random_next(state) >> 16) % limit);
}

static inline void random_fill(uint64_t *state, uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(random_next(state) >> 32);
    }
}

#endif
