#include "base/blob.h"

#include <stdlib.h>

struct blob *blob_new(size_t size) {
    if (size > PTRDIFF_MAX - sizeof(struct blob)) {
        return NULL;
    }
    struct blob *b = malloc(sizeof(*b) + size);
    if (b == NULL) {
        return NULL;
    }
    atomic_init(&b->refs, 1);
    b->size = size;
    return b;
}

struct blob *blob_ref(struct blob *b) {
    /* Whoever takes a reference holds one already, so nothing needs to be ordered. */
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void blob_unref(struct blob *b) {
    if (b == NULL) {
        return;
    }
    /* Release: our reads are over before the count falls. Acquire: whoever frees has seen
     * everybody's count fall. */
    if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1) {
        free(b);
    }
}
