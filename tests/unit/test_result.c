#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "script/scenario/result.h"

static void assert_written(const struct play_event *e, const char *expected) {
    struct bytes out = BYTES_INIT;
    assert_non_null(e);
    assert_int_equal(play_event_write(e, &out), TB_OK);
    assert_int_equal(bytes_append(&out, "", 1), TB_OK);
    assert_string_equal(out.data, expected);
    bytes_release(&out);
}

static void the_oldest_event_makes_room(void **state) {
    (void)state;
    struct play_events e = {.most = 3};
    for (char c = 'a'; c <= 'e'; c++) {
        assert_non_null(play_events_add(&e, PLAY_TEXT, &c, 1));
    }
    assert_int_equal(e.total, 5);
    assert_int_equal(e.count, 3);
    assert_written(play_events_at(&e, 0), "\"c\"");
    assert_written(play_events_at(&e, 1), "\"d\"");
    assert_written(play_events_at(&e, 2), "\"e\"");
    play_events_release(&e);
}

static void an_event_is_one_safe_line(void **state) {
    (void)state;
    struct play_events e = {.most = 10};
    assert_written(play_events_add(&e, PLAY_TEXT, "a\nb\x1b[2J", 7), "\"a\\nb\\x1b[2J\"");
    assert_written(play_events_add(&e, PLAY_BINARY, "\xca\xfe", 2), "2 bytes of binary: ca fe");
    assert_written(play_events_add(&e, PLAY_BINARY, "", 0), "0 bytes of binary");
    assert_written(play_events_add(&e, PLAY_RAW, "\x81", 1), "1 byte of raw frames: 81");
    assert_written(play_events_add(&e, PLAY_PING, "", 0), "ping");
    assert_written(play_events_add(&e, PLAY_PONG, "x", 1), "pong \"x\"");
    assert_written(play_events_add(&e, PLAY_OPEN, "ws://a/", 7), "open \"ws://a/\"");
    assert_written(play_events_add(&e, PLAY_REFUSED, "no", 2), "refused \"no\"");
    struct play_event *close = play_events_add(&e, PLAY_CLOSE, "bye\r", 4);
    assert_non_null(close);
    close->code = 1000;
    assert_written(close, "close 1000 \"bye\\x0d\"");
    play_events_release(&e);
}

static void a_large_message_is_cut(void **state) {
    (void)state;
    struct play_events e = {.most = 1};
    size_t n = PLAY_EVENT_DATA_MAX + 1000;
    char *large = calloc(n, 1);
    assert_non_null(large);
    memset(large, 'x', n);
    const struct play_event *event = play_events_add(&e, PLAY_TEXT, large, n);
    assert_non_null(event);
    assert_int_equal(event->size, n);
    assert_int_equal(event->data.len, PLAY_EVENT_DATA_MAX);
    struct bytes out = BYTES_INIT;
    assert_int_equal(play_event_write(event, &out), TB_OK);
    assert_int_equal(bytes_append(&out, "", 1), TB_OK);
    assert_non_null(strstr((const char *)out.data, "x\"… (5096 bytes in all)"));
    bytes_clear(&out);
    event = play_events_add(&e, PLAY_BINARY, large, n);
    assert_int_equal(play_event_write(event, &out), TB_OK);
    assert_true(out.len < 200);
    bytes_release(&out);
    play_events_release(&e);
    free(large);
}

static void an_event_that_cannot_be_kept_is_counted(void **state) {
    (void)state;
    struct play_events e = {.most = 2};
    fail_alloc_at(0);
    assert_null(play_events_add(&e, PLAY_TEXT, "a", 1));
    fail_alloc_off();
    assert_int_equal(e.total, 1);
    assert_int_equal(e.count, 0);
    fail_alloc_at(1);
    const struct play_event *event = play_events_add(&e, PLAY_TEXT, "a", 1);
    fail_alloc_off();
    assert_written(event, "\"\"… (1 bytes in all)");
    play_events_release(&e);
}

static void a_failed_allocation_leaves_the_line_as_it_was(void **state) {
    (void)state;
    struct play_events e = {.most = 1};
    const struct play_event *event = play_events_add(&e, PLAY_PONG, "\x1b\x1b\x1b\x1b", 4);
    unsigned n = 0;
    do {
        struct bytes out = BYTES_INIT;
        fail_alloc_at(n);
        int err = play_event_write(event, &out);
        fail_alloc_off();
        assert_true(err == TB_OK || (err == TB_ENOMEM && out.len == 0));
        bytes_release(&out);
    } while (n++ < alloc_count());
    play_events_release(&e);
}

static void a_result_may_be_none(void **state) {
    (void)state;
    play_result_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_event_makes_room),
        cmocka_unit_test(an_event_is_one_safe_line),
        cmocka_unit_test(a_large_message_is_cut),
        cmocka_unit_test(an_event_that_cannot_be_kept_is_counted),
        cmocka_unit_test(a_failed_allocation_leaves_the_line_as_it_was),
        cmocka_unit_test(a_result_may_be_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
