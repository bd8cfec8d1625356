#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "failing_alloc.h"
#include "net/dial.h"
#include "net/targets.h"

/* "::1 127.0.0.1" is what the list must hold, in that order; all with the port 4000. */
static void assert_targets(const struct targets *t, const char *expected) {
    struct bytes all = BYTES_INIT;
    for (size_t i = 0; i < t->count; i++) {
        char text[HOST_ADDRESS_TEXT_MAX];
        const struct host_address *a = &t->items[i].address;
        bytes_appendf(&all, "%s%s", i == 0 ? "" : " ", host_address_text(a, text));
        assert_int_equal(t->items[i].error, 0);
        assert_int_equal(ntohs(a->sa.in.sin_port), 4000); /* stands at the same place in in6 */
    }
    assert_int_equal(bytes_append(&all, "", 1), TB_OK);
    assert_string_equal((const char *)all.data, expected);
    bytes_release(&all);
}

static void assert_host_gives(const char *host, int family, const char *expected) {
    struct targets t = TARGETS_INIT;
    const char *bad;
    t.family = family;
    assert_int_equal(targets_add_host(&t, host, 4000, NULL, 0, &bad), TB_OK);
    assert_targets(&t, expected);
    targets_release(&t);
}

static void addresses_and_this_machine_need_no_lookup(void **state) {
    (void)state;
    assert_host_gives("127.0.0.1", AF_UNSPEC, "127.0.0.1");
    assert_host_gives("::1", AF_UNSPEC, "::1");
    assert_host_gives("[2001:db8::1]", AF_UNSPEC, "2001:db8::1");
    assert_host_gives("localhost", AF_UNSPEC, "::1 127.0.0.1");
    assert_host_gives("app.localhost", AF_UNSPEC, "::1 127.0.0.1");
    struct targets t = TARGETS_INIT;
    const char *bad = "";
    assert_int_equal(targets_add_host(&t, "example.org", 4000, NULL, 0, &bad), TB_EINVAL);
    assert_null(bad);
    assert_int_equal(t.count, 0);
}

static void another_family_is_left_out(void **state) {
    (void)state;
    assert_host_gives("localhost", AF_INET, "127.0.0.1");
    assert_host_gives("localhost", AF_INET6, "::1");
    assert_host_gives("127.0.0.1", AF_INET6, "");
    struct targets t = TARGETS_INIT;
    const struct sockaddr other = {.sa_family = AF_UNIX};
    assert_int_equal(targets_add(&t, &other, 1), TB_OK);
    assert_int_equal(t.count, 0);
}

static void the_last_override_of_the_name_goes_before_that_of_every_name(void **state) {
    (void)state;
    static const char *const one[] = {"192.0.2.1"};
    static const char *const two[] = {"192.0.2.2", "[2001:db8::2]"};
    static const char *const all[] = {"192.0.2.3"};
    const struct dial_override overrides[] = {
        {"Example.org", 4000, one, 1},
        {"example.org", 4000, two, 2},
        {"*", 4000, one, 1},
        {"*", 4000, all, 1},
        {"example.org", 4001, one, 1},
        {"[::1]", 4000, one, 1},
        {"app.localhost", 4000, all, 1},
    };
    static const struct {
        const char *host, *expected;
    } rows[] = {
        {"EXAMPLE.org.", "192.0.2.2 2001:db8::2"},
        {"other.example", "192.0.2.3"},
        {"::1", "192.0.2.1"},
        {"[::1]", "192.0.2.1"},
        {"app.localhost", "192.0.2.3"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct targets t = TARGETS_INIT;
        const char *bad;
        assert_int_equal(targets_add_host(&t, rows[i].host, 4000, overrides, 7, &bad), TB_OK);
        assert_targets(&t, rows[i].expected);
        targets_release(&t);
    }
    struct targets t = TARGETS_INIT;
    const char *bad;
    assert_int_equal(targets_add_host(&t, "example.org", 4002, overrides, 7, &bad), TB_EINVAL);
    assert_null(bad);
}

static void an_override_that_is_no_address_is_named(void **state) {
    (void)state;
    static const char *const addresses[] = {"127.0.0.1", "nonsense"};
    const struct dial_override o = {"a.test", 1, addresses, 2};
    struct targets t = TARGETS_INIT;
    const char *bad;
    assert_int_equal(targets_add_host(&t, "a.test", 1, &o, 1, &bad), TB_EINVAL);
    assert_string_equal(bad, "nonsense");
    targets_release(&t);
}

static void the_families_take_turns(void **state) {
    (void)state;
    static const struct {
        const char *in[6], *out;
    } rows[] = {
        {{"::1", "::2", "::3", "1.0.0.1", "1.0.0.2"}, "::1 1.0.0.1 ::2 1.0.0.2 ::3"},
        {{"1.0.0.1", "1.0.0.2", "1.0.0.3", "::1"}, "1.0.0.1 ::1 1.0.0.2 1.0.0.3"},
        {{"1.0.0.1", "::1", "::2", "1.0.0.2", "::3"}, "1.0.0.1 ::1 1.0.0.2 ::2 ::3"},
        {{"1.0.0.1", "1.0.0.2"}, "1.0.0.1 1.0.0.2"},
        {{NULL}, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct targets t = TARGETS_INIT;
        const char *bad;
        for (size_t n = 0; rows[i].in[n] != NULL; n++) {
            assert_int_equal(targets_add_host(&t, rows[i].in[n], 4000, NULL, 0, &bad), TB_OK);
        }
        targets_interleave(&t);
        assert_targets(&t, rows[i].out);
        targets_release(&t);
    }
}

static void a_unix_path_has_1_to_107_bytes(void **state) {
    (void)state;
    char path[109];
    memset(path, 'x', 108);
    path[108] = '\0';
    struct targets t = TARGETS_INIT;
    assert_int_equal(targets_add_unix(&t, path), TB_EINVAL);
    assert_int_equal(targets_add_unix(&t, ""), TB_EINVAL);
    path[107] = '\0';
    assert_int_equal(targets_add_unix(&t, path), TB_OK);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.items[0].address.sa.any.sa_family, AF_UNIX);
    assert_string_equal(t.items[0].address.sa.un.sun_path, path);
    targets_release(&t);
}

static void a_failed_allocation_is_told(void **state) {
    (void)state;
    unsigned n = 0;
    int err;
    do {
        struct targets t = TARGETS_INIT;
        const char *bad;
        fail_alloc_at(n);
        err = targets_add_host(&t, "localhost", 1, NULL, 0, &bad);
        fail_alloc_off();
        assert_true(err == TB_OK || err == TB_ENOMEM);
        targets_release(&t);
    } while (n++ < alloc_count());
    assert_int_equal(err, TB_OK);
    assert_true(n > 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_and_this_machine_need_no_lookup),
        cmocka_unit_test(another_family_is_left_out),
        cmocka_unit_test(the_last_override_of_the_name_goes_before_that_of_every_name),
        cmocka_unit_test(an_override_that_is_no_address_is_named),
        cmocka_unit_test(the_families_take_turns),
        cmocka_unit_test(a_unix_path_has_1_to_107_bytes),
        cmocka_unit_test(a_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
