/* Who may come in: a route's `handshake`, judged. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "script/mock/state.h"

/* What stays until the connection is open, or gone. */
struct visit {
    struct conn_terms terms;
    struct ws_server_policy policy; /* of an accept */
    struct bytes body;              /* of a reject */
    char **headers;                 /* that were filled in; NULL behind the last, or NULL */
    struct script *script;          /* the terms stand in it */
};

static const char plain_text[] = "text/plain; charset=utf-8";

static const struct conn_terms no_route = {
    .status = 404,
    .content_type = plain_text,
    .body = "this server has no WebSocket at this path\n",
    .body_size = sizeof "this server has no WebSocket at this path\n" - 1,
    .why = "no route of the file is for this path",
};

static const struct conn_terms no_memory = {
    .status = 503,
    .content_type = plain_text,
    .body = "out of memory\n",
    .body_size = sizeof "out of memory\n" - 1,
    .why = "out of memory",
};

void visit_free(struct visit *v) {
    if (v != NULL) {
        for (char **line = v->headers; line != NULL && *line != NULL; line++) {
            free(*line);
        }
        free(v->headers);
        script_unref(v->script);
        bytes_release(&v->body);
        free(v);
    }
}

/* Terms that become the connection's. NULL if memory is out. */
static struct visit *visit_new(struct mock_loop *l, struct conn *c) {
    struct visit *v = calloc(1, sizeof *v);
    if (v != NULL) {
        v->script = script_ref(l->script);
        conn_set_data(c, v);
    }
    return v;
}

static bool has_header(const char *const *headers, const char *name) {
    size_t n = strlen(name);
    for (; headers != NULL && *headers != NULL; headers++) {
        if (strncasecmp(*headers, name, n) == 0 && (*headers)[n] == ':') {
            return true;
        }
    }
    return false;
}

/* What the file does not say is as the endpoint has it, and what the command line forbids stays
 * forbidden. */
static void let_in(struct visit *v, const struct entrance *e,
                   const struct ws_server_policy *general) {
    v->policy = *general;
    if (e->policy.subprotocol_count > 0) {
        v->policy.subprotocols = e->policy.subprotocols;
        v->policy.subprotocol_count = e->policy.subprotocol_count;
        v->policy.server_order = true;
    }
    if (e->has_deflate) {
        v->policy.deflate = general->deflate && e->policy.deflate;
    }
    v->terms.policy = &v->policy;
}

/* A header's line with its value filled in; NULL if that cannot be. */
static char *fill_header(const char *line, const struct template *value, struct scope *scope) {
    struct bytes filled = BYTES_INIT;
    int err = bytes_append_str(&filled, line);
    err = err == TB_OK && value != NULL ? template_expand(value, scope, &filled) : err;
    err = err == TB_OK ? bytes_append(&filled, "", 1) : err;
    if (err != TB_OK) {
        bytes_release(&filled);
    }
    return (char *)filled.data;
}

static bool fill_headers(struct visit *v, const struct entrance *e, struct scope *scope) {
    size_t count = 0;
    while (e->headers[count] != NULL) {
        count++;
    }
    v->headers = calloc(count + 1, sizeof *v->headers);
    bool filled = v->headers != NULL;
    const char *missing = NULL;
    for (size_t i = 0; i < count && filled; i++) {
        v->headers[i] = fill_header(e->headers[i], e->values[i], scope);
        filled = v->headers[i] != NULL;
        missing = missing == NULL && e->values[i] != NULL ? scope->missing : missing;
    }
    scope->missing = missing;
    v->terms.headers = (const char *const *)v->headers;
    return filled;
}

static void note_missing(struct mock_loop *l, const struct entrance *e, const struct scope *scope) {
    if (scope->missing != NULL) {
        mock_note(l, l->script, e->node, "${%s} has no value here", scope->missing);
    }
}

static bool turn_away(struct mock_loop *l, struct visit *v, const struct entrance *e,
                      struct scope *scope) {
    scope->missing = NULL;
    if (e->body != NULL && template_expand(e->body, scope, &v->body) != TB_OK) {
        return false;
    }
    note_missing(l, e, scope);
    v->terms.body = v->body.len > 0 ? (const char *)v->body.data : "";
    v->terms.body_size = v->body.len;
    v->terms.content_type = has_header(e->headers, "content-type") ? NULL : plain_text;
    v->terms.why = "a handshake rule of the file rejects it";
    return true;
}

static const struct entrance *find_entrance(const struct plan_route *route, struct match *x) {
    for (size_t i = 0; i < route->entrance_count; i++) {
        const struct entrance *e = &route->entrances[i];
        match_clear(x);
        if (e->when == NULL || matcher_matches(e->when, x)) {
            return e;
        }
    }
    return NULL;
}

static const struct conn_terms *refuse(struct mock_loop *l, struct conn *c, unsigned status) {
    struct visit *v = visit_new(l, c);
    if (v == NULL) {
        return &no_memory;
    }
    v->terms = (struct conn_terms){
        .status = status, .content_type = plain_text, .body = "", .why = "a fault refuses it"};
    return &v->terms;
}

static const struct conn_terms *answer(struct mock_loop *l, struct conn *c,
                                       const struct entrance *e, struct scope *scope) {
    struct visit *v = visit_new(l, c);
    if (v == NULL) {
        return &no_memory;
    }
    v->terms = (struct conn_terms){
        .status = e->status, .headers = e->headers, .delay_ms = alarm_time(l, &e->delay)};
    if (e->fills_headers) {
        if (!fill_headers(v, e, scope)) {
            return &no_memory;
        }
        note_missing(l, e, scope);
    }
    if (e->status == 101) {
        let_in(v, e, &l->ep->config->policy);
        return &v->terms;
    }
    return turn_away(l, v, e, scope) ? &v->terms : &no_memory;
}

static const struct conn_terms *judge(struct run *run, struct conn *c, struct scope *scope) {
    struct mock_loop *l = run->loop;
    unsigned status = faults_are_on(run) ? faults_refuse(run, scope) : 0;
    if (status != 0) {
        return refuse(l, c, status);
    }
    struct match match;
    match_init(&match, scope, l->tally->counters);
    const struct entrance *e = find_entrance(run->route, &match);
    scope->captures = &match.captures;
    const struct conn_terms *terms = e == NULL ? NULL : answer(l, c, e, scope);
    scope->captures = NULL;
    match_release(&match);
    return terms;
}

const struct conn_terms *entrance_judge(struct conn *c, const struct http1 *request) {
    struct mock_loop *l = mock_loop_of(conn_endpoint(c));
    struct route_parts parts = {.count = 0};
    bool nomem;
    struct run *run = run_for(l, http1_target(request), &parts, &nomem);
    if (run == NULL) {
        return nomem ? &no_memory : &no_route;
    }
    char address[ADDRESS_TEXT_MAX];
    const struct peer peer = {.id = conn_id(c),
                              .address = conn_address(c, address),
                              .head = request,
                              .path = parts.items,
                              .path_count = parts.count};
    struct message none = {.type = MESSAGE_TEXT};
    struct scope scope = {
        .message = &none, .vars = &l->script->vars, .peer = &peer, .chance = &l->chance};
    mock_enter(l);
    const struct conn_terms *terms = judge(run, c, &scope);
    mock_leave(l);
    bytes_release(&parts.text);
    message_release(&none);
    return terms;
}
