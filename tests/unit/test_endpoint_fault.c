/* Connections that misbehave on somebody's word: they end at once, or are open and dead. */
#include "endpoint_fixture.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/log.h"
#include "conn/room.h"
#include "conn/trace.h"

static void say(struct conn *c, const char *text) {
    conn_send(c, WS_OP_TEXT, (const uint8_t *)text, strlen(text));
}

/* Turns for so long, which is how to see that nothing happens. */
static void turn_for(uint64_t ms) {
    uint64_t start_ms = uv_now(&rig.loop.uv);
    while (uv_now(&rig.loop.uv) < start_ms + ms) {
        struct pollfd wait = {.fd = uv_backend_fd(&rig.loop.uv), .events = POLLIN};
        (void)poll(&wait, 1, 1);
        server_rig_turn(&rig);
    }
}

static void assert_silence(struct ws_client *c) {
    uint8_t byte;
    turn_for(30);
    assert_int_equal(recv(c->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK), -1);
    assert_int_equal(errno, EAGAIN);
}

/* ---- a reset ---- */

static void say_much_and_abort(struct conn *c, const struct ws_event *ev) {
    static uint8_t much[4 * 1024 * 1024];
    (void)ev;
    conn_send(c, WS_OP_BINARY, much, sizeof much);
    conn_flush(c);
    assert_true(conn_unsent(c) > 0);
    conn_abort(c);
    assert_false(conn_is_open(c));
    conn_abort(c);
    conn_drop(c);
    conn_stall(c);
}

static void an_abort_is_a_reset_whatever_is_pending(void **state) {
    (void)state;
    struct ws_client c;
    do_message = say_much_and_abort;
    start();
    open_client(&c);
    assert_true(ws_client_text(&c, "now"));
    assert_int_equal(ws_client_await_end(&c), ECONNRESET);
    await_gone(0);
    assert_int_equal(closes, 1);
    assert_int_equal(last_close.code, 1006);
    assert_int_equal(last_close.closer, CONN_CLOSED_BY_US);
    ws_client_release(&c);
    stop();
}

/* ---- open and dead ---- */

static void stall(struct conn *c, const struct ws_event *ev) {
    (void)ev;
    say(c, "last words");
    conn_stall(c);
    assert_false(conn_is_open(c));
    say(c, "too late");
    conn_close(c, 4000, "too late");
    conn_send_ping(c, NULL, 0);
    conn_stall(c);
}

/* A client whose connection stalled when it said something. */
static void open_stalled(struct ws_client *c) {
    do_message = stall;
    start();
    rig.endpoint.look.after_ms = 10;
    open_client(c);
    assert_true(ws_client_text(c, "now"));
    assert_true(ws_client_expect(c, "last words"));
}

static void what_was_said_before_a_stall_is_sent_and_then_nothing(void **state) {
    (void)state;
    struct ws_client c;
    rig.config.ping_interval_ms = 5;
    rig.config.ping_timeout_ms = 5;
    rig.config.close_ms = 5;
    do_message = stall;
    start();
    rig.endpoint.look.after_ms = 10;
    assert_true(ws_client_init(&c));
    assert_true(ws_client_open(&c, rig.port, 0, ""));
    assert_true(ws_client_text(&c, "now"));
    struct ws_client_frame f;
    do {
        assert_true(ws_client_receive(&c, &f));
    } while (f.first == 0x89);
    assert_memory_equal(f.data, "last words", 10);
    assert_true(ws_client_text(&c, "are you there?"));
    assert_true(ws_client_frame(&c, 0x89, "ping", 4));
    assert_true(ws_client_close(&c, 1000));
    assert_silence(&c);
    assert_int_equal(messages, 1);
    assert_int_equal(closes, 0);
    assert_int_equal(atomic_load(&rig.shared.connections), 1);
    assert_int_equal(atomic_load(&rig.shared.open), 0);
    ws_client_release(&c);
    stop();
}

/* Behind bytes that nobody reads, too. */
static void the_end_of_a_stalled_connections_peer_is_seen(void **state) {
    (void)state;
    void (*const ways[])(struct ws_client * c) = {ws_client_leave, ws_client_reset};
    for (size_t i = 0; i < 4; i++) {
        struct ws_client c;
        set_up(NULL);
        open_stalled(&c);
        if (i >= 2) {
            assert_true(ws_client_text(&c, "nobody reads this"));
        }
        ways[i % 2](&c);
        await_gone(0);
        assert_int_equal(closes, 1);
        assert_int_equal(last_close.closer, CONN_LOST);
        assert_int_equal(last_close.code, 1006);
        ws_client_release(&c);
        stop();
    }
}

static void a_stop_resets_a_stalled_connection_at_once(void **state) {
    (void)state;
    struct ws_client c;
    open_stalled(&c);
    endpoint_stop(&rig.endpoint);
    assert_int_equal(ws_client_await_end(&c), ECONNRESET);
    loop_end(&rig.loop);
    loop_run(&rig.loop);
    assert_int_equal(closes, 1);
    ws_client_release(&c);
    stop();
}

static void a_stalled_connection_can_be_dropped_and_aborted(void **state) {
    (void)state;
    void (*const hows[])(struct conn * c) = {conn_drop, conn_abort};
    for (size_t i = 0; i < 2; i++) {
        struct ws_client c;
        set_up(NULL);
        open_stalled(&c);
        hows[i](first_conn());
        assert_int_equal(ws_client_await_end(&c), i == 0 ? 0 : ECONNRESET);
        await_gone(0);
        assert_int_equal(last_close.closer, CONN_CLOSED_BY_US);
        ws_client_release(&c);
        stop();
    }
}

/* Whoever never reads must not keep a log of what is said to everybody, nor what it sends. */
static void a_stalled_connection_holds_no_memory(void **state) {
    (void)state;
    enum { SIZE = 32 * 1024 };
    static const uint8_t text[SIZE];
    struct ws_client c, other;
    struct bytes frame = BYTES_INIT;
    do_message = NULL;
    start();
    open_client(&c);
    open_client(&other);
    for (struct list *hook = rig.endpoint.conns.next; hook != &rig.endpoint.conns;
         hook = hook->next) {
        struct conn *conn = LIST_ENTRY(hook, struct conn, all);
        assert_int_equal(room_join(&rig.endpoint.room, conn), TB_OK);
    }
    conn_stall(first_conn());
    assert_int_equal(rig.endpoint.room.count, 1);
    for (int i = 0; i < 300; i++) {
        struct ws_client_frame f;
        room_broadcast(&rig.endpoint.room, WS_OP_BINARY, text, SIZE);
        assert_true(ws_client_receive(&other, &f));
        assert_int_equal(f.size, SIZE);
        assert_true(atomic_load(&rig.shared.buffers) <= 8 * CHUNK_SIZE);
    }
    assert_true(ws_client_put(&frame, 0x82, text, SIZE));
    stuff(&c, &frame, 64 * 1024 * 1024);
    assert_int_equal(first_conn()->held.len, 0);
    assert_int_equal(messages, 0);
    assert_silence(&c);
    bytes_release(&frame);
    ws_client_release(&c);
    ws_client_release(&other);
    stop();
}

/* The socket takes no more when it stalls: what the system has goes out, and no more. */
static void a_connection_stalls_in_the_middle_of_what_it_says(void **state) {
    (void)state;
    enum { SIZE = 4 * 1024 * 1024, AGAIN = 5 };
    static const uint8_t data[SIZE];
    struct ws_client c;
    do_message = NULL;
    start();
    assert_true(ws_client_init(&c));
    assert_true(ws_client_open(&c, rig.port, 4096, ""));
    for (int i = 0; i < AGAIN; i++) {
        conn_send(first_conn(), WS_OP_BINARY, data, SIZE);
    }
    server_rig_turn(&rig);
    assert_true(stream_is_busy(&first_conn()->stream));
    conn_stall(first_conn());
    assert_int_equal(output_pending(&first_conn()->out), 0);
    size_t heard = 0;
    for (int quiet = 0; quiet < 50;) {
        uint8_t some[65536];
        ssize_t n = recv(c.fd, some, sizeof some, MSG_DONTWAIT);
        assert_true(n > 0 || (n < 0 && errno == EAGAIN));
        heard += n > 0 ? (size_t)n : 0;
        quiet = n > 0 ? 0 : quiet + 1;
        turn_for(n > 0 ? 0 : 1);
    }
    assert_in_range(heard, 1, (size_t)AGAIN * SIZE - 1);
    assert_int_equal(atomic_load(&rig.shared.connections), 1);
    ws_client_release(&c);
    stop();
}

/* ---- inside callbacks ---- */

static void (*fault)(struct conn *c);

static void fault_inside_message(struct conn *c, const struct ws_event *ev) {
    assert_memory_equal(ev->data, "now", 3);
    fault(c);
    assert_memory_equal(ev->data, "now", 3);
}

static const struct conn_terms *fault_inside_request(struct conn *c, const struct http1 *request) {
    fault(c);
    assert_non_null(request);
    return NULL;
}

static void stall_and_abort(struct conn *c) {
    conn_stall(c);
    conn_abort(c);
}

static void stall_and_drop(struct conn *c) {
    conn_stall(c);
    conn_drop(c);
}

static void close_and_stall(struct conn *c) {
    conn_close(c, 4000, "not answered");
    conn_stall(c);
}

static void stall_everybody(struct conn *c) {
    struct endpoint *ep = conn_endpoint(c);
    for (struct list *hook = ep->conns.next; hook != &ep->conns; hook = hook->next) {
        conn_stall(LIST_ENTRY(hook, struct conn, all));
    }
}

static void abort_everybody(struct conn *c) {
    struct endpoint *ep = conn_endpoint(c);
    for (struct list *hook = ep->conns.next; hook != &ep->conns; hook = hook->next) {
        conn_abort(LIST_ENTRY(hook, struct conn, all));
    }
}

static void stop_and_stall(struct conn *c) {
    endpoint_stop(conn_endpoint(c));
    conn_stall(c);
}

/* A client that says everything at once, and leaves. */
static void say_all_and_leave(void) {
    struct ws_client c;
    struct bytes out = BYTES_INIT;
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    assert_true(ws_client_init(&c));
    if (!ws_client_connect(&c, rig.port, 0)) {
        ws_client_release(&c);
        return; /* it was stopped */
    }
    assert_int_equal(bytes_append_str(&out, request), TB_OK);
    assert_true(ws_client_put(&out, 0x81, "now", 3));
    assert_true(ws_client_put(&out, 0x89, "ping", 4));
    assert_true(ws_client_put(&out, 0x81, "and then", 8));
    assert_true(ws_client_put(&out, 0x88, "\x03\xe8", 2));
    (void)ws_client_send(&c, out.data, out.len);
    bytes_release(&out);
    turn_for(5);
    ws_client_release(&c);
}

static void uwebsockets_osv_2021_414_faults_inside_callbacks(void **state) {
    (void)state;
    void (*const faults[])(struct conn * c) = {conn_abort,      conn_stall,      stall_and_abort,
                                               stall_and_drop,  close_and_stall, stall_everybody,
                                               abort_everybody, stop_and_stall};
    for (size_t how = 0; how < sizeof faults / sizeof *faults; how++) {
        for (int where = 0; where < 4; where++) {
            struct ws_client witness;
            set_up(NULL);
            fault = faults[how];
            do_message = where == 2 ? fault_inside_message : NULL;
            start();
            rig.endpoint.look.after_ms = 1;
            open_client(&witness);
            do_request = where == 0 ? fault_inside_request : NULL;
            do_open = where == 1 ? fault : NULL;
            do_close = where == 3 ? fault : NULL;
            say_all_and_leave();
            ws_client_release(&witness);
            await_gone(0);
            stop();
        }
    }
}

/* ---- the trace ---- */

static void abort_it(struct conn *c, const struct ws_event *ev) {
    (void)ev;
    conn_abort(c);
}

static const struct conn_terms *abort_request(struct conn *c, const struct http1 *request) {
    (void)request;
    conn_abort(c);
    return NULL;
}

static bool is_recorded(int fd, const char *what) {
    char text[16384] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    return n > 0 && strstr(text, what) != NULL;
}

static void an_abort_is_traced(void **state) {
    (void)state;
    char name[] = "/tmp/taburet-test-XXXXXX";
    int fd = mkstemp(name);
    struct log *record = log_new(fd, LOG_JSON, LOG_DEBUG);
    struct ws_client c;
    assert_true(fd >= 0);
    unlink(name);
    rig.config.trace = trace_new(NULL, record);
    do_message = abort_it;
    start();
    open_client(&c);
    assert_true(ws_client_text(&c, "now"));
    assert_int_equal(ws_client_await_end(&c), ECONNRESET);
    do_request = abort_request;
    assert_true(ws_client_connect(&c, rig.port, 0));
    assert_int_equal(ws_client_shake(&c, ""), 0);
    assert_int_equal(c.error, ECONNRESET);
    await_gone(0);
    trace_flush(rig.config.trace);
    assert_true(is_recorded(fd, "\"ev\":\"close\",\"from\":\"server\",\"code\":1006"));
    assert_true(is_recorded(fd, "it was reset before it was answered"));
    ws_client_release(&c);
    stop();
    trace_free(rig.config.trace);
    log_free(record);
    close(fd);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(an_abort_is_a_reset_whatever_is_pending),
        TEST(what_was_said_before_a_stall_is_sent_and_then_nothing),
        TEST(the_end_of_a_stalled_connections_peer_is_seen),
        TEST(a_stop_resets_a_stalled_connection_at_once),
        TEST(a_stalled_connection_can_be_dropped_and_aborted),
        TEST(a_stalled_connection_holds_no_memory),
        TEST(a_connection_stalls_in_the_middle_of_what_it_says),
        TEST(uwebsockets_osv_2021_414_faults_inside_callbacks),
        TEST(an_abort_is_traced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
