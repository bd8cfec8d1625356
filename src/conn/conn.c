#include "conn/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conn/client_state.h"
#include "conn/conn_state.h"
#include "conn/endpoint.h"
#include "conn/room.h"
#include "conn/trace.h"

struct endpoint *conn_endpoint(const struct conn *c) {
    return c->endpoint;
}

uint64_t conn_id(const struct conn *c) {
    return c->id;
}

void conn_set_data(struct conn *c, void *data) {
    c->data = data;
}

void *conn_data(const struct conn *c) {
    return c->data;
}

const char *conn_address(const struct conn *c, char text[ADDRESS_TEXT_MAX]) {
    return address_text(&c->address, text);
}

const struct http1 *conn_request(const struct conn *c) {
    return c->was_open ? c->head : NULL;
}

struct http1 *conn_take_request(struct conn *c) {
    struct http1 *head = c->was_open ? c->head : NULL;
    if (head != NULL) {
        c->head = NULL;
    }
    return head;
}

bool conn_is_unanswered(const struct conn *c) {
    return c->state == CONN_OPENING || (c->state == CONN_STALLED && !c->was_open);
}

bool conn_is_open(const struct conn *c) {
    return c->state == CONN_OPEN;
}

size_t conn_unsent(const struct conn *c) {
    return output_pending(&c->out) + stream_unsent(&c->stream);
}

static const char *why_lost(const struct conn *c) {
    const char *tls = stream_tls_failure(&c->stream);
    return tls != NULL || c->lost_status == 0 ? tls : uv_strerror(c->lost_status);
}

struct conn_ending conn_ending(const struct conn *c) {
    return (struct conn_ending){
        .closer = (enum conn_closer)c->closer,
        .code = c->close_code,
        .reason = c->reason == NULL ? NULL : c->reason->bytes,
        .reason_size = c->reason == NULL ? 0 : c->reason->size,
        .answered = c->parted,
        .silent = c->silent,
        .violation = (enum ws_violation)c->violation,
        .why_lost = why_lost(c),
    };
}

enum trace_from conn_sayer(const struct conn *c, bool us) {
    return us == c->client ? TRACE_CLIENT : TRACE_SERVER;
}

void conn_enter(struct conn *c, enum conn_state state) {
    atomic_uint_fast64_t *open = &c->endpoint->shared->open;
    if (c->state == CONN_OPEN) {
        atomic_fetch_sub_explicit(open, 1, memory_order_relaxed);
    }
    if (state == CONN_OPEN) {
        atomic_fetch_add_explicit(open, 1, memory_order_relaxed);
    }
    c->state = (uint8_t)state;
    opening_cancel(c);
}

/* ---- the end ---- */

/* An open connection is one no more: told once. */
static void tell_close(struct conn *c) {
    if (!c->told) {
        c->told = true;
        trace_close(c->endpoint->config->trace, c);
        c->endpoint->config->behaviour->on_close(c);
    }
}

/* It is over for the rest of the program; the memory stays until the stream is closed. */
static bool begin_end(struct conn *c) {
    if (c->state == CONN_GONE) {
        return false;
    }
    conn_enter(c, CONN_GONE);
    output_discard(&c->out);
    room_leave(c);
    deadline_drop(&c->deadline);
    list_remove(&c->queue);
    if (c->was_open) {
        tell_close(c);
    } else if (c->asking != NULL) {
        client_ended(c);
    }
    return true;
}

void conn_end(struct conn *c) {
    if (begin_end(c)) {
        stream_close(&c->stream);
    }
}

void conn_reset(struct conn *c) {
    if (begin_end(c)) {
        stream_reset(&c->stream);
    }
}

void conn_free(struct conn *c) {
    if (c->was_open) {
        session_release(&c->session);
    }
    output_release(&c->out);
    http1_free(c->head);
    client_free(c->asking);
    bytes_release(&c->held);
    free(c->pong);
    free(c->ping);
    free(c->reason);
    free(c);
}

/* Everything is written. The server is the one to end the TCP connection (RFC 6455 s.7.1.1). */
static void finish_leaving(struct conn *c) {
    if (c->linger) {
        stream_shutdown(&c->stream);
    } else if (!c->client || !c->parted) {
        conn_end(c);
        return;
    }
    if (c->client) {
        deadline_set(&c->endpoint->parting, &c->deadline);
    }
}

void conn_leave(struct conn *c, bool linger) {
    if (c->state >= CONN_LEAVING) {
        return;
    }
    room_leave(c);
    if (c->state == CONN_GONE) {
        return;
    }
    conn_enter(c, CONN_LEAVING);
    c->linger = linger;
    deadline_set(&c->endpoint->closing, &c->deadline);
    list_remove(&c->queue);
    list_append(&c->endpoint->dirty, &c->queue);
    if (c->paused) {
        c->paused = false;
        bytes_release(&c->held);
        (void)stream_read_start(&c->stream);
    }
    if (c->client && c->was_open) {
        tell_close(c); /* what the server does about the TCP connection is of no interest */
    }
}

/* ---- saying ---- */

uint8_t *conn_reserve(struct conn *c, size_t n) {
    return chain_reserve(&c->endpoint->own, n);
}

int conn_commit(struct conn *c, size_t n) {
    if (n == 0) {
        return TB_OK;
    }
    struct chain *own = &c->endpoint->own;
    chain_commit(own, n);
    list_remove(&c->queue); /* it may have yielded: what is said goes out all the same */
    list_append(&c->endpoint->dirty, &c->queue);
    return output_add(&c->out, own, n);
}

int conn_put(struct conn *c, const uint8_t *p, size_t n) {
    if (n == 0) {
        return TB_OK;
    }
    uint8_t *dst = conn_reserve(c, n);
    if (dst == NULL) {
        return TB_ENOMEM;
    }
    memcpy(dst, p, n);
    return conn_commit(c, n);
}

int conn_commit_control(struct conn *c, const uint8_t *frame, size_t n) {
    struct ws_head head;
    if (n > 0 && ws_head_parse(&head, frame, n) > 0) {
        trace_frame(c->endpoint->config->trace, c, conn_sayer(c, true), &head);
    }
    return conn_commit(c, n);
}

static int put_close(struct conn *c, uint16_t code, const char *reason, size_t reason_len) {
    uint8_t *dst = conn_reserve(c, WS_CONTROL_FRAME_MAX);
    if (dst == NULL) {
        return TB_ENOMEM;
    }
    size_t written = 0;
    int err = session_put_close(&c->session, code, reason, reason_len, dst, &written);
    return err != TB_OK ? err : conn_commit_control(c, dst, written);
}

void conn_note_close(struct conn *c, enum conn_closer closer, uint16_t code, const char *reason,
                     size_t reason_len) {
    if (c->closer != CONN_LOST) {
        return;
    }
    c->closer = (uint8_t)closer;
    c->close_code = code;
    c->reason = malloc(sizeof *c->reason);
    if (c->reason != NULL) { /* without memory, without a reason */
        size_t n = reason_len < WS_CLOSE_REASON_MAX ? reason_len : WS_CLOSE_REASON_MAX;
        c->reason->size = (uint8_t)n;
        memcpy(c->reason->bytes, reason, n);
    }
}

void conn_close(struct conn *c, uint16_t code, const char *reason) {
    if (c->state != CONN_OPEN) {
        return;
    }
    room_leave(c);
    if (c->state != CONN_OPEN) {
        return;
    }
    conn_note_close(c, CONN_CLOSED_BY_US, code, reason, strlen(reason));
    if (put_close(c, code, reason, strlen(reason)) != TB_OK) {
        conn_reset(c);
        return;
    }
    conn_enter(c, CONN_CLOSING);
    deadline_set(&c->endpoint->closing, &c->deadline);
    if (c->paused) {
        conn_resume(c);
    }
}

void conn_drop(struct conn *c) {
    if (c->asking != NULL) {
        c->asking->told = true;
        conn_end(c);
    } else if (c->state == CONN_LEAVING) {
        conn_reset(c);
    } else if (conn_is_unanswered(c)) {
        opening_trace_end(c, "it was dropped before it was answered");
        conn_end(c);
    } else {
        conn_note_close(c, CONN_CLOSED_BY_US, WS_CLOSE_ABNORMAL, "", 0);
        if (c->state == CONN_STALLED) {
            conn_end(c);
        } else {
            conn_leave(c, false);
        }
    }
}

void conn_ignore(struct conn *c) {
    c->deaf = true;
}

void conn_answer_close(struct conn *c, const struct ws_event *ev) {
    c->parted = true;
    if (!session_close_put(&c->session)) {
        room_leave(c);
        if (c->state == CONN_GONE || put_close(c, ev->code, "", 0) != TB_OK) {
            conn_reset(c);
            return;
        }
    }
    conn_leave(c, false);
}

void conn_fail(struct conn *c, uint16_t code, const char *reason) {
    conn_close(c, code, reason);
    conn_leave(c, true);
}

void conn_abandon(struct conn *c) {
    if (c->state == CONN_OPEN) {
        conn_fail(c, WS_CLOSE_INTERNAL, "out of memory");
    } else {
        conn_reset(c);
    }
}

void conn_send(struct conn *c, uint8_t opcode, const uint8_t *p, size_t n) {
    if (c->state != CONN_OPEN) {
        return;
    }
    uint8_t *dst = conn_reserve(c, session_message_bound(&c->session, n));
    size_t written = 0;
    if (dst == NULL || session_put_message(&c->session, opcode, p, n, dst, &written) != TB_OK ||
        conn_commit(c, written) != TB_OK) {
        conn_abandon(c);
        return;
    }
    const struct trace_sent sent = {
        .opcode = opcode, .data = p, .size = n, .wire = dst, .wire_size = written};
    if (written == 0) {
        return;
    }
    trace_sent(c->endpoint->config->trace, c, &sent);
}

/* ---- writing ---- */

/* Whether what the peer said may still come. TLS that has failed gives nothing to read, either. */
static bool may_hear(const struct conn *c) {
    return (c->paused || stream_is_reading(&c->stream)) && stream_tls_failure(&c->stream) == NULL;
}

/* The peer takes nothing any more; but what it said before may still be there to be read, its close
 * frame for one. The end comes from there. */
static void lose_output(struct conn *c) {
    output_discard(&c->out);
    c->lost_status = UV_EPIPE;
    if (c->asking != NULL) {
        client_write_failed(c);
    } else if (c->state == CONN_LEAVING || !c->was_open || !may_hear(c)) {
        conn_end(c);
    }
}

/* Keeps what the socket did not take, until it does. */
static void hand_over(struct conn *c, size_t rest) {
    if (output_detach(&c->out, rest) != TB_OK ||
        stream_finish(&c->stream, c->out.flight->bufs, c->out.flight->count) != TB_OK) {
        conn_reset(c);
    }
}

bool conn_write(struct conn *c) {
    uv_buf_t bufs[OUTPUT_BUFS];
    size_t bytes;
    unsigned count;
    while (!stream_is_busy(&c->stream) && (count = output_gather(&c->out, bufs, &bytes)) > 0) {
        ssize_t taken = stream_try(&c->stream, bufs, count);
        if (taken == TB_ENOMEM) {
            conn_reset(c);
            return false;
        }
        if (taken < 0) {
            lose_output(c);
            return false;
        }
        output_advance(&c->out, (size_t)taken);
        if ((size_t)taken < bytes) {
            hand_over(c, bytes - (size_t)taken);
            return true;
        }
    }
    return true;
}

void conn_flush(struct conn *c) {
    bool takes_more = conn_write(c);
    if (c->state >= CONN_STALLED) {
        return;
    }
    conn_yield_if_paused(c);
    if (stream_is_busy(&c->stream)) {
        return;
    }
    if (c->pong != NULL) {
        conn_say_pong(c); /* it is in endpoint.dirty now, and flushed again */
        return;
    }
    if (c->state == CONN_LEAVING) {
        finish_leaving(c);
        return;
    }
    if (takes_more && c->state == CONN_OPEN && c->endpoint->config->behaviour->on_drained != NULL) {
        c->endpoint->config->behaviour->on_drained(c);
    }
}

/* What waits for a connection that it did not ask for. Its `fresh` bytes do not count: a message
 * as large as the limit must not close those who read well. */
static size_t stale_backlog(const struct conn *c, size_t fresh) {
    size_t waiting = output_logged(&c->out) + output_pushed(&c->out);
    return stream_unsent(&c->stream) + waiting - (fresh < waiting ? fresh : waiting);
}

bool conn_is_too_slow(const struct conn *c, size_t fresh) {
    return c->state == CONN_OPEN && stream_is_busy(&c->stream) &&
           stale_backlog(c, fresh) > c->endpoint->config->max_backlog;
}

void conn_close_slow(struct conn *c) {
    conn_close(c, WS_CLOSE_POLICY, "too slow");
}

void conn_check_backlog(struct conn *c, size_t fresh) {
    const struct endpoint_config *config = c->endpoint->config;
    if (!conn_is_too_slow(c, fresh)) {
        return;
    }
    if (config->slow == SLOW_DROP) {
        size_t pushed = output_pushed(&c->out);
        size_t limit = pushed < config->max_backlog ? config->max_backlog - pushed : 0;
        uint64_t dropped = output_drop(&c->out, limit);
        c->dropped += dropped;
        trace_dropped(config->trace, c, dropped);
    } else {
        c->dropped += output_drop(&c->out, 0);
        conn_close_slow(c);
    }
}

/* ---- the stream's events ---- */

static void on_read(struct stream *s, uint8_t *p, size_t n) {
    struct conn *c = (struct conn *)s;
    c->heard = true;
    switch ((enum conn_state)c->state) {
    case CONN_DIALLING:
        client_take(c, p, n);
        break;
    case CONN_OPENING:
        if (c->client) {
            client_take(c, p, n);
        } else {
            opening_take(c, p, n);
        }
        break;
    case CONN_OPEN:
    case CONN_CLOSING:
        conn_take(c, p, n);
        break;
    case CONN_LEAVING:
    case CONN_STALLED:
    case CONN_GONE:
        break;
    }
}

/* A peer that takes what it is sent lives, however long that takes it. */
static void on_written(struct stream *s) {
    struct conn *c = (struct conn *)s;
    c->heard = true;
    output_land(&c->out);
    conn_flush(c);
}

/* It may still read what was said to it. */
void conn_peer_ended(struct conn *c) {
    if (stream_is_busy(&c->stream) || output_pending(&c->out) > 0) {
        conn_leave(c, false);
        c->linger = false;
    } else {
        conn_end(c);
    }
}

/* A client that never got as far as a request fails as visibly as one that is refused. */
static void trace_lost_opening(const struct conn *c) {
    const char *tls = stream_tls_failure(&c->stream);
    char why[160] = "it left before the handshake was complete";
    if (tls != NULL) {
        snprintf(why, sizeof why, "TLS failed: %s", tls);
    }
    opening_trace_end(c, why);
}

/* What was held back is looked at before the peer's end counts. */
static void on_end(struct stream *s, int status) {
    struct conn *c = (struct conn *)s;
    c->lost_status = status != 0 ? status : c->lost_status;
    if (c->asking != NULL) {
        client_lost(c, status);
        return;
    }
    bool unanswered = conn_is_unanswered(c);
    if (unanswered) {
        trace_lost_opening(c);
    }
    if (status != 0 || unanswered || c->state == CONN_STALLED) {
        conn_end(c);
    } else if (c->paused) {
        c->ended = true;
    } else {
        conn_peer_ended(c);
    }
}

static void on_secured(struct stream *s) {
    struct conn *c = (struct conn *)s;
    if (c->asking != NULL) {
        client_secured(c);
    }
}

static void on_closed(struct stream *s) {
    endpoint_forget((struct conn *)s);
}

const struct stream_events conn_stream_events = {
    .on_read = on_read,
    .on_written = on_written,
    .on_end = on_end,
    .on_secured = on_secured,
    .on_closed = on_closed,
};
