#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "script/mock/route.h"
#include "script/reader.h"

static struct document *doc;
static struct reader reader;
static struct bytes message;
static const struct route *route;
static struct route_parts parts;

static int tear_down(void **state) {
    (void)state;
    bytes_release(&parts.text);
    parts = (struct route_parts){.count = 0};
    arena_free(reader.arena);
    reader.arena = NULL;
    document_free(doc);
    doc = NULL;
    bytes_release(&message);
    return 0;
}

/* Reads the route of that path. */
static int read_route(const char *path, const struct route **made) {
    char text[300];
    struct document *old = doc;
    snprintf(text, sizeof text, "\"%s\": x\n", path);
    doc = NULL;
    int err = document_parse("FILE", text, strlen(text), &doc, &message);
    document_free(old);
    if (err != TB_OK) {
        return err;
    }
    arena_free(reader.arena);
    reader = (struct reader){.doc = doc, .arena = arena_new(), .message = &message};
    return reader.arena == NULL ? TB_ENOMEM : route_read(&reader, document_root(doc)->first, made);
}

static void want(const char *path) {
    if (read_route(path, &route) != TB_OK) {
        fail_msg("%.*s", (int)message.len, (const char *)message.data);
    }
}

static bool takes(const char *target) {
    bool nomem = true;
    bytes_release(&parts.text);
    parts = (struct route_parts){.count = 0};
    bool yes =
        route_takes(route, (struct http1_str){.p = target, .n = strlen(target)}, &parts, &nomem);
    assert_false(nomem);
    return yes;
}

static void assert_part(size_t i, const char *name, const char *value) {
    assert_in_range(i, 0, parts.count - 1);
    assert_string_equal(parts.items[i].name, name);
    assert_int_equal(parts.items[i].size, strlen(value));
    assert_memory_equal(parts.items[i].value, value, strlen(value));
}

static void a_plain_route_is_for_one_path(void **state) {
    (void)state;
    want("/a/b");
    assert_string_equal(route_text(route), "/a/b");
    assert_true(takes("/a/b"));
    assert_true(takes("/a/b?c=/d"));
    assert_true(takes("/%61/%62"));
    assert_false(takes("/a/b/"));
    assert_false(takes("/a"));
    assert_false(takes("/a/bc"));
    assert_false(takes("/a/"));
    assert_false(takes("//a/b"));
    assert_false(takes("/A/b"));
    assert_false(takes("/a%2Fb"));
    want("/");
    assert_true(takes("/"));
    assert_true(takes("/?"));
    assert_true(takes(""));
    assert_false(takes("//"));
    want("/a/");
    assert_true(takes("/a/"));
    assert_false(takes("/a"));
}

static void names_take_whole_segments(void **state) {
    (void)state;
    want("/feed/{symbol}/{side}");
    assert_true(takes("/feed/%C3%A9%2F/b%20c"));
    assert_int_equal(parts.count, 2);
    assert_part(0, "symbol", "é/");
    assert_part(1, "side", "b c");
    assert_false(takes("/feed//b"));
    assert_false(takes("/feed/a/"));
    assert_false(takes("/feed/a"));
    assert_false(takes("/feed/a/b/c"));
    assert_int_equal(parts.count, 0);
}

static void two_stars_take_any_rest(void **state) {
    (void)state;
    want("/live/**");
    assert_true(takes("/live"));
    assert_true(takes("/live/"));
    assert_true(takes("/live/a//b?c"));
    assert_true(takes("/live/%zz")); /* nobody reads what the stars take */
    assert_false(takes("/lives"));
    want("/**");
    assert_true(takes("/"));
    assert_true(takes("/a/b"));
    want("/{a}/**");
    assert_true(takes("/x/y/z"));
    assert_part(0, "a", "x");
    assert_false(takes("/"));
}

static void a_route_may_be_written_as_in_a_url(void **state) {
    (void)state;
    want("/a%20b/caf%C3%A9/%25");
    assert_true(takes("/a%20b/caf%c3%a9/%25"));
    want("/a b/café/+");
    assert_true(takes("/a%20b/caf%C3%A9/+"));
}

static void broken_escapes_are_no_routes(void **state) {
    (void)state;
    want("/{a}");
    assert_false(takes("/%"));
    assert_false(takes("/%4"));
    assert_false(takes("/%4g"));
    assert_false(takes("/a%00b"));
    assert_true(takes("/%01"));
}

static void a_whole_uri_is_a_target(void **state) {
    (void)state;
    want("/a");
    assert_true(takes("http://example.com/a?b"));
    assert_true(takes("ws://[::1]:80/a"));
    assert_false(takes("http://example.com"));
    want("/");
    assert_true(takes("http://example.com"));
    assert_true(takes("http://example.com?a"));
}

static bool are_same(const char *a, const char *b) {
    char text[200];
    snprintf(text, sizeof text, "\"%s\": x\n\"%s\": y\n", a, b);
    document_free(doc);
    doc = NULL;
    assert_int_equal(document_parse("FILE", text, strlen(text), &doc, &message), TB_OK);
    arena_free(reader.arena);
    reader = (struct reader){.doc = doc, .arena = arena_new(), .message = &message};
    const struct node *first = document_root(doc)->first;
    const struct route *one, *two;
    assert_int_equal(route_read(&reader, first, &one), TB_OK);
    assert_int_equal(route_read(&reader, first->next, &two), TB_OK);
    return route_is_same(one, two);
}

static void routes_for_the_same_paths_are_known(void **state) {
    (void)state;
    assert_true(are_same("/a/{b}", "/a/{c}"));
    assert_true(are_same("/a b", "/a%20b"));
    assert_false(are_same("/a/{b}", "/a/b"));
    assert_false(are_same("/a", "/a/"));
    assert_false(are_same("/a", "/a/**"));
    assert_false(are_same("/a", "/b"));
    assert_int_equal(route_read_all(&reader, &route), TB_OK);
    assert_true(takes("/"));
    assert_true(takes("/x/y"));
    assert_string_equal(route_text(route), "/**");
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    unsigned n = 0;
    int err;
    do {
        fail_alloc_at(n);
        err = read_route("/a/{b}/%20/**", &route);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
    } while (n++ < alloc_count());
    bool nomem, yes;
    static const char target[] = "/a/bcd/%20/e";
    n = 0;
    do {
        bytes_release(&parts.text);
        fail_alloc_at(n);
        yes = route_takes(route, (struct http1_str){.p = target, .n = sizeof target - 1}, &parts,
                          &nomem);
        fail_alloc_off();
        assert_int_equal(nomem, n < alloc_count());
        assert_int_equal(yes, !nomem);
    } while (n++ < alloc_count());
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_plain_route_is_for_one_path),
        TEST(names_take_whole_segments),
        TEST(two_stars_take_any_rest),
        TEST(a_route_may_be_written_as_in_a_url),
        TEST(broken_escapes_are_no_routes),
        TEST(a_whole_uri_is_a_target),
        TEST(routes_for_the_same_paths_are_known),
        TEST(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
