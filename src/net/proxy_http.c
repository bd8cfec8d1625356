/* CONNECT (RFC 9110 s.9.3.6). A 2xx answer has no body, whatever its headers say. */
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "net/proxy_parts.h"
#include "proto/http_basic.h"
#include "proto/http_host.h"

enum {
    INTERIM_MAX = 10,   /* 1xx answers before the one that counts */
    LOGIN_MAX = 4096,   /* bytes of "user:password": half a header line in base64 */
    REASON_SHOWN = 100, /* bytes of what the proxy says */
};

/* ---- the request ---- */

static void await_head(struct tunnel *t) {
    http1_free(t->head);
    t->head = http1_new(HTTP1_RESPONSE, &http1_default_limits);
    if (t->head == NULL) {
        tunnel_out_of_memory(t);
    }
}

static int append_login(struct bytes *out, const struct proxy *proxy) {
    if (proxy->user == NULL) {
        return TB_OK;
    }
    int err = bytes_append_str(out, "Proxy-Authorization: ");
    err = err == TB_OK ? http_basic_append(proxy->user, proxy->password, out) : err;
    return err == TB_OK ? bytes_append_str(out, "\r\n") : err;
}

static int append_agent(struct bytes *out, const char *user_agent) {
    return user_agent == NULL ? TB_OK : bytes_appendf(out, "User-Agent: %s\r\n", user_agent);
}

static void refuse_target(struct tunnel *t, struct http1_str target) {
    struct bytes shown = BYTES_INIT;
    if (text_escape(&shown, target.p, target.n, TEXT_ONE_LINE) == TB_OK) {
        tunnel_refuse(t, "a proxy cannot be asked for '%.*s' (not a host)", (int)shown.len,
                      (const char *)shown.data);
    } else {
        tunnel_out_of_memory(t);
    }
    bytes_release(&shown);
}

/* What may not stand in the request is not sent. */
static bool check_goal(struct tunnel *t, const struct tunnel_goal *goal, struct http1_str target) {
    const struct proxy *proxy = goal->proxy;
    uint8_t ip[16];
    bool has_colon = strchr(goal->host, ':') != NULL;
    if (!http_host_is_valid(target) || (has_colon && tunnel_address(goal->host, ip) == 0)) {
        refuse_target(t, target);
    } else if (goal->user_agent != NULL && !http1_is_value(goal->user_agent)) {
        tunnel_refuse(t, "the user agent has a control character in it");
    } else if (proxy->user != NULL && strchr(proxy->user, ':') != NULL) {
        tunnel_refuse(t, "a user's name for an HTTP proxy cannot have a ':' in it");
    } else if (proxy->user != NULL && strlen(proxy->user) > LOGIN_MAX) {
        tunnel_refuse(t, "the user's name for the proxy is too long");
    } else if (proxy->user != NULL && proxy->password != NULL &&
               strlen(proxy->password) > LOGIN_MAX - strlen(proxy->user)) {
        tunnel_refuse(t, "the password for the proxy is too long");
    }
    return t->result == TUNNEL_MORE;
}

static int append_request(struct bytes *out, const struct tunnel_goal *goal, struct bytes target) {
    int err = bytes_appendf(out, "CONNECT %.*s HTTP/1.1\r\nHost: %.*s\r\n", (int)target.len,
                            (const char *)target.data, (int)target.len, (const char *)target.data);
    err = err == TB_OK ? append_agent(out, goal->user_agent) : err;
    err = err == TB_OK ? append_login(out, goal->proxy) : err;
    return err == TB_OK ? bytes_append_str(out, "\r\n") : err;
}

static void start(struct tunnel *t, const struct tunnel_goal *goal, struct bytes *out) {
    struct bytes target = BYTES_INIT;
    bool bracketed = strchr(goal->host, ':') != NULL;
    int err = bytes_appendf(&target, bracketed ? "[%s]:%u" : "%s:%u", goal->host, goal->port);
    const struct http1_str text = {(const char *)target.data, target.len};
    if (err == TB_OK && check_goal(t, goal, text)) {
        err = append_request(out, goal, target);
        t->gave_login = goal->proxy->user != NULL;
        await_head(t);
    }
    if (err != TB_OK) {
        tunnel_out_of_memory(t);
    }
    bytes_release(&target);
}

/* ---- the answer ---- */

static const char *hint(unsigned status, bool gave_login) {
    if (status != 407) {
        return "";
    }
    return gave_login ? " (it does not accept this user and password)"
                      : " (give user and password in the proxy's URL)";
}

static void refuse_status(struct tunnel *t, unsigned status) {
    struct bytes line = BYTES_INIT;
    struct http1_str reason = http1_reason(t->head);
    size_t shown = reason.n < REASON_SHOWN ? reason.n : REASON_SHOWN;
    t->status = status;
    int err = bytes_appendf(&line, "%u%s", status, shown == 0 ? "" : " ");
    err = err == TB_OK ? text_escape(&line, reason.p, shown, TEXT_ONE_LINE) : err;
    if (err == TB_OK) {
        tunnel_refuse(t, "the proxy refused: %.*s%s", (int)line.len, (const char *)line.data,
                      hint(status, t->gave_login));
    } else {
        tunnel_out_of_memory(t);
    }
    bytes_release(&line);
}

static void judge_head(struct tunnel *t) {
    unsigned status = http1_status(t->head);
    if (status >= 200 && status < 300) {
        tunnel_is_done(t);
    } else if (status >= 200 || status == 101) {
        refuse_status(t, status);
    } else if (++t->interim > INTERIM_MAX) {
        tunnel_refuse(t, "the proxy sends one interim answer after another");
    } else {
        await_head(t);
    }
}

static size_t feed(struct tunnel *t, const uint8_t *p, size_t n, struct bytes *out) {
    (void)out;
    size_t used;
    switch (http1_feed(t->head, p, n, &used)) {
    case HTTP1_MORE:
        break;
    case HTTP1_DONE:
        judge_head(t);
        break;
    case HTTP1_BAD:
        tunnel_refuse(t, "the proxy does not answer as an HTTP proxy does (%s)",
                      ws_violation_row(http1_violation(t->head))->text);
        break;
    case HTTP1_NOMEM:
        tunnel_out_of_memory(t);
        break;
    }
    return used;
}

const struct tunnel_ops tunnel_http_ops = {.start = start, .feed = feed};
