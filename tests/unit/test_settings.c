#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "app/serve/settings.h"
#include "base/err.h"
#include "base/log.h"
#include "conn/endpoint.h"
#include "failing_alloc.h"

static struct settings s;
static struct bytes message;

static int tear_down(void **state) {
    (void)state;
    settings_release(&s);
    bytes_release(&message);
    return 0;
}

/* The words of a command line, up to the first NULL. */
static int read_words(const char *const *words) {
    char *argv[16];
    int argc = 0;
    while (words[argc] != NULL) {
        memcpy(&argv[argc], &words[argc], sizeof argv[argc]); /* never written to */
        argc++;
    }
    return settings_read(&s, argc, argv, &message);
}

#define READ(...) read_words((const char *const[]){__VA_ARGS__, NULL})

static void assert_refused(int err, const char *expected) {
    assert_int_equal(err, TB_EINVAL);
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    assert_string_equal((const char *)message.data, expected);
    settings_release(&s);
    bytes_release(&message);
}

static void an_empty_command_line_gives_the_defaults(void **state) {
    (void)state;
    const char *const nothing[] = {NULL};
    assert_int_equal(read_words(nothing), TB_OK);
    assert_int_equal(message.len, 0);
    assert_true(s.tcp);
    assert_int_equal(s.hosts.count, 0);
    assert_int_equal(s.port, 4000);
    assert_null(s.unix_path);
    assert_false(s.has_every);
    assert_false(s.has_seed);
    assert_int_equal(s.files.count, 0);
    assert_false(s.echo);
    assert_int_equal(s.threads, 1);
    assert_null(s.tls_cert);
    assert_null(s.tls_key);
    assert_int_equal(s.origins.count, 0);
    assert_int_equal(s.subprotocols.count, 0);
    assert_false(s.no_deflate);
    assert_int_equal(s.max_connections, 0);
    assert_int_equal(s.max_message, 1024 * 1024);
    assert_int_equal(s.max_fragments, 131072);
    assert_int_equal(s.max_backlog, (2 * 1024 + 64) * 1024);
    assert_int_equal(s.slow, SLOW_CLOSE);
    assert_int_equal(s.ping_interval_ms, 20000);
    assert_int_equal(s.ping_timeout_ms, 20000);
    assert_int_equal(s.handshake_ms, 10000);
    assert_null(s.record);
    assert_int_equal(s.log_format, LOG_TEXT);
    assert_int_equal(s.verbose, 0);
    assert_false(s.quiet);
    assert_false(s.help);
}

static void every_option_is_heard(void **state) {
    (void)state;
    assert_int_equal(READ("--host", "a", "--host=b", "-p", "0", "--every", "0", "--echo",
                          "--threads", "4", "--no-deflate", "--slow", "drop"),
                     TB_OK);
    assert_int_equal(s.hosts.count, 2);
    assert_string_equal(s.hosts.items[1], "b");
    assert_int_equal(s.port, 0);
    assert_true(s.has_every);
    assert_int_equal(s.every_ms, 0);
    assert_true(s.says_where);
    assert_true(s.echo);
    assert_int_equal(s.threads, 4);
    assert_true(s.no_deflate);
    assert_int_equal(s.slow, SLOW_DROP);
    settings_release(&s);

    assert_int_equal(READ("--allow-origin", "null", "--subprotocol", "x", "--max-connections=7",
                          "--max-message-size", "64K", "--max-fragments=9", "--max-backlog", "2M",
                          "--ping-interval", "1500ms", "--ping-timeout=0"),
                     TB_OK);
    assert_string_equal(s.origins.items[0], "null");
    assert_string_equal(s.subprotocols.items[0], "x");
    assert_int_equal(s.max_connections, 7);
    assert_int_equal(s.max_message, 65536);
    assert_int_equal(s.max_fragments, 9);
    assert_int_equal(s.max_backlog, 2 * 1024 * 1024);
    assert_int_equal(s.ping_interval_ms, 1500);
    assert_int_equal(s.ping_timeout_ms, 0);
    settings_release(&s);

    assert_int_equal(READ("--handshake-timeout", "3", "--record", "f", "--log-format", "json",
                          "-vv", "--tls-cert", "c", "--tls-key", "k", "--help"),
                     TB_OK);
    assert_int_equal(s.handshake_ms, 3000);
    assert_string_equal(s.record, "f");
    assert_int_equal(s.log_format, LOG_JSON);
    assert_int_equal(s.verbose, 2);
    assert_string_equal(s.tls_cert, "c");
    assert_string_equal(s.tls_key, "k");
    assert_true(s.help);
}

static void a_unix_socket_stands_alone_unless_a_host_or_port_is_given(void **state) {
    (void)state;
    assert_int_equal(READ("--unix", "s"), TB_OK);
    assert_string_equal(s.unix_path, "s");
    assert_false(s.tcp);
    settings_release(&s);
    assert_int_equal(READ("--unix", "s", "--port", "4000"), TB_OK);
    assert_true(s.tcp);
    settings_release(&s);
    assert_int_equal(READ("--unix", "s", "--host", "localhost"), TB_OK);
    assert_true(s.tcp);
    assert_int_equal(s.port, 4000);
}

static void options_that_go_together_do(void **state) {
    (void)state;
    assert_refused(READ("--tls-cert", "c"), "options '--tls-cert' and '--tls-key' go together");
    assert_refused(READ("--tls-key", "k"), "options '--tls-cert' and '--tls-key' go together");
    assert_refused(READ("-q", "-v"), "options '--quiet' and '--verbose' exclude each other");
}

static void a_host_is_a_name_or_an_address(void **state) {
    (void)state;
    assert_refused(READ("--host", "localhost", "--host="),
                   "option '--host' needs a name or an address, not ''");
    assert_refused(READ("--host", "*"), "option '--host' takes no '*': 0.0.0.0 is every IPv4 "
                                        "address of this machine, :: every IPv6 address");
}

static void an_origin_that_never_comes_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"*",
                                      "",
                                      "example.org",
                                      "https://",
                                      "https://example.org/",
                                      "https://example.org/app",
                                      "HTTPS://example.org",
                                      "https://Example.org",
                                      "://example.org",
                                      "https:example.org",
                                      "https://example.org?",
                                      "https://user@example.org",
                                      "https://a b",
                                      "1a://example.org",
                                      "Null",
                                      "https://\xd0\xb0",
                                      "https://*.example.org"};
    static const char *const good[] = {"null",
                                       "file://",
                                       "https://example.org",
                                       "http://localhost:3000",
                                       "http://[::1]:8080",
                                       "moz-extension://0a1b-2c",
                                       "https://xn--80a.example"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char expected[300];
        snprintf(expected, sizeof expected,
                 "option '--allow-origin' needs an origin such as https://example.org, or null, "
                 "not '%s' (without the option any Origin is welcome)",
                 bad[i]);
        assert_refused(READ("--allow-origin", "null", "--allow-origin", bad[i]), expected);
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(READ("--allow-origin", good[i]), TB_OK);
        settings_release(&s);
    }
}

static void two_of_the_largest_messages_may_wait_unless_it_is_said_otherwise(void **state) {
    (void)state;
    assert_int_equal(READ("--max-message-size", "1K"), TB_OK);
    assert_int_equal(s.max_backlog, 1024 * 1024);
    settings_release(&s);
    assert_int_equal(READ("--max-message-size", "1G"), TB_OK);
    assert_true(s.max_backlog == 2147483648 + 65536);
    settings_release(&s);
    assert_int_equal(READ("--max-message-size", "1G", "--max-backlog", "1"), TB_OK);
    assert_int_equal(s.max_backlog, 1);
}

static void files_are_taken_and_where_they_listen_is_theirs_to_say(void **state) {
    (void)state;
    assert_int_equal(READ("a.yaml", "--var", "x=1", "b.yaml", "--seed", "7"), TB_OK);
    assert_int_equal(s.files.count, 2);
    assert_string_equal(s.files.items[1], "b.yaml");
    assert_string_equal(s.vars.items[0], "x=1");
    assert_true(s.has_seed);
    assert_int_equal(s.seed, 7);
    assert_false(s.says_where);
    settings_release(&s);
    assert_int_equal(READ("a.yaml", "--port", "0"), TB_OK);
    settings_release(&s);
    assert_refused(READ("a.yaml", "--echo"), "a file, '--from' and '--echo' exclude each other");
    assert_refused(READ("a.yaml", "--from", "b.jsonl"),
                   "a file, '--from' and '--echo' exclude each other");
    assert_refused(READ("a.yaml", "b.yaml", "--port", "0"),
                   "several files are several servers: where each listens and records is for the "
                   "files to say, not for --host, --port, --unix or --record");
}

static void limits_are_kept(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        {"--port", "65536"},
        {"--threads", "0"},
        {"--threads", "65"},
        {"--max-connections", "0"},
        {"--max-message-size", "0"},
        {"--max-fragments", "0"},
        {"--max-fragments", "4294967296"},
        {"--max-backlog", "2G"},
        {"--every", "25h"},
        {"--handshake-timeout", "0"},
        {"--slow", "wait"},
        {"--log-format", "xml"},
        {"--port", ""},
        {"--port", "-1"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(READ(bad[i][0], bad[i][1]), TB_EINVAL);
        assert_true(message.len > 0);
        assert_non_null(memmem(message.data, message.len, bad[i][0], strlen(bad[i][0])));
        settings_release(&s);
        bytes_release(&message);
    }
}

static void each_failed_allocation_is_told_and_nothing_leaks(void **state) {
    (void)state;
    unsigned n = 0;
    int err;
    do {
        fail_alloc_at(n);
        err = READ("--host", "a", "--host", "b", "--allow-origin", "null");
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
        settings_release(&s);
        bytes_release(&message);
    } while (n++ < alloc_count());
    assert_int_equal(err, TB_OK);
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_empty_command_line_gives_the_defaults),
        TEST(every_option_is_heard),
        TEST(a_unix_socket_stands_alone_unless_a_host_or_port_is_given),
        TEST(options_that_go_together_do),
        TEST(a_host_is_a_name_or_an_address),
        TEST(an_origin_that_never_comes_is_refused),
        TEST(two_of_the_largest_messages_may_wait_unless_it_is_said_otherwise),
        TEST(files_are_taken_and_where_they_listen_is_theirs_to_say),
        TEST(limits_are_kept),
        TEST(each_failed_allocation_is_told_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
