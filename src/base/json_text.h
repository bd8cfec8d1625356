/* base/json_text.h - JSON as text, token by token, so that nothing is lost.
 *
 * The order of keys, keys that come twice, large numbers, the spelling of numbers and the escapes
 * in strings stay byte for byte: only the white space between tokens changes. What counts as JSON
 * is RFC 8259 to the letter (and UTF-8, s.8.1; no byte order mark), nested at most
 * JSON_TEXT_DEPTH_MAX deep. Linear in the text, no recursion; nothing is kept after return.
 */
#ifndef TB_BASE_JSON_TEXT_H
#define TB_BASE_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

enum { JSON_TEXT_DEPTH_MAX = 512 };

enum json_text_state {
    JSON_TEXT_COMPLETE,   /* one whole value (a number at the very end counts as whole) */
    JSON_TEXT_INCOMPLETE, /* what there is may begin one; nothing but white space, too */
    JSON_TEXT_BROKEN      /* no continuation makes it one */
};

/* Says how far text p[0..n) has come: for input that arrives line by line. */
enum json_text_state json_text_look(const void *p, size_t n);

bool json_text_is_valid(const void *p, size_t n);

/* Finds a member of the object that is text p[0..n): its value, from its first byte to its last,
 * stands at *value afterwards; of a key that comes twice, the first one. A key that is written with
 * escapes is not found. False, and nothing is set, if there is none, or the text is not an object.
 */
bool json_text_member(const char *p, size_t n, const char *key, const char **value, size_t *size);

/* What a terminal is told before a token of a class and behind it ("\x1b[32m", "\x1b[0m"). NULL
 * leaves a class as it is. */
struct json_text_colours {
    const char *key;
    const char *string;
    const char *number;
    const char *literal; /* true, false, null */
    const char *punctuation;
    const char *off; /* behind every coloured token; not NULL */
};

struct json_text_style {
    unsigned indent;                         /* spaces a level */
    bool raw;                                /* strings as they came, not through text_escape() */
    const struct json_text_colours *colours; /* NULL: none */
    size_t size_max; /* bytes to append at the most; 0: no limit. Text that is nested deep grows by
                        more than a hundred times. */
};

/* Appends the text with each member and element on a line of its own, without a last newline; {}
 * and [] stay on the line. Unless the style is raw, the result is safe for a terminal. TB_OK,
 * TB_ENOMEM, TB_EINVAL (not JSON) or TB_ERANGE (beyond size_max); out is unchanged then. */
int json_text_pretty(struct bytes *out, const void *p, size_t n,
                     const struct json_text_style *style);

/* Appends the text without the white space between its tokens. TB_OK, TB_ENOMEM or TB_EINVAL (not
 * JSON); out is unchanged then. */
int json_text_compact(struct bytes *out, const void *p, size_t n);

#endif
