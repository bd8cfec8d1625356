#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "base/err.h"
#include "failing_alloc.h"

typedef int decode(struct bytes *out, const char *text, size_t n, size_t *offset);

static void assert_decoded(decode *f, const char *text, const void *expected, size_t n) {
    struct bytes out = BYTES_INIT;
    size_t offset = 77;
    assert_int_equal(bytes_append(&out, "<", 1), TB_OK);
    assert_int_equal(f(&out, text, strlen(text), &offset), TB_OK);
    assert_int_equal(out.len, n + 1);
    assert_memory_equal(out.data + 1, expected, n);
    bytes_release(&out);
}

static void assert_refused(decode *f, const char *text, size_t where) {
    struct bytes out = BYTES_INIT;
    size_t offset = 77;
    assert_int_equal(bytes_append(&out, "<", 1), TB_OK);
    assert_int_equal(f(&out, text, strlen(text), &offset), TB_EINVAL);
    assert_int_equal(offset, where);
    assert_int_equal(out.len, 1);
    bytes_release(&out);
}

static void hexadecimal_is_read_as_people_write_it(void **state) {
    (void)state;
    assert_decoded(hex_decode, "", "", 0);
    assert_decoded(hex_decode, " \t\r\n", "", 0);
    assert_decoded(hex_decode, "00ff7F", "\x00\xff\x7f", 3);
    assert_decoded(hex_decode, "de:AD be\tef", "\xde\xad\xbe\xef", 4);
    assert_decoded(hex_decode, "0xdeadbeef", "\xde\xad\xbe\xef", 4);
    assert_decoded(hex_decode, "0xde 0XAD", "\xde\xad", 2);
}

static void what_is_not_hexadecimal_is_named_by_its_place(void **state) {
    (void)state;
    assert_refused(hex_decode, "f", 0);
    assert_refused(hex_decode, "00 f", 3);
    assert_refused(hex_decode, "00 f f0", 3);
    assert_refused(hex_decode, "00g0", 2);
    assert_refused(hex_decode, "0x", 0);
    assert_refused(hex_decode, "000x11", 2);
    assert_refused(hex_decode, "00-11", 2);
    assert_refused(hex_decode, "00\xc3\xa9", 2);
}

static const char *const vectors[][2] = {
    /* RFC 4648 s.10 */
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static void base64_has_the_form_of_the_rfc(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        const char *plain = vectors[i][0];
        const char *coded = vectors[i][1];
        struct bytes out = BYTES_INIT;
        assert_int_equal(base64_encode(&out, plain, strlen(plain)), TB_OK);
        assert_int_equal(out.len, strlen(coded));
        if (out.len > 0) {
            assert_memory_equal(out.data, coded, out.len);
        }
        bytes_release(&out);
        assert_decoded(base64_decode, coded, plain, strlen(plain));
    }
}

static void base64_is_read_without_padding_and_in_both_alphabets(void **state) {
    (void)state;
    assert_decoded(base64_decode, "Zg", "f", 1);
    assert_decoded(base64_decode, "Zm8", "fo", 2);
    assert_decoded(base64_decode, " Z m\n9v\tYg = = ", "foob", 4);
    assert_decoded(base64_decode, "+/-_", "\xfb\xff\xbf", 3);
}

static void what_is_not_base64_is_named_by_its_place(void **state) {
    (void)state;
    assert_refused(base64_decode, "Z", 1);
    assert_refused(base64_decode, "Zm9vY", 5);
    assert_refused(base64_decode, "Zg=", 3);
    assert_refused(base64_decode, "Zg==Zg==", 4);
    assert_refused(base64_decode, "Zg===", 4);
    assert_refused(base64_decode, "=", 0);
    assert_refused(base64_decode, "Z===", 1);
    assert_refused(base64_decode, "Zg=a", 3);
    assert_refused(base64_decode, "Zm9*", 3);
    assert_refused(base64_decode, "Zm\xc3\xa9", 2);
}

static void bits_that_belong_to_no_byte_must_be_zero(void **state) {
    (void)state;
    assert_refused(base64_decode, "Zh==", 3);
    assert_refused(base64_decode, "Zm9=", 3);
    assert_refused(base64_decode, "Zh", 2);
    assert_refused(base64_decode, "Zm9", 3);
}

static void all_bytes_come_back(void **state) {
    (void)state;
    uint8_t all[256 + 1];
    for (size_t i = 0; i < sizeof(all); i++) {
        all[i] = (uint8_t)i;
    }
    for (size_t n = sizeof(all) - 3; n <= sizeof(all); n++) {
        struct bytes hex = BYTES_INIT;
        struct bytes base64 = BYTES_INIT;
        assert_int_equal(hex_encode(&hex, all, n), TB_OK);
        assert_int_equal(base64_encode(&base64, all, n), TB_OK);
        assert_int_equal(bytes_append(&hex, "", 1), TB_OK);
        assert_int_equal(bytes_append(&base64, "", 1), TB_OK);
        assert_decoded(hex_decode, (const char *)hex.data, all, n);
        assert_decoded(base64_decode, (const char *)base64.data, all, n);
        bytes_release(&hex);
        bytes_release(&base64);
    }
}

static void a_percent_and_two_digits_are_a_byte(void **state) {
    (void)state;
    char c = 0;
    assert_int_equal(percent_decode_one("%2Fx", 4, &c), 3);
    assert_int_equal(c, '/');
    assert_int_equal(percent_decode_one("%fF", 3, &c), 3);
    assert_int_equal(c, (char)0xff);
    assert_int_equal(percent_decode_one("a%20", 4, &c), 1);
    assert_int_equal(c, 'a');
    assert_int_equal(percent_decode_one("+", 1, &c), 1);
    assert_int_equal(c, '+');
}

static void a_percent_without_two_digits_is_broken(void **state) {
    (void)state;
    char c = 'x';
    assert_int_equal(percent_decode_one("%2F", 2, &c), 0);
    assert_int_equal(percent_decode_one("%", 1, &c), 0);
    assert_int_equal(percent_decode_one("%g0", 3, &c), 0);
    assert_int_equal(percent_decode_one("%0g", 3, &c), 0);
    assert_int_equal(percent_decode_one("%%41", 4, &c), 0);
    assert_int_equal(c, 'x');
}

static void failed_allocations_are_reported(void **state) {
    (void)state;
    struct bytes out = BYTES_INIT;
    size_t offset;
    fail_alloc_at(0);
    assert_int_equal(hex_encode(&out, "abc", 3), TB_ENOMEM);
    fail_alloc_at(0);
    assert_int_equal(base64_encode(&out, "abc", 3), TB_ENOMEM);
    fail_alloc_at(0);
    assert_int_equal(hex_decode(&out, "aabb", 4, &offset), TB_ENOMEM);
    fail_alloc_at(0);
    assert_int_equal(base64_decode(&out, "Zm8=", 4, &offset), TB_ENOMEM);
    fail_alloc_off();
    assert_int_equal(out.len, 0);
    bytes_release(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hexadecimal_is_read_as_people_write_it),
        cmocka_unit_test(what_is_not_hexadecimal_is_named_by_its_place),
        cmocka_unit_test(base64_has_the_form_of_the_rfc),
        cmocka_unit_test(base64_is_read_without_padding_and_in_both_alphabets),
        cmocka_unit_test(what_is_not_base64_is_named_by_its_place),
        cmocka_unit_test(bits_that_belong_to_no_byte_must_be_zero),
        cmocka_unit_test(all_bytes_come_back),
        cmocka_unit_test(a_percent_and_two_digits_are_a_byte),
        cmocka_unit_test(a_percent_without_two_digits_is_broken),
        cmocka_unit_test(failed_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
