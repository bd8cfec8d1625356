/* A person's commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "app/connect/slash.h"
#include "base/err.h"
#include "proto/close.h"
#include "proto/frame.h"

static struct slash slash;
static struct bytes message;

static int set_up(void **state) {
    (void)state;
    slash = (struct slash){.order = ORDER_INIT};
    message = (struct bytes)BYTES_INIT;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    order_release(&slash.order);
    bytes_release(&message);
    return 0;
}

static int read_line(const char *line) {
    order_release(&slash.order);
    return slash_read(&slash, line, strlen(line), &message);
}

static void assert_order(const char *line, enum order_kind kind, const void *p, size_t n) {
    assert_int_equal(read_line(line), TB_OK);
    assert_int_equal(slash.kind, SLASH_ORDER);
    assert_int_equal(slash.order.kind, kind);
    assert_int_equal(slash.order.data.len, n);
    if (n > 0) {
        assert_memory_equal(slash.order.data.data, p, n);
    }
}

static void assert_refused(const char *line, const char *says) {
    bytes_clear(&message);
    assert_int_equal(read_line(line), TB_EINVAL);
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    if (strstr((const char *)message.data, says) == NULL) {
        fail_msg("'%s' does not say '%s'", (const char *)message.data, says);
    }
}

static void orders_are_read(void **state) {
    (void)state;
    assert_order("/ping", ORDER_PING, "", 0);
    assert_order("/ping  a b", ORDER_PING, "a b", 3);
    assert_order("/pong x", ORDER_PONG, "x", 1);
    assert_order("/hex ca fe", ORDER_SEND, "\xCA\xFE", 2);
    assert_int_equal(slash.order.opcode, WS_OP_BINARY);
    assert_order("/base64 yv4=", ORDER_SEND, "\xCA\xFE", 2);
    assert_order("/raw 81 00", ORDER_RAW, "\x81\x00", 2);
    assert_order("/frag 3 hello there", ORDER_SEND, "hello there", 11);
    assert_int_equal(slash.order.fragment, 3);
    assert_order("/close", ORDER_CLOSE, "", 0);
    assert_false(slash.order.has_code);
    assert_order("/close 4001 good bye", ORDER_CLOSE, "good bye", 8);
    assert_int_equal(slash.order.code, 4001);
    assert_order("/close\t1005", ORDER_CLOSE, "", 0);
    assert_true(slash.order.has_code);
    assert_int_equal(slash_read(&slash, "/ping a\0b", 9, &message), TB_OK);
    assert_int_equal(slash.order.data.len, 3);
}

static void assert_kind(const char *line, enum slash_kind kind, const char *argument) {
    assert_int_equal(read_line(line), TB_OK);
    assert_int_equal(slash.kind, kind);
    assert_int_equal(slash.argument_size, strlen(argument));
    assert_memory_equal(slash.argument, argument, strlen(argument));
}

static void other_commands_have_their_argument(void **state) {
    (void)state;
    assert_kind("/stats", SLASH_STATS, "");
    assert_kind("/help", SLASH_HELP, "");
    assert_kind("/quit", SLASH_QUIT, "");
    assert_kind("/record run 1.jsonl", SLASH_RECORD, "run 1.jsonl");
    assert_kind("/json {\"a\":\n1", SLASH_JSON, "{\"a\":\n1");
    assert_kind("/json", SLASH_JSON, "");
}

static void what_is_no_command_is_refused_in_words(void **state) {
    (void)state;
    assert_refused("/hlp", "did you mean '/help'");
    assert_refused("/zzzzzz", "/help lists them");
    assert_refused("/", "/help lists them");
    assert_refused("/\x1b[2J", "\\x1b");
    assert_refused("/hex 0", "not hexadecimal");
    assert_refused("/file", "needs the path");
    assert_refused("/file /nosuch/file", "/nosuch/file");
    assert_refused("/file -", "not a regular file");
    assert_refused("/file /dev/zero", "not a regular file");
    assert_refused("/frag", "/frag 3 hello");
    assert_refused("/frag 0 x", "/frag 3 hello");
    assert_refused("/frag x y", "/frag 3 hello");
    assert_refused("/close x", "0 to 65535");
    assert_refused("/raw", "no bytes");
}

static void a_nul_is_part_of_what_is_sent(void **state) {
    (void)state;
    static const char line[] = "/ping a\0bcdefghijklmnopqrstuvwxyz";
    assert_int_equal(slash_read(&slash, line, sizeof line - 1, &message), TB_OK);
    assert_int_equal(slash.order.data.len, sizeof line - 7);
    assert_memory_equal(slash.order.data.data, line + 6, sizeof line - 7);
}

static void the_help_has_every_command(void **state) {
    (void)state;
    struct bytes help = BYTES_INIT;
    assert_int_equal(slash_help(&help), TB_OK);
    assert_int_equal(bytes_append(&help, "", 1), TB_OK);
    static const char *const names[] = {"/ping",   "/pong", "/close", "/hex", "/base64",
                                        "/file",   "/json", "/frag",  "/raw", "/stats",
                                        "/record", "/help", "/quit"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_non_null(strstr((const char *)help.data, names[i]));
    }
    bytes_release(&help);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(orders_are_read),
        TEST(other_commands_have_their_argument),
        TEST(what_is_no_command_is_refused_in_words),
        TEST(a_nul_is_part_of_what_is_sent),
        TEST(the_help_has_every_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
