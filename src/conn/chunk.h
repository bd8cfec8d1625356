/* conn/chunk.h - memory for what is to be sent: chunks, and chains of them.
 *
 * A chunk is a block of bytes that is only ever appended to, so whoever holds a reference may read
 * what stood there when it looked. A chain is a log made of chunks. In a linked chain every chunk
 * holds the next one: a reader that is behind needs nothing but its place, and what all readers
 * have passed is freed by itself. A range holds its own chunk alone: bytes that are slow to leave
 * do not hold what was appended after them.
 *
 * Chunks stay on one loop; references are counted without atomics. The pool's total alone is
 * shared: all loops count into it.
 */
#ifndef TB_CONN_CHUNK_H
#define TB_CONN_CHUNK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHUNK_SIZE = 64 * 1024 };

struct chunk_pool;

struct chunk {
    unsigned refs;      /* of those who may go on to the next chunk */
    unsigned ranges;    /* of those who want these bytes only */
    struct chunk *next; /* of a linked chain: what continues this chunk; held while refs > 0 */
    struct chunk_pool *pool;
    uint64_t start; /* bytes of the chain before this chunk */
    size_t used;
    size_t size;
    uint8_t data[];
};

/* A piece of a chunk, which it keeps. */
struct range {
    struct range *next;
    struct chunk *chunk;
    size_t from;
    size_t to;
    bool pushed; /* its holder's; false in a new one */
};

/* The memory of one loop. */
struct chunk_pool {
    atomic_size_t *total; /* bytes of all chunks of all loops; not owned */
    struct chunk *idle;   /* chunks of CHUNK_SIZE, by next */
    unsigned idle_count;
    struct range *idle_ranges;
};

void chunk_pool_init(struct chunk_pool *pool, atomic_size_t *total);

/* Every chunk and range must have come back. */
void chunk_pool_release(struct chunk_pool *pool);

struct chunk *chunk_ref(struct chunk *c);

/* The last reference lets go of the next chunk, and gives this one back unless a range keeps it.
 * NULL is allowed. */
void chunk_unref(struct chunk *c);

/* A range of c[from..to); NULL if memory is out. */
struct range *range_new(struct chunk *c, size_t from, size_t to);
void range_free(struct range *r);

struct chain {
    struct chunk_pool *pool;
    struct chunk *tail; /* NULL while nothing was ever appended */
    uint64_t end;       /* bytes ever appended */
    bool linked;
};

void chain_init(struct chain *chain, struct chunk_pool *pool, bool linked);
void chain_release(struct chain *chain);

/* Room for n bytes in one piece, at the end; NULL if memory is out. */
uint8_t *chain_reserve(struct chain *chain, size_t n);

/* A tail that was made for something large is not held on to once it is read: the next message
 * begins in a chunk of the usual size. */
void chain_move_on(struct chain *chain);

/* The first n bytes of that room are content now. */
void chain_commit(struct chain *chain, size_t n);

#endif
