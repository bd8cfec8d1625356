#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "proto/http1.h"
#include "script/scope.h"

/* ---- the store ---- */

static void assert_value(const struct store *s, unsigned slot, const char *expected) {
    const struct bytes *value = store_get(s, slot);
    if (expected == NULL) {
        assert_null(value);
        return;
    }
    assert_non_null(value);
    assert_int_equal(value->len, strlen(expected));
    assert_memory_equal(value->data, expected, value->len);
}

static void a_value_is_there_once_it_is_set(void **state) {
    (void)state;
    struct store s = {0};
    assert_value(&s, 0, NULL);
    assert_int_equal(store_set(&s, 3, "three", 5), TB_OK);
    assert_int_equal(store_set(&s, 1, "one", 3), TB_OK);
    assert_value(&s, 0, NULL);
    assert_value(&s, 1, "one");
    assert_value(&s, 2, NULL);
    assert_value(&s, 3, "three");
    assert_value(&s, 4, NULL);
    store_release(&s);
    assert_value(&s, 3, NULL);
}

static void a_value_takes_another_ones_place(void **state) {
    (void)state;
    struct store s = {0};
    assert_int_equal(store_set(&s, 0, "short", 5), TB_OK);
    assert_int_equal(store_set(&s, 0, "rather longer than that one", 27), TB_OK);
    assert_value(&s, 0, "rather longer than that one");
    assert_int_equal(store_set(&s, 0, "less", 4), TB_OK);
    assert_value(&s, 0, "less");
    store_release(&s);
}

static void an_empty_value_is_a_value(void **state) {
    (void)state;
    struct store s = {0};
    assert_int_equal(store_set(&s, 0, NULL, 0), TB_OK);
    assert_non_null(store_get(&s, 0));
    assert_int_equal(store_get(&s, 0)->len, 0);
    store_release(&s);
}

static void a_value_stays_when_memory_is_out(void **state) {
    (void)state;
    char large[4096];
    memset(large, 'x', sizeof(large));
    unsigned n = 0;
    do {
        struct store s = {0};
        assert_int_equal(store_set(&s, 0, "old", 3), TB_OK);
        fail_alloc_at(n);
        int first = store_set(&s, 0, large, sizeof(large));
        int second = store_set(&s, 9, "new", 3);
        fail_alloc_off();
        assert_int_equal(first == TB_OK && second == TB_OK, n >= alloc_count());
        assert_int_equal(store_get(&s, 0)->len, first == TB_OK ? sizeof(large) : 3);
        assert_value(&s, 9, second == TB_OK ? "new" : NULL);
        store_release(&s);
    } while (n++ < alloc_count());
}

/* ---- the handshake ---- */

static struct http1 *head_of(const char *text) {
    struct http1 *head = http1_new(HTTP1_REQUEST, &http1_default_limits);
    size_t used;
    assert_non_null(head);
    assert_int_equal(http1_feed(head, (const uint8_t *)text, strlen(text), &used), HTTP1_DONE);
    return head;
}

typedef int look(const struct peer *peer, const char *name, struct bytes *out, bool *found);

static void assert_looked(look *f, const char *head, const char *name, const char *expected) {
    struct http1 *request = head_of(head);
    struct peer peer = {.head = request};
    struct bytes out = BYTES_INIT;
    bool found = expected == NULL;
    assert_int_equal(bytes_append_str(&out, ">"), TB_OK);
    assert_int_equal(f(&peer, name, &out, &found), TB_OK);
    assert_int_equal(found, expected != NULL);
    expected = expected != NULL ? expected : "";
    assert_int_equal(out.len, strlen(expected) + 1);
    assert_memory_equal(out.data + 1, expected, out.len - 1);
    bytes_release(&out);
    http1_free(request);
}

static void assert_header(const char *name, const char *expected) {
    static const char head[] = "GET / HTTP/1.1\r\nUser-Agent: a b\r\nX-Tag: one\r\nEmpty:\r\n"
                               "x-tag: two, three\r\n\r\n";
    assert_looked(peer_header, head, name, expected);
}

static void a_header_is_found_in_any_case(void **state) {
    (void)state;
    assert_header("user-agent", "a b");
    assert_header("USER-AGENT", "a b");
    assert_header("user", NULL);
    assert_header("empty", "");
}

static void a_header_that_comes_twice_is_joined(void **state) {
    (void)state;
    assert_header("X-TAG", "one, two, three");
}

static void assert_query(const char *query, const char *name, const char *expected) {
    char head[256] = "GET /x";
    strcat(head, query);
    strcat(head, " HTTP/1.1\r\n\r\n");
    assert_looked(peer_query, head, name, expected);
}

static void a_querys_value_is_decoded(void **state) {
    (void)state;
    assert_query("?a=1&b=two+words&c=%7b%2B%7D", "a", "1");
    assert_query("?a=1&b=two+words&c=%7b%2B%7D", "b", "two words");
    assert_query("?a=1&b=two+words&c=%7b%2B%7D", "c", "{+}");
    assert_query("?a=b=c", "a", "b=c");
    assert_query("?a=100%&b", "a", "100%");
    assert_query("?a=%4", "a", "%4");
}

static void a_query_is_found_by_its_decoded_name(void **state) {
    (void)state;
    assert_query("?us%65r=x", "user", "x");
    assert_query("?user=x", "User", NULL);
    assert_query("?user=x", "use", NULL);
    assert_query("?use=x", "user", NULL);
    assert_query("?a=user", "user", NULL);
    assert_query("", "user", NULL);
    assert_query("?", "user", NULL);
}

static void of_a_query_that_comes_twice_the_first_counts(void **state) {
    (void)state;
    assert_query("?a=1&a=2", "a", "1");
    assert_query("?a&a=2", "a", "");
    assert_query("?&&a=", "a", "");
}

static void who_has_no_handshake_has_no_headers(void **state) {
    (void)state;
    struct peer peer = {0};
    struct bytes out = BYTES_INIT;
    bool found = true;
    assert_int_equal(peer_header(&peer, "host", &out, &found), TB_OK);
    assert_false(found);
    found = true;
    assert_int_equal(peer_query(&peer, "a", &out, &found), TB_OK);
    assert_false(found);
    assert_null(peer_path(&peer, "a"));
}

static void a_piece_of_the_path_is_found_by_its_name(void **state) {
    (void)state;
    static const struct path_part parts[] = {{"symbol", "A/B", 3}, {"id", "", 0}};
    struct peer peer = {.path_count = 2, .path = parts};
    assert_ptr_equal(peer_path(&peer, "symbol"), &parts[0]);
    assert_ptr_equal(peer_path(&peer, "id"), &parts[1]);
    assert_null(peer_path(&peer, "sym"));
}

static void nothing_is_appended_when_memory_is_out(void **state) {
    (void)state;
    struct http1 *request = head_of("GET /?a=b+c HTTP/1.1\r\nA: 1\r\nA: 2\r\n\r\n");
    struct peer peer = {.head = request};
    look *const looks[] = {peer_header, peer_query};
    for (size_t i = 0; i < 2; i++) {
        struct bytes out = BYTES_INIT;
        bool found;
        fail_alloc_at(0);
        assert_int_equal(looks[i](&peer, "a", &out, &found), TB_ENOMEM);
        fail_alloc_off();
        assert_int_equal(out.len, 0);
    }
    http1_free(request);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_there_once_it_is_set),
        cmocka_unit_test(a_value_takes_another_ones_place),
        cmocka_unit_test(an_empty_value_is_a_value),
        cmocka_unit_test(a_value_stays_when_memory_is_out),
        cmocka_unit_test(a_header_is_found_in_any_case),
        cmocka_unit_test(a_header_that_comes_twice_is_joined),
        cmocka_unit_test(a_querys_value_is_decoded),
        cmocka_unit_test(a_query_is_found_by_its_decoded_name),
        cmocka_unit_test(of_a_query_that_comes_twice_the_first_counts),
        cmocka_unit_test(who_has_no_handshake_has_no_headers),
        cmocka_unit_test(a_piece_of_the_path_is_found_by_its_name),
        cmocka_unit_test(nothing_is_appended_when_memory_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
