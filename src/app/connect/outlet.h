/* app/connect/outlet.h - what the program is for, on its way to stdout or a file.
 *
 * Everything is kept and goes out in order, however slow the reader: while too much waits, the
 * endpoint reads nothing, so that the server has to wait, too. Writing never blocks the loop.
 */
#ifndef TB_APP_CONNECT_OUTLET_H
#define TB_APP_CONNECT_OUTLET_H

#include <stdbool.h>
#include <uv.h>

#include "base/log.h"

struct endpoint;

struct outlet {
    struct log *log; /* write through it */
    int fd;
    struct endpoint *endpoint;
    void (*on_broken)(void *ctx,
                      int error);    /* an errno: nobody reads any more, or the disk is full */
    void (*before_flush)(void *ctx); /* NULL: nothing is gathered elsewhere */
    void *ctx;
    /* private */
    uv_prepare_t prepare; /* flushes at the end of each turn */
    uv_poll_t poll;       /* the descriptor takes more */
    bool has_poll;
    bool broken;
};

/* On fd, which stays the caller's. TB_OK or TB_ENOMEM. The callbacks and `ctx` are set by the owner
 * afterwards. */
int outlet_init(struct outlet *o, int fd, enum log_format format, enum log_level level);

/* Flushes on the loop from now on, and holds the endpoint's connections when too much waits. */
void outlet_start(struct outlet *o, struct endpoint *endpoint);

/* The handles end; the loop must run once more. */
void outlet_stop(struct outlet *o);

/* Whether so much waits that nothing is read. */
bool outlet_is_full(const struct outlet *o);

/* Writes everything, waiting for the reader as long as it takes. Returns 0, or the errno that it
 * failed with at any time. */
int outlet_finish(struct outlet *o);

/* Frees; nothing may write to the log any more. */
void outlet_release(struct outlet *o);

#endif
