/* Masking and UTF-8 validation beside memcpy, in one run: each round measures every subject
 * once, one after the other, and the medians of the rounds are printed, so that a noisy
 * neighbour hits all of them alike. A table for people, then for programs one line a figure:
 *
 *     micro mask.avx2 ratio 0.93
 *
 * gbps is GB/s on 64 KiB, ratio is that over memcpy in the same round, ns20 is the time of one
 * call on 20 bytes. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/mask.h"
#include "proto/utf8.h"

#define LARGE 65536
#define SMALL 20
#define ROUNDS 151
#define LARGE_CALLS 100
#define SMALL_CALLS 20000
#define SUBJECTS_MAX 16

enum kind { COPY, MASK, UTF8 };

struct subject {
    char name[32];
    enum kind kind;
    struct ws_mask_impl mask;
    struct utf8_impl utf8;
    uint8_t *text; /* LARGE bytes, that also start with SMALL bytes to measure */
    double gbps[ROUNDS];
    double ratio[ROUNDS];
    double ns20[ROUNDS];
};

static _Alignas(64) uint8_t source[LARGE];
static _Alignas(64) uint8_t target[LARGE];
static _Alignas(64) uint8_t ascii[LARGE];
static _Alignas(64) uint8_t mixed[LARGE];

static struct subject subjects[SUBJECTS_MAX];
static size_t subject_count;

/* The compiler may not know which function it is, or it would not call it at all. */
static void *(*volatile copy)(void *, const void *, size_t) = memcpy;

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void refuse(const struct subject *s) {
    fprintf(stderr, "micro: %s refuses a valid text\n", s->name);
    exit(1);
}

/* Small payloads are taken in turn: to mask again what has just been stored would measure how
 * the processor forwards stores, and no server does that. */
static size_t place(const struct subject *s, size_t n, unsigned call) {
    return n == SMALL && s->kind != UTF8 ? call % 64 * 64 : 0;
}

static void call_many(const struct subject *s, size_t n, unsigned calls) {
    static const uint8_t key[4] = {0x37, 0xFA, 0x21, 0x3D};
    bool ok = true;
    for (unsigned i = 0; i < calls; i++) {
        size_t at = place(s, n, i);
        struct utf8 u;
        switch (s->kind) {
        case COPY:
            copy(target + at, source + at, n);
            break;
        case MASK:
            s->mask.mask(s->text + at, n, key, i);
            break;
        case UTF8:
            utf8_init(&u);
            ok &= s->utf8.feed(&u, s->text, n);
            break;
        }
    }
    if (!ok) {
        refuse(s);
    }
}

/* Seconds of one call, after one that brings the data into the cache. */
static double measure(const struct subject *s, size_t n, unsigned calls) {
    call_many(s, n, 1);
    double start = seconds();
    call_many(s, n, calls);
    return (seconds() - start) / calls;
}

static struct subject *add(const char *prefix, const char *name, const char *suffix) {
    struct subject *s = &subjects[subject_count++];
    snprintf(s->name, sizeof s->name, "%s%s%s", prefix, name, suffix);
    return s;
}

static void add_mask(void) {
    const struct ws_mask_impl *impls;
    size_t count = ws_mask_impls(&impls);
    for (size_t i = 0; i < count; i++) {
        struct subject *s = add("mask.", impls[i].name, "");
        s->kind = MASK;
        s->mask = impls[i];
        s->text = target;
    }
}

static void add_utf8(uint8_t *text, const char *suffix) {
    const struct utf8_impl *impls;
    size_t count = utf8_impls(&impls);
    for (size_t i = 0; i < count; i++) {
        struct subject *s = add("utf8.", impls[i].name, suffix);
        s->kind = UTF8;
        s->utf8 = impls[i];
        s->text = text;
    }
}

/* As often as it fits, so that no code point is cut; the rest is full stops. */
static void fill(uint8_t *text, const char *pattern) {
    size_t size = strlen(pattern);
    size_t full = LARGE / size * size;
    for (size_t i = 0; i < LARGE; i++) {
        text[i] = i < full ? (uint8_t)pattern[i % size] : '.';
    }
}

/* The mixed text changes script within words, so that no fast way lasts for long. */
static void fill_texts(void) {
    fill(source, "what a client sends ");
    fill(target, "what a client sends ");
    fill(ascii, "{\"type\":\"message\",\"text\":\"simple as a stool\"} ");
    fill(mixed, "\xD1\x82\xD0\xB0\xD0\xB1\xD1\x83\xD1\x80\xD0\xB5\xD1\x82 taburet "
                "\xE6\xA4\x85\xE5\xAD\x90 stool, \xF0\x9F\xAA\x91 \xC2\xABtr\xC3\xA9pied\xC2\xBB ");
}

static void run_round(size_t round) {
    for (size_t i = 0; i < subject_count; i++) {
        struct subject *s = &subjects[i];
        s->gbps[round] = LARGE / measure(s, LARGE, LARGE_CALLS) / 1e9;
        s->ratio[round] = s->gbps[round] / subjects[0].gbps[round];
        s->ns20[round] = measure(s, SMALL, SMALL_CALLS) * 1e9;
    }
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double values[ROUNDS]) {
    qsort(values, ROUNDS, sizeof values[0], compare);
    return values[ROUNDS / 2];
}

static void print_all(void) {
    printf("%-24s %10s %10s %10s\n", "64 KiB / 20 bytes", "GB/s", "x memcpy", "ns");
    for (size_t i = 0; i < subject_count; i++) {
        struct subject *s = &subjects[i];
        printf("%-24s %10.2f %10.2f %10.2f\n", s->name, median(s->gbps), median(s->ratio),
               median(s->ns20));
    }
    for (size_t i = 0; i < subject_count; i++) {
        struct subject *s = &subjects[i];
        printf("micro %s gbps %.2f\n", s->name, median(s->gbps));
        printf("micro %s ratio %.2f\n", s->name, median(s->ratio));
        printf("micro %s ns20 %.2f\n", s->name, median(s->ns20));
    }
}

int main(void) {
    fill_texts();
    add("memcpy", "", "")->kind = COPY;
    add_mask();
    add_utf8(ascii, ".ascii");
    add_utf8(mixed, ".mixed");
    for (size_t round = 0; round < ROUNDS; round++) {
        run_round(round);
    }
    print_all();
    return 0;
}
