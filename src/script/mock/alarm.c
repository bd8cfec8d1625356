/* Timers of members and routes. */
#include <stdlib.h>

#include "base/err.h"
#include "script/mock/held.h"
#include "script/mock/state.h"

static void on_closed(uv_handle_t *handle) {
    struct alarm *a = (struct alarm *)handle;
    held_free(a->held);
    script_unref(a->script);
    free(a);
}

void alarm_stop(struct alarm *a) {
    list_remove(&a->hook);
    if (a->held_size > 0) {
        waiting_give(a->run, a->member, a->held_size);
        a->held_size = 0;
    }
    a->member = NULL;
    if (!uv_is_closing((uv_handle_t *)&a->timer)) {
        uv_close((uv_handle_t *)&a->timer, on_closed);
    }
}

void alarms_stop(struct list *alarms) {
    while (!list_is_empty(alarms)) {
        alarm_stop(LIST_ENTRY(alarms->next, struct alarm, hook));
    }
}

void alarms_stop_clocks(struct list *alarms) {
    for (struct list *hook = alarms->next, *next; hook != alarms; hook = next) {
        struct alarm *a = LIST_ENTRY(hook, struct alarm, hook);
        next = hook->next;
        if (a->rule != NULL && a->held == NULL) {
            alarm_stop(a);
        }
    }
}

static void on_timer(uv_timer_t *timer) {
    struct alarm *a = (struct alarm *)timer;
    struct mock_loop *l = a->run->loop;
    mock_enter(l);
    a->ring(a);
    mock_leave(l);
}

struct alarm *alarm_set(struct run *run, struct member *m, uint64_t ms,
                        void (*ring)(struct alarm *a)) {
    struct alarm *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return NULL;
    }
    a->run = run;
    a->member = m;
    a->ring = ring;
    uv_timer_init(&run->loop->ep->loop->uv, &a->timer);
    list_append(m != NULL ? &m->alarms : &run->clocks, &a->hook);
    alarm_again(a, ms);
    return a;
}

struct alarm *alarm_hold(struct run *run, struct member *m, uint64_t ms,
                         void (*ring)(struct alarm *a), const struct message *message,
                         const struct captures *captures, const char **why) {
    size_t size = sizeof(struct alarm) + held_size(message, captures);
    *why = "too much waits already";
    if (!waiting_take(run, m, size)) {
        return NULL;
    }
    *why = "out of memory";
    struct held *held = held_new(message, captures);
    struct alarm *a = held == NULL ? NULL : alarm_set(run, m, ms, ring);
    if (a == NULL) {
        held_free(held);
        waiting_give(run, m, size);
        return NULL;
    }
    a->held = held;
    a->held_size = size;
    return a;
}

void alarm_again(struct alarm *a, uint64_t ms) {
    uv_timer_start(&a->timer, on_timer, ms, 0);
}

uint64_t alarm_time(struct mock_loop *l, const struct span *span) {
    return span->min_ms == span->max_ms ? span->min_ms
                                        : chance_between(&l->chance, span->min_ms, span->max_ms);
}
