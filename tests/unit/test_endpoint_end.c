/* How connections and the endpoint end. */
#include "endpoint_fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/log.h"
#include "conn/trace.h"
#include "sockets.h"

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

/* Ways in which a client that was refused goes on. */
static void say_more_and_leave(struct ws_client *c) {
    (void)ws_client_send_some(c, "GET /again HTTP/1.1\r\n\r\n", 24);
    server_rig_turn(&rig);
    ws_client_leave(c);
}

static void hear_it_and_leave(struct ws_client *c) {
    assert_false(ws_client_await(c, SIZE_MAX));
    ws_client_leave(c);
}

static void stay_until_the_limit(struct ws_client *c) {
    await_gone(0);
    ws_client_leave(c);
}

/* libwebsockets used a connection after it had refused its upgrade: here a refusal happens at every
 * stage of the handshake, and the client goes on in every way (for the address sanitizer). */
static void cve_2025_11677_refused_at_every_stage(void **state) {
    (void)state;
    static const char *const requests[] = {
        "\x16\x03\x01",
        "GET / HTTP/1.1\n",
        "GET /\x01 HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nfolded\r\n line\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x80",
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: no\r\n\r\n\x81\x80",
    };
    void (*const ways[])(struct ws_client * c) = {ws_client_leave, ws_client_reset,
                                                  say_more_and_leave, hear_it_and_leave,
                                                  stay_until_the_limit};
    struct ws_client c;
    rig.config.close_ms = 20;
    start();
    assert_true(ws_client_init(&c));
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
            assert_true(ws_client_connect(&c, rig.port, 0));
            assert_true(ws_client_send(&c, requests[i], strlen(requests[i])));
            assert_true(ws_client_await(&c, 12));
            assert_memory_equal(c.in.data, "HTTP/1.1 4", 10);
            ways[way](&c);
            await_gone(0);
        }
    }
    assert_int_equal(opens, 0);
    ws_client_release(&c);
    stop();
}

/* Whoever is being closed hears nothing more: it does not count as connected. */
static void who_is_being_closed_does_not_count_as_open(void **state) {
    (void)state;
    struct ws_client closed, wrong;
    start();
    open_client(&closed);
    assert_int_equal(atomic_load(&rig.shared.open), 1);
    conn_close(first_conn(), 4000, "enough");
    assert_int_equal(atomic_load(&rig.shared.open), 0);
    open_client(&wrong);
    assert_int_equal(atomic_load(&rig.shared.open), 1);
    assert_true(ws_client_frame(&wrong, 0x83, "x", 1));
    assert_true(ws_client_expect_close(&wrong, 1002));
    assert_int_equal(atomic_load(&rig.shared.open), 0);
    assert_int_equal(atomic_load(&rig.shared.connections), 2);
    ws_client_release(&closed);
    ws_client_release(&wrong);
    await_gone(0);
    assert_int_equal(atomic_load(&rig.shared.open), 0);
    stop();
}

static void assert_reason_with_nul(struct conn *c) {
    assert_non_null(c->reason);
    assert_int_equal(c->reason->size, 3);
    assert_memory_equal(c->reason->bytes, "a\0b", 3);
}

static void a_reason_with_a_nul_in_it_is_kept_whole(void **state) {
    (void)state;
    struct ws_client c;
    do_close = assert_reason_with_nul;
    start();
    open_client(&c);
    assert_true(ws_client_frame(&c, 0x88,
                                "\x03\xe8"
                                "a\0b",
                                5));
    assert_true(ws_client_expect_close(&c, 1000));
    await_gone(0);
    assert_int_equal(closes, 1);
    ws_client_release(&c);
    stop();
}

/* Lines of a recording that have this in them. */
static unsigned count_recorded(int fd, const char *what) {
    char text[16384];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    assert_in_range(n, 1, sizeof text - 2);
    text[n] = '\0';
    unsigned count = 0;
    for (const char *p = text; (p = strstr(p, what)) != NULL; p++) {
        count++;
    }
    return count;
}

/* No frame follows a close frame, so there is none to tell of (RFC 6455 s.5.5.1). */
static void a_ping_after_our_close_is_not_answered_and_no_pong_is_recorded(void **state) {
    (void)state;
    struct ws_client c;
    struct ws_client_frame f;
    int fd = memfd_create("record", MFD_CLOEXEC);
    int console_fd = memfd_create("console", MFD_CLOEXEC);
    struct log *record = log_new(fd, LOG_JSON, LOG_DEBUG);
    struct log *console = log_new(console_fd, LOG_TEXT, LOG_ALWAYS);
    rig.config.trace = trace_new(console, record);
    assert_non_null(rig.config.trace);
    start();
    open_client(&c);
    assert_true(ws_client_frame(&c, 0x89, "first", 5));
    assert_true(ws_client_receive(&c, &f));
    assert_int_equal(f.first, 0x8A);
    conn_close(first_conn(), 4000, "enough");
    assert_true(ws_client_expect_close(&c, 4000));
    assert_true(ws_client_frame(&c, 0x89, "second", 6));
    assert_true(ws_client_close(&c, 4000));
    assert_int_equal(ws_client_await_end(&c), 0);
    await_gone(0);
    trace_flush(rig.config.trace);
    assert_int_equal(count_recorded(fd, "\"ev\":\"ping\""), 2);
    assert_int_equal(count_recorded(fd, "\"ev\":\"pong\""), 1);
    ws_client_release(&c);
    stop();
    trace_free(rig.config.trace);
    log_free(record);
    log_free(console);
    close(fd);
    close(console_fd);
}

/* ---- stopping ---- */

static unsigned ends;

static void end_loop(struct endpoint *ep) {
    ends++;
    loop_end(ep->loop);
}

static void a_stop_tells_everybody_1001_and_ends_when_they_have_gone(void **state) {
    (void)state;
    struct ws_client half, refused;
    start();
    rig.endpoint.on_ended = end_loop;
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
    /* Nothing is left to do: the loop comes to its end. */
    loop_run(&rig.loop);
    assert_int_equal(ends, 1);
    ws_client_release(&half);
    ws_client_release(&refused);
    stop();
}

/* Its owner lets go of it at once. */
static void release_and_free(struct endpoint *ep) {
    ends++;
    endpoint_release(ep);
    free(ep);
}

/* With a connection, a listener, and neither: what it had on the loop is gone before its owner is
 * told, and the loop goes on with what else is on it. */
static void
one_of_two_endpoints_of_a_loop_may_end_and_be_freed_while_the_other_serves(void **state) {
    (void)state;
    struct ws_client c;
    start();
    open_client(&c);
    for (int way = 0; way < 3; way++) {
        struct endpoint_shared shared = {0};
        struct endpoint *other = malloc(sizeof *other);
        uint16_t port = 0;
        assert_non_null(other);
        assert_int_equal(endpoint_init(other, &rig.loop, &rig.config, &shared), TB_OK);
        other->on_ended = release_and_free;
        ends = 0;
        if (way > 0) {
            int fd = socket_listen("127.0.0.1", &port);
            assert_int_equal(endpoint_listen(other, STREAM_TCP, fd, NULL), TB_OK);
        }
        if (way > 1) {
            assert_true(ws_client_init(&clients[0]));
            assert_true(ws_client_open(&clients[0], port, 0, ""));
            assert_true(ws_client_text(&clients[0], "other"));
            assert_true(ws_client_expect(&clients[0], "other"));
        }
        endpoint_stop(other);
        endpoint_stop(other);
        assert_int_equal(ends, 0);
        while (ends == 0) {
            server_rig_turn(&rig);
        }
        assert_int_equal(ends, 1);
        assert_int_equal(atomic_load(&shared.connections), 0);
        assert_int_equal(atomic_load(&shared.buffers), 0);
        assert_true(ws_client_text(&c, "still here"));
        assert_true(ws_client_expect(&c, "still here"));
    }
    ws_client_release(&clients[0]);
    ws_client_release(&c);
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

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(uwebsockets_osv_2021_414_close_inside_callbacks),
        TEST(cve_2025_11677_refused_at_every_stage),
        TEST(closing_when_it_opens_does_not_lose_the_peers_close),
        TEST(who_is_being_closed_does_not_count_as_open),
        TEST(a_reason_with_a_nul_in_it_is_kept_whole),
        TEST(a_ping_after_our_close_is_not_answered_and_no_pong_is_recorded),
        TEST(a_stop_tells_everybody_1001_and_ends_when_they_have_gone),
        TEST(one_of_two_endpoints_of_a_loop_may_end_and_be_freed_while_the_other_serves),
        TEST(a_second_stop_resets_what_is_left),
        TEST(an_endpoint_that_never_ran_is_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
