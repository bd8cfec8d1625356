#include "script/chance.h"

#include <math.h>

#include "base/err.h"
#include "base/random.h"

#define MILLION 1000000

/* Whoever reads a seed as a double still has all of it. */
#define SEED_BITS 53

static uint64_t splitmix64(uint64_t *x) {
    *x += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *x;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t rotate_left(uint64_t x, unsigned bits) {
    return x << bits | x >> (64 - bits);
}

void chance_init(struct chance *c, uint64_t seed) {
    for (unsigned i = 0; i < 4; i++) {
        c->state[i] = splitmix64(&seed);
    }
}

int chance_seed(uint64_t *seed) {
    uint64_t bits;
    int err = random_bytes(&bits, sizeof(bits));
    if (err == TB_OK) {
        *seed = bits >> (64 - SEED_BITS);
    }
    return err;
}

uint64_t chance_next(struct chance *c) {
    uint64_t *s = c->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t chance_between(struct chance *c, uint64_t min, uint64_t max) {
    uint64_t count = max - min + 1;
    if (count == 0) { /* all 2^64 */
        return chance_next(c);
    }
    /* So many numbers are too many for each result to have as many as the others. */
    uint64_t surplus = (UINT64_MAX - count + 1) % count;
    uint64_t x;
    do {
        x = chance_next(c);
    } while (x < surplus);
    return min + x % count;
}

int64_t chance_between_signed(struct chance *c, int64_t min, int64_t max) {
    uint64_t above = chance_between(c, 0, (uint64_t)max - (uint64_t)min);
    return (int64_t)((uint64_t)min + above);
}

double chance_real(struct chance *c, double min, double max) {
    double part = (double)(chance_next(c) >> 11) * 0x1p-53;
    /* max - min may be more than a double holds. In steps, for processors that have a
     * multiplication with an addition would round otherwise. */
    double low = min * (1 - part);
    double high = max * part;
    double x = low + high;
    if (x < min) {
        return min;
    }
    return x < max || min >= max ? x : nextafter(max, min);
}

bool chance_happens(struct chance *c, uint32_t millionths) {
    return chance_between(c, 0, MILLION - 1) < millionths;
}
