#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "conn/output.h"
#include "failing_alloc.h"
#include "guarded.h"
#include "proto/frame.h"

/* A connection's output, the log that it follows, the chain of what is said to it alone; and what
 * it must send, byte by byte. */
struct fixture {
    atomic_size_t total;
    struct chunk_pool pool;
    struct chain log;
    struct chain own;
    struct output out;
    struct bytes expected;
    uint8_t next; /* the value of the next byte that is appended anywhere */
};

static void set_up(struct fixture *f) {
    atomic_init(&f->total, 0);
    chunk_pool_init(&f->pool, &f->total);
    chain_init(&f->log, &f->pool, true);
    chain_init(&f->own, &f->pool, false);
    output_init(&f->out);
    bytes_init(&f->expected);
    f->next = 0;
}

static void tear_down(struct fixture *f) {
    output_release(&f->out);
    chain_release(&f->log);
    chain_release(&f->own);
    chunk_pool_release(&f->pool);
    bytes_release(&f->expected);
    assert_int_equal(atomic_load(&f->total), 0);
}

static size_t in_use(const struct fixture *f) {
    return atomic_load(&f->total) - (size_t)f->pool.idle_count * CHUNK_SIZE;
}

static const uint8_t *append(struct fixture *f, struct chain *chain, size_t n) {
    uint8_t *p = chain_reserve(chain, n);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++) {
        p[i] = f->next++;
    }
    chain_commit(chain, n);
    return p;
}

static void say_to_all(struct fixture *f, size_t n) {
    const uint8_t *p = append(f, &f->log, n);
    if (f->out.chain != NULL) {
        assert_int_equal(bytes_append(&f->expected, p, n), TB_OK);
    }
}

static void say_to_one(struct fixture *f, size_t n) {
    const uint8_t *p = append(f, &f->own, n);
    assert_int_equal(output_add(&f->out, &f->own, n), TB_OK);
    assert_int_equal(bytes_append(&f->expected, p, n), TB_OK);
}

static void push(struct fixture *f, size_t n, bool apart) {
    const uint8_t *p = append(f, &f->own, n);
    struct chunk *tail = f->own.tail;
    assert_int_equal(output_push(&f->out, tail, tail->used - n, tail->used, apart), TB_OK);
    assert_int_equal(bytes_append(&f->expected, p, n), TB_OK);
}

static void follow(struct fixture *f) {
    assert_int_equal(output_follow(&f->out, &f->log), TB_OK);
}

/* Compares the pieces with what must come next. */
static void assert_pieces(const struct fixture *f, const uv_buf_t *bufs, unsigned count,
                          size_t bytes) {
    size_t at = 0;
    for (unsigned i = 0; i < count; i++) {
        assert_true(bufs[i].len > 0);
        assert_true(at + bufs[i].len <= f->expected.len);
        assert_memory_equal(bufs[i].base, f->expected.data + at, bufs[i].len);
        at += bufs[i].len;
    }
    assert_int_equal(at, bytes);
}

/* What is pending is what must come, from its beginning on. */
static size_t check(const struct fixture *f) {
    uv_buf_t bufs[OUTPUT_BUFS];
    size_t bytes;
    unsigned count = output_gather(&f->out, bufs, &bytes);
    assert_true(count <= OUTPUT_BUFS);
    assert_int_equal(output_pending(&f->out), f->expected.len);
    assert_int_equal(count == 0, f->expected.len == 0);
    assert_pieces(f, bufs, count, bytes);
    return bytes;
}

static void advance(struct fixture *f, size_t n) {
    output_advance(&f->out, n);
    bytes_consume(&f->expected, n);
    check(f);
}

/* The next bytes become a flight, which holds just them; then it lands. */
static void fly(struct fixture *f, size_t n) {
    assert_int_equal(output_detach(&f->out, n), TB_OK);
    const struct flight *flight = f->out.flight;
    assert_int_equal(flight->bytes, n);
    assert_pieces(f, flight->bufs, flight->count, n);
    bytes_consume(&f->expected, n);
    check(f);
}

static void land(struct fixture *f) {
    output_land(&f->out);
    assert_null(f->out.flight);
    check(f);
}

/* Private messages and parts of the log in turns, over the borders of chunks. */
static void say_a_mixture(struct fixture *f) {
    say_to_one(f, 5);
    follow(f);
    say_to_all(f, 7);
    say_to_all(f, CHUNK_SIZE - 3);
    say_to_one(f, 11);
    say_to_one(f, 2);
    say_to_all(f, 3);
    say_to_one(f, CHUNK_SIZE);
    say_to_all(f, 9);
    say_to_all(f, CHUNK_SIZE);
    say_to_all(f, 1);
}

static void everything_comes_in_the_order_in_which_it_was_said(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    say_a_mixture(&f);
    assert_int_equal(check(&f), f.expected.len);
    advance(&f, f.expected.len);
    tear_down(&f);
}

static void any_number_of_bytes_may_be_taken_at_a_time(void **state) {
    (void)state;
    struct fixture f;
    static const size_t steps[] = {1021, 4099, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        set_up(&f);
        say_a_mixture(&f);
        while (f.expected.len > 0) {
            advance(&f, f.expected.len < steps[i] ? f.expected.len : steps[i]);
        }
        say_to_all(&f, 4);
        say_to_one(&f, 4);
        advance(&f, 8);
        tear_down(&f);
    }
}

/* Every way of cutting a small mixture in two, then taking the rest byte by byte. */
static void it_may_be_cut_anywhere(void **state) {
    (void)state;
    struct fixture f;
    size_t all = 1;
    for (size_t cut = 0; cut < all; cut++) {
        set_up(&f);
        follow(&f);
        say_to_all(&f, 3);
        say_to_one(&f, 4);
        say_to_all(&f, 5);
        all = f.expected.len;
        advance(&f, cut);
        say_to_one(&f, 2);
        say_to_all(&f, 3);
        while (f.expected.len > 0) {
            advance(&f, 1);
        }
        tear_down(&f);
    }
    assert_int_equal(all, 12);
}

static void a_log_is_followed_from_its_end_on_until_it_is_left(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    say_to_all(&f, 100);
    follow(&f);
    check(&f);
    say_to_all(&f, 20);
    assert_int_equal(output_leave(&f.out), TB_OK);
    say_to_all(&f, 300);
    assert_int_equal(check(&f), 20);
    say_to_one(&f, 1);
    follow(&f);
    say_to_all(&f, 2);
    assert_int_equal(check(&f), 23);
    assert_int_equal(output_listed(&f.out), 21);
    advance(&f, 23);
    tear_down(&f);
}

static void leaving_midway_keeps_the_rest_of_what_was_logged(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    follow(&f);
    say_to_all(&f, CHUNK_SIZE);
    say_to_all(&f, 50);
    advance(&f, CHUNK_SIZE - 10);
    assert_int_equal(output_leave(&f.out), TB_OK);
    assert_int_equal(check(&f), 60);
    advance(&f, 60);
    tear_down(&f);
}

static void neighbours_in_one_chunk_are_one_piece(void **state) {
    (void)state;
    struct fixture f;
    uv_buf_t bufs[OUTPUT_BUFS];
    size_t bytes;
    set_up(&f);
    for (int i = 0; i < 200; i++) {
        say_to_one(&f, 10);
    }
    assert_int_equal(output_gather(&f.out, bufs, &bytes), 1);
    assert_int_equal(bytes, 2000);
    tear_down(&f);
}

static void what_nobody_asked_for_is_counted_until_it_is_sent(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    follow(&f);
    say_to_one(&f, 10);
    push(&f, 20, false);
    say_to_one(&f, 40);
    push(&f, 80, true);
    assert_int_equal(output_pushed(&f.out), 100);
    assert_int_equal(output_listed(&f.out), 150);
    say_to_all(&f, 160);
    assert_int_equal(output_pushed(&f.out), 100);
    say_to_one(&f, 320); /* lists what was logged */
    assert_int_equal(output_pushed(&f.out), 260);
    advance(&f, 15);
    assert_int_equal(output_pushed(&f.out), 255);
    advance(&f, 10 + 20 + 40);
    assert_int_equal(output_pushed(&f.out), 225);
    fly(&f, 225);
    land(&f);
    assert_int_equal(output_pushed(&f.out), 0);
    tear_down(&f);
}

static void what_is_pushed_apart_holds_no_chunk_of_others(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    for (int i = 0; i < 30; i++) {
        push(&f, 100, true);
        append(&f, &f.own, CHUNK_SIZE);
    }
    assert_int_equal(in_use(&f), 2 * CHUNK_SIZE);
    advance(&f, 2999);
    assert_int_equal(in_use(&f), 2 * CHUNK_SIZE);
    advance(&f, 1);
    assert_int_equal(in_use(&f), CHUNK_SIZE);
    tear_down(&f);
}

static void no_more_pieces_are_gathered_than_there_is_room_for(void **state) {
    (void)state;
    struct fixture f;
    uv_buf_t bufs[OUTPUT_BUFS];
    size_t bytes;
    set_up(&f);
    follow(&f);
    for (int i = 0; i < OUTPUT_BUFS; i++) {
        say_to_one(&f, 1);
        say_to_all(&f, 1);
    }
    assert_int_equal(output_gather(&f.out, bufs, &bytes), OUTPUT_BUFS);
    assert_int_equal(bytes, OUTPUT_BUFS);
    advance(&f, OUTPUT_BUFS);
    assert_int_equal(check(&f), OUTPUT_BUFS);
    tear_down(&f);
}

static void about_a_mebibyte_is_gathered_at_a_time(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    follow(&f);
    for (int i = 0; i < 40; i++) {
        say_to_all(&f, CHUNK_SIZE);
    }
    assert_int_equal(check(&f), 1024 * 1024);
    tear_down(&f);
    set_up(&f);
    say_to_one(&f, 3 * 1024 * 1024);
    say_to_one(&f, 1);
    assert_int_equal(check(&f), 3 * 1024 * 1024);
    tear_down(&f);
}

/* The socket has taken some; the rest of the pieces becomes a flight. */
static void a_flight_holds_the_rest_of_a_write(void **state) {
    (void)state;
    struct fixture f;
    static const size_t taken[] = {0, 1, 5, 6, 4000, CHUNK_SIZE + 1, 3 * CHUNK_SIZE};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        set_up(&f);
        say_a_mixture(&f);
        size_t all = check(&f);
        advance(&f, taken[i]);
        fly(&f, all - taken[i]);
        say_to_all(&f, 10);
        say_to_one(&f, 10);
        check(&f);
        land(&f);
        advance(&f, 20);
        tear_down(&f);
    }
}

static void a_small_rest_does_not_hold_a_chunk(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    follow(&f);
    say_to_all(&f, CHUNK_SIZE);
    advance(&f, CHUNK_SIZE - 100);
    fly(&f, 100);
    say_to_all(&f, 1);
    advance(&f, 1);
    assert_int_equal(in_use(&f), CHUNK_SIZE);
    land(&f);
    tear_down(&f);
}

/* A peer that does not read holds what it is being sent, not what others are sent meanwhile. */
static void a_large_rest_holds_its_own_chunks_only(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    follow(&f);
    say_to_all(&f, CHUNK_SIZE);
    fly(&f, CHUNK_SIZE);
    output_discard(&f.out);
    for (int i = 0; i < 30; i++) {
        append(&f, &f.log, CHUNK_SIZE);
    }
    assert_int_equal(in_use(&f), 2 * CHUNK_SIZE);
    land(&f);
    assert_int_equal(in_use(&f), CHUNK_SIZE);
    tear_down(&f);
}

static void what_was_sent_is_not_held(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    follow(&f);
    for (int i = 0; i < 100; i++) {
        say_to_all(&f, CHUNK_SIZE);
        say_to_one(&f, CHUNK_SIZE);
        advance(&f, 2 * CHUNK_SIZE);
        assert_in_range(in_use(&f), CHUNK_SIZE, 3 * CHUNK_SIZE);
    }
    tear_down(&f);
}

static size_t log_frame(struct fixture *f, size_t n) {
    struct ws_head head = {.fin = true, .opcode = 1, .length = n, .len_size = ws_len_size(n)};
    uint8_t *p = chain_reserve(&f->log, WS_HEAD_MAX + n);
    assert_non_null(p);
    size_t size = ws_head_write(&head, p);
    memset(p + size, f->next++, n);
    chain_commit(&f->log, size + n);
    assert_int_equal(bytes_append(&f->expected, p, size + n), TB_OK);
    return size + n;
}

static void whole_frames_of_the_log_are_dropped_the_oldest_first(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    follow(&f);
    static const size_t sizes[] = {0, 1, 125, 126, 65535, 65536, 3, 200000, 7};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    for (size_t left = 0; left <= COUNT; left++) {
        size_t ends[COUNT + 1] = {0};
        for (size_t i = 0; i < COUNT; i++) {
            ends[i + 1] = ends[i] + log_frame(&f, sizes[i]);
        }
        size_t gone = ends[COUNT - left];
        size_t limit = ends[COUNT] - gone;
        assert_int_equal(output_drop(&f.out, limit), COUNT - left);
        bytes_consume(&f.expected, gone);
        assert_int_equal(output_drop(&f.out, limit), 0);
        check(&f);
        advance(&f, f.expected.len);
    }
    log_frame(&f, 10);
    size_t second = log_frame(&f, 10);
    assert_int_equal(output_drop(&f.out, second + 11), 1);
    assert_int_equal(output_pending(&f.out), second);
    tear_down(&f);
}

static void what_was_said_to_one_alone_is_never_dropped(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    follow(&f);
    log_frame(&f, 10);
    say_to_one(&f, 100);
    size_t kept = f.expected.len;
    log_frame(&f, 20);
    log_frame(&f, 30);
    assert_int_equal(output_drop(&f.out, 0), 2);
    f.expected.len = kept;
    check(&f);
    log_frame(&f, 5);
    check(&f);
    tear_down(&f);
}

static void discarding_forgets_everything_but_the_flight(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    say_a_mixture(&f);
    size_t all = check(&f);
    fly(&f, all);
    say_to_all(&f, 10);
    say_to_one(&f, 10);
    output_discard(&f.out);
    bytes_clear(&f.expected);
    check(&f);
    assert_int_equal(f.out.flight->bytes, all);
    say_to_one(&f, 4);
    check(&f);
    land(&f);
    advance(&f, 4);
    tear_down(&f);
}

static void a_connection_may_go_with_everything_pending(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    say_a_mixture(&f);
    fly(&f, check(&f));
    say_to_all(&f, CHUNK_SIZE);
    say_to_one(&f, CHUNK_SIZE);
    tear_down(&f);
}

/* Says, follows, leaves, writes and discards at random; the model is `expected`. */
static void it_behaves_like_a_queue_of_bytes_whatever_is_done(void **state) {
    (void)state;
    struct fixture f;
    uint64_t seed = 88172645463325252ULL;
    set_up(&f);
    for (int i = 0; i < 20000; i++) {
        size_t n = random_below(&seed, 8) == 0 ? random_below(&seed, 70000) + 1
                                               : random_below(&seed, 200) + 1;
        switch (random_below(&seed, 9)) {
        case 0:
        case 1:
            say_to_one(&f, n);
            break;
        case 8:
            push(&f, n, random_below(&seed, 2) == 0);
            break;
        case 2:
        case 3:
            say_to_all(&f, n);
            break;
        case 4:
            if (f.out.chain == NULL) {
                follow(&f);
            } else if (random_below(&seed, 4) == 0) {
                assert_int_equal(output_leave(&f.out), TB_OK);
            }
            break;
        case 5:
            if (f.out.flight != NULL) {
                land(&f);
            }
            break;
        default: {
            size_t bytes = check(&f);
            size_t taken = random_below(&seed, bytes + 1);
            if (f.out.flight == NULL) {
                advance(&f, taken);
                if (taken < bytes) {
                    fly(&f, bytes - taken);
                }
            }
            break;
        }
        }
    }
    check(&f);
    tear_down(&f);
}

/* What may fail: to follow a log, to say something, to hand over a rest (large: by pieces). */
static int follow_and_send(struct fixture *f) {
    uv_buf_t bufs[OUTPUT_BUFS];
    size_t bytes;
    int err = output_follow(&f->out, &f->log);
    if (err != TB_OK) {
        return err;
    }
    uint8_t *p = chain_reserve(&f->log, 5000);
    if (p == NULL) {
        return TB_ENOMEM;
    }
    memset(p, 'x', 5000);
    chain_commit(&f->log, 5000);
    err = output_add(&f->out, &f->own, 5000);
    if (err != TB_OK) {
        return err;
    }
    const struct chunk *said = f->own.tail;
    for (int apart = 0; apart < 2 && err == TB_OK; apart++) {
        err = output_push(&f->out, f->own.tail, said->used - 5000, said->used, apart != 0);
    }
    if (err != TB_OK) {
        return err;
    }
    output_gather(&f->out, bufs, &bytes);
    err = output_detach(&f->out, bytes);
    return err == TB_OK ? output_leave(&f->out) : err;
}

static void each_failed_allocation_is_told_and_nothing_leaks(void **state) {
    (void)state;
    struct fixture f;
    unsigned n = 0;
    int err;
    do {
        set_up(&f);
        append(&f, &f.own, CHUNK_SIZE);
        fail_alloc_at(n);
        err = follow_and_send(&f);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
        tear_down(&f);
    } while (n++ < alloc_count());
    assert_in_range(n, 5, 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_in_the_order_in_which_it_was_said),
        cmocka_unit_test(any_number_of_bytes_may_be_taken_at_a_time),
        cmocka_unit_test(it_may_be_cut_anywhere),
        cmocka_unit_test(a_log_is_followed_from_its_end_on_until_it_is_left),
        cmocka_unit_test(leaving_midway_keeps_the_rest_of_what_was_logged),
        cmocka_unit_test(neighbours_in_one_chunk_are_one_piece),
        cmocka_unit_test(what_nobody_asked_for_is_counted_until_it_is_sent),
        cmocka_unit_test(what_is_pushed_apart_holds_no_chunk_of_others),
        cmocka_unit_test(no_more_pieces_are_gathered_than_there_is_room_for),
        cmocka_unit_test(about_a_mebibyte_is_gathered_at_a_time),
        cmocka_unit_test(a_flight_holds_the_rest_of_a_write),
        cmocka_unit_test(a_small_rest_does_not_hold_a_chunk),
        cmocka_unit_test(a_large_rest_holds_its_own_chunks_only),
        cmocka_unit_test(what_was_sent_is_not_held),
        cmocka_unit_test(whole_frames_of_the_log_are_dropped_the_oldest_first),
        cmocka_unit_test(what_was_said_to_one_alone_is_never_dropped),
        cmocka_unit_test(discarding_forgets_everything_but_the_flight),
        cmocka_unit_test(a_connection_may_go_with_everything_pending),
        cmocka_unit_test(it_behaves_like_a_queue_of_bytes_whatever_is_done),
        cmocka_unit_test(each_failed_allocation_is_told_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
