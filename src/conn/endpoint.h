/* conn/endpoint.h - connections of one loop, those that come and those that we dial: a server with
 * its listeners and its room, or a client (conn/client.h).
 *
 * Everything of an endpoint belongs to its loop's thread. What endpoints on several loops have in
 * common is a configuration that nobody changes and a handful of atomic counters. A loop may have
 * several endpoints; its end is its owner's business.
 */
#ifndef TB_CONN_ENDPOINT_H
#define TB_CONN_ENDPOINT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "conn/chunk.h"
#include "conn/conn.h"
#include "conn/room.h"
#include "net/deadline.h"
#include "net/listen.h"
#include "net/loop.h"
#include "net/tls.h"
#include "proto/handshake.h"

struct trace;

/* What happens to a member that does not read (--slow). */
enum slow_policy { SLOW_CLOSE, SLOW_DROP };

struct endpoint_config {
    struct ws_server_policy policy;
    uint64_t max_message;     /* bytes, after inflating */
    uint32_t max_fragments;   /* frames per message */
    uint64_t max_backlog;     /* bytes that wait for one connection */
    uint64_t max_buffers;     /* bytes that wait for all; then new connections are refused */
    uint64_t max_connections; /* of all loops */
    enum slow_policy slow;
    uint64_t handshake_ms;     /* from the accept, or the dial, to the 101 */
    uint64_t ping_interval_ms; /* 0: no pings */
    uint64_t ping_timeout_ms;  /* 0: for ever */
    uint64_t close_ms;         /* for the peer's part of a close */
    bool frame_events;         /* trace every frame */
    bool no_pongs;             /* leave pings unanswered */
    const char *page_html;     /* the answer to a plain GET, for a browser */
    const char *page_text;     /* … and for everybody else */
    const struct conn_behaviour *behaviour;
    struct trace *trace; /* NULL: none */
    void *ctx;           /* the behaviour's */
};

/* What the endpoints of one server count together. */
struct endpoint_shared {
    atomic_uint_fast64_t last_id;
    atomic_uint_fast64_t connections; /* accepted or dialled, and not freed */
    atomic_uint_fast64_t open;        /* between the handshake and the first close frame */
    atomic_size_t buffers;            /* bytes of all output chunks */
    atomic_size_t in_transit;         /* bytes of messages on their way to other loops */
};

struct endpoint {
    struct loop *loop;
    const struct endpoint_config *config;
    struct endpoint_shared *shared;
    struct room room;                      /* everybody; the owner may make others (conn/room.h) */
    void (*on_ended)(struct endpoint *ep); /* the owner's, see endpoint_stop(); NULL is allowed */
    /* private */
    struct loop_turn turn;
    struct ws_session_config sessions[2]; /* by our role, enum ws_role */
    struct ws_deflate_cache *cache;
    struct chunk_pool pool;
    struct chain own; /* what is said to one connection alone */
    struct list conns;
    struct list dirty;       /* conns with output of their own in this turn */
    struct list dirty_rooms; /* rooms to which something was said in this turn */
    struct list yielded;     /* conns that had enough for one turn */
    uv_idle_t idle;          /* runs while somebody has yielded */
    uv_timer_t retry; /* a turn soon: for who could not be accepted, and for waiting log lines */
    struct deadline_queue opening, ping, pong, closing, parting, look;
    struct listener **listeners;
    size_t listener_count;
    size_t handles; /* that are not closed */
    bool stopping;
    bool held; /* nobody is read */
};

/* An endpoint on the loop; on_ended is the caller's to set afterwards. TB_OK or TB_ENOMEM. */
int endpoint_init(struct endpoint *ep, struct loop *loop, const struct endpoint_config *config,
                  struct endpoint_shared *shared);

/* Accepts from a listening descriptor, which it owns from now on in any case; with a context, by
 * TLS, which is the caller's and outlives the endpoint. TB_OK, TB_ENOMEM or TB_ESYS. */
int endpoint_listen(struct endpoint *ep, enum stream_kind kind, int fd, struct tls_context *tls);

/* Reads from nobody until told otherwise: what was received cannot be passed on now. At most one
 * message of each connection still comes. */
void endpoint_hold(struct endpoint *ep, bool held);

/* Accepts nobody any more, closes every connection with 1001 and, when the last has gone, the
 * endpoint's handles. When they are closed, on_ended is called: nothing of the endpoint is on its
 * loop from then on, and it may be released, there or later. Again: resets what is left. */
void endpoint_stop(struct endpoint *ep);

/* Frees what is left. The endpoint has ended: its loop, or another turn of it, has run after
 * endpoint_stop(). If it is on a bus (conn/bus.h), the loop has been released before, too. */
void endpoint_release(struct endpoint *ep);

#endif
