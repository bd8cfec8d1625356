/* A client that does not come to open: why, and what the server said. */
#include "client_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "conn/conn_state.h"
#include "names.h"
#include "sockets.h"

#define REFUSED "the server refused the upgrade: "

static void assert_body(const char *body, size_t n, bool is_cut) {
    assert_int_equal(f.body.len, n);
    if (n > 0) {
        assert_memory_equal(f.body.data, body, n);
    }
    assert_int_equal(f.body_cut, is_cut);
}

/* ---- no connection ---- */

static void a_name_that_nobody_knows(void **state) {
    (void)state;
    f.target.route.host = "nosuch.test";
    start();
    dial();
    assert_refused(CLIENT_NO_NAME, "cannot resolve 'nosuch.test' (Name or service not known)");
    assert_string_equal(f.stage_text[CLIENT_RESOLVING], "resolving nosuch.test");
    assert_int_equal(f.status, 0);
    assert_int_equal(recorded("\"request\":null,\"response\":null,\"why\":\"cannot resolve"), 1);
    assert_int_equal(recorded("\"url\":\"ws://localhost/chat\""), 1);
    stop();
}

static void a_port_where_nobody_listens(void **state) {
    (void)state;
    char why[128];
    uint16_t port = 0;
    start();
    int fd = socket_refuse("127.0.0.1", &port);
    f.target.route.port = port;
    dial();
    snprintf(why, sizeof why, "cannot connect to 127.0.0.1 port %u (connection refused)", port);
    assert_refused(CLIENT_NO_CONNECTION, why);
    close(fd);
    stop();
}

static void a_unix_socket_that_is_not_there(void **state) {
    (void)state;
    f.target.route.unix_path = "/tmp/taburet-no-such-socket";
    start();
    dial();
    assert_refused(CLIENT_NO_CONNECTION, "cannot connect to the Unix socket "
                                         "'/tmp/taburet-no-such-socket' "
                                         "(no such file or directory)");
    stop();
}

static void a_request_that_cannot_be_is_not_sent(void **state) {
    (void)state;
    static const char *const headers[] = {"Host: other"};
    f.target.request.headers = headers;
    f.target.request.header_count = 1;
    start();
    dial_and_accept();
    assert_refused(CLIENT_SYSTEM, "cannot ask for the upgrade (not a valid value)");
    assert_int_equal(hear_end(), 0);
    assert_int_equal(f.in.len, 0);
    stop();
}

/* ---- lost ---- */

static void a_server_that_leaves_before_it_answers(void **state) {
    (void)state;
    static const char *const heads[] = {"", "HTTP/1.1 1", "HTTP/1.1 403 Forbidden\r\nX: y\r\n"};
    for (size_t i = 0; i < 3; i++) {
        set_up(NULL);
        start();
        dial_and_accept();
        hear_head();
        say(heads[i]);
        turn();
        leave();
        assert_refused(CLIENT_LOST, "the connection was lost while waiting for the server's answer "
                                    "to the upgrade (it was closed)");
        assert_int_equal(f.status, 0);
        assert_body("", 0, false);
        assert_int_equal(recorded("\"request\":{\"method\":\"GET\",\"target\":\"/chat\""), 1);
        stop();
    }
}

static void a_server_that_resets_before_it_answers(void **state) {
    (void)state;
    start();
    dial_and_accept();
    hear_head();
    reset();
    assert_refused(CLIENT_LOST, "the connection was lost while waiting for the server's answer to "
                                "the upgrade (connection reset by peer)");
    stop();
}

/* What the server does as soon as it is connected, before the request goes out. */
static const char *first_words;

static void speak_and_reset(struct conn *c, int stage) {
    (void)c;
    if (stage == CLIENT_ASKING) {
        f.peer = socket_accept(f.listening);
        assert_true(f.peer >= 0);
        say(first_words);
        reset();
    }
}

static void a_request_that_cannot_be_sent(void **state) {
    (void)state;
    first_words = "";
    f.do_stage = speak_and_reset;
    start();
    dial();
    assert_refused(CLIENT_SEND_FAILED, "the connection was lost while sending the request");
    stop();
}

/* It did not even look at the request, but it did say why. */
static void an_answer_before_the_request_is_read_though_sending_failed(void **state) {
    (void)state;
    first_words = "HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nlater";
    f.do_stage = speak_and_reset;
    start();
    dial();
    assert_refused(CLIENT_REFUSED, REFUSED "503 Busy");
    assert_body("later", 5, false);
    stop();
}

/* ---- a broken rule ---- */

static void assert_broken(const char *why, enum ws_violation v) {
    assert_refused(CLIENT_BROKE_RULE, why);
    assert_int_equal(f.violation, v);
    assert_int_equal(hear_end(), 0);
}

static void an_answer_that_breaks_a_rule_is_not_taken(void **state) {
    (void)state;
    static const struct {
        const char *answer;
        const char *why;
        enum ws_violation violation;
        unsigned status;
    } rows[] = {
        {"SSH-2.0-OpenSSH\r\n\r\n",
         "the server broke a rule: the head is not valid HTTP/1.1 (RFC 9112 2.2, HTTP_SYNTAX)",
         WS_V_HTTP_SYNTAX, 0},
        {"HTTP/1.1 101 X\r\nUpgrade: websocket\n",
         "the server broke a rule: a line does not end with CR LF (RFC 9112 2.2, HTTP_BARE_LF)",
         WS_V_HTTP_BARE_LF, 0},
        {"HTTP/1.1 101 X\r\n\r\n",
         "the server broke a rule: the server's Upgrade header is not websocket (RFC 6455 4.1, "
         "RESPONSE_UPGRADE)",
         WS_V_RESPONSE_UPGRADE, 101},
        {"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
         "the server broke a rule: the server's Sec-WebSocket-Accept does not fit our key (RFC "
         "6455 4.1, "
         "RESPONSE_ACCEPT)",
         WS_V_RESPONSE_ACCEPT, 101},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        set_up(NULL);
        start();
        dial_and_accept();
        hear_head();
        say(rows[i].answer);
        assert_broken(rows[i].why, rows[i].violation);
        assert_int_equal(f.status, rows[i].status);
        stop();
    }
}

static void an_answer_to_what_was_not_asked_is_not_taken(void **state) {
    (void)state;
    static const struct {
        const char *lines;
        const char *why;
        enum ws_violation violation;
    } rows[] = {
        {"Sec-WebSocket-Protocol: chat\r\n",
         "the server broke a rule: the server chose a subprotocol that was not offered (RFC 6455 "
         "4.1, "
         "RESPONSE_PROTOCOL)",
         WS_V_RESPONSE_PROTOCOL},
        {"Sec-WebSocket-Extensions: permessage-deflate\r\n",
         "the server broke a rule: the server chose an extension that was not offered (RFC 6455 "
         "4.1, "
         "RESPONSE_EXTENSION)",
         WS_V_RESPONSE_EXTENSION},
        {"Content-Length: 5\r\n",
         "the server broke a rule: the server's 101 answer announces a body (RFC 6455 4.1, "
         "RESPONSE_BODY)",
         WS_V_RESPONSE_BODY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        set_up(NULL);
        start();
        dial_and_accept();
        upgrade(rows[i].lines);
        assert_broken(rows[i].why, rows[i].violation);
        assert_int_equal(f.status, 101);
        assert_int_equal(recorded("\"response\":{\"status\":101,\"headers\":[[\"Upgrade\""), 1);
        stop();
    }
}

static void seventeen_interim_answers_are_too_many(void **state) {
    (void)state;
    start();
    dial_and_accept();
    hear_head();
    for (int i = 0; i < 17; i++) {
        say("HTTP/1.1 100 Continue\r\n\r\n");
    }
    assert_broken("the server sent more than 16 interim answers (1xx)", WS_V_NONE);
    stop();
}

/* ---- a refusal, and its body ---- */

static void refuse(const char *answer) {
    dial_and_accept();
    hear_head();
    say(answer);
}

static void a_refusal_without_a_body_is_told_at_once(void **state) {
    (void)state;
    static const char *const heads[] = {
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    };
    for (size_t i = 0; i < 2; i++) {
        set_up(NULL);
        start();
        refuse(heads[i]);
        assert_refused(CLIENT_REFUSED, REFUSED "404 Not Found");
        assert_int_equal(f.status, 404);
        assert_body("", 0, false);
        assert_int_equal(hear_end(), 0);
        stop();
    }
    set_up(NULL);
    start();
    refuse("HTTP/1.1 204 \r\n\r\n");
    assert_refused(CLIENT_REFUSED, REFUSED "204");
    stop();
}

static void a_reason_for_a_terminal_is_made_safe(void **state) {
    (void)state;
    start();
    refuse("HTTP/1.1 403 \x9b"
           "31m\xc3\xa9\r\nContent-Length: 0\r\n\r\n");
    assert_refused(CLIENT_REFUSED, REFUSED "403 \\x9b31m\xc3\xa9");
    stop();
}

static void a_body_by_its_length(void **state) {
    (void)state;
    start();
    refuse("HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\nWWW-Authenticate: Basic\r\n\r\nlog");
    turn();
    assert_int_equal(f.refusals, 0);
    say(" in now");
    assert_refused(CLIENT_REFUSED, REFUSED "401 Unauthorized");
    assert_body("log in no", 9, false);
    assert_int_equal(recorded("[\"WWW-Authenticate\",\"Basic\"]"), 1);
    stop();
}

static void a_body_in_chunks(void **state) {
    (void)state;
    start();
    refuse("HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nit i");
    turn();
    say("\r\n7\r\ns broken\r\n0\r\n\r\n");
    assert_refused(CLIENT_REFUSED, REFUSED "500 Oh");
    assert_body("it is broke", 11, true);
    stop();
    set_up(NULL);
    start();
    refuse("HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nit i");
    turn();
    say("\r\n8\r\ns broken\r\n0\r\n\r\n");
    assert_refused(CLIENT_REFUSED, REFUSED "500 Oh");
    assert_body("it is broken", 12, false);
    stop();
}

static void a_body_until_the_end(void **state) {
    (void)state;
    start();
    refuse("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>");
    turn();
    assert_int_equal(f.refusals, 0);
    say("hello");
    leave();
    assert_refused(CLIENT_REFUSED, REFUSED "200 OK");
    assert_body("<p>hello", 8, false);
    stop();
}

static void a_body_that_is_lost_in_the_middle_is_known_to_be_cut(void **state) {
    (void)state;
    start();
    refuse("HTTP/1.1 500 Oh\r\nContent-Length: 20\r\n\r\nit is");
    turn();
    leave();
    assert_refused(CLIENT_REFUSED, REFUSED "500 Oh");
    assert_body("it is", 5, true);
    stop();
}

static void a_body_without_end_is_cut(void **state) {
    (void)state;
    char part[4096];
    memset(part, 'x', sizeof part);
    start();
    refuse("HTTP/1.1 200 OK\r\n\r\n");
    while (f.refusals == 0) {
        (void)send(f.peer, part, sizeof part, MSG_NOSIGNAL | MSG_DONTWAIT);
        turn();
    }
    assert_refused(CLIENT_REFUSED, REFUSED "200 OK");
    assert_int_equal(f.body.len, 64 * 1024);
    assert_true(f.body_cut);
    stop();
}

static void a_body_that_takes_too_long_is_cut(void **state) {
    (void)state;
    f.config.handshake_ms = 300; /* one limit over all of it */
    start();
    refuse("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nand");
    assert_refused(CLIENT_REFUSED, REFUSED "200 OK");
    assert_body("and", 3, true);
    stop();
}

/* ---- somebody stops it ---- */

static void an_endpoint_that_stops_tells_those_who_wait(void **state) {
    (void)state;
    start();
    dial_and_accept();
    hear_head();
    endpoint_stop(&f.endpoint);
    assert_int_equal(f.refusals, 1);
    assert_int_equal(f.failure, CLIENT_SYSTEM);
    assert_string_equal(f.why, "it was stopped");
    stop();
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(a_name_that_nobody_knows),
        TEST(a_port_where_nobody_listens),
        TEST(a_unix_socket_that_is_not_there),
        TEST(a_request_that_cannot_be_is_not_sent),
        TEST(a_server_that_leaves_before_it_answers),
        TEST(a_server_that_resets_before_it_answers),
        TEST(a_request_that_cannot_be_sent),
        TEST(an_answer_before_the_request_is_read_though_sending_failed),
        TEST(an_answer_that_breaks_a_rule_is_not_taken),
        TEST(an_answer_to_what_was_not_asked_is_not_taken),
        TEST(seventeen_interim_answers_are_too_many),
        TEST(a_refusal_without_a_body_is_told_at_once),
        TEST(a_reason_for_a_terminal_is_made_safe),
        TEST(a_body_by_its_length),
        TEST(a_body_in_chunks),
        TEST(a_body_until_the_end),
        TEST(a_body_that_is_lost_in_the_middle_is_known_to_be_cut),
        TEST(a_body_without_end_is_cut),
        TEST(a_body_that_takes_too_long_is_cut),
        TEST(an_endpoint_that_stops_tells_those_who_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
