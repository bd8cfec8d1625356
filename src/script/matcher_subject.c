#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "proto/http1.h"
#include "script/matcher_state.h"
#include "script/number.h"

struct scrap {
    struct scrap *next;
    uint8_t bytes[];
};

/* ---- the match ---- */

void match_init(struct match *x, struct scope *scope, atomic_uint *counters) {
    *x = (struct match){.scope = scope, .counters = counters};
    scope->captures = &x->captures;
}

void match_clear(struct match *x) {
    while (x->scraps != NULL) {
        struct scrap *next = x->scraps->next;
        free(x->scraps);
        x->scraps = next;
    }
    x->captures.count = 0;
    x->gave_up = false;
    x->nomem = false;
    x->searching_ns = 0;
}

void match_release(struct match *x) {
    match_clear(x);
    bytes_release(&x->expanded);
    bytes_release(&x->decoded);
}

void match_out_of_memory(struct match *x) {
    x->nomem = true;
    x->undecided++;
}

/* ---- subjects ---- */

void subject_of_message(struct subject *s, struct match *x) {
    const struct message *message = x->scope->message;
    *s = (struct subject){.kind = SUBJECT_MESSAGE, .ready = true};
    if (message != NULL) {
        s->p = message->data;
        s->n = message->size;
    }
}

void subject_of_json(struct subject *s, const struct json_index *json, size_t at) {
    *s = (struct subject){.kind = SUBJECT_JSON, .json = json, .at = at};
}

/* The request's path, as it came, without its query. */
static bool put_path(struct match *x, const struct peer *peer) {
    struct http1_str target = http1_target(peer->head);
    const char *query = target.n > 0 ? memchr(target.p, '?', target.n) : NULL;
    size_t n = query != NULL ? (size_t)(query - target.p) : target.n;
    return bytes_append(&x->decoded, target.p, n) == TB_OK;
}

bool subject_of_handshake(struct subject *s, struct match *x, const struct matcher *m) {
    const struct peer *peer = x->scope->peer;
    bool found = false;
    bool ok = true;
    *s = (struct subject){.kind = SUBJECT_NO_HANDSHAKE};
    bytes_clear(&x->decoded);
    if (peer == NULL || peer->head == NULL) {
        return true;
    }
    if (m->kind == MATCHER_PATH) {
        ok = put_path(x, peer);
        found = true;
    } else if (m->kind == MATCHER_HEADER) {
        ok = peer_header(peer, m->of.name, &x->decoded, &found) == TB_OK;
    } else {
        ok = peer_query(peer, m->of.name, &x->decoded, &found) == TB_OK;
    }
    if (!ok) {
        match_out_of_memory(x);
    } else if (found) {
        *s = (struct subject){.kind = SUBJECT_HANDSHAKE,
                              .ready = true,
                              .decoded = true,
                              .p = x->decoded.data,
                              .n = x->decoded.len};
    }
    return ok;
}

/* A string without escapes stands in the text as it is. */
static bool string_bytes(struct subject *s, struct match *x) {
    const struct json_value *value = &s->json->values[s->at];
    const char *text = s->json->text + value->offset + 1;
    size_t n = value->size - 2;
    if (n == 0 || memchr(text, '\\', n) == NULL) {
        s->p = (const uint8_t *)text;
        s->n = n;
        return true;
    }
    bytes_clear(&x->decoded);
    if (json_index_append(s->json, s->at, &x->decoded) != TB_OK) {
        match_out_of_memory(x);
        return false;
    }
    s->p = x->decoded.data;
    s->n = x->decoded.len;
    s->decoded = true;
    return true;
}

bool subject_bytes(struct subject *s, struct match *x) {
    if (s->ready || subject_is_absent(s)) {
        return s->ready;
    }
    const struct json_value *value = &s->json->values[s->at];
    if (value->kind == JSON_KIND_STRING) {
        s->ready = string_bytes(s, x);
        return s->ready;
    }
    s->p = (const uint8_t *)s->json->text + value->offset;
    s->n = value->size;
    s->ready = true;
    return true;
}

bool subject_keep(struct subject *s, struct match *x) {
    if (!s->decoded) {
        return true;
    }
    struct scrap *scrap = malloc(sizeof(*scrap) + s->n);
    if (scrap == NULL) {
        match_out_of_memory(x);
        return false;
    }
    if (s->n > 0) {
        memcpy(scrap->bytes, s->p, s->n);
    }
    scrap->next = x->scraps;
    x->scraps = scrap;
    s->p = scrap->bytes;
    s->decoded = false;
    return true;
}

/* ---- scalars ---- */

static bool is_json_scalar(const struct subject *s, const uint8_t *p, size_t n) {
    const struct json_value *value = &s->json->values[s->at];
    const uint8_t *text = (const uint8_t *)s->json->text + value->offset;
    switch (value->kind) {
    case JSON_KIND_STRING:
        return json_index_string_is(s->json, s->at, p, n);
    case JSON_KIND_NUMBER:
        return (n == value->size && memcmp(text, p, n) == 0) ||
               (number_is_text(p, n) && number_compare_texts(text, value->size, p, n) == 0);
    case JSON_KIND_TRUE:
    case JSON_KIND_FALSE:
    case JSON_KIND_NULL:
        return n == value->size && memcmp(text, p, n) == 0;
    default:
        return false;
    }
}

bool subject_is_scalar(struct subject *s, struct match *x, const uint8_t *p, size_t n) {
    if (s->kind == SUBJECT_JSON) {
        return is_json_scalar(s, p, n);
    }
    return subject_bytes(s, x) && s->n == n && (n == 0 || memcmp(s->p, p, n) == 0);
}
