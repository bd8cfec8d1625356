/* SOCKS5 (RFC 1928), with user and password (RFC 1929).
 *
 *     we: 05 count methods...             the proxy: 05 method
 *     we: 01 size user... size password   the proxy: 01 status          (if it chose method 2)
 *     we: 05 01 00 kind address... port   the proxy: 05 reply 00 kind address... port
 */
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "net/proxy_parts.h"

enum {
    VERSION = 5,
    METHOD_NONE = 0,
    METHOD_LOGIN = 2,
    METHOD_NO_OTHER = 0xff,
    LOGIN_VERSION = 1,
    COMMAND_CONNECT = 1,
    KIND_IPV4 = 1,
    KIND_NAME = 3,
    KIND_IPV6 = 4,
    PORT_SIZE = 2,
    STRING_MAX = 255,
};

/* ---- what we say ---- */

/* A string behind its size. */
static int append_string(struct bytes *out, const char *s) {
    uint8_t n = (uint8_t)strlen(s);
    int err = bytes_append(out, &n, 1);
    return err == TB_OK ? bytes_append(out, s, n) : err;
}

static bool fits(const char *s) {
    size_t n = strnlen(s, STRING_MAX + 1);
    return n >= 1 && n <= STRING_MAX;
}

static int prepare_login(struct tunnel *t, const struct proxy *proxy) {
    struct bytes *login = &t->socks5.login;
    const uint8_t version = LOGIN_VERSION;
    if (proxy->user == NULL) {
        return TB_OK;
    }
    if (!fits(proxy->user)) {
        tunnel_refuse(t, "a user's name for a SOCKS5 proxy has 1 to 255 bytes");
        return TB_OK;
    }
    if (proxy->password == NULL || !fits(proxy->password)) {
        tunnel_refuse(t, "a password for a SOCKS5 proxy has 1 to 255 bytes");
        return TB_OK;
    }
    int err = bytes_append(login, &version, 1);
    err = err == TB_OK ? append_string(login, proxy->user) : err;
    return err == TB_OK ? append_string(login, proxy->password) : err;
}

static int append_address(struct bytes *out, const uint8_t *ip, size_t size) {
    const uint8_t kind = size == 4 ? KIND_IPV4 : KIND_IPV6;
    int err = bytes_append(out, &kind, 1);
    return err == TB_OK ? bytes_append(out, ip, size) : err;
}

static int append_name(struct bytes *out, const char *name) {
    const uint8_t kind = KIND_NAME;
    int err = bytes_append(out, &kind, 1);
    return err == TB_OK ? append_string(out, name) : err;
}

static int prepare_connect(struct tunnel *t, const struct tunnel_goal *goal) {
    struct bytes *out = &t->socks5.connect;
    const uint8_t start[] = {VERSION, COMMAND_CONNECT, 0};
    const uint8_t port[PORT_SIZE] = {(uint8_t)(goal->port >> 8), (uint8_t)goal->port};
    uint8_t ip[16];
    size_t size = tunnel_address(goal->host, ip);
    if (size == 0 && goal->proxy->kind == PROXY_SOCKS5) {
        tunnel_refuse(t, "a socks5:// proxy is given addresses, not names; socks5h:// takes names");
        return TB_OK;
    }
    if (size == 0 && !fits(goal->host)) {
        tunnel_refuse(t, "a host's name for a SOCKS5 proxy has 1 to 255 bytes");
        return TB_OK;
    }
    int err = bytes_append(out, start, sizeof start);
    if (err == TB_OK) {
        err = size > 0 ? append_address(out, ip, size) : append_name(out, goal->host);
    }
    return err == TB_OK ? bytes_append(out, port, sizeof port) : err;
}

static int prepare_target(struct tunnel *t, const struct tunnel_goal *goal) {
    struct bytes *target = &t->socks5.target;
    int err = text_escape(target, goal->host, strlen(goal->host), TEXT_ONE_LINE);
    err = err == TB_OK ? bytes_appendf(target, " port %u", goal->port) : err;
    return err == TB_OK ? bytes_append(target, "", 1) : err;
}

static int greet(const struct tunnel *t, struct bytes *out) {
    static const uint8_t known[] = {VERSION, 2, METHOD_NONE, METHOD_LOGIN};
    static const uint8_t unknown[] = {VERSION, 1, METHOD_NONE};
    return t->socks5.login.len > 0 ? bytes_append(out, known, sizeof known)
                                   : bytes_append(out, unknown, sizeof unknown);
}

static void await(struct tunnel *t, enum socks5_awaited awaited, size_t want) {
    t->socks5.awaited = awaited;
    t->socks5.want = want;
    t->socks5.have = 0;
}

static void start(struct tunnel *t, const struct tunnel_goal *goal, struct bytes *out) {
    int err = prepare_login(t, goal->proxy);
    if (err == TB_OK && t->result == TUNNEL_MORE) {
        err = prepare_connect(t, goal);
    }
    if (err == TB_OK && t->result == TUNNEL_MORE) {
        err = prepare_target(t, goal);
    }
    err = err == TB_OK ? greet(t, out) : err;
    if (err != TB_OK) {
        tunnel_out_of_memory(t);
    }
    await(t, SOCKS5_METHOD, 2);
}

/* Says the next thing, and awaits two bytes: a version and a verdict. */
static void say(struct tunnel *t, const struct bytes *what, enum socks5_awaited awaited,
                struct bytes *out) {
    if (bytes_append(out, what->data, what->len) != TB_OK) {
        tunnel_out_of_memory(t);
    }
    await(t, awaited, 2);
}

/* ---- what the proxy says ---- */

static void refuse_version(struct tunnel *t, uint8_t version) {
    tunnel_refuse(t, "the proxy does not speak SOCKS5%s",
                  version == 'H' ? "; is it http:// instead?" : "");
}

static void on_method(struct tunnel *t, const uint8_t *p, struct bytes *out) {
    bool known = t->socks5.login.len > 0;
    if (p[0] != VERSION) {
        refuse_version(t, p[0]);
    } else if (p[1] == METHOD_NONE) {
        say(t, &t->socks5.connect, SOCKS5_REPLY, out);
    } else if (p[1] == METHOD_LOGIN && known) {
        say(t, &t->socks5.login, SOCKS5_PERMIT, out);
    } else if (known) {
        tunnel_refuse(t, "the proxy wants another way of authentication than user and password");
    } else if (p[1] == METHOD_NO_OTHER || p[1] == METHOD_LOGIN) {
        tunnel_refuse(t, "the proxy wants a user and a password");
    } else {
        tunnel_refuse(t, "the proxy chose a way of authentication that was not offered");
    }
}

/* The version is not looked at: proxies are about that it is 1 or 5. */
static void on_permit(struct tunnel *t, const uint8_t *p, struct bytes *out) {
    if (p[1] != 0) {
        tunnel_refuse(t, "the proxy does not accept this user and password");
        return;
    }
    say(t, &t->socks5.connect, SOCKS5_REPLY, out);
}

static const char *const replies[] = {
    [1] = "general failure",
    [2] = "its rules do not allow it",
    [3] = "network unreachable",
    [4] = "host unreachable",
    [5] = "connection refused",
    [6] = "time to live expired",
    [7] = "it does not know the command",
    [8] = "it does not know this kind of address",
};

/* A refusal counts at once: what follows it, if anything does, says nothing more. */
static void on_reply(struct tunnel *t, const uint8_t *p, struct bytes *out) {
    (void)out;
    const char *target = (const char *)t->socks5.target.data;
    if (p[0] != VERSION) {
        refuse_version(t, p[0]);
    } else if (p[1] == 0) {
        await(t, SOCKS5_BOUND_KIND, 2);
    } else if (p[1] < sizeof replies / sizeof replies[0]) {
        tunnel_refuse(t, "the proxy cannot reach %s (%s)", target, replies[p[1]]);
    } else {
        tunnel_refuse(t, "the proxy cannot reach %s (reply code %u)", target, p[1]);
    }
}

static void on_bound_kind(struct tunnel *t, const uint8_t *p, struct bytes *out) {
    (void)out;
    switch (p[1]) {
    case KIND_IPV4:
        await(t, SOCKS5_BOUND, 4 + PORT_SIZE);
        break;
    case KIND_IPV6:
        await(t, SOCKS5_BOUND, 16 + PORT_SIZE);
        break;
    case KIND_NAME:
        await(t, SOCKS5_BOUND_SIZE, 1);
        break;
    default:
        tunnel_refuse(t, "the proxy's answer has a kind of address that SOCKS5 has not (%u)", p[1]);
        break;
    }
}

static void on_bound_size(struct tunnel *t, const uint8_t *p, struct bytes *out) {
    (void)out;
    await(t, SOCKS5_BOUND, (size_t)p[0] + PORT_SIZE);
}

/* Where the proxy's own end is does not matter. */
static void on_bound(struct tunnel *t, const uint8_t *p, struct bytes *out) {
    (void)p;
    (void)out;
    tunnel_is_done(t);
}

typedef void handler(struct tunnel *t, const uint8_t *p, struct bytes *out);

static handler *const handlers[SOCKS5_AWAITED_COUNT] = {
    [SOCKS5_METHOD] = on_method,         [SOCKS5_PERMIT] = on_permit,
    [SOCKS5_REPLY] = on_reply,           [SOCKS5_BOUND_KIND] = on_bound_kind,
    [SOCKS5_BOUND_SIZE] = on_bound_size, [SOCKS5_BOUND] = on_bound,
};

static size_t feed(struct tunnel *t, const uint8_t *p, size_t n, struct bytes *out) {
    struct socks5 *s = &t->socks5;
    size_t left = s->want - s->have;
    size_t take = n < left ? n : left;
    memcpy(s->piece + s->have, p, take);
    s->have += take;
    if (s->have == s->want) {
        handlers[s->awaited](t, s->piece, out);
    }
    return take;
}

const struct tunnel_ops tunnel_socks5_ops = {.start = start, .feed = feed};
