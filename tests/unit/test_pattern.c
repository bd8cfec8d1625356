#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/pattern.h"
#include "failing_alloc.h"

static enum pattern_result search(const char *regex, const void *p, size_t n) {
    struct pattern *pattern = NULL;
    struct bytes message = BYTES_INIT;
    assert_int_equal(pattern_new(regex, &pattern, &message), TB_OK);
    assert_int_equal(message.len, 0);
    enum pattern_result result = pattern_search(pattern, p, n);
    pattern_free(pattern);
    bytes_release(&message);
    return result;
}

static enum pattern_result search_str(const char *regex, const char *text) {
    return search(regex, text, strlen(text));
}

static void a_match_is_found_anywhere(void **state) {
    (void)state;
    assert_int_equal(search_str("b+c", "aabbcc"), PATTERN_FOUND);
    assert_int_equal(search_str("^b", "aabbcc"), PATTERN_NOT_FOUND);
    assert_int_equal(search_str("c$", "aabbcc"), PATTERN_FOUND);
    assert_int_equal(search_str("(?i)\"DONE\"\\s*:\\s*true", "{\"done\": true}"), PATTERN_FOUND);
    assert_int_equal(search_str("^.$", "ж"), PATTERN_FOUND);
    assert_int_equal(search("a\\x00b", "a\0b", 3), PATTERN_FOUND);
}

static void empty_text_is_text(void **state) {
    (void)state;
    assert_int_equal(search("^$", NULL, 0), PATTERN_FOUND);
    assert_int_equal(search("a", NULL, 0), PATTERN_NOT_FOUND);
}

/* Larger than a window of starting points, with the match, and what it looks back to, anywhere. */
static void every_starting_point_is_tried(void **state) {
    (void)state;
    enum { SIZE = 5000 };
    char text[SIZE];
    struct pattern *pattern = NULL;
    struct bytes message = BYTES_INIT;
    assert_int_equal(pattern_new("(?<=aa)b$|x", &pattern, &message), TB_OK);
    for (size_t n = 3; n < SIZE; n++) {
        memset(text, 'a', n);
        text[n - 1] = 'b';
        assert_int_equal(pattern_search(pattern, text, n), PATTERN_FOUND);
        text[n - 1] = 'a';
        assert_int_equal(pattern_search(pattern, text, n), PATTERN_NOT_FOUND);
        text[n / 2] = 'x';
        assert_int_equal(pattern_search(pattern, text, n), PATTERN_FOUND);
    }
    pattern_free(pattern);
    bytes_release(&message);
}

static void text_that_is_not_utf8_is_searched_safely(void **state) {
    (void)state;
    assert_int_equal(search("b", "\xff\xc3(\xe2\x82 b", 7), PATTERN_FOUND);
    assert_int_equal(search("^.b",
                            "\xff"
                            "b",
                            2),
                     PATTERN_NOT_FOUND);
    uint8_t text[300];
    memset(text, 0x80, sizeof(text));
    assert_int_equal(search(".", text, sizeof(text)), PATTERN_NOT_FOUND);
    text[299] = 'z';
    assert_int_equal(search("z", text, sizeof(text)), PATTERN_FOUND);
    for (unsigned pair = 0; pair <= 0xffff; pair++) {
        text[15] = (uint8_t)(pair >> 8);
        text[16] = (uint8_t)pair;
        if (pair % 251 == 0) {
            assert_int_equal(search("\\x{80}$|z", text, sizeof(text)), PATTERN_FOUND);
        }
    }
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void no_pattern_runs_for_long(void **state) {
    (void)state;
    enum { SIZE = 1000000 };
    static const char *const regexes[] = {"(a+)+$",       "(a|aa)+$", "(?:a?){50}a{50}x",
                                          "(.|\\n)*[xy]", "a*a*[xy]", "a*?a*[xy]"};
    char *text = malloc(SIZE);
    assert_non_null(text);
    memset(text, 'a', SIZE);
    text[SIZE - 1] = '!';
    for (size_t i = 0; i < sizeof(regexes) / sizeof(regexes[0]); i++) {
        int64_t begun = now_ms();
        assert_int_not_equal(search(regexes[i], text, SIZE), PATTERN_FOUND);
        assert_true(now_ms() - begun < 5000);
    }
    assert_int_equal(search("(a+)+$", text + SIZE - 100000, 100000), PATTERN_LIMIT);
    free(text);
}

/* More steps than a short text is first allowed, fewer than any text is. */
static void short_texts_are_not_given_up_early(void **state) {
    (void)state;
    enum { SIZE = 4096 };
    static char text[SIZE];
    memset(text, 'a', SIZE);
    assert_int_equal(search("(?:a|b)*?(?:a|c)*?!", text, 300), PATTERN_NOT_FOUND);
    text[299] = '!';
    assert_int_equal(search("(?:a|b)*?(?:a|c)*?(?<!aa)b|a!", text, 300), PATTERN_FOUND);
    text[299] = 'a';
    text[SIZE - 1] = '!';
    assert_int_equal(search("^(?:a|b)*!", text, SIZE), PATTERN_FOUND);
    assert_int_equal(search("(a+)+$", text, 100), PATTERN_FOUND);
    assert_int_equal(search("(a+)+b$", text, SIZE), PATTERN_NOT_FOUND);
    int64_t begun = now_ms();
    assert_int_equal(search("(a+)+$", text, SIZE), PATTERN_LIMIT);
    assert_int_equal(search("(a+)+$", text + SIZE - 40, 40), PATTERN_LIMIT);
    assert_int_equal(search("(?:a(?=[^z]*(?:z|$))){1,200}b", text, SIZE), PATTERN_NOT_FOUND);
    assert_true(now_ms() - begun < 5000);
}

static void check_group(const struct pattern *pattern, size_t i, const char *name,
                        const char *caught) {
    const uint8_t *p = NULL;
    size_t n = 0;
    assert_string_equal(pattern_group_name(pattern, i), name);
    assert_int_equal(pattern_group(pattern, i, &p, &n), caught != NULL);
    if (caught != NULL) {
        assert_int_equal(n, strlen(caught));
        assert_memory_equal(p, caught, n);
    }
}

static struct pattern *new_pattern(const char *regex) {
    struct pattern *pattern = NULL;
    struct bytes message = BYTES_INIT;
    assert_int_equal(pattern_new(regex, &pattern, &message), TB_OK);
    bytes_release(&message);
    return pattern;
}

static void named_groups_tell_what_they_caught(void **state) {
    (void)state;
    struct pattern *pattern =
        new_pattern("(z)?(?<who>\\w+) (?<is>(x)|(?<an>an?)) (?P<animal>\\w*)(?'end')(y)?");
    assert_int_equal(pattern_group_count(pattern), 5);
    const char *text = "- Жук a cat";
    assert_int_equal(pattern_search(pattern, text, strlen(text)), PATTERN_NOT_FOUND);
    text = "- Tom a cat -";
    assert_int_equal(pattern_search(pattern, text, strlen(text)), PATTERN_FOUND);
    check_group(pattern, 0, "who", "Tom");
    check_group(pattern, 1, "is", "a");
    check_group(pattern, 2, "an", "a");
    check_group(pattern, 3, "animal", "cat");
    check_group(pattern, 4, "end", "");
    text = "Tom x ";
    assert_int_equal(pattern_search(pattern, text, strlen(text)), PATTERN_FOUND);
    check_group(pattern, 1, "is", "x");
    check_group(pattern, 2, "an", NULL);
    check_group(pattern, 3, "animal", "");
    pattern_free(pattern);
}

static void groups_are_told_in_texts_of_any_size(void **state) {
    (void)state;
    enum { SIZE = 10000 };
    static char text[SIZE];
    memset(text, ' ', SIZE);
    memcpy(text + SIZE - 4, "k=v ", 4);
    struct pattern *pattern = new_pattern("(?<key>\\w)=(?<value>\\w)");
    for (size_t n = 4; n <= SIZE; n += 1666) {
        assert_int_equal(pattern_search(pattern, text + SIZE - n, n), PATTERN_FOUND);
        check_group(pattern, 0, "key", "k");
        check_group(pattern, 1, "value", "v");
    }
    pattern_free(pattern);
}

static void a_group_may_catch_nothing_in_nothing(void **state) {
    (void)state;
    struct pattern *pattern = new_pattern("^(?<all>.*)$");
    assert_int_equal(pattern_search(pattern, NULL, 0), PATTERN_FOUND);
    check_group(pattern, 0, "all", "");
    pattern_free(pattern);
    pattern = new_pattern("(a)");
    assert_int_equal(pattern_group_count(pattern), 0);
    pattern_free(pattern);
}

static void groups_of_one_name_are_one(void **state) {
    (void)state;
    struct pattern *pattern = new_pattern("(?J)(?<b>1)|(?<a>2)(?<b>3)(?<b>4)|(?<c>5)");
    assert_int_equal(pattern_group_count(pattern), 3);
    assert_int_equal(pattern_search(pattern, "1", 1), PATTERN_FOUND);
    check_group(pattern, 0, "b", "1");
    check_group(pattern, 1, "a", NULL);
    assert_int_equal(pattern_search(pattern, "234", 3), PATTERN_FOUND);
    check_group(pattern, 0, "b", "3");
    check_group(pattern, 1, "a", "2");
    assert_int_equal(pattern_search(pattern, "5", 1), PATTERN_FOUND);
    check_group(pattern, 0, "b", NULL);
    check_group(pattern, 2, "c", "5");
    pattern_free(pattern);
    pattern = new_pattern("(?|(?<n>a)|(?<n>b))");
    assert_int_equal(pattern_group_count(pattern), 1);
    assert_int_equal(pattern_search(pattern, "b", 1), PATTERN_FOUND);
    check_group(pattern, 0, "n", "b");
    pattern_free(pattern);
}

static void a_bad_pattern_is_explained_in_one_line(void **state) {
    (void)state;
    struct pattern *pattern = NULL;
    struct bytes message = BYTES_INIT;
    assert_int_equal(pattern_new("\x1b[(a\n", &pattern, &message), TB_EINVAL);
    assert_null(pattern);
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    assert_string_equal((const char *)message.data,
                        "not a regular expression: \"\\x1b[(a\\n\" (at character 6: missing "
                        "terminating ] for character class)");
    bytes_clear(&message);
    assert_int_equal(pattern_new("a\xff", &pattern, &message), TB_EINVAL);
    assert_true(message.len > 0);
    bytes_release(&message);
}

static void failed_allocations_are_reported(void **state) {
    (void)state;
    unsigned n = 0;
    do {
        struct pattern *pattern = NULL;
        struct bytes message = BYTES_INIT;
        fail_alloc_at(n);
        int err = pattern_new("(?<n>a)", &pattern, &message);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
        assert_int_equal(pattern != NULL, err == TB_OK);
        assert_int_equal(message.len, 0);
        pattern_free(pattern);
    } while (n++ < alloc_count());
    assert_true(n > 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_match_is_found_anywhere),
        cmocka_unit_test(empty_text_is_text),
        cmocka_unit_test(every_starting_point_is_tried),
        cmocka_unit_test(text_that_is_not_utf8_is_searched_safely),
        cmocka_unit_test(no_pattern_runs_for_long),
        cmocka_unit_test(short_texts_are_not_given_up_early),
        cmocka_unit_test(named_groups_tell_what_they_caught),
        cmocka_unit_test(groups_are_told_in_texts_of_any_size),
        cmocka_unit_test(a_group_may_catch_nothing_in_nothing),
        cmocka_unit_test(groups_of_one_name_are_one),
        cmocka_unit_test(a_bad_pattern_is_explained_in_one_line),
        cmocka_unit_test(failed_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
