/* ctest: timeout 120 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/err.h"
#include "conn/conn_state.h"
#include "conn/endpoint.h"
#include "failing_alloc.h"
#include "guarded.h"
#include "proto/deflate.h"
#include "server_rig.h"
#include "ws_client.h"

/* ---- a behaviour that counts, and does what a test wants ---- */

static struct server_rig rig;
static unsigned opens, messages, closes;
static uint64_t message_bytes;
static struct {
    uint16_t code;
    enum conn_closer closer;
} last_close;
static void (*do_open)(struct conn *c);
static void (*do_message)(struct conn *c, const struct ws_event *ev);
static void (*do_close)(struct conn *c);

static void on_open(struct conn *c) {
    opens++;
    if (do_open != NULL) {
        do_open(c);
    }
}

static void on_message(struct conn *c, const struct ws_event *ev) {
    messages++;
    message_bytes += ev->size;
    if (do_message != NULL) {
        do_message(c, ev);
    }
}

static void on_close(struct conn *c) {
    closes++;
    last_close.code = c->close_code;
    last_close.closer = (enum conn_closer)c->closer;
    if (do_close != NULL) {
        do_close(c);
    }
}

static const struct conn_behaviour behaviour = {on_open, on_message, on_close};

static void echo(struct conn *c, const struct ws_event *ev) {
    conn_send(c, ev->opcode, ev->data, ev->size);
}

static int set_up(void **state) {
    (void)state;
    opens = messages = closes = 0;
    message_bytes = 0;
    do_open = NULL;
    do_message = echo;
    do_close = NULL;
    server_rig_configure(&rig, &behaviour);
    return 0;
}

static void start(void) {
    assert_true(server_rig_start(&rig));
}

static void stop(void) {
    assert_true(server_rig_stop(&rig));
    assert_int_equal(opens, closes);
}

static void open_client(struct ws_client *c) {
    assert_true(ws_client_init(c));
    assert_true(ws_client_open(c, rig.port, 0, ""));
}

static void await_gone(uint64_t left) {
    assert_true(server_rig_await(&rig, &rig.shared.connections, left));
}

/* ---- a conversation ---- */

static void a_client_opens_talks_and_closes(void **state) {
    (void)state;
    struct ws_client c;
    start();
    open_client(&c);
    assert_int_equal(opens, 1);
    assert_int_equal(atomic_load(&rig.shared.open), 1);
    assert_true(ws_client_text(&c, "hello"));
    assert_true(ws_client_expect(&c, "hello"));
    assert_true(ws_client_frame(&c, 0x89, "ping", 4));
    struct ws_client_frame f;
    assert_true(ws_client_receive(&c, &f));
    assert_int_equal(f.first, 0x8A);
    assert_memory_equal(f.data, "ping", 4);
    assert_true(ws_client_close(&c, 3000));
    assert_true(ws_client_expect_close(&c, 3000));
    assert_int_equal(ws_client_await_end(&c), 0);
    await_gone(0);
    assert_int_equal(last_close.code, 3000);
    assert_int_equal(last_close.closer, CONN_CLOSED_BY_PEER);
    ws_client_release(&c);
    stop();
}

static void what_comes_behind_the_handshake_in_one_segment_is_taken(void **state) {
    (void)state;
    struct ws_client c;
    struct bytes out = BYTES_INIT;
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    start();
    assert_true(ws_client_init(&c));
    assert_true(ws_client_connect(&c, rig.port, 0));
    assert_int_equal(bytes_append_str(&out, request), TB_OK);
    assert_true(ws_client_put(&out, 0x81, "early", 5));
    assert_true(ws_client_send(&c, out.data, out.len));
    assert_true(ws_client_await(&c, 100));
    const uint8_t *end = memmem(c.in.data, c.in.len, "\r\n\r\n", 4);
    assert_non_null(end);
    c.used = (size_t)(end + 4 - c.in.data);
    assert_true(ws_client_expect(&c, "early"));
    bytes_release(&out);
    ws_client_release(&c);
    stop();
}

static void a_broken_rule_is_answered_with_its_code_and_the_end(void **state) {
    (void)state;
    struct ws_client c;
    start();
    open_client(&c);
    assert_true(ws_client_text(&c, "before"));
    assert_true(ws_client_frame(&c, 0x83, "x", 1));
    assert_true(ws_client_text(&c, "never seen"));
    assert_true(ws_client_expect(&c, "before"));
    assert_true(ws_client_expect_close(&c, 1002));
    assert_int_equal(ws_client_await_end(&c), 0);
    ws_client_leave(&c);
    await_gone(0);
    assert_int_equal(messages, 1);
    assert_int_equal(last_close.code, 1002);
    assert_int_equal(last_close.closer, CONN_CLOSED_BY_US);
    ws_client_release(&c);
    stop();
}

static void a_message_beyond_the_limit_is_answered_with_1009(void **state) {
    (void)state;
    struct ws_client c;
    rig.config.max_message = 1000;
    start();
    open_client(&c);
    uint8_t data[1001] = {0};
    assert_true(ws_client_frame(&c, 0x82, data, 1000));
    struct ws_client_frame f;
    assert_true(ws_client_receive(&c, &f));
    assert_int_equal(f.size, 1000);
    assert_true(ws_client_frame(&c, 0x82, data, 1001));
    assert_true(ws_client_expect_close(&c, 1009));
    ws_client_release(&c);
    stop();
}

static void a_lost_connection_is_1006(void **state) {
    (void)state;
    void (*const ways[])(struct ws_client * c) = {ws_client_leave, ws_client_reset};
    struct ws_client c;
    start();
    for (size_t i = 0; i < 2; i++) {
        open_client(&c);
        ways[i](&c);
        await_gone(0);
        assert_int_equal(closes, i + 1);
        assert_int_equal(last_close.code, 1006);
        assert_int_equal(last_close.closer, CONN_LOST);
        ws_client_release(&c);
    }
    stop();
}

/* ---- refusing ---- */

static void assert_answer(const char *request, const char *start_of_answer, const char *part) {
    struct ws_client c;
    assert_true(ws_client_init(&c));
    assert_true(ws_client_connect(&c, rig.port, 0));
    assert_true(ws_client_send(&c, request, strlen(request)));
    assert_false(ws_client_await(&c, SIZE_MAX));
    assert_int_equal(c.error, 0);
    assert_memory_equal(c.in.data, start_of_answer, strlen(start_of_answer));
    assert_non_null(memmem(c.in.data, c.in.len, part, strlen(part)));
    assert_non_null(memmem(c.in.data, c.in.len, "Connection: ", 12));
    ws_client_release(&c);
    await_gone(0);
}

/* What comes behind a refused request is thrown away: one answer, then the end. */
static void a_refused_request_gets_one_answer_and_the_end(void **state) {
    (void)state;
    static const char html[] = "GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html,*/*\r\n\r\n";
    static const char plain[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /again HTTP/1.1\r\n\r\n";
    start();
    assert_answer(html, "HTTP/1.1 426 ", "\r\n\r\n<p>page</p>\n");
    assert_answer(plain, "HTTP/1.1 426 ", "\r\n\r\npage\n");
    assert_answer("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 4",
                  "\r\n");
    assert_answer("GET / HTTP/1.1\nHost: x\n\n", "HTTP/1.1 400 ", "RFC 9112");
    assert_answer("\x16\x03\x01", "HTTP/1.1 400 ", "\r\n");
    assert_int_equal(opens, 0);
    stop();
}

static void beyond_the_limit_of_connections_there_is_503_and_then_nothing(void **state) {
    (void)state;
    enum { MAX = 3, REFUSED = 32 };
    struct ws_client in[MAX], beyond[REFUSED], last, again;
    rig.config.max_connections = MAX;
    start();
    for (int i = 0; i < MAX; i++) {
        open_client(&in[i]);
    }
    for (int i = 0; i < REFUSED; i++) {
        assert_true(ws_client_init(&beyond[i]));
        assert_true(ws_client_connect(&beyond[i], rig.port, 0));
    }
    assert_true(server_rig_await(&rig, &rig.shared.connections, MAX + REFUSED));
    assert_true(ws_client_init(&last));
    assert_true(ws_client_connect(&last, rig.port, 0));
    assert_int_equal(ws_client_await_end(&last), ECONNRESET);
    for (int i = 0; i < REFUSED; i++) {
        assert_int_equal(ws_client_shake(&beyond[i], ""), 503);
        assert_non_null(memmem(beyond[i].in.data, beyond[i].used, "Retry-After: ", 13));
        assert_int_equal(ws_client_await_end(&beyond[i]), 0);
        ws_client_release(&beyond[i]);
    }
    for (int i = 0; i < MAX; i++) {
        assert_true(ws_client_text(&in[i], "still here"));
        assert_true(ws_client_expect(&in[i], "still here"));
    }
    ws_client_leave(&in[0]);
    await_gone(MAX - 1);
    open_client(&again);
    ws_client_release(&again);
    ws_client_release(&last);
    for (int i = 0; i < MAX; i++) {
        ws_client_release(&in[i]);
    }
    stop();
}

static void beyond_the_limit_of_buffers_there_is_503(void **state) {
    (void)state;
    struct ws_client c;
    rig.config.max_buffers = 1;
    start();
    open_client(&c);
    ws_client_release(&c);
    assert_true(ws_client_init(&c));
    assert_true(ws_client_connect(&c, rig.port, 0));
    assert_int_equal(ws_client_shake(&c, ""), 503);
    ws_client_release(&c);
    stop();
}

/* ---- deadlines ---- */

/* The deadline is absolute: bytes that drip in do not move it. */
static void a_handshake_that_drips_is_over_at_the_deadline(void **state) {
    (void)state;
    struct ws_client c, silent;
    rig.config.handshake_ms = 100;
    start();
    assert_true(ws_client_init(&c));
    assert_true(ws_client_init(&silent));
    assert_true(ws_client_connect(&silent, rig.port, 0));
    assert_true(ws_client_connect(&c, rig.port, 0));
    static const char drip[] = "GET / HTTP/1.1\r\nHost: ";
    assert_true(ws_client_send(&c, drip, sizeof drip - 1));
    assert_true(server_rig_await(&rig, &rig.shared.connections, 2));
    uint64_t start_ms = uv_now(&rig.loop.uv);
    for (int sent = 0; atomic_load(&rig.shared.connections) > 0; sent++) {
        (void)(sent < 1000 && ws_client_send_some(&c, "x", 1));
        server_rig_turn(&rig);
        assert_true(uv_now(&rig.loop.uv) < start_ms + 20000);
    }
    assert_int_equal(ws_client_await_end(&silent), ECONNRESET);
    assert_int_equal(opens, 0);
    ws_client_release(&c);
    ws_client_release(&silent);
    stop();
}

static void cve_2024_23672_a_peer_that_never_answers_a_close_is_gone_in_time(void **state) {
    (void)state;
    struct ws_client c;
    rig.config.close_ms = 50;
    start();
    open_client(&c);
    struct conn *conn = LIST_ENTRY(rig.endpoint.conns.next, struct conn, all);
    conn_close(conn, 4000, "enough");
    assert_true(ws_client_expect_close(&c, 4000));
    /* Whatever it says instead does not help. */
    assert_true(ws_client_text(&c, "I do not hear you"));
    await_gone(0);
    assert_int_equal(ws_client_await_end(&c), ECONNRESET);
    assert_int_equal(messages, 0);
    ws_client_release(&c);
    stop();
}

static void a_refused_peer_that_never_leaves_is_gone_in_time(void **state) {
    (void)state;
    struct ws_client c;
    rig.config.close_ms = 50;
    start();
    assert_true(ws_client_init(&c));
    assert_true(ws_client_connect(&c, rig.port, 0));
    assert_true(ws_client_send(&c, "nonsense\r\n\r\n", 12));
    await_gone(0);
    ws_client_release(&c);
    stop();
}

static void a_peer_that_does_not_answer_a_ping_is_closed(void **state) {
    (void)state;
    struct ws_client c;
    struct ws_client_frame f;
    rig.config.ping_interval_ms = 20;
    rig.config.ping_timeout_ms = 50;
    rig.config.close_ms = 50;
    start();
    open_client(&c);
    assert_true(ws_client_receive(&c, &f));
    assert_int_equal(f.first, 0x89);
    assert_true(ws_client_expect_close(&c, 1011));
    assert_int_equal(ws_client_await_end(&c), 0);
    await_gone(0);
    assert_int_equal(last_close.code, 1011);
    ws_client_release(&c);
    stop();
}

/* A pong, and anything else that comes after the ping. */
static void a_sign_of_life_keeps_a_connection(void **state) {
    (void)state;
    struct ws_client c;
    struct ws_client_frame f;
    rig.config.ping_interval_ms = 5;
    rig.config.ping_timeout_ms = 2000;
    start();
    open_client(&c);
    for (int i = 0; i < 10; i++) {
        uint8_t payload[WS_CONTROL_MAX];
        assert_true(ws_client_receive(&c, &f));
        assert_int_equal(f.first, 0x89);
        memcpy(payload, f.data, f.size);
        assert_true(ws_client_frame(&c, 0x8A, payload, f.size));
    }
    ws_client_release(&c);
    await_gone(0);
    stop();

    set_up(NULL);
    rig.config.ping_interval_ms = 5;
    rig.config.ping_timeout_ms = 100;
    start();
    open_client(&c);
    for (int i = 0; i < 5; i++) {
        assert_true(ws_client_receive(&c, &f));
        assert_int_equal(f.first, 0x89);
        assert_true(ws_client_frame(&c, 0x8A, "unasked", 7));
    }
    ws_client_release(&c);
    stop();
}

/* ---- floods ---- */

/* Sends frames until no more is taken: the server reads no more, or neither do we. */
static void stuff(struct ws_client *c, const struct bytes *frames, size_t limit) {
    size_t sent = 0;
    for (int idle = 0; idle < 200 && sent < limit;) {
        size_t at = sent % frames->len;
        size_t n = frames->len - at < limit - sent ? frames->len - at : limit - sent;
        ssize_t some = ws_client_send_some(c, frames->data + at, n);
        assert_true(some >= 0);
        sent += (size_t)some;
        idle = some > 0 ? 0 : idle + 1;
        server_rig_turn(&rig);
    }
}

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
    const struct conn *conn = LIST_ENTRY(rig.endpoint.conns.next, struct conn, all);
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
    const struct conn *conn = LIST_ENTRY(rig.endpoint.conns.next, struct conn, all);
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

static void a_peer_that_is_paused_may_close_and_be_closed(void **state) {
    (void)state;
    struct ws_client c;
    struct bytes out = BYTES_INIT;
    for (int by_us = 0; by_us <= 1; by_us++) {
        set_up(NULL);
        rig.config.max_backlog = 1000;
        start();
        assert_true(ws_client_init(&c));
        assert_true(ws_client_open(&c, rig.port, 4096, ""));
        char text[5000] = {0};
        assert_true(ws_client_put(&out, 0x82, text, sizeof text));
        stuff(&c, &out, 20 * 1024 * 1024 / out.len * out.len);
        struct conn *conn = LIST_ENTRY(rig.endpoint.conns.next, struct conn, all);
        assert_true(conn->paused);
        if (by_us) {
            conn_close(conn, 4000, "enough");
            struct ws_client_frame f;
            do {
                assert_true(ws_client_receive(&c, &f));
            } while (f.first == 0x82);
            assert_int_equal(f.first, 0x88);
        }
        ws_client_leave(&c);
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

/* ---- closing inside callbacks ---- */

static void (*close_how)(struct conn *c);
static struct ws_client clients[3];

static void say_goodbye(struct conn *c) {
    conn_send(c, WS_OP_TEXT, (const uint8_t *)"bye", 3);
    conn_close(c, 4001, "inside");
    conn_send(c, WS_OP_TEXT, (const uint8_t *)"too late", 8);
    conn_close(c, 4002, "again");
}

static void close_everybody(struct conn *c) {
    (void)c;
    struct list *next;
    for (struct list *hook = rig.endpoint.conns.next; hook != &rig.endpoint.conns; hook = next) {
        next = hook->next;
        struct conn *other = LIST_ENTRY(hook, struct conn, all);
        if (other->state != CONN_OPENING) {
            say_goodbye(other);
        }
    }
}

static void close_inside_message(struct conn *c, const struct ws_event *ev) {
    assert_memory_equal(ev->data, "now", 3);
    close_how(c);
    assert_memory_equal(ev->data, "now", 3);
}

/* The bytes that stand behind the one in whose callback the connection is closed: two messages,
 * and the peer's own close. */
static void send_all_at_once(struct ws_client *c) {
    struct bytes out = BYTES_INIT;
    assert_true(ws_client_put(&out, 0x81, "now", 3));
    assert_true(ws_client_put(&out, 0x81, "and then", 8));
    assert_true(ws_client_put(&out, 0x88, "\x03\xe8", 2));
    (void)ws_client_send(c, out.data, out.len);
    bytes_release(&out);
}

static void assert_goodbye(struct ws_client *c) {
    assert_true(ws_client_expect(c, "bye"));
    assert_true(ws_client_expect_close(c, 4001));
}

static void uwebsockets_osv_2021_414_close_inside_callbacks(void **state) {
    (void)state;
    void (*const hows[])(struct conn * c) = {say_goodbye, close_everybody, conn_end, conn_reset};
    for (size_t how = 0; how < 4; how++) {
        for (int where = 0; where < 3; where++) {
            set_up(NULL);
            close_how = hows[how];
            do_message = where == 1 ? close_inside_message : NULL;
            start();
            for (int i = 0; i < 3; i++) {
                open_client(&clients[i]);
            }
            do_open = where == 0 ? close_how : NULL;
            do_close = where == 2 ? close_how : NULL;
            struct ws_client c;
            assert_true(ws_client_init(&c));
            assert_true(ws_client_connect(&c, rig.port, 0));
            bool opened = ws_client_shake(&c, "") == 101;
            if (opened && how < 2 && where == 0) {
                assert_goodbye(&c);
            }
            if (opened) {
                send_all_at_once(&c);
                (void)ws_client_await_end(&c);
            }
            ws_client_release(&c);
            bool others_too = how == 1;
            for (int i = 0; i < 3; i++) {
                if (others_too) {
                    assert_goodbye(&clients[i]);
                }
                ws_client_release(&clients[i]);
            }
            await_gone(0);
            stop();
        }
    }
}

/* What follows the request in one segment is read even if the connection is closed as soon as it
 * is open: the peer's close frame is understood, and ends it without the time limit. */
static void closing_when_it_opens_does_not_lose_the_peers_close(void **state) {
    (void)state;
    struct ws_client c;
    struct bytes out = BYTES_INIT;
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    do_open = say_goodbye;
    start();
    assert_true(ws_client_init(&c));
    assert_true(ws_client_connect(&c, rig.port, 0));
    assert_int_equal(bytes_append_str(&out, request), TB_OK);
    assert_true(ws_client_put(&out, 0x81, "hello", 5));
    assert_true(ws_client_put(&out, 0x88, "\x03\xe8", 2));
    assert_true(ws_client_send(&c, out.data, out.len));
    assert_int_equal(ws_client_await_end(&c), 0);
    await_gone(0);
    assert_int_equal(messages, 0);
    bytes_release(&out);
    ws_client_release(&c);
    stop();
}

/* ---- stopping ---- */

static void a_stop_tells_everybody_1001_and_ends_when_they_have_gone(void **state) {
    (void)state;
    struct ws_client half, refused;
    start();
    for (int i = 0; i < 3; i++) {
        open_client(&clients[i]);
    }
    assert_true(ws_client_init(&half));
    assert_true(ws_client_connect(&half, rig.port, 0));
    assert_true(ws_client_send(&half, "GET", 3));
    assert_true(server_rig_await(&rig, &rig.shared.connections, 4));
    endpoint_stop(&rig.endpoint);
    assert_int_not_equal(ws_client_await_end(&half), ETIMEDOUT);
    for (int i = 0; i < 3; i++) {
        assert_true(ws_client_expect_close(&clients[i], 1001));
        assert_true(ws_client_close(&clients[i], 1001));
        assert_int_equal(ws_client_await_end(&clients[i]), 0);
        ws_client_release(&clients[i]);
    }
    await_gone(0);
    assert_true(ws_client_init(&refused));
    assert_false(ws_client_connect(&refused, rig.port, 0));
    /* Nothing is left to do: the loop comes to its end by itself. */
    loop_run(&rig.loop);
    ws_client_release(&half);
    ws_client_release(&refused);
    stop();
}

static void a_second_stop_resets_what_is_left(void **state) {
    (void)state;
    struct ws_client c;
    start();
    open_client(&c);
    endpoint_stop(&rig.endpoint);
    assert_true(ws_client_expect_close(&c, 1001));
    endpoint_stop(&rig.endpoint);
    assert_int_equal(ws_client_await_end(&c), ECONNRESET);
    ws_client_release(&c);
    stop();
}

static void an_endpoint_that_never_ran_is_released(void **state) {
    (void)state;
    start();
    stop();
}

/* ---- memory ---- */

/* What a client meets when memory is out: the answers as always, 1011, or nothing at all. */
static bool try_to_talk(struct ws_client *c) {
    struct bytes text = {(uint8_t[400]){0}, 0, 400};
    char echo_text[300];
    memset(echo_text, 'e', sizeof echo_text);
    if (!ws_client_connect(c, rig.port, 0) ||
        ws_client_shake(c, "Sec-WebSocket-Extensions: permessage-deflate\r\n") != 101) {
        return false;
    }
    assert_true(ws_client_put(&text, 0x01, echo_text, 100));
    assert_true(ws_client_put(&text, 0x89, "ping", 4));
    assert_true(ws_client_put(&text, 0x80, echo_text, 200));
    for (size_t i = 0; i < text.len; i++) {
        if (!ws_client_send(c, text.data + i, 1)) {
            return false;
        }
        server_rig_turn(&rig);
    }
    struct ws_client_frame f;
    for (int i = 0; i < 2; i++) {
        if (!ws_client_receive(c, &f)) {
            return false;
        }
        if (f.first == 0x88) {
            assert_int_equal(f.data[0] << 8 | f.data[1], 1011);
            return false;
        }
    }
    assert_int_equal(f.first, 0xC1);
    return ws_client_close(c, 1000) && ws_client_expect_close(c, 1000);
}

static void a_failed_allocation_costs_the_connection_and_nothing_else(void **state) {
    (void)state;
    struct ws_client c, witness;
    unsigned n = 0;
    bool done;
    start();
    open_client(&witness);
    assert_true(ws_client_init(&c));
    do {
        fail_alloc_at(n);
        done = try_to_talk(&c);
        ws_client_leave(&c);
        await_gone(1);
        fail_alloc_off();
        assert_int_equal(atomic_load(&rig.shared.open), 1);
        assert_true(ws_client_text(&witness, "alive"));
        assert_true(ws_client_expect(&witness, "alive"));
    } while (n++ < alloc_count());
    assert_true(done);
    assert_in_range(n, 5, 100);
    ws_client_release(&c);
    ws_client_release(&witness);
    stop();
}

static void an_endpoint_without_memory_is_refused(void **state) {
    (void)state;
    struct loop loop;
    unsigned n = 0;
    int err;
    assert_int_equal(loop_init(&loop), TB_OK);
    do {
        fail_alloc_at(n);
        err = endpoint_init(&rig.endpoint, &loop, &rig.config, &rig.shared);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
    } while (n++ < alloc_count());
    for (n = 0; n < 2; n++) {
        fail_alloc_at(n);
        err = endpoint_listen(&rig.endpoint, STREAM_TCP, socket(AF_INET, SOCK_STREAM, 0));
        fail_alloc_off();
        assert_int_equal(err, TB_ENOMEM);
    }
    endpoint_stop(&rig.endpoint);
    loop_run(&loop);
    loop_release(&loop);
    endpoint_release(&rig.endpoint);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(a_client_opens_talks_and_closes),
        TEST(what_comes_behind_the_handshake_in_one_segment_is_taken),
        TEST(a_broken_rule_is_answered_with_its_code_and_the_end),
        TEST(a_message_beyond_the_limit_is_answered_with_1009),
        TEST(a_lost_connection_is_1006),
        TEST(a_refused_request_gets_one_answer_and_the_end),
        TEST(beyond_the_limit_of_connections_there_is_503_and_then_nothing),
        TEST(beyond_the_limit_of_buffers_there_is_503),
        TEST(a_handshake_that_drips_is_over_at_the_deadline),
        TEST(cve_2024_23672_a_peer_that_never_answers_a_close_is_gone_in_time),
        TEST(a_refused_peer_that_never_leaves_is_gone_in_time),
        TEST(a_peer_that_does_not_answer_a_ping_is_closed),
        TEST(a_sign_of_life_keeps_a_connection),
        TEST(cve_2026_11586_ping_flood_one_pong),
        TEST(a_flood_of_pings_at_full_speed_fills_the_backlog_at_most),
        TEST(input_waits_while_its_answers_do_and_nothing_is_lost),
        TEST(a_peer_that_is_paused_may_close_and_be_closed),
        TEST(a_violation_in_held_input_ends_the_connection_at_once),
        TEST(bombs_below_the_limit_share_the_loop_with_others),
        TEST(uwebsockets_osv_2021_414_close_inside_callbacks),
        TEST(closing_when_it_opens_does_not_lose_the_peers_close),
        TEST(a_stop_tells_everybody_1001_and_ends_when_they_have_gone),
        TEST(a_second_stop_resets_what_is_left),
        TEST(an_endpoint_that_never_ran_is_released),
        TEST(a_failed_allocation_costs_the_connection_and_nothing_else),
        TEST(an_endpoint_without_memory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
