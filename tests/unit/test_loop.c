#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "net/loop.h"

enum { POSTERS = 4, POSTS = 2000 };

struct task {
    struct loop_task task;
    struct loop *loop;
    int poster;
    int number;
};

static int next_of[POSTERS]; /* the number of the task that comes next from each poster */
static int ran;

static void run_task(struct loop_task *task) {
    struct task *t = (struct task *)task;
    assert_int_equal(t->number, next_of[t->poster]);
    next_of[t->poster]++;
    if (++ran == POSTERS * POSTS) {
        loop_end(t->loop);
    }
}

static struct task tasks[POSTERS][POSTS];

static void *post_all(void *arg) {
    struct task *mine = arg;
    for (int i = 0; i < POSTS; i++) {
        loop_post(mine[i].loop, &mine[i].task);
    }
    return NULL;
}

static void tasks_of_other_threads_run_here_in_the_order_of_each_poster(void **state) {
    (void)state;
    struct loop loop;
    pthread_t threads[POSTERS];
    assert_int_equal(loop_init(&loop), TB_OK);
    ran = 0;
    for (int p = 0; p < POSTERS; p++) {
        next_of[p] = 0;
        for (int i = 0; i < POSTS; i++) {
            tasks[p][i] = (struct task){{NULL, run_task}, &loop, p, i};
        }
        assert_int_equal(pthread_create(&threads[p], NULL, post_all, tasks[p]), 0);
    }
    loop_run(&loop);
    for (int p = 0; p < POSTERS; p++) {
        pthread_join(threads[p], NULL);
        assert_int_equal(next_of[p], POSTS);
    }
    loop_release(&loop);
}

static void post_another(struct loop_task *task) {
    struct task *t = (struct task *)task;
    if (t->number++ < 3) {
        loop_post(t->loop, task);
    } else {
        loop_end(t->loop);
    }
}

static void a_task_may_post_itself_again(void **state) {
    (void)state;
    struct loop loop;
    assert_int_equal(loop_init(&loop), TB_OK);
    struct task t = {{NULL, post_another}, &loop, 0, 0};
    loop_post(&loop, &t.task);
    loop_run(&loop);
    assert_int_equal(t.number, 4);
    loop_release(&loop);
}

static void count_run(struct loop_task *task) {
    ((struct task *)task)->number++;
}

static void what_is_left_in_the_mailbox_runs_before_the_loop_is_gone(void **state) {
    (void)state;
    struct loop loop;
    assert_int_equal(loop_init(&loop), TB_OK);
    struct task t = {{NULL, count_run}, &loop, 0, 0};
    loop_post(&loop, &t.task);
    loop_release(&loop);
    assert_int_equal(t.number, 1);
}

/* What a turn has said must be written before the loop sleeps: the end of the turn is counted, and
 * the moments at which there was something to write. */
struct turns {
    struct loop loop;
    struct loop_turn turn;
    uv_timer_t timer;
    uv_pipe_t pipe;
    uint8_t buffer[16];
    int said;    /* not written yet */
    int written; /* by the end of a turn */
};

static bool on_turn_end(struct loop_turn *turn) {
    struct turns *t = LIST_ENTRY(turn, struct turns, turn);
    t->written += t->said;
    t->said = 0;
    return false;
}

static void on_timer(uv_timer_t *timer) {
    struct turns *t = timer->data;
    t->said++;
    uv_close((uv_handle_t *)timer, NULL);
    loop_end(&t->loop);
}

static void a_turn_ends_after_the_timers(void **state) {
    (void)state;
    struct turns t = {.said = 0};
    assert_int_equal(loop_init(&t.loop), TB_OK);
    t.turn.end = on_turn_end;
    loop_add_turn(&t.loop, &t.turn);
    uv_timer_init(&t.loop.uv, &t.timer);
    t.timer.data = &t;
    uv_timer_start(&t.timer, on_timer, 1, 0);
    loop_run(&t.loop);
    assert_int_equal(t.written, 1);
    loop_release(&t.loop);
}

/* Several who have something to do at the end of a turn. */
struct hand {
    struct loop_turn turn;
    struct loop *loop;
    struct hand *next; /* to whom what is said is passed on */
    struct hand *removes;
    int said;
    int passes; /* how often it may still pass something on */
    int asked;
};

static bool pass_on(struct loop_turn *turn) {
    struct hand *h = LIST_ENTRY(turn, struct hand, turn);
    h->asked++;
    if (h->removes != NULL) {
        loop_remove_turn(h->loop, &h->removes->turn);
        h->removes = NULL;
    }
    if (h->said == 0) {
        return false;
    }
    h->said = 0;
    if (h->passes > 0) {
        h->passes--;
        h->next->said = 1;
    }
    return true;
}

static void add_hands(struct loop *loop, struct hand *hands, size_t n) {
    assert_int_equal(loop_init(loop), TB_OK);
    for (size_t i = 0; i < n; i++) {
        hands[i] = (struct hand){.turn = {.end = pass_on}, .loop = loop};
        hands[i].next = &hands[(i + 1) % n];
        loop_add_turn(loop, &hands[i].turn);
    }
}

/* What the end of one's turn gives another to do is done in the same turn, backwards, too. */
static void a_turn_ends_when_nobody_has_anything_left_to_do(void **state) {
    (void)state;
    struct loop loop;
    struct hand hands[2];
    add_hands(&loop, hands, 2);
    hands[1].said = 1;
    hands[0].passes = 1;
    hands[1].passes = 2;
    uv_run(&loop.uv, UV_RUN_NOWAIT);
    assert_int_equal(hands[0].said + hands[1].said, 0);
    assert_int_equal(hands[0].passes + hands[1].passes, 0);
    loop_release(&loop);
}

static void one_who_is_alone_is_asked_once(void **state) {
    (void)state;
    struct loop loop;
    struct hand hand;
    add_hands(&loop, &hand, 1);
    hand.said = 1;
    uv_run(&loop.uv, UV_RUN_NOWAIT);
    assert_int_equal(hand.said, 0);
    assert_int_equal(hand.asked, 2); /* after the timers, and after the reads */
    loop_release(&loop);
}

static void anybody_may_be_removed_inside_of_a_turns_end(void **state) {
    (void)state;
    for (size_t i = 0; i < 9; i++) {
        struct loop loop;
        struct hand hands[3];
        int asked = 0;
        add_hands(&loop, hands, 3);
        struct hand *removed = &hands[i % 3];
        hands[i / 3].removes = removed;
        uv_run(&loop.uv, UV_RUN_NOWAIT);
        asked = removed->asked;
        assert_int_equal(asked, i % 3 <= i / 3);
        uv_run(&loop.uv, UV_RUN_NOWAIT);
        assert_int_equal(removed->asked, asked);
        for (size_t k = 0; k < 3; k++) {
            assert_int_equal(hands[k].asked, k == i % 3 ? asked : 4);
        }
        loop_release(&loop);
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)suggested;
    struct turns *t = handle->data;
    *buf = uv_buf_init((char *)t->buffer, sizeof t->buffer);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    (void)buf;
    struct turns *t = stream->data;
    assert_int_equal(n, 1);
    t->said++;
    uv_close((uv_handle_t *)stream, NULL);
    loop_end(&t->loop);
}

static void a_turn_ends_after_the_reads(void **state) {
    (void)state;
    struct turns t = {.said = 0};
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(loop_init(&t.loop), TB_OK);
    t.turn.end = on_turn_end;
    loop_add_turn(&t.loop, &t.turn);
    assert_int_equal(uv_pipe_init(&t.loop.uv, &t.pipe, 0), 0);
    assert_int_equal(uv_pipe_open(&t.pipe, fds[0]), 0);
    t.pipe.data = &t;
    assert_int_equal(uv_read_start((uv_stream_t *)&t.pipe, on_alloc, on_read), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    loop_run(&t.loop);
    assert_int_equal(t.written, 1);
    loop_release(&t.loop);
    close(fds[1]);
}

static void end_it(struct loop_task *task) {
    loop_end(((struct task *)task)->loop);
}

static void a_loop_runs_until_it_is_ended_and_what_is_on_it_is_closed(void **state) {
    (void)state;
    struct turns t = {.said = 0};
    assert_int_equal(loop_init(&t.loop), TB_OK);
    struct task end = {{NULL, end_it}, &t.loop, 0, 0};
    loop_post(&t.loop, &end.task);
    uv_timer_init(&t.loop.uv, &t.timer);
    t.timer.data = &t;
    uv_timer_start(&t.timer, on_timer, 20, 0);
    uint64_t start = uv_now(&t.loop.uv);
    loop_run(&t.loop);
    assert_true(uv_now(&t.loop.uv) >= start + 20);
    assert_int_equal(t.said, 1);
    loop_release(&t.loop);
}

static void a_loop_without_memory_is_refused(void **state) {
    (void)state;
    struct loop loop;
    fail_alloc_at(0);
    int err = loop_init(&loop);
    fail_alloc_off();
    assert_int_equal(err, TB_ENOMEM);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_of_other_threads_run_here_in_the_order_of_each_poster),
        cmocka_unit_test(a_task_may_post_itself_again),
        cmocka_unit_test(what_is_left_in_the_mailbox_runs_before_the_loop_is_gone),
        cmocka_unit_test(a_turn_ends_after_the_timers),
        cmocka_unit_test(a_turn_ends_after_the_reads),
        cmocka_unit_test(a_turn_ends_when_nobody_has_anything_left_to_do),
        cmocka_unit_test(one_who_is_alone_is_asked_once),
        cmocka_unit_test(anybody_may_be_removed_inside_of_a_turns_end),
        cmocka_unit_test(a_loop_runs_until_it_is_ended_and_what_is_on_it_is_closed),
        cmocka_unit_test(a_loop_without_memory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
