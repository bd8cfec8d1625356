#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json_text.h"
#include "failing_alloc.h"

static const struct json_text_style plain = {.indent = 2};

static enum json_text_state look(const char *text) {
    return json_text_look(text, strlen(text));
}

static void assert_all(enum json_text_state state, const char *const *texts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (look(texts[i]) != state) {
            fail_msg("%s: %d", texts[i], (int)look(texts[i]));
        }
    }
}

#define ASSERT_ALL(state, texts) assert_all(state, texts, sizeof(texts) / sizeof((texts)[0]))

static void what_the_rfc_allows_is_complete(void **state) {
    (void)state;
    static const char *const texts[] = {
        "0",
        "-0",
        "10",
        "-1.50",
        "1e5",
        "1E+05",
        "0.1e-7",
        "123456789012345678901234567890",
        "true",
        " false\t",
        "\r\nnull",
        "\"\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00aF\"",
        "\"\x7f\xd0\xb6\xe2\x82\xac\xf0\x9f\x98\x80\"",
        "\"\\ud800\"",
        "[]",
        "[ ]",
        "{}",
        "{ }",
        "[1,2]",
        "[[],{}]",
        "{\"a\":1,\"a\":2}",
        " { \"a\" : [ true , { \"\" : null } ] } ",
    };
    ASSERT_ALL(JSON_TEXT_COMPLETE, texts);
}

static void what_the_rfc_forbids_is_broken(void **state) {
    (void)state;
    static const char *const texts[] = {
        "01",
        "+1",
        ".5",
        "1.e5",
        "1.x",
        "-x",
        "0x1",
        "1 2",
        "tru ",
        "True",
        "nul1",
        "NaN",
        "'a'",
        "\"a\nb\"",
        "\"\x1f\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xe2\x82\"",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1}",
        "{]",
        "{,}",
        "{1:2}",
        "{\"a\"}",
        "{\"a\",",
        "{\"a\":1,}",
        "{\"a\":}",
        "{\"a\":1 \"b\"",
        "]",
        "}",
        ",",
        ":",
        "[]]",
        "{}{}",
        "\xef\xbb\xbf{}",
        "/**/1",
        "[1]x",
    };
    ASSERT_ALL(JSON_TEXT_BROKEN, texts);
    assert_int_equal(json_text_look("1\0", 2), JSON_TEXT_BROKEN);
    assert_int_equal(json_text_look("\"\\\0\"", 4), JSON_TEXT_BROKEN);
}

static void each_beginning_of_a_value_is_incomplete(void **state) {
    (void)state;
    static const char text[] =
        " {\"k\\n\" : [tr"
        "ue, -0.1e+7, null, \"\\u00e9 \xd0\xb6\xe2\x82\xac\xf0\x9f\x98\x80\xed\x9f\xbf"
        "\xf4\x8f\xbf\xbf\"], \"\":{ }}";
    for (size_t n = 0; n < sizeof(text) - 1; n++) {
        if (json_text_look(text, n) != JSON_TEXT_INCOMPLETE) {
            fail_msg("%zu bytes", n);
        }
    }
    assert_true(json_text_is_valid(text, sizeof(text) - 1));
    static const char *const texts[] = {"", " \n", "-", "1.", "1e", "1e+", "t", "\"\\u1"};
    ASSERT_ALL(JSON_TEXT_INCOMPLETE, texts);
}

static void nesting_ends_at_its_limit(void **state) {
    (void)state;
    enum { DEEP = 100000 };
    char *text = malloc(DEEP);
    assert_non_null(text);
    memset(text, '[', DEEP);
    memset(text + JSON_TEXT_DEPTH_MAX, ']', JSON_TEXT_DEPTH_MAX);
    assert_int_equal(json_text_look(text, JSON_TEXT_DEPTH_MAX), JSON_TEXT_INCOMPLETE);
    assert_int_equal(json_text_look(text, 2 * JSON_TEXT_DEPTH_MAX), JSON_TEXT_COMPLETE);
    text[JSON_TEXT_DEPTH_MAX] = '[';
    assert_int_equal(json_text_look(text, JSON_TEXT_DEPTH_MAX + 1), JSON_TEXT_BROKEN);
    assert_int_equal(json_text_look(text, DEEP), JSON_TEXT_BROKEN);
    free(text);
}

static void assert_pretty(const char *text, const struct json_text_style *style,
                          const char *expected) {
    struct bytes out = BYTES_INIT;
    assert_int_equal(json_text_pretty(&out, text, strlen(text), style), TB_OK);
    assert_int_equal(bytes_append(&out, "", 1), TB_OK);
    assert_string_equal((const char *)out.data, expected);
    bytes_release(&out);
}

static void pretty_text_is_indented(void **state) {
    (void)state;
    assert_pretty(" 1 ", &plain, "1");
    assert_pretty("[ ]", &plain, "[]");
    assert_pretty("{\"a\":[1,{\"b\":{}}],\"c\":[[]]}", &plain,
                  "{\n  \"a\": [\n    1,\n    {\n      \"b\": {}\n    }\n  ],\n  \"c\": [\n    []\n"
                  "  ]\n}");
}

static void nothing_is_lost_or_reordered(void **state) {
    (void)state;
    assert_pretty("{\"b\":12345678901234567890123, \"a\":1.0e+0,\"b\":-0, \"c\":\"\\u00e9\\/\"}",
                  &plain,
                  "{\n  \"b\": 12345678901234567890123,\n  \"a\": 1.0e+0,\n  \"b\": -0,\n"
                  "  \"c\": \"\\u00e9\\/\"\n}");
}

static void what_a_terminal_could_obey_is_shown(void **state) {
    (void)state;
    static const struct json_text_style raw = {.indent = 2, .raw = true};
    assert_pretty("\"\x7f\xc2\x9b \xe2\x80\xae\"", &plain, "\"\\x7f\\u{9b} \\u{202e}\"");
    assert_pretty("{\"\xc2\x9b\":0}", &plain, "{\n  \"\\u{9b}\": 0\n}");
    assert_pretty("\"\x7f\xc2\x9b\"", &raw, "\"\x7f\xc2\x9b\"");
}

static void classes_of_tokens_have_their_colours(void **state) {
    (void)state;
    static const struct json_text_colours colours = {
        .key = "K", .string = "S", .number = "N", .literal = "L", .punctuation = "P", .off = "_"};
    static const struct json_text_colours keys = {.key = "K", .off = "_"};
    const struct json_text_style style = {.indent = 1, .colours = &colours};
    const struct json_text_style some = {.indent = 1, .colours = &keys};
    assert_pretty("{\"k\":[\"s\",1,null]}", &style,
                  "P{_\n K\"k\"_P:_ P[_\n  S\"s\"_P,_\n  N1_P,_\n  Lnull_\n P]_\nP}_");
    assert_pretty("{\"k\":\"s\"}", &some, "{\n K\"k\"_: \"s\"\n}");
}

static void text_that_is_not_json_leaves_no_trace(void **state) {
    (void)state;
    struct bytes out = BYTES_INIT;
    assert_int_equal(bytes_append_str(&out, "kept"), TB_OK);
    assert_int_equal(json_text_pretty(&out, "[1,2", 4, &plain), TB_EINVAL);
    assert_int_equal(json_text_compact(&out, "[1, 2", 5), TB_EINVAL);
    assert_int_equal(json_text_compact(&out, "", 0), TB_EINVAL);
    assert_int_equal(out.len, 4);
    bytes_release(&out);
}

static void deep_text_cannot_grow_beyond_the_limit(void **state) {
    (void)state;
    char text[5000];
    memset(text, '[', 500);
    for (size_t i = 500; i < 4500; i += 2) {
        text[i] = '1';
        text[i + 1] = i < 4498 ? ',' : ' ';
    }
    memset(text + 4500, ']', 500);
    const struct json_text_style limited = {.indent = 2, .size_max = 1000000};
    struct bytes out = BYTES_INIT;
    assert_int_equal(json_text_pretty(&out, text, sizeof(text), &plain), TB_OK);
    assert_true(out.len > 2000000);
    bytes_release(&out);
    assert_int_equal(json_text_pretty(&out, text, sizeof(text), &limited), TB_ERANGE);
    assert_int_equal(out.len, 0);
    assert_true(out.cap < 4000000);
    bytes_release(&out);
}

static void compact_text_has_no_space_between_tokens(void **state) {
    (void)state;
    static const char text[] = " {\r\n\t\"a b\" : [ 1 , 2 ] , \"\" : { } }\n";
    static const char expected[] = "{\"a b\":[1,2],\"\":{}}";
    struct bytes out = BYTES_INIT;
    assert_int_equal(json_text_compact(&out, text, sizeof(text) - 1), TB_OK);
    assert_int_equal(out.len, sizeof(expected) - 1);
    assert_memory_equal(out.data, expected, out.len);
    bytes_release(&out);
}

static void assert_member(const char *text, const char *key, const char *expected) {
    const char *value = NULL;
    size_t size = 0;
    bool found = json_text_member(text, strlen(text), key, &value, &size);
    assert_int_equal(found, expected != NULL);
    assert_int_equal(size, expected == NULL ? 0 : strlen(expected));
    if (expected != NULL) {
        assert_true(value >= text && value + size <= text + strlen(text));
        assert_memory_equal(value, expected, size);
    }
}

static void a_member_is_found_where_it_stands(void **state) {
    (void)state;
    static const char text[] =
        " { \"a\" : [ 1e2 , {\"b\":2} ] , \"b\" : \"}\\\"\" ,\"\":{ \"c\" : 0} , "
        "\"n\" : 1.0 , \"a\":3, \"d\":null} ";
    assert_member(text, "a", "[ 1e2 , {\"b\":2} ]");
    assert_member(text, "b", "\"}\\\"\"");
    assert_member(text, "", "{ \"c\" : 0}");
    assert_member(text, "n", "1.0");
    assert_member(text, "d", "null");
    assert_member(text, "c", NULL);
    assert_member("{\"\\u0061\":1}", "a", NULL);
    assert_member("[{\"a\":1}]", "a", NULL);
    assert_member("\"a\"", "a", NULL);
    assert_member("{\"a\":1", "a", NULL);
    assert_member("{\"a\":1} x", "a", NULL);
    assert_member("", "a", NULL);
}

static void failed_allocation_leaves_the_output_as_it_was(void **state) {
    (void)state;
    static const char text[] =
        "[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",[[[[[[[]]]]]]],"
        "\"\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\"]";
    unsigned n = 0;
    do {
        struct bytes out = BYTES_INIT;
        assert_int_equal(bytes_append_str(&out, "kept"), TB_OK);
        fail_alloc_at(n);
        int err = json_text_pretty(&out, text, sizeof(text) - 1, &plain);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
        assert_true(err == TB_OK ? out.len > 100 : out.len == 4);
        bytes_release(&out);
    } while (n++ < alloc_count());
    assert_true(n > 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_rfc_allows_is_complete),
        cmocka_unit_test(what_the_rfc_forbids_is_broken),
        cmocka_unit_test(each_beginning_of_a_value_is_incomplete),
        cmocka_unit_test(nesting_ends_at_its_limit),
        cmocka_unit_test(pretty_text_is_indented),
        cmocka_unit_test(nothing_is_lost_or_reordered),
        cmocka_unit_test(what_a_terminal_could_obey_is_shown),
        cmocka_unit_test(classes_of_tokens_have_their_colours),
        cmocka_unit_test(text_that_is_not_json_leaves_no_trace),
        cmocka_unit_test(deep_text_cannot_grow_beyond_the_limit),
        cmocka_unit_test(compact_text_has_no_space_between_tokens),
        cmocka_unit_test(a_member_is_found_where_it_stands),
        cmocka_unit_test(failed_allocation_leaves_the_output_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
