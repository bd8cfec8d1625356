#include "client_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "conn/conn_state.h"
#include "net/bind.h"
#include "proto/mask.h"
#include "sockets.h"

enum { LIMIT_MS = 20000 };

struct client_fixture f;

/* ---- what is told ---- */

static void on_open(struct conn *c) {
    if (c->client) {
        f.opens++;
        if (f.do_open != NULL) {
            f.do_open(c);
        }
    }
}

static void on_message(struct conn *c, const struct ws_event *ev) {
    if (!c->client) {
        if (f.echoes) {
            conn_send(c, ev->opcode, ev->data, ev->size);
        }
        return;
    }
    f.messages++;
    f.opcode = ev->opcode;
    bytes_clear(&f.message);
    assert_int_equal(bytes_append(&f.message, ev->data, ev->size), TB_OK);
    if (f.do_message != NULL) {
        f.do_message(c);
    }
}

static void on_close(struct conn *c) {
    if (c->client) {
        f.closes++;
        f.ending = conn_ending(c);
        snprintf(f.reason, sizeof f.reason, "%.*s", (int)f.ending.reason_size,
                 f.ending.reason == NULL ? "" : (const char *)f.ending.reason);
        snprintf(f.why_lost, sizeof f.why_lost, "%s",
                 f.ending.why_lost == NULL ? "" : f.ending.why_lost);
    }
}

static void on_drained(struct conn *c) {
    if (c->client) {
        f.drains++;
        if (f.do_drained != NULL) {
            f.do_drained(c);
        }
    }
}

static void on_refused(struct conn *c, const struct client_refusal *refusal) {
    assert_ptr_equal(c, f.c);
    assert_true(refusal->why != NULL && refusal->why[0] != '\0');
    f.refusals++;
    f.failure = refusal->failure;
    f.violation = refusal->violation;
    f.status = refusal->response == NULL ? 0 : http1_status(refusal->response);
    f.body_cut = refusal->body_cut;
    snprintf(f.why, sizeof f.why, "%s", refusal->why);
    bytes_clear(&f.body);
    assert_int_equal(bytes_append(&f.body, refusal->body, refusal->body_size), TB_OK);
}

static void on_stage(struct conn *c, int stage, const char *text) {
    assert_in_range(stage, 0, STAGES - 1);
    f.stages[stage]++;
    snprintf(f.stage_text[stage], sizeof f.stage_text[stage], "%s", text);
    if (f.do_stage != NULL) {
        f.do_stage(c, stage);
    }
}

static const struct conn_behaviour behaviour = {.on_open = on_open,
                                                .on_message = on_message,
                                                .on_close = on_close,
                                                .on_drained = on_drained,
                                                .on_refused = on_refused,
                                                .on_stage = on_stage};

/* ---- life ---- */

int set_up(void **state) {
    (void)state;
    f = (struct client_fixture){.listening = -1, .peer = -1, .peer_end = -1, .echoes = true};
    f.config = (struct endpoint_config){
        .policy = {.deflate = true},
        .max_message = 16 * 1024 * 1024,
        .max_fragments = 1000,
        .max_backlog = 16 * 1024 * 1024,
        .max_buffers = 256 * 1024 * 1024,
        .max_connections = 1000,
        .handshake_ms = 30000,
        .close_ms = 30000,
        .page_html = "",
        .page_text = "",
        .behaviour = &behaviour,
    };
    f.target = (struct client_target){.url = "ws://localhost/chat",
                                      .route = {.host = "127.0.0.1"},
                                      .host = "127.0.0.1",
                                      .user_agent = "test",
                                      .request = {.host = "localhost", .target = "/chat"}};
    return 0;
}

static void go_to(uint16_t port) {
    f.port = port;
    f.target.route.port = port;
    f.target.port = port;
}

void start(void) {
    uint16_t port = 0;
    f.sockets_before = sockets_open();
    f.record_fd = memfd_create("record", MFD_CLOEXEC);
    f.record = log_new(f.record_fd, LOG_JSON, LOG_DEBUG);
    f.config.trace = trace_new(NULL, f.record);
    assert_non_null(f.config.trace);
    assert_int_equal(loop_init(&f.loop), TB_OK);
    assert_int_equal(endpoint_init(&f.endpoint, &f.loop, &f.config, &f.shared), TB_OK);
    f.listening = socket_listen("127.0.0.1", &port);
    go_to(port);
}

void serve(void) {
    uint16_t port = 0;
    int fd = socket_listen("127.0.0.1", &port);
    assert_int_equal(endpoint_listen(&f.endpoint, STREAM_TCP, fd, f.server_tls), TB_OK);
    go_to(port);
}

void stop(void) {
    leave();
    if (!f.endpoint.stopping) {
        endpoint_stop(&f.endpoint);
    }
    endpoint_stop(&f.endpoint);
    loop_end(&f.loop);
    loop_run(&f.loop);
    loop_release(&f.loop);
    endpoint_release(&f.endpoint);
    trace_free(f.config.trace);
    log_free(f.record);
    close(f.record_fd);
    close(f.listening);
    bytes_release(&f.in);
    bytes_release(&f.message);
    bytes_release(&f.body);
    assert_int_equal(f.opens, f.closes);
    assert_int_equal(f.shared.connections, 0);
    assert_int_equal(f.shared.open, 0);
    assert_int_equal(f.shared.buffers, 0);
    assert_int_equal(sockets_open(), f.sockets_before);
}

/* ---- waiting ---- */

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void turn(void) {
    uv_run(&f.loop.uv, UV_RUN_NOWAIT);
    if (f.do_turn != NULL) {
        f.do_turn();
    }
}

/* A turn, before which the loop has a moment to get something to do. */
static void wait_a_turn(int64_t limit) {
    struct pollfd p = {.fd = uv_backend_fd(&f.loop.uv), .events = POLLIN};
    assert_true(now_ms() < limit);
    (void)poll(&p, 1, 1);
    turn();
}

void await(const unsigned *count, unsigned n) {
    int64_t limit = now_ms() + LIMIT_MS;
    while (*count < n) {
        wait_a_turn(limit);
    }
    assert_int_equal(*count, n);
}

void await_connections(uint64_t n) {
    int64_t limit = now_ms() + LIMIT_MS;
    while (f.shared.connections != n) {
        wait_a_turn(limit);
    }
}

void dial(void) {
    f.c = client_dial(&f.endpoint, &f.target);
    assert_non_null(f.c);
    assert_int_equal(f.refusals + f.opens, 0);
}

void dial_and_accept(void) {
    dial();
    accept_peer();
}

/* ---- the server by hand ---- */

void accept_peer(void) {
    int64_t limit = now_ms() + LIMIT_MS;
    assert_int_equal(f.peer, -1);
    while ((f.peer = socket_accept(f.listening)) < 0) {
        wait_a_turn(limit);
    }
    assert_int_equal(fcntl(f.peer, F_SETFL, O_NONBLOCK), 0);
    f.peer_end = -1;
}

static void take_in(void) {
    assert_int_equal(bytes_reserve(&f.in, 65536), TB_OK);
    ssize_t n = recv(f.peer, f.in.data + f.in.len, 65536, 0);
    if (n > 0) {
        f.in.len += (size_t)n;
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        f.peer_end = n == 0 ? 0 : errno;
    }
}

void hear(size_t n) {
    int64_t limit = now_ms() + LIMIT_MS;
    while (f.in.len < n) {
        assert_int_equal(f.peer_end, -1);
        wait_a_turn(limit);
        take_in();
    }
}

size_t hear_head(void) {
    const uint8_t *end;
    hear(1);
    while ((end = memmem(f.in.data, f.in.len, "\r\n\r\n", 4)) == NULL) {
        hear(f.in.len + 1);
    }
    return (size_t)(end - f.in.data) + 4;
}

int hear_end(void) {
    int64_t limit = now_ms() + LIMIT_MS;
    while (f.peer_end < 0) {
        wait_a_turn(limit);
        take_in();
    }
    return f.peer_end;
}

void say_bytes(const void *p, size_t n) {
    int64_t limit = now_ms() + LIMIT_MS;
    for (size_t sent = 0; sent < n;) {
        ssize_t some = send(f.peer, (const uint8_t *)p + sent, n - sent, MSG_NOSIGNAL);
        assert_true(some >= 0 || errno == EAGAIN || errno == EINTR);
        if (some > 0) {
            sent += (size_t)some;
        } else {
            wait_a_turn(limit);
        }
    }
}

void say(const char *text) {
    say_bytes(text, strlen(text));
}

void say_frame(uint8_t first, const void *p, size_t n) {
    uint8_t head[WS_HEAD_MAX];
    const struct ws_head h = {.fin = (first & 0x80) != 0,
                              .rsv = (uint8_t)(first >> 4 & 7),
                              .opcode = first & 0xF,
                              .len_size = ws_len_size(n),
                              .length = n};
    say_bytes(head, ws_head_write(&h, head));
    say_bytes(p, n);
}

struct heard hear_frame(void) {
    struct ws_head h;
    size_t size;
    while ((size = ws_head_parse(&h, f.in.data, f.in.len)) == 0) {
        hear(f.in.len + 1);
    }
    hear(size + (size_t)h.length);
    static uint8_t data[65536];
    assert_in_range(h.length, 0, sizeof data);
    memcpy(data, f.in.data + size, (size_t)h.length);
    if (h.masked) {
        ws_mask(data, (size_t)h.length, h.mask, 0);
    }
    const struct heard heard = {f.in.data[0], h.masked, data, (size_t)h.length};
    bytes_consume(&f.in, size + (size_t)h.length);
    return heard;
}

void assert_heard(uint8_t first, const void *p, size_t n) {
    struct heard heard = hear_frame();
    assert_int_equal(heard.first, first);
    assert_true(heard.masked);
    assert_int_equal(heard.size, n);
    assert_memory_equal(heard.data, p, n);
}

void assert_heard_close(uint16_t code) {
    struct heard heard = hear_frame();
    assert_int_equal(heard.first, 0x88);
    assert_true(heard.size >= 2);
    assert_int_equal(heard.data[0] << 8 | heard.data[1], code);
}

void put_upgrade(struct bytes *out, const char *lines) {
    char accept[WS_ACCEPT_SIZE];
    static const char name[] = "Sec-WebSocket-Key: ";
    size_t size = hear_head();
    const char *key = memmem(f.in.data, size, name, sizeof name - 1);
    assert_non_null(key);
    assert_int_equal(ws_accept_key(key + sizeof name - 1, accept), TB_OK);
    assert_int_equal(bytes_appendf(out,
                                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                   "Connection: Upgrade\r\nSec-WebSocket-Accept: %.*s\r\n%s\r\n",
                                   WS_ACCEPT_SIZE, accept, lines),
                     TB_OK);
    bytes_consume(&f.in, size);
}

void upgrade(const char *lines) {
    struct bytes out = BYTES_INIT;
    put_upgrade(&out, lines);
    say_bytes(out.data, out.len);
    bytes_release(&out);
}

void open_up(void) {
    unsigned opens = f.opens;
    dial_and_accept();
    upgrade("");
    await(&f.opens, opens + 1);
}

void leave(void) {
    if (f.peer >= 0) {
        close(f.peer);
    }
    f.peer = -1;
    bytes_clear(&f.in);
}

void reset(void) {
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(f.peer, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    leave();
}

/* ---- what must have been told ---- */

void assert_refused(enum client_failure failure, const char *why) {
    await(&f.refusals, 1);
    assert_string_equal(f.why, why);
    assert_int_equal(f.failure, failure);
    assert_int_equal(f.opens + f.closes, 0);
    await_connections(0);
    assert_int_equal(f.refusals, 1);
    assert_int_equal(recorded("\"ev\":\"refused\""), 1);
}

void assert_ended(enum conn_closer closer, uint16_t code, const char *reason) {
    await(&f.closes, 1);
    assert_int_equal(f.ending.closer, closer);
    assert_int_equal(f.ending.code, code);
    assert_string_equal(f.reason, reason);
    assert_int_equal(f.refusals, 0);
    await_connections(0);
}

unsigned recorded(const char *what) {
    struct bytes text = BYTES_INIT;
    unsigned count = 0;
    trace_flush(f.config.trace);
    off_t size = lseek(f.record_fd, 0, SEEK_END);
    assert_int_equal(bytes_reserve(&text, (size_t)size + 1), TB_OK);
    assert_int_equal(pread(f.record_fd, text.data, (size_t)size, 0), size);
    text.data[size] = '\0';
    char *rest = NULL;
    for (char *line = strtok_r((char *)text.data, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        count += strstr(line, what) != NULL;
    }
    bytes_release(&text);
    return count;
}
