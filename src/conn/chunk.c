#include "conn/chunk.h"

#include <stdlib.h>

enum { IDLE_MAX = 8 };

void chunk_pool_init(struct chunk_pool *pool, atomic_size_t *total) {
    *pool = (struct chunk_pool){.total = total};
}

static void chunk_free(struct chunk *c) {
    atomic_fetch_sub_explicit(c->pool->total, c->size, memory_order_relaxed);
    free(c);
}

void chunk_pool_release(struct chunk_pool *pool) {
    while (pool->idle != NULL) {
        struct chunk *c = pool->idle;
        pool->idle = c->next;
        chunk_free(c);
    }
    while (pool->idle_ranges != NULL) {
        struct range *r = pool->idle_ranges;
        pool->idle_ranges = r->next;
        free(r);
    }
    pool->idle_count = 0;
}

/* A chunk with room for at least n bytes and one reference. */
static struct chunk *chunk_new(struct chunk_pool *pool, size_t n) {
    struct chunk *c;
    if (n <= CHUNK_SIZE && pool->idle != NULL) {
        c = pool->idle;
        pool->idle = c->next;
        pool->idle_count--;
    } else {
        size_t size = n > CHUNK_SIZE ? n : CHUNK_SIZE;
        c = size > SIZE_MAX - sizeof *c ? NULL : malloc(sizeof *c + size);
        if (c == NULL) {
            return NULL;
        }
        c->pool = pool;
        c->size = size;
        atomic_fetch_add_explicit(pool->total, size, memory_order_relaxed);
    }
    c->refs = 1;
    c->ranges = 0;
    c->next = NULL;
    c->start = 0;
    c->used = 0;
    return c;
}

struct chunk *chunk_ref(struct chunk *c) {
    c->refs++;
    return c;
}

/* Nobody needs it any more. */
static void give_back(struct chunk *c) {
    struct chunk_pool *pool = c->pool;
    if (c->size == CHUNK_SIZE && pool->idle_count < IDLE_MAX) {
        c->next = pool->idle;
        pool->idle = c;
        pool->idle_count++;
    } else {
        chunk_free(c);
    }
}

/* A loop, not a recursion: a reader that was far behind lets go of a long chain at once. */
void chunk_unref(struct chunk *c) {
    while (c != NULL && --c->refs == 0) {
        struct chunk *next = c->next;
        c->next = NULL;
        if (c->ranges == 0) {
            give_back(c);
        }
        c = next;
    }
}

struct range *range_new(struct chunk *c, size_t from, size_t to) {
    struct range *r = c->pool->idle_ranges;
    if (r != NULL) {
        c->pool->idle_ranges = r->next;
    } else {
        r = malloc(sizeof *r);
        if (r == NULL) {
            return NULL;
        }
    }
    *r = (struct range){.chunk = c, .from = from, .to = to};
    c->ranges++;
    return r;
}

void range_free(struct range *r) {
    struct chunk *c = r->chunk;
    struct chunk_pool *pool = c->pool;
    if (--c->ranges == 0 && c->refs == 0) {
        give_back(c);
    }
    r->next = pool->idle_ranges;
    pool->idle_ranges = r;
}

void chain_init(struct chain *chain, struct chunk_pool *pool, bool linked) {
    *chain = (struct chain){.pool = pool, .linked = linked};
}

void chain_release(struct chain *chain) {
    chunk_unref(chain->tail);
    chain->tail = NULL;
}

uint8_t *chain_reserve(struct chain *chain, size_t n) {
    struct chunk *tail = chain->tail;
    if (tail != NULL && tail->size - tail->used >= n) {
        return tail->data + tail->used;
    }
    struct chunk *c = chunk_new(chain->pool, n);
    if (c == NULL) {
        return NULL;
    }
    c->start = chain->end;
    if (tail != NULL && chain->linked) {
        tail->next = chunk_ref(c);
    }
    chain->tail = c;
    chunk_unref(tail);
    return c->data;
}

void chain_commit(struct chain *chain, size_t n) {
    chain->tail->used += n;
    chain->end += n;
}

void chain_move_on(struct chain *chain) {
    if (chain->tail == NULL || chain->tail->size <= CHUNK_SIZE) {
        return;
    }
    if (chain->linked) {
        (void)chain_reserve(chain, CHUNK_SIZE); /* without memory it stays, and is tried again */
    } else {
        chain_release(chain);
    }
}
