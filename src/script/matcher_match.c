#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/pattern.h"
#include "script/chance.h"
#include "script/matcher_state.h"
#include "script/path.h"
#include "script/template.h"

/* ---- bytes ---- */

bool matcher_takes_type(const struct matcher *m, const struct message *message) {
    if (message == NULL) {
        return false;
    }
    return m->any_type || message->type == MESSAGE_TEXT ||
           (m->kind != MATCHER_TEXT && message->type == MESSAGE_BINARY);
}

/* What is looked at is there: of a message of the right type, of a value that exists. */
static bool look_at(const struct matcher *m, struct match *x, struct subject *s) {
    if (s->kind == SUBJECT_MESSAGE) {
        return matcher_takes_type(m, x->scope->message);
    }
    return subject_bytes(s, x);
}

bool matcher_wanted(const struct matcher *m, struct match *x, const uint8_t **p, size_t *n,
                    const char **missing) {
    if (m->of.text.literal != NULL) {
        *p = (const uint8_t *)m->of.text.literal;
        *n = m->of.text.size;
        return true;
    }
    bytes_clear(&x->expanded);
    int err = template_expand(m->of.text.template, x->scope, &x->expanded);
    if (err == TB_ENOMEM) {
        match_out_of_memory(x);
    }
    if (err != TB_OK || x->scope->missing != NULL) {
        if (missing != NULL && err == TB_OK) {
            *missing = x->scope->missing;
        }
        return false;
    }
    *p = x->expanded.len > 0 ? x->expanded.data : (const uint8_t *)"";
    *n = x->expanded.len;
    return true;
}

static bool holds_text(const struct matcher *m, struct match *x, struct subject *s) {
    const uint8_t *p;
    size_t n;
    if (subject_is_absent(s) ||
        (s->kind == SUBJECT_MESSAGE && !matcher_takes_type(m, x->scope->message))) {
        return false;
    }
    return matcher_wanted(m, x, &p, &n, NULL) && subject_is_scalar(s, x, p, n);
}

static bool holds_contains(const struct matcher *m, struct match *x, struct subject *s) {
    const uint8_t *p;
    size_t n;
    if (!look_at(m, x, s) || !matcher_wanted(m, x, &p, &n, NULL)) {
        return false;
    }
    return n == 0 || (n <= s->n && memmem(s->p, s->n, p, n) != NULL);
}

static bool holds_starts(const struct matcher *m, struct match *x, struct subject *s) {
    const uint8_t *p;
    size_t n;
    if (!look_at(m, x, s) || !matcher_wanted(m, x, &p, &n, NULL)) {
        return false;
    }
    return n == 0 || (n <= s->n && memcmp(s->p, p, n) == 0);
}

static bool holds_ends(const struct matcher *m, struct match *x, struct subject *s) {
    const uint8_t *p;
    size_t n;
    if (!look_at(m, x, s) || !matcher_wanted(m, x, &p, &n, NULL)) {
        return false;
    }
    return n == 0 || (n <= s->n && memcmp(s->p + (s->n - n), p, n) == 0);
}

/* What the named groups have caught, which must outlive the search. */
static bool catch_groups(const struct matcher *m, struct match *x, struct subject *s) {
    const uint8_t *before = s->p;
    if (!subject_keep(s, x)) {
        return false;
    }
    for (size_t i = 0; i < m->of.regex.group_count; i++) {
        const uint8_t *p;
        size_t n;
        if (x->captures.count < CAPTURES_MAX && pattern_group(m->of.regex.pattern, i, &p, &n)) {
            size_t next = x->captures.count++;
            x->captures.items[next].slot = m->of.regex.slots[i];
            x->captures.items[next].p = n > 0 ? s->p + (p - before) : s->p;
            x->captures.items[next].size = n;
        }
    }
    return true;
}

/* All regexes together may be sought in one message for so long; each has its own limit besides. */
#define SEARCHING_MAX_NS INT64_C(500000000)

/* The clock is a coarse one, for it is asked before every search. */
static bool is_out_of_time(struct match *x) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    int64_t now_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
    if (x->searching_ns == 0) {
        x->searching_ns = now_ns;
    }
    return now_ns - x->searching_ns > SEARCHING_MAX_NS;
}

static enum pattern_result search(const struct matcher *m, struct match *x,
                                  const struct subject *s) {
    return is_out_of_time(x) ? PATTERN_LIMIT : pattern_search(m->of.regex.pattern, s->p, s->n);
}

static bool holds_regex(const struct matcher *m, struct match *x, struct subject *s) {
    if (!look_at(m, x, s)) {
        return false;
    }
    switch (search(m, x, s)) {
    case PATTERN_FOUND:
        return m->of.regex.group_count == 0 || catch_groups(m, x, s);
    case PATTERN_LIMIT:
        x->gave_up = true;
        x->undecided++;
        return false;
    case PATTERN_ERROR:
        match_out_of_memory(x);
        return false;
    case PATTERN_NOT_FOUND:
        break;
    }
    return false;
}

static bool holds_exists(const struct matcher *m, struct match *x, struct subject *s) {
    (void)x;
    return m->of.exists != subject_is_absent(s);
}

/* ---- the message ---- */

static bool holds_binary(const struct matcher *m, struct match *x, struct subject *s) {
    const struct message *message = x->scope->message;
    if (message == NULL || s->n != m->of.binary.size ||
        (message->type != MESSAGE_BINARY && !m->any_type)) {
        return false;
    }
    for (size_t i = 0; i < s->n; i++) {
        if (s->p[i] != m->of.binary.bytes[i] && !m->of.binary.any[i]) {
            return false;
        }
    }
    return true;
}

static bool holds_type(const struct matcher *m, struct match *x, struct subject *s) {
    (void)s;
    const struct message *message = x->scope->message;
    return message != NULL && (m->of.types >> message->type & 1) != 0;
}

static bool holds_size(const struct matcher *m, struct match *x, struct subject *s) {
    return x->scope->message != NULL && s->n >= m->of.size.min && s->n <= m->of.size.max;
}

static bool holds_from(const struct matcher *m, struct match *x, struct subject *s) {
    (void)s;
    const struct message *message = x->scope->message;
    return message != NULL && message->from_client == m->of.from_client;
}

struct json_look {
    const struct matcher *m;
    struct match *x;
    const struct json_index *json;
};

static bool holds_at(void *ctx, size_t at) {
    struct json_look *look = ctx;
    struct subject value;
    subject_of_json(&value, look->json, at);
    return matcher_holds(look->m->first, look->x, &value);
}

static bool holds_json(const struct matcher *m, struct match *x, struct subject *s) {
    (void)s;
    bool nomem = false;
    struct message *message = x->scope->message;
    const struct json_index *json = message != NULL ? message_json(message, &nomem) : NULL;
    if (nomem) {
        match_out_of_memory(x);
    }
    if (json == NULL || m->of.path == NULL) {
        return json != NULL;
    }
    struct json_look look = {.m = m, .x = x, .json = json};
    if (path_each(m->of.path, json, holds_at, &look)) {
        return true;
    }
    struct subject absent = {.kind = SUBJECT_NO_JSON};
    return m->has_existence && path_first(m->of.path, json) == JSON_NONE &&
           matcher_holds(m->first, x, &absent);
}

static bool holds_handshake(const struct matcher *m, struct match *x, struct subject *s) {
    (void)s;
    struct subject value;
    return subject_of_handshake(&value, x, m) && matcher_holds(m->first, x, &value);
}

/* ---- what counts ---- */

static bool holds_chance(const struct matcher *m, struct match *x, struct subject *s) {
    (void)s;
    return x->looking || chance_happens(x->scope->chance, m->of.millionths);
}

/* The counter stands still at the limit, so that it never comes round. */
static bool holds_times(const struct matcher *m, struct match *x, struct subject *s) {
    (void)s;
    if (x->looking || x->counters == NULL) {
        return true;
    }
    atomic_uint *counter = &x->counters[m->of.times.number];
    return atomic_load(counter) < m->of.times.limit &&
           atomic_fetch_add(counter, 1) < m->of.times.limit;
}

/* ---- what combines ---- */

/* An empty mapping asks for nothing but that it is there. */
static bool holds_all(const struct matcher *m, struct match *x, struct subject *s) {
    if (m->first == NULL && subject_is_absent(s)) {
        return false;
    }
    for (const struct matcher *part = m->first; part != NULL; part = part->next) {
        if (!matcher_holds(part, x, s)) {
            return false;
        }
    }
    return true;
}

static bool holds_any(const struct matcher *m, struct match *x, struct subject *s) {
    for (const struct matcher *part = m->first; part != NULL; part = part->next) {
        if (matcher_holds(part, x, s)) {
            return true;
        }
    }
    return false;
}

/* Of JSON that is not there nothing is said, but that it is not there; and what could not be
 * decided does not hold either way. */
static bool holds_not(const struct matcher *m, struct match *x, struct subject *s) {
    unsigned undecided = x->undecided;
    size_t caught = x->captures.count;
    if (s->kind == SUBJECT_NO_JSON && !m->has_existence) {
        return false;
    }
    bool held = matcher_holds(m->first, x, s);
    x->captures.count = caught;
    return !held && x->undecided == undecided;
}

bool matcher_holds(const struct matcher *m, struct match *x, struct subject *s) {
    static bool (*const holds[MATCHER_KINDS])(const struct matcher *m, struct match *x,
                                              struct subject *s) = {
        [MATCHER_ALL] = holds_all,           [MATCHER_ANY] = holds_any,
        [MATCHER_NOT] = holds_not,           [MATCHER_TEXT] = holds_text,
        [MATCHER_CONTAINS] = holds_contains, [MATCHER_STARTS] = holds_starts,
        [MATCHER_ENDS] = holds_ends,         [MATCHER_REGEX] = holds_regex,
        [MATCHER_EXISTS] = holds_exists,     [MATCHER_BINARY] = holds_binary,
        [MATCHER_TYPE] = holds_type,         [MATCHER_SIZE] = holds_size,
        [MATCHER_FROM] = holds_from,         [MATCHER_JSON] = holds_json,
        [MATCHER_HEADER] = holds_handshake,  [MATCHER_QUERY] = holds_handshake,
        [MATCHER_PATH] = holds_handshake,    [MATCHER_CHANCE] = holds_chance,
        [MATCHER_TIMES] = holds_times,
    };
    size_t caught = x->captures.count;
    if (holds[m->kind](m, x, s)) {
        return true;
    }
    x->captures.count = caught;
    return false;
}

bool matcher_matches(const struct matcher *m, struct match *x) {
    struct subject message;
    bool nomem = x->nomem;
    x->captures.count = 0;
    x->nomem = false;
    subject_of_message(&message, x);
    bool held = matcher_holds(m, x, &message) && !x->nomem;
    if (!held) {
        x->captures.count = 0;
    }
    x->nomem = x->nomem || nomem;
    return held;
}

bool matcher_exact(const struct matcher *m, struct match *x, struct bytes *out) {
    const struct matcher *text = m;
    if (m->kind == MATCHER_ALL && m->first != NULL) {
        text = m->first->implicit ? m->first->next : m->first;
    }
    const uint8_t *p;
    size_t n;
    return text != NULL && text->kind == MATCHER_TEXT && text->next == NULL &&
           matcher_wanted(text, x, &p, &n, NULL) && bytes_append(out, p, n) == TB_OK;
}

/* ---- looking ---- */

void look_begin(struct look *look, struct match *x) {
    look->captures = x->captures;
    look->gave_up = x->gave_up;
    look->nomem = x->nomem;
    look->looking = x->looking;
    x->looking = true;
}

void look_end(const struct look *look, struct match *x) {
    x->captures = look->captures;
    x->gave_up = look->gave_up;
    x->nomem = look->nomem;
    x->looking = look->looking;
}
