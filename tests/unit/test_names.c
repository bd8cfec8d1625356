#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "reading.h"
#include "script/names.h"

static int define(struct reading *x, const char *name, unsigned *slot) {
    return names_define(&x->r, x->node, name, strlen(name), slot);
}

static int refer(struct reading *x, size_t offset, const char *name, unsigned *slot) {
    return names_refer(&x->r, x->node, offset, name, strlen(name), slot);
}

static void a_name_has_one_number(void **state) {
    (void)state;
    struct reading x;
    unsigned a;
    unsigned b;
    unsigned again;
    assert_true(reading_init(&x, "text"));
    assert_int_equal(define(&x, "alpha", &a), TB_OK);
    assert_int_equal(refer(&x, 0, "alph", &b), TB_OK);
    assert_int_not_equal(a, b);
    assert_int_equal(refer(&x, 0, "alpha", &again), TB_OK);
    assert_int_equal(again, a);
    assert_int_equal(define(&x, "alpha", &again), TB_OK);
    assert_int_equal(again, a);
    assert_int_equal(names_count(x.r.names), 2);
    assert_string_equal(names_text(x.r.names, a), "alpha");
    assert_string_equal(names_text(x.r.names, b), "alph");
    reading_release(&x);
}

static void many_names_keep_their_numbers(void **state) {
    (void)state;
    struct reading x;
    char name[16];
    unsigned slot;
    assert_true(reading_init(&x, "text"));
    for (unsigned i = 0; i < 100000; i++) {
        snprintf(name, sizeof(name), "v%u", i);
        assert_int_equal(define(&x, name, &slot), TB_OK);
        assert_int_equal(slot, i);
    }
    assert_int_equal(names_find(x.r.names, "v123"), 123);
    assert_string_equal(names_text(x.r.names, 7), "v7");
    assert_int_equal(names_check(&x.r), TB_OK);
    reading_release(&x);
}

static void only_what_is_defined_is_found(void **state) {
    (void)state;
    struct reading x;
    unsigned slot;
    assert_true(reading_init(&x, "text"));
    assert_int_equal(refer(&x, 0, "later", &slot), TB_OK);
    assert_int_equal(names_find(x.r.names, "later"), -1);
    assert_int_equal(names_find(x.r.names, "never"), -1);
    assert_int_equal(define(&x, "later", &slot), TB_OK);
    assert_int_equal(names_find(x.r.names, "later"), 0);
    reading_release(&x);
}

static void a_name_is_letters_digits_and_underscores(void **state) {
    (void)state;
    static const char *const good[] = {"a", "_", "user_2", "X9", "text_", "ns"};
    static const char *const bad[] = {"", "2nd", "a-b", "a.b", "a b", "\xc3\xa9"};
    struct reading x;
    unsigned slot;
    assert_true(reading_init(&x, "text"));
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        assert_int_equal(define(&x, good[i], &slot), TB_OK);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(define(&x, bad[i], &slot), TB_EINVAL);
    }
    bytes_clear(&x.message);
    assert_int_equal(define(&x, "a-b", &slot), TB_EINVAL);
    reading_says(&x, 4,
                 "'a-b' is no name for a variable: letters, digits and _, and no digit first");
    assert_int_equal(names_count(x.r.names), sizeof(good) / sizeof(*good));
    reading_release(&x);
}

static void the_words_of_templates_are_taken(void **state) {
    (void)state;
    static const char *const words[] = {"text",   "json", "n",   "conn", "path",   "query",
                                        "header", "env",  "now", "uuid", "random", "fake"};
    struct reading x;
    unsigned slot;
    assert_true(reading_init(&x, "text"));
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        assert_true(names_is_reserved(words[i], strlen(words[i])));
        bytes_clear(&x.message);
        assert_int_equal(define(&x, words[i], &slot), TB_EINVAL);
    }
    reading_says(&x, 4, "'fake' has a meaning in templates and cannot be a variable's name");
    assert_false(names_is_reserved("texts", 5));
    assert_false(names_is_reserved("tex", 3));
    reading_release(&x);
}

static void what_nothing_sets_is_refused_where_it_is_read_first(void **state) {
    (void)state;
    struct reading x;
    unsigned slot;
    assert_true(reading_init(&x, "well ${usr} and ${usr}"));
    assert_int_equal(define(&x, "user", &slot), TB_OK);
    assert_int_equal(refer(&x, 7, "usr", &slot), TB_OK);
    assert_int_equal(refer(&x, 18, "usr", &slot), TB_OK);
    assert_int_equal(names_check(&x.r), TB_EINVAL);
    reading_says(&x, 11, "nothing sets the variable 'usr' (did you mean 'user'?)");
    assert_int_equal(define(&x, "usr", &slot), TB_OK);
    assert_int_equal(names_check(&x.r), TB_OK);
    reading_release(&x);
}

static void of_several_the_first_is_refused(void **state) {
    (void)state;
    struct reading x;
    unsigned slot;
    assert_true(reading_init(&x, "${rabbit} ${donkey}"));
    assert_int_equal(refer(&x, 2, "rabbit", &slot), TB_OK);
    assert_int_equal(refer(&x, 12, "donkey", &slot), TB_OK);
    assert_int_equal(names_check(&x.r), TB_EINVAL);
    reading_says(&x, 6, "nothing sets the variable 'rabbit'");
    reading_release(&x);
}

static void a_mistyped_word_of_templates_is_told(void **state) {
    (void)state;
    struct reading x;
    unsigned slot;
    assert_true(reading_init(&x, "${txt}"));
    assert_int_equal(refer(&x, 2, "txt", &slot), TB_OK);
    assert_int_equal(names_check(&x.r), TB_EINVAL);
    reading_says(&x, 6, "nothing sets the variable 'txt' (did you mean 'text'?)");
    reading_release(&x);
}

static void nothing_is_entered_when_memory_is_out(void **state) {
    (void)state;
    unsigned n = 0;
    do {
        struct reading x;
        unsigned slot;
        int err = TB_ENOMEM;
        fail_alloc_at(n);
        if (reading_init(&x, "${one}")) {
            err = refer(&x, 2, "one", &slot);
            err = err == TB_OK ? define(&x, "two", &slot) : err;
            err = err == TB_OK ? names_check(&x.r) : err;
        }
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_EINVAL);
        reading_release(&x);
    } while (n++ < alloc_count());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_one_number),
        cmocka_unit_test(many_names_keep_their_numbers),
        cmocka_unit_test(only_what_is_defined_is_found),
        cmocka_unit_test(a_name_is_letters_digits_and_underscores),
        cmocka_unit_test(the_words_of_templates_are_taken),
        cmocka_unit_test(what_nothing_sets_is_refused_where_it_is_read_first),
        cmocka_unit_test(of_several_the_first_is_refused),
        cmocka_unit_test(a_mistyped_word_of_templates_is_told),
        cmocka_unit_test(nothing_is_entered_when_memory_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
