/* What a player catches, and which step it blames. */
#include "conn/wire.h"
#include "play_rig.h"

#include <stdlib.h>

/* ---- servers ---- */

static void answer_twice(struct conn *c, const char *text) {
    say(c, text);
    say(c, text);
}

static void answer_late(struct conn *c, const char *text) {
    say_after(c, 500, text);
}

static void be_silent(struct conn *c, const char *text) {
    (void)c;
    (void)text;
}

/* "a b c" has three answers. */
static void answer_each_word(struct conn *c, const char *text) {
    char words[256];
    char *rest = words;
    snprintf(words, sizeof words, "%s", text);
    for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL;) {
        say(c, word);
    }
}

static void close_with_4001(struct conn *c, const char *text) {
    conn_close(c, 4001, text);
}

/* ---- what is caught, and whom it is blamed on ---- */

static const char two_rounds[] = "  - send: one\n"
                                 "  - { expect: one, within: 2s }\n"
                                 "  - send: two\n"
                                 "  - { expect: two, within: 2s }\n"
                                 "  - silence: 30ms\n";

static void a_server_that_answers_twice_is_caught(void **state) {
    (void)state;
    rig.do_message = answer_twice;
    play_steps(two_rounds);
    assert_failed(7, "the next message is another one");
    assert_awaited("two");
    assert_came(0, "\"one\"");
    assert_diff("- two\n+ one\n  ^\n");
    assert_string_equal(rig.result->failure.client, "client");
}

static void a_message_in_a_silence_is_caught(void **state) {
    (void)state;
    rig.do_message = answer_twice;
    play_steps("  - send: one\n"
               "  - expect: one\n"
               "  - silence: 1s\n");
    assert_failed(6, "a message came");
    assert_string_equal(rig.result->failure.kind, "a message came"); /* whenever it was */
    assert_came(0, "\"one\"");
}

static void a_server_that_answers_late_is_caught(void **state) {
    (void)state;
    rig.do_message = answer_late;
    play_steps("  - send: one\n"
               "  - { expect: one, within: 100ms }\n"
               "  - send: two\n");
    assert_failed(5, "nothing came within 0.1 s");
    assert_awaited("one");
}

static void a_server_that_is_silent_is_caught(void **state) {
    (void)state;
    rig.do_message = be_silent;
    play_steps("  - send: one\n"
               "  - await: { contains: one, within: 30ms }\n");
    assert_failed(5, "nothing came within 0.03 s");
    assert_awaited("one");
}

static void a_wrong_close_code_is_caught(void **state) {
    (void)state;
    rig.do_message = close_with_4001;
    play_steps("  - send: bye\n"
               "  - expect_close: 1000\n");
    assert_failed(5, "1000 was expected: closed by the server: 4001 (application code) \"bye\"");
    play_steps("  - send: bye\n"
               "  - expect_close: { by: client }\n");
    assert_failed(5, "a close by the client was expected");
    play_steps("  - send: bye\n"
               "  - expect_close: { reason: good bye }\n");
    assert_failed(5, "another reason was expected");
    assert_int_equal(rig.result->failure.ending, 4001);
    assert_memory_equal(rig.result->failure.reason.data, "bye", 3);
    assert_awaited("good bye");
    play_steps("  - expect_close: { within: 30ms }\n");
    assert_failed(4, "the connection is still open after 0.03 s");
}

static void vanish(struct conn *c, const char *text) {
    (void)text;
    conn_abort(c);
}

static void break_a_rule(struct conn *c, const char *text) {
    static const uint8_t frame[] = {0xf1, 0}; /* reserved bits */
    (void)text;
    wire_send_raw(c, frame, sizeof frame);
}

static void an_end_that_is_no_close_frame_of_the_server_is_none(void **state) {
    (void)state;
    const char *steps = "  - send: x\n"
                        "  - expect: { type: close }\n";
    rig.do_message = vanish;
    play_steps(steps);
    assert_failed(5, "lost without a close");
    assert_int_equal(rig.result->failure.ending, 1006);
    rig.do_message = break_a_rule;
    play_steps(steps);
    assert_failed(5, "closed by the client: 1002");
    rig.do_message = close_with_4001;
    play_steps(steps);
    assert_passed();
}

static void a_missing_message_is_caught(void **state) {
    (void)state;
    rig.do_message = answer_each_word;
    play_steps("  - send: a c\n"
               "  - expect: a\n"
               "  - expect: b\n"
               "  - expect: c\n");
    assert_failed(6, "the next message is another one");
    play_steps("  - send: a c\n"
               "  - { unordered: [c, b, a], within: 300ms }\n");
    assert_failed(5, "2 of 3 messages came within 0.3 s");
    assert_awaited("b");
}

static void a_changed_order_is_caught(void **state) {
    (void)state;
    rig.do_message = answer_each_word;
    play_steps("  - send: b a\n"
               "  - expect: a\n"
               "  - expect: b\n");
    assert_failed(5, "the next message is another one");
    assert_came(0, "\"b\"");
}

static void a_message_that_is_none_of_many_is_caught(void **state) {
    (void)state;
    rig.do_message = answer_each_word;
    play_steps("  - send: a x\n"
               "  - unordered: [a, b]\n");
    assert_failed(5, "a message came that is none of those");
    assert_awaited("b");
    assert_came(0, "\"x\"");
    play_steps("  - send: a a\n"
               "  - unordered: [a, b]\n");
    assert_failed(5, "once more");
}

static void what_came_nearest_is_told(void **state) {
    (void)state;
    rig.do_message = answer_each_word;
    play_steps("  - send: '{\"type\":\"x\",\"id\":1} {\"type\":\"sub\",\"id\":1} y'\n"
               "  - await: { json: { $.type: subscribe, $.id: 1 }, within: 300ms }\n");
    assert_failed(5, "3 messages came within 0.3 s, and none is the one");
    assert_int_equal(rig.result->failure.came.count, 3);
    assert_true(rig.result->failure.has_nearest);
    assert_true(rig.result->failure.nearest < 2);
    assert_why_not("$.type");
}

static void only_the_last_of_what_came_is_kept(void **state) {
    (void)state;
    char words[256] = "";
    for (unsigned i = 0; i < 47; i++) {
        size_t n = strlen(words);
        snprintf(words + n, sizeof words - n, "%u ", i);
    }
    char steps[512];
    rig.do_message = answer_each_word;
    snprintf(steps, sizeof steps, "  - send: %s\n  - await: { text: x, within: 300ms }\n", words);
    play_steps(steps);
    assert_failed(5, "47 messages came within 0.3 s, and none is the one");
    assert_int_equal(rig.result->failure.came.total, 47);
    assert_int_equal(rig.result->failure.came.count, PLAYER_CAME_MAX);
    assert_came(0, "\"27\"");
    assert_came(PLAYER_CAME_MAX - 1, "\"46\"");
    assert_int_equal(rig.result->transcript.count, PLAYER_KEEP_DEFAULT);
}

static void an_end_while_something_is_awaited_is_caught_at_once(void **state) {
    (void)state;
    rig.do_message = close_with_4001;
    play_steps("  - send: bye\n"
               "  - expect: { text: x, within: 1h }\n");
    assert_failed(5, "closed by the server: 4001 (application code) \"bye\"");
    play_steps("  - send: bye\n"
               "  - silence: 1h\n");
    assert_failed(5, "closed by the server: 4001");
    play_steps("  - send: bye\n"
               "  - unordered: [a]\n");
    assert_failed(5, "closed by the server: 4001");
    play_steps("  - send: bye\n"
               "  - expect_close\n"
               "  - send: more\n");
    assert_failed(6, "'client' is not connected: closed by the server: 4001");
}

static void a_check_that_does_not_hold_tells_both_sides(void **state) {
    (void)state;
    play_steps("  - set: { a: 1, b: two }\n"
               "  - check: ${a} == ${b}\n");
    assert_failed(5, "it does not hold for \"1\" and \"two\"");
}

static void sides_that_are_long_are_cut(void **state) {
    char steps[1200];
    (void)state;
    snprintf(steps, sizeof steps, "  - set: { a: %0500d, b: %0500d1 }\n  - check: ${a} == ${b}\n",
             0, 0);
    play_steps(steps);
    assert_failed(5, "0…\" and \"0");
    assert_true(strlen(rig.result->failure.why) < 400);
}

static void a_variable_without_a_value_fails_the_step(void **state) {
    (void)state;
    const char *const tail = "  - { set: { late: 1 } }\n";
    char steps[256];
    const char *const uses[] = {"send: '${late}'", "check: '${late} == ${late}'",
                                "close: { reason: '${late}' }", "connect: '/${late}'",
                                "set: { other: '${late}' }"};
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        snprintf(steps, sizeof steps, "  - wait: 0s\n  - { %s }\n%s", uses[i], tail);
        play_steps(steps);
        assert_failed(5, "'late' has no value");
    }
}

static void what_is_to_be_saved_must_be_there(void **state) {
    (void)state;
    play_steps("  - send: { json: { a: 1 } }\n"
               "  - expect: { contains: a, save: { b: $.b } }\n");
    assert_failed(5, "there is no $.b in it to be saved");
}

static void what_is_told_is_safe_for_a_terminal(void **state) {
    (void)state;
    rig.player.mock = (struct mock *)&rig;
    play_steps("  - fault: { enable: \"unknown\\e[31m\" }\n");
    assert_failed(4, "the mock has no fault 'unknown\\x1b[31m'");
    play_steps("  - send: \"a\\e[2J\"\n"
               "  - expect: \"b\\e[3J\"\n");
    assert_failed(5, "another one");
    assert_awaited("\\x1b[3J");
    assert_came(0, "\"a\\x1b[2J\"");
    assert_diff("- b\\x1b[3J\n+ a\\x1b[2J\n  ^\n");
}

static void a_failure_in_all_tells_whose_it_is(void **state) {
    (void)state;
    play("scenarios:\n"
         "- name: it\n"
         "  clients: [alice, bob]\n"
         "  steps:\n"
         "  - { send: hi, as: bob }\n"
         "  - all:\n"
         "    - log: here\n"
         "    - { expect: hi, within: 50ms }\n");
    assert_failed(8, "nothing came within 0.05 s");
    assert_string_equal(rig.result->failure.client, "alice");
    assert_int_equal(rig.closes, 2);
}

static void who_does_not_come_to_a_barrier_is_told(void **state) {
    (void)state;
    play("scenarios:\n"
         "- name: it\n"
         "  clients: [alice, bob]\n"
         "  steps:\n"
         "  - { send: hi, as: bob }\n"
         "  - all:\n"
         "    - { expect: hi, within: 1h }\n"
         "    - { barrier: x, within: 50ms }\n");
    assert_failed(8, "'alice' did not come to the barrier within 0.05 s: it is at line 7");
    assert_string_equal(rig.result->failure.client, "bob");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_server_that_answers_twice_is_caught),
        TEST(a_message_in_a_silence_is_caught),
        TEST(a_server_that_answers_late_is_caught),
        TEST(a_server_that_is_silent_is_caught),
        TEST(a_wrong_close_code_is_caught),
        TEST(an_end_that_is_no_close_frame_of_the_server_is_none),
        TEST(a_missing_message_is_caught),
        TEST(a_changed_order_is_caught),
        TEST(a_message_that_is_none_of_many_is_caught),
        TEST(what_came_nearest_is_told),
        TEST(only_the_last_of_what_came_is_kept),
        TEST(an_end_while_something_is_awaited_is_caught_at_once),
        TEST(a_check_that_does_not_hold_tells_both_sides),
        TEST(sides_that_are_long_are_cut),
        TEST(a_variable_without_a_value_fails_the_step),
        TEST(what_is_to_be_saved_must_be_there),
        TEST(what_is_told_is_safe_for_a_terminal),
        TEST(a_failure_in_all_tells_whose_it_is),
        TEST(who_does_not_come_to_a_barrier_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
