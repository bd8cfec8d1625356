/* base/arena.h - memory for many things that live and die together.
 *
 * Owns blocks, from which pieces are cut; nothing is given back but by arena_free(). For what is
 * built once from a file and then only read.
 */
#ifndef TB_BASE_ARENA_H
#define TB_BASE_ARENA_H

#include <stddef.h>

struct arena;

/* NULL if memory is out. */
struct arena *arena_new(void);

/* Frees all of it, after the cleaners that were registered, the last one first. NULL is allowed. */
void arena_free(struct arena *a);

/* n zeroed bytes, aligned for anything; NULL if memory is out. n may be 0. */
void *arena_alloc(struct arena *a, size_t n);

/* A copy of p[0..n) and a terminator behind it; NULL if memory is out. */
char *arena_text(struct arena *a, const void *p, size_t n);

/* arena_free() will call clean(object). TB_OK, or TB_ENOMEM after it was called at once: the object
 * is taken care of in any case. */
int arena_clean(struct arena *a, void (*clean)(void *object), void *object);

#endif
