/* What a matcher needs as a literal, so that many of them can be sought at once. */
#include "base/err.h"
#include "script/matcher_state.h"

/* A literal that is all of the message is worth more than any that stands in it. */
#define WHOLE ((size_t)1 << (sizeof(size_t) * 8 - 1))

static size_t worth_of(const struct matcher *m);

static size_t worth_of_literal(const struct matcher *m) {
    if (m->of.text.literal == NULL) {
        return 0;
    }
    return m->kind == MATCHER_TEXT ? WHOLE + m->of.text.size : m->of.text.size;
}

/* The condition that is worth most. */
static const struct matcher *best_of(const struct matcher *m, size_t *worth) {
    const struct matcher *best = NULL;
    *worth = 0;
    for (const struct matcher *part = m->first; part != NULL; part = part->next) {
        size_t w = worth_of(part);
        if (w > *worth) {
            best = part;
            *worth = w;
        }
    }
    return best;
}

/* All of them must know. */
static size_t worth_of_any(const struct matcher *m) {
    size_t least = m->first == NULL ? 0 : SIZE_MAX;
    for (const struct matcher *part = m->first; part != NULL; part = part->next) {
        size_t w = worth_of(part);
        least = w < least ? w : least;
    }
    return least;
}

/* 0: nothing is known. */
static size_t worth_of(const struct matcher *m) {
    size_t worth = 0;
    switch (m->kind) {
    case MATCHER_TEXT:
    case MATCHER_CONTAINS:
    case MATCHER_STARTS:
    case MATCHER_ENDS:
        return worth_of_literal(m);
    case MATCHER_REGEX:
        return m->of.regex.required_size;
    case MATCHER_ALL:
        best_of(m, &worth);
        return worth;
    case MATCHER_ANY:
        return worth_of_any(m);
    default:
        return 0;
    }
}

static int tell(const struct matcher *m, const struct needs *needs) {
    size_t worth;
    int err = TB_OK;
    switch (m->kind) {
    case MATCHER_REGEX:
        return needs->literal(needs->ctx, m->of.regex.required, m->of.regex.required_size, false);
    case MATCHER_ALL:
        return tell(best_of(m, &worth), needs);
    case MATCHER_ANY:
        for (const struct matcher *part = m->first; err == TB_OK && part != NULL;
             part = part->next) {
            err = tell(part, needs);
        }
        return err;
    default:
        return needs->literal(needs->ctx, m->of.text.literal, m->of.text.size,
                              m->kind == MATCHER_TEXT);
    }
}

int matcher_needs(const struct matcher *m, const struct needs *needs, bool *known) {
    *known = worth_of(m) > 0;
    return *known ? tell(m, needs) : TB_OK;
}
