#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/list.h"

struct item {
    char name;
    struct list hook;
};

struct fixture {
    struct list a;
    struct list b;
    struct item items[4];
};

static void set_up(struct fixture *f) {
    list_init(&f->a);
    list_init(&f->b);
    for (size_t i = 0; i < 4; i++) {
        f->items[i].name = (char)('A' + i);
        list_init(&f->items[i].hook);
    }
}

static void assert_items(struct list *head, const char *expected) {
    char forth[8] = "";
    char back[8] = "";
    size_t n = 0;
    for (struct list *l = head->next; l != head; l = l->next) {
        forth[n++] = LIST_ENTRY(l, struct item, hook)->name;
    }
    assert_string_equal(forth, expected);
    size_t m = n;
    for (struct list *l = head->prev; l != head; l = l->prev) {
        assert_true(m > 0);
        back[--m] = LIST_ENTRY(l, struct item, hook)->name;
    }
    assert_string_equal(back, expected);
    assert_int_equal(list_is_empty(head), n == 0);
}

static void a_new_list_is_empty(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_items(&f.a, "");
}

static void members_stand_in_the_order_of_their_coming(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    for (size_t i = 0; i < 4; i++) {
        list_append(&f.a, &f.items[i].hook);
    }
    assert_items(&f.a, "ABCD");
}

static void any_member_may_leave_even_twice(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    for (size_t i = 0; i < 4; i++) {
        list_append(&f.a, &f.items[i].hook);
    }
    list_remove(&f.items[1].hook);
    list_remove(&f.items[1].hook);
    assert_items(&f.a, "ACD");
    list_remove(&f.items[3].hook);
    list_remove(&f.items[0].hook);
    assert_items(&f.a, "C");
    list_remove(&f.items[2].hook);
    list_remove(&f.items[2].hook);
    assert_items(&f.a, "");
    list_append(&f.b, &f.items[1].hook);
    assert_items(&f.b, "B");
}

static void splice_moves_all_to_the_end(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    list_append(&f.a, &f.items[0].hook);
    list_append(&f.a, &f.items[1].hook);
    list_append(&f.b, &f.items[2].hook);
    list_append(&f.b, &f.items[3].hook);
    list_splice(&f.a, &f.b);
    assert_items(&f.a, "ABCD");
    assert_items(&f.b, "");
}

static void splice_with_an_empty_side(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    list_splice(&f.a, &f.b);
    assert_items(&f.a, "");
    list_append(&f.b, &f.items[0].hook);
    list_splice(&f.a, &f.b);
    assert_items(&f.a, "A");
    assert_items(&f.b, "");
    list_splice(&f.a, &f.b);
    assert_items(&f.a, "A");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_list_is_empty),
        cmocka_unit_test(members_stand_in_the_order_of_their_coming),
        cmocka_unit_test(any_member_may_leave_even_twice),
        cmocka_unit_test(splice_moves_all_to_the_end),
        cmocka_unit_test(splice_with_an_empty_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
