/* Several rooms of one endpoint (conn/room.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conn/conn_state.h"
#include "conn/endpoint.h"
#include "failing_alloc.h"
#include "server_rig.h"
#include "ws_client.h"

enum { MANY = 6 };

static const char deflate[] = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

static struct server_rig rig;
static struct ws_client clients[MANY];
static struct conn *last_opened;
static struct room *joined; /* by whoever comes */
static unsigned closes;
static void (*do_close)(struct conn *c);

static void on_open(struct conn *c) {
    last_opened = c;
    assert_int_equal(room_join(joined, c), TB_OK);
}

static void on_message(struct conn *c, const struct ws_event *ev) {
    (void)c;
    (void)ev;
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
    joined = NULL;
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

static struct conn *join(struct ws_client *c, const char *headers) {
    assert_true(ws_client_init(c));
    assert_true(ws_client_open(c, rig.port, 0, headers));
    return last_opened;
}

static void release_many(int n) {
    for (int i = 0; i < n; i++) {
        ws_client_release(&clients[i]);
    }
}

static struct room *room_new(void) {
    struct room *room = malloc(sizeof *room);
    assert_non_null(room);
    room_init(room, &rig.endpoint);
    return room;
}

static void room_free(struct room *room) {
    room_release(room);
    memset(room, 0xA5, sizeof *room);
    free(room);
}

static void each_room_has_its_own_members(void **state) {
    (void)state;
    start();
    struct room *const rooms[] = {room_new(), room_new(), &rig.endpoint.room};
    struct conn *conns[6];
    for (size_t i = 0; i < 6; i++) {
        joined = rooms[i % 3];
        conns[i] = join(&clients[i], i < 3 ? "" : deflate);
    }
    for (size_t i = 0; i < 3; i++) { /* all in one turn */
        char text[] = "to room 0";
        text[8] = (char)('0' + i);
        room_broadcast(rooms[i], WS_OP_TEXT, (const uint8_t *)text, strlen(text));
    }
    for (size_t i = 0; i < 6; i++) {
        char text[] = "to room 0";
        text[8] = (char)('0' + i % 3);
        assert_true(ws_client_expect(&clients[i], text));
    }
    /* A room that was spoken to in this turn is released: what was said is still sent. */
    room_broadcast(rooms[0], WS_OP_TEXT, (const uint8_t *)"last", 4);
    room_leave(conns[0]);
    room_leave(conns[3]);
    room_free(rooms[0]);
    assert_true(ws_client_expect(&clients[0], "last"));
    assert_true(ws_client_expect(&clients[3], "last"));
    room_leave(conns[1]);
    room_leave(conns[4]);
    room_free(rooms[1]);
    release_many(6);
    stop();
}

static void leave_and_free_if_last(struct conn *c) {
    (void)c;
    if (joined != NULL && joined->count == 0) {
        room_free(joined);
        joined = NULL;
    }
}

static void a_room_may_be_released_when_its_last_member_is_lost_in_the_flush(void **state) {
    (void)state;
    for (int n = 1; n < 3; n++) {
        set_up(NULL);
        start();
        joined = room_new();
        do_close = leave_and_free_if_last;
        for (int i = 0; i < n; i++) {
            const struct conn *c = join(&clients[i], "");
            stream_read_stop((struct stream *)&c->stream);
        }
        for (int i = 0; i < n; i++) {
            ws_client_reset(&clients[i]);
        }
        while (joined != NULL) {
            room_broadcast(joined, WS_OP_TEXT, (const uint8_t *)"x", 1);
            server_rig_turn(&rig);
        }
        assert_int_equal(closes, n);
        release_many(n);
        stop();
    }
}

/* Whoever is closed for want of memory leaves, and was the last one. */
static void a_failed_allocation_in_a_broadcast_may_be_the_rooms_end(void **state) {
    (void)state;
    unsigned n = 0;
    bool ended = false;
    do {
        set_up(NULL);
        start();
        joined = room_new();
        do_close = leave_and_free_if_last;
        join(&clients[0], "");
        join(&clients[1], deflate);
        char text[CHUNK_SIZE];
        memset(text, 'x', sizeof text);
        fail_alloc_from(n);
        room_broadcast(joined, WS_OP_TEXT, (const uint8_t *)text, sizeof text);
        server_rig_turn(&rig);
        fail_alloc_off();
        ended = ended || joined == NULL;
        ws_client_reset(&clients[0]);
        ws_client_reset(&clients[1]);
        assert_true(server_rig_await(&rig, &rig.shared.connections, 0));
        assert_null(joined);
        release_many(2);
        stop();
    } while (n++ < alloc_count());
    assert_true(ended);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(each_room_has_its_own_members),
        TEST(a_room_may_be_released_when_its_last_member_is_lost_in_the_flush),
        TEST(a_failed_allocation_in_a_broadcast_may_be_the_rooms_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
