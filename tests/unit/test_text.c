#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "failing_alloc.h"

static void assert_escaped(const void *p, size_t n, enum text_lines lines, const char *expected) {
    struct bytes out = BYTES_INIT;
    assert_int_equal(text_escape(&out, p, n, lines), TB_OK);
    assert_int_equal(bytes_append(&out, "", 1), TB_OK);
    assert_string_equal((const char *)out.data, expected);
    bytes_release(&out);
}

static void assert_line(const char *text, const char *expected) {
    assert_escaped(text, strlen(text), TEXT_ONE_LINE, expected);
}

static void printable_text_stays_as_it_is(void **state) {
    (void)state;
    assert_line("", "");
    assert_line("hello world 0", "hello world 0");
    assert_line("табурет, їжак", "табурет, їжак");
    assert_line("\xef\xbb\xbf€ 漢字 😀", "\xef\xbb\xbf€ 漢字 😀");
    assert_line("C:\\new {\"a\": \"\\u001b\"}", "C:\\new {\"a\": \"\\u001b\"}");
}

static void controls_are_shown(void **state) {
    (void)state;
    assert_line("\x1b[31mred", "\\x1b[31mred");
    assert_line("a\rb\x08\x07\x7f", "a\\x0db\\x08\\x07\\x7f");
    assert_escaped("a\0b", 3, TEXT_ONE_LINE, "a\\x00b");
    assert_line("\xc2\x9b"
                "31m",
                "\\u{9b}31m");
}

static void newline_and_tab_stay_by_choice(void **state) {
    (void)state;
    assert_escaped("a\n\tb\r\n", 6, TEXT_ONE_LINE, "a\\n\\tb\\x0d\\n");
    assert_escaped("a\n\tb\r\n", 6, TEXT_MANY_LINES, "a\n\tb\\x0d\n");
}

static void invalid_utf8_is_shown_byte_by_byte(void **state) {
    (void)state;
    assert_line("a\x80z", "a\\x80z");
    assert_line("\xff\xfe", "\\xff\\xfe");
    assert_line("\xc0\x8a", "\\xc0\\x8a");          /* an overlong newline */
    assert_line("\xe0\x82\x9b", "\\xe0\\x82\\x9b"); /* an overlong C1 */
    assert_line("\xf0\x80\x80\x9b", "\\xf0\\x80\\x80\\x9b");
    assert_line("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* a surrogate */
    assert_line("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* beyond U+10FFFF */
    assert_line("\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80");
    assert_line("\xe2\x82", "\\xe2\\x82");
    assert_line("\xe2\x82z", "\\xe2\\x82z");
    assert_line("\xe2\x1b[m", "\\xe2\\x1b[m");
    assert_line("\xf0\x9f\x98", "\\xf0\\x9f\\x98");
}

/* Whether no terminal may see it: the list as people write it, not as the code does. */
static bool is_forbidden(uint32_t u) {
    bool c0 = u <= 0x1f;
    bool del_and_c1 = u >= 0x7f && u <= 0x9f;
    bool marks = u == 0x061c || u == 0x200e || u == 0x200f;
    bool separators = u == 0x2028 || u == 0x2029;
    bool embeddings = u == 0x202a || u == 0x202b || u == 0x202c || u == 0x202d || u == 0x202e;
    bool isolates = u == 0x2066 || u == 0x2067 || u == 0x2068 || u == 0x2069;
    bool tags = u >= 0xe0000 && u <= 0xe007f;
    return c0 || del_and_c1 || marks || separators || embeddings || isolates || tags;
}

static bool is_surrogate(uint32_t u) {
    return u >= 0xd800 && u <= 0xdfff;
}

static void each_code_point_is_shown_or_escaped_as_it_deserves(void **state) {
    (void)state;
    struct bytes out = BYTES_INIT;
    for (uint32_t u = 0; u <= 0x110fff; u++) {
        uint8_t utf8[4];
        size_t size = text_encode(u, utf8);
        bytes_clear(&out);
        assert_int_equal(text_escape(&out, utf8, size, TEXT_ONE_LINE), TB_OK);
        bool same = out.len == size && memcmp(out.data, utf8, size) == 0;
        bool safe = !is_forbidden(u) && !is_surrogate(u) && u <= 0x10ffff;
        if (same != safe || text_is_unsafe(u) != is_forbidden(u)) {
            fail_msg("U+%04X", (unsigned)u);
        }
        if (!safe && u >= 0x80 && !is_surrogate(u) && u <= 0x10ffff) {
            char expected[16];
            snprintf(expected, sizeof(expected), "\\u{%x}", (unsigned)u);
            assert_int_equal(out.len, strlen(expected));
            assert_memory_equal(out.data, expected, out.len);
        }
    }
    bytes_release(&out);
}

/* Whether a terminal may be given these bytes: printable ASCII (newline and tab by choice) and
 * two-byte UTF-8 from U+00A0 but U+061C; two bytes of input cannot become a longer sequence. */
static bool may_be_shown(const struct bytes *b, enum text_lines lines) {
    for (size_t i = 0; i < b->len; i++) {
        uint8_t c = b->data[i];
        bool line = lines == TEXT_MANY_LINES && (c == '\n' || c == '\t');
        if ((c >= 0x20 && c < 0x7f) || line) {
            continue;
        }
        if (c < 0xc2 || c > 0xdf || i + 1 == b->len) {
            return false;
        }
        uint8_t next = b->data[++i];
        uint32_t u = (c & 0x1fu) << 6 | (next & 0x3fu);
        if (next < 0x80 || next > 0xbf || u < 0xa0 || u == 0x061c) {
            return false;
        }
    }
    return true;
}

static void cve_2021_25743_no_byte_pair_reaches_a_terminal_unescaped(void **state) {
    (void)state;
    struct bytes out = BYTES_INIT;
    for (unsigned pair = 0; pair <= 0xffff; pair++) {
        const uint8_t p[2] = {(uint8_t)(pair >> 8), (uint8_t)pair};
        for (int lines = TEXT_ONE_LINE; lines <= TEXT_MANY_LINES; lines++) {
            bytes_clear(&out);
            assert_int_equal(text_escape(&out, p, 2, (enum text_lines)lines), TB_OK);
            if (!may_be_shown(&out, (enum text_lines)lines)) {
                fail_msg("%02x %02x, lines %d", p[0], p[1], lines);
            }
        }
    }
    bytes_release(&out);
}

static void output_is_appended_and_escaping_again_changes_nothing(void **state) {
    (void)state;
    struct bytes once = BYTES_INIT;
    struct bytes twice = BYTES_INIT;
    assert_int_equal(bytes_append_str(&once, "> "), TB_OK);
    assert_int_equal(text_escape(&once, "a\x1b\xff\xe2\x80\xae!", 7, TEXT_ONE_LINE), TB_OK);
    assert_int_equal(text_escape(&twice, once.data, once.len, TEXT_ONE_LINE), TB_OK);
    assert_int_equal(once.len, strlen("> a\\x1b\\xff\\u{202e}!"));
    assert_memory_equal(once.data, "> a\\x1b\\xff\\u{202e}!", once.len);
    assert_int_equal(twice.len, once.len);
    assert_memory_equal(twice.data, once.data, once.len);
    bytes_release(&once);
    bytes_release(&twice);
}

static void failed_allocation_leaves_the_output_as_it_was(void **state) {
    (void)state;
    char text[1000];
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = i % 3 == 0 ? '\x1b' : 'x';
    }
    unsigned n = 0;
    do {
        struct bytes out = BYTES_INIT;
        assert_int_equal(bytes_append_str(&out, "kept"), TB_OK);
        fail_alloc_at(n);
        int err = text_escape(&out, text, sizeof(text), TEXT_ONE_LINE);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
        assert_true(err == TB_OK ? out.len > 1000 : out.len == 4);
        assert_memory_equal(out.data, "kept", 4);
        bytes_release(&out);
    } while (n++ < alloc_count());
    assert_true(n > 2);
}

static const char *const names[] = {"port", "host", "ping-interval", "ping-timeout", "echo", "x"};

static const char *nearest(const char *word) {
    return text_nearest(word, names, sizeof(names) / sizeof(names[0]));
}

static void every_code_point_is_written_and_read_back(void **state) {
    (void)state;
    static const size_t sizes[] = {0x80, 0x800, 0x10000, 0x110000};
    for (uint32_t u = 0, size = 1; u < 0x110000; u++) {
        uint8_t utf8[4];
        uint32_t again;
        size += u == sizes[size - 1] ? 1 : 0;
        assert_int_equal(text_encode(u, utf8), size);
        assert_int_equal(text_decode(utf8, size, &again), is_surrogate(u) ? 0 : size);
        assert_true(is_surrogate(u) || again == u);
    }
}

static void the_nearest_name_is_found(void **state) {
    (void)state;
    assert_string_equal(nearest("port"), "port");
    assert_string_equal(nearest("prot"), "port");
    assert_string_equal(nearest("por"), "port");
    assert_string_equal(nearest("ports"), "port");
    assert_string_equal(nearest("pord"), "port");
    assert_string_equal(nearest("opt"), "port");
    assert_string_equal(nearest("hsot"), "host");
    assert_string_equal(nearest("most"), "host");
    assert_string_equal(nearest("pinginterval"), "ping-interval");
    assert_string_equal(nearest("ping-timeotu"), "ping-timeout");
    assert_string_equal(nearest("ehco"), "echo");
}

static void what_is_near_to_nothing_has_no_nearest(void **state) {
    (void)state;
    assert_null(nearest("threads"));
    assert_null(nearest("trop-p"));
    assert_null(nearest(""));
    assert_null(nearest("y"));
    assert_null(nearest("ab"));
    assert_null(nearest("ping"));
    assert_null(text_nearest("port", names, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printable_text_stays_as_it_is),
        cmocka_unit_test(controls_are_shown),
        cmocka_unit_test(newline_and_tab_stay_by_choice),
        cmocka_unit_test(invalid_utf8_is_shown_byte_by_byte),
        cmocka_unit_test(each_code_point_is_shown_or_escaped_as_it_deserves),
        cmocka_unit_test(cve_2021_25743_no_byte_pair_reaches_a_terminal_unescaped),
        cmocka_unit_test(output_is_appended_and_escaping_again_changes_nothing),
        cmocka_unit_test(failed_allocation_leaves_the_output_as_it_was),
        cmocka_unit_test(every_code_point_is_written_and_read_back),
        cmocka_unit_test(the_nearest_name_is_found),
        cmocka_unit_test(what_is_near_to_nothing_has_no_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
