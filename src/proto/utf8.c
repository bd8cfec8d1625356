#include "proto/utf8.h"

#include <stdatomic.h>

#include "proto/utf8_impl.h"

typedef bool feed_fn(struct utf8 *u, const uint8_t *p, size_t n);

#define BAD UTF8_BAD
#define WHOLE UTF8_WHOLE
#define TAIL_1 UTF8_TAIL_1
#define TAIL_2 UTF8_TAIL_2
#define TAIL_3 UTF8_TAIL_3

#define TO(state, next) ((uint64_t)(next) << (state))

/* The states that one byte leads to, from each state in the order of their enum. */
#define ROW(whole, tail_1, tail_2, tail_3, e0, ed, f0, f4)                                         \
    (TO(UTF8_WHOLE, whole) | TO(UTF8_TAIL_1, tail_1) | TO(UTF8_TAIL_2, tail_2) |                   \
     TO(UTF8_TAIL_3, tail_3) | TO(UTF8_AFTER_E0, e0) | TO(UTF8_AFTER_ED, ed) |                     \
     TO(UTF8_AFTER_F0, f0) | TO(UTF8_AFTER_F4, f4) | TO(UTF8_BAD, BAD))

#define FIRST(next) ROW(next, BAD, BAD, BAD, BAD, BAD, BAD, BAD)
#define TAIL(e0, ed, f0, f4) ROW(BAD, WHOLE, TAIL_1, TAIL_2, e0, ed, f0, f4)

#define TIMES_2(row) row, row
#define TIMES_3(row) row, row, row
#define TIMES_11(row) TIMES_3(row), TIMES_3(row), TIMES_3(row), TIMES_2(row)
#define TIMES_12(row) TIMES_3(row), TIMES_3(row), TIMES_3(row), TIMES_3(row)
#define TIMES_16(row) TIMES_12(row), TIMES_2(row), TIMES_2(row)
#define TIMES_30(row) TIMES_16(row), TIMES_11(row), TIMES_3(row)
#define TIMES_32(row) TIMES_16(row), TIMES_16(row)
#define TIMES_128(row) TIMES_32(row), TIMES_32(row), TIMES_32(row), TIMES_32(row)

/* The grammar of RFC 3629 s.4, a range of bytes a line. */
const uint64_t utf8_table[256] = {
    TIMES_128(FIRST(WHOLE)),                  /* 00..7F */
    TIMES_16(TAIL(BAD, TAIL_1, BAD, TAIL_2)), /* 80..8F */
    TIMES_16(TAIL(BAD, TAIL_1, TAIL_2, BAD)), /* 90..9F */
    TIMES_32(TAIL(TAIL_1, BAD, TAIL_2, BAD)), /* A0..BF */
    TIMES_2(FIRST(BAD)),                      /* C0..C1 */
    TIMES_30(FIRST(TAIL_1)),                  /* C2..DF */
    FIRST(UTF8_AFTER_E0),                     /* E0 */
    TIMES_12(FIRST(TAIL_2)),                  /* E1..EC */
    FIRST(UTF8_AFTER_ED),                     /* ED */
    TIMES_2(FIRST(TAIL_2)),                   /* EE..EF */
    FIRST(UTF8_AFTER_F0),                     /* F0 */
    TIMES_3(FIRST(TAIL_3)),                   /* F1..F3 */
    FIRST(UTF8_AFTER_F4),                     /* F4 */
    TIMES_11(FIRST(BAD)),                     /* F5..FF */
};

static size_t skip_ascii_words(const uint8_t *p, size_t n) {
    size_t i = 0;
    while (n - i >= 16 && ((word_load64(p + i) | word_load64(p + i + 8)) & UTF8_HIGH_BITS) == 0) {
        i += 16;
    }
    return i;
}

static uint64_t step_many(uint64_t state, const uint8_t *p, size_t n) {
    size_t i = 0;
    for (; n - i >= 4; i += 4) {
        state = utf8_step(state, p[i]);
        state = utf8_step(state, p[i + 1]);
        state = utf8_step(state, p[i + 2]);
        state = utf8_step(state, p[i + 3]);
    }
    for (; i < n; i++) {
        state = utf8_step(state, p[i]);
    }
    return state % 64;
}

bool utf8_feed_portable(struct utf8 *u, const uint8_t *p, size_t n) {
    if (n == 0) {
        return true;
    }
    uint64_t state = u->state;
    size_t i = 0;
    while (n - i >= 16 && state != UTF8_BAD) {
        if (state == UTF8_WHOLE) {
            i += skip_ascii_words(p + i, n - i);
        }
        size_t some = n - i < 16 ? n - i : 16;
        state = step_many(state, p + i, some);
        i += some;
    }
    if (state != UTF8_WHOLE || !utf8_short_is_ascii(p + i, n - i)) {
        state = step_many(state, p + i, n - i);
    }
    u->state = (uint32_t)state;
    return state != UTF8_BAD;
}

static const struct utf8_impl all[] = {
    {"portable", utf8_feed_portable},
#ifdef UTF8_X86
    {"sse4.1", utf8_feed_sse41},
    {"avx2", utf8_feed_avx2},
#endif
};

size_t utf8_impls(const struct utf8_impl **impls) {
    *impls = all;
#ifdef UTF8_X86
    if (__builtin_cpu_supports("avx2")) {
        return 3;
    }
    if (__builtin_cpu_supports("sse4.1")) {
        return 2;
    }
#endif
    return 1;
}

static feed_fn feed_first_call;

/* As in mask.c: all threads store the same pointer to constant code. */
static _Atomic(feed_fn *) chosen = feed_first_call;

static bool feed_first_call(struct utf8 *u, const uint8_t *p, size_t n) {
    const struct utf8_impl *impls;
    size_t count = utf8_impls(&impls);
    feed_fn *best = impls[count - 1].feed;
    atomic_store_explicit(&chosen, best, memory_order_relaxed);
    return best(u, p, n);
}

void utf8_init(struct utf8 *u) {
    u->state = UTF8_WHOLE;
}

bool utf8_feed(struct utf8 *u, const uint8_t *p, size_t n) {
    return atomic_load_explicit(&chosen, memory_order_relaxed)(u, p, n);
}

bool utf8_is_whole(const struct utf8 *u) {
    return u->state == UTF8_WHOLE;
}

bool utf8_is_valid(const uint8_t *p, size_t n) {
    struct utf8 u;
    utf8_init(&u);
    return utf8_feed(&u, p, n) && utf8_is_whole(&u);
}
