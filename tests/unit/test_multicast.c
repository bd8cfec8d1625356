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
#include "conn/client.h"
#include "conn/conn_state.h"
#include "conn/endpoint.h"
#include "conn/multicast.h"
#include "failing_alloc.h"
#include "guarded.h"
#include "receives.h"
#include "server_rig.h"
#include "ws_client.h"

enum { MANY = 12 };

static const char deflate[] = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
static const char deflate_10[] =
    "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n";

static struct server_rig rig;
static struct ws_client clients[MANY];
static struct conn *conns[MANY];
static struct conn *last_opened;
static unsigned messages, closes;
static void (*do_close)(struct conn *c);

static void on_open(struct conn *c) {
    last_opened = c;
}

static void on_message(struct conn *c, const struct ws_event *ev) {
    (void)c;
    assert_int_equal(ev->size, 2);
    assert_memory_equal(ev->data, "hi", 2);
    messages++;
}

static void on_close(struct conn *c) {
    closes++;
    if (do_close != NULL) {
        do_close(c);
    }
}

static const struct conn_behaviour behaviour = {
    .on_open = on_open, .on_message = on_message, .on_close = on_close};

static int set_up(void **state) {
    (void)state;
    do_close = NULL;
    messages = closes = 0;
    server_rig_configure(&rig, &behaviour);
    return 0;
}

static void start(void) {
    assert_true(server_rig_start(&rig));
}

static void stop(void) {
    assert_true(server_rig_stop(&rig));
}

static void join(size_t i, int receive_buffer, const char *headers) {
    assert_true(ws_client_init(&clients[i]));
    assert_true(ws_client_open(&clients[i], rig.port, receive_buffer, headers));
    conns[i] = last_opened;
}

static void release(size_t n) {
    for (size_t i = 0; i < n; i++) {
        ws_client_release(&clients[i]);
    }
}

static void say(size_t count, const void *p, size_t n) {
    conn_send_each(conns, count, WS_OP_TEXT, p, n);
}

/* ---- who gets what ---- */

static void those_who_were_chosen_get_it_and_nobody_else(void **state) {
    (void)state;
    start();
    for (size_t i = 0; i < 4; i++) {
        join(i, 0, "");
    }
    struct conn *const chosen[] = {conns[3], conns[1]};
    conn_send_each(chosen, 2, WS_OP_TEXT, (const uint8_t *)"some", 4);
    conn_send_each(NULL, 0, WS_OP_TEXT, (const uint8_t *)"none", 4);
    say(4, "all", 3);
    for (size_t i = 0; i < 4; i++) {
        assert_true(i % 2 == 0 || ws_client_expect(&clients[i], "some"));
        assert_true(ws_client_expect(&clients[i], "all"));
    }
    release(4);
    stop();
}

static void who_is_not_open_any_more_is_passed_over(void **state) {
    (void)state;
    start();
    join(0, 0, "");
    join(1, 0, "");
    conn_close(conns[0], 4000, "");
    say(2, "hello", 5);
    assert_true(ws_client_expect_close(&clients[0], 4000));
    assert_true(ws_client_expect(&clients[1], "hello"));
    release(2);
    stop();
}

static void it_keeps_its_place_among_what_else_is_said(void **state) {
    (void)state;
    start();
    join(0, 0, "");
    join(1, 0, "");
    assert_int_equal(room_join(&rig.endpoint.room, conns[0]), TB_OK);
    for (int i = 0; i < 50; i++) {
        room_broadcast(&rig.endpoint.room, WS_OP_TEXT, (const uint8_t *)"room", 4);
        say(2, "each", 4);
        conn_send(conns[0], WS_OP_TEXT, (const uint8_t *)"one", 3);
    }
    for (int i = 0; i < 50; i++) {
        assert_true(ws_client_expect(&clients[0], "room"));
        assert_true(ws_client_expect(&clients[0], "each"));
        assert_true(ws_client_expect(&clients[0], "one"));
        assert_true(ws_client_expect(&clients[1], "each"));
    }
    release(2);
    stop();
}

/* ---- once for all ---- */

static void it_is_framed_and_compressed_once_for_each_way(void **state) {
    (void)state;
    char text[5000];
    memset(text, 'x', sizeof text);
    start();
    for (size_t i = 0; i < 9; i++) {
        join(i, 0, i % 3 == 0 ? "" : i % 3 == 1 ? deflate : deflate_10);
    }
    uint64_t before = rig.endpoint.own.end;
    say(9, text, sizeof text);
    assert_in_range(rig.endpoint.own.end - before, sizeof text + 4, sizeof text + 204);
    for (size_t i = 0; i < 9; i++) {
        assert_receives(&clients[i], i % 3 != 0, text, sizeof text);
    }
    say(9, "small", 5);
    for (size_t i = 0; i < 9; i++) {
        assert_receives(&clients[i], false, "small", 5);
    }
    release(9);
    stop();
}

/* What a compressor refers to is what it said to this one. */
static void who_compresses_with_what_was_said_before_gets_a_frame_of_his_own(void **state) {
    (void)state;
    char text[500];
    uint64_t seed = 5;
    random_fill(&seed, (uint8_t *)text, sizeof text);
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)('a' + (uint8_t)text[i] % 26);
    }
    rig.config.policy.no_context_takeover = false;
    start();
    for (size_t i = 0; i < 3; i++) {
        join(i, 0, deflate);
    }
    assert_false(conns[0]->session.deflate.server_no_context_takeover);
    say(1, text, sizeof text);
    say(3, text, sizeof text);
    assert_receives(&clients[1], true, text, sizeof text);
    assert_receives(&clients[2], true, text, sizeof text);
    assert_receives(&clients[0], true, text, sizeof text);
    struct ws_client_frame f;
    assert_true(ws_client_receive(&clients[0], &f));
    assert_in_range(f.size, 1, 50);
    release(3);
    stop();
}

static void a_client_masks_for_itself(void **state) {
    (void)state;
    start();
    const struct client_target target = {.url = "ws://localhost/",
                                         .route = {.host = "127.0.0.1", .port = rig.port},
                                         .host = "127.0.0.1",
                                         .port = rig.port,
                                         .request = {.host = "localhost", .target = "/"}};
    struct conn *const dialled[] = {client_dial(&rig.endpoint, &target),
                                    client_dial(&rig.endpoint, &target)};
    while (!conn_is_open(dialled[0]) || !conn_is_open(dialled[1])) {
        server_rig_turn(&rig);
    }
    conn_send_each(dialled, 2, WS_OP_TEXT, (const uint8_t *)"hi", 2);
    while (messages < 2 && closes == 0) {
        server_rig_turn(&rig);
    }
    assert_int_equal(closes, 0);
    stop();
}

/* ---- what is told ---- */

static unsigned told_sent;
static uint64_t told_wire, told_dropped;

static bool wants(void *ctx, enum log_level level) {
    (void)ctx;
    return level <= LOG_VERBOSE;
}

static void tell_handshake(void *ctx, const struct conn *c, const struct trace_handshake *h) {
    (void)ctx;
    (void)c;
    (void)h;
}

static void tell_message(void *ctx, const struct conn *c, enum trace_from from,
                         const struct trace_message *m) {
    (void)ctx;
    (void)c;
    assert_int_equal(from, TRACE_SERVER);
    assert_int_equal(m->frames, 1);
    told_sent++;
    told_wire += m->wire;
}

static void tell_dropped(void *ctx, const struct conn *c, uint64_t count) {
    (void)ctx;
    (void)c;
    told_dropped += count;
}

static void tell_close(void *ctx, const struct conn *c) {
    (void)ctx;
    (void)c;
}

static const struct trace_view view = {.wants = wants,
                                       .open = tell_handshake,
                                       .message = tell_message,
                                       .dropped = tell_dropped,
                                       .close = tell_close};

static void start_traced(void) {
    told_sent = 0;
    told_wire = told_dropped = 0;
    rig.config.trace = trace_new(NULL, NULL);
    assert_non_null(rig.config.trace);
    trace_set_view(rig.config.trace, &view, NULL);
    start();
}

static void stop_traced(void) {
    stop();
    trace_free(rig.config.trace);
}

static void it_is_traced_for_each_connection(void **state) {
    (void)state;
    start_traced();
    for (size_t i = 0; i < 3; i++) {
        join(i, 0, "");
    }
    say(3, "hello", 5);
    assert_int_equal(told_sent, 3);
    assert_int_equal(told_wire, 3 * 7);
    release(3);
    stop_traced();
}

/* ---- those who do not read ---- */

static char big[32 * 1024];

/* Speaks until the connection's socket takes no more. */
static void fill(const struct conn *slow, unsigned *said) {
    *said = 0;
    while (!stream_is_busy(&slow->stream)) {
        memcpy(big, said, sizeof *said);
        say(2, big, sizeof big);
        ++*said;
        server_rig_turn(&rig);
        assert_true(*said < 10000);
    }
}

static void assert_numbers(struct ws_client *c, unsigned from, unsigned to) {
    struct ws_client_frame f;
    for (unsigned i = from; i < to; i++) {
        assert_true(ws_client_receive(c, &f));
        assert_int_equal(f.size, sizeof big);
        assert_memory_equal(f.data, &i, sizeof i);
    }
}

static void one_who_does_not_read_is_closed_and_the_others_lose_nothing(void **state) {
    (void)state;
    unsigned said;
    rig.config.max_backlog = 200 * 1024;
    rig.config.close_ms = 200;
    start_traced();
    join(0, 4096, "");
    join(1, 0, "");
    fill(conns[0], &said);
    assert_numbers(&clients[1], 0, said);
    for (int i = 0; conns[0]->state == CONN_OPEN; i++) {
        memcpy(big, &said, sizeof said);
        say(2, big, sizeof big);
        assert_numbers(&clients[1], said, said + 1);
        said++;
        assert_in_range(output_pending(&conns[0]->out), 0, rig.config.max_backlog + sizeof big);
        assert_in_range(i, 0, 20);
    }
    assert_int_equal(conns[0]->close_code, 1008);
    assert_int_equal(conns[0]->reason->size, 8);
    assert_memory_equal(conns[0]->reason->bytes, "too slow", 8);
    assert_int_equal(conns[0]->dropped, 1);
    assert_int_equal(told_dropped, 0);
    assert_true(server_rig_await(&rig, &rig.shared.connections, 1));
    assert_int_equal(ws_client_await_end(&clients[0]), ECONNRESET);
    release(2);
    stop_traced();
}

static void one_who_does_not_read_misses_whole_messages_which_are_counted(void **state) {
    (void)state;
    unsigned said;
    rig.config.max_backlog = 200 * 1024;
    rig.config.slow = SLOW_DROP;
    start_traced();
    join(0, 4096, "");
    join(1, 0, "");
    fill(conns[0], &said);
    assert_numbers(&clients[1], 0, said);
    for (int i = 0; i < 300; i++, said++) {
        memcpy(big, &said, sizeof said);
        say(2, big, sizeof big);
        assert_numbers(&clients[1], said, said + 1);
        assert_in_range(output_pending(&conns[0]->out), 0, rig.config.max_backlog + sizeof big);
    }
    assert_in_range(conns[0]->dropped, 250, 300);
    assert_int_equal(told_dropped, conns[0]->dropped);
    /* What came before is whole and without a gap; then it reads, and hears again. */
    assert_numbers(&clients[0], 0, said - (unsigned)conns[0]->dropped);
    assert_int_equal(output_pushed(&conns[0]->out), 0);
    say(2, "end", 3);
    assert_true(ws_client_expect(&clients[0], "end"));
    assert_true(ws_client_expect(&clients[1], "end"));
    release(2);
    stop_traced();
}

/* The room counts what was pushed, and what it had listed itself, in front of that. */
static void a_member_of_a_room_has_one_backlog_for_both(void **state) {
    (void)state;
    unsigned said;
    rig.config.max_backlog = 200 * 1024;
    start();
    join(0, 4096, "");
    join(1, 0, "");
    assert_int_equal(room_join(&rig.endpoint.room, conns[0]), TB_OK);
    fill(conns[0], &said);
    for (int i = 0; conns[0]->state == CONN_OPEN; i++) {
        room_broadcast(&rig.endpoint.room, WS_OP_TEXT, (const uint8_t *)big, sizeof big);
        say(1, "x", 1);
        server_rig_turn(&rig);
        assert_in_range(i, 0, 20);
    }
    assert_int_equal(conns[0]->close_code, 1008);
    release(2);
    stop();
}

/* A little for him among much for others, again and again: he holds the little. */
static void one_who_is_behind_holds_what_is_his(void **state) {
    (void)state;
    unsigned said;
    start();
    join(0, 4096, "");
    join(1, 0, "");
    fill(conns[0], &said);
    assert_numbers(&clients[1], 0, said);
    size_t before = atomic_load(&rig.shared.buffers);
    for (int i = 0; i < 200; i++) {
        conn_send(conns[1], WS_OP_TEXT, (const uint8_t *)big, sizeof big);
        say(1, "little", 6);
        conn_send(conns[1], WS_OP_TEXT, (const uint8_t *)big, sizeof big);
        assert_numbers(&clients[1], said - 1, said);
        assert_numbers(&clients[1], said - 1, said);
    }
    assert_in_range(atomic_load(&rig.shared.buffers), 0, before + 4 * (size_t)CHUNK_SIZE);
    assert_numbers(&clients[0], 0, said);
    for (int i = 0; i < 200; i++) {
        assert_true(ws_client_expect(&clients[0], "little"));
    }
    assert_null(conns[0]->out.apart);
    release(2);
    stop();
}

/* ---- memory ---- */

static struct conn **list_of_his; /* what the array belongs to is gone with a connection */

static void free_the_array(struct conn *c) {
    for (size_t i = 0; i < 3; i++) {
        conns[i] = conns[i] == c ? NULL : conns[i];
    }
    free(list_of_his);
    list_of_his = NULL;
}

static void assert_hears_or_ends(size_t i, const char *text, unsigned *ended) {
    struct ws_client_frame f;
    if (!ws_client_receive(&clients[i], &f)) {
        ++*ended;
    } else if (f.first == 0x88) {
        assert_int_equal(f.data[0] << 8 | f.data[1], 1011);
        ++*ended;
    } else {
        assert_int_equal(f.first, i == 0 ? 0x81 : 0xC1);
        assert_true(ws_client_expect(&clients[i], text));
    }
}

/* Whatever fails, nobody misses a message without knowing, and nobody's callback disturbs it. */
static void each_failed_allocation_closes_those_who_miss_it(void **state) {
    (void)state;
    static char text[CHUNK_SIZE];
    void (*const fails[])(unsigned n) = {fail_alloc_at, fail_alloc_from};
    memset(text, 'x', sizeof text);
    for (size_t way = 0; way < 2; way++) {
        unsigned n = 0;
        unsigned ended = 0;
        do {
            set_up(NULL);
            do_close = free_the_array;
            start();
            join(0, 0, "");
            join(1, 0, deflate);
            join(2, 0, deflate_10);
            list_of_his = malloc(3 * sizeof *list_of_his);
            assert_non_null(list_of_his);
            memcpy(list_of_his, conns, 3 * sizeof *list_of_his);
            fails[way](n);
            conn_send_each(list_of_his, 3, WS_OP_TEXT, (const uint8_t *)text, sizeof text);
            server_rig_turn(&rig);
            fail_alloc_off();
            for (size_t i = 0; i < 3; i++) {
                conn_send_each(&conns[i], conns[i] != NULL, WS_OP_TEXT, (const uint8_t *)"next", 4);
            }
            for (size_t i = 0; i < 3; i++) {
                assert_hears_or_ends(i, "next", &ended);
            }
            release(3);
            stop();
            free_the_array(NULL);
        } while (n++ < alloc_count());
        assert_in_range(ended, 3, 3 * n);
    }
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(those_who_were_chosen_get_it_and_nobody_else),
        TEST(who_is_not_open_any_more_is_passed_over),
        TEST(it_keeps_its_place_among_what_else_is_said),
        TEST(it_is_framed_and_compressed_once_for_each_way),
        TEST(who_compresses_with_what_was_said_before_gets_a_frame_of_his_own),
        TEST(a_client_masks_for_itself),
        TEST(it_is_traced_for_each_connection),
        TEST(one_who_does_not_read_is_closed_and_the_others_lose_nothing),
        TEST(one_who_does_not_read_misses_whole_messages_which_are_counted),
        TEST(a_member_of_a_room_has_one_backlog_for_both),
        TEST(one_who_is_behind_holds_what_is_his),
        TEST(each_failed_allocation_closes_those_who_miss_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
