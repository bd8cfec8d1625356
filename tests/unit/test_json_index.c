#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json_index.h"
#include "base/json_text.h"
#include "failing_alloc.h"

static struct json_index read_text(const char *text) {
    struct json_index x = JSON_INDEX_INIT;
    assert_int_equal(json_index_read(&x, text, strlen(text)), TB_OK);
    return x;
}

static ptrdiff_t member(const struct json_index *x, size_t object, const char *key) {
    return json_index_member(x, object, key, strlen(key));
}

static bool is_string(const struct json_index *x, size_t at, const char *text) {
    return json_index_string_is(x, at, text, strlen(text));
}

static void assert_appends(const struct json_index *x, ptrdiff_t at, const char *expected) {
    struct bytes out = BYTES_INIT;
    assert_true(at >= 0);
    assert_int_equal(bytes_append_str(&out, ">"), TB_OK);
    assert_int_equal(json_index_append(x, (size_t)at, &out), TB_OK);
    assert_int_equal(bytes_append(&out, "", 1), TB_OK);
    assert_string_equal((const char *)out.data + 1, expected);
    assert_int_equal(out.data[0], '>');
    bytes_release(&out);
}

static void each_value_is_where_it_stands(void **state) {
    (void)state;
    static const char text[] = " {\"a\" : [ 1, \"x\" ,{}], \"b\":true}\n";
    static const struct json_value expected[] = {
        {JSON_KIND_OBJECT, 1, 31, 8}, {JSON_KIND_STRING, 2, 3, 2},  {JSON_KIND_ARRAY, 8, 13, 6},
        {JSON_KIND_NUMBER, 10, 1, 4}, {JSON_KIND_STRING, 13, 3, 5}, {JSON_KIND_OBJECT, 18, 2, 6},
        {JSON_KIND_STRING, 23, 3, 7}, {JSON_KIND_TRUE, 27, 4, 8},
    };
    struct json_index x = read_text(text);
    assert_int_equal(x.count, 8);
    for (size_t i = 0; i < x.count; i++) {
        assert_int_equal(x.values[i].kind, expected[i].kind);
        assert_int_equal(x.values[i].offset, expected[i].offset);
        assert_int_equal(x.values[i].size, expected[i].size);
        assert_int_equal(x.values[i].next, expected[i].next);
    }
    json_index_release(&x);
}

static void every_kind_is_told(void **state) {
    (void)state;
    static const char *const texts[] = {"{}", "[]", "\"\"", "-1", "true", "false", "null"};
    struct json_index x = JSON_INDEX_INIT;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(json_index_read(&x, texts[i], strlen(texts[i])), TB_OK);
        assert_int_equal(x.count, 1);
        assert_int_equal(x.values[0].kind, i);
        assert_int_equal(json_index_count(&x, 0), 0);
    }
    json_index_release(&x);
}

static void what_is_no_json_leaves_it_empty(void **state) {
    (void)state;
    static const char *const texts[] = {"",     " ",   "{",          "[1,",
                                        "[1]]", "nul", "{\"a\":1,}", "\"\\ud8\""};
    struct json_index x = read_text("[1]");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(json_index_read(&x, texts[i], strlen(texts[i])), TB_EINVAL);
        assert_int_equal(x.count, 0);
    }
    assert_int_equal(json_index_read(&x, NULL, 0), TB_EINVAL);
    assert_int_equal(json_index_read(&x, "1", ((size_t)1 << 30) + 1), TB_EINVAL);
    json_index_release(&x);
}

static void nesting_ends_where_that_of_text_does(void **state) {
    (void)state;
    enum { DEEP = JSON_TEXT_DEPTH_MAX };
    static char text[2 * DEEP + 2];
    struct json_index x = JSON_INDEX_INIT;
    memset(text, '[', DEEP + 1);
    memset(text + DEEP + 1, ']', DEEP + 1);
    assert_int_equal(json_index_read(&x, text + 1, 2 * DEEP), TB_OK);
    assert_int_equal(x.count, DEEP);
    assert_int_equal(x.values[DEEP - 1].size, 2);
    assert_int_equal(x.values[0].size, 2 * DEEP);
    assert_int_equal(json_index_read(&x, text, sizeof(text)), TB_EINVAL);
    json_index_release(&x);
}

static void members_are_found_by_name(void **state) {
    (void)state;
    struct json_index x = read_text("{\"a\":1,\"bc\":{\"a\":2},\"\":3,\"d\":[\"e\"]}");
    assert_int_equal(json_index_count(&x, 0), 4);
    assert_appends(&x, member(&x, 0, "a"), "1");
    assert_appends(&x, member(&x, 0, "bc"), "{\"a\":2}");
    assert_appends(&x, member(&x, (size_t)member(&x, 0, "bc"), "a"), "2");
    assert_appends(&x, member(&x, 0, ""), "3");
    assert_int_equal(member(&x, 0, "b"), JSON_NONE);
    assert_int_equal(member(&x, 0, "e"), JSON_NONE);
    assert_int_equal(member(&x, 0, "aa"), JSON_NONE);
    assert_int_equal(member(&x, (size_t)member(&x, 0, "d"), "e"), JSON_NONE);
    assert_int_equal(member(&x, (size_t)member(&x, 0, "a"), "a"), JSON_NONE);
    json_index_release(&x);
}

static void of_a_name_that_comes_twice_the_last_counts(void **state) {
    (void)state;
    struct json_index x = read_text("{\"a\":1,\"\\u0061\":2,\"b\":3}");
    assert_int_equal(json_index_count(&x, 0), 3);
    assert_appends(&x, member(&x, 0, "a"), "2");
    json_index_release(&x);
}

static void elements_are_counted_from_either_end(void **state) {
    (void)state;
    struct json_index x = read_text("[10,[11,12],{\"a\":13},14]");
    assert_int_equal(json_index_count(&x, 0), 4);
    assert_appends(&x, json_index_element(&x, 0, 0), "10");
    assert_appends(&x, json_index_element(&x, 0, 1), "[11,12]");
    assert_appends(&x, json_index_element(&x, 0, 3), "14");
    assert_appends(&x, json_index_element(&x, 0, -1), "14");
    assert_appends(&x, json_index_element(&x, 0, -4), "10");
    assert_int_equal(json_index_element(&x, 0, 4), JSON_NONE);
    assert_int_equal(json_index_element(&x, 0, -5), JSON_NONE);
    assert_int_equal(json_index_element(&x, 0, PTRDIFF_MAX), JSON_NONE);
    assert_int_equal(json_index_element(&x, 0, PTRDIFF_MIN), JSON_NONE);
    assert_int_equal(json_index_element(&x, 1, 0), JSON_NONE);
    size_t object = (size_t)json_index_element(&x, 0, 2);
    assert_int_equal(json_index_element(&x, object, 0), JSON_NONE);
    assert_appends(&x, json_index_element(&x, 2, -1), "12");
    json_index_release(&x);
}

static void an_empty_array_has_no_elements(void **state) {
    (void)state;
    struct json_index x = read_text("[[],1]");
    assert_int_equal(json_index_element(&x, 1, 0), JSON_NONE);
    assert_int_equal(json_index_element(&x, 1, -1), JSON_NONE);
    json_index_release(&x);
}

static void a_string_is_compared_by_what_it_means(void **state) {
    (void)state;
    struct json_index x =
        read_text("[\"a\\n\\u00e9\\\"\\/\", \"\\ud83d\\ude00b\", \"\\\\n\", \"\", 1,"
                  "\"a\\u0000\"]");
    assert_true(is_string(&x, 1, "a\n\xc3\xa9\"/"));
    assert_false(is_string(&x, 1, "a\\n\\u00e9\\\"\\/"));
    assert_false(is_string(&x, 1, "a\n\xc3\xa9\""));
    assert_false(is_string(&x, 1, "a\n\xc3\xa9\"/ "));
    assert_false(is_string(&x, 1, ""));
    assert_true(is_string(&x, 2,
                          "\xf0\x9f\x98\x80"
                          "b"));
    assert_true(is_string(&x, 3, "\\n"));
    assert_false(is_string(&x, 3, "\n"));
    assert_false(is_string(&x, 3, "\\\\n"));
    assert_true(is_string(&x, 4, ""));
    assert_true(json_index_string_is(&x, 4, NULL, 0));
    assert_false(is_string(&x, 5, "1"));
    assert_true(json_index_string_is(&x, 6, "a", 2));
    assert_false(json_index_string_is(&x, 6, "a", 1));
    json_index_release(&x);
}

static void keys_are_compared_by_what_they_mean(void **state) {
    (void)state;
    struct json_index x = read_text("{\"\\u0074ype\":1}");
    assert_appends(&x, member(&x, 0, "type"), "1");
    assert_int_equal(member(&x, 0, "\\u0074ype"), JSON_NONE);
    json_index_release(&x);
}

static void a_template_shows_characters_of_strings_and_all_else_as_it_stands(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *shown;
    } all[] = {
        {"\"plain\"", "plain"},
        {"\"\"", ""},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u00AF\\u20ac\\uD83D\\uDE00!\"", "\xc2\xaf\xe2\x82\xac\xf0\x9f\x98\x80!"},
        {"1.500e+03", "1.500e+03"},
        {"123456789012345678901234567890", "123456789012345678901234567890"},
        {"null", "null"},
        {"[1, \"a\\n\"]", "[1, \"a\\n\"]"},
        {"{\"a\" : \"\\u0062\"}", "{\"a\" : \"\\u0062\"}"},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct json_index x = read_text(all[i].text);
        assert_appends(&x, 0, all[i].shown);
        json_index_release(&x);
    }
}

static void half_a_surrogate_pair_is_shown_as_a_replacement(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *shown;
    } all[] = {
        {"\"\\ud800\"", "\xef\xbf\xbd"},
        {"\"\\udc00\"", "\xef\xbf\xbd"},
        {"\"\\ud800\\n\"", "\xef\xbf\xbd\n"},
        {"\"\\ud800u\"", "\xef\xbf\xbdu"},
        {"\"\\ude00\\ud83d\"", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct json_index x = read_text(all[i].text);
        assert_appends(&x, 0, all[i].shown);
        assert_true(is_string(&x, 0, all[i].shown));
        json_index_release(&x);
    }
}

static void the_memory_of_an_earlier_text_is_used_again(void **state) {
    (void)state;
    static const char text[] = "[1,2,3,{\"a\":[true,false,null]}]";
    struct json_index x = read_text(text);
    fail_alloc_at(0);
    int err = json_index_read(&x, text, sizeof(text) - 1);
    int err_of_broken = json_index_read(&x, text, sizeof(text) - 2);
    int err_behind = json_index_read(&x, text, sizeof(text) - 1);
    fail_alloc_off();
    assert_int_equal(alloc_count(), 0);
    assert_int_equal(err, TB_OK);
    assert_int_equal(err_of_broken, TB_EINVAL);
    assert_int_equal(err_behind, TB_OK);
    assert_int_equal(x.count, 10);
    json_index_release(&x);
}

static void each_failing_allocation_leaves_it_empty_and_usable(void **state) {
    (void)state;
    static char text[2001];
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = i % 2 == 0 ? ',' : '1';
    }
    text[0] = '[';
    text[sizeof(text) - 1] = ']';
    unsigned n = 0;
    do {
        struct json_index x = JSON_INDEX_INIT;
        fail_alloc_at(n);
        int err = json_index_read(&x, text, sizeof(text));
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
        assert_int_equal(x.count, err == TB_OK ? 1001 : 0);
        assert_int_equal(json_index_read(&x, text, sizeof(text)), TB_OK);
        assert_int_equal(json_index_count(&x, 0), 1000);
        json_index_release(&x);
    } while (n++ < alloc_count());
    assert_true(n > 2);
}

static void what_cannot_be_appended_changes_nothing(void **state) {
    (void)state;
    struct json_index x = read_text("[\"a\\nb\",12]");
    for (size_t at = 0; at < x.count; at++) {
        struct bytes out = BYTES_INIT;
        fail_alloc_at(0);
        int err = json_index_append(&x, at, &out);
        fail_alloc_off();
        assert_int_equal(err, TB_ENOMEM);
        assert_int_equal(out.len, 0);
        bytes_release(&out);
    }
    json_index_release(&x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_value_is_where_it_stands),
        cmocka_unit_test(every_kind_is_told),
        cmocka_unit_test(what_is_no_json_leaves_it_empty),
        cmocka_unit_test(nesting_ends_where_that_of_text_does),
        cmocka_unit_test(members_are_found_by_name),
        cmocka_unit_test(of_a_name_that_comes_twice_the_last_counts),
        cmocka_unit_test(elements_are_counted_from_either_end),
        cmocka_unit_test(an_empty_array_has_no_elements),
        cmocka_unit_test(a_string_is_compared_by_what_it_means),
        cmocka_unit_test(keys_are_compared_by_what_they_mean),
        cmocka_unit_test(a_template_shows_characters_of_strings_and_all_else_as_it_stands),
        cmocka_unit_test(half_a_surrogate_pair_is_shown_as_a_replacement),
        cmocka_unit_test(the_memory_of_an_earlier_text_is_used_again),
        cmocka_unit_test(each_failing_allocation_leaves_it_empty_and_usable),
        cmocka_unit_test(what_cannot_be_appended_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
