/* base/bytes.h - a growable array of bytes.
 *
 * Owns its memory and nothing else. Growth doubles, so appending is amortised O(1).
 * Invariants: len <= cap; data is NULL only while cap is 0. The bytes are not terminated.
 */
#ifndef TB_BASE_BYTES_H
#define TB_BASE_BYTES_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *data;
    size_t len;
    size_t cap;
};

#define BYTES_INIT                                                                                 \
    { NULL, 0, 0 }

void bytes_init(struct bytes *b);

/* Frees the memory; b is empty and usable afterwards. */
void bytes_release(struct bytes *b);

/* Forgets the content, keeps the memory. */
void bytes_clear(struct bytes *b);

/* Makes room for n more bytes behind the content. TB_OK or TB_ENOMEM (also where the sum would
 * overflow; b is unchanged then). */
int bytes_reserve(struct bytes *b, size_t n);

/* Appends n bytes. TB_OK or TB_ENOMEM (b is unchanged then). p may be NULL if n is 0. */
int bytes_append(struct bytes *b, const void *p, size_t n);

/* Appends a string without its terminator. */
int bytes_append_str(struct bytes *b, const char *s);

/* Appends what printf would print, without a terminator. TB_OK or TB_ENOMEM. */
int bytes_appendf(struct bytes *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int bytes_appendv(struct bytes *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* Drops the first n bytes (n <= len) and moves the rest to the front. */
void bytes_consume(struct bytes *b, size_t n);

#endif
