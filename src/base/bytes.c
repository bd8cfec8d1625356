#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* Small enough for a status line, large enough that a few appends cost one allocation. */
#define CAP_MIN 64

/* No object may be larger: the distance of two pointers into it must fit a ptrdiff_t. */
#define CAP_MAX ((size_t)PTRDIFF_MAX)

static size_t grown_cap(size_t cap, size_t need) {
    size_t doubled = cap > CAP_MAX / 2 ? CAP_MAX : cap * 2;
    size_t wanted = need > doubled ? need : doubled;
    return wanted > CAP_MIN ? wanted : CAP_MIN;
}

void bytes_init(struct bytes *b) {
    *b = (struct bytes)BYTES_INIT;
}

void bytes_release(struct bytes *b) {
    free(b->data);
    bytes_init(b);
}

void bytes_clear(struct bytes *b) {
    b->len = 0;
}

int bytes_reserve(struct bytes *b, size_t n) {
    if (n <= b->cap - b->len) {
        return TB_OK;
    }
    if (n > CAP_MAX - b->len) {
        return TB_ENOMEM;
    }
    size_t cap = grown_cap(b->cap, b->len + n);
    uint8_t *data = realloc(b->data, cap);
    if (data == NULL) {
        return TB_ENOMEM;
    }
    b->data = data;
    b->cap = cap;
    return TB_OK;
}

int bytes_append(struct bytes *b, const void *p, size_t n) {
    if (n == 0) {
        return TB_OK;
    }
    int err = bytes_reserve(b, n);
    if (err != TB_OK) {
        return err;
    }
    memcpy(b->data + b->len, p, n);
    b->len += n;
    return TB_OK;
}

int bytes_append_str(struct bytes *b, const char *s) {
    return bytes_append(b, s, strlen(s));
}

int bytes_appendf(struct bytes *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int err = bytes_appendv(b, fmt, ap);
    va_end(ap);
    return err;
}

int bytes_appendv(struct bytes *b, const char *fmt, va_list ap) {
    va_list again;
    va_copy(again, ap);
    size_t room = b->cap - b->len;
    int err = TB_OK;
    int printed = vsnprintf(room > 0 ? (char *)b->data + b->len : NULL, room, fmt, ap);
    if (printed < 0) {
        err = TB_ENOMEM; /* longer than an int can say, or not to be encoded */
        goto out;
    }
    size_t n = (size_t)printed;
    if (n >= room) {
        /* vsnprintf terminates what it prints, and needs a byte for that. */
        err = bytes_reserve(b, n + 1);
        if (err != TB_OK) {
            goto out;
        }
        vsnprintf((char *)b->data + b->len, n + 1, fmt, again);
    }
    b->len += n;
out:
    va_end(again);
    return err;
}

void bytes_consume(struct bytes *b, size_t n) {
    if (n == 0) {
        return;
    }
    b->len -= n;
    memmove(b->data, b->data + n, b->len);
}
