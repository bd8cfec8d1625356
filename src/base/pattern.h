/* base/pattern.h - regular expressions, as Perl has them (PCRE2).
 *
 * The pattern is a person's, the text a peer's: neither can make a search run for long or crash,
 * whatever they are. A pattern and the text are UTF-8; bytes of the text that are not never match.
 * Not for several threads at once.
 */
#ifndef TB_BASE_PATTERN_H
#define TB_BASE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct pattern;

enum pattern_result {
    PATTERN_NOT_FOUND,
    PATTERN_FOUND,
    PATTERN_LIMIT, /* given up: so much backtracking that it might go on for ever */
    PATTERN_ERROR  /* memory is out */
};

/* Compiles text; *pattern is the caller's, for pattern_free(). TB_OK, TB_ENOMEM or TB_EINVAL: the
 * line appended to *message then says where and why, safe for a terminal. */
int pattern_new(const char *text, struct pattern **pattern, struct bytes *message);

/* NULL is allowed. */
void pattern_free(struct pattern *pattern);

/* Whether the pattern matches anywhere in p[0..n). */
enum pattern_result pattern_search(struct pattern *pattern, const void *p, size_t n);

/* The pattern's named groups, in the order of their numbers, which is that of the opening brackets:
 * how many, and the name of the i-th, which is the pattern's. A name that several groups have, as
 * (?J) allows, counts once. */
size_t pattern_group_count(const struct pattern *pattern);
const char *pattern_group_name(const struct pattern *pattern, size_t i);

/* After PATTERN_FOUND, until the next search: what the i-th named group caught, a piece of the
 * text; of several groups with the name, the first that took part in the match. False: none did. */
bool pattern_group(const struct pattern *pattern, size_t i, const uint8_t **p, size_t *n);

/* Appends a literal, the longest that is found easily, that stands in every text that the pattern
 * matches; nothing if none is known. text is a pattern that pattern_new() takes. TB_OK or
 * TB_ENOMEM. */
int pattern_required(const char *text, struct bytes *literal);

#endif
