#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "base/units.h"

#define UNTOUCHED UINT64_C(0x5ca1ab1e)
#define YEAR_H (365 * 24)

struct example {
    const char *text;
    int err;
    uint64_t value;
};

#define GOOD(text, value)                                                                          \
    { text, TB_OK, value }
#define BAD(text)                                                                                  \
    { text, TB_EINVAL, UNTOUCHED }
#define FAR(text)                                                                                  \
    { text, TB_ERANGE, UNTOUCHED }

static void check(const struct example *e, size_t count, int (*read)(const char *, uint64_t *)) {
    for (; count > 0; count--, e++) {
        uint64_t value = UNTOUCHED;
        int err = read(e->text, &value);
        if (err != e->err || value != e->value) {
            fail_msg("'%s': error %d, value %ju", e->text, err, (uintmax_t)value);
        }
    }
}

#define CHECK(examples, read) check(examples, sizeof(examples) / sizeof(*(examples)), read)

static void durations_are_milliseconds(void **state) {
    (void)state;
    const struct example examples[] = {
        GOOD("20ms", 20),     GOOD("5s", 5000),     GOOD("2m", 120000),
        GOOD("1h", 3600000),  GOOD("1.5s", 1500),   GOOD("7", 7000),
        GOOD("0", 0),         GOOD("0ms", 0),       GOOD("0.0h", 0),
        GOOD("010", 10000),   GOOD("0.5m", 30000),  GOOD("2.25", 2250),
        GOOD("1.000s", 1000), GOOD("0.001h", 3600), GOOD("000000000000000000000000001s", 1000),
    };
    CHECK(examples, units_duration);
}

static void a_fraction_of_a_millisecond_is_rounded_up(void **state) {
    (void)state;
    const struct example examples[] = {
        GOOD("0.5ms", 1),
        GOOD("1.0ms", 1),
        GOOD("1.1ms", 2),
        GOOD("0.0001s", 1),
        GOOD("0.0010s", 1),
        GOOD("0.0011s", 2),
        GOOD("0.99999s", 1000),
        GOOD("1.0000000000000000000000000000000000000000000000000000000000000000001s", 1001),
        GOOD("1.0000000000000000000000000000000000000000000000000000000000000000000s", 1000),
        GOOD("0.3333333333333333333333333333333333333h", 1200000),
    };
    CHECK(examples, units_duration);
}

static void what_is_not_a_duration_is_refused(void **state) {
    (void)state;
    const struct example examples[] = {
        BAD(""),     BAD("s"),        BAD("ms"),   BAD(".5s"),   BAD("5."),  BAD("5.s"),
        BAD("."),    BAD(" 5"),       BAD("5 "),   BAD("5 s"),   BAD("-5"),  BAD("+5"),
        BAD("1e3"),  BAD("0x10"),     BAD("5S"),   BAD("5MS"),   BAD("5d"),  BAD("5ss"),
        BAD("5mss"), BAD("1m30s"),    BAD("1,5s"), BAD("1.5.5"), BAD("inf"), BAD("nan"),
        BAD("5s\n"), BAD("\xd9\xa5"),
    };
    CHECK(examples, units_duration);
}

static void a_duration_ends_at_ten_years(void **state) {
    (void)state;
    const uint64_t most = UINT64_C(10) * YEAR_H * 3600 * 1000;
    const struct example examples[] = {
        GOOD("87600h", most),
        GOOD("315360000", most),
        GOOD("315360000000ms", most),
        GOOD("87599.99999999999999h", most),
        FAR("87601h"),
        FAR("87600.5h"),
        FAR("315360000001ms"),
        FAR("315360000000.1ms"),
        FAR("87600.00000000000000000001h"),
        FAR("18446744073709551615"),
        FAR("18446744073709551616ms"),
        FAR("99999999999999999999999999999999999999999h"),
        BAD("99999999999999999999999999999999999999999x"),
    };
    CHECK(examples, units_duration);
}

static void sizes_are_powers_of_1024(void **state) {
    (void)state;
    const struct example examples[] = {
        GOOD("100", 100),
        GOOD("100B", 100),
        GOOD("64K", 65536),
        GOOD("16KB", 16384),
        GOOD("16kb", 16384),
        GOOD("1KiB", 1024),
        GOOD("1M", 1048576),
        GOOD("1mB", 1048576),
        GOOD("1MiB", 1048576),
        GOOD("2G", 2147483648),
        GOOD("2gib", 2147483648),
        GOOD("2Gb", 2147483648),
        GOOD("0", 0),
        GOOD("0G", 0),
        GOOD("007b", 7),
        GOOD("1.5M", 1572864),
        GOOD("0.5K", 512),
        GOOD("1.0", 1),
        GOOD("0.0009765625K", 1),
        GOOD("3.00B", 3),
    };
    CHECK(examples, units_size);
}

static void what_is_not_a_size_is_refused(void **state) {
    (void)state;
    const struct example examples[] = {
        BAD(""),    BAD("K"),     BAD("-1"),   BAD("+1"),    BAD(" 1"),
        BAD("1 "),  BAD("1 K"),   BAD("1T"),   BAD("1KK"),   BAD("1Ki"),
        BAD("1iB"), BAD("1e6"),   BAD("0x10"), BAD(".5K"),   BAD("1.K"),
        BAD("1_0"), BAD("1,000"), BAD("1K\n"), BAD("1KiBs"), BAD("1\xe2\x84\xaa"),
    };
    CHECK(examples, units_size);
}

static void a_part_of_a_byte_is_refused(void **state) {
    (void)state;
    const struct example examples[] = {
        BAD("1.5"),
        BAD("0.5B"),
        BAD("0.1K"),
        BAD("1.00000000000000000000000000000000001G"),
        BAD("0.00048828125K"),
    };
    CHECK(examples, units_size);
}

static void a_size_ends_at_two_to_the_63(void **state) {
    (void)state;
    const struct example examples[] = {
        GOOD("9223372036854775807", INT64_MAX),
        GOOD("8589934591G", UINT64_C(8589934591) << 30),
        GOOD("8589934591.5G", (UINT64_C(8589934591) << 30) + (1 << 29)),
        FAR("9223372036854775808"),
        FAR("8589934592G"),
        FAR("18446744073709551615"),
        FAR("18446744073709551616"),
        FAR("17179869184G"),
        FAR("17179869185G"),
        FAR("18014398509481985K"),
        FAR("99999999999999999999999999999999"),
    };
    CHECK(examples, units_size);
}

static int read_port(const char *s, uint64_t *n) {
    return units_count(s, 1, 65535, n);
}

static int read_any(const char *s, uint64_t *n) {
    return units_count(s, 0, UINT64_MAX, n);
}

static void counts_keep_to_their_limits(void **state) {
    (void)state;
    const struct example ports[] = {
        GOOD("1", 1), GOOD("4000", 4000), GOOD("65535", 65535), GOOD("00080", 80),
        FAR("0"),     FAR("65536"),       FAR("4294967297"),    FAR("18446744073709551617"),
    };
    CHECK(ports, read_port);
    const struct example any[] = {
        GOOD("0", 0),
        GOOD("18446744073709551615", UINT64_MAX),
        FAR("18446744073709551616"),
        FAR("18446744073709551620"),
        FAR("184467440737095516150"),
    };
    CHECK(any, read_any);
}

static void what_is_not_a_count_is_refused(void **state) {
    (void)state;
    const struct example examples[] = {
        BAD(""),
        BAD("-1"),
        BAD("+1"),
        BAD(" 1"),
        BAD("1 "),
        BAD("1.0"),
        BAD("0x1f"),
        BAD("1K"),
        BAD("one"),
        BAD("1e2"),
        BAD("99999999999999999999x"),
    };
    CHECK(examples, read_any);
}

static void shares_are_millionths(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int err;
        uint32_t millionths;
    } examples[] = {
        {"30%", TB_OK, 300000},
        {"0.5%", TB_OK, 5000},
        {"0%", TB_OK, 0},
        {"100%", TB_OK, 1000000},
        {"0.0001%", TB_OK, 1},
        {"33.3333%", TB_OK, 333333},
        {"100.0000%", TB_OK, 1000000},
        {"0.00001%", TB_EINVAL, 0},
        {"100.0001%", TB_ERANGE, 0},
        {"101%", TB_ERANGE, 0},
        {"30", TB_EINVAL, 0},
        {"%", TB_EINVAL, 0},
        {"-1%", TB_EINVAL, 0},
        {"30 %", TB_EINVAL, 0},
        {"30%%", TB_EINVAL, 0},
        {"18446744073709551616%", TB_ERANGE, 0},
    };
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        uint32_t millionths = 0;
        assert_int_equal(units_percent(examples[i].text, &millionths), examples[i].err);
        assert_int_equal(millionths, examples[i].millionths);
    }
}

/* Every duration and size that can be written with three decimals, against plain arithmetic. */
static void fractions_agree_with_integer_arithmetic(void **state) {
    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        char text[32];
        uint64_t value;
        snprintf(text, sizeof(text), "%u.%03us", i / 1000, i % 1000);
        assert_int_equal(units_duration(text, &value), TB_OK);
        assert_int_equal(value, i);
        snprintf(text, sizeof(text), "%u.%03um", i / 1000, i % 1000);
        assert_int_equal(units_duration(text, &value), TB_OK);
        assert_int_equal(value, i * 60);
        snprintf(text, sizeof(text), "%u.%03uK", i / 1000, i % 1000);
        bool whole = i * 1024 % 1000 == 0;
        assert_int_equal(units_size(text, &value), whole ? TB_OK : TB_EINVAL);
        assert_true(!whole || value == i * 1024 / 1000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_milliseconds),
        cmocka_unit_test(a_fraction_of_a_millisecond_is_rounded_up),
        cmocka_unit_test(what_is_not_a_duration_is_refused),
        cmocka_unit_test(a_duration_ends_at_ten_years),
        cmocka_unit_test(sizes_are_powers_of_1024),
        cmocka_unit_test(what_is_not_a_size_is_refused),
        cmocka_unit_test(a_part_of_a_byte_is_refused),
        cmocka_unit_test(a_size_ends_at_two_to_the_63),
        cmocka_unit_test(counts_keep_to_their_limits),
        cmocka_unit_test(what_is_not_a_count_is_refused),
        cmocka_unit_test(shares_are_millionths),
        cmocka_unit_test(fractions_agree_with_integer_arithmetic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
