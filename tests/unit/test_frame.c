#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "guarded.h"
#include "proto/frame.h"

static void the_headers_of_rfc_6455_5_7(void **state) {
    (void)state;
    const uint8_t masked[] = {0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d};
    struct ws_head h;
    assert_int_equal(ws_head_parse(&h, masked, sizeof(masked)), 6);
    assert_true(h.fin && h.masked);
    assert_int_equal(h.rsv, 0);
    assert_int_equal(h.opcode, WS_OP_TEXT);
    assert_int_equal(h.length, 5);
    assert_int_equal(h.len_size, 0);
    assert_memory_equal(h.mask, masked + 2, 4);

    const uint8_t fragment[] = {0x01, 0x03};
    assert_int_equal(ws_head_parse(&h, fragment, sizeof(fragment)), 2);
    assert_false(h.fin || h.masked);
    assert_int_equal(h.length, 3);

    const uint8_t of_256[] = {0x82, 0x7e, 0x01, 0x00};
    assert_int_equal(ws_head_parse(&h, of_256, sizeof(of_256)), 4);
    assert_int_equal(h.length, 256);
    assert_int_equal(h.len_size, 2);

    const uint8_t of_65536[] = {0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0};
    assert_int_equal(ws_head_parse(&h, of_65536, sizeof(of_65536)), 10);
    assert_int_equal(h.length, 65536);
    assert_int_equal(h.len_size, 8);
}

/* What a header's second byte says of its size. */
static size_t size_by_second_byte(uint8_t second) {
    unsigned len7 = second & 0x7f;
    return 2 + (len7 == 126 ? 2u : len7 == 127 ? 8u : 0u) + (second & 0x80 ? 4u : 0u);
}

static void any_bytes_are_a_header_and_are_written_back(void **state) {
    (void)state;
    uint64_t random = 1;
    for (unsigned k = 0; k < 0x10000; k++) {
        uint8_t bytes[WS_HEAD_MAX];
        random_fill(&random, bytes, sizeof(bytes));
        bytes[0] = (uint8_t)(k >> 8);
        bytes[1] = (uint8_t)k;
        struct ws_head h;
        size_t size = ws_head_parse(&h, bytes, sizeof(bytes));
        assert_int_equal(size, size_by_second_byte(bytes[1]));
        uint8_t written[WS_HEAD_MAX];
        assert_int_equal(ws_head_write(&h, written), size);
        assert_memory_equal(written, bytes, size);
    }
}

/* Of 14 bytes only 6 exist, or any other number: nothing behind them is read. */
static void headers_read_when_only_6_of_14_bytes_exist(void **state) {
    (void)state;
    struct guarded memory;
    guarded_init(&memory, WS_HEAD_MAX);
    for (unsigned second = 0; second < 256; second++) {
        size_t size = size_by_second_byte((uint8_t)second);
        for (size_t n = 0; n <= size; n++) {
            uint8_t *p = memory.end - n;
            memset(p, (int)second, n);
            struct ws_head h;
            memset(&h, 0x5a, sizeof(h));
            struct ws_head before = h;
            assert_int_equal(ws_head_parse(&h, p, n), n == size ? size : 0);
            if (n < size) {
                assert_memory_equal(&h, &before, sizeof(h));
            }
        }
    }
    guarded_release(&memory);
}

static void the_length_takes_the_shortest_form(void **state) {
    (void)state;
    assert_int_equal(ws_len_size(0), 0);
    assert_int_equal(ws_len_size(125), 0);
    assert_int_equal(ws_len_size(126), 2);
    assert_int_equal(ws_len_size(65535), 2);
    assert_int_equal(ws_len_size(65536), 8);
    assert_int_equal(ws_len_size(UINT64_MAX), 8);
}

static void unlawful_headers_are_written_as_they_stand(void **state) {
    (void)state;
    struct ws_head h = {.rsv = 7, .opcode = 15, .len_size = 8, .length = UINT64_MAX - 1};
    uint8_t dst[WS_HEAD_MAX];
    const uint8_t all_bits[] = {0x7f, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};
    assert_int_equal(ws_head_write(&h, dst), sizeof(all_bits));
    assert_memory_equal(dst, all_bits, sizeof(all_bits));

    h = (struct ws_head){.fin = true, .opcode = WS_OP_PING, .len_size = 2, .length = 0x12345};
    const uint8_t low_bits[] = {0x89, 0x7e, 0x23, 0x45};
    assert_int_equal(ws_head_write(&h, dst), sizeof(low_bits));
    assert_memory_equal(dst, low_bits, sizeof(low_bits));
}

/* A header that a server accepts as the first. */
static struct ws_head lawful(void) {
    return (struct ws_head){.fin = true, .masked = true, .opcode = WS_OP_TEXT, .length = 5};
}

static const struct ws_rules server = {.role = WS_SERVER};
static const struct ws_rules server_in_message = {.role = WS_SERVER, .in_message = true};
static const struct ws_rules server_deflate = {.role = WS_SERVER, .deflate = true};
static const struct ws_rules client = {.role = WS_CLIENT};

static void lawful_headers_break_no_rule(void **state) {
    (void)state;
    struct ws_head h = lawful();
    assert_int_equal(ws_head_check(&h, &server), WS_V_NONE);
    h.rsv = WS_RSV1;
    assert_int_equal(ws_head_check(&h, &server_deflate), WS_V_NONE);
    h = lawful();
    h.fin = false;
    assert_int_equal(ws_head_check(&h, &server), WS_V_NONE);
    h.opcode = WS_OP_CONTINUATION;
    assert_int_equal(ws_head_check(&h, &server_in_message), WS_V_NONE);
    h = lawful();
    h.masked = false;
    assert_int_equal(ws_head_check(&h, &client), WS_V_NONE);
    h = lawful();
    h.length = INT64_MAX;
    h.len_size = 8;
    assert_int_equal(ws_head_check(&h, &server), WS_V_NONE);
    for (uint8_t opcode = WS_OP_CLOSE; opcode <= WS_OP_PONG; opcode++) {
        h = lawful();
        h.opcode = opcode;
        h.length = WS_CONTROL_MAX;
        assert_int_equal(ws_head_check(&h, &server), WS_V_NONE);
        assert_int_equal(ws_head_check(&h, &server_in_message), WS_V_NONE);
    }
}

static void reserved_bits(void **state) {
    (void)state;
    for (uint8_t rsv = 1; rsv < 8; rsv++) {
        struct ws_head h = lawful();
        h.rsv = rsv;
        assert_int_equal(ws_head_check(&h, &server), WS_V_FRAME_RSV);
        assert_int_equal(ws_head_check(&h, &server_deflate),
                         rsv == WS_RSV1 ? WS_V_NONE : WS_V_FRAME_RSV);
        h.opcode = WS_OP_PING;
        assert_int_equal(ws_head_check(&h, &server_deflate), WS_V_FRAME_RSV);
        h.opcode = WS_OP_CONTINUATION;
        assert_int_equal(ws_head_check(&h, &server_deflate), WS_V_FRAME_RSV);
    }
}

static void reserved_opcodes(void **state) {
    (void)state;
    for (uint8_t opcode = 0; opcode < 16; opcode++) {
        struct ws_head h = lawful();
        h.opcode = opcode;
        bool reserved = (opcode > 2 && opcode < 8) || opcode > 10;
        assert_int_equal(ws_head_check(&h, &server) == WS_V_FRAME_OPCODE, reserved);
    }
}

static void masks(void **state) {
    (void)state;
    struct ws_head h = lawful();
    assert_int_equal(ws_head_check(&h, &client), WS_V_FRAME_MASK_PRESENT);
    h.masked = false;
    assert_int_equal(ws_head_check(&h, &server), WS_V_FRAME_MASK_MISSING);
}

static void lengths(void **state) {
    (void)state;
    struct ws_head h = lawful();
    h.len_size = 8;
    h.length = UINT64_C(1) << 63;
    assert_int_equal(ws_head_check(&h, &server), WS_V_FRAME_LENGTH_HIGH_BIT);
    h.length = UINT64_MAX;
    assert_int_equal(ws_head_check(&h, &server), WS_V_FRAME_LENGTH_HIGH_BIT);
    h.length = 65535;
    assert_int_equal(ws_head_check(&h, &server), WS_V_FRAME_LENGTH_NOT_MINIMAL);
    h.length = 65536;
    assert_int_equal(ws_head_check(&h, &server), WS_V_NONE);
    h.len_size = 2;
    h.length = 125;
    assert_int_equal(ws_head_check(&h, &server), WS_V_FRAME_LENGTH_NOT_MINIMAL);
    h.length = 126;
    assert_int_equal(ws_head_check(&h, &server), WS_V_NONE);
}

static void control_frames(void **state) {
    (void)state;
    for (uint8_t opcode = WS_OP_CLOSE; opcode <= WS_OP_PONG; opcode++) {
        struct ws_head h = lawful();
        h.opcode = opcode;
        h.length = WS_CONTROL_MAX + 1;
        h.len_size = 2;
        assert_int_equal(ws_head_check(&h, &server), WS_V_CONTROL_TOO_LONG);
        h.fin = false;
        assert_int_equal(ws_head_check(&h, &server), WS_V_CONTROL_FRAGMENTED);
    }
}

static void sequence(void **state) {
    (void)state;
    struct ws_head h = lawful();
    assert_int_equal(ws_head_check(&h, &server_in_message), WS_V_MESSAGE_INTERLEAVED);
    h.opcode = WS_OP_CONTINUATION;
    assert_int_equal(ws_head_check(&h, &server), WS_V_CONTINUATION_ALONE);
}

static void the_first_broken_rule_of_the_table_is_told(void **state) {
    (void)state;
    struct ws_head h = {.rsv = 7, .opcode = 11, .len_size = 8, .length = UINT64_MAX};
    assert_int_equal(ws_head_check(&h, &server), WS_V_FRAME_RSV);
    h.rsv = 0;
    assert_int_equal(ws_head_check(&h, &server), WS_V_FRAME_OPCODE);
    h.opcode = WS_OP_PING;
    assert_int_equal(ws_head_check(&h, &server), WS_V_FRAME_MASK_MISSING);
    h.masked = true;
    assert_int_equal(ws_head_check(&h, &server), WS_V_FRAME_LENGTH_HIGH_BIT);
    h.length = 1;
    assert_int_equal(ws_head_check(&h, &server), WS_V_FRAME_LENGTH_NOT_MINIMAL);
    h.length = 1 << 16;
    assert_int_equal(ws_head_check(&h, &server), WS_V_CONTROL_FRAGMENTED);
    h.fin = true;
    assert_int_equal(ws_head_check(&h, &server), WS_V_CONTROL_TOO_LONG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_headers_of_rfc_6455_5_7),
        cmocka_unit_test(any_bytes_are_a_header_and_are_written_back),
        cmocka_unit_test(headers_read_when_only_6_of_14_bytes_exist),
        cmocka_unit_test(the_length_takes_the_shortest_form),
        cmocka_unit_test(unlawful_headers_are_written_as_they_stand),
        cmocka_unit_test(lawful_headers_break_no_rule),
        cmocka_unit_test(reserved_bits),
        cmocka_unit_test(reserved_opcodes),
        cmocka_unit_test(masks),
        cmocka_unit_test(lengths),
        cmocka_unit_test(control_frames),
        cmocka_unit_test(sequence),
        cmocka_unit_test(the_first_broken_rule_of_the_table_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
