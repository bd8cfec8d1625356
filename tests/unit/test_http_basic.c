#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "proto/http_basic.h"

static void assert_value(const char *user, const char *password, const char *expected) {
    struct bytes out = BYTES_INIT;
    assert_int_equal(http_basic_append(user, password, &out), TB_OK);
    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(out.data, expected, out.len);
    bytes_release(&out);
}

/* The first is RFC 7617's own example, the second the one of its section 2.1. */
static void user_and_password_become_base64(void **state) {
    (void)state;
    assert_value("Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_value("test", "123\xc2\xa3", "Basic dGVzdDoxMjPCow==");
    assert_value("a", "b:c", "Basic YTpiOmM=");
}

static void no_password_is_an_empty_one(void **state) {
    (void)state;
    assert_value("a", NULL, "Basic YTo=");
    assert_value("", "", "Basic Og==");
}

static void what_is_too_long_leaves_nothing(void **state) {
    (void)state;
    struct bytes out = BYTES_INIT;
    char *user = malloc(HTTP_BASIC_MAX + 2);
    assert_non_null(user);
    memset(user, 'a', HTTP_BASIC_MAX + 1);
    user[HTTP_BASIC_MAX + 1] = '\0';
    assert_int_equal(http_basic_append(user, NULL, &out), TB_ERANGE);
    assert_int_equal(out.len, 0);
    user[HTTP_BASIC_MAX] = '\0';
    assert_int_equal(http_basic_append(user, NULL, &out), TB_OK);
    free(user);
    bytes_release(&out);
}

static void memory_may_run_out(void **state) {
    (void)state;
    unsigned n = 0;
    do {
        struct bytes out = BYTES_INIT;
        fail_alloc_at(n);
        int err = http_basic_append("user", "password", &out);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
        assert_true(err == TB_OK || out.len == 0);
        bytes_release(&out);
    } while (n++ < alloc_count());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_and_password_become_base64),
        cmocka_unit_test(no_password_is_an_empty_one),
        cmocka_unit_test(what_is_too_long_leaves_nothing),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
