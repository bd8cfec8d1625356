/* The client's side of the opening handshake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/err.h"
#include "failing_alloc.h"
#include "http_heads.h"
#include "proto/handshake.h"

#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define START "HTTP/1.1 101 Switching Protocols\r\n"
#define GOOD START UPGRADE ACCEPT

static const char *const subprotocols[] = {"chat", "superchat"};

/* The request of RFC 6455 s.1.3, with permessage-deflate by default. */
static struct ws_request sample(void) {
    struct ws_request r = {
        .host = "server.example.com",
        .target = "/chat",
        .subprotocols = subprotocols,
        .subprotocol_count = 2,
        .deflate = {.on = true, .server_max_window_bits = 15, .client_max_window_bits = 15},
    };
    memcpy(r.key, "dGhlIHNhbXBsZSBub25jZQ==", WS_KEY_SIZE);
    return r;
}

static enum ws_violation judge(const char *text, const struct ws_request *r,
                               struct ws_agreement *agreed) {
    struct http1 *h = head_parse(HTTP1_RESPONSE, text);
    assert_int_equal(ws_response_judge(h, r, agreed), TB_OK);
    http1_free(h);
    return agreed->violation;
}

static void assert_judged(const char *text, enum ws_violation expected) {
    struct ws_request r = sample();
    struct ws_agreement agreed;
    assert_string_equal(ws_violation_row(judge(text, &r, &agreed))->name,
                        ws_violation_row(expected)->name);
}

/* What is agreed when the server answers so to the offer. */
static enum ws_violation answered(const char *answer, const struct ws_deflate *offer,
                                  struct ws_deflate *agreed) {
    char text[1024];
    struct ws_request r = sample();
    struct ws_agreement a;
    r.deflate = *offer;
    snprintf(text, sizeof(text), "%sSec-WebSocket-Extensions: %s\r\n\r\n", GOOD, answer);
    enum ws_violation v = judge(text, &r, &a);
    *agreed = a.deflate;
    return v;
}

static void assert_answer(const char *answer, const struct ws_deflate *offer,
                          enum ws_violation expected) {
    struct ws_deflate agreed;
    assert_string_equal(ws_violation_row(answered(answer, offer, &agreed))->name,
                        ws_violation_row(expected)->name);
}

static void the_request_is_that_of_the_rfc(void **state) {
    (void)state;
    static const char *const headers[] = {"X-One: 1", "Cookie:"};
    struct ws_request r = sample();
    r.origin = "http://example.com";
    r.headers = headers;
    r.header_count = 2;
    struct bytes out = BYTES_INIT;
    assert_int_equal(ws_request_write(&r, &out), TB_OK);
    static const char expected[] =
        "GET /chat HTTP/1.1\r\nHost: server.example.com\r\n" UPGRADE
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Origin: http://example.com\r\nSec-WebSocket-Protocol: chat, superchat\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
        "X-One: 1\r\nCookie:\r\n\r\n";
    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(out.data, expected, out.len);
    bytes_release(&out);
}

static void all_parameters_can_be_offered(void **state) {
    (void)state;
    struct ws_request r = sample();
    r.deflate = (struct ws_deflate){true, true, true, 8, 9};
    struct bytes out = BYTES_INIT;
    assert_int_equal(ws_request_write(&r, &out), TB_OK);
    assert_int_equal(bytes_append(&out, "", 1), TB_OK);
    struct http1 *h = head_parse(HTTP1_REQUEST, (const char *)out.data);
    assert_true(http1_str_is(http1_header(h, "Sec-WebSocket-Extensions", NULL),
                             "permessage-deflate; server_no_context_takeover; "
                             "client_no_context_takeover; server_max_window_bits=8; "
                             "client_max_window_bits=9"));
    http1_free(h);
    bytes_release(&out);
}

static void assert_invalid(const struct ws_request *r) {
    struct bytes out = BYTES_INIT;
    assert_int_equal(ws_request_write(r, &out), TB_EINVAL);
    assert_int_equal(out.len, 0);
    bytes_release(&out);
}

static void cve_2026_1527_crlf_in_client_input(void **state) {
    (void)state;
    static const char *const bad[] = {"/a\rb", "/a\nb", "/a\r\nX: y", "/\r\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char header[64];
        const char *line = header;
        struct ws_request r = sample();
        r.target = bad[i];
        assert_invalid(&r);
        r = sample();
        r.host = bad[i];
        assert_invalid(&r);
        r = sample();
        r.origin = bad[i];
        assert_invalid(&r);
        r = sample();
        r.subprotocols = &bad[i];
        r.subprotocol_count = 1;
        assert_invalid(&r);
        r = sample();
        r.headers = &line;
        r.header_count = 1;
        snprintf(header, sizeof(header), "X: %s", bad[i]);
        assert_invalid(&r);
        snprintf(header, sizeof(header), "X%s: y", bad[i]);
        assert_invalid(&r);
    }
}

static void what_would_not_be_understood_is_not_sent(void **state) {
    (void)state;
    static const char *const targets[] = {"", "chat", "http://a/", "/a b", "/\xc3\xa9", "/\x7f"};
    static const char *const hosts[] = {"", "a b"};
    static const char *const names[] = {"", "a b", "a,b"};
    static const char *const lines[] = {"", "X", ": x", "X : y", "X: \x01", " X: y"};
    struct ws_request r;
    for (size_t i = 0; i < 6; i++) {
        r = sample();
        r.target = targets[i];
        assert_invalid(&r);
        r = sample();
        r.headers = &lines[i];
        r.header_count = 1;
        assert_invalid(&r);
    }
    for (size_t i = 0; i < 3; i++) {
        r = sample();
        r.subprotocols = &names[i];
        r.subprotocol_count = 1;
        assert_invalid(&r);
    }
    for (size_t i = 0; i < 2; i++) {
        r = sample();
        r.host = hosts[i];
        assert_invalid(&r);
    }
}

static void a_subprotocol_is_asked_for_once(void **state) {
    (void)state;
    static const char *const names[] = {"a", "b", "A", "a"};
    struct ws_request r = sample();
    struct bytes out = BYTES_INIT;
    r.subprotocols = names;
    r.subprotocol_count = 3;
    assert_int_equal(ws_request_write(&r, &out), TB_OK);
    bytes_release(&out);
    r.subprotocol_count = 4;
    assert_invalid(&r);
}

static void what_the_writer_says_is_not_said_again(void **state) {
    (void)state;
    static const char *const names[] = {
        "Host",
        "Upgrade",
        "Connection",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Content-Length",
        "Transfer-Encoding",
        "hOST",
        "transfer-encoding",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char line[64];
        const char *lines[] = {"X: y", line};
        struct ws_request r = sample();
        r.headers = lines;
        r.header_count = 2;
        snprintf(line, sizeof(line), "%s: 0", names[i]);
        assert_invalid(&r);
        struct bytes out = BYTES_INIT;
        snprintf(line, sizeof(line), "X-%s: 0", names[i]);
        assert_int_equal(ws_request_write(&r, &out), TB_OK);
        bytes_release(&out);
    }
}

static void windows_that_cannot_be_are_not_offered(void **state) {
    (void)state;
    static const uint8_t bits[][2] = {{7, 15}, {16, 15}, {15, 8}, {15, 16}, {0, 15}, {15, 0}};
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        struct ws_request r = sample();
        r.deflate.server_max_window_bits = bits[i][0];
        r.deflate.client_max_window_bits = bits[i][1];
        assert_invalid(&r);
    }
}

static void keys_are_fresh(void **state) {
    (void)state;
    struct ws_request a = sample();
    struct ws_request b = sample();
    char accept[WS_ACCEPT_SIZE];
    assert_int_equal(ws_request_key(&a), TB_OK);
    assert_int_equal(ws_request_key(&b), TB_OK);
    assert_memory_not_equal(a.key, b.key, WS_KEY_SIZE);
    assert_memory_equal(a.key + WS_KEY_SIZE - 2, "==", 2);
    assert_int_equal(ws_accept_key(a.key, accept), TB_OK);
}

static void a_good_answer_is_accepted(void **state) {
    (void)state;
    struct ws_request r = sample();
    struct ws_agreement agreed;
    assert_int_equal(judge(GOOD "\r\n", &r, &agreed), WS_V_NONE);
    assert_null(agreed.subprotocol);
    assert_false(agreed.deflate.on);
    assert_int_equal(judge("HTTP/1.1 101 \r\nupgrade: WebSocket\r\n"
                           "connection: keep-alive, UPGRADE\r\n" ACCEPT
                           "Sec-WebSocket-Protocol: superchat\r\n"
                           "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                           "Content-Length: 0\r\n\r\n",
                           &r, &agreed),
                     WS_V_NONE);
    assert_ptr_equal(agreed.subprotocol, subprotocols[1]);
    assert_true(agreed.deflate.on);
    assert_int_equal(agreed.deflate.server_max_window_bits, 15);
    assert_int_equal(agreed.deflate.client_max_window_bits, 15);
}

static void the_answer_must_switch_to_websocket(void **state) {
    (void)state;
    assert_judged("HTTP/1.1 200 OK\r\n" UPGRADE ACCEPT "\r\n", WS_V_RESPONSE_STATUS);
    assert_judged("HTTP/1.1 100 Continue\r\n\r\n", WS_V_RESPONSE_STATUS);
    assert_judged(START "Connection: Upgrade\r\n" ACCEPT "\r\n", WS_V_RESPONSE_UPGRADE);
    assert_judged(START "Upgrade: h2c, websocket\r\nConnection: Upgrade\r\n" ACCEPT "\r\n",
                  WS_V_RESPONSE_UPGRADE);
    assert_judged(START "Upgrade: websocket\r\n" UPGRADE ACCEPT "\r\n", WS_V_RESPONSE_UPGRADE);
    assert_judged(START "Upgrade: websocket\r\n" ACCEPT "\r\n", WS_V_RESPONSE_CONNECTION);
    assert_judged(START "Upgrade: websocket\r\nConnection: close\r\n" ACCEPT "\r\n",
                  WS_V_RESPONSE_CONNECTION);
}

static void wrong_accept(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "Sec-WebSocket-Accept:\r\n",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo\r\n",
        "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
        "Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        ACCEPT ACCEPT,
    };
    char text[512];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "%s%s\r\n", START UPGRADE, bad[i]);
        assert_judged(text, WS_V_RESPONSE_ACCEPT);
    }
}

/* A system may forbid SHA-1 by OpenSSL's configuration. It is no secret's keeper here (s.10.8). */
static void an_accept_value_needs_no_provider(void **state) {
    (void)state;
    struct ws_request r = sample();
    struct ws_agreement agreed;
    struct http1 *h = head_parse(HTTP1_RESPONSE, GOOD "\r\n");
    assert_int_equal(EVP_set_default_properties(NULL, "provider=none"), 1);
    int err = ws_response_judge(h, &r, &agreed);
    assert_int_equal(EVP_set_default_properties(NULL, ""), 1);
    assert_int_equal(err, TB_OK);
    assert_int_equal(agreed.violation, WS_V_NONE);
    http1_free(h);
}

static void unasked_subprotocol(void **state) {
    (void)state;
    static const char *const bad[] = {"mqtt", "Chat", "", "chat, superchat",
                                      "chat\r\nSec-WebSocket-Protocol: chat"};
    char text[512];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "%sSec-WebSocket-Protocol: %s\r\n\r\n", GOOD, bad[i]);
        assert_judged(text, WS_V_RESPONSE_PROTOCOL);
    }
    struct ws_request r = sample();
    struct ws_agreement agreed;
    r.subprotocol_count = 0;
    assert_int_equal(judge(GOOD "Sec-WebSocket-Protocol: chat\r\n\r\n", &r, &agreed),
                     WS_V_RESPONSE_PROTOCOL);
}

static void unasked_extension(void **state) {
    (void)state;
    const struct ws_deflate on = sample().deflate;
    const struct ws_deflate off = {.on = false};
    assert_answer("x-webkit-deflate-frame", &on, WS_V_RESPONSE_EXTENSION);
    assert_answer("permessage-deflate, foo", &on, WS_V_RESPONSE_EXTENSION);
    assert_answer("permessage-deflate;", &on, WS_V_RESPONSE_EXTENSION);
    assert_answer("", &on, WS_V_RESPONSE_EXTENSION);
    assert_answer("permessage-deflate", &off, WS_V_RESPONSE_EXTENSION);
    assert_answer("permessage-deflate; client_max_window_bits=15", &off, WS_V_RESPONSE_EXTENSION);
}

static void libwebsockets_2026_03_duplicated_extension_in_answer(void **state) {
    (void)state;
    const struct ws_deflate on = sample().deflate;
    assert_answer("permessage-deflate, permessage-deflate", &on, WS_V_RESPONSE_EXTENSION);
    assert_answer("permessage-deflate\r\nSec-WebSocket-Extensions: permessage-deflate", &on,
                  WS_V_RESPONSE_EXTENSION);

    static const char *const lists[] = {"permessage-deflate,", "foo,", "permessage-deflate;a=b,"};
    for (size_t i = 0; i < 3; i++) {
        struct bytes b = BYTES_INIT;
        assert_int_equal(bytes_append_str(&b, GOOD "Sec-WebSocket-Extensions: "), TB_OK);
        for (size_t n = 0; n < 1000; n++) {
            assert_int_equal(bytes_append_str(&b, lists[i]), TB_OK);
        }
        assert_int_equal(bytes_appendf(&b, "\r\n\r\n%c", '\0'), TB_OK);
        assert_judged((const char *)b.data, WS_V_RESPONSE_EXTENSION);
        bytes_release(&b);
    }
}

static void parameters_are_agreed(void **state) {
    (void)state;
    const struct ws_deflate plain = sample().deflate;
    const struct ws_deflate asking = {true, true, true, 12, 10};
    struct ws_deflate agreed;
    assert_int_equal(answered("permessage-deflate; server_no_context_takeover; "
                              "client_no_context_takeover; server_max_window_bits=8; "
                              "client_max_window_bits=8",
                              &plain, &agreed),
                     WS_V_NONE);
    assert_true(agreed.on);
    assert_true(agreed.server_no_context_takeover);
    assert_true(agreed.client_no_context_takeover);
    assert_int_equal(agreed.server_max_window_bits, 8);
    assert_int_equal(agreed.client_max_window_bits, 8);

    assert_int_equal(answered("permessage-deflate; server_no_context_takeover; "
                              "server_max_window_bits=12",
                              &asking, &agreed),
                     WS_V_NONE);
    assert_true(agreed.server_no_context_takeover);
    assert_true(agreed.client_no_context_takeover);
    assert_int_equal(agreed.server_max_window_bits, 12);
    assert_int_equal(agreed.client_max_window_bits, 10);
}

static void bad_parameters_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "unknown",
        "client_max_window_bits",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=09",
        "server_max_window_bits",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=100000000000000000000",
        "server_no_context_takeover=1",
        "server_no_context_takeover; server_no_context_takeover",
        "server_max_window_bits=10; server_max_window_bits=10",
        "client_max_window_bits=10; client_max_window_bits=11",
    };
    const struct ws_deflate on = sample().deflate;
    char answer[256];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(answer, sizeof(answer), "permessage-deflate; %s", bad[i]);
        assert_answer(answer, &on, WS_V_RESPONSE_DEFLATE);
    }
}

static void what_was_asked_of_the_server_must_be_confirmed(void **state) {
    (void)state;
    const struct ws_deflate takeover = {true, true, false, 15, 15};
    const struct ws_deflate window = {true, false, false, 10, 10};
    assert_answer("permessage-deflate", &takeover, WS_V_RESPONSE_DEFLATE);
    assert_answer("permessage-deflate; server_no_context_takeover", &takeover, WS_V_NONE);
    assert_answer("permessage-deflate", &window, WS_V_RESPONSE_DEFLATE);
    assert_answer("permessage-deflate; server_max_window_bits=11", &window, WS_V_RESPONSE_DEFLATE);
    assert_answer("permessage-deflate; server_max_window_bits=10", &window, WS_V_NONE);
    assert_answer("permessage-deflate; server_max_window_bits=9; client_max_window_bits=11",
                  &window, WS_V_RESPONSE_DEFLATE);
}

static void a_101_has_no_body(void **state) {
    (void)state;
    assert_judged(GOOD "Content-Length: 1\r\n\r\n", WS_V_RESPONSE_BODY);
    assert_judged(GOOD "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", WS_V_RESPONSE_BODY);
    assert_judged(GOOD "Transfer-Encoding: chunked\r\n\r\n", WS_V_RESPONSE_BODY);
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    struct ws_request r = sample();
    unsigned n = 0;
    do {
        struct bytes out = BYTES_INIT;
        fail_alloc_at(n);
        int err = ws_request_write(&r, &out);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
        assert_true((out.len > 0) == (err == TB_OK));
        bytes_release(&out);
    } while (n++ < alloc_count());
    assert_true(n >= 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_is_that_of_the_rfc),
        cmocka_unit_test(all_parameters_can_be_offered),
        cmocka_unit_test(cve_2026_1527_crlf_in_client_input),
        cmocka_unit_test(what_would_not_be_understood_is_not_sent),
        cmocka_unit_test(a_subprotocol_is_asked_for_once),
        cmocka_unit_test(what_the_writer_says_is_not_said_again),
        cmocka_unit_test(windows_that_cannot_be_are_not_offered),
        cmocka_unit_test(keys_are_fresh),
        cmocka_unit_test(a_good_answer_is_accepted),
        cmocka_unit_test(the_answer_must_switch_to_websocket),
        cmocka_unit_test(wrong_accept),
        cmocka_unit_test(an_accept_value_needs_no_provider),
        cmocka_unit_test(unasked_subprotocol),
        cmocka_unit_test(unasked_extension),
        cmocka_unit_test(libwebsockets_2026_03_duplicated_extension_in_answer),
        cmocka_unit_test(parameters_are_agreed),
        cmocka_unit_test(bad_parameters_are_refused),
        cmocka_unit_test(what_was_asked_of_the_server_must_be_confirmed),
        cmocka_unit_test(a_101_has_no_body),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
