#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

#include "base/err.h"
#include "net/host.h"

static void an_ipv6_address_may_stand_in_brackets(void **state) {
    (void)state;
    char name[HOST_NAME_SIZE];
    assert_string_equal(host_bare("[::1]", name), "::1");
    assert_string_equal(host_bare("::1", name), "::1");
    assert_string_equal(host_bare("[localhost]", name), "[localhost]");
    assert_string_equal(host_bare("[", name), "[");
    assert_string_equal(host_bare("", name), "");
}

static void a_name_that_is_too_long_is_cut_off(void **state) {
    (void)state;
    char name[HOST_NAME_SIZE], long_name[HOST_NAME_SIZE + 10];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_int_equal(strlen(host_bare(long_name, name)), HOST_NAME_SIZE - 1);
}

static void case_and_a_last_dot_make_no_other_name(void **state) {
    (void)state;
    assert_true(host_is_same("Example.ORG", "example.org"));
    assert_true(host_is_same("example.org.", "example.org"));
    assert_true(host_is_same("", ""));
    assert_false(host_is_same("example.org", "example.or"));
    assert_false(host_is_same("example.org", "example.orx"));
    assert_false(host_is_same(".", ""));
    assert_false(host_is_same("a..", "a"));
}

static void names_under_localhost_are_loopback(void **state) {
    (void)state;
    assert_true(host_is_localhost("localhost"));
    assert_true(host_is_localhost("LocalHost."));
    assert_true(host_is_localhost("a.b.localhost"));
    assert_true(host_is_localhost("a.localhost."));
    assert_false(host_is_localhost("mylocalhost"));
    assert_false(host_is_localhost("localhost.example"));
    assert_false(host_is_localhost("ocalhost"));
    assert_false(host_is_localhost(""));
}

static void an_address_is_read_and_written(void **state) {
    (void)state;
    static const struct {
        const char *host, *text;
        int family;
    } rows[] = {
        {"127.0.0.1", "127.0.0.1", AF_INET},
        {"127.1", "127.0.0.1", AF_INET},
        {"::1", "::1", AF_INET6},
        {"[2001:DB8::0:1]", "2001:db8::1", AF_INET6},
        {"[fe80::1%lo]", "fe80::1%lo", AF_INET6},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct host_address a;
        char text[HOST_ADDRESS_TEXT_MAX];
        assert_int_equal(host_parse(&a, rows[i].host, 4000), TB_OK);
        assert_int_equal(a.sa.any.sa_family, rows[i].family);
        assert_int_equal(ntohs(rows[i].family == AF_INET ? a.sa.in.sin_port : a.sa.in6.sin6_port),
                         4000);
        assert_string_equal(host_address_text(&a, text), rows[i].text);
    }
}

static void a_name_is_no_address(void **state) {
    (void)state;
    static const char *const names[] = {"localhost", "", "1.2.3.4.5", "[127.0.0.1]", "::g", "*"};
    struct host_address a;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(host_parse(&a, names[i], 1), TB_EINVAL);
    }
}

static void an_address_that_is_none_has_a_text_all_the_same(void **state) {
    (void)state;
    struct host_address a = {0};
    char text[HOST_ADDRESS_TEXT_MAX];
    assert_string_equal(host_address_text(&a, text), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ipv6_address_may_stand_in_brackets),
        cmocka_unit_test(a_name_that_is_too_long_is_cut_off),
        cmocka_unit_test(case_and_a_last_dot_make_no_other_name),
        cmocka_unit_test(names_under_localhost_are_loopback),
        cmocka_unit_test(an_address_is_read_and_written),
        cmocka_unit_test(a_name_is_no_address),
        cmocka_unit_test(an_address_that_is_none_has_a_text_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
