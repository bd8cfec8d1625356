/* Pings, pongs and close frames, as whoever drives a connection meets them. */
#include "endpoint_fixture.h"

#include <signal.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

static unsigned told[16]; /* how often each kind of control frame */

static void say(struct conn *c, const char *text) {
    conn_send(c, WS_OP_TEXT, (const uint8_t *)text, strlen(text));
}

static void note(const struct ws_event *ev) {
    told[ev->kind]++;
}

static int set_up_control(void **state) {
    memset(told, 0, sizeof told);
    return set_up(state);
}
#define CONTROL_TEST(name) cmocka_unit_test_setup(name, set_up_control)

/* ---- pings and pongs ---- */

static void say_before_pong(struct conn *c, const struct ws_event *ev) {
    note(ev);
    assert_true(ev->size == 4);
    assert_memory_equal(ev->data, "data", 4);
    if (ev->kind == WS_EVENT_PING) {
        say(c, "before the pong");
    }
}

static void a_ping_is_told_before_it_is_answered_and_a_pong_is_told(void **state) {
    (void)state;
    struct ws_client c;
    struct ws_client_frame f;
    do_control = say_before_pong;
    start();
    open_client(&c);
    assert_true(ws_client_frame(&c, 0x89, "data", 4));
    assert_true(ws_client_expect(&c, "before the pong"));
    assert_true(ws_client_receive(&c, &f));
    assert_int_equal(f.first, 0x8A);
    assert_true(ws_client_frame(&c, 0x8A, "data", 4));
    assert_true(ws_client_text(&c, "and"));
    assert_true(ws_client_expect(&c, "and"));
    assert_int_equal(told[WS_EVENT_PING], 1);
    assert_int_equal(told[WS_EVENT_PONG], 1);
    ws_client_release(&c);
    stop();
}

static void mute(struct conn *c) {
    conn_set_pongs(c, false);
}

static void unmute(struct conn *c, const struct ws_event *ev) {
    conn_set_pongs(c, true);
    conn_send(c, ev->opcode, ev->data, ev->size);
}

static void the_pongs_of_one_connection_can_be_left_out(void **state) {
    (void)state;
    struct ws_client c, other;
    struct ws_client_frame f;
    start();
    open_client(&other);
    do_open = mute;
    do_message = unmute;
    open_client(&c);
    assert_true(ws_client_frame(&c, 0x89, "unanswered", 10));
    assert_true(ws_client_text(&c, "hi"));
    assert_true(ws_client_expect(&c, "hi"));
    assert_true(ws_client_frame(&c, 0x89, "answered", 8));
    assert_true(ws_client_receive(&c, &f));
    assert_int_equal(f.first, 0x8A);
    assert_memory_equal(f.data, "answered", 8);
    assert_true(ws_client_frame(&other, 0x89, "answered", 8));
    assert_true(ws_client_receive(&other, &f));
    assert_int_equal(f.first, 0x8A);
    ws_client_release(&c);
    ws_client_release(&other);
    stop();
}

/* ---- the peer's close frame ---- */

static void say_goodbye(struct conn *c, const struct ws_event *ev) {
    note(ev);
    assert_int_equal(ev->code, 4001);
    assert_int_equal(ev->size, 3);
    assert_memory_equal(ev->data, "why", 3);
    assert_true(conn_is_open(c));
    assert_int_equal(conn_ending(c).closer, CONN_CLOSED_BY_PEER);
    say(c, "goodbye");
}

static void say_close(struct ws_client *c) {
    assert_true(ws_client_frame(c, 0x88, "\x0f\xa1why", 5));
}

static void the_peers_close_is_told_before_it_is_answered(void **state) {
    (void)state;
    struct ws_client c;
    do_control = say_goodbye;
    start();
    open_client(&c);
    say_close(&c);
    assert_true(ws_client_expect(&c, "goodbye"));
    assert_true(ws_client_expect_close(&c, 4001));
    assert_int_equal(ws_client_await_end(&c), 0);
    await_gone(0);
    assert_int_equal(told[WS_EVENT_CLOSE], 1);
    assert_int_equal(last_close.closer, CONN_CLOSED_BY_PEER);
    assert_int_equal(last_close.code, 4001);
    ws_client_release(&c);
    stop();
}

static void answer_otherwise(struct conn *c, const struct ws_event *ev) {
    say_goodbye(c, ev);
    conn_close(c, 3999, "no, this");
    say(c, "too late");
}

/* There is one close frame of ours, and it was the peer who closed. */
static void the_peers_close_may_be_answered_with_another(void **state) {
    (void)state;
    struct ws_client c;
    do_control = answer_otherwise;
    start();
    open_client(&c);
    say_close(&c);
    assert_true(ws_client_expect(&c, "goodbye"));
    assert_true(ws_client_expect_close(&c, 3999));
    assert_int_equal(ws_client_await_end(&c), 0);
    assert_int_equal(c.in.len, c.used);
    await_gone(0);
    assert_int_equal(last_close.closer, CONN_CLOSED_BY_PEER);
    assert_int_equal(last_close.code, 4001);
    ws_client_release(&c);
    stop();
}

static void note_any(struct conn *c, const struct ws_event *ev) {
    (void)c;
    note(ev);
}

static void the_answer_to_our_close_is_not_told(void **state) {
    (void)state;
    struct ws_client c;
    do_control = note_any;
    start();
    open_client(&c);
    conn_close(first_conn(), 4000, "enough");
    assert_true(ws_client_expect_close(&c, 4000));
    assert_true(ws_client_frame(&c, 0x89, "late", 4));
    assert_true(ws_client_close(&c, 4000));
    assert_int_equal(ws_client_await_end(&c), 0);
    await_gone(0);
    assert_int_equal(told[WS_EVENT_CLOSE], 0);
    assert_int_equal(told[WS_EVENT_PING], 0);
    ws_client_release(&c);
    stop();
}

/* ---- ending it inside every callback ---- */

static const uint16_t codes[] = {1000, 1001, 1011, 3000, 3999, 4000, 4999};
static uint16_t code;
static void (*end_how)(struct conn *c);

static void close_it(struct conn *c) {
    conn_close(c, code, "inside");
    conn_close(c, 1002, "again");
}

static void end_inside_control(struct conn *c, const struct ws_event *ev) {
    char before[8] = "";
    assert_in_range(ev->size, 1, 4);
    memcpy(before, ev->data, ev->size);
    end_how(c);
    assert_memory_equal(ev->data, before, ev->size);
}

static void end_inside_message(struct conn *c, const struct ws_event *ev) {
    (void)ev;
    end_how(c);
}

static struct conn *timed;

static void end_in_timer(uv_timer_t *timer) {
    end_how(timed);
    uv_close((uv_handle_t *)timer, NULL);
}

static void set_timer(struct conn *c) {
    static uv_timer_t timer;
    timed = c;
    uv_timer_init(&conn_endpoint(c)->loop->uv, &timer);
    uv_timer_start(&timer, end_in_timer, 1, 0);
}

enum place { IN_OPEN, IN_MESSAGE, IN_PING, IN_PONG, IN_CLOSE, IN_DRAINED, IN_TIMER, PLACES };

/* What the client has to say for the callback to come. */
static void provoke(struct ws_client *c, enum place place) {
    struct bytes out = BYTES_INIT;
    static const uint8_t firsts[PLACES] = {
        [IN_MESSAGE] = 0x82, [IN_PING] = 0x89, [IN_PONG] = 0x8A, [IN_CLOSE] = 0x88};
    if (firsts[place] != 0) {
        assert_true(ws_client_put(&out, firsts[place], "\x0f\xa1?", 3));
        assert_true(ws_client_put(&out, 0x89, "more", 4));
        assert_true(ws_client_put(&out, 0x81, "more", 4));
        (void)ws_client_send(c, out.data, out.len);
    }
    bytes_release(&out);
}

static void end_in(enum place place) {
    do_open = place == IN_OPEN ? end_how : place == IN_TIMER ? set_timer : NULL;
    do_message = place == IN_MESSAGE ? end_inside_message : NULL;
    do_control = place >= IN_PING && place <= IN_CLOSE ? end_inside_control : NULL;
    do_drained = place == IN_DRAINED ? end_how : NULL;
}

static void application_codes_can_be_given_in_every_callback(void **state) {
    (void)state;
    end_how = close_it;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        for (enum place place = 0; place < PLACES; place++) {
            struct ws_client c;
            set_up(NULL);
            code = codes[i];
            assert_true(ws_close_code_is_valid(code));
            end_in(place);
            start();
            open_client(&c);
            provoke(&c, place);
            assert_true(ws_client_expect_close(&c, code));
            assert_true(place == IN_CLOSE || ws_client_close(&c, code));
            assert_int_equal(ws_client_await_end(&c), 0);
            await_gone(0);
            assert_int_equal(last_close.code, place == IN_CLOSE ? 4001 : code);
            ws_client_release(&c);
            stop();
        }
    }
}

static void stop_it(struct conn *c) {
    endpoint_stop(conn_endpoint(c));
}

static void uwebsockets_osv_2021_414_every_end_in_every_callback(void **state) {
    (void)state;
    void (*const hows[])(struct conn * c) = {conn_drop, conn_abort, conn_stall, stop_it};
    for (size_t how = 0; how < sizeof hows / sizeof *hows; how++) {
        for (enum place place = 0; place < PLACES; place++) {
            struct ws_client c;
            set_up(NULL);
            end_how = hows[how];
            end_in(place);
            start();
            rig.endpoint.look.after_ms = 1;
            assert_true(ws_client_init(&c));
            if (ws_client_open(&c, rig.port, 0, "")) { /* a reset may come before the answer */
                provoke(&c, place);
            }
            assert_int_equal(opens, 1);
            assert_true(server_rig_await(&rig, &rig.shared.open, 0));
            ws_client_leave(&c);
            await_gone(0);
            assert_int_equal(closes, 1);
            ws_client_release(&c);
            stop();
        }
    }
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        CONTROL_TEST(a_ping_is_told_before_it_is_answered_and_a_pong_is_told),
        CONTROL_TEST(the_pongs_of_one_connection_can_be_left_out),
        CONTROL_TEST(the_peers_close_is_told_before_it_is_answered),
        CONTROL_TEST(the_peers_close_may_be_answered_with_another),
        CONTROL_TEST(the_answer_to_our_close_is_not_told),
        CONTROL_TEST(application_codes_can_be_given_in_every_callback),
        CONTROL_TEST(uwebsockets_osv_2021_414_every_end_in_every_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
