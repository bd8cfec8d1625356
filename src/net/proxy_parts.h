/* net/proxy_parts.h - a tunnel's inside; for the files of this room only.
 *
 * proxy.c owns the tunnel and how it ends, proxy_http.c and proxy_socks5.c the two languages.
 */
#ifndef TB_NET_PROXY_PARTS_H
#define TB_NET_PROXY_PARTS_H

#include <stdbool.h>

#include "net/proxy.h"
#include "proto/http1.h"

/* What is asked for: tunnel_new()'s arguments. */
struct tunnel_goal {
    const struct proxy *proxy;
    const char *host;
    uint16_t port;
    const char *user_agent;
};

/* A language. */
struct tunnel_ops {
    /* Prepares, and appends the first bytes. */
    void (*start)(struct tunnel *t, const struct tunnel_goal *goal, struct bytes *out);
    /* Takes bytes, n > 0, while the result is TUNNEL_MORE. Returns how many. */
    size_t (*feed)(struct tunnel *t, const uint8_t *p, size_t n, struct bytes *out);
};

extern const struct tunnel_ops tunnel_http_ops;
extern const struct tunnel_ops tunnel_socks5_ops;

enum { SOCKS5_PIECE_MAX = 257 }; /* a name of 255 bytes and a port */

/* What is awaited from a SOCKS5 proxy. */
enum socks5_awaited {
    SOCKS5_METHOD,
    SOCKS5_PERMIT,     /* whether user and password will do */
    SOCKS5_REPLY,      /* version and reply code */
    SOCKS5_BOUND_KIND, /* which kind of address the proxy has bound */
    SOCKS5_BOUND_SIZE, /* the size of a name */
    SOCKS5_BOUND,      /* the address itself, and the port */
    SOCKS5_AWAITED_COUNT
};

struct socks5 {
    struct bytes login;   /* what to send if the proxy wants to know us; empty: nothing */
    struct bytes connect; /* what to send then */
    struct bytes target;  /* "example.org port 80", safe for a terminal, terminated */
    enum socks5_awaited awaited;
    size_t want; /* bytes of what is awaited; have < want */
    size_t have;
    uint8_t piece[SOCKS5_PIECE_MAX];
};

struct tunnel {
    const struct tunnel_ops *ops;
    enum tunnel_result result;
    unsigned status;
    struct bytes why; /* terminated if it is not empty */
    bool gave_login;  /* HTTP: user and password were sent */
    struct http1 *head;
    unsigned interim; /* answers that were none yet */
    struct socks5 socks5;
};

/* How a tunnel ends. */
void tunnel_is_done(struct tunnel *t);
void tunnel_out_of_memory(struct tunnel *t);
void tunnel_refuse(struct tunnel *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Is it an address (inet_pton)? Its bytes go to ip. Returns 4, 16 or 0. */
size_t tunnel_address(const char *host, uint8_t ip[16]);

#endif
