/* The numbers that a seed gives must stay the same for ever: runs are had again by them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>

#include "base/err.h"
#include "script/chance.h"

static void the_generator_is_xoshiro256(void **state) {
    (void)state;
    /* From the reference implementation. */
    struct chance c = {{1, 2, 3, 4}};
    static const uint64_t expected[] = {
        UINT64_C(11520),
        UINT64_C(0),
        UINT64_C(1509978240),
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
        UINT64_C(16172922978634559625),
        UINT64_C(8476171486693032832),
        UINT64_C(10595114339597558777),
        UINT64_C(2904607092377533576),
    };
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        assert_true(chance_next(&c) == expected[i]);
    }
}

static void a_seed_becomes_a_state_by_splitmix64(void **state) {
    (void)state;
    struct chance c;
    chance_init(&c, 0);
    assert_true(c.state[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(c.state[1] == UINT64_C(0x6e789e6aa1b965f4));
    assert_true(c.state[2] == UINT64_C(0x06c45d188009454f));
    assert_true(c.state[3] == UINT64_C(0xf88bb8a8724c81ec));
    assert_true(chance_next(&c) == UINT64_C(11091344671253066420));
}

static void everything_that_is_derived_stays_the_same(void **state) {
    (void)state;
    struct chance c;
    chance_init(&c, 42);
    static const uint64_t dice[] = {1, 1, 6, 6, 5, 1, 5, 4, 5, 6, 2, 2};
    for (size_t i = 0; i < sizeof(dice) / sizeof(*dice); i++) {
        assert_int_equal(chance_between(&c, 1, 6), dice[i]);
    }
    assert_true(chance_between_signed(&c, -1000, 1000) == -222);
    assert_true(chance_real(&c, 0, 1) == 0x1.4920219692d08p-2);
    assert_true(chance_real(&c, -10, 10) == 0x1.0e459d2bbe3a8p+2);
}

static void seeds_differ_and_fit_a_double(void **state) {
    (void)state;
    uint64_t a;
    uint64_t b;
    assert_int_equal(chance_seed(&a), TB_OK);
    assert_int_equal(chance_seed(&b), TB_OK);
    assert_true(a != b);
    assert_true(a < UINT64_C(1) << 53 && b < UINT64_C(1) << 53);
}

static void both_ends_of_a_range_come(void **state) {
    (void)state;
    struct chance c;
    chance_init(&c, 7);
    unsigned seen[6] = {0};
    for (unsigned i = 0; i < 6000; i++) {
        uint64_t x = chance_between(&c, 10, 15);
        assert_in_range(x, 10, 15);
        seen[x - 10]++;
    }
    for (unsigned i = 0; i < 6; i++) {
        assert_in_range(seen[i], 850, 1150);
    }
}

static void a_range_may_be_one_number_or_all(void **state) {
    (void)state;
    struct chance c;
    chance_init(&c, 7);
    assert_true(chance_between(&c, 5, 5) == 5);
    assert_true(chance_between(&c, UINT64_MAX, UINT64_MAX) == UINT64_MAX);
    assert_true(chance_between_signed(&c, INT64_MIN, INT64_MIN) == INT64_MIN);
    unsigned high = 0;
    unsigned negative = 0;
    for (unsigned i = 0; i < 1000; i++) {
        high += chance_between(&c, 0, UINT64_MAX) >> 63 != 0 ? 1 : 0;
        negative += chance_between_signed(&c, INT64_MIN, INT64_MAX) < 0 ? 1 : 0;
    }
    assert_in_range(high, 400, 600);
    assert_in_range(negative, 400, 600);
}

static void a_range_that_does_not_divide_is_even(void **state) {
    (void)state;
    /* Of 3 * 2^62 numbers the lower third would come twice as often by a remainder alone. */
    struct chance c;
    chance_init(&c, 1);
    unsigned lower = 0;
    for (unsigned i = 0; i < 3000; i++) {
        lower += chance_between(&c, 0, 3 * (UINT64_C(1) << 62) - 1) < UINT64_C(1) << 62 ? 1 : 0;
    }
    assert_in_range(lower, 900, 1100);
}

static void reals_reach_the_lower_end_and_not_the_upper(void **state) {
    (void)state;
    struct chance c;
    chance_init(&c, 3);
    double next = 1 + DBL_EPSILON;
    unsigned low = 0;
    for (unsigned i = 0; i < 1000; i++) {
        double x = chance_real(&c, -2, 3);
        assert_true(x >= -2 && x < 3);
        low += x < -1 ? 1 : 0;
        assert_true(chance_real(&c, 1, next) == 1);
        x = chance_real(&c, -DBL_MAX, DBL_MAX);
        assert_true(x >= -DBL_MAX && x < DBL_MAX);
        assert_true(chance_real(&c, 0.1, 0.1) == 0.1);
    }
    assert_in_range(low, 150, 250);
}

static void what_happens_follows_its_share(void **state) {
    (void)state;
    struct chance c;
    chance_init(&c, 9);
    unsigned count = 0;
    for (unsigned i = 0; i < 10000; i++) {
        assert_false(chance_happens(&c, 0));
        assert_true(chance_happens(&c, 1000000));
        count += chance_happens(&c, 300000) ? 1 : 0;
    }
    assert_in_range(count, 2800, 3200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_generator_is_xoshiro256),
        cmocka_unit_test(a_seed_becomes_a_state_by_splitmix64),
        cmocka_unit_test(everything_that_is_derived_stays_the_same),
        cmocka_unit_test(seeds_differ_and_fit_a_double),
        cmocka_unit_test(both_ends_of_a_range_come),
        cmocka_unit_test(a_range_may_be_one_number_or_all),
        cmocka_unit_test(a_range_that_does_not_divide_is_even),
        cmocka_unit_test(reals_reach_the_lower_end_and_not_the_upper),
        cmocka_unit_test(what_happens_follows_its_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
