/* What the server answers to a handshake: a 101 or a refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "failing_alloc.h"
#include "http_heads.h"
#include "proto/handshake.h"

static struct ws_answer accepted(void) {
    const struct ws_server_policy policy = {.deflate = false};
    struct ws_answer answer;
    struct http1 *h =
        head_parse(HTTP1_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    assert_int_equal(ws_handshake_judge(h, &policy, &answer), TB_OK);
    assert_int_equal(answer.status, 101);
    http1_free(h);
    return answer;
}

static void assert_refusal(unsigned status, bool head_only, const char *expected) {
    struct bytes out = BYTES_INIT;
    const struct ws_refusal refusal = {.status = status,
                                       .content_type = "text/plain",
                                       .body = "hi\n",
                                       .body_size = 3,
                                       .head_only = head_only};
    assert_int_equal(ws_handshake_refuse(&refusal, &out), TB_OK);
    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(out.data, expected, out.len);
    bytes_release(&out);
}

static void refusals_say_what_their_status_needs(void **state) {
    (void)state;
#define BODY "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\n"
    assert_refusal(400, false, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n" BODY "hi\n");
    assert_refusal(403, true, "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n" BODY);
    assert_refusal(405, false,
                   "HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nAllow: GET\r\n" BODY
                   "hi\n");
    assert_refusal(426, false,
                   "HTTP/1.1 426 Upgrade Required\r\nConnection: close, upgrade\r\n"
                   "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" BODY "hi\n");
    assert_refusal(
        503, false,
        "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n" BODY "hi\n");
#undef BODY
}

static void assert_written(const struct ws_refusal *refusal, const char *expected) {
    struct bytes out = BYTES_INIT;
    assert_int_equal(ws_handshake_refuse(refusal, &out), TB_OK);
    assert_int_equal(bytes_append(&out, "", 1), TB_OK);
    assert_string_equal(out.data, expected);
    bytes_release(&out);
}

static void a_refusal_has_further_headers_and_any_body(void **state) {
    (void)state;
    static const char *const basic[] = {"WWW-Authenticate: Basic realm=\"x\"", "X: \t1", NULL};
    assert_written(&(struct ws_refusal){.status = 401, .headers = basic},
                   "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n"
                   "WWW-Authenticate: Basic realm=\"x\"\r\nX: \t1\r\nContent-Length: 0\r\n\r\n");
    static const char *const location[] = {"Location: /", NULL};
    assert_written(&(struct ws_refusal){.status = 308, .headers = location},
                   "HTTP/1.1 308 Permanent Redirect\r\nConnection: close\r\nLocation: /\r\n"
                   "Content-Length: 0\r\n\r\n");
    struct bytes out = BYTES_INIT;
    const struct ws_refusal binary = {
        .status = 599, .content_type = "a/b", .body = "\0\r\n", .body_size = 3};
    assert_int_equal(ws_handshake_refuse(&binary, &out), TB_OK);
    assert_memory_equal(out.data + out.len - 7, "\r\n\r\n\0\r\n", 7);
    bytes_release(&out);
}

static void a_header_that_is_given_is_not_said_twice(void **state) {
    (void)state;
    static const char *const later[] = {"X: y", "retry-after: 120", NULL};
    assert_written(&(struct ws_refusal){.status = 503, .headers = later},
                   "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nX: y\r\n"
                   "retry-after: 120\r\nContent-Length: 0\r\n\r\n");
}

static void a_status_without_a_body_has_none(void **state) {
    (void)state;
    const struct ws_refusal refusal = {
        .status = 204, .content_type = "text/plain", .body = "hi\n", .body_size = 3};
    assert_written(&refusal, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
}

static void the_101_has_further_headers(void **state) {
    (void)state;
    static const char *const headers[] = {"Set-Cookie: a=b", "X:y", NULL};
    const struct ws_answer answer = accepted();
    struct bytes out = BYTES_INIT;
    assert_int_equal(ws_handshake_accept(&answer, headers, &out), TB_OK);
    assert_int_equal(bytes_append(&out, "", 1), TB_OK);
    assert_non_null(strstr((const char *)out.data, "xOo=\r\nSet-Cookie: a=b\r\nX:y\r\n\r\n"));
    bytes_release(&out);
}

/* What came from a peer must not end the head. */
static void response_splitting(void **state) {
    (void)state;
    static const char *const bad[] = {"X: y\r\n", "X: a\nY: b", "X", "", ": x", "a b: c", "X\r: y"};
    const struct ws_answer answer = accepted();
    struct bytes out = BYTES_INIT;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *const headers[] = {"Good: yes", bad[i], NULL};
        const struct ws_refusal refusal = {.status = 404, .headers = headers};
        assert_int_equal(ws_handshake_accept(&answer, headers, &out), TB_EINVAL);
        assert_int_equal(ws_handshake_refuse(&refusal, &out), TB_EINVAL);
    }
    const struct ws_refusal typed = {.status = 404, .content_type = "a/b\r\nX: y"};
    assert_int_equal(ws_handshake_refuse(&typed, &out), TB_EINVAL);
    assert_int_equal(out.len, 0);
    bytes_release(&out);
}

static void every_refusal_closes_and_has_a_phrase(void **state) {
    (void)state;
    for (int v = 1; v < WS_V_COUNT; v++) {
        unsigned status = ws_violation_row((enum ws_violation)v)->status;
        if (status == 0) {
            continue;
        }
        assert_string_not_equal(http_status_phrase(status), http_status_phrase(999));
        struct bytes out = BYTES_INIT;
        const struct ws_refusal refusal = {.status = status, .content_type = "text/plain"};
        assert_int_equal(ws_handshake_refuse(&refusal, &out), TB_OK);
        assert_int_equal(bytes_append(&out, "", 1), TB_OK);
        struct http1 *h = head_parse(HTTP1_RESPONSE, (const char *)out.data);
        assert_int_equal(http1_status(h), status);
        assert_true(http1_has_token(h, "Connection", "close"));
        http1_free(h);
        bytes_release(&out);
    }
}

static void each_allocation_of_a_refusal_may_fail(void **state) {
    (void)state;
    static const char *const headers[] = {"X: y", NULL};
    static char body[4000];
    const struct ws_refusal refusal = {
        .status = 404, .body = body, .body_size = sizeof body, .headers = headers};
    unsigned n = 0;
    do {
        struct bytes out = BYTES_INIT;
        fail_alloc_at(n);
        int err = ws_handshake_refuse(&refusal, &out);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
        assert_true((out.len > 0) == (err == TB_OK));
        bytes_release(&out);
    } while (n++ < alloc_count());
    assert_true(n >= 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_say_what_their_status_needs),
        cmocka_unit_test(a_refusal_has_further_headers_and_any_body),
        cmocka_unit_test(a_header_that_is_given_is_not_said_twice),
        cmocka_unit_test(a_status_without_a_body_has_none),
        cmocka_unit_test(the_101_has_further_headers),
        cmocka_unit_test(response_splitting),
        cmocka_unit_test(every_refusal_closes_and_has_a_phrase),
        cmocka_unit_test(each_allocation_of_a_refusal_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
