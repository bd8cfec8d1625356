#include "base/random.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

#include "base/err.h"

#define POOL_SIZE 1024

/* The last `left` bytes are fresh; what stood before them has been handed out and wiped. */
struct pool {
    uint8_t data[POOL_SIZE];
    size_t left;
    unsigned generation; /* the process that filled it */
};

static _Thread_local struct pool pool;

/* Counts forks: a child inherits its parent's pool and must not use it. */
static atomic_uint generation;

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static bool fork_is_seen;

static void on_fork_in_child(void) {
    atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
}

static void watch_forks(void) {
    fork_is_seen = pthread_atfork(NULL, NULL, on_fork_in_child) == 0;
}

static int generate(uint8_t *p, size_t n) {
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0); /* few at a time if many, and signals cut it short */
        if (got < 0 && errno != EINTR) {
            return TB_ESYS;
        }
        size_t part = got > 0 ? (size_t)got : 0;
        p += part;
        n -= part;
    }
    return TB_OK;
}

static int pool_fill(unsigned now) {
    pool.left = 0;
    int err = generate(pool.data, POOL_SIZE);
    if (err != TB_OK) {
        return err;
    }
    pool.left = POOL_SIZE;
    pool.generation = now;
    return TB_OK;
}

static void pool_take(void *p, size_t n) {
    uint8_t *fresh = pool.data + (POOL_SIZE - pool.left);
    memcpy(p, fresh, n);
    explicit_bzero(fresh, n);
    pool.left -= n;
}

int random_bytes(void *p, size_t n) {
    unsigned now = atomic_load_explicit(&generation, memory_order_relaxed);
    if (n <= pool.left && pool.generation == now) {
        pool_take(p, n);
        return TB_OK;
    }
    /* Before the first fill: no pool may outlive a fork that nobody saw. */
    pthread_once(&fork_once, watch_forks);
    if (n > POOL_SIZE || !fork_is_seen) {
        return generate(p, n);
    }
    int err = pool_fill(now);
    if (err != TB_OK) {
        return err;
    }
    pool_take(p, n);
    return TB_OK;
}
