#include "script/from/answers.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "proto/close.h"
#include "script/from/wording.h"

/* What comes later than this after anything else was not caused by it. */
#define PROMPT_US INT64_C(1000000)

/* What comes together without a cause is one rule. */
#define TOGETHER_US INT64_C(50000)

enum { RULE_INDENT = 8, ACTION_INDENT = 10 };

/* ---- actions ---- */

/* What the server does in one go. */
struct deed {
    struct bytes replies; /* as pointers to events */
    const struct from_event *close;
};

static size_t reply_count(const struct deed *d) {
    return d->replies.len / sizeof(struct from_event *);
}

static const struct from_event *reply_at(const struct deed *d, size_t i) {
    const struct from_event *e;
    memcpy(&e, d->replies.data + i * sizeof e, sizeof e);
    return e;
}

static bool is_idle(const struct deed *d) {
    return d->replies.len == 0 && d->close == NULL;
}

static void put_replies(struct yaml_out *y, const struct deed *d) {
    size_t count = reply_count(d);
    yaml_put(y, count == 0 ? "" : count == 1 ? "          reply: " : "          reply:\n");
    for (size_t i = 0; i < count; i++) {
        yaml_put(y, count > 1 ? "            - " : "");
        wording_payload(y, reply_at(d, i));
        yaml_put(y, "\n");
    }
}

static void put_close(struct yaml_out *y, const struct from_event *e) {
    if (e->side == FROM_NOBODY) {
        yaml_put(y, "          reset: yes\n");
        return;
    }
    struct from_event told = *e;
    if (!ws_close_code_is_valid((uint16_t)e->code)) {
        yaml_comment(y, ACTION_INDENT, "recorded with the code %u, which none can send", e->code);
        told.code = WS_CLOSE_NORMAL;
    }
    yaml_put(y, "          close: ");
    wording_close(y, &told, "");
    yaml_put(y, "\n");
}

static void put_deed(struct yaml_out *y, const struct deed *d) {
    put_replies(y, d);
    if (d->close != NULL) {
        put_close(y, d->close);
    }
    if (is_idle(d)) {
        yaml_comment(y, ACTION_INDENT, "no answer");
    }
}

/* ---- what was said ---- */

/* A client's message and what came of it, in the words of a rule. */
struct saying {
    const struct from_event *said;
    size_t key; /* where its matcher's fields stand in the pool */
    size_t key_size;
    size_t body; /* and the actions */
    size_t body_size;
    const char *pool;
};

struct answers {
    struct yaml_out *y;
    struct bytes pool;
    struct bytes sayings; /* of struct saying */
    struct bytes unasked; /* rules that no message triggers, written */
    bool is_first;        /* the conversation that is looked at is the route's first */
    const struct conversation *c;
    /* what is going on in it */
    const struct from_event *said; /* the message that caused it, or NULL */
    int64_t began_us;              /* without a message: when; */
    bool is_late;                  /* and not because of the connect */
    int64_t before_us;             /* of the event before */
    struct deed deed;
};

static void keep_saying(struct answers *a) {
    struct yaml_out pool = {.out = &a->pool, .err = a->y->err};
    struct saying s = {.said = a->said, .key = a->pool.len};
    wording_fields(&pool, a->said);
    s.key_size = a->pool.len - s.key;
    s.body = a->pool.len;
    put_deed(&pool, &a->deed);
    s.body_size = a->pool.len - s.body;
    a->y->err = pool.err == TB_OK ? bytes_append(&a->sayings, &s, sizeof s) : pool.err;
}

static void keep_unasked(struct answers *a) {
    struct yaml_out y = {.out = &a->unasked, .err = a->y->err};
    if (!a->is_first || is_idle(&a->deed)) {
        return;
    }
    if (a->is_late) {
        yaml_put(&y, "        - after: ");
        wording_duration(&y, a->began_us - a->c->t_us);
        yaml_put(&y, "\n");
    } else {
        yaml_put(&y, "        - at: connect\n");
    }
    put_deed(&y, &a->deed);
    a->y->err = y.err;
}

static void end_deed(struct answers *a) {
    if (a->y->err == TB_OK && a->said != NULL) {
        keep_saying(a);
    } else if (a->y->err == TB_OK) {
        keep_unasked(a);
    }
    bytes_clear(&a->deed.replies);
    a->deed.close = NULL;
    a->said = NULL;
}

/* ---- a conversation ---- */

static void hear_client(struct answers *a, const struct from_event *e) {
    end_deed(a);
    a->said = e;
    a->is_late = false;
}

/* Something that the server does: because of what is going on, or without a cause. */
static void see_server(struct answers *a, const struct from_event *e) {
    int64_t gap_us = e->t_us - a->before_us;
    if (gap_us > (a->is_late ? TOGETHER_US : PROMPT_US)) {
        end_deed(a);
        a->is_late = true;
        a->began_us = e->t_us;
    }
    if (e->kind == FROM_CLOSE) {
        a->deed.close = e;
    } else if (wording_can_send(e) && a->y->err == TB_OK) {
        a->y->err = bytes_append(&a->deed.replies, &e, sizeof e);
    }
}

/* A server that is stopped (1001) says so to everybody: that is no part of how it behaves. */
static bool is_server_close(const struct conversation *c, const struct from_event *e) {
    return e->kind == FROM_CLOSE && ((e->side == FROM_SERVER && e->code != WS_CLOSE_GOING_AWAY) ||
                                     (e->side == FROM_NOBODY && c->by_client));
}

static void walk(struct answers *a, const struct conversation *c) {
    a->c = c;
    a->before_us = c->t_us;
    a->is_late = false;
    for (const struct from_event *e = c->events; e != NULL && e->kind != FROM_VIOLATION;
         e = e->next) {
        bool is_message = e->kind == FROM_MESSAGE;
        if (is_message && e->side == FROM_CLIENT) {
            hear_client(a, e);
        } else if (is_message || is_server_close(c, e)) {
            see_server(a, e);
        }
        a->before_us = e->t_us;
    }
    end_deed(a);
}

/* ---- rules ---- */

static int compare_pieces(const char *a, size_t an, const char *b, size_t bn) {
    int order = memcmp(a, b, an < bn ? an : bn);
    return order != 0 ? order : an < bn ? -1 : an > bn;
}

static int compare_sayings(const void *a, const void *b) {
    const struct saying *x = a, *y = b;
    int order = compare_pieces(x->pool + x->key, x->key_size, y->pool + y->key, y->key_size);
    return order != 0 ? order
                      : (x->said->number > y->said->number) - (x->said->number < y->said->number);
}

static bool is_same_key(const struct saying *x, const struct saying *y) {
    return compare_pieces(x->pool + x->key, x->key_size, y->pool + y->key, y->key_size) == 0;
}

static bool is_same_body(const struct saying *x, const struct saying *y) {
    return compare_pieces(x->pool + x->body, x->body_size, y->pool + y->body, y->body_size) == 0;
}

/* Sayings of the same message, in their order. */
struct group {
    const struct saying *first;
    size_t count;
};

static int compare_groups(const void *a, const void *b) {
    const struct group *x = a, *y = b;
    size_t m = x->first->said->number, n = y->first->said->number;
    return m < n ? -1 : m > n;
}

static void put_rule(struct yaml_out *y, const struct saying *s, size_t times) {
    wording_remark(y, RULE_INDENT, s->said);
    yaml_put(y, "        - when: ");
    if (times == 0) {
        wording_matcher(y, s->said);
    } else {
        yaml_put(y, "{ ");
        wording_fields(y, s->said);
        yaml_put(y, ", times: %zu }", times);
    }
    yaml_put(y, "\n");
    if (y->err == TB_OK) {
        y->err = bytes_append(y->out, s->pool + s->body, s->body_size);
    }
}

/* A rule for each answer, the next one when the one before has had its turns. */
static void put_group(struct yaml_out *y, const struct group *g) {
    const struct saying *end = g->first + g->count;
    for (const struct saying *s = g->first, *next; s < end; s = next) {
        next = s + 1;
        while (next < end && is_same_body(s, next)) {
            next++;
        }
        put_rule(y, s, next < end ? (size_t)(next - s) : 0);
    }
}

static void put_groups(struct yaml_out *y, struct saying *sayings, size_t count) {
    struct group *groups = calloc(count + 1, sizeof *groups);
    size_t n = 0;
    if (groups == NULL) {
        y->err = TB_ENOMEM;
        return;
    }
    qsort(sayings, count, sizeof *sayings, compare_sayings);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !is_same_key(&sayings[i - 1], &sayings[i])) {
            groups[n++].first = &sayings[i];
        }
        groups[n - 1].count++;
    }
    qsort(groups, n, sizeof *groups, compare_groups);
    for (size_t i = 0; i < n; i++) {
        put_group(y, &groups[i]);
    }
    free(groups);
}

static void put_rules(struct yaml_out *y, struct answers *a) {
    struct saying *sayings = (struct saying *)(void *)a->sayings.data;
    size_t count = a->sayings.len / sizeof *sayings;
    for (size_t i = 0; i < count; i++) {
        sayings[i].pool = (const char *)a->pool.data;
    }
    yaml_put(y, count > 0 || a->unasked.len > 0 ? "      rules:\n" : "      rules: []\n");
    if (y->err == TB_OK) {
        y->err = bytes_append(y->out, a->unasked.data, a->unasked.len);
    }
    if (y->err == TB_OK && count > 0) {
        put_groups(y, sayings, count);
    }
}

void answers_write(struct yaml_out *y, const struct conversation *const *c, size_t count) {
    struct answers a = {.y = y};
    for (size_t i = 0; i < count; i++) {
        a.is_first = i == 0;
        walk(&a, c[i]);
    }
    put_rules(y, &a);
    bytes_release(&a.pool);
    bytes_release(&a.sayings);
    bytes_release(&a.unasked);
    bytes_release(&a.deed.replies);
}
