/* The beginning and the end of connections, and what is no connection's. */
#include "trace_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "failing_alloc.h"
#include "http_heads.h"

/* ---- each event, in the recording and for a person ---- */

static void a_recording_begins_with_its_own_line(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, LOG_TEXT, LOG_NORMAL);
    json_t *first = recorded(&f, 0);
    int year, month, day, hour, minute, second, ms, end = 0;
    assert_int_equal(json_object_size(first), 3);
    assert_int_equal(json_integer_value(json_object_get(first, "taburet")), 1);
    assert_string_equal(json_string_value(json_object_get(first, "kind")), "recording");
    const char *started = json_string_value(json_object_get(first, "started"));
    assert_int_equal(sscanf(started, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year, &month, &day, &hour,
                            &minute, &second, &ms, &end),
                     7);
    assert_int_equal(end, strlen(started));
    assert_true(year >= 2024);
    json_decref(first);
    assert_string_equal(console(&f), "");
    tear_down(&f);
}

static const char request_text[] = "GET /chat?x=1 HTTP/1.1\r\nHost: localhost\r\n"
                                   "Authorization: Basic c2VjcmV0\r\ncookie: session=secret\r\n"
                                   "Proxy-Authorization: secret\r\nSET-COOKIE: secret\r\n"
                                   "X-Odd: a\xE9\x80\r\nOrigin: null\r\n\r\n";

static void an_open_shows_the_handshake_without_its_secrets(void **state) {
    (void)state;
    struct fixture f;
    struct http1 *request = head_parse(HTTP1_REQUEST, request_text);
    const struct trace_handshake h = {.request = request, .status = 101, .subprotocol = "chat.v1"};
    set_up(&f, LOG_TEXT, LOG_VERBOSE);
    trace_open(f.trace, f.c, &h);
    assert_event(&f, "open",
                 "{\"url\":\"/chat?x=1\",\"peer\":\"127.0.0.1:5000\",\"request\":{\"method\":"
                 "\"GET\",\"target\":\"/chat?x=1\",\"headers\":[[\"Host\",\"localhost\"],"
                 "[\"Authorization\",\"***\"],[\"cookie\",\"***\"],"
                 "[\"Proxy-Authorization\",\"***\"],[\"SET-COOKIE\",\"***\"],"
                 "[\"X-Odd\",\"a\\u00e9\\u0080\"],[\"Origin\",\"null\"]]},"
                 "\"response\":{\"status\":101},\"protocol\":\"chat.v1\",\"deflate\":false}");
    assert_string_equal(console(&f),
                        "127.0.0.1:5000 connected\n"
                        "127.0.0.1:5000 > GET /chat?x=1\n"
                        "127.0.0.1:5000 > Host: localhost\n"
                        "127.0.0.1:5000 > Authorization: ***\n"
                        "127.0.0.1:5000 > cookie: ***\n"
                        "127.0.0.1:5000 > Proxy-Authorization: ***\n"
                        "127.0.0.1:5000 > SET-COOKIE: ***\n"
                        "127.0.0.1:5000 > X-Odd: a\\xe9\\x80\n"
                        "127.0.0.1:5000 > Origin: null\n"
                        "127.0.0.1:5000 < 101 Switching Protocols, subprotocol chat.v1, "
                        "permessage-deflate off\n");
    http1_free(request);
    tear_down(&f);
}

static void an_open_names_the_agreed_compression(void **state) {
    (void)state;
    struct fixture f;
    struct http1 *request = head_parse(HTTP1_REQUEST, "GET / HTTP/1.1\r\n\r\n");
    const struct trace_handshake h = {.request = request,
                                      .status = 101,
                                      .deflate = {.on = true,
                                                  .server_no_context_takeover = true,
                                                  .server_max_window_bits = 10,
                                                  .client_max_window_bits = 15}};
    set_up(&f, LOG_TEXT, LOG_NORMAL);
    trace_open(f.trace, f.c, &h);
    assert_event(&f, "open",
                 "{\"url\":\"/\",\"peer\":\"127.0.0.1:5000\",\"request\":{\"method\":\"GET\","
                 "\"target\":\"/\",\"headers\":[]},\"response\":{\"status\":101},\"protocol\":null,"
                 "\"deflate\":{\"server_no_context_takeover\":true,"
                 "\"client_no_context_takeover\":false,\"server_max_window_bits\":10,"
                 "\"client_max_window_bits\":15}}");
    assert_string_equal(console(&f), "127.0.0.1:5000 connected\n");
    http1_free(request);
    tear_down(&f);
}

static void a_refusal_says_why(void **state) {
    (void)state;
    struct fixture f;
    struct http1 *request = head_parse(HTTP1_REQUEST, "GET /x HTTP/1.1\r\nCookie: secret\r\n\r\n");
    set_up(&f, LOG_TEXT, LOG_NORMAL);
    const struct trace_handshake refused = {.request = request, .status = 426};
    trace_refused(f.trace, f.c, &refused, "the reason");
    assert_event(&f, "refused",
                 "{\"peer\":\"127.0.0.1:5000\",\"request\":{\"method\":\"GET\",\"target\":\"/x\","
                 "\"headers\":[[\"Cookie\",\"***\"]]},\"response\":{\"status\":426},"
                 "\"why\":\"the reason\"}");
    assert_string_equal(console(&f),
                        "127.0.0.1:5000 refused GET /x: 426 Upgrade Required (the reason)\n");
    tear_down(&f);
    http1_free(request);

    set_up(&f, LOG_TEXT, LOG_NORMAL);
    const struct trace_handshake nothing = {.request = NULL};
    trace_refused(f.trace, f.c, &nothing, "nothing came");
    assert_event(&f, "refused",
                 "{\"peer\":\"127.0.0.1:5000\",\"request\":null,\"response\":null,"
                 "\"why\":\"nothing came\"}");
    assert_string_equal(console(&f), "127.0.0.1:5000 refused (nothing came)\n");
    tear_down(&f);
}

static void a_violation_names_the_rule(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, LOG_TEXT, LOG_NORMAL);
    trace_violation(f.trace, f.c, WS_V_FRAME_OPCODE);
    json_t *event = recorded(&f, 1);
    assert_string_equal(json_string_value(json_object_get(event, "rule")), "FRAME_OPCODE");
    assert_non_null(strstr(json_string_value(json_object_get(event, "section")), "5.2"));
    assert_string_equal(json_string_value(json_object_get(event, "text")),
                        "the opcode is reserved");
    json_decref(event);
    assert_non_null(strstr(console(&f), "127.0.0.1:5000 broke a rule: the opcode is reserved ("));
    assert_non_null(strstr(console(&f), "FRAME_OPCODE)\n"));
    tear_down(&f);
}

static struct note *note_of(const char *p, size_t n) {
    struct note *note = malloc(sizeof *note);
    assert_non_null(note);
    note->size = (uint8_t)n;
    memcpy(note->bytes, p, n);
    return note;
}

static void a_close_says_who_and_how(void **state) {
    (void)state;
    static const struct {
        enum conn_closer closer;
        uint16_t code;
        const char *reason;
        size_t size;
        const char *fields;
        const char *text;
    } rows[] = {
        {CONN_LOST, 1006, NULL, 0, "{\"from\":null,\"code\":1006,\"reason\":\"\"}",
         ", lost without a close\n"},
        {CONN_CLOSED_BY_PEER, 1000, "", 0, "{\"from\":\"client\",\"code\":1000,\"reason\":\"\"}",
         "127.0.0.1:5000 disconnected: 1000 normal closure, closed by the client\n"},
        {CONN_CLOSED_BY_PEER, 1000, "a\0b", 3,
         "{\"from\":\"client\",\"code\":1000,\"reason\":\"a\\u0000b\"}",
         " \"a\\x00b\", closed by the client\n"},
        {CONN_CLOSED_BY_US, 1008, "too\033 slow", 9,
         "{\"from\":\"server\",\"code\":1008,\"reason\":\"too\\u001b slow\"}",
         " \"too\\x1b slow\", closed by the server\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f;
        set_up(&f, LOG_TEXT, LOG_NORMAL);
        f.c->closer = (uint8_t)rows[i].closer;
        f.c->close_code = rows[i].code;
        f.c->reason = rows[i].reason == NULL ? NULL : note_of(rows[i].reason, rows[i].size);
        trace_close(f.trace, f.c);
        assert_event(&f, "close", rows[i].fields);
        assert_non_null(strstr(console(&f), rows[i].text));
        tear_down(&f);
    }
}

static void dropped_messages_are_counted(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, LOG_TEXT, LOG_NORMAL);
    f.c->dropped = 12;
    trace_dropped(f.trace, f.c, 0);
    trace_dropped(f.trace, f.c, 5);
    assert_event(&f, "log",
                 "{\"id\":\"dropped\",\"text\":\"127.0.0.1:5000 is too slow: 5 messages dropped, "
                 "12 in all\"}");
    assert_string_equal(console(&f), "127.0.0.1:5000 is too slow: 5 messages dropped, 12 in all\n");
    tear_down(&f);
}

static void what_the_server_says_belongs_to_no_connection(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, LOG_TEXT, LOG_NORMAL);
    trace_log(f.trace, "ignore response");
    json_t *event = recorded(&f, 1);
    assert_null(json_object_get(event, "conn"));
    assert_string_equal(json_string_value(json_object_get(event, "text")), "ignore response");
    json_decref(event);
    assert_string_equal(console(&f), "ignore response\n");
    tear_down(&f);
}

static void a_peer_on_a_unix_socket_is_told_from_the_next_by_its_number(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, LOG_TEXT, LOG_NORMAL);
    f.c->address = (struct address){.family = AF_UNIX};
    trace_close(f.trace, f.c);
    assert_int_equal(strncmp(console(&f), "unix:7 disconnected", 19), 0);
    tear_down(&f);
}

/* ---- the console ---- */

static void where_it_listens_is_shown_even_when_all_else_is_not(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, LOG_TEXT, LOG_ALWAYS);
    trace_listening(f.trace, "ws://localhost:4000");
    trace_log(f.trace, "not shown");
    trace_close(f.trace, f.c);
    assert_string_equal(console(&f), "listening on ws://localhost:4000\n");
    tear_down(&f);
    set_up(&f, LOG_JSON, LOG_ALWAYS);
    trace_listening(f.trace, "ws://localhost:4000");
    trace_log(f.trace, "not shown");
    assert_string_equal(console(&f), "{\"ev\":\"listening\",\"url\":\"ws://localhost:4000\"}\n");
    tear_down(&f);
}

static void a_json_console_shows_the_lines_of_the_recording(void **state) {
    (void)state;
    struct fixture f;
    struct bytes record = BYTES_INIT;
    set_up(&f, LOG_JSON, LOG_VERBOSE);
    received(&f, WS_OP_TEXT, "\033\n", 2);
    trace_log(f.trace, "said");
    trace_close(f.trace, f.c);
    const char *shown = console(&f);
    read_file(f.record_fd, &record);
    assert_string_equal(shown, strchr((const char *)record.data, '\n') + 1);
    assert_null(strchr(shown, '\033'));
    bytes_release(&record);
    tear_down(&f);
}

/* The line is ASCII as far as a terminal could obey it, and says the same. */
static void a_json_line_has_no_command_for_a_terminal(void **state) {
    (void)state;
    static const char text[] = "\x7f\xc2\x80\xc2\x9b"
                               "2J\xc2\x9f\u061c\u200e\u2028\u202e\u2069\U000e0041"
                               "\U000e007f\u00a0\u20ac\u2070\U0001f600\x1b\\";
    struct fixture f;
    set_up(&f, LOG_JSON, LOG_VERBOSE);
    received(&f, WS_OP_TEXT, text, sizeof text - 1);
    assert_non_null(strstr(console(&f),
                           "\"data\":\"\\u007F\\u0080\\u009B2J\\u009F\\u061C\\u200E\\u2028\\u202E"
                           "\\u2069\\uDB40\\uDC41\\uDB40\\uDC7F\u00a0\u20ac\u2070\U0001f600"
                           "\\u001B\\\\\","));
    json_t *event = recorded(&f, 1);
    assert_string_equal(json_string_value(json_object_get(event, "data")), text);
    json_decref(event);
    tear_down(&f);
}

static void a_quiet_console_does_not_silence_the_recording(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, LOG_TEXT, LOG_ALWAYS);
    received(&f, WS_OP_TEXT, "hello", 5);
    json_t *event = recorded(&f, 1);
    assert_non_null(event);
    json_decref(event);
    assert_string_equal(console(&f), "");
    tear_down(&f);
}

/* ---- what fails ---- */

static void a_full_disk_is_told_once_and_serving_goes_on(void **state) {
    (void)state;
    for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
        struct fixture f;
        set_up(&f, (enum log_format)format, LOG_ALWAYS);
        int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
        assert_true(full >= 0);
        assert_int_equal(dup2(full, f.record_fd), f.record_fd);
        close(full);
        received(&f, WS_OP_TEXT, "lost", 4);
        trace_flush(f.trace);
        trace_flush(f.trace);
        received(&f, WS_OP_TEXT, "lost", 4);
        const char *shown = console(&f);
        assert_non_null(strstr(shown, "No space left on device"));
        assert_int_equal(strcspn(shown, "\n"), strlen(shown) - 1);
        if (format == LOG_JSON) {
            json_t *event = json_loads(shown, 0, NULL);
            assert_string_equal(json_string_value(json_object_get(event, "id")), "recording");
            json_decref(event);
        }
        tear_down(&f);
    }
}

static void nothing_is_traced_without_a_trace(void **state) {
    (void)state;
    struct ws_event ev = message_of(WS_OP_TEXT, "x", 1);
    struct ws_head head = {.fin = true};
    struct trace_sent sent = {
        .opcode = WS_OP_TEXT, .wire = (const uint8_t *)"\x81\0", .wire_size = 2};
    trace_open(NULL, NULL, NULL);
    trace_refused(NULL, NULL, NULL, "");
    trace_received(NULL, NULL, &ev);
    trace_sent(NULL, NULL, &sent);
    trace_frame(NULL, NULL, TRACE_CLIENT, &head);
    trace_control(NULL, NULL, TRACE_CLIENT, NULL);
    trace_violation(NULL, NULL, WS_V_FRAME_RSV);
    trace_dropped(NULL, NULL, 1);
    trace_close(NULL, NULL);
    trace_log(NULL, "");
    trace_flush(NULL);
    trace_free(NULL);
}

/* A line that memory does not suffice for is missing or short; the others are whole. */
static void a_failed_allocation_costs_a_line_at_most(void **state) {
    (void)state;
    struct http1 *request = head_parse(HTTP1_REQUEST, request_text);
    const struct trace_handshake h = {.request = request, .status = 101};
    unsigned n = 0;
    unsigned missing = 0;
    do {
        struct fixture f;
        set_up(&f, LOG_TEXT, LOG_DEBUG);
        fail_alloc_at(n);
        trace_open(f.trace, f.c, &h);
        received(&f, WS_OP_BINARY, "data", 4);
        received(&f, WS_OP_TEXT, "\x7ftext", 5);
        trace_dropped(f.trace, f.c, 3);
        trace_close(f.trace, f.c);
        trace_flush(f.trace);
        fail_alloc_off();
        unsigned lines = 0;
        for (json_t *event; (event = recorded(&f, lines)) != NULL; lines++) {
            json_decref(event);
        }
        assert_in_range(lines, 5, 6);
        missing += 6 - lines;
        tear_down(&f);
    } while (n++ < alloc_count());
    assert_true(missing > 0);
    http1_free(request);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recording_begins_with_its_own_line),
        cmocka_unit_test(an_open_shows_the_handshake_without_its_secrets),
        cmocka_unit_test(an_open_names_the_agreed_compression),
        cmocka_unit_test(a_refusal_says_why),
        cmocka_unit_test(a_violation_names_the_rule),
        cmocka_unit_test(a_close_says_who_and_how),
        cmocka_unit_test(dropped_messages_are_counted),
        cmocka_unit_test(what_the_server_says_belongs_to_no_connection),
        cmocka_unit_test(a_peer_on_a_unix_socket_is_told_from_the_next_by_its_number),
        cmocka_unit_test(where_it_listens_is_shown_even_when_all_else_is_not),
        cmocka_unit_test(a_json_console_shows_the_lines_of_the_recording),
        cmocka_unit_test(a_json_line_has_no_command_for_a_terminal),
        cmocka_unit_test(a_quiet_console_does_not_silence_the_recording),
        cmocka_unit_test(a_full_disk_is_told_once_and_serving_goes_on),
        cmocka_unit_test(nothing_is_traced_without_a_trace),
        cmocka_unit_test(a_failed_allocation_costs_a_line_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
