#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "base/err.h"
#include "dial_rig.h"
#include "failing_alloc.h"

/* ---- the request ---- */

static void a_plain_url_makes_a_plain_request(void **state) {
    (void)state;
    ASSERT_PLAN("ws://example.org:8080/chat?x=1");
    assert_string_equal(rig_request(&rig), "GET /chat?x=1 HTTP/1.1\r\n"
                                           "Host: example.org:8080\r\n"
                                           "Upgrade: websocket\r\n"
                                           "Connection: Upgrade\r\n"
                                           "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA\r\n"
                                           "Sec-WebSocket-Version: 13\r\n"
                                           "Sec-WebSocket-Extensions: permessage-deflate; "
                                           "client_max_window_bits\r\n"
                                           "User-Agent: taburet/1.2\r\n\r\n");
    assert_string_equal(target()->url, "ws://example.org:8080/chat?x=1");
    assert_string_equal(target()->host, "example.org");
    assert_int_equal(target()->port, 8080);
    assert_string_equal(target()->route.host, "example.org");
    assert_int_equal(target()->route.port, 8080);
    assert_null(target()->route.unix_path);
    assert_null(target()->proxy);
    assert_null(target()->tls);
    assert_string_equal(target()->user_agent, "taburet/1.2");
    assert_int_equal(rig.notes.len, 0);
    assert_int_equal(rig.message.len, 0);
}

static void headers_are_given_and_removed(void **state) {
    (void)state;
    ASSERT_PLAN("h", "-H", "X-A: b", "-H", "X-B;", "-A", "me", "--origin", "http://o");
    assert_header("X-A", "b");
    assert_header("X-B", "");
    assert_header("User-Agent", "me");
    assert_header("Origin", "http://o");
    ASSERT_PLAN("h", "-A", "");
    assert_header("User-Agent", NULL);
    assert_null(target()->user_agent);
    ASSERT_PLAN("h", "-H", "User-Agent:", "-H", "Origin:", "--origin", "http://o");
    assert_header("User-Agent", NULL);
    assert_header("Origin", NULL);
    ASSERT_PLAN("h", "-A", "flag", "-H", "User-Agent: header", "--origin", "http://flag", "-H",
                "Origin: http://header");
    assert_header("User-Agent", "header");
    assert_string_equal(target()->user_agent, "header");
    assert_header("Origin", "http://header");
}

static void a_host_can_be_given(void **state) {
    (void)state;
    ASSERT_PLAN("ws://127.0.0.1:80", "-H", "Host: example.org:81");
    assert_header("Host", "example.org:81");
    assert_string_equal(target()->host, "127.0.0.1");
}

static void subprotocols_come_in_order(void **state) {
    (void)state;
    ASSERT_PLAN("h", "-H", "Sec-WebSocket-Protocol: c, d", "--subprotocol", "a", "--subprotocol",
                "b");
    assert_header("Sec-WebSocket-Protocol", "a, b, c, d");
    ASSERT_REFUSED(EXIT_USAGE,
                   "option '--subprotocol' needs a name without spaces, commas and the like, not "
                   "'a,b'",
                   "h", "--subprotocol", "a,b");
    ASSERT_REFUSED(EXIT_USAGE, "option '--subprotocol' names 'a' twice", "h", "--subprotocol", "a",
                   "-H", "Sec-WebSocket-Protocol: b,a");
}

static void deflate_is_offered_as_asked(void **state) {
    (void)state;
    ASSERT_PLAN("h", "--no-deflate");
    assert_header("Sec-WebSocket-Extensions", NULL);
    ASSERT_PLAN("h", "--deflate=server_no_context_takeover; client_max_window_bits=10");
    assert_header("Sec-WebSocket-Extensions",
                  "permessage-deflate; server_no_context_takeover; client_max_window_bits=10");
}

static void a_login_is_given_in_one_way(void **state) {
    (void)state;
    ASSERT_PLAN("h");
    assert_header("Authorization", NULL);
    ASSERT_PLAN("h", "-u", "me:se:cret");
    assert_header("Authorization", "Basic bWU6c2U6Y3JldA==");
    ASSERT_PLAN("h", "-u", "me");
    assert_header("Authorization", "Basic bWU6");
    ASSERT_PLAN("h", "--oauth2-bearer", "token");
    assert_header("Authorization", "Bearer token");
    ASSERT_PLAN("ws://me:se%3acret@h/");
    assert_header("Authorization", "Basic bWU6c2U6Y3JldA==");
    assert_string_equal(target()->url, "ws://h/");
    ASSERT_PLAN("ws://a:b@h/", "-u", "me:se:cret");
    assert_header("Authorization", "Basic bWU6c2U6Y3JldA==");
    ASSERT_PLAN("ws://a:b@h/", "-H", "Authorization: Digest x");
    assert_header("Authorization", "Digest x");
    ASSERT_PLAN("ws://a:b@h/", "-u", "c:d", "-H", "Authorization:");
    assert_header("Authorization", NULL);
}

static void write_jar(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void cookies_come_from_strings_and_files(void **state) {
    (void)state;
    char folder[] = "/tmp/taburet-plan-XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    write_jar("jar", "h\tFALSE\t/\tFALSE\t0\tj\t1\n");
    write_jar("j=r", "h\tFALSE\t/\tFALSE\t0\tk\t2\n");
    ASSERT_PLAN("h", "-b", "a=b; c=d", "-b", "e=f", "-b", "");
    assert_header("Cookie", "a=b; c=d; e=f");
    ASSERT_PLAN("h", "-b", "jar", "-b", "a=b");
    assert_header("Cookie", "j=1; a=b");
    ASSERT_PLAN("h", "-b", "@jar", "-b", "@j=r");
    assert_header("Cookie", "j=1; k=2");
    ASSERT_PLAN("other", "-b", "@jar");
    assert_header("Cookie", NULL);
    ASSERT_PLAN("h", "-b", "jar", "-b", "a=b", "-H", "Cookie: x=y");
    assert_header("Cookie", "x=y");
    ASSERT_PLAN("h", "-b", "a=b", "-H", "Cookie:");
    assert_header("Cookie", NULL);
    ASSERT_REFUSED(EXIT_USAGE, "cannot read 'nosuch' (No such file or directory)", "h", "-b",
                   "nosuch");
    unlink("jar");
    unlink("j=r");
    assert_int_equal(chdir("/"), 0);
    rmdir(folder);
}

/* ---- the way there ---- */

static void a_route_can_lead_elsewhere(void **state) {
    (void)state;
    ASSERT_PLAN("ws://a/", "--connect-to", "a:80:b:81", "--resolve", "b:81:127.0.0.1", "-4",
                "--interface", "lo");
    const struct dial_route *route = &target()->route;
    assert_string_equal(route->host, "b");
    assert_int_equal(route->port, 81);
    assert_string_equal(route->interface, "lo");
    assert_int_equal(route->override_count, 1);
    assert_string_equal(route->overrides[0].addresses[0], "127.0.0.1");
    assert_string_equal(target()->host, "a");
    assert_int_equal(target()->port, 80);
    assert_header("Host", "a");
}

static void a_unix_socket_can_be_the_way(void **state) {
    (void)state;
    ASSERT_PLAN("ws://a/x", "--unix-socket", "/tmp/s");
    assert_string_equal(target()->route.unix_path, "/tmp/s");
    assert_header("Host", "a");
    ASSERT_PLAN("ws+unix:/tmp/s:/x");
    assert_string_equal(target()->route.unix_path, "/tmp/s");
    assert_header("Host", "localhost");
}

static void a_proxy_can_be_the_way(void **state) {
    (void)state;
    ASSERT_PLAN("ws://a/x", "-x", "http://me:pw@p:3128");
    assert_string_equal(target()->route.host, "p");
    assert_int_equal(target()->route.port, 3128);
    assert_string_equal(target()->proxy->host, "p");
    assert_string_equal(target()->proxy->user, "me");
    assert_string_equal(target()->host, "a");
    assert_int_equal(target()->port, 80);
    ASSERT_PLAN("ws://a/x", "-x", "p", "--noproxy", "a");
    assert_null(target()->proxy);
    assert_string_equal(target()->route.host, "a");
    ASSERT_PLAN("ws://a/x", "-x", "p", "--connect-to", "other::c:");
    assert_string_equal(target()->route.host, "p");
}

static void what_a_proxy_cannot_be_asked_for_is_told_now(void **state) {
    (void)state;
    ASSERT_REFUSED(EXIT_USAGE, "a password for a SOCKS5 proxy has 1 to 255 bytes", "h", "-x",
                   "socks5://me@p");
    ASSERT_REFUSED(EXIT_USAGE,
                   "option '--connect-to' does not go through a proxy (--noproxy '*' goes without "
                   "one)",
                   "ws://a/x", "-x", "p", "--connect-to", "a::b:");
}

/* ---- what is refused ---- */

static void a_bad_url_has_its_own_code(void **state) {
    (void)state;
    ASSERT_REFUSED(EXIT_URL,
                   "bad URL 'ftp://h': the scheme 'ftp' is none of ws, wss, http and "
                   "https",
                   "ftp://h");
    ASSERT_REFUSED(EXIT_USAGE, "bad URL 'ws://h/a\\x0d\\nb': a control character in the path",
                   "ws://h/a\r\nb");
}

static void cve_2026_1527_control_characters_are_refused(void **state) {
    (void)state;
    static const char *const flags[] = {"user-agent", "user",        "oauth2-bearer", "origin",
                                        "cookie",     "unix-socket", "interface"};
    static const char *const values[] = {"a=\r\nX: y", "a=\n", "a=\r", "a=\x1b", "a=\x7f", "a=\t"};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        char flag[32], expected[128];
        snprintf(flag, sizeof flag, "--%s", flags[i]);
        snprintf(expected, sizeof expected, "option '--%s' takes no control characters", flags[i]);
        for (size_t k = 0; k < sizeof values / sizeof values[0]; k++) {
            ASSERT_REFUSED(EXIT_USAGE, expected, "h", flag, values[k]);
        }
    }
}

static void some_flags_exclude_or_need_each_other(void **state) {
    (void)state;
    ASSERT_REFUSED(EXIT_USAGE, "options '--user' and '--oauth2-bearer' exclude each other", "h",
                   "-u", "a:b", "--oauth2-bearer", "c");
    ASSERT_REFUSED(EXIT_USAGE, "options '--unix-socket' and '--proxy' exclude each other", "h",
                   "--unix-socket", "/x", "-x", "p");
    ASSERT_REFUSED(EXIT_USAGE, "option '--unix-socket' needs a path, not ''", "h", "--unix-socket",
                   "");
    ASSERT_REFUSED(EXIT_USAGE, "option '--key' needs '--cert', the certificate of the key", "h",
                   "--key", "k");
}

static void no_password_is_shown(void **state) {
    (void)state;
    static const char *const lines[][4] = {
        {"ws://me:secret@h h/", NULL},
        {"h", "-u", "me:secret\n", NULL},
        {"h", "--oauth2-bearer", "secret\n", NULL},
        {"h", "-H", "Authorization: secret\n", NULL},
        {"h", "-H", "Authorization secret", NULL},
        {"h", "-b", "a=secret\n", NULL},
        {"h", "-x", "http://me:secret@h h", NULL},
        {"h", "-x", "socks4://me:secret@h", NULL},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_not_equal(rig_plan(&rig, lines[i]), EXIT_OK);
        assert_null(strstr(rig_message(&rig), "secret"));
    }
}

/* ---- TLS and notes ---- */

static void wss_gets_a_context(void **state) {
    (void)state;
    ASSERT_PLAN("wss://h/");
    assert_non_null(target()->tls);
    assert_int_equal(target()->port, 443);
    ASSERT_PLAN("https://h/");
    assert_non_null(target()->tls);
}

static void files_of_tls_are_read_at_once(void **state) {
    (void)state;
    ASSERT_REFUSED(EXIT_USAGE,
                   "cannot use the CA certificates '/nosuch' (No such file or directory)",
                   "wss://h", "--cacert", "/nosuch");
    ASSERT_REFUSED(EXIT_USAGE,
                   "cannot use the certificate '/no:such\\x' (No such file or "
                   "directory)",
                   "wss://h", "--cert", "/no\\:such\\\\x:secret");
    ASSERT_REFUSED(EXIT_USAGE, "cannot use the certificate '/nosuch' (No such file or directory)",
                   "ws://h", "-L", "-E", "/nosuch");
    ASSERT_PLAN("ws://h", "--cacert", "/nosuch");
    assert_null(target()->tls);
}

static void plans_may_share_their_contexts(void **state) {
    (void)state;
    struct dial_plan *other = NULL;
    ASSERT_PLAN("wss://h/");
    assert_int_equal(dial_plan_new_beside(rig.plan, &rig.flags, "wss://other:444/x", "1.2", &other,
                                          &rig.message, &rig.notes),
                     EXIT_OK);
    assert_ptr_equal(dial_plan_target(other)->tls, target()->tls);
    assert_string_equal(dial_plan_target(other)->host, "other");
    dial_plan_free(other);
    assert_non_null(target()->tls);
}

static const char *notes(void) {
    assert_int_equal(bytes_append(&rig.notes, "", 1), TB_OK);
    return (const char *)rig.notes.data;
}

static void a_person_is_warned(void **state) {
    (void)state;
    ASSERT_PLAN("wss://h", "-k");
    assert_string_equal(notes(), "warning: with --insecure anybody may pass for the server: "
                                 "neither certificate nor host name is verified\n");
    ASSERT_PLAN("ws://h/#x");
    assert_string_equal(notes(),
                        "note: what stands behind '#' in the URL is not sent (RFC 6455 s.3)\n");
    assert_string_equal(target()->request.target, "/");
}

/* ---- memory ---- */

static void memory_may_run_out_while_planning(void **state) {
    (void)state;
    static const char *const words[] = {"wss://a:b@h/",
                                        "-H",
                                        "X: y",
                                        "-H",
                                        "Y;",
                                        "-b",
                                        "a=b",
                                        "--subprotocol",
                                        "p",
                                        "-x",
                                        "http://a:b@p",
                                        "--resolve",
                                        "h:1:::1",
                                        "--connect-to",
                                        "x:1:y:2",
                                        "-k",
                                        "--deflate=client_no_context_takeover",
                                        NULL};
    unsigned n = 0;
    do {
        rig_release(&rig);
        fail_alloc_at(n);
        int code = rig_plan(&rig, words);
        fail_alloc_off();
        assert_int_equal(code, n < alloc_count() ? EXIT_SYSTEM : EXIT_OK);
        assert_true((rig.plan != NULL) == (code == EXIT_OK));
    } while (n++ < alloc_count());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_plain_url_makes_a_plain_request),
        TEST(headers_are_given_and_removed),
        TEST(a_host_can_be_given),
        TEST(subprotocols_come_in_order),
        TEST(deflate_is_offered_as_asked),
        TEST(a_login_is_given_in_one_way),
        TEST(cookies_come_from_strings_and_files),
        TEST(a_route_can_lead_elsewhere),
        TEST(a_unix_socket_can_be_the_way),
        TEST(a_proxy_can_be_the_way),
        TEST(what_a_proxy_cannot_be_asked_for_is_told_now),
        TEST(a_bad_url_has_its_own_code),
        TEST(cve_2026_1527_control_characters_are_refused),
        TEST(some_flags_exclude_or_need_each_other),
        TEST(no_password_is_shown),
        TEST(wss_gets_a_context),
        TEST(files_of_tls_are_read_at_once),
        TEST(plans_may_share_their_contexts),
        TEST(a_person_is_warned),
        TEST(memory_may_run_out_while_planning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
