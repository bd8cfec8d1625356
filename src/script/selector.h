/* script/selector.h - which of many rules are worth a look for a message, in one pass over it.
 *
 * Whatever a rule's matcher needs as a literal is sought at once, for all rules together: exact
 * texts by their hash, what must be contained by base/literals. What is left is asked in the rules'
 * order. A selector is read-only and may be shared by threads; the candidates are each one's own.
 */
#ifndef TB_SCRIPT_SELECTOR_H
#define TB_SCRIPT_SELECTOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "script/matcher.h"

struct selector;

/* One matcher a rule, in order; NULL: always worth a look. The selector is the arena's. TB_OK or
 * TB_ENOMEM. */
int selector_new(struct arena *arena, const struct matcher *const *matchers, size_t count,
                 const struct selector **selector);

/* How many literals it seeks. */
size_t selector_literals(const struct selector *s);

/* A bit a rule. */
struct candidates {
    uint64_t *bits;
    size_t words;    /* of the selector that looked last */
    uint64_t *found; /* a bit a literal: it was told already */
};

/* Room for selectors of so many rules and literals, or fewer. TB_OK or TB_ENOMEM;
 * candidates_release() frees it. */
int candidates_init(struct candidates *c, size_t rules, size_t literals);
void candidates_release(struct candidates *c);

/* Those for the message p[0..n). */
void selector_look(const struct selector *s, const void *p, size_t n, struct candidates *c);

/* The first candidate from rule `from` on, or -1. */
ptrdiff_t candidates_next(const struct candidates *c, size_t from);

#endif
