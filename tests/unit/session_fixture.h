/* session_fixture.h - what the tests of proto/session.h share: the two kinds of sessions, and
 * frames as the peer sends them. */
#ifndef TB_TESTS_UNIT_SESSION_FIXTURE_H
#define TB_TESTS_UNIT_SESSION_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "proto/mask.h"
#include "proto/session.h"

enum { MAX_MESSAGE = 1 << 20, MAX_FRAGMENTS = 131072 };

static struct ws_deflate_cache *cache;
static const struct ws_deflate no_deflate;
static const struct ws_deflate takeover = {
    .on = true, .server_max_window_bits = 15, .client_max_window_bits = 15};
static const struct ws_deflate no_takeover = {.on = true,
                                              .server_no_context_takeover = true,
                                              .client_no_context_takeover = true,
                                              .server_max_window_bits = 15,
                                              .client_max_window_bits = 15};
static struct ws_session_config server_config = {
    .role = WS_SERVER, .max_message = MAX_MESSAGE, .max_fragments = MAX_FRAGMENTS};
static struct ws_session_config client_config = {
    .role = WS_CLIENT, .max_message = MAX_MESSAGE, .max_fragments = MAX_FRAGMENTS};

static inline int setup(void **state) {
    (void)state;
    cache = ws_deflate_cache_new();
    server_config.cache = cache;
    client_config.cache = cache;
    return cache == NULL;
}

static inline int teardown(void **state) {
    (void)state;
    ws_deflate_cache_free(cache);
    return 0;
}

/* Appends a frame as the peer of `receiver` sends it. */
static inline void add_frame(struct bytes *wire, enum ws_role receiver, uint8_t first,
                             const void *p, size_t n) {
    struct ws_head h = {.fin = (first & 0x80) != 0,
                        .rsv = first >> 4 & 7,
                        .opcode = first & 0xf,
                        .masked = receiver == WS_SERVER,
                        .mask = {0x37, 0xfa, 0x21, 0x3d},
                        .len_size = ws_len_size(n),
                        .length = n};
    assert_int_equal(bytes_reserve(wire, WS_HEAD_MAX + n), TB_OK);
    wire->len += ws_head_write(&h, wire->data + wire->len);
    size_t payload = wire->len;
    assert_int_equal(bytes_append(wire, p, n), TB_OK);
    if (h.masked) {
        ws_mask(wire->data + payload, n, h.mask, 0);
    }
}

/* Feeds everything and expects exactly one event. */
static inline void feed_for(struct ws_session *s, struct bytes *wire, enum ws_event_kind kind,
                            struct ws_event *ev) {
    session_feed(s, wire->data, wire->len);
    assert_int_equal(session_next(s, ev), kind);
}

static inline void assert_nothing_more(struct ws_session *s) {
    struct ws_event ev;
    assert_int_equal(session_next(s, &ev), WS_EVENT_NONE);
    assert_int_equal(ev.kind, WS_EVENT_NONE);
}

#endif
