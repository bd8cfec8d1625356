#include <string.h>

#include "script/matcher_state.h"
#include "script/path.h"

/* In thousandths. What does not hold is never near enough to count as if it did. */
enum { HOLDS = 1000, NEAREST = 900, HALF = 500 };

/* A type that nobody wrote says little. */
enum { WEIGHT = 8, WEIGHT_IMPLICIT = 1 };

/* What is compared of long bytes. */
enum { LOOK_MAX = 64 * 1024 };

size_t common_front(const uint8_t *p, size_t n, const uint8_t *q, size_t m) {
    size_t end = n < m ? n : m;
    size_t i = 0;
    while (i < end && p[i] == q[i]) {
        i++;
    }
    return i;
}

size_t common_end(const uint8_t *p, size_t n, const uint8_t *q, size_t m) {
    size_t end = n < m ? n : m;
    size_t i = 0;
    while (i < end && p[n - 1 - i] == q[m - 1 - i]) {
        i++;
    }
    return i;
}

static unsigned share(size_t part, size_t whole) {
    return whole == 0 ? 0 : (unsigned)((double)part / (double)whole * NEAREST);
}

/* How much of two texts is the same at their beginnings and ends. */
static unsigned near_bytes(const uint8_t *p, size_t n, const uint8_t *q, size_t m) {
    size_t least = n < m ? n : m;
    size_t front = common_front(p, n, q, m);
    size_t end = common_end(p, n, q, m);
    return share(front + end < least ? front + end : least, n < m ? m : n);
}

/* How much of the wanted text's beginning stands somewhere. */
static unsigned near_contained(const uint8_t *p, size_t n, const uint8_t *q, size_t m) {
    size_t found = 0;
    size_t not_found = m;
    n = n < LOOK_MAX ? n : LOOK_MAX;
    while (not_found - found > 1) {
        size_t size = found + (not_found - found) / 2;
        if (size <= n && memmem(p, n, q, size) != NULL) {
            found = size;
        } else {
            not_found = size;
        }
    }
    return share(found, m);
}

static unsigned near_wanted(const struct matcher *m, struct match *x, struct subject *s) {
    const uint8_t *p;
    size_t n;
    if (s->kind == SUBJECT_MESSAGE ? !matcher_takes_type(m, x->scope->message)
                                   : !subject_bytes(s, x)) {
        return 0;
    }
    if (!matcher_wanted(m, x, &p, &n, NULL)) {
        return 0;
    }
    switch (m->kind) {
    case MATCHER_TEXT:
        return near_bytes(s->p, s->n, p, n);
    case MATCHER_STARTS:
        return share(common_front(s->p, s->n, p, n), n);
    case MATCHER_ENDS:
        return share(common_end(s->p, s->n, p, n), n);
    default:
        return near_contained(s->p, s->n, p, n);
    }
}

static unsigned near_binary(const struct matcher *m, struct match *x, const struct subject *s) {
    const struct message *message = x->scope->message;
    if (message == NULL || (message->type != MESSAGE_BINARY && !m->any_type)) {
        return 0;
    }
    size_t end = s->n < m->of.binary.size ? s->n : m->of.binary.size;
    size_t same = 0;
    for (size_t i = 0; i < end; i++) {
        same += s->p[i] == m->of.binary.bytes[i] || m->of.binary.any[i] ? 1 : 0;
    }
    return share(same, s->n < m->of.binary.size ? m->of.binary.size : s->n);
}

/* The place is there, with something else in it. */
static unsigned near_place(const struct matcher *m, struct match *x) {
    if (m->kind != MATCHER_JSON) {
        struct subject value;
        return subject_of_handshake(&value, x, m) && !subject_is_absent(&value) ? HALF : 0;
    }
    const struct json_index *json =
        x->scope->message != NULL ? message_json(x->scope->message, NULL) : NULL;
    return json != NULL && m->of.path != NULL && path_first(m->of.path, json) != JSON_NONE ? HALF
                                                                                           : 0;
}

static unsigned mean(const struct matcher *m, struct match *x, struct subject *s) {
    uint64_t sum = 0;
    uint64_t weights = 0;
    for (const struct matcher *part = m->first; part != NULL; part = part->next) {
        unsigned weight = part->implicit ? WEIGHT_IMPLICIT : WEIGHT;
        sum += (uint64_t)weight * matcher_near(part, x, s);
        weights += weight;
    }
    return weights == 0 ? 0 : (unsigned)(sum / weights);
}

static unsigned greatest(const struct matcher *m, struct match *x, struct subject *s) {
    unsigned best = 0;
    for (const struct matcher *part = m->first; part != NULL; part = part->next) {
        unsigned near = matcher_near(part, x, s);
        best = near > best ? near : best;
    }
    return best;
}

unsigned matcher_near(const struct matcher *m, struct match *x, struct subject *s) {
    if (matcher_holds(m, x, s)) {
        return HOLDS;
    }
    switch (m->kind) {
    case MATCHER_ALL:
        return mean(m, x, s);
    case MATCHER_ANY:
        return greatest(m, x, s);
    case MATCHER_TEXT:
    case MATCHER_CONTAINS:
    case MATCHER_STARTS:
    case MATCHER_ENDS:
        return near_wanted(m, x, s);
    case MATCHER_BINARY:
        return near_binary(m, x, s);
    case MATCHER_JSON:
    case MATCHER_HEADER:
    case MATCHER_QUERY:
    case MATCHER_PATH:
        return near_place(m, x);
    default:
        return 0;
    }
}

unsigned matcher_nearness(const struct matcher *m, struct match *x) {
    struct look look;
    struct subject message;
    look_begin(&look, x);
    subject_of_message(&message, x);
    unsigned near = matcher_near(m, x, &message);
    look_end(&look, x);
    return near;
}
