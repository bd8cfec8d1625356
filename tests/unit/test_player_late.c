/* What came in time counts, however late the loop gets to it. */
#include "play_rig.h"

/* ---- servers that hold up the loop ---- */

static void answer_and_sleep(struct conn *c, const char *text) {
    say(c, text);
    sleep_ms(60);
}

static void close_and_sleep(struct conn *c, const char *text) {
    conn_close(c, 4001, text);
    sleep_ms(60);
}

static void ping_and_sleep(struct conn *c, const char *text) {
    conn_send_ping(c, (const uint8_t *)text, strlen(text));
    sleep_ms(60);
}

static void sleep_at_open(struct conn *c) {
    (void)c;
    sleep_ms(60);
}

static void count_one(struct conn *c) {
    (void)c;
    rig.received++;
}

/* ---- what would be judged too soon ---- */

static void a_silence_is_broken_by_what_came_in_it(void **state) {
    (void)state;
    rig.do_message = answer_and_sleep;
    play_steps("  - send: x\n"
               "  - silence: 30ms\n");
    assert_failed(5, "a message came");
    assert_came(0, "\"x\"");
}

static void a_message_that_came_in_time_is_found(void **state) {
    (void)state;
    rig.do_message = answer_and_sleep;
    play_steps("  - send: x\n"
               "  - expect: { text: x, within: 30ms }\n"
               "  - send: x\n"
               "  - await: { text: x, within: 30ms }\n"
               "  - send: x\n"
               "  - { unordered: [x], within: 30ms }\n");
    assert_passed();
}

static void a_close_that_came_in_time_is_found(void **state) {
    (void)state;
    rig.do_message = close_and_sleep;
    play_steps("  - send: x\n"
               "  - expect_close: { code: 4001, within: 30ms }\n");
    assert_passed();
}

static void a_pong_that_came_in_time_is_found(void **state) {
    (void)state;
    rig.do_message = answer_and_sleep;
    play_steps("  - send: x\n"
               "  - { ping: data, within: 30ms }\n");
    assert_passed();
}

static void a_handshake_that_was_done_in_time_is_found(void **state) {
    (void)state;
    rig.do_open = sleep_at_open;
    play("defaults: { within: 30ms }\nscenarios:\n- name: x\n  steps: [connect]\n");
    assert_passed();
}

/* A pong is counted, which comes once the loop goes on. */
static void what_the_mock_received_in_time_is_counted(void **state) {
    (void)state;
    rig.do_message = ping_and_sleep;
    rig.do_pong = count_one;
    rig.player.mock = (struct mock *)&rig;
    play_steps("  - send: x\n"
               "  - verify: { received: y, times: 0 }\n");
    assert_failed(5, "the mock has received 1 such, and 0 were expected");
    play_steps("  - send: x\n"
               "  - verify: { received: y, within: 30ms }\n");
    assert_passed();
}

/* ---- what is late all the same ---- */

static void answer_late(struct conn *c, const char *text) {
    say_after(c, 200, text);
}

static void say_on_and_on(struct conn *c, const char *text) {
    say(c, text);
    conn_send_ping(c, NULL, 0);
}

static void go_on(struct conn *c) {
    say(c, "noise");
    conn_send_ping(c, NULL, 0);
}

static void what_is_late_is_late(void **state) {
    (void)state;
    rig.do_message = answer_late;
    play_steps("  - send: x\n"
               "  - silence: 30ms\n"
               "  - expect: { text: x, within: 30ms }\n");
    assert_failed(6, "nothing came within 0.03 s");
}

static void whoever_never_stops_is_late_too(void **state) {
    (void)state;
    rig.do_message = say_on_and_on;
    rig.do_pong = go_on;
    play("defaults: { ignore: noise }\n"
         "scenarios:\n"
         "- name: x\n"
         "  steps:\n"
         "  - send: noise\n"
         "  - silence: 30ms\n"
         "  - expect: { text: x, within: 30ms }\n");
    assert_failed(7, "nothing came within 0.03 s");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_silence_is_broken_by_what_came_in_it),
        TEST(a_message_that_came_in_time_is_found),
        TEST(a_close_that_came_in_time_is_found),
        TEST(a_pong_that_came_in_time_is_found),
        TEST(a_handshake_that_was_done_in_time_is_found),
        TEST(what_the_mock_received_in_time_is_counted),
        TEST(what_is_late_is_late),
        TEST(whoever_never_stops_is_late_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
