/* A message as text for a terminal, and in one line for a pipe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "app/connect/paint.h"
#include "base/err.h"
#include "failing_alloc.h"

static struct bytes out;

static int tear_down(void **state) {
    (void)state;
    bytes_release(&out);
    return 0;
}

static const char *painted(const void *p, size_t n, struct paint_style style) {
    bytes_clear(&out);
    assert_int_equal(paint_message(&out, p, n, &style), TB_OK);
    assert_int_equal(bytes_append(&out, "", 1), TB_OK);
    return (const char *)out.data;
}

#define PAINTED(text, ...) painted(text, sizeof(text) - 1, (struct paint_style){__VA_ARGS__})

static const char *in_one_line(const char *text) {
    bytes_clear(&out);
    assert_int_equal(paint_one_line(&out, (const uint8_t *)text, strlen(text)), TB_OK);
    assert_int_equal(bytes_append(&out, "", 1), TB_OK);
    return (const char *)out.data;
}

static void a_text_is_safe_and_its_lines_stand_below_each_other(void **state) {
    (void)state;
    assert_string_equal(PAINTED("hi", .pretty = true), "hi\n");
    assert_string_equal(PAINTED("", .pretty = true), "\n");
    assert_string_equal(PAINTED("a\nb\n", .pretty = true), "a\n  b\n\n");
    assert_string_equal(PAINTED("\x1b[2J\x07\xFF\xE2\x80\xAE", .raw = false),
                        "\\x1b[2J\\x07\\xff\\u{202e}\n");
    assert_string_equal(PAINTED("\x1b[2J", .raw = true), "\x1b[2J\n");
}

static void json_is_indented_and_nothing_of_it_is_lost(void **state) {
    (void)state;
    assert_string_equal(PAINTED("{\"b\":12345678901234567890,\"a\":1.0e5}", .pretty = true),
                        "{\n    \"b\": 12345678901234567890,\n    \"a\": 1.0e5\n  }\n");
    assert_string_equal(PAINTED("{\"a\":1}", .pretty = false), "{\"a\":1}\n");
    assert_string_equal(PAINTED("12", .pretty = true), "12\n");
    assert_string_equal(PAINTED("{\"a\":", .pretty = true), "{\"a\":\n");
    assert_non_null(strstr(PAINTED("[\"x\"]", .pretty = true, .colour = true), "\x1b[32m\"x\""));
    assert_string_equal(PAINTED("[\"\x7f\"]", .pretty = true), "[\n    \"\\x7f\"\n  ]\n");
}

/* Each level would be indented by more than the one before: the text is shown as it came. */
static void json_that_would_grow_without_measure_stays_as_it_is(void **state) {
    (void)state;
    char deep[1001];
    memset(deep, '[', 500);
    memset(deep + 500, ']', 500);
    deep[1000] = '\0';
    const char *text = painted(deep, 1000, (struct paint_style){.pretty = true});
    assert_int_equal(strlen(text), 1001);
}

static void binary_is_a_hexdump_below_its_size(void **state) {
    (void)state;
    assert_string_equal(PAINTED("\x00\xff"
                                "A",
                                .binary = true, .pretty = true),
                        "binary, 3 bytes\n  00000000  00 ff 41                              "
                        "            |..A|\n");
    assert_string_equal(painted("", 0, (struct paint_style){.binary = true}), "binary, 0 bytes\n");
    assert_non_null(strstr(PAINTED("A", .binary = true), "binary, 1 byte\n"));
}

static void line_breaks_become_spaces_in_json_only(void **state) {
    (void)state;
    assert_string_equal(in_one_line("{\r\n \"a\\n\": 1\n}"), "{   \"a\\n\": 1 }");
    assert_string_equal(in_one_line("a\nb\r\nc"), "a\\nb\\r\\nc");
    assert_string_equal(in_one_line("{\n"), "{\\n");
}

static void a_payload_is_text_or_hexadecimal(void **state) {
    (void)state;
    bytes_clear(&out);
    paint_payload(&out, (const uint8_t *)"abc", 3);
    paint_payload(&out, (const uint8_t *)"\x00\xFF", 2);
    assert_int_equal(out.len, 7);
    assert_memory_equal(out.data, "abc00ff", 7);
}

static void a_failed_allocation_is_an_error(void **state) {
    (void)state;
    static const char json[] = "{\"a\":[1,2,3]}";
    const struct paint_style style = {.pretty = true, .colour = true};
    unsigned n = 0;
    int err;
    do {
        struct bytes text = BYTES_INIT;
        fail_alloc_at(n);
        err = paint_message(&text, (const uint8_t *)json, sizeof json - 1, &style);
        fail_alloc_off();
        assert_true(err == TB_OK || err == TB_ENOMEM);
        bytes_release(&text);
    } while (n++ < alloc_count());
    assert_int_equal(err, TB_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, NULL, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_text_is_safe_and_its_lines_stand_below_each_other),
        TEST(json_is_indented_and_nothing_of_it_is_lost),
        TEST(json_that_would_grow_without_measure_stays_as_it_is),
        TEST(binary_is_a_hexdump_below_its_size),
        TEST(line_breaks_become_spaces_in_json_only),
        TEST(a_payload_is_text_or_hexadecimal),
        TEST(a_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
