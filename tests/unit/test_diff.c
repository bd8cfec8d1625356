#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "script/scenario/diff.h"

static void assert_diff(const char *wanted, const char *came, const char *expected) {
    struct bytes out = BYTES_INIT;
    assert_int_equal(diff_write(wanted, strlen(wanted), came, strlen(came), &out), TB_OK);
    assert_int_equal(bytes_append(&out, "", 1), TB_OK);
    assert_string_equal(out.data, expected);
    bytes_release(&out);
}

static void what_is_the_same_has_no_difference(void **state) {
    (void)state;
    assert_diff("", "", "");
    assert_diff("a\nb", "a\nb", "");
}

static void a_line_is_shown_with_a_caret_at_the_first_difference(void **state) {
    (void)state;
    assert_diff("double #1", "double #2", "- double #1\n+ double #2\n          ^\n");
    assert_diff("hi", "hi there", "- hi\n+ hi there\n    ^\n");
    assert_diff("x", "", "- x\n+ \n  ^\n");
}

static void a_long_line_is_cut_around_the_difference(void **state) {
    (void)state;
    assert_diff("0123456789012345678901234567890123456789A",
                "0123456789012345678901234567890123456789B",
                "- …678901234567890123456789A\n+ …678901234567890123456789B\n"
                "                           ^\n");
    char wanted[401];
    memset(wanted, 'a', 400);
    wanted[400] = '\0';
    struct bytes out = BYTES_INIT;
    assert_int_equal(diff_write(wanted, 400, "b", 1, &out), TB_OK);
    assert_true(out.len < 200);
    bytes_release(&out);
}

static void a_character_is_not_torn(void **state) {
    (void)state;
    assert_diff("\xd1\x82", "\xd1\x83", "- \xd1\x82\n+ \xd1\x83\n  ^\n");
}

static void what_a_terminal_could_obey_is_escaped(void **state) {
    (void)state;
    assert_diff("a", "a\x1b[31m", "- a\n+ a\\x1b[31m\n   ^\n");
}

static void lines_are_compared_one_with_another(void **state) {
    (void)state;
    assert_diff("one\ntwo\nthree\nfour\nfive\nsix", "one\ntwo\nthree\n4\nfive\nsix",
                "  two\n  three\n- four\n+ 4\n  five\n  six\n");
    assert_diff("a\nb\nc", "a\nc", "  a\n- b\n  c\n");
    assert_diff("a\nc", "a\nb\nc\n", "  a\n+ b\n  c\n+ \n");
}

static void json_is_compared_as_it_is_pretty_printed(void **state) {
    (void)state;
    assert_diff("{\"a\":1,\"b\":[1,2]}", "{\"a\":1, \"b\":[1,3]}",
                "    \"b\": [\n      1,\n-     2\n+     3\n    ]\n  }\n");
    assert_diff("{\"a\":1}", "{\"a\": 1}", "- {\"a\":1}\n+ {\"a\": 1}\n       ^\n");
}

static void what_has_many_lines_is_cut(void **state) {
    (void)state;
    struct bytes a = BYTES_INIT;
    struct bytes b = BYTES_INIT;
    struct bytes out = BYTES_INIT;
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(bytes_appendf(&a, "a%u\n", i), TB_OK);
        assert_int_equal(bytes_appendf(&b, "b%u\n", i), TB_OK);
    }
    assert_int_equal(diff_write(a.data, a.len, b.data, b.len, &out), TB_OK);
    assert_int_equal(bytes_append(&out, "", 1), TB_OK);
    assert_non_null(strstr((const char *)out.data, "(1961 more lines)"));
    bytes_release(&a);
    bytes_release(&b);
    bytes_release(&out);
}

static void a_failed_allocation_leaves_nothing_behind(void **state) {
    (void)state;
    unsigned n = 0;
    int err = TB_OK;
    do {
        struct bytes out = BYTES_INIT;
        fail_alloc_at(n);
        err = diff_write("{\"a\":[1,2]}", 11, "{\"a\":[1,3]}", 11, &out);
        fail_alloc_off();
        assert_true(err == TB_OK || (err == TB_ENOMEM && out.len == 0));
        bytes_release(&out);
    } while (n++ < alloc_count());
    assert_int_equal(err, TB_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_the_same_has_no_difference),
        cmocka_unit_test(a_line_is_shown_with_a_caret_at_the_first_difference),
        cmocka_unit_test(a_long_line_is_cut_around_the_difference),
        cmocka_unit_test(a_character_is_not_torn),
        cmocka_unit_test(what_a_terminal_could_obey_is_escaped),
        cmocka_unit_test(lines_are_compared_one_with_another),
        cmocka_unit_test(json_is_compared_as_it_is_pretty_printed),
        cmocka_unit_test(what_has_many_lines_is_cut),
        cmocka_unit_test(a_failed_allocation_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
