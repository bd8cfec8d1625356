/* base/text.h - text that came from elsewhere, made safe for a terminal or for one line.
 *
 * This is the project's one escaper for terminals. What a terminal could take for a command
 * is shown, not obeyed: C0 (newline and tab by choice), DEL, C1, bidirectional controls,
 * line and paragraph separators, and every byte that is not valid UTF-8. An escaped byte is
 * written \xNN, an escaped code point \u{N}, and a newline or tab \n or \t.
 */
#ifndef TB_BASE_TEXT_H
#define TB_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum text_lines {
    TEXT_ONE_LINE,  /* newline and tab are escaped too: for log lines and status lines */
    TEXT_MANY_LINES /* newline and tab stay: for a message shown to a person */
};

/* Appends p[0..n), made safe. TB_OK or TB_ENOMEM (out is unchanged then). A backslash stays as it
 * is: what is shown cannot harm, but it cannot be turned back. */
int text_escape(struct bytes *out, const void *p, size_t n, enum text_lines lines);

/* Whether a terminal or a line reader could obey this code point: the ones that text_escape()
 * escapes, with newline and tab. */
bool text_is_unsafe(uint32_t point);

/* Reads the code point at the front of p[0..n), n > 0. Returns its size, or 0 if the bytes are not
 * valid UTF-8: cut short, overlong, a surrogate or out of Unicode (RFC 3629 s.3). */
size_t text_decode(const uint8_t *p, size_t n, uint32_t *point);

/* Writes a code point, which is not a surrogate, as UTF-8. Returns its size. */
size_t text_encode(uint32_t point, uint8_t to[4]);

/* Returns the entry of names[0..count) nearest to `word` (edit distance of at most 2 and less
 * than the word's length; two neighbours swapped are one edit), or NULL: for "did you mean". */
const char *text_nearest(const char *word, const char *const *names, size_t count);

#endif
