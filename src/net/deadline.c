#include "net/deadline.h"

static void arm(struct deadline_queue *q);

static void on_timer(uv_timer_t *timer) {
    struct deadline_queue *q = timer->data;
    uint64_t now = uv_now(timer->loop);
    while (!list_is_empty(&q->waiting)) {
        struct deadline *d = LIST_ENTRY(q->waiting.next, struct deadline, hook);
        if (d->at_ms > now) {
            break;
        }
        list_remove(&d->hook);
        q->expired(d);
    }
    arm(q);
}

/* The timer follows the first in the queue. It is left alone while it runs: when it fires too
 * early, because that first one has gone, it is armed anew. */
static void arm(struct deadline_queue *q) {
    if (list_is_empty(&q->waiting) || uv_is_active((uv_handle_t *)&q->timer)) {
        return;
    }
    const struct deadline *first = LIST_ENTRY(q->waiting.next, struct deadline, hook);
    uint64_t now = uv_now(q->timer.loop);
    uv_timer_start(&q->timer, on_timer, first->at_ms > now ? first->at_ms - now : 0, 0);
}

void deadline_queue_init(struct deadline_queue *q, uv_loop_t *loop, uint64_t after_ms,
                         void (*expired)(struct deadline *d)) {
    uv_timer_init(loop, &q->timer);
    q->timer.data = q;
    list_init(&q->waiting);
    q->after_ms = after_ms;
    q->expired = expired;
}

void deadline_queue_close(struct deadline_queue *q, uv_close_cb closed, void *data) {
    q->timer.data = data;
    uv_close((uv_handle_t *)&q->timer, closed);
}

void deadline_init(struct deadline *d) {
    list_init(&d->hook);
    d->at_ms = 0;
}

void deadline_set(struct deadline_queue *q, struct deadline *d) {
    list_remove(&d->hook);
    if (q->after_ms == 0) {
        return;
    }
    d->at_ms = uv_now(q->timer.loop) + q->after_ms;
    list_append(&q->waiting, &d->hook);
    arm(q);
}

void deadline_drop(struct deadline *d) {
    list_remove(&d->hook);
}
