#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "proto/close.h"
#include "proto/frame.h"

static enum ws_violation parse(struct ws_close *c, const char *p, size_t n) {
    return ws_close_parse(c, (const uint8_t *)p, n);
}

static void codes_that_may_stand_on_the_wire(void **state) {
    (void)state;
    static const uint16_t ranges[][2] = {{1000, 1003}, {1007, 1014}, {3000, 4999}};
    for (unsigned code = 0; code <= UINT16_MAX; code++) {
        bool valid = false;
        for (size_t i = 0; i < 3; i++) {
            valid = valid || (code >= ranges[i][0] && code <= ranges[i][1]);
        }
        assert_int_equal(ws_close_code_is_valid((uint16_t)code), valid);
    }
}

static void bodies_that_are_lawful(void **state) {
    (void)state;
    struct ws_close c;
    assert_int_equal(parse(&c, "", 0), WS_V_NONE);
    assert_int_equal(c.code, WS_CLOSE_NO_STATUS);
    assert_int_equal(c.reason_len, 0);
    assert_int_equal(parse(&c, "\x03\xe8", 2), WS_V_NONE);
    assert_int_equal(c.code, WS_CLOSE_NORMAL);
    assert_int_equal(c.reason_len, 0);
    const char body[] = "\x0f\xa0"
                        "д";
    assert_int_equal(parse(&c, body, 4), WS_V_NONE);
    assert_int_equal(c.code, 4000);
    assert_int_equal(c.reason_len, 2);
    assert_ptr_equal(c.reason, body + 2);
}

static void bodies_that_are_not(void **state) {
    (void)state;
    struct ws_close c;
    assert_int_equal(parse(&c, "\x03", 1), WS_V_CLOSE_TRUNCATED);
    assert_int_equal(parse(&c, "\x03\xed", 2), WS_V_CLOSE_CODE);
    assert_int_equal(c.code, WS_CLOSE_NO_STATUS);
    assert_int_equal(parse(&c, "\0\0", 2), WS_V_CLOSE_CODE);
    assert_int_equal(parse(&c, "\xff\xff", 2), WS_V_CLOSE_CODE);
    assert_int_equal(parse(&c, "\x03\xe8\xff", 3), WS_V_CLOSE_NOT_UTF8);
    assert_int_equal(parse(&c, "\x03\xe8\xd0", 3), WS_V_CLOSE_NOT_UTF8);
    assert_int_equal(c.reason_len, 1);
}

static void what_is_written_is_read_back(void **state) {
    (void)state;
    uint8_t dst[WS_CONTROL_MAX];
    struct ws_close c;
    size_t n = ws_close_write(dst, WS_CLOSE_GOING_AWAY, "see you", 7);
    assert_int_equal(n, 9);
    assert_int_equal(ws_close_parse(&c, dst, n), WS_V_NONE);
    assert_int_equal(c.code, WS_CLOSE_GOING_AWAY);
    assert_memory_equal(c.reason, "see you", 7);
    assert_int_equal(ws_close_write(dst, WS_CLOSE_NORMAL, NULL, 0), 2);
    assert_int_equal(ws_close_write(dst, WS_CLOSE_NO_STATUS, "unsaid", 6), 0);
}

/* Reasons of code points of each width, at every offset around the limit. */
static void a_long_reason_is_cut_between_code_points(void **state) {
    (void)state;
    static const char *const letters[] = {"a", "д", "€", "😀"};
    for (size_t width = 1; width <= 4; width++) {
        for (size_t lead = 0; lead < 4; lead++) {
            char reason[300];
            memset(reason, '.', lead);
            size_t n = lead;
            while (n + width <= sizeof(reason)) {
                memcpy(reason + n, letters[width - 1], width);
                n += width;
            }
            uint8_t dst[WS_CONTROL_MAX];
            size_t size = ws_close_write(dst, WS_CLOSE_NORMAL, reason, n);
            size_t expected = lead + (WS_CLOSE_REASON_MAX - lead) / width * width;
            assert_int_equal(size, 2 + expected);
            assert_memory_equal(dst + 2, reason, expected);
            struct ws_close c;
            assert_int_equal(ws_close_parse(&c, dst, size), WS_V_NONE);
        }
    }
}

/* Every byte that is written comes from the arguments, whatever stood there before. */
static void cve_2026_45736_no_uninitialised_bytes_in_a_reason(void **state) {
    (void)state;
    char reason[WS_CLOSE_REASON_MAX + 10];
    memset(reason, 'r', sizeof(reason));
    for (size_t n = 0; n <= sizeof(reason); n++) {
        uint8_t over_zeros[WS_CONTROL_MAX];
        uint8_t over_ones[WS_CONTROL_MAX];
        memset(over_zeros, 0, sizeof(over_zeros));
        memset(over_ones, 0xff, sizeof(over_ones));
        size_t size = ws_close_write(over_zeros, WS_CLOSE_POLICY, reason, n);
        assert_int_equal(size, 2 + (n < WS_CLOSE_REASON_MAX ? n : WS_CLOSE_REASON_MAX));
        assert_int_equal(ws_close_write(over_ones, WS_CLOSE_POLICY, reason, n), size);
        assert_memory_equal(over_zeros, over_ones, size);
    }
}

static void every_code_has_a_phrase(void **state) {
    (void)state;
    for (unsigned code = 0; code <= UINT16_MAX; code++) {
        const char *phrase = ws_close_phrase((uint16_t)code);
        assert_true(strlen(phrase) > 3);
        bool has_range = code >= 3000 && code <= 4999;
        bool has_name = code >= 1000 && code <= 1015 && code != 1004;
        assert_int_equal(strcmp(phrase, "unknown code") != 0, has_range || has_name);
    }
    assert_string_equal(ws_close_phrase(1000), "normal closure");
    assert_string_equal(ws_close_phrase(1001), "going away");
    assert_string_equal(ws_close_phrase(1009), "message too big");
    assert_string_equal(ws_close_phrase(1015), "TLS handshake");
    assert_string_equal(ws_close_phrase(3999), "library code");
    assert_string_equal(ws_close_phrase(4000), "application code");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_that_may_stand_on_the_wire),
        cmocka_unit_test(bodies_that_are_lawful),
        cmocka_unit_test(bodies_that_are_not),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_long_reason_is_cut_between_code_points),
        cmocka_unit_test(cve_2026_45736_no_uninitialised_bytes_in_a_reason),
        cmocka_unit_test(every_code_has_a_phrase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
