/* conn/conn.h - one connection of a server, lawful from the first byte to the last.
 *
 * A conn is a session (proto) on a stream (net) with its output and its deadlines. It owns itself:
 * an endpoint makes it when somebody connects, and it is freed after on_close. All functions are
 * for the thread of its loop.
 */
#ifndef TB_CONN_CONN_H
#define TB_CONN_CONN_H

#include <stddef.h>
#include <stdint.h>

#include "net/address.h"
#include "proto/session.h"

struct conn;
struct endpoint;

/* What a server does with its connections. Called on the loop's thread; a connection may be sent
 * to, and closed, from each of these. */
struct conn_behaviour {
    void (*on_open)(struct conn *c);
    /* A whole message, ev->kind is WS_EVENT_MESSAGE; ev->data is gone after the return. */
    void (*on_message)(struct conn *c, const struct ws_event *ev);
    /* It was open and is no more; nothing can be sent. */
    void (*on_close)(struct conn *c);
};

/* Who ended an open connection. */
enum conn_closer {
    CONN_LOST, /* nobody said goodbye */
    CONN_CLOSED_BY_PEER,
    CONN_CLOSED_BY_US
};

struct endpoint *conn_endpoint(const struct conn *c);

/* Sends a message, TEXT or BINARY, to this connection alone, at the end of the turn. Nothing
 * happens when it is no longer open. If memory is out, the connection is closed with 1011. */
void conn_send(struct conn *c, uint8_t opcode, const uint8_t *p, size_t n);

/* Starts the closing handshake: what was sent before is sent, then a close frame with the code and
 * the reason (which is cut to 123 bytes); the peer has the close limit to answer. */
void conn_close(struct conn *c, uint16_t code, const char *reason);

#endif
