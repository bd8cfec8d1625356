/* proto/url_parts.h - what url.c and url_resolve.c share; nobody else's. */
#ifndef TB_PROTO_URL_PARTS_H
#define TB_PROTO_URL_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/url.h"

enum { URL_PORT_WS = 80, URL_PORT_WSS = 443 };

/* A URL that is being read. */
struct url_reader {
    struct url *url;
    const char *text; /* the whole, for messages */
    struct bytes *message;
};

/* Makes the message of printf's arguments. Returns TB_EINVAL or TB_ENOMEM. */
int url_refuse(const struct url_reader *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* *to becomes a string of p[0..n). TB_OK or TB_ENOMEM. */
int url_copy(char **to, const char *p, size_t n);

/* How many characters stand before the ':' of a scheme (RFC 3986 s.3.1), 0 if there is none. */
size_t url_scheme_size(const char *text);

/* Takes a scheme s[0..n), one of the four that have a host. */
int url_take_scheme(const struct url_reader *r, const char *s, size_t n);

/* Takes all that stands behind "//": user, password, host, port, target, fragment. */
int url_take_rest(const struct url_reader *r, const char *rest);

/* Takes path and query, and a fragment behind them, which is left out. The path may be empty. */
int url_take_target(const struct url_reader *r, const char *target);

#endif
