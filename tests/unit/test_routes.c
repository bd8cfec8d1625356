#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "app/dial/routes.h"
#include "base/err.h"
#include "failing_alloc.h"

static struct routes routes;
static struct bytes message;

static int tear_down(void **state) {
    (void)state;
    routes_release(&routes);
    bytes_release(&message);
    return 0;
}

static int read_all(const char *resolve, const char *connect_to) {
    const struct option_list overrides = {&resolve, resolve != NULL};
    const struct option_list rules = {&connect_to, connect_to != NULL};
    routes_release(&routes);
    bytes_clear(&message);
    return routes_read(&routes, &overrides, &rules, &message);
}

static void assert_override(const char *text, const char *host, uint16_t port, const char *first,
                            size_t count) {
    assert_int_equal(read_all(text, NULL), TB_OK);
    const struct dial_override *o = &routes.overrides[0];
    assert_int_equal(routes.override_count, 1);
    assert_string_equal(o->host, host);
    assert_int_equal(o->port, port);
    assert_int_equal(o->address_count, count);
    assert_string_equal(o->addresses[0], first);
}

static void addresses_are_given_to_a_host(void **state) {
    (void)state;
    assert_override("example.org:443:192.0.2.1", "example.org", 443, "192.0.2.1", 1);
    assert_override("+example.org:443:192.0.2.1", "example.org", 443, "192.0.2.1", 1);
    assert_override("*:80:::1", "*", 80, "::1", 1);
    assert_override("h:80:[::1],127.0.0.1,2001:db8::1", "h", 80, "[::1]", 3);
    assert_string_equal(routes.overrides[0].addresses[2], "2001:db8::1");
    assert_override("[::1]:80:127.0.0.1", "::1", 80, "127.0.0.1", 1);
}

static void assert_refused(int err, const char *start) {
    assert_int_equal(err, TB_EINVAL);
    assert_true(message.len > strlen(start));
    assert_memory_equal(message.data, start, strlen(start));
}

static void a_broken_override_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",        "h",         "h:80",          "h:80:",       ":80:::1",       "h::127.0.0.1",
        "h:0:::1", "h:x:::1",   "h:65536:::1",   "h:80:name",   "h:80:::1,",     "h:80:,::1",
        "-h:80:",  "[::1:80:1", "[::1]x:80:::1", "h:80:a\r\nb", "h:80:[::1]:80",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_refused(read_all(texts[i], NULL),
                       "option '--resolve' needs HOST:PORT:ADDRESS[,ADDRESS], not '");
    }
}

static void assert_end(const char *rule, const char *host, uint16_t port, const char *to_host,
                       uint16_t to_port) {
    assert_int_equal(read_all(NULL, rule), TB_OK);
    struct route_end end = routes_end(&routes, (struct route_end){host, port});
    if (strcmp(end.host, to_host) != 0 || end.port != to_port) {
        fail_msg("'%s' leads %s:%u to %s:%u", rule, host, port, end.host, end.port);
    }
}

static void a_rule_leads_elsewhere(void **state) {
    (void)state;
    assert_end("a:80:b:81", "a", 80, "b", 81);
    assert_end("a:80:b:81", "A.", 80, "b", 81);
    assert_end("a:80:b:81", "a", 82, "a", 82);
    assert_end("a:80:b:81", "c", 80, "c", 80);
    assert_end("::b:81", "any", 1, "b", 81);
    assert_end("a::b:", "a", 7, "b", 7);
    assert_end("a::b", "a", 7, "b", 7);
    assert_end(":80::81", "a", 80, "a", 81);
    assert_end("[::1]:80:[::2]:81", "::1", 80, "::2", 81);
    assert_end("::[::2]:", "a", 80, "::2", 80);
    assert_end(":::", "a", 80, "a", 80);
}

static void the_first_rule_that_fits_counts(void **state) {
    (void)state;
    const char *rules[] = {"x::no:1", "a::b:1", "a::c:2"};
    const struct option_list list = {rules, 3}, none = {NULL, 0};
    assert_int_equal(routes_read(&routes, &none, &list, &message), TB_OK);
    struct route_end end = routes_end(&routes, (struct route_end){"a", 80});
    assert_string_equal(end.host, "b");
    assert_int_equal(end.port, 1);
}

static void a_broken_rule_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",        "a",        "a:1",        "a:x:b:1",    "a:1:b:x",     "a:1:b:0",
        "a:0:b:1", "a:1:b:1:", "[::1:1:b:1", "a:1:[::1:1", "a:1:[::1]x:1"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_refused(read_all(NULL, texts[i]),
                       "option '--connect-to' needs HOST1:PORT1:HOST2:PORT2, each of which may be "
                       "empty, not '");
    }
}

static void memory_may_run_out(void **state) {
    (void)state;
    unsigned n = 0;
    do {
        fail_alloc_at(n);
        int err = read_all("h:80:127.0.0.1,::1", "a:1:b:2");
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
    } while (n++ < alloc_count());
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(addresses_are_given_to_a_host), TEST(a_broken_override_is_refused),
        TEST(a_rule_leads_elsewhere),        TEST(the_first_rule_that_fits_counts),
        TEST(a_broken_rule_is_refused),      TEST(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
