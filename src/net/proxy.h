/* net/proxy.h - the handshake with a proxy, after which the connection is a tunnel.
 *
 * HTTP CONNECT (RFC 9110 s.9.3.6) with Basic authentication (RFC 7617), and SOCKS5 (RFC 1928) with
 * user and password (RFC 1929). Sans-I/O: bytes come in any pieces, what is to be sent is appended.
 * What the proxy says is bounded, and is escaped where it is shown. Never connects, resolves or
 * waits.
 */
#ifndef TB_NET_PROXY_H
#define TB_NET_PROXY_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum proxy_kind {
    PROXY_HTTP,
    PROXY_SOCKS5, /* the caller resolves names */
    PROXY_SOCKS5H /* the proxy does */
};

struct proxy {
    enum proxy_kind kind;
    const char *host;
    uint16_t port;
    const char *user; /* NULL: none */
    const char *password;
};

struct tunnel;

enum tunnel_result {
    TUNNEL_MORE, /* everything was taken; the handshake is not complete */
    TUNNEL_DONE,
    TUNNEL_REFUSED, /* tunnel_why() says why */
    TUNNEL_NOMEM
};

/* A handshake through the proxy to host:port. An address stands without brackets; for PROXY_SOCKS5
 * it must be one. user_agent may be NULL. Nothing of the arguments is kept. The first bytes to be
 * sent are appended to *out, unless the proxy cannot be asked for this (a name too long for SOCKS5,
 * a line break in a name): then nothing is, and tunnel_why() says so at once. NULL if memory is
 * out. */
struct tunnel *tunnel_new(const struct proxy *proxy, const char *host, uint16_t port,
                          const char *user_agent, struct bytes *out);
void tunnel_free(struct tunnel *t);

/* Takes bytes; *used gets how many: after TUNNEL_DONE the rest is the tunnel's first content. What
 * is to be sent is appended to *out. After anything but TUNNEL_MORE nothing is taken any more, and
 * the result stays. */
enum tunnel_result tunnel_feed(struct tunnel *t, const uint8_t *p, size_t n, size_t *used,
                               struct bytes *out);

/* Why there is no tunnel, in one line, safe for a terminal; NULL if that is not known. */
const char *tunnel_why(const struct tunnel *t);

/* The HTTP status of a refusal; 0 otherwise. */
unsigned tunnel_status(const struct tunnel *t);

#endif
