/* A client's connection until it is open: dial, proxy, TLS, and the handshake (RFC 6455 s.4.1). */
#include "conn/client.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "conn/client_state.h"
#include "conn/conn_state.h"
#include "conn/endpoint.h"

enum {
    INTERIM_MAX = 16,      /* answers of 1xx before the real one */
    BODY_MAX = 64 * 1024,  /* bytes of a refusal's body that are kept */
    HEAD_MAX = 1024 * 1024 /* of our own request, which is read again for the trace */
};

/* What is awaited, for whoever waited in vain. */
static const char *const awaited_text[] = {
    [CLIENT_AWAITS_SOCKET] = "while connecting",
    [CLIENT_AWAITS_NAME] = "while resolving the name",
    [CLIENT_AWAITS_TUNNEL] = "while waiting for the proxy",
    [CLIENT_AWAITS_TLS] = "in the TLS handshake",
    [CLIENT_AWAITS_ANSWER] = "while waiting for the server's answer to the upgrade",
    [CLIENT_AWAITS_BODY] = "in the body of the server's answer",
};

/* ---- what is told ---- */

static const struct conn_behaviour *behaviour_of(const struct conn *c) {
    return c->endpoint->config->behaviour;
}

/* False: it was dropped by whoever was told, and the target may be gone. */
static bool __attribute__((format(printf, 3, 4)))
tell_stage(struct conn *c, enum client_stage stage, const char *fmt, ...) {
    if (behaviour_of(c)->on_stage == NULL) {
        return true;
    }
    struct bytes raw = BYTES_INIT;
    struct bytes text = BYTES_INIT;
    va_list ap;
    va_start(ap, fmt);
    if (bytes_appendv(&raw, fmt, ap) == TB_OK &&
        text_escape(&text, raw.data, raw.len, TEXT_ONE_LINE) == TB_OK &&
        bytes_append(&text, "", 1) == TB_OK) {
        behaviour_of(c)->on_stage(c, (int)stage, (const char *)text.data);
    }
    va_end(ap);
    bytes_release(&raw);
    bytes_release(&text);
    return c->state != CONN_GONE;
}

/* Our request as it was sent, read like anybody's: the trace shows heads, not bytes. */
static struct http1 *read_request(const struct client *k) {
    static const struct http1_limits limits = {HEAD_MAX, HEAD_MAX, HEAD_MAX};
    if (k->request.len == 0) {
        return NULL;
    }
    size_t used = 0;
    struct http1 *head = http1_new(HTTP1_REQUEST, &limits);
    if (head != NULL && http1_feed(head, k->request.data, k->request.len, &used) != HTTP1_DONE) {
        http1_free(head);
        head = NULL;
    }
    return head;
}

static struct trace_handshake handshake_of(const struct client *k, const struct http1 *request) {
    return (struct trace_handshake){.url = k->target->url,
                                    .request = request,
                                    .status = k->answered ? http1_status(k->head) : 0,
                                    .response = k->answered ? k->head : NULL};
}

/* What nobody has found a reason for. */
static const char *reason_of(const struct conn *c) {
    if (c->asking->why.len > 0) {
        return (const char *)c->asking->why.data;
    }
    return c->endpoint->stopping ? "it was stopped" : "out of memory";
}

/* It is over, and never was open. */
void client_ended(struct conn *c) {
    struct client *k = c->asking;
    if (k->dial != NULL) {
        dial_cancel(k->dial);
        k->dial = NULL;
    }
    if (k->told) {
        return;
    }
    k->told = true;
    struct http1 *request = read_request(k);
    struct trace_handshake h = handshake_of(k, request);
    const char *why = reason_of(c);
    const struct client_refusal refusal = {.failure = k->failure,
                                           .why = why,
                                           .violation = k->violation,
                                           .response = h.response,
                                           .body = k->body.data,
                                           .body_size = k->body.len,
                                           .body_cut = k->body_cut};
    trace_refused(c->endpoint->config->trace, c, &h, why);
    http1_free(request);
    behaviour_of(c)->on_refused(c, &refusal);
}

/* ---- the end of an attempt ---- */

static void __attribute__((format(printf, 3, 4)))
fail(struct conn *c, enum client_failure failure, const char *fmt, ...) {
    struct client *k = c->asking;
    va_list ap;
    va_start(ap, fmt);
    k->failure = failure;
    bytes_clear(&k->why);
    if (bytes_appendv(&k->why, fmt, ap) != TB_OK || bytes_append(&k->why, "", 1) != TB_OK) {
        bytes_clear(&k->why);
    }
    va_end(ap);
    conn_end(c);
}

static void fail_system(struct conn *c) {
    fail(c, CLIENT_SYSTEM, "out of memory");
}

static void fail_rule(struct conn *c, enum ws_violation v) {
    const struct ws_violation_row *rule = ws_violation_row(v);
    c->asking->violation = v;
    fail(c, CLIENT_BROKE_RULE, "the server broke a rule: %s (%s, %s)", rule->text, rule->section,
         rule->name);
}

static void fail_refused(struct conn *c) {
    const struct http1 *head = c->asking->head;
    struct http1_str reason = http1_reason(head);
    struct bytes safe = BYTES_INIT;
    unsigned status = http1_status(head);
    if (text_escape(&safe, reason.p, reason.n, TEXT_ONE_LINE) != TB_OK) {
        bytes_clear(&safe);
    }
    fail(c, CLIENT_REFUSED, "the server refused the upgrade: %u%s%.*s", status,
         safe.len > 0 ? " " : "", (int)safe.len, (const char *)safe.data);
    bytes_release(&safe);
}

void client_expired(struct conn *c) {
    if (c->asking->awaits == CLIENT_AWAITS_BODY) {
        c->asking->body_cut = true;
        fail_refused(c);
        return;
    }
    fail(c, CLIENT_TIMED_OUT, "gave up after %.3g s %s",
         (double)c->endpoint->config->handshake_ms / 1000.0, awaited_text[c->asking->awaits]);
}

static void lost_in_tls(struct conn *c) {
    const char *distrust = stream_tls_distrust(&c->stream);
    const char *why = stream_tls_failure(&c->stream);
    if (distrust != NULL) {
        fail(c, CLIENT_NOT_TRUSTED, "the server's certificate is not trusted (%s)", distrust);
    } else {
        fail(c, CLIENT_TLS_FAILED, "the TLS handshake failed (%s)",
             why != NULL ? why : "the connection was lost");
    }
}

void client_lost(struct conn *c, int status) {
    struct client *k = c->asking;
    const char *how = status == 0 ? "it was closed" : uv_strerror(status);
    if (k->awaits == CLIENT_AWAITS_BODY) {
        k->body_cut = status != 0 || !http1_body_may_end(&k->body_reader);
        fail_refused(c);
    } else if (stream_tls_failure(&c->stream) != NULL || k->awaits == CLIENT_AWAITS_TLS) {
        lost_in_tls(c);
    } else if (k->send_lost) {
        fail(c, CLIENT_SEND_FAILED, "the connection was lost while sending the request");
    } else if (k->awaits == CLIENT_AWAITS_TUNNEL) {
        fail(c, CLIENT_NO_CONNECTION, "the connection to the proxy was lost %s (%s)",
             awaited_text[k->awaits], how);
    } else {
        fail(c, CLIENT_LOST, "the connection was lost %s (%s)", awaited_text[k->awaits], how);
    }
}

void client_write_failed(struct conn *c) {
    c->asking->send_lost = true;
    if (!stream_is_reading(&c->stream) || stream_tls_failure(&c->stream) != NULL) {
        client_lost(c, 0);
    }
}

/* ---- the upgrade ---- */

static void ask(struct conn *c) {
    struct client *k = c->asking;
    k->asked = k->target->request;
    k->head = http1_new(HTTP1_RESPONSE, &http1_default_limits);
    int err = k->head == NULL ? TB_ENOMEM : ws_request_key(&k->asked);
    err = err == TB_OK ? ws_request_write(&k->asked, &k->request) : err;
    err = err == TB_OK ? conn_put(c, k->request.data, k->request.len) : err;
    if (err != TB_OK) {
        fail(c, CLIENT_SYSTEM, "cannot ask for the upgrade (%s)", tb_err_text(err));
        return;
    }
    k->awaits = CLIENT_AWAITS_ANSWER;
    conn_enter(c, CONN_OPENING);
    tell_stage(c, CLIENT_ASKING, "waiting for the answer of %s to the upgrade", k->target->url);
}

static void secure_or_ask(struct conn *c) {
    struct client *k = c->asking;
    if (k->target->tls == NULL) {
        ask(c);
        return;
    }
    k->awaits = CLIENT_AWAITS_TLS;
    if (!tell_stage(c, CLIENT_SECURING, "starting TLS with %s", k->target->host)) {
        return;
    }
    int err = stream_secure(&c->stream, k->target->tls, k->target->host);
    if (err != TB_OK) {
        const char *why = stream_tls_failure(&c->stream);
        fail(c, CLIENT_TLS_FAILED, "cannot start TLS with %s (%s)", k->target->host,
             why != NULL ? why : tb_err_text(err));
    }
}

void client_secured(struct conn *c) {
    struct bytes text = BYTES_INIT;
    bool goes_on = true;
    if (behaviour_of(c)->on_stage != NULL && stream_tls_describe(&c->stream, &text) == TB_OK) {
        goes_on =
            tell_stage(c, CLIENT_SECURED, "secured: %.*s", (int)text.len, (const char *)text.data);
    }
    bytes_release(&text);
    if (goes_on) {
        ask(c);
    }
}

/* The handshake is done: from now on it is a connection like every other. */
static void open_up(struct conn *c, const struct ws_agreement *agreed) {
    struct endpoint *ep = c->endpoint;
    struct client *k = c->asking;
    session_init(&c->session, &ep->sessions[WS_CLIENT], &agreed->deflate);
    conn_enter(c, CONN_OPEN);
    c->was_open = true;
    deadline_set(&ep->ping, &c->deadline);
    if (trace_wants(ep->config->trace, LOG_NORMAL)) {
        struct http1 *request = read_request(k);
        struct trace_handshake h = handshake_of(k, request);
        h.subprotocol = agreed->subprotocol;
        h.deflate = agreed->deflate;
        trace_open(ep->config->trace, c, &h);
        http1_free(request);
    }
    client_free(k);
    c->asking = NULL;
    ep->config->behaviour->on_open(c);
}

static void take_body(struct conn *c, const uint8_t *p, size_t n) {
    struct client *k = c->asking;
    enum http1_body_result result = http1_body_feed(&k->body_reader, p, n, &k->body, BODY_MAX);
    if (result != HTTP1_BODY_MORE) {
        k->body_cut = result != HTTP1_BODY_DONE;
        fail_refused(c);
    }
}

/* A body that does not come to its end is not worth all the time that is left. */
static void await_body(struct conn *c) {
    struct client *k = c->asking;
    struct endpoint *ep = c->endpoint;
    k->awaits = CLIENT_AWAITS_BODY;
    http1_body_init(&k->body_reader, k->head);
    uint64_t until_ms = uv_now(&ep->loop->uv) + ep->config->close_ms;
    if (ep->config->handshake_ms == 0 || c->deadline.at_ms > until_ms) {
        deadline_set(&ep->closing, &c->deadline);
    }
    take_body(c, NULL, 0); /* there may be none */
}

/* A head that says something is on its way (RFC 9110 s.15.2). 101 is none of these. */
static bool is_interim(const struct http1 *head) {
    unsigned status = http1_status(head);
    return status >= 100 && status < 200 && status != 101;
}

static void skip_interim(struct conn *c) {
    struct client *k = c->asking;
    if (++k->interims > INTERIM_MAX) {
        fail(c, CLIENT_BROKE_RULE, "the server sent more than %d interim answers (1xx)",
             INTERIM_MAX);
        return;
    }
    http1_free(k->head);
    k->head = http1_new(HTTP1_RESPONSE, &http1_default_limits);
    if (k->head == NULL) {
        fail_system(c);
    }
}

static void judge(struct conn *c) {
    struct ws_agreement agreed;
    struct client *k = c->asking;
    k->answered = !is_interim(k->head);
    if (!k->answered) {
        skip_interim(c);
    } else if (ws_response_judge(k->head, &k->asked, &agreed) != TB_OK) {
        fail_system(c);
    } else if (agreed.violation == WS_V_RESPONSE_STATUS) {
        await_body(c);
    } else if (agreed.violation != WS_V_NONE) {
        fail_rule(c, agreed.violation);
    } else {
        open_up(c, &agreed);
    }
}

/* Reads the answer's head; returns how many bytes were its. */
static size_t take_head(struct conn *c, const uint8_t *p, size_t n) {
    size_t used = n;
    switch (http1_feed(c->asking->head, p, n, &used)) {
    case HTTP1_MORE:
        break;
    case HTTP1_BAD:
        fail_rule(c, http1_violation(c->asking->head));
        break;
    case HTTP1_NOMEM:
        fail_system(c);
        break;
    case HTTP1_DONE:
        judge(c);
        break;
    }
    return used;
}

/* ---- the proxy ---- */

static void enter_tunnel(struct conn *c) {
    struct client *k = c->asking;
    const struct client_target *t = k->target;
    struct bytes out = BYTES_INIT;
    k->awaits = CLIENT_AWAITS_TUNNEL;
    if (!tell_stage(c, CLIENT_TUNNELLING, "asking the proxy for %s port %u", t->host, t->port)) {
        return;
    }
    k->tunnel = tunnel_new(t->proxy, t->host, t->port, t->user_agent, &out);
    if (k->tunnel != NULL && tunnel_why(k->tunnel) != NULL) {
        fail(c, CLIENT_NO_CONNECTION, "%s", tunnel_why(k->tunnel));
    } else if (k->tunnel == NULL || conn_put(c, out.data, out.len) != TB_OK) {
        fail_system(c);
    }
    bytes_release(&out);
}

/* Returns how many bytes were the proxy's own. */
static size_t take_tunnel(struct conn *c, const uint8_t *p, size_t n) {
    struct client *k = c->asking;
    struct bytes out = BYTES_INIT;
    size_t used = n;
    enum tunnel_result result = tunnel_feed(k->tunnel, p, n, &used, &out);
    if (result == TUNNEL_NOMEM || (out.len > 0 && conn_put(c, out.data, out.len) != TB_OK)) {
        fail_system(c);
    } else if (result == TUNNEL_REFUSED) {
        fail(c, CLIENT_NO_CONNECTION, "%s", tunnel_why(k->tunnel));
    } else if (result == TUNNEL_DONE) {
        secure_or_ask(c);
    }
    bytes_release(&out);
    return used;
}

/* ---- input ---- */

/* Takes one step; returns how many bytes it used. */
static size_t step(struct conn *c, uint8_t *p, size_t n) {
    switch (c->asking->awaits) {
    case CLIENT_AWAITS_TUNNEL:
        return take_tunnel(c, p, n);
    case CLIENT_AWAITS_ANSWER:
        return take_head(c, p, n);
    case CLIENT_AWAITS_BODY:
        take_body(c, p, n);
        return n;
    case CLIENT_AWAITS_TLS:
        stream_feed(&c->stream, p, n); /* what the server said right behind the proxy's answer */
        return n;
    case CLIENT_AWAITS_SOCKET:
    case CLIENT_AWAITS_NAME:
        break;
    }
    return n;
}

void client_take(struct conn *c, uint8_t *p, size_t n) {
    size_t used = 0;
    do {
        used += step(c, p + used, n - used);
    } while (c->asking != NULL && c->state < CONN_LEAVING && used < n);
    if (used < n && (c->state == CONN_OPEN || c->state == CONN_CLOSING)) {
        conn_take(c, p + used, n - used);
    }
}

/* ---- the dial ---- */

static void on_dial_stage(void *ctx, enum dial_stage stage, const char *text) {
    struct conn *c = ctx;
    bool resolves = stage == DIAL_RESOLVING;
    c->asking->awaits = resolves ? CLIENT_AWAITS_NAME : CLIENT_AWAITS_SOCKET;
    tell_stage(c, resolves ? CLIENT_RESOLVING : CLIENT_CONNECTING, "%s", text);
}

static void dial_failed(struct conn *c, const struct dial_outcome *outcome) {
    bool proxied = c->asking->target->proxy != NULL;
    enum client_failure failure = CLIENT_SYSTEM;
    if (outcome->result == DIAL_NO_NAME) {
        failure = proxied ? CLIENT_NO_PROXY_NAME : CLIENT_NO_NAME;
    } else if (outcome->result == DIAL_NO_CONNECTION) {
        failure = CLIENT_NO_CONNECTION;
    }
    fail(c, failure, "%s%s", outcome->message, proxied ? ", which is the proxy" : "");
}

static void on_dialled(void *ctx, const struct dial_outcome *outcome) {
    struct conn *c = ctx;
    struct client *k = c->asking;
    char peer[ADDRESS_TEXT_MAX];
    k->dial = NULL;
    if (outcome->result != DIAL_OK) {
        dial_failed(c, outcome);
        return;
    }
    c->address = outcome->peer;
    if (stream_open(&c->stream, outcome->fd) != TB_OK || stream_read_start(&c->stream) != TB_OK) {
        fail(c, CLIENT_SYSTEM, "the system refused the socket");
        return;
    }
    if (!tell_stage(c, CLIENT_CONNECTED, "connected to %s", address_text(&c->address, peer))) {
        return;
    }
    if (k->target->proxy != NULL) {
        enter_tunnel(c);
    } else {
        secure_or_ask(c);
    }
}

static const struct dial_events dial_events = {.on_stage = on_dial_stage, .on_done = on_dialled};

static struct client *client_new(struct conn *c, const struct client_target *target) {
    struct client *k = calloc(1, sizeof *k);
    if (k == NULL) {
        return NULL;
    }
    k->target = target;
    k->failure = CLIENT_SYSTEM;
    k->dial = dial_start(c->endpoint->loop, &target->route, &dial_events, c);
    if (k->dial == NULL) {
        free(k);
        return NULL;
    }
    return k;
}

void client_free(struct client *k) {
    if (k == NULL) {
        return;
    }
    http1_free(k->head);
    tunnel_free(k->tunnel);
    bytes_release(&k->request);
    bytes_release(&k->why);
    bytes_release(&k->body);
    free(k);
}

struct conn *client_dial(struct endpoint *ep, const struct client_target *target) {
    enum stream_kind kind = target->route.unix_path != NULL ? STREAM_UNIX : STREAM_TCP;
    struct conn *c = endpoint_conn_new(ep, kind);
    if (c == NULL) {
        return NULL;
    }
    c->client = true;
    atomic_fetch_add_explicit(&ep->shared->connections, 1, memory_order_relaxed);
    conn_enter(c, CONN_DIALLING);
    c->asking = client_new(c, target);
    if (c->asking == NULL) {
        conn_end(c);
        return NULL;
    }
    deadline_set(&ep->opening, &c->deadline);
    return c;
}
