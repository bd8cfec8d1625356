#include "endpoint_fixture.h"

#include "base/bytes.h"

struct server_rig rig;
unsigned opens, messages, closes, freed;
uint64_t message_bytes;
struct last_close last_close;
const struct conn_terms *(*do_request)(struct conn *c, const struct http1 *request);
void (*do_open)(struct conn *c);
void (*do_message)(struct conn *c, const struct ws_event *ev);
void (*do_control)(struct conn *c, const struct ws_event *ev);
void (*do_drained)(struct conn *c);
void (*do_close)(struct conn *c);
void (*do_freed)(struct conn *c);

static const struct conn_terms *on_request(struct conn *c, const struct http1 *request) {
    return do_request == NULL ? NULL : do_request(c, request);
}

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

static void on_control(struct conn *c, const struct ws_event *ev) {
    if (do_control != NULL) {
        do_control(c, ev);
    }
}

static void on_drained(struct conn *c) {
    if (do_drained != NULL) {
        do_drained(c);
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

static void on_freed(struct conn *c) {
    freed++;
    if (do_freed != NULL) {
        do_freed(c);
    }
}

static const struct conn_behaviour behaviour = {
    .on_request = on_request,
    .on_open = on_open,
    .on_message = on_message,
    .on_control = on_control,
    .on_drained = on_drained,
    .on_close = on_close,
    .on_freed = on_freed,
};

static void echo(struct conn *c, const struct ws_event *ev) {
    conn_send(c, ev->opcode, ev->data, ev->size);
}

int set_up(void **state) {
    (void)state;
    opens = messages = closes = freed = 0;
    message_bytes = 0;
    do_request = NULL;
    do_open = NULL;
    do_message = echo;
    do_control = NULL;
    do_drained = NULL;
    do_close = NULL;
    do_freed = NULL;
    server_rig_configure(&rig, &behaviour);
    return 0;
}

void start(void) {
    assert_true(server_rig_start(&rig));
}

void stop(void) {
    assert_true(server_rig_stop(&rig));
    assert_int_equal(opens, closes);
}

void open_client(struct ws_client *c) {
    assert_true(ws_client_init(c));
    assert_true(ws_client_open(c, rig.port, 0, ""));
}

void await_gone(uint64_t left) {
    assert_true(server_rig_await(&rig, &rig.shared.connections, left));
}

struct conn *first_conn(void) {
    return LIST_ENTRY(rig.endpoint.conns.next, struct conn, all);
}

void stuff(struct ws_client *c, const struct bytes *frames, size_t limit) {
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
