#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum {
    BLOCK_SIZE = 16 * 1024,
    LARGE_SIZE = BLOCK_SIZE / 4 /* from here on a piece has a block of its own */
};

/* The pieces stand behind it. */
struct block {
    alignas(max_align_t) struct block *next;
};

struct cleaner {
    struct cleaner *before;
    void (*clean)(void *object);
    void *object;
};

struct arena {
    struct block *blocks;
    struct cleaner *last;
    char *free; /* what is left of the newest common block; a multiple of the alignment */
    size_t free_size;
};

struct arena *arena_new(void) {
    return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *a) {
    if (a == NULL) {
        return;
    }
    for (struct cleaner *c = a->last; c != NULL; c = c->before) {
        c->clean(c->object);
    }
    while (a->blocks != NULL) {
        struct block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
    free(a);
}

/* The first byte behind the head of a new block, zeroed as all of it is. */
static char *add_block(struct arena *a, size_t size) {
    struct block *block = calloc(1, sizeof(*block) + size);
    if (block == NULL) {
        return NULL;
    }
    block->next = a->blocks;
    a->blocks = block;
    return (char *)(block + 1);
}

void *arena_alloc(struct arena *a, size_t n) {
    enum { ALIGNMENT = alignof(max_align_t) };
    if (n > SIZE_MAX / 2) {
        return NULL;
    }
    size_t size = n == 0 ? ALIGNMENT : (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (size >= LARGE_SIZE) {
        return add_block(a, size);
    }
    if (size > a->free_size) {
        char *block = add_block(a, BLOCK_SIZE);
        if (block == NULL) {
            return NULL;
        }
        a->free = block;
        a->free_size = BLOCK_SIZE;
    }
    void *piece = a->free;
    a->free += size;
    a->free_size -= size;
    return piece;
}

char *arena_text(struct arena *a, const void *p, size_t n) {
    char *text = n < SIZE_MAX ? arena_alloc(a, n + 1) : NULL;
    if (text != NULL && n > 0) {
        memcpy(text, p, n);
    }
    return text;
}

int arena_clean(struct arena *a, void (*clean)(void *object), void *object) {
    struct cleaner *cleaner = arena_alloc(a, sizeof(*cleaner));
    if (cleaner == NULL) {
        clean(object);
        return TB_ENOMEM;
    }
    *cleaner = (struct cleaner){.before = a->last, .clean = clean, .object = object};
    a->last = cleaner;
    return TB_OK;
}
