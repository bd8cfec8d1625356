/* Peers that say more than they hear, and what it may cost.
 * ctest: timeout 120 */
#include "endpoint_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "proto/deflate.h"

/* ---- floods ---- */

/* The peer reads nothing while its socket is full: pongs do not pile up, and the last ping is the
 * one that is answered at the end. */
static void cve_2026_11586_ping_flood_one_pong(void **state) {
    (void)state;
    enum { PINGS = 1000000 };
    struct ws_client c;
    struct bytes pings = BYTES_INIT;
    start();
    assert_true(ws_client_init(&c));
    assert_true(ws_client_open(&c, rig.port, 4096, ""));
    for (int i = 0; i < 1000; i++) {
        assert_true(ws_client_put(&pings, 0x89, "flood of pings", 14));
    }
    size_t most = 0;
    for (size_t sent = 0; sent < PINGS / 1000; sent++) {
        assert_true(ws_client_send(&c, pings.data, pings.len));
        server_rig_turn(&rig);
        size_t buffers = atomic_load(&rig.shared.buffers);
        most = buffers > most ? buffers : most;
    }
    assert_true(ws_client_frame(&c, 0x89, "last", 4));
    assert_true(most <= 16 * (size_t)CHUNK_SIZE);
    const struct conn *conn = first_conn();
    for (int i = 0; i < 100; i++) {
        server_rig_turn(&rig);
    }
    assert_true(stream_is_busy(&conn->stream));
    assert_non_null(conn->pong);
    assert_in_range(output_pending(&conn->out), 0, 64 * 1024);
    struct ws_client_frame f;
    unsigned pongs = 0;
    do {
        assert_true(ws_client_receive(&c, &f));
        assert_int_equal(f.first, 0x8A);
        pongs++;
    } while (f.size != 4);
    assert_memory_equal(f.data, "last", 4);
    assert_true(pongs < PINGS / 2);
    assert_true(ws_client_text(&c, "next"));
    assert_true(ws_client_expect(&c, "next"));
    bytes_release(&pings);
    ws_client_release(&c);
    stop();
}

/* Pings that come faster than turns pass have their pongs, until these are a backlog: then nothing
 * more is read. */
static void a_flood_of_pings_at_full_speed_fills_the_backlog_at_most(void **state) {
    (void)state;
    struct ws_client c;
    struct bytes pings = BYTES_INIT;
    rig.config.max_backlog = 10000;
    start();
    assert_true(ws_client_init(&c));
    assert_true(ws_client_open(&c, rig.port, 4096, ""));
    for (int i = 0; i < 10000; i++) {
        assert_true(ws_client_put(&pings, 0x89, "", 0));
    }
    stuff(&c, &pings, 50 * 1024 * 1024);
    const struct conn *conn = first_conn();
    assert_in_range(output_pending(&conn->out), 0, 20000);
    assert_in_range(atomic_load(&rig.shared.buffers), 1, 16 * CHUNK_SIZE);
    bytes_release(&pings);
    ws_client_release(&c);
    await_gone(0);
    stop();
}

/* More than fits into the backlog and all buffers is echoed to a peer that reads late. */
static void input_waits_while_its_answers_do_and_nothing_is_lost(void **state) {
    (void)state;
    enum { COUNT = 6000, SIZE = 4000 };
    struct ws_client c;
    struct bytes out = BYTES_INIT;
    rig.config.max_backlog = 64 * 1024;
    start();
    assert_true(ws_client_init(&c));
    assert_true(ws_client_open(&c, rig.port, 4096, ""));
    char text[SIZE];
    for (unsigned i = 0; i < COUNT; i++) {
        memset(text, 'a' + (int)(i % 26), sizeof text);
        memcpy(text, &i, sizeof i);
        assert_true(ws_client_put(&out, 0x82, text, i % 50 == 0 ? sizeof text : 40));
    }
    size_t sent = 0;
    unsigned received = 0;
    bool reading = false;
    size_t most = 0;
    while (received < COUNT) {
        ssize_t some =
            sent < out.len ? ws_client_send_some(&c, out.data + sent, out.len - sent) : 0;
        assert_true(some >= 0);
        sent += (size_t)some;
        for (int i = 0; i < 20; i++) {
            server_rig_turn(&rig);
        }
        size_t buffers = atomic_load(&rig.shared.buffers);
        most = buffers > most ? buffers : most;
        reading = reading || some == 0;
        struct ws_client_frame f;
        unsigned i;
        if (reading) {
            assert_true(ws_client_receive(&c, &f));
            assert_int_equal(f.size, received % 50 == 0 ? SIZE : 40);
            memcpy(&i, f.data, sizeof i);
            assert_int_equal(i, received);
            received++;
        }
    }
    assert_true(most < 1024 * 1024);
    bytes_release(&out);
    ws_client_release(&c);
    stop();
}

static void a_peer_that_is_paused_may_close_reset_and_be_closed(void **state) {
    (void)state;
    void (*const ways[])(struct ws_client * c) = {ws_client_leave, ws_client_reset};
    struct ws_client c;
    struct bytes out = BYTES_INIT;
    for (int way = 0; way < 4; way++) {
        bool by_us = way >= 2;
        set_up(NULL);
        rig.config.max_backlog = 1000;
        start();
        assert_true(ws_client_init(&c));
        assert_true(ws_client_open(&c, rig.port, 4096, ""));
        char text[5000] = {0};
        assert_true(ws_client_put(&out, 0x82, text, sizeof text));
        stuff(&c, &out, 20 * 1024 * 1024 / out.len * out.len);
        struct conn *conn = first_conn();
        assert_true(conn->paused);
        if (by_us) {
            conn_close(conn, 4000, "enough");
            struct ws_client_frame f;
            do {
                assert_true(ws_client_receive(&c, &f));
            } while (f.first == 0x82);
            assert_int_equal(f.first, 0x88);
        }
        ways[way % 2](&c);
        await_gone(0);
        bytes_release(&out);
        ws_client_release(&c);
        stop();
    }
}

/* A violation that stands in input that was held back ends the connection as promptly as any. */
static void a_violation_in_held_input_ends_the_connection_at_once(void **state) {
    (void)state;
    struct ws_client c;
    struct bytes out = BYTES_INIT;
    rig.config.max_backlog = 1;
    start();
    open_client(&c);
    assert_true(ws_client_put(&out, 0x81, "first", 5));
    assert_true(ws_client_put(&out, 0x81, "second", 6));
    assert_true(ws_client_put(&out, 0x83, "wrong", 5));
    assert_true(ws_client_send(&c, out.data, out.len));
    assert_true(ws_client_expect(&c, "first"));
    assert_true(ws_client_expect(&c, "second"));
    assert_true(ws_client_expect_close(&c, 1002));
    assert_int_equal(ws_client_await_end(&c), 0);
    ws_client_leave(&c);
    uint64_t start_ms = uv_now(&rig.loop.uv);
    await_gone(0);
    assert_true(uv_now(&rig.loop.uv) - start_ms < rig.config.close_ms / 2);
    bytes_release(&out);
    ws_client_release(&c);
    stop();
}

/* A chunk that was made for something large is let go when that is written. */
static void a_large_answer_leaves_no_large_chunk(void **state) {
    (void)state;
    enum { SIZE = 1000 * 1000 };
    struct ws_client c;
    struct ws_client_frame f;
    uint8_t *data = calloc(1, SIZE);
    assert_non_null(data);
    start();
    open_client(&c);
    for (int i = 0; i < 3; i++) {
        assert_true(ws_client_frame(&c, 0x82, data, SIZE));
        assert_true(ws_client_receive(&c, &f));
        assert_int_equal(f.size, SIZE);
        for (int turn = 0; turn < 3; turn++) {
            server_rig_turn(&rig);
        }
        assert_in_range(atomic_load(&rig.shared.buffers), 0, 10 * CHUNK_SIZE);
    }
    free(data);
    ws_client_release(&c);
    stop();
}

/* Compressed messages that are below the limit, each a thousand times as large as it looks. */
static void put_bomb(struct bytes *out, size_t size) {
    struct ws_deflate_cache *cache = ws_deflate_cache_new();
    struct ws_deflater *deflater = ws_deflater_take(cache, 15);
    uint8_t *zeros = calloc(1, size);
    uint8_t *packed = malloc(ws_deflate_bound(size));
    size_t n = 0;
    assert_true(zeros != NULL && packed != NULL);
    assert_int_equal(ws_deflate_message(deflater, zeros, size, packed, &n), TB_OK);
    assert_true(ws_client_put(out, 0xC2, packed, n));
    ws_deflater_give(cache, deflater);
    ws_deflate_cache_free(cache);
    free(packed);
    free(zeros);
}

static void bombs_below_the_limit_share_the_loop_with_others(void **state) {
    (void)state;
    enum { BOMBS = 100, SIZE = 1024 * 1024 };
    struct ws_client bomber, other;
    struct bytes out = BYTES_INIT;
    do_message = NULL;
    start();
    assert_true(ws_client_init(&bomber));
    assert_true(
        ws_client_open(&bomber, rig.port, 0, "Sec-WebSocket-Extensions: permessage-deflate\r\n"));
    open_client(&other);
    for (int i = 0; i < BOMBS; i++) {
        put_bomb(&out, SIZE);
    }
    assert_true(out.len < 200 * 1024);
    size_t sent = 0;
    uint64_t most = 0;
    while (messages < BOMBS) {
        ssize_t some = ws_client_send_some(&bomber, out.data + sent, out.len - sent);
        assert_true(some >= 0);
        sent += (size_t)some;
        uint64_t before = message_bytes;
        server_rig_turn(&rig);
        most = message_bytes - before > most ? message_bytes - before : most;
    }
    assert_in_range(most, SIZE, 4 * SIZE);
    assert_int_equal(message_bytes, (uint64_t)BOMBS * SIZE);
    bytes_release(&out);
    ws_client_release(&bomber);
    ws_client_release(&other);
    stop();
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(cve_2026_11586_ping_flood_one_pong),
        TEST(a_flood_of_pings_at_full_speed_fills_the_backlog_at_most),
        TEST(input_waits_while_its_answers_do_and_nothing_is_lost),
        TEST(a_peer_that_is_paused_may_close_reset_and_be_closed),
        TEST(a_violation_in_held_input_ends_the_connection_at_once),
        TEST(a_large_answer_leaves_no_large_chunk),
        TEST(bombs_below_the_limit_share_the_loop_with_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
