/* The opening handshake of a server's connection (RFC 6455 s.4.2). */

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conn/conn_state.h"
#include "conn/endpoint.h"
#include "conn/room.h"
#include "conn/trace.h"

enum {
    /* Bytes that may come before an answer that waits; beyond them nothing is read. */
    EARLY_MAX = 64 * 1024,
};

static const char plain_text[] = "text/plain; charset=utf-8";

/* Instead of an answer with a header that is none. */
static const struct ws_refusal unwritable = {.status = 500};
static const char why_unwritable[] = "a header of the answer cannot be sent as it is";

void opening_trace_end(const struct conn *c, const char *why) {
    const struct trace_handshake h = {.request = c->head};
    trace_refused(c->endpoint->config->trace, c, &h, why);
}

/* ---- refusing ---- */

static bool wants_html(const struct conn *c) {
    struct http1_str accept = http1_header(c->head, "accept", NULL);
    static const char html[] = "text/html";
    return accept.p != NULL && memmem(accept.p, accept.n, html, sizeof html - 1) != NULL;
}

static int put_refusal(struct conn *c, const struct ws_refusal *r) {
    struct bytes answer = BYTES_INIT;
    int err = ws_handshake_refuse(r, &answer);
    if (err == TB_OK) {
        err = conn_put(c, answer.data, answer.len);
    }
    bytes_release(&answer);
    return err;
}

/* Appends a refusal; what came behind the head is thrown away, for whoever sent it believes that it
 * talks to something else than we do. */
static void refuse(struct conn *c, struct ws_refusal r, const char *why) {
    r.head_only = c->head != NULL && http1_str_is(http1_method(c->head), "HEAD");
    int err = put_refusal(c, &r);
    if (err == TB_EINVAL) {
        why = why_unwritable;
        r = unwritable;
        err = put_refusal(c, &r);
    }
    const struct trace_handshake h = {.request = c->head, .status = r.status};
    trace_refused(c->endpoint->config->trace, c, &h, why);
    if (err != TB_OK) {
        conn_reset(c);
        return;
    }
    conn_leave(c, true);
}

static void refuse_with_text(struct conn *c, unsigned status, const char *type, const char *body,
                             const char *why) {
    refuse(c,
           (struct ws_refusal){
               .status = status, .content_type = type, .body = body, .body_size = strlen(body)},
           why);
}

static void refuse_violation(struct conn *c, enum ws_violation v) {
    const struct ws_violation_row *rule = ws_violation_row(v);
    const struct endpoint_config *config = c->endpoint->config;
    if (v == WS_V_REQUEST_NO_UPGRADE) {
        bool html = wants_html(c);
        refuse_with_text(c, rule->status, html ? "text/html; charset=utf-8" : plain_text,
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
    refuse_with_text(c, rule->status, plain_text, (const char *)body.data, rule->text);
    bytes_release(&body);
}

static void refuse_too_many(struct conn *c) {
    static const char why[] = "the server has as many connections as it may have";
    refuse_with_text(c, 503, plain_text,
                     "the server has as many connections as it may have; try again later\n", why);
}

static void refuse_by_terms(struct conn *c, const struct conn_terms *terms) {
    const struct ws_refusal refusal = {.status = terms->status,
                                       .content_type = terms->content_type,
                                       .body = terms->body,
                                       .body_size = terms->body_size,
                                       .headers = terms->headers};
    refuse(c, refusal, terms->why != NULL ? terms->why : "the server does not accept it");
}

/* ---- accepting ---- */

static int put_answer(struct conn *c, const struct ws_answer *answer, const char *const *headers) {
    struct bytes head = BYTES_INIT;
    int err = ws_handshake_accept(answer, headers, &head);
    if (err == TB_OK) {
        err = conn_put(c, head.data, head.len);
    }
    bytes_release(&head);
    return err;
}

static void open_up(struct conn *c, const struct ws_answer *answer) {
    struct endpoint *ep = c->endpoint;
    session_init(&c->session, &ep->sessions[WS_SERVER], &answer->deflate);
    conn_enter(c, CONN_OPEN);
    c->was_open = true;
    deadline_set(&ep->ping, &c->deadline);
    const struct trace_handshake h = {.request = c->head,
                                      .status = answer->status,
                                      .subprotocol = answer->subprotocol,
                                      .deflate = answer->deflate};
    trace_open(ep->config->trace, c, &h);
    ep->config->behaviour->on_open(c);
    http1_free(c->head);
    c->head = NULL;
}

static void accept_upgrade(struct conn *c, const struct ws_answer *answer,
                           const char *const *headers) {
    int err = put_answer(c, answer, headers);
    if (err == TB_EINVAL) {
        refuse(c, unwritable, why_unwritable);
    } else if (err != TB_OK) {
        conn_reset(c);
    } else {
        open_up(c, answer);
    }
}

/* ---- whoever drives the connection decides ---- */

/* An answer that is given later. */
struct late {
    uv_timer_t timer;
    struct conn *conn;
    const struct conn_terms *terms;
};

static void on_late_closed(uv_handle_t *timer) {
    free(timer->data);
}

void opening_cancel(struct conn *c) {
    if (c->waits) {
        uv_close((uv_handle_t *)&c->late->timer, on_late_closed);
        c->waits = false;
        c->reason = NULL;
    }
}

static void give_answer(struct conn *c, const struct conn_terms *terms) {
    const struct ws_server_policy *policy = &c->endpoint->config->policy;
    struct ws_answer answer;
    if (terms->status != 101) {
        refuse_by_terms(c, terms);
    } else if (ws_handshake_judge(c->head, terms->policy != NULL ? terms->policy : policy,
                                  &answer) != TB_OK) {
        conn_reset(c);
    } else if (answer.violation != WS_V_NONE) {
        refuse_violation(c, answer.violation);
    } else {
        accept_upgrade(c, &answer, terms->headers);
    }
}

/* What came behind the head, if that was answered with a 101. */
static void take_rest(struct conn *c, uint8_t *p, size_t n) {
    if ((c->state == CONN_OPEN || c->state == CONN_CLOSING) && n > 0) {
        conn_take(c, p, n);
    }
}

static void on_late(uv_timer_t *timer) {
    struct late *late = timer->data;
    struct conn *c = late->conn;
    const struct conn_terms *terms = late->terms;
    struct bytes held = c->held;
    c->held = (struct bytes)BYTES_INIT;
    opening_cancel(c);
    if (stream_read_start(&c->stream) != TB_OK) {
        conn_reset(c);
    } else {
        give_answer(c, terms);
        take_rest(c, held.data, held.len);
    }
    bytes_release(&held);
}

/* From now on it is not the peer who is slow. */
static void answer_later(struct conn *c, const struct conn_terms *terms) {
    struct late *late = malloc(sizeof *late);
    if (late == NULL) {
        conn_reset(c);
        return;
    }
    *late = (struct late){.conn = c, .terms = terms};
    uv_timer_init(&c->endpoint->loop->uv, &late->timer);
    late->timer.data = late;
    uv_timer_start(&late->timer, on_late, terms->delay_ms, 0);
    c->late = late;
    c->waits = true;
    deadline_set(&c->endpoint->look, &c->deadline);
}

static void consider(struct conn *c, const struct ws_answer *answer) {
    const struct conn_behaviour *behaviour = c->endpoint->config->behaviour;
    const struct conn_terms *terms =
        behaviour->on_request == NULL ? NULL : behaviour->on_request(c, c->head);
    if (c->state != CONN_OPENING) {
        return;
    }
    if (terms == NULL) {
        accept_upgrade(c, answer, NULL);
    } else if (terms->delay_ms > 0) {
        answer_later(c, terms);
    } else {
        give_answer(c, terms);
    }
}

/* ---- input ---- */

static void judge(struct conn *c) {
    struct ws_answer answer;
    if (c->too_many) {
        refuse_too_many(c);
    } else if (ws_handshake_judge(c->head, &c->endpoint->config->policy, &answer) != TB_OK) {
        conn_reset(c);
    } else if (answer.violation != WS_V_NONE) {
        refuse_violation(c, answer.violation);
    } else {
        consider(c, &answer);
    }
}

/* What comes before the answer waits for it, and there is not much of it. */
static void keep_back(struct conn *c, const uint8_t *p, size_t n) {
    if (bytes_append(&c->held, p, n) != TB_OK) {
        conn_reset(c);
    } else if (c->held.len > EARLY_MAX) {
        stream_read_stop(&c->stream);
    }
}

static void take_head(struct conn *c, uint8_t *p, size_t n) {
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
    if (c->waits) {
        keep_back(c, p + used, n - used);
    } else {
        take_rest(c, p + used, n - used);
    }
}

void opening_take(struct conn *c, uint8_t *p, size_t n) {
    if (c->waits) {
        keep_back(c, p, n);
        return;
    }
    if (c->head == NULL) {
        c->head = http1_new(HTTP1_REQUEST, &http1_default_limits);
        if (c->head == NULL) {
            conn_reset(c);
            return;
        }
    }
    take_head(c, p, n);
}
