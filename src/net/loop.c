#include "net/loop.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"

/* Asks everybody once. Whether anybody has done something. */
static bool run_round(struct loop *loop) {
    bool worked = false;
    loop->next_turn = loop->turns.next;
    while (loop->next_turn != &loop->turns) {
        struct loop_turn *turn = LIST_ENTRY(loop->next_turn, struct loop_turn, hook);
        loop->next_turn = turn->hook.next;
        worked = turn->end(turn) || worked;
    }
    return worked;
}

/* One who is alone has done all there is to do. */
static bool are_several(const struct loop *loop) {
    return loop->turns.next != loop->turns.prev;
}

static void end_turn(struct loop *loop) {
    bool again;
    do {
        again = run_round(loop) && are_several(loop);
    } while (again);
}

/* Timers run before the poll, and may have something to send that must not wait for it. */
static void on_prepare(uv_prepare_t *handle) {
    end_turn(handle->data);
}

static void on_check(uv_check_t *handle) {
    end_turn(handle->data);
}

static void run_mailbox(struct loop *loop) {
    uv_mutex_lock(&loop->mutex);
    struct loop_task *task = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    uv_mutex_unlock(&loop->mutex);
    while (task != NULL) {
        struct loop_task *next = task->next;
        task->run(task);
        task = next;
    }
}

static void on_wake(uv_async_t *handle) {
    run_mailbox(handle->data);
}

/* The mailbox keeps the loop running until loop_end(). */
static void start_own_handles(struct loop *loop) {
    uv_prepare_init(&loop->uv, &loop->prepare);
    uv_prepare_start(&loop->prepare, on_prepare);
    uv_unref((uv_handle_t *)&loop->prepare);
    loop->prepare.data = loop;
    uv_check_init(&loop->uv, &loop->check);
    uv_check_start(&loop->check, on_check);
    uv_unref((uv_handle_t *)&loop->check);
    loop->check.data = loop;
    loop->wake.data = loop;
}

int loop_init(struct loop *loop) {
    *loop = (struct loop){0};
    loop->last = &loop->first;
    list_init(&loop->turns);
    loop->buffer = malloc(2 * LOOP_BUFFER_SIZE);
    if (loop->buffer == NULL) {
        return TB_ENOMEM;
    }
    loop->scratch = loop->buffer + LOOP_BUFFER_SIZE;
    int err = uv_loop_init(&loop->uv);
    if (err != 0) {
        goto no_loop;
    }
    err = uv_async_init(&loop->uv, &loop->wake, on_wake);
    if (err != 0) {
        goto no_async;
    }
    err = uv_mutex_init(&loop->mutex);
    if (err != 0) {
        goto no_mutex;
    }
    loop->uv.data = loop;
    start_own_handles(loop);
    return TB_OK;

no_mutex:
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
no_async:
    uv_loop_close(&loop->uv);
no_loop:
    free(loop->buffer);
    loop->buffer = NULL;
    errno = -err;
    return TB_ESYS;
}

void loop_run(struct loop *loop) {
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_end(struct loop *loop) {
    uv_unref((uv_handle_t *)&loop->wake);
}

void loop_add_turn(struct loop *loop, struct loop_turn *turn) {
    list_append(&loop->turns, &turn->hook);
}

void loop_remove_turn(struct loop *loop, struct loop_turn *turn) {
    if (loop->next_turn == &turn->hook) {
        loop->next_turn = turn->hook.next;
    }
    list_remove(&turn->hook);
}

void loop_release(struct loop *loop) {
    run_mailbox(loop);
    list_init(&loop->turns);
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_close((uv_handle_t *)&loop->check, NULL);
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    uv_loop_close(&loop->uv);
    uv_mutex_destroy(&loop->mutex);
    free(loop->buffer);
    loop->buffer = NULL;
}

void loop_post(struct loop *loop, struct loop_task *task) {
    task->next = NULL;
    uv_mutex_lock(&loop->mutex);
    *loop->last = task;
    loop->last = &task->next;
    uv_mutex_unlock(&loop->mutex);
    uv_async_send(&loop->wake);
}
