/* script/from/from.h - a recording, made into a file of ours: scenarios, or a mock.
 *
 * Reads what `--record` wrote (docs/recordings.md), of a server or of a client, sorts it into
 * conversations, and writes YAML that script_parse() takes. Runs nothing, and prints nothing.
 */
#ifndef TB_SCRIPT_FROM_FROM_H
#define TB_SCRIPT_FROM_FROM_H

#include <stddef.h>

#include "base/bytes.h"

enum { FROM_FILE_MAX = 64 * 1024 * 1024 };

struct from;

/* Reads a recording ("-" is standard input) of at most FROM_FILE_MAX bytes; *recording is the
 * caller's, for from_free(). A line that was torn, because the program died or the disk was full,
 * is left out: it is the file's last, or a new recording begins behind it. TB_OK, and *message has
 * a note where something was left out; TB_EINVAL, and *message says what is wrong: "cannot read
 * 'FILE' (why)", "FILE:LINE: what", "FILE: what"; or TB_ENOMEM. One line, safe for a terminal. */
int from_read(const char *path, struct from **recording, struct bytes *message);

/* The same of text[0..n), whose name in messages is given. The text is not kept. */
int from_parse(const char *name, const void *text, size_t n, struct from **recording,
               struct bytes *message);

/* NULL is allowed. */
void from_free(struct from *f);

/* Appends a whole file: a scenario for each connection, in their order. What the client said is
 * sent, what the server said is expected, where it is a time, a UUID or milliseconds since 1970 by
 * a pattern. A client's recording says to which server; else --url has to. TB_OK or TB_ENOMEM. */
int from_write_scenarios(const struct from *f, struct bytes *yaml);

/* Appends a whole file: a server that answers as the recorded one. Each message of the clients is a
 * rule; one that was answered differently later is several, which take turns. What came without
 * being asked for comes as it did on the path's first connection. TB_OK or TB_ENOMEM. */
int from_write_mock(const struct from *f, struct bytes *yaml);

#endif
