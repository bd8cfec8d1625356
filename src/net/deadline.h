/* net/deadline.h - many deadlines with the same patience, on one timer.
 *
 * Everything in a queue waits equally long, so the queue is a list in the order of expiry: setting
 * and dropping a deadline is O(1) and costs a waiting object one hook. Time is the loop's
 * (monotonic, milliseconds, read once a turn).
 */
#ifndef TB_NET_DEADLINE_H
#define TB_NET_DEADLINE_H

#include <stdint.h>
#include <uv.h>

#include "base/list.h"

/* What waits. In at most one queue at a time. */
struct deadline {
    struct list hook;
    uint64_t at_ms;
};

struct deadline_queue {
    uv_timer_t timer;
    struct list waiting;
    uint64_t after_ms; /* 0: nothing ever expires */
    void (*expired)(struct deadline *d);
};

/* Cannot fail. `expired` is called once for each deadline that has passed, which is in no queue
 * by then. */
void deadline_queue_init(struct deadline_queue *q, uv_loop_t *loop, uint64_t after_ms,
                         void (*expired)(struct deadline *d));

/* Ends the timer; the queue's memory is the loop's until closed() was called (it may be NULL), with
 * a handle whose `data` that is. Nothing may wait in it. */
void deadline_queue_close(struct deadline_queue *q, uv_close_cb closed, void *data);

void deadline_init(struct deadline *d);

/* Puts d at the end of q, after taking it out of wherever it waited. */
void deadline_set(struct deadline_queue *q, struct deadline *d);

/* d waits no more. */
void deadline_drop(struct deadline *d);

#endif
