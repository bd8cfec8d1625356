#include "proto/url.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ascii.h"
#include "base/encoding.h"
#include "base/err.h"
#include "base/text.h"
#include "base/units.h"
#include "proto/http_host.h"
#include "proto/url_parts.h"

enum { SHOWN_MAX = 200, HOST_MAX = 255, ZONE_MAX = 15 };

/* ---- what is wrong ---- */

/* Where user and password would begin. */
static const char *authority_of(const char *text) {
    size_t scheme = url_scheme_size(text);
    if (strncmp(text + scheme, "://", 3) == 0) {
        return text + scheme + 3;
    }
    return text + (strncmp(text, "//", 2) == 0 ? 2 : 0);
}

/* Appends the URL as it was typed, but what may be a password: everything from the first colon to
 * the last '@', for a password may have a slash in it by mistake. */
static int append_shown(struct bytes *out, const char *text) {
    const char *at = strrchr(text, '@');
    const char *colon = strchr(authority_of(text), ':');
    struct bytes shown = BYTES_INIT;
    int err = at != NULL && colon != NULL && colon < at
                  ? bytes_appendf(&shown, "%.*s***%s", (int)(colon + 1 - text), text, at)
                  : bytes_append_str(&shown, text);
    if (err == TB_OK) {
        bool whole = shown.len <= SHOWN_MAX;
        err = bytes_appendf(out, "%.*s%s", whole ? (int)shown.len : SHOWN_MAX,
                            (const char *)shown.data, whole ? "" : "...");
    }
    bytes_release(&shown);
    return err;
}

int url_refuse(const struct url_reader *r, const char *fmt, ...) {
    struct bytes raw = BYTES_INIT;
    int err = bytes_append_str(&raw, "bad URL '");
    err = err == TB_OK ? append_shown(&raw, r->text) : err;
    err = err == TB_OK ? bytes_append_str(&raw, "': ") : err;
    if (err == TB_OK) {
        va_list ap;
        va_start(ap, fmt);
        err = bytes_appendv(&raw, fmt, ap);
        va_end(ap);
    }
    err = err == TB_OK ? text_escape(r->message, raw.data, raw.len, TEXT_ONE_LINE) : err;
    bytes_release(&raw);
    return err == TB_OK ? TB_EINVAL : err;
}

/* part is "the host" and the like. */
static int check_clean(const struct url_reader *r, const char *p, size_t n, const char *part) {
    for (size_t i = 0; i < n; i++) {
        if (p[i] == ' ') {
            return url_refuse(r, "a space in %s", part);
        }
        if ((unsigned char)p[i] < ' ' || p[i] == 0x7f) {
            return url_refuse(r, "a control character in %s", part);
        }
    }
    return TB_OK;
}

int url_copy(char **to, const char *p, size_t n) {
    char *copy = malloc(n + 1);
    if (copy == NULL) {
        return TB_ENOMEM;
    }
    memcpy(copy, p, n);
    copy[n] = '\0';
    *to = copy;
    return TB_OK;
}

/* ---- scheme ---- */

struct scheme {
    const char *name;
    bool secure;
};

static const struct scheme host_schemes[] = {
    {"ws", false}, {"wss", true}, {"http", false}, {"https", true}, {NULL, false}};
static const struct scheme unix_schemes[] = {{"ws+unix", false}, {"wss+unix", true}, {NULL, false}};

static const struct scheme *find_scheme(const struct scheme *schemes, const char *s, size_t n) {
    while (schemes->name != NULL &&
           (strlen(schemes->name) != n || strncasecmp(schemes->name, s, n) != 0)) {
        schemes++;
    }
    return schemes->name != NULL ? schemes : NULL;
}

size_t url_scheme_size(const char *text) {
    size_t n = 0;
    while (ascii_is_alpha(text[n]) ||
           (n > 0 && text[n] != '\0' && strchr("0123456789+-.", text[n]) != NULL)) {
        n++;
    }
    return text[n] == ':' ? n : 0;
}

int url_take_scheme(const struct url_reader *r, const char *s, size_t n) {
    const struct scheme *scheme = find_scheme(host_schemes, s, n);
    if (scheme == NULL) {
        return url_refuse(r, "the scheme '%.*s' is none of ws, wss, http and https", (int)n, s);
    }
    r->url->secure = scheme->secure;
    return TB_OK;
}

/* ---- user and password ---- */

/* *to becomes p[0..n) without its percent encoding. */
static int decode(const struct url_reader *r, char **to, const char *p, size_t n) {
    char *out = calloc(n + 1, 1);
    if (out == NULL) {
        return TB_ENOMEM;
    }
    *to = out;
    for (size_t i = 0, size; i < n; i += size, out++) {
        size = percent_decode_one(p + i, n - i, out);
        if (size == 0) {
            return url_refuse(r, "a '%%' in user or password is written %%25");
        }
        if ((unsigned char)*out < ' ' || *out == 0x7f) { /* RFC 7617 s.2 */
            return url_refuse(r, "a control character in user or password");
        }
    }
    return TB_OK;
}

/* p[0..n) stands before the '@'. */
static int take_user(const struct url_reader *r, const char *p, size_t n) {
    int err = check_clean(r, p, n, "user or password");
    if (err != TB_OK || n == 0) {
        return err;
    }
    if (memchr(p, '@', n) != NULL) {
        return url_refuse(r, "an '@' in user or password is written %%40");
    }
    if (memchr(p, '\\', n) != NULL) {
        return url_refuse(r, "a '\\' in user or password is written %%5C");
    }
    const char *colon = memchr(p, ':', n);
    size_t user = colon != NULL ? (size_t)(colon - p) : n;
    err = decode(r, &r->url->user, p, user);
    if (err == TB_OK && colon != NULL) {
        err = decode(r, &r->url->password, colon + 1, n - user - 1);
    }
    return err;
}

/* ---- host and port ---- */

/* A host is missing at p. What would stand before it is not repeated if it may be a password. */
static int refuse_no_host(const struct url_reader *r, const char *p) {
    size_t before = (size_t)(p - r->text);
    if (p[0] == ':' && ascii_is_digit(p[1]) && memchr(r->text, '@', before) == NULL) {
        return url_refuse(r, "no host (did you mean '%.*slocalhost%s'?)", (int)before, r->text, p);
    }
    return url_refuse(r, "no host (a URL is ws://HOST:PORT/PATH)");
}

/* p[0..n) may be empty: the scheme's own port (RFC 3986 s.3.2.3). */
static int take_port(const struct url_reader *r, const char *p, size_t n) {
    char digits[16];
    uint64_t port;
    if (n == 0) {
        return TB_OK;
    }
    int err = check_clean(r, p, n, "the port");
    if (err != TB_OK) {
        return err;
    }
    bool fits = n < sizeof(digits);
    memcpy(digits, p, fits ? n : 0);
    digits[fits ? n : 0] = '\0';
    if (units_count(digits, 1, UINT16_MAX, &port) != TB_OK) {
        return url_refuse(r, "the port is not a number from 1 to 65535");
    }
    r->url->port = (uint16_t)port;
    r->url->port_given = true;
    return TB_OK;
}

/* A zone is written behind %25, or as everywhere else behind '%' (RFC 6874 s.2). */
static bool is_zone(const char *zone) {
    size_t n = strlen(zone);
    for (size_t i = 0; i < n; i++) {
        if (!ascii_is_alpha(zone[i]) && !ascii_is_digit(zone[i]) &&
            strchr("-._~", zone[i]) == NULL) {
            return false;
        }
    }
    return n > 0 && n <= ZONE_MAX;
}

/* Keeps an IPv6 address as the system takes it: ADDRESS or ADDRESS%ZONE. */
static int take_address(const struct url_reader *r, const char *p, size_t n) {
    struct in6_addr ignored;
    int err = url_copy(&r->url->host, p, n);
    if (err != TB_OK) {
        return err;
    }
    r->url->ipv6 = true;
    char *zone = strchr(r->url->host, '%');
    if (zone != NULL) {
        *zone = '\0';
    }
    bool good = inet_pton(AF_INET6, r->url->host, &ignored) == 1;
    if (good && zone != NULL) {
        const char *name = zone + (strncmp(zone + 1, "25", 2) == 0 ? 3 : 1);
        good = is_zone(name);
        memmove(zone + 1, name, strlen(name) + 1);
        *zone = '%';
    }
    return good ? TB_OK : url_refuse(r, "no IPv6 address stands in the brackets");
}

static int take_literal(const struct url_reader *r, const char *p, size_t n) {
    const char *end = memchr(p, ']', n);
    if (end == NULL) {
        return url_refuse(r, "']' is missing behind the IPv6 address");
    }
    size_t size = (size_t)(end + 1 - p);
    if (size < n && p[size] != ':') {
        return url_refuse(r, "only a port may stand behind ']'");
    }
    int err = check_clean(r, p, size, "the host");
    err = err == TB_OK ? take_address(r, p + 1, size - 2) : err;
    return err == TB_OK && size < n ? take_port(r, p + size + 1, n - size - 1) : err;
}

static bool is_ascii(const char *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)p[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static int take_name(const struct url_reader *r, const char *p, size_t n) {
    int err = check_clean(r, p, n, "the host");
    if (err != TB_OK) {
        return err;
    }
    if (!is_ascii(p, n)) {
        return url_refuse(r, "a host beyond ASCII is written in its xn-- form");
    }
    if (memchr(p, '%', n) != NULL || !http_host_is_valid((struct http1_str){p, n})) {
        return url_refuse(r, "the host has a character that no host has");
    }
    if (n > HOST_MAX) {
        return url_refuse(r, "the host is longer than %d characters", HOST_MAX);
    }
    return url_copy(&r->url->host, p, n);
}

/* p[0..n) is what stands between "//" or '@' and the path. */
static int take_host_and_port(const struct url_reader *r, const char *p, size_t n) {
    if (n > 0 && p[0] == '[') {
        return take_literal(r, p, n);
    }
    const char *colon = memchr(p, ':', n);
    size_t host = colon != NULL ? (size_t)(colon - p) : n;
    if (colon != NULL && memchr(colon + 1, ':', n - host - 1) != NULL) {
        return url_refuse(r, "an IPv6 address stands in brackets, as in [::1]:4000");
    }
    if (host == 0) {
        return refuse_no_host(r, p);
    }
    int err = take_name(r, p, host);
    return err == TB_OK && colon != NULL ? take_port(r, colon + 1, n - host - 1) : err;
}

/* ---- target ---- */

/* What http1.h takes for a target's, and a request cannot go without. */
static bool needs_encoding(char c) {
    return (unsigned char)c >= 0x80 || c == '"' || c == '<' || c == '>';
}

static int append_encoded(struct bytes *out, const char *p, size_t n) {
    int err = TB_OK;
    for (size_t i = 0; err == TB_OK && i < n; i++) {
        err = needs_encoding(p[i]) ? bytes_appendf(out, "%%%02X", (unsigned)(unsigned char)p[i])
                                   : bytes_append(out, p + i, 1);
    }
    return err;
}

static int check_target(const struct url_reader *r, const char *target, size_t n) {
    size_t path = strcspn(target, "?#");
    size_t rest = n - path;
    int err = check_clean(r, target, path, "the path");
    err = err == TB_OK ? check_clean(r, target + path, rest, "the query") : err;
    return err == TB_OK ? check_clean(r, target + n, strlen(target + n), "the fragment") : err;
}

int url_take_target(const struct url_reader *r, const char *target) {
    size_t n = strcspn(target, "#");
    int err = check_target(r, target, n);
    if (err != TB_OK) {
        return err;
    }
    struct bytes out = BYTES_INIT;
    err = bytes_append_str(&out, target[0] == '/' ? "" : "/");
    err = err == TB_OK ? append_encoded(&out, target, n) : err;
    err = err == TB_OK ? bytes_append(&out, "", 1) : err;
    if (err != TB_OK) {
        bytes_release(&out);
        return err;
    }
    r->url->target = (char *)out.data;
    r->url->had_fragment = target[n] == '#';
    return TB_OK;
}

/* ---- the whole ---- */

int url_take_rest(const struct url_reader *r, const char *rest) {
    struct url *u = r->url;
    size_t n = strcspn(rest, "/?#");
    u->port = u->secure ? URL_PORT_WSS : URL_PORT_WS;
    const char *at = memrchr(rest, '@', n);
    size_t user = at != NULL ? (size_t)(at - rest) : 0;
    int err = take_user(r, rest, user);
    if (err == TB_OK) {
        size_t skip = at != NULL ? user + 1 : 0;
        err = take_host_and_port(r, rest + skip, n - skip);
    }
    return err == TB_OK ? url_take_target(r, rest + n) : err;
}

/* rest is PATH or PATH:TARGET, and "//" before an absolute PATH means nothing. */
static int take_unix(const struct url_reader *r, const char *rest) {
    struct url *u = r->url;
    rest += strncmp(rest, "///", 3) == 0 ? 2 : 0;
    size_t n = strcspn(rest, ":?#");
    const char *target = rest + n + (rest[n] == ':');
    int err = check_clean(r, rest, n, "the socket's path");
    if (err != TB_OK) {
        return err;
    }
    if (n == 0 || strncmp(rest, "//", 2) == 0) {
        return url_refuse(r, "no socket (a URL is ws+unix:/SOCKET:/PATH)");
    }
    if (*target != '\0' && strchr("/?#", *target) == NULL) {
        return url_refuse(r, "the path behind the socket begins with '/'");
    }
    u->port = u->secure ? URL_PORT_WSS : URL_PORT_WS;
    err = url_copy(&u->unix_path, rest, n);
    err = err == TB_OK ? url_copy(&u->host, "localhost", strlen("localhost")) : err;
    return err == TB_OK ? url_take_target(r, target) : err;
}

static int take_whole(const struct url_reader *r) {
    const char *text = r->text;
    size_t n = url_scheme_size(text);
    const struct scheme *socket = find_scheme(unix_schemes, text, n);
    if (*text == '\0') {
        return url_refuse(r, "it is empty");
    }
    if (socket != NULL) {
        r->url->secure = socket->secure;
        return take_unix(r, text + n + 1);
    }
    if (n > 0 && strncmp(text + n, "://", 3) == 0) {
        int err = url_take_scheme(r, text, n);
        return err == TB_OK ? url_take_rest(r, text + n + 3) : err;
    }
    if (find_scheme(host_schemes, text, n) != NULL && !ascii_is_digit(text[n + 1])) {
        return url_refuse(r, "'//' is missing behind '%.*s:'", (int)n, text);
    }
    return url_take_rest(r, text);
}

int url_parse(struct url *u, const char *text, struct bytes *message) {
    struct url_reader r = {.url = u, .text = text, .message = message};
    *u = (struct url){.secure = false};
    int err = take_whole(&r);
    if (err != TB_OK) {
        url_release(u);
    }
    return err;
}

void url_release(struct url *u) {
    free(u->host);
    free(u->target);
    free(u->user);
    free(u->password);
    free(u->unix_path);
    *u = (struct url){.secure = false};
}
