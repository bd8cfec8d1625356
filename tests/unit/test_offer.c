#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "app/dial/offer.h"
#include "base/err.h"
#include "failing_alloc.h"

static struct bytes message;

static int tear_down(void **state) {
    (void)state;
    bytes_release(&message);
    return 0;
}

static int read_params(const char *params, struct ws_deflate *offer) {
    const struct dial_deflate flags = {.params = params};
    bytes_clear(&message);
    return offer_read(&flags, offer, &message);
}

static void assert_offer(const char *params, struct ws_deflate expected) {
    struct ws_deflate offer;
    assert_int_equal(read_params(params, &offer), TB_OK);
    assert_true(offer.on);
    assert_int_equal(offer.server_no_context_takeover, expected.server_no_context_takeover);
    assert_int_equal(offer.client_no_context_takeover, expected.client_no_context_takeover);
    assert_int_equal(offer.server_max_window_bits, expected.server_max_window_bits);
    assert_int_equal(offer.client_max_window_bits, expected.client_max_window_bits);
}

static void it_is_offered_by_default(void **state) {
    (void)state;
    const struct ws_deflate plain = {true, false, false, 15, 15};
    assert_offer(NULL, plain);
    assert_offer("", plain);
}

static void it_can_be_left_out(void **state) {
    (void)state;
    const struct dial_deflate flags = {.params = "nonsense", .off = 1};
    struct ws_deflate offer;
    assert_int_equal(offer_read(&flags, &offer, &message), TB_OK);
    assert_false(offer.on);
}

static void parameters_are_taken(void **state) {
    (void)state;
    assert_offer("server_no_context_takeover; client_max_window_bits=10",
                 (struct ws_deflate){true, true, false, 15, 10});
    assert_offer("client_no_context_takeover;server_max_window_bits=\"8\"",
                 (struct ws_deflate){true, false, true, 8, 15});
    assert_offer("client_max_window_bits", (struct ws_deflate){true, false, false, 15, 15});
}

static void wrong_ones_are_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "nonsense",
        "server_max_window_bits",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=010",
        "client_max_window_bits=x",
        "client_no_context_takeover=1",
        "client_no_context_takeover; client_no_context_takeover",
        "client_no_context_takeover;",
        ";",
        ",",
        "client_no_context_takeover, x-other",
        "client_no_context_takeover\r\nX: y",
        "client_no_context_takeover\x1b",
    };
    struct ws_deflate offer;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (read_params(wrong[i], &offer) != TB_EINVAL) {
            fail_msg("'%s' was taken", wrong[i]);
        }
        static const char start[] = "option '--deflate' needs parameters of permessage-deflate, "
                                    "such as 'server_no_context_takeover; "
                                    "client_max_window_bits=10', not '";
        assert_true(message.len > sizeof start);
        assert_memory_equal(message.data, start, sizeof start - 1);
        assert_null(memchr(message.data, '\n', message.len));
    }
    char endless[2000];
    memset(endless, 'a', sizeof endless);
    endless[sizeof endless - 1] = '\0';
    assert_int_equal(read_params(endless, &offer), TB_EINVAL);
}

static void a_window_of_8_bits_cannot_be_compressed_with(void **state) {
    (void)state;
    struct ws_deflate offer;
    static const char expected[] = "option '--deflate' takes no client_max_window_bits=8, which "
                                   "zlib cannot compress with";
    assert_int_equal(read_params("client_max_window_bits=8", &offer), TB_EINVAL);
    assert_int_equal(message.len, sizeof expected - 1);
    assert_memory_equal(message.data, expected, message.len);
}

static void memory_may_run_out(void **state) {
    (void)state;
    struct ws_deflate offer;
    unsigned n = 0;
    do {
        fail_alloc_at(n);
        int err = read_params("client_no_context_takeover", &offer);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
    } while (n++ < alloc_count());
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(it_is_offered_by_default),
        TEST(it_can_be_left_out),
        TEST(parameters_are_taken),
        TEST(wrong_ones_are_refused),
        TEST(a_window_of_8_bits_cannot_be_compressed_with),
        TEST(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
