/* app/connect/line.h - the line being typed, on the screen and in memory.
 *
 * Owns the terminal's mode and libedit, which nobody else includes: libedit edits and draws the one
 * line, a key at a time, and never reads or waits. Knows nothing of history, messages or the loop.
 * Text is UTF-8 without controls but newline and tab.
 */
#ifndef TB_APP_CONNECT_LINE_H
#define TB_APP_CONNECT_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

struct line;

/* Prepares the terminal and shows an empty line. NULL where it cannot (errno is set). The
 * descriptors stay the caller's. */
struct line *line_new(int in_fd, int out_fd, const char *prompt);

/* Takes the line off the screen and puts the mode back. NULL is allowed. */
void line_free(struct line *l);

/* What stands in front of the text. Drawn with the next change. */
void line_set_prompt(struct line *l, const char *prompt);

/* What stands there instead, until it is NULL. Drawn with the next change. */
void line_set_note(struct line *l, const char *note, size_t n);

bool line_is_empty(const struct line *l);

/* Appends the text. TB_OK or TB_ENOMEM. */
int line_get(const struct line *l, struct bytes *out);

/* Replaces the text; the cursor stands behind it. */
void line_set(struct line *l, const char *p, size_t n);

/* Inserts at the cursor. */
void line_insert(struct line *l, const char *p, size_t n);

/* Does what the key does: a control byte, or ESC and what belongs to it. Not one that asks for
 * another key. */
void line_key(struct line *l, const char *p, size_t n);

/* Writes whole lines above the line, which is drawn again as it was. */
void line_print(struct line *l, const char *p, size_t n);

/* The line stands alone at the top. */
void line_clear_screen(struct line *l);

/* Leaves the text on the screen and begins an empty line below, not drawn until line_begin(). */
void line_end(struct line *l);
void line_begin(struct line *l);

/* Takes the line off the screen and puts the terminal's mode back, until line_resume(). */
void line_suspend(struct line *l);
void line_resume(struct line *l);

/* The terminal has another size. */
void line_resize(struct line *l);

#endif
