/* screen.h - a terminal's other side: a pseudo-terminal and what a person would see on it.
 *
 * Understands what a line editor sends to an xterm: text, line ends, the cursor's moves, erasing,
 * inserting and deleting. Wraps at the last column. Text is kept as code points, wide ones as one
 * cell.
 */
#ifndef TB_TESTS_UNIT_SCREEN_H
#define TB_TESTS_UNIT_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum { SCREEN_ROWS = 24, SCREEN_COLUMNS = 80 };

struct screen {
    int master, slave;
    uint32_t cells[SCREEN_ROWS][SCREEN_COLUMNS];
    int row, column;
    int columns;
    bool is_paste_marked;
    struct bytes pending; /* a sequence that has come in part */
    struct bytes all;     /* every byte that came */
};

void screen_init(struct screen *s);
void screen_release(struct screen *s);

/* Makes the window narrower (or wide again); what it shows stays as it is. */
void screen_resize(struct screen *s, int columns);

/* Reads what has come, without waiting. */
void screen_update(struct screen *s);

/* As if it was typed. */
void screen_type(struct screen *s, const char *text);

/* The row's text as UTF-8 without the spaces at its end; valid until the next call. */
const char *screen_row(struct screen *s, int row);

#endif
