#include "script/from/conversation.h"

#include <math.h>
#include <search.h>
#include <string.h>
#include <strings.h>

#include "base/encoding.h"
#include "base/err.h"
#include "proto/http1.h"
#include "proto/url.h"
#include "script/from/from.h"
#include "script/number.h"

enum { HEADER_NAME_MAX = 256 };

/* Seconds, three years: twice as long is still a duration. */
#define TIME_MAX 1e8

/* ---- members of the line ---- */

static int refuse(struct from_reading *r, const char *why) {
    r->wrong = why;
    return TB_EINVAL;
}

static ptrdiff_t member(const struct json_index *x, ptrdiff_t object, const char *key) {
    return object < 0 ? JSON_NONE : json_index_member(x, (size_t)object, key, strlen(key));
}

static bool is_kind(const struct json_index *x, ptrdiff_t at, enum json_kind kind) {
    return at >= 0 && x->values[at].kind == kind;
}

static bool is_word(const struct json_index *x, ptrdiff_t at, const char *word) {
    return is_kind(x, at, JSON_KIND_STRING) &&
           json_index_string_is(x, (size_t)at, word, strlen(word));
}

/* A copy of a string's characters. */
static int take_bytes(struct from_reading *r, ptrdiff_t at, const uint8_t **p, size_t *n) {
    bytes_clear(&r->scratch);
    int err = json_index_append(&r->line, (size_t)at, &r->scratch);
    if (err != TB_OK) {
        return err;
    }
    *p = (const uint8_t *)arena_text(r->from->arena, r->scratch.data, r->scratch.len);
    *n = r->scratch.len;
    return *p != NULL ? TB_OK : TB_ENOMEM;
}

/* A string that has no NUL; NULL where there is none such. */
static int take_text(struct from_reading *r, ptrdiff_t at, const char **text) {
    const uint8_t *p = NULL;
    size_t n = 0;
    *text = NULL;
    if (!is_kind(&r->line, at, JSON_KIND_STRING)) {
        return TB_OK;
    }
    int err = take_bytes(r, at, &p, &n);
    if (err == TB_OK && strlen((const char *)p) == n) {
        *text = (const char *)p;
    }
    return err;
}

/* A whole number from 0 to max; `otherwise` where there is none such. */
static uint64_t take_number(const struct json_index *x, ptrdiff_t at, int64_t max,
                            uint64_t otherwise) {
    if (!is_kind(x, at, JSON_KIND_NUMBER)) {
        return otherwise;
    }
    const struct json_value *v = &x->values[at];
    struct number n = number_read(x->text + v->offset, v->size);
    return n.kind == NUMBER_WHOLE && n.whole >= 0 && n.whole <= max ? (uint64_t)n.whole : otherwise;
}

static int take_time(struct from_reading *r, int64_t *t_us) {
    const struct json_index *x = &r->line;
    ptrdiff_t at = member(x, 0, "t");
    double t = -1;
    if (is_kind(x, at, JSON_KIND_NUMBER)) {
        struct number n = number_read(x->text + x->values[at].offset, x->values[at].size);
        t = n.kind == NUMBER_NONE ? -1 : number_as_real(n);
    }
    if (!(t >= 0 && t <= TIME_MAX)) {
        return refuse(r, "an event's 't' is its time in seconds, from 0 on");
    }
    *t_us = llround(t * 1e6);
    return TB_OK;
}

/* ---- header lines ---- */

static int take_header(struct from_reading *r, size_t pair, const struct from_header ***end) {
    const char *name = NULL;
    const char *value = NULL;
    ptrdiff_t first = json_index_element(&r->line, pair, 0);
    int err = take_text(r, first, &name);
    err = err == TB_OK ? take_text(r, json_index_element(&r->line, pair, 1), &value) : err;
    if (err != TB_OK || name == NULL || value == NULL || !http1_is_value(value) ||
        strlen(name) > HEADER_NAME_MAX ||
        !http1_str_is_token((struct http1_str){.p = name, .n = strlen(name)})) {
        return err;
    }
    struct from_header *h = arena_alloc(r->from->arena, sizeof *h);
    if (h == NULL) {
        return TB_ENOMEM;
    }
    *h = (struct from_header){.name = name, .value = value};
    **end = h;
    *end = &h->next;
    return TB_OK;
}

/* What is no pair of a name and a value is passed over. */
static int take_headers(struct from_reading *r, ptrdiff_t head, const struct from_header **first) {
    ptrdiff_t list =
        is_kind(&r->line, head, JSON_KIND_OBJECT) ? member(&r->line, head, "headers") : JSON_NONE;
    int err = TB_OK;
    if (!is_kind(&r->line, list, JSON_KIND_ARRAY)) {
        return TB_OK;
    }
    size_t end = r->line.values[list].next;
    for (size_t at = (size_t)list + 1; at < end && err == TB_OK; at = r->line.values[at].next) {
        if (r->line.values[at].kind == JSON_KIND_ARRAY) {
            err = take_header(r, at, &first);
        }
    }
    return err;
}

const struct from_header *from_header_find(const struct from_header *first, const char *name) {
    while (first != NULL && strcasecmp(first->name, name) != 0) {
        first = first->next;
    }
    return first;
}

bool from_header_is_noise(const struct from_header *h) {
    static const char *const names[] = {"accept",
                                        "accept-encoding",
                                        "accept-language",
                                        "cache-control",
                                        "connection",
                                        "content-length",
                                        "dnt",
                                        "forwarded",
                                        "host",
                                        "keep-alive",
                                        "pragma",
                                        "priority",
                                        "te",
                                        "proxy-connection",
                                        "trailer",
                                        "transfer-encoding",
                                        "upgrade",
                                        "user-agent",
                                        "via"};
    static const char *const beginnings[] = {"sec-", "x-forwarded-"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcasecmp(h->name, names[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        if (strncasecmp(h->name, beginnings[i], strlen(beginnings[i])) == 0) {
            return true;
        }
    }
    return false;
}

bool from_header_is_masked(const struct from_header *h) {
    return strcmp(h->value, "***") == 0;
}

/* ---- conversations ---- */

static int compare(const void *a, const void *b) {
    const struct conversation *x = a, *y = b;
    return x->conn < y->conn ? -1 : x->conn > y->conn;
}

void from_forget(struct from_reading *r) {
    while (r->open != NULL) {
        const struct conversation *any = *(struct conversation **)r->open;
        tdelete(any, &r->open, compare);
    }
}

/* Another conversation, from now on the one that the connection's events belong to. */
static int begin(struct from_reading *r, int64_t t_us, struct conversation **c) {
    uint64_t conn = take_number(&r->line, member(&r->line, 0, "conn"), INT64_MAX, 0);
    struct conversation *made = arena_alloc(r->from->arena, sizeof *made);
    if (made == NULL) {
        return TB_ENOMEM;
    }
    *made = (struct conversation){
        .recording = r->recordings, .number = ++r->number, .conn = conn, .t_us = t_us};
    tdelete(made, &r->open, compare);
    if (tsearch(made, &r->open, compare) == NULL) {
        return TB_ENOMEM;
    }
    if (r->last == NULL) {
        r->from->first = made;
    } else {
        r->last->next = made;
    }
    r->last = made;
    *c = made;
    return TB_OK;
}

/* The conversation of the line's connection. One whose beginning was left out begins here. */
static int find(struct from_reading *r, int64_t t_us, struct conversation **c) {
    struct conversation wanted = {
        .conn = take_number(&r->line, member(&r->line, 0, "conn"), INT64_MAX, 0)};
    struct conversation **slot = tfind(&wanted, &r->open, compare);
    if (slot == NULL) {
        return begin(r, t_us, c);
    }
    *c = *slot;
    return TB_OK;
}

/* A URL, or a path alone, into origin and target. */
static int take_url(struct from_reading *r, struct conversation *c, const char *text) {
    struct url u = {.secure = false};
    struct bytes why = BYTES_INIT;
    struct bytes whole = BYTES_INIT;
    if (text == NULL || text[0] == '/') {
        c->target = text;
        return TB_OK;
    }
    int err = url_parse(&u, text, &why);
    err = err == TB_OK ? url_write(&u, &whole) : err;
    if (err == TB_OK) {
        c->origin = arena_text(r->from->arena, whole.data, whole.len - strlen(u.target));
        c->target = arena_text(r->from->arena, u.target, strlen(u.target));
        err = c->origin == NULL || c->target == NULL ? TB_ENOMEM : TB_OK;
    }
    url_release(&u);
    bytes_release(&why);
    bytes_release(&whole);
    return err == TB_EINVAL ? TB_OK : err;
}

static int take_handshake(struct from_reading *r, struct conversation *c) {
    const struct json_index *x = &r->line;
    ptrdiff_t request = member(x, 0, "request");
    ptrdiff_t response = member(x, 0, "response");
    const char *url = NULL;
    bool has_head = is_kind(x, response, JSON_KIND_OBJECT);
    c->is_begun = true;
    c->status = has_head ? (unsigned)take_number(x, member(x, response, "status"), 999, 0) : 0;
    int err = take_text(r, member(x, 0, "url"), &url);
    if (err == TB_OK && url == NULL && is_kind(x, request, JSON_KIND_OBJECT)) {
        err = take_text(r, member(x, request, "target"), &url);
    }
    c->by_client = (has_head && member(x, response, "headers") >= 0) ||
                   (url != NULL && strncmp(url, "ws", 2) == 0);
    err = err == TB_OK ? take_url(r, c, url) : err;
    err = err == TB_OK ? take_headers(r, request, &c->request) : err;
    err = err == TB_OK ? take_headers(r, response, &c->response) : err;
    return err == TB_OK ? take_text(r, member(x, 0, "protocol"), &c->protocol) : err;
}

static int take_open(struct from_reading *r, int64_t t_us) {
    struct conversation *c = NULL;
    int err = begin(r, t_us, &c);
    return err == TB_OK ? take_handshake(r, c) : err;
}

static int take_refused(struct from_reading *r, int64_t t_us) {
    struct conversation *c = NULL;
    int err = begin(r, t_us, &c);
    err = err == TB_OK ? take_handshake(r, c) : err;
    err = err == TB_OK ? take_text(r, member(&r->line, 0, "why"), &c->why) : err;
    if (err == TB_OK && c->why == NULL) {
        c->why = "no reason was recorded";
    }
    return err;
}

bool conversation_can_come_again(const struct conversation *c) {
    const struct from_header *upgrade = from_header_find(c->request, "upgrade");
    const struct from_header *version = from_header_find(c->request, "sec-websocket-version");
    if (c->why == NULL) {
        return c->target != NULL;
    }
    return c->target != NULL && c->status >= 200 && c->status <= 599 && upgrade != NULL &&
           strcasecmp(upgrade->value, "websocket") == 0 && version != NULL &&
           strcmp(version->value, "13") == 0;
}

/* ---- events ---- */

static int take_side(struct from_reading *r, struct from_event *e) {
    ptrdiff_t from = member(&r->line, 0, "from");
    if (is_word(&r->line, from, "client")) {
        e->side = FROM_CLIENT;
    } else if (is_word(&r->line, from, "server")) {
        e->side = FROM_SERVER;
    } else if (e->kind != FROM_CLOSE) {
        return refuse(r, "'from' is \"client\" or \"server\"");
    }
    return TB_OK;
}

static int decode(struct from_reading *r, ptrdiff_t at, struct from_event *e) {
    struct bytes decoded = BYTES_INIT;
    size_t offset = 0;
    bytes_clear(&r->scratch);
    int err = json_index_append(&r->line, (size_t)at, &r->scratch);
    if (err == TB_OK) {
        err = base64_decode(&decoded, (const char *)r->scratch.data, r->scratch.len, &offset);
    }
    if (err == TB_OK) {
        e->data = (const uint8_t *)arena_text(r->from->arena, decoded.data, decoded.len);
        e->size = decoded.len;
        err = e->data != NULL ? TB_OK : TB_ENOMEM;
    }
    bytes_release(&decoded);
    return err == TB_EINVAL ? refuse(r, "'base64' is not base64") : err;
}

static int take_data(struct from_reading *r, struct from_event *e) {
    ptrdiff_t data = member(&r->line, 0, "data");
    ptrdiff_t base64 = member(&r->line, 0, "base64");
    if (is_kind(&r->line, data, JSON_KIND_STRING)) {
        return take_bytes(r, data, &e->data, &e->size);
    }
    return is_kind(&r->line, base64, JSON_KIND_STRING)
               ? decode(r, base64, e)
               : refuse(r, "neither 'data' nor 'base64' is here, or it is no string");
}

static int take_message(struct from_reading *r, struct from_event *e) {
    ptrdiff_t type = member(&r->line, 0, "type");
    e->is_text = is_word(&r->line, type, "text");
    return e->is_text || is_word(&r->line, type, "binary")
               ? take_data(r, e)
               : refuse(r, "a message's 'type' is \"text\" or \"binary\"");
}

static int take_string(struct from_reading *r, const char *key, struct from_event *e) {
    ptrdiff_t at = member(&r->line, 0, key);
    return is_kind(&r->line, at, JSON_KIND_STRING) ? take_bytes(r, at, &e->data, &e->size) : TB_OK;
}

static int take_violation(struct from_reading *r, struct from_event *e) {
    return take_string(r, "text", e);
}

static int take_close(struct from_reading *r, struct from_event *e) {
    e->code = (unsigned)take_number(&r->line, member(&r->line, 0, "code"), 9999, 0);
    return take_string(r, "reason", e);
}

static int take_event(struct from_reading *r, enum from_kind kind, int64_t t_us) {
    static int (*const takers[])(struct from_reading * r, struct from_event * e) = {
        [FROM_MESSAGE] = take_message,
        [FROM_PING] = take_data,
        [FROM_VIOLATION] = take_violation,
        [FROM_CLOSE] = take_close,
    };
    struct conversation *c = NULL;
    struct from_event *e = arena_alloc(r->from->arena, sizeof *e);
    if (e == NULL) {
        return TB_ENOMEM;
    }
    *e = (struct from_event){.kind = kind, .t_us = t_us, .number = r->events++};
    int err = take_side(r, e);
    err = err == TB_OK ? takers[kind](r, e) : err;
    err = err == TB_OK ? find(r, t_us, &c) : err;
    if (err != TB_OK) {
        return err;
    }
    int64_t before_us = c->last != NULL ? c->last->t_us : c->t_us;
    e->t_us = t_us > before_us ? t_us : before_us; /* it does not run backwards */
    if (c->last == NULL) {
        c->events = e;
    } else {
        c->last->next = e;
    }
    c->last = e;
    return TB_OK;
}

/* ---- lines ---- */

bool from_line_begins(const struct json_index *line) {
    return line->count > 0 && line->values[0].kind == JSON_KIND_OBJECT &&
           member(line, 0, "taburet") >= 0;
}

/* Connections are counted anew. */
static int take_beginning(struct from_reading *r) {
    const struct json_index *x = &r->line;
    if (take_number(x, member(x, 0, "taburet"), 1, 0) != 1 ||
        !is_word(x, member(x, 0, "kind"), "recording")) {
        return refuse(r, "this is no recording, or one of a format that is not known here");
    }
    from_forget(r);
    r->recordings++;
    return r->from->started == NULL ? take_text(r, member(x, 0, "started"), &r->from->started)
                                    : TB_OK;
}

int from_take_line(struct from_reading *r) {
    static const struct {
        const char *name;
        enum from_kind kind;
    } kinds[] = {{"message", FROM_MESSAGE},
                 {"ping", FROM_PING},
                 {"violation", FROM_VIOLATION},
                 {"close", FROM_CLOSE}};
    const struct json_index *x = &r->line;
    if (from_line_begins(x)) {
        return take_beginning(r);
    }
    ptrdiff_t ev = x->values[0].kind == JSON_KIND_OBJECT ? member(x, 0, "ev") : JSON_NONE;
    if (!is_kind(x, ev, JSON_KIND_STRING)) {
        return refuse(r, "no event of a recording: \"ev\" is missing");
    }
    int64_t t_us = 0;
    bool opens = is_word(x, ev, "open");
    if (opens || is_word(x, ev, "refused")) {
        int err = take_time(r, &t_us);
        return err != TB_OK ? err : opens ? take_open(r, t_us) : take_refused(r, t_us);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (is_word(x, ev, kinds[i].name)) {
            int err = take_time(r, &t_us);
            return err == TB_OK ? take_event(r, kinds[i].kind, t_us) : err;
        }
    }
    return TB_OK;
}
