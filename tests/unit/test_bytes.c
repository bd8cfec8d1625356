#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/bytes.h"
#include "base/err.h"
#include "failing_alloc.h"

static void assert_content(const struct bytes *b, const char *expected) {
    assert_int_equal(b->len, strlen(expected));
    assert_true(b->len <= b->cap);
    if (b->len > 0) {
        assert_memory_equal(b->data, expected, b->len);
    }
}

static void nothing_is_allocated_for_nothing(void **state) {
    (void)state;
    struct bytes b = BYTES_INIT;
    assert_int_equal(bytes_append(&b, NULL, 0), TB_OK);
    assert_int_equal(bytes_append_str(&b, ""), TB_OK);
    assert_int_equal(bytes_appendf(&b, "%s", "x"), TB_OK);
    bytes_consume(&b, 1);
    bytes_consume(&b, 0);
    assert_content(&b, "");
    bytes_release(&b);

    fail_alloc_at(0);
    assert_int_equal(bytes_reserve(&b, 0), TB_OK);
    bytes_consume(&b, 0);
    bytes_clear(&b);
    bytes_release(&b);
    fail_alloc_off();
    assert_int_equal(alloc_count(), 0);
    assert_null(b.data);
}

static void appends_in_order_whatever_is_appended(void **state) {
    (void)state;
    struct bytes b;
    bytes_init(&b);
    assert_int_equal(bytes_append(&b, "a\0b", 3), TB_OK);
    assert_int_equal(bytes_append_str(&b, "cd"), TB_OK);
    assert_int_equal(bytes_appendf(&b, "%d-%s", 42, "e"), TB_OK);
    assert_int_equal(b.len, 9);
    assert_memory_equal(b.data, "a\0bcd42-e", 9);
    bytes_release(&b);
}

static void formatted_text_fits_at_every_fill(void **state) {
    (void)state;
    char expected[300];
    memset(expected, '.', sizeof(expected));
    for (size_t filled = 0; filled < 200; filled++) {
        struct bytes b = BYTES_INIT;
        assert_int_equal(bytes_append(&b, expected, filled), TB_OK);
        assert_int_equal(bytes_appendf(&b, "%s%d", "0123456789", 7), TB_OK);
        assert_int_equal(b.len, filled + 11);
        assert_memory_equal(b.data, expected, filled);
        assert_memory_equal(b.data + filled, "01234567897", 11);
        bytes_release(&b);
    }
}

static void content_fits_exactly_into_what_was_reserved(void **state) {
    (void)state;
    struct bytes b = BYTES_INIT;
    assert_int_equal(bytes_reserve(&b, 1000), TB_OK);
    const uint8_t *data = b.data;
    fail_alloc_at(0);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(bytes_append(&b, "x", 1), TB_OK);
    }
    fail_alloc_off();
    assert_int_equal(alloc_count(), 0);
    assert_ptr_equal(b.data, data);
    bytes_release(&b);
}

static void growth_doubles(void **state) {
    (void)state;
    struct bytes b = BYTES_INIT;
    fail_alloc_at(1000);
    for (int i = 0; i < 1000000; i++) {
        assert_int_equal(bytes_append(&b, "x", 1), TB_OK);
    }
    fail_alloc_off();
    assert_in_range(alloc_count(), 1, 20);
    assert_int_equal(b.len, 1000000);
    bytes_release(&b);
}

static void consume_drops_the_front(void **state) {
    (void)state;
    struct bytes b = BYTES_INIT;
    assert_int_equal(bytes_append_str(&b, "abcdef"), TB_OK);
    bytes_consume(&b, 0);
    assert_content(&b, "abcdef");
    bytes_consume(&b, 2);
    assert_content(&b, "cdef");
    bytes_consume(&b, 4);
    assert_content(&b, "");
    bytes_release(&b);
}

static void clear_keeps_the_memory(void **state) {
    (void)state;
    struct bytes b = BYTES_INIT;
    assert_int_equal(bytes_append_str(&b, "abc"), TB_OK);
    size_t cap = b.cap;
    bytes_clear(&b);
    assert_content(&b, "");
    assert_int_equal(b.cap, cap);
    bytes_release(&b);
    assert_int_equal(b.cap, 0);
    assert_int_equal(bytes_append_str(&b, "again"), TB_OK);
    assert_content(&b, "again");
    bytes_release(&b);
}

static void a_sum_that_overflows_is_out_of_memory(void **state) {
    (void)state;
    struct bytes b = BYTES_INIT;
    assert_int_equal(bytes_append_str(&b, "abc"), TB_OK);
    const size_t hostile[] = {SIZE_MAX, SIZE_MAX - 2, SIZE_MAX - 3, (size_t)PTRDIFF_MAX};
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        assert_int_equal(bytes_reserve(&b, hostile[i]), TB_ENOMEM);
        assert_content(&b, "abc");
    }
    bytes_release(&b);
}

static void what_printf_refuses_is_not_appended(void **state) {
    (void)state;
    struct bytes b = BYTES_INIT;
    assert_int_equal(bytes_append_str(&b, "kept"), TB_OK);
    assert_int_equal(bytes_appendf(&b, "%lc", (wint_t)0x110000), TB_ENOMEM);
    assert_content(&b, "kept");
    bytes_release(&b);
}

static void failed_allocation_changes_nothing(void **state) {
    (void)state;
    struct bytes b = BYTES_INIT;
    char filling[256];
    memset(filling, 'f', sizeof(filling));
    assert_int_equal(bytes_append_str(&b, "kept"), TB_OK);
    struct bytes before = b;

    fail_alloc_at(0);
    assert_int_equal(bytes_append(&b, filling, sizeof(filling)), TB_ENOMEM);
    fail_alloc_at(0);
    assert_int_equal(bytes_appendf(&b, "%256d", 1), TB_ENOMEM);
    fail_alloc_at(0);
    assert_int_equal(bytes_reserve(&b, 1000), TB_ENOMEM);
    fail_alloc_off();

    assert_memory_equal(&b, &before, sizeof(b));
    assert_content(&b, "kept");
    bytes_release(&b);
}

static void every_error_has_a_sentence_of_its_own(void **state) {
    (void)state;
    for (int a = TB_ECRYPTO - 1; a <= TB_OK; a++) {
        assert_true(strlen(tb_err_text(a)) > 0);
        for (int b = a + 1; b <= TB_OK; b++) {
            assert_string_not_equal(tb_err_text(a), tb_err_text(b));
        }
    }
}

/* The helper that the other tests trust. */
static void allocator_fails_exactly_the_one_asked_for(void **state) {
    (void)state;
    void *got[3];
    fail_alloc_at(1);
    got[0] = malloc(1);
    got[1] = calloc(1, 1);
    got[2] = realloc(NULL, 1);
    fail_alloc_off();
    assert_int_equal(alloc_count(), 3);
    assert_non_null(got[0]);
    assert_null(got[1]);
    assert_non_null(got[2]);
    free(got[0]);
    free(got[2]);
    void *after = malloc(1);
    assert_non_null(after);
    assert_int_equal(alloc_count(), 3);
    free(after);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_allocated_for_nothing),
        cmocka_unit_test(appends_in_order_whatever_is_appended),
        cmocka_unit_test(formatted_text_fits_at_every_fill),
        cmocka_unit_test(content_fits_exactly_into_what_was_reserved),
        cmocka_unit_test(growth_doubles),
        cmocka_unit_test(consume_drops_the_front),
        cmocka_unit_test(clear_keeps_the_memory),
        cmocka_unit_test(a_sum_that_overflows_is_out_of_memory),
        cmocka_unit_test(what_printf_refuses_is_not_appended),
        cmocka_unit_test(failed_allocation_changes_nothing),
        cmocka_unit_test(every_error_has_a_sentence_of_its_own),
        cmocka_unit_test(allocator_fails_exactly_the_one_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
