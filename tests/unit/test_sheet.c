#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "app/test/sheet.h"
#include "failing_alloc.h"

static void assert_text(struct sheet *s, const char *expected) {
    assert_false(s->nomem);
    sheet_bytes(s, "", 1);
    assert_string_equal((const char *)s->text.data, expected);
    sheet_release(s);
}

static void text_is_made_safe_for_where_it_stands(void **state) {
    (void)state;
    struct sheet s = SHEET_INIT;
    const struct bytes bytes = {.data = (uint8_t *)"\"\xff", .len = 2, .cap = 2};
    sheet_put(&s, "a\x1b");
    sheet_putf(&s, "%d ", 5);
    sheet_safe(&s, "\x1b\n");
    assert_text(&s, "a\x1b"
                    "5 \\x1b\\n");
    sheet_json(&s, "a\"\n");
    sheet_json_bytes(&s, &bytes);
    assert_text(&s, "\"a\\\"\\n\"\"\\\"\xef\xbf\xbd\"");
}

static void assert_xml(enum sheet_xml where, const char *text, const char *expected) {
    struct sheet s = SHEET_INIT;
    sheet_xml(&s, where, text, strlen(text));
    assert_text(&s, expected);
}

static void xml_gets_only_what_it_can_have(void **state) {
    (void)state;
    assert_xml(SHEET_ELEMENT, "<a & 'b' \"c\">", "&lt;a &amp; &apos;b&apos; &quot;c&quot;&gt;");
    assert_xml(SHEET_ELEMENT, "a\n\tb\rc", "a\n\tb&#13;c");
    assert_xml(SHEET_ATTRIBUTE, "a\n\tb", "a&#10;&#9;b");
    assert_xml(SHEET_ELEMENT, "\x1b\x01\x7f", "\xef\xbf\xbd\xef\xbf\xbd&#127;");
    assert_xml(SHEET_ELEMENT, "\xff\xc3(", "\xef\xbf\xbd\xef\xbf\xbd(");
    assert_xml(SHEET_ELEMENT, "\xef\xbf\xbe\xef\xbf\xbf", "\xef\xbf\xbd\xef\xbf\xbd");
    assert_xml(SHEET_ELEMENT, "\xc2\x9b\xe2\x80\xae\xe2\x80\xa8", "&#155;&#8238;&#8232;");
    assert_xml(SHEET_ELEMENT, "\xc3\xa9\xf0\x9f\x98\x80", "\xc3\xa9\xf0\x9f\x98\x80");
}

static void what_is_not_whole_says_so(void **state) {
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct sheet s = SHEET_INIT;
        fail_alloc_at(0);
        if (i == 0) {
            sheet_put(&s, "x");
        } else if (i == 1) {
            sheet_putf(&s, "%d", 1);
        } else if (i == 2) {
            sheet_json(&s, "x");
        } else {
            sheet_safe(&s, "x");
        }
        fail_alloc_off();
        assert_true(s.nomem);
        sheet_put(&s, "more");
        assert_int_equal(s.text.len, 0);
        sheet_release(&s);
        assert_false(s.nomem);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_made_safe_for_where_it_stands),
        cmocka_unit_test(xml_gets_only_what_it_can_have),
        cmocka_unit_test(what_is_not_whole_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
