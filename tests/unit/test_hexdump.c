#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"
#include "base/hexdump.h"
#include "failing_alloc.h"

static void assert_dump(const void *p, size_t n, unsigned indent, size_t max_lines,
                        const char *expected) {
    struct bytes out = BYTES_INIT;
    assert_int_equal(hexdump(&out, p, n, indent, max_lines), TB_OK);
    assert_int_equal(bytes_append(&out, "", 1), TB_OK);
    assert_string_equal((const char *)out.data, expected);
    bytes_release(&out);
}

static void a_short_line_keeps_its_columns(void **state) {
    (void)state;
    assert_dump("hello", 5, 0, 0,
                "00000000  68 65 6c 6c 6f                                    |hello|\n");
    assert_dump("", 0, 0, 0, "");
}

static void lines_have_sixteen_bytes_and_their_offset(void **state) {
    (void)state;
    assert_dump("0123456789abcdef!", 17, 2, 0,
                "  00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n"
                "  00000010  21                                                |!|\n");
}

static void only_printable_ascii_is_shown(void **state) {
    (void)state;
    assert_dump("\x1b[31m\x7f\xc3\xa9\n", 9, 0, 0,
                "00000000  1b 5b 33 31 6d 7f c3 a9  0a                       |.[31m....|\n");
}

static void what_is_beyond_the_limit_is_counted(void **state) {
    (void)state;
    const uint8_t zeros[34] = {0};
    static const char line[] =
        "00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n";
    char expected[200];
    strcpy(expected, line);
    assert_dump(zeros, 16, 0, 1, expected);
    strcpy(expected + strlen(line), "… 1 more byte\n");
    assert_dump(zeros, 17, 0, 1, expected);
    strcpy(expected + strlen(line), "… 18 more bytes\n");
    assert_dump(zeros, 34, 0, 1, expected);
}

static void failed_allocation_leaves_the_output_as_it_was(void **state) {
    (void)state;
    const uint8_t zeros[100] = {0};
    unsigned n = 0;
    do {
        struct bytes out = BYTES_INIT;
        assert_int_equal(bytes_append_str(&out, "kept"), TB_OK);
        fail_alloc_at(n);
        int err = hexdump(&out, zeros, sizeof(zeros), 0, 0);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
        assert_true(err == TB_OK ? out.len > 400 : out.len == 4);
        bytes_release(&out);
    } while (n++ < alloc_count());
    assert_true(n > 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_line_keeps_its_columns),
        cmocka_unit_test(lines_have_sixteen_bytes_and_their_offset),
        cmocka_unit_test(only_printable_ascii_is_shown),
        cmocka_unit_test(what_is_beyond_the_limit_is_counted),
        cmocka_unit_test(failed_allocation_leaves_the_output_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
