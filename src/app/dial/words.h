/* app/dial/words.h - strings that a plan makes and owns, and the sentence that refuses; for the
 * files of this folder only. */
#ifndef TB_APP_DIAL_WORDS_H
#define TB_APP_DIAL_WORDS_H

#include <stddef.h>

#include "base/bytes.h"

/* Strings of our own, in order. Zeroed, it is empty. */
struct words {
    char **items;
    size_t count;
};

/* Adds what printf makes of it. TB_OK or TB_ENOMEM (nothing is added then). */
int words_addf(struct words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* It is empty afterwards. */
void words_release(struct words *w);

/* *to, which may be NULL, is freed and becomes what printf makes of it; it is unchanged after
 * TB_ENOMEM. The caller frees it. TB_OK or TB_ENOMEM. */
int words_set(char **to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Appends what printf makes of it to *message, made safe for a terminal. TB_EINVAL or TB_ENOMEM. */
int words_refuse(struct bytes *message, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
