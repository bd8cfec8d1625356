/* proto/url.h - URLs as a client takes them (RFC 3986, RFC 6455 s.3).
 *
 * Takes ws:// and wss://, http:// and https:// for them (in either case of letters), and what
 * people type: HOST, HOST:PORT, HOST:PORT/PATH, which mean ws://. ws+unix:/SOCKET:/PATH (and
 * wss+unix:) is a Unix socket, as npm's ws writes it. Path and query stay as they were typed, dot
 * segments too, but what cannot stand in a request is percent-encoded: bytes beyond ASCII and
 * " < >. Spaces and control characters are errors wherever they are, and so are hosts beyond
 * ASCII, for which somebody else has to choose the xn-- form.
 *
 * Owns no more than its strings. Resolves no names, opens nothing. An error's message names the
 * URL with its password hidden.
 */
#ifndef TB_PROTO_URL_H
#define TB_PROTO_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* Zeroed, it is empty. */
struct url {
    bool secure;       /* wss, https */
    char *host;        /* without brackets, as typed; an IPv6 address may end with %ZONE. Of a Unix
                        * socket: localhost */
    bool ipv6;         /* host is an IPv6 address */
    uint16_t port;     /* 1-65535; without one: 80 or 443 */
    bool port_given;   /* in the URL */
    char *target;      /* path and query; begins with '/', is ASCII */
    char *user;        /* decoded, without control characters; NULL: none */
    char *password;    /* decoded, without control characters; NULL: none */
    char *unix_path;   /* as typed, without control characters; NULL: host and port say where */
    bool had_fragment; /* a fragment was left out: none may be sent (RFC 6455 s.3) */
};

/* Reads text into *u, which need not be initialised and is empty after an error. TB_OK, TB_ENOMEM
 * or TB_EINVAL: *message gets one line, "bad URL 'ws://exa mple': a space in the host", safe for
 * a terminal. */
int url_parse(struct url *u, const char *text, struct bytes *message);

/* Reads a reference, such as a Location, as seen from base (RFC 3986 s.5): absolute with one of
 * the four schemes, //HOST, /PATH, ?QUERY, or a relative path; dot segments are resolved. User and
 * password are base's where host and port are. Never names a Unix socket that base does not. *u is
 * another struct than *base. Errors as those of url_parse. */
int url_resolve(struct url *u, const struct url *base, const char *reference,
                struct bytes *message);

/* Appends "wss://HOST:PORT/TARGET" without user and password, the port only where it is not the
 * scheme's own; url_parse makes the same URL of it. A Unix socket's path may have characters
 * beyond ASCII, all else is printable ASCII. TB_OK or TB_ENOMEM (out is unchanged then). */
int url_write(const struct url *u, struct bytes *out);

/* Appends the value of a Host header: "host", "host:port", "[::1]:4000"; no zone (RFC 6874 s.4).
 * TB_OK or TB_ENOMEM (out is unchanged then). */
int url_write_host(const struct url *u, struct bytes *out);

/* Whether both have the same scheme, host (whatever its case) and port, and Unix socket. */
bool url_same_origin(const struct url *a, const struct url *b);

/* Frees the strings; it is empty afterwards. */
void url_release(struct url *u);

#endif
