#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "conn/bus.h"
#include "conn/endpoint.h"
#include "failing_alloc.h"
#include "net/bind.h"
#include "ws_client.h"

enum { LOOPS = 3, MEMBERS = 2, MESSAGES = 200 };

/* A loop with its endpoint on a thread of its own. */
struct worker {
    struct loop_task stop;
    struct loop loop;
    struct endpoint endpoint;
    uint16_t port;
    pthread_t thread;
};

static struct worker workers[LOOPS];
static struct endpoint *endpoints[LOOPS];
static const struct bus bus = {endpoints, LOOPS};
static struct endpoint_config config;
static struct endpoint_shared shared;

/* No assertion of the test's library may fail on another thread. */
static void on_open(struct conn *c) {
    if (room_join(&conn_endpoint(c)->room, c) != TB_OK) {
        abort();
    }
}

static void on_message(struct conn *c, const struct ws_event *ev) {
    if (bus_broadcast(&bus, conn_endpoint(c), ev->opcode, ev->data, ev->size) != TB_OK) {
        conn_close(c, WS_CLOSE_INTERNAL, "out of memory");
    }
}

static void on_close(struct conn *c) {
    (void)c;
}

static const struct conn_behaviour behaviour = {
    .on_open = on_open, .on_message = on_message, .on_close = on_close};

static void run_stop(struct loop_task *task) {
    endpoint_stop(&((struct worker *)task)->endpoint);
}

static void on_ended(struct endpoint *ep) {
    loop_end(ep->loop);
}

static void *run(void *arg) {
    loop_run(&((struct worker *)arg)->loop);
    return NULL;
}

static void make_worker(struct worker *w) {
    static const char *const host[] = {"127.0.0.1"};
    struct bindings bindings = BINDINGS_INIT;
    struct bytes message = BYTES_INIT;
    struct bytes notes = BYTES_INIT;
    w->stop.run = run_stop;
    assert_int_equal(loop_init(&w->loop), TB_OK);
    assert_int_equal(endpoint_init(&w->endpoint, &w->loop, &config, &shared), TB_OK);
    w->endpoint.on_ended = on_ended;
    assert_int_equal(bindings_add_hosts(&bindings, host, 1, 0, 1, &message, &notes), TB_OK);
    w->port = bindings.port;
    int fd = bindings.items[0].fd;
    bindings.items[0].fd = -1;
    assert_int_equal(endpoint_listen(&w->endpoint, STREAM_TCP, fd, NULL), TB_OK);
    bindings_release(&bindings);
    bytes_release(&message);
    bytes_release(&notes);
}

static void make_all(void) {
    memset(&shared, 0, sizeof shared);
    for (int i = 0; i < LOOPS; i++) {
        make_worker(&workers[i]);
        endpoints[i] = &workers[i].endpoint;
    }
}

static void start(void) {
    config = (struct endpoint_config){.policy = {.deflate = true, .no_context_takeover = true},
                                      .max_message = 1024 * 1024,
                                      .max_fragments = 100,
                                      .max_backlog = 64 * 1024 * 1024,
                                      .max_buffers = SIZE_MAX,
                                      .max_connections = 100,
                                      .handshake_ms = 30000,
                                      .close_ms = 30000,
                                      .page_html = "",
                                      .page_text = "",
                                      .behaviour = &behaviour};
    make_all();
    for (int i = 0; i < LOOPS; i++) {
        assert_int_equal(pthread_create(&workers[i].thread, NULL, run, &workers[i]), 0);
    }
}

static void stop(void) {
    for (int i = 0; i < LOOPS; i++) {
        loop_post(&workers[i].loop, &workers[i].stop);
    }
    for (int i = 0; i < LOOPS; i++) {
        pthread_join(workers[i].thread, NULL);
    }
    for (int i = 0; i < LOOPS; i++) {
        loop_release(&workers[i].loop);
        endpoint_release(&workers[i].endpoint);
    }
    assert_int_equal(atomic_load(&shared.connections), 0);
    assert_int_equal(atomic_load(&shared.buffers), 0);
}

static struct ws_client clients[LOOPS * MEMBERS];

static void open_clients(void) {
    for (int i = 0; i < LOOPS * MEMBERS; i++) {
        assert_true(ws_client_init(&clients[i]));
        assert_true(ws_client_open(&clients[i], workers[i % LOOPS].port, 0, ""));
    }
}

static void release_clients(void) {
    for (int i = 0; i < LOOPS * MEMBERS; i++) {
        ws_client_release(&clients[i]);
    }
}

static void every_member_on_every_loop_gets_everything(void **state) {
    (void)state;
    start();
    open_clients();
    for (int i = 0; i < LOOPS * MEMBERS; i++) {
        char text[32];
        snprintf(text, sizeof text, "from %d", i);
        assert_true(ws_client_text(&clients[i], text));
        for (int k = 0; k < LOOPS * MEMBERS; k++) {
            assert_true(ws_client_expect(&clients[k], text));
        }
    }
    release_clients();
    stop();
}

/* All speak at once, from all loops; each member gets the messages of each sender in order. */
static void messages_of_one_sender_keep_their_order(void **state) {
    (void)state;
    enum { SENDERS = LOOPS * MEMBERS };
    start();
    open_clients();
    for (int n = 0; n < MESSAGES; n++) {
        for (int i = 0; i < SENDERS; i++) {
            char text[32];
            snprintf(text, sizeof text, "%d %d", i, n);
            assert_true(ws_client_text(&clients[i], text));
        }
    }
    for (int k = 0; k < SENDERS; k++) {
        int next[SENDERS] = {0};
        for (int n = 0; n < MESSAGES * SENDERS; n++) {
            struct ws_client_frame f;
            char text[32];
            int from, number;
            assert_true(ws_client_receive(&clients[k], &f));
            assert_true(f.size < sizeof text);
            memcpy(text, f.data, f.size);
            text[f.size] = '\0';
            assert_int_equal(sscanf(text, "%d %d", &from, &number), 2);
            assert_in_range(from, 0, SENDERS - 1);
            assert_int_equal(number, next[from]);
            next[from]++;
        }
    }
    release_clients();
    stop();
}

static void large_and_empty_messages_cross_the_loops(void **state) {
    (void)state;
    enum { SIZE = 1024 * 1024 };
    uint8_t *data = malloc(SIZE);
    assert_non_null(data);
    memset(data, 'L', SIZE);
    start();
    open_clients();
    assert_true(ws_client_frame(&clients[0], 0x82, data, SIZE));
    assert_true(ws_client_frame(&clients[0], 0x82, "", 0));
    for (int k = 0; k < LOOPS * MEMBERS; k++) {
        struct ws_client_frame f;
        assert_true(ws_client_receive(&clients[k], &f));
        assert_int_equal(f.first, 0x82);
        assert_int_equal(f.size, SIZE);
        assert_memory_equal(f.data, data, SIZE);
        assert_true(ws_client_receive(&clients[k], &f));
        assert_int_equal(f.size, 0);
    }
    free(data);
    release_clients();
    stop();
}

/* What is still in the mailboxes when a loop stops is delivered to nobody, and freed. */
static void a_message_to_a_loop_that_stops_is_freed(void **state) {
    (void)state;
    start();
    open_clients();
    for (int n = 0; n < 50; n++) {
        for (int i = 0; i < LOOPS * MEMBERS; i++) {
            assert_true(ws_client_text(&clients[i], "at the last moment"));
        }
    }
    for (int i = 0; i < LOOPS * MEMBERS; i++) {
        ws_client_reset(&clients[i]);
    }
    stop();
    release_clients();
}

/* A loop that is busy with something else, until it is told to go on. */
struct nap {
    struct loop_task task;
    sem_t asleep, go_on;
};

static void take_nap(struct loop_task *task) {
    struct nap *nap = (struct nap *)task;
    sem_post(&nap->asleep);
    while (sem_wait(&nap->go_on) != 0) {
    }
}

/* Sends what it can, and throws away what comes back. False when nothing has moved for a second. */
static bool push(struct ws_client *c, const struct bytes *out, size_t *sent, size_t *most) {
    static uint8_t waste[65536];
    for (int idle = 0; *sent < out->len; idle++) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN | POLLOUT};
        if (poll(&p, 1, 5) > 0) {
            idle = 0;
        }
        ssize_t some = ws_client_send_some(c, out->data + *sent, out->len - *sent);
        assert_true(some >= 0);
        *sent += (size_t)some;
        (void)recv(c->fd, waste, sizeof waste, MSG_DONTWAIT);
        size_t in_transit = atomic_load(&shared.in_transit);
        *most = in_transit > *most ? in_transit : *most;
        if (idle > 200) {
            return false;
        }
    }
    return true;
}

static void assert_all_arrive(struct ws_client *c, int count, size_t size) {
    for (int i = 0; i < count; i++) {
        struct ws_client_frame f;
        assert_true(ws_client_receive(c, &f));
        assert_int_equal(f.size, size);
        assert_int_equal(f.data[0], i);
    }
}

/* Whoever says more than another loop can pass on is read no more until that loop has caught up;
 * nothing is lost. */
static void a_sender_waits_for_loops_that_are_behind(void **state) {
    (void)state;
    enum { SIZE = 1024 * 1024, COUNT = 48 };
    struct nap nap = {.task = {.run = take_nap}};
    struct bytes out = BYTES_INIT;
    size_t sent = 0, most = 0;
    uint8_t *data = calloc(1, SIZE);
    assert_non_null(data);
    for (int i = 0; i < COUNT; i++) {
        data[0] = (uint8_t)i;
        assert_true(ws_client_put(&out, 0x82, data, SIZE));
    }
    sem_init(&nap.asleep, 0, 0);
    sem_init(&nap.go_on, 0, 0);
    start();
    open_clients();
    loop_post(&workers[2].loop, &nap.task);
    sem_wait(&nap.asleep);
    assert_false(push(&clients[0], &out, &sent, &most));
    assert_in_range(most, 16 * SIZE, 20 * SIZE);
    sem_post(&nap.go_on);
    assert_true(push(&clients[0], &out, &sent, &most));
    assert_in_range(most, 16 * SIZE, 20 * SIZE);
    for (int i = 1; i < LOOPS * MEMBERS; i++) {
        assert_all_arrive(&clients[i], COUNT, SIZE);
    }
    assert_int_equal(atomic_load(&shared.in_transit), 0);
    free(data);
    bytes_release(&out);
    release_clients();
    stop();
    sem_destroy(&nap.asleep);
    sem_destroy(&nap.go_on);
}

/* ---- whatever is sent ---- */

/* What came to each loop, as "[x]" and "(x)"; these loops run on the test's own thread. */
static struct bytes came[LOOPS];

static void note(const struct endpoint *to, char open, const uint8_t *p, size_t n, char close) {
    for (int i = 0; i < LOOPS; i++) {
        if (endpoints[i] == to) {
            assert_int_equal(bytes_appendf(&came[i], "%c%.*s%c", open, (int)n, p, close), TB_OK);
        }
    }
}

static void note_square(struct endpoint *to, const uint8_t *p, size_t n) {
    note(to, '[', p, n, ']');
}

static void note_round(struct endpoint *to, const uint8_t *p, size_t n) {
    note(to, '(', p, n, ')');
}

static void end_all(void) {
    for (int i = 0; i < LOOPS; i++) {
        if (!endpoints[i]->stopping) {
            endpoint_stop(endpoints[i]);
        }
        loop_run(&workers[i].loop);
        loop_release(&workers[i].loop);
        endpoint_release(endpoints[i]);
    }
}

static void assert_came(int loop, const char *text) {
    assert_int_equal(came[loop].len, strlen(text));
    assert_memory_equal(came[loop].len > 0 ? (const char *)came[loop].data : "", text,
                        strlen(text));
    bytes_release(&came[loop]);
}

static void what_is_sent_comes_in_order_to_every_other_loop(void **state) {
    (void)state;
    char text[] = "one";
    make_all();
    assert_int_equal(bus_send(&bus, endpoints[1], note_square, text, 3), TB_OK);
    text[0] = 'x'; /* it was copied */
    assert_int_equal(bus_send(&bus, endpoints[1], note_round, "", 0), TB_OK);
    assert_int_equal(bus_send(&bus, endpoints[1], note_square, "three", 5), TB_OK);
    assert_int_equal(atomic_load(&shared.in_transit), 2 * 8);
    for (int i = 0; i < LOOPS; i++) {
        uv_run(&workers[i].loop.uv, UV_RUN_NOWAIT);
    }
    assert_came(0, "[one]()[three]");
    assert_came(1, "");
    assert_came(2, "[one]()[three]");
    assert_int_equal(atomic_load(&shared.in_transit), 0);
    end_all();
}

static void nothing_comes_to_an_endpoint_that_stops(void **state) {
    (void)state;
    make_all();
    assert_int_equal(bus_send(&bus, endpoints[0], note_square, "late", 4), TB_OK);
    endpoint_stop(endpoints[1]);
    end_all();
    assert_came(1, "");
    assert_came(2, ""); /* it was told to stop before its loop had a turn */
    assert_int_equal(atomic_load(&shared.in_transit), 0);
}

static void alone_on_the_bus_nothing_is_sent(void **state) {
    (void)state;
    const struct bus alone = {endpoints, 1};
    make_all();
    fail_alloc_at(0);
    int err = bus_send(&alone, endpoints[0], note_square, "to nobody", 9);
    fail_alloc_off();
    assert_int_equal(err, TB_OK);
    end_all();
    assert_came(0, "");
}

/* The loops do not run: what was said stands in the logs and mailboxes. */
static void a_failed_allocation_means_that_nobody_gets_it(void **state) {
    (void)state;
    unsigned n = 0;
    int err;
    do {
        make_all();
        fail_alloc_at(n);
        err = bus_broadcast(&bus, endpoints[1], WS_OP_TEXT, (const uint8_t *)"hi", 2);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
        for (int i = 0; i < LOOPS; i++) {
            bool expected = err == TB_OK && i != 1;
            assert_int_equal(workers[i].loop.first != NULL, expected);
        }
        end_all();
    } while (n++ < alloc_count());
    assert_int_equal(err, TB_OK);
    assert_int_equal(n, LOOPS + 1);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_on_every_loop_gets_everything),
        cmocka_unit_test(messages_of_one_sender_keep_their_order),
        cmocka_unit_test(large_and_empty_messages_cross_the_loops),
        cmocka_unit_test(a_sender_waits_for_loops_that_are_behind),
        cmocka_unit_test(a_message_to_a_loop_that_stops_is_freed),
        cmocka_unit_test(what_is_sent_comes_in_order_to_every_other_loop),
        cmocka_unit_test(nothing_comes_to_an_endpoint_that_stops),
        cmocka_unit_test(alone_on_the_bus_nothing_is_sent),
        cmocka_unit_test(a_failed_allocation_means_that_nobody_gets_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
