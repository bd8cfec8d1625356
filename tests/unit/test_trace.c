#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "conn/conn_state.h"
#include "conn/trace.h"
#include "conn/trace_json.h"
#include "failing_alloc.h"
#include "http_heads.h"

/* A console and a recording, each a file without a name, and a connection that never was. */
struct fixture {
    int console_fd;
    int record_fd;
    struct log *console;
    struct log *record;
    struct trace *trace;
    struct conn *c;
    struct bytes text; /* what stood on the console */
};

static void set_up(struct fixture *f, enum log_format format, enum log_level level) {
    f->console_fd = memfd_create("console", MFD_CLOEXEC);
    f->record_fd = memfd_create("record", MFD_CLOEXEC);
    f->console = log_new(f->console_fd, format, level);
    f->record = log_new(f->record_fd, LOG_JSON, LOG_DEBUG);
    f->trace = trace_new(f->console, f->record);
    f->c = calloc(1, sizeof *f->c);
    bytes_init(&f->text);
    assert_true(f->trace != NULL && f->c != NULL);
    f->c->id = 7;
    f->c->address = (struct address){.ip = {127, 0, 0, 1}, .port = 5000, .family = AF_INET};
    f->c->close_code = WS_CLOSE_ABNORMAL;
}

static void tear_down(struct fixture *f) {
    trace_free(f->trace);
    log_free(f->record);
    log_free(f->console);
    close(f->console_fd);
    close(f->record_fd);
    bytes_release(&f->text);
    free(f->c->reason);
    free(f->c);
}

static void read_file(int fd, struct bytes *out) {
    char part[4096];
    ssize_t n;
    bytes_clear(out);
    while ((n = pread(fd, part, sizeof part, (off_t)out->len)) > 0) {
        assert_int_equal(bytes_append(out, part, (size_t)n), TB_OK);
    }
    assert_int_equal(bytes_append(out, "", 1), TB_OK);
}

static const char *console(struct fixture *f) {
    trace_flush(f->trace);
    read_file(f->console_fd, &f->text);
    return (const char *)f->text.data;
}

/* The line of that number in the recording, parsed; 0 is the first. NULL if there is none. */
static json_t *recorded(struct fixture *f, unsigned number) {
    struct bytes all = BYTES_INIT;
    trace_flush(f->trace);
    read_file(f->record_fd, &all);
    char *line = (char *)all.data;
    while (number-- > 0 && line != NULL) {
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    json_t *event = NULL;
    if (line != NULL && *line != '\0') {
        json_error_t error;
        size_t n = strcspn(line, "\n");
        event = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
        assert_non_null(event);
    }
    bytes_release(&all);
    return event;
}

/* The only event so far: what it is, when it was and whose it is are checked; its other fields must
 * be just these. */
static void assert_event(struct fixture *f, const char *ev, const char *fields) {
    json_t *event = recorded(f, 1);
    json_error_t error;
    json_t *expected = json_loads(fields, JSON_ALLOW_NUL, &error);
    assert_non_null(event);
    assert_non_null(expected);
    assert_string_equal(json_string_value(json_object_get(event, "ev")), ev);
    assert_int_equal(json_integer_value(json_object_get(event, "conn")), 7);
    assert_true(json_real_value(json_object_get(event, "t")) >= 0);
    assert_true(json_real_value(json_object_get(event, "t")) < 600);
    json_object_del(event, "ev");
    json_object_del(event, "conn");
    json_object_del(event, "t");
    if (!json_equal(event, expected)) {
        char *got = json_dumps(event, JSON_SORT_KEYS);
        char *want = json_dumps(expected, JSON_SORT_KEYS);
        assert_string_equal(got, want);
    }
    json_decref(event);
    json_decref(expected);
    assert_null(recorded(f, 2));
}

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
    struct ws_answer answer = {.status = 101, .subprotocol = "chat.v1"};
    set_up(&f, LOG_TEXT, LOG_VERBOSE);
    trace_open(f.trace, f.c, request, &answer);
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
    struct ws_answer answer = {.status = 101,
                               .deflate = {.on = true,
                                           .server_no_context_takeover = true,
                                           .server_max_window_bits = 10,
                                           .client_max_window_bits = 15}};
    set_up(&f, LOG_TEXT, LOG_NORMAL);
    trace_open(f.trace, f.c, request, &answer);
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
    trace_refused(f.trace, f.c, request, 426, "the reason");
    assert_event(&f, "refused",
                 "{\"peer\":\"127.0.0.1:5000\",\"request\":{\"method\":\"GET\",\"target\":\"/x\","
                 "\"headers\":[[\"Cookie\",\"***\"]]},\"response\":{\"status\":426},"
                 "\"why\":\"the reason\"}");
    assert_string_equal(console(&f),
                        "127.0.0.1:5000 refused GET /x: 426 Upgrade Required (the reason)\n");
    tear_down(&f);
    http1_free(request);

    set_up(&f, LOG_TEXT, LOG_NORMAL);
    trace_refused(f.trace, f.c, NULL, 0, "nothing came");
    assert_event(&f, "refused",
                 "{\"peer\":\"127.0.0.1:5000\",\"request\":null,\"response\":null,"
                 "\"why\":\"nothing came\"}");
    assert_string_equal(console(&f), "127.0.0.1:5000 refused (nothing came)\n");
    tear_down(&f);
}

static struct ws_event message_of(uint8_t opcode, const void *p, size_t n) {
    return (struct ws_event){.kind = WS_EVENT_MESSAGE,
                             .opcode = opcode,
                             .data = p,
                             .size = n,
                             .wire = n + 6,
                             .frames = 2};
}

static void received(struct fixture *f, uint8_t opcode, const void *p, size_t n) {
    struct ws_event ev = message_of(opcode, p, n);
    trace_received(f->trace, f->c, &ev);
}

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
    trace_ping(f.trace, f.c, TRACE_SERVER, (const uint8_t *)"p", 1);
    assert_event(&f, "ping", "{\"from\":\"server\",\"data\":\"p\"}");
    trace_pong(f.trace, f.c, TRACE_CLIENT, (const uint8_t *)"\xFF\033", 2, 1500);
    json_t *pong = recorded(&f, 2);
    assert_string_equal(json_string_value(json_object_get(pong, "base64")), "/xs=");
    assert_true(json_real_value(json_object_get(pong, "rtt")) == 0.0015);
    json_decref(pong);
    trace_pong(f.trace, f.c, TRACE_CLIENT, NULL, 0, -1);
    pong = recorded(&f, 3);
    assert_null(json_object_get(pong, "rtt"));
    assert_string_equal(json_string_value(json_object_get(pong, "data")), "");
    json_decref(pong);
    assert_string_equal(console(&f), "127.0.0.1:5000 \xE2\x86\x90 ping p\n"
                                     "127.0.0.1:5000 \xE2\x86\x92 pong \\xff\\x1b (1.500 ms)\n"
                                     "127.0.0.1:5000 \xE2\x86\x92 pong\n");
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
    trace_open(NULL, NULL, NULL, NULL);
    trace_refused(NULL, NULL, NULL, 400, "");
    trace_received(NULL, NULL, &ev);
    trace_sent(NULL, NULL, &sent);
    trace_frame(NULL, NULL, TRACE_CLIENT, &head);
    trace_ping(NULL, NULL, TRACE_CLIENT, NULL, 0);
    trace_pong(NULL, NULL, TRACE_CLIENT, NULL, 0, -1);
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
    struct ws_answer answer = {.status = 101};
    unsigned n = 0;
    unsigned missing = 0;
    do {
        struct fixture f;
        set_up(&f, LOG_TEXT, LOG_DEBUG);
        fail_alloc_at(n);
        trace_open(f.trace, f.c, request, &answer);
        received(&f, WS_OP_BINARY, "data", 4);
        received(&f, WS_OP_TEXT, "text", 4);
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
        cmocka_unit_test(a_text_that_comes_is_recorded_as_it_is_and_shown_escaped),
        cmocka_unit_test(a_binary_message_is_base64_and_hex),
        cmocka_unit_test(text_that_is_not_utf8_is_recorded_as_base64),
        cmocka_unit_test(odd_texts_keep_their_size),
        cmocka_unit_test(a_message_that_is_sent_is_shown_with_its_frame),
        cmocka_unit_test(a_frame_is_shown_with_its_header),
        cmocka_unit_test(frames_are_recorded_only_where_they_are_shown),
        cmocka_unit_test(pings_and_pongs_are_shown_with_their_round_trip),
        cmocka_unit_test(a_violation_names_the_rule),
        cmocka_unit_test(a_close_says_who_and_how),
        cmocka_unit_test(dropped_messages_are_counted),
        cmocka_unit_test(what_the_server_says_belongs_to_no_connection),
        cmocka_unit_test(a_peer_on_a_unix_socket_is_told_from_the_next_by_its_number),
        cmocka_unit_test(where_it_listens_is_shown_even_when_all_else_is_not),
        cmocka_unit_test(a_json_console_shows_the_lines_of_the_recording),
        cmocka_unit_test(a_quiet_console_does_not_silence_the_recording),
        cmocka_unit_test(a_full_disk_is_told_once_and_serving_goes_on),
        cmocka_unit_test(nothing_is_traced_without_a_trace),
        cmocka_unit_test(a_failed_allocation_costs_a_line_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
