#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"
#include "base/pattern.h"
#include "failing_alloc.h"

static void check_compiles(const char *regex) {
    struct pattern *pattern = NULL;
    struct bytes message = BYTES_INIT;
    if (pattern_new(regex, &pattern, &message) != TB_OK) {
        fail_msg("%s", regex);
    }
    pattern_free(pattern);
    bytes_release(&message);
}

static void check(const char *regex, const char *required) {
    struct bytes literal = BYTES_INIT;
    check_compiles(regex);
    assert_int_equal(pattern_required(regex, &literal), TB_OK);
    assert_int_equal(bytes_append(&literal, "", 1), TB_OK);
    if (strcmp((const char *)literal.data, required) != 0) {
        fail_msg("%s requires \"%s\", not \"%s\"", regex, required, (const char *)literal.data);
    }
    bytes_release(&literal);
}

static void the_longest_run_of_characters_is_required(void **state) {
    (void)state;
    check("", "");
    check("hello", "hello");
    check("^hello world [0-9]+$", "hello world ");
    check("^hello world (?<k>[0-9]+)$", "hello world ");
    check("one.three", "three");
    check("three.one", "three");
    check("one.two", "one");
    check("a\\d+bc\\sd", "bc");
    check("\\bword\\b", "word");
    check("жук.ж", "жук");
    check("a-#b c]}", "a-#b c]}");
    check("{\"done\":\\s*true}", "{\"done\":");
    check("a{b", "a{b");
}

static void an_escaped_sign_is_a_character(void **state) {
    (void)state;
    check("\\{\"a\\.b\\\\c\\|\\(\\)\\[\\*\\ \\_", "{\"a.b\\c|()[* _");
    check("a\\.?b", "a");
    check("a\\.+bcd", "bcd");
}

static void what_may_be_absent_is_not_required(void **state) {
    (void)state;
    check("abc?", "ab");
    check("abc*d", "ab");
    check("abc{0}d", "ab");
    check("abc{0,3}de", "ab");
    check("abc{00,}d", "ab");
    check("abжc??d", "abж");
    check("abж?d", "ab");
    check("ж*", "");
    check("(abc)?d", "d");
    check("[abc]*d", "d");
}

static void what_is_repeated_is_required_once(void **state) {
    (void)state;
    check("abc+d", "abc");
    check("abc+?d", "abc");
    check("abc++d", "abc");
    check("abж{2}d", "abж");
    check("abc{1,}d", "abc");
    check("abc{010,12}d", "abc");
    check("ab+cdef", "cdef");
}

static void groups_and_classes_are_passed_over(void **state) {
    (void)state;
    check("a(bcd|e(f)g)hi", "hi");
    check("a(?:b)cd(?=xyz)e(?!x)f(?<=f)g(?<!y)(?>x+)h(?P<n>i)", "cd");
    check("(x\\)[)]\\(|[(])ab", "ab");
    check("[]a|]bc[^]a)]d[\\]x]", "bc");
    check("[[:digit:])]ab[[:^alpha:]-]c", "ab");
    check("(\\x28\\p{L}\\1?[\\x{5d}\\d])ab", "ab");
}

static void nothing_is_said_of_a_pattern_that_is_not_understood(void **state) {
    (void)state;
    static const char *const regexes[] = {
        "abc|def",      "(a)bc|d",         "(?i)abc",      "abc(?i)d",        "abc(?i:d)",
        "abc(?x) #(\n", "a(?x: #(\n)bc|d", "(*UTF)abc",    "abc(*ACCEPT)def", "abc(d(*ACCEPT))def",
        "\\Qabc\\E",    "abc\\E",          "ab\\Kc",       "(?|ab)c",         "(?#)abc",
        "(?J)abc",      "abc(?C1)",        "(a)bc\\1",     "(?<n>a)bc\\k<n>", "abc\\x41",
        "abc\\cA",      "abc\\p{L}",       "abc\\o{101}",  "abc\\N{U+41}",    "\\Gabc",
        "abc[\\Q]\\E]", "abc[\\cA]",       "abc[[]",       "abc{,3}",         "a(bc)(?1)",
        "abc(?R)?",     "(a)?bc(?(1)d)",   "abc(\\Q)\\E)", "(?'n'a)bc",
    };
    for (size_t i = 0; i < sizeof(regexes) / sizeof(regexes[0]); i++) {
        check(regexes[i], "");
    }
}

/* pattern_new() refuses them; they must only do no harm. */
static void a_broken_pattern_does_no_harm(void **state) {
    (void)state;
    static const char *const regexes[] = {
        "abc\\", "abc(", "abc)", "abc[",  "abc[]", "abc[^", "ab(\\", "ab[\\",  "ab[[:",   "ab[[:x:",
        "a{2",   "a{2,", "*abc", "abc**", "(?",    "(?<",   "(?P",   "{1}abc", "\x80(abc"};
    for (size_t i = 0; i < sizeof(regexes) / sizeof(regexes[0]); i++) {
        struct bytes literal = BYTES_INIT;
        assert_int_equal(pattern_required(regexes[i], &literal), TB_OK);
        assert_int_equal(literal.len, 0);
        bytes_release(&literal);
    }
}

static uint32_t draw(uint32_t *seed, uint32_t below) {
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

static void draw_pattern(uint32_t *seed, struct bytes *regex) {
    static const char *const parts[] = {
        "a",         "b",    "c",       "a",     "b",           "c",       "ab",     "ж",    "жa",
        ".",         "^",    "$",       "*",     "+",           "?",       "??",     "*?",   "++",
        "?+",        "{0}",  "{1}",     "{0,2}", "{2,}",        "{1,2}",   "{,2}",   "{",    "}",
        "|",         "(",    ")",       "(",     ")",           "(?:",     "(?<n>",  "(?=",  "(?!",
        "(?<=",      "(?<!", "(?>",     "(?|",   "(?i)",        "(?x)",    "(?i:",   "(?#",  "[ab]",
        "[^a]",      "[",    "]",       "[]a]",  "[[:alpha:]]", "\\b",     "\\A",    "\\z",  "\\w",
        "\\K",       "\\G",  "\\Q",     "\\E",   "\\x61",       "\\x{61}", "\\p{L}", "\\1",  "\\.",
        "\\|",       "\\(",  "\\)",     "\\[",   "\\ ",         " ",       "#",      "(?R)", "(?1)",
        "(*ACCEPT)", "(*F)", "(*SKIP)", "\\N",   "\\n",         "\\Z",
    };
    bytes_clear(regex);
    for (uint32_t n = 1 + draw(seed, 9); n > 0; n--) {
        const char *part = parts[draw(seed, sizeof(parts) / sizeof(parts[0]))];
        assert_int_equal(bytes_append_str(regex, part), TB_OK);
    }
    assert_int_equal(bytes_append(regex, "", 1), TB_OK);
}

static void draw_text(uint32_t *seed, struct bytes *text) {
    static const char *const parts[] = {"a", "b", "c", "ab", "ж", "A", "B",  ".",   "|",
                                        "(", ")", "{", "}",  "#", " ", "\n", "abc", "{,2}"};
    bytes_clear(text);
    for (uint32_t n = draw(seed, 12); n > 0; n--) {
        const char *part = parts[draw(seed, sizeof(parts) / sizeof(parts[0]))];
        assert_int_equal(bytes_append_str(text, part), TB_OK);
    }
}

/* Returns how many of some drawn texts the pattern is found in. */
static unsigned check_texts(struct pattern *pattern, const char *regex, uint32_t *seed) {
    struct bytes literal = BYTES_INIT;
    struct bytes text = BYTES_INIT;
    unsigned found = 0;
    assert_int_equal(pattern_required(regex, &literal), TB_OK);
    for (unsigned i = 0; i < 20 && literal.len > 0; i++) {
        draw_text(seed, &text);
        if (pattern_search(pattern, text.data, text.len) != PATTERN_FOUND) {
            continue;
        }
        found++;
        if (text.len == 0 || memmem(text.data, text.len, literal.data, literal.len) == NULL) {
            fail_msg("%s does not require \"%.*s\"", regex, (int)literal.len, literal.data);
        }
    }
    bytes_release(&literal);
    bytes_release(&text);
    return found;
}

static void no_text_matches_without_what_is_required(void **state) {
    (void)state;
    uint32_t seed = 1;
    unsigned found = 0;
    struct bytes regex = BYTES_INIT;
    struct bytes message = BYTES_INIT;
    for (unsigned i = 0; i < 20000; i++) {
        struct pattern *pattern = NULL;
        draw_pattern(&seed, &regex);
        if (pattern_new((const char *)regex.data, &pattern, &message) == TB_OK) {
            found += check_texts(pattern, (const char *)regex.data, &seed);
        }
        pattern_free(pattern);
        bytes_clear(&message);
    }
    assert_true(found > 1000);
    bytes_release(&regex);
    bytes_release(&message);
}

static void failed_allocations_are_reported(void **state) {
    (void)state;
    unsigned n = 0;
    do {
        struct bytes literal = BYTES_INIT;
        fail_alloc_at(n);
        int err = pattern_required("abc+d", &literal);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
        assert_int_equal(literal.len, err == TB_OK ? 3 : 0);
        bytes_release(&literal);
    } while (n++ < alloc_count());
    assert_true(n > 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_run_of_characters_is_required),
        cmocka_unit_test(an_escaped_sign_is_a_character),
        cmocka_unit_test(what_may_be_absent_is_not_required),
        cmocka_unit_test(what_is_repeated_is_required_once),
        cmocka_unit_test(groups_and_classes_are_passed_over),
        cmocka_unit_test(nothing_is_said_of_a_pattern_that_is_not_understood),
        cmocka_unit_test(a_broken_pattern_does_no_harm),
        cmocka_unit_test(no_text_matches_without_what_is_required),
        cmocka_unit_test(failed_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
