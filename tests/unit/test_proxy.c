#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "failing_alloc.h"
#include "net/proxy.h"

#define BYTES(literal) ((const uint8_t *)(literal)), (sizeof(literal) - 1)

static const struct proxy http = {PROXY_HTTP, "proxy.test", 3128, NULL, NULL};
static const struct proxy http_login = {PROXY_HTTP, "proxy.test", 3128, "Aladdin", "open sesame"};
static const struct proxy socks = {PROXY_SOCKS5, "proxy.test", 1080, NULL, NULL};
static const struct proxy socks_login = {PROXY_SOCKS5, "proxy.test", 1080, "me", "pass"};
static const struct proxy socks_h = {PROXY_SOCKS5H, "proxy.test", 1080, NULL, NULL};

/* ---- what is said and what comes of it ---- */

/* A handshake: what the proxy says in all, and what must come of it. */
struct talk {
    const struct proxy *proxy;
    const char *host;
    uint16_t port;
    const uint8_t *in; /* what the proxy says */
    size_t in_size;
    size_t used;
    enum tunnel_result result;
    const char *why; /* NULL: none */
    unsigned status;
};

/* In pieces of that size; all that we said is appended to out. */
static void assert_talk_in_pieces(const struct talk *k, size_t piece, struct bytes *out) {
    struct tunnel *t = tunnel_new(k->proxy, k->host, k->port, NULL, out);
    enum tunnel_result result = TUNNEL_MORE;
    size_t at = 0, used;
    assert_non_null(t);
    assert_null(tunnel_why(t));
    while (at < k->in_size && result == TUNNEL_MORE) {
        size_t n = k->in_size - at < piece ? k->in_size - at : piece;
        uint8_t *copy = malloc(n); /* a byte beyond it is found by the sanitizer */
        assert_non_null(copy);
        memcpy(copy, k->in + at, n);
        result = tunnel_feed(t, copy, n, &used, out);
        free(copy);
        at += used;
        assert_true(used == n || result != TUNNEL_MORE);
    }
    assert_int_equal(result, k->result);
    if (k->why == NULL) {
        assert_null(tunnel_why(t));
        assert_int_equal(at, k->used);
    } else {
        assert_non_null(tunnel_why(t));
        assert_string_equal(tunnel_why(t), k->why);
    }
    assert_int_equal(tunnel_status(t), k->status);
    if (result != TUNNEL_MORE) {
        size_t before = out->len;
        assert_int_equal(tunnel_feed(t, BYTES("more"), &used, out), result);
        assert_int_equal(used, 0);
        assert_int_equal(out->len, before);
    }
    tunnel_free(t);
}

static void assert_talk(const struct talk *k, const uint8_t *said, size_t said_size) {
    for (size_t piece = 1; piece < k->in_size + 2; piece = piece < 40 ? piece + 1 : piece * 2) {
        struct bytes out = BYTES_INIT;
        assert_talk_in_pieces(k, piece, &out);
        assert_int_equal(out.len, said_size);
        assert_memory_equal(out.data, said, said_size);
        bytes_release(&out);
    }
}

/* ---- HTTP ---- */

#define CONNECT_A_TEST "CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n"

static void assert_http(const struct proxy *proxy, const char *answer, size_t used,
                        enum tunnel_result result, const char *why, unsigned status) {
    const struct talk k = {proxy,  "a.test", 80,    (const uint8_t *)answer, strlen(answer), used,
                           result, why,      status};
    if (proxy == &http) {
        assert_talk(&k, BYTES(CONNECT_A_TEST));
    } else {
        assert_talk(&k, BYTES("CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n"
                              "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"));
    }
}

static void a_2xx_answer_opens_the_tunnel(void **state) {
    (void)state;
    assert_http(&http, "HTTP/1.1 200 Connection established\r\n\r\n", 39, TUNNEL_DONE, NULL, 0);
    assert_http(&http, "HTTP/1.0 299 \r\nVia: x\r\n\r\n", 25, TUNNEL_DONE, NULL, 0);
    assert_http(&http_login, "HTTP/1.1 200 OK\r\n\r\n", 19, TUNNEL_DONE, NULL, 0);
    assert_http(&http, "HTTP/1.1 200 OK\r\n\r", 18, TUNNEL_MORE, NULL, 0);
}

/* RFC 9110 s.9.3.6: a body that a 2xx announces does not exist. */
static void what_follows_the_answer_is_the_tunnels(void **state) {
    (void)state;
    assert_http(&http, "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 x", 19, TUNNEL_DONE, NULL, 0);
    assert_http(&http, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 38, TUNNEL_DONE, NULL,
                0);
}

static void interim_answers_are_skipped_within_a_bound(void **state) {
    (void)state;
    struct bytes many = BYTES_INIT;
    assert_http(&http,
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nA: b\r\n\r\nHTTP/1.1 200 \r\n\r\n",
                66, TUNNEL_DONE, NULL, 0);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(bytes_append_str(&many, "HTTP/1.1 100 \r\n\r\n"), TB_OK);
    }
    size_t ten = many.len;
    assert_int_equal(bytes_append_str(&many, "HTTP/1.1 200 \r\n\r\n"), TB_OK);
    assert_int_equal(bytes_append(&many, "", 1), TB_OK);
    assert_http(&http, (const char *)many.data, many.len - 1, TUNNEL_DONE, NULL, 0);
    many.data[ten + 9] = '1';
    assert_http(&http, (const char *)many.data, many.len - 1, TUNNEL_REFUSED,
                "the proxy sends one interim answer after another", 0);
    bytes_release(&many);
}

static void a_refusal_is_told_with_its_status(void **state) {
    (void)state;
    assert_http(&http, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", 0, TUNNEL_REFUSED,
                "the proxy refused: 407 Proxy Authentication Required (give user and password in "
                "the proxy's URL)",
                407);
    assert_http(&http_login, "HTTP/1.1 407 No\r\n\r\n", 0, TUNNEL_REFUSED,
                "the proxy refused: 407 No (it does not accept this user and password)", 407);
    assert_http(&http, "HTTP/1.1 502 \r\n\r\n", 0, TUNNEL_REFUSED, "the proxy refused: 502", 502);
    assert_http(&http, "HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n", 0, TUNNEL_REFUSED,
                "the proxy refused: 301 Moved", 301);
    assert_http(&http, "HTTP/1.1 101 Switching Protocols\r\n\r\n", 0, TUNNEL_REFUSED,
                "the proxy refused: 101 Switching Protocols", 101);
}

static void a_hostile_reason_is_escaped_and_shortened(void **state) {
    (void)state;
    char answer[400], expected[400];
    assert_http(&http, "HTTP/1.1 503 \xc2\x9b\xe2\x80\xae\xff\r\n\r\n", 0, TUNNEL_REFUSED,
                "the proxy refused: 503 \\u{9b}\\u{202e}\\xff", 503);
    snprintf(answer, sizeof answer, "HTTP/1.1 503 %0300d\r\n\r\n", 0);
    snprintf(expected, sizeof expected, "the proxy refused: 503 %0100d", 0);
    assert_http(&http, answer, 0, TUNNEL_REFUSED, expected, 503);
}

static void what_is_not_an_http_answer_is_refused(void **state) {
    (void)state;
    struct bytes big = BYTES_INIT;
    assert_http(&http, "\x05\x01", 0, TUNNEL_REFUSED,
                "the proxy does not answer as an HTTP proxy does (the head is not valid HTTP/1.1)",
                0);
    assert_http(&http, "HTTP/1.1 200 OK\n\n", 0, TUNNEL_REFUSED,
                "the proxy does not answer as an HTTP proxy does (a line does not end with CR LF)",
                0);
    assert_int_equal(bytes_append_str(&big, "HTTP/1.1 200 OK\r\n"), TB_OK);
    while (big.len < 1024 * 1024) {
        assert_int_equal(bytes_append_str(&big, "Padding: padding, and more padding\r\n"), TB_OK);
    }
    assert_int_equal(bytes_append(&big, "", 1), TB_OK);
    const struct talk k = {.proxy = &http,
                           .host = "a.test",
                           .port = 80,
                           .in = big.data,
                           .in_size = big.len,
                           .result = TUNNEL_REFUSED,
                           .why = "the proxy does not answer as an HTTP proxy does (there are too "
                                  "many headers)"};
    const size_t pieces[] = {1, 7, big.len};
    for (size_t i = 0; i < 3; i++) {
        struct bytes out = BYTES_INIT;
        assert_talk_in_pieces(&k, pieces[i], &out);
        bytes_release(&out);
    }
    bytes_release(&big);
}

/* ---- what HTTP is asked ---- */

static void assert_asked(const struct proxy *proxy, const char *host, uint16_t port,
                         const char *agent, const char *expected) {
    struct bytes out = BYTES_INIT;
    assert_int_equal(bytes_append_str(&out, "before"), TB_OK);
    struct tunnel *t = tunnel_new(proxy, host, port, agent, &out);
    assert_non_null(t);
    assert_null(tunnel_why(t));
    assert_int_equal(bytes_append(&out, "", 1), TB_OK);
    assert_memory_equal(out.data, "before", 6);
    assert_string_equal((const char *)out.data + 6, expected);
    tunnel_free(t);
    bytes_release(&out);
}

static void the_request_names_host_and_port(void **state) {
    (void)state;
    const struct proxy no_password = {PROXY_HTTP, "p", 1, "u", NULL};
    assert_asked(
        &http, "a.test", 443, "taburet/1",
        "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nUser-Agent: taburet/1\r\n\r\n");
    assert_asked(&http, "::1", 65535, NULL,
                 "CONNECT [::1]:65535 HTTP/1.1\r\nHost: [::1]:65535\r\n\r\n");
    assert_asked(&http, "127.0.0.1", 1, NULL,
                 "CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n");
    assert_asked(&no_password, "a", 1, NULL,
                 "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nProxy-Authorization: Basic dTo=\r\n\r\n");
}

static void assert_not_asked(const struct proxy *proxy, const char *host, const char *agent,
                             const char *expected) {
    struct bytes out = BYTES_INIT;
    size_t used;
    struct tunnel *t = tunnel_new(proxy, host, 80, agent, &out);
    assert_non_null(t);
    assert_non_null(tunnel_why(t));
    assert_string_equal(tunnel_why(t), expected);
    assert_int_equal(out.len, 0);
    assert_int_equal(tunnel_status(t), 0);
    assert_int_equal(tunnel_feed(t, BYTES("HTTP/1.1 200 \r\n\r\n"), &used, &out), TUNNEL_REFUSED);
    assert_int_equal(used, 0);
    assert_int_equal(out.len, 0);
    tunnel_free(t);
    bytes_release(&out);
}

static void what_would_break_the_request_is_not_asked(void **state) {
    (void)state;
    char long_text[5000] = {0};
    memset(long_text, 'x', sizeof long_text - 1);
    const struct proxy colon = {PROXY_HTTP, "p", 1, "a:b", "c"};
    const struct proxy long_user = {PROXY_HTTP, "p", 1, long_text, NULL};
    const struct proxy long_password = {PROXY_HTTP, "p", 1, "u", long_text};
    assert_not_asked(&http, "a\r\nX: y", NULL,
                     "a proxy cannot be asked for '[a\\x0d\\nX: y]:80' (not a host)");
    assert_not_asked(&http, "", NULL, "a proxy cannot be asked for ':80' (not a host)");
    assert_not_asked(&http, "a b", NULL, "a proxy cannot be asked for 'a b:80' (not a host)");
    assert_not_asked(&http, "a:1", NULL, "a proxy cannot be asked for '[a:1]:80' (not a host)");
    assert_not_asked(&http, "a.test", "x\r\ny", "the user agent has a control character in it");
    assert_not_asked(&colon, "a.test", NULL,
                     "a user's name for an HTTP proxy cannot have a ':' in it");
    assert_not_asked(&long_user, "a.test", NULL, "the user's name for the proxy is too long");
    assert_not_asked(&long_password, "a.test", NULL, "the password for the proxy is too long");
}

/* ---- SOCKS5 ---- */

#define NO_LOGIN "\x05\x01\x00"
#define WITH_LOGIN "\x05\x02\x00\x02"
#define LOGIN "\x01\x02me\x04pass"
#define TO_IPV4 "\x05\x01\x00\x01\x7f\x00\x00\x01\x01\xbb"
#define BOUND "\x05\x00\x00\x01\x01\x02\x03\x04\x05\x06"

static void assert_socks(const struct proxy *proxy, const uint8_t *in, size_t n, size_t used,
                         const char *why, const uint8_t *said, size_t said_size) {
    const struct talk k = {.proxy = proxy,
                           .host = "127.0.0.1",
                           .port = 443,
                           .in = in,
                           .in_size = n,
                           .used = used,
                           .result = why == NULL ? TUNNEL_DONE : TUNNEL_REFUSED,
                           .why = why};
    assert_talk(&k, said, said_size);
}

static void a_socks5_proxy_opens_the_tunnel(void **state) {
    (void)state;
    assert_socks(&socks, BYTES("\x05\x00" BOUND), 12, NULL, BYTES(NO_LOGIN TO_IPV4));
    assert_socks(&socks, BYTES("\x05\x00" BOUND "first"), 12, NULL, BYTES(NO_LOGIN TO_IPV4));
    assert_socks(&socks_login, BYTES("\x05\x00" BOUND), 12, NULL, BYTES(WITH_LOGIN TO_IPV4));
    assert_socks(&socks_login, BYTES("\x05\x02\x01\x00" BOUND), 14, NULL,
                 BYTES(WITH_LOGIN LOGIN TO_IPV4));
}

static void an_answer_with_any_kind_of_address_is_read_to_its_end(void **state) {
    (void)state;
    uint8_t longest[2 + 5 + 255 + 2 + 1] = {5, 0, 5, 0, 0, 3, 255};
    assert_socks(&socks,
                 BYTES("\x05\x00\x05\x00\x00\x04"
                       "0123456789abcdef"
                       "\x01\x02x"),
                 24, NULL, BYTES(NO_LOGIN TO_IPV4));
    assert_socks(&socks,
                 BYTES("\x05\x00\x05\x00\x00\x03\x06"
                       "a.test"
                       "\x01\x02x"),
                 15, NULL, BYTES(NO_LOGIN TO_IPV4));
    assert_socks(&socks, BYTES("\x05\x00\x05\x00\x00\x03\x00\x01\x02x"), 9, NULL,
                 BYTES(NO_LOGIN TO_IPV4));
    assert_socks(&socks, longest, sizeof longest, sizeof longest - 1, NULL,
                 BYTES(NO_LOGIN TO_IPV4));
    assert_socks(&socks, BYTES("\x05\x00\x05\x00\x00\x02xxxxxxxx"), 0,
                 "the proxy's answer has a kind of address that SOCKS5 has not (2)",
                 BYTES(NO_LOGIN TO_IPV4));
}

static void an_answer_that_is_cut_is_waited_for(void **state) {
    (void)state;
    const uint8_t in[] = "\x05\x02\x01\x00" BOUND;
    for (size_t n = 0; n < sizeof in - 1; n++) {
        struct bytes out = BYTES_INIT;
        const struct talk k = {
            .proxy = &socks_login, .host = "::1", .port = 1, .in = in, .in_size = n, .used = n};
        assert_talk_in_pieces(&k, 3, &out);
        bytes_release(&out);
    }
}

static void each_reply_code_is_told_in_words(void **state) {
    (void)state;
    static const char *const words[] = {
        "",
        "general failure",
        "its rules do not allow it",
        "network unreachable",
        "host unreachable",
        "connection refused",
        "time to live expired",
        "it does not know the command",
        "it does not know this kind of address",
    };
    for (unsigned code = 1; code < 256; code++) {
        const uint8_t in[] = {5, 0, 5, (uint8_t)code};
        char why[100], number[20];
        snprintf(number, sizeof number, "reply code %u", code);
        snprintf(why, sizeof why, "the proxy cannot reach 127.0.0.1 port 443 (%s)",
                 code < 9 ? words[code] : number);
        assert_socks(&socks, in, sizeof in, 0, why, BYTES(NO_LOGIN TO_IPV4));
    }
}

static void each_way_not_to_be_let_in_is_told(void **state) {
    (void)state;
    assert_socks(&socks, BYTES("\x05\xff"), 0, "the proxy wants a user and a password",
                 BYTES(NO_LOGIN));
    assert_socks(&socks, BYTES("\x05\x02"), 0, "the proxy wants a user and a password",
                 BYTES(NO_LOGIN));
    assert_socks(&socks, BYTES("\x05\x01"), 0,
                 "the proxy chose a way of authentication that was not offered", BYTES(NO_LOGIN));
    assert_socks(&socks_login, BYTES("\x05\xff"), 0,
                 "the proxy wants another way of authentication than user and password",
                 BYTES(WITH_LOGIN));
    assert_socks(&socks_login, BYTES("\x05\x01"), 0,
                 "the proxy wants another way of authentication than user and password",
                 BYTES(WITH_LOGIN));
    assert_socks(&socks_login, BYTES("\x05\x02\x01\x01"), 0,
                 "the proxy does not accept this user and password", BYTES(WITH_LOGIN LOGIN));
    assert_socks(&socks_login, BYTES("\x05\x02\x05\x00" BOUND), 14, NULL,
                 BYTES(WITH_LOGIN LOGIN TO_IPV4));
}

static void what_is_not_socks5_is_refused(void **state) {
    (void)state;
    assert_socks(&socks, BYTES("\x04\x5a"), 0, "the proxy does not speak SOCKS5", BYTES(NO_LOGIN));
    assert_socks(&socks, BYTES("\x00\x5a"), 0, "the proxy does not speak SOCKS5", BYTES(NO_LOGIN));
    assert_socks(&socks, BYTES("HTTP/1.1 400 Bad Request\r\n\r\n"), 0,
                 "the proxy does not speak SOCKS5; is it http:// instead?", BYTES(NO_LOGIN));
    assert_socks(&socks, BYTES("\x05\x00\x04\x00"), 0, "the proxy does not speak SOCKS5",
                 BYTES(NO_LOGIN TO_IPV4));
}

/* What a proxy that lets us in is asked for. */
static void assert_socks_asked(const struct proxy *proxy, const char *host, const uint8_t *said,
                               size_t said_size) {
    const struct talk k = {.proxy = proxy,
                           .host = host,
                           .port = 258,
                           .in = (const uint8_t *)"\x05\x00" BOUND,
                           .in_size = 12,
                           .used = 12,
                           .result = TUNNEL_DONE};
    assert_talk(&k, said, said_size);
}

static void names_and_addresses_are_asked_for_in_their_own_form(void **state) {
    (void)state;
    assert_socks_asked(&socks_h, "a.test",
                       BYTES(NO_LOGIN "\x05\x01\x00\x03\x06"
                                      "a.test"
                                      "\x01\x02"));
    assert_socks_asked(&socks_h, "1.2.3.4",
                       BYTES(NO_LOGIN "\x05\x01\x00\x01\x01\x02\x03\x04\x01\x02"));
    assert_socks_asked(
        &socks, "::1",
        BYTES(NO_LOGIN "\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x01\x02"));
}

static void what_does_not_fit_socks5_is_not_asked(void **state) {
    (void)state;
    char long_text[257] = {0};
    memset(long_text, 'x', sizeof long_text - 1);
    const struct proxy no_user = {PROXY_SOCKS5H, "p", 1, "", "x"};
    const struct proxy long_user = {PROXY_SOCKS5H, "p", 1, long_text, "x"};
    const struct proxy no_password = {PROXY_SOCKS5H, "p", 1, "x", NULL};
    const struct proxy empty_password = {PROXY_SOCKS5H, "p", 1, "x", ""};
    const struct proxy long_password = {PROXY_SOCKS5H, "p", 1, "x", long_text};
    const char *const user = "a user's name for a SOCKS5 proxy has 1 to 255 bytes";
    const char *const password = "a password for a SOCKS5 proxy has 1 to 255 bytes";
    const char *const name = "a host's name for a SOCKS5 proxy has 1 to 255 bytes";
    assert_not_asked(&no_user, "a.test", NULL, user);
    assert_not_asked(&long_user, "a.test", NULL, user);
    assert_not_asked(&no_password, "a.test", NULL, password);
    assert_not_asked(&empty_password, "a.test", NULL, password);
    assert_not_asked(&long_password, "a.test", NULL, password);
    assert_not_asked(&socks_h, "", NULL, name);
    assert_not_asked(&socks_h, long_text, NULL, name);
    assert_not_asked(&socks, "a.test", NULL,
                     "a socks5:// proxy is given addresses, not names; socks5h:// takes names");
    long_text[255] = '\0';
    const struct proxy longest = {PROXY_SOCKS5H, "p", 1, long_text, long_text};
    struct bytes out = BYTES_INIT;
    struct tunnel *t = tunnel_new(&longest, long_text, 1, NULL, &out);
    assert_non_null(t);
    assert_null(tunnel_why(t));
    tunnel_free(t);
    bytes_release(&out);
}

static void a_hostile_name_is_escaped_in_the_refusal(void **state) {
    (void)state;
    const struct talk k = {.proxy = &socks_h,
                           .host = "\033[2J",
                           .port = 1,
                           .in = (const uint8_t *)"\x05\x00\x05\x04",
                           .in_size = 4,
                           .result = TUNNEL_REFUSED,
                           .why = "the proxy cannot reach \\x1b[2J port 1 (host unreachable)"};
    struct bytes out = BYTES_INIT;
    assert_talk_in_pieces(&k, 9, &out);
    bytes_release(&out);
}

/* ---- memory ---- */

static enum tunnel_result run(const struct proxy *proxy, const uint8_t *in, size_t n) {
    struct bytes out = BYTES_INIT;
    enum tunnel_result result = TUNNEL_NOMEM;
    size_t used;
    struct tunnel *t = tunnel_new(proxy, "::1", 80, "agent", &out);
    if (t != NULL) {
        result = tunnel_feed(t, in, n, &used, &out);
        assert_true((result == TUNNEL_REFUSED) == (tunnel_why(t) != NULL));
    }
    tunnel_free(t);
    bytes_release(&out);
    return result;
}

static void each_failed_allocation_is_told_and_nothing_leaks(void **state) {
    (void)state;
    static const struct {
        const struct proxy *proxy;
        const char *in;
        size_t n;
        enum tunnel_result result;
    } rows[] = {
        {&http_login, "HTTP/1.1 100 \r\n\r\nHTTP/1.1 200 \r\n\r\n", 34, TUNNEL_DONE},
        {&http, "HTTP/1.1 407 a reason\r\n\r\n", 25, TUNNEL_REFUSED},
        {&socks_login, "\x05\x02\x01\x00" BOUND, 14, TUNNEL_DONE},
        {&socks, "\x05\x00\x05\x01", 4, TUNNEL_REFUSED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned n = 0;
        enum tunnel_result result;
        do {
            fail_alloc_at(n);
            result = run(rows[i].proxy, (const uint8_t *)rows[i].in, rows[i].n);
            fail_alloc_off();
            assert_int_equal(result, n < alloc_count() ? TUNNEL_NOMEM : rows[i].result);
        } while (n++ < alloc_count());
    }
    tunnel_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_2xx_answer_opens_the_tunnel),
        cmocka_unit_test(what_follows_the_answer_is_the_tunnels),
        cmocka_unit_test(interim_answers_are_skipped_within_a_bound),
        cmocka_unit_test(a_refusal_is_told_with_its_status),
        cmocka_unit_test(a_hostile_reason_is_escaped_and_shortened),
        cmocka_unit_test(what_is_not_an_http_answer_is_refused),
        cmocka_unit_test(the_request_names_host_and_port),
        cmocka_unit_test(what_would_break_the_request_is_not_asked),
        cmocka_unit_test(a_socks5_proxy_opens_the_tunnel),
        cmocka_unit_test(an_answer_with_any_kind_of_address_is_read_to_its_end),
        cmocka_unit_test(an_answer_that_is_cut_is_waited_for),
        cmocka_unit_test(each_reply_code_is_told_in_words),
        cmocka_unit_test(each_way_not_to_be_let_in_is_told),
        cmocka_unit_test(what_is_not_socks5_is_refused),
        cmocka_unit_test(names_and_addresses_are_asked_for_in_their_own_form),
        cmocka_unit_test(what_does_not_fit_socks5_is_not_asked),
        cmocka_unit_test(a_hostile_name_is_escaped_in_the_refusal),
        cmocka_unit_test(each_failed_allocation_is_told_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
