/* conn/client.h - a connection that we ask for: from a URL to an open WebSocket (RFC 6455 s.4.1).
 *
 * Dials, goes through a proxy, starts TLS, asks for the upgrade and judges the answer; one deadline
 * (endpoint_config.handshake_ms) runs over all of it. Then it is a conn like every other. What
 * comes of it is told once: by on_open, or by on_refused. Redirects, retries and whatever else
 * means another connection are the caller's.
 */
#ifndef TB_CONN_CLIENT_H
#define TB_CONN_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn/conn.h"
#include "net/dial.h"
#include "net/proxy.h"
#include "net/tls.h"
#include "proto/handshake.h"

struct endpoint;

/* Where to, and what to ask for. Everything is the caller's, and stays until the outcome is told.
 */
struct client_target {
    const char *url;           /* for people and recordings: without user and password */
    struct dial_route route;   /* where the socket goes: to the server or to the proxy */
    const struct proxy *proxy; /* NULL: none */
    const char *host;          /* the server: whom the proxy is asked for, */
    uint16_t port;             /* and whose certificate is wanted */
    struct tls_context *tls;   /* NULL: plain */
    const char *user_agent;    /* for the proxy; NULL: none */
    struct ws_request request; /* without its key, which is fresh each time */
};

/* How far it has come. */
enum client_stage {
    CLIENT_RESOLVING,
    CLIENT_CONNECTING,
    CLIENT_CONNECTED, /* nothing is awaited: a fact to be told */
    CLIENT_TUNNELLING,
    CLIENT_SECURING,
    CLIENT_SECURED, /* a fact, too */
    CLIENT_ASKING
};

/* Why it did not open. */
enum client_failure {
    CLIENT_NO_PROXY_NAME, /* the proxy's name is not known */
    CLIENT_NO_NAME,       /* the server's name is not known */
    CLIENT_NO_CONNECTION, /* nobody listens there, or the proxy would not */
    CLIENT_TLS_FAILED,
    CLIENT_NOT_TRUSTED, /* the certificate is not trusted */
    CLIENT_TIMED_OUT,
    CLIENT_SEND_FAILED,
    CLIENT_LOST,       /* the connection ended before the answer was there */
    CLIENT_BROKE_RULE, /* the answer breaks a rule */
    CLIENT_REFUSED,    /* the answer is not 101 */
    CLIENT_SYSTEM      /* memory, or another resource of ours, is out */
};

struct client_refusal {
    enum client_failure failure;
    const char *why;              /* one line for a person, safe for a terminal */
    enum ws_violation violation;  /* of CLIENT_BROKE_RULE, or WS_V_NONE */
    const struct http1 *response; /* the answer's head, if one came; else NULL */
    const uint8_t *body;          /* the first bytes of its body */
    size_t body_size;
    bool body_cut; /* there is more than that */
};

/* Starts to connect. The outcome comes later, never from inside this call. NULL if memory is out.
 */
struct conn *client_dial(struct endpoint *ep, const struct client_target *target);

#endif
