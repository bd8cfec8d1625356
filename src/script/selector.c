#include "script/selector.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/literals.h"

/* So few literals are sought faster one by one, by the rules themselves. */
enum { WORD_BITS = 64, BUCKETS_MIN = 16, LITERALS_WORTH = 9 };

/* A rule that wants a message to be just this. */
struct exact {
    const void *p; /* the matcher's */
    size_t n;
    uint64_t hash;
    uint32_t rule;
    uint32_t next; /* in the bucket, from 1; 0: none */
};

struct selector {
    size_t words;
    uint64_t *always; /* rules of which nothing is known */
    const struct exact *exacts;
    uint32_t *buckets; /* the first of them, from 1; 0: none */
    size_t bucket_mask;
    size_t longest; /* of the exact texts */
    size_t exact_count;
    struct literals *literals; /* NULL: none are sought; their ids are those of the groups */
    const struct group *groups;
    size_t group_count;
};

/* The rules that want the same literal. */
struct group {
    const uint32_t *rules;
    size_t count;
};

/* What is known while it is built. */
struct gathering {
    struct literals *literals;
    struct bytes exacts;  /* of struct exact */
    struct bytes wanted;  /* of struct wanted: what one rule wants */
    struct bytes seeking; /* of struct sought */
};

/* A rule that wants a literal. */
struct sought {
    const void *p; /* the matcher's */
    size_t n;
    uint32_t rule;
};

struct wanted {
    const void *p;
    size_t n;
    bool whole;
};

static void set_bit(uint64_t *bits, size_t i) {
    bits[i / WORD_BITS] |= UINT64_C(1) << i % WORD_BITS;
}

/* FNV-1a. */
static uint64_t hash_of(const uint8_t *p, size_t n) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++) {
        hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* ---- building ---- */

static int note_wanted(void *ctx, const void *p, size_t n, bool whole) {
    struct gathering *g = ctx;
    const struct wanted wanted = {.p = p, .n = n, .whole = whole};
    return bytes_append(&g->wanted, &wanted, sizeof(wanted));
}

static int take_wanted(struct selector *s, struct gathering *g, uint32_t rule,
                       const struct wanted *wanted) {
    if (!wanted->whole) {
        const struct sought sought = {.p = wanted->p, .n = wanted->n, .rule = rule};
        return wanted->n == 0 ? TB_ERANGE : bytes_append(&g->seeking, &sought, sizeof(sought));
    }
    const struct exact exact = {
        .p = wanted->p, .n = wanted->n, .hash = hash_of(wanted->p, wanted->n), .rule = rule};
    s->longest = wanted->n > s->longest ? wanted->n : s->longest;
    return bytes_append(&g->exacts, &exact, sizeof(exact));
}

/* What one rule wants; where that cannot be kept, it is always worth a look. */
static int take_rule(struct selector *s, struct gathering *g, uint32_t rule,
                     const struct matcher *m) {
    const struct needs needs = {.literal = note_wanted, .ctx = g};
    bool known = false;
    bytes_clear(&g->wanted);
    int err = m != NULL ? matcher_needs(m, &needs, &known) : TB_OK;
    for (size_t i = 0; err == TB_OK && known && i < g->wanted.len; i += sizeof(struct wanted)) {
        struct wanted wanted;
        memcpy(&wanted, g->wanted.data + i, sizeof(wanted));
        err = take_wanted(s, g, rule, &wanted);
    }
    if (err == TB_ERANGE || (err == TB_OK && !known)) {
        set_bit(s->always, rule);
        err = TB_OK;
    }
    return err;
}

static void free_literals(void *object) {
    literals_free(object);
}

static int compare_sought(const void *left, const void *right) {
    const struct sought *a = left;
    const struct sought *b = right;
    if (a->n != b->n) {
        return a->n < b->n ? -1 : 1;
    }
    int order = memcmp(a->p, b->p, a->n);
    return order != 0 ? order : a->rule < b->rule ? -1 : a->rule > b->rule;
}

static bool is_same(const struct sought *a, const struct sought *b) {
    return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

/* The rules of a literal that cannot be sought are always worth a look. */
static int add_group(struct selector *s, struct gathering *g, const struct sought *first,
                     const struct group *group) {
    int err = literals_add(g->literals, first->p, first->n, (unsigned)s->group_count);
    s->group_count += err == TB_OK;
    for (size_t i = 0; err == TB_ERANGE && i < group->count; i++) {
        set_bit(s->always, group->rules[i]);
    }
    return err == TB_ERANGE ? TB_OK : err;
}

/* One literal after the other, each once, however many rules want it. */
static int keep_groups(struct arena *arena, struct selector *s, struct gathering *g,
                       const struct sought *sought, size_t count) {
    uint32_t *rules = arena_alloc(arena, count * sizeof(*rules));
    struct group *groups = arena_alloc(arena, count * sizeof(*groups));
    int err = rules == NULL || groups == NULL ? TB_ENOMEM : TB_OK;
    s->groups = groups;
    for (size_t i = 0, end; err == TB_OK && i < count; i = end) {
        for (end = i; end < count && is_same(&sought[i], &sought[end]); end++) {
            rules[end] = sought[end].rule;
        }
        groups[s->group_count] = (struct group){.rules = rules + i, .count = end - i};
        err = add_group(s, g, &sought[i], &groups[s->group_count]);
    }
    return err;
}

static int keep_literals(struct arena *arena, struct selector *s, struct gathering *g) {
    struct sought *sought = (struct sought *)(void *)g->seeking.data;
    size_t count = g->seeking.len / sizeof(*sought);
    if (count < LITERALS_WORTH) {
        for (size_t i = 0; i < count; i++) {
            set_bit(s->always, sought[i].rule);
        }
        return TB_OK;
    }
    qsort(sought, count, sizeof(*sought), compare_sought);
    int err = keep_groups(arena, s, g, sought, count);
    err = err == TB_OK ? literals_finish(g->literals) : err;
    if (err == TB_OK) {
        s->literals = g->literals;
        g->literals = NULL;
        err = arena_clean(arena, free_literals, s->literals);
    }
    return err;
}

static int keep_exacts(struct arena *arena, struct selector *s, const struct gathering *g) {
    size_t count = g->exacts.len / sizeof(struct exact);
    size_t buckets = BUCKETS_MIN;
    while (buckets < count) {
        buckets *= 2;
    }
    struct exact *exacts = arena_alloc(arena, count * sizeof(*exacts));
    s->buckets = arena_alloc(arena, buckets * sizeof(*s->buckets));
    if (exacts == NULL || s->buckets == NULL) {
        return TB_ENOMEM;
    }
    if (count > 0) {
        memcpy(exacts, g->exacts.data, g->exacts.len);
    }
    s->bucket_mask = buckets - 1;
    for (size_t i = 0; i < count; i++) {
        uint32_t *bucket = &s->buckets[exacts[i].hash & s->bucket_mask];
        exacts[i].next = *bucket;
        *bucket = (uint32_t)i + 1;
    }
    s->exacts = exacts;
    s->exact_count = count;
    return TB_OK;
}

static int build(struct arena *arena, struct selector *s, struct gathering *g,
                 const struct matcher *const *matchers, size_t count) {
    int err = TB_OK;
    for (size_t i = 0; err == TB_OK && i < count; i++) {
        err = take_rule(s, g, (uint32_t)i, matchers[i]);
    }
    err = err == TB_OK ? keep_literals(arena, s, g) : err;
    return err == TB_OK ? keep_exacts(arena, s, g) : err;
}

int selector_new(struct arena *arena, const struct matcher *const *matchers, size_t count,
                 const struct selector **selector) {
    struct gathering g = {.literals = literals_new()};
    struct selector *s = arena_alloc(arena, sizeof(*s));
    int err = count > INT_MAX || g.literals == NULL || s == NULL ? TB_ENOMEM : TB_OK;
    if (err == TB_OK) {
        s->words = (count + WORD_BITS - 1) / WORD_BITS;
        s->always = arena_alloc(arena, s->words * sizeof(*s->always));
        err = s->always == NULL ? TB_ENOMEM : build(arena, s, &g, matchers, count);
    }
    if (err == TB_OK) {
        *selector = s;
    }
    literals_free(g.literals);
    bytes_release(&g.exacts);
    bytes_release(&g.wanted);
    bytes_release(&g.seeking);
    return err;
}

/* ---- looking ---- */

size_t selector_literals(const struct selector *s) {
    return s->group_count;
}

int candidates_init(struct candidates *c, size_t rules, size_t literals) {
    size_t words = rules / WORD_BITS + 1;
    c->words = 0;
    c->bits = calloc(words + literals / WORD_BITS + 1, sizeof(*c->bits));
    c->found = c->bits == NULL ? NULL : c->bits + words;
    return c->bits == NULL ? TB_ENOMEM : TB_OK;
}

void candidates_release(struct candidates *c) {
    free(c->bits);
    c->bits = NULL;
    c->found = NULL;
    c->words = 0;
}

/* Who looks, and for whom. */
struct look {
    const struct selector *selector;
    struct candidates *candidates;
};

/* A literal may be found at every byte of a message: its rules are told once. */
static void found_literal(void *ctx, unsigned id) {
    const struct look *look = ctx;
    struct candidates *c = look->candidates;
    const struct group *group = &look->selector->groups[id];
    if ((c->found[id / WORD_BITS] >> id % WORD_BITS & 1) != 0) {
        return;
    }
    set_bit(c->found, id);
    for (size_t i = 0; i < group->count; i++) {
        set_bit(c->bits, group->rules[i]);
    }
}

static void look_exact(const struct selector *s, const uint8_t *p, size_t n, struct candidates *c) {
    uint64_t hash = hash_of(p, n);
    for (uint32_t i = s->buckets[hash & s->bucket_mask]; i != 0;) {
        const struct exact *exact = &s->exacts[i - 1];
        if (exact->hash == hash && exact->n == n && (n == 0 || memcmp(exact->p, p, n) == 0)) {
            set_bit(c->bits, exact->rule);
        }
        i = exact->next;
    }
}

void selector_look(const struct selector *s, const void *p, size_t n, struct candidates *c) {
    c->words = s->words;
    if (s->words == 1) { /* mostly */
        c->bits[0] = s->always[0];
    } else {
        memcpy(c->bits, s->always, s->words * sizeof(*c->bits));
    }
    if (s->exact_count > 0 && n <= s->longest) {
        look_exact(s, p, n, c);
    }
    if (s->literals != NULL) {
        struct look look = {.selector = s, .candidates = c};
        memset(c->found, 0, (s->group_count / WORD_BITS + 1) * sizeof(*c->found));
        literals_scan(s->literals, p, n, found_literal, &look);
    }
}

ptrdiff_t candidates_next(const struct candidates *c, size_t from) {
    size_t word = from / WORD_BITS;
    if (word >= c->words) {
        return -1;
    }
    uint64_t bits = c->bits[word] & (UINT64_MAX << from % WORD_BITS);
    while (bits == 0) {
        if (++word == c->words) {
            return -1;
        }
        bits = c->bits[word];
    }
    return (ptrdiff_t)(word * WORD_BITS) + __builtin_ctzll(bits);
}
