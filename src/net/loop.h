/* net/loop.h - one event loop, on one thread.
 *
 * Owns a libuv loop, the one receive buffer that all its connections share, the mailbox through
 * which other threads reach it, and the end of the turn. A turn is one round of the loop: what
 * is ready is read and answered into memory, then each of its struct loop_turn writes out what is
 * its own, so that a connection gets one write a turn however much was said to it.
 */
#ifndef TB_NET_LOOP_H
#define TB_NET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/list.h"

enum { LOOP_BUFFER_SIZE = 256 * 1024 };

/* Work for a loop, from any thread. The object is the poster's until run() is called, then
 * run()'s. */
struct loop_task {
    struct loop_task *next;
    void (*run)(struct loop_task *task);
};

/* Somebody who has something to do at the end of every turn. end() says whether it did something
 * after which others may have something to do; then all of them are asked again, until nothing is
 * left to do in this turn. */
struct loop_turn {
    struct list hook;
    bool (*end)(struct loop_turn *turn);
};

struct loop {
    uv_loop_t uv;
    uint8_t *buffer;  /* LOOP_BUFFER_SIZE bytes: what a read fills, valid during its callback */
    uint8_t *scratch; /* LOOP_BUFFER_SIZE bytes: what TLS decrypts into, in the same way */
    /* private */
    struct list turns;      /* struct loop_turn, in the order in which they came */
    struct list *next_turn; /* the one that is asked next */
    uv_prepare_t prepare;
    uv_check_t check;
    uv_async_t wake;
    uv_mutex_t mutex; /* guards the mailbox */
    struct loop_task *first, **last;
};

/* TB_OK, TB_ENOMEM or TB_ESYS (errno is set). */
int loop_init(struct loop *loop);

/* Runs until loop_end() was called and everything else on the loop is closed. */
void loop_run(struct loop *loop);
void loop_end(struct loop *loop);

/* From now on turn->end() is called at the end of every turn; and no more. The memory is the
 * caller's. Both may be done from inside of an end(). */
void loop_add_turn(struct loop *loop, struct loop_turn *turn);
void loop_remove_turn(struct loop *loop, struct loop_turn *turn);

/* Frees everything; loop_run() has returned, or was never called. Tasks still in the mailbox are
 * run. */
void loop_release(struct loop *loop);

/* Sends work to the loop's thread; tasks of one poster run in the order sent. Any thread. */
void loop_post(struct loop *loop, struct loop_task *task);

#endif
