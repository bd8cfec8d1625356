/* How a client's open connection ends, and what happens on it besides messages. */
#include "client_fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "conn/conn_state.h"

/* ---- closing ---- */

static void the_server_closes_with_code_and_reason(void **state) {
    (void)state;
    start();
    open_up();
    say_frame(0x88, "\x0f\xa1go away", 9);
    assert_heard_close(4001);
    assert_int_equal(f.closes, 1); /* the server is the one to end the TCP connection, but late */
    assert_int_equal(f.shared.connections, 1);
    leave();
    assert_ended(CONN_CLOSED_BY_PEER, 4001, "go away");
    assert_true(f.ending.answered);
    assert_int_equal(f.ending.violation, WS_V_NONE);
    assert_int_equal(
        recorded("\"ev\":\"close\",\"from\":\"server\",\"code\":4001,\"reason\":\"go away\""), 1);
    stop();
}

static void the_server_closes_without_a_code(void **state) {
    (void)state;
    start();
    open_up();
    say_frame(0x88, "", 0);
    struct heard heard = hear_frame();
    assert_int_equal(heard.first, 0x88);
    assert_int_equal(heard.size, 0);
    leave();
    assert_ended(CONN_CLOSED_BY_PEER, 1005, "");
    stop();
}

/* RFC 6455 s.7.1.1: a client may close what the server leaves open too long. */
static void a_server_that_closes_and_stays_is_left_at_the_limit(void **state) {
    (void)state;
    f.config.close_ms = 30;
    start();
    open_up();
    say_frame(0x88, "\x03\xe8", 2);
    assert_heard_close(1000);
    assert_ended(CONN_CLOSED_BY_PEER, 1000, "");
    stop();
}

static void we_close_and_are_answered(void **state) {
    (void)state;
    start();
    open_up();
    conn_send(f.c, WS_OP_TEXT, (const uint8_t *)"last", 4);
    conn_close(f.c, 3000, "done");
    assert_false(conn_is_open(f.c));
    conn_send(f.c, WS_OP_TEXT, (const uint8_t *)"late", 4);
    assert_heard(0x81, "last", 4);
    assert_heard(0x88,
                 "\x0b\xb8"
                 "done",
                 6);
    say_frame(0x81, "ignored", 7);
    say_frame(0x88, "\x03\xe8", 2);
    turn();
    leave();
    assert_ended(CONN_CLOSED_BY_US, 3000, "done");
    assert_true(f.ending.answered);
    assert_int_equal(f.messages, 0);
    assert_int_equal(recorded("\"from\":\"server\",\"type\":\"text\",\"data\":\"ignored\""), 1);
    assert_int_equal(recorded("\"ev\":\"close\",\"from\":\"client\",\"code\":3000"), 1);
    stop();
}

static void we_close_without_a_code(void **state) {
    (void)state;
    start();
    open_up();
    conn_close(f.c, WS_CLOSE_NO_STATUS, "");
    assert_heard(0x88, "", 0);
    say_frame(0x88, "", 0);
    turn();
    leave();
    assert_ended(CONN_CLOSED_BY_US, 1005, "");
    stop();
}

static void we_close_and_nobody_answers(void **state) {
    (void)state;
    f.config.close_ms = 30;
    start();
    open_up();
    conn_close(f.c, 1000, "");
    assert_heard_close(1000);
    assert_ended(CONN_CLOSED_BY_US, 1000, "");
    assert_false(f.ending.answered);
    assert_int_equal(hear_end(), ECONNRESET);
    stop();
}

static void we_drop_what_is_open_once_all_is_said(void **state) {
    (void)state;
    start();
    open_up();
    conn_send(f.c, WS_OP_TEXT, (const uint8_t *)"last", 4);
    conn_drop(f.c);
    assert_heard(0x81, "last", 4);
    assert_int_equal(hear_end(), 0);
    assert_ended(CONN_CLOSED_BY_US, 1006, "");
    assert_string_equal(f.why_lost, "");
    stop();
}

/* ---- a rule, a loss ---- */

static void a_server_that_masks_breaks_a_rule(void **state) {
    (void)state;
    start();
    open_up();
    say_bytes("\x81\x85mask\0\0\0\0\0", 11);
    assert_heard_close(1002);
    leave();
    assert_ended(CONN_CLOSED_BY_US, 1002, "a frame from a server is masked");
    assert_int_equal(f.ending.violation, WS_V_FRAME_MASK_PRESENT);
    assert_false(f.ending.answered);
    assert_int_equal(recorded("\"ev\":\"violation\",\"from\":\"server\",\"rule\":"
                              "\"FRAME_MASK_PRESENT\""),
                     1);
    stop();
}

static void a_server_that_just_leaves(void **state) {
    (void)state;
    start();
    open_up();
    leave();
    assert_ended(CONN_LOST, 1006, "");
    assert_string_equal(f.why_lost, "");
    assert_int_equal(recorded("\"ev\":\"close\",\"from\":null,\"code\":1006"), 1);
    stop();
}

static void a_server_that_resets(void **state) {
    (void)state;
    start();
    open_up();
    reset();
    assert_ended(CONN_LOST, 1006, "");
    assert_string_equal(f.why_lost, "connection reset by peer");
    stop();
}

/* Whoever notices the reset first, it has a reason. */
static void a_reset_that_is_noticed_while_sending_has_a_reason(void **state) {
    (void)state;
    start();
    open_up();
    reset();
    conn_send(f.c, WS_OP_TEXT, (const uint8_t *)"x", 1);
    conn_flush(f.c);
    assert_int_equal(f.closes, 0);
    assert_ended(CONN_LOST, 1006, "");
    assert_string_not_equal(f.why_lost, "");
    stop();
}

static void send_more(struct conn *c) {
    conn_send(c, WS_OP_TEXT, (const uint8_t *)"more", 4);
}

/* Its last word is there to be read, though nothing can be written any more. */
static void a_close_before_a_reset_is_heard_while_we_go_on_writing(void **state) {
    (void)state;
    static uint8_t large[8 * 1024 * 1024];
    for (int how = 0; how < 3; how++) {
        set_up(NULL);
        start();
        open_up();
        if (how == 2) { /* a rest is on its way */
            conn_send(f.c, WS_OP_BINARY, large, sizeof large);
            turn();
            turn();
            assert_true(conn_unsent(f.c) > 0);
        }
        say_frame(0x88, "\x03\xf0no", 4);
        reset();
        f.do_drained = send_more;
        for (int i = 0; i < 3; i++) {
            conn_send(f.c, WS_OP_TEXT, (const uint8_t *)"x", 1);
            if (how == 0) {
                conn_flush(f.c);
            }
        }
        assert_ended(CONN_CLOSED_BY_PEER, 1008, "no");
        stop();
    }
}

/* ---- pings ---- */

static void a_ping_is_answered_and_a_pong_has_its_round_trip(void **state) {
    (void)state;
    start();
    open_up();
    say_frame(0x89, "are you there", 13);
    assert_heard(0x8A, "are you there", 13);
    conn_send_ping(f.c, (const uint8_t *)"p", 1);
    assert_heard(0x89, "p", 1);
    conn_send_ping(f.c, NULL, 0);
    assert_heard(0x89, "", 0);
    say_frame(0x8A, "", 0);
    say_frame(0x8A, "", 0);
    say_frame(0x8A, "p", 1);
    conn_send_pong(f.c, (const uint8_t *)"unasked", 7);
    assert_heard(0x8A, "unasked", 7);
    say_frame(0x81, "end", 3);
    await(&f.messages, 1);
    assert_int_equal(recorded("\"ev\":\"ping\",\"from\":\"server\",\"data\":\"are you there\"}"),
                     1);
    assert_int_equal(recorded("\"ev\":\"pong\",\"from\":\"client\",\"data\":\"are you there\"}"),
                     1);
    assert_int_equal(recorded("\"ev\":\"ping\",\"from\":\"client\",\"data\":\"p\"}"), 1);
    assert_int_equal(recorded("\"ev\":\"pong\",\"from\":\"server\",\"data\":\"\",\"rtt\":"), 1);
    assert_int_equal(recorded("\"ev\":\"pong\",\"from\":\"server\",\"data\":\"\"}"), 1);
    assert_int_equal(recorded("\"ev\":\"pong\",\"from\":\"server\",\"data\":\"p\"}"), 1);
    stop();
}

static void pings_may_be_left_unanswered(void **state) {
    (void)state;
    f.config.no_pongs = true;
    start();
    open_up();
    say_frame(0x89, "x", 1);
    say_frame(0x81, "end", 3);
    await(&f.messages, 1);
    conn_send(f.c, WS_OP_TEXT, (const uint8_t *)"end", 3);
    assert_heard(0x81, "end", 3);
    assert_int_equal(recorded("\"ev\":\"ping\""), 1);
    assert_int_equal(recorded("\"ev\":\"pong\""), 0);
    stop();
}

static void a_server_that_answers_no_ping_is_given_up(void **state) {
    (void)state;
    f.config.ping_interval_ms = 20;
    f.config.ping_timeout_ms = 20;
    start();
    open_up();
    assert_int_equal(hear_frame().first, 0x89);
    assert_heard_close(1011);
    leave();
    assert_ended(CONN_CLOSED_BY_US, 1011, "no answer to a ping");
    assert_true(f.ending.silent);
    stop();
}

/* ---- after the end ---- */

static void nothing_is_sent_on_what_is_not_open(void **state) {
    (void)state;
    start();
    dial_and_accept();
    hear_head();
    bytes_clear(&f.in);
    conn_send(f.c, WS_OP_TEXT, (const uint8_t *)"x", 1);
    conn_send_ping(f.c, (const uint8_t *)"x", 1);
    conn_send_pong(f.c, (const uint8_t *)"x", 1);
    conn_close(f.c, 1000, "");
    assert_int_equal(conn_unsent(f.c), 0);
    conn_drop(f.c);
    assert_int_equal(hear_end(), 0);
    assert_int_equal(f.in.len, 0);
    await_connections(0);
    assert_int_equal(f.refusals, 0);
    stop();
}

/* ---- misbehaving ---- */

static void an_abort_resets_an_open_connection(void **state) {
    (void)state;
    start();
    open_up();
    conn_abort(f.c);
    assert_int_equal(hear_end(), ECONNRESET);
    assert_ended(CONN_CLOSED_BY_US, WS_CLOSE_ABNORMAL, "");
    stop();
}

static void an_abort_resets_what_is_not_open_yet_and_nobody_is_told(void **state) {
    (void)state;
    start();
    dial_and_accept();
    hear_head();
    conn_stall(f.c); /* not open yet: nothing happens */
    conn_abort(f.c);
    assert_int_equal(hear_end(), ECONNRESET);
    await_connections(0);
    assert_int_equal(f.refusals, 0);
    stop();
}

static void a_client_stalls_until_the_server_has_gone(void **state) {
    (void)state;
    start();
    f.endpoint.look.after_ms = 10;
    open_up();
    conn_stall(f.c);
    conn_send(f.c, WS_OP_TEXT, (const uint8_t *)"no", 2);
    say_frame(0x89, "ping", 4);
    say_frame(0x88, "\x03\xe8", 2);
    for (int i = 0; i < 20; i++) {
        turn();
    }
    assert_int_equal(f.in.len, 0);
    assert_int_equal(f.closes, 0);
    leave();
    assert_ended(CONN_LOST, WS_CLOSE_ABNORMAL, "");
    stop();
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(the_server_closes_with_code_and_reason),
        TEST(the_server_closes_without_a_code),
        TEST(a_server_that_closes_and_stays_is_left_at_the_limit),
        TEST(we_close_and_are_answered),
        TEST(we_close_without_a_code),
        TEST(we_close_and_nobody_answers),
        TEST(we_drop_what_is_open_once_all_is_said),
        TEST(a_server_that_masks_breaks_a_rule),
        TEST(a_server_that_just_leaves),
        TEST(a_server_that_resets),
        TEST(a_reset_that_is_noticed_while_sending_has_a_reason),
        TEST(a_close_before_a_reset_is_heard_while_we_go_on_writing),
        TEST(a_ping_is_answered_and_a_pong_has_its_round_trip),
        TEST(pings_may_be_left_unanswered),
        TEST(a_server_that_answers_no_ping_is_given_up),
        TEST(nothing_is_sent_on_what_is_not_open),
        TEST(an_abort_resets_an_open_connection),
        TEST(an_abort_resets_what_is_not_open_yet_and_nobody_is_told),
        TEST(a_client_stalls_until_the_server_has_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
