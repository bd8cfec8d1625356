/* app/connect/history.h - the lines that were typed, kept between runs.
 *
 * Owns the entries of this run's history and a file of them: an entry a line, a newline in an entry
 * written \n and a backslash \\. A line is appended to the file when it is typed, so that several
 * instances at once keep each other's; the file is cut to HISTORY_MAX entries at the end.
 *
 * What was typed may be secret: the file is 0600, a directory that is made 0700, and neither the
 * file nor the directory it stands in may be a symbolic link or another user's. Where the file
 * cannot be read or written there is no history but that of this run, and no complaint.
 */
#ifndef TB_APP_CONNECT_HISTORY_H
#define TB_APP_CONNECT_HISTORY_H

#include <stddef.h>

enum {
    HISTORY_MAX = 1000,            /* entries */
    HISTORY_ENTRY_MAX = 64 * 1024, /* bytes of an entry in the file; longer ones stay in memory */
};

struct history;

/* $XDG_STATE_HOME/taburet/history, else ~/.local/state/taburet/history. For free(); NULL where
 * neither variable is an absolute path, or memory is out. */
char *history_path(void);

/* Reads the file; NULL as a path: none. Returns NULL if memory is out. */
struct history *history_new(const char *path);

/* Cuts the file where it has grown too long. NULL is allowed. */
void history_free(struct history *h);

/* Adds an entry, also to the file, unless it is empty or the same as the last one. Where memory is
 * out it is forgotten. */
void history_add(struct history *h, const char *p, size_t n);

size_t history_count(const struct history *h);

/* Entry i < history_count(), the oldest first; it is valid until the next history_add(). */
const char *history_entry(const struct history *h, size_t i, size_t *n);

#endif
