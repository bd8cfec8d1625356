/* A client's time limits, and its pace. */
#include "client_fixture.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "conn/conn_state.h"
#include "names.h"
#include "sockets.h"

/* ---- giving up ---- */

static void a_name_that_takes_too_long(void **state) {
    (void)state;
    names_reset();
    f.config.handshake_ms = 30;
    f.target.route.host = "stuck.test";
    start();
    dial();
    assert_refused(CLIENT_TIMED_OUT, "gave up after 0.03 s while resolving the name");
    names_unstick();
    stop();
}

static void a_connection_that_takes_too_long(void **state) {
    (void)state;
    uint16_t port = 0;
    int filler;
    f.config.handshake_ms = 30;
    start();
    int fd = socket_hang("127.0.0.1", &port, &filler);
    f.target.route.port = port;
    dial();
    assert_refused(CLIENT_TIMED_OUT, "gave up after 0.03 s while connecting");
    close(fd);
    close(filler);
    stop();
}

static void an_answer_that_takes_too_long(void **state) {
    (void)state;
    static const char *const heads[] = {"", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 101 X\r\nX"};
    for (size_t i = 0; i < 3; i++) {
        set_up(NULL);
        f.config.handshake_ms = 50;
        start();
        dial_and_accept();
        hear_head();
        say(heads[i]);
        assert_refused(CLIENT_TIMED_OUT, "gave up after 0.05 s while waiting for the server's "
                                         "answer to the upgrade");
        assert_int_equal(f.status, 0);
        stop();
    }
}

static void who_is_open_has_all_the_time(void **state) {
    (void)state;
    f.config.handshake_ms = 50;
    f.config.close_ms = 50;
    start();
    open_up();
    uint64_t until = uv_hrtime() + 150 * 1000 * 1000;
    while (uv_hrtime() < until) {
        turn();
    }
    assert_int_equal(f.closes + f.refusals, 0);
    stop();
}

/* ---- holding ---- */

static void hold(struct conn *c) {
    endpoint_hold(conn_endpoint(c), true);
}

static void say_five(void) {
    for (int i = 0; i < 5; i++) {
        say_frame(0x81, &"abcde"[i], 1);
    }
}

static void on_timer(uv_timer_t *timer) {
    uv_stop(timer->loop);
}

/* How many turns the loop has in 60 ms in which it may wait. */
static unsigned count_turns(void) {
    uv_timer_t timer;
    unsigned turns = 0;
    uv_timer_init(&f.loop.uv, &timer);
    uv_timer_start(&timer, on_timer, 60, 0);
    while (uv_is_active((uv_handle_t *)&timer)) {
        uv_run(&f.loop.uv, UV_RUN_ONCE);
        turns++;
    }
    uv_close((uv_handle_t *)&timer, NULL);
    turn();
    return turns;
}

static void one_message_at_most_comes_while_held(void **state) {
    (void)state;
    for (int late = 0; late < 2; late++) {
        set_up(NULL);
        start();
        open_up();
        if (late == 1) {
            f.do_message = hold;
        } else {
            endpoint_hold(&f.endpoint, true);
        }
        say_five();
        assert_in_range(count_turns(), 1, 8);
        assert_in_range(f.messages, late, 1);
        say_five();
        assert_in_range(count_turns(), 1, 8);
        assert_in_range(f.messages, late, 1);
        f.do_message = NULL;
        endpoint_hold(&f.endpoint, false);
        await(&f.messages, 10);
        assert_memory_equal(f.message.data, "e", 1);
        assert_in_range(count_turns(), 1, 8);
        stop();
    }
}

static void what_is_said_while_held_goes_out(void **state) {
    (void)state;
    start();
    open_up();
    f.do_message = hold;
    say_five();
    await(&f.messages, 1);
    count_turns();
    conn_send(f.c, WS_OP_TEXT, (const uint8_t *)"out", 3);
    assert_heard(0x81, "out", 3);
    conn_send_ping(f.c, (const uint8_t *)"?", 1);
    assert_heard(0x89, "?", 1);
    assert_in_range(count_turns(), 1, 8);
    assert_int_equal(f.messages, 1);
    f.do_message = NULL;
    endpoint_hold(&f.endpoint, false);
    await(&f.messages, 5);
    stop();
}

/* What the peer said before its answer is not lost, and waits until it can be passed on. */
static void a_close_while_held_is_said_at_once_and_answered_later(void **state) {
    (void)state;
    start();
    open_up();
    f.do_message = hold;
    say_five();
    await(&f.messages, 1);
    count_turns();
    conn_close(f.c, 1000, "");
    assert_heard_close(1000);
    say_frame(0x88, "\x03\xe8", 2);
    turn();
    assert_int_equal(f.closes, 0);
    endpoint_hold(&f.endpoint, false);
    leave();
    assert_ended(CONN_CLOSED_BY_US, 1000, "");
    assert_true(f.ending.answered);
    assert_int_equal(f.messages, 1);
    stop();
}

static void the_end_of_a_held_connection_waits_for_its_messages(void **state) {
    (void)state;
    start();
    open_up();
    f.do_message = hold;
    say_five();
    say_frame(0x88, "\x03\xe8", 2);
    await(&f.messages, 1);
    leave();
    assert_in_range(count_turns(), 1, 8);
    assert_int_equal(f.closes, 0);
    f.do_message = NULL;
    endpoint_hold(&f.endpoint, false);
    assert_ended(CONN_CLOSED_BY_PEER, 1000, "");
    assert_int_equal(f.messages, 5);
    stop();
}

static void a_held_connection_can_be_dropped(void **state) {
    (void)state;
    start();
    open_up();
    f.do_message = hold;
    say_five();
    await(&f.messages, 1);
    conn_drop(f.c);
    assert_int_equal(hear_end(), 0);
    leave();
    assert_ended(CONN_CLOSED_BY_US, 1006, "");
    assert_int_equal(f.messages, 1);
    stop();
}

/* Its pongs are there, but it is we who do not read them. */
static void a_held_connection_is_not_silent(void **state) {
    (void)state;
    f.config.ping_interval_ms = 20;
    f.config.ping_timeout_ms = 20;
    f.config.close_ms = 100;
    start();
    open_up();
    f.do_message = hold;
    say_five();
    await(&f.messages, 1);
    for (int i = 0; i < 4; i++) {
        struct heard ping = hear_frame();
        assert_int_equal(ping.first, 0x89);
        uint8_t count[4];
        memcpy(count, ping.data, sizeof count);
        say_frame(0x8A, count, sizeof count);
    }
    assert_int_equal(f.closes, 0);
    f.do_message = NULL;
    endpoint_hold(&f.endpoint, false);
    await(&f.messages, 5);
    assert_true(conn_is_open(f.c));
    stop();
}

/* ---- draining ---- */

static void who_is_drained_is_told_so(void **state) {
    (void)state;
    static uint8_t large[8 * 1024 * 1024];
    start();
    open_up();
    f.drains = 0;
    conn_send(f.c, WS_OP_BINARY, large, sizeof large);
    assert_int_equal(conn_unsent(f.c), sizeof large + 14);
    for (int i = 0; i < 10; i++) {
        turn();
    }
    assert_int_equal(f.drains, 0);
    assert_in_range(conn_unsent(f.c), 1, sizeof large);
    hear(sizeof large + 14);
    await(&f.drains, 1);
    assert_int_equal(conn_unsent(f.c), 0);
    stop();
}

static unsigned sent;

static void send_the_next(struct conn *c) {
    if (sent++ < 50) {
        conn_send(c, WS_OP_TEXT, (const uint8_t *)"next", 4);
    }
}

static void a_drained_connection_may_be_sent_to(void **state) {
    (void)state;
    sent = 0;
    f.do_open = send_the_next;
    f.do_drained = send_the_next;
    start();
    open_up();
    for (int i = 0; i < 50; i++) {
        assert_heard(0x81, "next", 4);
    }
    stop();
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(a_name_that_takes_too_long),
        TEST(a_connection_that_takes_too_long),
        TEST(an_answer_that_takes_too_long),
        TEST(who_is_open_has_all_the_time),
        TEST(one_message_at_most_comes_while_held),
        TEST(what_is_said_while_held_goes_out),
        TEST(a_close_while_held_is_said_at_once_and_answered_later),
        TEST(the_end_of_a_held_connection_waits_for_its_messages),
        TEST(a_held_connection_can_be_dropped),
        TEST(a_held_connection_is_not_silent),
        TEST(who_is_drained_is_told_so),
        TEST(a_drained_connection_may_be_sent_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
