/* What a matcher says of itself, why a message does not match, and how near it came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "match_rig.h"

struct words {
    const char *matcher;
    const char *words;
};

static void a_matcher_describes_itself(void **state) {
    (void)state;
    static const struct words rows[] = {
        {"hi", "the text \"hi\""},
        {"'a\tb'", "the text \"a\\tb\""},
        {"{ text: hi }", "the text \"hi\""},
        {"{ text: hi, size: 2 }", "the text \"hi\" of 2 bytes"},
        {"{ type: ping, text: hi }", "a ping that is \"hi\""},
        {"{ contains: double }", "a text with 'double' in it"},
        {"{ contains: '${known}' }", "a text with '${known}' in it"},
        {"{ starts: a, ends: b }", "a text that begins with 'a', that ends with 'b'"},
        {"{ regex: '^a$' }", "a text that matches /^a$/"},
        {"{ binary: 'ca ..' }", "a binary message of the bytes ca .."},
        {"{ type: [ ping, pong ] }", "a ping or a pong"},
        {"{ size: 1 }", "a message of 1 byte"},
        {"{ size: 0..125 }", "a message of 0..125 bytes"},
        {"{}", "a message"},
        {"{ from: server, chance: 0.5%, times: 1 }",
         "a message from the server, in 0.5 % of the cases, the first time"},
        {"{ times: 3 }", "a message the first 3 times"},
        {"{ not: hi }", "a message but not the text \"hi\""},
        {"{ any: [ hi, { contains: a } ] }",
         "a message that is either the text \"hi\" or a text with 'a' in it"},
        {"{ all: [ hi, { contains: a } ] }",
         "a message that is the text \"hi\" and a text with 'a' in it"},
        {"{ json: {} }", "a text that is JSON"},
        {"{ json: { $.type: sub, $.n: { exists: no } } }",
         "a text where $.type is \"sub\", where $.n is missing"},
        {"{ json: { $.a: { any: [ x, { starts: y } ], not: z, ends: e } } }",
         "a text where $.a either is \"x\" or begins with 'y' and is not \"z\" and ends with 'e'"},
        {"{ json: { $.a: { not: { contains: z } } } }",
         "a text where $.a is none that has 'z' in it"},
        {"{ json: { $.a: {} } }", "a text where $.a is there"},
        {"{ json: { $.a: 7, $.b: 'null', $.c: { not: 1.50 }, $.d: '01', $.e: 'it is 1' } }",
         "a text where $.a is 7, where $.b is null, where $.c is not 1.50, where $.d is \"01\", "
         "where $.e is \"it is 1\""},
        {"{ header: { auth: x }, query: { q: { regex: y } }, path: { exists: yes } }",
         "a message where the header 'auth' is \"x\", where the query's 'q' matches /y/, where "
         "the path is there"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rig_wants(rows[i].matcher);
        assert_string_equal(rig_describes(), rows[i].words);
    }
    assert_int_equal(rig_read_handshake("{ path: { starts: /a } }"), TB_OK);
    assert_string_equal(rig_describes(), "a handshake where the path begins with '/a'");
}

struct why_row {
    const char *matcher;
    const char *message;
    const char *why;
};

static void check_why(const struct why_row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        rig_wants(rows[i].matcher);
        rig_text(rows[i].message);
        assert_string_equal(rig_why(), rows[i].why);
    }
}
#define CHECK_WHY(rows) check_why(rows, sizeof(rows) / sizeof *(rows))

static void the_first_thing_that_does_not_hold_is_told(void **state) {
    (void)state;
    static const struct why_row rows[] = {
        {"ho", "hi", "it is \"hi\", not \"ho\""},
        {"ho", "h\x1b[1mi", "it is \"h\\x1b[1mi\", not \"ho\""},
        {"ho", "", "it is \"\", not \"ho\""},
        {"{ contains: double }", "hi", "it has no 'double' in it"},
        {"{ starts: '${known}' }", "hi", "it does not begin with '42'"},
        {"{ ends: o }", "hi", "it does not end with 'o'"},
        {"{ regex: '^o' }", "hi", "it does not match /^o/"},
        {"{ contains: '${unset}' }", "hi", "the variable 'unset' has no value"},
        {"{ starts: h, ends: o }", "hi", "it does not end with 'o'"},
        {"{ size: 0..125 }", "", "it matches"},
        {"{ size: 2..125 }", "a", "it is 1 byte, not 2..125"},
        {"{ size: 1 }", "ab", "it is 2 bytes, not 1"},
        {"{ binary: ca }", "ab", "it is text, not binary"},
        {"{ type: ping }", "ab", "it is text, not a ping"},
        {"{ type: [ binary, ping ] }", "ab", "it is text, not binary or a ping"},
        {"{ from: server }", "ab", "it is from the client, not the server"},
        {"{ not: hi }", "hi", "it is the text \"hi\", and must not be"},
        {"{ any: [ abcd, xyz ] }", "abce",
         "none of 2 holds; of the nearest, it is \"abce\", not \"abcd\""},
        {"{ any: [ abcd ] }", "abce", "it is \"abce\", not \"abcd\""},
        {"{ any: [] }", "abce", "'any' has nothing in it"},
        {"{ all: [ { starts: a }, { starts: b } ] }", "abce", "it does not begin with 'b'"},
    };
    CHECK_WHY(rows);
}

static void what_is_wrong_with_json_is_told(void **state) {
    (void)state;
    static const struct why_row rows[] = {
        {"{ json: { $.a: 1 } }", "{\"a\":x}", "it is not JSON (at character 6)"},
        {"{ json: { $.a: 1 } }", "üx", "it is not JSON (at character 1)"},
        {"{ json: { $.a: 1 } }", "{\"a\":1", "it is not JSON: it ends too early"},
        {"{ json: { $.a: 1 } }", "", "it is empty, not JSON"},
        {"{ json: {} }", "{} x", "it is not JSON (at character 4)"},
        {"{ json: { $.type: subscribe } }", "{\"type\":\"sub\"}",
         "$.type is \"sub\", not \"subscribe\""},
        {"{ json: { $.id: 5 } }", "{\"id\":7}", "$.id is 7, not 5"},
        {"{ json: { $.id: 5 } }", "{\"id\":{\"x\":1}}", "$.id is {\"x\":1}, not 5"},
        {"{ json: { $.id: 5 } }", "{}", "$.id is missing"},
        {"{ json: { $.id: { exists: no } } }", "{\"id\":7}", "$.id is there"},
        {"{ json: { $.id: { contains: 9 } } }", "{\"id\":\"a\\tb\"}",
         "$.id is \"a\\tb\", which has no '9' in it"},
        {"{ json: { $.id: { not: 7 } } }", "{\"id\":7}", "$.id is 7, and must not be"},
        {"{ json: { $.id: { not: 7 } } }", "{\"id\":\"7\"}", "$.id is \"7\", and must not be"},
        {"{ json: { '$.a[*]': { not: '1' } } }", "{\"a\":[1.0]}", "$.a[*] is 1.0, and must not be"},
        {"{ json: { $.a: '[1,2]' } }", "{\"a\":[1,2]}",
         "$.a is [1,2]: it is a list, and a scalar matches none"},
        {"{ json: { $.a: '{}' } }", "{\"a\":{\"b\":1}}",
         "$.a is {\"b\":1}: it is an object, and a scalar matches none"},
        {"{ json: { $.a: '[1,2]' } }", "{\"a\":\"[1]\"}", "$.a is \"[1]\", not \"[1,2]\""},
        {"{ json: { $.a: x } }", "{\"a\":7}", "$.a is 7, not \"x\""},
        {"{ json: { $.a: 5 } }", "{\"a\":\"x\"}", "$.a is \"x\", not 5"},
        {"{ json: { '$.a[*].b': 5 } }", "{\"a\":[{\"b\":1},{\"b\":2}]}",
         "the first of 2 at $.a[*].b is 1, not 5"},
        {"{ json: { $.a: 1, $.b: 2 } }", "{\"a\":1,\"b\":3}", "$.b is 3, not 2"},
    };
    CHECK_WHY(rows);
}

static void what_is_wrong_with_a_handshake_is_told(void **state) {
    (void)state;
    static const struct why_row rows[] = {
        {"{ header: { auth: x } }", "", "the header 'auth' is missing"},
        {"{ header: { host: x } }", "", "the header 'host' is \"h\", not \"x\""},
        {"{ query: { q: { ends: x } } }", "",
         "the query's 'q' is \"1\", which does not end with "
         "'x'"},
        {"{ path: /b }", "", "the path is \"/a\", not \"/b\""},
        {"{ header: { host: { exists: no } } }", "", "the header 'host' is there"},
        {"{ header: { auth: {} } }", "", "the header 'auth' is missing"},
    };
    rig_request("/a?q=1", "Host: h\r\n");
    CHECK_WHY(rows);
}

static void binary_messages_are_compared_byte_by_byte(void **state) {
    (void)state;
    rig_wants("{ binary: 'ca .. 01' }");
    rig_say(MESSAGE_BINARY, "\xca\xfe\xff", 3);
    assert_string_equal(rig_why(), "its byte 3 is ff, not 01");
    rig_say(MESSAGE_BINARY, "\xca\xfe", 2);
    assert_string_equal(rig_why(), "it is 2 bytes, not 3");
    rig_wants("hi");
    assert_string_equal(rig_why(), "it is binary, not text");
    rig_say(MESSAGE_PING, "hi", 2);
    assert_string_equal(rig_why(), "it is a ping, not text");
    rig_wants("{ contains: h }");
    assert_string_equal(rig_why(), "it is a ping, not text or binary");
    rig.scope.message = NULL;
    assert_string_equal(rig_why(), "there is no message");
}

static void long_texts_are_cut_where_they_differ(void **state) {
    (void)state;
    char text[1001];
    memset(text, 'a', 1000);
    text[1000] = '\0';
    struct bytes yaml = BYTES_INIT;
    assert_int_equal(bytes_appendf(&yaml, "%sb%s", text, text), TB_OK);
    assert_int_equal(bytes_append(&yaml, "", 1), TB_OK);
    rig_wants((const char *)yaml.data);
    bytes_release(&yaml);
    rig_text(text);
    assert_string_equal(rig_why(), "it is …\"aaaaaaaaaaaaaaaaaaaa\", not "
                                   "…\"aaaaaaaaaaaaaaaaaaaab"
                                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…\"");
    assert_true(strlen(rig_describes()) < 150);
    for (size_t i = 0; i + 1 < 1000; i += 2) {
        memcpy(text + i, "ü", 2);
    }
    rig_wants("{ not: { size: 1..5000 } }");
    rig_wants("x");
    rig_text(text);
    assert_int_equal(strlen(rig_why()), strlen("it is \"\", not \"x\"") + 120 + 3);
}

static void what_was_used_up_is_told(void **state) {
    (void)state;
    rig_wants("{ times: 1 }");
    rig_text("a");
    assert_true(matcher_matches(rig.matcher, &rig.match));
    assert_false(matcher_matches(rig.matcher, &rig.match));
    assert_string_equal(rig_why(), "it was for the first 1 only");
    rig_wants("{ chance: 0% }");
    assert_string_equal(rig_why(), "chance passed it by");
}

static void a_regex_that_was_given_up_is_told(void **state) {
    (void)state;
    char text[42];
    memset(text, 'a', 40);
    memcpy(text + 40, "!", 2);
    rig_wants("{ regex: '^(a+)+b?$' }");
    rig_text(text);
    const char *why = rig_why();
    assert_true(strcmp(why, "/^(a+)+b?$/ was given up: it takes too long") == 0 ||
                strcmp(why, "it does not match /^(a+)+b?$/") == 0);
    assert_false(rig.match.gave_up);
}

static void explaining_leaves_no_trace(void **state) {
    (void)state;
    rig_wants("{ regex: '(?<k>.)', times: 1 }");
    rig_text("a");
    assert_true(matcher_matches(rig.matcher, &rig.match));
    assert_string_equal(rig_caught("k"), "a");
    rig_why();
    matcher_nearness(rig.matcher, &rig.match);
    assert_string_equal(rig_caught("k"), "a");
    assert_int_equal(rig.match.captures.count, 1);
    assert_int_equal(atomic_load(&rig.counters[0]), 1);
    assert_false(rig.match.looking);
}

/* ---- nearness ---- */

static unsigned near_of(const char *matcher, const char *message) {
    rig_wants(matcher);
    rig_text(message);
    return matcher_nearness(rig.matcher, &rig.match);
}

static void what_matches_is_as_near_as_can_be(void **state) {
    (void)state;
    assert_int_equal(near_of("hi", "hi"), 1000);
    assert_int_equal(near_of("{ contains: a, times: 1 }", "a"), 1000);
    assert_int_equal(near_of("{}", "a"), 1000);
    assert_int_equal(near_of("hi", "xy"), 0);
    assert_int_equal(near_of("{ type: ping }", "xy"), 0);
}

static void the_nearer_text_is_nearer(void **state) {
    (void)state;
    assert_true(near_of("double trouble", "double truble") > near_of("double trouble", "double"));
    assert_true(near_of("double trouble", "double") > near_of("double trouble", "hi"));
    assert_true(near_of("{ contains: double }", "doubel") >
                near_of("{ contains: double }", "single"));
    assert_true(near_of("{ starts: abc }", "abd") > near_of("{ starts: abc }", "xbc"));
    assert_true(near_of("{ ends: abc }", "xbc") > near_of("{ ends: abc }", "abd"));
    assert_true(near_of("aaaa", "aaa") < 1000);
    assert_true(near_of("{ size: 1, contains: a }", "ab") >
                near_of("{ size: 1, contains: a }", "bb"));
    assert_true(near_of("{ any: [ abcd, x ] }", "abce") > near_of("{ any: [ wxyz, x ] }", "abce"));
    assert_true(near_of("{ not: hi }", "hi") < 200);
}

static void each_path_counts(void **state) {
    (void)state;
    static const char matcher[] = "{ json: { $.a: 1, $.b: 2 } }";
    unsigned none = near_of(matcher, "hi");
    unsigned other = near_of(matcher, "{\"a\":2}");
    unsigned half = near_of(matcher, "{\"a\":1}");
    unsigned most = near_of(matcher, "{\"a\":1,\"b\":3}");
    assert_true(none < other && other < half && half < most && most < 1000);
    assert_true(none < 100);
}

static void bytes_that_are_right_count(void **state) {
    (void)state;
    rig_wants("{ binary: 'ca fe .. 01' }");
    rig_say(MESSAGE_BINARY, "\xca\xfe\x00\x02", 4);
    unsigned near = matcher_nearness(rig.matcher, &rig.match);
    rig_say(MESSAGE_BINARY, "\xff\xff\x00\x02", 4);
    assert_true(near > matcher_nearness(rig.matcher, &rig.match));
    assert_true(near < 1000);
    rig_text("abcd");
    assert_true(matcher_nearness(rig.matcher, &rig.match) < 200);
}

/* ---- memory ---- */

static void words_survive_failing_allocations(void **state) {
    (void)state;
    static const char *const messages[] = {"{\"a\":\"\\t\"}", "nothing", "{\"b\":1}"};
    struct bytes out = BYTES_INIT;
    rig_wants("{ contains: '${known:-a}', json: { $.a: { not: { contains: \"\\t\" } } }, "
              "any: [ a, { size: 1 } ] }");
    for (size_t i = 0; i < 3; i++) {
        unsigned n = 0;
        unsigned failed = 0;
        int err;
        do {
            match_release(&rig.match);
            match_init(&rig.match, &rig.scope, rig.counters);
            message_release(&rig.message);
            bytes_release(&out);
            rig_text(messages[i]);
            fail_alloc_at(n);
            err = matcher_why_not(rig.matcher, &rig.match, &out);
            err = err == TB_OK ? matcher_describe(rig.matcher, &out) : err;
            fail_alloc_off();
            assert_true(err == TB_OK || err == TB_ENOMEM);
            failed += err == TB_OK ? 0 : 1;
        } while (n++ < alloc_count() && n < 2000);
        assert_int_equal(err, TB_OK);
        assert_true(failed > 0);
    }
    bytes_release(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_matcher_describes_itself),
        RIG_TEST(the_first_thing_that_does_not_hold_is_told),
        RIG_TEST(what_is_wrong_with_json_is_told),
        RIG_TEST(what_is_wrong_with_a_handshake_is_told),
        RIG_TEST(binary_messages_are_compared_byte_by_byte),
        RIG_TEST(long_texts_are_cut_where_they_differ),
        RIG_TEST(what_was_used_up_is_told),
        RIG_TEST(a_regex_that_was_given_up_is_told),
        RIG_TEST(explaining_leaves_no_trace),
        RIG_TEST(what_matches_is_as_near_as_can_be),
        RIG_TEST(the_nearer_text_is_nearer),
        RIG_TEST(each_path_counts),
        RIG_TEST(bytes_that_are_right_count),
        RIG_TEST(words_survive_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
