/* What whoever drives a server's connections knows of them, and decides before they open. */
#include "endpoint_fixture.h"

#include <signal.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "failing_alloc.h"

/* ---- the head, and the owner's own ---- */

static struct http1 *taken;

static void look_at_request(struct conn *c) {
    const struct http1 *head = conn_request(c);
    assert_non_null(head);
    assert_true(http1_str_is(http1_header(head, "X-Who", NULL), "me"));
    conn_set_data(c, &rig);
}

static void assert_no_request(struct conn *c, const struct ws_event *ev) {
    assert_null(conn_request(c));
    assert_null(conn_take_request(c));
    assert_ptr_equal(conn_data(c), &rig);
    conn_send(c, ev->opcode, ev->data, ev->size);
}

static void open_with(struct ws_client *c, const char *headers) {
    assert_true(ws_client_init(c));
    assert_true(ws_client_open(c, rig.port, 0, headers));
}

static void the_request_is_at_hand_when_it_opens_and_gone_later(void **state) {
    (void)state;
    struct ws_client c;
    do_open = look_at_request;
    do_message = assert_no_request;
    start();
    open_with(&c, "X-Who: me\r\n");
    assert_null(first_conn()->head);
    assert_true(ws_client_text(&c, "hi"));
    assert_true(ws_client_expect(&c, "hi"));
    ws_client_release(&c);
    stop();
}

static void take_request(struct conn *c) {
    taken = conn_take_request(c);
    assert_null(conn_request(c));
    assert_null(conn_take_request(c));
}

static void a_request_that_was_taken_outlives_the_connection(void **state) {
    (void)state;
    struct ws_client c;
    do_open = take_request;
    start();
    open_with(&c, "X-Who: me\r\n");
    ws_client_release(&c);
    await_gone(0);
    stop();
    assert_true(http1_str_is(http1_header(taken, "X-Who", NULL), "me"));
    http1_free(taken);
}

static uint64_t ids[2];
static char told_address[ADDRESS_TEXT_MAX];

static void note_who(struct conn *c) {
    ids[opens - 1] = conn_id(c);
    assert_null(conn_data(c));
    conn_set_data(c, &ids[opens - 1]);
}

static void note_address(struct conn *c) {
    conn_address(c, told_address);
}

static void forget_data(struct conn *c) {
    if (opens > 0) {
        *(uint64_t *)conn_data(c) = 0;
    }
}

/* Nothing is traced, and the peer has gone by the time it is asked for. */
static void a_connection_has_a_number_an_address_and_its_owners_pointer(void **state) {
    (void)state;
    struct ws_client c[2];
    do_open = note_who;
    do_close = note_address;
    do_freed = forget_data;
    start();
    for (int i = 0; i < 2; i++) {
        open_client(&c[i]);
    }
    assert_int_not_equal(ids[0], 0);
    assert_int_not_equal(ids[0], ids[1]);
    for (int i = 0; i < 2; i++) {
        ws_client_reset(&c[i]);
        ws_client_release(&c[i]);
    }
    await_gone(0);
    assert_memory_equal(told_address, "127.0.0.1:", 10);
    assert_int_equal(freed, 2);
    assert_int_equal(ids[0] + ids[1], 0);
    stop();
}

static void one_that_never_opened_is_told_when_it_is_freed(void **state) {
    (void)state;
    struct ws_client c;
    start();
    assert_true(ws_client_init(&c));
    assert_true(ws_client_connect(&c, rig.port, 0));
    assert_true(ws_client_send(&c, "no\r\n\r\n", 6));
    assert_int_equal(ws_client_await_end(&c), 0);
    ws_client_leave(&c);
    await_gone(0);
    assert_int_equal(freed, 1);
    assert_int_equal(closes, 0);
    ws_client_release(&c);
    stop();
}

/* ---- who is welcome, and how ---- */

static struct conn_terms terms;
static unsigned asked;

static const struct conn_terms *give_terms(struct conn *c, const struct http1 *request) {
    asked++;
    assert_null(conn_request(c));
    assert_null(conn_take_request(c));
    assert_false(conn_is_open(c));
    assert_true(http1_str_is(http1_target(request), "/"));
    return &terms;
}

static void start_asking(struct conn_terms now) {
    asked = 0;
    terms = now;
    do_request = give_terms;
    start();
}

/* Connects and asks. */
static int shake(struct ws_client *c, const char *headers) {
    assert_true(ws_client_init(c));
    assert_true(ws_client_connect(c, rig.port, 0));
    return ws_client_shake(c, headers);
}

static bool was_told(const struct ws_client *c, const char *what) {
    return memmem(c->in.data, c->in.len, what, strlen(what)) != NULL;
}

static void whoever_is_refused_gets_what_the_terms_say(void **state) {
    (void)state;
    static const char *const headers[] = {"WWW-Authenticate: Bearer", NULL};
    struct ws_client c;
    start_asking((struct conn_terms){.status = 401,
                                     .headers = headers,
                                     .content_type = "text/x-mock",
                                     .body = "who are you?",
                                     .body_size = 12});
    assert_int_equal(shake(&c, ""), 401);
    assert_int_equal(ws_client_await_end(&c), 0);
    assert_true(was_told(&c, "\r\nWWW-Authenticate: Bearer\r\n"));
    assert_true(was_told(&c, "\r\nContent-Type: text/x-mock\r\n"));
    assert_true(was_told(&c, "\r\n\r\nwho are you?"));
    ws_client_release(&c);
    await_gone(0);
    assert_int_equal(asked, 1);
    assert_int_equal(opens, 0);
    stop();
}

static void whoever_is_welcome_gets_further_headers_and_the_terms_policy(void **state) {
    (void)state;
    static const char *const headers[] = {"Set-Cookie: a=b", NULL};
    static const char *const known[] = {"feed.v2", "feed.v1"};
    const struct ws_server_policy policy = {
        .subprotocols = known, .subprotocol_count = 2, .server_order = true};
    struct ws_client c;
    start_asking((struct conn_terms){.status = 101, .headers = headers, .policy = &policy});
    assert_int_equal(shake(&c, "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                               "Sec-WebSocket-Protocol: feed.v1, feed.v2\r\n"),
                     101);
    assert_true(was_told(&c, "\r\nSet-Cookie: a=b\r\n"));
    assert_true(was_told(&c, "\r\nSec-WebSocket-Protocol: feed.v2\r\n"));
    assert_false(was_told(&c, "permessage-deflate"));
    assert_true(ws_client_text(&c, "hi"));
    assert_true(ws_client_expect(&c, "hi"));
    ws_client_release(&c);
    stop();
}

static void the_terms_policy_may_refuse_an_origin(void **state) {
    (void)state;
    static const char *const origins[] = {"http://a.test"};
    const struct ws_server_policy policy = {.origins = origins, .origin_count = 1};
    struct ws_client c;
    start_asking((struct conn_terms){.status = 101, .policy = &policy});
    assert_int_equal(shake(&c, "Origin: http://b.test\r\n"), 403);
    ws_client_release(&c);
    stop();
}

static void only_lawful_upgrades_are_asked_about(void **state) {
    (void)state;
    static const char bad_key[] =
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: no\r\n\r\n";
    static const char *const requests[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bad_key,
                                           "nonsense\r\n\r\n"};
    struct ws_client c;
    start_asking((struct conn_terms){.status = 101});
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        assert_true(ws_client_init(&c));
        assert_true(ws_client_connect(&c, rig.port, 0));
        assert_true(ws_client_send(&c, requests[i], strlen(requests[i])));
        assert_int_equal(ws_client_await_end(&c), 0);
        assert_memory_equal(c.in.data, "HTTP/1.1 4", 10);
        ws_client_release(&c);
    }
    assert_int_equal(asked, 0);
    stop();
}

/* What a peer said may stand in a header, and must not become one. */
static void response_splitting_is_answered_with_500(void **state) {
    (void)state;
    static const char *const headers[] = {"X: a\r\nSet-Cookie: b", NULL};
    static const unsigned statuses[] = {101, 404};
    for (size_t i = 0; i < 2; i++) {
        struct ws_client c;
        set_up(NULL);
        start_asking((struct conn_terms){.status = statuses[i], .headers = headers});
        assert_int_equal(shake(&c, ""), 500);
        assert_int_equal(ws_client_await_end(&c), 0);
        assert_false(was_told(&c, "Set-Cookie"));
        ws_client_release(&c);
        stop();
    }
}

/* ---- an answer that waits ---- */

enum { DELAY_MS = 120 };

/* A request with a message right behind it. */
static void ask_and_talk(struct ws_client *c) {
    struct bytes out = BYTES_INIT;
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    assert_true(ws_client_init(c));
    assert_true(ws_client_connect(c, rig.port, 0));
    assert_int_equal(bytes_append_str(&out, request), TB_OK);
    assert_true(ws_client_put(&out, 0x81, "early", 5));
    assert_true(ws_client_send(c, out.data, out.len));
    bytes_release(&out);
    while (asked == 0) {
        server_rig_turn(&rig);
    }
}

static void take_head(struct ws_client *c) {
    assert_true(ws_client_await(c, 100));
    const uint8_t *end = memmem(c->in.data, c->in.len, "\r\n\r\n", 4);
    assert_non_null(end);
    c->used = (size_t)(end + 4 - c->in.data);
}

/* It is longer than the time that the peer had for its own part. */
static void an_answer_waits_and_what_came_before_it_is_taken_then(void **state) {
    (void)state;
    struct ws_client c;
    rig.config.handshake_ms = DELAY_MS / 3;
    start_asking((struct conn_terms){.status = 101, .delay_ms = DELAY_MS});
    uint64_t start_ms = uv_now(&rig.loop.uv);
    ask_and_talk(&c);
    assert_true(ws_client_text(&c, "earlier than the answer"));
    assert_int_equal(opens, 0);
    take_head(&c);
    assert_true(uv_now(&rig.loop.uv) >= start_ms + DELAY_MS);
    assert_memory_equal(c.in.data, "HTTP/1.1 101 ", 13);
    assert_true(ws_client_expect(&c, "early"));
    assert_true(ws_client_expect(&c, "earlier than the answer"));
    assert_true(ws_client_text(&c, "later"));
    assert_true(ws_client_expect(&c, "later"));
    ws_client_release(&c);
    stop();
}

static void a_refusal_waits_too(void **state) {
    (void)state;
    struct ws_client c;
    start_asking((struct conn_terms){
        .status = 503, .body = "later, please", .body_size = 13, .delay_ms = DELAY_MS});
    uint64_t start_ms = uv_now(&rig.loop.uv);
    ask_and_talk(&c);
    take_head(&c);
    assert_true(uv_now(&rig.loop.uv) >= start_ms + DELAY_MS);
    assert_memory_equal(c.in.data, "HTTP/1.1 503 ", 13);
    assert_int_equal(ws_client_await_end(&c), 0);
    ws_client_leave(&c);
    await_gone(0);
    ws_client_release(&c);
    stop();
}

/* Much more than is kept: the rest stays with the system until the answer. */
static void whoever_floods_before_the_answer_is_not_read(void **state) {
    (void)state;
    enum { SIZE = 900 * 1000 };
    struct ws_client c;
    struct bytes frame = BYTES_INIT;
    struct ws_client_frame f;
    static uint8_t data[SIZE];
    start_asking((struct conn_terms){.status = 101, .delay_ms = DELAY_MS});
    ask_and_talk(&c);
    assert_true(ws_client_put(&frame, 0x82, data, SIZE));
    size_t sent = 0;
    while (opens == 0) {
        ssize_t n = ws_client_send_some(&c, frame.data + sent, frame.len - sent);
        assert_true(n >= 0);
        sent += (size_t)n;
        server_rig_turn(&rig);
        assert_true(opens > 0 || first_conn()->held.len <= 2 * LOOP_BUFFER_SIZE);
    }
    assert_true(ws_client_send(&c, frame.data + sent, frame.len - sent));
    take_head(&c);
    assert_true(ws_client_expect(&c, "early"));
    assert_true(ws_client_receive(&c, &f));
    assert_int_equal(f.size, SIZE);
    bytes_release(&frame);
    ws_client_release(&c);
    stop();
}

/* While it is read, and when it is not: then the system is asked. */
static void whoever_leaves_before_the_answer_is_gone(void **state) {
    (void)state;
    void (*const ways[])(struct ws_client * c) = {ws_client_leave, ws_client_reset};
    for (size_t i = 0; i < 4; i++) {
        struct ws_client c;
        set_up(NULL);
        start_asking((struct conn_terms){.status = 101, .delay_ms = 3600 * 1000});
        rig.endpoint.look.after_ms = 10;
        ask_and_talk(&c);
        if (i >= 2) {
            stream_read_stop(&first_conn()->stream);
        }
        ways[i % 2](&c);
        await_gone(0);
        assert_int_equal(opens + closes, 0);
        assert_int_equal(freed, 1);
        ws_client_release(&c);
        stop();
    }
}

static void a_stop_ends_an_answer_that_waits(void **state) {
    (void)state;
    struct ws_client c;
    start_asking((struct conn_terms){.status = 101, .delay_ms = 3600 * 1000});
    ask_and_talk(&c);
    endpoint_stop(&rig.endpoint);
    loop_end(&rig.loop);
    loop_run(&rig.loop);
    assert_int_equal(atomic_load(&rig.shared.connections), 0);
    ws_client_release(&c);
    stop();
}

/* ---- ending it before it is open ---- */

static void (*end_how)(struct conn *c);

static const struct conn_terms *end_it(struct conn *c, const struct http1 *request) {
    (void)request;
    asked++;
    conn_send(c, WS_OP_TEXT, (const uint8_t *)"early", 5);
    conn_close(c, 4000, "too early");
    end_how(c);
    return &terms;
}

static void stop_everything(struct conn *c) {
    endpoint_stop(conn_endpoint(c));
}

static void it_may_end_while_it_is_asked_about(void **state) {
    (void)state;
    void (*const hows[])(struct conn * c) = {conn_drop, conn_end, conn_reset, stop_everything};
    for (size_t i = 0; i < 2 * sizeof hows / sizeof *hows; i++) {
        struct ws_client c;
        set_up(NULL);
        start_asking((struct conn_terms){.status = 101, .delay_ms = i % 2 * DELAY_MS});
        do_request = end_it;
        end_how = hows[i / 2];
        ask_and_talk(&c);
        (void)ws_client_await_end(&c);
        assert_int_equal(c.in.len, 0);
        await_gone(0);
        assert_int_equal(opens + closes, 0);
        ws_client_release(&c);
        stop();
    }
}

/* Somebody else ends it while its answer waits. */
static void it_may_end_before_its_answer(void **state) {
    (void)state;
    void (*const hows[])(struct conn * c) = {conn_drop, conn_end, conn_reset};
    for (size_t i = 0; i < sizeof hows / sizeof *hows; i++) {
        struct ws_client c;
        set_up(NULL);
        start_asking((struct conn_terms){.status = 101, .delay_ms = 3600 * 1000});
        ask_and_talk(&c);
        hows[i](first_conn());
        (void)ws_client_await_end(&c);
        assert_int_equal(c.in.len, 0);
        await_gone(0);
        ws_client_release(&c);
        stop();
    }
}

static void a_failed_allocation_costs_the_connection_that_waits(void **state) {
    (void)state;
    struct ws_client c;
    unsigned n = 0;
    int status;
    start_asking((struct conn_terms){.status = 101, .delay_ms = 1});
    assert_true(ws_client_init(&c));
    do {
        fail_alloc_at(n);
        status = ws_client_connect(&c, rig.port, 0) ? ws_client_shake(&c, "") : 0;
        ws_client_leave(&c);
        await_gone(0);
        fail_alloc_off();
        assert_true(status == 101 || status == 0);
    } while (n++ < alloc_count());
    assert_int_equal(status, 101);
    assert_in_range(n, 4, 100);
    ws_client_release(&c);
    stop();
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(the_request_is_at_hand_when_it_opens_and_gone_later),
        TEST(a_request_that_was_taken_outlives_the_connection),
        TEST(a_connection_has_a_number_an_address_and_its_owners_pointer),
        TEST(one_that_never_opened_is_told_when_it_is_freed),
        TEST(whoever_is_refused_gets_what_the_terms_say),
        TEST(whoever_is_welcome_gets_further_headers_and_the_terms_policy),
        TEST(the_terms_policy_may_refuse_an_origin),
        TEST(only_lawful_upgrades_are_asked_about),
        TEST(response_splitting_is_answered_with_500),
        TEST(an_answer_waits_and_what_came_before_it_is_taken_then),
        TEST(a_refusal_waits_too),
        TEST(whoever_floods_before_the_answer_is_not_read),
        TEST(whoever_leaves_before_the_answer_is_gone),
        TEST(a_stop_ends_an_answer_that_waits),
        TEST(it_may_end_while_it_is_asked_about),
        TEST(it_may_end_before_its_answer),
        TEST(a_failed_allocation_costs_the_connection_that_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
