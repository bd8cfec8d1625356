#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "app/serve/page.h"
#include "base/err.h"
#include "failing_alloc.h"

static void assert_terminated(const struct bytes *text) {
    assert_int_equal(strlen((const char *)text->data), text->len - 1);
}

static void assert_says(const struct bytes *text, const char *part, bool expected) {
    assert_int_equal(strstr((const char *)text->data, part) != NULL, expected);
}

static const enum page_behaviour behaviours[] = {PAGE_ECHO, PAGE_THREE, PAGE_FOUR_MODES};

static void both_pages_say_how_to_connect(void **state) {
    (void)state;
    struct page page;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(page_init(&page, "ws://localhost:4711", behaviours[i]), TB_OK);
        assert_terminated(&page.html);
        assert_terminated(&page.text);
        assert_says(&page.html, "new WebSocket(\"ws://localhost:4711\")", true);
        assert_says(&page.text, "new WebSocket(\"ws://localhost:4711\")", true);
        assert_says(&page.html, "426", true);
        assert_says(&page.text, "426", true);
        assert_int_equal(strncmp((const char *)page.html.data, "<!doctype html>", 15), 0);
        assert_says(&page.text, "<", false);
        page_release(&page);
    }
}

static void without_an_address_nobody_is_told_to_connect(void **state) {
    (void)state;
    struct page page;
    assert_int_equal(page_init(&page, NULL, PAGE_FOUR_MODES), TB_OK);
    assert_says(&page.html, "new WebSocket", false);
    assert_says(&page.text, "new WebSocket", false);
    assert_says(&page.html, "double", true);
    page_release(&page);
}

static void only_what_the_server_does_is_named(void **state) {
    (void)state;
    struct page page;
    for (size_t i = 0; i < 3; i++) {
        bool echo = behaviours[i] == PAGE_ECHO;
        bool unasked = behaviours[i] == PAGE_FOUR_MODES;
        assert_int_equal(page_init(&page, "ws://localhost:4000", behaviours[i]), TB_OK);
        assert_says(&page.html, "double", !echo);
        assert_says(&page.text, "double", !echo);
        assert_says(&page.html, "ignore", !echo);
        assert_says(&page.text, "ignore", !echo);
        assert_says(&page.html, "hello world 0", unasked);
        assert_says(&page.text, "hello world 0", unasked);
        assert_says(&page.html, "comes back to its sender", echo);
        assert_says(&page.text, "comes back to its sender", echo);
        page_release(&page);
    }
}

static void each_failed_allocation_is_told_and_nothing_leaks(void **state) {
    (void)state;
    struct page page;
    unsigned n = 0;
    int err;
    do {
        fail_alloc_at(n);
        err = page_init(&page, "ws://localhost:4000", PAGE_FOUR_MODES);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
        page_release(&page);
    } while (n++ < alloc_count());
    assert_int_equal(err, TB_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_pages_say_how_to_connect),
        cmocka_unit_test(without_an_address_nobody_is_told_to_connect),
        cmocka_unit_test(only_what_the_server_does_is_named),
        cmocka_unit_test(each_failed_allocation_is_told_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
