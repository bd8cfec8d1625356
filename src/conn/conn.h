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
#include "proto/http1.h"
#include "proto/session.h"

struct conn;
struct endpoint;
struct client_refusal;
struct ws_server_policy;

/* How a lawful request for an upgrade is answered. */
struct conn_terms {
    unsigned
        status; /* 101: it is welcome; otherwise it is refused with that (100 < status < 600) */
    const char *const *headers; /* further lines of either answer (proto/handshake.h), or NULL */
    const char *content_type;   /* of a refusal; NULL: no such line */
    const char *body;           /* of a refusal */
    size_t body_size;
    const char *why; /* of a refusal, for a person who reads the trace; NULL: nothing special */
    const struct ws_server_policy *policy; /* NULL: the endpoint's; Origins that the endpoint does
                                              not allow are refused in any case */
    uint64_t delay_ms; /* the answer, whichever it is, is given that much later */
};

/* What is done with the connections of an endpoint. Called on the loop's thread; a connection may
 * be sent to, and closed, from on_open, on_message, on_control and on_drained. Any may be dropped,
 * aborted and stalled in each. */
struct conn_behaviour {
    /* A server's: a lawful request for an upgrade has come, and was not answered. Gives the terms,
     * which stay as they are until on_open, or until on_freed; NULL: it is welcome by the
     * endpoint's policy. It may be dropped here, aborted or stalled; then the answer does not
     * matter. NULL is allowed: everybody is welcome. */
    const struct conn_terms *(*on_request)(struct conn *c, const struct http1 *request);
    void (*on_open)(struct conn *c);
    /* A whole message, ev->kind is WS_EVENT_MESSAGE; ev->data is gone after the return. */
    void (*on_message)(struct conn *c, const struct ws_event *ev);
    /* A control frame, before it is answered: a ping or a pong, or the peer's close frame
     * (ev->code, and the reason in ev->data), unless that answers ours. While a close frame is told
     * the connection is open still: messages, and a close of our own instead of the usual answer,
     * are lawful (RFC 6455 s.5.5.1). ev->data is gone after the return. NULL is allowed. */
    void (*on_control)(struct conn *c, const struct ws_event *ev);
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
    /* The last that is told, of every connection, also of one that never opened: it is freed, and
     * conn_data() is of no use to it any more. NULL is allowed. */
    void (*on_freed)(struct conn *c);
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

/* Its number, as the trace says it: unique among those of one server. */
uint64_t conn_id(const struct conn *c);

/* A pointer of whoever drives the connection; NULL at first. It is not looked at here. */
void conn_set_data(struct conn *c, void *data);
void *conn_data(const struct conn *c);

/* Writes the peer's address as text (net/address.h), at any time; returns text. */
const char *conn_address(const struct conn *c, char text[ADDRESS_TEXT_MAX]);

/* The head that a server's connection was opened with: in on_open, NULL at any other time. Taking
 * it makes it the caller's, to free with http1_free(); otherwise it is gone after on_open. */
const struct http1 *conn_request(const struct conn *c);
struct http1 *conn_take_request(struct conn *c);

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
 * not stand on the wire (ws_close_code_is_valid()) is not the caller's to give, but for
 * WS_CLOSE_NO_STATUS. */
void conn_close(struct conn *c, uint16_t code, const char *reason);

/* Messages that still come are neither told nor traced; control frames are not told. */
void conn_ignore(struct conn *c);

/* Whether this peer's pings are answered, as they are at first (unless the endpoint answers none);
 * a pong that waits for the socket is not said any more. */
void conn_set_pongs(struct conn *c, bool on);

/* Ends it without a close frame, once what was said is written, and when called again at once; or
 * before it has opened: then on_refused is not called. */
void conn_drop(struct conn *c);

/* Ends it now, whatever is pending, with a TCP RST (of a Unix socket, with its close); otherwise as
 * conn_drop(). */
void conn_abort(struct conn *c);

/* From now on it is open and dead: what was said before goes out as far as the socket takes it, and
 * then nothing is read, said or answered any more, while the TCP connection stays. It counts as
 * open no longer. Ends when the peer has gone (that is seen in about a second; in a minute or so if
 * its host has vanished), by conn_drop() or conn_abort(), and when the endpoint stops. Also in
 * on_request: the request has no answer then. Nothing happens to one that ends already, or, a
 * client's, is not open yet. */
void conn_stall(struct conn *c);

#endif
