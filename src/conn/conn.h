/* conn/conn.h - one connection, of a server or of a client, lawful from the first byte to the last.
 *
 * A conn is a session (proto) on a stream (net) with its output and its deadlines. It owns itself:
 * an endpoint makes it when somebody connects, client_dial() when we do, and it is freed after its
 * last callback. All functions are for the thread of its loop.
 */
#ifndef TB_CONN_CONN_H
#define TB_CONN_CONN_H

#include <stddef.h>
#include <stdint.h>

#include "net/address.h"
#include "proto/session.h"

struct conn;
struct endpoint;
struct client_refusal;

/* What is done with the connections of an endpoint. Called on the loop's thread; a connection may
 * be sent to, and closed, from on_open, on_message and on_drained. */
struct conn_behaviour {
    void (*on_open)(struct conn *c);
    /* A whole message, ev->kind is WS_EVENT_MESSAGE; ev->data is gone after the return. */
    void (*on_message)(struct conn *c, const struct ws_event *ev);
    /* It was open and is no more; nothing can be sent. A client's is told when the last frame was
     * said, a server's when the TCP connection has ended. */
    void (*on_close)(struct conn *c);
    /* Everything that was said is with the system: there is room for more. NULL is allowed. */
    void (*on_drained)(struct conn *c);
    /* A client's (conn/client.h): it never opened, and is gone; and: a dial has come a step
     * further, in a few words for a person. A server may leave them NULL; on_stage is always
     * optional. */
    void (*on_refused)(struct conn *c, const struct client_refusal *refusal);
    void (*on_stage)(struct conn *c, int stage, const char *text);
};

/* Who ended an open connection. */
enum conn_closer {
    CONN_LOST, /* nobody said goodbye */
    CONN_CLOSED_BY_PEER,
    CONN_CLOSED_BY_US
};

/* How an open connection ended; complete in on_close. */
struct conn_ending {
    enum conn_closer closer; /* who said it first */
    uint16_t code;           /* WS_CLOSE_ABNORMAL if nobody did, or by conn_drop() */
    const uint8_t *reason;   /* the connection's; not terminated */
    size_t reason_size;
    bool answered;               /* what we said, the peer has answered with a close frame */
    bool silent;                 /* we gave it up: no answer to a ping */
    enum ws_violation violation; /* the rule that the peer broke, or WS_V_NONE */
    const char *why_lost; /* LOST: the system's or TLS's reason, if there is one; else NULL */
};

struct conn_ending conn_ending(const struct conn *c);

struct endpoint *conn_endpoint(const struct conn *c);

/* Whether messages can be sent. */
bool conn_is_open(const struct conn *c);

/* Bytes that were said and that the system does not have yet. */
size_t conn_unsent(const struct conn *c);

/* Sends a message, TEXT or BINARY, to this connection alone, at the end of the turn. Nothing
 * happens when it is no longer open. If memory is out, the connection is closed with 1011. */
void conn_send(struct conn *c, uint8_t opcode, const uint8_t *p, size_t n);

/* Sends a ping, whose pong is then told with its round trip, or a pong that nobody asked for
 * (n <= WS_CONTROL_MAX); as conn_send(). */
void conn_send_ping(struct conn *c, const uint8_t *p, size_t n);
void conn_send_pong(struct conn *c, const uint8_t *p, size_t n);

/* Starts the closing handshake: what was sent before is sent, then a close frame with the code and
 * the reason (which is cut to 123 bytes); the peer has the close limit to answer. A code that may
 * not stand on the wire is not the caller's to give, but for WS_CLOSE_NO_STATUS. */
void conn_close(struct conn *c, uint16_t code, const char *reason);

/* Messages that still come are neither told nor traced. */
void conn_ignore(struct conn *c);

/* Ends it without a close frame, once what was said is written, and when called again at once; or
 * before it has opened: then on_refused is not called. */
void conn_drop(struct conn *c);

#endif
