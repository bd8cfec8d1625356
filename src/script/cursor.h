/* script/cursor.h - a place in the text of a scalar that is being compiled.
 *
 * For whoever reads what stands in templates. Offsets are those of the node's text, so that a
 * mistake is shown where it stands.
 */
#ifndef TB_SCRIPT_CURSOR_H
#define TB_SCRIPT_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/ascii.h"
#include "script/node.h"

struct reader;

struct cursor {
    struct reader *r;
    const struct node *node;
    size_t at;
    size_t end; /* of the piece that is read; at <= end <= node->size */
    unsigned depth;
};

/* The character that is next; NUL at the end, which no text has in it. */
static inline char cursor_next(const struct cursor *c) {
    return c->at < c->end ? c->node->text[c->at] : '\0';
}

static inline bool cursor_sees(const struct cursor *c, const char *text) {
    size_t n = strlen(text);
    return c->end - c->at >= n && memcmp(c->node->text + c->at, text, n) == 0;
}

/* Goes beyond the text if it is next. */
static inline bool cursor_takes(struct cursor *c, const char *text) {
    bool sees = cursor_sees(c, text);
    c->at += sees ? strlen(text) : 0;
    return sees;
}

static inline bool cursor_is_white(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static inline void cursor_skip_white(struct cursor *c) {
    while (cursor_is_white(cursor_next(c))) {
        c->at++;
    }
}

/* A letter, a digit or _. */
static inline bool cursor_is_word(char c) {
    return ascii_is_alpha(c) || ascii_is_digit(c) || c == '_';
}

#endif
