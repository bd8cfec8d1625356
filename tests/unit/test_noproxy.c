#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/dial/noproxy.h"

struct row {
    const char *list, *host;
    bool matches;
};

static void assert_rows(const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (noproxy_matches(rows[i].list, rows[i].host) != rows[i].matches) {
            fail_msg("'%s' of '%s'", rows[i].host, rows[i].list);
        }
    }
}

#define ASSERT_ROWS(rows) assert_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void a_name_stands_for_all_below_it(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"example.org", "example.org", true},
        {"example.org", "EXAMPLE.ORG", true},
        {"example.org", "www.example.org", true},
        {"example.org", "a.b.example.org", true},
        {"example.org", "badexample.org", false},
        {"example.org", "example.org.evil", false},
        {"example.org", "org", false},
        {".example.org", "example.org", true},
        {".example.org", "www.example.org", true},
        {".example.org", "badexample.org", false},
        {"example.org.", "example.org", true},
        {"example.org", "example.org.", true},
        {".example.org.", "www.example.org.", true},
        {"localhost", "localhost", true},
        {"org", "example.org", true},
        {".", "example.org", false},
        {"..", "example.org", false},
    };
    ASSERT_ROWS(rows);
}

static void commas_and_spaces_stand_between(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"", "a", false},      {",", "a", false},  {" , ", "a", false},  {"a,b", "b", true},
        {"a, b", "b", true},   {"a b", "b", true}, {",,a,,", "a", true}, {"\ta\t", "a", true},
        {"a,b", "a,b", false}, {"ab", "a", false},
    };
    ASSERT_ROWS(rows);
}

static void a_star_alone_is_everything(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"*", "example.org", true},    {"*", "::1", true},
        {"*", "192.0.2.1", true},      {"*.org", "example.org", false},
        {"a,*", "example.org", false},
    };
    ASSERT_ROWS(rows);
}

static void an_address_stands_for_itself(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.10", false},
        {"2.1", "192.0.2.1", false},
        {"::1", "::1", true},
        {"[::1]", "::1", true},
        {"0:0:0:0:0:0:0:1", "::1", true},
        {"::1", "::2", false},
        {"fe80::1", "fe80::1%eth0", true},
        {"127.0.0.1", "::1", false},
        {"::ffff:127.0.0.1", "127.0.0.1", false},
        {"127.0.0.1", "localhost", false},
        {"localhost", "127.0.0.1", false},
    };
    ASSERT_ROWS(rows);
}

static void bits_make_a_network(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"192.0.2.0/24", "192.0.2.200", true},
        {"192.0.2.0/24", "192.0.3.0", false},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.128/25", "192.0.2.128", true},
        {"192.0.2.7/32", "192.0.2.7", true},
        {"192.0.2.7/32", "192.0.2.6", false},
        {"10.0.0.0/8", "10.255.255.255", true},
        {"0.0.0.0/0", "198.51.100.1", true},
        {"0.0.0.0/0", "::1", false},
        {"2001:db8::/32", "2001:db8:ffff::1", true},
        {"2001:db8::/33", "2001:db8:ffff::1", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"::/0", "::1", true},
        {"::1/128", "::1", true},
        {"a, 10.0.0.0/8 ,b", "10.1.2.3", true},
    };
    ASSERT_ROWS(rows);
}

static void broken_networks_match_nothing(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"192.0.2.0/33", "192.0.2.0", false},
        {"192.0.2.0/", "192.0.2.0", false},
        {"192.0.2.0/-1", "192.0.2.0", false},
        {"192.0.2.0/a", "192.0.2.0", false},
        {"192.0.2.0/0000", "192.0.2.0", false},
        {"::/129", "::", false},
        {"/8", "10.0.0.1", false},
        {"10/8", "10.0.0.1", false},
        {"[::1", "::1", false},
        {"example.org/8", "example.org", false},
    };
    ASSERT_ROWS(rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_stands_for_all_below_it),
        cmocka_unit_test(commas_and_spaces_stand_between),
        cmocka_unit_test(a_star_alone_is_everything),
        cmocka_unit_test(an_address_stands_for_itself),
        cmocka_unit_test(bits_make_a_network),
        cmocka_unit_test(broken_networks_match_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
