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
#include "proto/http1.h"

static const size_t pieces[] = {SIZE_MAX, 1, 2, 3, 7};

enum { PIECES = sizeof(pieces) / sizeof(pieces[0]) };

static void assert_str(struct http1_str s, const char *expected) {
    assert_non_null(s.p);
    assert_int_equal(s.n, strlen(expected));
    assert_memory_equal(s.p, expected, s.n);
}

static void assert_header(const struct http1 *h, size_t i, const char *name, const char *value) {
    assert_str(http1_header_name(h, i), name);
    assert_str(http1_header_value(h, i), value);
}

/* The head must break the rule, however its bytes are cut. */
static void assert_refused_n(enum http1_kind kind, const char *p, size_t n,
                             enum ws_violation expected) {
    for (size_t i = 0; i < PIECES; i++) {
        struct http1 *h = http1_new(kind, &http1_default_limits);
        size_t used;
        assert_int_equal(head_feed(h, p, n, pieces[i], &used), HTTP1_BAD);
        assert_string_equal(ws_violation_row(http1_violation(h))->name,
                            ws_violation_row(expected)->name);
        http1_free(h);
    }
}

static void assert_refused(enum http1_kind kind, const char *text, enum ws_violation expected) {
    assert_refused_n(kind, text, strlen(text), expected);
}

static void assert_request_refused(const char *text, enum ws_violation expected) {
    assert_refused(HTTP1_REQUEST, text, expected);
}

static void assert_response_refused(const char *text, enum ws_violation expected) {
    assert_refused(HTTP1_RESPONSE, text, expected);
}

static void assert_accepted(enum http1_kind kind, const char *text) {
    for (size_t i = 0; i < PIECES; i++) {
        struct http1 *h = http1_new(kind, &http1_default_limits);
        size_t used;
        assert_int_equal(head_feed(h, text, strlen(text), pieces[i], &used), HTTP1_DONE);
        assert_int_equal(http1_violation(h), WS_V_NONE);
        assert_int_equal(used, strlen(text));
        http1_free(h);
    }
}

static void a_request_is_read_in_any_pieces(void **state) {
    (void)state;
    static const char text[] = "GET /chat?room=1 HTTP/1.1\r\n"
                               "Host: localhost:4000\r\n"
                               "X-Empty:\r\n"
                               "X-Blank: \t \r\n"
                               "x-spaces: \t a b\tc \t\r\n"
                               "X-Obs:\xc3\xa9\r\n"
                               "\r\n";
    for (size_t i = 0; i < PIECES; i++) {
        struct http1 *h = http1_new(HTTP1_REQUEST, &http1_default_limits);
        size_t used;
        assert_int_equal(head_feed(h, text, strlen(text), pieces[i], &used), HTTP1_DONE);
        assert_str(http1_method(h), "GET");
        assert_str(http1_target(h), "/chat?room=1");
        assert_int_equal(http1_minor_version(h), 1);
        assert_int_equal(http1_header_count(h), 5);
        assert_header(h, 0, "Host", "localhost:4000");
        assert_header(h, 1, "X-Empty", "");
        assert_header(h, 2, "X-Blank", "");
        assert_header(h, 3, "x-spaces", "a b\tc");
        assert_header(h, 4, "X-Obs", "\xc3\xa9");
        http1_free(h);
    }
}

static void a_response_is_read_in_any_pieces(void **state) {
    (void)state;
    static const char text[] = "HTTP/1.0 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    for (size_t i = 0; i < PIECES; i++) {
        struct http1 *h = http1_new(HTTP1_RESPONSE, &http1_default_limits);
        size_t used;
        assert_int_equal(head_feed(h, text, strlen(text), pieces[i], &used), HTTP1_DONE);
        assert_int_equal(http1_status(h), 101);
        assert_int_equal(http1_minor_version(h), 0);
        assert_str(http1_reason(h), "Switching Protocols");
        assert_header(h, 0, "Upgrade", "websocket");
        http1_free(h);
    }
}

static void what_follows_the_head_is_left(void **state) {
    (void)state;
    static const char head[] = "GET / HTTP/1.1\r\n\r\n";
    static const char more[] = "GET / HTTP/1.1\r\n\r\n\x81\x80";
    struct http1 *h = http1_new(HTTP1_REQUEST, &http1_default_limits);
    size_t used;
    assert_int_equal(http1_feed(h, (const uint8_t *)more, sizeof(more) - 1, &used), HTTP1_DONE);
    assert_int_equal(used, strlen(head));
    http1_free(h);
}

static void an_unfinished_head_asks_for_more(void **state) {
    (void)state;
    static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r";
    for (size_t n = 0; n < sizeof(text); n++) {
        struct http1 *h = http1_new(HTTP1_REQUEST, &http1_default_limits);
        size_t used;
        assert_int_equal(http1_feed(h, (const uint8_t *)text, n, &used), HTTP1_MORE);
        assert_int_equal(used, n);
        http1_free(h);
    }
}

static void lines_end_with_cr_lf(void **state) {
    (void)state;
    assert_request_refused("GET / HTTP/1.1\nHost: a\r\n\r\n", WS_V_HTTP_BARE_LF);
    assert_request_refused("GET / HTTP/1.1\r\nHost: a\n\r\n", WS_V_HTTP_BARE_LF);
    assert_request_refused("GET / HTTP/1.1\r\nHost\n\r\n", WS_V_HTTP_BARE_LF);
    assert_request_refused("GET / HTTP/1.1\r\nHost: \n\r\n", WS_V_HTTP_BARE_LF);
    assert_request_refused("GET / HTTP/1.1\r\nHost: a\r\n\n", WS_V_HTTP_BARE_LF);
    assert_request_refused("GET / HTTP/1.1\r\r\n", WS_V_HTTP_SYNTAX);
    assert_request_refused("GET / HTTP/1.1\rHost: a\r\n", WS_V_HTTP_SYNTAX);
    assert_request_refused("GET / HTTP/1.1\r\nHost: a\rb\r\n", WS_V_HTTP_SYNTAX);
    assert_request_refused("GET / HTTP/1.1\r\nHost: a\r\n\rX", WS_V_HTTP_SYNTAX);
    assert_response_refused("HTTP/1.1 101 x\nA: b\r\n", WS_V_HTTP_BARE_LF);
}

static void nothing_is_folded(void **state) {
    (void)state;
    assert_request_refused("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", WS_V_HTTP_FOLDED);
    assert_request_refused("GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n", WS_V_HTTP_FOLDED);
    assert_request_refused("GET / HTTP/1.1\r\n Host: a\r\n\r\n", WS_V_HTTP_FOLDED);
}

static void the_request_line_has_two_single_spaces(void **state) {
    (void)state;
    static const char *const bad[] = {
        " GET / HTTP/1.1\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET /  HTTP/1.1\r\n\r\n",
        "GET\t/ HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1 \r\n\r\n",
        "GET /a b HTTP/1.1\r\n\r\n",
        "GET /\r\n\r\n",
        "GET\r\n\r\n",
        "G(T / HTTP/1.1\r\n\r\n",
        "G\xc3T / HTTP/1.1\r\n\r\n",
        "GET /\x7f HTTP/1.1\r\n\r\n",
        "GET /\xc3\xa9 HTTP/1.1\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_request_refused(bad[i], WS_V_HTTP_SYNTAX);
    }
    assert_accepted(HTTP1_REQUEST, "M-SEARCH * HTTP/1.0\r\n\r\n");
}

/* RFC 9112 s.2.2 */
static void one_empty_line_before_a_request_is_ignored(void **state) {
    (void)state;
    static const char head[] = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (size_t i = 0; i < PIECES; i++) {
        struct http1 *h = http1_new(HTTP1_REQUEST, &http1_default_limits);
        size_t used;
        assert_int_equal(head_feed(h, head, strlen(head), pieces[i], &used), HTTP1_DONE);
        assert_int_equal(used, strlen(head));
        assert_str(http1_method(h), "GET");
        assert_header(h, 0, "Host", "a");
        http1_free(h);
    }
    assert_request_refused("\r\n\r\nGET / HTTP/1.1\r\n\r\n", WS_V_HTTP_SYNTAX);
    assert_request_refused("\r\rGET / HTTP/1.1\r\n\r\n", WS_V_HTTP_SYNTAX);
    assert_request_refused("\r\n\nGET / HTTP/1.1\r\n\r\n", WS_V_HTTP_BARE_LF);
    assert_request_refused("\nGET / HTTP/1.1\r\n\r\n", WS_V_HTTP_BARE_LF);
    assert_response_refused("\r\nHTTP/1.1 101 x\r\n\r\n", WS_V_HTTP_SYNTAX);
}

/* Unreserved, reserved but '#', and '%' (RFC 3986 s.2). */
static void a_target_has_the_characters_that_browsers_send(void **state) {
    (void)state;
    for (int c = 1; c < 256; c++) {
        bool is_good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       strchr("-._~:/?[]@!$&'()*+,;=%\\^`{|}", c) != NULL;
        char text[] = "GET /b*c HTTP/1.1\r\n\r\n";
        *strchr(text, '*') = (char)c;
        if (is_good) {
            assert_accepted(HTTP1_REQUEST, text);
        } else {
            assert_request_refused(text, c == '\n' ? WS_V_HTTP_BARE_LF : WS_V_HTTP_SYNTAX);
        }
    }
}

/* A later 1.x is understood as the one that we know (RFC 9110 s.2.5). */
static void the_version_is_1_x(void **state) {
    (void)state;
    static const char digits[] = "0123456789";
    for (unsigned x = 0; x < 10; x++) {
        char text[] = "GET / HTTP/1.x\r\n\r\n";
        *strchr(text, 'x') = digits[x];
        struct http1 *request = head_parse(HTTP1_REQUEST, text);
        assert_int_equal(http1_minor_version(request), x == 0 ? 0 : 1);
        http1_free(request);
        char answer[] = "HTTP/1.# 101 \r\n\r\n";
        *strchr(answer, '#') = digits[x];
        struct http1 *response = head_parse(HTTP1_RESPONSE, answer);
        assert_int_equal(http1_minor_version(response), x == 0 ? 0 : 1);
        http1_free(response);
    }
    assert_request_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", WS_V_HTTP_VERSION);
    assert_request_refused("GET / HTTP/2.1\r\n\r\n", WS_V_HTTP_VERSION);
    assert_request_refused("GET / HTTP/0.9\r\n\r\n", WS_V_HTTP_VERSION);
    assert_response_refused("HTTP/3.0 101 x\r\n\r\n", WS_V_HTTP_VERSION);
    static const char *const bad[] = {
        "GET / HTTP/2\r\n\r\n",    "GET / http/1.1\r\n\r\n", "GET / HTTP/11.1\r\n\r\n",
        "GET / HTTP/1.10\r\n\r\n", "GET / HTTP/1,1\r\n\r\n", "GET / HTTPS/1.1\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_request_refused(bad[i], WS_V_HTTP_SYNTAX);
    }
}

static void header_names_are_tokens_right_before_the_colon(void **state) {
    (void)state;
    static const char *const bad[] = {
        ": a", "Host : a", "Host\t: a", "Ho st: a", "Host", "H(st: a", "H\xc3st: a", "H\x01st: a",
    };
    char text[64];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s\r\n\r\n", bad[i]);
        assert_request_refused(text, WS_V_HTTP_SYNTAX);
    }
    assert_accepted(HTTP1_REQUEST, "GET / HTTP/1.1\r\n!#$%&'*+-.^_`|~09azAZ: x\r\n\r\n");
}

static void values_have_no_control_characters_but_tab(void **state) {
    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[] = "GET / HTTP/1.1\r\nA: b?c\r\n\r\n";
        *strchr(text, '?') = (char)c;
        if (c == '\n') {
            assert_refused_n(HTTP1_REQUEST, text, sizeof(text) - 1, WS_V_HTTP_BARE_LF);
        } else if ((c < ' ' && c != '\t') || c == 0x7f) {
            assert_refused_n(HTTP1_REQUEST, text, sizeof(text) - 1, WS_V_HTTP_SYNTAX);
        } else {
            assert_accepted(HTTP1_REQUEST, text);
        }
    }
}

static void the_status_has_three_digits_and_a_space(void **state) {
    (void)state;
    static const char *const bad[] = {
        "HTTP/1.1 101\r\n\r\n",    "HTTP/1.1  101 x\r\n\r\n",    "HTTP/1.1 10 x\r\n\r\n",
        "HTTP/1.1 1010 x\r\n\r\n", "HTTP/1.1 099 x\r\n\r\n",     "HTTP/1.1 +99 x\r\n\r\n",
        "HTTP/1.1\r\n\r\n",        "HTTP/1.1 101 x\x01\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_response_refused(bad[i], WS_V_HTTP_SYNTAX);
    }
    assert_accepted(HTTP1_RESPONSE, "HTTP/1.1 101 \r\n\r\n");
    assert_accepted(HTTP1_RESPONSE, "HTTP/1.1 999 \xc3\xa9 \t\r\n\r\n");
}

/* "GET /aaa HTTP/1.1" or "A: aaa" of exactly n bytes. */
static void append_line(struct bytes *b, const char *before, const char *after, size_t n) {
    assert_int_equal(bytes_append_str(b, before), TB_OK);
    for (size_t i = strlen(before) + strlen(after); i < n; i++) {
        assert_int_equal(bytes_append(b, "a", 1), TB_OK);
    }
    assert_int_equal(bytes_append_str(b, after), TB_OK);
    assert_int_equal(bytes_append_str(b, "\r\n"), TB_OK);
}

static void assert_bytes_give(const struct bytes *b, enum ws_violation expected) {
    if (expected != WS_V_NONE) {
        assert_refused_n(HTTP1_REQUEST, (const char *)b->data, b->len, expected);
        return;
    }
    struct http1 *h = http1_new(HTTP1_REQUEST, &http1_default_limits);
    size_t used;
    assert_int_equal(head_feed(h, b->data, b->len, 1, &used), HTTP1_DONE);
    http1_free(h);
}

static void the_first_line_has_a_limit(void **state) {
    (void)state;
    for (size_t n = 8191; n <= 8194; n++) {
        struct bytes b = BYTES_INIT;
        append_line(&b, "GET /", " HTTP/1.1", n);
        assert_int_equal(bytes_append_str(&b, "\r\n"), TB_OK);
        assert_bytes_give(&b, n <= 8192 ? WS_V_NONE : WS_V_HTTP_LINE_TOO_LONG);
        bytes_release(&b);
    }
}

static void a_header_line_has_a_limit(void **state) {
    (void)state;
    static const char *const starts[] = {"A: ", "A:     ", "Aaaaaaa:"};
    for (size_t n = 8191; n <= 8194; n++) {
        for (size_t i = 0; i < 3; i++) {
            struct bytes b = BYTES_INIT;
            append_line(&b, "GET / HTTP/1.1", "", 0);
            append_line(&b, starts[i], "", n);
            assert_int_equal(bytes_append_str(&b, "\r\n"), TB_OK);
            assert_bytes_give(&b, n <= 8192 ? WS_V_NONE : WS_V_HTTP_HEADER_TOO_LONG);
            bytes_release(&b);
        }
    }
}

static void white_space_and_names_count_against_the_limit(void **state) {
    (void)state;
    struct bytes b = BYTES_INIT;
    assert_int_equal(bytes_appendf(&b, "GET / HTTP/1.1\r\nA:%*s\r\n\r\n", 8191, ""), TB_OK);
    assert_bytes_give(&b, WS_V_HTTP_HEADER_TOO_LONG);
    bytes_clear(&b);
    append_line(&b, "GET / HTTP/1.1\r\nA", "", 9000);
    assert_bytes_give(&b, WS_V_HTTP_HEADER_TOO_LONG);
    bytes_release(&b);
}

static void all_header_lines_together_have_a_limit(void **state) {
    (void)state;
    for (size_t n = 383; n <= 386; n++) {
        struct bytes b = BYTES_INIT;
        append_line(&b, "GET / HTTP/1.1", "", 0);
        append_line(&b, "A: ", "", 8000);
        append_line(&b, "B: ", "", 8000);
        append_line(&b, "C: ", "", n);
        assert_int_equal(bytes_append_str(&b, "\r\n"), TB_OK);
        assert_bytes_give(&b, n <= 384 ? WS_V_NONE : WS_V_HTTP_HEADERS_TOO_LONG);
        bytes_release(&b);
    }
}

static void append_headers(struct bytes *b, size_t count) {
    append_line(b, "GET / HTTP/1.1", "", 0);
    for (size_t i = 0; i < count; i++) {
        append_line(b, "A:", "", 0);
    }
    assert_int_equal(bytes_append_str(b, "\r\n"), TB_OK);
}

static void header_lines_are_counted(void **state) {
    (void)state;
    for (size_t n = 99; n <= 102; n++) {
        struct bytes b = BYTES_INIT;
        append_headers(&b, n);
        assert_bytes_give(&b, n <= 100 ? WS_V_NONE : WS_V_HTTP_TOO_MANY_HEADERS);
        bytes_release(&b);
    }
}

static void cve_2024_37890_many_headers(void **state) {
    (void)state;
    struct bytes b = BYTES_INIT;
    append_headers(&b, 2000);
    assert_bytes_give(&b, WS_V_HTTP_TOO_MANY_HEADERS);
    assert_int_equal(ws_violation_row(WS_V_HTTP_TOO_MANY_HEADERS)->status, 431);
    bytes_release(&b);
}

/* A reader that looks at a byte again for each that follows would need hours for the second. */
static void cve_2023_43669_long_header_byte_by_byte(void **state) {
    (void)state;
    static const size_t sizes[] = {8192, 4 << 20};
    for (size_t i = 0; i < 2; i++) {
        struct bytes b = BYTES_INIT;
        append_line(&b, "GET / HTTP/1.1", "", 0);
        append_line(&b, "A: ", "", sizes[i]);
        append_line(&b, "", "", 0);
        struct http1_limits limits = {.line = sizes[i], .headers = sizes[i], .count = 1};
        struct http1 *h = http1_new(HTTP1_REQUEST, &limits);
        size_t used;
        clock_t start = clock();
        assert_int_equal(head_feed(h, b.data, b.len, 1, &used), HTTP1_DONE);
        assert_true(clock() - start < 10 * CLOCKS_PER_SEC);
        assert_int_equal(http1_header_value(h, 0).n, sizes[i] - 3);
        http1_free(h);
        bytes_release(&b);
    }
}

static void headers_are_found_by_name(void **state) {
    (void)state;
    struct http1 *h = head_parse(HTTP1_REQUEST, "GET / HTTP/1.1\r\n"
                                                "One: 1\r\nTwo: a\r\nEmpty:\r\ntWO: b\r\n\r\n");
    size_t count;
    assert_str(http1_header(h, "oNE", &count), "1");
    assert_int_equal(count, 1);
    assert_str(http1_header(h, "Empty", NULL), "");
    assert_null(http1_header(h, "Two", &count).p);
    assert_int_equal(count, 2);
    assert_null(http1_header(h, "Three", &count).p);
    assert_int_equal(count, 0);
    assert_null(http1_header(h, "On", &count).p);
    assert_null(http1_header(h, "Ones", &count).p);
    http1_free(h);
}

static void tokens_are_found_in_lists(void **state) {
    (void)state;
    struct http1 *h =
        head_parse(HTTP1_REQUEST, "GET / HTTP/1.1\r\n"
                                  "Connection: keep-alive ,\t,, Upgrade\r\nX: close\r\n"
                                  "connection: TE\r\nEmpty: , ,\r\n\r\n");
    assert_true(http1_has_token(h, "Connection", "upgrade"));
    assert_true(http1_has_token(h, "Connection", "Keep-Alive"));
    assert_true(http1_has_token(h, "Connection", "te"));
    assert_false(http1_has_token(h, "Connection", "close"));
    assert_false(http1_has_token(h, "Connection", "grade"));
    assert_false(http1_has_token(h, "Connection", "upgrade2"));
    assert_false(http1_has_token(h, "Connection", "upgrad"));
    assert_false(http1_has_token(h, "Connection", ""));
    assert_false(http1_has_token(h, "Empty", ""));
    http1_free(h);
}

static void lists_are_walked_over_all_headers(void **state) {
    (void)state;
    static const char *const expected[] = {"a", "b c", "d"};
    struct http1 *h = head_parse(HTTP1_REQUEST, "GET / HTTP/1.1\r\nL: a, b c ,\r\nM: x\r\nL:\r\n"
                                                "l: ,d\r\n\r\n");
    struct http1_list list;
    struct http1_str element;
    http1_list_init(&list, h, "L");
    for (size_t i = 0; i < 3; i++) {
        assert_true(http1_list_next(&list, &element));
        assert_str(element, expected[i]);
    }
    assert_false(http1_list_next(&list, &element));
    http1_free(h);
}

static void strings_are_compared(void **state) {
    (void)state;
    const struct http1_str s = {"Ab[", 3};
    assert_true(http1_str_is(s, "Ab["));
    assert_false(http1_str_is(s, "ab["));
    assert_false(http1_str_is(s, "Ab[x"));
    assert_true(http1_str_is_nocase(s, "aB["));
    assert_false(http1_str_is_nocase(s, "aB{"));
    assert_false(http1_str_is_nocase(s, "aB"));
    assert_false(http1_str_is_nocase(s, "aB[x"));
    assert_false(http1_str_is_token(s));
    assert_true(http1_str_is_token((struct http1_str){"Ab", 2}));
    assert_false(http1_str_is_token((struct http1_str){"", 0}));
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    char text[2048];
    snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nA: %01500d\r\n\r\n", 1);
    unsigned n = 0;
    do {
        fail_alloc_at(n);
        enum http1_result result = HTTP1_NOMEM;
        struct http1 *h = http1_new(HTTP1_REQUEST, &http1_default_limits);
        if (h != NULL) {
            size_t used;
            result = head_feed(h, text, strlen(text), SIZE_MAX, &used);
        }
        fail_alloc_off();
        assert_int_equal(result, n < alloc_count() ? HTTP1_NOMEM : HTTP1_DONE);
        http1_free(h);
    } while (n++ < alloc_count());
    assert_true(n >= 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_read_in_any_pieces),
        cmocka_unit_test(a_response_is_read_in_any_pieces),
        cmocka_unit_test(what_follows_the_head_is_left),
        cmocka_unit_test(an_unfinished_head_asks_for_more),
        cmocka_unit_test(lines_end_with_cr_lf),
        cmocka_unit_test(nothing_is_folded),
        cmocka_unit_test(the_request_line_has_two_single_spaces),
        cmocka_unit_test(one_empty_line_before_a_request_is_ignored),
        cmocka_unit_test(a_target_has_the_characters_that_browsers_send),
        cmocka_unit_test(the_version_is_1_x),
        cmocka_unit_test(header_names_are_tokens_right_before_the_colon),
        cmocka_unit_test(values_have_no_control_characters_but_tab),
        cmocka_unit_test(the_status_has_three_digits_and_a_space),
        cmocka_unit_test(the_first_line_has_a_limit),
        cmocka_unit_test(a_header_line_has_a_limit),
        cmocka_unit_test(white_space_and_names_count_against_the_limit),
        cmocka_unit_test(all_header_lines_together_have_a_limit),
        cmocka_unit_test(header_lines_are_counted),
        cmocka_unit_test(cve_2024_37890_many_headers),
        cmocka_unit_test(cve_2023_43669_long_header_byte_by_byte),
        cmocka_unit_test(headers_are_found_by_name),
        cmocka_unit_test(tokens_are_found_in_lists),
        cmocka_unit_test(lists_are_walked_over_all_headers),
        cmocka_unit_test(strings_are_compared),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
