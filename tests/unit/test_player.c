#include "play_rig.h"

#include <stdlib.h>

#include "base/err.h"
#include "conn/endpoint.h"
#include "failing_alloc.h"
#include "proto/handshake.h"

/* ---- servers ---- */

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

/* ---- what passes ---- */

static void a_conversation_as_it_should_be_passes(void **state) {
    (void)state;
    play_steps("  - send: hi\n"
               "  - expect: hi\n"
               "  - send: [one, two]\n"
               "  - expect: { contains: on }\n"
               "  - expect: two\n"
               "  - silence: 20ms\n");
    assert_passed();
    assert_int_equal(rig.steps, 6);
    assert_int_equal(rig.result->unread, 0);
    assert_true(rig.result->duration_us >= 20000);
    assert_int_equal(rig.opens, 1);
    assert_int_equal(rig.close_code, 1000);
    assert_string_equal(rig.url, rig.base);
}

static void messages_wait_for_the_step_that_looks_at_them(void **state) {
    (void)state;
    rig.do_message = answer_each_word;
    play_steps("  - send: a b c d\n"
               "  - wait: 20ms\n"
               "  - expect: a\n"
               "  - await: c\n");
    assert_passed();
    assert_int_equal(rig.result->unread, 1);
}

static void noise_is_seen_by_no_step(void **state) {
    (void)state;
    rig.do_message = answer_each_word;
    play("defaults: { ignore: [x, { starts: y }] }\n"
         "scenarios:\n"
         "- name: it\n"
         "  steps:\n"
         "  - send: x a y1 b x\n"
         "  - expect: a\n"
         "  - expect: b\n"
         "  - silence: 30ms\n");
    assert_passed();
    const struct play_events *t = &rig.result->transcript;
    assert_true(play_events_at(t, t->count - 1)->ignored);
    assert_false(play_events_at(t, t->count - 2)->ignored);
}

static void messages_may_come_in_any_order(void **state) {
    (void)state;
    rig.do_message = answer_each_word;
    play_steps("  - send: ab a c\n"
               "  - unordered: [{ contains: a }, c, { regex: '^(?<w>ab)$' }]\n"
               "  - check: ${w} == ab\n");
    assert_passed();
}

static void what_is_caught_and_saved_can_be_used(void **state) {
    (void)state;
    play_steps("  - send: { json: { id: 7, who: { name: me } } }\n"
               "  - expect: { regex: '\"id\":(?<id>[0-9]+)', save: { who: $.who.name } }\n"
               "  - set: { next: '${id + 1}' }\n"
               "  - send: ${who} ${next}\n"
               "  - expect: me 8\n"
               "  - check: ${next} > ${id}\n"
               "  - log: it is ${who}\n");
    assert_passed();
    assert_string_equal(rig.log, "client: it is me;");
}

static void templates_speak_of_the_last_message_that_was_awaited(void **state) {
    (void)state;
    play_steps("  - send: [{ json: { id: 7 } }, two, three]\n"
               "  - expect: { contains: id }\n"
               "  - check: ${json.id} == 7\n"
               "  - expect: two\n"
               "  - send: ${text} and more\n"
               "  - expect: three\n"
               "  - expect: two and more\n"
               "  - check: ${json.id} == 7\n");
    assert_failed(11, "'json.id' has no value");
    play_steps("  - send: ${text}\n");
    assert_failed(4, "'text' has no value");
}

static void clients_act_side_by_side_and_see_each_others_variables(void **state) {
    (void)state;
    play("scenarios:\n"
         "- name: it\n"
         "  clients: [alice, bob]\n"
         "  vars: { greeting: hi }\n"
         "  steps:\n"
         "  - { set: { name: A }, as: alice }\n"
         "  - { set: { name: B }, as: bob }\n"
         "  - all:\n"
         "    - send: ${greeting} ${name}\n"
         "    - barrier: said\n"
         "    - expect: { regex: '^hi (?<k>.)$' }\n"
         "  - check: ${alice.k} != ${bob.k}\n"
         "  - { send: '${alice.k}${bob.k}', as: [bob, alice] }\n"
         "  - { expect: AB, as: alice }\n"
         "  - { expect: AB, as: bob }\n");
    assert_passed();
    assert_int_equal(rig.opens, 2);
}

static void what_meets_a_step_is_told(void **state) {
    (void)state;
    rig.do_message = answer_each_word;
    play_steps("  - send: a b c d e\n"
               "  - expect: a\n"
               "  - await: { contains: c }\n"
               "  - unordered: [e, d]\n"
               "  - silence: 10ms\n");
    assert_passed();
    assert_string_equal(rig.met, "client 5 \"a\";client 6 \"c\";client 7 \"e\";client 7 \"d\";");
}

static void a_pong_answers_a_ping(void **state) {
    (void)state;
    play_steps("  - ping\n"
               "  - ping: data\n"
               "  - silence: 20ms\n");
    assert_passed();
}

static void nobody_answers_a_ping(void **state) {
    (void)state;
    rig.server.config.no_pongs = true;
    play_steps("  - { ping: data, within: 50ms }\n");
    assert_failed(4, "the ping was not answered in time");
}

static void ping_us(struct conn *c, const char *text) {
    conn_send_ping(c, (const uint8_t *)text, strlen(text));
    say(c, text);
}

static void a_ping_is_a_message_for_those_only_who_want_one(void **state) {
    (void)state;
    rig.do_message = ping_us;
    play_steps("  - send: a\n"
               "  - expect: a\n"
               "  - send: b\n"
               "  - await: { type: ping, text: b }\n"
               "  - expect: b\n");
    assert_passed();
}

static void the_server_closes_and_that_is_expected(void **state) {
    (void)state;
    rig.do_message = close_with_4001;
    play_steps("  - send: bye\n"
               "  - expect_close: { code: 4001, reason: bye, by: server }\n"
               "  - connect\n"
               "  - send: { text: again }\n"
               "  - expect: { type: close }\n");
    assert_passed();
    assert_int_equal(rig.opens, 2);
}

static void the_client_closes(void **state) {
    (void)state;
    play_steps("  - close: { code: 4002, reason: enough }\n"
               "  - expect_close: { code: 4002, by: client }\n");
    assert_passed();
    assert_int_equal(rig.close_code, 4002);
}

static void a_reset_is_a_loss_for_the_server(void **state) {
    (void)state;
    play_steps("  - reset\n"
               "  - expect_close: { code: 1006 }\n");
    assert_passed();
    assert_int_equal(rig.close_code, 1006);
}

static void an_open_client_connects_again(void **state) {
    (void)state;
    play_steps("  - send: old\n"
               "  - connect: /again\n"
               "  - send: new\n"
               "  - expect: new\n");
    assert_passed();
    assert_int_equal(rig.opens, 2);
}

static void what_was_not_looked_at_is_counted(void **state) {
    (void)state;
    rig.do_message = answer_each_word;
    play_steps("  - send: a b\n"
               "  - expect: a\n"
               "  - wait: 20ms\n"
               "  - connect\n"
               "  - send: c d e\n"
               "  - await: d\n"
               "  - wait: 20ms\n");
    assert_passed();
    assert_int_equal(rig.result->unread, 2);
}

static void the_wish_that_is_nearest_counts(void **state) {
    (void)state;
    play("defaults: { url: /d, headers: { a: d }, protocols: p }\n"
         "scenarios:\n"
         "- name: it\n"
         "  vars: { token: 't1' }\n"
         "  clients: { alice: { url: '/c?x=1', headers: [\"b: ${token}\", \"c: 2\"] } }\n"
         "  url: /s\n"
         "  steps: [log: x]\n"
         "- name: by default\n"
         "  steps: [log: x]\n");
    assert_passed();
    char url[128];
    snprintf(url, sizeof url, "%sc?x=1", rig.base);
    assert_string_equal(rig.url, url);
    assert_string_equal(rig.headers, "b: t1;c: 2;");
    assert_string_equal(rig.protocols, "p;");
}

static void what_is_tested_may_be_another_server(void **state) {
    (void)state;
    char url[128];
    const char *text = "defaults: { url: 'ws://example.com/d' }\n"
                       "scenarios:\n"
                       "- { name: a, steps: [log: x] }\n"
                       "- { name: b, url: 'wss://example.com/s?q', steps: [log: x] }\n";
    rig.player.base_wins = true;
    play(text);
    assert_passed();
    snprintf(url, sizeof url, "%sd", rig.base);
    assert_string_equal(rig.url, url);
    play_at(text, 1);
    assert_passed();
    snprintf(url, sizeof url, "%ss?q", rig.base);
    assert_string_equal(rig.url, url);
    char base[sizeof rig.base + 8];
    snprintf(base, sizeof base, "%sown", rig.base);
    rig.player.base_url = base;
    play(text);
    assert_passed();
    assert_string_equal(rig.url, base);
}

/* ---- connecting ---- */

static const struct conn_terms *refuse(struct conn *c, const struct http1 *request) {
    static const struct conn_terms terms = {.status = 401, .body = "no", .body_size = 2};
    (void)c;
    return http1_str_is(http1_target(request), "/open") ? NULL : &terms;
}

static void a_refused_client_fails_before_the_first_step(void **state) {
    (void)state;
    rig.do_request = refuse;
    play_steps("  - send: hi\n");
    assert_failed(2, "it could not connect: the server refused the upgrade: 401");
    assert_null(rig.result->failure.step);
    assert_int_equal(rig.steps, 0);
}

static void a_refusal_may_be_what_is_expected(void **state) {
    (void)state;
    rig.do_request = refuse;
    play_steps("  - connect: { expect_status: 401 }\n"
               "  - connect: /open\n"
               "  - send: hi\n"
               "  - expect: hi\n");
    assert_passed();
    play_steps("  - connect: { expect_status: 403 }\n");
    assert_failed(4, "the status 403 was expected: the server refused the upgrade: 401");
    assert_int_equal(rig.result->failure.ending, 401);
    play_steps("  - connect\n");
    assert_failed(4, "it could not connect: the server refused the upgrade: 401");
    play_steps("  - connect: { url: /open, expect_status: 401 }\n");
    assert_failed(4, "it was accepted, and the status 401 was expected");
    play_steps("  - connect: { expect_status: 401 }\n"
               "  - send: hi\n");
    assert_failed(5, "'client' is not connected: the server refused the upgrade: 401");
}

static const struct conn_terms *choose_what_nobody_offered(struct conn *c,
                                                           const struct http1 *request) {
    static const char *const headers[] = {"Sec-WebSocket-Protocol: other", NULL};
    static const struct conn_terms terms = {.status = 101, .headers = headers};
    (void)c;
    (void)request;
    return &terms;
}

static void an_answer_that_breaks_a_rule_is_not_the_101_that_is_expected(void **state) {
    (void)state;
    rig.do_request = choose_what_nobody_offered;
    play_steps("  - connect: { expect_status: 101 }\n");
    assert_failed(4, "it could not connect");
}

static const struct conn_terms *wait_long(struct conn *c, const struct http1 *request) {
    static const struct conn_terms terms = {.status = 101, .delay_ms = 60000};
    (void)c;
    (void)request;
    return &terms;
}

static void a_handshake_has_a_limit(void **state) {
    (void)state;
    rig.do_request = wait_long;
    play_steps("  - connect: { within: 50ms }\n");
    assert_failed(4, "it was not connected within 0.05 s");
    play("defaults: { within: 50ms }\nscenarios:\n- name: it\n  steps: [{ send: x }]\n");
    assert_failed(3, "it was not connected within 0.05 s");
}

static void without_a_url_nobody_connects(void **state) {
    (void)state;
    rig.player.base_url = NULL;
    play_steps("  - send: x\n");
    assert_failed(2, "nothing says to which URL");
    play_steps("  - connect: /x\n");
    assert_failed(4, "bad URL");
    rig.player.base_url = "ws://a b/";
    play_steps("  - send: x\n");
    assert_failed(2, "bad URL");
}

/* ---- the mock ---- */

static void steps_for_the_mock_need_one(void **state) {
    (void)state;
    play_steps("  - verify: { received: x }\n");
    assert_failed(4, "it needs the file's own mock");
    play_steps("  - fault: { enable: x }\n");
    assert_failed(4, "it needs the file's own mock");
}

static void count_one(struct conn *c, const char *text) {
    (void)c;
    (void)text;
    rig.received++;
}

static void faults_are_switched_and_messages_counted(void **state) {
    (void)state;
    rig.do_message = count_one;
    rig.player.mock = (struct mock *)&rig;
    rig.received = 5; /* of earlier scenarios */
    play_steps("  - fault: { enable: [a, b], disable: c }\n"
               "  - send: [x, x]\n"
               "  - verify: { received: x, times: 2 }\n"
               "  - verify: { received: x }\n");
    assert_passed();
    assert_string_equal(rig.faults, "+a+b-c");
    play_steps("  - send: [x, x]\n"
               "  - verify: { received: x, times: 1 }\n");
    assert_failed(5, "the mock has received 2 such, and 1 was expected");
    assert_awaited("x");
    play_steps("  - verify: { received: x, times: 3, within: 50ms }\n");
    assert_failed(4, "the mock has received 0 such, and 3 were expected");
    play_steps("  - fault: { enable: unknown }\n");
    assert_failed(4, "the mock has no fault 'unknown'");
}

static void a_mock_that_has_forgotten_something_verifies_no_number(void **state) {
    (void)state;
    rig.do_message = count_one;
    rig.player.mock = (struct mock *)&rig;
    rig.forgets = true;
    play_steps("  - verify: { received: x, times: 0, within: 50ms }\n");
    assert_failed(4, "the mock has received more than it keeps");
    play_steps("  - send: x\n"
               "  - verify: { received: x, times: 1, within: 50ms }\n");
    assert_failed(5, "the mock has received more than it keeps");
    play_steps("  - send: [x, x]\n"
               "  - verify: { received: x }\n"
               "  - verify: { received: x, times: 1 }\n");
    assert_failed(6, "the mock has received 2 such, and 1 was expected");
}

/* ---- its limits, and its end ---- */

static void flood(struct conn *c, const char *text) {
    static uint8_t much[512 * 1024];
    (void)text;
    for (unsigned i = 0; i < 140; i++) {
        conn_send(c, WS_OP_BINARY, much, sizeof much);
    }
}

static void what_nobody_looks_at_does_not_fill_the_memory(void **state) {
    (void)state;
    rig.do_message = flood;
    play_steps("  - send: x\n"
               "  - wait: 1h\n");
    assert_failed(5, "more than 64 MiB of messages wait that no step has looked at");
}

static void a_player_can_be_stopped(void **state) {
    (void)state;
    struct player *player = NULL;
    suite_rig_release(&rig.suite);
    assert_int_equal(suite_rig_read(&rig.suite, "scenarios:\n- name: x\n  steps:\n  - wait: 1h\n"),
                     TB_OK);
    rig.player.suite = rig.suite.suite;
    rig.player.scenario = &rig.suite.suite->scenarios[0];
    player = player_start(&rig.player);
    assert_non_null(player);
    for (unsigned i = 0; i < 100 && rig.steps == 0; i++) {
        uv_run(&rig.server.loop.uv, UV_RUN_ONCE);
    }
    player_stop(player, "it was stopped");
    assert_null(rig.result);
    assert_true(turn_until_done());
    assert_failed(4, "it was stopped");
}

static void stop_reading(struct conn *c, const char *text) {
    (void)text;
    conn_stall(c);
}

static void a_server_that_does_not_say_goodbye_is_left(void **state) {
    (void)state;
    rig.do_message = stop_reading;
    play_steps("  - send: x\n"
               "  - wait: 20ms\n");
    assert_passed();
    assert_true(rig.result->duration_us < 900000);
}

static void the_conversation_is_kept(void **state) {
    (void)state;
    rig.player.keep = 100;
    play_steps("  - send: hi\n"
               "  - expect: hi\n"
               "  - close\n"
               "  - expect_close\n");
    assert_passed();
    const char *const expected[] = {"open", "\"hi\"", "\"hi\"", "close 1000"};
    const struct play_events *t = &rig.result->transcript;
    assert_int_equal(t->count, 4); /* what happens afterwards is no part of it */
    for (size_t i = 0; i < t->count; i++) {
        struct bytes out = BYTES_INIT;
        const struct play_event *e = play_events_at(t, i);
        assert_int_equal(play_event_write(e, &out), TB_OK);
        assert_int_equal(strncmp((const char *)out.data, expected[i], strlen(expected[i])), 0);
        assert_string_equal(e->client, "client");
        assert_int_equal(e->sent, i == 1 || i == 3);
        bytes_release(&out);
    }
}

static void a_failed_allocation_fails_the_scenario_at_the_most(void **state) {
    (void)state;
    const char *text = "scenarios:\n- name: x\n  clients: [a, b]\n  vars: { v: 1 }\n  steps:\n"
                       "  - all:\n"
                       "    - send: { json: { v: 1 } }\n"
                       "    - expect: { contains: v, save: { w: $.v } }\n"
                       "  - { send: [x, y], as: a }\n"
                       "  - { unordered: [y, x], as: a, within: 2s }\n"
                       "  - { expect: z, as: b, within: 5ms }\n";
    unsigned n = 0;
    bool failed = true;
    do {
        suite_rig_release(&rig.suite);
        play_result_free(rig.result);
        rig.result = NULL;
        assert_int_equal(suite_rig_read(&rig.suite, text), TB_OK);
        rig.player.suite = rig.suite.suite;
        rig.player.scenario = &rig.suite.suite->scenarios[0];
        fail_alloc_at(n);
        struct player *player = player_start(&rig.player);
        bool done = player == NULL || turn_until_done();
        fail_alloc_off();
        assert_true(done);
        for (unsigned i = 0; i < 3; i++) {
            server_rig_turn(&rig.server);
        }
        failed = player == NULL || !rig.result->passed;
        assert_true(failed);
    } while (n++ < alloc_count());
    assert_failed(11, "nothing came");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_conversation_as_it_should_be_passes),
        TEST(messages_wait_for_the_step_that_looks_at_them),
        TEST(noise_is_seen_by_no_step),
        TEST(messages_may_come_in_any_order),
        TEST(what_is_caught_and_saved_can_be_used),
        TEST(templates_speak_of_the_last_message_that_was_awaited),
        TEST(clients_act_side_by_side_and_see_each_others_variables),
        TEST(what_meets_a_step_is_told),
        TEST(a_pong_answers_a_ping),
        TEST(nobody_answers_a_ping),
        TEST(a_ping_is_a_message_for_those_only_who_want_one),
        TEST(the_server_closes_and_that_is_expected),
        TEST(the_client_closes),
        TEST(a_reset_is_a_loss_for_the_server),
        TEST(an_open_client_connects_again),
        TEST(what_was_not_looked_at_is_counted),
        TEST(the_wish_that_is_nearest_counts),
        TEST(what_is_tested_may_be_another_server),
        TEST(a_refused_client_fails_before_the_first_step),
        TEST(a_refusal_may_be_what_is_expected),
        TEST(an_answer_that_breaks_a_rule_is_not_the_101_that_is_expected),
        TEST(a_handshake_has_a_limit),
        TEST(without_a_url_nobody_connects),
        TEST(steps_for_the_mock_need_one),
        TEST(faults_are_switched_and_messages_counted),
        TEST(a_mock_that_has_forgotten_something_verifies_no_number),
        TEST(what_nobody_looks_at_does_not_fill_the_memory),
        TEST(a_player_can_be_stopped),
        TEST(a_server_that_does_not_say_goodbye_is_left),
        TEST(the_conversation_is_kept),
        TEST(a_failed_allocation_fails_the_scenario_at_the_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
