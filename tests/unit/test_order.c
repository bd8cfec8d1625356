/* What is to be said: read whole, and refused in words before anything is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/connect/order.h"
#include "base/err.h"
#include "failing_alloc.h"
#include "proto/close.h"
#include "proto/frame.h"

static struct order order;
static struct bytes message;

static int set_up(void **state) {
    (void)state;
    order = (struct order)ORDER_INIT;
    message = (struct bytes)BYTES_INIT;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    order_release(&order);
    bytes_release(&message);
    return 0;
}

static void assert_data(const void *p, size_t n) {
    assert_int_equal(order.data.len, n);
    if (n > 0) {
        assert_memory_equal(order.data.data, p, n);
    }
}

static void assert_says(const char *what) {
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    if (strstr((const char *)message.data, what) == NULL) {
        fail_msg("'%s' does not say '%s'", (const char *)message.data, what);
    }
    bytes_clear(&message);
}

static int compose(enum order_form form, const char *text) {
    order_release(&order);
    order = (struct order)ORDER_INIT;
    return order_compose(&order, form, text, strlen(text), &message);
}

static int read_json(const char *line) {
    order_release(&order);
    order = (struct order)ORDER_INIT;
    return order_read_json(&order, line, strlen(line), &message);
}

static void a_record_is_a_message_of_its_form(void **state) {
    (void)state;
    assert_int_equal(compose(ORDER_TEXT, "\xD0\xB9"), TB_OK);
    assert_int_equal(order.opcode, WS_OP_TEXT);
    assert_data("\xD0\xB9", 2);
    assert_int_equal(compose(ORDER_BINARY, "\xFF"), TB_OK);
    assert_int_equal(order.opcode, WS_OP_BINARY);
    assert_data("\xFF", 1);
    assert_int_equal(compose(ORDER_HEX, "ca FE"), TB_OK);
    assert_int_equal(order.opcode, WS_OP_BINARY);
    assert_data("\xCA\xFE", 2);
    assert_int_equal(compose(ORDER_BASE64, "yv4="), TB_OK);
    assert_data("\xCA\xFE", 2);
    assert_int_equal(compose(ORDER_TEXT, ""), TB_OK);
    assert_data("", 0);
}

static void what_is_no_message_is_refused_with_the_place(void **state) {
    (void)state;
    assert_int_equal(compose(ORDER_TEXT, "a\xFF"), TB_EINVAL);
    assert_says("not valid UTF-8");
    assert_int_equal(compose(ORDER_HEX, "caxe"), TB_EINVAL);
    assert_says("not hexadecimal (at character 3)");
    assert_int_equal(compose(ORDER_BASE64, "yv*="), TB_EINVAL);
    assert_says("not base64 (at character 3)");
}

static void a_control_frame_holds_125_bytes(void **state) {
    (void)state;
    char data[WS_CONTROL_MAX + 1] = {0};
    assert_int_equal(order_control(&order, ORDER_PING, data, WS_CONTROL_MAX, &message), TB_OK);
    assert_int_equal(order.kind, ORDER_PING);
    bytes_clear(&order.data);
    assert_int_equal(order_control(&order, ORDER_PONG, data, sizeof data, &message), TB_EINVAL);
    assert_says("125 bytes");
}

static void a_close_takes_any_code_of_16_bits_and_a_short_reason(void **state) {
    (void)state;
    char reason[WS_CLOSE_REASON_MAX + 2];
    assert_int_equal(order_close(&order, "", "", 0, &message), TB_OK);
    assert_false(order.has_code);
    assert_int_equal(order_close(&order, "0", "", 0, &message), TB_OK);
    assert_int_equal(order.code, 0);
    assert_int_equal(order_close(&order, "65536", "", 0, &message), TB_EINVAL);
    assert_says("0 to 65535");
    assert_int_equal(order_close(&order, "bye", "", 0, &message), TB_EINVAL);
    assert_says("0 to 65535");
    memset(reason, 'x', sizeof reason);
    reason[WS_CLOSE_REASON_MAX + 1] = '\0';
    assert_int_equal(order_close(&order, "1000", reason, strlen(reason), &message), TB_EINVAL);
    assert_says("123 bytes");
    assert_int_equal(order_close(&order, "1000", "\xFF", 1, &message), TB_EINVAL);
    assert_says("UTF-8");
    reason[WS_CLOSE_REASON_MAX] = '\0';
    assert_int_equal(order_close(&order, "1000", reason, strlen(reason), &message), TB_OK);
    assert_data(reason, WS_CLOSE_REASON_MAX);
}

static void a_reason_needs_a_code_and_holds_no_nul(void **state) {
    (void)state;
    assert_int_equal(order_close(&order, "", "why", 3, &message), TB_EINVAL);
    assert_says("needs a code");
    assert_int_equal(order_close(&order, "1000", "a\0b", 3, &message), TB_EINVAL);
    assert_says("NUL");
}

static void raw_bytes_are_some(void **state) {
    (void)state;
    assert_int_equal(order_raw(&order, "81 00", 5, &message), TB_OK);
    assert_int_equal(order.kind, ORDER_RAW);
    assert_data("\x81\x00", 2);
    bytes_clear(&order.data);
    assert_int_equal(order_raw(&order, " ", 1, &message), TB_EINVAL);
    assert_says("no bytes");
}

static void a_file_is_text_if_it_can_be(void **state) {
    (void)state;
    char path[] = "/tmp/taburet-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "hi\n", 3), 3);
    assert_int_equal(order_file(&order, ORDER_TEXT, path, &message), TB_OK);
    assert_int_equal(order.opcode, WS_OP_TEXT);
    assert_data("hi\n", 3);
    bytes_clear(&order.data);
    assert_int_equal(write(fd, "\xFF", 1), 1);
    assert_int_equal(order_file(&order, ORDER_TEXT, path, &message), TB_OK);
    assert_int_equal(order.opcode, WS_OP_BINARY);
    assert_data("hi\n\xFF", 4);
    bytes_clear(&order.data);
    close(fd);
    unlink(path);
    assert_int_equal(order_file(&order, ORDER_TEXT, path, &message), TB_EINVAL);
    assert_says(path);
    assert_int_equal(order_file(&order, ORDER_TEXT, "/", &message), TB_EINVAL);
    assert_says("directory");
}

static void assert_not_now(const char *path, const char *says) {
    assert_int_equal(order_file_now(&order, path, &message), TB_EINVAL);
    assert_says(says);
    assert_int_equal(order.data.len, 0);
}

static void while_the_loop_runs_only_a_regular_file_is_read(void **state) {
    (void)state;
    char path[] = "/tmp/taburet-test-XXXXXX";
    char line[128];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "\xFF", 1), 1);
    close(fd);
    assert_int_equal(order_file_now(&order, path, &message), TB_OK);
    assert_int_equal(order.opcode, WS_OP_BINARY);
    assert_data("\xFF", 1);
    bytes_clear(&order.data);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_not_now(path, "not a regular file");
    assert_not_now("-", "'standard input' (not a regular file)");
    assert_not_now("/dev/zero", "not a regular file");
    assert_not_now("/", "directory");
    snprintf(line, sizeof line, "{\"send\":{\"file\":\"%s\"}}", path);
    assert_int_equal(read_json(line), TB_EINVAL);
    assert_says("not a regular file");
    assert_int_equal(read_json("{\"send\":{\"file\":\"-\"}}"), TB_EINVAL);
    assert_says("not a regular file");
    unlink(path);
}

static void assert_sends(const char *value, const char *expected) {
    char line[512];
    snprintf(line, sizeof line, " {\"send\" : {\"fragment\":2, \"json\" : %s } }", value);
    assert_int_equal(read_json(line), TB_OK);
    assert_int_equal(order.kind, ORDER_SEND);
    assert_int_equal(order.opcode, WS_OP_TEXT);
    assert_int_equal(order.fragment, 2);
    assert_data(expected, strlen(expected));
}

static void a_json_value_is_sent_as_it_is_written(void **state) {
    (void)state;
    static const char *const same[] = {
        "0.1",
        "1.0",
        "1e2",
        "-0",
        "1E999",
        "123456789012345678901234567890",
        "true",
        "\"\\u0041 \\\" } ] \\\\\"",
        "{\"z\":1,\"a\":2,\"m\":{\"json\":{\"send\":3},\"send\":[{\"json\":4}]},\"z\":5}",
        "[\"}\",\"{\\\"json\\\":1}\",[],{}]",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        assert_sends(same[i], same[i]);
    }
    assert_sends("[ 1.50 ,\t{ \"a b\" : \"c  d\" } ]", "[1.50,{\"a b\":\"c  d\"}]");
    assert_int_equal(read_json("{\"send\":\"{\\\"json\\\":1}\"}"), TB_OK);
    assert_data("{\"json\":1}", 10);
}

static void json_commands_are_orders(void **state) {
    (void)state;
    assert_int_equal(read_json("{\"send\":\"hi\"}"), TB_OK);
    assert_int_equal(order.opcode, WS_OP_TEXT);
    assert_data("hi", 2);
    assert_int_equal(read_json("{\"send\":{\"text\":\"a\\u0000b\"}}"), TB_OK);
    assert_data("a\0b", 3);
    assert_int_equal(read_json("{\"send\":{\"json\":{\"b\":1,\"a\":[true,null]}}}"), TB_OK);
    assert_data("{\"b\":1,\"a\":[true,null]}", 23);
    assert_int_equal(read_json("{\"send\":{\"hex\":\"ff\"}}"), TB_OK);
    assert_int_equal(order.opcode, WS_OP_BINARY);
    assert_data("\xFF", 1);
    assert_int_equal(read_json("{\"send\":{\"base64\":\"/w==\",\"fragment\":3}}"), TB_OK);
    assert_data("\xFF", 1);
    assert_int_equal(order.fragment, 3);
    assert_int_equal(read_json("{\"ping\":\"x\"}"), TB_OK);
    assert_int_equal(order.kind, ORDER_PING);
    assert_data("x", 1);
    assert_int_equal(read_json("{\"pong\":null}"), TB_OK);
    assert_int_equal(order.kind, ORDER_PONG);
    assert_int_equal(read_json("{\"close\":{\"code\":4000,\"reason\":\"bye\"}}"), TB_OK);
    assert_int_equal(order.kind, ORDER_CLOSE);
    assert_int_equal(order.code, 4000);
    assert_data("bye", 3);
    assert_int_equal(read_json("{\"close\":{}}"), TB_OK);
    assert_false(order.has_code);
    assert_int_equal(read_json("{\"raw\":\"8100\"}"), TB_OK);
    assert_int_equal(order.kind, ORDER_RAW);
}

static void what_is_no_command_is_refused_in_words(void **state) {
    (void)state;
    static const struct {
        const char *line;
        const char *says;
    } rows[] = {
        {"hi", "not JSON"},
        {"[]", "one key"},
        {"{}", "one key"},
        {"{\"ping\":\"\",\"pong\":\"\"}", "one key"},
        {"{\"sned\":\"x\"}", "did you mean \"send\""},
        {"{\"\\u001b[2J\":1}", "\\x1b"},
        {"{\"send\":1}", "needs a string or an object"},
        {"{\"send\":{}}", "one of text"},
        {"{\"send\":{\"text\":\"a\",\"hex\":\"00\"}}", "one of text"},
        {"{\"send\":{\"txet\":\"a\"}}", "did you mean \"text\""},
        {"{\"send\":{\"text\":1}}", "needs a string"},
        {"{\"send\":{\"hex\":\"0\"}}", "not hexadecimal"},
        {"{\"send\":{\"text\":\"a\",\"fragment\":0}}", "1 or more"},
        {"{\"send\":{\"text\":\"a\",\"fragment\":\"x\"}}", "1 or more"},
        {"{\"ping\":7}", "needs a string"},
        {"{\"close\":1000}", "needs an object"},
        {"{\"close\":{\"code\":\"1000\"}}", "needs a number"},
        {"{\"close\":{\"code\":-1}}", "0 to 65535"},
        {"{\"close\":{\"cod\":1}}", "did you mean \"code\""},
        {"{\"close\":{\"reason\":\"why\"}}", "needs a code"},
        {"{\"close\":{\"code\":1000,\"reason\":\"a\\u0000b\"}}", "NUL"},
        {"{\"close\":{\"code\":1e3}}", "needs a number"},
        {"{\"send\":{\"text\":\"a\",\"fragment\":2.0}}", "1 or more"},
        {"{\"send\":{\"js\\u006fn\":1}}", "escapes"},
        {"{\"send\":{\"json\":1,\"json\":2}}", "not JSON: duplicate"},
        {"{\"send\":{\"json\":1,\"text\":\"a\"}}", "one of text"},
        {"{\"send\":{\"json\":01}}", "not JSON"},
        {"{\"send\":{\"file\":\"a\\u0000b\"}}", "no NUL"},
        {"{\"raw\":1}", "hexadecimal"},
        {"{\"send\":\"a\",\"send\":\"b\"}", "not JSON: duplicate"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(read_json(rows[i].line), TB_EINVAL);
        assert_says(rows[i].says);
    }
}

static void a_failed_allocation_is_told_as_such(void **state) {
    (void)state;
    unsigned n = 0;
    int err;
    do {
        bytes_clear(&message);
        fail_alloc_at(n);
        err = read_json("{\"send\":{\"base64\":\"/w==\"}}");
        err = err == TB_OK ? read_json("{\"send\":{\"json\":[1,2]}}") : err;
        fail_alloc_off();
        assert_true(err == TB_OK || err == TB_ENOMEM || err == TB_EINVAL);
    } while (n++ < alloc_count());
    assert_int_equal(err, TB_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_record_is_a_message_of_its_form),
        TEST(what_is_no_message_is_refused_with_the_place),
        TEST(a_control_frame_holds_125_bytes),
        TEST(a_close_takes_any_code_of_16_bits_and_a_short_reason),
        TEST(a_reason_needs_a_code_and_holds_no_nul),
        TEST(raw_bytes_are_some),
        TEST(a_file_is_text_if_it_can_be),
        TEST(while_the_loop_runs_only_a_regular_file_is_read),
        TEST(a_json_value_is_sent_as_it_is_written),
        TEST(json_commands_are_orders),
        TEST(what_is_no_command_is_refused_in_words),
        TEST(a_failed_allocation_is_told_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
