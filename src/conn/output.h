/* conn/output.h - what one connection has still to send, in order, without copies.
 *
 * It is a list of ranges (what was said to this connection alone, and older pieces of the
 * broadcast log) followed by everything from the connection's place in the log to the log's end.
 * So a broadcast costs a member nothing until it is sent, and a member that is up to date holds
 * one place. Every range ends where a frame ends.
 *
 * What nobody asked for, because it was said to many, is counted: a connection that does not read
 * it must not keep it without bound. That is the log, and what was pushed.
 *
 * What a blocked socket did not take is detached into `flight`, which alone may begin in the
 * middle of a frame and is therefore always sent to its end.
 */
#ifndef TB_CONN_OUTPUT_H
#define TB_CONN_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "conn/chunk.h"

enum { OUTPUT_BUFS = 64 };

/* Bytes handed to the system, kept until it has taken them. */
struct flight {
    size_t bytes;
    unsigned count;
    uv_buf_t *bufs;
    struct range **ranges; /* what keeps the bytes; NULL: they stand in this object */
};

struct output {
    struct range *first;
    struct range *last;
    size_t listed; /* bytes in the ranges, */
    size_t pushed; /* and of these, those that were pushed */
    struct chunk
        *apart; /* where copies are made for this connection alone, while some are listed */
    /* The place in a room's log; chain is NULL while the connection is in no room. */
    const struct chain *chain;
    struct chunk *chunk;
    size_t offset;
    struct flight *flight;
};

void output_init(struct output *out);
void output_release(struct output *out);

/* Follow a log from its end on / no more. output_leave() keeps what was logged so far, to be sent.
 * TB_OK or TB_ENOMEM. */
int output_follow(struct output *out, struct chain *chain);
int output_leave(struct output *out);

/* The last n bytes that were committed to the (unlinked) chain are for this connection alone.
 * TB_OK or TB_ENOMEM. */
int output_add(struct output *out, struct chain *own, size_t n);

/* Whole frames, chunk->data[from..to), are for this connection, too. `apart`: as a copy. Somebody
 * who is behind must not hold many chunks for the little in them that is his. TB_OK or TB_ENOMEM.
 */
int output_push(struct output *out, struct chunk *chunk, size_t from, size_t to, bool apart);

/* Bytes to be sent that the system does not have yet: those said to this connection alone (and
 * what was listed); of these, those that were pushed, or logged before they were listed; those in
 * the log; and all of them. */
size_t output_listed(const struct output *out);
size_t output_pushed(const struct output *out);
size_t output_logged(const struct output *out);
size_t output_pending(const struct output *out);

/* Fills bufs with the next bytes, at most OUTPUT_BUFS pieces and about 1 MiB; *bytes gets their
 * sum. Returns the number of pieces. */
unsigned output_gather(const struct output *out, uv_buf_t bufs[OUTPUT_BUFS], size_t *bytes);

/* Leaves a chunk of the log that is read to its end, if there is a next one. */
void output_settle(struct output *out);

/* The first n bytes are sent. */
void output_advance(struct output *out, size_t n);

/* The next n bytes, which end where a piece of output_gather() ended, become the flight. TB_OK or
 * TB_ENOMEM. */
int output_detach(struct output *out, size_t n);

/* The flight has landed. */
void output_land(struct output *out);

/* Forgets whole messages of the log, the oldest first, until at most `limit` bytes of it are left.
 * Returns how many. */
uint64_t output_drop(struct output *out, size_t limit);

/* Forgets everything but the flight. */
void output_discard(struct output *out);

#endif
