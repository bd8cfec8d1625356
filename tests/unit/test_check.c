#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "reading.h"
#include "script/chance.h"
#include "script/check.h"
#include "script/message.h"
#include "script/template.h"

static struct chance chance;
static struct message message;
static struct scope scope;

static int make_scope(void **state) {
    (void)state;
    chance_init(&chance, 1);
    scope = (struct scope){.chance = &chance, .message = &message, .n = 4};
    return 0;
}

static void say(const char *text) {
    message_set(&message, MESSAGE_TEXT, true, text, strlen(text));
}

struct asked {
    struct reading x;
    int err;
    bool holds;
    struct bytes left;
    struct bytes right;
};

static void ask(const char *text, struct asked *a) {
    const struct check *check;
    *a = (struct asked){0};
    assert_true(reading_init(&a->x, text));
    if (check_read(&a->x.r, a->x.node, &check) != TB_OK) {
        fail_msg("%.*s", (int)a->x.message.len, (const char *)a->x.message.data);
    }
    assert_int_equal(bytes_append_str(&a->left, "old"), TB_OK);
    assert_int_equal(bytes_append_str(&a->right, "old"), TB_OK);
    a->err = check_holds(check, &scope, &a->holds, &a->left, &a->right);
}

static void release(struct asked *a) {
    bytes_release(&a->left);
    bytes_release(&a->right);
    reading_release(&a->x);
}

static bool holds(const char *text) {
    struct asked a;
    ask(text, &a);
    release(&a);
    assert_int_equal(a.err, TB_OK);
    return a.holds;
}

static void assert_compared(const char *text, const char *left, const char *right) {
    struct asked a;
    ask(text, &a);
    assert_int_equal(a.err, TB_OK);
    assert_int_equal(a.left.len, strlen(left));
    assert_memory_equal(a.left.data, left, a.left.len);
    assert_int_equal(a.right.len, strlen(right));
    assert_memory_equal(a.right.data, right, a.right.len);
    release(&a);
}

static void assert_refused(const char *text, unsigned offset, const char *why) {
    struct reading x;
    const struct check *check;
    assert_true(reading_init(&x, text));
    assert_int_equal(check_read(&x.r, x.node, &check), TB_EINVAL);
    reading_says(&x, 4 + offset, why);
    reading_release(&x);
}

static void numbers_are_compared_by_their_value(void **state) {
    (void)state;
    assert_true(holds("1 == 1.0"));
    assert_false(holds("1 != 1.0"));
    assert_true(holds("9 < 10"));
    assert_true(holds("10 > 9"));
    assert_true(holds("10 >= 1e1"));
    assert_true(holds("10 <= 1e1"));
    assert_false(holds("10 < 1e1"));
    assert_false(holds("10 > 1e1"));
    assert_true(holds("-2 <= -1"));
    assert_false(holds("18446744073709551615 == 18446744073709551614"));
}

static void what_is_no_number_is_compared_byte_by_byte(void **state) {
    (void)state;
    assert_true(holds("abc == abc"));
    assert_false(holds("abc == ABC"));
    assert_true(holds("abc != ab"));
    assert_true(holds("ab < abc"));
    assert_true(holds("b > abc"));
    assert_true(holds("10 < 9x"));
    assert_false(holds("007 == 7"));
    assert_true(holds("z >= a"));
    assert_true(holds("a <= a"));
    assert_true(holds("a > ''"));
}

static void a_part_is_contained(void **state) {
    (void)state;
    assert_true(holds("double trouble contains trou"));
    assert_false(holds("double trouble contains Trou"));
    assert_true(holds("a contains ''"));
    assert_false(holds("'' contains a"));
    assert_false(holds("a contains aa"));
    assert_false(holds("10 contains 1.0"));
}

static void a_pattern_matches_anywhere(void **state) {
    (void)state;
    assert_true(holds("hello world 12 matches world [0-9]+"));
    assert_false(holds("hello world matches ^world"));
    assert_true(holds("${n} matches ^\\d$"));
    assert_true(holds("a b matches 'a b$'"));
    assert_true(holds("'x == y' matches \"x == y\""));
    assert_true(holds("say 'hi' matches 'hi'"));
    assert_true(holds("it's matches t's"));
    assert_true(holds("a matches (?<k>a)"));
    assert_compared("${n} matches '${n}|4' ", "4", "${n}|4");
}

static void both_sides_are_templates(void **state) {
    (void)state;
    say("{\"a\": \"x == y\", \"b\": 5}");
    assert_true(holds("${json.b} == ${n + 1}"));
    assert_true(holds("${json.a} == 'x == y'"));
    assert_true(holds("${json['a']} contains ' == '"));
    assert_true(holds("${json.nope:-a == b} == 'a == b'"));
    assert_true(holds("$${n} == '$${n}'"));
    assert_compared("  (${json.b}) ==  ${n} a  b  ", "(5)", "4 a  b");
    assert_compared("' ${n} ' != \" it's ${n}\"", " 4 ", " it's 4");
}

static void operators_that_are_signs_need_no_space(void **state) {
    (void)state;
    assert_true(holds("${n}==4"));
    assert_true(holds("${n}<=4"));
    assert_true(holds("${n}!=5"));
    assert_true(holds("3<${n}"));
    assert_true(holds("5>${n}"));
    assert_true(holds("4>=${n}"));
    assert_true(holds("'a'=='a'"));
}

static void operators_that_are_words_do(void **state) {
    (void)state;
    assert_compared("xcontains y contains z", "xcontains y", "z");
    assert_compared("contains contains contains_", "contains", "contains_");
    assert_compared("a matchesx == b", "a matchesx", "b");
    assert_true(holds("'a' contains a"));
}

static void what_has_no_value_is_equal_to_nothing(void **state) {
    (void)state;
    say("no json");
    static const char *const texts[] = {
        "${json.a} == ${json.b}", "${json.a} == ''",      "${json.a} != x",       "x != ${json.a}",
        "'' == ${json.a}",        "x contains ${json.a}", "${json.a} matches ^$",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct asked a;
        ask(texts[i], &a);
        assert_int_equal(a.err, TB_OK);
        assert_false(a.holds);
        assert_string_equal(scope.missing, "json.a");
        release(&a);
    }
    assert_true(holds("${json.a:-} == ''"));
    assert_null(scope.missing);
}

static void what_is_not_a_comparison_is_shown_where_it_stands(void **state) {
    (void)state;
    static const char operators[] =
        "an operator is missing here: ==, !=, <, <=, >, >=, contains or matches";
    static const char side[] = "one side is missing (an empty text is written \"\")";
    static const char second[] = "a second operator (a text that has one in it stands in quotes)";
    assert_refused("${n}", 4, operators);
    assert_refused("${n} = 4", 8, operators);
    assert_refused("'a' b == c", 5, operators); /* behind the quote that YAML wants */
    assert_refused("${n} containing 4", 17, operators);
    assert_refused("== 4", 0, side);
    assert_refused("${n} ==", 7, side);
    assert_refused("${n} contains", 13, side);
    assert_refused("${n} == == 4", 8, side);
    assert_refused("1 == ${n} == 4", 10, second);
    assert_refused("a contains b contains c", 13, second);
    assert_refused("a == b > c", 7, second);
    assert_refused("a == 'b' c", 9, "nothing may follow a text in quotes");
    assert_refused("a == 'b c", 5, "this quote has no other that ends it");
    assert_refused("a == ${n", 5, "this ${ has no } that ends it");
    assert_refused("a == ${conn.x}", 7, "unknown variable 'conn.x' (did you mean 'conn.id'?)");
    assert_refused("a matches", 9, "a regular expression is missing here");
    assert_refused(
        "a matches  (b", 11,
        "not a regular expression: \"(b\" (at character 3: missing closing parenthesis)");
    assert_refused(
        "a matches 'x)'", 11,
        "not a regular expression: \"x)\" (at character 2: unmatched closing parenthesis)");
}

static void what_is_too_large_is_not_compared(void **state) {
    (void)state;
    size_t n = TEMPLATE_SIZE_MAX / 2 + 1;
    char *text = malloc(n);
    struct asked a;
    assert_non_null(text);
    memset(text, 'x', n);
    message_set(&message, MESSAGE_TEXT, true, text, n);
    ask("a != ${text}${text}", &a);
    assert_int_equal(a.err, TB_ERANGE);
    assert_false(a.holds);
    release(&a);
    ask("${text}${text} != a", &a);
    assert_int_equal(a.err, TB_ERANGE);
    assert_false(a.holds);
    release(&a);
    free(text);
}

static int read_and_ask(const char *text, struct asked *a) {
    const struct check *check;
    if (!reading_init(&a->x, text)) {
        return TB_ENOMEM;
    }
    int err = check_read(&a->x.r, a->x.node, &check);
    return err == TB_OK ? check_holds(check, &scope, &a->holds, &a->left, &a->right) : err;
}

static void memory_that_is_out_is_reported(void **state) {
    (void)state;
    static const char *const texts[] = {"a${n} == 'a4'", "${n} matches ^[0-9]$"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        unsigned n = 0;
        do {
            struct asked a = {0};
            fail_alloc_at(n);
            int err = read_and_ask(texts[i], &a);
            fail_alloc_off();
            assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
            assert_int_equal(a.holds, err == TB_OK);
            release(&a);
        } while (n++ < alloc_count());
    }
}

#define TEST(f) cmocka_unit_test_setup(f, make_scope)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(numbers_are_compared_by_their_value),
        TEST(what_is_no_number_is_compared_byte_by_byte),
        TEST(a_part_is_contained),
        TEST(a_pattern_matches_anywhere),
        TEST(both_sides_are_templates),
        TEST(operators_that_are_signs_need_no_space),
        TEST(operators_that_are_words_do),
        TEST(what_has_no_value_is_equal_to_nothing),
        TEST(what_is_not_a_comparison_is_shown_where_it_stands),
        TEST(what_is_too_large_is_not_compared),
        TEST(memory_that_is_out_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
