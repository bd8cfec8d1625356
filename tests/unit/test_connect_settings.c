/* The command line of `taburet connect`: what the table alone cannot say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "app/connect/order.h"
#include "app/connect/settings.h"
#include "app/connect/show.h"
#include "base/err.h"

static struct connect_settings settings;
static struct bytes message;

static int read_words(const char *const *words) {
    char *argv[16] = {NULL};
    int argc = 0;
    for (; words[argc] != NULL; argc++) {
        memcpy(&argv[argc], &words[argc], sizeof argv[argc]); /* nobody writes to them */
    }
    message = (struct bytes)BYTES_INIT;
    return connect_settings_read(&settings, argc, argv, &message);
}

static void done(void) {
    connect_settings_release(&settings);
    bytes_release(&message);
}

#define READ(...) read_words((const char *const[]){__VA_ARGS__, NULL})

static void assert_refused(const char *const *words, const char *says) {
    assert_int_equal(read_words(words), TB_EINVAL);
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    if (strstr((const char *)message.data, says) == NULL) {
        fail_msg("'%s' does not say '%s'", (const char *)message.data, says);
    }
    done();
}

#define REFUSED(says, ...) assert_refused((const char *const[]){__VA_ARGS__, NULL}, says)

static void the_defaults(void **state) {
    (void)state;
    assert_int_equal(READ("ws://x"), TB_OK);
    assert_string_equal(settings.url, "ws://x");
    assert_int_equal(settings.form, ORDER_TEXT);
    assert_true(settings.wait_ms == WAIT_NOT_GIVEN);
    assert_true(settings.expect_close == CLOSE_NOT_GIVEN);
    assert_int_equal(settings.close_code, 1000);
    assert_int_equal(settings.pretty, -1);
    assert_int_equal(settings.ending.len, 1);
    assert_memory_equal(settings.ending.data, "\n", 1);
    assert_true(wire_shape_is_plain(&settings.shape));
    done();
}

static void there_is_one_url(void **state) {
    (void)state;
    REFUSED("no URL", "-v");
    REFUSED("unexpected argument 'b'", "a", "b");
    REFUSED("unexpected argument 'a'", "--url", "b", "a");
    REFUSED("unexpected argument 'b'", "--url", "a", "--url", "b");
    assert_int_equal(READ("--url", "a"), TB_OK);
    assert_string_equal(settings.url, "a");
    done();
    assert_int_equal(READ("--help"), TB_OK);
    done();
}

static void shapes(void **state) {
    (void)state;
    assert_int_equal(
        READ("x", "--mask", "01020304", "--rsv", "101", "--opcode", "11", "--fragment", "3"),
        TB_OK);
    assert_true(settings.shape.masked);
    assert_memory_equal(settings.shape.mask, "\x01\x02\x03\x04", 4);
    assert_int_equal(settings.shape.rsv, 5);
    assert_int_equal(settings.shape.opcode, 11);
    assert_int_equal(settings.shape.fragment, 3);
    done();
    assert_int_equal(READ("x", "--mask", "none"), TB_OK);
    assert_true(settings.shape.has_mask && !settings.shape.masked);
    done();
    REFUSED("--mask", "x", "--mask", "0102");
    REFUSED("--mask", "x", "--mask", "hello");
    REFUSED("--rsv", "x", "--rsv", "4");
    REFUSED("--rsv", "x", "--rsv", "012");
    REFUSED("--opcode", "x", "--opcode", "16");
    REFUSED("--fragment", "x", "--fragment", "0");
}

static void comebacks(void **state) {
    (void)state;
    assert_int_equal(READ("x", "--reconnect"), TB_OK);
    assert_true(settings.reconnect_tries == UINT64_MAX);
    assert_int_equal(settings.reconnect_delay_ms, 1000);
    done();
    assert_int_equal(READ("x", "--reconnect=5,20ms"), TB_OK);
    assert_int_equal(settings.reconnect_tries, 5);
    assert_int_equal(settings.reconnect_delay_ms, 20);
    done();
    assert_int_equal(READ("x", "--reconnect=,2s"), TB_OK);
    assert_true(settings.reconnect_tries == UINT64_MAX);
    assert_int_equal(settings.reconnect_delay_ms, 2000);
    done();
    REFUSED("--reconnect", "x", "--reconnect=0");
    REFUSED("--reconnect", "x", "--reconnect=2,soon");
    REFUSED("--reconnect", "x", "--reconnect=99999999999999999999999999,1s");
}

static void framings(void **state) {
    (void)state;
    assert_int_equal(READ("x", "--separator", "a\\n\\0\\\\\\x"), TB_OK);
    assert_int_equal(settings.ending.len, 6);
    assert_memory_equal(settings.ending.data, "a\n\0\\\\x", 6);
    done();
    assert_int_equal(READ("x", "-0"), TB_OK);
    assert_int_equal(settings.ending.len, 1);
    assert_int_equal(settings.ending.data[0], 0);
    done();
    assert_int_equal(READ("x", "--raw"), TB_OK);
    assert_int_equal(settings.ending.len, 0);
    done();
    REFUSED("exclude each other", "x", "-0", "--raw");
    REFUSED("--separator", "x", "--separator", "");
    REFUSED("line by line", "x", "-0", "--input-format", "json");
}

static void closes_and_times(void **state) {
    (void)state;
    char long_reason[200];
    memset(long_reason, 'x', sizeof long_reason);
    long_reason[124] = '\0';
    REFUSED("--close-code", "x", "--close-code", "1005");
    REFUSED("--close-code", "x", "--close-code", "999");
    REFUSED("123 bytes", "x", "--close-reason", long_reason);
    REFUSED("UTF-8", "x", "--close-reason", "\xFF");
    assert_int_equal(READ("x", "--wait", "-1", "-1", "--timestamps"), TB_OK);
    assert_true(settings.wait_ms == OPTION_FOREVER_MS);
    assert_int_equal(settings.max_messages, 1);
    assert_int_equal(settings.timestamps, SHOW_RELATIVE_TIMES);
    done();
    assert_int_equal(READ("x", "-1", "--max-messages", "3", "--no-pretty", "--hex"), TB_OK);
    assert_int_equal(settings.max_messages, 3);
    assert_int_equal(settings.pretty, 0);
    assert_int_equal(settings.form, ORDER_HEX);
    done();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults), cmocka_unit_test(there_is_one_url),
        cmocka_unit_test(shapes),       cmocka_unit_test(comebacks),
        cmocka_unit_test(framings),     cmocka_unit_test(closes_and_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
