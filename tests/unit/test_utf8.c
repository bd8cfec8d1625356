#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guarded.h"
#include "proto/utf8.h"

#define SEED UINT64_C(0x7461627572657432)
#define TEXT_MAX 320
#define EDGES 17

static const struct utf8_impl *impls;
static size_t impl_count;

/* The judge, by arithmetic instead of tables: the code points that a cut sequence can still
 * become are a range, and it must hold at least one that is allowed (RFC 3629 s.3). */
struct judge {
    uint32_t bits;  /* of the code point, so far */
    uint32_t least; /* what needs as many bytes as announced */
    unsigned missing;
};

static bool judge_first(struct judge *j, uint8_t byte) {
    static const struct {
        uint8_t mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}};
    for (unsigned i = 0; i < 4; i++) {
        if ((byte & forms[i].mask) == forms[i].lead) {
            j->bits = byte & (uint8_t)~forms[i].mask;
            j->least = forms[i].least;
            j->missing = i;
            return true;
        }
    }
    return false;
}

static bool judge_next(struct judge *j, uint8_t byte) {
    if (j->missing == 0) {
        if (!judge_first(j, byte)) {
            return false;
        }
    } else if ((byte & 0xC0) == 0x80) {
        j->bits = (j->bits << 6) | (byte & 0x3F);
        j->missing--;
    } else {
        return false;
    }
    uint32_t low = j->bits << (6 * j->missing);
    uint32_t high = low + (UINT32_C(1) << (6 * j->missing)) - 1;
    if (low < j->least) {
        low = j->least;
    }
    if (high > 0x10FFFF) {
        high = 0x10FFFF;
    }
    bool only_surrogates = low >= 0xD800 && high <= 0xDFFF;
    return low <= high && !only_surrogates;
}

/* The length of the longest start of the text that may still become valid. */
static size_t judge_viable(const uint8_t *p, size_t n, bool *whole) {
    struct judge j = {0, 0, 0};
    *whole = true;
    for (size_t i = 0; i < n; i++) {
        if (!judge_next(&j, p[i])) {
            return i;
        }
        *whole = j.missing == 0;
    }
    return n;
}

static void complain(const struct utf8_impl *impl, const uint8_t *p, size_t n, const char *what) {
    print_error("%s, seed %#llx:", what, (unsigned long long)SEED);
    for (size_t i = 0; i < n; i++) {
        print_error(" %02X", p[i]);
    }
    fail_msg("%s is wrong", impl->name);
}

/* Feeds the pieces [0,a) [a,b) [b,n); each may only succeed if the text so far is viable. */
static void check_split(const struct utf8_impl *impl, const uint8_t *p, size_t n, size_t a,
                        size_t b, size_t viable, bool whole) {
    const size_t ends[] = {a, b, n};
    struct utf8 u;
    size_t start = 0;
    utf8_init(&u);
    for (size_t i = 0; i < 3; i++) {
        if (impl->feed(&u, p + start, ends[i] - start) != (ends[i] <= viable)) {
            complain(impl, p, n, "a piece is not judged rightly");
        }
        if (ends[i] > viable) {
            return;
        }
        start = ends[i];
    }
    if (utf8_is_whole(&u) != whole) {
        complain(impl, p, n, "the end is not judged rightly");
    }
}

static void check_bytewise(const struct utf8_impl *impl, const uint8_t *p, size_t n,
                           size_t viable) {
    struct utf8 u;
    size_t i = 0;
    utf8_init(&u);
    while (i < n && impl->feed(&u, p + i, 1)) {
        i++;
    }
    if (i != viable) {
        complain(impl, p, n, "the first impossible byte is not found where it stands");
    }
}

/* Whole, byte by byte, and in two and three pieces where the caller says. */
static void check_text_at(const uint8_t *p, size_t n, size_t a, size_t b) {
    bool whole;
    size_t viable = judge_viable(p, n, &whole);
    for (size_t k = 0; k < impl_count; k++) {
        check_split(&impls[k], p, n, n, n, viable, whole);
        check_split(&impls[k], p, n, a, b, viable, whole);
        check_bytewise(&impls[k], p, n, viable);
    }
    assert_int_equal(utf8_is_valid(p, n), viable == n && whole);
}

static void check_text(const uint8_t *p, size_t n) {
    check_text_at(p, n, n / 3, n - n / 3);
}

static void check_every_split(const uint8_t *p, size_t n) {
    bool whole;
    size_t viable = judge_viable(p, n, &whole);
    for (size_t k = 0; k < impl_count; k++) {
        for (size_t a = 0; a <= n; a++) {
            for (size_t b = a; b <= n; b++) {
                check_split(&impls[k], p, n, a, b, viable, whole);
            }
        }
    }
}

static size_t encode(uint32_t c, uint8_t out[4]) {
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (c & 0x3F));
        c >>= 6;
    }
    out[0] = (uint8_t)(leads[n] | c);
    return n;
}

static uint32_t random_code_point(uint64_t *seed) {
    static const uint32_t limits[] = {0x80, 0x800, 0x10000, 0x110000};
    uint32_t c = (uint32_t)random_below(seed, limits[random_below(seed, 4)]);
    return c >= 0xD800 && c <= 0xDFFF ? c - 0x800 : c;
}

/* A valid text of n bytes or a few less: runs of ASCII between other code points. */
static size_t random_text(uint64_t *seed, uint8_t *p, size_t n) {
    size_t used = 0;
    size_t ascii = 0;
    while (used + 4 <= n) {
        if (ascii > 0) {
            p[used++] = (uint8_t)random_below(seed, 0x80);
            ascii--;
            continue;
        }
        used += encode(random_code_point(seed), p + used);
        ascii = random_below(seed, 8) == 0 ? random_below(seed, 150) : 0;
    }
    return used;
}

static void *validate_in_a_thread(void *arg) {
    bool *ok = arg;
    *ok = utf8_is_valid((const uint8_t *)"\xD1\x82\xD0\xB0\xD0\xB1", 6);
    return NULL;
}

/* Runs first, so that the choice of the implementation is what the threads race for. */
static void first_use_from_several_threads(void **state) {
    (void)state;
    bool ok[4] = {false};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, validate_in_a_thread, &ok[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(ok[i]);
    }
}

static void the_portable_form_is_always_there(void **state) {
    (void)state;
    assert_in_range(impl_count, 1, 3);
    assert_string_equal(impls[0].name, "portable");
}

static void no_text_is_valid_and_needs_no_memory(void **state) {
    (void)state;
    assert_true(utf8_is_valid(NULL, 0));
    for (size_t k = 0; k < impl_count; k++) {
        struct utf8 u;
        utf8_init(&u);
        assert_true(impls[k].feed(&u, NULL, 0));
        assert_true(utf8_is_whole(&u));
        assert_true(impls[k].feed(&u, (const uint8_t *)"\xF0", 1));
        assert_true(impls[k].feed(&u, NULL, 0));
        assert_false(utf8_is_whole(&u));
    }
}

/* Alone, and with text on both sides so that it meets the vectors at several places. */
static void check_sequence(const uint8_t *seq, size_t n) {
    static const size_t places[] = {40, 63, 64};
    uint8_t text[200];
    check_text(seq, n);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        memset(text, 'a', sizeof text);
        memcpy(text + places[i], seq, n);
        check_text_at(text, 128, places[i] + 1, places[i] + 2);
    }
}

static void all_two_byte_sequences(void **state) {
    (void)state;
    for (unsigned pair = 0; pair < 0x10000; pair++) {
        uint8_t seq[] = {(uint8_t)(pair >> 8), (uint8_t)pair};
        check_text(seq, sizeof seq);
    }
}

static const uint8_t edges[EDGES] = {0x00, 0x41, 0x7F, 0x80, 0x81, 0x8F, 0x90, 0x9F, 0xA0,
                                     0xBF, 0xC0, 0xC2, 0xE0, 0xED, 0xF0, 0xF4, 0xFF};

static void all_second_bytes_of_every_lead_in_long_texts(void **state) {
    (void)state;
    for (unsigned lead = 0xC0; lead < 0x100; lead++) {
        for (unsigned second = 0; second < 0x100; second++) {
            uint8_t seq[] = {(uint8_t)lead, (uint8_t)second, 0x80, 0x80};
            check_sequence(seq, lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4);
        }
    }
}

static void all_three_byte_leads_with_tails_at_the_limits(void **state) {
    (void)state;
    for (unsigned lead = 0xE0; lead < 0xF0; lead++) {
        for (size_t i = 0; i < EDGES * EDGES; i++) {
            uint8_t seq[] = {(uint8_t)lead, edges[i / EDGES], edges[i % EDGES]};
            check_sequence(seq, sizeof seq);
        }
    }
}

static void four_byte_leads_with_tails_at_the_limits(void **state) {
    (void)state;
    for (unsigned lead = 0xF0; lead < 0x100; lead++) {
        for (size_t i = 0; i < EDGES * EDGES * EDGES; i++) {
            uint8_t seq[] = {(uint8_t)lead, edges[i / EDGES / EDGES], edges[i / EDGES % EDGES],
                             edges[i % EDGES]};
            check_text(seq, sizeof seq);
        }
    }
}

static void every_code_point_is_valid(void **state) {
    (void)state;
    uint8_t seq[4];
    for (uint32_t c = 0; c < 0x110000; c++) {
        size_t n = encode(c, seq);
        bool surrogate = c >= 0xD800 && c <= 0xDFFF;
        if (utf8_is_valid(seq, n) == surrogate) {
            fail_msg("U+%04X is not judged rightly", c);
        }
    }
}

static void texts_of_the_rfc_3629_section_7(void **state) {
    (void)state;
    static const char *const texts[] = {
        "\x41\xE2\x89\xA2\xCE\x91\x2E",
        "\xED\x95\x9C\xEA\xB5\xAD\xEC\x96\xB4",
        "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E",
        "\xEF\xBB\xBF\xF0\xA3\x8E\xB4",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t n = strlen(texts[i]);
        assert_true(utf8_is_valid((const uint8_t *)texts[i], n));
        check_every_split((const uint8_t *)texts[i], n);
    }
}

static void every_split_of_long_texts(void **state) {
    (void)state;
    uint8_t text[160];
    uint64_t seed = SEED;
    for (int round = 0; round < 40; round++) {
        size_t n = random_text(&seed, text, 80 + random_below(&seed, 81));
        check_every_split(text, n);
        text[random_below(&seed, n)] = (uint8_t)random_next(&seed);
        check_every_split(text, n);
    }
}

/* A text that ends in the middle of a code point, for each length of it and each place. */
static void a_cut_code_point_goes_on_in_the_next_piece(void **state) {
    (void)state;
    static const char *const points[] = {"\xC2\xA2", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    uint8_t text[200];
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(points[i]);
        for (size_t place = 0; place < 150; place++) {
            for (size_t cut = 1; cut < size; cut++) {
                memset(text, 'x', sizeof text);
                memcpy(text + place, points[i], size);
                check_text_at(text, sizeof text, place + cut, sizeof text);
                check_text_at(text, place + cut, place, place + cut);
            }
        }
    }
}

static void random_bytes(void **state) {
    (void)state;
    uint8_t text[TEXT_MAX];
    uint64_t seed = SEED;
    for (int round = 0; round < 50000; round++) {
        size_t n = random_below(&seed, 64);
        random_fill(&seed, text, n);
        check_text(text, n);
    }
}

static void mutate(uint64_t *seed, uint8_t *p, size_t n) {
    size_t at = random_below(seed, n);
    switch (random_below(seed, 4)) {
    case 0:
        p[at] = (uint8_t)random_next(seed);
        break;
    case 1:
        p[at] ^= (uint8_t)(1U << random_below(seed, 8));
        break;
    case 2:
        p[at] = edges[random_below(seed, EDGES)];
        break;
    default:
        memmove(p + at, p + at + 1, n - at - 1);
        break;
    }
}

static void random_texts_valid_and_mutated(void **state) {
    (void)state;
    uint8_t text[TEXT_MAX];
    uint64_t seed = SEED;
    for (int round = 0; round < 20000; round++) {
        size_t n = random_text(&seed, text, 4 + random_below(&seed, TEXT_MAX - 4));
        size_t a = random_below(&seed, n + 1);
        size_t b = a + random_below(&seed, n - a + 1);
        bool whole;
        assert_int_equal(judge_viable(text, n, &whole), n);
        check_text_at(text, n, a, b);
        mutate(&seed, text, n);
        check_text_at(text, n, a, b);
    }
}

/* One wrong byte anywhere in an ASCII text of any length is seen. */
static void every_place_of_a_wrong_byte_in_ascii(void **state) {
    (void)state;
    static const uint8_t wrong[] = {0x80, 0xBF, 0xC0, 0xC1, 0xF5, 0xFF};
    uint8_t text[TEXT_MAX];
    memset(text, 'a', sizeof text);
    for (size_t k = 0; k < impl_count; k++) {
        for (size_t n = 1; n <= sizeof text; n++) {
            for (size_t at = 0; at < n; at++) {
                struct utf8 u;
                utf8_init(&u);
                text[at] = wrong[(n + at) % sizeof wrong];
                if (impls[k].feed(&u, text, n)) {
                    complain(&impls[k], text, n, "a wrong byte is overlooked");
                }
                text[at] = 'a';
            }
        }
    }
}

/* Long enough for every loop to turn more than once. */
static void every_place_of_a_wrong_byte_in_long_ascii(void **state) {
    (void)state;
    uint8_t text[5000];
    memset(text, 'a', sizeof text);
    for (size_t k = 0; k < impl_count; k++) {
        for (size_t at = 0; at < sizeof text; at++) {
            struct utf8 u;
            utf8_init(&u);
            text[at] = 0xFF;
            if (impls[k].feed(&u, text, sizeof text)) {
                fail_msg("%s overlooks a wrong byte at %zu", impls[k].name, at);
            }
            text[at] = 'a';
        }
    }
}

static void every_alignment_and_length(void **state) {
    (void)state;
    static _Alignas(64) uint8_t room[64 + TEXT_MAX];
    uint8_t text[TEXT_MAX];
    uint64_t seed = SEED;
    (void)random_text(&seed, text, sizeof text);
    for (size_t alignment = 0; alignment < 64; alignment++) {
        memcpy(room + alignment, text, sizeof text);
        for (size_t n = 0; n <= 300; n++) {
            bool whole;
            size_t viable = judge_viable(text, n, &whole);
            for (size_t k = 0; k < impl_count; k++) {
                check_split(&impls[k], room + alignment, n, n, n, viable, whole);
            }
        }
    }
}

/* OSV-2021-1727 in uWebSockets was a payload loop that ran past the end; so may this one. */
static void nothing_outside_of_the_text_is_read(void **state) {
    (void)state;
    struct guarded g;
    uint8_t text[TEXT_MAX];
    uint64_t seed = SEED;
    guarded_init(&g, TEXT_MAX);
    for (int round = 0; round < 20; round++) {
        for (size_t n = 0; n <= 300; n++) {
            bool whole;
            (void)random_text(&seed, text, sizeof text);
            size_t viable = judge_viable(text, n, &whole);
            for (size_t k = 0; k < impl_count; k++) {
                memcpy(g.end - n, text, n);
                check_split(&impls[k], g.end - n, n, n, n, viable, whole);
                memcpy(g.start, text, n);
                check_split(&impls[k], g.start, n, n, n, viable, whole);
            }
        }
    }
    guarded_release(&g);
}

static void large_texts(void **state) {
    (void)state;
    static uint8_t text[65536];
    uint64_t seed = SEED;
    for (int round = 0; round < 10; round++) {
        size_t n = random_text(&seed, text, sizeof text);
        check_text(text, n);
        text[random_below(&seed, n)] = 0xFF;
        check_text(text, n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_use_from_several_threads),
        cmocka_unit_test(the_portable_form_is_always_there),
        cmocka_unit_test(no_text_is_valid_and_needs_no_memory),
        cmocka_unit_test(all_two_byte_sequences),
        cmocka_unit_test(all_second_bytes_of_every_lead_in_long_texts),
        cmocka_unit_test(all_three_byte_leads_with_tails_at_the_limits),
        cmocka_unit_test(four_byte_leads_with_tails_at_the_limits),
        cmocka_unit_test(every_code_point_is_valid),
        cmocka_unit_test(texts_of_the_rfc_3629_section_7),
        cmocka_unit_test(every_split_of_long_texts),
        cmocka_unit_test(a_cut_code_point_goes_on_in_the_next_piece),
        cmocka_unit_test(random_bytes),
        cmocka_unit_test(random_texts_valid_and_mutated),
        cmocka_unit_test(every_place_of_a_wrong_byte_in_ascii),
        cmocka_unit_test(every_place_of_a_wrong_byte_in_long_ascii),
        cmocka_unit_test(every_alignment_and_length),
        cmocka_unit_test(nothing_outside_of_the_text_is_read),
        cmocka_unit_test(large_texts),
    };
    print_message("seed %#llx\n", (unsigned long long)SEED);
    impl_count = utf8_impls(&impls);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
