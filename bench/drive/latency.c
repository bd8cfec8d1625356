#include "latency.h"

#include <stddef.h>

enum { SUB_BITS = 5, SUB = 1 << SUB_BITS };

/* Values below 32 have a bucket each; above, the five bits under the highest one choose. */
static size_t bucket_of(uint64_t v) {
    if (v < SUB) {
        return (size_t)v;
    }
    unsigned shift = 63u - (unsigned)__builtin_clzll(v) - SUB_BITS;
    return (size_t)(shift + 1) * SUB + (size_t)((v >> shift) & (SUB - 1));
}

static double bucket_middle(size_t i) {
    if (i < SUB) {
        return (double)i;
    }
    unsigned shift = (unsigned)(i / SUB) - 1;
    return ((double)(SUB + i % SUB) + 0.5) * (double)(1ull << shift);
}

void latency_add(struct latency *l, int64_t ns) {
    l->count[bucket_of(ns > 0 ? (uint64_t)ns : 0)]++;
    l->total++;
}

double latency_percentile_us(const struct latency *l, double percent) {
    double wanted = (double)l->total * percent / 100;
    uint64_t seen = 0;
    for (size_t i = 0; i < sizeof l->count / sizeof l->count[0]; i++) {
        seen += l->count[i];
        if (seen > 0 && (double)seen >= wanted) {
            return bucket_middle(i) / 1000;
        }
    }
    return 0;
}
