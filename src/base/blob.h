/* base/blob.h - immutable bytes that are shared by counting references.
 *
 * The count is atomic: a blob is the only thing that crosses from one loop to another. The
 * bytes may be written by the maker until the blob is shared for the first time, never after.
 */
#ifndef TB_BASE_BLOB_H
#define TB_BASE_BLOB_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct blob {
    atomic_uint refs;
    size_t size;
    uint8_t data[];
};

/* Returns a blob of size bytes, not initialised, with one reference; NULL if memory is out. */
struct blob *blob_new(size_t size);

/* Takes one more reference; returns b. */
struct blob *blob_ref(struct blob *b);

/* Gives one reference back; the last one frees. NULL is allowed. */
void blob_unref(struct blob *b);

#endif
