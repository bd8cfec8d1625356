/* Which of many rules are worth a look: never one too few, and hardly one too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "match_rig.h"
#include "script/selector.h"

enum { RULES_MAX = 1200 };

/* Rules that are the items of a list. */
static struct {
    struct document *doc;
    struct reader reader;
    struct bytes complaint;
    const struct matcher *matchers[RULES_MAX];
    size_t count;
    const struct selector *selector;
    struct candidates candidates;
} rules;

static int set_up(void **state) {
    memset(&rules, 0, sizeof rules);
    return rig_set_up(state);
}

static void forget(void) {
    candidates_release(&rules.candidates);
    arena_free(rules.reader.arena);
    names_free(rules.reader.names);
    document_free(rules.doc);
    bytes_release(&rules.complaint);
    memset(&rules, 0, sizeof rules);
}

static int tear_down(void **state) {
    forget();
    return rig_tear_down(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void read_rules(const char *yaml, size_t n) {
    forget();
    rules.reader =
        (struct reader){.arena = arena_new(), .names = names_new(), .message = &rules.complaint};
    assert_int_equal(document_parse("rules.yaml", yaml, n, &rules.doc, &rules.complaint), TB_OK);
    rules.reader.doc = rules.doc;
    const struct node *item = document_root(rules.doc)->first;
    for (; item != NULL; item = item->next) {
        assert_true(rules.count < RULES_MAX);
        const struct matcher **m = &rules.matchers[rules.count++];
        bool is_none = item->kind == NODE_SCALAR && strcmp(item->text, "NULL") == 0;
        assert_int_equal(is_none ? TB_OK : matcher_read(&rules.reader, item, m), TB_OK);
    }
    assert_int_equal(selector_new(rules.reader.arena, rules.matchers, rules.count, &rules.selector),
                     TB_OK);
    assert_int_equal(
        candidates_init(&rules.candidates, rules.count, selector_literals(rules.selector)), TB_OK);
}

static void look(const char *text, size_t n) {
    selector_look(rules.selector, text, n, &rules.candidates);
}

/* The candidates, as digits. */
static const char *candidates_for(const char *text) {
    static char found[100];
    size_t n = 0;
    look(text, strlen(text));
    for (ptrdiff_t i = candidates_next(&rules.candidates, 0); i >= 0;
         i = candidates_next(&rules.candidates, (size_t)i + 1)) {
        assert_true(n < sizeof found - 1 && i < 10);
        found[n++] = (char)('0' + i);
    }
    found[n] = '\0';
    return found;
}

static void only_rules_that_may_match_are_looked_at(void **state) {
    (void)state;
    static const char yaml[] = "[ hi, { contains: double }, { regex: 'hello [0-9]+' }, NULL, "
                               "{ size: 5 }, '', { any: [ ho, { ends: '!' } ] }, hi, "
                               "{ any: [ { starts: q0 }, { starts: q1 }, { starts: q2 }, "
                               "{ starts: q3 }, { starts: q4 }, { starts: q5 } ] } ]";
    read_rules(yaml, strlen(yaml));
    assert_string_equal(candidates_for("hi"), "0347");
    assert_string_equal(candidates_for("a double"), "134");
    assert_string_equal(candidates_for("hello you"), "234");
    assert_string_equal(candidates_for(""), "345");
    assert_string_equal(candidates_for("ho"), "346");
    assert_string_equal(candidates_for("double hello !"), "12346");
    assert_string_equal(candidates_for("something"), "34");
}

/* The rules themselves seek them faster. */
static void a_few_literals_are_not_sought_beforehand(void **state) {
    (void)state;
    static const char yaml[] = "[ hi, { contains: double }, { contains: ignore } ]";
    read_rules(yaml, strlen(yaml));
    assert_string_equal(candidates_for("hi"), "012");
    assert_string_equal(candidates_for("ho"), "12");
}

static void there_may_be_no_rules(void **state) {
    (void)state;
    read_rules("[]", 2);
    assert_string_equal(candidates_for("hi"), "");
    assert_int_equal(candidates_next(&rules.candidates, 5), -1);
}

/* However often a literal comes, and however many rules want it. */
static void rules_share_their_literals(void **state) {
    (void)state;
    struct bytes yaml = BYTES_INIT;
    for (unsigned i = 0; i < 30; i++) {
        assert_int_equal(bytes_appendf(&yaml, "- { contains: <%u> }\n", i % 10), TB_OK);
    }
    read_rules((const char *)yaml.data, yaml.len);
    bytes_release(&yaml);
    assert_int_equal(selector_literals(rules.selector), 10);
    for (int again = 0; again < 2; again++) {
        look("<3><3><3> <7>", 13);
        for (ptrdiff_t i = 0; i < 30; i++) {
            bool wanted = i % 10 == 3 || i % 10 == 7;
            assert_int_equal(candidates_next(&rules.candidates, (size_t)i) == i, wanted);
        }
    }
}

/* One bit too far is another rule. */
static void each_of_a_thousand_rules_is_found(void **state) {
    (void)state;
    struct bytes yaml = BYTES_INIT;
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(
            bytes_appendf(&yaml, i % 2 == 0 ? "- { contains: <%u> }\n" : "- <%u>\n", i), TB_OK);
    }
    read_rules((const char *)yaml.data, yaml.len);
    for (unsigned i = 0; i < 1000; i++) {
        bytes_clear(&yaml);
        assert_int_equal(bytes_appendf(&yaml, "<%u>", i), TB_OK);
        look((const char *)yaml.data, yaml.len);
        assert_int_equal(candidates_next(&rules.candidates, 0), i);
        assert_int_equal(candidates_next(&rules.candidates, i), i);
        assert_int_equal(candidates_next(&rules.candidates, i + 1), -1);
    }
    bytes_release(&yaml);
}

/* ---- any rule and any message ---- */

static const char *piece(void) {
    static const char *const pieces[] = {"a", "b", "ab", "ba", "aab", "c", "abc", ""};
    return pieces[chance_between(&rig.chance, 0, 7)];
}

static void put_rule(struct bytes *yaml, unsigned depth) {
    static const char *const keys[] = {"text", "contains", "starts", "ends", "regex"};
    unsigned kind = (unsigned)chance_between(&rig.chance, 0, depth > 0 ? 8 : 5);
    if (kind < 5) {
        bytes_appendf(yaml, "{ %s: '%s%s%s' }", keys[kind], piece(), kind == 4 ? ".?" : "",
                      piece());
    } else if (kind == 5) {
        bytes_appendf(yaml, "{ size: %u, contains: '%s' }",
                      (unsigned)chance_between(&rig.chance, 0, 4), piece());
    } else {
        bytes_append_str(yaml, kind == 6 ? "{ any: [ " : kind == 7 ? "{ all: [ " : "{ not: ");
        put_rule(yaml, depth - 1);
        if (kind != 8) {
            bytes_append_str(yaml, ", ");
            put_rule(yaml, depth - 1);
        }
        bytes_append_str(yaml, kind == 8 ? " }" : " ] }");
    }
}

static void check_message(const char *text, size_t n) {
    rig_say(MESSAGE_TEXT, text, n);
    look(text, n);
    for (size_t i = 0; i < rules.count; i++) {
        if (matcher_matches(rules.matchers[i], &rig.match) &&
            candidates_next(&rules.candidates, i) != (ptrdiff_t)i) {
            fail_msg("rule %zu matches '%.*s' and is no candidate", i, (int)n, text);
        }
    }
}

static void whoever_matches_is_a_candidate(void **state) {
    (void)state;
    struct bytes yaml = BYTES_INIT;
    struct bytes text = BYTES_INIT;
    for (unsigned round = 0; round < 60; round++) {
        bytes_clear(&yaml);
        for (unsigned i = 0; i < 100; i++) {
            assert_int_equal(bytes_append_str(&yaml, "- "), TB_OK);
            put_rule(&yaml, 3);
            assert_int_equal(bytes_append_str(&yaml, "\n"), TB_OK);
        }
        read_rules((const char *)yaml.data, yaml.len);
        for (unsigned i = 0; i < 20; i++) {
            bytes_clear(&text);
            for (uint64_t left = chance_between(&rig.chance, 0, 4); left > 0; left--) {
                assert_int_equal(bytes_append_str(&text, piece()), TB_OK);
            }
            check_message((const char *)text.data, text.len);
        }
    }
    bytes_release(&yaml);
    bytes_release(&text);
}

/* ---- memory ---- */

static void building_survives_failing_allocations(void **state) {
    (void)state;
    static const char yaml[] = "[ hi, { contains: double }, { regex: 'hello [0-9]+' }, NULL ]";
    const struct selector *selector;
    unsigned n = 0;
    int err;
    read_rules(yaml, strlen(yaml));
    do {
        struct candidates candidates = {NULL, 0, NULL};
        struct arena *arena = arena_new();
        fail_alloc_at(n);
        err = selector_new(arena, rules.matchers, rules.count, &selector);
        err = err == TB_OK ? candidates_init(&candidates, rules.count, selector_literals(selector))
                           : err;
        fail_alloc_off();
        assert_true(err == TB_OK || err == TB_ENOMEM);
        candidates_release(&candidates);
        arena_free(arena);
    } while (n++ < alloc_count() && n < 2000);
    assert_int_equal(err, TB_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(only_rules_that_may_match_are_looked_at),
        TEST(a_few_literals_are_not_sought_beforehand),
        TEST(there_may_be_no_rules),
        TEST(rules_share_their_literals),
        TEST(each_of_a_thousand_rules_is_found),
        TEST(whoever_matches_is_a_candidate),
        TEST(building_survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
