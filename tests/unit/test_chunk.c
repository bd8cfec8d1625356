#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "conn/chunk.h"
#include "failing_alloc.h"

struct fixture {
    atomic_size_t total;
    struct chunk_pool pool;
    struct chain chain;
};

static void set_up(struct fixture *f, bool linked) {
    atomic_init(&f->total, 0);
    chunk_pool_init(&f->pool, &f->total);
    chain_init(&f->chain, &f->pool, linked);
}

static void tear_down(struct fixture *f) {
    chain_release(&f->chain);
    chunk_pool_release(&f->pool);
    assert_int_equal(atomic_load(&f->total), 0);
}

/* Appends n bytes, all of the same value. */
static void append(struct fixture *f, size_t n, uint8_t value) {
    uint8_t *p = chain_reserve(&f->chain, n);
    assert_non_null(p);
    memset(p, value, n);
    chain_commit(&f->chain, n);
}

/* Chunks that are not idle. */
static size_t in_use(const struct fixture *f) {
    return atomic_load(&f->total) - (size_t)f->pool.idle_count * CHUNK_SIZE;
}

static void appended_bytes_share_a_chunk_until_it_is_full(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, false);
    append(&f, 10, 'a');
    const struct chunk *first = f.chain.tail;
    append(&f, CHUNK_SIZE - 10, 'b');
    assert_ptr_equal(f.chain.tail, first);
    assert_int_equal(first->used, CHUNK_SIZE);
    append(&f, 1, 'c');
    assert_int_equal(f.chain.tail->start, CHUNK_SIZE);
    assert_int_equal(f.chain.tail->used, 1);
    assert_int_equal(f.chain.end, CHUNK_SIZE + 1);
    tear_down(&f);
}

static void what_is_larger_than_a_chunk_stands_in_one_piece(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, true);
    append(&f, 1, 'a');
    append(&f, 3 * CHUNK_SIZE + 1, 'b');
    assert_int_equal(f.chain.tail->used, 3 * CHUNK_SIZE + 1);
    append(&f, 1, 'c');
    assert_int_equal(in_use(&f), CHUNK_SIZE);
    tear_down(&f);
}

static void room_that_is_not_used_is_reserved_again(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, true);
    uint8_t *p = chain_reserve(&f.chain, 100);
    assert_non_null(p);
    assert_ptr_equal(chain_reserve(&f.chain, 50), p);
    chain_commit(&f.chain, 7);
    assert_ptr_equal(chain_reserve(&f.chain, 50), p + 7);
    tear_down(&f);
}

static void reserving_nothing_gives_the_chain_a_chunk(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, true);
    assert_non_null(chain_reserve(&f.chain, 0));
    assert_non_null(f.chain.tail);
    assert_int_equal(f.chain.end, 0);
    tear_down(&f);
}

static void a_chain_that_nobody_reads_keeps_its_last_chunk_alone(void **state) {
    (void)state;
    struct fixture f;
    for (int linked = 0; linked <= 1; linked++) {
        set_up(&f, linked == 1);
        for (int i = 0; i < 100; i++) {
            append(&f, CHUNK_SIZE / 2 + 1, 'x');
        }
        assert_int_equal(in_use(&f), CHUNK_SIZE);
        tear_down(&f);
    }
}

static void a_reader_of_a_linked_chain_keeps_everything_behind_its_place(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, true);
    append(&f, CHUNK_SIZE, 0);
    struct chunk *place = chunk_ref(f.chain.tail);
    for (int i = 1; i < 20; i++) {
        append(&f, CHUNK_SIZE, (uint8_t)i);
    }
    assert_int_equal(in_use(&f), 20 * CHUNK_SIZE);
    size_t i = 0;
    for (const struct chunk *c = place; c != NULL; c = c->next, i++) {
        assert_int_equal(c->start, i * CHUNK_SIZE);
        assert_int_equal(c->data[0], i);
    }
    assert_int_equal(i, 20);
    chunk_unref(place);
    assert_int_equal(in_use(&f), CHUNK_SIZE);
    tear_down(&f);
}

static void a_place_may_outlive_its_chain(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, true);
    append(&f, CHUNK_SIZE, 'a');
    struct chunk *place = chunk_ref(f.chain.tail);
    append(&f, CHUNK_SIZE, 'b');
    chain_release(&f.chain);
    assert_int_equal(place->next->data[0], 'b');
    chunk_unref(place);
    tear_down(&f);
}

static void a_range_keeps_its_own_chunk_but_not_the_next_ones(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, true);
    append(&f, CHUNK_SIZE, 'a');
    struct range *r = range_new(f.chain.tail, 10, 20);
    assert_non_null(r);
    for (int i = 0; i < 50; i++) {
        append(&f, CHUNK_SIZE, 'b');
    }
    assert_int_equal(in_use(&f), 2 * CHUNK_SIZE);
    assert_int_equal(r->chunk->data[r->from], 'a');
    range_free(r);
    assert_int_equal(in_use(&f), CHUNK_SIZE);
    tear_down(&f);
}

static void a_range_and_a_place_in_one_chunk_are_independent(void **state) {
    (void)state;
    struct fixture f;
    for (int range_first = 0; range_first <= 1; range_first++) {
        set_up(&f, true);
        append(&f, CHUNK_SIZE, 'a');
        struct chunk *place = chunk_ref(f.chain.tail);
        struct range *r = range_new(f.chain.tail, 0, CHUNK_SIZE);
        append(&f, CHUNK_SIZE, 'b');
        append(&f, CHUNK_SIZE, 'c');
        if (range_first) {
            range_free(r);
            assert_int_equal(in_use(&f), 3 * CHUNK_SIZE);
            chunk_unref(place);
        } else {
            chunk_unref(place);
            assert_int_equal(in_use(&f), 2 * CHUNK_SIZE);
            range_free(r);
        }
        assert_int_equal(in_use(&f), CHUNK_SIZE);
        tear_down(&f);
    }
}

static void few_chunks_are_kept_idle(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, true);
    append(&f, 1, 'a');
    struct chunk *place = chunk_ref(f.chain.tail);
    for (int i = 0; i < 100; i++) {
        append(&f, CHUNK_SIZE, 'b');
    }
    chunk_unref(place);
    assert_in_range(f.pool.idle_count, 1, 16);
    size_t before = atomic_load(&f.total);
    append(&f, CHUNK_SIZE, 'c');
    assert_int_equal(atomic_load(&f.total), before);
    tear_down(&f);
}

static void a_failed_allocation_leaves_everything_as_it_was(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, true);
    append(&f, CHUNK_SIZE - 1, 'a');
    const struct chunk *tail = f.chain.tail;
    fail_alloc_at(0);
    assert_null(chain_reserve(&f.chain, 2));
    fail_alloc_at(0);
    assert_null(range_new(f.chain.tail, 0, 1));
    fail_alloc_off();
    assert_null(chain_reserve(&f.chain, SIZE_MAX - 1));
    assert_ptr_equal(f.chain.tail, tail);
    assert_null(tail->next);
    assert_int_equal(atomic_load(&f.total), CHUNK_SIZE);
    append(&f, 1, 'b');
    assert_ptr_equal(f.chain.tail, tail);
    tear_down(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appended_bytes_share_a_chunk_until_it_is_full),
        cmocka_unit_test(what_is_larger_than_a_chunk_stands_in_one_piece),
        cmocka_unit_test(room_that_is_not_used_is_reserved_again),
        cmocka_unit_test(reserving_nothing_gives_the_chain_a_chunk),
        cmocka_unit_test(a_chain_that_nobody_reads_keeps_its_last_chunk_alone),
        cmocka_unit_test(a_reader_of_a_linked_chain_keeps_everything_behind_its_place),
        cmocka_unit_test(a_place_may_outlive_its_chain),
        cmocka_unit_test(a_range_keeps_its_own_chunk_but_not_the_next_ones),
        cmocka_unit_test(a_range_and_a_place_in_one_chunk_are_independent),
        cmocka_unit_test(few_chunks_are_kept_idle),
        cmocka_unit_test(a_failed_allocation_leaves_everything_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
