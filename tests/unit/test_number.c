#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "script/chance.h"
#include "script/number.h"

static struct number read(const char *text) {
    return number_read(text, strlen(text));
}

static void assert_written(struct number x, const char *expected) {
    char text[NUMBER_TEXT_MAX];
    size_t n = number_write(x, text);
    assert_string_equal(text, expected);
    assert_int_equal(n, strlen(expected));
}

static void a_number_is_what_json_calls_so(void **state) {
    (void)state;
    static const char *const good[] = {"0", "-0", "12", "-1.50", "1e5", "1E+05", "0.1e-7"};
    static const char *const bad[] = {"",   "-",   "+1",   "007",  "1.",  ".5", "1e", " 1", "1 ",
                                      "1x", "0x1", "true", "null", "nan", "[1", "-a", "1,2"};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        assert_true(number_is_text(good[i], strlen(good[i])));
        assert_int_not_equal(read(good[i]).kind, NUMBER_NONE);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_false(number_is_text(bad[i], strlen(bad[i])));
        assert_int_equal(read(bad[i]).kind, NUMBER_NONE);
    }
}

static void whole_numbers_have_64_bits(void **state) {
    (void)state;
    assert_true(read("9223372036854775807").whole == INT64_MAX);
    assert_true(read("-9223372036854775808").whole == INT64_MIN);
    assert_int_equal(read("-9223372036854775808").kind, NUMBER_WHOLE);
    assert_int_equal(read("9223372036854775808").kind, NUMBER_REAL);
    assert_true(read("9223372036854775808").real == 0x1p63);
    assert_int_equal(read("-9223372036854775809").kind, NUMBER_REAL);
    assert_int_equal(read("1.0").kind, NUMBER_REAL);
}

static void what_is_too_large_is_none(void **state) {
    (void)state;
    char text[NUMBER_SIZE_MAX + 1];
    memset(text, '0', sizeof(text));
    text[1] = '.';
    text[NUMBER_SIZE_MAX] = '1';
    assert_int_equal(number_read(text, NUMBER_SIZE_MAX).kind, NUMBER_REAL);
    assert_int_equal(number_read(text, NUMBER_SIZE_MAX + 1).kind, NUMBER_NONE);
    assert_int_equal(read("1e309").kind, NUMBER_NONE);
    assert_int_equal(read("1e-400").kind, NUMBER_REAL);
}

static void assert_reckoned(const char *a, char op, const char *b, const char *expected) {
    assert_written(number_reckon(op, read(a), read(b)), expected);
}

static void whole_numbers_stay_whole_where_they_can(void **state) {
    (void)state;
    assert_reckoned("2", '+', "3", "5");
    assert_reckoned("2", '-', "3", "-1");
    assert_reckoned("4", '*', "-3", "-12");
    assert_reckoned("6", '/', "3", "2");
    assert_reckoned("7", '/', "2", "3.5");
    assert_reckoned("7", '%', "4", "3");
    assert_reckoned("-7", '%', "4", "-3");
    assert_reckoned("7", '%', "-4", "3");
    assert_reckoned("9007199254740993", '+', "0", "9007199254740993");
    assert_reckoned("9007199254740993", '/', "1", "9007199254740993");
}

static void what_does_not_fit_becomes_a_double(void **state) {
    (void)state;
    assert_reckoned("9223372036854775807", '+', "1", "9223372036854776000");
    assert_reckoned("-9223372036854775808", '-', "1", "-9223372036854776000");
    assert_reckoned("9223372036854775807", '*', "2", "18446744073709552000");
    assert_reckoned("-9223372036854775808", '/', "-1", "9223372036854776000");
    assert_reckoned("-9223372036854775808", '%', "-1", "0");
    assert_written(number_negate(number_whole(INT64_MIN)), "9223372036854776000");
}

static void doubles_are_reckoned_with_whole_numbers(void **state) {
    (void)state;
    assert_reckoned("0.5", '+', "1", "1.5");
    assert_reckoned("1", '-', "0.75", "0.25");
    assert_reckoned("0.5", '*', "4", "2");
    assert_reckoned("1", '/', "0.25", "4");
    assert_reckoned("5.5", '%', "2", "1.5");
    assert_reckoned("-5.5", '%', "2", "-1.5");
    assert_written(number_negate(read("1.5")), "-1.5");
    assert_written(number_negate(number_whole(7)), "-7");
}

static void what_cannot_be_reckoned_is_none(void **state) {
    (void)state;
    assert_reckoned("1", '/', "0", "");
    assert_reckoned("1", '%', "0", "");
    assert_reckoned("1", '/', "0.0", "");
    assert_reckoned("1.5", '%', "-0", "");
    assert_reckoned("x", '+', "1", "");
    assert_reckoned("1", '+', "x", "");
    assert_reckoned("1e308", '*', "10", "");
    assert_int_equal(number_negate((struct number){0}).kind, NUMBER_NONE);
    assert_int_equal(number_real(NAN).kind, NUMBER_NONE);
    assert_int_equal(number_real(INFINITY).kind, NUMBER_NONE);
    assert_true(number_as_real((struct number){0}) == 0);
}

static void doubles_are_written_briefly(void **state) {
    (void)state;
    assert_written(number_real(0.1), "0.1");
    assert_written(number_real(0.1 + 0.2), "0.30000000000000004");
    assert_written(number_real(100), "100");
    assert_written(number_real(-0.0), "0");
    assert_written(number_real(123.456), "123.456");
    assert_written(number_real(1e20), "100000000000000000000");
    assert_written(number_real(1e21), "1e+21");
    assert_written(number_real(-1.5e300), "-1.5e+300");
    assert_written(number_real(0.000001), "0.000001");
    assert_written(number_real(-0.0000012345), "-0.0000012345");
    assert_written(number_real(1.25e-7), "1.25e-7");
    assert_written(number_real(5e-324), "5e-324");
    assert_written(number_real(1.7976931348623157e308), "1.7976931348623157e+308");
}

static void doubles_come_back_as_they_were(void **state) {
    (void)state;
    struct chance c;
    chance_init(&c, 1);
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t bits = chance_next(&c);
        double x;
        memcpy(&x, &bits, sizeof(x));
        x = i % 2 == 0 ? x : chance_real(&c, -1e6, 1e6);
        if (isfinite(x)) {
            char text[NUMBER_TEXT_MAX];
            size_t n = number_write(number_real(x), text);
            assert_true(number_as_real(number_read(text, n)) == x);
        }
    }
}

static int compare(const char *a, const char *b) {
    int order = number_compare_texts(a, strlen(a), b, strlen(b));
    int reverse = number_compare_texts(b, strlen(b), a, strlen(a));
    assert_int_equal(order<0, reverse> 0);
    assert_int_equal(order > 0, reverse < 0);
    return order;
}

static void numbers_are_the_same_however_they_are_spelt(void **state) {
    (void)state;
    assert_int_equal(compare("1", "1.0"), 0);
    assert_int_equal(compare("1", "10e-1"), 0);
    assert_int_equal(compare("100", "1E+2"), 0);
    assert_int_equal(compare("0.001", "1e-3"), 0);
    assert_int_equal(compare("-12.50", "-1.25e1"), 0);
    assert_int_equal(compare("0", "-0.0e99"), 0);
    assert_int_equal(compare("1e99999999999999999999999", "1e99999999999999999999999"), 0);
}

static void numbers_are_ordered_by_their_value(void **state) {
    (void)state;
    static const char *const rising[] = {
        "-1e99999999999999999999",
        "-10",
        "-9.5",
        "-9",
        "-0.1",
        "-1e-9",
        "0",
        "1e-999",
        "0.09",
        "0.1",
        "0.2",
        "1",
        "2",
        "2.01",
        "9",
        "1e1",
        "11",
        "100",
    };
    for (size_t i = 1; i < sizeof(rising) / sizeof(*rising); i++) {
        assert_true(compare(rising[i - 1], rising[i]) < 0);
    }
}

static void large_numbers_differ_in_their_last_digit(void **state) {
    (void)state;
    assert_true(compare("18446744073709551614", "18446744073709551615") < 0);
    assert_true(compare("0.12345678901234567890123", "0.12345678901234567890124") < 0);
    assert_true(compare("-18446744073709551614", "-18446744073709551615") > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_what_json_calls_so),
        cmocka_unit_test(whole_numbers_have_64_bits),
        cmocka_unit_test(what_is_too_large_is_none),
        cmocka_unit_test(whole_numbers_stay_whole_where_they_can),
        cmocka_unit_test(what_does_not_fit_becomes_a_double),
        cmocka_unit_test(doubles_are_reckoned_with_whole_numbers),
        cmocka_unit_test(what_cannot_be_reckoned_is_none),
        cmocka_unit_test(doubles_are_written_briefly),
        cmocka_unit_test(doubles_come_back_as_they_were),
        cmocka_unit_test(numbers_are_the_same_however_they_are_spelt),
        cmocka_unit_test(numbers_are_ordered_by_their_value),
        cmocka_unit_test(large_numbers_differ_in_their_last_digit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
