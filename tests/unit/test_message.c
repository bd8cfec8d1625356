#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "failing_alloc.h"
#include "script/message.h"

static void set_text(struct message *m, const char *text) {
    message_set(m, MESSAGE_TEXT, true, text, strlen(text));
}

static void each_type_has_its_word(void **state) {
    (void)state;
    assert_string_equal(message_type_names[MESSAGE_TEXT], "text");
    assert_string_equal(message_type_names[MESSAGE_BINARY], "binary");
    assert_string_equal(message_type_names[MESSAGE_PING], "ping");
    assert_string_equal(message_type_names[MESSAGE_PONG], "pong");
    assert_string_equal(message_type_names[MESSAGE_CLOSE], "close");
    assert_null(message_type_names[MESSAGE_CLOSE + 1]);
}

static void what_is_set_is_the_message(void **state) {
    (void)state;
    static const char bytes[] = "bye";
    struct message m = {.type = MESSAGE_TEXT};
    message_set(&m, MESSAGE_CLOSE, true, bytes, 3);
    assert_int_equal(m.type, MESSAGE_CLOSE);
    assert_true(m.from_client);
    assert_ptr_equal(m.data, bytes);
    assert_int_equal(m.size, 3);
    m.code = 1000;
    message_set(&m, MESSAGE_BINARY, false, NULL, 0);
    assert_int_equal(m.type, MESSAGE_BINARY);
    assert_false(m.from_client);
    assert_int_equal(m.code, 0);
    assert_null(message_json(&m, NULL));
    message_release(&m);
}

static void json_is_read_once(void **state) {
    (void)state;
    bool nomem = true;
    char text[] = "[1,2]";
    struct message m = {.type = MESSAGE_TEXT};
    set_text(&m, text);
    const struct json_index *x = message_json(&m, &nomem);
    assert_non_null(x);
    assert_false(nomem);
    assert_int_equal(json_index_count(x, 0), 2);
    text[0] = 'x'; /* another reading would find no JSON */
    assert_ptr_equal(message_json(&m, NULL), x);
    assert_int_equal(json_index_count(x, 0), 2);
    message_release(&m);
}

static void what_is_no_json_is_read_once_too(void **state) {
    (void)state;
    bool nomem = true;
    char text[] = "x1,2]";
    struct message m = {.type = MESSAGE_TEXT};
    set_text(&m, text);
    assert_null(message_json(&m, &nomem));
    assert_false(nomem);
    text[0] = '[';
    assert_null(message_json(&m, &nomem));
    assert_false(nomem);
    message_release(&m);
}

static void each_message_has_its_own_json(void **state) {
    (void)state;
    struct message m = {.type = MESSAGE_TEXT};
    set_text(&m, "[1]");
    assert_non_null(message_json(&m, NULL));
    set_text(&m, "hello");
    assert_null(message_json(&m, NULL));
    message_set(&m, MESSAGE_BINARY, true, "{}", 2);
    fail_alloc_at(0);
    const struct json_index *x = message_json(&m, NULL);
    fail_alloc_off();
    assert_non_null(x);
    assert_int_equal(alloc_count(), 0);
    assert_int_equal(x->values[0].kind, JSON_KIND_OBJECT);
    message_release(&m);
}

static void a_released_message_may_be_set_again(void **state) {
    (void)state;
    struct message m = {.type = MESSAGE_TEXT};
    set_text(&m, "[1]");
    assert_non_null(message_json(&m, NULL));
    message_release(&m);
    assert_null(m.data);
    set_text(&m, "[2]");
    assert_non_null(message_json(&m, NULL));
    message_release(&m);
}

static void memory_that_is_out_is_told_and_asked_for_again(void **state) {
    (void)state;
    bool nomem = false;
    struct message m = {.type = MESSAGE_TEXT};
    set_text(&m, "[1]");
    fail_alloc_at(0);
    const struct json_index *x = message_json(&m, &nomem);
    fail_alloc_off();
    assert_null(x);
    assert_true(nomem);
    assert_non_null(message_json(&m, &nomem));
    assert_false(nomem);
    message_release(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_has_its_word),
        cmocka_unit_test(what_is_set_is_the_message),
        cmocka_unit_test(json_is_read_once),
        cmocka_unit_test(what_is_no_json_is_read_once_too),
        cmocka_unit_test(each_message_has_its_own_json),
        cmocka_unit_test(a_released_message_may_be_set_again),
        cmocka_unit_test(memory_that_is_out_is_told_and_asked_for_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
