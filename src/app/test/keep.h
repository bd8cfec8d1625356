/* app/test/keep.h - the folder in which the conversations of failed scenarios are kept (--record).
 *
 * A file is named FILE-SCENARIO.jsonl, with letters, digits, - and _ only, whatever these are
 * called. Two of a run never get the same name; one of an earlier run is replaced. Never follows a
 * symbolic link, and never writes to anything but a regular file.
 */
#ifndef TB_APP_TEST_KEEP_H
#define TB_APP_TEST_KEEP_H

#include <stddef.h>

#include "app/test/outcome.h"
#include "base/bytes.h"

struct kept_name {
    char *name;
    size_t next; /* the number of the next one that would have this name */
};

struct keep {
    const char *folder;
    struct kept_name *names; /* of this run, in their order */
    size_t count;
};

/* Makes the folder, if it is not there. An exit code; else *message says what is wrong. */
int keep_open(struct keep *k, const char *folder, struct bytes *message);
void keep_release(struct keep *k);

/* Copies what stands in fd, a recording, into the file for the finding's run against the target,
 * and gives its path, which is the caller's to free. TB_OK; or an error, and *message says why not,
 * in one line. */
int keep_file(struct keep *k, const struct finding *f, enum target target, int fd, char **path,
              struct bytes *message);

#endif
