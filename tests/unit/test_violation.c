#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#include "proto/close.h"
#include "proto/violation.h"

static void every_row_is_named_as_its_constant(void **state) {
    (void)state;
#define X(NAME, SECTION, CLOSE_CODE, STATUS, TEXT)                                                 \
    assert_string_equal(ws_violation_row(WS_V_##NAME)->name, #NAME);                               \
    assert_string_equal(ws_violation_row(WS_V_##NAME)->text, TEXT);                                \
    assert_int_equal(ws_violation_row(WS_V_##NAME)->close_code, CLOSE_CODE);                       \
    assert_int_equal(ws_violation_row(WS_V_##NAME)->status, STATUS);
#include "proto/violation.def"
#undef X
}

static void every_section_names_its_rfc_once(void **state) {
    (void)state;
    for (int v = WS_V_NONE + 1; v < WS_V_COUNT; v++) {
        const char *section = ws_violation_row((enum ws_violation)v)->section;
        assert_memory_equal(section, "RFC ", 4);
        assert_null(strstr(section + 1, "RFC"));
        assert_true(isdigit((unsigned char)section[strlen(section) - 1]));
        assert_non_null(strchr(section + 4, ' '));
    }
    assert_string_equal(ws_violation_row(WS_V_FRAME_RSV)->section, "RFC 6455 5.2");
    assert_string_equal(ws_violation_row(WS_V_CLOSE_TRUNCATED)->section, "RFC 6455 5.5.1");
    assert_string_equal(ws_violation_row(WS_V_DEFLATE_DATA)->section, "RFC 7692 7.2.2");
    assert_string_equal(ws_violation_row(WS_V_HTTP_LINE_TOO_LONG)->section, "RFC 9112 3");
}

static void every_sentence_can_stand_in_another(void **state) {
    (void)state;
    for (int v = WS_V_NONE + 1; v < WS_V_COUNT; v++) {
        const char *text = ws_violation_row((enum ws_violation)v)->text;
        assert_true(strlen(text) > 10);
        assert_int_not_equal(text[strlen(text) - 1], '.');
    }
}

static void close_codes_may_stand_on_the_wire(void **state) {
    (void)state;
    for (int v = WS_V_NONE + 1; v < WS_V_COUNT; v++) {
        uint16_t code = ws_violation_row((enum ws_violation)v)->close_code;
        assert_true(code == 0 || ws_close_code_is_valid(code));
    }
}

static void no_violation_says_none(void **state) {
    (void)state;
    assert_string_equal(ws_violation_row(WS_V_NONE)->name, "none");
    assert_ptr_equal(ws_violation_row(WS_V_COUNT), ws_violation_row(WS_V_NONE));
    assert_ptr_equal(ws_violation_row((enum ws_violation)0xffffff), ws_violation_row(WS_V_NONE));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_named_as_its_constant),
        cmocka_unit_test(every_section_names_its_rfc_once),
        cmocka_unit_test(every_sentence_can_stand_in_another),
        cmocka_unit_test(close_codes_may_stand_on_the_wire),
        cmocka_unit_test(no_violation_says_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
