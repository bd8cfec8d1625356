/* conn/conn_state.h - what a connection is made of; for the files of this room only.
 *
 * opening.c (a server's) or client.c owns it until the handshake is done, conn.c afterwards; room.c
 * sends through `out`.
 */
#ifndef TB_CONN_CONN_STATE_H
#define TB_CONN_CONN_STATE_H

#include "base/bytes.h"
#include "base/list.h"
#include "conn/conn.h"
#include "conn/output.h"
#include "conn/trace.h"
#include "net/address.h"
#include "net/deadline.h"
#include "net/stream.h"
#include "proto/http1.h"
#include "proto/session.h"

struct client;
struct late;
struct room;

/* What is awaited. */
enum conn_state {
    CONN_DIALLING, /* a client's: the socket, the proxy, TLS */
    CONN_OPENING,  /* the request's head; a client's: the response's */
    CONN_OPEN,     /* messages */
    CONN_CLOSING,  /* the peer's close frame; ours was sent */
    CONN_LEAVING,  /* that the last bytes are written; input is thrown away */
    CONN_STALLED,  /* that the peer has gone; nothing is read or written */
    CONN_GONE      /* the stream's end */
};

/* The payload of a control frame, kept. */
struct note {
    uint8_t size;
    uint8_t bytes[WS_CONTROL_MAX];
};

/* A ping that was sent on somebody's word. */
struct ping {
    uint64_t at_us;   /* 0: several with this payload are on their way */
    unsigned waiting; /* pongs still to come */
    struct note payload;
};

struct conn {
    struct stream stream;
    struct endpoint *endpoint;
    struct list all;    /* endpoint.conns */
    struct list queue;  /* endpoint.dirty or .yielded */
    struct list member; /* room.members */
    struct room *room;
    struct deadline deadline;
    struct ws_session session;
    struct output out;
    void *data;            /* whoever drives it knows what */
    struct http1 *head;    /* a server's while opening, once bytes have come */
    struct client *asking; /* a client's until it is open */
    struct bytes held;     /* input that waits while the connection, or the answer, does */
    struct note *pong;     /* what the pong that waits for the socket will say */
    struct ping *ping;     /* the last one that was sent on somebody's word, or NULL */
    union {
        struct late *late;   /* `waits`: what for */
        struct note *reason; /* else: of the close frame, or NULL */
    };
    uint64_t id;
    uint64_t dropped;    /* messages left out, because it was too slow */
    uint64_t pinged_us;  /* when the last ping was sent */
    size_t unconfirmed;  /* what the peer had still to take then */
    uint32_t ping_count; /* the last ping's payload */
    int lost_status;     /* libuv's, of what the connection was lost to; 0: nothing is known */
    uint16_t close_code;
    struct address address;
    uint8_t state;     /* enum conn_state */
    uint8_t closer;    /* enum conn_closer */
    uint8_t violation; /* enum ws_violation: what the peer broke */
    bool client : 1;   /* we are the client */
    bool waits : 1;    /* a server's: its request was not answered yet, for that has to wait */
    bool was_open : 1;
    bool heard : 1;  /* something came since the last ping */
    bool ended : 1;  /* the peer's side has ended while we were paused */
    bool paused : 1; /* nothing is read until the output has drained, or the next turn */
    bool linger : 1; /* LEAVING: say FIN and wait for the peer's, so that it reads our last words */
    bool too_many : 1; /* beyond the limits: to be refused with 503 */
    bool parted : 1;   /* both close frames are said */
    bool silent : 1;   /* it did not answer a ping */
    bool told : 1;     /* that it is open no more */
    bool mute : 1;     /* its pings are not answered */
    bool deaf : 1;     /* messages are not told any more */
};

/* ---- conn.c: saying, writing, ending ---- */
extern const struct stream_events conn_stream_events;

/* Who says what we, or the peer, say: the client or the server. */
enum trace_from conn_sayer(const struct conn *c, bool us);

/* The next state; endpoint_shared.open is counted here alone. */
void conn_enter(struct conn *c, enum conn_state state);

/* Room for n bytes of this connection's own output, and: the first n are to be sent. NULL,
 * TB_ENOMEM: memory is out. */
uint8_t *conn_reserve(struct conn *c, size_t n);
int conn_commit(struct conn *c, size_t n);

/* Sends a copy of p[0..n), which may be nothing. TB_OK or TB_ENOMEM. */
int conn_put(struct conn *c, const uint8_t *p, size_t n);

/* As conn_commit(), for a control frame, which stands there. */
int conn_commit_control(struct conn *c, const uint8_t *frame, size_t n);

/* Writes what is pending, as far as the peer takes it. */
void conn_flush(struct conn *c);

/* Whether more waits for a connection that does not read than may, without the `fresh` bytes of
 * this turn, of what it did not ask for; and: it is closed for that. */
bool conn_is_too_slow(const struct conn *c, size_t fresh);
void conn_close_slow(struct conn *c);

/* A member of a room was given `fresh` bytes in this turn: is it too slow for the rest? */
void conn_check_backlog(struct conn *c, size_t fresh);

/* The peer's side of the stream has ended. */
void conn_peer_ended(struct conn *c);

/* Writes as conn_flush(), and does nothing else. False: the peer takes nothing any more. */
bool conn_write(struct conn *c);

/* Keeps how it ends. Whoever says it first has closed the connection. */
void conn_note_close(struct conn *c, enum conn_closer closer, uint16_t code, const char *reason,
                     size_t reason_len);

/* A server's whose request has no answer, and will have none if it ends now. */
bool conn_is_unanswered(const struct conn *c);

/* Nothing more will be said: leave once everything is written. */
void conn_leave(struct conn *c, bool linger);

/* The end, now. */
void conn_end(struct conn *c);
void conn_reset(struct conn *c);

/* The peer's close frame came: answer it, unless it is the answer to ours, and leave. */
void conn_answer_close(struct conn *c, const struct ws_event *ev);

/* Closes for a reason that makes the peer's answer worthless, and leaves. */
void conn_fail(struct conn *c, uint16_t code, const char *reason);

/* Memory is out: 1011 if that can still be said. */
void conn_abandon(struct conn *c);

/* Frees it; the stream is closed. */
void conn_free(struct conn *c);

/* ---- incoming.c: what an open connection receives ---- */

/* Takes input in the state OPEN or CLOSING. */
void conn_take(struct conn *c, uint8_t *p, size_t n);

/* A connection that is paused goes on in the next turn, unless it waits for the peer to read; and:
 * it goes on now. */
void conn_yield_if_paused(struct conn *c);
void conn_resume(struct conn *c);

/* Sends a ping, unless the socket is full; what moves from now on is a sign of life. */
void conn_ping(struct conn *c);

/* Sends the pong that had to wait, if there is one. */
void conn_say_pong(struct conn *c);

/* ---- opening.c: a server's handshake ---- */

/* Takes input in the state OPENING. */
void opening_take(struct conn *c, uint8_t *p, size_t n);

/* The answer that waits will not be given. */
void opening_cancel(struct conn *c);

/* It ends before it was answered: that is traced. */
void opening_trace_end(const struct conn *c, const char *why);

/* ---- endpoint.c ---- */

/* A connection of the endpoint, in the state OPENING, on no socket yet. NULL if memory or another
 * resource is out. */
struct conn *endpoint_conn_new(struct endpoint *ep, enum stream_kind kind);

/* Nobody is to be read now: the owner has said so, or other loops cannot pass on what this one
 * says. */
bool endpoint_must_wait(const struct endpoint *ep);

/* There is somebody in endpoint.yielded. */
void endpoint_expect_yielded(struct endpoint *ep);

/* The stream is closed: frees the connection. */
void endpoint_forget(struct conn *c);

#endif
