#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "app/command.h"
#include "app/dial/outcome.h"
#include "dial_rig.h"
#include "failing_alloc.h"

static void assert_hint(const char *answer, const char *body, const char *expected) {
    struct client_refusal refusal = rig_answer(&rig, answer, body);
    const char *hint = dial_hint(rig.plan, &refusal);
    if (expected == NULL) {
        assert_null(hint);
    } else {
        assert_non_null(hint);
        assert_string_equal(hint, expected);
    }
}

static void assert_failure_hint(enum client_failure failure, enum ws_violation violation,
                                const char *why, const char *expected) {
    const struct client_refusal refusal = {.failure = failure, .why = why, .violation = violation};
    const char *hint = dial_hint(rig.plan, &refusal);
    if (expected == NULL) {
        assert_null(hint);
    } else {
        assert_non_null(hint);
        assert_string_equal(hint, expected);
    }
}

static void each_failure_has_its_exit_code(void **state) {
    (void)state;
    static const struct {
        enum client_failure failure;
        int code;
    } rows[] = {
        {CLIENT_NO_PROXY_NAME, 5}, {CLIENT_NO_NAME, 6},      {CLIENT_NO_CONNECTION, 7},
        {CLIENT_TLS_FAILED, 35},   {CLIENT_NOT_TRUSTED, 60}, {CLIENT_TIMED_OUT, 28},
        {CLIENT_SEND_FAILED, 55},  {CLIENT_LOST, 56},        {CLIENT_BROKE_RULE, 102},
        {CLIENT_REFUSED, 22},      {CLIENT_SYSTEM, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct client_refusal refusal = {.failure = rows[i].failure};
        assert_int_equal(dial_exit_code(&refusal), rows[i].code);
    }
}

static void a_redirect_is_told_where_it_is_not_followed(void **state) {
    (void)state;
    ASSERT_PLAN("ws://h/a");
    assert_hint("301 Moved\r\nLocation: https://me:secret@other/b?c", NULL,
                "it leads to wss://other/b?c; --location (-L) follows");
    assert_hint("308 Moved\r\nLocation: ../x", NULL,
                "it leads to ws://h/x; --location (-L) follows");
    assert_hint("302 Found", NULL, NULL);
    assert_hint("302 Found\r\nLocation: mailto:x", NULL, NULL);
    assert_hint("302 Found\r\nLocation: /a\r\nLocation: /b", NULL, NULL);
    ASSERT_PLAN("ws://h/a", "-L");
    assert_hint("301 Moved\r\nLocation: /b", NULL, NULL);
}

static void a_login_that_is_missing_or_wrong_is_told(void **state) {
    (void)state;
    static const char wrong[] = "the server does not accept the credentials that were given";
    ASSERT_PLAN("h");
    assert_hint("401 x", NULL, "--user USER:PASSWORD (-u) or --oauth2-bearer TOKEN logs in");
    ASSERT_PLAN("h", "-u", "a:b");
    assert_hint("401 x", NULL, wrong);
    ASSERT_PLAN("h", "--oauth2-bearer", "a");
    assert_hint("401 x", NULL, wrong);
    ASSERT_PLAN("h", "-H", "Authorization: a");
    assert_hint("401 x", NULL, wrong);
    ASSERT_PLAN("ws://a:b@h");
    assert_hint("401 x", NULL, wrong);
}

static void credentials_that_stayed_home_are_told(void **state) {
    (void)state;
    ASSERT_PLAN("h", "-L", "-u", "a:b");
    struct client_refusal refusal = rig_answer(&rig, "302 x\r\nLocation: ws://other/", NULL);
    assert_int_equal(dial_plan_redirect(rig.plan, &refusal, &rig.message), DIAL_FOLLOW);
    assert_hint("401 x", NULL,
                "the credentials were not sent: they stay with the scheme, host and "
                "port that they were given for");
}

static void an_origin_may_be_missing_or_wrong(void **state) {
    (void)state;
    ASSERT_PLAN("h");
    assert_hint("403 x", NULL,
                "some servers want to see the Origin of their own page: --origin "
                "URL");
    ASSERT_PLAN("h", "--origin", "http://o\xc2\x9b");
    assert_hint("403 x", NULL,
                "perhaps the server does not welcome the Origin 'http://o\\u{9b}': "
                "try --origin with another");
}

static void a_path_may_be_wrong(void **state) {
    (void)state;
    ASSERT_PLAN("ws://h/caht?x");
    assert_hint("404 x", NULL, "is the path right? It was '/caht?x'");
    assert_hint("200 OK", NULL,
                "that is an ordinary web page or resource, no WebSocket: is the "
                "path right? It was '/caht?x'");
}

static void tls_may_be_wanted(void **state) {
    (void)state;
    static const char hint[] = "the server speaks TLS on that port: try wss://";
    static const char other[] = "the server does not understand the upgrade: is the path that of a "
                                "WebSocket, and does every proxy in between let upgrades through?";
    ASSERT_PLAN("ws://h:443");
    assert_hint("400 x", "<h1>The plain HTTP request was sent to HTTPS port</h1>", hint);
    assert_hint("400 x", "Client sent an HTTP request to an HTTPS server.\n", hint);
    assert_hint("400 x", "you're speaking plain HTTP to an SSL-enabled server port.", hint);
    assert_hint("400 x", "no", other);
    assert_hint("400 x", NULL, other);
    ASSERT_PLAN("wss://h");
    assert_hint("400 x", "The plain HTTP request was sent to HTTPS port", other);
}

static void other_answers_have_their_hints(void **state) {
    (void)state;
    ASSERT_PLAN("h");
    assert_hint("426 x\r\nSec-WebSocket-Version: 8", NULL,
                "the server speaks version 8 of the protocol, we speak 13");
    assert_hint("426 x\r\nSec-WebSocket-Version: 13", NULL,
                "the upgrade did not come through as it was sent: a proxy in between may have "
                "taken the Upgrade header away");
    assert_hint("407 x", NULL,
                "a proxy wants to know us: --proxy http://USER:PASSWORD@HOST:PORT (-x)");
    assert_hint("429 x", NULL, "--retry N tries again");
    assert_hint("503 x\r\nRetry-After: 30", NULL,
                "the server asks to come back in 30 s; --retry N tries again");
    assert_hint("502 x", NULL,
                "a gateway in front of the server does not reach it; --retry N tries again");
    assert_hint("418 x", NULL, NULL);
}

static void no_connection_has_its_hints(void **state) {
    (void)state;
    static const char *const own[] = {"localhost:1", "ws://127.0.0.2", "ws://[::1]:2",
                                      "ws+unix:/tmp/x"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        ASSERT_PLAN(own[i]);
        assert_failure_hint(CLIENT_NO_CONNECTION, WS_V_NONE, "x", "is the server running?");
    }
    ASSERT_PLAN("ws://example.org");
    assert_failure_hint(CLIENT_NO_CONNECTION, WS_V_NONE, "x", NULL);
    assert_failure_hint(CLIENT_NO_NAME, WS_V_NONE, "x",
                        "--resolve HOST:PORT:ADDRESS gives a host its address");
    assert_failure_hint(CLIENT_TIMED_OUT, WS_V_NONE, "x",
                        "--connect-timeout SEC gives it more time");
    ASSERT_PLAN("localhost", "-x", "p");
    assert_failure_hint(CLIENT_NO_CONNECTION, WS_V_NONE, "x", NULL);
    assert_failure_hint(CLIENT_NO_PROXY_NAME, WS_V_NONE, "x", NULL);
}

static void tls_has_its_hints(void **state) {
    (void)state;
    static const char plain[] = "the server does not speak TLS on that port: try ws://";
    static const char tls[] = "does the server speak TLS on that port? Then it is wss://";
    ASSERT_PLAN("wss://h", "-k");
    assert_failure_hint(CLIENT_TLS_FAILED, WS_V_NONE, "failed (wrong version number)", plain);
    assert_failure_hint(CLIENT_TLS_FAILED, WS_V_NONE, "failed (no shared cipher)", NULL);
    assert_failure_hint(CLIENT_NOT_TRUSTED, WS_V_NONE, "x",
                        "--cacert FILE trusts the certificate in that file, or whatever its owner "
                        "has issued; --insecure (-k) looks away");
    assert_failure_hint(CLIENT_LOST, WS_V_NONE, "x", NULL);
    assert_failure_hint(CLIENT_BROKE_RULE, WS_V_HTTP_SYNTAX, "x", NULL);
    ASSERT_PLAN("ws://h");
    assert_failure_hint(CLIENT_LOST, WS_V_NONE, "x", tls);
    assert_failure_hint(CLIENT_BROKE_RULE, WS_V_HTTP_SYNTAX, "x", tls);
    assert_failure_hint(CLIENT_BROKE_RULE, WS_V_RESPONSE_ACCEPT, "x", NULL);
    assert_failure_hint(CLIENT_BROKE_RULE, WS_V_RESPONSE_PROTOCOL, "x",
                        "--subprotocol NAME offers one");
    assert_failure_hint(CLIENT_SYSTEM, WS_V_NONE, "x", NULL);
    assert_failure_hint(CLIENT_SEND_FAILED, WS_V_NONE, "x", NULL);
}

static void memory_may_run_out(void **state) {
    (void)state;
    ASSERT_PLAN("h");
    struct client_refusal refusal = rig_answer(&rig, "302 x\r\nLocation: /b", NULL);
    unsigned n = 0;
    do {
        bytes_release(&rig.message);
        fail_alloc_at(n);
        const char *hint = dial_hint(rig.plan, &refusal);
        fail_alloc_off();
        assert_true(hint != NULL || n < alloc_count());
    } while (n++ < alloc_count());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_failure_has_its_exit_code),
        TEST(a_redirect_is_told_where_it_is_not_followed),
        TEST(a_login_that_is_missing_or_wrong_is_told),
        TEST(credentials_that_stayed_home_are_told),
        TEST(an_origin_may_be_missing_or_wrong),
        TEST(a_path_may_be_wrong),
        TEST(tls_may_be_wanted),
        TEST(other_answers_have_their_hints),
        TEST(no_connection_has_its_hints),
        TEST(tls_has_its_hints),
        TEST(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
