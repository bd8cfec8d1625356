#include "conn/endpoint.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "conn/client_state.h"
#include "conn/conn_state.h"
#include "conn/trace.h"

enum {
    /* Connections beyond the limit that may be told so; the next ones are reset. */
    REFUSALS_AT_ONCE = 32,
    RETRY_MS = 100,
    LOOK_MS = 1000,    /* between two looks at whether a peer is there that is not read */
    PARTING_MS = 1000, /* a client waits for the server's end of the TCP connection */
    /* Bytes that may be on their way to other loops before those who send them wait. */
    TRANSIT_MAX = 16 * 1024 * 1024,
};

/* ---- deadlines ---- */

static void on_opening_expired(struct deadline *d) {
    struct conn *c = LIST_ENTRY(d, struct conn, deadline);
    if (c->asking != NULL) {
        client_expired(c);
        return;
    }
    const struct trace_handshake h = {.request = c->head};
    trace_refused(c->endpoint->config->trace, c, &h, "no complete handshake within the time limit");
    conn_reset(c);
}

static void on_ping_due(struct deadline *d) {
    struct conn *c = LIST_ENTRY(d, struct conn, deadline);
    struct endpoint *ep = c->endpoint;
    deadline_set(ep->config->ping_timeout_ms > 0 ? &ep->pong : &ep->ping, d);
    conn_ping(c);
}

/* Whatever came since the ping is a sign of life: a peer may be busy sending something large, or
 * reading it. Of one that we do not read nothing is known. */
static void on_pong_missing(struct deadline *d) {
    struct conn *c = LIST_ENTRY(d, struct conn, deadline);
    bool unread = c->paused && endpoint_must_wait(c->endpoint);
    if (c->heard || unread || stream_unconfirmed(&c->stream) < c->unconfirmed) {
        deadline_set(&c->endpoint->ping, d);
    } else {
        c->silent = true;
        conn_fail(c, WS_CLOSE_INTERNAL, "no answer to a ping");
    }
}

static void on_closing_expired(struct deadline *d) {
    struct conn *c = LIST_ENTRY(d, struct conn, deadline);
    if (c->asking != NULL) {
        client_expired(c);
    } else if (c->state == CONN_CLOSING && c->endpoint->held) {
        deadline_set(&c->endpoint->closing, d); /* its answer may be here, and is not read */
    } else {
        conn_reset(c);
    }
}

/* The server had its time to end the TCP connection. */
static void on_parting_expired(struct deadline *d) {
    conn_end(LIST_ENTRY(d, struct conn, deadline));
}

/* Of a peer that is not read, nobody tells that it has gone. */
static void on_look(struct deadline *d) {
    struct conn *c = LIST_ENTRY(d, struct conn, deadline);
    int status;
    if (stream_has_ended(&c->stream, &status)) {
        conn_stream_events.on_end(&c->stream, status);
    } else {
        deadline_set(&c->endpoint->look, d);
    }
}

/* ---- the turn ---- */

static void on_retry(uv_timer_t *timer);

static void flush_dirty(struct endpoint *ep) {
    struct list dirty;
    list_init(&dirty);
    list_splice(&dirty, &ep->dirty);
    while (!list_is_empty(&dirty)) {
        struct conn *c = LIST_ENTRY(dirty.next, struct conn, queue);
        list_remove(&c->queue);
        conn_flush(c);
    }
}

/* Comes back to what could not be done now: a turn, in which that is tried again, is enough. */
static void retry_soon(struct endpoint *ep) {
    if (!uv_is_active((uv_handle_t *)&ep->retry) && !uv_is_closing((uv_handle_t *)&ep->retry)) {
        uv_timer_start(&ep->retry, on_retry, RETRY_MS, 0);
    }
}

static void flush_rooms(struct endpoint *ep) {
    while (!list_is_empty(&ep->dirty_rooms)) {
        room_flush(LIST_ENTRY(ep->dirty_rooms.next, struct room, queue));
    }
}

/* What is said while somebody is flushed, because he leaves, is flushed in the same turn. */
static bool on_turn_end(struct loop_turn *turn) {
    struct endpoint *ep = LIST_ENTRY(turn, struct endpoint, turn);
    bool worked = false;
    while (!list_is_empty(&ep->dirty) || !list_is_empty(&ep->dirty_rooms)) {
        flush_dirty(ep);
        flush_rooms(ep);
        worked = true;
    }
    chain_move_on(&ep->own);
    if (trace_flush(ep->config->trace)) {
        retry_soon(ep);
    }
    return worked;
}

static bool is_ahead(const struct endpoint *ep) {
    return atomic_load_explicit(&ep->shared->in_transit, memory_order_relaxed) > TRANSIT_MAX;
}

bool endpoint_must_wait(const struct endpoint *ep) {
    return ep->held || is_ahead(ep);
}

/* Those who yielded go on, each once. */
static void on_idle(uv_idle_t *idle) {
    struct endpoint *ep = idle->data;
    if (ep->held) {
        uv_idle_stop(idle); /* endpoint_hold() starts it again */
        return;
    }
    if (is_ahead(ep)) {
        return;
    }
    struct list yielded;
    list_init(&yielded);
    list_splice(&yielded, &ep->yielded);
    while (!list_is_empty(&yielded)) {
        struct conn *c = LIST_ENTRY(yielded.next, struct conn, queue);
        list_remove(&c->queue);
        list_append(&ep->dirty, &c->queue);
        conn_resume(c);
    }
    if (list_is_empty(&ep->yielded)) {
        uv_idle_stop(idle);
    }
}

void endpoint_expect_yielded(struct endpoint *ep) {
    uv_idle_start(&ep->idle, on_idle);
}

void endpoint_hold(struct endpoint *ep, bool held) {
    ep->held = held;
    if (!held && !list_is_empty(&ep->yielded)) {
        endpoint_expect_yielded(ep);
    }
}

/* ---- handles ---- */

static void handle_closed(struct endpoint *ep) {
    if (--ep->handles > 0) {
        return;
    }
    loop_remove_turn(ep->loop, &ep->turn);
    if (ep->on_ended != NULL) {
        ep->on_ended(ep);
    }
}

static void on_handle_closed(uv_handle_t *handle) {
    handle_closed(handle->data);
}

static void on_listener_closed(struct listener *l) {
    handle_closed(l->ctx);
}

/* ---- accepting ---- */

struct conn *endpoint_conn_new(struct endpoint *ep, enum stream_kind kind) {
    struct conn *c = calloc(1, sizeof *c);
    if (c == NULL || stream_init(&c->stream, ep->loop, kind, &conn_stream_events) != TB_OK) {
        free(c);
        return NULL;
    }
    c->endpoint = ep;
    c->state = CONN_OPENING;
    c->id = atomic_fetch_add_explicit(&ep->shared->last_id, 1, memory_order_relaxed) + 1;
    c->close_code = WS_CLOSE_ABNORMAL;
    list_init(&c->queue);
    list_init(&c->member);
    deadline_init(&c->deadline);
    output_init(&c->out);
    list_append(&ep->conns, &c->all);
    return c;
}

/* Lets go of the first one that was refused, has its answer and does not leave. */
static bool make_room(struct endpoint *ep) {
    struct list *waiting = &ep->closing.waiting;
    for (struct list *hook = waiting->next; hook != waiting; hook = hook->next) {
        struct conn *c = LIST_ENTRY(hook, struct conn, deadline.hook);
        if (c->state == CONN_LEAVING && c->too_many && output_pending(&c->out) == 0) {
            conn_end(c);
            return true;
        }
    }
    return false;
}

/* Counts the connection, and says whether it may stay: to talk, or to be told that it may not. */
static bool is_within_limits(struct conn *c) {
    const struct endpoint_config *config = c->endpoint->config;
    struct endpoint_shared *shared = c->endpoint->shared;
    uint64_t others = atomic_fetch_add_explicit(&shared->connections, 1, memory_order_relaxed);
    c->too_many =
        others >= config->max_connections ||
        atomic_load_explicit(&shared->buffers, memory_order_relaxed) > config->max_buffers;
    return !c->too_many || others < config->max_connections + REFUSALS_AT_ONCE ||
           make_room(c->endpoint);
}

static void start(struct conn *c, struct listener *l) {
    struct endpoint *ep = c->endpoint;
    bool welcome = is_within_limits(c);
    if (stream_accept(&c->stream, &l->uv.stream, l->tls) != TB_OK || ep->stopping) {
        conn_reset(c);
        return;
    }
    address_of_peer(&c->address, &c->stream.uv.stream); /* it is not told once the peer has gone */
    if (!welcome) {
        const struct trace_handshake h = {.request = NULL};
        trace_refused(ep->config->trace, c, &h, "too many connections are waiting for a 503");
        conn_reset(c);
        return;
    }
    deadline_set(&ep->opening, &c->deadline);
    if (stream_read_start(&c->stream) != TB_OK) {
        conn_reset(c);
    }
}

static void on_connection(struct listener *l) {
    struct endpoint *ep = l->ctx;
    struct conn *c = endpoint_conn_new(ep, l->kind);
    if (c != NULL) {
        start(c, l);
        return;
    }
    /* While nothing is accepted, libuv leaves the listener alone, and the peers wait. */
    l->waiting = true;
    retry_soon(ep);
}

static void on_retry(uv_timer_t *timer) {
    struct endpoint *ep = timer->data;
    for (size_t i = 0; i < ep->listener_count; i++) {
        struct listener *l = ep->listeners[i];
        if (l->waiting) {
            l->waiting = false;
            on_connection(l);
        }
    }
}

int endpoint_listen(struct endpoint *ep, enum stream_kind kind, int fd, struct tls_context *tls) {
    size_t size = (ep->listener_count + 1) * sizeof *ep->listeners;
    struct listener **listeners = realloc(ep->listeners, size);
    struct listener *l = calloc(1, sizeof *l);
    if (listeners != NULL) {
        ep->listeners = listeners;
    }
    if (listeners == NULL || l == NULL) {
        free(l);
        close(fd);
        return TB_ENOMEM;
    }
    l->on_connection = on_connection;
    l->on_closed = on_listener_closed;
    l->ctx = ep;
    l->tls = tls;
    ep->handles++;
    ep->listeners[ep->listener_count++] = l;
    return listener_open(l, ep->loop, kind, fd);
}

/* ---- the end ---- */

static void end_handles(struct endpoint *ep) {
    struct deadline_queue *const queues[] = {&ep->opening, &ep->ping,    &ep->pong,
                                             &ep->closing, &ep->parting, &ep->look};
    for (size_t i = 0; i < sizeof queues / sizeof *queues; i++) {
        deadline_queue_close(queues[i], on_handle_closed, ep);
        ep->handles++;
    }
    uv_close((uv_handle_t *)&ep->retry, on_handle_closed);
    uv_close((uv_handle_t *)&ep->idle, on_handle_closed);
    ep->handles += 2 - 1; /* the one that stood for them is gone */
}

void endpoint_forget(struct conn *c) {
    struct endpoint *ep = c->endpoint;
    atomic_fetch_sub_explicit(&ep->shared->connections, 1, memory_order_relaxed);
    list_remove(&c->all);
    if (ep->config->behaviour->on_freed != NULL) {
        ep->config->behaviour->on_freed(c);
    }
    conn_free(c);
    if (ep->stopping && list_is_empty(&ep->conns)) {
        end_handles(ep);
    }
}

static void part_with(struct conn *c) {
    if (c->state <= CONN_OPENING) {
        conn_end(c);
    } else if (c->state == CONN_STALLED) {
        conn_abort(c);
    } else {
        conn_close(c, WS_CLOSE_GOING_AWAY, "the server is stopping");
    }
}

void endpoint_stop(struct endpoint *ep) {
    void (*part)(struct conn * c) = ep->stopping ? conn_reset : part_with;
    bool first = !ep->stopping;
    ep->stopping = true;
    for (size_t i = 0; first && i < ep->listener_count; i++) {
        listener_close(ep->listeners[i]);
    }
    for (struct list *hook = ep->conns.next; hook != &ep->conns; hook = hook->next) {
        part(LIST_ENTRY(hook, struct conn, all));
    }
    if (first && list_is_empty(&ep->conns)) {
        end_handles(ep);
    }
}

/* ---- life ---- */

int endpoint_init(struct endpoint *ep, struct loop *loop, const struct endpoint_config *config,
                  struct endpoint_shared *shared) {
    memset(ep, 0, sizeof *ep);
    ep->cache = ws_deflate_cache_new();
    if (ep->cache == NULL) {
        return TB_ENOMEM;
    }
    ep->loop = loop;
    ep->config = config;
    ep->shared = shared;
    for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
        ep->sessions[role] = (struct ws_session_config){.role = (enum ws_role)role,
                                                        .frame_events = config->frame_events,
                                                        .max_message = config->max_message,
                                                        .max_fragments = config->max_fragments,
                                                        .cache = ep->cache};
    }
    chunk_pool_init(&ep->pool, &shared->buffers);
    chain_init(&ep->own, &ep->pool, false);
    list_init(&ep->dirty_rooms);
    room_init(&ep->room, ep);
    list_init(&ep->conns);
    list_init(&ep->dirty);
    list_init(&ep->yielded);
    deadline_queue_init(&ep->opening, &loop->uv, config->handshake_ms, on_opening_expired);
    deadline_queue_init(&ep->ping, &loop->uv, config->ping_interval_ms, on_ping_due);
    deadline_queue_init(&ep->pong, &loop->uv, config->ping_timeout_ms, on_pong_missing);
    deadline_queue_init(&ep->closing, &loop->uv, config->close_ms, on_closing_expired);
    deadline_queue_init(&ep->parting, &loop->uv, PARTING_MS, on_parting_expired);
    deadline_queue_init(&ep->look, &loop->uv, LOOK_MS, on_look);
    uv_idle_init(&loop->uv, &ep->idle);
    ep->idle.data = ep;
    uv_timer_init(&loop->uv, &ep->retry);
    ep->retry.data = ep;
    ep->handles = 1; /* for all of its own, until end_handles() */
    ep->turn.end = on_turn_end;
    loop_add_turn(loop, &ep->turn);
    return TB_OK;
}

void endpoint_release(struct endpoint *ep) {
    for (size_t i = 0; i < ep->listener_count; i++) {
        free(ep->listeners[i]);
    }
    free(ep->listeners);
    room_release(&ep->room);
    chain_release(&ep->own);
    chunk_pool_release(&ep->pool);
    ws_deflate_cache_free(ep->cache);
}
