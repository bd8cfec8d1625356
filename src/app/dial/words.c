#include "app/dial/words.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/text.h"

/* The string of printf's arguments, the caller's to free; NULL if memory is out. */
static char *format(const char *fmt, va_list ap) {
    struct bytes text = BYTES_INIT;
    if (bytes_appendv(&text, fmt, ap) != TB_OK || bytes_append(&text, "", 1) != TB_OK) {
        bytes_release(&text);
        return NULL;
    }
    return (char *)text.data;
}

/* Takes over the string, also where it fails. */
static int add(struct words *w, char *item) {
    char **items = item != NULL ? realloc(w->items, (w->count + 1) * sizeof *items) : NULL;
    if (items == NULL) {
        free(item);
        return TB_ENOMEM;
    }
    w->items = items;
    w->items[w->count++] = item;
    return TB_OK;
}

int words_addf(struct words *w, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char *item = format(fmt, ap);
    va_end(ap);
    return add(w, item);
}

void words_release(struct words *w) {
    for (size_t i = 0; i < w->count; i++) {
        free(w->items[i]);
    }
    free(w->items);
    *w = (struct words){NULL, 0};
}

int words_set(char **to, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char *text = format(fmt, ap);
    va_end(ap);
    if (text == NULL) {
        return TB_ENOMEM;
    }
    free(*to);
    *to = text;
    return TB_OK;
}

int words_refuse(struct bytes *message, const char *fmt, ...) {
    struct bytes raw = BYTES_INIT;
    va_list ap;
    va_start(ap, fmt);
    int err = bytes_appendv(&raw, fmt, ap);
    va_end(ap);
    err = err == TB_OK ? text_escape(message, raw.data, raw.len, TEXT_ONE_LINE) : err;
    bytes_release(&raw);
    return err == TB_OK ? TB_EINVAL : err;
}
