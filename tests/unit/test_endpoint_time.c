/* The limits of time: handshakes, closes, pings. */
#include "endpoint_fixture.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bytes.h"

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
    struct conn *conn = first_conn();
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

/* The system keeps little of what is sent, so that the server learns early that it is read. */
static void shrink_send_buffer(struct conn *conn) {
    uv_os_fd_t fd;
    const int size = 4096;
    assert_int_equal(uv_fileno(&conn->stream.uv.handle, &fd), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
}

/* A client that sends much, of which the echo fills its socket. */
static void open_full(struct ws_client *c, size_t size) {
    struct bytes out = BYTES_INIT;
    uint8_t *data = calloc(1, size);
    assert_non_null(data);
    assert_true(ws_client_init(c));
    assert_true(ws_client_open(c, rig.port, 4096, ""));
    shrink_send_buffer(first_conn());
    assert_true(ws_client_put(&out, 0x82, data, size));
    assert_true(ws_client_send(c, out.data, out.len));
    while (messages == 0) {
        server_rig_turn(&rig);
    }
    server_rig_turn(&rig);
    assert_true(stream_is_busy(&first_conn()->stream));
    bytes_release(&out);
    free(data);
}

/* It says nothing for many times the limit, but what it is sent moves. */
static void a_slow_but_steady_reader_is_not_dropped_by_pings(void **state) {
    (void)state;
    enum { SIZE = 1000 * 1000, TURNS = 400 };
    struct ws_client c;
    rig.config.ping_interval_ms = 20;
    rig.config.ping_timeout_ms = 200;
    start();
    open_full(&c, SIZE);
    uint64_t start_ms = uv_now(&rig.loop.uv);
    for (size_t n = 1; n <= TURNS; n++) {
        assert_true(ws_client_await(&c, n * (SIZE / TURNS)));
        for (int i = 0; i < 3; i++) {
            struct pollfd wait = {.fd = uv_backend_fd(&rig.loop.uv), .events = POLLIN};
            (void)poll(&wait, 1, 1);
            server_rig_turn(&rig);
        }
    }
    struct ws_client_frame f;
    do {
        assert_true(ws_client_receive(&c, &f));
    } while (f.first == 0x89);
    assert_int_equal(f.first, 0x82);
    assert_int_equal(f.size, SIZE);
    assert_int_equal(atomic_load(&rig.shared.open), 1);
    assert_true(uv_now(&rig.loop.uv) - start_ms >
                2 * (rig.config.ping_interval_ms + rig.config.ping_timeout_ms));
    ws_client_release(&c);
    stop();
}

/* Pings would only queue up behind what is not read; they come again when it is. */
static void a_full_socket_gets_no_ping(void **state) {
    (void)state;
    struct ws_client c;
    struct ws_client_frame f;
    rig.config.ping_interval_ms = 5;
    start();
    open_full(&c, 1000 * 1000);
    uint32_t pings = first_conn()->ping_count;
    uint64_t start_ms = uv_now(&rig.loop.uv);
    while (uv_now(&rig.loop.uv) < start_ms + 100) {
        struct pollfd wait = {.fd = uv_backend_fd(&rig.loop.uv), .events = POLLIN};
        (void)poll(&wait, 1, 1);
        server_rig_turn(&rig);
    }
    assert_int_equal(first_conn()->ping_count, pings);
    do {
        assert_true(ws_client_receive(&c, &f));
    } while (f.first == 0x89);
    assert_int_equal(f.first, 0x82);
    assert_true(ws_client_receive(&c, &f));
    assert_int_equal(f.first, 0x89);
    ws_client_release(&c);
    stop();
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(a_handshake_that_drips_is_over_at_the_deadline),
        TEST(cve_2024_23672_a_peer_that_never_answers_a_close_is_gone_in_time),
        TEST(a_refused_peer_that_never_leaves_is_gone_in_time),
        TEST(a_peer_that_does_not_answer_a_ping_is_closed),
        TEST(a_sign_of_life_keeps_a_connection),
        TEST(a_slow_but_steady_reader_is_not_dropped_by_pings),
        TEST(a_full_socket_gets_no_ping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
