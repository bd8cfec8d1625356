/* The opening handshake of a server's connection (RFC 6455 s.4.2). */

#include <string.h>

#include "base/err.h"
#include "conn/conn_state.h"
#include "conn/endpoint.h"
#include "conn/room.h"
#include "conn/trace.h"

/* ---- refusing ---- */

static bool wants_html(const struct conn *c) {
    struct http1_str accept = http1_header(c->head, "accept", NULL);
    static const char html[] = "text/html";
    return accept.p != NULL && memmem(accept.p, accept.n, html, sizeof html - 1) != NULL;
}

/* Appends a refusal; what came behind the head is thrown away, for whoever sent it believes that it
 * talks to something else than we do. */
static void refuse(struct conn *c, unsigned status, const char *type, const char *body,
                   const char *why) {
    struct bytes answer = BYTES_INIT;
    bool head_only = c->head != NULL && http1_str_is(http1_method(c->head), "HEAD");
    int err = ws_handshake_refuse(status, type, body, head_only, &answer);
    if (err == TB_OK) {
        err = conn_put(c, answer.data, answer.len);
    }
    bytes_release(&answer);
    const struct trace_handshake h = {.request = c->head, .status = status};
    trace_refused(c->endpoint->config->trace, c, &h, why);
    if (err != TB_OK) {
        conn_reset(c);
        return;
    }
    conn_leave(c, true);
}

static void refuse_violation(struct conn *c, enum ws_violation v) {
    const struct ws_violation_row *rule = ws_violation_row(v);
    const struct endpoint_config *config = c->endpoint->config;
    if (v == WS_V_REQUEST_NO_UPGRADE) {
        bool html = wants_html(c);
        refuse(c, rule->status, html ? "text/html; charset=utf-8" : "text/plain; charset=utf-8",
               html ? config->page_html : config->page_text, rule->text);
        return;
    }
    struct bytes body = BYTES_INIT;
    if (bytes_appendf(&body, "%s (%s)\n", rule->text, rule->section) != TB_OK ||
        bytes_append(&body, "", 1) != TB_OK) {
        bytes_release(&body);
        conn_reset(c);
        return;
    }
    refuse(c, rule->status, "text/plain; charset=utf-8", (const char *)body.data, rule->text);
    bytes_release(&body);
}

static void refuse_too_many(struct conn *c) {
    static const char why[] = "the server has as many connections as it may have";
    refuse(c, 503, "text/plain; charset=utf-8",
           "the server has as many connections as it may have; try again later\n", why);
}

/* ---- accepting ---- */

static int put_answer(struct conn *c, const struct ws_answer *answer) {
    struct bytes head = BYTES_INIT;
    int err = ws_handshake_accept(answer, &head);
    if (err == TB_OK) {
        err = conn_put(c, head.data, head.len);
    }
    bytes_release(&head);
    return err;
}

static void accept_upgrade(struct conn *c, const struct ws_answer *answer) {
    struct endpoint *ep = c->endpoint;
    if (put_answer(c, answer) != TB_OK) {
        conn_reset(c);
        return;
    }
    session_init(&c->session, &ep->sessions[WS_SERVER], &answer->deflate);
    conn_enter(c, CONN_OPEN);
    c->was_open = true;
    deadline_set(&ep->ping, &c->deadline);
    const struct trace_handshake h = {.request = c->head,
                                      .status = answer->status,
                                      .subprotocol = answer->subprotocol,
                                      .deflate = answer->deflate};
    trace_open(ep->config->trace, c, &h);
    http1_free(c->head);
    c->head = NULL;
    ep->config->behaviour->on_open(c);
}

static void judge(struct conn *c) {
    struct ws_answer answer;
    if (c->too_many) {
        refuse_too_many(c);
        return;
    }
    if (ws_handshake_judge(c->head, &c->endpoint->config->policy, &answer) != TB_OK) {
        conn_reset(c);
        return;
    }
    if (answer.violation != WS_V_NONE) {
        refuse_violation(c, answer.violation);
        return;
    }
    accept_upgrade(c, &answer);
}

void opening_take(struct conn *c, uint8_t *p, size_t n) {
    if (c->head == NULL) {
        c->head = http1_new(HTTP1_REQUEST, &http1_default_limits);
        if (c->head == NULL) {
            conn_reset(c);
            return;
        }
    }
    size_t used = 0;
    switch (http1_feed(c->head, p, n, &used)) {
    case HTTP1_MORE:
        return;
    case HTTP1_BAD:
        refuse_violation(c, http1_violation(c->head));
        return;
    case HTTP1_NOMEM:
        conn_reset(c);
        return;
    case HTTP1_DONE:
        judge(c);
        break;
    }
    if ((c->state == CONN_OPEN || c->state == CONN_CLOSING) && used < n) {
        conn_take(c, p + used, n - used);
    }
}
