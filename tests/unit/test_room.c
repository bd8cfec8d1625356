#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "conn/conn_state.h"
#include "conn/endpoint.h"
#include "failing_alloc.h"
#include "guarded.h"
#include "proto/deflate.h"
#include "receives.h"
#include "server_rig.h"
#include "ws_client.h"

enum { MANY = 40 };

static const char deflate[] = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
static const char deflate_10[] =
    "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n";

static struct server_rig rig;
static struct ws_client clients[MANY];
static struct conn *last_opened;
static unsigned closes;
static void (*do_message)(struct conn *c, const struct ws_event *ev);
static void (*do_close)(struct conn *c);

static void on_open(struct conn *c) {
    last_opened = c;
    assert_int_equal(room_join(&conn_endpoint(c)->room, c), TB_OK);
}

static void on_message(struct conn *c, const struct ws_event *ev) {
    do_message(c, ev);
}

static void on_close(struct conn *c) {
    closes++;
    if (do_close != NULL) {
        do_close(c);
    }
}

static const struct conn_behaviour behaviour = {
    .on_open = on_open, .on_message = on_message, .on_close = on_close};

static void say_to_all(const void *p, size_t n) {
    room_broadcast(&rig.endpoint.room, WS_OP_TEXT, p, n);
}

static void pass_on(struct conn *c, const struct ws_event *ev) {
    room_broadcast(&conn_endpoint(c)->room, ev->opcode, ev->data, ev->size);
}

static int set_up(void **state) {
    (void)state;
    do_message = pass_on;
    do_close = NULL;
    closes = 0;
    server_rig_configure(&rig, &behaviour);
    return 0;
}

static void start(void) {
    assert_true(server_rig_start(&rig));
}

static void stop(void) {
    assert_true(server_rig_stop(&rig));
}

static struct conn *join(struct ws_client *c, int receive_buffer, const char *headers) {
    assert_true(ws_client_init(c));
    assert_true(ws_client_open(c, rig.port, receive_buffer, headers));
    return last_opened;
}

static void join_many(int n) {
    for (int i = 0; i < n; i++) {
        join(&clients[i], 0, "");
    }
}

static void release_many(int n) {
    for (int i = 0; i < n; i++) {
        ws_client_release(&clients[i]);
    }
}

/* ---- who gets what ---- */

static void everybody_gets_every_message_in_order_the_sender_included(void **state) {
    (void)state;
    start();
    join_many(MANY);
    assert_int_equal(rig.endpoint.room.count, MANY);
    for (int i = 0; i < MANY; i++) {
        char text[32];
        snprintf(text, sizeof text, "message %d", i);
        assert_true(ws_client_text(&clients[i], text));
        for (int k = 0; k < MANY; k++) {
            assert_true(ws_client_expect(&clients[k], text));
        }
    }
    release_many(MANY);
    stop();
}

static void a_member_gets_what_is_said_from_its_join_to_its_leaving(void **state) {
    (void)state;
    start();
    struct conn *first = join(&clients[0], 0, "");
    say_to_all("one", 3);
    join(&clients[1], 0, "");
    say_to_all("two", 3);
    room_leave(first);
    room_leave(first);
    say_to_all("three", 5);
    conn_send(first, WS_OP_TEXT, (const uint8_t *)"four", 4);
    assert_true(ws_client_expect(&clients[0], "one"));
    assert_true(ws_client_expect(&clients[0], "two"));
    assert_true(ws_client_expect(&clients[0], "four"));
    assert_true(ws_client_expect(&clients[1], "two"));
    assert_true(ws_client_expect(&clients[1], "three"));
    assert_int_equal(rig.endpoint.room.count, 1);
    release_many(2);
    stop();
}

static void what_is_said_to_one_and_to_all_keeps_its_order(void **state) {
    (void)state;
    start();
    struct conn *c = join(&clients[0], 0, "");
    for (int i = 0; i < 50; i++) {
        say_to_all("all", 3);
        conn_send(c, WS_OP_TEXT, (const uint8_t *)"one", 3);
    }
    for (int i = 0; i < 50; i++) {
        assert_true(ws_client_expect(&clients[0], "all"));
        assert_true(ws_client_expect(&clients[0], "one"));
    }
    release_many(1);
    stop();
}

/* ---- once for all ---- */

/* Each log gets one frame, however many follow it: the plain one as long as the text, the others
 * shorter. */
static void a_message_is_framed_and_compressed_once_for_each_way(void **state) {
    (void)state;
    char text[5000];
    struct room *room = &rig.endpoint.room;
    memset(text, 'x', sizeof text);
    start();
    for (int i = 0; i < 9; i++) {
        join(&clients[i], 0, i % 3 == 0 ? "" : i % 3 == 1 ? deflate : deflate_10);
    }
    assert_int_equal(room->plain.members, 3);
    assert_int_equal(room->deflated[15].members, 3);
    assert_int_equal(room->deflated[10].members, 3);
    say_to_all(text, sizeof text);
    assert_int_equal(room->plain.chain.end, sizeof text + 4);
    assert_in_range(room->deflated[15].chain.end, 3, 100);
    assert_in_range(room->deflated[10].chain.end, 3, 100);
    assert_int_equal(room->deflated[12].chain.end, 0);
    uint64_t own = rig.endpoint.own.end;
    for (int i = 0; i < 9; i++) {
        assert_receives(&clients[i], i % 3 != 0, text, sizeof text);
    }
    assert_int_equal(rig.endpoint.own.end, own);
    release_many(9);
    stop();
}

static void what_is_small_or_does_not_shrink_is_not_compressed(void **state) {
    (void)state;
    uint8_t noise[3000];
    uint64_t seed = 9;
    start();
    join(&clients[0], 0, deflate);
    say_to_all("aaaaaaaaaaaaaaaaaaaaaaaa", 24);
    assert_receives(&clients[0], false, "aaaaaaaaaaaaaaaaaaaaaaaa", 24);
    random_fill(&seed, noise, sizeof noise);
    say_to_all(noise, sizeof noise);
    assert_receives(&clients[0], false, noise, sizeof noise);
    say_to_all("", 0);
    assert_receives(&clients[0], false, "", 0);
    release_many(1);
    stop();
}

static void messages_of_every_size_arrive(void **state) {
    (void)state;
    static const size_t sizes[] = {0,     1,     125,   126,    65521,  65522,
                                   65535, 65536, 70000, 131072, 300000, 1024 * 1024};
    uint8_t *data = malloc(1024 * 1024);
    assert_non_null(data);
    for (size_t i = 0; i < 1024 * 1024; i++) {
        data[i] = (uint8_t)('a' + i % 23);
    }
    start();
    join(&clients[0], 0, "");
    join(&clients[1], 0, deflate);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        say_to_all(data, sizes[i]);
        assert_receives(&clients[0], false, data, sizes[i]);
        assert_receives(&clients[1], sizes[i] >= WS_DEFLATE_WORTH, data, sizes[i]);
    }
    release_many(2);
    free(data);
    stop();
}

/* A thousand messages of one turn are one write for each member: everything is in one piece of
 * one chunk by then. */
static void the_messages_of_a_turn_are_gathered(void **state) {
    (void)state;
    uv_buf_t bufs[OUTPUT_BUFS];
    size_t bytes;
    start();
    struct conn *c = join(&clients[0], 0, "");
    for (int i = 0; i < 1000; i++) {
        say_to_all("0123456789", 10);
    }
    assert_int_equal(output_gather(&c->out, bufs, &bytes), 1);
    assert_int_equal(bytes, 12000);
    for (int i = 0; i < 1000; i++) {
        assert_true(ws_client_expect(&clients[0], "0123456789"));
    }
    release_many(1);
    stop();
}

/* ---- leaving in the midst of it ---- */

static void leave_after_passing_on(struct conn *c, const struct ws_event *ev) {
    pass_on(c, ev);
    room_leave(c);
    pass_on(c, ev);
}

static void uwebsockets_osv_2021_414_leave_inside_a_broadcast(void **state) {
    (void)state;
    do_message = leave_after_passing_on;
    start();
    join_many(3);
    assert_true(ws_client_text(&clients[1], "twice"));
    assert_true(ws_client_expect(&clients[0], "twice"));
    assert_true(ws_client_expect(&clients[0], "twice"));
    assert_true(ws_client_expect(&clients[1], "twice"));
    assert_true(ws_client_expect(&clients[2], "twice"));
    assert_true(ws_client_expect(&clients[2], "twice"));
    assert_int_equal(rig.endpoint.room.count, 2);
    say_to_all("once", 4);
    assert_true(ws_client_expect(&clients[0], "once"));
    conn_send(LIST_ENTRY(rig.endpoint.conns.next->next, struct conn, all), WS_OP_TEXT,
              (const uint8_t *)"mine", 4);
    assert_true(ws_client_expect(&clients[1], "mine"));
    release_many(3);
    stop();
}

static void close_all_members(struct conn *c) {
    (void)c;
    while (!list_is_empty(&rig.endpoint.room.members)) {
        conn_close(LIST_ENTRY(rig.endpoint.room.members.next, struct conn, member), 4000, "");
    }
}

static void reset_all_members(struct conn *c) {
    (void)c;
    while (!list_is_empty(&rig.endpoint.room.members)) {
        conn_reset(LIST_ENTRY(rig.endpoint.room.members.next, struct conn, member));
    }
}

static void say_farewell(struct conn *c) {
    (void)c;
    say_to_all("somebody left", 13);
}

/* A member is lost in the flush of a broadcast, and its on_close sends the others away, or speaks
 * to them. */
static void a_member_that_is_lost_in_the_flush_may_take_others_along(void **state) {
    (void)state;
    void (*const ways[])(struct conn * c) = {close_all_members, reset_all_members, say_farewell};
    for (size_t i = 0; i < 3 * 3; i++) {
        set_up(NULL);
        start();
        struct conn *conns[3];
        for (int k = 0; k < 3; k++) {
            conns[k] = join(&clients[k], 0, "");
        }
        do_close = ways[i / 3];
        /* The peer is gone, and nobody has told the server: only its write fails. */
        size_t lost = i % 3;
        stream_read_stop(&conns[lost]->stream);
        ws_client_reset(&clients[lost]);
        do {
            say_to_all("x", 1);
            server_rig_turn(&rig);
        } while (closes == 0);
        for (size_t k = 0; k < 3 && i / 3 == 2; k++) {
            struct ws_client_frame f = {.size = 0};
            while (k != lost && f.size != 13) {
                assert_true(ws_client_receive(&clients[k], &f));
            }
        }
        do_close = NULL;
        release_many(3);
        stop();
    }
}

/* ---- those who do not read ---- */

static char big[32 * 1024];

/* Speaks until the member's socket takes no more. */
static uint64_t fill(struct conn *slow, unsigned *said) {
    *said = 0;
    while (!stream_is_busy(&slow->stream)) {
        memcpy(big, said, sizeof *said);
        say_to_all(big, sizeof big);
        ++*said;
        server_rig_turn(&rig);
        assert_true(*said < 10000);
    }
    return *said;
}

static void assert_numbers(struct ws_client *c, unsigned from, unsigned to) {
    struct ws_client_frame f;
    for (unsigned i = from; i < to; i++) {
        assert_true(ws_client_receive(c, &f));
        assert_int_equal(f.size, sizeof big);
        assert_memory_equal(f.data, &i, sizeof i);
    }
}

static void a_slow_member_is_closed_and_the_others_lose_nothing(void **state) {
    (void)state;
    unsigned said;
    rig.config.max_backlog = 200 * 1024;
    rig.config.close_ms = 200;
    start();
    struct conn *slow = join(&clients[0], 4096, "");
    join(&clients[1], 0, "");
    fill(slow, &said);
    assert_numbers(&clients[1], 0, said);
    while (slow->state == CONN_OPEN) {
        memcpy(big, &said, sizeof said);
        say_to_all(big, sizeof big);
        assert_numbers(&clients[1], said, said + 1);
        said++;
        assert_true(said < 10000);
    }
    assert_int_equal(slow->close_code, 1008);
    assert_int_equal(slow->reason->size, 8);
    assert_memory_equal(slow->reason->bytes, "too slow", 8);
    assert_int_equal(rig.endpoint.room.count, 1);
    /* While it is being closed it holds what it had, not what is said now. */
    size_t before = atomic_load(&rig.shared.buffers);
    for (int i = 0; i < 100; i++, said++) {
        memcpy(big, &said, sizeof said);
        say_to_all(big, sizeof big);
        assert_numbers(&clients[1], said, said + 1);
    }
    assert_true(atomic_load(&rig.shared.buffers) <= before + 4 * (size_t)CHUNK_SIZE);
    assert_true(server_rig_await(&rig, &rig.shared.connections, 1));
    assert_int_equal(ws_client_await_end(&clients[0]), ECONNRESET);
    release_many(2);
    stop();
}

static void a_slow_member_misses_whole_messages_which_are_counted(void **state) {
    (void)state;
    unsigned said;
    rig.config.max_backlog = 200 * 1024;
    rig.config.slow = SLOW_DROP;
    start();
    struct conn *slow = join(&clients[0], 4096, "");
    join(&clients[1], 0, "");
    fill(slow, &said);
    assert_numbers(&clients[1], 0, said);
    size_t most = 0;
    for (int i = 0; i < 300; i++, said++) {
        memcpy(big, &said, sizeof said);
        say_to_all(big, sizeof big);
        assert_numbers(&clients[1], said, said + 1);
        size_t buffers = atomic_load(&rig.shared.buffers);
        most = buffers > most ? buffers : most;
        assert_in_range(output_pending(&slow->out), 0, 300 * 1024);
    }
    assert_in_range(most, 1, 3 * 1024 * 1024);
    assert_in_range(slow->dropped, 250, 300);
    uint64_t dropped = slow->dropped;
    say_to_all("end", 3);
    /* It reads at last: what comes is in order and whole, and what is missing was counted. */
    unsigned received = 0;
    unsigned last = 0;
    struct ws_client_frame f;
    for (;;) {
        assert_true(ws_client_receive(&clients[0], &f));
        if (f.size == 3) {
            break;
        }
        unsigned number;
        assert_int_equal(f.size, sizeof big);
        memcpy(&number, f.data, sizeof number);
        assert_true(received == 0 || number > last);
        last = number;
        received++;
    }
    assert_int_equal(received + dropped, said);
    assert_true(ws_client_expect(&clients[1], "end"));
    release_many(2);
    stop();
}

/* What counts is what waited before the turn. */
/* What is compressed takes the room of its packed size, also while it is made: a member that does
 * not read holds back little of it. */
static void what_compresses_well_fills_no_buffers(void **state) {
    (void)state;
    enum { SIZE = 1000 * 1000, MESSAGES = 200 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    memset(text, 'a', SIZE);
    start();
    const struct conn *c = join(&clients[0], 4096, deflate);
    size_t most = 0;
    for (int i = 0; i < MESSAGES; i++) {
        say_to_all(text, SIZE);
        server_rig_turn(&rig);
        size_t buffers = atomic_load(&rig.shared.buffers);
        most = buffers > most ? buffers : most;
    }
    assert_int_equal(c->state, CONN_OPEN);
    assert_in_range(most, 1, 16 * CHUNK_SIZE);
    assert_null(rig.endpoint.room.packed.data);
    for (int i = 0; i < MESSAGES; i++) {
        assert_receives(&clients[0], true, text, SIZE);
    }
    free(text);
    release_many(1);
    stop();
}

/* A chunk that was made for something large is let go when everybody has gone on to the next. */
static void a_large_message_leaves_no_large_chunk(void **state) {
    (void)state;
    enum { SIZE = 1000 * 1000 };
    uint64_t seed = 9;
    uint8_t *data = malloc(SIZE);
    assert_non_null(data);
    random_fill(&seed, data, SIZE);
    start();
    join(&clients[0], 0, "");
    join(&clients[1], 0, deflate);
    for (int n = 0; n < 3; n++) {
        room_broadcast(&rig.endpoint.room, WS_OP_BINARY, data, SIZE);
        for (int i = 0; i < 2; i++) {
            struct ws_client_frame f;
            assert_true(ws_client_receive(&clients[i], &f));
            assert_int_equal(f.first, 0x82);
            assert_int_equal(f.size, SIZE);
            assert_memory_equal(f.data, data, SIZE);
        }
        server_rig_turn(&rig);
        assert_in_range(atomic_load(&rig.shared.buffers), 0, 10 * CHUNK_SIZE);
    }
    free(data);
    release_many(2);
    stop();
}

static void a_message_as_large_as_the_limit_closes_nobody_who_reads(void **state) {
    (void)state;
    uint8_t *data = calloc(1, 1024 * 1024);
    assert_non_null(data);
    rig.config.max_backlog = 64 * 1024;
    start();
    join(&clients[0], 4096, "");
    for (int i = 0; i < 3; i++) {
        say_to_all(data, 1024 * 1024);
        assert_receives(&clients[0], false, data, 1024 * 1024);
    }
    release_many(1);
    free(data);
    stop();
}

/* ---- memory ---- */

/* Whatever fails, nobody misses a message without knowing: it comes, or the connection ends. */
static void a_failed_allocation_in_a_broadcast_closes_those_who_miss_it(void **state) {
    (void)state;
    char text[CHUNK_SIZE];
    memset(text, 'x', sizeof text);
    unsigned n = 0;
    unsigned closed = 0;
    do {
        set_up(NULL);
        start();
        join(&clients[0], 0, "");
        join(&clients[1], 0, deflate);
        join(&clients[2], 0, deflate_10);
        fail_alloc_at(n);
        say_to_all(text, sizeof text);
        server_rig_turn(&rig);
        fail_alloc_off();
        say_to_all("next", 4);
        for (int i = 0; i < 3; i++) {
            struct ws_client_frame f;
            if (!ws_client_receive(&clients[i], &f)) {
                closed++;
            } else if (f.first == 0x88) {
                assert_int_equal(f.data[0] << 8 | f.data[1], 1011);
                closed++;
            } else {
                assert_int_equal(f.first, i == 0 ? 0x81 : 0xC1);
                assert_true(ws_client_expect(&clients[i], "next"));
            }
        }
        release_many(3);
        stop();
    } while (n++ < alloc_count());
    assert_in_range(closed, 3, 3 * n);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(everybody_gets_every_message_in_order_the_sender_included),
        TEST(a_member_gets_what_is_said_from_its_join_to_its_leaving),
        TEST(what_is_said_to_one_and_to_all_keeps_its_order),
        TEST(a_message_is_framed_and_compressed_once_for_each_way),
        TEST(what_is_small_or_does_not_shrink_is_not_compressed),
        TEST(messages_of_every_size_arrive),
        TEST(the_messages_of_a_turn_are_gathered),
        TEST(uwebsockets_osv_2021_414_leave_inside_a_broadcast),
        TEST(a_member_that_is_lost_in_the_flush_may_take_others_along),
        TEST(a_slow_member_is_closed_and_the_others_lose_nothing),
        TEST(a_slow_member_misses_whole_messages_which_are_counted),
        TEST(what_compresses_well_fills_no_buffers),
        TEST(a_large_message_leaves_no_large_chunk),
        TEST(a_message_as_large_as_the_limit_closes_nobody_who_reads),
        TEST(a_failed_allocation_in_a_broadcast_closes_those_who_miss_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
