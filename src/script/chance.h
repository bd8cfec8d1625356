/* script/chance.h - chance that can be had again: everything comes from one seed.
 *
 * For tests and fake data, never for keys. Not for several threads at once.
 */
#ifndef TB_SCRIPT_CHANCE_H
#define TB_SCRIPT_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
    uint64_t state[4]; /* xoshiro256**, from splitmix64 of the seed */
};

void chance_init(struct chance *c, uint64_t seed);

/* A seed from the system's generator, of at most 53 bits. TB_OK or TB_ESYS. */
int chance_seed(uint64_t *seed);

uint64_t chance_next(struct chance *c);

/* Evenly from min to max, both included (min <= max). */
uint64_t chance_between(struct chance *c, uint64_t min, uint64_t max);
int64_t chance_between_signed(struct chance *c, int64_t min, int64_t max);

/* From min up to, but without, max. */
double chance_real(struct chance *c, double min, double max);

/* True in so many of a million cases. */
bool chance_happens(struct chance *c, uint32_t millionths);

#endif
