#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "script/matcher.h"
#include "script/template.h"
#include "suite_rig.h"

static struct suite_rig rig;

static int tear_down(void **state) {
    (void)state;
    suite_rig_release(&rig);
    return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

static const struct scenario *read_one(const char *text) {
    suite_rig_release(&rig);
    if (suite_rig_read(&rig, text) != TB_OK) {
        fail_msg("%s", (const char *)rig.message.data);
    }
    assert_true(rig.suite->count >= 1);
    return &rig.suite->scenarios[0];
}

/* The steps of a scenario of two clients, alice and bob. */
static const struct steps *read_steps(const char *steps) {
    char text[4096];
    snprintf(text, sizeof text, "scenarios:\n- name: x\n  clients: [alice, bob]\n  steps:\n%s",
             steps);
    return &read_one(text)->steps;
}

/* The file is refused: at that line and column, and with that text. */
static void assert_refused(const char *text, const char *place, const char *why) {
    char begin[64];
    suite_rig_release(&rig);
    assert_int_equal(suite_rig_read(&rig, text), TB_EINVAL);
    const char *message = (const char *)rig.message.data;
    snprintf(begin, sizeof begin, "test.yaml:%s: error: ", place);
    if (strncmp(message, begin, strlen(begin)) != 0 || strstr(message, why) == NULL) {
        fail_msg("expected '%s%s', and it is:\n%s", begin, why, message);
    }
}

static void assert_steps_refused(const char *steps, const char *place, const char *why) {
    char text[4096];
    snprintf(text, sizeof text, "scenarios:\n- name: x\n  clients: [alice, bob]\n  steps:\n%s",
             steps);
    assert_refused(text, place, why);
}

static void assert_literal(const struct template *t, const char *expected) {
    size_t n = 0;
    assert_non_null(t);
    const char *text = template_literal(t, &n);
    assert_non_null(text);
    assert_string_equal(text, expected);
}

/* ---- the suite ---- */

static void a_file_without_scenarios_has_none_and_its_waits_have_a_limit(void **state) {
    (void)state;
    assert_int_equal(suite_rig_read(&rig, ""), TB_OK);
    assert_int_equal(rig.suite->count, 0);
    assert_int_equal(rig.suite->defaults.within_ms, WITHIN_DEFAULT_MS);
}

static void the_article_is_read(void **state) {
    (void)state;
    const struct scenario *s =
        read_one("defaults:\n"
                 "  within: 2s\n"
                 "  ignore: { regex: \"^hello world [0-9]+$\" }\n"
                 "scenarios:\n"
                 "  - name: request, no response\n"
                 "    steps:\n"
                 "      - send: please ignore me\n"
                 "      - silence: 1s\n"
                 "  - name: the same for everybody\n"
                 "    clients: [alice, bob]\n"
                 "    ignore: []\n"
                 "    steps:\n"
                 "      - all:\n"
                 "          - await: { regex: \"^hello world (?<k>[0-9]+)$\", within: 6s }\n"
                 "      - check: ${alice.k} == ${bob.k}\n");
    assert_int_equal(rig.suite->count, 2);
    assert_string_equal(s->name, "request, no response");
    assert_int_equal(s->node->line, 5);
    assert_int_equal(s->client_count, 1);
    assert_string_equal(s->clients[0].name, "client");
    assert_false(s->clients[0].connects_itself);
    assert_int_equal(s->settings.within_ms, 2000);
    assert_int_equal(s->settings.ignore_count, 1);
    assert_int_equal(s->steps.count, 2);
    assert_int_equal(s->steps.items[0].verb, STEP_SEND);
    assert_int_equal(s->steps.items[0].actor, 0);
    assert_int_equal(s->steps.items[0].node->line, 7);
    assert_int_equal(s->steps.items[1].verb, STEP_SILENCE);
    assert_int_equal(s->steps.items[1].silence_ms, 1000);

    s = &rig.suite->scenarios[1];
    assert_int_equal(s->client_count, 2);
    assert_int_equal(s->settings.ignore_count, 0);
    const struct step *all = &s->steps.items[0];
    assert_int_equal(all->verb, STEP_ALL);
    assert_null(all->all.actors);
    assert_int_equal(all->all.steps.count, 1);
    assert_int_equal(all->all.steps.items[0].actor, STEP_EACH);
    assert_int_equal(all->all.steps.items[0].within_ms, 6000);
    assert_int_equal(s->steps.items[1].verb, STEP_CHECK);
    assert_int_equal(s->steps.items[1].actor, STEP_NOBODY);
}

static void a_scenario_says_its_own_instead_of_the_defaults(void **state) {
    (void)state;
    const struct scenario *s = read_one("defaults: { url: /a, within: 1s, ignore: [x, y],\n"
                                        "  headers: { a: b }, protocols: [p, q] }\n"
                                        "scenarios:\n"
                                        "- name: one\n"
                                        "  url: /b\n"
                                        "  within: 3s\n"
                                        "  headers: [\"X-One: 1\", \"X-Two:2\"]\n"
                                        "  protocols: r\n"
                                        "  ignore: z\n"
                                        "  vars: { who: me }\n"
                                        "  skip: not now\n"
                                        "  steps: [log: x]\n"
                                        "- name: two\n"
                                        "  steps: [log: x]\n");
    assert_literal(s->settings.wish.url, "/b");
    assert_int_equal(s->settings.within_ms, 3000);
    assert_int_equal(s->settings.ignore_count, 1);
    assert_int_equal(s->settings.wish.header_count, 2);
    assert_string_equal(s->settings.wish.headers[0].name, "X-One");
    assert_literal(s->settings.wish.headers[0].value, "1");
    assert_literal(s->settings.wish.headers[1].value, "2");
    assert_string_equal(s->settings.wish.protocols[0], "r");
    assert_null(s->settings.wish.protocols[1]);
    assert_int_equal(s->vars.count, 1);
    assert_string_equal(s->skip, "not now");
    s = &rig.suite->scenarios[1];
    assert_null(s->settings.wish.url);
    assert_int_equal(s->settings.within_ms, 1000);
    assert_int_equal(s->settings.ignore_count, 2);
    assert_null(s->skip);
    assert_literal(rig.suite->defaults.wish.headers[0].value, "b");
    assert_string_equal(rig.suite->defaults.wish.protocols[1], "q");
}

static void clients_may_say_where_they_connect_to(void **state) {
    (void)state;
    const struct scenario *s = read_one("scenarios:\n"
                                        "- name: one\n"
                                        "  clients:\n"
                                        "    alice: { url: /a, headers: { x: y }, protocols: p }\n"
                                        "    bob:\n"
                                        "  steps: [log: x]\n");
    assert_int_equal(s->client_count, 2);
    assert_string_equal(s->client_names[1], "bob");
    assert_null(s->client_names[2]);
    assert_literal(s->clients[0].wish.url, "/a");
    assert_true(s->clients[0].wish.says_headers);
    assert_null(s->clients[1].wish.url);
    assert_false(s->clients[1].wish.says_headers);
}

static void who_begins_with_a_connect_is_not_connected_before(void **state) {
    (void)state;
    const struct scenario *s = read_one("scenarios:\n"
                                        "- name: one\n"
                                        "  clients: [a, b, c, d]\n"
                                        "  steps:\n"
                                        "  - { send: x, as: a }\n"
                                        "  - log: y\n"
                                        "  - { connect: /x, as: [b, c] }\n"
                                        "  - { connect: , as: a }\n"
                                        "  - all: [ { log: z }, connect ]\n");
    assert_false(s->clients[0].connects_itself);
    assert_true(s->clients[1].connects_itself);
    assert_true(s->clients[2].connects_itself);
    assert_true(s->clients[3].connects_itself);
}

/* ---- steps ---- */

static void every_verb_is_read(void **state) {
    (void)state;
    const struct steps *steps = read_steps(
        "  - { as: alice, connect: { url: /x, expect_status: 401, within: 1s } }\n"
        "  - { as: alice, send: [a, b] }\n"
        "  - { as: alice, expect: a, within: 2s, save: { v: $.a } }\n"
        "  - { as: alice, await: { contains: b, save: { w: $.a, z: '$[0]' }, within: 3s } }\n"
        "  - { as: alice, silence: 20ms }\n"
        "  - { as: alice, unordered: [a, { contains: b, save: { u: $.u } }] }\n"
        "  - { as: alice, expect_close: { code: 1006, reason: x, by: server, within: 4s } }\n"
        "  - { as: alice, close: { code: 4000, reason: bye } }\n"
        "  - { as: alice, ping: data }\n"
        "  - { as: alice, reset: }\n"
        "  - wait: 20ms..80ms\n"
        "  - barrier: here\n"
        "  - log: ${v}\n"
        "  - set: { x: 1, y: 2 }\n"
        "  - check: ${x} < ${y}\n"
        "  - fault: { enable: [a, b], disable: c }\n"
        "  - verify: { received: x, times: 2 }\n"
        "  - all: [ { send: x } ]\n");
    const struct step *s = steps->items;
    assert_int_equal(steps->count, STEP_VERBS);
    for (size_t i = 0; i < steps->count; i++) {
        assert_int_equal(s[i].verb, i);
        assert_int_equal(s[i].node->line, 5 + i);
        assert_int_equal(s[i].actor, i < STEP_WAIT ? 0 : STEP_NOBODY);
    }
    assert_literal(s[STEP_CONNECT].connect.wish.url, "/x");
    assert_int_equal(s[STEP_CONNECT].connect.status, 401);
    assert_int_equal(s[STEP_CONNECT].within_ms, 1000);
    assert_int_equal(s[STEP_SEND].send.count, 2);
    assert_int_equal(s[STEP_EXPECT].within_ms, 2000);
    assert_int_equal(s[STEP_EXPECT].expect.save_count, 1);
    assert_int_equal(s[STEP_AWAIT].within_ms, 3000);
    assert_int_equal(s[STEP_AWAIT].expect.save_count, 2);
    assert_int_equal(s[STEP_SILENCE].silence_ms, 20);
    assert_int_equal(s[STEP_UNORDERED].unordered.count, 2);
    assert_int_equal(s[STEP_UNORDERED].unordered.items[1].save_count, 1);
    const struct expected_close *close = &s[STEP_EXPECT_CLOSE].expect_close;
    assert_true(close->has_code && close->code == 1006);
    assert_non_null(close->reason);
    assert_true(close->has_closer && close->closer == CONN_CLOSED_BY_PEER);
    assert_int_equal(s[STEP_EXPECT_CLOSE].within_ms, 4000);
    assert_int_equal(s[STEP_CLOSE].close.code, 4000);
    assert_literal(s[STEP_CLOSE].close.reason, "bye");
    assert_literal(s[STEP_PING].ping, "data");
    assert_int_equal(s[STEP_WAIT].wait.min_ms, 20);
    assert_int_equal(s[STEP_WAIT].wait.max_ms, 80);
    assert_int_equal(s[STEP_SET].set.count, 2);
    assert_string_equal(s[STEP_FAULT].fault.enable[1], "b");
    assert_string_equal(s[STEP_FAULT].fault.disable[0], "c");
    assert_true(s[STEP_VERIFY].verify.has_times);
    assert_int_equal(s[STEP_VERIFY].verify.times, 2);
}

static void a_verb_that_needs_no_more_may_stand_alone(void **state) {
    (void)state;
    const struct scenario *s = read_one("scenarios:\n"
                                        "- name: one\n"
                                        "  steps: [connect, ping, barrier, close, expect_close,\n"
                                        "          connect, reset, { close: 4001 },\n"
                                        "          { expect_close: 4001 }, { connect: /y }]\n");
    const enum step_verb verbs[] = {STEP_CONNECT,      STEP_PING,    STEP_BARRIER, STEP_CLOSE,
                                    STEP_EXPECT_CLOSE, STEP_CONNECT, STEP_RESET,   STEP_CLOSE,
                                    STEP_EXPECT_CLOSE, STEP_CONNECT};
    assert_int_equal(s->steps.count, sizeof verbs / sizeof *verbs);
    for (size_t i = 0; i < s->steps.count; i++) {
        assert_int_equal(s->steps.items[i].verb, verbs[i]);
    }
    assert_int_equal(s->steps.items[3].close.code, 1000);
    assert_false(s->steps.items[4].expect_close.has_code);
    assert_int_equal(s->steps.items[6].node->line, 4);
    assert_int_equal(s->steps.items[7].close.code, 4001);
    assert_int_equal(s->steps.items[8].expect_close.code, 4001);
    assert_literal(s->steps.items[9].connect.wish.url, "/y");
}

static void several_clients_do_a_step_side_by_side(void **state) {
    (void)state;
    const struct steps *steps = read_steps("  - { send: x, as: [bob, alice] }\n");
    const struct step *s = &steps->items[0];
    assert_int_equal(s->verb, STEP_ALL);
    assert_int_equal(s->all.actor_count, 2);
    assert_int_equal(s->all.actors[0], 1);
    assert_int_equal(s->all.actors[1], 0);
    assert_int_equal(s->all.steps.items[0].verb, STEP_SEND);
    assert_int_equal(s->all.steps.items[0].actor, STEP_EACH);
}

static void a_step_says_what_it_does(void **state) {
    (void)state;
    struct bytes out = BYTES_INIT;
    const struct steps *steps =
        read_steps("  - { as: alice, expect_close: { code: 1001, by: server } }\n"
                   "  - { as: alice, silence: 1500ms }\n");
    assert_int_equal(step_describe(&steps->items[0], &out), TB_OK);
    assert_int_equal(bytes_append_str(&out, "; "), TB_OK);
    assert_int_equal(step_describe(&steps->items[1], &out), TB_OK);
    assert_int_equal(bytes_append(&out, "", 1), TB_OK);
    assert_string_equal(out.data, "expect_close 1001 by the server; silence for 1.5 s");
    bytes_release(&out);
}

/* ---- what is refused ---- */

static void a_scenario_wants_a_name_of_its_own(void **state) {
    (void)state;
    assert_refused("scenarios:\n- steps: [log: x]\n", "2:3", "name");
    assert_refused("scenarios:\n- name: ''\n  steps: [log: x]\n", "2:9",
                   "a scenario's name is missing");
    assert_refused("scenarios:\n- { name: b, steps: [log: x] }\n- { name: a, steps: [log: x] }\n"
                   "- { name: b, steps: [log: x] }\n",
                   "4:11", "a scenario of the name 'b' is there already, on line 2");
    assert_refused("scenarios:\n- name: x\n", "2:3", "steps");
    assert_refused("scenarios:\n- { name: x, step: [] }\n", "2:14", "steps");
    assert_refused("scenarios: x\n", "1:12", "scenarios");
    assert_refused("scenarios:\n- x\n", "2:3", "");
}

static void no_matcher_looks_at_a_handshake(void **state) {
    (void)state;
    static const char *const heads[] = {"header: { a: b }", "query: { a: b }", "path: /a"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        char text[256];
        snprintf(text, sizeof text, "defaults: { ignore: { %s } }\n", heads[i]);
        assert_refused(text, "1:23", "no handshake to look at");
        snprintf(text, sizeof text, "  - { as: bob, expect: { not: { %s } } }\n", heads[i]);
        assert_steps_refused(text, "5:33", "no handshake to look at");
        snprintf(text, sizeof text, "  - verify: { received: { %s } }\n", heads[i]);
        assert_steps_refused(text, "5:27", "rules, faults and handshake");
    }
}

static void a_scenario_does_something(void **state) {
    (void)state;
    assert_refused("scenarios:\n- name: a\n  steps: []\n", "3:10",
                   "a scenario has one step at least");
}

static void a_reason_to_skip_is_no_switch(void **state) {
    (void)state;
    assert_refused("scenarios:\n- { name: a, skip: no, steps: [log: x] }\n", "2:20",
                   "'skip' is a reason; leave it out");
    assert_refused("scenarios:\n- { name: a, skip: False, steps: [log: x] }\n", "2:20",
                   "'skip' is a reason; leave it out");
    assert_string_equal(read_one("scenarios:\n- { name: a, skip: 'no', steps: [log: x] }\n")->skip,
                        "no");
    assert_string_equal(
        read_one("scenarios:\n- { name: a, skip: no server, steps: [log: x] }\n")->skip,
        "no server");
}

static void limits_are_more_than_nothing(void **state) {
    (void)state;
    assert_refused("defaults: { within: 0s }\n", "1:21", "at least 1ms");
    assert_refused("defaults: { within: soon }\n", "1:21", "soon");
    assert_steps_refused("  - { as: bob, silence: 0 }\n", "5:25", "at least 1ms");
}

static void what_a_client_is_called_is_looked_at(void **state) {
    (void)state;
#define CLIENTS(list) "scenarios:\n- name: x\n  clients: " list "\n  steps: [log: x]\n"
    assert_refused(CLIENTS("[]"), "3:12", "1 to 1000 clients, and here are 0");
    assert_refused(CLIENTS("[a, b, a]"), "3:19", "the client 'a' is there twice");
    assert_refused(CLIENTS("[a-b]"), "3:13", "'a-b' cannot be a client's name");
    assert_refused(CLIENTS("[json]"), "3:13", "'json' cannot be a client's name: in a template");
    assert_refused(CLIENTS("{ a: { uri: x } }"), "3:19", "url");
    assert_refused(CLIENTS("[[a]]"), "3:13", "a client's name");
#undef CLIENTS
}

static void who_acts_must_be_clear(void **state) {
    (void)state;
    assert_steps_refused("  - { as: alcie, send: x }\n", "5:11",
                         "the scenario has no client 'alcie'; did you mean 'alice'?");
    assert_steps_refused("  - send: x\n", "5:5", "which client? Say 'as: NAME' (alice, bob)");
    assert_steps_refused("  - all: [ { send: x, as: bob } ]\n", "5:27", "'as' has no place here");
    assert_steps_refused("  - { barrier: , as: bob }\n", "5:22", "'barrier' is everybody's");
    assert_steps_refused("  - { send: x, as: [bob, bob] }\n", "5:26", "'bob' stands here twice");
    assert_steps_refused("  - { send: x, as: [] }\n", "5:20", "'as' names nobody");
    assert_steps_refused("  - all: [ { all: [] } ]\n", "5:14", "'all' cannot stand in 'all'");
}

static void a_step_does_one_thing(void **state) {
    (void)state;
    assert_steps_refused("  - { as: bob }\n", "5:5", "this step does nothing: it wants one of");
    assert_steps_refused("  - { as: bob, send: x, expect: y }\n", "5:25",
                         "'send' and 'expect' are two");
    assert_steps_refused("  - { as: bob, exepct: y }\n", "5:16", "expect");
    assert_steps_refused("  - clsoe\n", "5:5", "close");
    assert_steps_refused("  - { as: bob, send: x, within: 1s }\n", "5:33",
                         "'send' waits for nothing");
    assert_steps_refused("  - { as: bob, send: x, save: { a: $.a } }\n", "5:31",
                         "'save' goes with 'expect' and 'await'");
    assert_steps_refused("  - { as: bob, expect: { text: x, within: 1s }, within: 1s }\n", "5:57",
                         "stands in the 'expect' already");
    assert_steps_refused(
        "  - { as: bob, expect: { text: x, save: { a: $.a } }, save: { b: $.b } }\n", "5:61",
        "stands in the 'expect' already");
}

static void what_a_verb_takes_is_looked_at(void **state) {
    (void)state;
    assert_steps_refused("  - { as: bob, expect: { txet: x } }\n", "5:26", "text");
    assert_steps_refused("  - { as: bob, expect: { text: x, save: { a: '$.x[' } } }\n", "5:51",
                         "bad path");
    assert_steps_refused("  - { as: bob, unordered: [] }\n", "5:27", "1 to 256 matchers");
    assert_steps_refused("  - { as: bob, unordered: x }\n", "5:27", "list");
    assert_steps_refused("  - { as: bob, connect: { expect_status: 42 } }\n", "5:42", "101");
    assert_steps_refused("  - { as: bob, expect_close: { by: me } }\n", "5:36", "client");
    assert_steps_refused("  - { as: bob, close: 1006 }\n", "5:23", "1006");
    assert_steps_refused("  - { as: bob, close: { reasn: x } }\n", "5:25", "reason");
    assert_steps_refused("  - { as: bob, reset: no }\n", "5:23", "does nothing");
    assert_steps_refused("  - fault: { }\n", "5:12", "enable");
    assert_steps_refused("  - verify: { times: 1 }\n", "5:13", "received");
    assert_steps_refused("  - set: x\n", "5:10", "variables are a mapping");
    assert_steps_refused("  - set: { json: x }\n", "5:12", "json");
    assert_steps_refused("  - log: ${nobody}\n", "5:12", "nobody");
}

static void a_ping_and_a_reason_have_little_room(void **state) {
    (void)state;
    char steps[512];
    char long_text[160];
    memset(long_text, 'x', 126);
    long_text[126] = '\0';
    snprintf(steps, sizeof steps, "  - { as: bob, ping: %s }\n", long_text);
    assert_steps_refused(steps, "5:22", "at most 125 bytes, and this has 126");
    long_text[124] = '\0';
    snprintf(steps, sizeof steps, "  - { as: bob, close: { reason: %s } }\n", long_text);
    assert_steps_refused(steps, "5:33", "at most 123 bytes, and this has 124");
}

static void headers_and_subprotocols_must_be_some(void **state) {
    (void)state;
    assert_refused("defaults: { headers: { \"a b\": c } }\n", "1:24", "'a b' cannot be the name");
    assert_refused("defaults: { headers: [a] }\n", "1:23", "here is no colon");
    assert_refused("defaults: { headers: x }\n", "1:22", "headers are a mapping");
    assert_refused("defaults: { protocols: [\"a b\"] }\n", "1:25", "'a b' cannot be the name");
    assert_refused("defaults: { url: }\n", "1:18", "a URL is missing here");
}

/* ---- without memory ---- */

static void a_failed_allocation_is_no_suite(void **state) {
    (void)state;
    unsigned n = 0;
    int err = TB_OK;
    do {
        suite_rig_release(&rig);
        fail_alloc_at(n);
        err =
            suite_rig_read(&rig, "defaults: { headers: { a: b }, ignore: [x] }\n"
                                 "scenarios:\n"
                                 "- name: x\n"
                                 "  clients: [a, b]\n"
                                 "  vars: { v: 1 }\n"
                                 "  steps:\n"
                                 "  - { send: x, as: [a, b] }\n"
                                 "  - { await: { text: y, within: 1s, save: { s: $.a } }, as: a }\n"
                                 "  - { unordered: [x, y], as: b }\n");
        fail_alloc_off();
        assert_true(err == TB_OK || err == TB_ENOMEM);
        assert_true(err == TB_ENOMEM || n + 1 >= alloc_count());
    } while (n++ < alloc_count());
    assert_int_equal(err, TB_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_file_without_scenarios_has_none_and_its_waits_have_a_limit),
        TEST(the_article_is_read),
        TEST(a_scenario_says_its_own_instead_of_the_defaults),
        TEST(clients_may_say_where_they_connect_to),
        TEST(who_begins_with_a_connect_is_not_connected_before),
        TEST(every_verb_is_read),
        TEST(a_verb_that_needs_no_more_may_stand_alone),
        TEST(several_clients_do_a_step_side_by_side),
        TEST(a_step_says_what_it_does),
        TEST(a_scenario_wants_a_name_of_its_own),
        TEST(no_matcher_looks_at_a_handshake),
        TEST(a_scenario_does_something),
        TEST(a_reason_to_skip_is_no_switch),
        TEST(limits_are_more_than_nothing),
        TEST(what_a_client_is_called_is_looked_at),
        TEST(who_acts_must_be_clear),
        TEST(a_step_does_one_thing),
        TEST(what_a_verb_takes_is_looked_at),
        TEST(a_ping_and_a_reason_have_little_room),
        TEST(headers_and_subprotocols_must_be_some),
        TEST(a_failed_allocation_is_no_suite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
