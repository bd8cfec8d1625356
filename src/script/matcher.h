/* script/matcher.h - what a message is recognised by: the vocabulary of `when`, `expect`, `await`,
 * `ignore`, `verify` and of whoever else wants to know a message.
 *
 * Compiled once from the file, then matched without parsing and, but for values that templates make
 * and JSON strings with escapes in them, without allocating. Not for several threads at once.
 *
 * A matcher without `type` anywhere in it is for text and binary messages only, and a text is that
 * of a text message; beside a `type`, text, contains and their kin look at whatever type it names.
 * What a template with a variable that has no value wants is nowhere. What could not be decided,
 * because a regex was given up, does not hold, and neither does its `not`.
 */
#ifndef TB_SCRIPT_MATCHER_H
#define TB_SCRIPT_MATCHER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "script/node.h"
#include "script/scope.h"

struct matcher;
struct reader;
struct scrap;

/* What matching needs and gives. match_init() makes it; match_release() frees what was made
 * meanwhile, to which captures may point. */
struct match {
    struct scope *scope;      /* whose message is looked at; its captures are this match's */
    struct captures captures; /* what the named groups caught, if it matched */
    atomic_uint *counters;    /* of `times`, by their numbers (reader.counters); NULL: none count */
    bool gave_up; /* a regex was given up: it might have gone on for ever, or all of them
                     together took too long for one message */
    bool nomem;   /* memory was out: it counts as no match */
    bool looking; /* only to explain: nothing counts, and no chance is taken */
    /* private */
    struct bytes expanded; /* what a template came to */
    struct bytes decoded;  /* what is looked at, if it does not stand anywhere as it is */
    struct scrap *scraps;  /* what captures point into, of that */
    unsigned undecided;    /* how often gave_up or nomem was set */
    int64_t searching_ns;  /* when the first regex was sought in this message; 0: none was */
};

void match_init(struct match *x, struct scope *scope, atomic_uint *counters);

/* Ready for another message. */
void match_clear(struct match *x);
void match_release(struct match *x);

/* Reads a matcher: a scalar (exact text), or a mapping whose keys must all hold. As reading
 * functions do. */
int matcher_read(struct reader *r, const struct node *node, const struct matcher **m);

/* The same of what recognises a handshake: `header`, `query`, `path`, `chance`, `times` and what
 * combines them. */
int matcher_read_handshake(struct reader *r, const struct node *node, const struct matcher **m);

/* Whether the message matches. x->captures has what was caught. */
bool matcher_matches(const struct matcher *m, struct match *x);

/* How much of it holds, in thousandths; 1000: all. For the nearest miss. */
unsigned matcher_nearness(const struct matcher *m, struct match *x);

/* Appends what it wants, in words: "a text with 'double' in it". TB_OK or TB_ENOMEM. */
int matcher_describe(const struct matcher *m, struct bytes *out);

/* Appends why the message does not match: the first condition that does not hold, and what there is
 * instead: "$.type is \"sub\", not \"subscribe\"". TB_OK or TB_ENOMEM. */
int matcher_why_not(const struct matcher *m, struct match *x, struct bytes *out);

/* The exact text that it wants, if it is that alone, with its templates expanded; for a diff.
 * False: it is something else. */
bool matcher_exact(const struct matcher *m, struct match *x, struct bytes *out);

/* Where it stands in the file. */
const struct node *matcher_node(const struct matcher *m);

/* A literal that stands in every message that matches, or is all of it. */
struct needs {
    /* Is told each: the message must have at least one of them. */
    int (*literal)(void *ctx, const void *p, size_t n, bool whole);
    void *ctx;
};

/* Tells them, if it has such; *known says so. If not, nothing may have been told, or it does not
 * count. TB_OK, or what literal() returned. */
int matcher_needs(const struct matcher *m, const struct needs *needs, bool *known);

#endif
