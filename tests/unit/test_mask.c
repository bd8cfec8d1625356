#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guarded.h"
#include "proto/mask.h"

#define SEED UINT64_C(0x7461627572657431)
#define LENGTHS 301
#define ALIGNMENTS 64
#define AROUND 64
#define BIG 65536

static const uint8_t key[4] = {0x37, 0xFA, 0x21, 0x3D};

static const struct ws_mask_impl *impls;
static size_t impl_count;

/* The definition of RFC 6455 s.5.3, to the letter. */
static void mask_by_definition(uint8_t *p, size_t n, uint64_t phase) {
    for (size_t i = 0; i < n; i++) {
        p[i] ^= key[(phase + i) % 4];
    }
}

static void expect_same(const char *name, const uint8_t *got, const uint8_t *want, size_t n,
                        const char *what) {
    if (memcmp(got, want, n) != 0) {
        fail_msg("%s: %s (seed %#llx)", name, what, (unsigned long long)SEED);
    }
}

static void *mask_in_a_thread(void *arg) {
    uint8_t *text = arg;
    ws_mask(text, 20, key, 0);
    return NULL;
}

/* Runs first, so that the choice of the implementation is what the threads race for. */
static void first_use_from_several_threads(void **state) {
    (void)state;
    uint8_t texts[4][20] = {{0}};
    uint8_t want[20] = {0};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, mask_in_a_thread, texts[i]), 0);
    }
    mask_by_definition(want, sizeof want, 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_memory_equal(texts[i], want, sizeof want);
    }
}

static void the_portable_form_is_always_there_and_the_chosen_one_is_last(void **state) {
    (void)state;
    assert_in_range(impl_count, 1, 3);
    assert_string_equal(impls[0].name, "portable");
#ifdef __x86_64__
    assert_true(impl_count >= 2);
    assert_string_equal(impls[1].name, "sse2");
#endif
}

static void the_examples_of_rfc_6455_section_5_7(void **state) {
    (void)state;
    for (size_t k = 0; k < impl_count; k++) {
        uint8_t text[] = {0x7F, 0x9F, 0x4D, 0x51, 0x58};
        impls[k].mask(text, sizeof text, key, 0);
        assert_memory_equal(text, "Hello", sizeof text);
    }
}

static void check_place(const struct ws_mask_impl *impl, const uint8_t *text, size_t alignment,
                        size_t n, uint64_t phase) {
    static _Alignas(64) uint8_t got[AROUND + ALIGNMENTS + LENGTHS + AROUND];
    uint8_t want[sizeof got];
    size_t start = AROUND + alignment;
    memcpy(got, text, sizeof got);
    memcpy(want, text, sizeof want);
    impl->mask(got + start, n, key, phase);
    mask_by_definition(want + start, n, phase);
    if (memcmp(got, want, sizeof got) != 0) {
        fail_msg("%s: alignment %zu, length %zu, phase %llu (seed %#llx)", impl->name, alignment, n,
                 (unsigned long long)phase, (unsigned long long)SEED);
    }
}

/* The bytes before and behind are compared too: nothing but the payload is touched. */
static void every_alignment_length_and_phase(void **state) {
    (void)state;
    uint8_t text[AROUND + ALIGNMENTS + LENGTHS + AROUND];
    uint64_t seed = SEED;
    random_fill(&seed, text, sizeof text);
    for (size_t k = 0; k < impl_count; k++) {
        for (size_t alignment = 0; alignment < ALIGNMENTS; alignment++) {
            for (size_t n = 0; n < LENGTHS; n++) {
                for (uint64_t phase = 0; phase < 4; phase++) {
                    check_place(&impls[k], text, alignment, n, phase);
                }
            }
        }
    }
}

static void phases_beyond_32_bits(void **state) {
    (void)state;
    static const uint64_t phases[] = {UINT32_MAX, UINT64_C(1) << 32, (UINT64_C(1) << 63) - 1,
                                      UINT64_MAX - 3, UINT64_MAX};
    uint8_t text[AROUND + ALIGNMENTS + LENGTHS + AROUND] = {0};
    for (size_t k = 0; k < impl_count; k++) {
        for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
            for (size_t n = 0; n < 100; n++) {
                check_place(&impls[k], text, 1, n, phases[i]);
            }
        }
    }
}

/* OSV-2021-1727 in uWebSockets: unmasking wrote past the end of the buffer. */
static void uwebsockets_osv_2021_1727_nothing_past_the_end_is_touched(void **state) {
    (void)state;
    struct guarded g;
    uint8_t want[LENGTHS];
    uint64_t seed = SEED;
    guarded_init(&g, LENGTHS);
    for (size_t k = 0; k < impl_count; k++) {
        for (size_t n = 0; n < LENGTHS; n++) {
            for (uint64_t phase = 0; phase < 4; phase++) {
                uint8_t *p = g.end - n;
                random_fill(&seed, p, n);
                memcpy(want, p, n);
                impls[k].mask(p, n, key, phase);
                mask_by_definition(want, n, phase);
                expect_same(impls[k].name, p, want, n, "at the end of a page");
            }
        }
    }
    guarded_release(&g);
}

static void nothing_before_the_start_is_touched(void **state) {
    (void)state;
    struct guarded g;
    uint8_t want[LENGTHS];
    uint64_t seed = SEED;
    guarded_init(&g, LENGTHS);
    for (size_t k = 0; k < impl_count; k++) {
        for (size_t n = 0; n < LENGTHS; n++) {
            random_fill(&seed, g.start, n);
            memcpy(want, g.start, n);
            impls[k].mask(g.start, n, key, n);
            mask_by_definition(want, n, n);
            expect_same(impls[k].name, g.start, want, n, "at the start of a page");
        }
    }
    guarded_release(&g);
}

static void pieces_give_the_same_as_the_whole(void **state) {
    (void)state;
    uint8_t text[200];
    uint8_t want[sizeof text];
    uint8_t got[sizeof text];
    uint64_t seed = SEED;
    random_fill(&seed, text, sizeof text);
    memcpy(want, text, sizeof text);
    mask_by_definition(want, sizeof want, 0);
    for (size_t k = 0; k < impl_count; k++) {
        for (size_t a = 0; a <= sizeof text; a++) {
            for (size_t b = a; b <= sizeof text; b++) {
                memcpy(got, text, sizeof text);
                impls[k].mask(got, a, key, 0);
                impls[k].mask(got + a, b - a, key, a);
                impls[k].mask(got + b, sizeof got - b, key, b);
                expect_same(impls[k].name, got, want, sizeof got, "in three pieces");
            }
        }
    }
}

static void large_payloads_at_odd_places(void **state) {
    (void)state;
    static uint8_t text[BIG + 64];
    static uint8_t want[BIG + 64];
    uint64_t seed = SEED;
    for (size_t k = 0; k < impl_count; k++) {
        for (int round = 0; round < 50; round++) {
            size_t start = random_below(&seed, 64);
            size_t n = BIG - random_below(&seed, 300);
            uint64_t phase = random_next(&seed);
            random_fill(&seed, text, sizeof text);
            memcpy(want, text, sizeof text);
            impls[k].mask(text + start, n, key, phase);
            mask_by_definition(want + start, n, phase);
            expect_same(impls[k].name, text, want, sizeof text, "a large payload");
        }
    }
}

static void masking_twice_gives_the_text_back(void **state) {
    (void)state;
    uint8_t text[125];
    uint8_t before[sizeof text];
    uint64_t seed = SEED;
    random_fill(&seed, before, sizeof before);
    memcpy(text, before, sizeof text);
    ws_mask(text, sizeof text, key, 3);
    assert_memory_not_equal(text, before, sizeof text);
    ws_mask(text, sizeof text, key, 3);
    assert_memory_equal(text, before, sizeof text);
}

static void no_payload_needs_no_memory(void **state) {
    (void)state;
    for (size_t k = 0; k < impl_count; k++) {
        impls[k].mask(NULL, 0, key, 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_use_from_several_threads),
        cmocka_unit_test(the_portable_form_is_always_there_and_the_chosen_one_is_last),
        cmocka_unit_test(the_examples_of_rfc_6455_section_5_7),
        cmocka_unit_test(every_alignment_length_and_phase),
        cmocka_unit_test(phases_beyond_32_bits),
        cmocka_unit_test(uwebsockets_osv_2021_1727_nothing_past_the_end_is_touched),
        cmocka_unit_test(nothing_before_the_start_is_touched),
        cmocka_unit_test(pieces_give_the_same_as_the_whole),
        cmocka_unit_test(large_payloads_at_odd_places),
        cmocka_unit_test(masking_twice_gives_the_text_back),
        cmocka_unit_test(no_payload_needs_no_memory),
    };
    print_message("seed %#llx\n", (unsigned long long)SEED);
    impl_count = ws_mask_impls(&impls);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
