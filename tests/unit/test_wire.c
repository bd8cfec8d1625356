/* What wire.h puts on the wire, byte by byte, and what it tells the trace. */
#include "client_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "conn/trace.h"
#include "conn/wire.h"
#include "failing_alloc.h"

#define BYTES(literal) ((const uint8_t *)(literal)), (sizeof(literal) - 1)

/* The wire is just this, and nothing else until a mark. */
static void assert_wire(const uint8_t *p, size_t n) {
    wire_send_raw(f.c, BYTES("<mark>"));
    hear(n + 6);
    assert_memory_equal(f.in.data, p, n);
    assert_memory_equal(f.in.data + n, "<mark>", 6);
    assert_int_equal(f.in.len, n + 6);
    bytes_clear(&f.in);
}

static void assert_shape(struct wire_shape shape, uint8_t opcode, const char *message,
                         const uint8_t *wire, size_t n) {
    assert_false(wire_shape_is_plain(&shape));
    wire_send(f.c, &shape, opcode, (const uint8_t *)message, strlen(message));
    assert_wire(wire, n);
}

/* ---- shapes ---- */

static void a_plain_shape_is_what_the_session_would_send(void **state) {
    (void)state;
    const struct wire_shape plain = {0};
    uint8_t first_key[4];
    assert_true(wire_shape_is_plain(&plain));
    start();
    open_up();
    wire_send(f.c, &plain, WS_OP_TEXT, BYTES("hello"));
    hear(6);
    memcpy(first_key, f.in.data + 2, 4);
    assert_heard(0x81, "hello", 5);
    wire_send(f.c, &plain, WS_OP_BINARY, BYTES("hello"));
    hear(6);
    assert_memory_not_equal(first_key, f.in.data + 2, 4);
    assert_heard(0x82, "hello", 5);
    stop();
}

static void a_mask_is_fixed_or_left_out(void **state) {
    (void)state;
    start();
    open_up();
    const struct wire_shape none = {.has_mask = true};
    const struct wire_shape fixed = {.has_mask = true, .masked = true, .mask = {1, 2, 3, 4}};
    const struct wire_shape zero = {.has_mask = true, .masked = true};
    assert_shape(none, WS_OP_TEXT, "abc",
                 BYTES("\x81\x03"
                       "abc"));
    assert_shape(fixed, WS_OP_TEXT, "aaaaa", BYTES("\x81\x85\1\2\3\4`cbe`"));
    assert_shape(zero, WS_OP_BINARY, "abc", BYTES("\x82\x83\0\0\0\0abc"));
    stop();
}

static void reserved_bits_are_set_in_the_first_frame(void **state) {
    (void)state;
    start();
    open_up();
    struct wire_shape shape = {.has_mask = true, .has_rsv = true};
    static const uint8_t first[] = {0x81, 0x91, 0xA1, 0xB1, 0xC1, 0xD1, 0xE1, 0xF1};
    for (uint8_t rsv = 0; rsv < 8; rsv++) {
        const uint8_t wire[] = {first[rsv], 1, 'x'};
        shape.rsv = rsv;
        assert_shape(shape, WS_OP_TEXT, "x", wire, sizeof wire);
    }
    shape.rsv = 4;
    shape.fragment = 1;
    assert_shape(shape, WS_OP_TEXT, "xy", BYTES("\x41\1x\x80\1y"));
    stop();
}

static void an_opcode_takes_the_place_of_the_messages_own(void **state) {
    (void)state;
    start();
    open_up();
    struct wire_shape shape = {.has_mask = true, .has_opcode = true};
    for (uint8_t opcode = 0; opcode < 16; opcode++) {
        const uint8_t wire[] = {(uint8_t)(0x80 | opcode), 1, 'x'};
        shape.opcode = opcode;
        assert_shape(shape, WS_OP_TEXT, "x", wire, sizeof wire);
    }
    shape.opcode = 3;
    shape.fragment = 1;
    assert_shape(shape, WS_OP_TEXT, "xy", BYTES("\3\1x\x80\1y"));
    stop();
}

static void a_message_is_cut_into_frames(void **state) {
    (void)state;
    start();
    open_up();
    struct wire_shape shape = {.has_mask = true, .fragment = 2};
    assert_shape(shape, WS_OP_TEXT, "abcde", BYTES("\x01\2ab\0\2cd\x80\1e"));
    assert_shape(shape, WS_OP_BINARY, "abcd", BYTES("\x02\2ab\x80\2cd"));
    assert_shape(shape, WS_OP_TEXT, "ab", BYTES("\x81\2ab"));
    assert_shape(shape, WS_OP_TEXT, "", BYTES("\x81\0"));
    shape.fragment = UINT64_MAX;
    assert_shape(shape, WS_OP_TEXT, "ab", BYTES("\x81\2ab"));
    stop();
}

static void a_message_is_cut_where_a_list_says(void **state) {
    (void)state;
    static const uint64_t sizes[] = {3, 0, 10};
    static const uint64_t empty[] = {0, 0};
    start();
    open_up();
    struct wire_shape shape = {.has_mask = true, .fragments = sizes, .fragment_count = 3};
    assert_shape(shape, WS_OP_TEXT, "abcdefghijklmno",
                 BYTES("\x01\3abc\0\0\0\x0a"
                       "defghijklm\x80\2no"));
    assert_shape(shape, WS_OP_TEXT, "abcdefghijklm",
                 BYTES("\x01\3abc\0\0\x80\x0a"
                       "defghijklm"));
    assert_shape(shape, WS_OP_TEXT, "abcd", BYTES("\x01\3abc\0\0\x80\1d"));
    assert_shape(shape, WS_OP_TEXT, "abc", BYTES("\x01\3abc\x80\0"));
    assert_shape(shape, WS_OP_TEXT, "", BYTES("\x01\0\x80\0"));
    shape.fragments = empty;
    shape.fragment_count = 2;
    assert_shape(shape, WS_OP_TEXT, "", BYTES("\x01\0\x80\0"));
    assert_shape(shape, WS_OP_TEXT, "ab", BYTES("\x01\0\0\0\x80\2ab"));
    stop();
}

static void the_last_frame_ends_the_message_or_not(void **state) {
    (void)state;
    start();
    open_up();
    struct wire_shape shape = {.has_mask = true, .has_fin = true};
    assert_shape(shape, WS_OP_TEXT, "ab", BYTES("\x01\2ab"));
    shape.fragment = 1;
    assert_shape(shape, WS_OP_TEXT, "ab", BYTES("\x01\1a\0\1b"));
    shape.fin = true;
    assert_shape(shape, WS_OP_TEXT, "ab", BYTES("\x01\1a\x80\1b"));
    stop();
}

static void a_length_may_be_false(void **state) {
    (void)state;
    start();
    open_up();
    struct wire_shape shape = {.has_mask = true, .has_length = true, .length = 1};
    assert_shape(shape, WS_OP_TEXT, "abc", BYTES("\x81\1abc"));
    shape.length = 300;
    assert_shape(shape, WS_OP_TEXT, "abc",
                 BYTES("\x81\x7e\x01\x2c"
                       "abc"));
    shape.length = UINT64_MAX;
    shape.fragment = 2;
    assert_shape(shape, WS_OP_TEXT, "abc",
                 BYTES("\x01\x7f\xff\xff\xff\xff\xff\xff\xff\xff"
                       "ab\x80\1c"));
    stop();
}

static void a_key_may_be_fresh_where_none_belongs(void **state) {
    (void)state;
    const struct wire_shape shape = {.has_mask = true, .masked = true, .fresh = true};
    uint8_t first_key[4];
    start();
    open_up();
    wire_send(f.c, &shape, WS_OP_TEXT, BYTES("abc"));
    hear(9);
    memcpy(first_key, f.in.data + 2, 4);
    assert_heard(0x81, "abc", 3);
    wire_send(f.c, &shape, WS_OP_TEXT, BYTES("abc"));
    hear(9);
    assert_memory_not_equal(first_key, f.in.data + 2, 4);
    assert_heard(0x81, "abc", 3);
    stop();
}

static void each_fragment_has_a_fresh_key(void **state) {
    (void)state;
    const struct wire_shape shape = {.fragment = 3};
    uint8_t first_key[4];
    start();
    open_up();
    wire_send(f.c, &shape, WS_OP_TEXT, BYTES("abcdef"));
    hear(18);
    memcpy(first_key, f.in.data + 2, 4);
    assert_memory_not_equal(first_key, f.in.data + 11, 4);
    assert_heard(0x01, "abc", 3);
    assert_heard(0x80, "def", 3);
    stop();
}

static void lengths_have_their_shortest_form(void **state) {
    (void)state;
    static const struct {
        size_t size;
        const char *head;
        size_t head_size;
    } rows[] = {{125, "\x82\x7d", 2},
                {126, "\x82\x7e\0\x7e", 4},
                {65535, "\x82\x7e\xff\xff", 4},
                {65536, "\x82\x7f\0\0\0\0\0\1\0\0", 10}};
    static uint8_t large[65536];
    const struct wire_shape shape = {.has_mask = true};
    memset(large, 'x', sizeof large);
    start();
    open_up();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wire_send(f.c, &shape, WS_OP_BINARY, large, rows[i].size);
        hear(rows[i].head_size + rows[i].size);
        assert_memory_equal(f.in.data, rows[i].head, rows[i].head_size);
        assert_memory_equal(f.in.data + rows[i].head_size, large, rows[i].size);
        assert_int_equal(f.in.len, rows[i].head_size + rows[i].size);
        bytes_clear(&f.in);
    }
    stop();
}

static void an_empty_message_is_an_empty_frame(void **state) {
    (void)state;
    const struct wire_shape fixed = {.has_mask = true, .masked = true, .mask = {1, 2, 3, 4}};
    start();
    open_up();
    wire_send(f.c, &fixed, WS_OP_TEXT, NULL, 0);
    assert_wire(BYTES("\x81\x80\1\2\3\4"));
    stop();
}

/* ---- bytes, and their order ---- */

static void bytes_are_sent_as_they_stand_in_their_order(void **state) {
    (void)state;
    const struct wire_shape shape = {.has_mask = true};
    start();
    open_up();
    wire_send_raw(f.c, BYTES("\xff\0\r\n"));
    wire_send_raw(f.c, NULL, 0);
    wire_send(f.c, &shape, WS_OP_TEXT, BYTES("x"));
    wire_send_raw(f.c, BYTES("\x81"));
    assert_wire(BYTES("\xff\0\r\n\x81\1x\x81"));
    stop();
}

static void nothing_is_sent_on_what_is_not_open(void **state) {
    (void)state;
    const struct wire_shape shape = {.has_mask = true};
    start();
    dial_and_accept();
    hear_head();
    bytes_clear(&f.in);
    wire_send(f.c, &shape, WS_OP_TEXT, BYTES("x"));
    wire_send_raw(f.c, BYTES("x"));
    conn_drop(f.c);
    assert_int_equal(hear_end(), 0);
    assert_int_equal(f.in.len, 0);
    await_connections(0);
    leave();
    open_up();
    conn_close(f.c, 1000, "");
    wire_send(f.c, &shape, WS_OP_TEXT, BYTES("x"));
    wire_send_raw(f.c, BYTES("x"));
    assert_heard_close(1000);
    say_frame(0x88, "\x03\xe8", 2);
    turn();
    assert_int_equal(f.in.len, 0);
    stop();
}

/* What the peer makes of it is judged as ever. */
static void the_session_goes_on(void **state) {
    (void)state;
    start();
    open_up();
    wire_send_raw(f.c, BYTES("\x88\0"));
    assert_true(conn_is_open(f.c));
    conn_send(f.c, WS_OP_TEXT, (const uint8_t *)"x", 1);
    hear(2);
    bytes_consume(&f.in, 2);
    assert_heard(0x81, "x", 1);
    stop();
}

/* ---- the trace ---- */

static char frames[1000];

static bool wants_frames(void *ctx, enum log_level level) {
    (void)ctx;
    return level == LOG_DEBUG;
}

static void show_frame(void *ctx, const struct conn *c, enum trace_from from,
                       const struct ws_head *head) {
    (void)ctx;
    size_t n = strlen(frames);
    assert_ptr_equal(c, f.c);
    assert_int_equal(from, TRACE_CLIENT);
    snprintf(frames + n, sizeof frames - n, "%u:%u%s%s,%u ", head->opcode, (unsigned)head->length,
             head->fin ? "" : "+", head->masked ? "m" : "", head->rsv);
}

static void each_frame_is_traced_and_the_message_once(void **state) {
    (void)state;
    static const struct trace_view view = {.wants = wants_frames, .frame = show_frame};
    const struct wire_shape shape = {.fragment = 2, .has_rsv = true, .rsv = 1};
    const struct wire_shape reserved = {.has_opcode = true, .opcode = 5};
    const struct wire_shape endless = {.has_fin = true};
    const struct wire_shape false_length = {.has_length = true, .length = 9};
    start();
    open_up();
    frames[0] = '\0';
    trace_set_view(f.config.trace, &view, NULL);
    wire_send(f.c, &shape, WS_OP_TEXT, BYTES("abcde"));
    assert_string_equal(frames, "1:2+m,1 0:2+m,0 0:1m,0 ");
    wire_send(f.c, &reserved, WS_OP_TEXT, BYTES("x")); /* the peer takes it for no message */
    assert_string_equal(frames, "1:2+m,1 0:2+m,0 0:1m,0 5:1m,0 ");
    assert_int_equal(recorded("\"ev\":\"message\""), 1);
    assert_int_equal(recorded("\"from\":\"client\",\"type\":\"text\",\"data\":\"abcde\",\"size\":5,"
                              "\"wire\":23,\"frames\":3"),
                     1);
    assert_int_equal(recorded("\"ev\":\"frame\",\"from\":\"client\""), 4);
    frames[0] = '\0';
    wire_send(f.c, &endless, WS_OP_TEXT, BYTES("x"));
    wire_send(f.c, &false_length, WS_OP_TEXT, BYTES("x"));
    assert_string_equal(frames, "1:1+m,0 1:9m,0 ");
    assert_int_equal(recorded("\"ev\":\"message\""), 1);
    frames[0] = '\0';
    wire_send_raw(f.c, BYTES("\x81\1x\x02\5ab"));
    assert_string_equal(frames, "1:1,0 2:5+,0 ");
    wire_send_raw(f.c, BYTES("\x81"));
    assert_string_equal(frames, "1:1,0 2:5+,0 ");
    assert_int_equal(recorded("\"ev\":\"message\""), 1);
    trace_set_view(f.config.trace, NULL, NULL);
    stop();
}

/* ---- memory ---- */

static void send_both(void) {
    const struct wire_shape shape = {.fragment = 100};
    static uint8_t large[1000];
    wire_send(f.c, &shape, WS_OP_BINARY, large, sizeof large);
    wire_send_raw(f.c, large, sizeof large);
}

static void without_memory_the_connection_is_closed(void **state) {
    (void)state;
    unsigned n = 0;
    bool closed;
    unsigned closings = 0;
    do {
        set_up(NULL);
        start();
        open_up();
        fail_alloc_at(n);
        send_both();
        fail_alloc_off();
        closed = !conn_is_open(f.c);
        closings += closed ? 1 : 0;
        if (closed && f.closes == 0) {
            assert_int_equal(conn_ending(f.c).code, 1011);
        }
        stop();
    } while (n++ < alloc_count());
    assert_false(closed);
    assert_true(closings > 0);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(a_plain_shape_is_what_the_session_would_send),
        TEST(a_mask_is_fixed_or_left_out),
        TEST(reserved_bits_are_set_in_the_first_frame),
        TEST(an_opcode_takes_the_place_of_the_messages_own),
        TEST(a_message_is_cut_into_frames),
        TEST(a_message_is_cut_where_a_list_says),
        TEST(the_last_frame_ends_the_message_or_not),
        TEST(a_length_may_be_false),
        TEST(a_key_may_be_fresh_where_none_belongs),
        TEST(each_fragment_has_a_fresh_key),
        TEST(lengths_have_their_shortest_form),
        TEST(an_empty_message_is_an_empty_frame),
        TEST(bytes_are_sent_as_they_stand_in_their_order),
        TEST(nothing_is_sent_on_what_is_not_open),
        TEST(the_session_goes_on),
        TEST(each_frame_is_traced_and_the_message_once),
        TEST(without_memory_the_connection_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
