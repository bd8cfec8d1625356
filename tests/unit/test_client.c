/* A client that opens, talks and closes. */
#include "client_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "conn/conn_state.h"
#include "failing_alloc.h"
#include "sockets.h"

/* ---- opening ---- */

static void a_client_opens_and_both_sides_talk(void **state) {
    (void)state;
    start();
    open_up();
    assert_true(conn_is_open(f.c));
    assert_ptr_equal(conn_endpoint(f.c), &f.endpoint);
    assert_int_equal(f.shared.open, 1);
    conn_send(f.c, WS_OP_TEXT, (const uint8_t *)"hello", 5);
    assert_int_equal(conn_unsent(f.c), 2 + 4 + 5);
    assert_heard(0x81, "hello", 5);
    assert_int_equal(conn_unsent(f.c), 0);
    say_frame(0x82, "\0\1\2", 3);
    await(&f.messages, 1);
    assert_int_equal(f.opcode, WS_OP_BINARY);
    assert_memory_equal(f.message.data, "\0\1\2", 3);
    assert_int_equal(recorded("\"ev\":\"open\",\"url\":\"ws://localhost/chat\""), 1);
    assert_int_equal(recorded("\"ev\":\"message\",\"from\":\"client\",\"type\":\"text\""), 1);
    assert_int_equal(recorded("\"ev\":\"message\",\"from\":\"server\",\"type\":\"binary\""), 1);
    stop();
    assert_int_equal(f.refusals, 0);
}

static void what_is_awaited_is_told_step_by_step(void **state) {
    (void)state;
    char expected[64];
    start();
    open_up();
    snprintf(expected, sizeof expected, "connecting to 127.0.0.1 port %u", f.port);
    assert_string_equal(f.stage_text[CLIENT_CONNECTING], expected);
    snprintf(expected, sizeof expected, "connected to 127.0.0.1:%u", f.port);
    assert_string_equal(f.stage_text[CLIENT_CONNECTED], expected);
    assert_string_equal(f.stage_text[CLIENT_ASKING],
                        "waiting for the answer of ws://localhost/chat to the upgrade");
    assert_int_equal(f.stages[CLIENT_CONNECTING], 1);
    assert_int_equal(f.stages[CLIENT_CONNECTED], 1);
    assert_int_equal(f.stages[CLIENT_ASKING], 1);
    assert_int_equal(f.stages[CLIENT_RESOLVING], 0);
    assert_int_equal(f.stages[CLIENT_TUNNELLING], 0);
    assert_int_equal(f.stages[CLIENT_SECURING] + f.stages[CLIENT_SECURED], 0);
    stop();
}

static void the_answer_may_come_byte_by_byte(void **state) {
    (void)state;
    struct bytes out = BYTES_INIT;
    start();
    dial_and_accept();
    put_upgrade(&out, "X-More: 1\r\n");
    assert_int_equal(bytes_append(&out, "\x81\x02hi", 4), TB_OK);
    for (size_t i = 0; i < out.len; i++) {
        say_bytes(out.data + i, 1);
        turn();
    }
    await(&f.messages, 1);
    assert_int_equal(f.opens, 1);
    assert_memory_equal(f.message.data, "hi", 2);
    bytes_release(&out);
    stop();
}

static void messages_right_behind_the_answer_are_taken(void **state) {
    (void)state;
    struct bytes out = BYTES_INIT;
    start();
    dial_and_accept();
    put_upgrade(&out, "");
    assert_int_equal(bytes_append(&out, "\x81\x01x\x81\x05hello\x88\x02\x03\xe8", 14), TB_OK);
    say_bytes(out.data, out.len);
    await(&f.messages, 2);
    assert_int_equal(f.opens, 1);
    assert_memory_equal(f.message.data, "hello", 5);
    assert_heard_close(1000);
    leave();
    assert_ended(CONN_CLOSED_BY_PEER, 1000, "");
    bytes_release(&out);
    stop();
}

static void say_first(struct conn *c) {
    conn_send(c, WS_OP_TEXT, (const uint8_t *)"first", 5);
}

static void what_is_said_when_it_opens_is_sent(void **state) {
    (void)state;
    f.do_open = say_first;
    start();
    open_up();
    assert_heard(0x81, "first", 5);
    stop();
}

static void drop(struct conn *c) {
    conn_drop(c);
}

static void who_is_dropped_when_it_opens_says_nothing(void **state) {
    (void)state;
    f.do_open = drop;
    start();
    open_up();
    assert_int_equal(hear_end(), 0);
    assert_int_equal(f.in.len, 0);
    assert_ended(CONN_CLOSED_BY_US, 1006, "");
    stop();
}

static void up_to_sixteen_interim_answers_come_first(void **state) {
    (void)state;
    start();
    dial_and_accept();
    hear_head();
    for (int i = 0; i < 16; i++) {
        say(i % 2 == 0 ? "HTTP/1.1 100 Continue\r\n\r\n"
                       : "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    }
    upgrade("");
    await(&f.opens, 1);
    stop();
}

/* ---- against our own server ---- */

static void echo(const char *text) {
    unsigned messages = f.messages;
    conn_send(f.c, WS_OP_TEXT, (const uint8_t *)text, strlen(text));
    await(&f.messages, messages + 1);
    assert_int_equal(f.message.len, strlen(text));
    assert_memory_equal(f.message.data, text, f.message.len);
}

#define LONG_TEXT "abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc"

static void our_own_server_echoes_and_agrees_on_a_subprotocol(void **state) {
    (void)state;
    static const char *const spoken[] = {"b", "c"};
    static const char *const asked[] = {"a", "b"};
    f.config.policy.subprotocols = spoken;
    f.config.policy.subprotocol_count = 2;
    f.target.request.subprotocols = asked;
    f.target.request.subprotocol_count = 2;
    start();
    serve();
    dial();
    await(&f.opens, 1);
    echo("one");
    echo(LONG_TEXT);
    assert_int_equal(recorded("\"protocol\":\"b\""), 2);
    conn_close(f.c, 1000, "");
    assert_ended(CONN_CLOSED_BY_US, 1000, "");
    assert_true(f.ending.answered);
    stop();
}

static void compression_is_agreed_and_the_context_is_taken_over_or_not(void **state) {
    (void)state;
    static const struct {
        bool no_takeover;
        const char *recorded;
    } rows[] = {
        {false, "\"server_no_context_takeover\":false,\"client_no_context_takeover\":false"},
        {true, "\"server_no_context_takeover\":true,\"client_no_context_takeover\":true"},
    };
    for (size_t i = 0; i < 2; i++) {
        set_up(NULL);
        f.config.policy.no_context_takeover = rows[i].no_takeover;
        f.target.request.deflate = (struct ws_deflate){
            .on = true, .server_max_window_bits = 15, .client_max_window_bits = 15};
        start();
        serve();
        dial();
        await(&f.opens, 1);
        for (int n = 0; n < 3; n++) {
            echo(LONG_TEXT);
            echo("short");
        }
        assert_int_equal(recorded(rows[i].recorded), 2);
        assert_true(f.c->session.deflate.on);
        stop();
    }
}

static void many_clients_of_one_endpoint_do_not_mix(void **state) {
    (void)state;
    start();
    serve();
    for (unsigned i = 1; i <= 5; i++) {
        f.c = client_dial(&f.endpoint, &f.target);
        await(&f.opens, i);
    }
    assert_int_equal(f.shared.connections, 10);
    echo("hello");
    stop();
    assert_int_equal(f.opens, 5);
}

/* ---- limits and memory ---- */

static void a_message_beyond_the_limit_is_1009(void **state) {
    (void)state;
    f.config.max_message = 10;
    start();
    open_up();
    say_frame(0x81, "0123456789", 10);
    await(&f.messages, 1);
    say_frame(0x81, "0123456789x", 11);
    assert_heard_close(1009);
    leave();
    assert_ended(CONN_CLOSED_BY_US, 1009, "a message is larger than the limit");
    assert_int_equal(f.ending.violation, WS_V_MESSAGE_TOO_BIG);
    assert_int_equal(f.messages, 1);
    stop();
}

/* The server by hand, which asks for no memory: answers the request, echoes a message and leaves.
 * Whether the client heard it. */
static bool serve_without_memory(void) {
    uint8_t in[4096];
    size_t n = 0;
    bool answered = false;
    while (f.refusals == 0 && f.closes == 0) {
        turn();
        f.peer = f.peer < 0 ? socket_accept(f.listening) : f.peer;
        ssize_t got = f.peer < 0 ? 0 : recv(f.peer, in + n, sizeof in - n, MSG_DONTWAIT);
        n += got > 0 ? (size_t)got : 0;
        if (!answered && memmem(in, n, "\r\n\r\n", 4) != NULL) {
            char accept[WS_ACCEPT_SIZE];
            const char *key = memmem(in, n, "Key: ", 5);
            assert_int_equal(ws_accept_key(key + 5, accept), TB_OK);
            char text[256];
            int size = snprintf(text, sizeof text,
                                "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                "Sec-WebSocket-Accept: %.*s\r\n\r\n\x81\x05hello\x01\x02__",
                                WS_ACCEPT_SIZE, accept);
            assert_int_equal(send(f.peer, text, (size_t)size, MSG_NOSIGNAL), size);
            answered = true;
        }
        if (f.messages > 0) {
            leave();
        }
    }
    return f.messages > 0;
}

static void each_failed_allocation_costs_the_connection_and_nothing_else(void **state) {
    (void)state;
    unsigned n = 0;
    bool heard;
    do {
        set_up(NULL);
        f.do_open = say_first;
        start();
        bytes_reserve(&f.message, 64);
        fail_alloc_at(n);
        f.c = client_dial(&f.endpoint, &f.target);
        heard = f.c != NULL && serve_without_memory();
        fail_alloc_off();
        assert_int_equal(f.refusals + f.opens, f.c == NULL ? 0 : 1);
        if (f.refusals > 0) {
            assert_int_equal(f.failure, CLIENT_SYSTEM);
            assert_non_null(strstr(f.why, "memory"));
        }
        stop();
    } while (n++ < alloc_count());
    assert_true(heard);
    assert_in_range(n, 20, 200);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(a_client_opens_and_both_sides_talk),
        TEST(what_is_awaited_is_told_step_by_step),
        TEST(the_answer_may_come_byte_by_byte),
        TEST(messages_right_behind_the_answer_are_taken),
        TEST(what_is_said_when_it_opens_is_sent),
        TEST(who_is_dropped_when_it_opens_says_nothing),
        TEST(up_to_sixteen_interim_answers_come_first),
        TEST(our_own_server_echoes_and_agrees_on_a_subprotocol),
        TEST(compression_is_agreed_and_the_context_is_taken_over_or_not),
        TEST(many_clients_of_one_endpoint_do_not_mix),
        TEST(a_message_beyond_the_limit_is_1009),
        TEST(each_failed_allocation_costs_the_connection_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
