/* What must come, in order, and what is said when it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "app/connect/expect.h"
#include "base/err.h"
#include "failing_alloc.h"
#include "proto/frame.h"

static const char *items[] = {"^one$", "two [0-9]+"};
static struct option_list both = {items, 2};
static struct expect expect;
static struct bytes message;

static void begin(struct option_list *texts) {
    message = (struct bytes)BYTES_INIT;
    assert_int_equal(expect_init(&expect, texts, &message), TB_OK);
}

static void end(void) {
    expect_release(&expect);
    bytes_release(&message);
}

static void see(const char *text) {
    expect_see(&expect, WS_OP_TEXT, (const uint8_t *)text, strlen(text));
}

static void assert_explains(const char *what) {
    bytes_clear(&message);
    expect_explain(&expect, &message);
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    if (strstr((const char *)message.data, what) == NULL) {
        fail_msg("'%s' does not say '%s'", (const char *)message.data, what);
    }
}

static void they_come_one_after_the_other(void **state) {
    (void)state;
    begin(&both);
    assert_true(expect_is_pending(&expect));
    see("two 2");
    see("one");
    assert_true(expect_is_pending(&expect));
    see("noise");
    see("two 22");
    assert_false(expect_is_pending(&expect));
    see("more");
    assert_false(expect_is_pending(&expect));
    end();
}

static void a_matcher_may_say_what_comes(void **state) {
    (void)state;
    const char *one[] = {"{ json: { $.type: ready }, size: 1..100 }"};
    struct option_list list = {one, 1};
    begin(&list);
    see("ready");
    assert_explains("not JSON");
    see("{\"type\":\"busy\"}");
    assert_explains("$.type is \"busy\", not \"ready\"");
    expect_see(&expect, WS_OP_BINARY, (const uint8_t *)"\xff", 1);
    assert_true(expect_is_pending(&expect));
    see("{\"type\":\"ready\"}");
    assert_false(expect_is_pending(&expect));
    end();
}

static void a_wrong_matcher_is_refused_where_it_is_wrong(void **state) {
    (void)state;
    const char *one[] = {"{ contain: x }"};
    struct option_list list = {one, 1};
    message = (struct bytes)BYTES_INIT;
    assert_int_equal(expect_init(&expect, &list, &message), TB_EINVAL);
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    assert_string_equal((const char *)message.data,
                        "--expect:1:3: error: unknown key 'contain' in a matcher (did you mean "
                        "'contains'?)\n    { contain: x }\n      ^");
    end();
}

static void a_matcher_looks_at_no_handshake(void **state) {
    (void)state;
    const char *one[] = {"{ not: { header: { a: b } } }"};
    struct option_list list = {one, 1};
    message = (struct bytes)BYTES_INIT;
    assert_int_equal(expect_init(&expect, &list, &message), TB_EINVAL);
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    assert_non_null(strstr((const char *)message.data, "--expect:1:10: error: 'header' never"));
    end();
}

static void nothing_is_expected_without_a_pattern(void **state) {
    (void)state;
    struct option_list none = {0};
    begin(&none);
    assert_false(expect_is_pending(&expect));
    see("x");
    end();
}

static void what_came_instead_is_told(void **state) {
    (void)state;
    begin(&both);
    assert_explains("none came at all");
    assert_explains("'^one$'");
    assert_explains("1 of 2");
    see("won");
    see("ones");
    assert_explains("2 came, the last one 'ones'");
    see("one");
    assert_explains("'two [0-9]+' (expectation 2 of 2): none came after the one before it");
    end();
}

static void a_long_message_is_told_up_to_a_code_point(void **state) {
    (void)state;
    char text[302];
    text[0] = 'x';
    for (size_t i = 1; i + 1 < sizeof text; i += 2) {
        memcpy(text + i, "\xD0\xB9", 2);
    }
    text[301] = '\0';
    begin(&both);
    see(text);
    assert_explains("\xD0\xB9\u2026'");
    assert_true(message.len < 350);
    end();
}

static void a_search_that_would_not_end_is_given_up_and_told(void **state) {
    (void)state;
    const char *slow[] = {"(a+)+$"};
    struct option_list texts = {slow, 1};
    char text[100001];
    memset(text, 'a', sizeof text - 2);
    text[sizeof text - 2] = '!';
    text[sizeof text - 1] = '\0';
    begin(&texts);
    see(text);
    assert_true(expect_is_pending(&expect));
    assert_explains("given up");
    end();
}

static void a_bad_pattern_is_refused(void **state) {
    (void)state;
    const char *bad[] = {"ok", "(", "ok"};
    struct option_list texts = {bad, 3};
    message = (struct bytes)BYTES_INIT;
    assert_int_equal(expect_init(&expect, &texts, &message), TB_EINVAL);
    assert_true(message.len > 0);
    end();
}

static void a_failed_allocation_is_an_error(void **state) {
    (void)state;
    unsigned n = 0;
    int err;
    do {
        message = (struct bytes)BYTES_INIT;
        fail_alloc_at(n);
        err = expect_init(&expect, &both, &message);
        fail_alloc_off();
        assert_true(err == TB_OK || err == TB_ENOMEM);
        end();
    } while (n++ < alloc_count());
    assert_int_equal(err, TB_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_come_one_after_the_other),
        cmocka_unit_test(a_matcher_may_say_what_comes),
        cmocka_unit_test(a_wrong_matcher_is_refused_where_it_is_wrong),
        cmocka_unit_test(a_matcher_looks_at_no_handshake),
        cmocka_unit_test(nothing_is_expected_without_a_pattern),
        cmocka_unit_test(what_came_instead_is_told),
        cmocka_unit_test(a_long_message_is_told_up_to_a_code_point),
        cmocka_unit_test(a_search_that_would_not_end_is_given_up_and_told),
        cmocka_unit_test(a_bad_pattern_is_refused),
        cmocka_unit_test(a_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
