/* What an open connection receives, event by event. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conn/conn_state.h"
#include "conn/endpoint.h"
#include "conn/trace.h"

enum {
    /* Bytes of messages that one read may say. More is possible only where little inflates to much;
     * it waits for the next turn, so that it cannot fill everybody's output. */
    READ_BUDGET = 1024 * 1024,
};

static bool takes_input(const struct conn *c) {
    return c->state == CONN_OPEN || c->state == CONN_CLOSING;
}

/* ---- pings and pongs ---- */

static void trace_pinged(struct conn *c, bool by_us, const uint8_t *p, size_t n) {
    const struct trace_control k = {.opcode = WS_OP_PING, .data = p, .size = n, .rtt_us = -1};
    trace_control(c->endpoint->config->trace, c, conn_sayer(c, by_us), &k);
}

static void trace_ponged(struct conn *c, bool by_us, const uint8_t *p, size_t n, int64_t rtt_us) {
    const struct trace_control k = {.opcode = WS_OP_PONG, .data = p, .size = n, .rtt_us = rtt_us};
    trace_control(c->endpoint->config->trace, c, conn_sayer(c, by_us), &k);
}

static void put_pong(struct conn *c, const uint8_t *p, size_t n) {
    uint8_t *dst = conn_reserve(c, WS_CONTROL_FRAME_MAX);
    size_t written = 0;
    if (dst == NULL || session_put_pong(&c->session, p, n, dst, &written) != TB_OK ||
        conn_commit_control(c, dst, written) != TB_OK) {
        conn_abandon(c);
    } else if (written > 0) {
        trace_ponged(c, true, p, n, -1);
    }
}

/* Keeps a payload; false if memory is out. */
static bool keep(struct note **note, const uint8_t *p, size_t n) {
    if (*note == NULL && (*note = malloc(sizeof **note)) == NULL) {
        return false;
    }
    (*note)->size = (uint8_t)n;
    if (n > 0) {
        memcpy((*note)->bytes, p, n);
    }
    return true;
}

void conn_say_pong(struct conn *c) {
    struct note *pong = c->pong;
    c->pong = NULL;
    if (pong != NULL) {
        put_pong(c, pong->bytes, pong->size);
    }
    free(pong);
}

/* Whether a ping with that payload was asked for, and waits for its pong. */
static bool is_asked(const struct conn *c, const uint8_t *p, size_t n) {
    return c->ping != NULL && c->ping->payload.size == n &&
           (n == 0 || memcmp(c->ping->payload.bytes, p, n) == 0);
}

/* The last one that was asked for; what waited before it is forgotten. */
static bool note_ping(struct conn *c, const uint8_t *p, size_t n) {
    if (c->ping == NULL && (c->ping = malloc(sizeof *c->ping)) == NULL) {
        return false;
    }
    *c->ping = (struct ping){.at_us = uv_hrtime() / 1000, .waiting = 1};
    c->ping->payload.size = (uint8_t)n;
    if (n > 0) {
        memcpy(c->ping->payload.bytes, p, n);
    }
    return true;
}

/* Microseconds since the ping that this pong answers; -1 if it answers none. */
static int64_t round_trip(struct conn *c, const struct ws_event *ev) {
    uint32_t count;
    int64_t now_us = (int64_t)(uv_hrtime() / 1000);
    if (is_asked(c, ev->data, ev->size)) {
        int64_t at_us = (int64_t)c->ping->at_us;
        if (--c->ping->waiting == 0) {
            free(c->ping);
            c->ping = NULL;
        }
        return at_us == 0 ? -1 : now_us - at_us;
    }
    if (c->pinged_us == 0 || ev->size != sizeof count) {
        return -1;
    }
    memcpy(&count, ev->data, sizeof count);
    return count == c->ping_count ? now_us - (int64_t)c->pinged_us : -1;
}

static void put_ping(struct conn *c, const uint8_t *p, size_t n) {
    uint8_t *dst = conn_reserve(c, WS_CONTROL_FRAME_MAX);
    size_t written = 0;
    if (dst == NULL || session_put_ping(&c->session, p, n, dst, &written) != TB_OK ||
        conn_commit_control(c, dst, written) != TB_OK) {
        conn_abandon(c);
    } else if (written > 0) {
        trace_pinged(c, true, p, n);
    }
}

void conn_ping(struct conn *c) {
    c->heard = false;
    c->unconfirmed = stream_unconfirmed(&c->stream);
    if (stream_is_busy(&c->stream)) {
        return; /* that it takes what it was sent tells as much, and a ping would only queue up */
    }
    c->ping_count++;
    c->pinged_us = uv_hrtime() / 1000;
    uint8_t payload[sizeof c->ping_count];
    memcpy(payload, &c->ping_count, sizeof payload);
    put_ping(c, payload, sizeof payload);
}

void conn_send_ping(struct conn *c, const uint8_t *p, size_t n) {
    if (c->state != CONN_OPEN) {
        return;
    }
    if (is_asked(c, p, n)) { /* two pongs to come that nobody can tell apart */
        c->ping->waiting++;
        c->ping->at_us = 0;
    } else if (!note_ping(c, p, n)) {
        conn_abandon(c);
        return;
    }
    put_ping(c, p, n);
}

void conn_send_pong(struct conn *c, const uint8_t *p, size_t n) {
    if (c->state == CONN_OPEN) {
        put_pong(c, p, n);
    }
}

/* ---- an event, a function ---- */

static void on_nothing(struct conn *c, const struct ws_event *ev) {
    (void)c;
    (void)ev;
}

static void on_frame(struct conn *c, const struct ws_event *ev) {
    trace_frame(c->endpoint->config->trace, c, conn_sayer(c, false), &ev->head);
}

static void on_message(struct conn *c, const struct ws_event *ev) {
    if (c->deaf) {
        return;
    }
    trace_received(c->endpoint->config->trace, c, ev);
    if (c->state == CONN_OPEN) {
        c->endpoint->config->behaviour->on_message(c, ev);
    }
}

/* False: nothing is said to it any more. */
static bool tell_control(struct conn *c, const struct ws_event *ev) {
    const struct conn_behaviour *behaviour = c->endpoint->config->behaviour;
    if (c->state == CONN_OPEN && !c->deaf && behaviour->on_control != NULL) {
        behaviour->on_control(c, ev);
    }
    return takes_input(c);
}

void conn_set_pongs(struct conn *c, bool on) {
    c->mute = !on;
    if (c->mute) {
        free(c->pong);
        c->pong = NULL;
    }
}

static void on_ping(struct conn *c, const struct ws_event *ev) {
    trace_pinged(c, false, ev->data, ev->size);
    if (!tell_control(c, ev) || c->mute || c->endpoint->config->no_pongs) {
        return;
    }
    if (!stream_is_busy(&c->stream)) {
        put_pong(c, ev->data, ev->size);
    } else if (!keep(&c->pong, ev->data, ev->size)) { /* one, for the latest (RFC 6455 s.5.5.3) */
        conn_abandon(c);
    }
}

static void on_pong(struct conn *c, const struct ws_event *ev) {
    int64_t rtt_us = round_trip(c, ev);
    trace_ponged(c, false, ev->data, ev->size, rtt_us);
    (void)tell_control(c, ev);
    if (rtt_us >= 0 && c->state == CONN_OPEN) {
        deadline_set(&c->endpoint->ping, &c->deadline);
    }
}

/* The peer has said it first, whatever is said now. */
static void on_close(struct conn *c, const struct ws_event *ev) {
    if (c->state == CONN_OPEN) {
        conn_note_close(c, CONN_CLOSED_BY_PEER, ev->code, (const char *)ev->data, ev->size);
    }
    if (tell_control(c, ev)) {
        conn_answer_close(c, ev);
    }
}

static void on_violation(struct conn *c, const struct ws_event *ev) {
    const struct ws_violation_row *rule = ws_violation_row(ev->violation);
    c->violation = (uint8_t)ev->violation;
    trace_violation(c->endpoint->config->trace, c, ev->violation);
    conn_fail(c, rule->close_code, rule->text);
}

static void on_nomem(struct conn *c, const struct ws_event *ev) {
    (void)ev;
    conn_abandon(c);
}

static void (*const handlers[])(struct conn *c, const struct ws_event *ev) = {
    [WS_EVENT_NONE] = on_nothing,        [WS_EVENT_FRAME] = on_frame,
    [WS_EVENT_MESSAGE] = on_message,     [WS_EVENT_PING] = on_ping,
    [WS_EVENT_PONG] = on_pong,           [WS_EVENT_CLOSE] = on_close,
    [WS_EVENT_VIOLATION] = on_violation, [WS_EVENT_NOMEM] = on_nomem,
};

/* ---- the flow ---- */

/* Input that cannot be looked at now. */
static void hold(struct conn *c, const uint8_t *p, size_t n) {
    if (bytes_append(&c->held, p, n) != TB_OK) {
        conn_abandon(c);
    }
}

static void pause_reading(struct conn *c) {
    const uint8_t *rest;
    size_t n = session_take_rest(&c->session, &rest);
    stream_read_stop(&c->stream);
    c->paused = true;
    hold(c, rest, n);
    if (list_is_empty(&c->queue)) {
        conn_yield_if_paused(c);
    }
}

/* The peer has to read before it is read. */
static bool owes_reading(const struct conn *c) {
    return output_listed(&c->out) > c->endpoint->config->max_backlog;
}

/* Nothing is read from a peer that does not read our answers, or that says more than anybody can
 * pass on now. */
static bool has_said_enough(const struct conn *c, size_t said) {
    if (c->state == CONN_CLOSING) {
        return c->endpoint->held;
    }
    return c->state == CONN_OPEN &&
           (said > READ_BUDGET || owes_reading(c) || endpoint_must_wait(c->endpoint));
}

static void take_events(struct conn *c) {
    struct ws_event ev;
    size_t said = 0;
    while (takes_input(c) && session_next(&c->session, &ev) != WS_EVENT_NONE) {
        handlers[ev.kind](c, &ev);
        said += ev.kind == WS_EVENT_MESSAGE ? ev.size : 0;
        if (has_said_enough(c, said)) {
            pause_reading(c);
            return;
        }
    }
}

void conn_take(struct conn *c, uint8_t *p, size_t n) {
    if (c->paused) {
        hold(c, p, n); /* TLS had decrypted it already */
        return;
    }
    session_feed(&c->session, p, n);
    take_events(c);
}

static void yield(struct conn *c) {
    list_remove(&c->queue);
    list_append(&c->endpoint->yielded, &c->queue);
    endpoint_expect_yielded(c->endpoint);
}

/* Whoever waits for anything but the peer's reading goes on by itself: the peer may not be able to
 * read before it is read. */
void conn_yield_if_paused(struct conn *c) {
    if (c->paused && !(stream_is_busy(&c->stream) && owes_reading(c))) {
        yield(c);
    }
}

void conn_resume(struct conn *c) {
    struct bytes held = c->held;
    c->held = (struct bytes)BYTES_INIT;
    c->paused = false;
    c->heard = true; /* until now it could not be */
    session_feed(&c->session, held.data, held.len);
    take_events(c);
    bytes_release(&held);
    if (c->paused || c->state >= CONN_STALLED) {
        return;
    }
    if (c->ended) {
        conn_peer_ended(c);
    } else {
        (void)stream_read_start(&c->stream);
    }
}
