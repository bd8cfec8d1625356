/* base/pattern.h - regular expressions, as Perl has them (PCRE2).
 *
 * The pattern is a person's, the text a peer's: neither can make a search run for long or crash,
 * whatever they are. A pattern and the text are UTF-8; bytes of the text that are not never match.
 * Not for several threads at once.
 */
#ifndef TB_BASE_PATTERN_H
#define TB_BASE_PATTERN_H

#include <stddef.h>

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

#endif
