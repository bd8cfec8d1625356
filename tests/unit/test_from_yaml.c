#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <yaml.h>

#include "base/err.h"
#include "base/text.h"
#include "guarded.h"
#include "script/from/from_yaml.h"

static struct bytes out, scalar;

static int tear_down(void **state) {
    (void)state;
    bytes_release(&out);
    bytes_release(&scalar);
    return 0;
}

static struct yaml_out begin(void) {
    bytes_clear(&out);
    return (struct yaml_out){.out = &out, .err = TB_OK};
}

/* ---- what libyaml reads ---- */

/* The one scalar of the file that was written, into `scalar`; how many there are. */
static size_t read_scalars(void) {
    yaml_parser_t parser;
    yaml_event_t event;
    yaml_event_type_t type = YAML_NO_EVENT;
    size_t count = 0;
    assert_true(yaml_parser_initialize(&parser));
    yaml_parser_set_input_string(&parser, out.data, out.len);
    while (type != YAML_STREAM_END_EVENT) {
        if (!yaml_parser_parse(&parser, &event)) {
            fail_msg("%s:\n%.*s", parser.problem, (int)out.len, (char *)out.data);
        }
        type = event.type;
        if (type == YAML_SCALAR_EVENT) {
            bytes_clear(&scalar);
            assert_int_equal(
                bytes_append(&scalar, event.data.scalar.value, event.data.scalar.length), TB_OK);
            count++;
        }
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return count;
}

/* Writes a text where `front` and `back` are around it. */
static void assert_comes_back(const char *front, const uint8_t *p, size_t n, const char *back,
                              size_t scalars) {
    struct yaml_out y = begin();
    yaml_put(&y, "%s", front);
    yaml_text(&y, p, n);
    yaml_put(&y, "%s", back);
    assert_int_equal(y.err, TB_OK);
    assert_int_equal(read_scalars(), scalars);
    if (scalar.len != n || (n > 0 && memcmp(scalar.data, p, n) != 0)) {
        fail_msg("not the same:\n%.*s", (int)out.len, (char *)out.data);
    }
}

static void assert_is_kept(const uint8_t *p, size_t n) {
    assert_comes_back("", p, n, "\n", 1);
    assert_comes_back("- a: { b: ", p, n, " } # c\n", 3);
    assert_comes_back("- - ", p, n, "\n", 1);
    assert_comes_back("[", p, n, "]", 1);
}

/* ---- texts ---- */

static void texts_that_mean_something_to_yaml_come_back(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        " ",
                                        "a ",
                                        " a",
                                        "a  b",
                                        "-",
                                        "- a",
                                        "---",
                                        "...",
                                        "a: b",
                                        "a:",
                                        "a #b",
                                        "#",
                                        "&a",
                                        "*a",
                                        "!a",
                                        "|",
                                        ">",
                                        "%a",
                                        "@",
                                        "`",
                                        "{a}",
                                        "[a]",
                                        "a,b",
                                        "?",
                                        "? a",
                                        "'",
                                        "''",
                                        "\"",
                                        "\\",
                                        "\\'\"",
                                        "\n",
                                        "a\n",
                                        "a\n\nb",
                                        "a\r\n",
                                        "\t",
                                        "null",
                                        "~",
                                        "yes",
                                        "<<",
                                        "/a/b",
                                        "it's \"",
                                        "\\n\"'",
                                        "\xc2\x85",
                                        "\xe2\x80\xa8",
                                        "\xef\xbb\xbf",
                                        "\xef\xbf\xbf",
                                        "\xf4\x8f\xbf\xbf",
                                        "\xc3\xa4 \"\xf0\x9f\x99\x82\"",
                                        "=",
                                        "0x10",
                                        "1e3",
                                        "\x7f",
                                        "\x1b[2J"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_is_kept((const uint8_t *)texts[i], strlen(texts[i]));
    }
    assert_is_kept((const uint8_t *)"a\0b", 3);
}

/* Half of the code points mean something to YAML or to a terminal. */
static uint32_t random_point(uint64_t *r) {
    static const uint32_t special[] = {'\'', '"',  '\\', '\n', ' ',    '#',    ':',    '-',   '{',
                                       '}',  ',',  '$',  '\t', '\r',   0,      0x1b,   0x7f,  0x85,
                                       0xa0, 0xad, '\'', '"',  0x2028, 0xfeff, 0xfffe, 0xffff};
    uint32_t point;
    if (random_below(r, 2) == 0) {
        return special[random_below(r, sizeof special / sizeof *special)];
    }
    do {
        point = (uint32_t)random_below(r, random_below(r, 2) == 0 ? 0x80 : 0x110000);
    } while (point >= 0xd800 && point < 0xe000);
    return point;
}

static void any_text_comes_back(void **state) {
    (void)state;
    uint64_t r = 1;
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t text[64];
        size_t n = 0;
        for (size_t count = random_below(&r, 12); count > 0; count--) {
            n += text_encode(random_point(&r), text + n);
        }
        assert_is_kept(text, n);
    }
}

/* ---- how it looks ---- */

static void assert_written(void (*writer)(struct yaml_out *y, const void *p, size_t n),
                           const char *text, const char *expected) {
    struct yaml_out y = begin();
    writer(&y, text, strlen(text));
    assert_int_equal(bytes_append(&out, "", 1), TB_OK);
    assert_string_equal((char *)out.data, expected);
}

static void a_text_is_written_as_a_person_would(void **state) {
    (void)state;
    assert_written(yaml_text, "please ignore me", "please ignore me");
    assert_written(yaml_text, "/feed/btc", "/feed/btc");
    assert_written(yaml_text, "hello, world", "\"hello, world\"");
    assert_written(yaml_text, "it's", "\"it's\"");
    assert_written(yaml_text, "{\"a\":1}", "'{\"a\":1}'");
    assert_written(yaml_text, "{\"a\":\"it's\"}", "'{\"a\":\"it''s\"}'");
    assert_written(yaml_text, "\"\n\t\r\x1b", "\"\\\"\\n\\t\\r\\x1B\"");
    assert_written(yaml_text, "\xe2\x80\xae\xf3\xa0\x80\x81\xd1\x82",
                   "\"\\u202E\\U000E0001\xd1\x82\"");
}

static void what_looks_like_a_template_stays_text(void **state) {
    (void)state;
    assert_written(yaml_template, "a", "a");
    assert_written(yaml_template, "", "\"\"");
    assert_written(yaml_template, "${a} $b ${", "\"$${a} $b $${\"");
    assert_written(yaml_template, "$${a}$", "\"$$${a}$\"");
}

static void bytes_are_hexadecimal_or_base64(void **state) {
    (void)state;
    struct bytes expected = BYTES_INIT;
    char long_one[65];
    assert_written(yaml_hex, "", "\"\"");
    assert_written(yaml_hex, "\xca\xfe", "\"ca fe\"");
    assert_written(yaml_base64, "\xca\xfe", "\"yv4=\"");
    memset(long_one, 'a', sizeof long_one);
    assert_int_equal(bytes_append_str(&expected, "\""), TB_OK);
    for (size_t i = 0; i < sizeof long_one; i++) {
        assert_int_equal(bytes_append_str(&expected, "61"), TB_OK);
    }
    assert_int_equal(bytes_append_str(&expected, "\""), TB_OK);
    struct yaml_out y = begin();
    yaml_hex(&y, long_one, sizeof long_one);
    assert_int_equal(out.len, expected.len);
    assert_memory_equal(out.data, expected.data, out.len);
    bytes_release(&expected);
}

static void a_comment_stays_on_its_line(void **state) {
    (void)state;
    struct yaml_out y = begin();
    yaml_comment(&y, 2, "%s: %d", "a\nb\xff\x1b\xef\xbb\xbf\xef\xbf\xbe\xc2\x85", 7);
    yaml_put(&y, "x\n");
    assert_int_equal(read_scalars(), 1);
    assert_int_equal(bytes_append(&out, "", 1), TB_OK);
    assert_string_equal((char *)out.data, "  # a\\nb\\xff\\x1b\\uFEFF\\uFFFE\\u{85}: 7\nx\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(texts_that_mean_something_to_yaml_come_back, tear_down),
        cmocka_unit_test_teardown(any_text_comes_back, tear_down),
        cmocka_unit_test_teardown(a_text_is_written_as_a_person_would, tear_down),
        cmocka_unit_test_teardown(what_looks_like_a_template_stays_text, tear_down),
        cmocka_unit_test_teardown(bytes_are_hexadecimal_or_base64, tear_down),
        cmocka_unit_test_teardown(a_comment_stays_on_its_line, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
