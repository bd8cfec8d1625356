/* app/connect/slash.h - lines that begin with '/': commands of a person in a terminal. */
#ifndef TB_APP_CONNECT_SLASH_H
#define TB_APP_CONNECT_SLASH_H

#include <stddef.h>

#include "app/connect/order.h"
#include "base/bytes.h"

enum slash_kind {
    SLASH_ORDER,  /* say `order` */
    SLASH_JSON,   /* a JSON text begins, which may take several lines: argument */
    SLASH_STATS,  /* print what was counted */
    SLASH_RECORD, /* record to the file `argument`; empty: no more */
    SLASH_HELP,   /* print the commands */
    SLASH_QUIT    /* leave */
};

struct slash {
    enum slash_kind kind;
    struct order order;
    const char *argument; /* in the line; not terminated */
    size_t argument_size;
};

/* Reads a line that begins with '/' and a letter (a message that begins so is typed '//…'). TB_OK;
 * TB_ENOMEM; or TB_EINVAL, and *message says what is wrong, safe for a terminal. The order is to be
 * released in any case. */
int slash_read(struct slash *s, const char *line, size_t n, struct bytes *message);

/* Appends one line a command. TB_OK or TB_ENOMEM. */
int slash_help(struct bytes *out);

#endif
