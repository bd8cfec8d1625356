#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdalign.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "failing_alloc.h"

static void pieces_are_zeroed_aligned_and_apart(void **state) {
    (void)state;
    enum { PIECES = 2000 };
    static uint8_t *pieces[PIECES];
    struct arena *a = arena_new();
    assert_non_null(a);
    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = arena_alloc(a, i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        for (size_t k = 0; k < i; k++) {
            assert_int_equal(pieces[i][k], 0);
        }
        memset(pieces[i], (int)(i % 255 + 1), i);
    }
    for (size_t i = 0; i < PIECES; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_int_equal(pieces[i][k], i % 255 + 1);
        }
    }
    arena_free(a);
}

static void a_large_piece_leaves_the_rest_of_the_block_in_use(void **state) {
    (void)state;
    enum { LARGE = 1024 * 1024 };
    struct arena *a = arena_new();
    assert_non_null(a);
    char *first = arena_alloc(a, 1);
    uint8_t *large = arena_alloc(a, LARGE);
    char *second = arena_alloc(a, 1);
    assert_non_null(large);
    memset(large, 0xff, LARGE);
    assert_int_equal(*second, 0);
    assert_int_equal(second - first, (ptrdiff_t)alignof(max_align_t));
    arena_free(a);
}

static void pieces_of_no_bytes_differ(void **state) {
    (void)state;
    struct arena *a = arena_new();
    assert_non_null(a);
    void *one = arena_alloc(a, 0);
    void *other = arena_alloc(a, 0);
    assert_non_null(one);
    assert_non_null(other);
    assert_ptr_not_equal(one, other);
    arena_free(a);
}

static void what_no_memory_could_hold_is_refused(void **state) {
    (void)state;
    struct arena *a = arena_new();
    assert_non_null(a);
    assert_null(arena_alloc(a, SIZE_MAX));
    assert_null(arena_alloc(a, SIZE_MAX - 15));
    assert_null(arena_text(a, "", SIZE_MAX));
    arena_free(a);
}

static void a_text_is_a_terminated_copy(void **state) {
    (void)state;
    struct arena *a = arena_new();
    assert_non_null(a);
    char from[] = "a\0bc";
    char *text = arena_text(a, from, 3);
    from[0] = 'x';
    assert_memory_equal(text, "a\0b", 4);
    assert_string_equal(arena_text(a, NULL, 0), "");
    arena_free(a);
}

static char cleaned[8];

static void note(void *object) {
    strncat(cleaned, object, sizeof(cleaned) - strlen(cleaned) - 1);
}

static void cleaners_run_at_the_end_the_last_first(void **state) {
    (void)state;
    cleaned[0] = '\0';
    struct arena *a = arena_new();
    assert_non_null(a);
    /* What is cleaned may itself stand in the arena. */
    assert_int_equal(arena_clean(a, note, arena_text(a, "1", 1)), TB_OK);
    assert_int_equal(arena_clean(a, note, arena_text(a, "2", 1)), TB_OK);
    assert_int_equal(arena_clean(a, note, arena_text(a, "3", 1)), TB_OK);
    assert_string_equal(cleaned, "");
    arena_free(a);
    assert_string_equal(cleaned, "321");
}

static void nothing_may_be_freed(void **state) {
    (void)state;
    arena_free(NULL);
}

/* Returns whether every step had its memory. */
static bool build(struct arena *a) {
    if (arena_text(a, "text", 4) == NULL || arena_alloc(a, 100000) == NULL) {
        return false;
    }
    cleaned[0] = '\0';
    return arena_clean(a, note, "c") == TB_OK;
}

static void each_failing_allocation_is_told(void **state) {
    (void)state;
    unsigned n = 0;
    bool is_whole;
    do {
        is_whole = false;
        fail_alloc_at(n);
        struct arena *a = arena_new();
        if (a != NULL) {
            is_whole = build(a);
        }
        fail_alloc_off();
        assert_int_equal(is_whole, n == alloc_count());
        arena_free(a);
    } while (n++ < alloc_count());
    assert_true(is_whole);
}

static void an_object_that_cannot_be_noted_is_cleaned_at_once(void **state) {
    (void)state;
    cleaned[0] = '\0';
    struct arena *a = arena_new();
    assert_non_null(a);
    fail_alloc_at(0);
    int err = arena_clean(a, note, "c");
    fail_alloc_off();
    assert_int_equal(err, TB_ENOMEM);
    assert_string_equal(cleaned, "c");
    arena_free(a);
    assert_string_equal(cleaned, "c");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(a_large_piece_leaves_the_rest_of_the_block_in_use),
        cmocka_unit_test(pieces_of_no_bytes_differ),
        cmocka_unit_test(what_no_memory_could_hold_is_refused),
        cmocka_unit_test(a_text_is_a_terminated_copy),
        cmocka_unit_test(cleaners_run_at_the_end_the_last_first),
        cmocka_unit_test(nothing_may_be_freed),
        cmocka_unit_test(each_failing_allocation_is_told),
        cmocka_unit_test(an_object_that_cannot_be_noted_is_cleaned_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
