/* base/config.h - options in a file (-K, --config), written as curl reads them.
 *
 * A line is one option of the verb's own table (base/options.h): `name value`, `name = value`,
 * `name: value`, `name="a value"`, or a name alone, with its dashes or without. Spaces may stand
 * around. A value with spaces in it is quoted, and \" \\ \n \t \r \v are escapes in it. A line
 * that begins with # is a comment, and so is what follows a value behind a space and a #.
 *
 * Takes a regular file, or "-" for standard input, of at most 1 MiB; a byte order mark and CR LF
 * are understood; a NUL byte is not. A file cannot name another one. What a file says and what
 * the command line says count in the order in which they stand there.
 *
 * Owns the strings that the settings point at.
 */
#ifndef TB_BASE_CONFIG_H
#define TB_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/options.h"

struct config_values;

/* What an option's row stands for in the settings; zeroed, it is empty. */
struct config {
    struct config_values *values; /* of each file that was read */
    bool reading;
};

/* Sets the options of a file: the `call` of a row whose slot is a struct config. TB_OK; TB_EINVAL,
 * and *message says what is wrong, "cannot read 'FILE' (why)" or "FILE:LINE:COLUMN: what" (both
 * from 1, columns in characters), then the line up to there, and a caret below: three lines,
 * without a final newline, safe for a terminal; or TB_ENOMEM. Neither the value nor what stands
 * behind the error is shown in that line, for it may be a password: "..." stands for it, and the
 * caret, if it is the value that is wrong, below its beginning. What stood before the error is
 * set. */
int config_read(const struct option *table, void *settings, void *slot, const char *path,
                struct bytes *message);

/* Frees the strings, to which settings still point. It is empty afterwards. */
void config_release(struct config *c);

#endif
