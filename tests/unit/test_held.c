#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "failing_alloc.h"
#include "script/mock/held.h"

static struct held *copy(const char *text, const struct captures *captures) {
    char own[64] = {0};
    struct message message = {.type = MESSAGE_TEXT};
    memcpy(own, text, strlen(text));
    message_set(&message, MESSAGE_BINARY, true, (uint8_t *)own, strlen(text));
    message.code = 1001;
    struct held *held = held_new(&message, captures);
    memset(own, 'X', sizeof own); /* the copy must not look there */
    message_release(&message);
    return held;
}

static void a_message_is_copied(void **state) {
    (void)state;
    struct held *held = copy("hello", NULL);
    assert_non_null(held);
    assert_true(held->is_message);
    assert_int_equal(held->message.type, MESSAGE_BINARY);
    assert_true(held->message.from_client);
    assert_int_equal(held->message.code, 1001);
    assert_int_equal(held->message.size, 5);
    assert_memory_equal(held->message.data, "hello", 5);
    assert_int_equal(held->captures.count, 0);
    held_free(held);
}

static void its_json_is_read_when_it_is_asked_for(void **state) {
    (void)state;
    struct held *held = copy("{\"a\":1}", NULL);
    assert_non_null(held);
    assert_non_null(message_json(&held->message, NULL));
    held_free(held);
}

static void what_was_caught_is_copied(void **state) {
    (void)state;
    char text[] = "one two";
    struct captures captures = {.count = 3};
    captures.items[0].slot = 7;
    captures.items[0].p = (uint8_t *)text;
    captures.items[0].size = 3;
    captures.items[1].slot = 8; /* it caught nothing */
    captures.items[2].slot = 9;
    captures.items[2].p = (uint8_t *)text + 4;
    captures.items[2].size = 3;
    struct held *held = copy("hello", &captures);
    struct held *alone = held_new(NULL, &captures);
    assert_non_null(held);
    assert_non_null(alone);
    memset(text, 'X', sizeof text);
    for (const struct held *h = held; h != NULL; h = h == held ? alone : NULL) {
        assert_int_equal(h->captures.count, 3);
        assert_int_equal(h->captures.items[0].slot, 7);
        assert_memory_equal(h->captures.items[0].p, "one", 3);
        assert_int_equal(h->captures.items[1].size, 0);
        assert_int_equal(h->captures.items[2].slot, 9);
        assert_memory_equal(h->captures.items[2].p, "two", 3);
    }
    assert_false(alone->is_message);
    held_free(alone);
    held_free(held);
}

static void its_size_is_known_before(void **state) {
    (void)state;
    struct message message = {.type = MESSAGE_TEXT};
    message_set(&message, MESSAGE_TEXT, true, (const uint8_t *)"hello", 5);
    assert_int_equal(held_size(NULL, NULL), sizeof(struct held));
    assert_int_equal(held_size(&message, NULL), sizeof(struct held) + 5);
    message_release(&message);
}

static void without_memory_there_is_none(void **state) {
    (void)state;
    fail_alloc_at(0);
    struct held *held = held_new(NULL, NULL);
    fail_alloc_off();
    assert_null(held);
    held_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_copied),
        cmocka_unit_test(its_json_is_read_when_it_is_asked_for),
        cmocka_unit_test(what_was_caught_is_copied),
        cmocka_unit_test(its_size_is_known_before),
        cmocka_unit_test(without_memory_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
