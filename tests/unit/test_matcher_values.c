/* How values in JSON and in a handshake are matched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"
#include "match_rig.h"

/* ---- JSON ---- */

static void scalars_are_strings_numbers_and_words(void **state) {
    (void)state;
    static const struct rig_row rows[] = {
        {"{ json: { $.a: x } }", "{\"a\":\"x\"}", true},
        {"{ json: { $.a: x } }", "{\"a\":\"y\"}", false},
        {"{ json: { $.a: x } }", "{\"b\":\"x\"}", false},
        {"{ json: { $.a: 'a\"b' } }", "{\"a\":\"a\\\"b\"}", true},
        {"{ json: { $.a: ü } }", "{\"a\":\"\\u00fc\"}", true},
        {"{ json: { $.a: 1 } }", "{\"a\":1}", true},
        {"{ json: { $.a: 1 } }", "{\"a\":\"1\"}", true},
        {"{ json: { $.a: 1 } }", "{\"a\":1.0}", true},
        {"{ json: { $.a: 1e2 } }", "{\"a\":100}", true},
        {"{ json: { $.a: 100 } }", "{\"a\":1.00E+2}", true},
        {"{ json: { $.a: 0.5 } }", "{\"a\":5e-1}", true},
        {"{ json: { $.a: -0 } }", "{\"a\":0.0}", true},
        {"{ json: { $.a: 2 } }", "{\"a\":1}", false},
        {"{ json: { $.a: -1 } }", "{\"a\":1}", false},
        {"{ json: { $.a: 12345678901234567890 } }", "{\"a\":12345678901234567891}", false},
        {"{ json: { $.a: 12345678901234567890 } }", "{\"a\":12345678901234567890}", true},
        {"{ json: { $.a: '01' } }", "{\"a\":1}", false},
        {"{ json: { $.a: ' 1' } }", "{\"a\":1}", false},
        {"{ json: { $.a: 'true' } }", "{\"a\":true}", true},
        {"{ json: { $.a: 'yes' } }", "{\"a\":true}", false},
        {"{ json: { $.a: 'false' } }", "{\"a\":false}", true},
        {"{ json: { $.a: 'null' } }", "{\"a\":null}", true},
        {"{ json: { $.a: '' } }", "{\"a\":null}", false},
        {"{ json: { $.a: '' } }", "{\"a\":\"\"}", true},
        {"{ json: { $.a: '{}' } }", "{\"a\":{}}", false},
        {"{ json: { $.a: '[]' } }", "{\"a\":[]}", false},
        {"{ json: { $.a: '${known}' } }", "{\"a\":42}", true},
        {"{ json: { $.a: '${unset}' } }", "{\"a\":\"\"}", false},
        {"{ json: { $: 5 } }", "5", true},
        {"{ json: { $.a: 1, $.b: 2 } }", "{\"a\":1,\"b\":2}", true},
        {"{ json: { $.a: 1, $.b: 2 } }", "{\"a\":1,\"b\":3}", false},
    };
    RIG_CHECK(rows);
}

static void values_may_be_looked_at_closer(void **state) {
    (void)state;
    static const struct rig_row rows[] = {
        {"{ json: { $.a: { contains: y } } }", "{\"a\":\"xyz\"}", true},
        {"{ json: { $.a: { contains: q } } }", "{\"a\":\"xyz\"}", false},
        {"{ json: { $.a: { contains: '\"' } } }", "{\"a\":\"xyz\"}", false},
        {"{ json: { $.a: { contains: '\"' } } }", "{\"a\":\"x\\\"z\"}", true},
        {"{ json: { $.a: { starts: x, ends: z } } }", "{\"a\":\"xyz\"}", true},
        {"{ json: { $.a: { regex: '^1\\.\\d$' } } }", "{\"a\":1.5}", true},
        {"{ json: { $.a: { starts: '{' } } }", "{\"a\":{\"b\":1}}", true},
        {"{ json: { $.a: { text: x } } }", "{\"a\":\"x\"}", true},
        {"{ json: { $.a: { not: x } } }", "{\"a\":\"y\"}", true},
        {"{ json: { $.a: { not: x } } }", "{\"a\":\"x\"}", false},
        {"{ json: { $.a: { not: x } } }", "{\"b\":\"y\"}", false},
        {"{ json: { $.a: { any: [ x, { starts: y } ] } } }", "{\"a\":\"yy\"}", true},
        {"{ json: { $.a: { any: [ x, { starts: y } ] } } }", "{\"a\":\"z\"}", false},
        {"{ json: { $.a: { all: [ { starts: x }, { ends: y } ] } } }", "{\"a\":\"xy\"}", true},
        {"{ json: { $.a: {} } }", "{\"a\":null}", true},
        {"{ json: { $.a: {} } }", "{}", false},
    };
    RIG_CHECK(rows);
}

static void what_exists_is_asked(void **state) {
    (void)state;
    static const struct rig_row rows[] = {
        {"{ json: { $.a: { exists: yes } } }", "{\"a\":null}", true},
        {"{ json: { $.a: { exists: yes } } }", "{\"b\":null}", false},
        {"{ json: { $.a: { exists: no } } }", "{\"b\":null}", true},
        {"{ json: { $.a: { exists: no } } }", "{\"a\":null}", false},
        {"{ json: { $.a: { exists: no } } }", "no JSON", false},
        {"{ json: { $.a: { any: [ { exists: no }, x ] } } }", "{}", true},
        {"{ json: { $.a: { any: [ { exists: no }, x ] } } }", "{\"a\":\"x\"}", true},
        {"{ json: { $.a: { any: [ { exists: no }, x ] } } }", "{\"a\":\"y\"}", false},
        {"{ json: { $.a: { not: { exists: yes } } } }", "{}", true},
        {"{ json: { '$.a[*]': { exists: no } } }", "{\"a\":[]}", true},
        {"{ json: {} }", "[]", true},
        {"{ json: {} }", "[", false},
    };
    RIG_CHECK(rows);
}

static void any_of_several_values_will_do(void **state) {
    (void)state;
    static const struct rig_row rows[] = {
        {"{ json: { '$.a[*].k': 2 } }", "{\"a\":[{\"k\":1},{\"k\":2}]}", true},
        {"{ json: { '$.a[*].k': 3 } }", "{\"a\":[{\"k\":1},{\"k\":2}]}", false},
        {"{ json: { '$.a[*]': { not: 1 } } }", "{\"a\":[1,2]}", true},
        {"{ json: { '$.a[*]': { not: 1 } } }", "{\"a\":[1,1]}", false},
        {"{ json: { '$.a[-1]': 2 } }", "{\"a\":[1,2]}", true},
        {"{ not: { json: { '$.a[*]': 1 } } }", "{\"a\":[2,3]}", true},
        {"{ not: { json: { '$.a[*]': 1 } } }", "no JSON", true},
    };
    RIG_CHECK(rows);
}

static void groups_catch_what_json_means(void **state) {
    (void)state;
    rig_wants("{ json: { '$.a[*]': { regex: 'n=(?<num>.+);' }, $.b: { regex: '(?<b>\\d+)' } } }");
    rig_text("{\"a\":[\"m\\t=1;\",\"n=\\u00fc\\\\;\"],\"b\":17}");
    assert_true(rig_matches());
    assert_string_equal(rig_caught("num"), "ü\\");
    assert_string_equal(rig_caught("b"), "17");
}

static void a_binary_message_may_be_json(void **state) {
    (void)state;
    rig_wants("{ json: { $.a: 1 } }");
    rig_say(MESSAGE_BINARY, "{\"a\":1}", 7);
    assert_true(rig_matches());
}

/* ---- the handshake ---- */

static bool takes(const char *matcher) {
    if (rig_read_handshake(matcher) != TB_OK) {
        fail_msg("%s: %s", matcher, (const char *)rig.complaint.data);
    }
    rig.scope.message = NULL;
    return rig_matches();
}

static void handshakes_are_known_by_their_values(void **state) {
    (void)state;
    rig_request("/feed/a%20b?room=x+y%21&k", "Host: h\r\nX-List: 1\r\nAuth: Bearer 42\r\n"
                                             "x-list: 2\r\n");
    assert_true(takes("{ header: { AUTH: 'Bearer ${known}' } }"));
    assert_false(takes("{ header: { auth: bearer 42 } }"));
    assert_true(takes("{ header: { auth: { starts: Bearer } } }"));
    assert_true(takes("{ header: { x-list: '1, 2' } }"));
    assert_true(takes("{ query: { room: x y! } }"));
    assert_true(takes("{ query: { k: '' } }"));
    assert_true(takes("{ path: /feed/a%20b }"));
    assert_true(takes("{ path: { regex: '^/feed/(?<x>.*)$' } }"));
    assert_string_equal(rig_caught("x"), "a%20b");
    assert_false(takes("{ path: /feed }"));
    assert_true(
        takes("{ header: { host: h, auth: { contains: 42 } }, query: { room: { not: z } } }"));
    assert_true(takes("{ any: [ { path: /x }, { not: { path: /y } } ] }"));
    assert_true(takes("{}"));
}

static void what_is_absent_matches_only_not(void **state) {
    (void)state;
    rig_request("/", "Host: h\r\n");
    assert_false(takes("{ header: { a: '' } }"));
    assert_false(takes("{ header: { a: { contains: '' } } }"));
    assert_false(takes("{ header: { a: { regex: '' } } }"));
    assert_false(takes("{ header: { a: {} } }"));
    assert_true(takes("{ header: { a: { not: x } } }"));
    assert_true(takes("{ header: { a: { exists: no } } }"));
    assert_false(takes("{ header: { a: { exists: yes } } }"));
    assert_true(takes("{ query: { a: { not: x } } }"));
    assert_true(takes("{ query: { a: { exists: no } } }"));
    rig.peer.head = NULL;
    assert_false(takes("{ path: / }"));
    assert_true(takes("{ path: { not: / } }"));
    rig.scope.peer = NULL;
    assert_true(takes("{ header: { a: { exists: no } } }"));
}

static void messages_may_ask_for_the_handshake(void **state) {
    (void)state;
    rig_request("/", "Host: h\r\n");
    rig_wants("{ contains: a, header: { host: { regex: '(?<h>.)' } } }");
    rig_text("a");
    assert_true(rig_matches());
    assert_string_equal(rig_caught("h"), "h");
    rig_text("b");
    assert_false(rig_matches());
}

/* A request is kept for those who look at it once it is answered. */
static void only_messages_need_the_request_to_be_kept(void **state) {
    (void)state;
    static const char *const looks[] = {"{ header: { a: x } }", "{ query: { a: x } }",
                                        "{ any: [ { path: /a } ] }"};
    for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++) {
        rig.reader.reads_head = false;
        assert_int_equal(rig_read_handshake(looks[i]), TB_OK);
        assert_false(rig.reader.reads_head);
        rig_wants(looks[i]);
        assert_true(rig.reader.reads_head);
    }
}

static void without_a_message_nothing_is_said_of_one(void **state) {
    (void)state;
    rig_wants("{ any: [ hi, { contains: '' }, { size: 0 }, { from: client }, { type: text }, "
              "{ json: {} }, { binary: '' } ] }");
    rig.scope.message = NULL;
    assert_false(rig_matches());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        RIG_TEST(scalars_are_strings_numbers_and_words),
        RIG_TEST(values_may_be_looked_at_closer),
        RIG_TEST(what_exists_is_asked),
        RIG_TEST(any_of_several_values_will_do),
        RIG_TEST(groups_catch_what_json_means),
        RIG_TEST(a_binary_message_may_be_json),
        RIG_TEST(handshakes_are_known_by_their_values),
        RIG_TEST(what_is_absent_matches_only_not),
        RIG_TEST(messages_may_ask_for_the_handshake),
        RIG_TEST(only_messages_need_the_request_to_be_kept),
        RIG_TEST(without_a_message_nothing_is_said_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
