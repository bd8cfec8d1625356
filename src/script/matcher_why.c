/* Why a message does not match, in words. */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/json_text.h"
#include "script/matcher_state.h"
#include "script/path.h"

/* What is being explained. */
struct why {
    struct match *x;
    struct bytes *out;
    const struct matcher *place; /* whose value is looked at; NULL: the message */
    size_t places;               /* how many such values there are */
};

static int explain(struct why *why, const struct matcher *m, struct subject *s);

static int put(struct why *why, const char *text) {
    return bytes_append_str(why->out, text);
}

/* The subject of the sentence: "it", "$.type", "the first of 3 at $.items[*]". */
static int put_place(struct why *why) {
    if (why->place == NULL) {
        return put(why, "it");
    }
    int err = TB_OK;
    if (why->places > 1) {
        err = bytes_appendf(why->out, "the first of %zu at ", why->places);
    }
    return err == TB_OK ? phrase_place(why->out, why->place) : err;
}

static int put_placed(struct why *why, const char *text) {
    int err = put_place(why);
    return err == TB_OK ? put(why, text) : err;
}

static bool is_string(const struct subject *s) {
    return s->kind != SUBJECT_JSON || s->json->values[s->at].kind == JSON_KIND_STRING;
}

/* A value as it is shown: JSON as it stands there, but for strings. */
static int put_value(struct why *why, const struct subject *s, const uint8_t *p, size_t n) {
    return is_string(s) ? phrase_quoted(why->out, '"', p, n) : phrase_cut(why->out, p, n);
}

/* ---- text and its kin ---- */

/* Where two texts are shown from, so that their difference can be seen. */
static size_t shown_from(const struct subject *s, const uint8_t *p, size_t n) {
    enum { BEFORE = 20, FAR = 80 };
    size_t front = common_front(s->p, s->n, p, n);
    size_t from = front > FAR ? front - BEFORE : 0;
    while (from > 0 && (p[from] & 0xc0) == 0x80) {
        from--;
    }
    return from;
}

static int put_piece(struct why *why, const struct subject *s, const uint8_t *p, size_t n,
                     size_t from) {
    int err = put(why, from > 0 ? "…" : "");
    return err == TB_OK ? put_value(why, s, p + from, n - from) : err;
}

/* What was awaited instead. Of JSON, a part of it is always in quotes. */
static int put_awaited(struct why *why, const struct subject *s, const uint8_t *p, size_t n,
                       size_t from) {
    if (s->kind == SUBJECT_JSON && from == 0) {
        return phrase_scalar(why->out, p, n);
    }
    int err = put(why, from > 0 ? "…" : "");
    return err == TB_OK ? phrase_quoted(why->out, '"', p + from, n - from) : err;
}

/* A list or an object of JSON that was awaited as it is written. */
static bool is_structure(const struct subject *s, const uint8_t *p, size_t n) {
    return s->kind == SUBJECT_JSON && s->n > 0 && (s->p[0] == '[' || s->p[0] == '{') &&
           !is_string(s) && n > 0 && p[0] == s->p[0];
}

static int explain_structure(struct why *why, const struct subject *s) {
    const char *kind = s->p[0] == '[' ? "a list" : "an object";
    int err = put_placed(why, " is ");
    err = err == TB_OK ? phrase_cut(why->out, s->p, s->n) : err;
    return err == TB_OK ? bytes_appendf(why->out, ": it is %s, and a scalar matches none", kind)
                        : err;
}

static int explain_text(struct why *why, struct subject *s, const uint8_t *p, size_t n) {
    if (is_structure(s, p, n)) {
        return explain_structure(why, s);
    }
    size_t from = shown_from(s, p, n);
    int err = put_placed(why, " is ");
    err = err == TB_OK ? put_piece(why, s, s->p, s->n, from) : err;
    err = err == TB_OK ? put(why, ", not ") : err;
    return err == TB_OK ? put_awaited(why, s, p, n, from) : err;
}

/* "it has no 'double' in it"; of a value that the reader does not see, with the value. */
static int explain_verb(struct why *why, const struct subject *s, char quote, const char *verb,
                        const uint8_t *p, size_t n, const char *behind) {
    int err = put_place(why);
    if (err == TB_OK && s->kind != SUBJECT_MESSAGE) {
        err = put(why, " is ");
        err = err == TB_OK ? put_value(why, s, s->p, s->n) : err;
        err = err == TB_OK ? put(why, ", which") : err;
    }
    err = err == TB_OK ? put(why, verb) : err;
    err = err == TB_OK ? phrase_quoted(why->out, quote, p, n) : err;
    return err == TB_OK ? put(why, behind) : err;
}

static int explain_type(struct why *why, unsigned types) {
    const struct message *message = why->x->scope->message;
    if (message == NULL) {
        return put(why, "there is no message");
    }
    int err = bytes_appendf(why->out, "it is %s, not ", phrase_type_is[message->type]);
    return err == TB_OK ? phrase_types_or(why->out, types, phrase_type_is) : err;
}

static int explain_missing(struct why *why, const char *missing) {
    if (missing == NULL) {
        return put(why, "what it is compared with is too large");
    }
    int err = put(why, "the variable ");
    err = err == TB_OK ? phrase_quoted(why->out, '\'', missing, strlen(missing)) : err;
    return err == TB_OK ? put(why, " has no value") : err;
}

static int explain_wanted(struct why *why, const struct matcher *m, struct subject *s) {
    const uint8_t *p;
    size_t n;
    const char *missing = NULL;
    if (!matcher_wanted(m, why->x, &p, &n, &missing)) {
        return why->x->nomem ? TB_ENOMEM : explain_missing(why, missing);
    }
    switch (m->kind) {
    case MATCHER_TEXT:
        return explain_text(why, s, p, n);
    case MATCHER_STARTS:
        return explain_verb(why, s, '\'', " does not begin with ", p, n, "");
    case MATCHER_ENDS:
        return explain_verb(why, s, '\'', " does not end with ", p, n, "");
    default:
        return explain_verb(why, s, '\'', " has no ", p, n, " in it");
    }
}

static int explain_regex(struct why *why, const struct matcher *m, struct subject *s) {
    const uint8_t *text = (const uint8_t *)m->node->text;
    bool before = why->x->gave_up;
    why->x->gave_up = false;
    matcher_holds(m, why->x, s);
    bool gave_up = why->x->gave_up;
    why->x->gave_up = gave_up || before;
    if (gave_up) {
        int err = phrase_quoted(why->out, '/', text, m->node->size);
        return err == TB_OK ? put(why, " was given up: it takes too long") : err;
    }
    return explain_verb(why, s, '/', " does not match ", text, m->node->size, "");
}

/* What looks at bytes: they must be there, in a message of the right type. */
static int explain_bytes(struct why *why, const struct matcher *m, struct subject *s) {
    if (s->kind == SUBJECT_MESSAGE && !matcher_takes_type(m, why->x->scope->message)) {
        return explain_type(why, m->kind == MATCHER_TEXT
                                     ? 1U << MESSAGE_TEXT
                                     : 1U << MESSAGE_TEXT | 1U << MESSAGE_BINARY);
    }
    if (subject_is_absent(s)) {
        return put_placed(why, " is missing");
    }
    if (!subject_bytes(s, why->x)) {
        return TB_ENOMEM;
    }
    return m->kind == MATCHER_REGEX ? explain_regex(why, m, s) : explain_wanted(why, m, s);
}

/* ---- the message ---- */

static int explain_binary(struct why *why, const struct matcher *m, const struct subject *s) {
    const struct message *message = why->x->scope->message;
    if (message == NULL || (message->type != MESSAGE_BINARY && !m->any_type)) {
        return explain_type(why, 1U << MESSAGE_BINARY);
    }
    if (s->n != m->of.binary.size) {
        return bytes_appendf(why->out, "it is %zu bytes, not %zu", s->n, m->of.binary.size);
    }
    size_t i = 0;
    while (i < s->n && (s->p[i] == m->of.binary.bytes[i] || m->of.binary.any[i])) {
        i++;
    }
    return i == s->n ? TB_OK
                     : bytes_appendf(why->out, "its byte %zu is %02x, not %02x", i + 1, s->p[i],
                                     m->of.binary.bytes[i]);
}

static int explain_size(struct why *why, const struct matcher *m, const struct subject *s) {
    int err = bytes_appendf(why->out, "it is %zu byte%s, not ", s->n, s->n == 1 ? "" : "s");
    return err == TB_OK ? phrase_size(why->out, m->of.size) : err;
}

/* The first character that no JSON has there; 0: it only ends too early. */
static size_t json_broken_at(const uint8_t *p, size_t n) {
    size_t good = 0;
    size_t bad = n + 1;
    while (bad - good > 1) {
        size_t middle = good + (bad - good) / 2;
        if (middle <= n && json_text_look(p, middle) == JSON_TEXT_BROKEN) {
            bad = middle;
        } else {
            good = middle;
        }
    }
    size_t characters = 0;
    for (size_t i = 0; i < bad && bad <= n; i++) {
        characters += (p[i] & 0xc0) != 0x80 ? 1 : 0;
    }
    return characters;
}

static int explain_not_json(struct why *why, const struct subject *s) {
    enum { LOOK_MAX = 256 * 1024 };
    if (s->n == 0) {
        return put(why, "it is empty, not JSON");
    }
    if (s->n > LOOK_MAX) {
        return put(why, "it is not JSON");
    }
    size_t at = json_broken_at(s->p, s->n);
    return at == 0 ? put(why, "it is not JSON: it ends too early")
                   : bytes_appendf(why->out, "it is not JSON (at character %zu)", at);
}

/* ---- values ---- */

static bool count_one(void *ctx, size_t at) {
    size_t *count = ctx;
    (void)at;
    (*count)++;
    return false;
}

static int explain_json(struct why *why, const struct matcher *m, const struct subject *s) {
    struct message *message = why->x->scope->message;
    bool nomem = false;
    const struct json_index *json = message != NULL ? message_json(message, &nomem) : NULL;
    if (json == NULL) {
        return nomem ? TB_ENOMEM : explain_not_json(why, s);
    }
    if (m->of.path == NULL) {
        return TB_OK;
    }
    struct why inner = {.x = why->x, .out = why->out, .place = m};
    struct subject value = {.kind = SUBJECT_NO_JSON};
    ptrdiff_t at = path_first(m->of.path, json);
    if (at == JSON_NONE) {
        return put_placed(&inner, " is missing");
    }
    path_each(m->of.path, json, count_one, &inner.places);
    subject_of_json(&value, json, (size_t)at);
    return explain(&inner, m->first, &value);
}

static int explain_handshake(struct why *why, const struct matcher *m) {
    struct why inner = {.x = why->x, .out = why->out, .place = m};
    struct subject value;
    return subject_of_handshake(&value, why->x, m) ? explain(&inner, m->first, &value) : TB_ENOMEM;
}

/* ---- what combines ---- */

/* "$.a is 1": as it stands there, whatever the file has for it. */
static int put_unwanted(struct why *why, const struct matcher *m, struct subject *s) {
    if (why->place == NULL) {
        return matcher_describe(m, why->out);
    }
    if (m->kind != MATCHER_TEXT || !subject_bytes(s, why->x)) {
        return matcher_describe_value(m, why->out);
    }
    int err = put(why, "is ");
    return err == TB_OK ? put_value(why, s, s->p, s->n) : err;
}

static int explain_not(struct why *why, const struct matcher *m, struct subject *s) {
    if (!matcher_holds(m->first, why->x, s)) {
        return explain(why, m->first, s); /* it could not be decided */
    }
    int err = put_placed(why, why->place != NULL ? " " : " is ");
    err = err == TB_OK ? put_unwanted(why, m->first, s) : err;
    return err == TB_OK ? put(why, ", and must not be") : err;
}

static int explain_any(struct why *why, const struct matcher *m, struct subject *s) {
    const struct matcher *nearest = NULL;
    unsigned best = 0;
    size_t count = 0;
    for (const struct matcher *part = m->first; part != NULL; part = part->next) {
        unsigned near = matcher_near(part, why->x, s);
        if (nearest == NULL || near > best) {
            nearest = part;
            best = near;
        }
        count++;
    }
    if (nearest == NULL) {
        return put(why, "'any' has nothing in it");
    }
    int err =
        count > 1 ? bytes_appendf(why->out, "none of %zu holds; of the nearest, ", count) : TB_OK;
    return err == TB_OK ? explain(why, nearest, s) : err;
}

static int explain_all(struct why *why, const struct matcher *m, struct subject *s) {
    for (const struct matcher *part = m->first; part != NULL; part = part->next) {
        if (!matcher_holds(part, why->x, s)) {
            return explain(why, part, s);
        }
    }
    return subject_is_absent(s) ? put_placed(why, " is missing") : TB_OK;
}

static int explain(struct why *why, const struct matcher *m, struct subject *s) {
    switch (m->kind) {
    case MATCHER_ALL:
        return explain_all(why, m, s);
    case MATCHER_ANY:
        return explain_any(why, m, s);
    case MATCHER_NOT:
        return explain_not(why, m, s);
    case MATCHER_EXISTS:
        return put_placed(why, m->of.exists ? " is missing" : " is there");
    case MATCHER_BINARY:
        return explain_binary(why, m, s);
    case MATCHER_TYPE:
        return explain_type(why, m->of.types);
    case MATCHER_SIZE:
        return explain_size(why, m, s);
    case MATCHER_FROM:
        return put(why, m->of.from_client ? "it is from the server, not the client"
                                          : "it is from the client, not the server");
    case MATCHER_JSON:
        return explain_json(why, m, s);
    case MATCHER_HEADER:
    case MATCHER_QUERY:
    case MATCHER_PATH:
        return explain_handshake(why, m);
    case MATCHER_CHANCE:
    case MATCHER_TIMES:
        return TB_OK; /* they hold while somebody only looks */
    default:
        return explain_bytes(why, m, s);
    }
}

/* ---- what counted ---- */

static const struct matcher *find_spent(const struct matcher *m, const struct match *x) {
    if (m->kind == MATCHER_TIMES && x->counters != NULL &&
        atomic_load(&x->counters[m->of.times.number]) >= m->of.times.limit) {
        return m;
    }
    for (const struct matcher *part = m->first; part != NULL; part = part->next) {
        const struct matcher *spent = find_spent(part, x);
        if (spent != NULL) {
            return spent;
        }
    }
    return NULL;
}

/* Everything holds but what depends on how often, or on chance. */
static int explain_counting(struct why *why, const struct matcher *m) {
    const struct matcher *spent = find_spent(m, why->x);
    if (spent != NULL) {
        return bytes_appendf(why->out, "it was for the first %u only", spent->of.times.limit);
    }
    return put(why, m->counts ? "chance passed it by" : "it matches");
}

int matcher_why_not(const struct matcher *m, struct match *x, struct bytes *out) {
    struct why why = {.x = x, .out = out};
    struct look look;
    struct subject message;
    size_t len_before = out->len;
    look_begin(&look, x);
    x->nomem = false;
    subject_of_message(&message, x);
    int err =
        matcher_holds(m, x, &message) ? explain_counting(&why, m) : explain(&why, m, &message);
    err = err == TB_OK && x->nomem ? TB_ENOMEM : err;
    look_end(&look, x);
    if (err != TB_OK) {
        out->len = len_before;
    }
    return err;
}
