/* app/connect/input.h - standard input, cut into records.
 *
 * Reads only while it is wanted, so that a pipe is read no faster than the network takes it. A
 * record is a line, or ends with a NUL or a separator, or is a read's worth of bytes. The last
 * record needs no end. The descriptor's mode is left as it was, for it is shared with others.
 */
#ifndef TB_APP_CONNECT_INPUT_H
#define TB_APP_CONNECT_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/bytes.h"

struct input_events {
    /* A whole record; p is gone after the return. */
    void (*on_record)(void *ctx, const char *p, size_t n);
    /* Nothing more comes: 0, or an errno, or E2BIG for a record that is larger than the limit. */
    void (*on_end)(void *ctx, int error);
};

struct input {
    int fd;
    const char *separator; /* of one byte or more; NULL: whatever a read gives is a record */
    size_t separator_size;
    bool drops_cr; /* a CR before the end of a line is no part of the record; the default */
    size_t limit;  /* bytes of a record */
    const struct input_events *events;
    void *ctx;
    uint64_t records; /* so far: the number of the one that is told */
    /* private */
    uv_loop_t *loop;
    uv_poll_t poll;
    uv_idle_t idle; /* for what epoll does not know: a file is always readable */
    bool polls;
    bool started;
    bool wanted;
    bool ended;
    bool closed;
    bool telling;      /* inside on_record */
    struct bytes held; /* what has come of a record, and records that wait */
    size_t looked;     /* bytes of it in which no separator begins */
};

/* Prepares to read fd, which stays the caller's. Lines: separator "\n"; a CR before it is dropped.
 */
void input_init(struct input *in, uv_loop_t *loop, int fd, const struct input_events *events,
                void *ctx);

/* Go on / stop reading: nothing is told while it is not wanted. */
void input_want(struct input *in, bool wanted);

/* Ends the handles (the loop must run once more) and frees. Nothing is told afterwards, also if it
 * is called while a record is told: that one stays readable until the return. */
void input_close(struct input *in);

#endif
