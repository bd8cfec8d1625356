/* What a seed gives must stay the same for ever: runs are had again by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "script/chance.h"
#include "script/fake.h"

typedef int make(struct chance *c, struct bytes *out);

static make *const makes[] = {fake_word, fake_name, fake_email, fake_uuid};

static void assert_made(struct chance *c, make *f, const char *expected) {
    struct bytes out = BYTES_INIT;
    assert_int_equal(f(c, &out), TB_OK);
    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(out.data, expected, out.len);
    bytes_release(&out);
}

static void a_seed_gives_the_same_for_ever(void **state) {
    (void)state;
    struct chance c;
    chance_init(&c, 42);
    assert_made(&c, fake_word, "flame");
    assert_made(&c, fake_name, "Tom Koval");
    assert_made(&c, fake_email, "jana.larsen28@example.net");
    assert_made(&c, fake_uuid, "d99a2743-ebe6-4087-b0ba-5b9c9ba5d91f");
    assert_made(&c, fake_word, "orange");
    assert_made(&c, fake_name, "Nina Lee");
    assert_made(&c, fake_email, "petra.alvarez62@example.net");
    assert_made(&c, fake_uuid, "9de4159e-da9c-4f95-b67d-2cd53b0e1135");
}

static void ids_have_the_form_of_version_4(void **state) {
    (void)state;
    struct chance c;
    struct bytes out = BYTES_INIT;
    chance_init(&c, 1);
    for (unsigned i = 0; i < 1000; i++) {
        bytes_clear(&out);
        assert_int_equal(fake_uuid(&c, &out), TB_OK);
        assert_int_equal(out.len, 36);
        for (size_t at = 0; at < out.len; at++) {
            bool dash = at == 8 || at == 13 || at == 18 || at == 23;
            assert_true(dash ? out.data[at] == '-' : isxdigit(out.data[at]) != 0);
        }
        assert_int_equal(out.data[14], '4');
        assert_non_null(strchr("89ab", out.data[19]));
    }
    bytes_release(&out);
}

static void addresses_lead_nowhere(void **state) {
    (void)state;
    struct chance c;
    struct bytes out = BYTES_INIT;
    chance_init(&c, 1);
    for (unsigned i = 0; i < 1000; i++) {
        bytes_clear(&out);
        assert_int_equal(fake_email(&c, &out), TB_OK);
        const uint8_t *at = memchr(out.data, '@', out.len);
        assert_non_null(at);
        assert_int_equal(out.data + out.len - at, strlen("@example.com"));
        assert_memory_equal(at, "@example.", 9);
        for (const uint8_t *p = out.data; p < at; p++) {
            assert_true(islower(*p) || isdigit(*p) || *p == '.');
        }
    }
    bytes_release(&out);
}

static void memory_that_is_out_is_reported(void **state) {
    (void)state;
    struct chance c;
    chance_init(&c, 1);
    for (size_t i = 0; i < sizeof(makes) / sizeof(*makes); i++) {
        struct bytes out = BYTES_INIT;
        fail_alloc_at(0);
        assert_int_equal(makes[i](&c, &out), TB_ENOMEM);
        fail_alloc_off();
        assert_int_equal(out.len, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_gives_the_same_for_ever),
        cmocka_unit_test(ids_have_the_form_of_version_4),
        cmocka_unit_test(addresses_lead_nowhere),
        cmocka_unit_test(memory_that_is_out_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
