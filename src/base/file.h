/* base/file.h - a file that a user names, read as a whole; "-" is standard input. */
#ifndef TB_BASE_FILE_H
#define TB_BASE_FILE_H

#include "base/bytes.h"

/* For what is written by hand or by another tool: options, headers, cookies. Takes a regular file,
 * for a pipe might never come to its end, of at most 1 MiB. Appends the file's bytes, whatever they
 * are. TB_OK; TB_EINVAL, and *message gets one line,
 * "cannot read 'FILE' (why)", safe for a terminal; or TB_ENOMEM. After an error *content may have
 * got a part. */
int file_read(const char *path, struct bytes *content, struct bytes *message);

/* The same with another limit, in bytes: whole MiB. */
int file_read_limited(const char *path, size_t limit, struct bytes *content, struct bytes *message);

/* For what is passed on as it is: takes any file but a directory, of any size, and waits for the
 * end of a pipe. Results as above. */
int file_read_whole(const char *path, struct bytes *content, struct bytes *message);

/* The same on a loop, which must wait for nobody: takes a regular file of any size, and nothing
 * else;
 * "-" is refused, too. Results as above. */
int file_read_now(const char *path, struct bytes *content, struct bytes *message);

/* "standard input" for "-", else the path. */
const char *file_shown_name(const char *path);

#endif
