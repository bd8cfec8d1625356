#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "app/connect/keys.h"
#include "base/err.h"
#include "base/text.h"
#include "failing_alloc.h"

/* Keys as text: "T(abc)C(\x01)S(\x1b[A)P(...)". */
static void write_key(void *ctx, enum key_kind kind, const uint8_t *p, size_t n) {
    struct bytes *log = ctx;
    assert_int_equal(bytes_appendf(log, "%c(", "TCSP"[kind]), TB_OK);
    assert_int_equal(text_escape(log, p, n, TEXT_ONE_LINE), TB_OK);
    assert_int_equal(bytes_append(log, ")", 1), TB_OK);
}

static void assert_keys(const char *const *pieces, const char *expected) {
    struct bytes log = BYTES_INIT;
    struct keys keys;
    keys_init(&keys, write_key, &log);
    for (; *pieces != NULL; pieces++) {
        assert_int_equal(keys_feed(&keys, (const uint8_t *)*pieces, strlen(*pieces)), TB_OK);
    }
    keys_release(&keys);
    assert_int_equal(bytes_append(&log, "", 1), TB_OK);
    assert_string_equal((const char *)log.data, expected);
    bytes_release(&log);
}

#define ASSERT_KEYS(expected, ...) assert_keys((const char *const[]){__VA_ARGS__, NULL}, expected)

static void text_and_controls_are_told_apart(void **state) {
    (void)state;
    ASSERT_KEYS("T(abc)C(\\x0d)T(d)C(\\x7f)C(\\x01)", "abc\rd\x7f\x01");
    ASSERT_KEYS("T(їж 漢😀)", "їж 漢😀");
}

static void a_key_is_never_in_pieces(void **state) {
    (void)state;
    ASSERT_KEYS("T(a)T(ж)T(b)", "a\xd0", "\xb6", "b");
    ASSERT_KEYS("T(😀)", "\xf0", "\x9f", "\x98", "\x80");
    ASSERT_KEYS("S(\\x1b[A)T(x)", "\x1b", "[", "Ax");
    ASSERT_KEYS("S(\\x1b[1;5C)S(\\x1bOH)S(\\x1bf)S(\\x1b[[A)", "\x1b[1;", "5C\x1bO", "H\x1b",
                "f\x1b[[", "A");
}

static void what_is_no_key_is_dropped(void **state) {
    (void)state;
    ASSERT_KEYS("T(a)T(b)", "a\xff\xc0\x80\xed\xa0\x80"
                            "b");
    ASSERT_KEYS("T(a)T(b)", "a\xe2\x82"
                            "b");
    ASSERT_KEYS("T(a)T(b)", "a\xc2\x9b"
                            "b");
    ASSERT_KEYS("S(\\x1b[A)", "\x1b\x1b[A");
    ASSERT_KEYS("S(\\x1b[1)C(\\x0d)", "\x1b[1\r");
    ASSERT_KEYS("T(ж)", "\x1bж");
    ASSERT_KEYS("S(\\x1b[111111111111111111111111111111)T(11)",
                "\x1b[11111111111111111111111111111111");
}

static void a_paste_is_one_key_without_controls(void **state) {
    (void)state;
    ASSERT_KEYS("P(abc)T(d)", "\x1b[200~abc\x1b[201~d");
    ASSERT_KEYS("P(a\\nb\\n\\n\\tc)", "\x1b[200~a\rb\r\n\n\tc\r\n\r\x1b[201~");
    ASSERT_KEYS("P([31mxж)", "\x1b[200~\x1b[31m\x07x\x7f\xc2\x9b\xffж\x1b[201~");
    ASSERT_KEYS("P()", "\x1b[200~\x1b[201~");
    ASSERT_KEYS("P(ab\\ncd)C(\\x0d)", "\x1b[20", "0~a", "b\n", "c", "d\x1b", "[201", "~\r");
}

static void one_byte_at_a_time_gives_the_same_keys(void **state) {
    (void)state;
    static const char input[] = "\x1b[A\x01\x1b[200~x\nж\x1b[201~\r\x1b[3~";
    struct bytes log = BYTES_INIT;
    struct keys keys;
    keys_init(&keys, write_key, &log);
    for (size_t i = 0; i < sizeof(input) - 1; i++) {
        assert_int_equal(keys_feed(&keys, (const uint8_t *)input + i, 1), TB_OK);
    }
    keys_release(&keys);
    assert_int_equal(bytes_append(&log, "", 1), TB_OK);
    assert_string_equal((const char *)log.data, "S(\\x1b[A)C(\\x01)P(x\\nж)C(\\x0d)S(\\x1b[3~)");
    bytes_release(&log);
}

static void no_memory_loses_input_and_nothing_else(void **state) {
    (void)state;
    struct bytes log = BYTES_INIT;
    struct keys keys;
    keys_init(&keys, write_key, &log);
    fail_alloc_at(0);
    assert_int_equal(keys_feed(&keys, (const uint8_t *)"a", 1), TB_ENOMEM);
    fail_alloc_off();
    assert_int_equal(keys_feed(&keys, (const uint8_t *)"b", 1), TB_OK);
    assert_int_equal(log.len, 4);
    assert_memory_equal(log.data, "T(b)", 4);
    keys_release(&keys);
    bytes_release(&log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_controls_are_told_apart),
        cmocka_unit_test(a_key_is_never_in_pieces),
        cmocka_unit_test(what_is_no_key_is_dropped),
        cmocka_unit_test(a_paste_is_one_key_without_controls),
        cmocka_unit_test(one_byte_at_a_time_gives_the_same_keys),
        cmocka_unit_test(no_memory_loses_input_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
