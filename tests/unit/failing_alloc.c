#include "failing_alloc.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);

static atomic_bool armed;
static atomic_uint asked;
static atomic_uint fails_at;

static bool must_fail(void) {
    if (!atomic_load(&armed) || atomic_fetch_add(&asked, 1) != atomic_load(&fails_at)) {
        return false;
    }
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size) {
    return must_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return must_fail() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size) {
    return must_fail() ? NULL : __real_realloc(p, size);
}

void fail_alloc_at(unsigned n) {
    atomic_store(&armed, false);
    atomic_store(&asked, 0);
    atomic_store(&fails_at, n);
    atomic_store(&armed, true);
}

void fail_alloc_off(void) {
    atomic_store(&armed, false);
}

unsigned alloc_count(void) {
    return atomic_load(&asked);
}
