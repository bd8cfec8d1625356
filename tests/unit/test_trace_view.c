/* Views of a trace, recordings that begin in the middle, and a client's side of everything. */
#include "trace_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "http_heads.h"

/* ---- a view that writes down what it is told ---- */

static struct seen {
    enum log_level level;
    char text[1000];
} seen;

static void __attribute__((format(printf, 2, 3))) note(void *ctx, const char *fmt, ...) {
    assert_ptr_equal(ctx, &seen);
    size_t n = strlen(seen.text);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(seen.text + n, sizeof seen.text - n, fmt, ap);
    va_end(ap);
}

static const char *name(enum trace_from from) {
    return from == TRACE_CLIENT ? "client" : "server";
}

static bool see_wants(void *ctx, enum log_level level) {
    assert_ptr_equal(ctx, &seen);
    return level <= seen.level;
}

static void see_open(void *ctx, const struct conn *c, const struct trace_handshake *h) {
    (void)c;
    note(ctx, "open %s %u;", h->url, h->status);
}

static void see_refused(void *ctx, const struct conn *c, const struct trace_handshake *h,
                        const char *why) {
    (void)c;
    note(ctx, "refused %u %s;", h->status, why);
}

static void see_message(void *ctx, const struct conn *c, enum trace_from from,
                        const struct trace_message *m) {
    (void)c;
    note(ctx, "%s %.*s %zu/%u/%u;", name(from), (int)m->size, (const char *)m->data, m->size,
         (unsigned)m->wire, m->frames);
}

static void see_frame(void *ctx, const struct conn *c, enum trace_from from,
                      const struct ws_head *head) {
    (void)c;
    note(ctx, "%s frame %u;", name(from), head->opcode);
}

static void see_control(void *ctx, const struct conn *c, enum trace_from from,
                        const struct trace_control *k) {
    (void)c;
    note(ctx, "%s control %u %d;", name(from), k->opcode, (int)k->rtt_us);
}

static void see_violation(void *ctx, const struct conn *c, enum ws_violation v) {
    (void)c;
    note(ctx, "violation %s;", ws_violation_row(v)->name);
}

static void see_dropped(void *ctx, const struct conn *c, uint64_t messages) {
    (void)c;
    note(ctx, "dropped %u;", (unsigned)messages);
}

static void see_close(void *ctx, const struct conn *c) {
    note(ctx, "close %u;", c->close_code);
}

static void see_log(void *ctx, enum log_level level, const char *text) {
    note(ctx, "log %d %s;", (int)level, text);
}

static const struct trace_view seeing = {.wants = see_wants,
                                         .open = see_open,
                                         .refused = see_refused,
                                         .message = see_message,
                                         .frame = see_frame,
                                         .control = see_control,
                                         .violation = see_violation,
                                         .dropped = see_dropped,
                                         .close = see_close,
                                         .log = see_log};

static void see(struct fixture *f, enum log_level level) {
    seen = (struct seen){.level = level};
    trace_set_view(f->trace, &seeing, &seen);
}

static const struct trace_sent hello = {.opcode = WS_OP_TEXT,
                                        .data = (const uint8_t *)"hello",
                                        .size = 5,
                                        .wire = (const uint8_t *)"\x81\x85\0\0\0\0hello",
                                        .wire_size = 11};

static void tell_everything(struct fixture *f) {
    const struct trace_handshake h = {.url = "ws://x/", .status = 101};
    const struct trace_control pong = {WS_OP_PONG, NULL, 0, 7};
    trace_open(f->trace, f->c, &h);
    trace_refused(f->trace, f->c, &h, "why");
    received(f, WS_OP_TEXT, "ahoy", 4);
    trace_sent(f->trace, f->c, &hello);
    trace_sent_raw(f->trace, f->c, (const uint8_t *)"\x89\0", 2);
    trace_control(f->trace, f->c, TRACE_SERVER, &pong);
    trace_violation(f->trace, f->c, WS_V_FRAME_RSV);
    trace_dropped(f->trace, f->c, 2);
    trace_close(f->trace, f->c);
    trace_log(f->trace, "said");
}

static void a_view_is_told_what_it_wants_and_no_more(void **state) {
    (void)state;
    static const char *const expected[] = {
        [LOG_ALWAYS] = "",
        [LOG_NORMAL] = "open ws://x/ 101;refused 101 why;violation FRAME_RSV;dropped 2;"
                       "close 1006;log 1 said;",
        [LOG_VERBOSE] = "open ws://x/ 101;refused 101 why;server ahoy 4/10/2;"
                        "client hello 5/11/1;server control 10 7;violation FRAME_RSV;dropped 2;"
                        "close 1006;log 1 said;",
        [LOG_DEBUG] = "open ws://x/ 101;refused 101 why;server ahoy 4/10/2;client frame 1;"
                      "client hello 5/11/1;client frame 9;server control 10 7;"
                      "violation FRAME_RSV;dropped 2;close 1006;log 1 said;",
    };
    for (int level = LOG_ALWAYS; level <= LOG_DEBUG; level++) {
        struct fixture f;
        set_up(&f, LOG_TEXT, LOG_DEBUG);
        f.c->client = true;
        see(&f, (enum log_level)level);
        tell_everything(&f);
        assert_string_equal(seen.text, expected[level]);
        assert_string_equal(console(&f), ""); /* it has taken the text's place */
        assert_int_equal(trace_wants(f.trace, LOG_DEBUG), level == LOG_DEBUG);
        tear_down(&f);
    }
}

static void without_a_view_all_is_recorded_still(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, LOG_TEXT, LOG_DEBUG);
    trace_set_view(f.trace, NULL, NULL);
    tell_everything(&f);
    assert_string_equal(console(&f), "");
    json_t *last = recorded(&f, 9);
    assert_string_equal(json_string_value(json_object_get(last, "text")), "said");
    json_decref(last);
    assert_null(recorded(&f, 10));
    tear_down(&f);
}

static void a_view_stands_beside_a_json_console(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, LOG_JSON, LOG_NORMAL);
    see(&f, LOG_NORMAL);
    trace_close(f.trace, f.c);
    assert_string_equal(seen.text, "close 1006;");
    assert_non_null(strstr(console(&f), "\"ev\":\"close\""));
    tear_down(&f);
}

static void a_trace_of_nothing_but_a_view(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, LOG_TEXT, LOG_DEBUG);
    struct trace *recording = f.trace;
    f.trace = trace_new(NULL, NULL);
    assert_non_null(f.trace);
    assert_false(trace_wants(f.trace, LOG_ALWAYS));
    tell_everything(&f);
    see(&f, LOG_VERBOSE);
    assert_true(trace_wants(f.trace, LOG_VERBOSE));
    assert_false(trace_wants(f.trace, LOG_DEBUG));
    received(&f, WS_OP_TEXT, "x", 1);
    assert_string_equal(seen.text, "client x 1/7/2;");
    assert_false(trace_flush(f.trace));
    trace_free(f.trace);
    f.trace = recording;
    tear_down(&f);
}

/* ---- a recording that begins, and ends, in the middle ---- */

struct recording {
    int fd;
    struct log *log;
};

static struct recording record(struct trace *t) {
    struct recording r = {.fd = memfd_create("recording", MFD_CLOEXEC)};
    r.log = log_new(r.fd, LOG_JSON, LOG_DEBUG);
    assert_non_null(r.log);
    trace_set_record(t, r.log);
    return r;
}

/* Ends it, and counts its lines, of which the first must be its own. */
static unsigned count_lines(struct recording *r) {
    struct bytes text = BYTES_INIT;
    unsigned lines = 0;
    log_free(r->log);
    read_file(r->fd, &text);
    assert_int_equal(strncmp((const char *)text.data, "{\"taburet\":1,\"kind\":\"recording\",", 31),
                     0);
    for (const char *p = (const char *)text.data; *p != '\0'; p++) {
        lines += *p == '\n';
    }
    bytes_release(&text);
    close(r->fd);
    return lines;
}

static void a_recording_holds_what_came_while_it_ran(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, LOG_TEXT, LOG_ALWAYS);
    trace_set_record(f.trace, NULL);
    received(&f, WS_OP_TEXT, "before", 6);
    assert_false(trace_wants(f.trace, LOG_NORMAL));
    struct recording first = record(f.trace);
    assert_true(trace_wants(f.trace, LOG_VERBOSE));
    received(&f, WS_OP_TEXT, "one", 3);
    received(&f, WS_OP_TEXT, "two", 3);
    struct recording second = record(f.trace);
    received(&f, WS_OP_TEXT, "three", 5);
    trace_set_record(f.trace, NULL);
    received(&f, WS_OP_TEXT, "after", 5);
    assert_int_equal(count_lines(&first), 3);
    assert_int_equal(count_lines(&second), 2);
    assert_null(recorded(&f, 1));
    tear_down(&f);
}

/* A failure is told once for each recording. */
static void a_new_recording_may_fail_anew(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, LOG_TEXT, LOG_ALWAYS);
    see(&f, LOG_ALWAYS);
    for (int i = 0; i < 2; i++) {
        int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
        struct log *log = log_new(full, LOG_JSON, LOG_DEBUG);
        assert_non_null(log);
        seen.text[0] = '\0';
        trace_set_record(f.trace, log);
        trace_flush(f.trace);
        trace_flush(f.trace);
        assert_string_equal(seen.text, "log 0 the recording has stopped (No space left on device); "
                                       "everything else goes on;");
        trace_set_record(f.trace, NULL);
        log_free(log);
        close(full);
    }
    tear_down(&f);
}

/* ---- a client's side ---- */

static void set_up_client(struct fixture *f) {
    set_up(f, LOG_TEXT, LOG_DEBUG);
    trace_set_view(f->trace, NULL, NULL);
    f->c->client = true;
}

static void what_a_client_hears_is_from_the_server(void **state) {
    (void)state;
    struct fixture f;
    set_up_client(&f);
    received(&f, WS_OP_TEXT, "ahoy", 4);
    assert_event(&f, "message",
                 "{\"from\":\"server\",\"type\":\"text\",\"data\":\"ahoy\",\"size\":4,\"wire\":10,"
                 "\"frames\":2}");
    tear_down(&f);
}

static void what_a_client_says_is_from_the_client(void **state) {
    (void)state;
    struct fixture f;
    set_up_client(&f);
    trace_sent(f.trace, f.c, &hello);
    assert_event(&f, "message",
                 "{\"from\":\"client\",\"type\":\"text\",\"data\":\"hello\",\"size\":5,\"wire\":11,"
                 "\"frames\":1}");
    tear_down(&f);
}

static void it_is_the_server_that_breaks_a_rule(void **state) {
    (void)state;
    struct fixture f;
    set_up_client(&f);
    trace_violation(f.trace, f.c, WS_V_FRAME_MASK_PRESENT);
    assert_event(&f, "violation",
                 "{\"from\":\"server\",\"rule\":\"FRAME_MASK_PRESENT\",\"section\":\"RFC 6455 "
                 "5.1\",\"text\":\"a frame from a server is masked\"}");
    tear_down(&f);
}

static void a_clients_connection_is_closed_by_either(void **state) {
    (void)state;
    static const struct {
        enum conn_closer closer;
        const char *fields;
    } rows[] = {
        {CONN_LOST, "{\"from\":null,\"code\":1006,\"reason\":\"\"}"},
        {CONN_CLOSED_BY_PEER, "{\"from\":\"server\",\"code\":1006,\"reason\":\"\"}"},
        {CONN_CLOSED_BY_US, "{\"from\":\"client\",\"code\":1006,\"reason\":\"\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f;
        set_up_client(&f);
        f.c->closer = (uint8_t)rows[i].closer;
        trace_close(f.trace, f.c);
        assert_event(&f, "close", rows[i].fields);
        tear_down(&f);
    }
}

#define REQUEST "GET /x HTTP/1.1\r\nHost: a.test\r\nAuthorization: Basic c2VjcmV0\r\n\r\n"
#define RESPONSE                                                                                   \
    "HTTP/1.1 401 Unauthorized\r\nSet-Cookie: secret\r\nWWW-Authenticate: Basic\r\n"               \
    "X-Odd: a\xE9\r\n\r\n"

static void the_answer_that_refused_is_shown_without_its_secrets(void **state) {
    (void)state;
    struct fixture f;
    struct http1 *request = head_parse(HTTP1_REQUEST, REQUEST);
    struct http1 *response = head_parse(HTTP1_RESPONSE, RESPONSE);
    const struct trace_handshake h = {
        .url = "wss://a.test/x", .request = request, .status = 401, .response = response};
    set_up_client(&f);
    trace_refused(f.trace, f.c, &h, "the server refused");
    assert_event(&f, "refused",
                 "{\"url\":\"wss://a.test/x\",\"peer\":\"127.0.0.1:5000\",\"request\":{\"method\":"
                 "\"GET\",\"target\":\"/x\",\"headers\":[[\"Host\",\"a.test\"],"
                 "[\"Authorization\",\"***\"]]},\"response\":{\"status\":401,\"headers\":["
                 "[\"Set-Cookie\",\"***\"],[\"WWW-Authenticate\",\"Basic\"],"
                 "[\"X-Odd\",\"a\\u00e9\"]]},\"why\":\"the server refused\"}");
    http1_free(request);
    http1_free(response);
    tear_down(&f);
}

static void the_answer_that_opened_is_shown_with_its_headers(void **state) {
    (void)state;
    struct fixture f;
    struct http1 *request = head_parse(HTTP1_REQUEST, "GET /x HTTP/1.1\r\n\r\n");
    struct http1 *response = head_parse(HTTP1_RESPONSE, "HTTP/1.1 101 X\r\nUpgrade: y\r\n\r\n");
    const struct trace_handshake h = {.url = "ws://a.test/x",
                                      .request = request,
                                      .status = 101,
                                      .response = response,
                                      .subprotocol = "chat"};
    set_up_client(&f);
    trace_open(f.trace, f.c, &h);
    assert_event(&f, "open",
                 "{\"url\":\"ws://a.test/x\",\"peer\":\"127.0.0.1:5000\",\"request\":{\"method\":"
                 "\"GET\",\"target\":\"/x\",\"headers\":[]},\"response\":{\"status\":101,"
                 "\"headers\":[[\"Upgrade\",\"y\"]]},\"protocol\":\"chat\",\"deflate\":false}");
    http1_free(request);
    http1_free(response);
    tear_down(&f);
}

/* Nothing came, and there may be no request, either. */
static void an_attempt_that_came_to_nothing_has_its_url(void **state) {
    (void)state;
    struct fixture f;
    const struct trace_handshake h = {.url = "ws://a.test/x"};
    set_up_client(&f);
    trace_refused(f.trace, f.c, &h, "no such name");
    assert_event(&f, "refused",
                 "{\"url\":\"ws://a.test/x\",\"peer\":\"127.0.0.1:5000\",\"request\":null,"
                 "\"response\":null,\"why\":\"no such name\"}");
    tear_down(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_view_is_told_what_it_wants_and_no_more),
        cmocka_unit_test(without_a_view_all_is_recorded_still),
        cmocka_unit_test(a_view_stands_beside_a_json_console),
        cmocka_unit_test(a_trace_of_nothing_but_a_view),
        cmocka_unit_test(a_recording_holds_what_came_while_it_ran),
        cmocka_unit_test(a_new_recording_may_fail_anew),
        cmocka_unit_test(what_a_client_hears_is_from_the_server),
        cmocka_unit_test(what_a_client_says_is_from_the_client),
        cmocka_unit_test(it_is_the_server_that_breaks_a_rule),
        cmocka_unit_test(a_clients_connection_is_closed_by_either),
        cmocka_unit_test(the_answer_that_refused_is_shown_without_its_secrets),
        cmocka_unit_test(the_answer_that_opened_is_shown_with_its_headers),
        cmocka_unit_test(an_attempt_that_came_to_nothing_has_its_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
