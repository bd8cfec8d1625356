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
static atomic_bool goes_on;

static bool must_fail(void) {
    if (!atomic_load(&armed)) {
        return false;
    }
    unsigned n = atomic_fetch_add(&asked, 1);
    unsigned at = atomic_load(&fails_at);
    if (n < at || (n > at && !atomic_load(&goes_on))) {
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

static void arm(unsigned n, bool all) {
    atomic_store(&armed, false);
    atomic_store(&asked, 0);
    atomic_store(&fails_at, n);
    atomic_store(&goes_on, all);
    atomic_store(&armed, true);
}

void fail_alloc_at(unsigned n) {
    arm(n, false);
}

void fail_alloc_from(unsigned n) {
    arm(n, true);
}

void fail_alloc_off(void) {
    atomic_store(&armed, false);
}

unsigned alloc_count(void) {
    return atomic_load(&asked);
}
