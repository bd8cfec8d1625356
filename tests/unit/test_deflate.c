#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "guarded.h"
#include "proto/deflate.h"

static struct ws_deflate_cache *cache;

static int setup(void **state) {
    (void)state;
    cache = ws_deflate_cache_new();
    return cache == NULL;
}

static int teardown(void **state) {
    (void)state;
    ws_deflate_cache_free(cache);
    return 0;
}

/* The payload of a message must inflate to `expected`. */
static void assert_inflates(struct ws_inflater *inflater, const void *payload, size_t n,
                            const void *expected, size_t expected_len) {
    struct bytes out = BYTES_INIT;
    assert_int_equal(ws_inflate(inflater, payload, n, true, &out, expected_len), WS_INFLATE_OK);
    assert_int_equal(out.len, expected_len);
    if (expected_len > 0) {
        assert_memory_equal(out.data, expected, expected_len);
    }
    bytes_release(&out);
}

static void inflate_once(const char *payload, size_t n, const char *expected) {
    struct ws_inflater *inflater = ws_inflater_take(cache);
    assert_inflates(inflater, payload, n, expected, strlen(expected));
    ws_inflater_give(cache, inflater);
}

static void the_examples_of_rfc_7692_7_2_3(void **state) {
    (void)state;
    inflate_once("\xf2\x48\xcd\xc9\xc9\x07\x00", 7, "Hello");
    inflate_once("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11, "Hello");
    inflate_once("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8, "Hello");
    inflate_once("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13, "Hello");
    inflate_once("\x00", 1, "");
}

static void the_window_of_rfc_7692_7_2_3_2(void **state) {
    (void)state;
    struct ws_inflater *inflater = ws_inflater_take(cache);
    assert_inflates(inflater, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7, "Hello", 5);
    assert_inflates(inflater, "\xf2\x00\x11\x00\x00", 5, "Hello", 5);
    ws_inflater_give(cache, inflater);

    struct ws_deflater *deflater = ws_deflater_take(cache, 15);
    uint8_t dst[64];
    size_t n;
    assert_int_equal(ws_deflate_message(deflater, (const uint8_t *)"Hello", 5, dst, &n), TB_OK);
    assert_int_equal(n, 7);
    assert_memory_equal(dst, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
    assert_int_equal(ws_deflate_message(deflater, (const uint8_t *)"Hello", 5, dst, &n), TB_OK);
    assert_int_equal(n, 5);
    assert_memory_equal(dst, "\xf2\x00\x11\x00\x00", 5);
    ws_deflater_give(cache, deflater);
}

static void an_empty_message_is_one_byte_each_time(void **state) {
    (void)state;
    struct ws_deflater *deflater = ws_deflater_take(cache, 15);
    struct ws_inflater *inflater = ws_inflater_take(cache);
    static const char *const messages[] = {"", "", "Hello", "", "Hello"};
    for (size_t i = 0; i < 5; i++) {
        uint8_t dst[64];
        size_t len = strlen(messages[i]);
        size_t n;
        const uint8_t *p = (const uint8_t *)messages[i];
        assert_int_equal(ws_deflate_message(deflater, p, len, dst, &n), TB_OK);
        assert_true(len > 0 || (n == 1 && dst[0] == 0));
        assert_inflates(inflater, dst, n, messages[i], len);
    }
    ws_inflater_give(cache, inflater);
    ws_deflater_give(cache, deflater);
}

/* s.7.2.3.4: what follows a block marked as the last begins at the next byte, and may refer to
 * what came before, within the message and in the next one. */
static void a_last_block_ends_nothing_but_itself(void **state) {
    (void)state;
    struct ws_inflater *inflater = ws_inflater_take(cache);
    assert_inflates(inflater, "\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x48\xcd\xc9\xc9\x07\x00", 14,
                    "HelloHello", 10);
    assert_inflates(inflater, "\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x00\x11\x00\x00", 12, "HelloHello",
                    10);
    assert_inflates(inflater, "\xf2\x00\x11\x00\x00", 5, "Hello", 5);
    /* the block that the tail completes is marked, too */
    assert_inflates(inflater, "\x01", 1, "", 0);
    assert_inflates(inflater, "\xf2\x00\x11\x00\x00", 5, "Hello", 5);
    ws_inflater_give(cache, inflater);
}

static void messages_that_lost_their_end_are_bad(void **state) {
    (void)state;
    static const uint8_t hello[] = {0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00};
    for (size_t n = 0; n < sizeof(hello); n++) {
        struct ws_inflater *inflater = ws_inflater_take(cache);
        struct bytes out = BYTES_INIT;
        assert_int_equal(ws_inflate(inflater, hello, n, true, &out, 100), WS_INFLATE_BAD);
        bytes_release(&out);
        ws_inflater_give(cache, inflater);
    }
}

static void what_is_no_stream_is_bad(void **state) {
    (void)state;
    static const char *const payloads[] = {"\x07", "\xff\xff\xff", "\xf2\x48\xcd\xc9\xc9\x07\x01",
                                           "\x04\xff\xff\xff\xff"};
    for (size_t i = 0; i < 4; i++) {
        struct ws_inflater *inflater = ws_inflater_take(cache);
        struct bytes out = BYTES_INIT;
        const uint8_t *p = (const uint8_t *)payloads[i];
        assert_int_equal(ws_inflate(inflater, p, strlen(payloads[i]), true, &out, 100),
                         WS_INFLATE_BAD);
        bytes_release(&out);
        ws_inflater_give(cache, inflater);
    }
}

/* A state that was given back after a failure is as good as new. */
static void a_state_from_the_cache_is_fresh(void **state) {
    (void)state;
    struct ws_inflater *inflater = ws_inflater_take(cache);
    assert_inflates(inflater, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7, "Hello", 5);
    struct bytes out = BYTES_INIT;
    const uint8_t bad = 0x07;
    assert_int_equal(ws_inflate(inflater, &bad, 1, true, &out, 100), WS_INFLATE_BAD);
    ws_inflater_give(cache, inflater);

    struct ws_inflater *again = ws_inflater_take(cache);
    assert_ptr_equal(again, inflater);
    const uint8_t *refers_back = (const uint8_t *)"\xf2\x00\x11\x00\x00";
    assert_int_equal(ws_inflate(again, refers_back, 5, true, &out, 100), WS_INFLATE_BAD);
    bytes_release(&out);
    ws_inflater_give(cache, again);
    inflate_once("\xf2\x48\xcd\xc9\xc9\x07\x00", 7, "Hello");

    struct ws_deflater *deflater = ws_deflater_take(cache, 12);
    uint8_t dst[64];
    size_t n;
    assert_int_equal(ws_deflate_message(deflater, (const uint8_t *)"Hello", 5, dst, &n), TB_OK);
    ws_deflater_give(cache, deflater);
    assert_ptr_equal(ws_deflater_take(cache, 12), deflater);
    assert_int_equal(ws_deflate_message(deflater, (const uint8_t *)"Hello", 5, dst, &n), TB_OK);
    assert_int_equal(n, 7);
    ws_deflater_give(cache, deflater);
}

static void the_cache_keeps_few(void **state) {
    (void)state;
    enum { COUNT = 10, KEPT = 4 };
    struct ws_inflater *inflaters[COUNT];
    struct ws_deflater *deflaters[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        inflaters[i] = ws_inflater_take(cache);
        deflaters[i] = ws_deflater_take(cache, 9);
        assert_non_null(inflaters[i]);
        assert_non_null(deflaters[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        ws_inflater_give(cache, inflaters[i]);
        ws_deflater_give(cache, deflaters[i]);
    }
    fail_alloc_at(UINT32_MAX);
    for (size_t i = 0; i < KEPT; i++) {
        inflaters[i] = ws_inflater_take(cache);
        deflaters[i] = ws_deflater_take(cache, 9);
    }
    assert_int_equal(alloc_count(), 0);
    inflaters[KEPT] = ws_inflater_take(cache);
    assert_true(alloc_count() > 0);
    fail_alloc_off();
    for (size_t i = 0; i < KEPT; i++) {
        ws_inflater_give(cache, inflaters[i]);
        ws_deflater_give(cache, deflaters[i]);
    }
    ws_inflater_give(cache, inflaters[KEPT]);
    ws_inflater_give(cache, NULL);
    ws_deflater_give(cache, NULL);
    ws_deflate_cache_free(NULL);
}

/* Something that compresses, as conversations do. */
static void fill_with_text(uint64_t *random, uint8_t *p, size_t n) {
    static const char words[] = "hello world double ignore message sent ";
    for (size_t i = 0; i < n; i++) {
        size_t at = i % 7 == 0 ? random_below(random, sizeof(words) - 1) : i % (sizeof(words) - 1);
        p[i] = (uint8_t)words[at];
    }
}

/* dst has exactly the room that is promised, and a page behind it that faults. */
static void every_window_is_inflated_again_and_keeps_its_bound(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 2, 63, 64, 1000, 65535, 65536, 300000};
    uint64_t random = 7;
    struct guarded memory;
    guarded_init(&memory, ws_deflate_bound(300000));
    uint8_t *message = malloc(300000);
    assert_non_null(message);
    for (uint8_t bits = WS_DEFLATE_BITS_MIN; bits <= WS_DEFLATE_BITS_MAX; bits++) {
        struct ws_deflater *deflater = ws_deflater_take(cache, bits);
        struct ws_inflater *inflater = ws_inflater_take(cache);
        for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
            size_t n = sizes[i / 2];
            if (i % 2 == 0) {
                random_fill(&random, message, n);
            } else {
                fill_with_text(&random, message, n);
            }
            uint8_t *dst = memory.end - ws_deflate_bound(n);
            size_t written;
            assert_int_equal(ws_deflate_message(deflater, message, n, dst, &written), TB_OK);
            assert_true(written <= ws_deflate_bound(n));
            assert_inflates(inflater, dst, written, message, n);
        }
        ws_inflater_give(cache, inflater);
        ws_deflater_give(cache, deflater);
    }
    free(message);
    guarded_release(&memory);
}

static void a_message_of_many_pieces_for_zlib(void **state) {
    (void)state;
    size_t n = 5 * 1024 * 1024 / 2;
    uint64_t random = 3;
    uint8_t *message = malloc(n);
    uint8_t *dst = malloc(ws_deflate_bound(n));
    assert_true(message != NULL && dst != NULL);
    fill_with_text(&random, message, n / 2);
    random_fill(&random, message + n / 2, n - n / 2);
    struct ws_deflater *deflater = ws_deflater_take(cache, 15);
    struct ws_inflater *inflater = ws_inflater_take(cache);
    size_t written;
    assert_int_equal(ws_deflate_message(deflater, message, n, dst, &written), TB_OK);
    assert_inflates(inflater, dst, written, message, n);
    ws_inflater_give(cache, inflater);
    ws_deflater_give(cache, deflater);
    free(dst);
    free(message);
}

/* Inflates as a peer that keeps no more than was agreed; zlib's inflate writes straight to its
 * output as far as it can, so only what is asked for in small pieces comes from the window. */
static bool inflates_with_window(uint8_t bits, const uint8_t *p, size_t n, const uint8_t *expected,
                                 size_t expected_len) {
    uint8_t piece[64] = {0};
    size_t done = 0;
    int code = Z_OK;
    z_stream z = {.next_in = p, .avail_in = (uInt)n};
    assert_int_equal(inflateInit2(&z, -bits), Z_OK);
    while (code == Z_OK && done < expected_len) {
        z.next_out = piece;
        z.avail_out = sizeof(piece);
        code = inflate(&z, Z_SYNC_FLUSH);
        size_t got = sizeof(piece) - z.avail_out;
        if (got > expected_len - done || memcmp(piece, expected + done, got) != 0) {
            break;
        }
        done += got;
    }
    inflateEnd(&z);
    return done == expected_len;
}

/* A block of noise that comes again where the agreed window does not reach, and where it does, as
 * one message and as three. */
static void a_deflater_stays_within_the_agreed_window(void **state) {
    (void)state;
    enum { BLOCK = 200, MAX = 3 * BLOCK + 2 * (1 << 15) };
    uint64_t random = 13;
    uint8_t *message = malloc(MAX);
    uint8_t *dst = malloc(3 * ws_deflate_bound(MAX));
    assert_true(message != NULL && dst != NULL);
    for (uint8_t bits = WS_DEFLATE_BITS_MIN; bits <= WS_DEFLATE_BITS_MAX; bits++) {
        size_t beyond = (size_t)1 << bits;
        size_t total = 3 * BLOCK + beyond + beyond / 4;
        random_fill(&random, message, total);
        memcpy(message + BLOCK + beyond, message, BLOCK);
        memcpy(message + 2 * BLOCK + beyond + beyond / 4, message + BLOCK + beyond, BLOCK);
        for (int cut = 0; cut < 2; cut++) {
            const size_t ends[] = {cut ? BLOCK : total, cut ? BLOCK + beyond : total, total};
            struct ws_deflater *deflater = ws_deflater_take(cache, bits);
            size_t n = 0;
            for (size_t i = 0, at = 0; at < total; at = ends[i++]) {
                size_t written;
                assert_int_equal(
                    ws_deflate_message(deflater, message + at, ends[i] - at, dst + n, &written),
                    TB_OK);
                memcpy(dst + n + written, "\x00\x00\xff\xff", 4);
                n += written + 4;
            }
            assert_true(inflates_with_window(bits, dst, n, message, total));
            ws_deflater_give(cache, deflater);
        }
    }
    free(dst);
    free(message);
}

/* The same streams, from a deflater with a window of one bit more, are not for that peer: so the
 * test above would notice. */
static void a_peer_with_a_smaller_window_cannot_follow(void **state) {
    (void)state;
    enum { BLOCK = 200, MAX = 2 * BLOCK + (1 << 14) };
    static uint8_t message[MAX];
    static uint8_t dst[2 * MAX];
    uint64_t random = 17;
    for (uint8_t bits = WS_DEFLATE_BITS_MIN; bits < WS_DEFLATE_BITS_MAX; bits++) {
        size_t total = 2 * BLOCK + ((size_t)1 << bits);
        random_fill(&random, message, total);
        memcpy(message + total - BLOCK, message, BLOCK);
        struct ws_deflater *deflater = ws_deflater_take(cache, (uint8_t)(bits + 1));
        size_t n;
        assert_int_equal(ws_deflate_message(deflater, message, total, dst, &n), TB_OK);
        memcpy(dst + n, "\x00\x00\xff\xff", 4);
        assert_true(inflates_with_window((uint8_t)(bits + 1), dst, n + 4, message, total));
        assert_false(inflates_with_window(bits, dst, n + 4, message, total));
        ws_deflater_give(cache, deflater);
    }
}

/* What zlib itself promises for such a state, with the flush, is not more than we promise. */
static void the_bound_is_not_below_that_of_zlib(void **state) {
    (void)state;
    for (int bits = WS_DEFLATE_BITS_MIN; bits <= WS_DEFLATE_BITS_MAX; bits++) {
        z_stream z = {.zalloc = NULL};
        assert_int_equal(deflateInit2(&z, -1, Z_DEFLATED, -bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
        for (size_t n = 1; n < 70000; n += n < 1000 ? 1 : 37) {
            size_t bound = ws_deflate_bound(n);
            if (bound < deflateBound(&z, n)) {
                fail_msg("bits %d, n %zu: %zu < %lu", bits, n, bound, deflateBound(&z, n));
            }
        }
        deflateEnd(&z);
    }
}

/* zlib cannot make such a stream; one by hand: 256 literals, then a copy from 256 before. */
static void a_window_of_8_bits_can_be_inflated(void **state) {
    (void)state;
    uint8_t payload[5 + 256 + 4] = {0x00, 0x00, 0x01, 0xff, 0xfe};
    uint8_t expected[256 + 3];
    for (size_t i = 0; i < 256; i++) {
        payload[5 + i] = expected[i] = (uint8_t)i;
    }
    memcpy(expected + 256, expected, 3);
    /* fixed codes: header 0 10, length 3 = 0000001, distance 193-256 = 01111 and 6 bits of 63,
     * end 0000000, and an empty block's header: 000 and padding */
    const uint8_t copy[] = {0x02, 0xfa, 0x1f, 0x00};
    memcpy(payload + 5 + 256, copy, sizeof(copy));
    struct ws_inflater *inflater = ws_inflater_take(cache);
    assert_inflates(inflater, payload, sizeof(payload), expected, sizeof(expected));
    ws_inflater_give(cache, inflater);
}

static void cve_2026_29035_output_limits_0_1_n_and_n_plus_1(void **state) {
    (void)state;
    enum { N = 1000 };
    uint8_t message[N];
    uint64_t random = 5;
    fill_with_text(&random, message, N);
    uint8_t payload[2 * N];
    size_t n;
    struct ws_deflater *deflater = ws_deflater_take(cache, 15);
    assert_int_equal(ws_deflate_message(deflater, message, N, payload, &n), TB_OK);
    ws_deflater_give(cache, deflater);
    static const size_t limits[] = {0, 1, 255, 256, 257, N - 1, N, N + 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        for (size_t cut = 0; cut <= n; cut++) {
            struct ws_inflater *inflater = ws_inflater_take(cache);
            struct bytes out = BYTES_INIT;
            enum ws_inflate_result result =
                ws_inflate(inflater, payload, cut, false, &out, limits[i]);
            if (result == WS_INFLATE_OK) {
                result = ws_inflate(inflater, payload + cut, n - cut, true, &out, limits[i]);
            }
            assert_int_equal(result, limits[i] < N ? WS_INFLATE_TOO_BIG : WS_INFLATE_OK);
            assert_int_equal(out.len, limits[i] < N ? limits[i] : N);
            assert_true(out.len == 0 || memcmp(out.data, message, out.len) == 0);
            bytes_release(&out);
            ws_inflater_give(cache, inflater);
        }
    }
}

/* 1 GiB of zeros in about a megabyte: a block of 1 MiB, made to stand alone, 1,024 times. */
static void make_bomb(struct bytes *bomb) {
    enum { MIB = 1 << 20 };
    uint8_t *zeros = calloc(1, MIB);
    uint8_t part[4096];
    z_stream z = {.next_in = zeros, .avail_in = MIB, .next_out = part, .avail_out = sizeof(part)};
    assert_non_null(zeros);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FULL_FLUSH), Z_OK);
    assert_true(z.avail_out > 0);
    for (size_t i = 0; i < 1024; i++) {
        assert_int_equal(bytes_append(bomb, part, sizeof(part) - z.avail_out), TB_OK);
    }
    deflateEnd(&z);
    free(zeros);
}

static void cve_2018_1000518_bombs(void **state) {
    (void)state;
    struct bytes bomb = BYTES_INIT;
    make_bomb(&bomb);
    assert_true(bomb.len < 2 << 20);
    static const size_t limits[] = {1000, 1 << 20, (1 << 20) + 1, 16 << 20};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct ws_inflater *inflater = ws_inflater_take(cache);
        struct bytes out = BYTES_INIT;
        assert_int_equal(ws_inflate(inflater, bomb.data, bomb.len, true, &out, limits[i]),
                         WS_INFLATE_TOO_BIG);
        assert_int_equal(out.len, limits[i]);
        bool is_power = (limits[i] & (limits[i] - 1)) == 0; /* as the defaults are */
        assert_true(out.cap <= (is_power ? limits[i] : 2 * limits[i]) + 256 * 1024);
        bytes_release(&out);
        ws_inflater_give(cache, inflater);
    }
    bytes_release(&bomb);
}

static bool try_all_of_it(void) {
    static const uint8_t message[2000];
    struct bytes out = BYTES_INIT;
    uint8_t dst[4000];
    size_t n = 0;
    bool passed = false;
    struct ws_deflate_cache *own = ws_deflate_cache_new();
    if (own == NULL) {
        return false;
    }
    struct ws_inflater *inflater = ws_inflater_take(own);
    struct ws_deflater *deflater = ws_deflater_take(own, 15);
    if (inflater != NULL && deflater != NULL) {
        assert_int_equal(ws_deflate_message(deflater, message, sizeof(message), dst, &n), TB_OK);
        enum ws_inflate_result result = ws_inflate(inflater, dst, n, true, &out, sizeof(message));
        passed = result == WS_INFLATE_OK;
        assert_true(passed || result == WS_INFLATE_NOMEM);
    }
    bytes_release(&out);
    ws_inflater_give(own, inflater);
    ws_deflater_give(own, deflater);
    ws_deflate_cache_free(own);
    return passed;
}

static void each_allocation_fails_in_turn(void **state) {
    (void)state;
    unsigned n = 0;
    bool passed;
    do {
        fail_alloc_at(n);
        passed = try_all_of_it();
        fail_alloc_off();
        assert_int_equal(passed, n == alloc_count());
    } while (n++ < alloc_count());
    assert_true(passed && n > 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_rfc_7692_7_2_3),
        cmocka_unit_test(the_window_of_rfc_7692_7_2_3_2),
        cmocka_unit_test(an_empty_message_is_one_byte_each_time),
        cmocka_unit_test(a_last_block_ends_nothing_but_itself),
        cmocka_unit_test(messages_that_lost_their_end_are_bad),
        cmocka_unit_test(what_is_no_stream_is_bad),
        cmocka_unit_test(a_state_from_the_cache_is_fresh),
        cmocka_unit_test(the_cache_keeps_few),
        cmocka_unit_test(every_window_is_inflated_again_and_keeps_its_bound),
        cmocka_unit_test(a_message_of_many_pieces_for_zlib),
        cmocka_unit_test(a_deflater_stays_within_the_agreed_window),
        cmocka_unit_test(a_peer_with_a_smaller_window_cannot_follow),
        cmocka_unit_test(the_bound_is_not_below_that_of_zlib),
        cmocka_unit_test(a_window_of_8_bits_can_be_inflated),
        cmocka_unit_test(cve_2026_29035_output_limits_0_1_n_and_n_plus_1),
        cmocka_unit_test(cve_2018_1000518_bombs),
        cmocka_unit_test(each_allocation_fails_in_turn),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
