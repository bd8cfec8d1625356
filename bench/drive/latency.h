/* drive/latency.h - a histogram of nanoseconds, exact to about 3 %. */
#ifndef DRIVE_LATENCY_H
#define DRIVE_LATENCY_H

#include <stdint.h>

/* 32 buckets for each power of two. Zeroed memory is an empty histogram. */
struct latency {
    uint64_t total;
    uint64_t count[64 * 32];
};

void latency_add(struct latency *l, int64_t ns);

/* The value that `percent` of the values do not exceed, in microseconds. */
double latency_percentile_us(const struct latency *l, double percent);

#endif
