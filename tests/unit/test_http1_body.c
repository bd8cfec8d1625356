#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "http_heads.h"
#include "proto/http1_body.h"

enum { LIMIT = 100 };

/* A body: what announces it, what comes, and what must come of it. */
struct body {
    const char *head; /* all of it but the empty line */
    const char *in;
    enum http1_body_result result;
    const char *content;
};

/* Feeds it in pieces, after nothing at all. */
static enum http1_body_result feed(struct http1_body *b, const char *in, size_t piece,
                                   struct bytes *out) {
    size_t n = strlen(in);
    size_t at = 0;
    enum http1_body_result result = http1_body_feed(b, NULL, 0, out, LIMIT);
    while (at < n && result == HTTP1_BODY_MORE) {
        size_t size = n - at < piece ? n - at : piece;
        uint8_t *copy = malloc(size); /* a byte beyond it is found by the sanitizer */
        assert_non_null(copy);
        memcpy(copy, in + at, size);
        result = http1_body_feed(b, copy, size, out, LIMIT);
        free(copy);
        at += size;
    }
    return result;
}

static void start(struct http1_body *b, const char *head_lines) {
    char text[512];
    snprintf(text, sizeof text, "%s\r\n", head_lines);
    struct http1 *head = head_parse(HTTP1_RESPONSE, text);
    http1_body_init(b, head);
    http1_free(head);
}

static void assert_body(const struct body *k) {
    for (size_t piece = 1; piece <= strlen(k->in) + 1; piece++) {
        struct http1_body b;
        struct bytes out = BYTES_INIT;
        start(&b, k->head);
        assert_int_equal(feed(&b, k->in, piece, &out), k->result);
        assert_int_equal(out.len, strlen(k->content));
        if (out.len > 0) {
            assert_memory_equal(out.data, k->content, out.len);
        }
        bytes_release(&out);
    }
}

static void assert_bodies(const struct body *bodies, size_t count) {
    for (size_t i = 0; i < count; i++) {
        assert_body(&bodies[i]);
    }
}

#define ASSERT_BODIES(bodies) assert_bodies(bodies, sizeof(bodies) / sizeof *(bodies))
#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n"
#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X99 X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void a_length_says_where_the_body_ends(void **state) {
    (void)state;
    static const struct body bodies[] = {
        {OK "Content-Length: 5\r\n", "hello", HTTP1_BODY_DONE, "hello"},
        {OK "Content-Length: 005\r\n", "hello world", HTTP1_BODY_DONE, "hello"},
        {OK "content-length: 5\r\n", "hell", HTTP1_BODY_MORE, "hell"},
        {OK "Content-Length: 0\r\n", "hello", HTTP1_BODY_DONE, ""},
        {OK "Content-Length: 18446744073709551609\r\n", "hi", HTTP1_BODY_MORE, "hi"},
    };
    ASSERT_BODIES(bodies);
}

/* Such a length is none: what comes is shown. */
static void without_a_length_that_can_be_the_end_is_the_connections(void **state) {
    (void)state;
    static const struct body bodies[] = {
        {OK, "hello", HTTP1_BODY_MORE, "hello"},
        {OK "Content-Length: 18446744073709551616\r\n", "hello", HTTP1_BODY_MORE, "hello"},
        {OK "Content-Length: 99999999999999999999999\r\n", "hello", HTTP1_BODY_MORE, "hello"},
        {OK "Content-Length: -1\r\n", "hello", HTTP1_BODY_MORE, "hello"},
        {OK "Content-Length: 2 2\r\n", "hello", HTTP1_BODY_MORE, "hello"},
        {OK "Content-Length:\r\n", "hello", HTTP1_BODY_MORE, "hello"},
        {OK "Content-Length: 2\r\nContent-Length: 3\r\n", "hello", HTTP1_BODY_MORE, "hello"},
        {OK "Transfer-Encoding: gzip\r\n", "hello", HTTP1_BODY_MORE, "hello"},
        {OK "Content-Length: 2\r\nTransfer-Encoding: gzip\r\n", "hello", HTTP1_BODY_MORE, "hello"},
    };
    ASSERT_BODIES(bodies);
}

static void chunks_are_put_together(void **state) {
    (void)state;
    static const struct body bodies[] = {
        {CHUNKED, "5\r\nhello\r\n0\r\n\r\n", HTTP1_BODY_DONE, "hello"},
        {CHUNKED, "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", HTTP1_BODY_DONE, "hello"},
        {CHUNKED, "0\r\n\r\n", HTTP1_BODY_DONE, ""},
        {CHUNKED, "000\r\n", HTTP1_BODY_DONE, ""},
        {CHUNKED, "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n", HTTP1_BODY_DONE,
         "abcdefghijklmnopqrstuvwxyz"},
        {CHUNKED, "00000000000000000000C\r\n\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\n", HTTP1_BODY_DONE,
         "\r\n0\r\n\r\n0\r\n\r\n"},
        {CHUNKED, "5\r\nhello\r\n", HTTP1_BODY_MORE, "hello"},
        {CHUNKED, "5\r\nhel", HTTP1_BODY_MORE, "hel"},
        {CHUNKED, "5\nhello\n0\n\n", HTTP1_BODY_DONE, "hello"},
        {OK "Content-Length: 2\r\nTransfer-Encoding: gzip, Chunked\r\n", "3\r\nabc\r\n0\r\n",
         HTTP1_BODY_DONE, "abc"},
    };
    ASSERT_BODIES(bodies);
}

static void extensions_of_chunks_and_trailers_tell_nothing(void **state) {
    (void)state;
    static const struct body bodies[] = {
        {CHUNKED, "5;name=\"a;b\"\r\nhello\r\n0;last\r\nX-Trailer: 1\r\n\r\n", HTTP1_BODY_DONE,
         "hello"},
        {CHUNKED, "5 ; 77\r\nhello\r\n0\r\n\r\n", HTTP1_BODY_DONE, "hello"},
    };
    ASSERT_BODIES(bodies);
}

static void what_is_no_chunk_is_bad(void **state) {
    (void)state;
    static const struct body bodies[] = {
        {CHUNKED, "x\r\n", HTTP1_BODY_BAD, ""},
        {CHUNKED, "\r\n", HTTP1_BODY_BAD, ""},
        {CHUNKED, ";x\r\n", HTTP1_BODY_BAD, ""},
        {CHUNKED, "-5\r\n", HTTP1_BODY_BAD, ""},
        {CHUNKED, "5\r\nhelloworld", HTTP1_BODY_BAD, "hello"},
        {CHUNKED, "5\r\nhello\r\n\r\n", HTTP1_BODY_BAD, "hello"},
        {CHUNKED, "@\r\n", HTTP1_BODY_BAD, ""},
        {CHUNKED, "G\r\n", HTTP1_BODY_BAD, ""},
    };
    ASSERT_BODIES(bodies);
}

static void a_chunk_larger_than_any_is_bad(void **state) {
    (void)state;
    static const struct body bodies[] = {
        {CHUNKED, "10000000000000000\r\n", HTTP1_BODY_BAD, ""},
        {CHUNKED, "ffffffffffffffff1\r\n", HTTP1_BODY_BAD, ""},
        {CHUNKED, "fffffffffffff\r\nhi", HTTP1_BODY_MORE, "hi"},
    };
    ASSERT_BODIES(bodies);
}

static void some_answers_have_no_body_whatever_they_say(void **state) {
    (void)state;
    static const unsigned statuses[] = {100, 101, 103, 199, 204, 304};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        char head[128];
        snprintf(head, sizeof head, "HTTP/1.1 %u X\r\nContent-Length: 5\r\n", statuses[i]);
        const struct body k = {head, "hello", HTTP1_BODY_DONE, ""};
        assert_body(&k);
    }
}

static void nothing_is_kept_beyond_the_limit(void **state) {
    (void)state;
    static const struct body bodies[] = {
        {OK, X99 "y", HTTP1_BODY_MORE, X99 "y"},
        {OK, X99 "yz", HTTP1_BODY_FULL, X99 "y"},
        {OK "Content-Length: 100\r\n", X99 "yz", HTTP1_BODY_DONE, X99 "y"},
        {OK "Content-Length: 101\r\n", X99 "yz", HTTP1_BODY_FULL, X99 "y"},
        {CHUNKED, "64\r\n" X99 "y\r\n0\r\n", HTTP1_BODY_DONE, X99 "y"},
        {CHUNKED, "63\r\n" X99 "\r\n2\r\nyz\r\n0\r\n", HTTP1_BODY_FULL, X99 "y"},
        {CHUNKED, "ffff\r\n" X99 "yz", HTTP1_BODY_FULL, X99 "y"},
    };
    ASSERT_BODIES(bodies);
}

/* Whether the end of the connection is the body's, too. */
static void a_body_that_is_cut_is_known_by_what_is_missing(void **state) {
    (void)state;
    static const struct {
        const char *head, *in;
        bool is_end;
    } rows[] = {
        {OK, "", true},
        {OK, "hello", true},
        {OK "Content-Length: 5\r\n", "hell", false},
        {OK "Content-Length: 5\r\n", "hello", true},
        {CHUNKED, "", false},
        {CHUNKED, "5\r\nhello\r\n", false},
        {CHUNKED, "5\r\nhello\r\n0", false},
        {CHUNKED, "5\r\nhello\r\n0\r\n", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http1_body b;
        struct bytes out = BYTES_INIT;
        start(&b, rows[i].head);
        feed(&b, rows[i].in, SIZE_MAX, &out);
        assert_int_equal(http1_body_may_end(&b), rows[i].is_end);
        bytes_release(&out);
    }
}

static void each_failed_allocation_is_told(void **state) {
    (void)state;
    struct http1_body b;
    enum http1_body_result result;
    unsigned n = 0;
    do {
        struct bytes out = BYTES_INIT;
        start(&b, CHUNKED);
        const char *in = "32\r\n" X50 "\r\n31\r\n" X50;
        fail_alloc_at(n);
        result = http1_body_feed(&b, (const uint8_t *)in, strlen(in), &out, LIMIT);
        fail_alloc_off();
        assert_int_equal(result, n < alloc_count() ? HTTP1_BODY_NOMEM : HTTP1_BODY_BAD);
        bytes_release(&out);
    } while (n++ < alloc_count());
    assert_true(n > 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_length_says_where_the_body_ends),
        cmocka_unit_test(without_a_length_that_can_be_the_end_is_the_connections),
        cmocka_unit_test(chunks_are_put_together),
        cmocka_unit_test(extensions_of_chunks_and_trailers_tell_nothing),
        cmocka_unit_test(what_is_no_chunk_is_bad),
        cmocka_unit_test(a_chunk_larger_than_any_is_bad),
        cmocka_unit_test(some_answers_have_no_body_whatever_they_say),
        cmocka_unit_test(nothing_is_kept_beyond_the_limit),
        cmocka_unit_test(a_body_that_is_cut_is_known_by_what_is_missing),
        cmocka_unit_test(each_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
