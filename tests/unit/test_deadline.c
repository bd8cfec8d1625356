#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/deadline.h"

enum { MANY = 10000 };

struct waiter {
    struct deadline deadline;
    int name;
};

static uv_loop_t loop;
static int expired[MANY];
static int count;
static void (*then)(struct waiter *w); /* what happens when one expires */

static void on_expired(struct deadline *d) {
    struct waiter *w = LIST_ENTRY(d, struct waiter, deadline);
    assert_true(list_is_empty(&d->hook));
    assert_true(uv_now(&loop) >= d->at_ms);
    expired[count++] = w->name;
    if (then != NULL) {
        then(w);
    }
}

static int set_up(void **state) {
    (void)state;
    count = 0;
    then = NULL;
    return uv_loop_init(&loop);
}

static int tear_down(void **state) {
    (void)state;
    return uv_loop_close(&loop);
}

static void waiter_init(struct waiter *w, int name) {
    deadline_init(&w->deadline);
    w->name = name;
}

/* Runs until nothing waits, and ends the queue. */
static void run_out(struct deadline_queue *q) {
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(list_is_empty(&q->waiting));
    deadline_queue_close(q, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
}

static void deadlines_expire_once_in_the_order_in_which_they_were_set(void **state) {
    (void)state;
    static struct waiter waiters[MANY];
    struct deadline_queue q;
    deadline_queue_init(&q, &loop, 5, on_expired);
    for (int i = 0; i < MANY; i++) {
        waiter_init(&waiters[i], i);
        deadline_set(&q, &waiters[i].deadline);
    }
    run_out(&q);
    assert_int_equal(count, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(expired[i], i);
    }
}

static void nothing_expires_before_its_time(void **state) {
    (void)state;
    struct deadline_queue q;
    struct waiter w;
    deadline_queue_init(&q, &loop, 30, on_expired);
    waiter_init(&w, 7);
    deadline_set(&q, &w.deadline);
    uint64_t start = uv_now(&loop);
    assert_int_equal(w.deadline.at_ms, start + 30);
    run_out(&q);
    assert_int_equal(count, 1);
    assert_true(uv_now(&loop) >= start + 30);
}

static void a_dropped_deadline_does_not_expire(void **state) {
    (void)state;
    struct deadline_queue q;
    struct waiter w[3];
    deadline_queue_init(&q, &loop, 5, on_expired);
    for (int i = 0; i < 3; i++) {
        waiter_init(&w[i], i);
        deadline_set(&q, &w[i].deadline);
    }
    deadline_drop(&w[0].deadline);
    deadline_drop(&w[0].deadline);
    deadline_drop(&w[2].deadline);
    run_out(&q);
    assert_int_equal(count, 1);
    assert_int_equal(expired[0], 1);
}

static void a_deadline_that_is_set_again_goes_to_the_end(void **state) {
    (void)state;
    struct deadline_queue q;
    struct waiter a, b;
    deadline_queue_init(&q, &loop, 5, on_expired);
    waiter_init(&a, 1);
    waiter_init(&b, 2);
    deadline_set(&q, &a.deadline);
    deadline_set(&q, &b.deadline);
    deadline_set(&q, &a.deadline);
    run_out(&q);
    assert_int_equal(count, 2);
    assert_int_equal(expired[0], 2);
    assert_int_equal(expired[1], 1);
}

static void a_deadline_moves_from_one_queue_to_another(void **state) {
    (void)state;
    struct deadline_queue q, other;
    struct waiter w;
    deadline_queue_init(&q, &loop, 100000, on_expired);
    deadline_queue_init(&other, &loop, 1, on_expired);
    waiter_init(&w, 1);
    deadline_set(&q, &w.deadline);
    deadline_set(&other, &w.deadline);
    assert_true(list_is_empty(&q.waiting));
    deadline_queue_close(&q, NULL, NULL);
    run_out(&other);
    assert_int_equal(count, 1);
}

static void zero_is_never(void **state) {
    (void)state;
    struct deadline_queue q, never;
    struct waiter w;
    deadline_queue_init(&q, &loop, 1, on_expired);
    deadline_queue_init(&never, &loop, 0, on_expired);
    waiter_init(&w, 1);
    deadline_set(&q, &w.deadline);
    deadline_set(&never, &w.deadline);
    assert_true(list_is_empty(&w.deadline.hook));
    deadline_queue_close(&q, NULL, NULL);
    run_out(&never);
    assert_int_equal(count, 0);
}

static struct deadline_queue *again;

static void set_again(struct waiter *w) {
    if (count < 5) {
        deadline_set(again, &w->deadline);
    }
}

static void an_expired_deadline_may_be_set_again_at_once(void **state) {
    (void)state;
    struct deadline_queue q;
    struct waiter w;
    again = &q;
    then = set_again;
    deadline_queue_init(&q, &loop, 1, on_expired);
    waiter_init(&w, 1);
    deadline_set(&q, &w.deadline);
    run_out(&q);
    assert_int_equal(count, 5);
}

static struct waiter *victim;

static void drop_victim(struct waiter *w) {
    (void)w;
    deadline_drop(&victim->deadline);
}

static void one_that_expires_may_drop_the_next(void **state) {
    (void)state;
    struct deadline_queue q;
    struct waiter w[3];
    deadline_queue_init(&q, &loop, 1, on_expired);
    for (int i = 0; i < 3; i++) {
        waiter_init(&w[i], i);
        deadline_set(&q, &w[i].deadline);
    }
    victim = &w[1];
    then = drop_victim;
    run_out(&q);
    assert_int_equal(count, 2);
    assert_int_equal(expired[1], 2);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(deadlines_expire_once_in_the_order_in_which_they_were_set),
        TEST(nothing_expires_before_its_time),
        TEST(a_dropped_deadline_does_not_expire),
        TEST(a_deadline_that_is_set_again_goes_to_the_end),
        TEST(a_deadline_moves_from_one_queue_to_another),
        TEST(zero_is_never),
        TEST(an_expired_deadline_may_be_set_again_at_once),
        TEST(one_that_expires_may_drop_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
