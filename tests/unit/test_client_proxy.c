/* A client's way through a proxy and TLS, with what may fail on it. */
#include "client_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "conn/conn_state.h"
#include "failing_alloc.h"
#include "names.h"
#include "sockets.h"
#include "tls_rig.h"

static struct proxy proxy;
static struct tls_context *server_tls, *client_tls;

/* ---- a proxy ---- */

/* What it has heard so far, and the connection that it made; needs no memory. */
static struct {
    uint8_t in[2048];
    size_t n;
    unsigned answers;
    int upstream;
    uint16_t upstream_port;
} relay;

static void relay_reset(uint16_t port) {
    memset(&relay, 0, sizeof relay);
    relay.upstream = -1;
    relay.upstream_port = port;
}

static void relay_connect(void) {
    const struct sockaddr_in a = {.sin_family = AF_INET,
                                  .sin_port = htons(relay.upstream_port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    relay.upstream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(relay.upstream, (const struct sockaddr *)&a, sizeof a), 0);
}

static void relay_answer(const void *p, size_t n) {
    assert_int_equal(send(f.peer, p, n, MSG_NOSIGNAL), n);
    relay.n = 0;
    relay.answers++;
}

/* The next step of the proxy's own talk. */
static void relay_talk(void) {
    static const uint8_t hello[] = {5, 1, 0};
    static const uint8_t request[] = {5, 1, 0, 3, 6, 'a', '.', 't', 'e', 's', 't'};
    static const char connect_text[] = "CONNECT a.test:";
    ssize_t n = recv(f.peer, relay.in + relay.n, sizeof relay.in - relay.n, MSG_DONTWAIT);
    relay.n += n > 0 ? (size_t)n : 0;
    if (proxy.kind == PROXY_HTTP && memmem(relay.in, relay.n, "\r\n\r\n", 4) != NULL) {
        assert_memory_equal(relay.in, connect_text, sizeof connect_text - 1);
        assert_non_null(memmem(relay.in, relay.n, "User-Agent: test\r\n", 18));
        relay_connect();
        relay_answer("HTTP/1.1 200 Here\r\n\r\n", 21);
    } else if (proxy.kind != PROXY_HTTP && relay.answers == 0 && relay.n == sizeof hello) {
        assert_memory_equal(relay.in, hello, sizeof hello);
        relay_answer("\5\0", 2);
    } else if (proxy.kind != PROXY_HTTP && relay.n == sizeof request + 2) {
        assert_memory_equal(relay.in, request, sizeof request);
        relay_connect();
        relay_answer("\5\0\0\1\0\0\0\0\0\0", 10);
    }
}

static void relay_copy(int from, int to) {
    uint8_t part[16384];
    ssize_t n = recv(from, part, sizeof part, MSG_DONTWAIT);
    if (n > 0) {
        (void)send(to, part, (size_t)n, MSG_NOSIGNAL);
    } else if (n == 0) {
        (void)shutdown(to, SHUT_WR);
    }
}

static void relay_turn(void) {
    f.peer = f.peer < 0 ? socket_accept(f.listening) : f.peer;
    if (f.peer >= 0 && relay.upstream < 0) {
        relay_talk();
    } else if (f.peer >= 0) {
        relay_copy(f.peer, relay.upstream);
        relay_copy(relay.upstream, f.peer);
    }
}

static void go_through(enum proxy_kind kind) {
    proxy = (struct proxy){.kind = kind, .host = "proxy.test", .port = f.port};
    f.target.proxy = &proxy;
    f.target.host = "a.test";
}

/* Our own server behind a proxy, which is where the target goes. */
static void start_behind(enum proxy_kind kind) {
    start();
    uint16_t proxy_port = f.port;
    serve();
    relay_reset(f.port);
    f.do_turn = relay_turn;
    f.target.route.port = proxy_port;
    go_through(kind);
}

static void stop_behind(void) {
    f.do_turn = NULL;
    leave();
    if (relay.upstream >= 0) {
        close(relay.upstream);
    }
    stop();
}

/* ---- TLS ---- */

static void use_tls(const struct tls_client_settings *settings) {
    struct bytes message = BYTES_INIT;
    assert_int_equal(tls_server_new(made.cert_file, made.key_file, NULL, &server_tls, &message),
                     TB_OK);
    assert_int_equal(tls_client_new(settings, &client_tls, &message), TB_OK);
    bytes_release(&message);
    f.server_tls = server_tls;
    f.target.tls = client_tls;
    f.target.host = "a.test";
}

static int forget_tls(void **state) {
    (void)state;
    tls_context_free(server_tls);
    tls_context_free(client_tls);
    server_tls = client_tls = NULL;
    return 0;
}

#define TLS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, forget_tls)

static void echo(void) {
    conn_send(f.c, WS_OP_TEXT, (const uint8_t *)"hello", 5);
    await(&f.messages, 1);
    assert_memory_equal(f.message.data, "hello", 5);
}

static void a_certificate_that_is_trusted(void **state) {
    (void)state;
    use_tls(&tls_rig_trusting);
    start();
    serve();
    dial();
    await(&f.opens, 1);
    echo();
    assert_string_equal(f.stage_text[CLIENT_SECURING], "starting TLS with a.test");
    assert_int_equal(strncmp(f.stage_text[CLIENT_SECURED], "secured: TLSv1.3, ", 18), 0);
    assert_int_equal(f.stages[CLIENT_SECURED], 1);
    conn_close(f.c, 1000, "");
    assert_ended(CONN_CLOSED_BY_US, 1000, "");
    stop();
}

/* The connection that the endpoint accepted from itself. */
static struct conn *accepted(void) {
    struct list *hook = f.endpoint.conns.next;
    while (LIST_ENTRY(hook, struct conn, all)->client) {
        hook = hook->next;
        assert_ptr_not_equal(hook, &f.endpoint.conns);
    }
    return LIST_ENTRY(hook, struct conn, all);
}

/* What it is sent is not decrypted, and the end behind that is seen all the same. */
static void a_stalled_connection_over_tls(void **state) {
    (void)state;
    void (*const ways[])(struct conn * c) = {conn_drop, conn_abort};
    for (size_t i = 0; i < 2; i++) {
        set_up(NULL);
        use_tls(&tls_rig_trusting);
        start();
        f.endpoint.look.after_ms = 10;
        serve();
        dial();
        await(&f.opens, 1);
        echo();
        conn_stall(accepted());
        conn_send(f.c, WS_OP_TEXT, (const uint8_t *)"unanswered", 10);
        for (int n = 0; n < 30; n++) {
            turn();
        }
        assert_int_equal(f.messages, 1);
        assert_int_equal(f.shared.connections, 2);
        ways[i](f.c);
        await_connections(0);
        stop();
        forget_tls(NULL);
    }
}

static void a_certificate_of_somebody_unknown(void **state) {
    (void)state;
    const struct tls_client_settings other = {.ca_file = made.other_ca_file};
    use_tls(&other);
    start();
    serve();
    dial();
    await(&f.refusals, 1);
    assert_string_equal(f.why, "the server's certificate is not trusted (the certificate's issuer "
                               "'CN=Test Root' is not known here)");
    assert_int_equal(f.failure, CLIENT_NOT_TRUSTED);
    assert_int_equal(f.stages[CLIENT_SECURED], 0);
    stop();
}

static void a_certificate_for_another_host(void **state) {
    (void)state;
    use_tls(&tls_rig_trusting);
    f.target.host = "c.test";
    start();
    serve();
    dial();
    await(&f.refusals, 1);
    assert_string_equal(f.why,
                        "the server's certificate is not trusted (the certificate is not for "
                        "'c.test' but for 'a.test', 'b.test')");
    assert_int_equal(f.failure, CLIENT_NOT_TRUSTED);
    stop();
}

static void a_certificate_that_nobody_verifies(void **state) {
    (void)state;
    use_tls(&tls_rig_insecure);
    f.target.host = "c.test";
    start();
    serve();
    dial();
    await(&f.opens, 1);
    echo();
    stop();
}

static void a_server_without_tls(void **state) {
    (void)state;
    use_tls(&tls_rig_trusting);
    start();
    dial_and_accept();
    hear(1);
    say("HTTP/1.1 400 Bad Request\r\n\r\n");
    await(&f.refusals, 1);
    assert_string_equal(f.why,
                        "the TLS handshake failed (the server does not speak TLS here; is it ws:// "
                        "instead of wss://?)");
    assert_int_equal(f.failure, CLIENT_TLS_FAILED);
    stop();
}

static void a_server_that_leaves_the_tls_handshake(void **state) {
    (void)state;
    use_tls(&tls_rig_trusting);
    start();
    dial_and_accept();
    hear(1);
    leave();
    assert_refused(
        CLIENT_TLS_FAILED,
        "the TLS handshake failed (the server closed the connection during the TLS handshake)");
    stop();
}

static void a_tls_handshake_that_takes_too_long(void **state) {
    (void)state;
    use_tls(&tls_rig_trusting);
    f.config.handshake_ms = 50;
    start();
    dial_and_accept();
    assert_refused(CLIENT_TIMED_OUT, "gave up after 0.05 s in the TLS handshake");
    stop();
}

static void a_host_that_no_certificate_is_for(void **state) {
    (void)state;
    use_tls(&tls_rig_trusting);
    f.target.host = "";
    start();
    dial_and_accept();
    assert_refused(CLIENT_TLS_FAILED, "cannot start TLS with  (not a valid value)");
    stop();
}

/* ---- proxies ---- */

static void every_kind_of_proxy_leads_to_the_server(void **state) {
    (void)state;
    for (int kind = PROXY_HTTP; kind <= PROXY_SOCKS5H; kind += PROXY_SOCKS5H - PROXY_HTTP) {
        for (int secure = 0; secure < 2; secure++) {
            char told[64];
            set_up(NULL);
            if (secure == 1) {
                use_tls(&tls_rig_trusting);
            }
            start_behind((enum proxy_kind)kind);
            dial();
            await(&f.opens, 1);
            echo();
            snprintf(told, sizeof told, "asking the proxy for a.test port %u", f.target.port);
            assert_string_equal(f.stage_text[CLIENT_TUNNELLING], told);
            assert_int_equal(f.stages[CLIENT_SECURED], secure);
            stop_behind();
            forget_tls(NULL);
        }
    }
}

static void a_proxy_whose_name_nobody_knows(void **state) {
    (void)state;
    f.target.route.host = "nosuch.test";
    go_through(PROXY_HTTP);
    start();
    dial();
    assert_refused(CLIENT_NO_PROXY_NAME, "cannot resolve 'nosuch.test' (Name or service not "
                                         "known), which is the proxy");
    stop();
}

static void a_proxy_that_is_not_there(void **state) {
    (void)state;
    char why[128];
    uint16_t port = 0;
    go_through(PROXY_SOCKS5H);
    start();
    int fd = socket_refuse("127.0.0.1", &port);
    f.target.route.port = port;
    dial();
    snprintf(why, sizeof why,
             "cannot connect to 127.0.0.1 port %u (connection refused), which is the proxy", port);
    assert_refused(CLIENT_NO_CONNECTION, why);
    close(fd);
    stop();
}

static void a_proxy_that_refuses(void **state) {
    (void)state;
    go_through(PROXY_HTTP);
    start();
    dial_and_accept();
    hear_head();
    say("HTTP/1.1 403 Not for you\r\n\r\n");
    await(&f.refusals, 1);
    assert_int_equal(f.failure, CLIENT_NO_CONNECTION);
    assert_non_null(strstr(f.why, "proxy"));
    assert_non_null(strstr(f.why, "403 Not for you"));
    assert_int_equal(f.status, 0); /* it is not the server's answer */
    stop();
}

static void a_proxy_that_cannot_be_asked_for_such_a_name(void **state) {
    (void)state;
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    go_through(PROXY_SOCKS5H);
    f.target.host = name;
    start();
    dial_and_accept();
    await(&f.refusals, 1);
    assert_int_equal(f.failure, CLIENT_NO_CONNECTION);
    assert_int_equal(hear_end(), 0);
    assert_int_equal(f.in.len, 0);
    stop();
}

static void a_proxy_that_leaves(void **state) {
    (void)state;
    go_through(PROXY_HTTP);
    start();
    dial_and_accept();
    hear_head();
    leave();
    assert_refused(CLIENT_NO_CONNECTION, "the connection to the proxy was lost while waiting for "
                                         "the proxy (it was closed)");
    stop();
}

static void a_proxy_that_takes_too_long(void **state) {
    (void)state;
    go_through(PROXY_SOCKS5H);
    f.config.handshake_ms = 50;
    start();
    dial_and_accept();
    hear(3);
    say_bytes("\5", 1);
    assert_refused(CLIENT_TIMED_OUT, "gave up after 0.05 s while waiting for the proxy");
    stop();
}

static void what_the_server_says_right_behind_the_proxy_is_read(void **state) {
    (void)state;
    go_through(PROXY_HTTP);
    start();
    dial_and_accept();
    hear_head();
    say("HTTP/1.1 200 Here\r\n\r\nHTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nlater");
    assert_refused(CLIENT_REFUSED, "the server refused the upgrade: 503 Busy");
    assert_memory_equal(f.body.data, "later", 5);
    stop();
}

static void what_the_server_says_right_behind_the_proxy_is_tls(void **state) {
    (void)state;
    use_tls(&tls_rig_trusting);
    go_through(PROXY_HTTP);
    start();
    dial_and_accept();
    hear_head();
    say_bytes("HTTP/1.1 200 Here\r\n\r\n\x15\3\3\0\2\2\x28", 28);
    await(&f.refusals, 1);
    assert_int_equal(f.failure, CLIENT_TLS_FAILED);
    assert_string_equal(f.why, "the TLS handshake failed (the server refused: handshake failure)");
    stop();
}

/* ---- dropping it on the way ---- */

static int drop_at;
static struct client_target *own;

/* Nobody needs the target any more: the sanitizer finds who does. */
static void drop(struct conn *c) {
    conn_drop(c);
    free(own);
    own = NULL;
}

static void drop_inside(struct conn *c, int stage) {
    if (stage == drop_at && own != NULL) {
        drop(c);
    }
}

static void start_with_own_target(void) {
    use_tls(&tls_rig_trusting);
    f.target.route.host = "four.test";
    start_behind(PROXY_HTTP);
    own = malloc(sizeof *own);
    assert_non_null(own);
    *own = f.target;
    f.c = client_dial(&f.endpoint, own);
    assert_non_null(f.c);
}

static void dropped_at_any_stage_it_tells_nothing_and_is_gone(void **state) {
    (void)state;
    for (int stage = CLIENT_RESOLVING; stage <= CLIENT_ASKING; stage++) {
        for (int inside = 0; inside < 2; inside++) {
            set_up(NULL);
            drop_at = stage;
            f.do_stage = inside == 1 ? drop_inside : NULL;
            start_with_own_target();
            await(&f.stages[stage], 1);
            if (inside == 0) {
                drop(f.c);
            }
            await_connections(0);
            assert_int_equal(f.opens + f.refusals + f.closes, 0);
            for (int later = stage + 1; inside == 1 && later < STAGES; later++) {
                assert_int_equal(f.stages[later], 0);
            }
            assert_int_equal(recorded("\"ev\":\"refused\",\"peer\":null"), 0);
            stop_behind();
            forget_tls(NULL);
        }
    }
}

static void dropped_at_once_it_was_never_there(void **state) {
    (void)state;
    start_with_own_target();
    drop(f.c);
    await_connections(0);
    assert_int_equal(f.opens + f.refusals + f.closes, 0);
    stop_behind();
}

/* Client, server and proxy share what memory there is: whoever lacks it, the client is told how it
 * ended, once, and nothing is left behind. */
static void each_failed_allocation_on_the_way_is_told(void **state) {
    (void)state;
    unsigned n = 0;
    bool heard;
    use_tls(&tls_rig_trusting);
    do {
        set_up(NULL);
        f.server_tls = server_tls;
        f.target.tls = client_tls;
        f.config.handshake_ms = 500;
        f.config.close_ms = 500;
        start_behind(n % 2 == 0 ? PROXY_HTTP : PROXY_SOCKS5H);
        bytes_reserve(&f.message, 64);
        fail_alloc_at(n);
        f.c = client_dial(&f.endpoint, &f.target);
        bool asked = false;
        uint64_t limit = uv_hrtime() + UINT64_C(20000000000);
        while (f.c != NULL && f.refusals + f.closes + f.messages == 0) {
            turn();
            assert_true(uv_hrtime() < limit);
            if (f.opens == 1 && !asked && f.closes == 0) {
                conn_send(f.c, WS_OP_TEXT, (const uint8_t *)"hello", 5);
                asked = true;
            }
        }
        fail_alloc_off();
        heard = f.messages == 1;
        assert_int_equal(f.refusals + f.opens, f.c == NULL ? 0 : 1);
        stop_behind();
    } while (n++ < alloc_count());
    assert_true(heard);
    assert_in_range(n, 30, 400);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TLS_TEST(a_certificate_that_is_trusted),
        TLS_TEST(a_stalled_connection_over_tls),
        TLS_TEST(a_certificate_of_somebody_unknown),
        TLS_TEST(a_certificate_for_another_host),
        TLS_TEST(a_certificate_that_nobody_verifies),
        TLS_TEST(a_server_without_tls),
        TLS_TEST(a_server_that_leaves_the_tls_handshake),
        TLS_TEST(a_tls_handshake_that_takes_too_long),
        TLS_TEST(a_host_that_no_certificate_is_for),
        TLS_TEST(every_kind_of_proxy_leads_to_the_server),
        TEST(a_proxy_whose_name_nobody_knows),
        TEST(a_proxy_that_is_not_there),
        TEST(a_proxy_that_refuses),
        TEST(a_proxy_that_cannot_be_asked_for_such_a_name),
        TEST(a_proxy_that_leaves),
        TEST(a_proxy_that_takes_too_long),
        TEST(what_the_server_says_right_behind_the_proxy_is_read),
        TLS_TEST(what_the_server_says_right_behind_the_proxy_is_tls),
        TLS_TEST(dropped_at_any_stage_it_tells_nothing_and_is_gone),
        TLS_TEST(dropped_at_once_it_was_never_there),
        TLS_TEST(each_failed_allocation_on_the_way_is_told),
    };
    return cmocka_run_group_tests(tests, tls_rig_make_files, tls_rig_remove_files);
}
