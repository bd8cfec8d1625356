#include "net/proxy.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/err.h"
#include "net/proxy_parts.h"

void tunnel_is_done(struct tunnel *t) {
    t->result = TUNNEL_DONE;
}

void tunnel_out_of_memory(struct tunnel *t) {
    t->result = TUNNEL_NOMEM;
}

void tunnel_refuse(struct tunnel *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int err = bytes_appendv(&t->why, format, args);
    va_end(args);
    if (err != TB_OK || bytes_append(&t->why, "", 1) != TB_OK) {
        bytes_release(&t->why);
        tunnel_out_of_memory(t);
        return;
    }
    t->result = TUNNEL_REFUSED;
}

size_t tunnel_address(const char *host, uint8_t ip[16]) {
    if (inet_pton(AF_INET, host, ip) == 1) {
        return 4;
    }
    return inet_pton(AF_INET6, host, ip) == 1 ? 16 : 0;
}

struct tunnel *tunnel_new(const struct proxy *proxy, const char *host, uint16_t port,
                          const char *user_agent, struct bytes *out) {
    const struct tunnel_goal goal = {proxy, host, port, user_agent};
    struct tunnel *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return NULL;
    }
    t->ops = proxy->kind == PROXY_HTTP ? &tunnel_http_ops : &tunnel_socks5_ops;
    t->result = TUNNEL_MORE;
    size_t before = out->len;
    t->ops->start(t, &goal, out);
    if (t->result != TUNNEL_MORE) {
        out->len = before;
    }
    if (t->result == TUNNEL_NOMEM) {
        tunnel_free(t);
        return NULL;
    }
    return t;
}

enum tunnel_result tunnel_feed(struct tunnel *t, const uint8_t *p, size_t n, size_t *used,
                               struct bytes *out) {
    size_t at = 0;
    while (at < n && t->result == TUNNEL_MORE) {
        at += t->ops->feed(t, p + at, n - at, out);
    }
    *used = at;
    return t->result;
}

const char *tunnel_why(const struct tunnel *t) {
    return t->why.len == 0 ? NULL : (const char *)t->why.data;
}

unsigned tunnel_status(const struct tunnel *t) {
    return t->status;
}

void tunnel_free(struct tunnel *t) {
    if (t == NULL) {
        return;
    }
    bytes_release(&t->why);
    bytes_release(&t->socks5.login);
    bytes_release(&t->socks5.connect);
    bytes_release(&t->socks5.target);
    http1_free(t->head);
    free(t);
}
