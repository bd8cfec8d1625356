#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "script/reader.h"

static struct document *doc;
static struct bytes message;
static struct reader reader;

static int tear_down(void **state) {
    (void)state;
    document_free(doc);
    arena_free(reader.arena);
    bytes_release(&message);
    doc = NULL;
    reader = (struct reader){.doc = NULL};
    return 0;
}

/* A reader of that text; returns the text's root. */
static const struct node *begin(const char *text) {
    tear_down(NULL);
    assert_int_equal(document_parse("FILE", text, strlen(text), &doc, &message), TB_OK);
    reader = (struct reader){.doc = doc, .arena = arena_new(), .message = &message};
    assert_non_null(reader.arena);
    return document_root(doc);
}

/* The value of key `a` in that text. */
static const struct node *value(const char *text) {
    return node_get(begin(text), "a");
}

/* What is said behind "FILE:LINE:COLUMN: error: ", in the first line. */
static void assert_said(const char *expected) {
    char line[1024];
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    const char *words = strstr((char *)message.data, ": error: ");
    assert_non_null(words);
    words += strlen(": error: ");
    snprintf(line, sizeof(line), "%.*s", (int)strcspn(words, "\n"), words);
    assert_string_equal(line, expected);
}

/* ---- maps ---- */

struct rule {
    char order[64];
    bool times_read;
};

static int read_name(struct reader *r, const struct node *node, void *into) {
    struct rule *rule = into;
    int err = reader_scalar(r, node, "a name");
    if (err == TB_OK) {
        assert_string_equal(r->key->text, "name");
        strcat(rule->order, node->text);
    }
    return err;
}

static int read_times(struct reader *r, const struct node *node, void *into) {
    struct rule *rule = into;
    uint64_t times;
    rule->times_read = true;
    strcat(rule->order, "+");
    return reader_number(r, node, 1, 10, &times);
}

static const struct field fields[] = {
    {"name", read_name, true},
    {"times", read_times, false},
    {NULL, NULL, false},
};

static int read_rule(const char *text, struct rule *rule) {
    *rule = (struct rule){.order = ""};
    return reader_map(&reader, value(text), fields, "a rule", rule);
}

static void refuse_rule(const char *text, const char *expected) {
    struct rule rule;
    assert_int_equal(read_rule(text, &rule), TB_EINVAL);
    assert_said(expected);
}

static void a_map_is_read_in_the_order_of_its_keys(void **state) {
    (void)state;
    struct rule rule;
    assert_int_equal(read_rule("a: {name: x, times: 2}", &rule), TB_OK);
    assert_string_equal(rule.order, "x+");
    assert_int_equal(read_rule("a: {times: 2, name: x}", &rule), TB_OK);
    assert_string_equal(rule.order, "+x");
    assert_int_equal(read_rule("a: {name: x}", &rule), TB_OK);
    assert_false(rule.times_read);
}

static void what_is_wrong_with_a_map_is_said(void **state) {
    (void)state;
    refuse_rule("a: {name: x, tiems: 2}", "unknown key 'tiems' in a rule (did you mean 'times'?)");
    refuse_rule("a: {colour: x}", "unknown key 'colour' in a rule (known keys: name, times)");
    refuse_rule("a: {\"x\\ey\": x}", "unknown key 'x\\x1by' in a rule (known keys: name, times)");
    refuse_rule("a: {times: 2}", "a rule needs 'name'");
    refuse_rule("a: {}", "a rule needs 'name'");
    refuse_rule("a: [x]", "expected a rule, not a list");
    refuse_rule("a: x", "expected a rule, not 'x'");
    refuse_rule("a: ''", "expected a rule, not ''");
    refuse_rule("a:", "expected a rule, and nothing stands here");
    refuse_rule("a: {name: [x]}", "expected a name, not a list");
    refuse_rule("a: {name: {x: y}}", "expected a name, not a mapping");
    refuse_rule("a: {name: x, times: 11}", "'11' is out of range (1 to 10)");
}

static void an_unknown_key_of_a_long_table_is_not_answered_with_all_of_it(void **state) {
    (void)state;
    static const struct field many[] = {
        {"k01", read_name, false}, {"k02", read_name, false}, {"k03", read_name, false},
        {"k04", read_name, false}, {"k05", read_name, false}, {"k06", read_name, false},
        {"k07", read_name, false}, {"k08", read_name, false}, {"k09", read_name, false},
        {"k10", read_name, false}, {"k11", read_name, false}, {"k12", read_name, false},
        {"k13", read_name, false}, {NULL, NULL, false},
    };
    const struct node *node = value("a: {colour: x}");
    assert_int_equal(reader_map(&reader, node, many, "a rule", NULL), TB_EINVAL);
    assert_said("unknown key 'colour' in a rule");
}

static void a_refusal_shows_the_place(void **state) {
    (void)state;
    struct rule rule;
    assert_int_equal(read_rule("a:\n  name: x\n  tiems: 2\n", &rule), TB_EINVAL);
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    assert_string_equal((char *)message.data,
                        "FILE:3:3: error: unknown key 'tiems' in a rule (did you mean 'times'?)\n"
                        "      tiems: 2\n"
                        "      ^");
    const struct node *node = value("a: hello");
    assert_int_equal(reader_refuse_at(&reader, node, 2, "'%s' is wrong", "l"), TB_EINVAL);
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    assert_string_equal((char *)message.data, "FILE:1:6: error: 'l' is wrong\n"
                                              "    a: hello\n"
                                              "         ^");
}

static void a_long_text_is_cut_in_messages(void **state) {
    (void)state;
    const struct node *node =
        value("a: \xc3\xa4xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\xc3\xa4yy");
    assert_string_equal(reader_shown(&reader, node),
                        "\xc3\xa4xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...");
    assert_string_equal(reader_shown(&reader, value("a: short")), "short");
    assert_string_equal(reader_shown(&reader, value("a: [x]")), "a list");
}

/* ---- lists and words ---- */

static int append(struct reader *r, const struct node *node, void *into) {
    int err = reader_scalar(r, node, "a text");
    return err == TB_OK ? (strcat(into, node->text), TB_OK) : err;
}

static void a_single_value_is_a_list_of_one(void **state) {
    (void)state;
    char all[32] = "";
    assert_int_equal(reader_each(&reader, value("a: [x, y, z]"), append, all), TB_OK);
    assert_int_equal(reader_each(&reader, value("a: w"), append, all), TB_OK);
    assert_int_equal(reader_each(&reader, value("a: []"), append, all), TB_OK);
    assert_string_equal(all, "xyzw");
    assert_int_equal(reader_each(&reader, value("a: [x, [y], z]"), append, all), TB_EINVAL);
    assert_said("expected a text, not a list");
}

static void kinds_are_wanted(void **state) {
    (void)state;
    assert_int_equal(reader_list(&reader, value("a: [x]"), "a list of rules"), TB_OK);
    assert_int_equal(reader_list(&reader, value("a: x"), "a list of rules"), TB_EINVAL);
    assert_said("expected a list of rules, not 'x'");
    assert_int_equal(reader_mapping(&reader, value("a: {x: y}"), "a rule"), TB_OK);
    assert_int_equal(reader_mapping(&reader, value("a: [x]"), "a rule"), TB_EINVAL);
    assert_said("expected a rule, not a list");
    assert_true(reader_is_nothing(value("a:")));
    assert_false(reader_is_nothing(value("a: ''")));
}

static void texts_end_with_null(void **state) {
    (void)state;
    const char *const *texts = NULL;
    assert_int_equal(reader_texts(&reader, value("a: [x, \"y z\"]"), &texts), TB_OK);
    assert_string_equal(texts[0], "x");
    assert_string_equal(texts[1], "y z");
    assert_null(texts[2]);
    assert_int_equal(reader_texts(&reader, value("a: x"), &texts), TB_OK);
    assert_string_equal(texts[0], "x");
    assert_null(texts[1]);
    assert_int_equal(reader_texts(&reader, value("a: []"), &texts), TB_OK);
    assert_null(texts[0]);
    assert_int_equal(reader_texts(&reader, value("a: [x, {y: z}]"), &texts), TB_EINVAL);
    assert_said("expected a text, not a mapping");
}

static void yes_and_no_have_their_words(void **state) {
    (void)state;
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on",
                                        "NO", "Yes", "False", "TRUE", "Off", "ON"};
    char text[32];
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        bool is = i % 2 == 0;
        snprintf(text, sizeof(text), "a: %s", words[i]);
        assert_int_equal(reader_bool(&reader, value(text), &is), TB_OK);
        assert_int_equal(is, i % 2 == 1);
    }
    bool is;
    assert_int_equal(reader_bool(&reader, value("a: yess"), &is), TB_EINVAL);
    assert_said("expected yes or no, not 'yess'");
    assert_int_equal(reader_bool(&reader, value("a: o"), &is), TB_EINVAL);
    assert_int_equal(reader_bool(&reader, value("a:"), &is), TB_EINVAL);
    assert_said("expected yes or no, and nothing stands here");
}

static void a_choice_is_an_index(void **state) {
    (void)state;
    static const char *const words[] = {"text", "binary", NULL};
    unsigned index = 7;
    assert_int_equal(reader_choice(&reader, value("a: binary"), words, &index), TB_OK);
    assert_int_equal(index, 1);
    assert_int_equal(reader_choice(&reader, value("a: binray"), words, &index), TB_EINVAL);
    assert_said("unknown word 'binray' (did you mean 'binary'?)");
    assert_int_equal(reader_choice(&reader, value("a: Text message"), words, &index), TB_EINVAL);
    assert_said("unknown word 'Text message' (known words: text, binary)");
    assert_int_equal(reader_choice(&reader, value("a: [text]"), words, &index), TB_EINVAL);
    assert_said("expected a word, not a list");
}

/* ---- numbers with and without units ---- */

static void numbers_keep_to_their_limits(void **state) {
    (void)state;
    uint64_t n = 0;
    assert_int_equal(reader_number(&reader, value("a: 5"), 5, 5, &n), TB_OK);
    assert_int_equal(n, 5);
    assert_int_equal(reader_number(&reader, value("a: '6'"), 1, UINT64_MAX, &n), TB_OK);
    assert_int_equal(n, 6);
    assert_int_equal(reader_number(&reader, value("a: 4"), 5, 7, &n), TB_EINVAL);
    assert_said("'4' is out of range (5 to 7)");
    assert_int_equal(reader_number(&reader, value("a: 0"), 1, UINT64_MAX, &n), TB_EINVAL);
    assert_said("'0' is out of range (from 1 on)");
    assert_int_equal(reader_number(&reader, value("a: -4"), 0, 7, &n), TB_EINVAL);
    assert_said("'-4' is no whole number");
    assert_int_equal(reader_number(&reader, value("a: "), 0, 7, &n), TB_EINVAL);
    assert_said("expected a whole number, and nothing stands here");
    assert_int_equal(reader_number(&reader, value("a: [1]"), 0, 7, &n), TB_EINVAL);
    assert_said("expected a whole number, not a list");
    assert_int_equal(n, 6);
}

static void refuse_span(const char *text, const char *expected) {
    struct span span;
    assert_int_equal(reader_span(&reader, value(text), &span), TB_EINVAL);
    assert_said(expected);
}

static void a_span_is_a_time_or_a_range_of_times(void **state) {
    (void)state;
    struct span span;
    assert_int_equal(reader_span(&reader, value("a: 20ms"), &span), TB_OK);
    assert_true(span.min_ms == 20 && span.max_ms == 20);
    assert_int_equal(reader_span(&reader, value("a: 20ms..1.5s"), &span), TB_OK);
    assert_true(span.min_ms == 20 && span.max_ms == 1500);
    assert_int_equal(reader_span(&reader, value("a: 1..1"), &span), TB_OK);
    assert_true(span.min_ms == 1000 && span.max_ms == 1000);
    refuse_span("a: 80ms..20ms", "the range '80ms..20ms' ends below its beginning");
    refuse_span("a: 20ms..", "'20ms..' is no duration or range of them (20ms, 5s, 20ms..80ms)");
    refuse_span("a: ..20ms", "'..20ms' is no duration or range of them (20ms, 5s, 20ms..80ms)");
    refuse_span("a: 1s...2s", "'1s...2s' is no duration or range of them (20ms, 5s, 20ms..80ms)");
    refuse_span("a: 1s..99999999h", "'1s..99999999h' is too much (10 years are the limit)");
    refuse_span("a: [1s]",
                "expected a duration or range of them (20ms, 5s, 20ms..80ms), not a list");
}

static void a_duration_is_no_range(void **state) {
    (void)state;
    uint64_t ms = 0;
    assert_int_equal(reader_duration(&reader, value("a: 2m"), &ms), TB_OK);
    assert_int_equal(ms, 120000);
    assert_int_equal(reader_duration(&reader, value("a: 5 secs"), &ms), TB_EINVAL);
    assert_said("'5 secs' is no duration (20ms, 5s, 2m, 1h)");
    assert_int_equal(reader_duration(&reader, value("a: 1s..2s"), &ms), TB_EINVAL);
    assert_said("'1s..2s' is no duration (20ms, 5s, 2m, 1h)");
    assert_int_equal(reader_duration(&reader, value("a:"), &ms), TB_EINVAL);
    assert_said("expected a duration (20ms, 5s, 2m, 1h), and nothing stands here");
}

static void sizes_and_their_ranges(void **state) {
    (void)state;
    uint64_t bytes = 0;
    struct size_range range;
    assert_int_equal(reader_size(&reader, value("a: 16KB"), &bytes), TB_OK);
    assert_int_equal(bytes, 16384);
    assert_int_equal(reader_size(&reader, value("a: big"), &bytes), TB_EINVAL);
    assert_said("'big' is no size (100, 16KB, 1MB)");
    assert_int_equal(reader_size_range(&reader, value("a: 0..125"), &range), TB_OK);
    assert_true(range.min == 0 && range.max == 125);
    assert_int_equal(reader_size_range(&reader, value("a: 1KB"), &range), TB_OK);
    assert_true(range.min == 1024 && range.max == 1024);
    assert_int_equal(reader_size_range(&reader, value("a: 1KB..1"), &range), TB_EINVAL);
    assert_said("the range '1KB..1' ends below its beginning");
    assert_int_equal(reader_size_range(&reader, value("a: 9999999999G"), &range), TB_EINVAL);
    assert_said("'9999999999G' is too much (2^63 - 1 bytes are the limit)");
}

static void a_rate_is_at_least_a_byte_a_second(void **state) {
    (void)state;
    uint64_t rate = 7;
    assert_int_equal(reader_rate(&reader, value("a: 16KB/s"), &rate), TB_OK);
    assert_int_equal(rate, 16384);
    assert_int_equal(reader_rate(&reader, value("a: 1/s"), &rate), TB_OK);
    assert_int_equal(rate, 1);
    static const char *const bad[] = {"16KB", "/s", "s", "16KB/m", "16KB /s"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[32], expected[64];
        snprintf(text, sizeof(text), "a: %s", bad[i]);
        snprintf(expected, sizeof(expected), "'%s' is no rate (500/s, 16KB/s)", bad[i]);
        assert_int_equal(reader_rate(&reader, value(text), &rate), TB_EINVAL);
        assert_said(expected);
    }
    assert_int_equal(reader_rate(&reader, value("a: 0/s"), &rate), TB_EINVAL);
    assert_said("a rate of nothing would never end (1/s is the least)");
    assert_int_equal(rate, 1);
}

static void percentages_and_close_codes(void **state) {
    (void)state;
    uint32_t millionths = 0;
    uint16_t code = 0;
    assert_int_equal(reader_percent(&reader, value("a: 0.5%"), &millionths), TB_OK);
    assert_int_equal(millionths, 5000);
    assert_int_equal(reader_percent(&reader, value("a: 0.3"), &millionths), TB_EINVAL);
    assert_said("'0.3' is no percentage (30%, 0.5%)");
    assert_int_equal(reader_percent(&reader, value("a: 101%"), &millionths), TB_EINVAL);
    assert_said("'101%' is too much (100% is the most)");
    assert_int_equal(reader_close_code(&reader, value("a: 4001"), &code), TB_OK);
    assert_int_equal(code, 4001);
    static const char *const bad[] = {"1006", "999", "66536", "normal"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[32], expected[128];
        snprintf(text, sizeof(text), "a: %s", bad[i]);
        snprintf(expected, sizeof(expected),
                 "'%s' is no close code that may be sent (1000-1003, 1007-1014, 3000-4999)",
                 bad[i]);
        assert_int_equal(reader_close_code(&reader, value(text), &code), TB_EINVAL);
        assert_said(expected);
    }
    assert_int_equal(code, 4001);
}

/* ---- memory ---- */

static int read_everything(const struct node *root) {
    const char *const *texts;
    struct rule rule = {.order = ""};
    struct span span;
    uint64_t rate;
    int err = reader_texts(&reader, node_get(root, "texts"), &texts);
    err = err == TB_OK ? reader_span(&reader, node_get(root, "span"), &span) : err;
    err = err == TB_OK ? reader_rate(&reader, node_get(root, "rate"), &rate) : err;
    return err == TB_OK ? reader_map(&reader, node_get(root, "rule"), fields, "a rule", &rule)
                        : err;
}

static void memory_that_is_out_is_told(void **state) {
    (void)state;
    unsigned n = 0;
    int err;
    do {
        const struct node *root =
            begin("texts: [a, b]\nspan: 1s..2s\nrate: 1/s\nrule: {colour: x}\n");
        fail_alloc_at(n);
        err = read_everything(root);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_EINVAL);
    } while (n++ < alloc_count());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_is_read_in_the_order_of_its_keys),
        cmocka_unit_test(what_is_wrong_with_a_map_is_said),
        cmocka_unit_test(an_unknown_key_of_a_long_table_is_not_answered_with_all_of_it),
        cmocka_unit_test(a_refusal_shows_the_place),
        cmocka_unit_test(a_long_text_is_cut_in_messages),
        cmocka_unit_test(a_single_value_is_a_list_of_one),
        cmocka_unit_test(kinds_are_wanted),
        cmocka_unit_test(texts_end_with_null),
        cmocka_unit_test(yes_and_no_have_their_words),
        cmocka_unit_test(a_choice_is_an_index),
        cmocka_unit_test(numbers_keep_to_their_limits),
        cmocka_unit_test(a_span_is_a_time_or_a_range_of_times),
        cmocka_unit_test(a_duration_is_no_range),
        cmocka_unit_test(sizes_and_their_ranges),
        cmocka_unit_test(a_rate_is_at_least_a_byte_a_second),
        cmocka_unit_test(percentages_and_close_codes),
        cmocka_unit_test(memory_that_is_out_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
