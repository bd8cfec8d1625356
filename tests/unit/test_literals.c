#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/literals.h"
#include "failing_alloc.h"

#define IDS_MAX 100000

static unsigned told[IDS_MAX];

static void note(void *ctx, unsigned id) {
    (void)ctx;
    assert_true(id < IDS_MAX);
    told[id]++;
}

static void scan(const struct literals *l, const void *text, size_t n) {
    memset(told, 0, sizeof(told));
    literals_scan(l, text, n, note, NULL);
}

/* The literals up to NULL, with the ids 0, 1, 2... */
static struct literals *new_literals(const char *const *strings) {
    struct literals *l = literals_new();
    assert_non_null(l);
    for (unsigned i = 0; strings[i] != NULL; i++) {
        assert_int_equal(literals_add(l, strings[i], strlen(strings[i]), i), TB_OK);
    }
    assert_int_equal(literals_finish(l), TB_OK);
    return l;
}

static void literals_are_found_wherever_they_stand(void **state) {
    (void)state;
    struct literals *l = new_literals((const char *const[]){"one", "two", "three", NULL});
    scan(l, "one, three", 10);
    assert_int_equal(told[0], 1);
    assert_int_equal(told[1], 0);
    assert_int_equal(told[2], 1);
    scan(l, "twthreone", 9);
    assert_int_equal(told[0], 1);
    assert_int_equal(told[1], 0);
    assert_int_equal(told[2], 0);
    literals_free(l);
}

static void literals_within_literals_are_found(void **state) {
    (void)state;
    struct literals *l = new_literals(
        (const char *const[]){"she", "he", "hers", "his", "e", "ushers", "rs", "he", NULL});
    static const unsigned expected[] = {1, 1, 1, 0, 1, 1, 1, 1};
    scan(l, "ushers", 6);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_int_equal(told[i], expected[i]);
    }
    literals_free(l);
}

static void a_literal_may_have_several_ids_and_an_id_several_literals(void **state) {
    (void)state;
    struct literals *l = literals_new();
    assert_non_null(l);
    assert_int_equal(literals_add(l, "ab", 2, 7), TB_OK);
    assert_int_equal(literals_add(l, "ab", 2, 8), TB_OK);
    assert_int_equal(literals_add(l, "cd", 2, 8), TB_OK);
    assert_int_equal(literals_finish(l), TB_OK);
    scan(l, "ab", 2);
    assert_int_equal(told[7], 1);
    assert_int_equal(told[8], 1);
    scan(l, "cd", 2);
    assert_int_equal(told[7], 0);
    assert_int_equal(told[8], 1);
    literals_free(l);
}

static void any_byte_may_stand_in_a_literal(void **state) {
    (void)state;
    uint8_t bytes[256];
    struct literals *l = literals_new();
    assert_non_null(l);
    for (unsigned i = 0; i < 256; i++) {
        bytes[i] = (uint8_t)i;
        assert_int_equal(literals_add(l, &bytes[i], 1, i), TB_OK);
    }
    assert_int_equal(literals_add(l, bytes, 256, 256), TB_OK);
    assert_int_equal(literals_finish(l), TB_OK);
    scan(l, bytes, 256);
    for (unsigned i = 0; i <= 256; i++) {
        assert_int_equal(told[i], 1);
    }
    literals_free(l);
}

static void nothing_is_found_in_nothing(void **state) {
    (void)state;
    struct literals *l = new_literals((const char *const[]){"a", NULL});
    scan(l, NULL, 0);
    assert_int_equal(told[0], 0);
    literals_free(l);
    l = new_literals((const char *const[]){NULL});
    scan(l, "a", 1);
    assert_int_equal(told[0], 0);
    literals_free(l);
    literals_free(NULL);
}

static void a_literal_of_no_bytes_or_of_too_many_is_refused(void **state) {
    (void)state;
    struct literals *l = literals_new();
    size_t max = (size_t)16 * 1024 * 1024;
    assert_non_null(l);
    assert_int_equal(literals_add(l, "", 0, 0), TB_EINVAL);
    assert_int_equal(literals_add(l, "a", SIZE_MAX, 0), TB_ERANGE);
    assert_int_equal(literals_add(l, "a", max + 1, 0), TB_ERANGE);
    assert_int_equal(literals_add(l, "a", 1, 1), TB_OK);
    assert_int_equal(literals_add(l, "a", max, 2), TB_ERANGE);
    assert_int_equal(literals_finish(l), TB_OK);
    scan(l, "a", 1);
    assert_int_equal(told[1], 1);
    literals_free(l);
}

static uint32_t draw(uint32_t *seed, uint32_t below) {
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

static void draw_text(uint32_t *seed, char *text, size_t n, uint32_t letters) {
    for (size_t i = 0; i < n; i++) {
        text[i] = (char)('a' + draw(seed, letters));
    }
}

enum { DRAWN = 40, LONGEST = 9, TEXT = 60 };

static void check_drawn(uint32_t *seed, uint32_t letters, size_t table_max) {
    char drawn[DRAWN][LONGEST];
    size_t lens[DRAWN];
    char text[TEXT];
    struct literals *l = literals_new();
    assert_non_null(l);
    literals_limit_table(l, table_max);
    unsigned count = draw(seed, DRAWN + 1);
    for (unsigned i = 0; i < count; i++) {
        lens[i] = 1 + draw(seed, LONGEST);
        draw_text(seed, drawn[i], lens[i], letters);
        assert_int_equal(literals_add(l, drawn[i], lens[i], i), TB_OK);
    }
    assert_int_equal(literals_finish(l), TB_OK);
    for (unsigned k = 0; k < 5; k++) {
        size_t n = draw(seed, TEXT + 1);
        draw_text(seed, text, n, letters + 1);
        scan(l, text, n);
        for (unsigned i = 0; i < count; i++) {
            bool stands = memmem(text, n, drawn[i], lens[i]) != NULL;
            assert_int_equal(told[i] > 0, stands);
        }
    }
    literals_free(l);
}

static void a_scan_finds_what_a_search_for_each_finds(void **state) {
    (void)state;
    uint32_t seed = 1;
    for (unsigned i = 0; i < 600; i++) {
        check_drawn(&seed, 1 + i % 4, SIZE_MAX);
    }
}

static void states_that_the_table_has_no_room_for_are_found_too(void **state) {
    (void)state;
    uint32_t seed = 2;
    for (unsigned i = 0; i < 600; i++) {
        check_drawn(&seed, 1 + i % 4, draw(&seed, 40) * 16);
    }
}

static void a_hundred_thousand_literals_are_found(void **state) {
    (void)state;
    char text[64];
    struct literals *l = literals_new();
    assert_non_null(l);
    for (unsigned i = 0; i < IDS_MAX; i++) {
        uint32_t mixed = i * 2654435761u;
        int n = snprintf(text, sizeof(text), "%08x-%u-%c", mixed, i, (char)(' ' + i % 95));
        assert_int_equal(literals_add(l, text, (size_t)n, i), TB_OK);
    }
    assert_int_equal(literals_finish(l), TB_OK);
    for (unsigned i = 0; i < IDS_MAX; i += 9973) {
        uint32_t mixed = i * 2654435761u;
        int n =
            snprintf(text, sizeof(text), "%08x-%08x-%u-%c!", mixed, mixed, i, (char)(' ' + i % 95));
        scan(l, text, (size_t)n);
        for (unsigned k = 0; k < IDS_MAX; k++) {
            assert_int_equal(told[k], k == i);
        }
    }
    literals_free(l);
}

static int add_all(struct literals *l) {
    char text[16];
    for (unsigned i = 0; i < 100; i++) {
        int n = snprintf(text, sizeof(text), "literal %u", i);
        int err = literals_add(l, text, (size_t)n, i);
        if (err != TB_OK) {
            return err;
        }
    }
    return TB_OK;
}

static void failed_allocations_are_reported(void **state) {
    (void)state;
    unsigned n = 0;
    do {
        fail_alloc_at(n);
        struct literals *l = literals_new();
        int err = l != NULL ? add_all(l) : TB_ENOMEM;
        if (err == TB_OK) {
            err = literals_finish(l);
        }
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
        if (l != NULL) {
            scan(l, "literal 99", 10);
            assert_int_equal(told[99], err == TB_OK);
        }
        literals_free(l);
    } while (n++ < alloc_count());
    assert_true(n > 5);
}

static void a_scan_allocates_nothing(void **state) {
    (void)state;
    struct literals *l = literals_new();
    assert_non_null(l);
    literals_limit_table(l, 0);
    assert_int_equal(add_all(l), TB_OK);
    assert_int_equal(literals_finish(l), TB_OK);
    fail_alloc_at(0);
    scan(l, "literal 99", 10);
    fail_alloc_off();
    assert_int_equal(alloc_count(), 0);
    assert_int_equal(told[99], 1);
    literals_free(l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_are_found_wherever_they_stand),
        cmocka_unit_test(literals_within_literals_are_found),
        cmocka_unit_test(a_literal_may_have_several_ids_and_an_id_several_literals),
        cmocka_unit_test(any_byte_may_stand_in_a_literal),
        cmocka_unit_test(nothing_is_found_in_nothing),
        cmocka_unit_test(a_literal_of_no_bytes_or_of_too_many_is_refused),
        cmocka_unit_test(a_scan_finds_what_a_search_for_each_finds),
        cmocka_unit_test(states_that_the_table_has_no_room_for_are_found_too),
        cmocka_unit_test(a_hundred_thousand_literals_are_found),
        cmocka_unit_test(failed_allocations_are_reported),
        cmocka_unit_test(a_scan_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
