#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"
#include "base/pattern.h"
#include "guarded.h"
#include "script/from/volatile.h"

#define UUID "6fa459ea-ee8a-3ca4-894e-db77e160355e"

static struct bytes regex, message;

static int tear_down(void **state) {
    (void)state;
    bytes_release(&regex);
    bytes_release(&message);
    return 0;
}

/* ---- finding ---- */

static void assert_found(const char *text, enum volatile_kind kind, const char *expected) {
    struct volatile_word word;
    assert_true(volatile_find(text, strlen(text), 0, &word));
    assert_int_equal(word.kind, kind);
    assert_int_equal(word.size, strlen(expected));
    assert_memory_equal(text + word.at, expected, word.size);
}

static void assert_none(const char *text) {
    struct volatile_word word;
    if (volatile_find(text, strlen(text), 0, &word)) {
        fail_msg("'%.*s' in '%s'", (int)word.size, text + word.at, text);
    }
}

static void times_are_found(void **state) {
    (void)state;
    static const char *const times[] = {"2026-11-22T10:00:00Z", "2026-11-22T10:00:00.123456Z",
                                        "2026-11-22t10:00:00z", "2026-11-22 10:00:00+02:00",
                                        "2026-11-22T10:00:00.1-11:30"};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        assert_found(times[i], VOLATILE_TIME, times[i]);
    }
    assert_found("at \"2026-11-22T10:00:00Z\".", VOLATILE_TIME, "2026-11-22T10:00:00Z");
    assert_none("2026-11-22T10:00:00");
    assert_none("2026-11-22T10:00:00.Z");
    assert_none("2026-11-22T10:00:00+0200");
    assert_none("2026-11-22");
    assert_none("12026-11-22T10:00:00Z");
    assert_none("2026-11-22T10:00:00ZZ");
}

static void uuids_are_found(void **state) {
    (void)state;
    assert_found(UUID, VOLATILE_UUID, UUID);
    assert_found("{" UUID "}", VOLATILE_UUID, UUID);
    assert_found("id=6FA459EA-ee8a-3ca4-894e-DB77E160355E,", VOLATILE_UUID,
                 "6FA459EA-ee8a-3ca4-894e-DB77E160355E");
    assert_none("x" UUID);
    assert_none(UUID "0");
    assert_none("a-" UUID);
    assert_none(UUID "-a");
    assert_none(UUID "\xc3\xa4");
    assert_none("6fa459ea-ee8a-3ca4-894e-db77e160355");
    assert_none("6fa459eg-ee8a-3ca4-894e-db77e160355e");
}

static void milliseconds_are_found(void **state) {
    (void)state;
    assert_found("[1795341600501]", VOLATILE_MILLISECONDS, "1795341600501");
    assert_found("1795341600501.", VOLATILE_MILLISECONDS, "1795341600501");
    assert_none("1795341600501.5");
    assert_none("0.1795341600501");
    assert_none("-1795341600501");
    assert_none("17953416005011");
    assert_none("2795341600501");
    assert_none("179534160050");
    assert_none("a1795341600501");
}

static void nothing_is_read_beyond_the_text(void **state) {
    (void)state;
    static const char *const texts[] = {UUID, "2026-11-22T10:00:00.123+02:00", "1795341600501"};
    struct guarded g;
    guarded_init(&g, 64);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (size_t n = 0; n <= strlen(texts[i]); n++) {
            struct volatile_word word;
            char *p = (char *)g.end - n;
            memcpy(p, texts[i], n);
            bool found = volatile_find(p, n, 0, &word);
            assert_true(found || n < strlen(texts[i]));
        }
    }
    guarded_release(&g);
}

/* ---- patterns ---- */

static enum pattern_result search(const char *text) {
    struct pattern *pattern = NULL;
    assert_int_equal(bytes_append(&regex, "", 1), TB_OK);
    regex.len--;
    if (pattern_new((char *)regex.data, &pattern, &message) != TB_OK) {
        fail_msg("%.*s", (int)message.len, (char *)message.data);
    }
    enum pattern_result result = pattern_search(pattern, text, strlen(text));
    pattern_free(pattern);
    return result;
}

static void make(const char *text) {
    bytes_clear(&regex);
    assert_int_equal(volatile_pattern(text, strlen(text), &regex), TB_OK);
}

static void a_pattern_takes_its_text_and_others_of_the_kind(void **state) {
    (void)state;
    make("{\"at\":\"2026-11-22T10:00:00Z\",\"id\":\"" UUID "\",\"ms\":1795341600501}");
    assert_int_equal(
        search("{\"at\":\"2026-11-22T10:00:00Z\",\"id\":\"" UUID "\",\"ms\":1795341600501}"),
        PATTERN_FOUND);
    assert_int_equal(search("{\"at\":\"2027-01-01T00:00:00.5+01:00\",\"id\":\"00000000-0000-0000-"
                            "0000-00000000000F\",\"ms\":1795341600999}"),
                     PATTERN_FOUND);
    assert_int_equal(search("{\"at\":\"soon\",\"id\":\"" UUID "\",\"ms\":1795341600501}"),
                     PATTERN_NOT_FOUND);
    assert_int_equal(
        search("-{\"at\":\"2026-11-22T10:00:00Z\",\"id\":\"" UUID "\",\"ms\":1795341600501}"),
        PATTERN_NOT_FOUND);
    assert_int_equal(
        search("{\"at\":\"2026-11-22T10:00:00Z\",\"id\":\"" UUID "\",\"ms\":1795341600501}-"),
        PATTERN_NOT_FOUND);
}

static void what_means_something_in_a_pattern_is_quoted(void **state) {
    (void)state;
    static const char *const texts[] = {"a.b",    "\\E", "\\", "\\\\E\\E",  "\\Q(", "^$",
                                        "[\\E]*", "#",   "\n", "\xc3\xa4+", "}{",   "\\E.\\"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct bytes text = BYTES_INIT;
        assert_int_equal(bytes_appendf(&text, "%s 1795341600501 %s", texts[i], texts[i]), TB_OK);
        assert_int_equal(bytes_append(&text, "", 1), TB_OK);
        make((char *)text.data);
        assert_int_equal(search((char *)text.data), PATTERN_FOUND);
        text.data[0] = 'x';
        assert_int_equal(search((char *)text.data), PATTERN_NOT_FOUND);
        bytes_release(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(times_are_found, tear_down),
        cmocka_unit_test_teardown(uuids_are_found, tear_down),
        cmocka_unit_test_teardown(milliseconds_are_found, tear_down),
        cmocka_unit_test_teardown(nothing_is_read_beyond_the_text, tear_down),
        cmocka_unit_test_teardown(a_pattern_takes_its_text_and_others_of_the_kind, tear_down),
        cmocka_unit_test_teardown(what_means_something_in_a_pattern_is_quoted, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
