#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "dial_rig.h"

static void defaults_stand_beforehand(void **state) {
    (void)state;
    const struct dial_flags *f = &rig.flags;
    assert_int_equal(f->headers.count + f->cookies.count + f->subprotocols.count, 0);
    assert_int_equal(f->resolve.count + f->connect_to.count, 0);
    assert_null(f->user_agent);
    assert_null(f->user);
    assert_null(f->proxy);
    assert_null(f->noproxy);
    assert_false(f->insecure || f->location || f->silent || f->show_error);
    assert_int_equal(f->family, AF_UNSPEC);
    assert_int_equal(f->max_redirects, 50);
    assert_int_equal(f->connect_timeout_ms, 10000);
    assert_int_equal(f->max_time_ms, 0);
    assert_int_equal(f->retries, 0);
    assert_int_equal(f->retry_delay_ms, 0);
    assert_null(f->deflate.params);
    assert_false(f->deflate.off);
    assert_int_equal(f->max_message, 16 * 1024 * 1024);
    assert_int_equal(f->verbose, 0);
    assert_int_equal(f->output_format, DIAL_FORMAT_TEXT);
    assert_int_equal(f->color, DIAL_COLOR_AUTO);
}

static void what_asks_is_heard(void **state) {
    (void)state;
    const struct dial_flags *f = &rig.flags;
    assert_int_equal(PLAN(&rig, "-H", "A: b", "--header", "C: d", "-A", "me", "-u", "a:b", "-b",
                          "c=d", "--origin", "http://o", "--subprotocol", "x", "--subprotocol=y",
                          "--max-message-size", "1K", "ws://h"),
                     0);
    assert_int_equal(f->headers.count, 2);
    assert_string_equal(f->headers.items[1], "C: d");
    assert_string_equal(f->user_agent, "me");
    assert_string_equal(f->user, "a:b");
    assert_string_equal(f->cookies.items[0], "c=d");
    assert_string_equal(f->origin, "http://o");
    assert_int_equal(f->subprotocols.count, 2);
    assert_int_equal(f->max_message, 1024);
}

static void what_leads_there_is_heard(void **state) {
    (void)state;
    const struct dial_flags *f = &rig.flags;
    assert_int_equal(PLAN(&rig, "-6", "-4", "--resolve", "h:80:127.0.0.1", "--connect-to", "::a:1",
                          "--interface", "lo", "-x", "http://p", "--noproxy", "h", "-k", "ws://h"),
                     0);
    assert_int_equal(f->family, AF_INET);
    assert_int_equal(f->resolve.count, 1);
    assert_int_equal(f->connect_to.count, 1);
    assert_string_equal(f->interface, "lo");
    assert_string_equal(f->proxy, "http://p");
    assert_string_equal(f->noproxy, "h");
    assert_true(f->insecure);
}

static void what_persists_is_heard(void **state) {
    (void)state;
    const struct dial_flags *f = &rig.flags;
    assert_int_equal(PLAN(&rig, "-L", "--max-redirs", "3", "--connect-timeout", "1.5", "-m", "2m",
                          "--retry", "4", "--retry-delay", "20ms", "ws://h"),
                     0);
    assert_true(f->location);
    assert_int_equal(f->max_redirects, 3);
    assert_int_equal(f->connect_timeout_ms, 1500);
    assert_int_equal(f->max_time_ms, 120000);
    assert_int_equal(f->retries, 4);
    assert_int_equal(f->retry_delay_ms, 20);
}

static void what_is_shown_is_heard(void **state) {
    (void)state;
    const struct dial_flags *f = &rig.flags;
    assert_int_equal(PLAN(&rig, "-vv", "-o", "out", "-sS", "--record", "rec", "--output-format",
                          "json", "--color", "always", "ws://h"),
                     0);
    assert_int_equal(f->verbose, 2);
    assert_string_equal(f->output, "out");
    assert_true(f->silent && f->show_error);
    assert_string_equal(f->record, "rec");
    assert_int_equal(f->output_format, DIAL_FORMAT_JSON);
    assert_int_equal(f->color, DIAL_COLOR_ALWAYS);
    assert_int_equal(PLAN(&rig, "--no-color", "ws://h"), 0);
    assert_int_equal(f->color, DIAL_COLOR_NEVER);
}

static void the_last_word_on_deflate_counts(void **state) {
    (void)state;
    const struct dial_flags *f = &rig.flags;
    assert_int_equal(PLAN(&rig, "--deflate", "ws://h"), 0);
    assert_string_equal(f->deflate.params, "");
    assert_int_equal(PLAN(&rig, "--deflate", "--no-deflate", "ws://h"), 0);
    assert_true(f->deflate.off);
    assert_int_equal(PLAN(&rig, "--no-deflate", "--deflate=client_no_context_takeover", "ws://h"),
                     0);
    assert_false(f->deflate.off);
    assert_string_equal(f->deflate.params, "client_no_context_takeover");
}

static void a_file_of_options_is_read(void **state) {
    (void)state;
    char path[] = "/tmp/taburet-flags-XXXXXX";
    static const char text[] = "header = \"A: b\"\nuser = \"me:secret\"\n-L\n";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    assert_int_equal(PLAN(&rig, "-K", path, "ws://h"), 0);
    assert_string_equal(rig_header(&rig, "A"), "b");
    assert_string_equal(rig.flags.user, "me:secret");
    assert_true(rig.flags.location);
    unlink(path);
}

static void numbers_have_their_limits(void **state) {
    (void)state;
    rig_refuses(&rig, 2,
                "option '--connect-timeout' needs a duration such as 20ms, 5s or 2m from "
                "1ms to 24h, not '0'",
                (const char *const[]){"--connect-timeout", "0", "ws://h", NULL});
    rig_refuses(&rig, 2, "option '--color' takes auto, always or never, not 'red'",
                (const char *const[]){"--color", "red", "ws://h", NULL});
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(defaults_stand_beforehand), TEST(what_asks_is_heard),
        TEST(what_leads_there_is_heard), TEST(what_persists_is_heard),
        TEST(what_is_shown_is_heard),    TEST(the_last_word_on_deflate_counts),
        TEST(a_file_of_options_is_read), TEST(numbers_have_their_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
