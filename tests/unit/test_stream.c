#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "failing_alloc.h"
#include "guarded.h"
#include "net/stream.h"
#include "stream_pair.h"

static const enum stream_kind kinds[] = {STREAM_TCP, STREAM_UNIX};

static void bytes_go_both_ways(void **state) {
    (void)state;
    struct stream_pair pair;
    for (size_t i = 0; i < 2; i++) {
        struct bytes got = BYTES_INIT;
        uv_buf_t bufs[2] = {uv_buf_init("hel", 3), uv_buf_init("lo", 2)};
        assert_true(stream_pair_init(&pair, kinds[i], NULL, false));
        assert_ptr_equal(stream_loop(&pair.stream), &pair.loop);
        assert_int_equal(send(pair.peer, "ahoy", 4, 0), 4);
        assert_true(stream_pair_await(&pair, &pair.reads, 1));
        assert_int_equal(pair.received.len, 4);
        assert_memory_equal(pair.received.data, "ahoy", 4);
        assert_int_equal(stream_try(&pair.stream, bufs, 2), 5);
        assert_false(stream_is_busy(&pair.stream));
        assert_true(stream_pair_peer_reads(&pair, &got, 5));
        assert_memory_equal(got.data, "hello", 5);
        assert_int_equal(pair.writes, 0);
        bytes_release(&got);
        stream_pair_release(&pair);
    }
}

/* Fills the socket's buffer until it takes no more, then hands over a rest. */
static void a_rest_is_written_when_the_peer_reads(void **state) {
    (void)state;
    enum { SIZE = 4 * 1024 * 1024 };
    struct stream_pair pair;
    uint64_t seed = 5;
    uint8_t *data = malloc(SIZE);
    assert_non_null(data);
    random_fill(&seed, data, SIZE);
    for (size_t i = 0; i < 2; i++) {
        struct bytes got = BYTES_INIT;
        uv_buf_t buf = uv_buf_init((char *)data, SIZE);
        assert_true(stream_pair_init(&pair, kinds[i], NULL, true));
        ssize_t taken = stream_try(&pair.stream, &buf, 1);
        assert_in_range(taken, 1, SIZE - 1);
        uv_buf_t rest[2] = {uv_buf_init((char *)data + taken, 1),
                            uv_buf_init((char *)data + taken + 1, (unsigned)(SIZE - taken - 1))};
        assert_int_equal(stream_finish(&pair.stream, rest, 2), TB_OK);
        assert_true(stream_is_busy(&pair.stream));
        assert_int_equal(stream_try(&pair.stream, &buf, 1), 0);
        for (int turn = 0; turn < 5; turn++) {
            stream_pair_turn(&pair);
        }
        assert_int_equal(pair.writes, 0);
        assert_true(stream_pair_peer_reads(&pair, &got, SIZE));
        assert_true(stream_pair_await(&pair, &pair.writes, 1));
        assert_memory_equal(got.data, data, SIZE);
        assert_false(stream_is_busy(&pair.stream));
        assert_int_equal(stream_try(&pair.stream, rest, 1), 1);
        bytes_release(&got);
        stream_pair_release(&pair);
    }
    free(data);
}

static void what_was_written_arrives_before_the_shutdown(void **state) {
    (void)state;
    enum { SIZE = 1024 * 1024 };
    struct stream_pair pair;
    char *data = calloc(1, SIZE);
    assert_non_null(data);
    struct bytes got = BYTES_INIT;
    uv_buf_t buf = uv_buf_init(data, SIZE);
    assert_true(stream_pair_init(&pair, STREAM_TCP, NULL, true));
    assert_int_equal(stream_finish(&pair.stream, &buf, 1), TB_OK);
    assert_true(stream_is_busy(&pair.stream));
    stream_shutdown(&pair.stream);
    stream_shutdown(&pair.stream);
    assert_true(stream_pair_peer_reads(&pair, &got, SIZE));
    assert_int_equal(stream_pair_peer_end(&pair), 0);
    assert_true(stream_pair_await(&pair, &pair.writes, 1));
    /* Only our side has ended. */
    assert_int_equal(send(pair.peer, "more", 4, 0), 4);
    assert_true(stream_pair_await(&pair, &pair.reads, 1));
    stream_pair_release(&pair);
    bytes_release(&got);
    free(data);
}

static void a_peer_that_ends_its_side_is_told_as_0(void **state) {
    (void)state;
    struct stream_pair pair;
    for (size_t i = 0; i < 2; i++) {
        assert_true(stream_pair_init(&pair, kinds[i], NULL, false));
        assert_int_equal(shutdown(pair.peer, SHUT_WR), 0);
        assert_true(stream_pair_await(&pair, &pair.ends, 1));
        assert_int_equal(pair.end_status, 0);
        assert_int_equal(pair.closes, 0);
        stream_pair_release(&pair);
    }
}

static void a_lost_connection_is_told_once_as_an_error(void **state) {
    (void)state;
    struct stream_pair pair;
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    assert_true(stream_pair_init(&pair, STREAM_TCP, NULL, false));
    setsockopt(pair.peer, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(pair.peer);
    pair.peer = -1;
    assert_true(stream_pair_await(&pair, &pair.ends, 1));
    assert_int_equal(pair.end_status, UV_ECONNRESET);
    uv_buf_t buf = uv_buf_init("x", 1);
    assert_int_equal(stream_try(&pair.stream, &buf, 1), TB_ESYS);
    stream_pair_turn(&pair);
    assert_int_equal(pair.ends, 1);
    stream_pair_release(&pair);
}

static void a_reset_reaches_the_peer_as_one(void **state) {
    (void)state;
    struct stream_pair pair;
    assert_true(stream_pair_init(&pair, STREAM_TCP, NULL, false));
    stream_reset(&pair.stream);
    stream_reset(&pair.stream);
    assert_int_equal(stream_pair_peer_end(&pair), ECONNRESET);
    assert_true(stream_pair_await(&pair, &pair.closes, 1));
    stream_pair_release(&pair);
    assert_int_equal(pair.closes, 1);
}

/* The rest that was handed over is never told as written. */
static void a_reset_while_a_rest_is_written_is_the_end(void **state) {
    (void)state;
    enum { SIZE = 4 * 1024 * 1024 };
    struct stream_pair pair;
    char *data = calloc(1, SIZE);
    assert_non_null(data);
    uv_buf_t buf = uv_buf_init(data, SIZE);
    assert_true(stream_pair_init(&pair, STREAM_TCP, NULL, true));
    assert_int_equal(stream_finish(&pair.stream, &buf, 1), TB_OK);
    stream_reset(&pair.stream);
    assert_true(stream_pair_await(&pair, &pair.closes, 1));
    assert_int_equal(pair.writes, 0);
    assert_int_equal(stream_pair_peer_end(&pair), ECONNRESET);
    stream_pair_release(&pair);
    free(data);
}

static void close_it(struct stream_pair *pair) {
    stream_close(&pair->stream);
    stream_close(&pair->stream);
}

static void reset_it(struct stream_pair *pair) {
    stream_reset(&pair->stream);
}

static void a_stream_may_be_closed_while_it_is_read(void **state) {
    (void)state;
    void (*const ways[])(struct stream_pair * pair) = {close_it, reset_it};
    struct stream_pair pair;
    for (size_t i = 0; i < 4; i++) {
        assert_true(stream_pair_init(&pair, kinds[i / 2], NULL, false));
        pair.on_read = ways[i % 2];
        assert_int_equal(send(pair.peer, "x", 1, 0), 1);
        assert_true(stream_pair_await(&pair, &pair.closes, 1));
        assert_int_equal(pair.reads, 1);
        assert_int_equal(pair.ends, 0);
        stream_pair_release(&pair);
        assert_int_equal(pair.closes, 1);
    }
}

static void stop_it(struct stream_pair *pair) {
    stream_read_stop(&pair->stream);
}

static void nothing_is_read_while_reading_is_stopped(void **state) {
    (void)state;
    struct stream_pair pair;
    assert_true(stream_pair_init(&pair, STREAM_TCP, NULL, false));
    pair.on_read = stop_it;
    assert_int_equal(send(pair.peer, "one", 3, 0), 3);
    assert_true(stream_pair_await(&pair, &pair.reads, 1));
    assert_int_equal(send(pair.peer, "two", 3, 0), 3);
    for (int i = 0; i < 5; i++) {
        stream_pair_turn(&pair);
    }
    assert_int_equal(pair.reads, 1);
    assert_int_equal(stream_read_start(&pair.stream), TB_OK);
    assert_int_equal(stream_read_start(&pair.stream), TB_OK);
    assert_true(stream_pair_await(&pair, &pair.reads, 2));
    assert_memory_equal(pair.received.data, "onetwo", 6);
    stream_pair_release(&pair);
}

static void a_rest_without_memory_is_refused(void **state) {
    (void)state;
    struct stream_pair pair;
    uv_buf_t buf = uv_buf_init("x", 1);
    assert_true(stream_pair_init(&pair, STREAM_TCP, NULL, false));
    fail_alloc_at(0);
    assert_int_equal(stream_finish(&pair.stream, &buf, 1), TB_ENOMEM);
    fail_alloc_off();
    assert_false(stream_is_busy(&pair.stream));
    /* Without memory for the FIN the peer learns from the close. */
    fail_alloc_at(0);
    stream_shutdown(&pair.stream);
    fail_alloc_off();
    stream_close(&pair.stream);
    assert_int_equal(stream_pair_peer_end(&pair), 0);
    stream_pair_release(&pair);
}

/* A stream that takes over one end of a pair; what is given to it is read at the other. */
static void a_connected_descriptor_is_taken_over(void **state) {
    (void)state;
    struct stream_pair pair;
    struct stream s;
    int fds[2];
    char got[5];
    uv_buf_t buf = uv_buf_init("hello", 5);
    assert_true(stream_pair_init(&pair, STREAM_UNIX, NULL, false));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(stream_init(&s, &pair.loop, STREAM_UNIX, pair.stream.events), TB_OK);
    assert_int_equal(stream_open(&s, fds[0]), TB_OK);
    assert_int_equal(stream_try(&s, &buf, 1), 5);
    assert_int_equal(read(fds[1], got, sizeof got), 5);
    assert_memory_equal(got, "hello", 5);
    uv_close(&s.uv.handle, NULL); /* the pair's events would take it for the pair's stream */
    stream_pair_release(&pair);
    assert_int_equal(read(fds[1], got, sizeof got), 0);
    close(fds[1]);
}

static void a_descriptor_that_is_not_taken_over_is_closed(void **state) {
    (void)state;
    struct stream_pair pair;
    struct stream s;
    assert_true(stream_pair_init(&pair, STREAM_TCP, NULL, false));
    assert_int_equal(stream_init(&s, &pair.loop, STREAM_UNIX, pair.stream.events), TB_OK);
    /* libuv asks the descriptor for its flags; one that only names a place has no use. */
    int place = open("/", O_PATH | O_CLOEXEC);
    assert_int_equal(stream_open(&s, place), TB_ESYS);
    assert_int_equal(fcntl(place, F_GETFD), -1);
    assert_int_equal(errno, EBADF);
    uv_close(&s.uv.handle, NULL);
    stream_pair_release(&pair);
}

/* Nobody reads, and there is something to be read. */
static void an_end_is_seen_without_reading(void **state) {
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct stream_pair pair;
        bool reset = i >= 2;
        int status = 1;
        assert_true(stream_pair_init(&pair, kinds[i % 2], NULL, false));
        stream_read_stop(&pair.stream);
        assert_int_equal(send(pair.peer, "unread", 6, 0), 6);
        assert_false(stream_has_ended(&pair.stream, &status));
        if (reset) {
            const struct linger now = {.l_onoff = 1, .l_linger = 0};
            setsockopt(pair.peer, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        }
        close(pair.peer);
        pair.peer = -1;
        assert_true(stream_has_ended(&pair.stream, &status));
        assert_int_equal(status, reset && kinds[i % 2] == STREAM_TCP ? UV_ECONNRESET : 0);
        stream_close(&pair.stream);
        assert_false(stream_has_ended(&pair.stream, &status));
        stream_pair_release(&pair);
    }
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_both_ways),
        cmocka_unit_test(a_rest_is_written_when_the_peer_reads),
        cmocka_unit_test(what_was_written_arrives_before_the_shutdown),
        cmocka_unit_test(a_peer_that_ends_its_side_is_told_as_0),
        cmocka_unit_test(a_lost_connection_is_told_once_as_an_error),
        cmocka_unit_test(a_reset_reaches_the_peer_as_one),
        cmocka_unit_test(a_reset_while_a_rest_is_written_is_the_end),
        cmocka_unit_test(a_stream_may_be_closed_while_it_is_read),
        cmocka_unit_test(nothing_is_read_while_reading_is_stopped),
        cmocka_unit_test(a_connected_descriptor_is_taken_over),
        cmocka_unit_test(a_descriptor_that_is_not_taken_over_is_closed),
        cmocka_unit_test(a_rest_without_memory_is_refused),
        cmocka_unit_test(an_end_is_seen_without_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
