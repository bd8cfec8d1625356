/* session_target.h - what the two session targets share.
 *
 * The first byte of the input chooses what was agreed and the limits, the second how the rest,
 * the wire, is cut. However it is cut, the events are the same; and what one side puts, the
 * other reads. */
#ifndef TB_FUZZ_SESSION_TARGET_H
#define TB_FUZZ_SESSION_TARGET_H

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "proto/session.h"

/* The bits of the first byte. */
enum {
    NO_DEFLATE = 1,
    CLIENT_NO_CONTEXT = 2,
    SERVER_NO_CONTEXT = 4,
    SMALL_WINDOWS = 8,
    SHORT_MESSAGES = 16,
    FEW_FRAGMENTS = 32,
    FRAME_EVENTS = 64
};

static struct ws_deflate_cache *fuzz_cache;

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static struct ws_deflate fuzz_deflate(uint8_t options) {
    uint8_t bits = options & SMALL_WINDOWS ? WS_DEFLATE_BITS_MIN : WS_DEFLATE_BITS_MAX;
    return (struct ws_deflate){.on = !(options & NO_DEFLATE),
                               .client_no_context_takeover = (options & CLIENT_NO_CONTEXT) != 0,
                               .server_no_context_takeover = (options & SERVER_NO_CONTEXT) != 0,
                               .client_max_window_bits = bits,
                               .server_max_window_bits = bits};
}

static struct ws_session_config fuzz_config(enum ws_role role, uint8_t options) {
    return (struct ws_session_config){.role = role,
                                      .frame_events = (options & FRAME_EVENTS) != 0,
                                      .max_message = options & SHORT_MESSAGES ? 20 : 1 << 16,
                                      .max_fragments = options & FEW_FRAGMENTS ? 3 : 1000,
                                      .cache = fuzz_cache};
}

/* All that an event says, one after the other. */
static void log_event(struct bytes *log, const struct ws_event *ev) {
    require(bytes_appendf(log, "kind %d opcode %d compressed %d code %d frames %u ", ev->kind,
                          ev->opcode, ev->compressed, ev->code, ev->frames) == TB_OK);
    require(bytes_appendf(log, "violation %d wire %llu size %zu: ", ev->violation,
                          (unsigned long long)ev->wire, ev->size) == TB_OK);
    require(bytes_append(log, ev->data, ev->size) == TB_OK);
    const struct ws_head *h = &ev->head;
    require(bytes_appendf(log, " head %d %d %d %d %d %llu\n", h->fin, h->masked, h->rsv, h->opcode,
                          h->len_size, (unsigned long long)h->length) == TB_OK);
}

/* The two ends of a connection that echoes what was read. */
struct echo {
    struct ws_session_config near_config;
    struct ws_session_config far_config;
    struct ws_session near;
    struct ws_session far;
};

static void echo_init(struct echo *e, enum ws_role role, uint8_t options) {
    struct ws_deflate deflate = fuzz_deflate(options);
    e->near_config = fuzz_config(role, 0);
    e->far_config = fuzz_config(role == WS_SERVER ? WS_CLIENT : WS_SERVER, 0);
    session_init(&e->near, &e->near_config, &deflate);
    session_init(&e->far, &e->far_config, &deflate);
}

static void echo_release(struct echo *e) {
    session_release(&e->near);
    session_release(&e->far);
}

static int echo_put(struct echo *e, const struct ws_event *ev, uint8_t *dst, size_t *written) {
    switch (ev->kind) {
    case WS_EVENT_MESSAGE:
        return session_put_message(&e->near, ev->opcode, ev->data, ev->size, dst, written);
    case WS_EVENT_PING:
        return session_put_ping(&e->near, ev->data, ev->size, dst, written);
    case WS_EVENT_PONG:
        return session_put_pong(&e->near, ev->data, ev->size, dst, written);
    case WS_EVENT_CLOSE:
        return session_put_close(&e->near, ev->code, (const char *)ev->data, ev->size, dst,
                                 written);
    default:
        *written = 0;
        return TB_OK;
    }
}

/* Something of a message or frame has come, and its rest has not. */
static bool is_midway(const struct ws_session *s) {
    return s->head_len > 0 || s->message_opcode != 0 || s->remaining > 0;
}

/* The near side puts what was read, in memory of the promised size; the far side reads it. */
static void echo(struct echo *e, const struct ws_event *ev) {
    size_t room = ev->kind == WS_EVENT_MESSAGE ? session_message_bound(&e->near, ev->size)
                                               : (size_t)WS_CONTROL_FRAME_MAX;
    uint8_t *dst = malloc(room);
    require(dst != NULL);
    size_t written;
    require(echo_put(e, ev, dst, &written) == TB_OK && written <= room);
    struct ws_event seen;
    session_feed(&e->far, dst, written);
    if (written > 0) {
        require(session_next(&e->far, &seen) == ev->kind);
        require(seen.code == ev->code && seen.size == ev->size && seen.wire == written);
        require(seen.size == 0 || memcmp(seen.data, ev->data, seen.size) == 0);
        require(ev->kind != WS_EVENT_MESSAGE || seen.opcode == ev->opcode);
    }
    require(session_next(&e->far, &seen) == WS_EVENT_NONE && !is_midway(&e->far));
    free(dst);
}

/* Feeds a piece, in memory of its own size. After the end nothing is told any more. */
static void feed_piece(struct ws_session *s, const uint8_t *p, size_t n, struct bytes *log,
                       struct echo *e, bool *over) {
    uint8_t *piece = malloc(n + 1);
    require(piece != NULL);
    if (n > 0) {
        memcpy(piece + 1, p, n);
    }
    session_feed(s, piece + 1, n);
    struct ws_event ev;
    while (session_next(s, &ev) != WS_EVENT_NONE) {
        require(!*over);
        *over = ev.kind == WS_EVENT_VIOLATION || ev.kind == WS_EVENT_CLOSE;
        require(ev.kind != WS_EVENT_NOMEM);
        log_event(log, &ev);
        if (e != NULL) {
            echo(e, &ev);
        }
    }
    require(!*over || !is_midway(s));
    free(piece);
}

/* The sizes of pieces: 0 gives single bytes, others a mixture of short and long ones. */
static size_t next_size(uint32_t *seed) {
    if (*seed == 0) {
        return 1;
    }
    *seed = *seed * 1664525 + 1013904223;
    uint32_t r = *seed >> 16;
    return r % 4 == 0 ? r % 97 : r % 5;
}

static int fuzz_session(enum ws_role role, const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    if (fuzz_cache == NULL) {
        fuzz_cache = ws_deflate_cache_new();
        require(fuzz_cache != NULL);
    }
    uint8_t options = data[0];
    struct ws_session_config config = fuzz_config(role, options);
    struct ws_deflate deflate = fuzz_deflate(options);
    uint32_t seed = data[1];
    data += 2;
    size -= 2;

    struct ws_session s;
    session_init(&s, &config, &deflate);
    struct echo e;
    echo_init(&e, role, options);
    struct bytes whole = BYTES_INIT;
    bool over = false;
    feed_piece(&s, data, size, &whole, &e, &over);
    bool midway = is_midway(&s);
    session_release(&s);
    echo_release(&e);

    session_init(&s, &config, &deflate);
    struct bytes cut = BYTES_INIT;
    over = false;
    for (size_t i = 0; i < size;) {
        size_t n = next_size(&seed);
        n = n < size - i ? n : size - i;
        feed_piece(&s, data + i, n, &cut, NULL, &over);
        i += n;
    }
    require(whole.len == cut.len);
    require(whole.len == 0 || memcmp(whole.data, cut.data, whole.len) == 0);
    require(midway == is_midway(&s));
    session_release(&s);
    bytes_release(&whole);
    bytes_release(&cut);
    return 0;
}

#endif
