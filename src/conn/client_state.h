/* conn/client_state.h - what a client's connection has of its own until it is open; for the files
 * of this room only.
 */
#ifndef TB_CONN_CLIENT_STATE_H
#define TB_CONN_CLIENT_STATE_H

#include "base/bytes.h"
#include "conn/client.h"
#include "proto/http1_body.h"

/* What is awaited. */
enum client_awaits {
    CLIENT_AWAITS_SOCKET, /* the dial's outcome */
    CLIENT_AWAITS_NAME,   /* the same: it is still looking for addresses */
    CLIENT_AWAITS_TUNNEL, /* the proxy's word */
    CLIENT_AWAITS_TLS,    /* the end of the TLS handshake */
    CLIENT_AWAITS_ANSWER, /* the head of the response */
    CLIENT_AWAITS_BODY    /* the body of a refusal */
};

struct client {
    const struct client_target *target;
    enum client_awaits awaits;
    struct dial *dial;       /* while the socket is awaited */
    struct tunnel *tunnel;   /* once the proxy was asked */
    struct ws_request asked; /* with its key */
    struct bytes request;    /* as it was sent */
    struct http1 *head;      /* of the response */
    bool answered;           /* that head is whole */
    unsigned interims;       /* responses of 1xx so far */
    struct http1_body body_reader;
    struct bytes body;
    bool body_cut;
    bool told;      /* the outcome, or there is nobody to tell */
    bool send_lost; /* what was to be sent could not be; what was said before is still read */
    enum client_failure failure;
    enum ws_violation violation;
    struct bytes why; /* terminated */
};

void client_free(struct client *k);

/* Input while the handshake is not done. */
void client_take(struct conn *c, uint8_t *p, size_t n);

/* TLS is there. */
void client_secured(struct conn *c);

/* The peer ended its side (0), or the connection is lost; what was to be sent could not be; the
 * time is up. Each is the end. */
void client_lost(struct conn *c, int status);
void client_write_failed(struct conn *c);
void client_expired(struct conn *c);

/* The connection has ended before it was open: tells the outcome, unless nobody wants to know. */
void client_ended(struct conn *c);

#endif
