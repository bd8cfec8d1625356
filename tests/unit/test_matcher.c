/* What messages a matcher takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "match_rig.h"

/* ---- bytes ---- */

static void a_scalar_is_the_exact_text(void **state) {
    (void)state;
    static const struct rig_row rows[] = {
        {"hi", "hi", true},
        {"hi", "hi ", false},
        {"hi", "Hi", false},
        {"hi", "", false},
        {"''", "", true},
        {"''", "x", false},
        {"yes", "yes", true},
        {"'1'", "1", true},
        {"1", "1.0", false},
        {"{ text: hi }", "hi", true},
        {"{ text: hi }", "ho", false},
    };
    RIG_CHECK(rows);
}

static void pieces_are_sought_where_they_belong(void **state) {
    (void)state;
    static const struct rig_row rows[] = {
        {"{ contains: b }", "abc", true},     {"{ contains: d }", "abc", false},
        {"{ contains: abcd }", "abc", false}, {"{ contains: '' }", "", true},
        {"{ starts: a }", "abc", true},       {"{ starts: b }", "abc", false},
        {"{ starts: abcd }", "abc", false},   {"{ ends: c }", "abc", true},
        {"{ ends: b }", "abc", false},        {"{ ends: aabc }", "abc", false},
        {"{ ends: '' }", "", true},           {"{ regex: '^a.c$' }", "abc", true},
        {"{ regex: '^a.$' }", "abc", false},  {"{ regex: '' }", "", true},
    };
    RIG_CHECK(rows);
}

static void all_keys_must_hold(void **state) {
    (void)state;
    static const struct rig_row rows[] = {
        {"{ starts: a, ends: c }", "abc", true},
        {"{ starts: a, ends: c }", "abd", false},
        {"{ starts: a, ends: c }", "bbc", false},
        {"{}", "anything", true},
    };
    RIG_CHECK(rows);
}

static void values_are_templates_but_for_a_regex(void **state) {
    (void)state;
    static const struct rig_row rows[] = {
        {"'n is ${known}'", "n is 42", true},
        {"'n is ${known}'", "n is 43", false},
        {"{ contains: '${known}' }", "a42b", true},
        {"{ starts: '${known}' }", "42b", true},
        {"{ ends: '${known}' }", "a42", true},
        {"'$${known}'", "${known}", true},
        {"{ regex: '^a$' }", "a", true},
        {"{ regex: '\\$\\{known\\}' }", "${known}", true},
    };
    RIG_CHECK(rows);
}

/* A rule that looks for nothing by accident would take everything. */
static void a_variable_without_a_value_matches_nothing(void **state) {
    (void)state;
    static const struct rig_row rows[] = {
        {"'${unset}'", "", false},
        {"{ contains: '${unset}' }", "abc", false},
        {"{ starts: '${unset}' }", "abc", false},
        {"{ ends: 'c${unset}' }", "abc", false},
        {"{ contains: '${unset:-b}' }", "abc", true},
        {"{ contains: '${unset:-}' }", "abc", true},
    };
    RIG_CHECK(rows);
}

/* ---- types ---- */

static void assert_types(const char *matcher, const char *text, const char *expected) {
    static const char letters[] = "tbioc";
    char taken[sizeof letters] = "";
    size_t n = 0;
    rig_wants(matcher);
    for (unsigned type = MESSAGE_TEXT; type <= MESSAGE_CLOSE; type++) {
        rig_say((enum message_type)type, text, strlen(text));
        if (rig_matches()) {
            taken[n++] = letters[type];
        }
    }
    taken[n] = '\0';
    assert_string_equal(taken, expected);
}

static void a_text_is_a_text_message(void **state) {
    (void)state;
    assert_types("hi", "hi", "t");
    assert_types("{ text: hi }", "hi", "t");
    assert_types("{ binary: '68 69' }", "hi", "b");
}

static void without_a_type_only_text_and_binary_are_meant(void **state) {
    (void)state;
    assert_types("{}", "hi", "tb");
    assert_types("{ contains: h }", "hi", "tb");
    assert_types("{ not: { contains: x } }", "hi", "tb");
    assert_types("{ not: hi }", "hi", "b");
    assert_types("{ size: 2 }", "hi", "tb");
    assert_types("{ any: [ { starts: h }, { size: 5 } ] }", "hi", "tb");
}

static void a_type_says_what_is_looked_at(void **state) {
    (void)state;
    assert_types("{ type: ping }", "hi", "i");
    assert_types("{ type: [ pong, close ] }", "hi", "oc");
    assert_types("{ type: pong, text: hi }", "hi", "o");
    assert_types("{ type: pong, contains: h }", "hi", "o");
    assert_types("{ type: pong, contains: x }", "hi", "");
    assert_types("{ type: close, regex: '^hi' }", "hi", "c");
    assert_types("{ text: hi, type: binary }", "hi", "b");
    assert_types("{ binary: '6869', type: ping }", "hi", "i");
    assert_types("{ any: [ { type: ping }, hi ] }", "hi", "ti");
    assert_types("{ not: { type: text } }", "hi", "bioc");
    assert_types("{ not: { type: text }, contains: h }", "hi", "b");
}

static void sizes_are_bytes_of_the_payload(void **state) {
    (void)state;
    static const struct rig_row rows[] = {
        {"{ size: 3 }", "abc", true},      {"{ size: 3 }", "ab", false},
        {"{ size: 0..3 }", "", true},      {"{ size: 0..3 }", "abc", true},
        {"{ size: 0..3 }", "abcd", false}, {"{ size: 2 }", "ü", true},
    };
    RIG_CHECK(rows);
}

static void who_says_it_is_asked(void **state) {
    (void)state;
    rig_wants("{ from: client }");
    rig_text("x");
    assert_true(rig_matches());
    message_set(&rig.message, MESSAGE_TEXT, false, "x", 1);
    assert_false(rig_matches());
    rig_wants("{ from: server }");
    assert_true(rig_matches());
}

static void binary_is_exact_but_for_any_byte(void **state) {
    (void)state;
    rig_wants("{ binary: 'ca fe .. 01' }");
    rig_say(MESSAGE_BINARY, "\xca\xfe\x55\x01", 4);
    assert_true(rig_matches());
    rig_say(MESSAGE_BINARY, "\xca\xfe\x00\x01", 4);
    assert_true(rig_matches());
    rig_say(MESSAGE_BINARY, "\xca\xfe\x55\x02", 4);
    assert_false(rig_matches());
    rig_say(MESSAGE_BINARY, "\xca\xfe\x55", 3);
    assert_false(rig_matches());
    rig_say(MESSAGE_BINARY, "\xca\xfe\x55\x01\x01", 5);
    assert_false(rig_matches());
    rig_wants("{ binary: '..fe....' }");
    rig_say(MESSAGE_BINARY, "\x01\xfe\x02\x03", 4);
    assert_true(rig_matches());
    rig_wants("{ binary: '' }");
    rig_say(MESSAGE_BINARY, NULL, 0);
    assert_true(rig_matches());
}

/* ---- combinations ---- */

static void matchers_are_combined(void **state) {
    (void)state;
    static const struct rig_row rows[] = {
        {"{ not: hi }", "ho", true},
        {"{ not: hi }", "hi", false},
        {"{ not: { not: hi } }", "hi", true},
        {"{ any: [ hi, ho ] }", "ho", true},
        {"{ any: [ hi, ho ] }", "hu", false},
        {"{ any: [] }", "hi", false},
        {"{ all: [ { contains: a }, { contains: b } ] }", "ab", true},
        {"{ all: [ { contains: a }, { contains: b } ] }", "a", false},
        {"{ all: [] }", "a", true},
        {"{ any: [ { all: [ { starts: a }, { not: { ends: c } } ] }, c ] }", "abc", false},
        {"{ any: [ { all: [ { starts: a }, { not: { ends: c } } ] }, c ] }", "abd", true},
    };
    RIG_CHECK(rows);
}

static void named_groups_are_caught(void **state) {
    (void)state;
    rig_wants("{ regex: '^buy (?<amount>[0-9]+) (?<what>\\w+)( (?<rest>.*))?$' }");
    rig_text("buy 12 apples");
    assert_true(rig_matches());
    assert_string_equal(rig_caught("amount"), "12");
    assert_string_equal(rig_caught("what"), "apples");
    assert_null(rig_caught("rest"));
    rig_text("sell 12 apples");
    assert_false(rig_matches());
    assert_null(rig_caught("amount"));
}

static void what_a_failed_branch_caught_is_taken_back(void **state) {
    (void)state;
    rig_wants("{ any: [ { all: [ { regex: '(?<a>.)' }, { contains: zz } ] }, "
              "{ regex: '(?<b>.)' } ], not: { regex: '(?<c>z)' } }");
    rig_text("xy");
    assert_true(rig_matches());
    assert_null(rig_caught("a"));
    assert_string_equal(rig_caught("b"), "x");
    rig_wants("{ not: { not: { regex: '(?<c>x)' } } }");
    assert_true(rig_matches());
    assert_null(rig_caught("c"));
    rig_wants("{ regex: '(?<a>.)', contains: zz }");
    assert_false(rig_matches());
    assert_int_equal(rig.match.captures.count, 0);
}

static void a_regex_that_would_go_on_for_ever_matches_nothing(void **state) {
    (void)state;
    char text[41];
    memset(text, 'a', sizeof text);
    text[40] = '!';
    rig_wants("{ regex: '^(a+)+b?$' }");
    rig_say(MESSAGE_TEXT, text, 41);
    assert_false(matcher_matches(rig.matcher, &rig.match));
    if (rig.match.gave_up) { /* another PCRE2 may see that it is hopeless */
        rig_wants("{ not: { regex: '^(a+)+b?$' } }");
        assert_false(matcher_matches(rig.matcher, &rig.match));
        assert_true(rig.match.gave_up);
        rig_wants("{ any: [ { regex: '^(a+)+b?$' }, { ends: '!' } ] }");
        assert_true(matcher_matches(rig.matcher, &rig.match));
    }
    rig_wants("{ contains: a }");
    rig_text("a");
    assert_true(rig_matches());
    assert_false(rig.match.gave_up);
}

/* One after the other, they would take minutes. */
static void all_searches_in_a_message_have_one_limit(void **state) {
    (void)state;
    struct bytes text = BYTES_INIT;
    assert_int_equal(bytes_append_str(&text, "["), TB_OK);
    for (unsigned i = 0; i < 30000; i++) {
        assert_int_equal(bytes_append_str(&text, "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","),
                         TB_OK);
    }
    assert_int_equal(bytes_append_str(&text, "1]"), TB_OK);
    rig_wants("{ json: { '$[*]': { regex: '^(?:a+)+[xyz]$' } } }");
    rig_say(MESSAGE_TEXT, text.data, text.len);
    assert_false(matcher_matches(rig.matcher, &rig.match));
    bytes_release(&text);
}

/* ---- what counts ---- */

static void times_counts_only_where_all_else_holds(void **state) {
    (void)state;
    rig_wants("{ times: 2, contains: a }");
    for (unsigned i = 0; i < 5; i++) {
        rig_text("b");
        assert_false(rig_matches());
    }
    rig_text("a");
    assert_true(rig_matches());
    assert_true(rig_matches());
    assert_false(rig_matches());
    assert_int_equal(atomic_load(&rig.counters[0]), 2);
}

static void times_waits_for_what_is_nested(void **state) {
    (void)state;
    rig_wants("{ all: [ { times: 1, contains: a }, { contains: b } ] }");
    rig_text("a");
    assert_false(rig_matches());
    rig_text("ab");
    assert_true(rig_matches());
    assert_false(rig_matches());
    rig_wants("{ any: [ { times: 1, contains: a } ], ends: b }");
    rig_text("a");
    assert_false(rig_matches());
    rig_text("ab");
    assert_true(rig_matches());
}

static void without_counters_nothing_is_counted(void **state) {
    (void)state;
    rig_wants("{ times: 1 }");
    rig_text("a");
    rig.match.counters = NULL;
    assert_true(rig_matches());
    assert_true(rig_matches());
    rig.match.counters = rig.counters;
    rig.match.looking = true;
    assert_true(rig_matches());
    assert_true(rig_matches());
    assert_int_equal(atomic_load(&rig.counters[0]), 0);
}

static void each_times_has_its_own_counter(void **state) {
    (void)state;
    rig_wants("{ any: [ { text: a, times: 1 }, { text: b, times: 2 } ] }");
    assert_int_equal(rig.reader.counters, 2);
    rig_text("a");
    assert_true(rig_matches());
    assert_false(rig_matches());
    rig_text("b");
    assert_true(rig_matches());
    assert_true(rig_matches());
    assert_false(rig_matches());
}

static void chance_takes_its_share(void **state) {
    (void)state;
    unsigned taken = 0;
    rig_wants("{ chance: 30% }");
    rig_text("a");
    for (unsigned i = 0; i < 1000; i++) {
        taken += matcher_matches(rig.matcher, &rig.match) ? 1 : 0;
    }
    assert_in_range(taken, 230, 370);
    rig_wants("{ chance: 0% }");
    assert_false(matcher_matches(rig.matcher, &rig.match));
    rig.match.looking = true;
    assert_true(matcher_matches(rig.matcher, &rig.match));
}

static void times_counts_only_what_chance_took(void **state) {
    (void)state;
    rig_wants("{ times: 1, chance: 0% }");
    rig_text("a");
    assert_false(matcher_matches(rig.matcher, &rig.match));
    assert_int_equal(atomic_load(&rig.counters[0]), 0);
}

/* ---- exact text ---- */

static void the_exact_text_is_told_where_it_is_that_alone(void **state) {
    (void)state;
    struct bytes out = BYTES_INIT;
    static const char *const others[] = {
        "{ contains: hi }",         "{ text: hi, size: 2 }", "{}",
        "{ text: hi, type: text }", "{ any: [ hi ] }",       "'${unset}'"};
    rig_wants("hi ${known}");
    assert_true(matcher_exact(rig.matcher, &rig.match, &out));
    assert_int_equal(out.len, 5);
    assert_memory_equal(out.data, "hi 42", 5);
    rig_wants("{ text: hi }");
    assert_true(matcher_exact(rig.matcher, &rig.match, &out));
    assert_int_equal(out.len, 7);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        rig_wants(others[i]);
        assert_false(matcher_exact(rig.matcher, &rig.match, &out));
    }
    bytes_release(&out);
}

/* ---- needs ---- */

struct needed {
    char text[200];
};

static int note(void *ctx, const void *p, size_t n, bool whole) {
    struct needed *needed = ctx;
    strcat(needed->text, whole ? "=" : "~");
    strncat(needed->text, p, n);
    return TB_OK;
}

static void assert_needs(const char *matcher, const char *expected) {
    struct needed needed = {""};
    const struct needs needs = {.literal = note, .ctx = &needed};
    bool known;
    rig_wants(matcher);
    assert_int_equal(matcher_needs(rig.matcher, &needs, &known), TB_OK);
    assert_int_equal(known, expected != NULL);
    assert_string_equal(needed.text, expected != NULL ? expected : "");
}

static void what_must_stand_in_a_message_is_told(void **state) {
    (void)state;
    assert_needs("hi", "=hi");
    assert_needs("''", "=");
    assert_needs("{ contains: abc }", "~abc");
    assert_needs("{ contains: '' }", NULL);
    assert_needs("{ starts: a, ends: bcd, size: 4 }", "~bcd");
    assert_needs("{ text: a, contains: bcd }", "=a");
    assert_needs("{ regex: 'hello [0-9]+' }", "~hello ");
    assert_needs("{ regex: '[0-9]+' }", NULL);
    assert_needs("'${known}'", NULL);
    assert_needs("{ contains: '${known}', ends: x }", "~x");
    assert_needs("{ any: [ a, { contains: b } ] }", "=a~b");
    assert_needs("{ any: [ a, { size: 1 } ] }", NULL);
    assert_needs("{ any: [] }", NULL);
    assert_needs("{ all: [ { contains: a }, { size: 1 } ] }", "~a");
    assert_needs("{ not: a }", NULL);
    assert_needs("{ json: { $.a: hello } }", NULL);
    assert_needs("{ type: ping }", NULL);
    assert_needs("{}", NULL);
}

/* ---- memory ---- */

static const char large[] =
    "{ contains: 'a${known}', regex: '(?<x>.)', binary: 'ca ..', size: 1..5, "
    "any: [ a, { not: b } ], json: { '$.a[*]': { regex: '(?<y>.)', not: x } }, "
    "header: { a: x }, times: 3 }";

static void reading_survives_failing_allocations(void **state) {
    (void)state;
    unsigned n = 0;
    int err;
    do {
        fail_alloc_at(n);
        err = rig_read(large);
        fail_alloc_off();
        assert_true(err == TB_OK || err == TB_ENOMEM);
    } while (n++ < alloc_count() && n < 2000);
    assert_int_equal(err, TB_OK);
}

static void matching_survives_failing_allocations(void **state) {
    (void)state;
    static const char json[] = "{\"a\":[\"\\t1\",\"\\t${x}\"],\"b\":\"42\"}";
    unsigned n = 0;
    unsigned failed = 0;
    bool matches;
    rig_request("/?a=%41", "Host: h\r\n");
    rig_wants("{ contains: '${known}', not: { json: { '$.a[*]': '${known}' } }, "
              "json: { '$.a[*]': { regex: '\\t(?<x>.)' } }, query: { a: { regex: '(?<y>A)' } } }");
    do {
        match_release(&rig.match);
        match_init(&rig.match, &rig.scope, NULL);
        message_release(&rig.message);
        rig_text(json);
        fail_alloc_at(n);
        matches = matcher_matches(rig.matcher, &rig.match);
        fail_alloc_off();
        assert_int_equal(matches, !rig.match.nomem);
        failed += matches ? 0 : 1;
    } while (n++ < alloc_count() && n < 2000);
    assert_true(matches);
    assert_true(failed >= 4);
    assert_string_equal(rig_caught("x"), "1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_scalar_is_the_exact_text),
        RIG_TEST(pieces_are_sought_where_they_belong),
        RIG_TEST(all_keys_must_hold),
        RIG_TEST(values_are_templates_but_for_a_regex),
        RIG_TEST(a_variable_without_a_value_matches_nothing),
        RIG_TEST(a_text_is_a_text_message),
        RIG_TEST(without_a_type_only_text_and_binary_are_meant),
        RIG_TEST(a_type_says_what_is_looked_at),
        RIG_TEST(sizes_are_bytes_of_the_payload),
        RIG_TEST(who_says_it_is_asked),
        RIG_TEST(binary_is_exact_but_for_any_byte),
        RIG_TEST(matchers_are_combined),
        RIG_TEST(named_groups_are_caught),
        RIG_TEST(what_a_failed_branch_caught_is_taken_back),
        RIG_TEST(a_regex_that_would_go_on_for_ever_matches_nothing),
        RIG_TEST(all_searches_in_a_message_have_one_limit),
        RIG_TEST(times_counts_only_where_all_else_holds),
        RIG_TEST(times_waits_for_what_is_nested),
        RIG_TEST(without_counters_nothing_is_counted),
        RIG_TEST(each_times_has_its_own_counter),
        RIG_TEST(chance_takes_its_share),
        RIG_TEST(times_counts_only_what_chance_took),
        RIG_TEST(the_exact_text_is_told_where_it_is_that_alone),
        RIG_TEST(what_must_stand_in_a_message_is_told),
        RIG_TEST(reading_survives_failing_allocations),
        RIG_TEST(matching_survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
