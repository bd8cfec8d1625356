/* app/recording.h - the file of a recording (--record).
 *
 * Owns the descriptor and the log on it. The file is appended to, made with mode 0600, and is never
 * a symbolic link or anything but a regular file.
 */
#ifndef TB_APP_RECORDING_H
#define TB_APP_RECORDING_H

#include "base/bytes.h"
#include "base/log.h"

struct recording {
    int fd;          /* -1: none */
    struct log *log; /* for trace_new() or trace_set_record(); NULL: none */
};

#define RECORDING_INIT                                                                             \
    { -1, NULL }

/* Opens the file. EXIT_OK; or EXIT_USAGE (it cannot be a recording) or EXIT_SYSTEM, and *message
 * says why in one line. */
int recording_open(struct recording *r, const char *path, struct bytes *message);

/* Writes what is left and closes; nothing may use the log any more. It is as RECORDING_INIT
 * afterwards. */
void recording_close(struct recording *r);

#endif
