#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/dial/headers.h"
#include "base/err.h"
#include "failing_alloc.h"

static struct headers h;
static struct bytes message;
static char folder[32];

static int set_up(void **state) {
    (void)state;
    strcpy(folder, "/tmp/taburet-header-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return chdir(folder);
}

static int tear_down(void **state) {
    (void)state;
    headers_release(&h);
    bytes_release(&message);
    unlink("file");
    assert_int_equal(chdir("/"), 0);
    return rmdir(folder);
}

static int read_items(const char **items) {
    struct option_list list = {.items = items};
    while (items[list.count] != NULL) {
        list.count++;
    }
    headers_release(&h);
    bytes_clear(&message);
    return headers_read(&h, &list, &message);
}

#define READ(...) read_items((const char *[]){__VA_ARGS__, NULL})

static void assert_refused(const char *item, const char *expected) {
    int err = READ(item);
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    assert_string_equal((char *)message.data, expected);
    assert_int_equal(err, TB_EINVAL);
}

static void write_file(const char *text, size_t n) {
    FILE *f = fopen("file", "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void a_line_is_sent_as_it_is(void **state) {
    (void)state;
    assert_int_equal(READ("X-A: b", "x-a:c", "X-B:\t d \xc3\xa9", "X-C: a;b"), TB_OK);
    assert_int_equal(h.lines.count, 4);
    assert_string_equal(h.lines.items[0], "X-A: b");
    assert_string_equal(h.lines.items[1], "x-a:c");
    assert_string_equal(h.lines.items[2], "X-B:\t d \xc3\xa9");
    assert_string_equal(h.lines.items[3], "X-C: a;b");
}

static void nothing_behind_the_colon_removes(void **state) {
    (void)state;
    assert_int_equal(READ("X-A:", "X-B:  ", "Authorization:", "cookie: ", "User-Agent:", "Origin:",
                          "Sec-WebSocket-Protocol:"),
                     TB_OK);
    assert_int_equal(h.lines.count + h.secrets.count + h.subprotocols.count, 0);
    assert_true(h.has_authorization && h.has_cookie);
    assert_true(h.user_agent.made && h.origin.made);
    assert_null(h.user_agent.value);
    assert_null(h.origin.value);
}

static void a_semicolon_sends_an_empty_one(void **state) {
    (void)state;
    assert_int_equal(READ("X-A;", "X-B; ", "User-Agent;", "Origin;", "Cookie;"), TB_OK);
    assert_int_equal(h.lines.count, 3);
    assert_string_equal(h.lines.items[0], "X-A:");
    assert_string_equal(h.lines.items[1], "X-B:");
    assert_string_equal(h.lines.items[2], "User-Agent:");
    assert_string_equal(h.origin.value, "");
    assert_true(h.user_agent.made);
    assert_null(h.user_agent.value);
    assert_string_equal(h.secrets.items[0], "Cookie:");
}

static void some_stand_for_a_flag(void **state) {
    (void)state;
    assert_int_equal(READ("host: a.test:81", "HOST:  b.test ", "Origin: http://x", "Origin: null",
                          "User-Agent: me too", "Sec-WebSocket-Protocol: a, b ,c",
                          "sec-websocket-protocol:d", "Authorization: Bearer x", "Cookie: a=b"),
                     TB_OK);
    assert_string_equal(h.host.value, "b.test");
    assert_string_equal(h.origin.value, "null");
    assert_string_equal(h.user_agent.value, "me too");
    assert_int_equal(h.subprotocols.count, 4);
    assert_string_equal(h.subprotocols.items[1], "b");
    assert_string_equal(h.subprotocols.items[3], "d");
    assert_int_equal(h.secrets.count, 2);
    assert_string_equal(h.secrets.items[0], "Authorization: Bearer x");
    assert_int_equal(h.lines.count, 0);
}

static void the_handshakes_own_headers_are_refused(void **state) {
    (void)state;
    assert_refused("Upgrade: h2c", "option '--header' takes no Upgrade, which every handshake has "
                                   "as it must be");
    assert_refused("connection: close", "option '--header' takes no Connection, which every "
                                        "handshake has as it must be");
    assert_refused("Sec-WebSocket-Key: x", "option '--header' takes no Sec-WebSocket-Key, which "
                                           "every handshake has as it must be");
    assert_refused("Sec-WebSocket-Version: 8", "option '--header' takes no Sec-WebSocket-Version, "
                                               "which every handshake has as it must be");
    assert_refused("Sec-WebSocket-Extensions:",
                   "option '--header' takes no Sec-WebSocket-Extensions: use --deflate or "
                   "--no-deflate");
    assert_refused("proxy-authorization: Basic c2VjcmV0",
                   "option '--header' takes no Proxy-Authorization, which would go to the server: "
                   "write user and password into the URL of --proxy");
    assert_refused("Content-Length: 0",
                   "option '--header' takes no Content-Length, for the request has no body");
    assert_refused("Transfer-Encoding: chunked",
                   "option '--header' takes no Transfer-Encoding, for the request has no body");
    assert_refused("Sec-WebSocket-Protocol;",
                   "option '--header' needs names behind 'Sec-WebSocket-Protocol'");
    static const char *const hosts[] = {"Host:", "Host;", "Host: a b", "Host: :80",
                                        "Host: a:99999"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        assert_refused(hosts[i],
                       "option '--header' needs a host, perhaps with a port, behind 'Host:'");
    }
}

static void what_is_no_header_is_refused_without_its_value(void **state) {
    (void)state;
    assert_refused("Authorization Basic secret",
                   "option '--header' needs 'Name: value', but there is no ':' behind "
                   "'Authorization'");
    assert_refused("Authorization Basic: secret",
                   "option '--header' needs 'Name: value', but no name ends behind "
                   "'Authorization'");
    assert_refused("X; y", "option '--header' needs 'Name: value', but there is no ':' behind 'X'");
    assert_refused("", "option '--header' needs 'Name: value', but there is no ':' behind ''");
    assert_refused(": x", "option '--header' needs 'Name: value', but no name ends behind ''");
    assert_refused("X : y", "option '--header' needs 'Name: value', but no name ends behind 'X'");
}

/* undici CVE-2026-1527 and many before it. */
static void cve_2026_1527_a_line_break_is_refused(void **state) {
    (void)state;
    static const char *const items[] = {"X: a\r\nY: b", "X: a\nY: b", "X: a\rY: b", "X\r\n: a",
                                        "X: a\x1b",     "X: a\x7f",   "X: a\r\n"};
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        assert_refused(items[i],
                       "option '--header' takes no control character, as there is one behind 'X'");
    }
}

static void a_file_has_one_a_line(void **state) {
    (void)state;
    static const char text[] = "X-A: b\r\n\nX-B;\nOrigin: http://o\nX-C: d";
    write_file(text, sizeof text - 1);
    assert_int_equal(READ("X-0: 0", "@file"), TB_OK);
    assert_int_equal(h.lines.count, 4);
    assert_string_equal(h.lines.items[1], "X-A: b");
    assert_string_equal(h.lines.items[2], "X-B:");
    assert_string_equal(h.lines.items[3], "X-C: d");
    assert_string_equal(h.origin.value, "http://o");
    write_file("", 0);
    assert_int_equal(READ("@file"), TB_OK);
}

static void a_files_fault_is_told_with_its_line(void **state) {
    (void)state;
    write_file("X-A: b\n\nsecret\n", 15);
    assert_refused("@file", "option '--header' needs 'Name: value', but there is no ':' behind "
                            "'secret' (line 3 of 'file')");
    write_file("X-A: b\0Y: z\n", 12);
    assert_refused("@file", "option '--header' takes no NUL byte, as there is one behind 'X-A' "
                            "(line 1 of 'file')");
    write_file("X-A: b\ry\n", 9);
    assert_refused("@file", "option '--header' takes no control character, as there is one behind "
                            "'X-A' (line 1 of 'file')");
    assert_refused("@nosuch", "cannot read 'nosuch' (No such file or directory)");
}

static void memory_may_run_out(void **state) {
    (void)state;
    write_file("X-A: b\nX-B;\n", 12);
    unsigned n = 0;
    do {
        fail_alloc_at(n);
        int err = READ("@file", "Host: a", "Origin: b", "User-Agent;", "Cookie: c",
                       "Sec-WebSocket-Protocol: a,b");
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
    } while (n++ < alloc_count());
    n = 0;
    do {
        fail_alloc_at(n);
        int err = READ("broken");
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_EINVAL);
        bytes_release(&message);
    } while (n++ < alloc_count());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_line_is_sent_as_it_is),
        TEST(nothing_behind_the_colon_removes),
        TEST(a_semicolon_sends_an_empty_one),
        TEST(some_stand_for_a_flag),
        TEST(the_handshakes_own_headers_are_refused),
        TEST(what_is_no_header_is_refused_without_its_value),
        TEST(cve_2026_1527_a_line_break_is_refused),
        TEST(a_file_has_one_a_line),
        TEST(a_files_fault_is_told_with_its_line),
        TEST(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
