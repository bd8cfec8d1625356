/* Messages, frames and control frames, in the recording and for a person. */
#include "trace_fixture.h"

#include <string.h>

static void a_text_that_comes_is_recorded_as_it_is_and_shown_escaped(void **state) {
    (void)state;
    struct fixture f;
    static const char text[] = "a\033[2J\r\nb\t\"\\\xE2\x80\xAE_";
    set_up(&f, LOG_TEXT, LOG_VERBOSE);
    received(&f, WS_OP_TEXT, text, sizeof text - 1);
    assert_event(&f, "message",
                 "{\"from\":\"client\",\"type\":\"text\",\"data\":\"a\\u001b[2J\\r\\nb\\t\\\"\\\\"
                 "\\u202e_\",\"size\":15,\"wire\":21,\"frames\":2}");
    assert_string_equal(
        console(&f),
        "127.0.0.1:5000 \xE2\x86\x92 text 15 bytes: a\\x1b[2J\\x0d\\nb\\t\"\\\\u{202e}_\n");
    tear_down(&f);
}

static void a_binary_message_is_base64_and_hex(void **state) {
    (void)state;
    struct fixture f;
    uint8_t data[40];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 7);
    }
    set_up(&f, LOG_TEXT, LOG_VERBOSE);
    received(&f, WS_OP_BINARY, data, 3);
    assert_event(&f, "message",
                 "{\"from\":\"client\",\"type\":\"binary\",\"base64\":\"AAcO\",\"size\":3,"
                 "\"wire\":9,\"frames\":2}");
    assert_string_equal(console(&f), "127.0.0.1:5000 \xE2\x86\x92 binary 3 bytes: 00 07 0e\n");
    received(&f, WS_OP_BINARY, data, sizeof data);
    assert_non_null(strstr(console(&f), "binary 40 bytes: 00 07 0e 15"));
    assert_non_null(strstr(console(&f), " d9 \xE2\x80\xA6\n"));
    tear_down(&f);
}

static void text_that_is_not_utf8_is_recorded_as_base64(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, LOG_TEXT, LOG_VERBOSE);
    received(&f, WS_OP_TEXT, "\xFF_", 2);
    assert_event(&f, "message",
                 "{\"from\":\"client\",\"type\":\"text\",\"base64\":\"/18=\",\"size\":2,"
                 "\"wire\":8,\"frames\":2}");
    assert_string_equal(console(&f), "127.0.0.1:5000 \xE2\x86\x92 text 2 bytes: \\xff_\n");
    tear_down(&f);
}

/* A NUL is text; nothing is nothing; a long text is cut between code points, on the console only.
 */
static void odd_texts_keep_their_size(void **state) {
    (void)state;
    struct fixture f;
    char text[301];
    set_up(&f, LOG_TEXT, LOG_VERBOSE);
    received(&f, WS_OP_TEXT, "a\0b", 3);
    received(&f, WS_OP_TEXT, NULL, 0);
    text[0] = 'x';
    for (size_t i = 1; i < sizeof text; i += 3) {
        memcpy(text + i, "\xE2\x82\xAC", 3);
    }
    received(&f, WS_OP_TEXT, text, sizeof text);
    json_t *nul = recorded(&f, 1);
    json_t *nothing = recorded(&f, 2);
    json_t *large = recorded(&f, 3);
    assert_int_equal(json_string_length(json_object_get(nul, "data")), 3);
    assert_string_equal(json_string_value(json_object_get(nothing, "data")), "");
    assert_int_equal(json_string_length(json_object_get(large, "data")), sizeof text);
    json_decref(nul);
    json_decref(nothing);
    json_decref(large);
    assert_non_null(strstr(console(&f), "text 3 bytes: a\\x00b\n"));
    assert_non_null(strstr(console(&f), "text 0 bytes: \n"));
    const char *cut = strstr(console(&f), "text 301 bytes: x\xE2\x82\xAC");
    assert_non_null(cut);
    assert_int_equal(strcspn(cut, "\n"), strlen("text 301 bytes: ") + 199 + 3);
    assert_null(strstr(cut, "\\x"));
    tear_down(&f);
}

static void a_message_that_is_sent_is_shown_with_its_frame(void **state) {
    (void)state;
    struct fixture f;
    struct trace_sent sent = {.opcode = WS_OP_TEXT,
                              .data = (const uint8_t *)"hello",
                              .size = 5,
                              .wire = (const uint8_t *)"\x81\x05hello",
                              .wire_size = 7};
    set_up(&f, LOG_TEXT, LOG_DEBUG);
    trace_sent(f.trace, f.c, &sent);
    assert_string_equal(console(&f),
                        "127.0.0.1:5000 \xE2\x86\x90 frame text opcode=1 fin=1 rsv=0 masked=0 "
                        "len=5\n"
                        "127.0.0.1:5000 \xE2\x86\x90 text 5 bytes: hello\n");
    json_t *message = recorded(&f, 2);
    assert_string_equal(json_string_value(json_object_get(message, "from")), "server");
    assert_int_equal(json_integer_value(json_object_get(message, "wire")), 7);
    assert_int_equal(json_integer_value(json_object_get(message, "frames")), 1);
    json_decref(message);
    tear_down(&f);
}

static void a_frame_is_shown_with_its_header(void **state) {
    (void)state;
    struct fixture f;
    struct ws_head head = {
        .fin = false, .masked = true, .rsv = 4, .opcode = 3, .len_size = 2, .length = 300};
    set_up(&f, LOG_TEXT, LOG_DEBUG);
    trace_frame(f.trace, f.c, TRACE_CLIENT, &head);
    assert_event(&f, "frame",
                 "{\"from\":\"client\",\"fin\":false,\"rsv\":4,\"opcode\":3,\"masked\":true,"
                 "\"len\":300,\"wire\":308}");
    assert_string_equal(console(&f), "127.0.0.1:5000 \xE2\x86\x92 frame reserved opcode=3 fin=0 "
                                     "rsv=4 masked=1 len=300\n");
    tear_down(&f);
}

static void frames_are_recorded_only_where_they_are_shown(void **state) {
    (void)state;
    struct fixture f;
    struct ws_head head = {.fin = true, .opcode = 1};
    set_up(&f, LOG_TEXT, LOG_VERBOSE);
    assert_false(trace_wants(f.trace, LOG_DEBUG));
    assert_true(trace_wants(f.trace, LOG_VERBOSE));
    assert_false(trace_wants(NULL, LOG_ALWAYS));
    trace_frame(f.trace, f.c, TRACE_CLIENT, &head);
    assert_null(recorded(&f, 1));
    tear_down(&f);
}

static void pings_and_pongs_are_shown_with_their_round_trip(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, LOG_TEXT, LOG_VERBOSE);
    const struct trace_control ping = {WS_OP_PING, (const uint8_t *)"p", 1, -1};
    const struct trace_control answer = {WS_OP_PONG, (const uint8_t *)"\xFF\033", 2, 1500};
    const struct trace_control unasked = {WS_OP_PONG, NULL, 0, -1};
    trace_control(f.trace, f.c, TRACE_SERVER, &ping);
    assert_event(&f, "ping", "{\"from\":\"server\",\"data\":\"p\"}");
    trace_control(f.trace, f.c, TRACE_CLIENT, &answer);
    json_t *pong = recorded(&f, 2);
    assert_string_equal(json_string_value(json_object_get(pong, "base64")), "/xs=");
    assert_true(json_real_value(json_object_get(pong, "rtt")) == 0.0015);
    json_decref(pong);
    trace_control(f.trace, f.c, TRACE_CLIENT, &unasked);
    pong = recorded(&f, 3);
    assert_null(json_object_get(pong, "rtt"));
    assert_string_equal(json_string_value(json_object_get(pong, "data")), "");
    json_decref(pong);
    assert_string_equal(console(&f), "127.0.0.1:5000 \xE2\x86\x90 ping p\n"
                                     "127.0.0.1:5000 \xE2\x86\x92 pong \\xff\\x1b (1.500 ms)\n"
                                     "127.0.0.1:5000 \xE2\x86\x92 pong\n");
    tear_down(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_that_comes_is_recorded_as_it_is_and_shown_escaped),
        cmocka_unit_test(a_binary_message_is_base64_and_hex),
        cmocka_unit_test(text_that_is_not_utf8_is_recorded_as_base64),
        cmocka_unit_test(odd_texts_keep_their_size),
        cmocka_unit_test(a_message_that_is_sent_is_shown_with_its_frame),
        cmocka_unit_test(a_frame_is_shown_with_its_header),
        cmocka_unit_test(frames_are_recorded_only_where_they_are_shown),
        cmocka_unit_test(pings_and_pongs_are_shown_with_their_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
