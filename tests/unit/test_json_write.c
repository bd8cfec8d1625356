#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"
#include "base/json_text.h"
#include "base/json_write.h"
#include "failing_alloc.h"

static void assert_written_n(const void *p, size_t n, const char *expected) {
    struct bytes out = BYTES_INIT;
    assert_int_equal(bytes_append_str(&out, "x"), TB_OK);
    assert_int_equal(json_write_string(&out, p, n), TB_OK);
    assert_int_equal(out.len, strlen(expected) + 1);
    assert_memory_equal(out.data + 1, expected, out.len - 1);
    bytes_release(&out);
}

static void assert_written(const char *text, const char *expected) {
    assert_written_n(text, strlen(text), expected);
}

static void plain_text_stands_in_quotes(void **state) {
    (void)state;
    assert_written("", "\"\"");
    assert_written_n(NULL, 0, "\"\"");
    assert_written("hi / there", "\"hi / there\"");
    assert_written("\x7f\xd0\xb6\xe2\x82\xac\xf0\x9f\x98\x80",
                   "\"\x7f\xd0\xb6\xe2\x82\xac\xf0\x9f\x98\x80\"");
}

static void what_json_does_not_allow_is_escaped(void **state) {
    (void)state;
    assert_written("say \"\\\"", "\"say \\\"\\\\\\\"\"");
    assert_written("\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"");
    assert_written("\x01z\x1f", "\"\\u0001z\\u001f\"");
    assert_written_n("a\0b", 3, "\"a\\u0000b\"");
}

static void bytes_that_are_not_text_are_replaced_one_by_one(void **state) {
    (void)state;
    assert_written("a\xff\xfe", "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
    assert_written("\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    assert_written("\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void every_byte_gives_json(void **state) {
    (void)state;
    struct bytes out = BYTES_INIT;
    for (unsigned c = 0; c < 0x10000; c++) {
        const uint8_t two[2] = {(uint8_t)c, (uint8_t)(c >> 8)};
        bytes_clear(&out);
        assert_int_equal(json_write_string(&out, two, 2), TB_OK);
        assert_true(json_text_is_valid(out.data, out.len));
    }
    bytes_release(&out);
}

static void nothing_is_written_when_memory_is_out(void **state) {
    (void)state;
    char text[300];
    memset(text, '\n', sizeof(text));
    unsigned n = 0;
    do {
        struct bytes out = BYTES_INIT;
        fail_alloc_at(n);
        int err = json_write_string(&out, text, sizeof(text));
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
        assert_int_equal(out.len, err == TB_OK ? 602 : 0);
        bytes_release(&out);
    } while (n++ < alloc_count());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_stands_in_quotes),
        cmocka_unit_test(what_json_does_not_allow_is_escaped),
        cmocka_unit_test(bytes_that_are_not_text_are_replaced_one_by_one),
        cmocka_unit_test(every_byte_gives_json),
        cmocka_unit_test(nothing_is_written_when_memory_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
