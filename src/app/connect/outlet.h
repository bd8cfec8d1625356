/* app/connect/outlet.h - what is said, on its way to stdout, a file or stderr.
 *
 * Writing never blocks the loop. What the program is for is kept whole and in order, however slow
 * the reader: while too much waits, the endpoint reads nothing, so that the server has to wait,
 * too. What is only said about it is left out, and counted, when nobody reads it (base/log.h).
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
    /* An errno: nobody reads any more, or the disk is full. These may be NULL. */
    void (*on_broken)(void *ctx, int error);
    void (*before_flush)(void *ctx); /* a turn ends: what is gathered elsewhere is to be written */
    void (*on_flushed)(void *ctx);   /* it is written, as far as it is taken now */
    void *ctx;
    bool keeps_all;
    bool truncates; /* the file loses its old content when there is something to write to it */
    /* private */
    uv_prepare_t prepare; /* flushes at the end of each turn */
    uv_poll_t poll;       /* the descriptor takes more */
    bool has_poll;
    bool broken;
};

/* On fd, which stays the caller's; with keeps_all nothing is ever left out. TB_OK or TB_ENOMEM. The
 * callbacks and `ctx` are set by the owner afterwards. */
int outlet_init(struct outlet *o, int fd, enum log_format format, enum log_level level,
                bool keeps_all);

/* There will be something to write: the file's old content goes, if it is to go. */
void outlet_begin(struct outlet *o);

/* Flushes on the loop from now on, and holds the endpoint's connections when too much waits. */
void outlet_start(struct outlet *o, struct endpoint *endpoint);

/* The handles end; the loop must run once more. */
void outlet_stop(struct outlet *o);

/* Whether so much waits that nothing is read; whether nothing waits, or ever will be written. */
bool outlet_is_full(const struct outlet *o);
bool outlet_is_empty(const struct outlet *o);

/* Writes everything now, waiting for the reader: for a terminal that somebody else takes over. */
void outlet_finish(struct outlet *o);

/* Writes what is left, waiting for the reader no longer than log_free() does, and frees. Nothing
 * may write to the log any more. */
void outlet_release(struct outlet *o);

#endif
