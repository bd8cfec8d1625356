/* The server's side of the opening handshake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/err.h"
#include "failing_alloc.h"
#include "http_heads.h"
#include "proto/handshake.h"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define START "GET / HTTP/1.1\r\nHost: localhost:4000\r\n"
#define GOOD START UPGRADE KEY VERSION

static const struct ws_server_policy any = {.deflate = true};

static int judge(const char *text, const struct ws_server_policy *policy,
                 struct ws_answer *answer) {
    struct http1 *h = head_parse(HTTP1_REQUEST, text);
    int err = ws_handshake_judge(h, policy, answer);
    http1_free(h);
    return err;
}

static void assert_refused_by(const char *text, const struct ws_server_policy *policy,
                              enum ws_violation violation, unsigned status) {
    struct ws_answer answer;
    assert_int_equal(judge(text, policy, &answer), TB_OK);
    assert_string_equal(ws_violation_row(answer.violation)->name,
                        ws_violation_row(violation)->name);
    assert_int_equal(answer.status, status);
    assert_null(answer.subprotocol);
    assert_false(answer.deflate.on);
}

static void assert_refused(const char *text, enum ws_violation violation, unsigned status) {
    assert_refused_by(text, &any, violation, status);
}

static void assert_accepted_by(const char *text, const struct ws_server_policy *policy,
                               struct ws_answer *answer) {
    assert_int_equal(judge(text, policy, answer), TB_OK);
    assert_string_equal(ws_violation_row(answer->violation)->name,
                        ws_violation_row(WS_V_NONE)->name);
    assert_int_equal(answer->status, 101);
}

static void assert_accepted(const char *text) {
    struct ws_answer answer;
    assert_accepted_by(text, &any, &answer);
}

/* What the 101 says of extensions; "" if nothing. */
static void answered_extensions(const char *offer, const struct ws_server_policy *policy,
                                char *text, size_t cap) {
    struct bytes head = BYTES_INIT;
    struct ws_answer answer;
    assert_int_equal(
        bytes_appendf(&head, "%sSec-WebSocket-Extensions: %s\r\n\r\n%c", GOOD, offer, '\0'), TB_OK);
    assert_accepted_by((const char *)head.data, policy, &answer);
    bytes_clear(&head);
    assert_int_equal(ws_handshake_accept(&answer, NULL, &head), TB_OK);
    assert_int_equal(bytes_append(&head, "", 1), TB_OK);
    struct http1 *h = head_parse(HTTP1_RESPONSE, (const char *)head.data);
    size_t count;
    struct http1_str value = http1_header(h, "Sec-WebSocket-Extensions", &count);
    assert_int_equal(count, answer.deflate.on ? 1 : 0);
    snprintf(text, cap, "%.*s", (int)value.n, count == 0 ? "" : value.p);
    http1_free(h);
    bytes_release(&head);
}

static void assert_answered(const char *offer, const char *expected) {
    char text[256];
    answered_extensions(offer, &any, text, sizeof(text));
    assert_string_equal(text, expected);
}

static void the_accept_key_is_that_of_the_rfc(void **state) {
    (void)state;
    char accept[WS_ACCEPT_SIZE];
    assert_int_equal(ws_accept_key("dGhlIHNhbXBsZSBub25jZQ==", accept), TB_OK);
    assert_memory_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", WS_ACCEPT_SIZE);
}

static void a_good_request_is_accepted(void **state) {
    (void)state;
    struct ws_answer answer;
    struct bytes out = BYTES_INIT;
    assert_accepted_by(GOOD "\r\n", &any, &answer);
    assert_false(answer.deflate.on);
    assert_null(answer.subprotocol);
    assert_int_equal(ws_handshake_accept(&answer, NULL, &out), TB_OK);
    static const char expected[] = "HTTP/1.1 101 Switching Protocols\r\n"
                                   "Upgrade: websocket\r\n"
                                   "Connection: Upgrade\r\n"
                                   "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(out.data, expected, out.len);
    bytes_release(&out);

    assert_accepted(START
                    "upgrade: h2c, WebSocket\r\nconnection: keep-alive, UPGRADE\r\n" KEY VERSION
                    "Content-Length: 0\r\n\r\n");
}

static void exactly_one_valid_host(void **state) {
    (void)state;
#define REST "\r\n" UPGRADE KEY VERSION "\r\n"
    static const char *const bad[] = {
        "X-Forwarded-Host: a", "Host:",        "Host: a\r\nHost: a", "Host: a b",
        "Host: a/b",           "Host: user@a", "Host: a:b",          "Host: a:65536",
        "Host: a:1:2",         "Host: :80",    "Host: [::1",         "Host: []",
        "Host: [::1]x",        "Host: [:/:]",  "Host: %zz",          "Host: %4",
        "Host: \xc3\xa9",
    };
    static const char *const good[] = {
        "Host: a",         "Host: a:",      "Host: a:65535", "Host: [::1]:4000",
        "Host: 127.0.0.1", "Host: x%41_~b", "hOST: A.B-c",
    };
    char text[512];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s%s", bad[i], REST);
        assert_refused(text, WS_V_HTTP_HOST, 400);
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s%s", good[i], REST);
        assert_accepted(text);
    }
#undef REST
}

static void assert_unreadable(const char *text, enum ws_violation violation, unsigned status) {
    struct http1 *h = http1_new(HTTP1_REQUEST, &http1_default_limits);
    size_t used;
    assert_int_equal(head_feed(h, text, strlen(text), SIZE_MAX, &used), HTTP1_BAD);
    assert_int_equal(http1_violation(h), violation);
    assert_int_equal(ws_violation_row(violation)->status, status);
    http1_free(h);
}

static void upgrade_smuggling(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "Content-Length: 5\r\n",
        "Content-Length: 00\r\n",
        "Content-Length: +0\r\n",
        "Content-Length:\r\n",
        "Content-Length: 0, 0\r\n",
        "Content-Length: 0\r\nContent-Length: 0\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "transfer-encoding:\r\n",
    };
    char text[512];
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        snprintf(text, sizeof(text), "%s%s\r\n", GOOD, bodies[i]);
        assert_refused(text, WS_V_HTTP_BODY, 400);
    }
    assert_refused(START "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                         "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
                   WS_V_REQUEST_UPGRADE, 400);
    assert_unreadable(START "X: a\r\n Content-Length: 5\r\n\r\n", WS_V_HTTP_FOLDED, 400);
    assert_unreadable(START "X: a\nContent-Length: 5\r\n\r\n", WS_V_HTTP_BARE_LF, 400);
    assert_unreadable(START "Content-Length : 5\r\n\r\n", WS_V_HTTP_SYNTAX, 400);
}

/* RFC 6455 s.4.2.1 no. 1, RFC 9112 s.3.2.2 */
static void the_target_is_a_path_or_a_whole_uri(void **state) {
    (void)state;
    static const char *const good[] = {
        "/",
        "//a",
        "/?http://",
        "http://localhost:4000/",
        "HTTPS://localhost",
        "http://a?b=c",
        "http://another:80/than/in?Host",
        "http://[::1]:4000/@",
    };
    static const char *const bad[] = {
        "*",           "localhost:4000", "ws://a/",  "wss://a/",   "ftp://a/",     "http:/a",
        "http://",     "http:///a",      "http://?", "https://:1", "http://u@a/",  "http://a:b/",
        "http://[::1", "http",           "xhttp://", "?a",         "http://a:1:2/"};
    char text[512];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n", good[i],
                 UPGRADE KEY VERSION);
        assert_accepted(text);
        snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n%s\r\n", good[i], UPGRADE KEY VERSION);
        assert_refused(text, WS_V_HTTP_HOST, 400);
        snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\nHost: a\r\n%s\r\n", good[i],
                 UPGRADE KEY VERSION);
        assert_refused(text, WS_V_HTTP_HOST, 400);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n", bad[i],
                 UPGRADE KEY VERSION);
        assert_refused(text, WS_V_REQUEST_TARGET, 400);
    }
    assert_refused("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", WS_V_REQUEST_METHOD, 405);
}

static void the_method_is_get(void **state) {
    (void)state;
    assert_refused("POST / HTTP/1.1\r\nHost: a\r\n\r\n", WS_V_REQUEST_METHOD, 405);
    assert_refused("get / HTTP/1.1\r\nHost: a\r\n\r\n", WS_V_REQUEST_METHOD, 405);
    assert_refused("HEAD / HTTP/1.1\r\nHost: a\r\n" UPGRADE KEY VERSION "\r\n", WS_V_REQUEST_METHOD,
                   405);
}

static void a_plain_request_is_told_to_upgrade(void **state) {
    (void)state;
    assert_refused("GET / HTTP/1.1\r\nHost: a\r\n\r\n", WS_V_REQUEST_NO_UPGRADE, 426);
    assert_refused("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", WS_V_REQUEST_NO_UPGRADE, 426);
    assert_refused("GET / HTTP/1.0\r\n\r\n", WS_V_REQUEST_NO_UPGRADE, 426);
}

static void the_upgrade_needs_http_1_1(void **state) {
    (void)state;
    assert_refused("GET / HTTP/1.0\r\nHost: a\r\n" UPGRADE KEY VERSION "\r\n",
                   WS_V_REQUEST_HTTP_VERSION, 400);
    assert_accepted("GET / HTTP/1.2\r\nHost: a\r\n" UPGRADE KEY VERSION "\r\n");
}

static void upgrade_and_connection_name_websocket(void **state) {
    (void)state;
    static const char *const upgrades[] = {"", "websocket/13", "web socket", "xwebsocket"};
    static const char *const connections[] = {"", "keep-alive", "upgrades", "websocket"};
    char text[512];
    for (size_t i = 0; i < 4; i++) {
        snprintf(text, sizeof(text), "%sUpgrade: %s\r\nConnection: Upgrade\r\n%s%s\r\n", START,
                 upgrades[i], KEY, VERSION);
        assert_refused(text, WS_V_REQUEST_UPGRADE, 400);
        snprintf(text, sizeof(text), "%sUpgrade: websocket\r\nConnection: %s\r\n%s%s\r\n", START,
                 connections[i], KEY, VERSION);
        assert_refused(text, WS_V_REQUEST_CONNECTION, 400);
    }
    assert_refused(START "Upgrade: websocket\r\n" KEY VERSION "\r\n", WS_V_REQUEST_CONNECTION, 400);
}

static void version_other_than_13(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "Sec-WebSocket-Version:\r\n",
        "Sec-WebSocket-Version: 8\r\n",
        "Sec-WebSocket-Version: 013\r\n",
        "Sec-WebSocket-Version: 13, 8\r\n",
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13\r\n",
    };
    char text[512];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "%s%s\r\n", START UPGRADE KEY, bad[i]);
        assert_refused(text, WS_V_REQUEST_VERSION, 426);
    }
}

static void the_key_is_16_bytes_in_base64(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "Sec-WebSocket-Key:\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ===\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA\r\n", /* 18 bytes */
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQA=\r\n", /* 17 bytes */
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n", /* stray bits */
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub2!jZQ==\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub2=jZQ==\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub2 jZQ==\r\n",
        "Sec-WebSocket-Key: ========================\r\n",
        KEY KEY,
    };
    char text[512];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "%s%s\r\n", START UPGRADE VERSION, bad[i]);
        assert_refused(text, WS_V_REQUEST_KEY, 400);
    }
}

static void the_clients_order_of_subprotocols_decides(void **state) {
    (void)state;
    static const char *const known[] = {"chat", "superchat"};
    const struct ws_server_policy policy = {.subprotocols = known, .subprotocol_count = 2};
    struct ws_answer answer;
    assert_accepted_by(GOOD "Sec-WebSocket-Protocol: x, superchat\r\n"
                            "Sec-WebSocket-Protocol: ,chat\r\n\r\n",
                       &policy, &answer);
    assert_ptr_equal(answer.subprotocol, known[1]);
    assert_accepted_by(GOOD "Sec-WebSocket-Protocol: Chat\r\n\r\n", &policy, &answer);
    assert_null(answer.subprotocol);
    assert_accepted_by(GOOD "\r\n", &policy, &answer);
    assert_null(answer.subprotocol);
}

static void the_servers_order_of_subprotocols_decides_where_it_is_to(void **state) {
    (void)state;
    static const char *const known[] = {"feed.v3", "feed.v2", "feed.v1"};
    const struct ws_server_policy policy = {
        .subprotocols = known, .subprotocol_count = 3, .server_order = true};
    struct ws_answer answer;
    assert_accepted_by(GOOD "Sec-WebSocket-Protocol: feed.v1, x\r\n"
                            "Sec-WebSocket-Protocol: feed.v2\r\n\r\n",
                       &policy, &answer);
    assert_ptr_equal(answer.subprotocol, known[1]);
    assert_accepted_by(GOOD "Sec-WebSocket-Protocol: x\r\n\r\n", &policy, &answer);
    assert_null(answer.subprotocol);
}

static void subprotocols_are_distinct_tokens(void **state) {
    (void)state;
    static const char *const bad[] = {
        "", ",", "a b", "a, b, a", "a;b", "\"a\"", "a, b\xc3", "a\r\nSec-WebSocket-Protocol: a",
    };
    char text[512];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "%sSec-WebSocket-Protocol: %s\r\n\r\n", GOOD, bad[i]);
        assert_refused(text, WS_V_REQUEST_PROTOCOL, 400);
    }
}

/* A list as long as the test wants, of tokens or extensions named p0, p1, ... */
static char *long_list(const char *name, size_t count, const char *last) {
    struct bytes b = BYTES_INIT;
    assert_int_equal(bytes_appendf(&b, "%s%s: ", GOOD, name), TB_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(bytes_appendf(&b, "p%zu, ", i), TB_OK);
    }
    assert_int_equal(bytes_appendf(&b, "%s\r\n\r\n%c", last, '\0'), TB_OK);
    return (char *)b.data;
}

/* Comparing each with each would take minutes. */
static void many_subprotocols_take_linear_time(void **state) {
    (void)state;
    clock_t start = clock();
    char *text = long_list("Sec-WebSocket-Protocol", 500000, "last");
    assert_accepted(text);
    free(text);
    text = long_list("Sec-WebSocket-Protocol", 500000, "p7");
    assert_refused(text, WS_V_REQUEST_PROTOCOL, 400);
    free(text);
    assert_true(clock() - start < 20 * CLOCKS_PER_SEC);
}

static void an_origin_must_be_among_those_allowed(void **state) {
    (void)state;
    static const char *const origins[] = {"http://a.test", "https://b.test:8443"};
    const struct ws_server_policy policy = {.origins = origins, .origin_count = 2};
    static const char *const bad[] = {
        "null",
        "http://a.test:80",
        "http://a.test.evil",
        "HTTP://a.test",
        "",
        "http://a.test\r\nOrigin: http://a.test",
    };
    char text[512];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "%sOrigin: %s\r\n\r\n", GOOD, bad[i]);
        assert_refused_by(text, &policy, WS_V_REQUEST_ORIGIN, 403);
        assert_accepted(text);
    }
    struct ws_answer answer;
    assert_accepted_by(GOOD "Origin: https://b.test:8443\r\n\r\n", &policy, &answer);
    assert_accepted_by(GOOD "\r\n", &policy, &answer);
}

static void deflate_is_answered_as_it_was_offered(void **state) {
    (void)state;
    assert_answered("permessage-deflate", "permessage-deflate");
    assert_answered("permessage-deflate; client_max_window_bits", "permessage-deflate");
    assert_answered("permessage-deflate; client_max_window_bits=8",
                    "permessage-deflate; client_max_window_bits=8");
    assert_answered("permessage-deflate; server_max_window_bits=9; client_max_window_bits=\"1\\0\"",
                    "permessage-deflate; server_max_window_bits=9; client_max_window_bits=10");
    assert_answered("permessage-deflate; server_max_window_bits=15",
                    "permessage-deflate; server_max_window_bits=15");
    assert_answered("permessage-deflate; server_no_context_takeover",
                    "permessage-deflate; server_no_context_takeover");
    assert_answered("permessage-deflate ;client_no_context_takeover",
                    "permessage-deflate; client_no_context_takeover");
    assert_answered("x-webkit-deflate-frame, permessage-deflate;client_max_window_bits,"
                    "permessage-deflate; server_no_context_takeover",
                    "permessage-deflate");
    assert_answered("foo; permessage-deflate", "");
    assert_answered("Permessage-Deflate", "");
}

static void the_policy_decides_on_deflate(void **state) {
    (void)state;
    const struct ws_server_policy without = {.deflate = false};
    const struct ws_server_policy shared = {.deflate = true, .no_context_takeover = true};
    char text[256];
    answered_extensions("permessage-deflate", &without, text, sizeof(text));
    assert_string_equal(text, "");
    answered_extensions("permessage-deflate; client_max_window_bits", &shared, text, sizeof(text));
    assert_string_equal(text, "permessage-deflate; server_no_context_takeover; "
                              "client_no_context_takeover");
}

static void cve_2026_2229_window_bits(void **state) {
    (void)state;
    static const char *const bad[] = {"7",  "16",     "0",  "015", "08", "100000000000000000000",
                                      "-9", "+9",     "1a", "9.0", "99", "\"16\"",
                                      "1",  "\"\\7\""};
    static const char *const names[] = {"server_max_window_bits", "client_max_window_bits"};
    char offer[512];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (size_t j = 0; j < 2; j++) {
            snprintf(offer, sizeof(offer), "permessage-deflate; %s=%s", names[j], bad[i]);
            assert_answered(offer, "");
            snprintf(offer, sizeof(offer),
                     "permessage-deflate; %s=%s, permessage-deflate; server_no_context_takeover",
                     names[j], bad[i]);
            assert_answered(offer, "permessage-deflate; server_no_context_takeover");
        }
    }
    assert_answered("permessage-deflate; server_max_window_bits", "");
    assert_refused(GOOD "Sec-WebSocket-Extensions: permessage-deflate; "
                        "server_max_window_bits=\r\n\r\n",
                   WS_V_REQUEST_EXTENSIONS, 400);
    assert_refused(GOOD "Sec-WebSocket-Extensions: permessage-deflate; "
                        "server_max_window_bits=\"\"\r\n\r\n",
                   WS_V_REQUEST_EXTENSIONS, 400);
}

/* zlib cannot compress with a window of 2^8. */
static void a_server_window_of_8_bits_is_declined(void **state) {
    (void)state;
    assert_answered("permessage-deflate; server_max_window_bits=8", "");
}

static void offers_with_bad_parameters_are_declined(void **state) {
    (void)state;
    static const char *const bad[] = {
        "unknown",
        "Server_no_context_takeover",
        "server_no_context_takeover=1",
        "client_no_context_takeover=\"true\"",
        "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover; client_no_context_takeover",
        "server_max_window_bits=10; server_max_window_bits=10",
        "client_max_window_bits=10; client_max_window_bits=10",
        "client_max_window_bits; client_max_window_bits",
        "client_max_window_bits; client_max_window_bits=10",
        "client_max_window_bits=10; client_max_window_bits",
    };
    char offer[512];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(offer, sizeof(offer), "permessage-deflate; %s", bad[i]);
        assert_answered(offer, "");
    }
}

static void a_thousand_extensions_are_left_out(void **state) {
    (void)state;
    char *text = long_list("Sec-WebSocket-Extensions", 1000, "permessage-deflate");
    struct ws_answer answer;
    assert_accepted_by(text, &any, &answer);
    assert_true(answer.deflate.on);
    free(text);
}

static char *repeated(const char *before, const char *what, size_t times, const char *after) {
    struct bytes b = BYTES_INIT;
    assert_int_equal(bytes_appendf(&b, "%sSec-WebSocket-Extensions: %s", GOOD, before), TB_OK);
    for (size_t i = 0; i < times; i++) {
        assert_int_equal(bytes_append_str(&b, what), TB_OK);
    }
    assert_int_equal(bytes_appendf(&b, "%s\r\n\r\n%c", after, '\0'), TB_OK);
    return (char *)b.data;
}

/* With a reader that goes back, the long ones would take hours. */
static void cve_2021_32640_slow_regex(void **state) {
    (void)state;
    static const size_t times[] = {8000, 2000000};
    static const char *const parts[][3] = {
        {"b", " ", "x"},      {"b;", " ", "=x"},        {"b; c=\"", "\\c", ""},
        {"b; c=", "d", "\""}, {"b; c=\"", "d", "\\\""}, {"", "b;c,", "b;"},
    };
    clock_t start = clock();
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        for (size_t j = 0; j < 2; j++) {
            char *text = repeated(parts[i][0], parts[i][1], times[j], parts[i][2]);
            assert_refused(text, WS_V_REQUEST_EXTENSIONS, 400);
            free(text);
        }
    }
    assert_true(clock() - start < 20 * CLOCKS_PER_SEC);
}

static void the_first_broken_rule_of_the_table_is_reported(void **state) {
    (void)state;
    assert_refused("POST * HTTP/1.1\r\nContent-Length: 1\r\nUpgrade: h2c\r\n\r\n", WS_V_HTTP_BODY,
                   400);
    assert_refused("POST * HTTP/1.1\r\nUpgrade: h2c\r\n\r\n", WS_V_HTTP_HOST, 400);
    assert_refused(START UPGRADE "\r\n", WS_V_REQUEST_VERSION, 426);
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    static const char *const known[] = {"p3"};
    const struct ws_server_policy policy = {.subprotocols = known, .subprotocol_count = 1};
    char *text = long_list("Sec-WebSocket-Protocol", 100, "last");
    struct http1 *h = head_parse(HTTP1_REQUEST, text);
    struct ws_answer answer;
    unsigned n = 0;
    do {
        struct bytes out = BYTES_INIT;
        fail_alloc_at(n);
        int err = ws_handshake_judge(h, &policy, &answer);
        if (err == TB_OK) {
            err = ws_handshake_accept(&answer, NULL, &out);
        }
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
        assert_true((out.len > 0) == (err == TB_OK));
        bytes_release(&out);
    } while (n++ < alloc_count());
    assert_true(n >= 3);
    http1_free(h);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_accept_key_is_that_of_the_rfc),
        cmocka_unit_test(a_good_request_is_accepted),
        cmocka_unit_test(exactly_one_valid_host),
        cmocka_unit_test(upgrade_smuggling),
        cmocka_unit_test(the_target_is_a_path_or_a_whole_uri),
        cmocka_unit_test(the_method_is_get),
        cmocka_unit_test(a_plain_request_is_told_to_upgrade),
        cmocka_unit_test(the_upgrade_needs_http_1_1),
        cmocka_unit_test(upgrade_and_connection_name_websocket),
        cmocka_unit_test(version_other_than_13),
        cmocka_unit_test(the_key_is_16_bytes_in_base64),
        cmocka_unit_test(the_clients_order_of_subprotocols_decides),
        cmocka_unit_test(the_servers_order_of_subprotocols_decides_where_it_is_to),
        cmocka_unit_test(subprotocols_are_distinct_tokens),
        cmocka_unit_test(many_subprotocols_take_linear_time),
        cmocka_unit_test(an_origin_must_be_among_those_allowed),
        cmocka_unit_test(deflate_is_answered_as_it_was_offered),
        cmocka_unit_test(the_policy_decides_on_deflate),
        cmocka_unit_test(cve_2026_2229_window_bits),
        cmocka_unit_test(a_server_window_of_8_bits_is_declined),
        cmocka_unit_test(offers_with_bad_parameters_are_declined),
        cmocka_unit_test(a_thousand_extensions_are_left_out),
        cmocka_unit_test(cve_2021_32640_slow_regex),
        cmocka_unit_test(the_first_broken_rule_of_the_table_is_reported),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
