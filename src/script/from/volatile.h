/* script/from/volatile.h - what in a text is different whenever a program runs: times, UUIDs and
 * milliseconds since 1970, where they stand as words of their own.
 */
#ifndef TB_SCRIPT_FROM_VOLATILE_H
#define TB_SCRIPT_FROM_VOLATILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

enum volatile_kind { VOLATILE_TIME, VOLATILE_UUID, VOLATILE_MILLISECONDS };

struct volatile_word {
    enum volatile_kind kind;
    size_t at;
    size_t size;
};

/* "a time", "a UUID", "milliseconds since 1970". */
extern const char *const volatile_names[];

/* Finds the first one in p[from..n). */
bool volatile_find(const char *p, size_t n, size_t from, struct volatile_word *word);

/* Appends a regular expression for the text p[0..n), in which each of these may be any of its kind
 * and all else is as it stands. TB_OK or TB_ENOMEM. */
int volatile_pattern(const char *p, size_t n, struct bytes *regex);

#endif
