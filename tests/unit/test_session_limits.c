/* What a session bears of a peer that wants its memory or its time: lengths, fragments, bombs.
 *
 * ctest: timeout 120 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <zlib.h>

#include "failing_alloc.h"
#include "session_fixture.h"

/* What is said of a frame's header with this length; a continuation follows a frame that begins
 * with `begun`. */
static enum ws_violation length_verdict(enum ws_role role, uint8_t begun, uint8_t first,
                                        uint64_t length) {
    struct ws_session_config config = {
        .role = role, .max_message = MAX_MESSAGE, .max_fragments = MAX_FRAGMENTS, .cache = cache};
    struct ws_session s;
    session_init(&s, &config, &takeover);
    struct bytes wire = BYTES_INIT;
    add_frame(&wire, role, begun,
              "\x00\x01\x00\xfe\xff"
              "begun",
              5);
    struct ws_event ev;
    if (first == 0x80) {
        session_feed(&s, wire.data, wire.len);
        assert_nothing_more(&s);
    }
    struct ws_head h = {.fin = true,
                        .rsv = first >> 4 & 7,
                        .opcode = first & 0xf,
                        .masked = role == WS_SERVER,
                        .len_size = ws_len_size(length),
                        .length = length};
    uint8_t head[WS_HEAD_MAX];
    size_t n = ws_head_write(&h, head);
    fail_alloc_at(0);
    session_feed(&s, head, n);
    assert_int_equal(session_next(&s, &ev), WS_EVENT_VIOLATION);
    fail_alloc_off();
    assert_int_equal(alloc_count(), 0);
    assert_nothing_more(&s);
    session_release(&s);
    bytes_release(&wire);
    return ev.violation;
}

static void assert_huge_lengths_refused(uint8_t begun, uint8_t first) {
    static const uint64_t lengths[] = {
        (UINT64_C(1) << 31) - 1, UINT64_C(1) << 31, (UINT64_C(1) << 31) + 1,
        (UINT64_C(1) << 32) - 1, UINT64_C(1) << 32, (UINT64_C(1) << 32) + 1,
        INT64_MAX - 1,           INT64_MAX,         UINT64_C(1) << 63,
        (UINT64_C(1) << 63) + 1, UINT64_MAX - 5,    UINT64_MAX - 4,
        UINT64_MAX - 1,          UINT64_MAX};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        enum ws_violation expected =
            lengths[i] <= INT64_MAX ? WS_V_MESSAGE_TOO_BIG : WS_V_FRAME_LENGTH_HIGH_BIT;
        assert_int_equal(length_verdict(WS_SERVER, begun, first, lengths[i]), expected);
        assert_int_equal(length_verdict(WS_CLIENT, begun, first, lengths[i]), expected);
    }
}

static void cve_2020_27813_lengths(void **state) {
    (void)state;
    assert_huge_lengths_refused(0x02, 0x81);
    assert_huge_lengths_refused(0x02, 0x82);
    assert_huge_lengths_refused(0x02, 0x80);
}

static void cve_2020_27813_lengths_compressed(void **state) {
    (void)state;
    assert_huge_lengths_refused(0x42, 0xc1);
    assert_huge_lengths_refused(0x42, 0xc2);
    assert_huge_lengths_refused(0x42, 0x80);
}

/* The most that a compressed message of `frames` empty frames and one more may announce there;
 * found from the verdicts alone. */
static uint64_t most_announced(uint64_t max_message, unsigned frames) {
    uint64_t low = 0;
    uint64_t high = UINT64_C(1) << 63;
    struct ws_session_config config = {.role = WS_CLIENT,
                                       .max_message = max_message,
                                       .max_fragments = MAX_FRAGMENTS,
                                       .cache = cache};
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        struct bytes wire = BYTES_INIT;
        for (unsigned i = 0; i < frames; i++) {
            add_frame(&wire, WS_CLIENT, i == 0 ? 0x42 : 0x00, NULL, 0);
        }
        struct ws_head h = {.fin = true,
                            .rsv = frames == 0 ? WS_RSV1 : 0,
                            .opcode = frames == 0 ? WS_OP_BINARY : WS_OP_CONTINUATION,
                            .len_size = ws_len_size(middle),
                            .length = middle};
        uint8_t head[WS_HEAD_MAX];
        assert_int_equal(bytes_append(&wire, head, ws_head_write(&h, head)), TB_OK);
        struct ws_session s;
        struct ws_event ev;
        session_init(&s, &config, &takeover);
        session_feed(&s, wire.data, wire.len);
        session_next(&s, &ev);
        *(ev.violation == WS_V_NONE ? &low : &high) = middle;
        session_release(&s);
        bytes_release(&wire);
    }
    return low;
}

static void a_compressed_message_has_a_limit_on_the_wire(void **state) {
    (void)state;
    enum { SLACK = 64 * 1024 };
    assert_int_equal(most_announced(0, 0), SLACK);
    assert_int_equal(most_announced(MAX_MESSAGE, 0), 2 * MAX_MESSAGE + SLACK);
    assert_in_range(most_announced(MAX_MESSAGE, 100), 2 * MAX_MESSAGE + SLACK,
                    2 * MAX_MESSAGE + SLACK + 16 * 100);
    static const uint64_t huge[] = {UINT64_C(1) << 62, (UINT64_C(1) << 62) - 1, INT64_MAX,
                                    UINT64_C(1) << 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof(huge) / sizeof(huge[0]); i++) {
        assert_int_equal(most_announced(huge[i], 0), INT64_MAX);
        assert_int_equal(most_announced(huge[i], 3), INT64_MAX);
    }
}

/* Stored blocks of no bytes, in frames of every size: they inflate to nothing for ever. */
static void endless_empty_blocks_are_too_big(void **state) {
    (void)state;
    static const size_t sizes[] = {5, 500, 65535};
    static uint8_t blocks[65535];
    for (size_t i = 0; i < sizeof(blocks); i += 5) {
        memcpy(blocks + i, "\x00\x00\x00\xff\xff", 5);
    }
    for (size_t i = 0; i < 3; i++) {
        struct ws_session s;
        struct ws_event ev = {.kind = WS_EVENT_NONE};
        uint64_t fed = 0;
        uint64_t frames = 0;
        session_init(&s, &server_config, &takeover);
        while (ev.kind == WS_EVENT_NONE) {
            struct bytes wire = BYTES_INIT;
            add_frame(&wire, WS_SERVER, frames == 0 ? 0x42 : 0x00, blocks, sizes[i]);
            session_feed(&s, wire.data, wire.len);
            session_next(&s, &ev);
            fed += sizes[i];
            frames++;
            bytes_release(&wire);
            assert_true(fed <= 2 * MAX_MESSAGE + 64 * 1024 + 16 * frames + sizes[i]);
        }
        assert_int_equal(ev.violation,
                         sizes[i] == 5 ? WS_V_TOO_MANY_FRAGMENTS : WS_V_MESSAGE_TOO_BIG);
        assert_true(fed > (sizes[i] == 5 ? 5 * MAX_FRAGMENTS : 2 * MAX_MESSAGE));
        session_release(&s);
    }
}

static void cve_2022_35922_claims_1gib_sends_1_byte(void **state) {
    (void)state;
    struct ws_session_config config = {
        .role = WS_SERVER, .max_message = UINT64_C(1) << 31, .max_fragments = 10};
    uint8_t wire[] = {0x82, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 'x'};
    struct ws_session s;
    session_init(&s, &config, &no_deflate);
    session_feed(&s, wire, sizeof(wire));
    assert_nothing_more(&s);
    assert_true(s.message.cap < 64 * 1024);
    session_release(&s);
}

/* 10^7 empty fragments of one message, without a limit: not an allocation. */
static void cve_2026_48779_tiny_fragments_cost_nothing(void **state) {
    (void)state;
    enum { COUNT = 10 * 1000 * 1000, BATCH = 10000 };
    struct ws_session_config config = {
        .role = WS_SERVER, .max_message = MAX_MESSAGE, .max_fragments = UINT32_MAX};
    struct bytes begin = BYTES_INIT;
    struct bytes more = BYTES_INIT;
    add_frame(&begin, WS_SERVER, 0x01, NULL, 0);
    for (size_t i = 0; i < BATCH; i++) {
        add_frame(&more, WS_SERVER, 0x00, NULL, 0);
    }
    struct ws_session s;
    session_init(&s, &config, &no_deflate);
    fail_alloc_at(0);
    session_feed(&s, begin.data, begin.len);
    assert_nothing_more(&s);
    for (size_t i = 0; i < COUNT; i += BATCH) {
        session_feed(&s, more.data, more.len);
        assert_nothing_more(&s);
    }
    fail_alloc_off();
    assert_int_equal(alloc_count(), 0);
    begin.len = 0;
    add_frame(&begin, WS_SERVER, 0x80, "end", 3);
    struct ws_event ev;
    feed_for(&s, &begin, WS_EVENT_MESSAGE, &ev);
    assert_int_equal(ev.frames, COUNT + 2);
    assert_int_equal(ev.wire, (COUNT + 2) * 6 + 3);
    session_release(&s);
    bytes_release(&begin);
    bytes_release(&more);
}

/* Fragments of 0 and of 1 byte, against each of the two limits. */
static enum ws_violation endless_fragments(size_t size, uint32_t *frames, size_t *cap) {
    struct ws_session s;
    session_init(&s, &server_config, &no_deflate);
    struct ws_event ev = {.kind = WS_EVENT_NONE};
    *frames = 0;
    *cap = 0;
    for (uint8_t first = 0x02; ev.kind == WS_EVENT_NONE; first = 0x00) {
        struct bytes wire = BYTES_INIT;
        add_frame(&wire, WS_SERVER, first, "x", size);
        session_feed(&s, wire.data, wire.len);
        session_next(&s, &ev);
        *frames += ev.kind == WS_EVENT_NONE;
        *cap = *cap < s.message.cap ? s.message.cap : *cap;
        bytes_release(&wire);
    }
    assert_int_equal(ev.kind, WS_EVENT_VIOLATION);
    session_release(&s);
    return ev.violation;
}

static void cve_2026_48779_tiny_fragments_have_a_limit(void **state) {
    (void)state;
    uint32_t frames;
    size_t cap;
    assert_int_equal(endless_fragments(0, &frames, &cap), WS_V_TOO_MANY_FRAGMENTS);
    assert_int_equal(frames, MAX_FRAGMENTS);
    assert_int_equal(cap, 0);
    assert_int_equal(endless_fragments(1, &frames, &cap), WS_V_TOO_MANY_FRAGMENTS);
    assert_int_equal(frames, MAX_FRAGMENTS);
    assert_true(cap <= 2 * MAX_FRAGMENTS);
    server_config.max_message = 1000;
    assert_int_equal(endless_fragments(1, &frames, &cap), WS_V_MESSAGE_TOO_BIG);
    server_config.max_message = MAX_MESSAGE;
    assert_int_equal(frames, 1000);
}

/* 1,000 bombs of 1 GiB, a mebibyte each on the wire, against the server's limit. */
static void cve_2018_1000518_bombs(void **state) {
    (void)state;
    enum { MIB = 1 << 20, BOMBS = 1000 };
    static uint8_t zeros[MIB];
    uint8_t part[4096];
    z_stream z = {.next_in = zeros, .avail_in = MIB, .next_out = part, .avail_out = sizeof(part)};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FULL_FLUSH), Z_OK);
    size_t part_len = sizeof(part) - z.avail_out;
    deflateEnd(&z);
    struct bytes bomb = BYTES_INIT;
    for (size_t i = 0; i < 1024; i++) {
        assert_int_equal(bytes_append(&bomb, part, part_len), TB_OK);
    }
    struct bytes wire = BYTES_INIT;
    add_frame(&wire, WS_CLIENT, 0xc2, bomb.data, bomb.len); /* unmasked: it is fed 1,000 times */
    for (size_t i = 0; i < BOMBS; i++) {
        struct ws_session s;
        session_init(&s, &client_config, i % 2 ? &takeover : &no_takeover);
        struct ws_event ev = {.kind = WS_EVENT_NONE};
        size_t cap = 0;
        size_t fed = 0;
        for (; fed < wire.len && ev.kind == WS_EVENT_NONE; fed += part_len) {
            cap = cap < s.message.cap ? s.message.cap : cap;
            session_feed(&s, wire.data + fed, part_len);
            session_next(&s, &ev);
        }
        assert_int_equal(ev.violation, WS_V_MESSAGE_TOO_BIG);
        assert_true(fed <= 3 * part_len);
        assert_true(cap <= MAX_MESSAGE + 256 * 1024);
        assert_null(s.message.data);
        assert_null(s.inflater);
        session_release(&s);
    }
    bytes_release(&wire);
    bytes_release(&bomb);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cve_2020_27813_lengths),
        cmocka_unit_test(cve_2020_27813_lengths_compressed),
        cmocka_unit_test(a_compressed_message_has_a_limit_on_the_wire),
        cmocka_unit_test(endless_empty_blocks_are_too_big),
        cmocka_unit_test(cve_2022_35922_claims_1gib_sends_1_byte),
        cmocka_unit_test(cve_2026_48779_tiny_fragments_cost_nothing),
        cmocka_unit_test(cve_2026_48779_tiny_fragments_have_a_limit),
        cmocka_unit_test(cve_2018_1000518_bombs),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
