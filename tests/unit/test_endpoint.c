/* ctest: timeout 120 */
#include "endpoint_fixture.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/err.h"
#include "failing_alloc.h"

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
        err = endpoint_listen(&rig.endpoint, STREAM_TCP, socket(AF_INET, SOCK_STREAM, 0), NULL);
        fail_alloc_off();
        assert_int_equal(err, TB_ENOMEM);
    }
    endpoint_stop(&rig.endpoint);
    loop_end(&loop);
    loop_run(&loop);
    loop_release(&loop);
    endpoint_release(&rig.endpoint);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(a_client_opens_talks_and_closes),
        TEST(what_comes_behind_the_handshake_in_one_segment_is_taken),
        TEST(a_broken_rule_is_answered_with_its_code_and_the_end),
        TEST(a_message_beyond_the_limit_is_answered_with_1009),
        TEST(a_lost_connection_is_1006),
        TEST(a_refused_request_gets_one_answer_and_the_end),
        TEST(beyond_the_limit_of_connections_there_is_503_and_then_nothing),
        TEST(beyond_the_limit_of_buffers_there_is_503),
        TEST(a_failed_allocation_costs_the_connection_and_nothing_else),
        TEST(an_endpoint_without_memory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
