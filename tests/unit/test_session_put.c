/* What a session writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "failing_alloc.h"
#include "guarded.h"
#include "session_fixture.h"

static void assert_read(struct ws_session *reader, uint8_t *wire, size_t n, uint8_t opcode,
                        const void *p, size_t size, bool compressed) {
    struct ws_event ev;
    session_feed(reader, wire, n);
    assert_int_equal(session_next(reader, &ev), WS_EVENT_MESSAGE);
    assert_int_equal(ev.opcode, opcode);
    assert_int_equal(ev.compressed, compressed);
    assert_int_equal(ev.size, size);
    assert_true(size == 0 || memcmp(ev.data, p, size) == 0);
    assert_int_equal(ev.wire, n);
    assert_nothing_more(reader);
}

/* Both roles, every agreement: texts that compress, noise that does not, and short ones between;
 * one side's window always fits the other's. */
static void what_one_side_puts_the_other_reads(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 63, 64, 125, 126, 1000, 65535, 65536, 200000};
    uint64_t random = 11;
    uint8_t *message = malloc(200000);
    assert_non_null(message);
    for (unsigned agreed = 0; agreed < 64; agreed++) {
        struct ws_deflate deflate = {
            .on = (agreed & 1) != 0,
            .server_no_context_takeover = (agreed & 2) != 0,
            .client_no_context_takeover = (agreed & 4) != 0,
            .server_max_window_bits = agreed & 8 ? 9 : 15,
            .client_max_window_bits = agreed & 16 ? 10 : 15,
        };
        bool from_server = (agreed & 32) != 0;
        struct ws_session writer;
        struct ws_session reader;
        session_init(&writer, from_server ? &server_config : &client_config, &deflate);
        session_init(&reader, from_server ? &client_config : &server_config, &deflate);
        bool keeps = !(from_server ? deflate.server_no_context_takeover
                                   : deflate.client_no_context_takeover);
        for (size_t i = 0; i < 20; i++) {
            size_t n = sizes[i / 2];
            bool noise = i % 2 == 1;
            random_fill(&random, message, n);
            if (!noise) {
                memset(message, 'a' + (int)i, n);
            }
            size_t room = session_message_bound(&writer, n);
            uint8_t *dst = malloc(room);
            assert_non_null(dst);
            size_t written;
            assert_int_equal(session_put_message(&writer, WS_OP_BINARY, message, n, dst, &written),
                             TB_OK);
            assert_true(written <= room);
            bool worth = deflate.on && n >= WS_DEFLATE_WORTH;
            assert_read(&reader, dst, written, WS_OP_BINARY, message, n,
                        worth && (keeps || !noise));
            assert_true(!worth || noise || written < n);
            free(dst);
        }
        assert_int_equal(writer.deflater != NULL, deflate.on && keeps);
        session_release(&writer);
        session_release(&reader);
    }
    free(message);
}

/* A peer inflates with no more than was agreed for our direction, which is not the other's. A
 * block comes again where the smaller of the two windows does not reach. */
static void each_direction_keeps_its_own_window(void **state) {
    (void)state;
    enum { BLOCK = 250, SMALL = 9, SIZE = 2 * BLOCK + (1 << SMALL) };
    uint8_t message[SIZE];
    uint8_t dst[2 * SIZE];
    uint64_t random = 19;
    random_fill(&random, message, SIZE);
    memcpy(message + SIZE - BLOCK, message, BLOCK);
    for (int k = 0; k < 4; k++) {
        bool as_server = (k & 1) != 0;
        bool ours_is_small = (k & 2) != 0;
        struct ws_deflate deflate = takeover;
        *(as_server == ours_is_small ? &deflate.server_max_window_bits
                                     : &deflate.client_max_window_bits) = SMALL;
        struct ws_session s;
        session_init(&s, as_server ? &server_config : &client_config, &deflate);
        size_t written;
        assert_int_equal(session_put_message(&s, WS_OP_BINARY, message, SIZE, dst, &written),
                         TB_OK);
        session_release(&s);
        /* the second block is a few bytes only if the window reaches the first one */
        assert_int_equal(written < SIZE - BLOCK / 2, !ours_is_small);
    }
}

/* zlib has no such compressor, and nobody must use one (RFC 7692 s.6). */
static void with_a_window_of_8_bits_we_do_not_compress(void **state) {
    (void)state;
    enum { SIZE = 1000 };
    static const uint8_t message[SIZE];
    struct ws_deflate deflate = takeover;
    deflate.client_max_window_bits = 8;
    struct ws_session writer;
    struct ws_session reader;
    session_init(&writer, &client_config, &deflate);
    session_init(&reader, &server_config, &deflate);
    size_t room = session_message_bound(&writer, SIZE);
    assert_int_equal(room, WS_HEAD_MAX + SIZE);
    uint8_t *dst = malloc(session_message_bound(&reader, SIZE));
    assert_non_null(dst);
    size_t written;
    assert_int_equal(session_put_message(&writer, WS_OP_BINARY, message, SIZE, dst, &written),
                     TB_OK);
    assert_null(writer.deflater);
    assert_read(&reader, dst, written, WS_OP_BINARY, message, SIZE, false);
    assert_int_equal(session_put_message(&reader, WS_OP_BINARY, message, SIZE, dst, &written),
                     TB_OK);
    assert_read(&writer, dst, written, WS_OP_BINARY, message, SIZE, true);
    session_release(&writer);
    session_release(&reader);
    free(dst);
}

static int compare_keys(const void *a, const void *b) {
    return memcmp(a, b, 4);
}

/* 2^32 keys are drawn from: among 10^5 of them one pair is expected to be alike, 20 are not. */
static void cve_2025_10148_a_mask_key_for_every_frame(void **state) {
    (void)state;
    enum { COUNT = 100000 };
    uint8_t(*keys)[4] = calloc(COUNT, 4);
    assert_non_null(keys);
    struct ws_session s;
    session_init(&s, &client_config, &no_deflate);
    for (size_t i = 0; i < COUNT; i++) {
        uint8_t dst[64];
        size_t written;
        int err =
            i % 2 ? session_put_ping(&s, (const uint8_t *)"Hello", 5, dst, &written)
                  : session_put_message(&s, WS_OP_TEXT, (const uint8_t *)"Hello", 5, dst, &written);
        assert_int_equal(err, TB_OK);
        assert_int_equal(written, 11);
        assert_int_equal(dst[1], 0x85);
        memcpy(keys[i], dst + 2, 4);
        ws_mask(dst + 6, 5, keys[i], 0);
        assert_memory_equal(dst + 6, "Hello", 5);
    }
    qsort(keys, COUNT, 4, compare_keys);
    size_t alike = 0;
    for (size_t i = 1; i < COUNT; i++) {
        alike += memcmp(keys[i - 1], keys[i], 4) == 0;
    }
    assert_true(alike < 20);
    session_release(&s);
    free(keys);
}

/* The same frames come out whatever stood in the memory before. */
static void cve_2026_45736_every_byte_that_is_sent_is_initialised(void **state) {
    (void)state;
    uint8_t message[500];
    memset(message, 'm', sizeof(message));
    size_t sizes[2];
    uint8_t out[2][2000];
    for (int k = 0; k < 2; k++) {
        memset(out[k], k ? 0xff : 0x00, sizeof(out[k]));
        struct ws_session s;
        session_init(&s, &server_config, &takeover);
        uint8_t *dst = out[k];
        size_t n;
        for (size_t size = 0; size <= sizeof(message); size += 125) {
            assert_int_equal(session_put_message(&s, WS_OP_TEXT, message, size, dst, &n), TB_OK);
            dst += n;
        }
        assert_int_equal(session_put_ping(&s, message, 125, dst, &n), TB_OK);
        dst += n;
        assert_int_equal(
            session_put_close(&s, 1000, (const char *)message, sizeof(message), dst, &n), TB_OK);
        assert_int_equal(n, 2 + WS_CONTROL_MAX);
        sizes[k] = (size_t)(dst - out[k]) + n;
        session_release(&s);
    }
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(out[0], out[1], sizes[0]);
}

static void what_may_not_be_put_is_refused(void **state) {
    (void)state;
    struct ws_session s;
    session_init(&s, &server_config, &no_deflate);
    uint8_t dst[WS_CONTROL_FRAME_MAX];
    static const uint8_t long_one[WS_CONTROL_MAX + 1];
    size_t n = 1;
    assert_int_equal(session_put_message(&s, WS_OP_PING, NULL, 0, dst, &n), TB_EINVAL);
    assert_int_equal(n, 0);
    assert_int_equal(session_put_ping(&s, long_one, sizeof(long_one), dst, &n), TB_EINVAL);
    assert_int_equal(session_put_close(&s, 1006, "", 0, dst, &n), TB_EINVAL);
    assert_int_equal(session_put_close(&s, 1000, "\xff", 1, dst, &n), TB_EINVAL);
    assert_int_equal(n, 0);
    assert_false(session_close_put(&s));
    session_release(&s);
}

static void a_message_that_cannot_be_deflated_for_want_of_memory(void **state) {
    (void)state;
    struct ws_session s;
    static const uint8_t message[1000];
    uint8_t dst[2000];
    for (unsigned n = 0;; n++) {
        struct ws_session_config config = server_config;
        config.cache = ws_deflate_cache_new();
        session_init(&s, &config, &takeover);
        size_t written;
        fail_alloc_at(n);
        int err = session_put_message(&s, WS_OP_BINARY, message, 1000, dst, &written);
        fail_alloc_off();
        session_release(&s);
        ws_deflate_cache_free(config.cache);
        if (err == TB_OK) {
            assert_true(n > 2 && written > 0);
            break;
        }
        assert_int_equal(err, TB_ENOMEM);
        assert_int_equal(written, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_side_puts_the_other_reads),
        cmocka_unit_test(each_direction_keeps_its_own_window),
        cmocka_unit_test(with_a_window_of_8_bits_we_do_not_compress),
        cmocka_unit_test(cve_2025_10148_a_mask_key_for_every_frame),
        cmocka_unit_test(cve_2026_45736_every_byte_that_is_sent_is_initialised),
        cmocka_unit_test(what_may_not_be_put_is_refused),
        cmocka_unit_test(a_message_that_cannot_be_deflated_for_want_of_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
