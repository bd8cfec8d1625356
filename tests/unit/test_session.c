/* What a session reads, as far as the transcripts (tests/transcripts) cannot show it: memory, long
 * conversations, failing allocations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "failing_alloc.h"
#include "guarded.h"
#include "session_fixture.h"

/* Memory */

static void an_idle_session_is_small_and_owns_nothing(void **state) {
    (void)state;
    assert_true(sizeof(struct ws_session) <= 160);
    struct ws_session s;
    fail_alloc_at(0);
    session_init(&s, &server_config, &takeover);
    session_release(&s);
    fail_alloc_off();
    assert_int_equal(alloc_count(), 0);
}

static void whole_messages_are_handed_out_where_they_stand(void **state) {
    (void)state;
    enum { COUNT = 16 };
    struct bytes wire = BYTES_INIT;
    for (size_t i = 0; i < COUNT; i++) {
        add_frame(&wire, WS_SERVER, 0x81, "12345678901234567890", 20);
    }
    add_frame(&wire, WS_SERVER, 0x89, "ping", 4);
    struct ws_session s;
    session_init(&s, &server_config, &no_deflate);
    fail_alloc_at(0);
    session_feed(&s, wire.data, wire.len);
    struct ws_event ev;
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(session_next(&s, &ev), WS_EVENT_MESSAGE);
        assert_ptr_equal(ev.data, wire.data + 26 * i + 6);
        assert_int_equal(ev.size, 20);
        assert_memory_equal(ev.data, "12345678901234567890", 20);
    }
    assert_int_equal(session_next(&s, &ev), WS_EVENT_PING);
    assert_ptr_equal(ev.data, wire.data + wire.len - 4);
    assert_nothing_more(&s);
    fail_alloc_off();
    assert_int_equal(alloc_count(), 0);
    session_release(&s);
    bytes_release(&wire);
}

static void what_was_cut_is_given_back_after_the_message(void **state) {
    (void)state;
    struct bytes wire = BYTES_INIT;
    add_frame(&wire, WS_SERVER, 0x82, "0123456789", 10);
    struct ws_session s;
    session_init(&s, &server_config, &no_deflate);
    session_feed(&s, wire.data, 10);
    assert_nothing_more(&s);
    assert_non_null(s.message.data);
    struct ws_event ev;
    session_feed(&s, wire.data + 10, 6);
    assert_int_equal(session_next(&s, &ev), WS_EVENT_MESSAGE);
    assert_memory_equal(ev.data, "0123456789", 10);
    assert_nothing_more(&s);
    assert_null(s.message.data);

    wire.len = 0;
    add_frame(&wire, WS_SERVER, 0x89, "0123456789", 10);
    session_feed(&s, wire.data, 10);
    assert_nothing_more(&s);
    assert_non_null(s.control);
    session_feed(&s, wire.data + 10, 6);
    assert_int_equal(session_next(&s, &ev), WS_EVENT_PING);
    assert_memory_equal(ev.data, "0123456789", 10);
    assert_nothing_more(&s);
    assert_null(s.control);
    session_release(&s);
    bytes_release(&wire);
}

/* An inflater is kept between messages only where the peer keeps its window. */
static void compressed_messages_leave_what_was_agreed(void **state) {
    (void)state;
    struct bytes wire = BYTES_INIT;
    add_frame(&wire, WS_SERVER, 0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
    for (int kept = 0; kept < 2; kept++) {
        struct bytes copy = BYTES_INIT;
        assert_int_equal(bytes_append(&copy, wire.data, wire.len), TB_OK);
        struct ws_session s;
        session_init(&s, &server_config, kept ? &takeover : &no_takeover);
        struct ws_event ev;
        feed_for(&s, &copy, WS_EVENT_MESSAGE, &ev);
        assert_true(ev.compressed);
        assert_memory_equal(ev.data, "Hello", 5);
        assert_nothing_more(&s);
        assert_int_equal(s.inflater != NULL, kept);
        assert_null(s.message.data);
        session_release(&s);
        bytes_release(&copy);
    }
    bytes_release(&wire);
}

/* Framing */

static void cve_2025_51495_continuation_with_nothing_started(void **state) {
    (void)state;
    for (int k = 0; k < 4; k++) {
        bool as_server = (k & 1) != 0;
        struct ws_session s;
        session_init(&s, as_server ? &server_config : &client_config, &no_deflate);
        struct bytes wire = BYTES_INIT;
        add_frame(&wire, as_server ? WS_SERVER : WS_CLIENT, (k & 2) != 0 ? 0x80u : 0x00u, "x", 1);
        struct ws_event ev;
        feed_for(&s, &wire, WS_EVENT_VIOLATION, &ev);
        assert_int_equal(ev.violation, WS_V_CONTINUATION_ALONE);
        assert_int_equal(ws_violation_row(ev.violation)->close_code, 1002);
        session_release(&s);
        bytes_release(&wire);
    }
}

/* Back to back the shortest frames there are, in pieces of every size from one byte on. */
static void headers_of_6_bytes_back_to_back(void **state) {
    (void)state;
    enum { COUNT = 100 };
    struct guarded memory;
    guarded_init(&memory, COUNT * 6);
    for (size_t step = 1; step <= 14; step++) {
        struct bytes wire = BYTES_INIT;
        for (size_t i = 0; i < COUNT; i++) {
            add_frame(&wire, WS_SERVER, 0x82, NULL, 0);
        }
        struct ws_session s;
        session_init(&s, &server_config, &no_deflate);
        struct ws_event ev;
        size_t seen = 0;
        for (size_t i = 0; i < wire.len; i += step) {
            size_t n = wire.len - i < step ? wire.len - i : step;
            memcpy(memory.end - n, wire.data + i, n);
            session_feed(&s, memory.end - n, n);
            while (session_next(&s, &ev) == WS_EVENT_MESSAGE) {
                assert_int_equal(ev.wire, 6);
                seen++;
            }
            assert_int_equal(ev.kind, WS_EVENT_NONE);
        }
        assert_int_equal(seen, COUNT);
        session_release(&s);
        bytes_release(&wire);
    }
    guarded_release(&memory);
}

/* Every way to cut every bad sequence into three pieces, as pieces of the input and as fragments.
 */
static void invalid_utf8_split_anywhere(void **state) {
    (void)state;
    static const char *const bad[] = {
        "ok \xff",          "\xc0\x80 nul",     "\xe0\x80\xaf",     "x\xed\xa0\x80y",
        "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\x80",
        "caf\xc3",          "\xf0\x9f\x98",     "\xe2\x82 \xac"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        size_t n = strlen(bad[i]);
        for (size_t a = 0; a <= n; a++) {
            for (size_t b = a; b <= n; b++) {
                struct bytes wire = BYTES_INIT;
                add_frame(&wire, WS_SERVER, 0x01, bad[i], a);
                add_frame(&wire, WS_SERVER, 0x00, bad[i] + a, b - a);
                add_frame(&wire, WS_SERVER, 0x80, bad[i] + b, n - b);
                struct ws_session s;
                session_init(&s, &server_config, &no_deflate);
                struct ws_event ev;
                feed_for(&s, &wire, WS_EVENT_VIOLATION, &ev);
                assert_int_equal(ev.violation, WS_V_TEXT_NOT_UTF8);
                assert_int_equal(ws_violation_row(ev.violation)->close_code, 1007);
                session_release(&s);

                wire.len = 0;
                add_frame(&wire, WS_SERVER, 0x81, bad[i], n);
                session_init(&s, &server_config, &no_deflate);
                const size_t cuts[] = {0, 6 + a, 6 + b, wire.len};
                ev.kind = WS_EVENT_NONE;
                for (size_t k = 0; k < 3 && ev.kind == WS_EVENT_NONE; k++) {
                    session_feed(&s, wire.data + cuts[k], cuts[k + 1] - cuts[k]);
                    session_next(&s, &ev);
                }
                assert_int_equal(ev.kind, WS_EVENT_VIOLATION);
                assert_int_equal(ev.violation, WS_V_TEXT_NOT_UTF8);
                session_release(&s);
                bytes_release(&wire);
            }
        }
    }
}

/* The end */

static void ws_2285_data_after_the_overflow(void **state) {
    (void)state;
    struct bytes wire = BYTES_INIT;
    uint8_t *long_one = calloc(1, MAX_MESSAGE + 1);
    assert_non_null(long_one);
    add_frame(&wire, WS_SERVER, 0x82, long_one, MAX_MESSAGE + 1);
    for (size_t i = 0; i < 10; i++) {
        add_frame(&wire, WS_SERVER, 0x82, "more", 4);
    }
    add_frame(&wire, WS_SERVER, 0x88, "\x03\xe8", 2);
    struct ws_session s;
    session_init(&s, &server_config, &no_deflate);
    size_t told = 0;
    for (size_t i = 0; i < wire.len; i += 65536) {
        struct ws_event ev;
        session_feed(&s, wire.data + i, wire.len - i < 65536 ? wire.len - i : 65536);
        while (session_next(&s, &ev) != WS_EVENT_NONE) {
            assert_int_equal(ev.violation, WS_V_MESSAGE_TOO_BIG);
            told++;
        }
        const uint8_t *rest;
        assert_int_equal(session_take_rest(&s, &rest), 0);
    }
    assert_int_equal(told, 1);
    assert_int_equal(ws_violation_row(WS_V_MESSAGE_TOO_BIG)->close_code, 1009);
    uint8_t dst[WS_CONTROL_FRAME_MAX];
    size_t written;
    assert_int_equal(session_put_close(&s, 1009, "", 0, dst, &written), TB_OK);
    assert_int_equal(written, 4);
    assert_int_equal(session_put_close(&s, 1009, "", 0, dst, &written), TB_OK);
    assert_int_equal(written, 0);
    session_release(&s);
    bytes_release(&wire);
    free(long_one);
}

static void after_our_close_the_peer_is_still_heard(void **state) {
    (void)state;
    struct ws_session s;
    session_init(&s, &server_config, &no_deflate);
    uint8_t dst[WS_CONTROL_FRAME_MAX];
    size_t written;
    assert_int_equal(session_put_close(&s, 1001, "bye", 3, dst, &written), TB_OK);
    assert_int_equal(written, 7);
    assert_true(session_close_put(&s));
    struct bytes wire = BYTES_INIT;
    add_frame(&wire, WS_SERVER, 0x81, "last words", 10);
    add_frame(&wire, WS_SERVER, 0x89, "there?", 6);
    add_frame(&wire, WS_SERVER, 0x88, "\x03\xe9ok", 4);
    struct ws_event ev;
    feed_for(&s, &wire, WS_EVENT_MESSAGE, &ev);
    assert_int_equal(session_next(&s, &ev), WS_EVENT_PING);
    assert_int_equal(session_put_pong(&s, ev.data, ev.size, dst, &written), TB_OK);
    assert_int_equal(written, 0);
    assert_int_equal(session_next(&s, &ev), WS_EVENT_CLOSE);
    assert_int_equal(ev.code, 1001);
    assert_memory_equal(ev.data, "ok", 2);
    assert_nothing_more(&s);
    session_release(&s);
    bytes_release(&wire);
}

static void the_rest_can_be_taken_and_fed_again(void **state) {
    (void)state;
    struct bytes wire = BYTES_INIT;
    add_frame(&wire, WS_SERVER, 0x81, "one", 3);
    add_frame(&wire, WS_SERVER, 0x81, "two", 3);
    struct ws_session s;
    session_init(&s, &server_config, &no_deflate);
    struct ws_event ev;
    feed_for(&s, &wire, WS_EVENT_MESSAGE, &ev);
    const uint8_t *rest;
    size_t n = session_take_rest(&s, &rest);
    assert_int_equal(n, 9);
    assert_nothing_more(&s);
    uint8_t copy[9];
    memcpy(copy, rest, n);
    session_feed(&s, copy, n);
    assert_int_equal(session_next(&s, &ev), WS_EVENT_MESSAGE);
    assert_memory_equal(ev.data, "two", 3);
    session_release(&s);
    bytes_release(&wire);
}

/* Allocations */

/* Cut messages, plain and compressed, and a cut ping, with every byte in a piece of its own.
 * Gives the number of events, or -1 if memory was out. */
static int run_bytewise(struct bytes *wire) {
    struct ws_session s;
    session_init(&s, &server_config, &no_takeover);
    int events = 0;
    for (size_t i = 0; i < wire->len; i++) {
        uint8_t byte = wire->data[i];
        struct ws_event ev;
        session_feed(&s, &byte, 1);
        while (session_next(&s, &ev) != WS_EVENT_NONE) {
            events = ev.kind == WS_EVENT_NOMEM ? -1 : events + 1;
            assert_int_not_equal(ev.kind, WS_EVENT_VIOLATION);
        }
    }
    session_release(&s);
    return events;
}

static void each_allocation_fails_in_turn(void **state) {
    (void)state;
    struct bytes wire = BYTES_INIT;
    char text[300];
    memset(text, 'x', sizeof(text));
    add_frame(&wire, WS_SERVER, 0x01, text, sizeof(text));
    add_frame(&wire, WS_SERVER, 0x89, "ping", 4);
    add_frame(&wire, WS_SERVER, 0x80, text, sizeof(text));
    add_frame(&wire, WS_SERVER, 0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
    unsigned n = 0;
    int events;
    do {
        ws_deflate_cache_free(server_config.cache);
        server_config.cache = cache = ws_deflate_cache_new();
        assert_non_null(cache);
        fail_alloc_at(n);
        events = run_bytewise(&wire);
        fail_alloc_off();
        assert_int_equal(events, n < alloc_count() ? -1 : 3);
    } while (n++ < alloc_count());
    assert_true(n > 8);
    client_config.cache = cache;
    bytes_release(&wire);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_session_is_small_and_owns_nothing),
        cmocka_unit_test(whole_messages_are_handed_out_where_they_stand),
        cmocka_unit_test(what_was_cut_is_given_back_after_the_message),
        cmocka_unit_test(compressed_messages_leave_what_was_agreed),
        cmocka_unit_test(cve_2025_51495_continuation_with_nothing_started),
        cmocka_unit_test(headers_of_6_bytes_back_to_back),
        cmocka_unit_test(invalid_utf8_split_anywhere),
        cmocka_unit_test(ws_2285_data_after_the_overflow),
        cmocka_unit_test(after_our_close_the_peer_is_still_heard),
        cmocka_unit_test(the_rest_can_be_taken_and_fed_again),
        cmocka_unit_test(each_allocation_fails_in_turn),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
