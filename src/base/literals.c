/* The automaton of Aho and Corasick. A state is a prefix of a literal: after each byte of the text
 * the scan is in the longest one that the text then ends in.
 *
 * A state that several literals begin with has a row in a table, which tells the next state for
 * each class of bytes; so have the shorter ones only, where the table has no room for all. Every
 * state knows its continuations, which are longer by one byte, and its fallback, the longest other
 * state that it ends in: from there a scan goes on where there is neither a row nor a continuation.
 * Those are mostly states that one literal begins with. They stand one behind the other, so that a
 * scan which follows a literal to its end reads memory in order. */
#include "base/literals.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

#define POOL_MAX ((size_t)16 * 1024 * 1024)
#define TABLE_MAX ((size_t)64 * 1024 * 1024)

/* Where a scan is, as a number: the offset of a row in the table or, behind all those, a state that
 * has no row; and whether a literal ends there. Both together are less than 2^26. */
#define HIT (UINT32_C(1) << 31)

#define ROOT 0
#define NO_ROW UINT32_MAX

struct literal {
    size_t at; /* in the pool */
    size_t n;
    unsigned id;
};

/* A literal while they are sorted. */
struct entry {
    const uint8_t *p;
    size_t n;
    unsigned id;
    uint32_t rank; /* the same for the same bytes */
};

struct state {
    uint32_t row;      /* its offset, or NO_ROW */
    uint32_t child;    /* the first continuation, before the others in the order of their bytes */
    uint32_t children; /* how many there are */
    uint32_t fallback;
    uint32_t shorter; /* the longest other literal that the state ends in, or ROOT: none */
    uint32_t first;   /* the first sorted literal that begins so */
    uint32_t own;     /* from that one on so many are just this */
};

struct literals {
    struct bytes pool;
    struct literal *list;
    size_t count;
    size_t cap;
    size_t table_max;

    unsigned *ids; /* of the sorted literals */
    struct state *states;
    uint8_t *last_bytes; /* of the states */
    uint32_t state_count;
    uint32_t *cells; /* NULL before literals_finish(); a row's last one is its state */
    uint32_t cell_count;
    uint32_t classes;
    uint16_t class_of[256]; /* 0: the byte is in no literal */
};

struct literals *literals_new(void) {
    struct literals *l = calloc(1, sizeof(*l));
    if (l != NULL) {
        l->table_max = TABLE_MAX;
        l->classes = 1;
    }
    return l;
}

static void release_source(struct literals *l) {
    bytes_release(&l->pool);
    free(l->list);
    l->list = NULL;
    l->cap = 0;
}

static void release_tables(struct literals *l) {
    free(l->ids);
    free(l->states);
    free(l->last_bytes);
    free(l->cells);
    l->ids = NULL;
    l->states = NULL;
    l->last_bytes = NULL;
    l->cells = NULL;
}

void literals_free(struct literals *l) {
    if (l == NULL) {
        return;
    }
    release_source(l);
    release_tables(l);
    free(l);
}

void literals_limit_table(struct literals *l, size_t max_bytes) {
    l->table_max = max_bytes < TABLE_MAX ? max_bytes : TABLE_MAX;
}

static int reserve_literal(struct literals *l) {
    if (l->count < l->cap) {
        return TB_OK;
    }
    size_t cap = l->cap > 0 ? l->cap * 2 : 64;
    struct literal *list = realloc(l->list, cap * sizeof(*list));
    if (list == NULL) {
        return TB_ENOMEM;
    }
    l->list = list;
    l->cap = cap;
    return TB_OK;
}

static void classify(struct literals *l, const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (l->class_of[p[i]] == 0) {
            l->class_of[p[i]] = (uint16_t)l->classes++;
        }
    }
}

int literals_add(struct literals *l, const void *p, size_t n, unsigned id) {
    if (n == 0) {
        return TB_EINVAL;
    }
    if (n > POOL_MAX - l->pool.len) {
        return TB_ERANGE;
    }
    size_t at = l->pool.len;
    int err = reserve_literal(l);
    if (err == TB_OK) {
        err = bytes_append(&l->pool, p, n);
    }
    if (err == TB_OK) {
        l->list[l->count++] = (struct literal){.at = at, .n = n, .id = id};
        classify(l, p, n);
    }
    return err;
}

static int by_bytes(const void *a, const void *b) {
    const struct entry *first = a;
    const struct entry *second = b;
    int order = memcmp(first->p, second->p, first->n < second->n ? first->n : second->n);
    if (order != 0) {
        return order;
    }
    return first->n < second->n ? -1 : first->n > second->n;
}

static void sort(const struct literals *l, struct entry *entries) {
    for (size_t i = 0; i < l->count; i++) {
        const struct literal *literal = &l->list[i];
        entries[i] =
            (struct entry){.p = l->pool.data + literal->at, .n = literal->n, .id = literal->id};
    }
    if (l->count > 0) {
        qsort(entries, l->count, sizeof(*entries), by_bytes);
    }
    for (size_t i = 1; i < l->count; i++) {
        bool differs = by_bytes(&entries[i - 1], &entries[i]) != 0;
        entries[i].rank = entries[i - 1].rank + (differs ? 1 : 0);
    }
}

/* A literal has a state for each of its bytes, those that it begins with like the one before it
 * excepted. */
static uint32_t count_states(const struct entry *entries, size_t count) {
    size_t states = 1;
    for (size_t i = 0; i < count; i++) {
        size_t same = 0;
        while (i > 0 && same < entries[i].n && same < entries[i - 1].n &&
               entries[i].p[same] == entries[i - 1].p[same]) {
            same++;
        }
        states += entries[i].n - same;
    }
    return (uint32_t)states;
}

/* What is known only while the states are made. */
struct growth {
    const struct entry *entries;
    uint32_t *ends;  /* of each state: behind the last sorted literal that begins so */
    uint32_t *order; /* the states by length */
    uint32_t ordered;
    uint32_t made;
    uint32_t rows;
};

/* Analysers do not see that no count is zero. */
static void *allocate(size_t count, size_t size) {
    return calloc(count + 1, size);
}

static int allocate_states(struct literals *l, struct growth *g) {
    l->state_count = count_states(g->entries, l->count);
    l->ids = allocate(l->count, sizeof(*l->ids));
    l->states = allocate(l->state_count, sizeof(*l->states));
    l->last_bytes = allocate(l->state_count, 1);
    g->ends = allocate(l->state_count, sizeof(*g->ends));
    g->order = allocate(l->state_count, sizeof(*g->order));
    bool made = l->ids != NULL && l->states != NULL && l->last_bytes != NULL && g->ends != NULL &&
                g->order != NULL;
    return made ? TB_OK : TB_ENOMEM;
}

static void add_child(struct literals *l, struct growth *g, uint32_t s, uint8_t byte,
                      uint32_t first, uint32_t end) {
    uint32_t c = g->made++;
    struct state *state = &l->states[s];
    state->child = state->children == 0 ? c : state->child;
    state->children++;
    l->states[c].first = first;
    l->states[c].row = NO_ROW;
    l->last_bytes[c] = byte;
    g->ends[c] = end;
}

/* A continuation for each byte that comes next in the literals that begin with s. */
static void grow_branches(struct literals *l, struct growth *g, uint32_t s, size_t length) {
    const struct entry *entries = g->entries;
    uint32_t end = g->ends[s];
    uint32_t i = l->states[s].first;
    while (i < end && entries[i].n == length) {
        i++;
    }
    l->states[s].own = i - l->states[s].first;
    while (i < end) {
        uint32_t first = i;
        uint8_t byte = entries[first].p[length];
        while (i < end && entries[i].p[length] == byte) {
            i++;
        }
        add_child(l, g, s, byte, first, i);
    }
}

/* All of the only literal that begins with s. */
static void grow_tail(struct literals *l, struct growth *g, uint32_t s, size_t length) {
    uint32_t first = l->states[s].first;
    uint32_t end = g->ends[s];
    const struct entry *entry = &g->entries[first];
    for (; length < entry->n; length++) {
        add_child(l, g, s, entry->p[length], first, end);
        s = g->made - 1;
    }
    l->states[s].own = end - first;
}

static void grow_state(struct literals *l, struct growth *g, uint32_t s, size_t length) {
    uint32_t row_len = l->classes + 1;
    struct state *state = &l->states[s];
    const struct entry *entries = g->entries;
    if (s != ROOT && entries[state->first].rank == entries[g->ends[s] - 1].rank) {
        grow_tail(l, g, s, length);
        return;
    }
    if (s == ROOT || (size_t)(g->rows + 1) * row_len * sizeof(*l->cells) <= l->table_max) {
        state->row = g->rows++ * row_len;
    }
    grow_branches(l, g, s, length);
}

static void grow_states(struct literals *l, struct growth *g) {
    size_t length = 0;
    uint32_t longer = 1; /* where in the order the next length begins */
    g->ends[ROOT] = (uint32_t)l->count;
    g->order[0] = ROOT;
    g->ordered = 1;
    g->made = 1;
    for (uint32_t i = 0; i < g->ordered; i++) {
        uint32_t s = g->order[i];
        if (i == longer) {
            length++;
            longer = g->ordered;
        }
        if (l->states[s].children == 0) {
            grow_state(l, g, s, length);
        }
        for (uint32_t k = 0; k < l->states[s].children; k++) {
            g->order[g->ordered++] = l->states[s].child + k;
        }
    }
}

static uint32_t place_of(const struct literals *l, uint32_t s) {
    const struct state *state = &l->states[s];
    uint32_t place = state->row != NO_ROW ? state->row : l->cell_count + s;
    return state->own > 0 || state->shorter != ROOT ? place | HIT : place;
}

static uint32_t state_at(const struct literals *l, uint32_t place) {
    place &= ~HIT;
    return place < l->cell_count ? l->cells[place + l->classes] : place - l->cell_count;
}

/* The continuation by the byte, or ROOT: none. */
static inline uint32_t find_child(const struct literals *l, const struct state *state,
                                  uint8_t byte) {
    const uint8_t *bytes = l->last_bytes + state->child;
    if (state->children <= 1) {
        return state->children == 1 && bytes[0] == byte ? state->child : ROOT;
    }
    const uint8_t *found = memchr(bytes, byte, state->children);
    return found != NULL ? state->child + (uint32_t)(found - bytes) : ROOT;
}

static inline uint32_t go_on(const struct literals *l, uint32_t place, uint8_t byte) {
    place &= ~HIT;
    while (place >= l->cell_count) {
        const struct state *state = &l->states[place - l->cell_count];
        uint32_t child = find_child(l, state, byte);
        if (child != ROOT) {
            return place_of(l, child);
        }
        place = place_of(l, state->fallback) & ~HIT;
    }
    return l->cells[place + l->class_of[byte]];
}

/* The states no longer than s have their fallbacks, the shorter ones their rows. */
static void link_children(struct literals *l, uint32_t s) {
    const struct state *state = &l->states[s];
    uint32_t from = place_of(l, state->fallback);
    for (uint32_t c = state->child; c < state->child + state->children; c++) {
        uint32_t fallback = s == ROOT ? ROOT : state_at(l, go_on(l, from, l->last_bytes[c]));
        l->states[c].fallback = fallback;
        l->states[c].shorter = l->states[fallback].own > 0 ? fallback : l->states[fallback].shorter;
    }
}

/* A cell of 0 is not told yet, or leads to ROOT. */
static void fill_with_children(const struct literals *l, uint32_t *row, const struct state *state) {
    for (uint32_t c = state->child; c < state->child + state->children; c++) {
        uint32_t *cell = &row[l->class_of[l->last_bytes[c]]];
        *cell = *cell == 0 ? place_of(l, c) : *cell;
    }
}

/* Where a state has no continuation, it goes on as its fallback does. */
static void fill_row(struct literals *l, uint32_t s) {
    const struct state *state = &l->states[s];
    uint32_t *row = l->cells + state->row;
    fill_with_children(l, row, state);
    if (s == ROOT) {
        return;
    }
    do {
        state = &l->states[state->fallback];
        fill_with_children(l, row, state);
    } while (state->row == NO_ROW);
    for (uint32_t class = 0; class < l->classes; class ++) {
        row[class] = row[class] == 0 ? l->cells[state->row + class] : row[class];
    }
}

static int fill_table(struct literals *l, const struct growth *g) {
    l->cell_count = g->rows * (l->classes + 1);
    l->cells = allocate(l->cell_count, sizeof(*l->cells));
    if (l->cells == NULL) {
        return TB_ENOMEM;
    }
    for (uint32_t s = 0; s < l->state_count; s++) {
        if (l->states[s].row != NO_ROW) {
            l->cells[l->states[s].row + l->classes] = s;
        }
    }
    for (uint32_t i = 0; i < g->ordered; i++) {
        uint32_t s = g->order[i];
        link_children(l, s);
        if (l->states[s].row != NO_ROW) {
            fill_row(l, s);
        }
    }
    return TB_OK;
}

static int build(struct literals *l, struct entry *entries) {
    struct growth growth = {.entries = entries};
    sort(l, entries);
    int err = allocate_states(l, &growth);
    if (err == TB_OK) {
        grow_states(l, &growth);
        err = fill_table(l, &growth);
    }
    for (size_t i = 0; i < l->count && err == TB_OK; i++) {
        l->ids[i] = entries[i].id;
    }
    free(growth.ends);
    free(growth.order);
    return err;
}

int literals_finish(struct literals *l) {
    struct entry *entries = allocate(l->count, sizeof(*entries));
    int err = entries != NULL ? build(l, entries) : TB_ENOMEM;
    free(entries);
    if (err != TB_OK) {
        release_tables(l);
        return err;
    }
    release_source(l);
    return TB_OK;
}

/* Tells the literals that the text so far ends in. */
static void tell(const struct literals *l, uint32_t s, void (*found)(void *ctx, unsigned id),
                 void *ctx) {
    for (; s != ROOT; s = l->states[s].shorter) {
        const unsigned *ids = l->ids + l->states[s].first;
        for (uint32_t i = 0; i < l->states[s].own; i++) {
            found(ctx, ids[i]);
        }
    }
}

void literals_scan(const struct literals *l, const void *p, size_t n,
                   void (*found)(void *ctx, unsigned id), void *ctx) {
    const uint8_t *text = p;
    uint32_t place = 0; /* of ROOT */
    if (l->cells == NULL) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        place = go_on(l, place, text[i]);
        if ((place & HIT) != 0) {
            tell(l, state_at(l, place), found, ctx);
        }
    }
}
